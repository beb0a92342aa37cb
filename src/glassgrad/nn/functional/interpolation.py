"""Images and signals seen at another number of points."""

from __future__ import annotations

import math
from typing import Any

from ...operations.index import position
from ...tensors.creation import coerced
from ...types import ShapeError
from .adaptive import adaptive_avg_pool1d, adaptive_avg_pool2d

__all__ = ["interpolate"]

AXES = {"linear": 1, "bilinear": 2, "bicubic": 2}  # modes that are for so many axes alone


def interpolate(
    input,
    size=None,
    scale_factor=None,
    mode="nearest",
    align_corners=None,
    recompute_scale_factor=None,
    antialias=False,
):
    """the input at `size` points of each axis, or scale_factor times as many

    x: [batch, channels, height, width] -> y: [batch, channels, rows, columns]

    mode                    "nearest", "nearest-exact", "linear" (one axis), "bilinear", "bicubic"
                            (two axes), or "area": means of windows
    align_corners           whether the first and last points of input and output lie on each other,
                            and not the edges of their elements
    recompute_scale_factor  whether the ratio of the lengths is used for the scale
    """
    if antialias:
        raise NotImplementedError("interpolate: antialias=True comes later; leave it False")
    x = coerced(input)
    axes = len(x.shape) - 2
    if axes not in (1, 2):
        raise NotImplementedError(
            f"interpolate takes [batch, channels, ...] of 1 or 2 axes, not {x.type_}"
        )
    if mode not in ("nearest", "nearest-exact", "area", *AXES):
        raise NotImplementedError(
            f"interpolate knows {', '.join(AXES)}, nearest and area, not {mode!r}"
        )
    if AXES.get(mode, axes) != axes:
        raise NotImplementedError(
            f"Got {axes + 2}D input, but {mode} mode needs {AXES[mode] + 2}D input"
        )
    if align_corners is not None and mode not in AXES:
        raise ValueError(f"align_corners option can only be set with the modes {', '.join(AXES)}")
    lengths, scales = _lengths(x, size, scale_factor)
    if mode == "area":
        return (adaptive_avg_pool1d, adaptive_avg_pool2d)[axes - 1](x, lengths)
    scales = [None] * axes if recompute_scale_factor else scales
    for axis, (length, scale) in enumerate(zip(lengths, scales), 2):
        ratio = x.shape[axis] / length if scale is None else 1 / scale
        if mode == "bicubic":
            x = _smooth(x, axis, length, ratio, bool(align_corners))
        elif mode in AXES:
            x = _blended(x, axis, length, ratio, bool(align_corners))
        else:
            x = _nearest(x, axis, length, ratio, 0.5 if mode == "nearest-exact" else 0.0)
    return x


def _lengths(x: Any, size: Any, scale_factor: Any) -> tuple[tuple[int, ...], list]:
    """How many points along each axis, and the scales if they were given."""
    if (size is None) == (scale_factor is None):
        raise ValueError("only one of size or scale_factor should be defined, and one has to be")
    axes = len(x.shape) - 2
    given = size if scale_factor is None else scale_factor
    listed = list(given) if isinstance(given, (tuple, list)) else [given] * axes
    if len(listed) != axes:
        raise ValueError(
            f"{given} is for {len(listed)} axes, and {x.type_} has {axes} after the channels"
        )
    if scale_factor is None:
        lengths, scales = tuple(map(int, listed)), [None] * axes
    else:
        lengths = tuple(math.floor(n * s) for n, s in zip(x.shape[2:], listed))
        scales = listed
    if min(*lengths, *x.shape[2:]) < 1:
        raise ShapeError(
            f"{x.type_} cannot be seen at {list(lengths)} points: each axis needs one at least"
        )
    return lengths, scales


def _nearest(x: Any, axis: int, length: int, ratio: float, shift: float) -> Any:
    at = _points(x, length)
    index = ((at + shift) * ratio).floor().clamp(0, x.shape[axis] - 1)
    return x.index_select(axis, index.long())


def _blended(x: Any, axis: int, length: int, ratio: float, align_corners: bool) -> Any:
    """Each point between its two neighbours, by its distance from them."""
    n = x.shape[axis]
    at = _places(x, axis, length, ratio, align_corners).clamp(min=0)
    first = at.floor().clamp(max=n - 1)
    weight = (at - first).clamp(0, 1).reshape((-1, *(1,) * (len(x.shape) - axis - 1)))
    before = x.index_select(axis, first.long())
    after = x.index_select(axis, (first + 1).clamp(max=n - 1).long())
    return before * (1 - weight) + after * weight


def _smooth(x: Any, axis: int, length: int, ratio: float, align_corners: bool) -> Any:
    """Each point from four neighbours, by cubic pieces with a = -0.75 (Keys 1981)."""
    a, n = -0.75, x.shape[axis]
    at = _places(x, axis, length, ratio, align_corners)
    first = at.floor()
    t = (at - first).reshape((-1, *(1,) * (len(x.shape) - axis - 1)))
    near = [((a + 2) * s - (a + 3)) * s * s + 1 for s in (t, 1 - t)]
    far = [((s - 5) * s + 8) * s * a - 4 * a for s in (1 + t, 2 - t)]
    weights = far[0], near[0], near[1], far[1]
    rows = [(first + k).clamp(0, n - 1).long() for k in (-1, 0, 1, 2)]
    return sum(x.index_select(axis, row) * w for row, w in zip(rows, weights))


def _places(x: Any, axis: int, length: int, ratio: float, align_corners: bool) -> Any:
    """Where the points of the output lie among those of the input."""
    at = _points(x, length)
    if align_corners:
        return at * ((x.shape[axis] - 1) / (length - 1) if length > 1 else 0)
    return (at + 0.5) * ratio - 0.5


def _points(x: Any, length: int) -> Any:
    return x.apply(position, shape=(length,), axis=0).to(x.dtype)
