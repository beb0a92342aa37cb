"""Maxima of the windows of the last axes, the places that win, and what goes by these places.

Window i has its place k at stride i + dilation k - low, and there are `counts` windows; places are
numbered in order, and those outside of the input do not count.  `window_pick` and `window_spread`
are each other's transpose.
"""

from __future__ import annotations

import math

from ..types import Type, int64, is_real, uint8
from .domains import distinct, real
from .domains import index as indices
from .record import Record, no_gradient, sample
from .view import meeting


def place_type(size):
    """The smallest type for the number of a place; bytes leave a number to spare."""
    return uint8 if math.prod(size) < 2**8 else int64


def _meet(np, lengths, size, stride, dilation, low, counts):
    """For each place its number, the windows that have it inside, and where they see it."""
    for number, place in enumerate(np.ndindex(*size)):
        starts = [d * k - a for k, d, a in zip(place, dilation, low)]
        meet = list(map(meeting, counts, lengths, stride, (1,) * len(size), starts))
        yield number, (..., *(i for i, _ in meet)), (..., *(j for _, j in meet))


# ---- the value


def _max_type(x, size, stride, dilation, low, counts):
    return Type((*x.shape[: len(x.shape) - len(size)], *counts), x.dtype)


def _window_max(np, x, size, stride, dilation, low, counts):
    lead = x.ndim - len(size)
    lowest = -math.inf if is_real(x.dtype) else np.iinfo(x.dtype).min
    y = np.full((*x.shape[:lead], *counts), lowest, x.dtype)
    for _, here, seen in _meet(np, x.shape[lead:], size, stride, dilation, low, counts):
        np.maximum(y[here], x[seen], out=y[here])
    return y


def _max_gradient(g, y, x, **windows):
    lengths = x.shape[len(x.shape) - len(windows["size"]) :]
    return (window_spread(g, window_place(x, y, **windows), lengths=lengths, **windows),)


ONE = {"size": (3,), "stride": (2,), "dilation": (1,), "low": (0,), "counts": (3,)}
APART = {"size": (2,), "stride": (3,), "dilation": (2,), "low": (1,), "counts": (3,)}
TWO = {"size": (2, 3), "stride": (2, 1), "dilation": (1, 2), "low": (1, 1), "counts": (4, 3)}
EQUAL = {"size": (2, 2), "stride": (2, 2), "dilation": (1, 1), "low": (0, 0), "counts": (2, 3)}
CASES = (((2, 7), ONE), ((8,), APART), ((2, 6, 5), TWO), ((3, 4, 6), EQUAL), ((0, 4, 6), EQUAL))

window_max: Record = Record(
    "window_max",
    "gather",
    infer=_max_type,
    meaning=_window_max,
    gradient=_max_gradient,
    samples=[sample(distinct(*shape), **windows) for shape, windows in CASES],
)

# ---- the place that wins: the first of equal ones; of several NaN the last, as in PyTorch


def _place_type(x, y, size, stride, dilation, low, counts):
    return Type(y.shape, place_type(size))


def _window_place(np, x, y, size, stride, dilation, low, counts):
    """From the last place to the first: what is as large as the maximum y takes the place."""
    lead, nan = x.ndim - len(size), y != y
    nan = nan if nan.any() else None
    winner = np.full(y.shape, math.prod(size), np.uint8 if math.prod(size) < 256 else np.int64)
    places = list(_meet(np, x.shape[lead:], size, stride, dilation, low, counts))
    for number, here, seen in reversed(places):
        np.copyto(winner[here], number, where=x[seen] == y[here])
    for number, here, seen in places if nan is not None else ():
        np.copyto(winner[here], number, where=x[seen] != x[seen])
    return winner


window_place: Record = Record(
    "window_place",
    "index",
    infer=_place_type,
    meaning=_window_place,
    gradient=no_gradient,
    samples=[
        sample(distinct(2, 7), distinct(2, 3), **ONE),
        sample(distinct(3, 4, 6), distinct(3, 2, 3), **EQUAL),
    ],
)

# ---- the elements at given places, and their transpose


def _pick_type(x, place, size, stride, dilation, low, counts):
    return Type(place.shape, x.dtype)


def _window_pick(np, x, place, size, stride, dilation, low, counts):
    lead, y = x.ndim - len(size), np.zeros(place.shape, x.dtype)
    for number, here, seen in _meet(np, x.shape[lead:], size, stride, dilation, low, counts):
        np.copyto(y[here], x[seen], where=place[here] == number)
    return y


def _pick_gradient(g, y, x, place, **windows):
    lengths = x.shape[len(x.shape) - len(windows["size"]) :]
    return window_spread(g, place, lengths=lengths, **windows), None


def _spread_type(g, place, lengths, size, stride, dilation, low, counts):
    return Type((*g.shape[: len(g.shape) - len(size)], *lengths), g.dtype)


def _window_spread(np, g, place, lengths, size, stride, dilation, low, counts):
    """Each element goes to its place; where windows overlap they are added up."""
    y = np.zeros((*g.shape[: g.ndim - len(size)], *lengths), g.dtype)
    for number, here, seen in _meet(np, lengths, size, stride, dilation, low, counts):
        y[seen] += np.where(place[here] == number, g[here], np.zeros((), g.dtype))
    return y


def _spread_gradient(g, y, x, place, lengths, **windows):
    return window_pick(g, place, **windows), None


def _places(windows, *shape):
    return indices(math.prod(windows["size"]))(*shape, *windows["counts"])


INSIDE = {**ONE, "counts": (2,)}
window_pick: Record = Record(
    "window_pick",
    "gather",
    infer=_pick_type,
    meaning=_window_pick,
    gradient=_pick_gradient,
    samples=[
        sample(real(2, 7), _places(ONE, 2), **ONE),
        sample(real(2, 6, 5), _places(TWO, 2), **TWO),
        sample(real(3, 4, 6), _places(EQUAL, 3), **EQUAL),
    ],
)
window_spread: Record = Record(
    "window_spread",
    "gather",
    infer=_spread_type,
    meaning=_window_spread,
    gradient=_spread_gradient,
    samples=[
        sample(real(2, 3), _places(ONE, 2), lengths=(7,), **ONE),
        sample(real(2, 2), _places(INSIDE, 2), lengths=(7,), **INSIDE),
        sample(real(3), _places(APART), lengths=(8,), **APART),
        sample(real(2, 4, 3), _places(TWO, 2), lengths=(6, 5), **TWO),
        sample(real(3, 2, 3), _places(EQUAL, 3), lengths=(4, 6), **EQUAL),
        sample(real(3, 2, 3), _places(EQUAL, 3), lengths=(5, 6), **EQUAL),
    ],
)
