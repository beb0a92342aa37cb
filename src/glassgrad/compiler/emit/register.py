"""Registers: what operators do to values in native code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...types import bool_, float16, float32, float64, int64, uint8
from .position import LANES

if TYPE_CHECKING:
    from .functions import Functions
    from .writer import Writer

REAL = {float16: "half", float32: "float", float64: "double"}
OF_TRUTH = {"add": "or", "mul": "and", "sub": "xor"}  # what arithmetic is on truth values
COMPARISONS = {  # of real, signed and unsigned values; NaN is unequal to all, and in no order
    "eq": ("oeq", "eq", "eq"),
    "ne": ("une", "ne", "ne"),
    "lt": ("olt", "slt", "ult"),
    "le": ("ole", "sle", "ule"),
    "gt": ("ogt", "sgt", "ugt"),
    "ge": ("oge", "sge", "uge"),
}


def llvm_type(dtype: np.dtype) -> str:
    """LLVM's name of an element type: float, double, i64; truth values are i1."""
    return REAL.get(dtype) or ("i1" if dtype == bool_ else f"i{8 * dtype.itemsize}")


class Register:
    """A scalar, or a vector of 16 lanes, and what Python's operators make of it.

    An operand may be a number; where one operand is a vector the other is spread over the lanes.
    """

    __slots__ = ("code", "dtype", "name", "wide")
    __array_ufunc__ = None  # NumPy's numbers leave operators to us

    def __init__(self, code: Writer, name: str, dtype: np.dtype, wide: bool) -> None:
        self.code: Functions = code  # type: ignore[assignment]
        self.name, self.dtype, self.wide = name, dtype, wide

    @property
    def kind(self) -> str:
        """LLVM's name of the element type."""
        return llvm_type(self.dtype)

    @property
    def vector(self) -> str:
        """LLVM's name of a vector of such elements."""
        return f"<{LANES} x {self.kind}>"

    @property
    def type(self) -> str:
        """LLVM's name of the register's type."""
        return self.vector if self.wide else self.kind

    @property
    def suffix(self) -> str:
        """How intrinsics name the type: `v16f32`."""
        bits = 1 if self.dtype == bool_ else 8 * self.dtype.itemsize
        kind = f"{'f' if self.dtype.kind == 'f' else 'i'}{bits}"
        return f"v{LANES}{kind}" if self.wide else kind

    __hash__ = object.__hash__

    def astype(self, dtype: np.dtype) -> Register:
        """The value as another dtype, as NumPy and C convert it."""
        from .conversion import converted

        return converted(self, np.dtype(dtype))

    # ---- arithmetic; integers wrap

    def __add__(self, other: Any) -> Register:
        if isinstance(other, Register) and self.name == "0" and self.dtype == other.dtype:
            return other
        return self if self._is_integer(other, 0) else binary("add", self, other)

    def __radd__(self, other: Any) -> Register:
        return self if self._is_integer(other, 0) else binary("add", other, self)

    def __sub__(self, other: Any) -> Register:
        return self if self._is_integer(other, 0) else binary("sub", self, other)

    def __rsub__(self, other: Any) -> Register:
        return binary("sub", other, self)

    def __mul__(self, other: Any) -> Register:
        return self if self._is_integer(other, 1) else binary("mul", self, other)

    def __rmul__(self, other: Any) -> Register:
        return self if self._is_integer(other, 1) else binary("mul", other, self)

    def __truediv__(self, other: Any) -> Register:
        return divided(self, other)

    def __rtruediv__(self, other: Any) -> Register:
        return divided(other, self)

    def __floordiv__(self, other: Any) -> Register:
        return self.code.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> Register:
        return self.code.floor_divide(other, self)

    def __mod__(self, other: Any) -> Register:
        return self.code.remainder(self, other)

    def __rmod__(self, other: Any) -> Register:
        return self.code.remainder(other, self)

    def __pow__(self, other: Any) -> Register:
        return self.code.power(self, other)

    def __rpow__(self, other: Any) -> Register:
        return self.code.power(other, self)

    def __neg__(self) -> Register:
        if self.dtype.kind == "f":
            return self.code.instruction(f"fneg {self.type} {self.name}", self.dtype, self.wide)
        return binary("sub", 0, self)

    def __pos__(self) -> Register:
        return self

    def __abs__(self) -> Register:
        if self.dtype.kind == "f":
            return self.code.intrinsic("fabs", self)
        return self.code.intrinsic("abs", self, extra=", i1 false") if self.signed else self

    def _is_integer(self, other: Any, n: int) -> bool:
        """Whether an operand that changes nothing meets integers: addresses have many."""
        return isinstance(other, int) and other == n and self.dtype.kind in "iu"

    @property
    def signed(self) -> bool:
        """Whether these are integers that may be negative."""
        return self.dtype.kind == "i"

    # ---- bits

    def __and__(self, other: Any) -> Register:
        return binary("and", self, other)

    def __rand__(self, other: Any) -> Register:
        return binary("and", other, self)

    def __or__(self, other: Any) -> Register:
        return binary("or", self, other)

    def __ror__(self, other: Any) -> Register:
        return binary("or", other, self)

    def __xor__(self, other: Any) -> Register:
        return binary("xor", self, other)

    def __rxor__(self, other: Any) -> Register:
        return binary("xor", other, self)

    def __invert__(self) -> Register:
        return binary("xor", self, True if self.dtype == bool_ else -1)

    def __lshift__(self, other: Any) -> Register:
        return shifted("shl", self, other)

    def __rlshift__(self, other: Any) -> Register:
        return shifted("shl", other, self)

    def __rshift__(self, other: Any) -> Register:
        return shifted("shr", self, other)

    def __rrshift__(self, other: Any) -> Register:
        return shifted("shr", other, self)

    # ---- comparisons

    def __eq__(self, other: Any) -> Register:  # type: ignore[override]
        return compared("eq", self, other)

    def __ne__(self, other: Any) -> Register:  # type: ignore[override]
        return compared("ne", self, other)

    def __lt__(self, other: Any) -> Register:
        return compared("lt", self, other)

    def __le__(self, other: Any) -> Register:
        return compared("le", self, other)

    def __gt__(self, other: Any) -> Register:
        return compared("gt", self, other)

    def __ge__(self, other: Any) -> Register:
        return compared("ge", self, other)


