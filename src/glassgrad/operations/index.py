"""Positions as values, and the one element that wins: indices, which have no gradient."""

from __future__ import annotations

import math

from ..types import Type, int64, is_real
from .domains import distinct
from .record import Record, no_gradient, sample
from .view import meeting

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

# ---- the largest element of each window of the last axes, as its position in them flattened.
# Window i has its place k at stride i + dilation k - low; places outside do not count.


def _window_type(x, size, stride, dilation, low, counts):
    return Type((*x.shape[: len(x.shape) - len(size)], *counts), int64)


def _window_argmax(np, x, size, stride, dilation, low, counts):
    """Place by place: windows that find a larger element than so far take the place's number."""
    lengths = x.shape[x.ndim - len(size) :]
    nan = x != x  # NaN is larger than all
    nan = nan if nan.any() else None
    axes = list(zip(np.ogrid[tuple(map(slice, counts))], stride, dilation, low, strict=True))
    firsts = [np.maximum(-((s * i - a) // d), 0) for i, s, d, a in axes]  # the first place inside
    lowest = -math.inf if is_real(x.dtype) else np.iinfo(x.dtype).min
    best = np.full((*x.shape[: x.ndim - len(size)], *counts), lowest, x.dtype)
    kind = np.int16 if math.prod(size) < 2**15 else np.int64
    winner = np.zeros(best.shape, kind) + _flattened(firsts, size).astype(kind)
    for number, place in enumerate(np.ndindex(*size)):
        starts = [d * k - a for k, d, a in zip(place, dilation, low)]
        meet = list(map(meeting, counts, lengths, stride, (1,) * len(size), starts))
        here, seen = (..., *(i for i, _ in meet)), (..., *(j for _, j in meet))
        better = x[seen] > best[here]
        better = better if nan is None else better | nan[seen]
        np.maximum(best[here], x[seen], out=best[here])
        np.maximum(winner[here], np.multiply(better, number, dtype=kind), out=winner[here])
    offsets = _flattened(
        [d * g for d, g in zip(dilation, np.ogrid[tuple(map(slice, size))])], lengths
    )
    return offsets.reshape(-1)[winner] + _flattened([s * i - a for i, s, _, a in axes], lengths)


def _flattened(positions, lengths):
    """Positions along each axis as one number."""
    total = 0
    for position, length in zip(positions, lengths, strict=True):
        total = total * length + position
    return total


window_argmax = Record(
    "window_argmax",
    "index",
    infer=_window_type,
    meaning=_window_argmax,
    gradient=no_gradient,
    samples=[
        sample(distinct(2, 7), size=(3,), stride=(2,), dilation=(1,), low=(0,), counts=(3,)),
        sample(distinct(5), size=(2,), stride=(1,), dilation=(3,), low=(1,), counts=(3,)),
        sample(
            distinct(2, 6, 5),
            size=(2, 3),
            stride=(2, 1),
            dilation=(1, 2),
            low=(1, 1),
            counts=(4, 3),
        ),
    ],
)
argsort = Record(
    "argsort",
    "numpy",
    infer=lambda x, axis: Type(x.shape, int64),
    meaning=lambda np, x, axis: np.argsort(x, axis, kind="stable"),
    gradient=no_gradient,
    samples=[sample(distinct(3, 4), axis=1), sample(distinct(17), axis=0)],
)
