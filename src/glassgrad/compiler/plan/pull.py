"""Where a node's inputs are read when the node is read at an index.

Whatever is not stored is pulled: computed from its inputs where it is needed.  Views only move the
index; `place` and `concatenate` add conditions, under which there is something to read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ..emit.position import (
    ZERO,
    Bounds,
    Digit,
    Position,
    constant,
    digit_bounds,
    reshaped,
    split,
    variable,
)

Index = tuple[Position, ...]


class Condition(NamedTuple):
    """low <= position < high."""

    position: Position
    low: int
    high: int


class Read(NamedTuple):
    """An input, where it is read, and when: else it does not count."""

    node: Any
    index: Index  # type: ignore[assignment]
    conditions: tuple[Condition, ...] = ()


class Dynamic(NamedTuple):
    """A variable of positions: the element of an index tensor, below `extent`."""

    node: Any
    index: Index  # type: ignore[assignment]
    extent: int

    def __repr__(self) -> str:
        return f"row {self.node.serial} {self.index}"


def bounds_in(extents: tuple[int, ...]) -> Bounds:
    """Bounds of the variables a0, a1, ... of axes with these extents."""

    def bounds(name: Any) -> tuple[int, int]:
        if isinstance(name, Digit):
            return digit_bounds(name, bounds)
        if isinstance(name, Dynamic):
            return 0, max(name.extent - 1, 0)
        return 0, max(extents[int(name[1:])] - 1, 0)

    return bounds


def reads(x: Any, index: Index, bounds: Bounds) -> list[Read]:
    """What `x` at `index` is computed from."""
    moved = MOVED.get(x.operation.name)
    if moved is not None:
        return moved(x, index, bounds)
    return [Read(i, index if i.shape else ()) for i in x.inputs]


def _view(x: Any, index: Index, bounds: Bounds) -> list[Read]:
    axes = x.parameters["axes"]
    return [Read(x.inputs[0], tuple(ZERO if a is None else index[a] for a in axes))]


def _reshape(x: Any, index: Index, bounds: Bounds) -> list[Read]:
    return [Read(x.inputs[0], reshaped(index, x.shape, x.inputs[0].shape, bounds))]


def _slice(x: Any, index: Index, bounds: Bounds) -> list[Read]:
    starts, steps = x.parameters["starts"], x.parameters["steps"]
    return [Read(x.inputs[0], tuple(i * s + a for i, a, s in zip(index, starts, steps)))]


def _windows(x: Any, index: Index, bounds: Bounds) -> list[Read]:
    size, stride, dilation = (x.parameters[k] for k in ("size", "stride", "dilation"))
    n, lead = len(size), len(index) - 2 * len(size)
    seen = [index[lead + i] * stride[i] + index[lead + n + i] * dilation[i] for i in range(n)]
    return [Read(x.inputs[0], (*index[:lead], *seen))]


def _place(x: Any, index: Index, bounds: Bounds) -> list[Read]:
    """y[start + step i] = x[i]: i = (position - start) / step, where that is whole and inside."""
    own, moved, conditions = x.inputs[0], [], []
    for i, n, start, step in zip(index, own.shape, x.parameters["starts"], x.parameters["steps"]):
        distance = i + -start if step > 0 else i * -1 + start
        quotient, rest = split(distance, abs(step), bounds)
        conditions += [Condition(quotient, 0, n), Condition(rest, 0, 1)]
        moved.append(quotient)
    return [Read(own, tuple(moved), tuple(conditions))]


def _concatenate(x: Any, index: Index, bounds: Bounds) -> list[Read]:
    axis, start, found = x.parameters["axis"], 0, []
    for part in x.inputs:
        here = index[axis] + -start
        moved = (*index[:axis], here, *index[axis + 1 :])
        found.append(Read(part, moved, (Condition(here, 0, part.shape[axis]),)))
        start += part.shape[axis]
    return found


def _take(x: Any, index: Index, bounds: Bounds) -> list[Read]:
    table, rows = x.inputs
    at = index[: len(rows.shape)]
    row = variable(Dynamic(rows, at, table.shape[0]))
    return [Read(rows, at), Read(table, (row, *index[len(rows.shape) :]))]


def _position(x: Any, index: Index, bounds: Bounds) -> list[Read]:
    return []


MOVED: dict[str, Callable[[Any, Index, Bounds], list[Read]]] = {
    "view": _view,
    "reshape": _reshape,
    "slice": _slice,
    "windows": _windows,
    "place": _place,
    "concatenate": _concatenate,
    "take": _take,
    "position": _position,
}


def operand_read(x: Any, entries: tuple[Any, ...], point: Any, bounds: Bounds) -> Read:
    """Where a hero reads its input `x` at a point; outside of it a zero counts."""
    index, conditions = [], []
    for entry, n in zip(entries, x.shape, strict=True):
        if isinstance(entry, int):
            index.append(point[entry])
            continue
        at, needed = entry_read(entry, n, point, bounds)
        conditions += needed
        index.append(at)
    return Read(x, tuple(index), tuple(conditions))


def entry_read(entry: Any, n: int, point: Any, bounds: Bounds) -> tuple[Position, list[Condition]]:
    """Where an entry of a hero's reads is on an axis of n elements, and when it is there at all."""
    terms, offset, divisor = entry
    at = constant(offset)
    for axis, k in terms:
        at = at + point[axis] * k
    at, rest = split(at, divisor, bounds)
    return at, [*([Condition(rest, 0, 1)] if divisor > 1 else []), Condition(at, 0, n)]


def variables_of(position: Position) -> Iterator[Any]:
    """The loops' variables in a position, also inside its digits and indices."""
    for v, _ in position.terms:
        if isinstance(v, Digit):
            yield from variables_of(v.of)
        elif isinstance(v, Dynamic):
            for p in v.index:
                yield from variables_of(p)
        else:
            yield v