def operands(*values: Any) -> list[Register]:
    """Registers of one type, some of them from numbers; a number of a higher kind decides.

    Integers that meet 0.5 become float64 and truth values that meet 2 become int64, as in NumPy.
    """
    registers = [v for v in values if isinstance(v, Register)]
    numbers = [v for v in values if not isinstance(v, Register)]
    kind, dtype = registers[-1].dtype.kind, None
    if kind != "f" and any(isinstance(n, float | np.floating) for n in numbers):
        dtype = float64
    elif kind == "b" and any(not isinstance(n, bool | np.bool_) for n in numbers):
        dtype = int64
    if dtype is not None:
        values = tuple(v.astype(dtype) if isinstance(v, Register) else v for v in values)
    found = registers[-1].code.alike(*values)
    if any(r.dtype != found[0].dtype for r in found):
        raise TypeError(f"operands of one dtype are wanted, not {[str(r.dtype) for r in found]}")
    return found


def binary(name: str, x: Any, y: Any) -> Register:
    """One of LLVM's instructions of two operands."""
    x, y = operands(x, y)
    if x.dtype.kind == "f":
        name = "f" + name
    elif x.dtype == bool_:
        name = OF_TRUTH.get(name, name)
    return x.code.instruction(f"{name} {x.type} {x.name}, {y.name}", x.dtype, x.wide)


def divided(x: Any, y: Any) -> Register:
    """x / y; integers become float64, as in NumPy."""
    x, y = operands(x, y)
    if x.dtype.kind != "f":
        x, y = x.astype(float64), y.astype(float64)
    return binary("div", x, y)


def shifted(name: str, x: Any, y: Any) -> Register:
    """x << y or x >> y; as in NumPy nothing remains beyond the last bit."""
    given = y
    x, y = operands(x, y)
    if x.dtype == bool_:
        x, y = x.astype(uint8), y.astype(uint8)
    last = 8 * x.dtype.itemsize - 1
    if name == "shr":
        name = "ashr" if x.signed else "lshr"
    if not isinstance(given, Register) and 0 <= given <= last:
        return binary_as(name, x, y)
    small = binary_as("icmp ule", y, x.code.literal(last, x.dtype, x.wide), bool_)
    if name == "ashr":
        return binary_as(name, x, x.code.select(small, y, last))
    return x.code.select(small, binary_as(name, x, y & last), 0)


def binary_as(name: str, x: Register, y: Register, dtype: np.dtype | None = None) -> Register:
    """An instruction by its full name, on operands of one type."""
    return x.code.instruction(f"{name} {x.type} {x.name}, {y.name}", dtype or x.dtype, x.wide)


def compared(name: str, x: Any, y: Any) -> Register:
    """A truth value, or a vector of them."""
    x, y = operands(*_within_range(x, y))
    real, signed, unsigned = COMPARISONS[name]
    if x.dtype.kind == "f":
        return binary_as(f"fcmp {real}", x, y, bool_)
    return binary_as(f"icmp {signed if x.signed else unsigned}", x, y, bool_)


def _within_range(x: Any, y: Any) -> tuple[Any, Any]:
    """int64 where a number is beyond small integers: 255 is above -1, whatever its bits."""
    register, number = (x, y) if isinstance(x, Register) else (y, x)
    if (
        register.dtype.kind not in "iu"
        or not isinstance(number, int)
        or register.dtype.itemsize > 4
    ):
        return x, y
    limits = np.iinfo(register.dtype)
    if limits.min <= number <= limits.max:
        return x, y
    wider = register.astype(int64)
    return (wider, number) if register is x else (number, wider)
