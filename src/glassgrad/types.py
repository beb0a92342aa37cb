"""The type of a value: its shape and its element type, printed `f32[64, 10]` everywhere.

Broadcasting and promotion stand here, as pure functions of shapes and dtypes; both are PyTorch's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

bool_ = np.dtype(np.bool_)
uint8, uint16, uint32, uint64 = map(np.dtype, ("uint8", "uint16", "uint32", "uint64"))
int8, int16, int32, int64 = map(np.dtype, ("int8", "int16", "int32", "int64"))
float16, float32, float64 = map(np.dtype, ("float16", "float32", "float64"))

SHORT = {
    bool_: "bool",
    **{t: f"u{8 * t.itemsize}" for t in (uint8, uint16, uint32, uint64)},
    **{t: f"i{8 * t.itemsize}" for t in (int8, int16, int32, int64)},
    **{t: f"f{8 * t.itemsize}" for t in (float16, float32, float64)},
}
CATEGORY = {"b": 0, "u": 1, "i": 1, "f": 2}  # what wins when dtypes meet: bool < integer < real

Shape = tuple[int, ...]


class ShapeError(RuntimeError, ValueError):
    """Shapes that do not fit; the message names both and what would be right.

    PyTorch raises RuntimeError for some and ValueError for others: this is both.
    """


class RangeError(IndexError, RuntimeError):
    """An axis or an element that is not there; for PyTorch it is one of these or the other."""


class ElementError(TypeError, NotImplementedError):
    """Elements of a type that an operation does not take.

    PyTorch raises TypeError for some, NotImplementedError or RuntimeError for others: this is all.
    """


class DivisionError(ZeroDivisionError, RuntimeError):
    """An integer divided by zero; RuntimeError in PyTorch."""


class NonFiniteError(ArithmeticError):
    """The loss of a step, or a gradient in it, is NaN or infinite; the step was not taken.

    layer           the path of the layer in which the first such value arose, or ""
    operation       the operation that gave it, or ""
    line            the user's line behind it, or ""
    epoch, step     where in a training: both count from 1
    history         the History of the training up to there
    """

    layer = operation = line = ""
    epoch = step = 0
    history: Any = None


class Type(NamedTuple):
    """The shape and element type of a value: all that is known of it before it is computed."""

    shape: Shape
    dtype: np.dtype

    def __str__(self) -> str:
        return f"{SHORT[self.dtype]}[{', '.join(map(str, self.shape))}]"

    def __repr__(self) -> str:
        return str(self)


def type_of(value: Any) -> Type:
    """The type of anything with a shape and a dtype."""
    return Type(value.shape, value.dtype)


def supported(dtype: Any) -> np.dtype:
    """`dtype` as one of ours; TypeError for complex, text, objects and dates."""
    try:
        asked = np.dtype(dtype)
    except (TypeError, ValueError):
        name = repr(dtype) if isinstance(dtype, str) else f"a {type(dtype).__name__}"
        raise TypeError(f"{name} is no type of elements; there are {known_types()}") from None
    native = asked.newbyteorder("=")
    if native not in SHORT:
        raise TypeError(
            f"a tensor cannot hold elements of type {asked}; it can hold {known_types()}"
        )
    return next(t for t in SHORT if t == native)


def known_types() -> str:
    """The names of our element types."""
    return ", ".join(t.name for t in SHORT)


def is_real(dtype: np.dtype) -> bool:
    """Whether elements are floating-point numbers, the only ones that have derivatives."""
    return dtype.kind == "f"


def promote(first: np.dtype, second: np.dtype) -> np.dtype:
    """The dtype of `first + second` between tensors of like rank: i64 and f32 make f32."""
    if first == second:
        return first
    ranks = CATEGORY[first.kind], CATEGORY[second.kind]
    if ranks[0] != ranks[1]:
        return first if ranks[0] > ranks[1] else second
    joined = np.promote_types(first, second)
    if CATEGORY[joined.kind] != ranks[0]:
        raise ElementError(f"{first} and {second} have no common integer type; cast one with .to()")
    return joined


def result_type(types: Sequence[Type], numbers: Sequence[Any] = (), default=float32) -> np.dtype:
    """The dtype that operands meet in, as in PyTorch.

    Tensors with axes decide; tensors without axes only when they are of a higher category; Python
    numbers only when they are of a higher category still, and then as `default`, int64 or bool.
    """
    with_axes = [t.dtype for t in types if t.shape]
    without = [t.dtype for t in types if not t.shape]
    python = [
        float32 if isinstance(n, float) else bool_ if isinstance(n, bool) else int64
        for n in numbers
    ]
    python = [default if is_real(t) else t for t in python]
    winner: np.dtype | None = None
    for group in (with_axes, without, python):
        if not group:
            continue
        joined = group[0]
        for dtype in group[1:]:
            joined = promote(joined, dtype)
        if winner is None or CATEGORY[joined.kind] > CATEGORY[winner.kind]:
            winner = joined
    assert winner is not None, "result_type needs an operand"
    return winner


def broadcast_shapes(*shapes: Iterable[int]) -> Shape:
    """The shape that all `shapes` broadcast to; ShapeError names the axis where two disagree."""
    rows = [tuple(s) for s in shapes]
    rank = max(map(len, rows), default=0)
    joined = [1] * rank
    for shape in rows:
        for axis, n in enumerate(shape, rank - len(shape)):
            if n != 1 and joined[axis] not in (1, n):
                raise ShapeError(
                    f"shapes {' and '.join(str(list(s)) for s in rows)} do not broadcast: "
                    f"axis {axis - rank} has both {joined[axis]} and {n} elements "
                    "(sizes must be equal, or 1)"
                )
            joined[axis] = n if joined[axis] == 1 else joined[axis]
    return tuple(joined)


def axis_of(axis: int, rank: int) -> int:
    """`axis` counted from the front; IndexError when there is no such axis."""
    if not -max(rank, 1) <= axis < max(rank, 1):
        raise RangeError(
            f"there is no axis {axis} in a tensor of {rank} axes "
            f"(expected {-max(rank, 1)} to {max(rank, 1) - 1})"
        )
    return axis % max(rank, 1)


def axes_of(axes: int | Iterable[int] | None, rank: int) -> tuple[int, ...]:
    """`axes` as a sorted tuple counted from the front; None means all."""
    if axes is None:
        return tuple(range(rank))
    listed = (axes,) if isinstance(axes, (int, np.integer)) else tuple(axes)
    return _sorted_axes(listed, rank)


@lru_cache(maxsize=1024)
def _sorted_axes(listed: tuple[int, ...], rank: int) -> tuple[int, ...]:
    found = sorted(axis_of(int(a), rank) for a in listed)
    if len(set(found)) != len(found):
        raise ShapeError(f"an axis appears twice in {listed}")
    return tuple(found) if rank else ()
