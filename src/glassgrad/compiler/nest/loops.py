"""The loops over the axes that stay, in blocks of points that are worked on together."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

from ..ahead import ahead_text
from ..emit.position import LANES, Position, lanes_of
from ..emit.register import Register
from ..plan.kernel import space
from .folds import UNROLL, Folds
from .panels import panels
from .pulls import Point

SHORT = {1: 4, 2: 3}  # vectors -> rows that are worked on together where sums are straight code
MANY_POINTS = 200_000  # so many fold long enough for the cache to fetch something meanwhile


class Loops(Folds):
    """The loop nest of a kernel that folds, or maps point by point."""

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
        for first, width, parts in panels(self.length(axis), size, most):
            with self.loop(first, first + width * parts, width) as loop:
                at = [self.start(axis) + (loop.index + n) * size for n in range(width)]
                if size > 1:
                    left = self.length(axis) - (first + width * (parts - 1)) * size
                    at = [i + lanes_of(left - n * size) for n, i in enumerate(at)]
                self.blocks(rest, {**block, axis: at})

    def blocking(self, axis: int, block: dict[int, list[Position]]) -> tuple[int, int]:
        """How many positions at a time, and how many elements each of them is."""
        kernel = self.kernel
        tile = self.processor.tile(self.widest())
        if kernel.in_parts and self.length(kernel.parts or 0) <= LANES:
            tile = tile._replace(most_vectors=min(tile.most_vectors, max(SHORT)), rows=SHORT)
        if kernel.in_parts and not (kernel.contracts and kernel.lane is not None):
            return 1, LANES if axis == kernel.out_lane else 1  # a point has sixteen sums
        if axis == kernel.out_lane:
            if kernel.lane in kernel.inner:  # sixteen folds make one vector
                return 1, LANES
            inner = math.prod(kernel.extents[a] for a in kernel.inner)
            if kernel.contracts:
                vectors = -(-kernel.extents[axis] // LANES)
                one_part = vectors in tile.rows
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
        if kernel.contracts and math.prod(kernel.extents) > MANY_POINTS:
            self.fetch_ahead(points)
            self.fetch_rows()
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

            self.over(kernel.inner, {}, [], store, kernel.lane)

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

    def fetch_rows(self) -> None:
        """Have the cache fetch something of the next step's rows."""
        if self.plan.ahead is not None:
            self.helpers["ahead"] = ahead_text(self.plan)
            self.target.append("call void @ahead(ptr %table)")

    def know(self, hero: Any, index: tuple[Position, ...], total: Register) -> None:
        self.levels[self.depth_of(*index)].known[hero, index, ()] = total

    def keep(self, nodes: list[Any], point: Point) -> None:
        """Store nodes at a point; all loads come before all stores."""
        places = [self.index(self.kernel.index_of(x), point) for x in nodes]
        values = [self.register(x, index) for x, index in zip(nodes, places)]
        for x, index, value in zip(nodes, places, values):
            self.put(x, value, index)


def _axes_in(entries: Any) -> set[int]:
    found: set[int] = set()
    for e in entries:
        found |= {e} if isinstance(e, int) else {a for a, _ in e[0]}
    return found
