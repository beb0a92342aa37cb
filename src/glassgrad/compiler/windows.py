"""Maxima of windows and what goes by their winners, written with primitives.

Nothing is scattered: each element asks the windows that cover it whether it is their winner.  An
axis of positions s q + r - low, with r < s = stride, is covered by the windows q, q - 1, ...; where
windows do not overlap it is one, and the answer is a choice that any loop may pull.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..operations import index, loop, pooling, view
from ..types import int32, int64, is_real
from .graph import Graph, building, node, number_of, transformed


class Windows(NamedTuple):
    """Window i has its place k at stride i + dilation k - low."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    low: tuple[int, ...]
    counts: tuple[int, ...]

    @property
    def places(self) -> int:
        """How many places a window has."""
        return math.prod(self.size)

    @property
    def cover(self) -> tuple[int, ...]:
        """How many windows may cover a position along each axis."""
        axes = zip(self.size, self.stride, self.dilation)
        return tuple((d * (k - 1)) // s + 1 for k, s, d in axes)

    def of(self, x: Any, fill: Any) -> Any:
        """The windows of x: [..., *counts, *size], with `fill` outside of x."""
        n, lead = len(self.size), len(x.shape) - len(self.size)
        lengths = x.shape[lead:]
        axes = zip(self.size, self.stride, self.dilation, self.low, self.counts, lengths)
        wide = tuple(max(s * (c - 1) + d * (k - 1) + 1, a + m) for k, s, d, a, c, m in axes)
        if wide != lengths:
            shape, starts = (*x.shape[:lead], *wide), (*(0,) * lead, *self.low)
            x = view.place(x, shape=shape, starts=starts, steps=(1,) * len(shape), fill=fill)
        seen = view.windows(x, size=self.size, stride=self.stride, dilation=self.dilation)
        if seen.shape[lead : lead + n] == self.counts:
            return seen
        return seen[(*(slice(None),) * lead, *(slice(0, c) for c in self.counts))]

    def numbers(self, seen: Any, dtype: np.dtype) -> Any:
        """The number of each place, under the shape of the windows."""
        found: Any = 0
        for axis, k in enumerate(self.size, len(seen.shape) - len(self.size)):
            found = found * k + _position(seen.shape, axis)
        return found.to(dtype)


def _position(shape: tuple[int, ...], axis: int) -> Any:
    return node(index.position, (), {"shape": shape, "axis": axis})


def _inner(seen: Any, at: Windows) -> tuple[int, ...]:
    return tuple(range(len(seen.shape) - len(at.size), len(seen.shape)))


def _beside(x: Any, seen: Any) -> Any:
    """A value of each window, under the shape of the windows."""
    return view.view(x, shape=seen.shape, axes=tuple(range(len(x.shape))))


# ---- the maximum and its place


def _lowest(x: Any) -> Any:
    return -math.inf if is_real(x.dtype) else int(np.iinfo(x.dtype).min)


def _window_max(x: Any, **windows: Any) -> Any:
    at = Windows(**windows)
    seen = at.of(x, _lowest(x))
    return loop.amax(seen, axes=_inner(seen, at))


def _window_place(x: Any, y: Any, **windows: Any) -> Any:
    """From the smallest key: 1 + number of what is as large as y, of NaN the negative of that."""
    at = Windows(**windows)
    seen = at.of(x, _lowest(x))
    key, none = at.numbers(seen, int32) + 1, at.places + 1
    otherwise = (-key).where(seen != seen, none) if is_real(x.dtype) else none
    key = loop.amin(key.where(seen == _beside(y, seen), otherwise), axes=_inner(seen, at))
    key = key.abs() if is_real(x.dtype) else key
    return (key - 1).to(pooling.place_type(at.size))


def _window_argmax(x: Any, **windows: Any) -> Any:
    """The winner's position in the flattened axes."""
    at = Windows(**windows)
    winner = _window_place(x, _window_max(x, **windows), **windows).to(int64)
    lead, flat, inner = len(x.shape) - len(at.size), 0, at.places
    axes = zip(x.shape[lead:], *at[:4])
    for axis, (length, k, s, d, low) in enumerate(axes, lead):
        inner //= k
        place = winner // inner % k * d + _position(winner.shape, axis) * s - low
        flat = flat * length + place
    return flat


# ---- elements at places, and their transpose


def _window_pick(x: Any, place: Any, **windows: Any) -> Any:
    at = Windows(**windows)
    seen = at.of(x, 0)
    here = _beside(place, seen) == at.numbers(seen, place.dtype)
    return loop.sum(seen.where(here, 0), axes=_inner(seen, at))


def _window_spread(g: Any, place: Any, lengths: tuple[int, ...], **windows: Any) -> Any:
    """The axes of positions, then, where windows overlap, those that cover a position."""
    at = Windows(**windows)
    lead, cover = g.shape[: len(g.shape) - len(lengths)], () if max(at.cover) == 1 else at.cover
    shape = (*lead, *lengths, *cover)
    wins, elements = (_covering(x, at, lengths, cover) for x in (place, g))
    chosen, inside = _numbered(at, shape, len(lead), bool(cover))
    chosen = wins == chosen.to(place.dtype)
    chosen = chosen if inside is None else chosen & inside
    y = elements.where(chosen, 0)
    return loop.sum(y, axes=tuple(range(len(shape) - len(cover), len(shape)))) if cover else y


def _covering(x: Any, at: Windows, lengths: tuple[int, ...], cover: tuple[int, ...]) -> Any:
    """[..., *lengths, *cover]: x at the windows that cover a position, zero where there is none."""
    n, lead = len(lengths), x.shape[: len(x.shape) - len(lengths)]
    before = tuple(c - 1 for c in at.cover)
    steps = tuple(-(-(m + a) // s) for m, a, s in zip(lengths, at.low, at.stride))
    kept, all_of = tuple(map(min, at.counts, steps)), (slice(None),) * len(lead)
    if kept != at.counts:
        x = x[(*all_of, *(slice(0, c) for c in kept))]
    wide = (*lead, *(q + b for q, b in zip(steps, before)))
    if wide != x.shape:
        starts = (*(0,) * len(lead), *before)
        x = view.place(x, shape=wide, starts=starts, steps=(1,) * len(wide), fill=0)
    x = view.windows(x, size=cover, stride=(1,) * n, dilation=(1,) * n) if cover else x
    pairs = [m for pair in zip(steps, at.stride) for m in pair]
    axes = (*range(len(lead)), *range(len(lead), len(lead) + 2 * n, 2))
    axes += tuple(len(lead) + 2 * n + i for i in range(len(cover)))
    x = view.view(x, shape=(*lead, *pairs, *cover), axes=axes)
    x = x.reshape((*lead, *(q * s for q, s in zip(steps, at.stride)), *cover))
    if x.shape[len(lead) : len(lead) + n] == lengths:
        return x
    return x[(*all_of, *(slice(a, a + m) for a, m in zip(at.low, lengths)))]


def _numbered(at: Windows, shape: tuple[int, ...], lead: int, covered: bool) -> tuple[Any, Any]:
    """The number that a position's place has in a window, and where there is such a place."""
    number: Any = 0
    inside: Any = None
    n = len(at.size)
    for i, (k, s, d, c) in enumerate(zip(at.size, at.stride, at.dilation, at.cover)):
        distance = _from_start(shape, lead + i, s, at.low[i])
        if covered:
            distance = distance + (c - 1 - _position(shape, lead + n + i)) * s
        number = number * k + (distance if d == 1 else distance // d)
        tests = [distance % d == 0] if d > 1 else []
        tests += [distance < d * k] if s * c > d * k else []
        for test in tests:
            inside = test if inside is None else inside & test
    return number, inside


def _from_start(shape: tuple[int, ...], axis: int, stride: int, low: int) -> Any:
    """(position + low) % stride, by the digits of positions."""
    length = shape[axis]
    steps = -(-(length + low) // stride)
    along = _position((steps, stride), 1).reshape((steps * stride,))
    return view.view(along[low : low + length], shape=shape, axes=(axis,))


# ---- what is done to a gradient after it was spread, done before: there is less of it


def spread_late(graph: Graph) -> Graph:
    """Operations on winners' gradients done where windows, and not elements, are counted.

    At its place the winner is the maximum, so factors that are functions of the windows' input
    become functions of the maximum; everywhere else there is zero before and after.
    """
    return transformed(graph, _spread_after)


LINEAR = {"neg": (0,), "add": (0, 1), "sub": (0, 1), "mul": (0, 1), "div": (0,), "where": (1, 2)}


def _spread_after(x: Any) -> Any:
    """An operation that is linear in what was spread, as the spread of one; a sum, as a sum."""
    if x.operation is loop.sum and _is_spread(x.inputs[0]):
        return _sum_of(x.inputs[0], x)
    if x.operation is None or x.operation.name not in LINEAR:
        return x
    spread = next((i for i in x.inputs if _is_spread(i)), None)
    if spread is None:
        return x
    with building(x):
        inputs = [_at_winners(i, spread) for i in x.inputs]
        if any(i is None for i in inputs) or not _is_linear(x):
            return x
        y = x.operation(*inputs, **x.parameters)
        return pooling.window_spread(y, spread.inputs[1], **spread.parameters)


def _sum_of(spread: Any, x: Any) -> Any:
    """The sum over all positions is that over all windows."""
    g, axes = spread.inputs[0], x.parameters["axes"]
    positions = range(len(g.shape) - len(spread.parameters["size"]), len(g.shape))
    if not set(positions) <= set(axes):
        return x
    with building(x):
        return loop.sum(g, axes=axes)


def _is_linear(x: Any) -> bool:
    """Whether the operation is linear in those of its inputs that were spread, taken together."""
    name, places = x.operation.name, LINEAR[x.operation.name]
    spread = [a for a, i in enumerate(x.inputs) if _is_spread(i)]
    if name == "mul":
        return len(spread) == 1
    zero = all(_is_spread(x.inputs[a]) or number_of(x.inputs[a]) == 0 for a in places)
    return zero and set(spread) <= set(places)


def _is_spread(x: Any) -> bool:
    if x.operation is not pooling.window_spread:
        return False
    return x.inputs[1].operation is pooling.window_place


def _at_winners(x: Any, spread: Any) -> Any:
    """What was spread like this, or a function of the windows' input at the maximum; or None."""
    if _is_spread(x):
        same = x.inputs[1] is spread.inputs[1] and x.parameters == spread.parameters
        return x.inputs[0] if same else None
    return _of_maximum(x, *spread.inputs[1].inputs)


def _of_maximum(x: Any, seen: Any, most: Any, deepest: int = 4) -> Any:
    """A function of `seen` as the same one of `most`; None if it is no such function."""
    if x is seen:
        return most
    if number_of(x) is not None:
        return x.lift(np.array(number_of(x), x.dtype))
    if not x.shape:
        return x
    if x.operation is None or x.operation.kind != "elementwise" or not deepest:
        return None
    inputs = [_of_maximum(i, seen, most, deepest - 1) for i in x.inputs]
    return None if any(i is None for i in inputs) else x.operation(*inputs, **x.parameters)


LOWERED: dict[str, Callable] = {
    "window_max": _window_max,
    "window_place": _window_place,
    "window_argmax": _window_argmax,
    "window_pick": _window_pick,
    "window_spread": _window_spread,
}
