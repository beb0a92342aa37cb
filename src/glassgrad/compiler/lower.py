"""Compositions taken apart: what is left is few kinds of primitives.

A composite's one `meaning` is read with tensors here; operations that are loops in disguise (the
position of a maximum, random words) are written with the primitives that they are made of.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..operations import index, loop, view
from ..operations.random import philox
from ..tensors.tensor import Tensor
from ..types import is_real, uint32, uint64
from . import windows
from .graph import Graph, building, node, transformed

READABLE = frozenset({"argmax", "argmin", "random_bits", *windows.LOWERED})  # better as one line


def lowered(graph: Graph, keep: frozenset[str] = frozenset()) -> Graph:
    """The graph without compositions; the operations named in `keep` stay as they are."""
    late = windows.spread_late(graph)
    return transformed(late, lambda x: x if kept(x, keep) else lower(x))


def kept(x: Any, keep: frozenset[str]) -> bool:
    """Whether a node is of an operation that stays."""
    return x.operation is not None and x.operation.name in keep


def lower(x: Any) -> Any:
    """A node in terms of primitives that stay."""
    if x.operation is None:
        return x
    written = LOWERED.get(x.operation.name)
    if written is None and x.operation.kind != "composite":
        return x
    with building(x):
        if written is not None:
            return written(*x.inputs, **x.parameters)
        return x.operation.meaning(READING, *x.inputs, **x.parameters)


# ---- the names of NumPy, read with tensors


def _reduce(operation: Any) -> Callable:
    def reduce(x: Any, axis: Any, keepdims: bool = False) -> Any:
        axes = (axis,) if isinstance(axis, int) else tuple(axis)
        y = operation(x, axes=axes)
        if not keepdims:
            return y
        return y.reshape(tuple(1 if a in axes else n for a, n in enumerate(x.shape)))

    return reduce


def _maximum(x: Any, y: Any) -> Any:
    return x.maximum(y)


_maximum.reduce = _reduce(loop.amax)  # type: ignore[attr-defined]


def _arange(n: int) -> Any:
    return _position((n,), 0)


READING = SimpleNamespace(
    exp=lambda x: x.exp(),
    log=lambda x: x.log(),
    log1p=lambda x: x.log1p(),
    arange=_arange,
    ascontiguousarray=lambda x: x,
    where=lambda condition, x, y: x.where(condition, y),
    maximum=_maximum,
    add=SimpleNamespace(reduce=_reduce(loop.sum)),
)


def _position(shape: tuple[int, ...], axis: int) -> Any:
    return node(index.position, (), {"shape": shape, "axis": axis})


def _linear(x: Any, w: Any, b: Any) -> Any:
    return x.contract(w, ((0, 2), (1, 2)), 2) + b


def _cross_entropy(z: Any, labels: Any) -> Any:
    """ln sum e^z - z[label]: the label's score by a sum over a one-hot row, without a gather."""
    z = z - _maximum.reduce(z, 1, keepdims=True)  # type: ignore[attr-defined]
    hot = labels.reshape(-1, 1) == _position(z.shape, 1)
    return z.exp().sum(1).log() - z.where(hot, 0).sum(1)


# ---- the position of the winner


def _winner(fold: Any) -> Callable:
    def write(x: Any, axis: int) -> Any:
        """The first position whose element is the largest; NaN is larger than all."""
        best = fold(x, axes=(axis,)).unsqueeze(axis)
        wins = x == best
        wins = wins | (x != x) if is_real(x.dtype) else wins
        at = _position(x.shape, axis)
        return loop.amin(at.where(wins, x.shape[axis]), axes=(axis,))

    return write


# ---- random words: four maps over the blocks, joined


def _random_bits(state: Any, shape: tuple[int, ...]) -> Any:
    """Word w of block i is element i + w * ceil(n / 4): see operations/random."""
    n = math.prod(shape)
    count = (n + 3) // 4
    if not n:
        return Tensor.lift(np.zeros(shape, np.uint32))
    blocks = _position((count,), 0).to(uint64)
    low = Tensor.constant(0xFFFFFFFF, uint64)
    half = Tensor.constant(32, uint64)
    words = []
    for i in (0, 1):
        v = state[i]
        words += [v & low, v >> half]
    zero = blocks & Tensor.constant(0, uint64)
    counter = blocks & low, blocks >> half, zero | words[2], zero | words[3]
    four = philox(WORDS, words[:2], counter)
    joined = view.concatenate(*(w.to(uint32) for w in four), axis=0)
    return joined[:n].reshape(shape)


WORDS = SimpleNamespace(uint64=lambda n: Tensor.constant(int(n), uint64))


LOWERED: dict[str, Callable] = {
    "linear": _linear,
    "cross_entropy": _cross_entropy,
    "argmax": _winner(loop.amax),
    "argmin": _winner(loop.amin),
    **windows.LOWERED,
    "random_bits": _random_bits,
}
