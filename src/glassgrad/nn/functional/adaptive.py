"""Pooling to a given number of windows, which differ in length by one where it must be.

Window i of n elements in m windows reaches from floor(i n / m) to ceil((i + 1) n / m).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...operations.index import position
from ...tensors.creation import coerced
from ...types import ShapeError
from .arguments import batched
from .pooling import avg_pool1d, avg_pool2d, max_pool1d, max_pool2d, picked

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool1d", "adaptive_max_pool2d",
]  # fmt: skip


def adaptive_avg_pool1d(input, output_size):
    """the means of `output_size` windows

    x: [batch, channels, length] -> y: [batch, channels, output_size]
    """
    return _averaged(1, input, output_size)


def adaptive_avg_pool2d(input, output_size):
    """the means of output_size = (rows, columns) windows; None keeps the length of an axis

    x: [batch, channels, height, width] -> y: [batch, channels, rows, columns]
    """
    return _averaged(2, input, output_size)


def adaptive_max_pool1d(input, output_size, return_indices=False):
    """the maxima of `output_size` windows; return_indices=True gives (y, positions)

    x: [batch, channels, length] -> y: [batch, channels, output_size]
    """
    return _largest(1, input, output_size, return_indices)


def adaptive_max_pool2d(input, output_size, return_indices=False):
    """the maxima of output_size = (rows, columns) windows; None keeps the length of an axis

    x: [batch, channels, height, width] -> y: [batch, channels, rows, columns]
    """
    return _largest(2, input, output_size, return_indices)


def _averaged(axes: int, input: Any, output_size: Any) -> Any:
    """Equal windows are ordinary pooling; else a matrix has 1 / length in each row."""
    x, had_batch = batched(coerced(input), axes, f"adaptive_avg_pool{axes}d")
    counts = _counts(x, output_size, axes)
    if equal := _equal_windows(x, counts):
        y = (avg_pool1d, avg_pool2d)[axes - 1](x, equal)
    else:
        y = x
        for axis, (n, m) in enumerate(zip(x.shape[2:], counts), 2):
            y = _means(y, axis, n, m)
    return y if had_batch else y.squeeze(0)


def _means(x: Any, axis: int, n: int, m: int) -> Any:
    first, last = _bounds(n, m)
    at = np.arange(n)
    inside = (at >= first[:, None]) & (at < last[:, None])
    matrix = x.lift((inside / (last - first)[:, None]).astype(x.dtype))
    rank = len(x.shape)
    labels = tuple(rank if a == axis else a for a in range(rank))
    return x.contract(matrix, (labels, (axis, rank)), rank)


def _largest(axes: int, input: Any, output_size: Any, return_indices: bool) -> Any:
    """Windows are read by tables of positions, short ones with their last element repeated."""
    x, had_batch = batched(coerced(input), axes, f"adaptive_max_pool{axes}d")
    counts = _counts(x, output_size, axes)
    if equal := _equal_windows(x, counts):
        pool = (max_pool1d, max_pool2d)[axes - 1]
        y, index = pool(x, equal, return_indices=True)
    else:
        y, index = picked(x, _winners(x.detach(), counts), True, True)
    if not had_batch:
        y, index = y.squeeze(0), index.squeeze(0)
    return (y, index) if return_indices else y


def _winners(x: Any, counts: tuple) -> Any:
    """The positions in each flattened channel of the largest of each window."""
    tables = [_table(n, m) for n, m in zip(x.shape[2:], counts)]
    seen = x
    for axis, table in enumerate(tables, 2):
        seen = seen.index_select(axis, x.lift(table.reshape(-1)))
    shape = [n for table in tables for n in table.shape]
    axes = range(2, 2 + len(shape))
    seen = seen.reshape((*x.shape[:2], *shape)).permute(0, 1, *axes[::2], *axes[1::2])
    winner = seen.flatten(2 + len(tables)).argmax(-1)
    index: Any = 0
    for axis, table in enumerate(tables):
        inner = math.prod(t.shape[1] for t in tables[axis + 1 :])
        row = x.apply(position, shape=winner.shape, axis=2 + axis) * table.shape[1]
        place = winner // inner % table.shape[1]
        index = index * x.shape[2 + axis] + x.lift(table.reshape(-1)).take(row + place)
    return index


def _table(n: int, m: int) -> np.ndarray:
    """[windows, longest]: the positions that each window reads."""
    first, last = _bounds(n, m)
    longest = int((last - first).max())
    return np.minimum(first[:, None] + np.arange(longest), last[:, None] - 1)


def _bounds(n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    at = np.arange(m)
    return at * n // m, -(-(at + 1) * n // m)


def _counts(x: Any, output_size: Any, axes: int) -> tuple[int, ...]:
    listed = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * axes
    counts = tuple(n if m is None else int(m) for n, m in zip(x.shape[2:], listed))
    if len(listed) != axes or min(counts) < 1 or 0 in x.shape[2:]:
        raise ShapeError(f"x: {x.type_} cannot be pooled to output_size={output_size}")
    return counts


def _equal_windows(x: Any, counts: tuple) -> tuple[int, ...] | None:
    """The length of windows if all are equal."""
    if any(n % m for n, m in zip(x.shape[2:], counts)):
        return None
    return tuple(n // m for n, m in zip(x.shape[2:], counts))
