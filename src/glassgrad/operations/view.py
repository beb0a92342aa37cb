"""Operations that only say where an element is read: a view computes nothing."""

from __future__ import annotations

import math
from builtins import sum as total
from functools import lru_cache

from ..types import ShapeError, Type
from .domains import real
from .record import SUM, Record, Space, sample

# ---- y[i] = x[i[a] for a in axes]: transposes and broadcasts are one thing.
# An axis of length 1 that is read at 0 wherever one looks has None for its place.


def _view_type(x, shape, axes):
    for n, a in zip(x.shape, axes, strict=True):
        if n != (1 if a is None else shape[a]):
            raise ShapeError(f"{x} cannot be seen as {list(shape)} along axes {axes}")
    return Type(shape, x.dtype)


def _view_meaning(np, x, shape, axes):
    order = _permutation(len(shape), axes)
    if order is not None:
        return x.transpose(order)
    strides = [0] * len(shape)
    for stride, a in zip(x.strides, axes):
        if a is not None:
            strides[a] = stride
    if x.flags.c_contiguous:  # as as_strided, in a tenth of its time
        return np.ndarray(shape, x.dtype, x, 0, strides)
    return np.lib.stride_tricks.as_strided(x, shape, strides)


@lru_cache(maxsize=1024)
def _permutation(rank, axes):
    """The order in which a view reads the axes of x, if it only reorders them."""
    if len(axes) != rank or None in axes:
        return None
    return tuple(sorted(range(rank), key=axes.__getitem__))


@lru_cache(maxsize=1024)
def _transposed(rank, axes):
    """What undoes a view: the axes to sum over, and the places of the rest (None: as they are)."""
    missing = tuple(a for a in range(rank) if a not in axes)
    kept = [a for a in axes if a is not None]
    if len(kept) == len(axes) and kept == sorted(kept):
        return missing, None
    rank_of = {a: i for i, a in enumerate(sorted(kept))}
    places = {rank_of[a]: i for i, a in enumerate(axes) if a is not None}
    return missing, tuple(places[i] for i in range(len(kept)))


def _view_gradient(g, y, x, shape, axes):
    """Sum over what was repeated, then put the axes back in their places."""
    missing, places = _transposed(len(shape), axes)
    g = g.sum(missing) if missing else g
    return (g if places is None else view(g, shape=x.shape, axes=places),)


view = Record(
    "view",
    "view",
    infer=_view_type,
    meaning=_view_meaning,
    gradient=_view_gradient,
    shares=True,
    samples=[
        sample(real(3, 4), shape=(4, 3), axes=(1, 0)),
        sample(real(2, 3, 4), shape=(4, 2, 3), axes=(1, 2, 0)),
        sample(real(4), shape=(3, 4), axes=(1,)),
        sample(real(), shape=(3, 2), axes=()),
        sample(real(3, 1), shape=(3, 5), axes=(0, None)),
        sample(real(1, 3, 1, 2), shape=(2, 5, 3), axes=(None, 2, None, 0)),
        sample(real(0, 4), shape=(4, 2, 0), axes=(2, 0)),
    ],
)

# ---- the same elements in the same order, under another shape


def _reshape_type(x, shape):
    if math.prod(x.shape) != math.prod(shape):
        raise ShapeError(
            f"{x} has {math.prod(x.shape)} elements and cannot take the shape {list(shape)}, "
            f"which has {math.prod(shape)}"
        )
    return Type(shape, x.dtype)


reshape: Record = Record(
    "reshape",
    "view",
    infer=_reshape_type,
    meaning=lambda np, x, shape: x.reshape(shape),
    gradient=lambda g, y, x, shape: (reshape(g, shape=x.shape),),
    shares=True,
    samples=[
        sample(real(3, 4), shape=(2, 6)),
        sample(real(), shape=(1, 1)),
        sample(real(0, 4), shape=(4, 0, 2)),
        sample(real(17, 6), shape=(17, 2, 3)),
    ],
)

