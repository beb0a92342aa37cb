"""Pooling to a given number of windows, which differ in length by one where it must be.

Window i of n elements in m windows reaches from floor(i n / m) to ceil((i + 1) n / m).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...tensors.creation import coerced
from ...types import ShapeError
from .arguments import batched
from .pooling import avg_pool1d, avg_pool2d, max_pool1d, max_pool2d

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
    """Windows lie side by side in tables of positions, short ones with their last one repeated."""
    x, had_batch = batched(coerced(input), axes, f"adaptive_max_pool{axes}d")
    counts, pool = _counts(x, output_size, axes), (max_pool1d, max_pool2d)[axes - 1]
    size, seen = _equal_windows(x, counts), x
    tables = [] if size else [_table(n, m) for n, m in zip(x.shape[2:], counts)]
    for axis, table in enumerate(tables, 2):
        seen = seen.index_select(axis, x.lift(table.reshape(-1)))
    size = size or tuple(table.shape[1] for table in tables)
    if not return_indices:
        y = pool(seen, size)
        return y if had_batch else y.squeeze(0)
    y, index = pool(seen, size, return_indices=True)
    index = _looked_up(index, tables, x.shape[2:]) if tables else index
    return (y, index) if had_batch else (y.squeeze(0), index.squeeze(0))


def _looked_up(index: Any, tables: list[np.ndarray], lengths: tuple) -> Any:
    """Positions in each flattened channel from those among the tables' entries."""
    found: Any = 0
    for axis, table in enumerate(tables):
        inner = math.prod(t.size for t in tables[axis + 1 :])
        at = index // inner % table.size
        found = found * lengths[axis] + index.lift(table.reshape(-1)).take(at)
    return found


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
