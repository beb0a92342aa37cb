"""Rows of a shared array for sixteen networks, each at a place of its own.

A gather of single elements takes as many loads as there are lanes.  Where rows are read from end to
end, four neighbours of each are loaded at once and turned the other way round in registers.
"""

from __future__ import annotations

from typing import Any

from ..emit.position import LANES, Position
from ..emit.register import Register, llvm_type
from ..plan.pull import Condition, Dynamic
from .pulls import Pulls

FOUR = 4  # elements of 4 bytes fill the part of a vector that shuffles do not leave


class Gathers(Pulls):
    """Loads of rows that differ from copy to copy."""

    def fetch(self, x: Any, index: tuple[Position, ...], when: tuple[Condition, ...]) -> Register:
        start = None if when else self.four_from(x, index)
        if start is None:
            return super().fetch(x, index, when)
        group = (*index[:-1], start)
        with self.at_depth(self.depth_of(*group)) as known:
            if ("four", x, group) not in known:
                known["four", x, group] = self.four(x, group)
            return known["four", x, group][index[-1].constant - start.constant]

    def four_from(self, x: Any, index: tuple[Position, ...]) -> Position | None:
        """Where a group of four elements of a row begins that this one is in."""
        buffer = self.plan.buffers[x]
        if self.plan.copies == 1 or buffer.copies > 1 or len(index) < 2 or x.dtype.itemsize != 4:
            return None
        row, last, n = index[0], index[-1], x.shape[-1]
        plain = len(row.terms) == 1 and row.terms[0][1] == 1 and not row.constant
        if not plain or buffer.strides is None or buffer.strides[-1] != 1 or n < FOUR:
            return None
        dynamic = row.terms[0][0]
        if not isinstance(dynamic, Dynamic) or not self.differs(dynamic.node):
            return None
        if any(map(self.is_wide, index[1:])):
            return None
        start = last + -(last.constant % FOUR)
        if not last.terms:
            start = Position((), min(start.constant, n - FOUR))
        low, high = self.range_of(start)
        return start if low >= 0 and high + FOUR <= n else None

    def four(self, x: Any, group: tuple[Position, ...]) -> list[Register]:
        """Four neighbours of each copy's row, as a vector of copies for each."""
        buffer = self.plan.buffers[x]
        assert buffer.strides is not None
        at = Position()
        for position, stride in zip(group[1:], buffer.strides[1:]):
            at = at + position * stride
        pointers = self.row_pointers(x, group[0].terms[0][0])
        kind = f"<{FOUR} x {llvm_type(x.dtype)}>"
        quarters = []
        for pointer in pointers:
            self.count += 1
            place = self.pointer(pointer, at, x.dtype.itemsize, buffer.offset)
            self.target.append(f"%q{self.count} = load {kind}, ptr {place}, align 4")
            quarters.append(f"%q{self.count}")
        rows = [self.whole([quarters[j + FOUR * q] for q in range(FOUR)], x) for j in range(FOUR)]
        return self.turned(rows)

    def row_pointers(self, x: Any, row: Dynamic) -> list[str]:
        """Where the row of each copy begins."""
        with self.at_depth(self.depth_of(*row.index)) as known:
            if ("rows", x, row) not in known:
                known["rows", x, row] = [self.row_pointer(x, row, n) for n in range(LANES)]
            return known["rows", x, row]

    def row_pointer(self, x: Any, row: Dynamic, copy: int) -> str:
        """The same of one copy; its number is loaded by itself if it is in memory."""
        rows, buffer = self.plan.buffers.get(row.node), self.plan.buffers[x]
        assert buffer.strides is not None
        if rows is not None and self.stored(row.node) and rows.dtype.itemsize == 8:
            at = rows.at(row.index).first_lane + copy
            number = self.load(self.base(rows), rows.offset, at, rows.dtype)
            number = self.intrinsic("umin", number, self.literal(row.extent - 1, number.dtype))
        else:
            number = self.lane(self.looked_up(row), copy)
        size = buffer.strides[0] * x.dtype.itemsize
        return self._step(self.base(buffer), (number * size).name)

    def whole(self, quarters: list[str], x: Any) -> Register:
        """A vector of four parts."""
        kind = llvm_type(x.dtype)
        halves = []
        for a, b in (quarters[:2], quarters[2:]):
            halves.append(self.joined(a, b, kind, FOUR))
        name = self.joined(halves[0], halves[1], kind, 2 * FOUR)
        return Register(self, name, x.dtype, True)

    def joined(self, a: str, b: str, kind: str, size: int) -> str:
        """Two vectors end to end."""
        self.count += 1
        listed = ", ".join(f"i32 {n}" for n in range(2 * size))
        self.target.append(
            f"%q{self.count} = shufflevector <{size} x {kind}> {a}, <{size} x {kind}> {b}, "
            f"<{2 * size} x i32> <{listed}>"
        )
        return f"%q{self.count}"

    def turned(self, rows: list[Register]) -> list[Register]:
        """4 x 4 transposes, four side by side."""

        def mixed(a: Register, b: Register, of: tuple[int, ...]) -> Register:
            lanes = [n + part + LANES * other for part in range(0, LANES, FOUR)
                     for n, other in zip(of, which)]  # fmt: skip
            return self.shuffle(a, b, lanes)

        which = (0, 1, 0, 1)
        first = [
            mixed(rows[i], rows[i + 1], of) for i in (0, 2) for of in ((0, 0, 1, 1), (2, 2, 3, 3))
        ]
        which = (0, 0, 1, 1)
        low, high, low2, high2 = first
        return [
            mixed(a, b, of)
            for a, b in ((low, low2), (high, high2))
            for of in ((0, 1, 0, 1), (2, 3, 2, 3))
        ]
