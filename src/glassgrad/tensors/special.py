"""Methods for special functions."""

from __future__ import annotations

from ..operations import special
from .node import Node, real


class Special(Node):
    """Error functions, the gamma function and its relatives."""

    def erf(self):
        """The error function 2 / sqrt(pi) * integral of e^(-t^2) from 0 to x."""
        return self.apply(special.erf, real(self))

    def erfc(self):
        """1 - erf(x), exact for large x."""
        return self.apply(special.erfc, real(self))

    def erfinv(self):
        """The inverse of erf."""
        return self.apply(special.erfinv, real(self))

    def lgamma(self):
        """ln |gamma(x)|."""
        return self.apply(special.lgamma, real(self))

    def digamma(self):
        """The derivative of ln gamma(x)."""
        return self.apply(special.digamma, real(self))

    def polygamma(self, n: int):
        """The n-th derivative of digamma."""
        return self.digamma() if n == 0 else self.apply(special.polygamma, real(self), n=n)
