"""Methods for special functions."""

from __future__ import annotations

import math

from ..operations import special
from ..types import float16
from .node import Node, aligned, real


class Special(Node):
    """Error functions, the gamma function and its relatives."""

    def erf(self):
        """The error function 2 / sqrt(pi) * integral of e^(-t^2) from 0 to x."""
        return _wide(special.erf, self)

    def erfc(self):
        """1 - erf(x), exact for large x."""
        return _wide(special.erfc, self)

    def erfinv(self):
        """The inverse of erf."""
        return _wide(special.erfinv, self)

    def lgamma(self):
        """ln |gamma(x)|."""
        return _wide(special.lgamma, self)

    def digamma(self):
        """The derivative of ln gamma(x)."""
        return _wide(special.digamma, self)

    def polygamma(self, n: int):
        """The n-th derivative of digamma."""
        return self.digamma() if n == 0 else _wide(special.polygamma, self, n=n)

    def mvlgamma(self, p: int):
        """The logarithm of the gamma function of p-by-p matrices, up to the sign."""
        x = real(self)
        shifted = [(x - j / 2).lgamma() for j in range(p)]
        return sum(shifted[1:], start=shifted[0]) + p * (p - 1) / 4 * math.log(math.pi)

    def i0(self):
        """The modified Bessel function of the first kind of order 0."""
        return _wide(special.bessel, self, order=0)

    def sinc(self):
        """sin(pi x) / (pi x), and 1 at 0."""
        x = math.pi * real(self)
        safe = x.where(x != 0, 1.0)
        return (safe.sin() / safe).where(x != 0, 1.0)

    def xlogy(self, other):
        """x ln(other), and 0 where x is 0."""
        x, y = map(real, aligned(self, other))
        empty = (x == 0) & ((y <= 0) | (y == math.inf))
        return x * y.where(~empty, 1.0).log()


def _wide(operation, x, **parameters):
    """The function of x; of float16 by way of float32, which its polynomials do not overflow."""
    x = real(x)
    if x.dtype != float16:
        return x.apply(operation, x, **parameters)
    return x.apply(operation, x.float(), **parameters).half()
