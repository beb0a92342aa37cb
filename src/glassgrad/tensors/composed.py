"""Methods that are compositions of others: softmax and its relatives."""

from __future__ import annotations

from .node import Node, real


class Composed(Node):
    """Nothing here has a gradient rule of its own."""

    def softmax(self, dim, dtype=None):
        """e^x / sum e^x along `dim` (lecture J); the maximum is taken off first."""
        x = real(self if dtype is None else self.to(dtype))
        e = (x - x.detach().amax(dim, keepdim=True)).exp()
        return e / e.sum(dim, keepdim=True)

    def log_softmax(self, dim, dtype=None):
        """x - ln sum e^x along `dim` (lecture H), without overflow."""
        x = real(self if dtype is None else self.to(dtype))
        z = x - x.detach().amax(dim, keepdim=True)
        return z - z.exp().sum(dim, keepdim=True).log()

    def logit(self, eps=None):
        """ln(x / (1 - x)), the inverse of sigmoid."""
        x = real(self)
        x = x if eps is None else x.clamp(eps, 1 - eps)
        return (x / (1 - x)).log()

    def addmm(self, mat1, mat2, *, beta=1, alpha=1):
        """beta x + alpha mat1 mat2."""
        return beta * self + alpha * mat1.mm(mat2)

