"""Tensors that share memory: what is written through one is read through the other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..operations.view import place
from ..tensors.listening import unheard
from ..tensors.node import repeated
from ..tensors.tensor import Tensor
from .graph import TraceError, here


def same_memory(a: Any, b: Any) -> bool:
    """Whether two arrays are the same elements in the same order."""
    if not (isinstance(a, np.ndarray) and isinstance(b, np.ndarray)):
        return a is b
    return (a.ctypes.data, a.shape, a.strides) == (b.ctypes.data, b.shape, b.strides)


def overlapping(arrays: list[Any]) -> tuple[int, int] | None:
    """The numbers of two arrays that share memory, if there are any."""
    spans = sorted((*np.lib.array_utils.byte_bounds(a), i) for i, a in enumerate(arrays) if a.size)
    for (_, end, i), (start, _, j) in zip(spans, spans[1:]):
        if start < end:
            return min(i, j), max(i, j)
    return None


def viewed(root: Any, views: list[Any]) -> Any:
    """The same views of another tensor."""
    for y in views:
        root = root.apply(y.operation, root, *y.inputs[1:], **y.parameters)
    return root


def places(x: Any, shape: tuple, views: list[Any]) -> Any:
    """Where the elements of a view stand in its flattened root of this shape."""
    with unheard():
        root = Tensor.lift(np.arange(math.prod(shape)).reshape(shape))
        found = viewed(root, views).value
    if found.size and not np.shares_memory(found, root.value):
        raise TraceError(
            f"{x.type_}, which is written, is a copy of some elements or a view of them, as it "
            f"lies in memory\n    {here().text}\n    Write x = x + 1 in place of x += 1."
        )
    return found


# ---- writing at a key


def written_at(old: Any, new: Any, key: Any) -> Any:
    """`old` with `new` written at a key that has been read by `entries`."""
    listed = key if isinstance(key, tuple) else (key,)
    if all(isinstance(k, slice) or (isinstance(k, int) and k is not False) for k in listed):
        return _written_at_slices(old, new, listed)
    if is_mask(listed[0]):
        return repeated(new, old.shape).where(_wider(listed[0], old), old)
    with unheard():
        table = np.arange(math.prod(old.shape)).reshape(old.shape)
    rows = old.lift(table)[tuple(listed)]
    if new.shape != rows.shape:
        new = repeated(_without_spare_axes(new, rows.shape), rows.shape)
    flat = old.reshape(-1)._written(rows.reshape(-1), new.reshape(-1))
    return flat.reshape(old.shape)


def is_mask(k: Any) -> bool:
    """Whether a part of a key is a tensor of truth values."""
    return isinstance(k, Tensor) and k.dtype == bool


def _wider(mask: Any, x: Any) -> Any:
    """A mask of the first axes of `x`, repeated along the others."""
    mask = mask.reshape((*mask.shape, *(1,) * (len(x.shape) - len(mask.shape))))
    return repeated(mask, x.shape)


def _without_spare_axes(new: Any, shape: tuple) -> Any:
    """`new` without the first axes of length 1 that are too many, as NumPy writes it."""
    spare = len(new.shape) - len(shape)
    if spare > 0 and new.shape[:spare] == (1,) * spare:
        return new.reshape(new.shape[spare:])
    return new


def _written_at_slices(old: Any, new: Any, listed: tuple) -> Any:
    starts: list[int] = []
    steps: list[int] = []
    lengths: list[int] = []
    shape: list[int] = []
    for k, n in zip([*listed, *[slice(None)] * (len(old.shape) - len(listed))], old.shape):
        if isinstance(k, int):
            starts, steps, lengths = [*starts, k % n], [*steps, 1], [*lengths, 1]
            continue
        start, stop, step = k.indices(n)
        length = len(range(start, stop, step))
        starts, steps = [*starts, start if length else 0], [*steps, step if length else 1]
        lengths = [*lengths, length]
        shape.append(length)
    if new.shape != tuple(shape):
        new = repeated(_without_spare_axes(new, tuple(shape)), tuple(shape))
    if tuple(lengths) == old.shape and all(step == 1 for step in steps):
        return new.reshape(old.shape)
    new = new.reshape(tuple(lengths))
    at = {"shape": old.shape, "starts": tuple(starts), "steps": tuple(steps), "fill": 0}
    mask = Tensor.constant(True, np.dtype(bool)).expand(tuple(lengths))
    return new.apply(place, new, **at).where(mask.apply(place, mask, **at), old)
