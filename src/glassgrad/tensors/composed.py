"""Methods that are compositions of others: softmax and its relatives."""

from __future__ import annotations

from ..operations import composite
from ..types import axis_of
from .blas import sum_with
from .node import Node, real
from .reductions import refuse_integers


class Composed(Node):
    """Nothing here has a gradient rule of its own."""

    def softmax(self, dim, dtype=None):
        """e^x / sum e^x along `dim` (lecture J); the maximum is taken off first."""
        x = self if dtype is None else self.to(dtype)
        refuse_integers(x, "softmax")
        return _along(composite.softmax, x, dim) if x.shape else x * 0 + 1

    def log_softmax(self, dim, dtype=None):
        """x - ln sum e^x along `dim` (lecture H), without overflow."""
        x = self if dtype is None else self.to(dtype)
        refuse_integers(x, "log_softmax")
        return _along(composite.log_softmax, x, dim) if x.shape else x * 0

    def linear(self, weight, bias=None):
        """y = x W' + b, one node of the graph.

        x: [..., inputs], weight: [outputs, inputs], bias: [outputs] -> y: [..., outputs]
        """
        shape = self.value.shape
        if len(shape) != 2:
            rows = self.reshape(-1, shape[-1]) if len(shape) else self.reshape(1, 1)
            return rows.linear(weight, bias).reshape((*shape[:-1], weight.shape[0]))
        if self.value.dtype is not weight.value.dtype and self.dtype != weight.dtype:
            raise RuntimeError(
                f"linear needs one dtype and got x: {self.type_} and weight: {weight.type_}; "
                f"convert one: x.to(gg.{weight.dtype.name})"
            )
        if bias is None:
            return self.contract(weight, ((0, 2), (1, 2)), 2)
        return self.apply(composite.linear, self, weight, bias)

    def cross_entropy_rows(self, labels):
        """ln sum e^z - z[label] for each row (lecture H).

        z: [batch, classes], labels: int64[batch] -> [batch]
        """
        return self.apply(composite.cross_entropy, self, labels)

    def logit(self, eps=None):
        """ln(x / (1 - x)), the inverse of sigmoid."""
        x = real(self)
        x = x if eps is None else x.clamp(eps, 1 - eps)
        return (x / (1 - x)).log()

    def addmm(self, mat1, mat2, *, beta=1, alpha=1):
        """beta x + alpha mat1 mat2."""
        return sum_with(self, mat1.mm(mat2), beta, alpha)


def _along(operation, x, dim):
    """`operation` along an axis; of nothing it is nothing."""
    axis = axis_of(dim, len(x.shape))
    return x.apply(operation, x, axis=axis) if 0 not in x.shape else x.clone()
