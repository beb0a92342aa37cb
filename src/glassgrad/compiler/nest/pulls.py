"""Any node at any point: from registers, else from memory, else from its inputs."""

from __future__ import annotations

from typing import Any, NamedTuple

from ...types import int64
from ..emit.outline import Outlining
from ..emit.position import ZERO, Position, bounds_of, is_lane, variable
from ..emit.register import Register
from ..graph import number_of
from ..plan.kernel import CHUNK, Kernel, Plan, entry_position
from ..plan.pull import Condition, Dynamic, Read, reads
from ..plan.share import in_slot
from ..plan.spread import differs
from ..target import Target

Point = dict[int, Position]

WHOLE = 2**32  # all of the work: a thread's share goes from %low to %high in such parts


class Part(NamedTuple):
    """A part of an axis that is gone through at a time: so many positions from a start."""

    axis: int
    size: int
    start: Position


class Pulls(Outlining):
    """The text of a kernel in the making, and what it knows of each node.

    plan, kernel   what is written
    processor      for which target
    numbers        {node: the number that it is everywhere}
    facts          conditions that hold wherever they are asked for
    part           of an axis, where the kernel goes over it in parts
    """

    def __init__(self, plan: Plan, kernel: Kernel, target: Target) -> None:
        super().__init__(kernel.label, plan.arguments(kernel))
        self.plan, self.kernel, self.processor = plan, kernel, target
        self.numbers: dict[Any, Any] = {}
        self.facts: set[Condition] = set()
        self.part: Part | None = None
        self.results: dict[str, Any] = {}
        self.depth[CHUNK] = 0
        self.ranges[CHUNK] = (0, (plan.batch or 0) - (plan.chunk or 0))

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
            if c in self.facts:
                continue
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

    def differs(self, x: Any) -> bool:
        """Whether lanes hold a node's values in networks that are trained at once."""
        return self.plan.copies > 1 and differs(self.plan, x)

    def _wide_variable(self, variable: Any) -> bool:
        if isinstance(variable, Dynamic) and self.differs(variable.node):
            return True
        return super()._wide_variable(variable)

    # ---- memory

    def base(self, buffer: Any) -> str:
        """The pointer of a buffer; those of users' arrays stand in a table."""
        if self.plan.in_group(self.kernel) and in_slot(self.plan, buffer):
            return "%own" if buffer.rolling is not None else "%sums"
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
        mask = self.mask((*self.guard(buffer, index), *self.lanes_that_count(index)))
        self.store(value, self.base(buffer), buffer.offset, buffer.at(index), mask)

    def lanes_that_count(self, index: tuple[Position, ...]) -> tuple[Condition, ...]:
        """Where one axis ends another may go on: lanes beyond the end write nothing there."""
        shared = [v for p in index for v, _ in p.terms if is_lane(v) and len(p.terms) > 1]
        return tuple(Condition(variable(v), 0, self.ranges[v][1] + 1) for v in shared)

    # ---- axes

    def length(self, axis: int) -> int:
        """How many positions of an axis the kernel goes through at a time."""
        if self.part is not None and axis == self.part.axis:
            return self.part.size
        chunk = self.plan.chunk if axis == self.kernel.batch else None
        return self.kernel.extents[axis] if chunk is None else chunk

    def start(self, axis: int) -> Position:
        """The first of them."""
        start = variable(CHUNK) if axis == self.kernel.batch and self.plan.chunk else ZERO
        if self.part is not None and axis == self.part.axis:
            return start + self.part.start
        return start

    def share(self, axis: int, size: int, panel: tuple[int, int, int]) -> tuple[str, str] | None:
        """Where the thread's part of a panel begins and ends; None if it goes through all.

        The axis is cut in the proportion of the threads' shares; what has its middle in a share
        is done by that thread.
        """
        if axis != self.kernel.cut:
            return None
        units, (first, width, parts) = -(-self.length(axis) // size), panel
        ends = []
        with self.at_depth(0):
            for part in ("%low", "%high"):
                at = Register(self, part, int64, False) * units
                at = at + (width * WHOLE - 1 - (2 * first + width) * (WHOLE // 2))
                at = self.instruction(
                    f"lshr i64 {self.intrinsic('smax', at, 0).name}, 32", int64, False
                )
                at = self.instruction(f"udiv i64 {at.name}, {width}", int64, False)
                ends.append((self.intrinsic("umin", at, parts) * width + first).name)
        return ends[0], ends[1]

    def index(self, entries: Any, point: Point) -> tuple[Position, ...]:
        return tuple(entry_position(e, point) for e in entries)


def _joined(when: tuple[Condition, ...], more: tuple[Condition, ...]) -> tuple[Condition, ...]:
    return when + tuple(c for c in more if c not in when)


def _covers(c: Condition, other: Condition) -> bool:
    """Whether one condition implies the other."""
    return c.position == other.position and c.low >= other.low and c.high <= other.high
