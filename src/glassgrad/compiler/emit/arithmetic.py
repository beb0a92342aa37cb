"""Choices, steps, signs and remainders, by NumPy's names."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy

from ...types import bool_, float16, float32, float64, int16, int32, int64, uint64
from . import helpers
from .memory import Memory
from .register import Register, binary_as, operands

BITS = {float16: int16, float32: int32, float64: int64}  # integers as wide as reals
Function = TypeVar("Function", bound=Callable[..., Any])


def numeric(method: Function) -> Function:
    """A function that leaves Python's numbers to NumPy."""

    @wraps(method)
    def call(self: Any, *values: Any) -> Any:
        if any(isinstance(v, Register) for v in values):
            return method(self, *values)
        return getattr(numpy, method.__name__)(*values).item()

    return cast(Function, call)


def real(*dtypes: numpy.dtype) -> Callable[[Function], Function]:
    """A function that is written for some dtypes; others are converted there and back.

    Half precision goes through single, single where need be through double; integers give double.
    """

    def decorate(method: Function) -> Function:
        @wraps(method)
        def call(self: Any, *values: Any) -> Any:
            registers = operands(*values)
            dtype = registers[0].dtype
            if dtype in dtypes:
                return method(self, *registers)
            within = float32 if dtype == float16 else float64
            found = call(self, *(r.astype(within) for r in registers))
            return found.astype(dtype) if dtype.kind == "f" else found

        return numeric(cast(Function, call))

    return decorate


