"""Two nests of another form: a copy the other way round, and rows that are added up."""

from __future__ import annotations

import math
from typing import Any

from ..emit.position import LANE_POSITION, LANES, Position, constant, lanes_of
from ..plan.pull import Dynamic
from .panels import panels
from .pulls import Point, Pulls


class Others(Pulls):
    """Kernels that are no fold and no map."""

    def repack(self) -> None:
        """A copy in blocks of 16 x 16 through registers."""
        kernel = self.kernel
        (copy,), to, along = kernel.stores, kernel.out_lane, kernel.lane
        assert to is not None and along is not None
        source = copy.inputs[0]

        def place(i: Position, j: Position) -> tuple[Position, Position]:
            return (i, j) if along == 1 else (j, i)

        for panel in panels(self.length(to), LANES, 1):
            first, width, parts = panel
            down, part = -(-self.length(along) // LANES), self.share(to, LANES, panel)
            across = self.loop(first, first + width * parts, part=part)
            with across as i, self.loop(0, down) as j:
                i0 = self.start(to) + i.index * LANES
                j0 = self.start(along) + j.index * LANES
                rows = [
                    self.register(source, place(i0 + n, j0 + LANE_POSITION)) for n in range(LANES)
                ]
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
