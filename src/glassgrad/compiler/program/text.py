"""Names that write down what is done to them: a meaning read with these is a line of NumPy.

`Text` stands where an array stands in a meaning, and `NumPy` where `np` stands.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...types import Shape

# How tightly an operator binds, as in Python's grammar.
COMPARISON, OR, XOR, AND, SHIFT, SUM, PRODUCT, SIGN, POWER, ATOM = range(10)


class UnwritableError(Exception):
    """What is done cannot be written as one expression, or a value not as a literal."""


class Text:
    """An expression: its text, how tightly it binds, and its type as far as it is known."""

    __slots__ = ("binding", "dtype", "picked", "shape", "text")
    picked: tuple[Text, tuple] | None  # what this is a slice of

    def __init__(
        self,
        text: str,
        shape: Shape | None = None,
        dtype: np.dtype | None = None,
        binding: int = ATOM,
    ) -> None:
        self.text, self.shape, self.dtype, self.binding = text, shape, dtype, binding
        self.picked = None

    def __str__(self) -> str:
        return self.text

    def inside(self, binding: int) -> str:
        """The text as an operand, in parentheses where it binds less tightly."""
        return self.text if self.binding >= binding else f"({self.text})"

    def like(self, text: str, shape: Shape | None, binding: int = ATOM) -> Text:
        """An expression with the same elements."""
        return Text(text, shape, self.dtype, binding)

    def like_shape(self, shape: Shape) -> Text:
        """The same text, of which the shape is known now."""
        same = Text(self.text, shape, self.dtype, self.binding)
        same.picked = self.picked
        return same

    def __bool__(self) -> bool:
        raise UnwritableError("a decision about a value")

    def __iter__(self) -> Any:
        raise UnwritableError("a value taken apart")

    # ---- shapes

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.known_shape)

    @property
    def known_shape(self) -> Shape:
        """The shape, for meanings that depend on it."""
        if self.shape is None:
            raise UnwritableError("the shape of an expression")
        return self.shape

    @property
    def T(self) -> Text:
        return self.transpose(tuple(reversed(range(self.ndim))))

    def transpose(self, *order: Any) -> Text:
        """`x.T` where all axes change places; nothing is written where none do."""
        places = order[0] if order and isinstance(order[0], tuple) else order
        shape = tuple(self.known_shape[a] for a in places)
        if places == tuple(range(self.ndim)):
            return self
        if places == tuple(reversed(range(self.ndim))):
            return self.like(f"{self.inside(ATOM)}.T", shape)
        listed = ", ".join(map(str, places))
        return self.like(f"{self.inside(ATOM)}.transpose({listed})", shape)

    def reshape(self, *lengths: Any) -> Text:
        """Nothing is written where the shape stays."""
        shape = lengths[0] if lengths and isinstance(lengths[0], tuple) else lengths
        if shape == self.shape:
            return self
        listed = ", ".join(map(str, shape)) if shape else "()"
        return self.like(f"{self.inside(ATOM)}.reshape({listed})", shape)

    def astype(self, dtype: Any) -> Text:
        """np.float32(x) for a number, which may be one of Python's."""
        if self.shape == () and dtype.kind == "f":
            return Text(f"{written(dtype)}({self})", (), dtype)
        return Text(f"{self.inside(ATOM)}.astype({written(dtype)})", self.shape, dtype)

    def __getitem__(self, index: Any) -> Text:
        listed = index if isinstance(index, tuple) else (index,)
        if self.picked is not None and (merged := merge(self.picked[1], listed)):
            return self.picked[0][merged]
        parts = [part(i, n) for i, n in zip(listed, self.lengths(listed))]
        while len(parts) > 1 and parts[-1] == ":" and ... not in listed:
            parts.pop()
        if parts in ([":"], []):
            return self
        found = self.like(f"{self.inside(ATOM)}[{', '.join(parts)}]", None)
        if self.shape is not None and len(listed) == self.ndim and all_slices(listed):
            found.picked = self, listed
        return found

    def lengths(self, index: tuple) -> list[int | None]:
        """For each entry of an index the length of the axis that it picks from, if known."""
        if self.shape is None or any(i is ... for i in index):
            return [None] * len(index)
        axes = iter(self.shape)
        return [None if i is None else next(axes, None) for i in index]

    # ---- operators

    def __neg__(self) -> Text:
        return self.like(f"-{self.inside(SIGN)}", self.shape, SIGN)

    def __invert__(self) -> Text:
        return self.like(f"~{self.inside(SIGN)}", self.shape, SIGN)

    def __matmul__(self, other: Text) -> Text:
        a, b = self.inside(PRODUCT), other.inside(SIGN)
        shape = (*self.known_shape[:-1], *other.known_shape[-1:])
        return self.like(f"{a} @ {b}", shape, PRODUCT)


