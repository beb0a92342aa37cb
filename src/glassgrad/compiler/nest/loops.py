"""The loops over the axes that stay, in blocks of points that are worked on together."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

from ..ahead import ahead_text
from ..emit.position import LANES, Position, lanes_of
from ..emit.register import Register
from ..plan.kernel import identity, space
from ..plan.limits import interior, limits
from ..plan.tiles import shape_of, vectors_of
from .copies import Copies
from .folds import UNROLL
from .panels import panels
from .pulls import Part, Point

SHORT = {1: 4, 2: 3}  # vectors -> rows that are worked on together where sums are straight code
LARGE = 100_000  # elements that do not stay near
FEW = 500  # sums that are not worth going over their operands in parts
MANY_POINTS = 200_000  # so many fold long enough for the cache to fetch something meanwhile


class Loops(Copies):
    """The loop nest of a kernel that folds, or maps point by point."""

    def nest(self) -> None:
        """Blocks along the lanes that are stored, then along the axes that reuse most."""
        self.tiles: dict[int, dict[int, int]] = {}
        kernel = self.kernel
        if self.plan.copies > 1:
            self.blocks(self.order_of_copies(), {})
            return
        out = kernel.out_lane if kernel.out_lane in kernel.outer else None
        others = [a for a in kernel.outer if a != out]
        if kernel.contracts:
            beside = self.beside(1 if out is None else self.vectors(out))
            others.sort(key=lambda a: -beside.get(a, 0))
        order = self.streamed([a for a in [out] if a is not None] + others)
        part = self.part_of()
        if part is None:
            self.blocks(order if kernel.contracts else order[::-1], {})
            return
        axis, size = part
        with self.loop(0, self.length(axis), size) as loop:
            self.part = Part(axis, size, loop.index)
            self.blocks(order, {})

    def part_of(self) -> tuple[int, int] | None:
        """The axis that vanishes of which a part is summed at a time, and how much of it.

        Large operands that every tile reads as a whole are read in parts that stay near; sums go
        on in the memory of the result.
        """
        kernel = self.kernel
        if (
            not kernel.contracts
            or len(kernel.inner) < 2
            or kernel.stores.keys() != kernel.heroes.keys()
        ):
            return None
        (hero,) = kernel.heroes
        reads = space(hero).reads
        shared = [a for a in kernel.inner if all(any(self.alone(e, a) for e in es) for es in reads)]
        if not shared:
            return None
        axis = shared[0]
        length, step = self.length(axis), LANES if axis == kernel.lane else 1
        share = length / max(kernel.extents[axis], 1)
        elements = share * sum(math.prod(x.shape) for x in hero.inputs)
        if elements < 1.5 * LARGE or math.prod(kernel.extents[a] for a in kernel.outer) < FEW:
            return None
        most = max(length * LARGE / elements, step)
        sizes = [n for n in range(step, length, step) if length % n == 0 and n <= most]
        return (axis, sizes[-1]) if sizes else None

    def alone(self, entry: Any, axis: int) -> bool:
        """Whether an entry is the position on an axis, and no other moves it."""
        terms, offset, divisor = (((entry, 1),), 0, 1) if isinstance(entry, int) else entry
        moving = [t for t in terms if self.kernel.extents[t[0]] > 1]
        return moving == [(axis, 1)] and offset == 0 and divisor == 1

    def streamed(self, order: list[int]) -> list[int]:
        """The axes of the outer loops: first that of the rows of a batch, of large operands."""
        kernel = self.kernel
        if not kernel.contracts or len(kernel.outer) < 4:
            return order
        (hero,) = kernel.heroes
        x, entries = max(zip(hero.inputs, space(hero).reads), key=lambda r: math.prod(r[0].shape))
        lead = entries[0]
        if not isinstance(lead, int) or lead not in order or lead == kernel.out_lane:
            return order
        return [lead, *(a for a in order if a != lead)] if math.prod(x.shape) > LARGE else order

    def beside(self, vectors: int) -> dict[int, int]:
        """How many points of each axis a tile of a contraction has beside its vectors."""
        kernel, tile = self.kernel, self.processor.tile(self.widest())
        if vectors not in self.tiles:
            lengths = tuple(map(self.length, range(len(kernel.extents))))
            out, most = kernel.out_lane, tile.rows.get(vectors, 1)
            rows = vectors
            if kernel.lane in kernel.inner:
                most, rows = tile.dots if out in kernel.outer else (tile.dots[0], 1)
            shape = shape_of(kernel, kernel.lane, out, rows, most, lengths)
            self.tiles[vectors] = shape.points
        return self.tiles[vectors]

    def vectors(self, axis: int) -> int:
        """How many vectors along the lanes a tile of a contraction has."""
        return vectors_of(self.kernel, self.length(axis), self.processor.tile(self.widest()))

    def blocks(self, axes: list[int], block: dict[int, list[Position]]) -> None:
        """Loops over the axes that stay; `block` has the positions that are worked on together."""
        if not axes:
            self.work(block)
            return
        axis, rest = axes[0], axes[1:]
        most, size = self.blocking(axis, block)
        for low, high, together in self.regions(axis, most):
            for first, width, parts in panels(high - low, size, together):
                begin = low + first
                part = self.share(axis, size, (begin, width, parts))
                with self.loop(begin, begin + width * parts, width, part=part) as loop:
                    at = [self.start(axis) + (loop.index + n) * size for n in range(width)]
                    if size > 1:
                        left = high - (first + width * (parts - 1)) * size
                        at = [i + lanes_of(left - n * size) for n, i in enumerate(at)]
                    self.blocks(rest, {**block, axis: at})

    def regions(self, axis: int, most: int) -> list[tuple[int, int, int]]:
        """(from, to, how many at a time): one by one near ends where windows reach over them."""
        length, kernel = self.length(axis), self.kernel
        if most == 1 or not kernel.contracts or axis == kernel.out_lane:
            return [(0, length, most)]
        (hero,) = kernel.heroes
        if all(axis not in limit.axes() for limit in limits(kernel, hero).values()):
            return [(0, length, most)]
        first, last = interior(kernel, hero, axis)
        parts = [(0, first, 1), (first, last, most), (last, length, 1)]
        return [p for p in parts if p[0] < p[1]]

    def blocking(self, axis: int, block: dict[int, list[Position]]) -> tuple[int, int]:
        """How many positions at a time, and how many elements each of them is."""
        kernel = self.kernel
        tile = self.processor.tile(self.widest())
        if self.plan.copies > 1:
            return self.together.get(axis, 1), 1
        if kernel.in_parts and self.length(kernel.parts or 0) <= LANES:
            tile = tile._replace(most_vectors=min(tile.most_vectors, max(SHORT)), rows=SHORT)
        if kernel.in_parts and not (kernel.contracts and kernel.lane is not None):
            return 1, LANES if axis == kernel.out_lane else 1  # a point has sixteen sums
        if axis == kernel.out_lane:
            if kernel.lane in kernel.inner:  # sixteen folds make one vector
                return 1, LANES
            inner = math.prod(kernel.extents[a] for a in kernel.inner)
            if kernel.contracts:
                return self.vectors(axis), LANES
            if not kernel.inner:
                return min(4, tile.most_vectors), LANES
            several = len(kernel.heroes) > 1 or any(map(kernel.is_wide, kernel.stores))
            most = 2 if several else 8  # what several sums pull is written out for each vector
            return (max(1, UNROLL // inner) if 0 < inner <= UNROLL else most), LANES
        if not kernel.contracts:
            return 1, 1
        return self.beside(len(block.get(kernel.out_lane, [0]))).get(axis, 1), 1  # type: ignore

    def work(self, block: dict[int, list[Position]]) -> None:
        """Fold each hero at the points of a block, then store."""
        kernel = self.kernel
        axes = sorted(block, key=lambda a: a == kernel.out_lane)  # along the memory, row by row
        points = [dict(zip(axes, p)) for p in product(*map(block.__getitem__, axes))]
        self.points = len(points) * self.written_out()
        if kernel.contracts and math.prod(kernel.extents) > MANY_POINTS:
            self.fetch_ahead(points)
            self.fetch_rows()
        for hero in kernel.heroes:
            for point, total in zip(points, self.totals(hero, points)):
                index = self.index(kernel.index, point)
                if kernel.adds_up or self.part is not None:
                    total = hero.operation.fold.merge(self, self.so_far(hero, index), total)
                self.know(hero, index, total)
        for point in points:
            here = (x for x in kernel.stores if not kernel.is_wide(x) and x not in kernel.within)
            self.keep(list(here), point)
        wide = [x for x in kernel.stores if kernel.is_wide(x)]
        if wide:

            def store(inner: Point, totals: list[Register]) -> list[Register]:
                for point in points:
                    self.keep(wide, {**point, **inner})
                return totals

            self.over(kernel.inner, {}, [], store, kernel.lane)

    def written_out(self) -> int:
        """How many steps of what is folded away are straight code."""
        steps = math.prod(map(self.length, self.kernel.inner))
        return 1 if self.kernel.contracts or steps > UNROLL else steps

    def so_far(self, hero: Any, index: tuple[Position, ...]) -> Register:
        """The sum of the parts before this one."""
        found = self.fetch(hero, index, ())
        if self.kernel.adds_up or self.part is None:
            return found
        first = self.number_at(self.part.start) == 0
        return self.select(first, self.literal(identity(hero), hero.dtype), found)

    def fetch_ahead(self, points: list[Point]) -> None:
        """Have the cache fetch, while a tile is summed, what its sums will be added to."""
        kept = {id(self.plan.buffers[cell]) for cell in self.plan.graph.cells}
        for x in self.kernel.stores:
            buffer = self.plan.buffers[x]
            if not (self.kernel.adds_up or id(buffer) in kept) or self.kernel.is_wide(x):
                continue
            if x in self.kernel.within:
                continue
            for point in points:
                at = buffer.at(self.index(self.kernel.index_of(x), point))
                pointer = self.pointer(self.base(buffer), at, x.dtype.itemsize, buffer.offset)
                self.target.append(
                    f"call void @llvm.prefetch.p0(ptr {pointer}, i32 1, i32 3, i32 1)"
                )

    def fetch_rows(self) -> None:
        """Have the cache fetch something of the next step's rows."""
        if self.plan.ahead is not None:
            self.helpers["ahead"] = ahead_text(self.plan)
            self.target.append("call void @ahead(ptr %table)")

    def know(self, hero: Any, index: tuple[Position, ...], total: Register) -> None:
        self.levels[self.depth_of(*index)].known[hero, index, ()] = total
