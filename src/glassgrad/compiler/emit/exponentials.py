"""Exponentials, logarithms and hyperbolas from polynomials.

What has no coefficients of its own in single precision goes through double precision.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy

from ...types import float32, float64, int32, uint32, uint64
from .arithmetic import Arithmetic, numeric, real
from .register import Register, operands

Numbers = tuple[float, ...]
LOG2_E = 1 / math.log(2)
# fmt: off
EXP_SINGLE = (  # Cephes (Moshier 1989), expf.c: (e^r - 1 - r) / r^2 for |r| <= ln(2) / 2
    1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
    5.0000001201e-1,
)
EXP_DOUBLE = (  # the same to 2^-58, a minimax polynomial by Chebyshev's points
    2.51004725056949960e-8, 2.76202015910315488e-7, 2.75572682769056962e-6,
    2.48015210578682052e-5, 1.98412698631715560e-4, 1.38888889173670806e-3,
    8.33333333333003820e-3, 4.16666666666238205e-2, 1.66666666666666675e-1,
    5.00000000000000103e-1,
)
LOG_SINGLE = (  # Cephes, logf.c: (ln(1 + f) - f) / f^2
    7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
    -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1, -0.5,
)
LOG_DOUBLE = (  # fdlibm (Sun 1993), e_log.c: ln(1 + f) from s = f / (2 + f), in powers of s^2
    1.479819860511658591e-01, 1.531383769920937332e-01, 1.818357216161805012e-01,
    2.222219843214978396e-01, 2.857142874366239149e-01, 3.999999999940941908e-01,
    6.666666666666735130e-01,
)
# fmt: on


class Precision(NamedTuple):
    """What the functions need to know of a dtype.

    bits      the dtype of its bits
    mantissa  how many of them are the fraction
    ln2       ln 2 in two parts; whole numbers times the first are exact
    log10_2, log2_e, log10_e    in two parts as well
    deepest   where exp is 0; highest where it is infinite
    exp       the polynomial
    half      the bits of sqrt(1/2)
    tanh      where tanh is 1
    """

    bits: numpy.dtype
    mantissa: int
    ln2: Numbers
    log10_2: Numbers
    log2_e: Numbers
    log10_e: Numbers
    deepest: float
    highest: float
    exp: Numbers
    half: int
    tanh: float

    @property
    def bias(self) -> int:
        """The exponent of 1, as the bits have it."""
        return 2 ** (8 * self.bits.itemsize - self.mantissa - 2) - 1

    @property
    def one(self) -> int:
        """The bits of 1."""
        return self.bias << self.mantissa

    @property
    def fraction(self) -> int:
        """The bits of the fraction, all ones."""
        return 2**self.mantissa - 1

    @property
    def round(self) -> float:
        """A number whose last bit is worth 1: what is added to it is rounded to an integer."""
        return 1.5 * 2.0**self.mantissa


SINGLE = Precision(
    bits=uint32,
    mantissa=23,
    ln2=(0.693145751953125, 1.428606820309417e-6),
    log10_2=(0.301025390625, 4.605038981195214e-06),
    log2_e=(1.4426950216293335, 1.9259629911266175e-08),
    log10_e=(0.4342944920063019, -1.0103050052231683e-08),
    deepest=-104.0,
    highest=89.0,
    exp=EXP_SINGLE,
    half=0x3F3504F3,
    tanh=9.1,
)
DOUBLE = Precision(
    bits=uint64,
    mantissa=52,
    ln2=(6.93147180369123816490e-01, 1.90821492927058770002e-10),
    log10_2=(0.3010299955494702, 1.1451100898021838e-10),
    log2_e=(1.4426950408889634, 2.0355273740931033e-17),
    log10_e=(0.4342944819032518, 1.098319650216765e-17),
    deepest=-746.0,
    highest=710.0,
    exp=EXP_DOUBLE,
    half=0x3FE6A09E667F3BCD,
    tanh=19.1,
)
PRECISION = {float32: SINGLE, float64: DOUBLE}


class Exponentials(Arithmetic):
    """exp, log and what follows from them."""

    # ---- exponentials: e^x = 2^n e^r with |r| <= ln(2) / 2

    def _reduced(self, x: Register, offset: int) -> tuple[Register, Register]:
        """Bits, the last of which are those of n + offset; and r."""
        p = PRECISION[x.dtype]
        shifted = self.fma(x, LOG2_E, p.round + offset)
        n = shifted - (p.round + offset)
        r = self.fma(n, -p.ln2[1], self.fma(n, -p.ln2[0], x))
        return self.bits(shifted, p.bits), r

    def _clamped(self, x: Register, low: float, high: float) -> Register:
        return self.minimum(self.maximum(x, low), high)

    def _grown(self, r: Register) -> Register:
        """e^r - 1"""
        square = r * r
        return self.fma(self.polynomial(r, PRECISION[r.dtype].exp, square), square, r)

    def _power_of_two(self, n: Register, dtype: numpy.dtype) -> Register:
        """2^n from the bits of n + `bias`; it must be a normal number."""
        return self.bits(n << PRECISION[dtype].mantissa, dtype)

    def _scaled(self, y: Register, n: Register) -> Register:
        """y 2^n from the bits of n + 2 `bias`.

        In two steps, so that what is too small or too large comes out right.
        """
        mantissa = PRECISION[y.dtype].mantissa
        half = (n >> 1) << mantissa
        rest = (n << mantissa) - half
        return y * self.bits(half, y.dtype) * self.bits(rest, y.dtype)

    @real(float32, float64)
    def exp(self, x: Any) -> Any:
        p = PRECISION[x.dtype]
        n, r = self._reduced(self._clamped(x, p.deepest, p.highest), 2 * p.bias)
        return self._scaled(self._grown(r) + 1.0, n)

    @real(float32, float64)
    def exp2(self, x: Any) -> Any:
        p = PRECISION[x.dtype]
        x = self._clamped(x, p.deepest * LOG2_E, p.highest * LOG2_E)
        shift = p.round + 2 * p.bias
        shifted = x + shift
        r = (x - (shifted - shift)) * math.log(2)
        return self._scaled(self._grown(r) + 1.0, self.bits(shifted, p.bits))

    @real(float32, float64)
    def expm1(self, x: Any) -> Any:
        p = PRECISION[x.dtype]
        n, r = self._reduced(self._clamped(x, -1.5 * p.mantissa, p.highest), p.bias - 1)
        half = self._power_of_two(n, x.dtype)
        y = self.fma(self._grown(r), half, half - 0.5)
        return self.copysign(y + y, x)

    @real(float32, float64)
    def tanh(self, x: Any) -> Any:
        """t / (t + 2) with t = e^2x - 1; then once more for what the quotient leaves."""
        p = PRECISION[x.dtype]
        a = self.minimum(abs(x), p.tanh)
        n, r = self._reduced(a + a, p.bias)
        power = self._power_of_two(n, x.dtype)
        t = self.fma(self._grown(r), power, power - 1.0)
        below = t + 2.0
        inverse = 1.0 / below
        y = t * inverse
        left = self.fma(-y, t - (below - 2.0), self.fma(-y, below, t))
        return self.copysign(self.fma(left, inverse, y), x)

    @real(float64)
    def sinh(self, x: Any) -> Any:
        quarter = self._quarter(x)
        half = quarter + quarter
        y = half + quarter / (half + 0.5)
        return self.copysign(self.where(abs(x) < 2.0**-28, abs(x), y), x)

    @real(float64)
    def cosh(self, x: Any) -> Any:
        half = (self._quarter(x) + 0.25) * 2.0
        return half + 0.25 / half

    def _quarter(self, x: Register) -> Register:
        """(e^|x| - 1) / 4, which overflows later than sinh and cosh do."""
        n, r = self._reduced(self.minimum(abs(x), 710.6), DOUBLE.bias - 2)
        power = self._power_of_two(n, x.dtype)
        return self.fma(self._grown(r), power, power - 0.25)

    # ---- logarithms: x = 2^e m with sqrt(1/2) <= m < sqrt(2), f = m - 1

    def _split(self, x: Register) -> tuple[Register, Register, Register]:
        """The bits of x over those of sqrt(1/2), of which e is the upper part; e; and m."""
        p = PRECISION[x.dtype]
        bits = self.bits(x, p.bits) - p.half
        m = self.bits((bits & p.fraction) + p.half, x.dtype)
        return bits, self._upper(bits, x.dtype), m

    def _upper(self, bits: Register, dtype: numpy.dtype) -> Register:
        """The signed exponent; in double precision without a conversion, which AVX2 lacks."""
        p = PRECISION[dtype]
        if dtype == float32:
            return (bits.astype(int32) >> p.mantissa).astype(dtype)
        shift = 2.0**p.mantissa
        whole = ((bits + p.one) >> p.mantissa) | int(numpy.float64(shift).view(numpy.uint64))
        return self.bits(whole, dtype) - (shift + p.bias)

    def _normal(self, x: Register) -> tuple[Register, Register]:
        """e and m, for subnormal numbers too."""
        p = PRECISION[x.dtype]
        small = x < float(numpy.finfo(x.dtype).tiny)
        _, e, m = self._split(self.where(small, x * 2.0**p.mantissa, x))
        return self.where(small, e - float(p.mantissa), e), m

    def _curve(self, f: Register) -> Register:
        """ln(1 + f) - f"""
        z = f * f
        if f.dtype == float32:
            return z * self.polynomial(f, LOG_SINGLE, z)
        s, half = f / (f + 2.0), z * 0.5
        square = s * s
        return self.fma(s, self.fma(square, self.polynomial(square, LOG_DOUBLE), half), -half)

    def _logarithm(self, e: Register, f: Register) -> Register:
        """ln(2^e (1 + f))"""
        high, low = PRECISION[f.dtype].ln2
        return self.fma(e, high, f + self.fma(e, low, self._curve(f)))

    def _bounded(self, y: Register, x: Register, least: float) -> Register:
        """The logarithm y of x with what is right at and below `least`, at infinity, and for NaN"""
        beyond = x - float(numpy.finfo(x.dtype).max)  # infinite, NaN, or less than y
        y = self.where(y > beyond, y, beyond)
        edge = self.literal(-math.inf, x.dtype, x.wide)
        return self.where(x > least, y, self.where(x == least, edge, math.nan))

    @real(float32, float64)
    def log(self, x: Any) -> Any:
        e, m = self._normal(x)
        return self._bounded(self._logarithm(e, m - 1.0), x, 0.0)

    @real(float32, float64)
    def log2(self, x: Any) -> Any:
        e, m = self._normal(x)
        f, (high, low) = m - 1.0, PRECISION[x.dtype].log2_e
        y = f + self._curve(f)
        return self._bounded(self.fma(y, high, self.fma(y, low, e)), x, 0.0)

    @real(float32, float64)
    def log10(self, x: Any) -> Any:
        p = PRECISION[x.dtype]
        e, m = self._normal(x)
        y = (m - 1.0) + self._curve(m - 1.0)
        y = self.fma(y, p.log10_e[0], self.fma(y, p.log10_e[1], e * p.log10_2[1]))
        return self._bounded(self.fma(e, p.log10_2[0], y), x, 0.0)

    @real(float32, float64)
    def log1p(self, x: Any) -> Any:
        """What 1 + x loses is put back at the scale of m."""
        p = PRECISION[x.dtype]
        total = x + 1.0
        lost = x - (total - 1.0)
        bits, e, m = self._split(total)
        exponent = self.minimum(bits + p.one, 2 * p.one) >> p.mantissa << p.mantissa
        scale = self.bits(2 * p.one - exponent, x.dtype)
        y = self._logarithm(e, self.fma(lost, scale, m - 1.0))
        return self._bounded(self.copysign(y, x), x, -1.0)

    @numeric
    def logaddexp(self, x: Any, y: Any) -> Any:
        x, y = operands(x, y)
        if x.dtype not in PRECISION:
            return self._logaddexp_wider(x, y)
        apart = self.where(x == y, 0.0, -abs(x - y))
        return self.maximum(x, y) + self.log1p(self.exp(apart))

    @real(float32, float64)
    def _logaddexp_wider(self, x: Any, y: Any) -> Any:
        return self.logaddexp(x, y)

    # ---- areas of hyperbolas

    @real(float64)
    def arcsinh(self, x: Any) -> Any:
        a = abs(x)
        far = a > 2.0**60
        near = a + a * a / (self.sqrt(a * a + 1.0) + 1.0)
        return self.copysign(self._log1p_or_far(near, a, far), x)

    @real(float64)
    def arccosh(self, x: Any) -> Any:
        t = self.where(x < 1, math.nan, x - 1.0)
        return self._log1p_or_far(t + self.sqrt(t * t + (t + t)), x, x > 2.0**60)

    def _log1p_or_far(self, near: Register, x: Register, far: Register) -> Register:
        """ln(1 + near), or ln(2 x)."""
        y = self.log1p(self.where(far, x, near))
        return self.where(far, y + math.log(2), y)

    @real(float64)
    def arctanh(self, x: Any) -> Any:
        a = abs(x)
        return self.copysign(self.log1p((a + a) / (1.0 - a)) * 0.5, x)


__all__ = ["Exponentials"]