def all_slices(index: tuple) -> bool:
    """Whether an index drops and adds no axis."""
    return all(isinstance(i, slice) for i in index)


def merge(slices: tuple, index: tuple) -> tuple | None:
    """x[slices][index] as one index, where that says 0, `:` or None at each axis."""
    axes = iter(slices)
    merged: list[Any] = []
    for i in index:
        if i is None:
            merged.append(None)
            continue
        taken = next(axes)
        if isinstance(i, int) and i == 0:
            merged.append(taken.start)
        elif isinstance(i, slice) and i == slice(None):
            merged.append(taken)
        else:
            return None
    return (*merged, *axes)


def part(index: Any, length: int | None) -> str:
    """One entry of an index."""
    if isinstance(index, slice):
        return slice_text(index, length)
    return "..." if index is ... else written(index)


def slice_text(index: slice, length: int | None) -> str:
    """`2:5`, `::-1`: ends that are those of the axis are left out."""
    start, stop, step = index.start, index.stop, 1 if index.step is None else index.step
    if start == (0 if step > 0 else None if length is None else length - 1):
        start = None
    if step > 0 and stop is not None and length is not None and stop >= length:
        stop = None
    ends = [("" if end is None else str(end)) for end in (start, stop)]
    return ":".join([*ends, str(step)] if step != 1 else ends)


def binary(symbol: str, binding: int) -> tuple[Any, Any]:
    """The operator, and itself with its sides exchanged.

    What stands on the right is put in parentheses if it binds no tighter: x - (y - z).
    """

    def join(a: Any, b: Any) -> Text:
        left = operand(a).inside(binding + (binding == COMPARISON))
        return Text(f"{left} {symbol} {operand(b).inside(binding + 1)}", None, None, binding)

    return join, lambda x, other: join(other, x)


OPERATORS = {
    "add": ("+", SUM),
    "sub": ("-", SUM),
    "mul": ("*", PRODUCT),
    "truediv": ("/", PRODUCT),
    "floordiv": ("//", PRODUCT),
    "mod": ("%", PRODUCT),
    "lshift": ("<<", SHIFT),
    "rshift": (">>", SHIFT),
    "and": ("&", AND),
    "xor": ("^", XOR),
    "or": ("|", OR),
}
COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
for name, (symbol, binding) in OPERATORS.items():
    forward, backward = binary(symbol, binding)
    setattr(Text, f"__{name}__", forward)
    setattr(Text, f"__r{name}__", backward)
for name, symbol in COMPARISONS.items():
    setattr(Text, f"__{name}__", binary(symbol, COMPARISON)[0])


def operand(x: Any) -> Text:
    """A Python number, or an expression, beside an operator."""
    if isinstance(x, Text):
        return x
    text = written(x)
    return Text(text, binding=SIGN if text.startswith("-") else ATOM)


def written(x: Any) -> str:
    """Values as literals: numbers, dtypes, tuples, slices, expressions; nothing else."""
    if isinstance(x, Text):
        return x.text
    if isinstance(x, np.generic):
        x = x.item()
    if isinstance(x, float) and not math.isfinite(x):
        return "np.nan" if math.isnan(x) else "np.inf" if x > 0 else "-np.inf"
    if x is None or isinstance(x, (bool, int, float, str)):
        return repr(x)
    if isinstance(x, tuple):
        inner = ", ".join(map(written, x))
        return f"({inner},)" if len(x) == 1 else f"({inner})"
    if isinstance(x, list):
        return f"[{', '.join(map(written, x))}]"
    if isinstance(x, np.dtype):
        return "np.bool_" if x.kind == "b" else f"np.{x.name}"
    raise UnwritableError(f"{type(x).__name__} as a literal")


class NumPy:
    """Stands where `np` stands in a meaning: what is called is written down."""

    def __init__(self, path: str = "np") -> None:
        self.path = path

    def __getattr__(self, name: str) -> NumPy:
        if name.startswith("__"):
            raise AttributeError(name)
        return NumPy(f"{self.path}.{name}")

    def __call__(self, *arguments: Any, **named: Any) -> Text:
        listed = [*map(written, arguments), *(f"{k}={written(v)}" for k, v in named.items())]
        return Text(f"{self.path}({', '.join(listed)})")


WRITER = NumPy()
