"""Positions as values, and the one element that wins: indices, which have no gradient."""

from __future__ import annotations

from ..types import Type, int64
from .domains import distinct
from .record import Record, no_gradient, sample

position = Record(  # y[i] = i[axis]: one-hot labels, masks and counters
    "position",
    "index",
    infer=lambda shape, axis: Type(tuple(shape), int64),
    meaning=lambda np, shape, axis: np.broadcast_to(
        np.arange(shape[axis]).reshape([-1 if a == axis else 1 for a in range(len(shape))]), shape
    ),
    gradient=no_gradient,
    samples=[
        sample(shape=(3, 4), axis=0),
        sample(shape=(3, 4), axis=1),
        sample(shape=(5,), axis=0),
    ],
)


def _arg_type(x, axis):
    return Type(x.shape[:axis] + x.shape[axis + 1 :], int64)


def winner(name, meaning):
    """The position along an axis of the element that wins; the first where several do."""
    samples = [sample(distinct(*s), axis=a) for s, a in (((3, 4), 0), ((3, 4), 1), ((17,), 0))]
    return Record(name, "index", _arg_type, meaning, no_gradient, samples=samples)


argmax = winner("argmax", lambda np, x, axis: np.argmax(x, axis))
argmin = winner("argmin", lambda np, x, axis: np.argmin(x, axis))
argsort = Record(
    "argsort",
    "numpy",
    infer=lambda x, axis: Type(x.shape, int64),
    meaning=lambda np, x, axis: np.argsort(x, axis, kind="stable"),
    gradient=no_gradient,
    samples=[sample(distinct(3, 4), axis=1), sample(distinct(17), axis=0)],
)
