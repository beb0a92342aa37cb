"""Circular functions, in double precision; single precision goes there and back."""

from __future__ import annotations

import math
from typing import Any

from ...types import bool_, float64, int64
from .arithmetic import numeric, real
from .powers import Powers
from .register import Register, binary_as, operands

# fmt: off
SINE = (  # fdlibm (Sun 1993), k_sin.c: (sin r - r) / r^3 in powers of r^2, |r| <= pi / 4
    1.58969099521155010221e-10, -2.50507602534068634195e-08, 2.75573137070700676789e-06,
    -1.98412698298579493134e-04, 8.33333333332248946124e-03, -1.66666666666666324348e-01,
)
COSINE = (  # k_cos.c: (cos r - 1 + r^2 / 2) / r^4
    -1.13596475577881948265e-11, 2.08757232129817482790e-09, -2.75573143513906633035e-07,
    2.48015872894767294178e-05, -1.38888888888741095749e-03, 4.16666666666666019037e-02,
)
# minimax polynomials by Chebyshev's points, to 2^-59 and 2^-56
ARCTANGENT = (  # (arctan t - t) / t^3 in powers of t^2, |t| <= tan(pi / 8)
    1.62581320649792084e-2, -3.45456101048584919e-2, 4.55062203917553613e-2,
    -5.23024115078939954e-2, 5.87890003234298333e-2, -6.66642236403320621e-2,
    7.69229623449151395e-2, -9.09090874863523179e-2, 1.11111111050575694e-1,
    -1.42857142856588224e-1, 1.99999999999998005e-1, -3.33333333333333332e-1,
)
ARCSINE = (  # (arcsin t - t) / t^3 in powers of t^2, |t| <= 1 / 2
    2.87784426125930408e-2, -1.48814093928180666e-2, 1.74193579648848572e-2,
    5.45087818772054995e-3, 1.03243182887441120e-2, 1.14789526902573867e-2,
    1.39712353011245391e-2, 1.73523912659092279e-2, 2.23721730020055974e-2,
    3.03819441370852143e-2, 4.46428571463733809e-2, 7.49999999999842426e-2,
    1.66666666666666678e-1,
)
# fmt: on
PI = (math.pi, 1.2246467991473532e-16)  # in two parts
TAN_PI_8 = math.sqrt(2) - 1
LARGE = 2.0**1000


