"""Methods that work element by element, and the operators."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..operations import composite
from ..operations import elementwise as op
from ..types import DivisionError, ElementError, bool_, int64, is_real
from . import state as modes
from .listening import demand
from .node import Node, aligned, common_dtype, common_shape, lifted, real


class Pointwise(Node):
    """Elementwise methods; with two operands they broadcast and promote as in PyTorch."""

    # ---- arithmetic

    def __add__(self, other):
        return self.apply(op.add, *aligned(self, other))

    def __radd__(self, other):
        return self.apply(op.add, *aligned(other, self))

    def __sub__(self, other):
        _refuse_truth(self, other)
        return self.apply(op.sub, *aligned(self, other))

    def __rsub__(self, other):
        _refuse_truth(self, other)
        return self.apply(op.sub, *aligned(other, self))

    def __mul__(self, other):
        return self.apply(op.mul, *aligned(self, other))

    def __rmul__(self, other):
        return self.apply(op.mul, *aligned(other, self))

    def __truediv__(self, other):
        return self.apply(op.div, *map(real, aligned(self, other)))

    def __rtruediv__(self, other):
        return self.apply(op.div, *map(real, aligned(other, self)))

    def __floordiv__(self, other):
        return self.apply(op.floor_divide, *_divisible(*aligned(self, other)))

    def __rfloordiv__(self, other):
        return self.apply(op.floor_divide, *_divisible(*aligned(other, self)))

    def __mod__(self, other):
        return self.apply(op.remainder, *_divisible(*aligned(self, other)))

    def __rmod__(self, other):
        return self.apply(op.remainder, *_divisible(*aligned(other, self)))

    def __pow__(self, exponent):
        return self.pow(exponent)

    def __rpow__(self, base):
        return lifted(base, self).pow(self)

    def __neg__(self):
        if self.dtype == bool_:
            raise ElementError("- of truth values is not defined; write ~x or x.logical_not()")
        return self.apply(op.neg, self)

    def __pos__(self):
        return self

    def __abs__(self):
        return self.abs()

    def add(self, other, *, alpha=1):
        """x + alpha other."""
        return self + other if _is_one(alpha) else _axpy(self, other, alpha)

    def sub(self, other, *, alpha=1):
        """x - alpha other."""
        return self - other if _is_one(alpha) else _axpy(self, other, -alpha)

    def rsub(self, other, *, alpha=1):
        """other - alpha x."""
        return other - self if _is_one(alpha) else other - alpha * self

    def mul(self, other):
        """x other."""
        return self * other

    def div(self, other, *, rounding_mode=None):
        """x / other, rounded towards zero ("trunc") or down ("floor") if asked for."""
        if rounding_mode is None:
            return self / other
        if rounding_mode == "floor":
            return self // other
        if rounding_mode != "trunc":
            raise RuntimeError(f"rounding_mode is None, 'trunc' or 'floor', not {rounding_mode!r}")
        x, y = aligned(self, other)
        quotient = (x / y).trunc()
        return quotient if is_real(x.dtype) else quotient.to(x.dtype)

    def floor_divide(self, other):
        """x // other, rounded down."""
        return self // other

    def remainder(self, other):
        """x - other floor(x / other): the sign is that of `other`, as in Python."""
        return self % other

    def fmod(self, other):
        """x - other trunc(x / other): the sign is that of x, as in C."""
        return self.apply(op.fmod, *_divisible(*aligned(self, other)))

    def neg(self):
        """-x."""
        return -self

    def positive(self):
        """x itself."""
        return +self

    def reciprocal(self):
        """1 / x."""
        return self.apply(op.reciprocal, real(self))

    def square(self):
        """x^2."""
        return self.apply(op.square, self.to(int64) if self.dtype == bool_ else self)

    def pow(self, exponent):
        """x^exponent; x^2, x^3 and x^4 by products, much faster, and x^0.5 by its root."""
        if not isinstance(exponent, Node):
            if exponent in (2, 3, 4):
                x = real(self) if isinstance(exponent, (float, np.floating)) else self
                y = x.square()
                return y if exponent == 2 else y * x if exponent == 3 else y.square()
            if exponent == 0.5:
                return self.sqrt()
        x, y = aligned(self, exponent)
        if x.dtype == bool_:
            raise ElementError("** of truth values is not defined; convert one by .int()")
        if not is_real(x.dtype) and y.number is not None and y.number < 0:
            raise RuntimeError("integers to negative integer powers are not allowed; use x.float()")
        return self.apply(op.pow, x, y)

    def float_power(self, exponent):
        """x^exponent in float64."""
        exponent = exponent.double() if isinstance(exponent, Node) else exponent
        return self.double().pow(exponent)

    def abs(self):
        """|x|."""
        return self.apply(op.abs, self)

    def sign(self):
        """-1, 0 or 1."""
        return self if self.dtype == bool_ else self.apply(op.sign, self)

    def sgn(self):
        """-1, 0 or 1: the same as `sign` for real numbers."""
        return self.sign()

    # ---- exponentials, roots and what belongs to them

    def exp(self):
        """e^x."""
        return self.apply(op.exp, real(self))

    def exp2(self):
        """2^x."""
        return self.apply(op.exp2, real(self))

    def expm1(self):
        """e^x - 1, exact near 0."""
        return self.apply(op.expm1, real(self))

    def log(self):
        """ln x."""
        return self.apply(op.log, real(self))

    def log2(self):
        """The logarithm to base 2."""
        return self.apply(op.log2, real(self))

    def log10(self):
        """The logarithm to base 10."""
        return self.apply(op.log10, real(self))

    def log1p(self):
        """ln(1 + x), exact near 0."""
        return self.apply(op.log1p, real(self))

    def logaddexp(self, other):
        """ln(e^x + e^other) without overflow."""
        return self.apply(op.logaddexp, *map(real, aligned(self, other)))

    def logaddexp2(self, other):
        """log2(2^x + 2^other) without overflow."""
        x, y = map(real, aligned(self, other))
        return (x * math.log(2)).logaddexp(y * math.log(2)) / math.log(2)

    def sqrt(self):
        """The square root."""
        return self.apply(op.sqrt, real(self))

    def rsqrt(self):
        """1 / sqrt(x)."""
        return self.apply(op.rsqrt, real(self))

    def hypot(self, other):
        """sqrt(x^2 + other^2)."""
        return self.apply(op.hypot, *map(real, aligned(self, other)))

    def ldexp(self, other):
        """x 2^other."""
        return self * 2.0**other

    def frexp(self):
        """(mantissa, exponent) with x = mantissa 2^exponent and mantissa in [0.5, 1)."""
        exponent = np.frexp(self.known())[1]
        half = exponent // 2  # 2^-exponent itself may overflow
        scales = [np.ldexp(1.0, -half), np.ldexp(1.0, half - exponent)]
        mantissa = self * self.lift(scales[0]).to(self.dtype) * self.lift(scales[1]).to(self.dtype)
        return Frexp(mantissa, self.lift(exponent))

    # ---- circles and hyperbolas

    def deg2rad(self):
        """Degrees as radians: x pi / 180."""
        return real(self) * (math.pi / 180)

    def rad2deg(self):
        """Radians as degrees: 180 x / pi."""
        return real(self) * (180 / math.pi)

    def sin(self):
        """sin x."""
        return self.apply(op.sin, real(self))

    def cos(self):
        """cos x."""
        return self.apply(op.cos, real(self))

    def tan(self):
        """tan x."""
        return self.apply(op.tan, real(self))

    def asin(self):
        """arcsin x."""
        return self.apply(op.asin, real(self))

    def acos(self):
        """arccos x."""
        return self.apply(op.acos, real(self))

    def atan(self):
        """arctan x."""
        return self.apply(op.atan, real(self))

    def atan2(self, other):
        """The angle of the point (other, x)."""
        return self.apply(op.atan2, *map(real, aligned(self, other)))

    def sinh(self):
        """sinh x."""
        return self.apply(op.sinh, real(self))

    def cosh(self):
        """cosh x."""
        return self.apply(op.cosh, real(self))

    def tanh(self):
        """tanh x = (e^x - e^-x) / (e^x + e^-x)."""
        return self.apply(op.tanh, real(self))

    def asinh(self):
        """arsinh x."""
        return self.apply(op.asinh, real(self))

    def acosh(self):
        """arcosh x."""
        return self.apply(op.acosh, real(self))

    def atanh(self):
        """artanh x."""
        return self.apply(op.atanh, real(self))

    # ---- activations

    def sigmoid(self):
        """1 / (1 + e^-x)."""
        return self.apply(op.sigmoid, real(self))

    def relu(self):
        """max(x, 0)."""
        return self.apply(op.relu, self)

    # ---- rounding

    def floor(self):
        """The largest integer that is at most x."""
        return self.apply(op.floor, self) if is_real(self.dtype) else self

    def ceil(self):
        """The smallest integer that is at least x."""
        return self.apply(op.ceil, self) if is_real(self.dtype) else self

    def trunc(self):
        """x without its fraction."""
        return self.apply(op.trunc, self) if is_real(self.dtype) else self

    def round(self, *, decimals: int = 0):
        """The nearest integer, or multiple of 10^-decimals; halves go to the even one."""
        if not is_real(self.dtype):
            return self
        if decimals == 0:
            return self.apply(op.round, self)
        scale = 10.0**decimals
        return (self * scale).round() / scale

    def frac(self):
        """x - trunc(x)."""
        return self - self.trunc()

    # ---- choices

    def maximum(self, other):
        """The larger of two, elementwise; NaN if either is."""
        return self.apply(op.maximum, *aligned(self, other))

    def minimum(self, other):
        """The smaller of two, elementwise; NaN if either is."""
        return self.apply(op.minimum, *aligned(self, other))

    def clamp(self, min=None, max=None):
        """x held between `min` and `max`, numbers or tensors; NaN stays NaN."""
        if min is None and max is None:
            raise RuntimeError("clamp needs min, max or both")
        low = -math.inf if min is None else min
        high = math.inf if max is None else max
        if not is_real(self.dtype):
            x = self if min is None else self.maximum(min)
            return x if max is None else x.minimum(max)
        nodes = [self, *(v if isinstance(v, Node) else lifted(v, self) for v in (low, high))]
        return self.apply(op.clamp, *common_shape(*common_dtype(*nodes)))

    def where(self, condition, other):
        """x where `condition` holds, else `other`."""
        x, y = aligned(self, other)
        if condition.dtype != bool_:
            raise ElementError(f"where takes a condition of dtype bool and got {condition.dtype}")
        if y.number is not None and x.value.shape == condition.value.shape:
            return self.apply(op.where, condition, x, y)
        return self.apply(op.where, *common_shape(condition, x, y))

    def clamp_min(self, min):
        """The larger of x and `min`; NaN stays NaN."""
        return self.clamp(min)

    def clamp_max(self, max):
        """The smaller of x and `max`; NaN stays NaN."""
        return self.clamp(None, max)

    def fmax(self, other):
        """The larger of two, elementwise; a number wins against NaN."""
        x, y = aligned(self, other)
        return x.where((x >= y) | y.isnan(), y)

    def fmin(self, other):
        """The smaller of two, elementwise; a number wins against NaN."""
        x, y = aligned(self, other)
        return x.where((x <= y) | y.isnan(), y)

    def nan_to_num(self, nan=0.0, posinf=None, neginf=None):
        """x with numbers for NaN and the infinities, by default 0 and the largest there are."""
        if not is_real(self.dtype):
            return self
        largest = float(np.finfo(self.dtype).max)
        x = self.where(~self.isnan(), 0.0 if nan is None else nan)
        x = x.where(x != math.inf, largest if posinf is None else posinf)
        return x.where(x != -math.inf, -largest if neginf is None else neginf)

    def heaviside(self, values):
        """0 for negative x, 1 for positive x, and `values` where x is 0."""
        values = values if isinstance(values, Node) else lifted(values, self)
        if self.dtype != values.dtype:
            raise RuntimeError(f"heaviside takes one dtype; got {self.type_} and {values.type_}")
        return values.where(self == 0, (self > 0).to(self.dtype))

    def copysign(self, other):
        """|x| with the sign of `other`."""
        return self.apply(op.copysign, *map(real, aligned(self, other)))

    def nextafter(self, other):
        """The next number from x towards `other`."""
        return self.apply(op.nextafter, *map(real, aligned(self, other)))

    def lerp(self, end, weight):
        """x + weight (end - x)."""
        return self + weight * (end - self)

    def addcmul(self, tensor1, tensor2, *, value=1):
        """x + value tensor1 tensor2."""
        return self + _times(value, tensor1 * tensor2)

    def addcdiv(self, tensor1, tensor2, *, value=1):
        """x + value tensor1 / tensor2."""
        if not any(is_real(x.dtype) for x in (tensor1, tensor2)):
            raise RuntimeError("addcdiv divides real numbers; convert integers by .float()")
        return self + _times(value, tensor1 / tensor2)

    def gcd(self, other):
        """The greatest common divisor."""
        return self.apply(op.gcd, *_integers("gcd", *aligned(self, other)))

    def lcm(self, other):
        """The least common multiple."""
        x, y = _integers("lcm", *aligned(self, other))
        divisor = x.gcd(y)
        return (x // divisor.where(divisor != 0, 1) * y).abs()

    # ---- other names

    absolute = abs
    arccos, arccosh, arcsin, arcsinh, arctan, arctanh = acos, acosh, asin, asinh, atan, atanh
    arctan2 = atan2
    clip = clamp
    divide = true_divide = div
    fix = trunc
    multiply = mul
    negative = neg
    subtract = sub


class Frexp(NamedTuple):
    """A number as mantissa and power of two."""

    mantissa: Node
    exponent: Node


def _times(value, x):
    return x if value == 1 else value * x


def _integers(name, x, y):
    if is_real(x.dtype) or x.dtype == bool_:
        raise ElementError(f"{name} takes integers and got {x.type_} and {y.type_}")
    return x, y


def _refuse_truth(x, other):
    if x.value.dtype is bool_ or (
        other.value.dtype is bool_ if isinstance(other, Node) else isinstance(other, bool)
    ):
        raise ElementError(
            "- of truth values is not defined; use ^ or logical_xor, or convert by .int()"
        )


BY_ZERO = "integer division by zero; convert with x.float() for infinities"


def _divisible(x, y):
    """Operands of //, % and fmod; zero divides no integer."""
    if x.dtype == bool_:
        raise ElementError("//, % and fmod of truth values are not defined; convert one by .int()")
    if not is_real(x.dtype) and (y.number == 0 or modes.state.listening is None):
        if (y.value == 0).any():
            raise DivisionError(BY_ZERO)
    elif not is_real(x.dtype) and y.number is None:
        demand(y == 0, BY_ZERO, y, DivisionError)
    return x, y


def _is_one(alpha):
    """Whether a factor can be left out: tensors, as hyper-parameters are in a trace, stay."""
    return not isinstance(alpha, Node) and alpha == 1


def _axpy(x, y, a):
    """x + a y: one node where both have one shape of real numbers."""
    x, y = aligned(x, y)
    if isinstance(a, float) and not is_real(x.dtype):
        raise RuntimeError(f"add of integers takes an integer as alpha, not {a}")
    if isinstance(a, Node) or x.value.shape != y.value.shape or not is_real(x.dtype):
        return x + a * y
    return x.apply(composite.axpy, x, y, x.constant(a, x.dtype))