class Arithmetic(Memory):
    """What needs no approximation.

    helpers   the texts of functions that the code calls, by name: the module must have them once
    """

    def __init__(self, name: str, arguments: str, linkage: str = "internal") -> None:
        super().__init__(name, arguments, linkage)
        self.helpers: dict[str, str] = {}

    def call(
        self, name: str, results: tuple[numpy.dtype, ...], *values: Register
    ) -> list[Register]:
        """What a helper gives for vectors; scalars go as vectors."""
        self.helpers[name] = helpers.TEXTS[name]
        wide, registers = values[0].wide, [self.splat(v) for v in values]
        types = [Register(self, "", t, True).type for t in results]
        together = types[0] if len(types) == 1 else f"{{{', '.join(types)}}}"
        listed = ", ".join(f"{v.type} {v.name}" for v in registers)
        found = self.instruction(f"call {together} @{name}({listed})", results[0], True)
        parts = [found]
        if len(types) > 1:
            parts = [
                self.instruction(f"extractvalue {together} {found.name}, {k}", dtype, True)
                for k, dtype in enumerate(results)
            ]
        return parts if wide else [self.lane(part, 0) for part in parts]

    # ---- choices; NaN survives all of them

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        if not isinstance(condition, Register):
            return x if condition else y
        if not isinstance(x, Register) and not isinstance(y, Register):
            x = self.literal(x, numpy.result_type(type(x), type(y)))
        return self.select(condition if condition.dtype == bool_ else condition != 0, x, y)

    @numeric
    def maximum(self, x: Any, y: Any) -> Any:
        return self._extreme("max", "gt", x, y)

    @numeric
    def minimum(self, x: Any, y: Any) -> Any:
        return self._extreme("min", "lt", x, y)

    def _extreme(self, name: str, better: str, x: Any, y: Any) -> Register:
        """Of two registers one that is NaN; processors give the second then."""
        if not isinstance(x, Register):
            x, y = y, x
        number = not isinstance(y, Register) and y == y
        x, y = operands(x, y)
        if x.dtype == bool_:
            return x | y if name == "max" else x & y
        if x.dtype.kind != "f":
            return self.intrinsic(("s" if x.signed else "u") + name, x, y)
        found = self.select(binary_as(f"fcmp o{better}", y, x, bool_), y, x)
        return found if number else self.select(self._ordered(y), found, y)

    def _ordered(self, x: Register) -> Register:
        return binary_as("fcmp ord", x, x, bool_)

    # ---- signs and steps

    @numeric
    def abs(self, x: Any) -> Any:
        return abs(x)

    @numeric
    def negative(self, x: Any) -> Any:
        return -x

    @numeric
    def sign(self, x: Any) -> Any:
        if x.dtype.kind != "f":
            below = (x < 0).astype(x.dtype) if x.signed else 0
            return (x > 0).astype(x.dtype) - below
        zero_or_nan = binary_as("fcmp ueq", x, self.literal(0, x.dtype, x.wide), bool_)
        return self.select(zero_or_nan, x + 0.0, self.copysign(1.0, x))

    @numeric
    def copysign(self, x: Any, y: Any) -> Any:
        x, y = operands(x, y)
        if x.dtype.kind != "f":
            x, y = x.astype(float64), y.astype(float64)
        return self.intrinsic("copysign", x, y)

    @numeric
    def signbit(self, x: Any) -> Any:
        return (self.bits(x, BITS[x.dtype]) if x.dtype.kind == "f" else x) < 0

    def floor(self, x: Any) -> Any:
        return self._whole("floor", x)

    def ceil(self, x: Any) -> Any:
        return self._whole("ceil", x)

    def trunc(self, x: Any) -> Any:
        return self._whole("trunc", x)

    def rint(self, x: Any) -> Any:
        return self._whole("rint", x)

    def _whole(self, name: str, x: Any) -> Any:
        if not isinstance(x, Register):
            return getattr(numpy, name)(x).item()
        if x.dtype == float16:
            return self._whole(name, x.astype(float32)).astype(float16)
        return self.intrinsic(name, x) if x.dtype.kind == "f" else x

    @numeric
    def isnan(self, x: Any) -> Any:
        return x != x

    @numeric
    def isinf(self, x: Any) -> Any:
        return abs(x) == math.inf if x.dtype.kind == "f" else x != x

    @numeric
    def isfinite(self, x: Any) -> Any:
        return abs(x) < math.inf if x.dtype.kind == "f" else x == x

    # ---- multiplications and roots

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        """a b + c with one rounding."""
        if not any(isinstance(v, Register) for v in (a, b, c)):
            return math.fma(a, b, c) if hasattr(math, "fma") else a * b + c
        a, b, c = operands(a, b, c)
        if a.dtype == float16:
            return self.fma(*(v.astype(float32) for v in (a, b, c))).astype(float16)
        return self.intrinsic("fma", a, b, c) if a.dtype.kind == "f" else a * b + c

    def polynomial(
        self, x: Register, coefficients: tuple[float, ...], square: Register | None = None
    ) -> Register:
        """Highest power first; Horner's rule on pairs, which wait half as long for each other."""
        square = x * x if square is None else square
        start = len(coefficients) % 2
        total: Any = coefficients[0] if start else None
        for a, b in zip(coefficients[start::2], coefficients[start + 1 :: 2], strict=True):
            pair = self.fma(x, a, b)
            total = pair if total is None else self.fma(square, total, pair)
        return total

    @real(float32, float64)
    def sqrt(self, x: Any) -> Any:
        return self.intrinsic("sqrt", x)

    @real(float32, float64)
    def square(self, x: Any) -> Any:
        return x * x

    # ---- quotients and remainders

    @numeric
    def floor_divide(self, x: Any, y: Any) -> Any:
        """Towards minus infinity; integers over 0 give 0, as in NumPy."""
        constant = not isinstance(y, Register) and y not in (0, -1)
        x, y = operands(x, y)
        if x.dtype.kind == "f":
            return self._floor_divide_real(x, y)
        quotient, rest = self._divided(x, y, constant)
        if not x.signed:
            return quotient
        return quotient - ((rest != 0) & ((rest ^ y) < 0)).astype(x.dtype)

    @numeric
    def remainder(self, x: Any, y: Any) -> Any:
        """With the sign of y; integers over 0 leave 0, as in NumPy."""
        constant = not isinstance(y, Register) and y not in (0, -1)
        x, y = operands(x, y)
        if x.dtype.kind == "f":
            rest = self.fmod(x, y)
            other = self.select(rest * self.copysign(1.0, y) < 0, rest + y, rest)
            return self.select(rest == 0, self.copysign(rest, y), other)
        _, rest = self._divided(x, y, constant)
        return rest + self.select((rest != 0) & ((rest ^ y) < 0), y, 0) if x.signed else rest

    @numeric
    def fmod(self, x: Any, y: Any) -> Any:
        """With the sign of x; exact."""
        constant = not isinstance(y, Register) and y not in (0, -1)
        x, y = operands(x, y)
        if x.dtype.kind != "f":
            return self._divided(x, y, constant)[1]
        (found,) = self.call("fmod", (float64,), x.astype(float64), y.astype(float64))
        return found.astype(x.dtype)

    def _divided(self, x: Register, y: Register, constant: bool) -> tuple[Register, Register]:
        """The quotient towards zero, and the rest; both are 0 where y is."""
        if x.dtype == bool_:
            return x & y, x ^ x
        quotient = self._quotient(x, y, constant)
        rest = x - quotient * y
        return quotient, rest if constant else self.select(y == 0, 0, rest)

    def _quotient(self, x: Register, y: Register, constant: bool) -> Register:
        """No division by 0 is left, nor by -1, which overflows for one number."""
        if constant:
            return binary_as("sdiv" if x.signed else "udiv", x, y)
        if not x.signed:
            zero = y == 0
            return self.select(zero, 0, binary_as("udiv", x, self.select(zero, 1, y)))
        unit = binary_as("icmp ule", y + 1, self.literal(1, y.dtype, y.wide), bool_)
        return self.select(unit, x * y, binary_as("sdiv", x, self.select(unit, 1, y)))

    def _floor_divide_real(self, x: Register, y: Register) -> Register:
        """NumPy's way: what is left over decides, not the rounded quotient."""
        if x.dtype == float16:
            return self._floor_divide_real(x.astype(float32), y.astype(float32)).astype(float16)
        rest = self.fmod(x, y)
        other_sign = rest * self.copysign(1.0, y) < 0
        quotient = (x - rest) / y
        quotient = self.select(other_sign, quotient - 1.0, quotient)
        whole = self.floor(quotient)
        whole = self.select(quotient - whole > 0.5, whole + 1.0, whole)
        whole = self.select(quotient == 0, self.copysign(0.0, x / y), whole)
        return self.select(y == 0, x / y, whole)

    @numeric
    def gcd(self, x: Any, y: Any) -> Any:
        """The greatest common divisor."""
        x, y = operands(x, y)
        a, b = (self._magnitude(v) for v in (x, y))
        (found,) = self.call("gcd", (uint64,), a, b)
        return found.astype(x.dtype)

    def _magnitude(self, x: Register) -> Register:
        unsigned = numpy.dtype(f"u{x.dtype.itemsize}")
        return abs(x).astype(unsigned).astype(uint64)

    # ---- neighbours

    @numeric
    def nextafter(self, x: Any, y: Any) -> Any:
        """The next number from x towards y: the next integer, when bits are read as one."""
        x, y = operands(x, y)
        dtype = BITS[x.dtype]
        bits = self.bits(x, dtype)
        outwards = (x < y) == (x > 0)
        moved = self.bits(self.select(outwards, bits + 1, bits - 1), x.dtype)
        least = self.bits(self.literal(1, dtype, x.wide), x.dtype)
        moved = self.select(x == 0, self.copysign(least, y), moved)
        return self.select(x == y, y, self.select((x != x) | (y != y), x + y, moved))


__all__ = ["BITS", "Arithmetic", "numeric", "real"]
