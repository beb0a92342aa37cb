"""Methods on diagonals and triangles of matrices."""

from __future__ import annotations

from ..operations.index import position
from ..operations.view import place
from ..types import axis_of
from .node import Node


class Diagonals(Node):
    """A diagonal is each (n + 1)-th element of a matrix of n columns, read in order."""

    def diagonal(self, offset=0, dim1=0, dim2=1):
        """The diagonal of the plane of two axes, as a new last axis; `offset` > 0 is above."""
        x = self._plane_last(dim1, dim2)
        *outer, m, n = x.shape
        start, length = _diagonal(m, n, offset)
        flat = x.reshape((*outer, m * n))
        return flat._slice(
            {len(outer): (start, n + 1, length)} if length else {len(outer): (0, 1, 0)}
        )

    def diag_embed(self, offset=0, dim1=-2, dim2=-1):
        """The last axis as the diagonal of a plane of zeros at the axes `dim1` and `dim2`."""
        *outer, length = self.shape if self.shape else (self.size(-1),)
        n, rank = length + abs(offset), len(self.shape) + 1
        starts = (*(0,) * len(outer), _diagonal(n, n, offset)[0] if length else 0)
        steps = (*(1,) * len(outer), n + 1)
        y = self.apply(place, self, shape=(*outer, n * n), starts=starts, steps=steps, fill=0)
        a, b = axis_of(dim1, rank), axis_of(dim2, rank)
        if a == b:
            raise RuntimeError(f"diag_embed needs two different axes, not {dim1} and {dim2}")
        return y.reshape((*outer, n, n)).movedim((-2, -1), (a, b))

    def diag(self, diagonal=0):
        """The matrix with a vector as diagonal, or the diagonal of a matrix."""
        if len(self.shape) not in (1, 2):
            raise RuntimeError(f"diag takes a vector or a matrix and got {self.type_}")
        return self.diag_embed(diagonal) if len(self.shape) == 1 else self.diagonal(diagonal)

    def diagflat(self, offset=0):
        """The matrix with all elements as diagonal."""
        return self.reshape(-1).diag_embed(offset)

    def trace(self):
        """The sum of the diagonal of a matrix."""
        if len(self.shape) != 2:
            raise RuntimeError(f"trace takes a matrix and got {self.type_}")
        return self.diagonal().sum()

    def tril(self, diagonal=0):
        """Zeros above a diagonal; `diagonal` > 0 lies above the main one."""
        return self.where(self._columns_right("tril") <= diagonal, self.constant(0, self.dtype))

    def triu(self, diagonal=0):
        """Zeros below a diagonal; `diagonal` > 0 lies above the main one."""
        return self.where(self._columns_right("triu") >= diagonal, self.constant(0, self.dtype))

    # ---- shared

    def _plane_last(self, dim1, dim2):
        rank = len(self.shape)
        a, b = axis_of(dim1, rank), axis_of(dim2, rank)
        if rank < 2 or a == b:
            raise RuntimeError(
                f"a diagonal needs two different axes of {self.type_}: {dim1}, {dim2}"
            )
        return self.permute(*(i for i in range(rank) if i not in (a, b)), a, b)

    def _columns_right(self, what):
        """Column minus row of each element of the last two axes."""
        if len(self.shape) < 2:
            raise RuntimeError(f"{what} takes a matrix, or several, and got {self.type_}")
        shape = self.shape[-2:]
        column, row = (self.apply(position, shape=shape, axis=a) for a in (1, 0))
        return column - row


def _diagonal(rows, columns, offset):
    """Where a diagonal starts in the flattened matrix, and its length."""
    start = offset if offset >= 0 else -offset * columns
    length = min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns)
    return start, max(length, 0)
