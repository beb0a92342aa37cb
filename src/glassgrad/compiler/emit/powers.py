"""Powers: products for small whole exponents, else exp(y ln x) with the sign that C gives it."""

from __future__ import annotations

import math
from typing import Any

from ...types import float16, float32, float64, int64
from .arithmetic import numeric
from .exponentials import DOUBLE, Exponentials
from .register import Register, operands

BY_PRODUCTS = 16  # exponents up to here
# fmt: off
ARTANH = (  # (artanh(s) / s - 1 - s^2 / 3) / s^4 in powers of s^2, to 2^-60
    5.86280226823770670e-2, 5.85300206400840824e-2, 6.66740668684350594e-2,
    7.69229740138600071e-2, 9.09090916844466269e-2, 1.11111111108246389e-1,
    1.42857142857146885e-1, 1.99999999999999999e-1,
)
# fmt: on


class Powers(Exponentials):
    """x^y, in double precision from a logarithm of twice as many digits."""

    @numeric
    def power(self, x: Any, y: Any) -> Any:
        """x^y; the exponents of programs, 2 or -1 or 0.5, by products and roots."""
        if not isinstance(y, Register):
            if x.dtype.kind == "f" and y in (0.5, -0.5):
                return self.sqrt(x) if y > 0 else 1.0 / self.sqrt(x + 0.0)
            small = abs(y) <= BY_PRODUCTS and y == int(y)
            if small and (x.dtype.kind == "f" or y >= 0):
                return self._product(x, int(y))
        x, y = operands(x, y)
        if x.dtype.kind != "f":
            return self._integer_power(x, y)
        if x.dtype == float16:
            return self.power(x.astype(float32), y.astype(float32)).astype(float16)
        double = self._exp_of_product if x.dtype == float64 else self._exp_of_product_in_double
        return self._signed_power(double(abs(x), y), x, y)

    def _product(self, x: Register, n: int) -> Register:
        if n < 0:
            return 1.0 / self._product(x, -n)
        total: Any = None
        for digit in f"{n:b}":
            total = total * total if total is not None else None
            if digit == "1":
                total = x if total is None else total * x
        return self.literal(1, x.dtype, x.wide) if total is None else total

    def _integer_power(self, x: Register, y: Register) -> Register:
        """A negative exponent leaves a fraction, of which 1 and -1 remain."""
        if x.signed:
            negative = y < 0
            base = self.where(negative & (abs(x) != 1), 0, x)
            y = self.where(negative, 1 + (~y & 1), y)
            x = base
        (found,) = self.call("power", (int64,), x.astype(int64), y.astype(int64))
        return found.astype(x.dtype)

    def _signed_power(self, size: Register, x: Register, y: Register) -> Register:
        """|x|^y with the sign, and with C's special cases."""
        size = self.where((y == 0) | (abs(x) == 1), 1.0, size)
        half = y * 0.5
        whole = self.trunc(y) == y
        odd = (self.trunc(half) != half) & whole
        size = self.copysign(size, self.where(odd, x, 1.0))
        nowhere = (x < 0) & (x > -math.inf) & ~whole
        return self.where(nowhere, math.nan, size)

    def _exp_of_product_in_double(self, x: Register, y: Register) -> Register:
        logarithm = self.log(x.astype(float64))
        return self.exp(y.astype(float64) * logarithm).astype(float32)

    def _exp_of_product(self, x: Register, y: Register) -> Register:
        """exp(y ln x) with twice the digits in the logarithm and the product."""
        high, low = self._twofold_log(x)
        product = y * high
        rest = self.fma(y, low, self.fma(y, high, -product))
        n, r = self._reduced(
            self._clamped(product, DOUBLE.deepest, DOUBLE.highest), 2 * DOUBLE.bias
        )
        rest = self.where(abs(product) < 800.0, rest, 0.0)
        return self._scaled(self._grown(r + rest) + 1.0, n)

    def _twofold_log(self, x: Register) -> tuple[Register, Register]:
        """ln x as a sum of two numbers: from s = (m - 1) / (m + 1), itself two numbers."""
        e, m = self._normal(x)
        f, below = m - 1.0, m + 1.0
        inverse = 1.0 / below
        s = f * inverse
        lost = self.fma(-s, below, f) - s * (m - (below - 1.0))
        first, second = self._twofold_artanh(s, lost * inverse)
        scaled = e * DOUBLE.ln2[0]
        high = scaled + first
        low = (scaled - high) + first + self.fma(e, DOUBLE.ln2[1], second)
        high = self.where(x < math.inf, high, x)
        return self.where(x == 0, -math.inf, high), low

    def _twofold_artanh(self, s: Register, s_low: Register) -> tuple[Register, Register]:
        """2 artanh s = 2 s (1 + s^2 / 3 + s^4 (...))"""
        z = s * s
        z_low = self.fma(s, s, -z) + (s + s) * s_low
        third = z * (1 / 3)
        rest = self.fma(z, 1 / 3, -third) + self.fma(z, 1.850371707708594e-17, z_low * (1 / 3))
        rest = self.fma(z * z, self.polynomial(z, ARTANH), rest)
        grown = s * third
        rest = self.fma(s, rest, self.fma(s, third, -grown)) + self.fma(s_low, third, s_low)
        first = s + grown
        rest = (s - first) + grown + rest
        total = first + rest
        rest = (first - total) + rest
        return total + total, rest + rest


__all__ = ["Powers"]
