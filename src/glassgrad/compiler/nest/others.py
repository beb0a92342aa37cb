"""Two nests of another form: a map stored the other way round, and rows that are added up."""

from __future__ import annotations

import math
from typing import Any

from ..emit.position import LANES, Position, constant, lanes_of
from ..emit.register import Register
from ..plan.pull import Dynamic
from .panels import panels
from .pulls import Point, Pulls


class Others(Pulls):
    """Kernels that are no fold and no map."""

    def transpose(self) -> None:
        """A map in blocks of 16 x 16 through registers, read and stored along different axes."""
        kernel = self.kernel
        to, along = kernel.out_lane, kernel.lane
        assert to is not None and along is not None
        others = [a for a in kernel.outer if a not in (to, along)]
        for panel in panels(self.length(to), LANES, 1):
            first, width, parts = panel
            part = self.share(to, LANES, panel)
            with self.loop(first, first + width * parts, part=part) as i:
                start = self.start(to) + i.index * LANES
                rest = self.length(to) - first * LANES
                self.blocks_along(others, start, rest, {})

    def blocks_along(self, others: list[int], start: Position, rest: int, point: Point) -> None:
        """Blocks of up to 16 rows from `start` on, for each position on the other axes."""
        if others:
            with self.loop(0, self.length(others[0])) as loop:
                place = {**point, others[0]: self.start(others[0]) + loop.index}
                self.blocks_along(others[1:], start, rest, place)
            return
        kernel = self.kernel
        to, along = kernel.out_lane, kernel.lane
        assert to is not None and along is not None
        for first, width, parts in panels(self.length(along), LANES, 1):
            with self.loop(first, first + width * parts) as j:
                low = self.start(along) + j.index * LANES
                left = min(self.length(along) - first * LANES, LANES)
                here = low + lanes_of(left)
                rows = [{**point, to: start + n, along: here} for n in range(min(rest, LANES))]
                stored = [(x, self.columns(x, rows, left)) for x in kernel.stores]
                for x, columns in stored:
                    for n, column in enumerate(columns[:left]):
                        place = {**point, to: start + lanes_of(rest), along: low + n}
                        self.put(x, column, self.index(kernel.index, place))

    def columns(self, x: Any, rows: list[Point], count: int) -> list[Register]:
        """The first `count` columns of vectors of a node in rows."""
        found = [self.splat(self.register(x, self.index(self.kernel.index, p))) for p in rows]
        return self.transposed(found + found[-1:] * (LANES - len(found)), count)

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