# ---- every step-th element from a start; and its transpose, which puts them back into zeros


def _slices(shape, starts, steps, lengths):
    """Python slices; a negative step that ends at the first element has no stop."""
    for start, step, length in zip(starts, steps, lengths):
        stop = start + step * length
        yield slice(start, stop if stop >= 0 else None, step) if length else slice(0, 0)


def _placed(np, x, shape, starts, steps, fill):
    y = np.full(shape, fill, x.dtype) if fill else np.zeros(shape, x.dtype)
    y[tuple(_slices(shape, starts, steps, x.shape))] = x
    return y


slice_: Record = Record(
    "slice",
    "view",
    infer=lambda x, starts, steps, lengths: Type(tuple(lengths), x.dtype),
    meaning=lambda np, x, starts, steps, lengths: x[
        tuple(_slices(x.shape, starts, steps, lengths))
    ],
    gradient=lambda g, y, x, starts, steps, lengths: (
        place(g, shape=x.shape, starts=starts, steps=steps, fill=0),
    ),
    shares=True,
    samples=[
        sample(real(5, 7), starts=(1, 0), steps=(2, 3), lengths=(2, 3)),
        sample(real(5), starts=(4,), steps=(-1,), lengths=(5,)),
        sample(real(5), starts=(4,), steps=(-2,), lengths=(2,)),
        sample(real(5, 2), starts=(3, 0), steps=(1, 1), lengths=(0, 2)),
    ],
)
place: Record = Record(
    "place",
    "view",
    infer=lambda x, shape, starts, steps, fill: Type(tuple(shape), x.dtype),
    meaning=_placed,
    gradient=lambda g, y, x, shape, starts, steps, fill: (
        slice_(g, starts=starts, steps=steps, lengths=x.shape),
    ),
    samples=[
        sample(real(2, 3), shape=(5, 7), starts=(1, 0), steps=(2, 3), fill=0),
        sample(real(3), shape=(5,), starts=(4,), steps=(-2,), fill=2.5),
        sample(real(0), shape=(2,), starts=(1,), steps=(1,), fill=0),
    ],
)

# ---- several tensors end to end


def _joined_type(*types, axis):
    first = types[0]
    for t in types[1:]:
        if t.shape[:axis] + t.shape[axis + 1 :] != first.shape[:axis] + first.shape[axis + 1 :]:
            raise ShapeError(
                f"{first} and {t} cannot be joined along axis {axis}: other axes differ"
            )
    length = total(t.shape[axis] for t in types)
    return Type((*first.shape[:axis], length, *first.shape[axis + 1 :]), first.dtype)


def _joined_gradient(g, y, *inputs, axis):
    parts, start = [], 0
    for x in inputs:
        starts = tuple(start if a == axis else 0 for a in range(len(x.shape)))
        parts.append(slice_(g, starts=starts, steps=(1,) * len(x.shape), lengths=x.shape))
        start += x.shape[axis]
    return tuple(parts)


concatenate = Record(
    "concatenate",
    "view",
    infer=_joined_type,
    meaning=lambda np, *inputs, axis: np.concatenate(inputs, axis),
    gradient=_joined_gradient,
    samples=[
        sample(real(2, 3), real(4, 3), real(0, 3), axis=0),
        sample(real(2, 3), real(2, 1), axis=1),
        sample(real(5), axis=0),
    ],
)

# ---- sliding windows over the last axes: y[..., o, k] = x[..., stride * o + dilation * k]


def window_counts(extents, size, stride, dilation):
    """How many windows fit along each axis: floor((n - dilation (k - 1) - 1) / stride) + 1."""
    counts = [
        (n - d * (k - 1) - 1) // s + 1 if n >= d * (k - 1) + 1 else 0
        for n, k, s, d in zip(extents, size, stride, dilation, strict=True)
    ]
    return tuple(counts)


