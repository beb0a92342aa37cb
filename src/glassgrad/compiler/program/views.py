"""How a person writes a view: x.T, x[:, None], x[2:5], np.arange(10); NumPy broadcasts the rest.

Each function gives two readings of a node: `exact`, of its very shape, and `loose`, of a shape that
broadcasts to it, which is enough beside other operands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ...types import Shape
from .text import ATOM, WRITER, Text, written


class Reading(NamedTuple):
    """A node as text: of its very shape, and of one that broadcasts to it."""

    exact: Text
    loose: Text


def both(text: Text) -> Reading:
    """A text of the very shape."""
    return Reading(text, text)


def repeated(text: Text, shape: Shape) -> Text:
    """The text of the very shape."""
    if text.shape == shape:
        return text
    return text.like(f"np.broadcast_to({text}, {written(shape)})", shape)


def view(x: Text, shape: Shape, axes: tuple[int | None, ...]) -> Reading:
    """y[i] = x[i[a] for a in axes], as NumPy would align it."""
    lead = len(shape) - len(axes)
    if all(a is None or a == lead + i for i, a in enumerate(axes)) and lead >= 0:
        return Reading(repeated(x, shape), x)
    kept = [a for a in axes if a is not None]
    if len(kept) < len(axes):
        x = x[tuple(0 if a is None else slice(None) for a in axes)].like_shape(
            tuple(n for n, a in zip(x.known_shape, axes) if a is not None)
        )
    order = tuple(sorted(range(len(kept)), key=kept.__getitem__))
    loose = spaced(x.transpose(order), len(shape), tuple(sorted(kept)))
    return Reading(repeated(loose, shape), loose)


def spaced(x: Text, rank: int, axes: tuple[int, ...]) -> Text:
    """Axes of length 1 between those of x; leading ones are left out, as NumPy adds them."""
    first = axes[0] if axes else rank
    lengths = dict(zip(axes, x.known_shape))
    index = tuple(slice(None) if a in lengths else None for a in range(first, rank))
    shape = tuple(lengths.get(a, 1) for a in range(first, rank))
    return x if None not in index else x[index].like_shape(shape)


def reshape(x: Text, shape: Shape) -> Reading:
    """Axes of length 1 come and go by an index; other shapes are said."""
    own = x.known_shape
    if own == shape:
        return both(x)
    bare = tuple(n for n in own if n != 1)
    if bare != tuple(n for n in shape if n != 1) or not bare:
        return both(x.reshape(shape))
    axes = list(own)
    index: list[Any] = []
    for n in shape:
        while n != 1 and axes[0] == 1:
            index.append(0)
            axes.pop(0)
        if axes and axes[0] == n:
            index.append(slice(None))
            axes.pop(0)
        else:
            index.append(None)
    index += [0] * len(axes)
    exact = x[tuple(index)].like_shape(shape)
    if shape[len(shape) - len(own) :] == own:  # ones were put in front
        return Reading(exact, x)
    return both(exact)


def position(shape: Shape, axis: int) -> Reading:
    """The place along an axis."""
    counted = Text(f"np.arange({shape[axis]})", (shape[axis],), None)
    return view(counted, shape, (axis,))


def slice_(record: Any) -> Callable:
    """A slice as its meaning says."""

    def read(x: Text, starts: tuple, steps: tuple, lengths: tuple) -> Reading:
        y = record.meaning(WRITER, x, starts=starts, steps=steps, lengths=lengths)
        return both(y.like_shape(tuple(lengths)))

    return read


def reduction(name: str) -> Callable:
    """x.sum(0), of the element type of x."""

    def read(x: Text, axes: tuple[int, ...]) -> Reading:
        listed = [written(axes[0] if len(axes) == 1 else axes)]
        if len(axes) == x.ndim:
            listed = []
        if name == "sum" and x.dtype is not None and (x.dtype.kind != "f"):
            listed.append(f"dtype={written(x.dtype)}")
        return both(Text(f"{x.inside(ATOM)}.{name}({', '.join(listed)})"))

    return read
