"""From a kernel of the plan to text: one loop nest for all, in which values are pulled.

    for blocks of points of the axes that stay, the lane axis in vectors:
        for each hero: fold over the axes that vanish, from operands pulled at each point
        store what is stored, pulled at the points, with the heroes' totals known already
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from typing import Any

from ..operations.loop import PRODUCTS
from ..types import int64, is_real
from .emit.outline import Outlining
from .emit.position import LANE_POSITION, LANES, ZERO, Position, bounds_of, constant, lanes_of, variable
from .emit.register import Register
from .graph import number_of
from .plan.kernel import CHUNK, Kernel, Plan, entry_position, identity, is_scatter, space
from .plan.pull import Condition, Dynamic, Read, operand_read, reads
from .target import Target

UNROLL = 16  # inner loops this short are straight code
FEW_POINTS = 200_000  # a kernel of fewer points is not worth code for several sizes of blocks

Point = dict[int, Position]


class Nest(Outlining):
    """The text of one kernel: pulls, and the loops around them."""

    def __init__(self, plan: Plan, kernel: Kernel, target: Target) -> None:
        super().__init__(kernel.label, "ptr %arena, ptr %table, i64 %chunk")
        self.plan, self.kernel, self.processor = plan, kernel, target
        self.numbers: dict[Any, Any] = {}
        self.results: dict[str, Any] = {}
        self.depth[CHUNK] = 0
        self.ranges[CHUNK] = (0, (plan.batch or 0) - (plan.chunk or 0))
        self.few = math.prod(kernel.extents) < FEW_POINTS
        if kernel.repack:
            self.repack()
        elif kernel.call is not None:
            self.scatter()
        else:
            self.nest()

    # ---- any node at any point: registers first, then memory, then its inputs

    def value(self, x: Any, index: tuple[Position, ...], when: tuple[Condition, ...] = ()) -> Any:
        """`x` at an index, a register or a Python number; where `when` fails it does not count.

        What it is pulled from is computed first, without recursion: chains may be long.
        """
        found = self.known(x, index, when)
        if found is not None:
            return found
        stack = [(x, index, when)]
        while stack:
            wanted = stack[-1]
            missing = [w for w in self.behind(*wanted) if self.known(*w) is None]
            if missing:
                stack.extend(missing)
                continue
            stack.pop()
            if self.known(*wanted) is None:
                with self.at_depth(self.depth_at(*wanted[1:])) as known:
                    known[wanted] = self.compute(*wanted)
        return self.known(x, index, when)

    def depth_at(self, index: tuple[Position, ...], when: tuple[Condition, ...]) -> int:
        return self.depth_of(*index, *(c.position for c in when))

    def known(self, x: Any, index: tuple[Position, ...], when: tuple[Condition, ...]) -> Any:
        """The value if it is there, under no condition or under these."""
        number = self.number(x)
        if number is not None:
            return number
        found = self.levels[self.depth_of(*index)].known.get((x, index, ()))
        if found is None and when:
            found = self.levels[self.depth_at(index, when)].known.get((x, index, when))
        return found

    def stored(self, x: Any) -> bool:
        """Whether another kernel, or the user, has put the value into memory."""
        return x in self.plan.buffers and self.plan.given(x, self.kernel)

    def behind(self, x: Any, index: tuple[Position, ...], when: tuple[Condition, ...]) -> list:
        """What `compute` asks `value` for."""
        if self.stored(x) or x.operation.name == "position":
            return []
        found = reads(x, index, self.bounds)
        if x.operation.name not in ("place", "concatenate"):
            return [(r.node, r.index, when) for r in found]
        wanted = [(r, self.needed(r.conditions)) for r in found]
        return [(r.node, r.index, _joined(when, w)) for r, w in wanted if w is not None]

    def number(self, x: Any) -> Any:
        """The number that a node is everywhere, asked once."""
        if x not in self.numbers:
            self.numbers[x] = number_of(x)
        return self.numbers[x]

    def register(self, x: Any, index: tuple[Position, ...], when: tuple = ()) -> Register:
        """`value` as a register."""
        found = self.value(x, index, when)
        return found if isinstance(found, Register) else self.literal(found, x.dtype)

    def compute(self, x: Any, index: tuple[Position, ...], when: tuple[Condition, ...]) -> Any:
        """`x` from memory, or from its inputs."""
        if self.stored(x):
            return self.fetch(x, index, when)
        name = x.operation.name
        if name == "position":
            return self.number_at(index[x.parameters["axis"]])
        found = reads(x, index, self.bounds)
        if name in ("place", "concatenate"):
            return self.pieced(x, found, when)
        if name == "take":
            found = found[1:]
        if x.operation.kind != "elementwise":
            return self.value(found[0].node, found[0].index, when)
        return self.computed(x.operation, self.operands(found, when), x.parameters)

    def operands(self, found: list[Read], when: tuple[Condition, ...]) -> list[Any]:
        """The inputs of an elementwise operation; numbers stay numbers where a register is by."""
        values = [self.value(r.node, r.index, when) for r in found]
        known = {v.dtype for v in values if isinstance(v, Register)}
        return [
            v if isinstance(v, Register) or r.node.dtype in known else self.literal(v, r.node.dtype)
            for v, r in zip(values, found)
        ]

    def pieced(self, x: Any, found: list[Read], when: tuple[Condition, ...]) -> Any:
        """The first piece whose conditions hold, else the filling."""
        total: Any = self.literal(x.parameters.get("fill", 0), x.dtype)
        for read in reversed(found):
            needed = self.needed(read.conditions)
            if needed is None:
                continue
            value = self.register(read.node, read.index, _joined(when, needed))
            mask = self.mask(needed)
            total = value if mask is None else self.select(mask, value, total)
        return total

    def needed(self, conditions: tuple[Condition, ...]) -> tuple[Condition, ...] | None:
        """Those that do not hold anyhow in lanes that count; None where one can never hold."""
        kept = []
        for c in conditions:
            low, high = bounds_of(c.position, self.bounds)
            if high < c.low or low >= c.high:
                return None
            if low < c.low or high >= c.high:
                kept.append(c)
        return tuple(kept)

    def mask(self, conditions: tuple[Condition, ...]) -> Register | None:
        """Whether all conditions hold; None where they always do."""
        if not conditions:
            return None
        depth = self.depth_of(*(c.position for c in conditions))
        with self.at_depth(depth) as known:
            if ("mask", conditions) not in known:
                found = None
                for c in conditions:
                    test = self.inside(c.position, c.low, c.high)
                    if test is not None:
                        found = test if found is None else found & test
                known["mask", conditions] = found
            return known["mask", conditions]

    def looked_up(self, variable: Dynamic) -> Register:
        """A row number, held below the number of rows: a wrong one is reported elsewhere."""
        x = self.register(variable.node, variable.index).astype(int64)
        with self.at_depth(self.depth_of(*variable.index)):
            return self.intrinsic("umin", x, self.literal(variable.extent - 1, int64, x.wide))

    # ---- memory

    def base(self, buffer: Any) -> str:
        """The pointer of a buffer; those of users' arrays stand in a table."""
        if buffer.outside and ("base", buffer.base) not in self.levels[0].known:
            place = 8 * int(buffer.base[2:])
            self.levels[0].before += [
                f"{buffer.base}a = getelementptr i8, ptr %table, i64 {place}",
                f"{buffer.base} = load ptr, ptr {buffer.base}a",
            ]
            self.levels[0].known["base", buffer.base] = True
        return buffer.base

    def guard(self, buffer: Any, index: tuple[Position, ...], when: tuple = ()) -> tuple:
        """The conditions under which an index may be touched; none where it always may."""
        unsafe = []
        for position, n in zip(buffer.own(index), buffer.room):
            low, high = self.range_of(position)
            if low < 0 or high >= n:
                unsafe.append(Condition(position, 0, n))
        if not unsafe:
            return ()
        found = [*when, *(u for u in unsafe if not any(_covers(c, u) for c in when))]
        if not any(map(self.is_wide, index)):
            found = [c for c in found if not self.is_wide(c.position)]
        return tuple(found)

    def fetch(self, x: Any, index: tuple[Position, ...], when: tuple[Condition, ...]) -> Register:
        """`x` from memory."""
        buffer = self.plan.buffers[x]
        mask = self.mask(self.guard(buffer, index, when))
        return self.load(self.base(buffer), buffer.offset, buffer.at(index), x.dtype, mask)

    def put(self, x: Any, value: Register, index: tuple[Position, ...]) -> None:
        """`x` into memory."""
        buffer = self.plan.buffers[x]
        mask = self.mask(self.guard(buffer, index))
        self.store(value, self.base(buffer), buffer.offset, buffer.at(index), mask)

    # ---- the loop nest

    def nest(self) -> None:
        """Blocks along the lanes that are stored, then along the axis that reuses most."""
        kernel = self.kernel
        out = kernel.out_lane if kernel.out_lane in kernel.outer else None
        others = sorted((a for a in kernel.outer if a != out), key=self.loads_per_product)
        order = [a for a in [out] if a is not None] + others
        self.blocks(order if kernel.contracts else order[::-1], {})

    def loads_per_product(self, axis: int) -> float:
        """How well a block along this axis would use what it loads."""
        kernel = self.kernel
        if not kernel.contracts:
            return 0
        dots = kernel.lane in kernel.inner
        lanes, rows = (8, 3) if dots else (4, 6)
        rows = max(min(rows, kernel.extents[axis]), 1)
        (hero,) = kernel.heroes
        seen = [_axes_in(entries) for entries in space(hero).reads]
        loads = sum(
            (lanes if kernel.out_lane in axes else 1) * (rows if axis in axes else 1)
            for axes in seen
        )
        return loads / (lanes * rows)

    def blocks(self, axes: list[int], block: dict[int, list[Position]]) -> None:
        """Loops over the axes that stay; `block` has the positions that are worked on together."""
        if not axes:
            self.work(block)
            return
        axis, rest = axes[0], axes[1:]
        most, size = self.blocking(axis, block)
        for first, width, parts in panels(self.length(axis), size, most, self.few):
            with self.loop(first, first + width * parts, width) as loop:
                at = [self.start(axis) + (loop.index + n) * size for n in range(width)]
                if size > 1:
                    left = self.length(axis) - (first + width * (parts - 1)) * size
                    at = [i + lanes_of(left - n * size) for n, i in enumerate(at)]
                self.blocks(rest, {**block, axis: at})

    def length(self, axis: int) -> int:
        """How many positions of an axis the kernel goes through at a time."""
        chunk = self.plan.chunk if axis == self.kernel.batch else None
        return self.kernel.extents[axis] if chunk is None else chunk

    def start(self, axis: int) -> Position:
        """The first of them."""
        return variable(CHUNK) if axis == self.kernel.batch and self.plan.chunk else ZERO

    def blocking(self, axis: int, block: dict[int, list[Position]]) -> tuple[int, int]:
        """How many positions at a time, and how many elements each of them is."""
        kernel = self.kernel
        tile = self.processor.tile(self.widest())
        if axis == kernel.out_lane:
            if kernel.lane in kernel.inner:  # sixteen folds make one vector
                return 1, LANES
            inner = math.prod(kernel.extents[a] for a in kernel.inner)
            if kernel.contracts:
                vectors = -(-kernel.extents[axis] // LANES)
                one_part = self.few and vectors in tile.rows
                return vectors if one_part else tile.most_vectors, LANES
            if not kernel.inner:
                return min(4, tile.most_vectors), LANES
            return (max(1, UNROLL // inner) if 0 < inner <= UNROLL else 8), LANES
        if not kernel.contracts or len(block) != 1:
            return 1, 1
        if kernel.lane in kernel.inner:
            most = tile.dots[0]
            return (most if kernel.extents[axis] % most == 0 or kernel.extents[axis] > 4 else 2), 1
        return tile.rows[len(block[kernel.out_lane])], 1  # type: ignore[index]

    def widest(self) -> Any:
        """The dtype of the largest elements that are folded or stored."""
        nodes = [*self.kernel.heroes, *self.kernel.stores]
        return max((x.dtype for x in nodes), key=lambda t: t.itemsize)

    def work(self, block: dict[int, list[Position]]) -> None:
        """Fold each hero at the points of a block, then store."""
        kernel = self.kernel
        axes = sorted(block, key=lambda a: a == kernel.out_lane)  # along the memory, row by row
        points = [dict(zip(axes, p)) for p in product(*map(block.__getitem__, axes))]
        self.points = len(points)
        if kernel.contracts and not self.few:
            self.fetch_ahead(points)
        for hero in kernel.heroes:
            for point, total in zip(points, self.totals(hero, points)):
                index = self.index(kernel.index, point)
                if kernel.adds_up:
                    total = hero.operation.fold.merge(self, self.fetch(hero, index, ()), total)
                self.know(hero, index, total)
        for point in points:
            self.keep([x for x in kernel.stores if not kernel.is_wide(x)], point)
        wide = [x for x in kernel.stores if kernel.is_wide(x)]
        if wide:

            def store(inner: Point, totals: list[Register]) -> list[Register]:
                for point in points:
                    self.keep(wide, {**point, **inner})
                return totals

            self.over(kernel.inner, {}, [], store)

    def fetch_ahead(self, points: list[Point]) -> None:
        """Have the cache fetch, while a tile is summed, what its sums will be added to."""
        kept = {id(self.plan.buffers[cell]) for cell in self.plan.graph.cells}
        for x in self.kernel.stores:
            buffer = self.plan.buffers[x]
            if not (self.kernel.adds_up or id(buffer) in kept) or self.kernel.is_wide(x):
                continue
            for point in points:
                at = buffer.at(self.index(self.kernel.index_of(x), point))
                pointer = self.pointer(self.base(buffer), at, x.dtype.itemsize, buffer.offset)
                self.target.append(
                    f"call void @llvm.prefetch.p0(ptr {pointer}, i32 1, i32 3, i32 1)"
                )

    def index(self, entries: Any, point: Point) -> tuple[Position, ...]:
        return tuple(entry_position(e, point) for e in entries)

    def know(self, hero: Any, index: tuple[Position, ...], total: Register) -> None:
        self.levels[self.depth_of(*index)].known[hero, index, ()] = total

    def keep(self, nodes: list[Any], point: Point) -> None:
        """Store nodes at a point; all loads come before all stores."""
        places = [self.index(self.kernel.index_of(x), point) for x in nodes]
        values = [self.register(x, index) for x, index in zip(nodes, places)]
        for x, index, value in zip(nodes, places, values):
            self.put(x, value, index)

    # ---- folds

    def totals(self, hero: Any, points: list[Point]) -> list[Register]:
        """The hero at each point."""
        kernel = self.kernel
        if kernel.lane in kernel.inner and kernel.out_lane in kernel.outer:
            return self.dots(hero, points)
        totals = self.fold(hero, points)
        if kernel.lane in kernel.inner:
            merge = hero.operation.fold.merge
            return [self.lane(self.across(t, lambda a, b: merge(self, a, b)), 0) for t in totals]
        return totals

    def fold(self, hero: Any, points: list[Point]) -> list[Register]:
        """Each point's total over the axes that vanish."""
        kernel, entries = self.kernel, space(hero).reads
        lanes = kernel.lane is not None
        start = self.literal(identity(hero), hero.dtype, lanes)

        def step(inner: Point, totals: list[Register]) -> list[Register]:
            found = []
            for point, total in zip(points, totals):
                place = {**point, **inner}
                values = [
                    self.operand(x, at, place) for x, at in zip(hero.inputs, entries, strict=True)
                ]
                found.append(self.stepped(hero, total, values, inner))
            return found

        return self.over(kernel.inner, {}, [start] * len(points), step)

    def stepped(self, hero: Any, total: Register, values: list[Any], inner: Point) -> Register:
        """One step of a fold; lanes beyond the end of the axis leave the total as it is."""
        fold, kernel = hero.operation.fold, self.kernel
        if fold is PRODUCTS and is_real(hero.dtype):
            new = self.fma(*values, total)
        else:
            new = fold.step(self, total, *values)
        mask = None
        if kernel.lane in kernel.inner:
            mask = self.mask((Condition(inner[kernel.lane], 0, kernel.extents[kernel.lane]),))
        return new if mask is None else self.select(mask, new, total)

    def operand(self, x: Any, entries: Any, place: Point) -> Any:
        """What a hero reads at a point: zero outside of its input."""
        read = operand_read(x, entries, place, self.bounds)
        if not read.conditions:
            return self.register(x, read.index)
        needed = self.needed(read.conditions)
        if needed is None:
            return self.literal(0, x.dtype)
        value = self.register(x, read.index, needed)
        if self.stored(x):
            if set(needed) <= set(self.guard(self.plan.buffers[x], read.index, needed)):
                return value  # the load has given zeros
        mask = self.mask(needed)
        return value if mask is None else self.select(mask, value, 0)

    def dots(self, hero: Any, points: list[Point]) -> list[Register]:
        """The lanes are folded away: sixteen totals become a vector by a tree."""
        kernel = self.kernel
        out, merge = kernel.out_lane, hero.operation.fold.merge
        start = points[0][out].first_lane.without(CHUNK)  # type: ignore[index]
        known = not start.terms
        rows = min(LANES, self.length(out) - start.constant) if known else LANES  # type: ignore[arg-type]
        totals: list[list[Register]] = [[] for _ in points]
        group = self.processor.tile(hero.dtype).dots[1]
        for low in range(0, rows, group):
            part = range(low, min(low + group, rows))
            single = [{**p, out: p[out].first_lane + n} for p in points for n in part]
            found = self.fold(hero, single)  # type: ignore[arg-type]
            for k, total in enumerate(totals):
                total += found[k * len(part) : (k + 1) * len(part)]
        return [self.gathered(t, lambda a, b: merge(self, a, b)) for t in totals]

    def over(
        self, axes: tuple[int, ...], inner: Point, totals: list[Register], body: Callable
    ) -> list[Register]:
        """totals = body(inner, totals) over the inner axes; the lane in vectors, its rest alone."""
        if not axes:
            return body(inner, totals)
        axis, rest = axes[0], axes[1:]
        count = self.length(axis)
        size = LANES if axis == self.kernel.lane else 1
        whole = count - count % size

        def go(i: Position, totals: list[Register]) -> list[Register]:
            at = self.start(axis) + (i + lanes_of(count - i.constant) if size > 1 else i)
            return self.over(rest, {**inner, axis: at}, totals, body)

        if count <= UNROLL and not self.kernel.contracts:
            for i in range(0, whole, size):
                totals = go(constant(i), totals)
        elif whole:
            with self.loop(0, whole, size, totals) as loop:
                loop.next = go(loop.index, loop.carried)
            totals = loop.result
        return go(constant(whole), totals) if whole < count else totals

    # ---- the other nests: a copy the other way round, and rows that are added up

    def repack(self) -> None:
        """A copy in blocks of 16 x 16 through registers."""
        kernel = self.kernel
        (copy,), to, along = kernel.stores, kernel.out_lane, kernel.lane
        assert to is not None and along is not None
        source = copy.inputs[0]

        def place(i: Position, j: Position) -> tuple[Position, Position]:
            return (i, j) if along == 1 else (j, i)

        for first, width, parts in panels(self.length(to), LANES, 1):
            with self.loop(first, first + width * parts) as i:
                with self.loop(0, -(-self.length(along) // LANES)) as j:
                    i0 = self.start(to) + i.index * LANES
                    j0 = self.start(along) + j.index * LANES
                    rows = [self.register(source, place(i0 + n, j0 + LANE_POSITION))
                            for n in range(LANES)]
                    for n, row in enumerate(self.transposed([self.splat(r) for r in rows])):
                        self.put(copy, row, place(i0 + LANE_POSITION, j0 + n))

    def scatter(self) -> None:
        """y[rows[i], ...] += x[i, ...], one i after the other."""
        kernel, y = self.kernel, self.kernel.call
        x, rows = y.inputs
        buffer, lead = self.plan.buffers[y], len(rows.shape)
        self.instruction_store_zero(buffer)
        if not math.prod(kernel.extents):
            return

        def visit(axes: list[int], point: Point) -> None:
            if axes:
                size = LANES if axes[0] == kernel.lane else 1
                for first, width, parts in panels(kernel.extents[axes[0]], size, 1):
                    with self.loop(first, first + width * parts) as loop:
                        at = loop.index * size
                        rest = kernel.extents[axes[0]] - first * size
                        at = at + lanes_of(rest) if size > 1 else at
                        visit(axes[1:], {**point, axes[0]: at})
                return
            index = tuple(point[a] for a in range(len(kernel.extents)))
            row = Position(((Dynamic(rows, index[:lead], y.shape[0]), 1),))
            there = (row, *index[lead:])
            total = self.fetch(y, there, ()) + self.register(x, index)
            self.put(y, total, there)

        visit(list(range(len(kernel.extents))), {})

    def instruction_store_zero(self, buffer: Any) -> None:
        """All of a buffer to zero."""
        at = self.pointer(self.base(buffer), constant(0), 1, buffer.offset)
        self.target.append(
            f"call void @llvm.memset.p0.i64(ptr {at}, i8 0, i64 {buffer.size}, i1 false)"
        )


def _joined(when: tuple[Condition, ...], more: tuple[Condition, ...]) -> tuple[Condition, ...]:
    return when + tuple(c for c in more if c not in when)


def _covers(c: Condition, other: Condition) -> bool:
    """Whether one condition implies the other."""
    return c.position == other.position and c.low >= other.low and c.high <= other.high


def _axes_in(entries: Any) -> set[int]:
    found: set[int] = set()
    for e in entries:
        found |= {e} if isinstance(e, int) else {a for a, _ in e[0]}
    return found


def panels(count: int, size: int, most: int, few: bool = False) -> list[tuple[int, int, int]]:
    """(first, width, how many): elements by `size` in parts of at most `most`, equal ones together.

    Parts are balanced, 3 and 2 rather than 4 and 1, and what does not fill the last vector is a
    part of its own kind, so that the others need no mask.  `few` prefers parts of one kind.
    """
    units, rest = divmod(count, size)
    if not units and not rest:
        return []
    if size > 1 and most > 1:
        units += bool(rest)
        parts = -(-units // most) if units else 0
        small, extra = divmod(units, parts) if parts else (0, 0)
        groups = [(0, small + 1, extra), (extra * (small + 1), small, parts - extra)]
        return _last_alone([g for g in groups if g[1] and g[2]], bool(rest))
    width = most if rest else _even_width(units, most, few)
    if width is None:
        parts = -(-units // most)
        small, extra = divmod(units, parts)
        groups = [(0, small + 1, extra), (extra * (small + 1), small, parts - extra)]
    else:
        groups = [(0, width, units // width), (units // width * width, units % width, 1)]
    if rest:
        groups.append((units, 1, 1))
    return [g for g in groups if g[1] and g[2]]


def _even_width(units: int, most: int, few: bool) -> int | None:
    """A width of which there are only whole parts, if it is not too narrow; `few` kinds of parts."""
    narrowest = most * 2 // 3 if few else most
    return next((w for w in range(most, max(narrowest, 1) - 1, -1) if units % w == 0), None)


def _last_alone(groups: list[tuple[int, int, int]], partial: bool) -> list[tuple[int, int, int]]:
    if not partial or not groups:
        return groups
    first, width, parts = groups[-1]
    if parts == 1:
        return groups
    return [*groups[:-1], (first, width, parts - 1), (first + width * (parts - 1), width, 1)]


__all__ = ["Nest", "is_scatter", "panels"]
