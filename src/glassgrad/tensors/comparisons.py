"""Methods whose results are truth values, and those that work on bits."""

from __future__ import annotations

import math
from typing import Any

from ..operations import elementwise as op
from ..types import ElementError, bool_, is_real
from .node import Node, aligned, converted


class Comparisons(Node):
    """Elementwise; operands broadcast and promote as in arithmetic."""

    # ---- comparisons

    def __eq__(self, other):
        return self.apply(op.eq, *aligned(self, other)) if _comparable(other) else NotImplemented

    def __ne__(self, other):
        return self.apply(op.ne, *aligned(self, other)) if _comparable(other) else NotImplemented

    __hash__ = object.__hash__

    def __lt__(self, other):
        return self.apply(op.lt, *aligned(self, other))

    def __le__(self, other):
        return self.apply(op.le, *aligned(self, other))

    def __gt__(self, other):
        return self.apply(op.gt, *aligned(self, other))

    def __ge__(self, other):
        return self.apply(op.ge, *aligned(self, other))

    def eq(self, other):
        """x == other, elementwise."""
        return self == other

    def ne(self, other):
        """x != other, elementwise."""
        return self != other

    def lt(self, other):
        """x < other, elementwise."""
        return self < other

    def le(self, other):
        """x <= other, elementwise."""
        return self <= other

    def gt(self, other):
        """x > other, elementwise."""
        return self > other

    def ge(self, other):
        """x >= other, elementwise."""
        return self >= other

    def equal(self, other) -> bool:
        """Whether shapes and all elements are equal."""
        return self.shape == other.shape and bool((self == other).all())

    def isclose(self, other, rtol=1e-05, atol=1e-08, equal_nan=False):
        """|x - other| <= atol + rtol |other|, or both equal, elementwise."""
        if self.dtype != other.dtype:
            raise RuntimeError(f"isclose takes one dtype; got {self.type_} and {other.type_}")
        if not is_real(self.dtype):
            self, other = self.double(), other.double()
        near = (self - other).abs() <= atol + rtol * other.abs()
        close = (self == other) | (near & other.isfinite())
        return close | (self.isnan() & other.isnan()) if equal_nan else close

    def allclose(self, other, rtol=1e-05, atol=1e-08, equal_nan=False) -> bool:
        """Whether all elements are close (see `isclose`)."""
        return bool(self.isclose(other, rtol, atol, equal_nan).all())

    def is_nonzero(self) -> bool:
        """The truth of a tensor of one element."""
        return bool(self)

    def is_same_size(self, other) -> bool:
        """Whether the shapes are equal."""
        return self.shape == other.shape

    def is_signed(self) -> bool:
        """Whether the dtype has negative numbers."""
        return self.dtype.kind in "if"

    def isnan(self):
        """Where x is not a number."""
        return self.apply(op.isnan, self)

    def isfinite(self):
        """Where x is neither infinite nor NaN."""
        return self.apply(op.isfinite, self)

    def isinf(self):
        """Where x is infinite."""
        return self.apply(op.isinf, self)

    def isposinf(self):
        """Where x is plus infinity."""
        return self == math.inf

    def isneginf(self):
        """Where x is minus infinity."""
        return self == -math.inf

    def signbit(self):
        """Where the sign bit is set: negative numbers and -0."""
        return self.apply(op.signbit, self) if is_real(self.dtype) else self < 0

    # ---- truth values and bits

    def __and__(self, other):
        return self.apply(op.bitwise_and, *_whole("&", *aligned(self, other)))

    def __rand__(self, other):
        return self & other

    def __or__(self, other):
        return self.apply(op.bitwise_or, *_whole("|", *aligned(self, other)))

    def __ror__(self, other):
        return self | other

    def __xor__(self, other):
        return self.apply(op.bitwise_xor, *_whole("^", *aligned(self, other)))

    def __rxor__(self, other):
        return self ^ other

    def __invert__(self):
        return self.apply(op.bitwise_not, *_whole("~", self))

    def __lshift__(self, other):
        return self.apply(op.left_shift, *_shifted("<<", *aligned(self, other)))

    def __rlshift__(self, other):
        return self.apply(op.left_shift, *_shifted("<<", *aligned(other, self)))

    def __rshift__(self, other):
        return self.apply(op.right_shift, *_shifted(">>", *aligned(self, other)))

    def __rrshift__(self, other):
        return self.apply(op.right_shift, *_shifted(">>", *aligned(other, self)))

    def bitwise_and(self, other):
        """x & other."""
        return self & other

    def bitwise_or(self, other):
        """x | other."""
        return self | other

    def bitwise_xor(self, other):
        """x ^ other."""
        return self ^ other

    def bitwise_not(self):
        """~x."""
        return ~self

    def bitwise_left_shift(self, other):
        """x << other."""
        return self << other

    def bitwise_right_shift(self, other):
        """x >> other."""
        return self >> other

    def logical_and(self, other):
        """Where both are nonzero."""
        return _truth(self) & _truth(other)

    def logical_or(self, other):
        """Where one at least is nonzero."""
        return _truth(self) | _truth(other)

    def logical_xor(self, other):
        """Where exactly one is nonzero."""
        return _truth(self) ^ _truth(other)

    def logical_not(self):
        """Where x is zero."""
        return ~_truth(self)

    # ---- other names

    greater, greater_equal, less, less_equal, not_equal = gt, ge, lt, le, ne


def _comparable(other: Any) -> bool:
    return isinstance(other, Node) or hasattr(other, "__array__") or isinstance(other, (int, float))


def _truth(x):
    return converted(x, bool_) if isinstance(x, Node) else bool(x)


def _whole(symbol, *nodes):
    if any(is_real(x.dtype) for x in nodes):
        raise ElementError(f"{symbol} takes integers or truth values and got {nodes[0].type_}")
    return nodes


def _shifted(symbol, x, y):
    if x.dtype == bool_:
        raise ElementError(f"{symbol} of truth values is not defined; convert one by .int()")
    return _whole(symbol, x, y)
