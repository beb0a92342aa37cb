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

from ..operations import TABLE, index, loop, view
from ..operations.random import philox
from ..tensors.tensor import Tensor
from ..types import is_real, uint32, uint64
from . import windows
from .graph import Graph, building, is_constant, node, transformed

READABLE = frozenset(
    {"argmax", "argmin", "put", "random_bits", *windows.LOWERED}
)  # better as one line


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


# ---- rows added at places that the program knows


def _put(x: Any, rows: Any, n: int) -> Any:
    """Each row of the result asks for the rows that are added to it, where these are few."""
    known = table_of(rows)
    where = None if known is None else sources(known.reshape(-1), n)
    if where is None:
        return node(TABLE["put"], (x, rows), {"n": n})
    whole = x.reshape((rows.numel(), *x.shape[len(rows.shape) :]))
    taken = whole.apply(TABLE["take"], whole, Tensor.lift(np.maximum(where, 0)))
    if (where < 0).any():
        there = Tensor.lift(where >= 0)
        taken = taken.where(view.view(there, shape=taken.shape, axes=(0, 1)), 0)
    return loop.sum(taken, axes=(1,))


def sources(rows: np.ndarray, n: int) -> np.ndarray | None:
    """[n, most]: where each number below n stands, then -1; None where this is wasteful."""
    counts = np.bincount(rows, minlength=n)
    most = int(counts.max(initial=0))
    if len(counts) > n or not 0 < most * n <= 4 * (len(rows) + n):
        return None
    order = np.argsort(rows, kind="stable")
    rank = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    found = np.full((n, most), -1, np.int64)
    found[rows[order], rank] = order
    return found


KNOWN = ("elementwise", "view", "index")


def table_of(x: Any, deepest: int = 16) -> np.ndarray | None:
    """What is made of tables and positions alone, as an array; None for all else."""
    if is_constant(x):
        return np.asarray(x.value)
    if (
        x.operation is None
        or not deepest
        or x.operation.kind not in ("elementwise", "view", "index")
    ):
        return None
    inputs = [table_of(i, deepest - 1) for i in x.inputs]
    if any(i is None for i in inputs):
        return None
    return np.asarray(x.operation.forward(*inputs, **x.parameters))


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
    "put": _put,
    "random_bits": _random_bits,
}
