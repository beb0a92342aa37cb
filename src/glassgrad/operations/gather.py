"""Rows picked by index, and its transpose: rows added where an index says.

Every form of indexing by arrays is these two, after axes have been moved and merged.
"""

from __future__ import annotations

from ..types import ShapeError, Type
from .domains import index, real
from .record import Record, sample


def _put_meaning(np, x, rows, n):
    y = np.zeros((n, *x.shape[rows.ndim :]), x.dtype)
    np.add.at(y, rows, x)
    return y


def _put_type(x, rows, n):
    if x.shape[: len(rows.shape)] != rows.shape:
        raise ShapeError(f"put needs one row of {x} for each of the indices {rows}")
    return Type((n, *x.shape[len(rows.shape) :]), x.dtype)


take = Record(  # y[i, ...] = x[rows[i], ...]
    "take",
    "gather",
    infer=lambda x, rows: Type((*rows.shape, *x.shape[1:]), x.dtype),
    meaning=lambda np, x, rows: x[rows],
    gradient=lambda g, y, x, rows: (put(g, rows, n=x.shape[0]), None),
    samples=[
        sample(real(5), index(5)(7)),
        sample(real(5, 3), index(5)(2, 4)),
        sample(real(1, 3), index(1)()),
        sample(real(5, 3), index(5)(0)),
    ],
)
put: Record = Record(  # y[r, ...] = sum of x[i, ...] over all i with rows[i] = r
    "put",
    "gather",
    infer=_put_type,
    meaning=_put_meaning,
    gradient=lambda g, y, x, rows, n: (take(g, rows), None),
    samples=[
        sample(real(7), index(5)(7), n=5),
        sample(real(2, 4, 3), index(5)(2, 4), n=5),
        sample(real(0, 3), index(5)(0), n=5),
    ],
)
