"""Functions of samples: where numbers lie among others, integrals and slopes from points."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..types import axis_of, int32
from .creation import coerced
from .node import real
from .tensor import Tensor


def searchsorted(
    sorted_sequence, input, *, out_int32=False, right=False, side=None, sorter=None
) -> Any:
    """Where each number would go into an ascending row: before equal ones, with right=True after.

    sorted_sequence: [n] or [..., n], input: any or [..., m] -> the shape of input
    """
    row, x = coerced(sorted_sequence), coerced(input)
    if side not in (None, "left", "right"):
        raise RuntimeError(f"searchsorted: side is 'left' or 'right', not {side!r}")
    side = "right" if right or side == "right" else "left"
    rows = row.known() if sorter is None else np.take_along_axis(row.known(), sorter.known(), -1)
    if rows.ndim == 1:
        return _places(np.searchsorted(rows, x.known(), side), out_int32, x)
    if rows.shape[:-1] != x.shape[:-1]:
        raise RuntimeError(
            f"searchsorted: all axes but the last must be equal; got {row.type_} and {x.type_}"
        )
    flat = x.known().reshape(-1, x.shape[-1])
    pairs = zip(rows.reshape(-1, rows.shape[-1]), flat)
    found = np.array([np.searchsorted(r, v, side) for r, v in pairs], np.int64)
    return _places(found.reshape(x.shape), out_int32, x)


def bucketize(input, boundaries, *, out_int32=False, right=False) -> Any:
    """Which of the parts between ascending boundaries each number lies in."""
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


def isin(elements, test_elements, *, assume_unique=False, invert=False) -> Any:
    """Whether each element is one of others."""
    x, others = coerced(elements), coerced(test_elements)
    return x.lift(np.isin(x.known(), others.known(), invert=invert))


def unravel_index(indices, shape) -> tuple:
    """Positions in the flattened tensor as one index for each axis of `shape`."""
    x = coerced(indices)
    return tuple(x.lift(np.asarray(i)) for i in np.unravel_index(x.known(), tuple(shape)))


def tril_indices(row, col, offset=0, *, dtype=np.int64, device="cpu") -> Any:
    """Rows and columns of the places on and below a diagonal: [2, count]."""
    return Tensor.lift(np.stack(np.tril_indices(row, offset, col))).to(dtype)


def triu_indices(row, col, offset=0, *, dtype=np.int64, device="cpu") -> Any:
    """Rows and columns of the places on and above a diagonal: [2, count]."""
    return Tensor.lift(np.stack(np.triu_indices(row, offset, col))).to(dtype)


def histogramdd(input, bins, *, range=None, weight=None, density=False) -> tuple:
    """(counts, edges) of points, one a row, in a grid: [count, axes] -> [bins of each axis]."""
    x = coerced(input)
    points = x.known().reshape(-1, x.shape[-1])
    if not isinstance(bins, int):
        bins = [b.known() if isinstance(b, Tensor) else b for b in bins]
    limits = None if range is None else list(zip(range[::2], range[1::2]))
    weights = None if weight is None else weight.known().reshape(-1)
    counts, edges = np.histogramdd(points, bins, limits, density or None, weights)
    return x.lift(counts.astype(x.dtype)), tuple(x.lift(e.astype(x.dtype)) for e in edges)


# ---- integrals and slopes


def trapezoid(y, x=None, *, dx=None, dim=-1) -> Any:
    """The integral along `dim` by trapezoids, of points at `x` or at distances `dx`."""
    return _trapezoids(coerced(y), x, dx, dim).sum(dim)


trapz = trapezoid


def cumulative_trapezoid(y, x=None, *, dx=None, dim=-1) -> Any:
    """The integrals from the first point to each other one, by trapezoids."""
    return _trapezoids(coerced(y), x, dx, dim).cumsum(dim)


def _trapezoids(y: Any, x: Any, dx: Any, dim: int) -> Any:
    n = y.size(dim)
    if x is not None and dx is not None:
        raise RuntimeError("trapezoid takes the points x or their distance dx, not both")
    means = (y.narrow(dim, 1, n - 1) + y.narrow(dim, 0, n - 1)) / 2 if n else real(y)
    if x is None:
        return means if dx is None else means * dx
    if x.ndim == 1:
        shape = [1] * y.ndim
        shape[axis_of(dim, y.ndim)] = -1
        return means * x.diff().reshape(shape)
    return means * x.diff(dim=dim)


def gradient(input, *, spacing=1, dim=None, edge_order=1) -> tuple:
    """The slope along each axis from neighbouring points, exact for parabolas inside.

    spacing is a distance, one for each axis, or the coordinates along each axis; at the ends one
    neighbour is used, with edge_order=2 two.
    """
    x = real(coerced(input))
    axes = list(range(x.ndim)) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    many = isinstance(spacing, (tuple, list))
    spaces = list(spacing) if many else [spacing] * len(axes)
    if len(spaces) != len(axes):
        raise RuntimeError(f"gradient needs spacing for {len(axes)} axes and got {len(spaces)}")
    if edge_order not in (1, 2):
        raise RuntimeError(f"gradient: edge_order is 1 or 2, not {edge_order}")
    return tuple(_slope(x, axis, space, edge_order) for axis, space in zip(axes, spaces))


def _slope(x: Any, axis: int, space: Any, edge_order: int) -> Any:
    last = x.movedim(axis, -1)
    n = last.shape[-1]
    if n < edge_order + 1:
        raise RuntimeError(f"gradient: axis {axis} of {x.type_} needs {edge_order + 1} points")
    if isinstance(space, Tensor) and space.ndim:
        steps = space.diff()
    else:
        steps = last.new_ones(n - 1) * (space.item() if isinstance(space, Tensor) else space)
    slopes = last.diff() / steps  # between neighbours
    before, after = steps[:-1], steps[1:]
    inner = (slopes[..., :-1] * after + slopes[..., 1:] * before) / (before + after)
    ends = slopes[..., :1], slopes[..., -1:]
    if edge_order == 2:
        bend = slopes.diff() / (before + after)
        ends = ends[0] - bend[..., :1] * steps[:1], ends[1] + bend[..., -1:] * steps[-1:]
    return ends[0].join([inner, ends[1]], -1).movedim(-1, axis)


def _places(found: Any, narrow: bool, x: Any) -> Any:
    return x.lift(np.asarray(found, int32 if narrow else np.int64))


__all__ = [
    "bucketize", "cumulative_trapezoid", "gradient", "histogramdd", "isin", "searchsorted",
    "trapezoid", "trapz", "tril_indices", "triu_indices", "unravel_index",
]  # fmt: skip