def meeting(positions, elements, stride, expand, first):
    """The positions i and the elements j that meet: stride i + first = expand j, as two slices."""
    if expand != 1:
        j, i = meeting(elements, positions, expand, 1, -first)
        return i, j
    start = max(-(first // stride), 0)
    stop = max(min((elements - 1 - first) // stride + 1, positions), start)
    inside = slice(stride * start + first, stride * (stop - 1) + first + 1, stride)
    return slice(start, stop), inside if stop > start else slice(0, 0)


def windowed(np, x, size, stride, dilation):
    """The windows of an array, without a copy."""
    lead = x.ndim - len(size)
    counts = window_counts(x.shape[lead:], size, stride, dilation)
    steps = x.strides[lead:]
    strides = (
        *x.strides[:lead],
        *(n * s for n, s in zip(steps, stride)),
        *(n * d for n, d in zip(steps, dilation)),
    )
    shape = (*x.shape[:lead], *counts, *size)
    if x.flags.c_contiguous and math.prod(shape):
        return np.ndarray(shape, x.dtype, x, 0, strides)
    return np.lib.stride_tricks.as_strided(x, shape, strides)


def _windows_type(x, size, stride, dilation):
    lead = len(x.shape) - len(size)
    counts = window_counts(x.shape[lead:], size, stride, dilation)
    return Type((*x.shape[:lead], *counts, *size), x.dtype)


def _overlap_meaning(np, x, shape, size, stride, dilation):
    """Window position by window position: as many strided additions as a window has places."""
    y, n = np.zeros(shape, x.dtype), len(size)
    counts = x.shape[x.ndim - 2 * n : x.ndim - n]
    for place_ in np.ndindex(*size):
        where_ = [
            slice(d * p, d * p + s * (c - 1) + 1, s) if c else slice(0, 0)
            for p, c, s, d in zip(place_, counts, stride, dilation)
        ]
        y[(..., *where_)] += x[(..., *place_)]
    return y


windows: Record = Record(
    "windows",
    "view",
    infer=_windows_type,
    meaning=windowed,
    gradient=lambda g, y, x, size, stride, dilation: (
        overlap(g, shape=x.shape, size=size, stride=stride, dilation=dilation),
    ),
    shares=True,
    samples=[
        sample(real(2, 7), size=(3,), stride=(2,), dilation=(1,)),
        sample(real(7), size=(2,), stride=(1,), dilation=(3,)),
        sample(real(2, 6, 5), size=(2, 3), stride=(2, 1), dilation=(1, 2)),
        sample(real(2, 2), size=(3,), stride=(1,), dilation=(1,)),
    ],
)


def _overlap_space(y, x, shape, size, stride, dilation):
    """Position i of the output is place k of window (i - dilation k) / stride, if that is whole."""
    n, lead = len(size), len(shape) - len(size)
    steps = enumerate(zip(stride, dilation))
    at = tuple((((lead + j, 1), (lead + n + j, -d)), 0, s) for j, (s, d) in steps)
    places = tuple(range(lead + n, lead + 2 * n))
    return Space((*shape, *size), places, ((*range(lead), *at, *places),))


overlap: Record = Record(
    "overlap",
    "loop",
    infer=lambda x, shape, size, stride, dilation: Type(tuple(shape), x.dtype),
    meaning=_overlap_meaning,
    gradient=lambda g, y, x, shape, size, stride, dilation: (
        windows(g, size=size, stride=stride, dilation=dilation),
    ),
    space=_overlap_space,
    fold=SUM,
    samples=[
        sample(real(2, 3, 3), shape=(2, 7), size=(3,), stride=(2,), dilation=(1,)),
        sample(real(3, 1, 2, 3), shape=(6, 5), size=(2, 3), stride=(2, 1), dilation=(1, 2)),
        sample(real(0, 3), shape=(2,), size=(3,), stride=(1,), dilation=(1,)),
    ],
)