class Angles(Powers):
    """sin, cos, tan and their inverses."""

    def _sine_and_cosine(self, x: Register) -> tuple[Register, Register, Register]:
        """Of the angle that remains beyond q quarter turns; and q."""
        r, q = self.call("quarter_turns", (float64, int64), x)
        z = r * r
        sine = self.fma(self.polynomial(z, SINE) * z, r, r)
        half = self.fma(z, -0.5, 1.0)
        lost = (1.0 - half) - z * 0.5
        cosine = half + self.fma(self.polynomial(z, COSINE) * z, z, lost)
        return sine, cosine, q

    @real(float64)
    def sin(self, x: Any) -> Any:
        sine, cosine, q = self._sine_and_cosine(x)
        y = self._turned(self.where((q & 1) != 0, cosine, sine), q)
        return self.where(x == 0, x, y)  # -0 keeps its sign

    @real(float64)
    def cos(self, x: Any) -> Any:
        sine, cosine, q = self._sine_and_cosine(x)
        return self._turned(self.where((q & 1) != 0, sine, cosine), q + 1)

    def _turned(self, y: Register, q: Register) -> Register:
        """-y in the third and fourth quarter."""
        return self.bits(self.bits(y, int64) ^ ((q & 2) << 62), float64)

    @real(float64)
    def tan(self, x: Any) -> Any:
        sine, cosine, q = self._sine_and_cosine(x)
        odd = (q & 1) != 0
        y = self.where(odd, -cosine, sine) / self.where(odd, sine, cosine)
        return self.where(x == 0, x, y)

    # ---- inverses

    @real(float64)
    def arcsin(self, x: Any) -> Any:
        """Beyond 1/2 from the half angle: pi / 2 - 2 arcsin sqrt((1 - a) / 2)"""
        a = abs(x)
        far, y = self._arcsine_near(a)
        y = self.where(far, (PI[0] / 2 - (y + y)) + PI[1] / 2, y)
        return self.copysign(y, x)

    @real(float64)
    def arccos(self, x: Any) -> Any:
        far, y = self._arcsine_near(abs(x))
        twice, signed = y + y, self.copysign(y, x)
        beyond = self.where(x < 0, (PI[0] - twice) + PI[1], twice)
        return self.where(far, beyond, PI[0] / 2 - (signed - PI[1] / 2))

    def _arcsine_near(self, a: Register) -> tuple[Register, Register]:
        """Whether a > 1/2, and arcsin t with t = sqrt((1 - a) / 2) then, else t = a."""
        far = a > 0.5
        square = self.where(far, (1.0 - a) * 0.5, a * a)
        t = self.where(far, self.sqrt(square), a)
        return far, self.fma(self.polynomial(square, ARCSINE) * square, t, t)

    @real(float64)
    def arctan(self, x: Any) -> Any:
        a = abs(x)
        y = self._arctangent(self.minimum(a, 1.0), self.maximum(a, 1.0))
        return self.copysign(self.where(a > 1, self._complement(y), y), x)

    @real(float64)
    def arctan2(self, y: Any, x: Any) -> Any:
        """The angle of the point (x, y)."""
        y, x = operands(y, x)
        a, b = abs(y), abs(x)
        least, most = self._fractions(self.minimum(a, b), self.maximum(a, b))
        angle = self._arctangent(least, most)
        angle = self.where(a > b, self._complement(angle), angle)
        angle = self.where(self.signbit(x), (PI[0] - angle) + PI[1], angle)
        nan = binary_as("fcmp uno", x, y, bool_)
        return self.where(nan, math.nan, self.copysign(angle, y))

    def _complement(self, angle: Register) -> Register:
        return (PI[0] / 2 - angle) + PI[1] / 2

    def _fractions(self, least: Register, most: Register) -> tuple[Register, Register]:
        """Numbers with the same quotient that can be added; 0 / 0 is 0, inf / inf is 1."""
        scale = self.where(most > LARGE, 1 / LARGE, 1.0)
        least, most = least * scale, most * scale
        least = self.where(most == math.inf, self.where(least == math.inf, 1.0, 0.0), least)
        most = self.where((most == math.inf) | (most == 0), 1.0, most)
        return least, most

    def _arctangent(self, least: Register, most: Register) -> Register:
        """Of a quotient up to 1; beyond tan(pi / 8) pi / 4 is taken off."""
        far = least > most * TAN_PI_8
        t = self.where(far, least - most, least) / self.where(far, least + most, most)
        z = t * t
        y = self.fma(self.polynomial(z, ARCTANGENT) * z, t, t)
        return self.where(far, (y + PI[1] / 4) + PI[0] / 4, y)

    @real(float64)
    def _hypotenuse(self, x: Any, y: Any) -> Any:
        a, b = abs(x), abs(y)
        most = self.maximum(a, b)
        far, near = most > 2.0**500, most < 2.0**-500
        scale = self.where(far, 2.0**-600, self.where(near, 2.0**600, 1.0))
        back = self.where(far, 2.0**600, self.where(near, 2.0**-600, 1.0))
        a, b = a * scale, b * scale
        return self.sqrt(self.fma(a, a, b * b)) * back

    @numeric
    def hypot(self, x: Any, y: Any) -> Any:
        x, y = operands(x, y)
        infinite = (abs(x) == math.inf) | (abs(y) == math.inf)
        return self.where(infinite, math.inf, self._hypotenuse(x, y))


__all__ = ["Angles"]
