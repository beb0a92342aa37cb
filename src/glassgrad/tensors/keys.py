"""What stands between the brackets of x[...], and the positions that index arrays mean."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from ..types import RangeError, bool_, int64, is_real, uint8
from .listening import fixed
from .node import Node
from .state import state


def entries(key: Any, x: Any) -> list[Any]:
    """A key with one entry for each axis of `x`: integers, slices and index tensors.

    Besides, None for a new axis of one element and False for a new axis of none.
    """
    listed = parts(key, x)
    return without_masks(listed, x) if any(map(_is_mask, listed)) else listed


def parts(key: Any, x: Any) -> list[Any]:
    """The entries of a key, masks among them."""
    listed = [entry(k, x) for k in (key if isinstance(key, tuple) else (key,))]
    used = sum(map(_width, listed))
    dots = [i for i, k in enumerate(listed) if k is Ellipsis]
    if used > len(x.shape):
        raise IndexError(f"{used} indices for {x.type_}, which has {len(x.shape)} axes")
    if len(dots) > 1:
        raise IndexError("an index can only have a single ellipsis (...)")
    whole = [slice(None)] * (len(x.shape) - used)
    first = dots[0] if dots else len(listed)
    return [*listed[:first], *whole, *listed[first + 1 :]]


def entry(k: Any, x: Any) -> Any:
    """One part of a key: an integer, slice, index tensor or mask, None, False or an ellipsis."""
    if k is None or k is Ellipsis or isinstance(k, slice):
        return k
    if isinstance(k, (int, np.integer)) and not isinstance(k, bool):
        return int(k)
    if isinstance(k, (bool, np.bool_)):
        return None if k else False
    if not isinstance(k, (Node, np.ndarray, list, tuple, range)):
        raise TypeError(
            "an index is an integer, a slice, None, ..., an array or a tensor, "
            f"not a {type(k).__name__}"
        )
    k = as_index(k, x)
    return k if k.shape else entry(k.item(), x)


def as_index(k: Any, x: Any) -> Any:
    """A list, array or tensor as a tensor of integers or truth values."""
    if not isinstance(k, Node):
        if isinstance(k, np.ndarray) and state.listening is not None:
            state.listening.given(k)
        k = x.lift(np.asarray(k))
    if k.dtype == uint8:
        raise IndexError(
            f"{k.type_} as an index is a mask in PyTorch, and deprecated: write .bool() for a "
            "mask, .long() for positions"
        )
    if is_real(k.dtype):
        if math.prod(k.shape):
            raise IndexError(f"indices are integers or truth values, not {k.type_}")
        k = x.lift(np.zeros(k.shape, np.int64))
    return k


def _is_mask(k: Any) -> bool:
    return isinstance(k, Node) and k.dtype == bool_


def _width(k: Any) -> int:
    """How many axes an entry reads."""
    if k is None or k is False or k is Ellipsis:
        return 0
    return len(k.shape) if _is_mask(k) else 1


def without_masks(listed: list[Any], x: Any) -> list[Any]:
    """Masks replaced by the positions where they hold, one index tensor for each of their axes."""
    found: list[Any] = []
    axis = 0
    for k in listed:
        if _is_mask(k):
            own = x.shape[axis : axis + len(k.shape)]
            if own != k.shape:
                raise IndexError(
                    f"a mask {k.type_} does not fit {x.type_} at axis {axis}, "
                    f"where the lengths are {list(own)}"
                )
            found += [k.lift(places) for places in np.nonzero(k.known())]
        else:
            found.append(k)
        axis += _width(k)
    return found


def numpy_key(listed: list[Any], x: Any) -> tuple[Any, ...]:
    """Entries as NumPy takes them."""
    key: list[Any] = []
    axis = 0
    for k in listed:
        if isinstance(k, Node):
            key.append(checked(k, x.shape[axis], "index", axis).value)
        else:
            key.append(
                inside(k, x.shape[axis], axis) if isinstance(k, int) and k is not False else k
            )
        axis += k is not None and k is not False
    return tuple(key)


def inside(k: int, n: int, axis: int) -> int:
    """`k` counted from the front; IndexError when it is outside."""
    if not -n <= k < n:
        raise IndexError(f"index {k} is out of range for axis {axis} with {n} elements")
    return k % n


def checked(index: Any, n: int, what: str, axis: int = 0) -> Any:
    """`index` counted from the front; IndexError names the first that is outside."""
    if fixed(index) is None:
        return demanded(index, n, _outside(what, "{value}", "{place}", axis, n))
    rows = index.value if index.value.dtype == int64 else index.value.astype(int64)
    if not (rows.view(np.uint64) >= n).any():
        return index
    bad = (rows < -n) | (rows >= n)
    if bad.any():
        place = tuple(np.argwhere(bad)[0])
        raise RangeError(_outside(what, rows[place], list(map(int, place)), axis, n))
    return index.lift(np.where(rows < 0, rows + n, rows))


def _outside(what: str, value: Any, place: Any, axis: int, n: int) -> str:
    return f"{what}: index {value} at {place} is out of range for axis {axis} with {n} elements"


def demanded(index: Any, n: int, text: str, lowest: int | None = None) -> Any:
    """`index` counted from the front, whose values are known and checked when the step runs."""
    index = index.long()
    bad = (index < (-n if lowest is None else lowest)) | (index >= n)
    state.listening.demand(bad, text, index, RangeError)
    return index.where(index >= 0, index + n) if lowest is None else index


def forward(index: Any, n: int, what: str, axis: int = 0) -> Any:
    """`index` where positions are counted from the front alone."""
    if fixed(index) is None:
        return demanded(index, n, _behind(what, "{value}", "{place}", axis, n), 0)
    rows = index.value if index.value.dtype == int64 else index.value.astype(int64)
    bad = rows.view(np.uint64) >= n
    if bad.any():
        place = tuple(np.argwhere(bad)[0])
        raise RangeError(_behind(what, rows[place], list(map(int, place)), axis, n))
    return index


def _behind(what: str, value: Any, place: Any, axis: int, n: int) -> str:
    return f"{_outside(what, value, place, axis, n)}: positions are 0 to {n - 1}"


def flat_positions(x: Any, axis: int, index: Any, what: str) -> Any:
    """Where the elements x[i, ..., index[i, ..., j], ..., j] stand in the flattened `x`."""
    if index.value.dtype.kind not in "iu":
        raise RangeError(f"{what} takes integers as index and got {index.type_}")
    if len(index.shape) != len(x.shape):
        raise RuntimeError(
            f"{what} needs as many axes in index as in x; got {index.type_} and {x.type_}"
        )
    if any(a != axis and m > n for a, (m, n) in enumerate(zip(index.shape, x.shape))):
        raise RuntimeError(
            f"{what}: index {index.type_} is larger than {x.type_} beside axis {axis}"
        )
    rows = forward(index, x.shape[axis], what, axis)
    stride, offsets = _offsets(x.shape, index.shape, axis)
    known = fixed(rows)
    if known is None:
        return rows * stride + x.lift(np.asarray(offsets))
    return x.lift((known if stride == 1 else known * stride) + offsets)


@lru_cache(maxsize=64)
def _offsets(shape, count, axis):
    """The stride of `axis` in a flattened tensor, and what positions on the other axes add."""
    strides = [math.prod(shape[a + 1 :]) for a in range(len(shape))]
    grid = np.ogrid[tuple(map(slice, count))]
    others = [g * s for a, (g, s) in enumerate(zip(grid, strides)) if a != axis]
    return strides[axis], sum(others, 0)


def merged_positions(x: Any, arrays: list[Any]) -> tuple[Any, tuple[int, ...]]:
    """Row numbers for index arrays on the first axes of `x`, these merged; their common shape."""
    rows = [checked(k, x.shape[a], "index", a) for a, k in enumerate(arrays)]
    try:
        shape = np.broadcast_shapes(*(k.shape for k in rows))
    except ValueError:
        shapes = " and ".join(str(list(k.shape)) for k in rows)
        raise IndexError(f"index arrays of shapes {shapes} do not broadcast together") from None
    strides = [math.prod(x.shape[a + 1 : len(rows)]) for a in range(len(rows))]
    known = [fixed(k) for k in rows]
    if len(rows) == 1 and rows[0].dtype == int64:
        return rows[0], shape
    if any(k is None for k in known):
        total = sum(k.long() * s for k, s in zip(rows, strides))
        return total.expand(shape), shape
    total = sum(k * s for k, s in zip(known, strides))
    return x.lift(total if total.shape == shape else np.broadcast_to(total, shape)), shape
