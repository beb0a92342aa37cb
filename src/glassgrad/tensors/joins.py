"""Functions of several tensors: joined, stacked, laid out along axes, paired."""

from __future__ import annotations

from itertools import combinations as _combinations
from itertools import combinations_with_replacement as _combinations_with_replacement
from typing import Any

import numpy as np

from ..types import ShapeError, broadcast_shapes
from .creation import coerced
from .names import with_numpy_names
from .node import Node, common_dtype


@with_numpy_names
def cat(tensors, dim=0) -> Any:
    """Tensors end to end along `dim`."""
    listed = _several(tensors, "cat")
    for x in listed:
        if not x.shape:
            raise ShapeError(f"cat joins tensors along an axis, and {x.type_} has none: use stack")
    if any(len(x.shape) != 1 for x in listed):  # as in PyTorch, empty vectors fit everywhere
        listed = [x for x in listed if x.shape != (0,)] or listed
    return listed[0].join(listed[1:], dim)


concat = concatenate = cat


@with_numpy_names
def stack(tensors, dim=0) -> Any:
    """Tensors of one shape along a new axis."""
    listed = _several(tensors, "stack")
    for x in listed[1:]:
        if x.shape != listed[0].shape:
            raise ShapeError(
                f"stack takes tensors of one shape and got {listed[0].type_} and {x.type_}"
            )
    return cat([x.unsqueeze(dim) for x in listed], dim)


def hstack(tensors) -> Any:
    """Side by side: along the second axis, vectors along their only one."""
    listed = atleast_1d(*tensors)
    return cat(listed, 0 if listed[0].ndim == 1 else 1)


def vstack(tensors) -> Any:
    """One below the other: along the first axis, vectors as rows."""
    return cat(atleast_2d(*tensors), 0)


row_stack = vstack


def dstack(tensors) -> Any:
    """One behind the other: along the third axis."""
    return cat(atleast_3d(*tensors), 2)


def column_stack(tensors) -> Any:
    """Side by side, vectors as columns."""
    listed = [coerced(x) for x in tensors]
    return hstack([x.reshape(-1, 1) if x.ndim < 2 else x for x in listed])


def atleast_1d(*tensors) -> Any:
    """With at least one axis."""
    return _each(tensors, lambda x: x if x.ndim else x.reshape(1))


def atleast_2d(*tensors) -> Any:
    """With at least two axes: vectors become rows."""
    return _each(tensors, lambda x: x if x.ndim > 1 else x.reshape(1, -1))


def atleast_3d(*tensors) -> Any:
    """With at least three axes: matrices get a last one."""
    return _each(tensors, lambda x: x if x.ndim > 2 else atleast_2d(x).unsqueeze(-1))


def block_diag(*tensors) -> Any:
    """Matrices along the diagonal of a matrix of zeros."""
    blocks = [atleast_2d(coerced(x)) for x in tensors]
    for x in blocks:
        if x.ndim > 2:
            raise ShapeError(f"block_diag takes matrices, vectors and numbers and got {x.type_}")
    columns = sum(x.shape[1] for x in blocks)
    rows, left = [], 0
    for x in blocks:
        m, n = x.shape
        sides = x.new_zeros((m, left)), x.new_zeros((m, columns - left - n))
        rows.append(cat([sides[0], x, sides[1]], 1))
        left += n
    return cat(rows, 0)


def broadcast_tensors(*tensors) -> tuple:
    """Each repeated to the shape that all broadcast to."""
    shape = broadcast_shapes(*(coerced(x).shape for x in tensors))
    return tuple(coerced(x).expand(shape) for x in tensors)


def meshgrid(*tensors, indexing=None) -> tuple:
    """Vectors as coordinates of a grid: one tensor of the grid's shape for each.

    With indexing="ij" the first vector runs along the first axis, with "xy" along the second.
    """
    vectors = [coerced(x).reshape(-1) for x in _listed(tensors)]
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f"meshgrid: indexing is 'ij' or 'xy', not {indexing!r}")
    swapped = indexing == "xy" and len(vectors) > 1
    order = [1, 0, *range(2, len(vectors))] if swapped else list(range(len(vectors)))
    shape = [vectors[i].shape[0] for i in order]
    return tuple(
        x.reshape([-1 if place == i else 1 for place in order]).expand(shape)
        for i, x in enumerate(vectors)
    )


def cartesian_prod(*tensors) -> Any:
    """All ways to take one element of each vector: [count, vectors]."""
    if len(tensors) == 1:
        return coerced(tensors[0])
    return stack([x.reshape(-1) for x in meshgrid(*common_dtype(*map(coerced, tensors)))], 1)


def vander(x, N=None, increasing=False) -> Any:
    """The powers N - 1, ..., 1, 0 of each number of a vector, or 0, 1, ...: [n] -> [n, N]."""
    x = coerced(x)
    count = x.shape[0] if N is None else N
    powers = x.unsqueeze(-1) ** x.lift(np.arange(count)).to(x.dtype)
    return powers if increasing else powers.flip(1)


def combinations(input, r=2, with_replacement=False) -> Any:
    """All ways to choose r elements of a vector, in order: [count, r]."""
    x = coerced(input)
    choose = _combinations_with_replacement if with_replacement else _combinations
    rows = np.array(list(choose(range(x.shape[0]), r)), np.int64).reshape(-1, r)
    return x[x.lift(rows)]


def _several(tensors: Any, what: str) -> list[Any]:
    """At least one tensor, in a list or tuple."""
    if isinstance(tensors, Node):
        raise TypeError(f"{what} takes a list of tensors, not one tensor: {what}([x, y])")
    listed = [coerced(x) for x in tensors]
    if not listed:
        raise ShapeError(f"{what} needs at least one tensor")
    return listed


def _listed(tensors: Any) -> Any:
    """Tensors given one by one or as one sequence."""
    if len(tensors) == 1 and not isinstance(tensors[0], Node):
        return tensors[0]
    return tensors


def _each(tensors: Any, change: Any) -> Any:
    """The change of one tensor, or a tuple of those of several."""
    single = len(tensors) == 1 and isinstance(tensors[0], Node)
    changed = tuple(change(coerced(x)) for x in _listed(tensors))
    return changed[0] if single else changed


__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d", "block_diag", "broadcast_tensors", "cartesian_prod",
    "cat", "column_stack", "combinations", "concat", "concatenate", "dstack", "hstack", "meshgrid",
    "row_stack", "stack", "vander", "vstack",
]  # fmt: skip
