"""Methods that are made of matrix products: with a sum, by pairs, of vectors in space."""

from __future__ import annotations

from ..types import ShapeError, axis_of, broadcast_shapes
from .node import Node, common_dtype
from .reductions import refuse_integers


class Blas(Node):
    """Compositions of `contract`, under the names that they have had since BLAS."""

    # ---- products of vectors

    def inner(self, other):
        """The sum of the products along the last axes: [..., n], [..., n] -> [..., ...]."""
        if not self.shape or not other.shape:
            return self * other
        if self.shape[-1] != other.shape[-1]:
            raise ShapeError(f"inner needs last axes of one length: {self.type_}, {other.type_}")
        m, n = len(self.shape) - 1, len(other.shape) - 1
        reads = (*range(m), m + n), (*range(m, m + n), m + n)
        return self.contract(other, reads, m + n)

    def vdot(self, other):
        """The sum of the products of two vectors."""
        return self.dot(other)

    def cross(self, other, dim=None):
        """The vector at right angles to two vectors of three numbers along `dim`.

        Without `dim` the first axis of length 3 is meant.
        """
        shape = broadcast_shapes(self.shape, other.shape)
        if dim is None:
            dim = next((a for a, n in enumerate(shape) if n == 3), None)
        if dim is None or shape[axis_of(dim, len(shape))] != 3:
            raise RuntimeError(f"cross needs 3 elements along dim {dim} of {list(shape)}")
        x, y = self.expand(shape), other.expand(shape)
        first, second = x.roll(-1, dim) * y.roll(1, dim), x.roll(1, dim) * y.roll(-1, dim)
        return first - second

    # ---- products and a sum: beta x + alpha (product)

    def addmv(self, mat, vec, *, beta=1, alpha=1):
        """beta x + alpha times matrix times vector."""
        return sum_with(self, mat.mv(vec), beta, alpha)

    def addr(self, vec1, vec2, *, beta=1, alpha=1):
        """beta x + alpha vec1[i] vec2[j]."""
        return sum_with(self, vec1.outer(vec2), beta, alpha)

    def addbmm(self, batch1, batch2, *, beta=1, alpha=1):
        """beta x + alpha times the sum of the products of a batch."""
        if len(batch1.shape) != 3 or len(batch2.shape) != 3:
            raise ShapeError(f"addbmm takes two batches; got {batch1.type_} and {batch2.type_}")
        return sum_with(self, batch1.contract(batch2, ((3, 0, 2), (3, 2, 1)), 2), beta, alpha)

    def baddbmm(self, batch1, batch2, *, beta=1, alpha=1):
        """beta x + alpha times the products of a batch."""
        return sum_with(self, batch1.bmm(batch2), beta, alpha)

    def kron(self, other):
        """Each element of x times all of `other`, laid out in blocks (Kronecker)."""
        rank = max(len(self.shape), len(other.shape))
        x, y = (
            a.reshape((1,) * (rank - len(a.shape)) + a.shape) for a in common_dtype(self, other)
        )
        places = [(m, 1) for m in x.shape], [(1, n) for n in y.shape]
        x, y = (a.reshape(tuple(n for pair in p for n in pair)) for a, p in zip((x, y), places))
        product = x * y
        return product.reshape(
            tuple(product.shape[i] * product.shape[i + 1] for i in range(0, 2 * rank, 2))
        )

    # ---- distances

    def dist(self, other, p=2):
        """The norm of the difference."""
        return (self - other).norm(p)

    def cdist(self, x2, p=2.0, compute_mode="use_mm_for_euclid_dist_if_necessary"):
        """The distance of each row of x to each row of `x2`, always computed from differences.

        x: [..., m, n], x2: [..., k, n] -> [..., m, k]
        """
        if len(self.shape) < 2 or len(x2.shape) < 2 or self.shape[-1] != x2.shape[-1]:
            raise ShapeError(f"cdist takes rows of one length; got {self.type_} and {x2.type_}")
        refuse_integers(self, "cdist")
        refuse_integers(x2, "cdist")
        difference = self.unsqueeze(-2) - x2.unsqueeze(-3)
        if not difference.shape[-1]:
            return difference.sum(-1)
        return difference.norm(p, -1)

    def renorm(self, p, dim, maxnorm):
        """Slices along `dim` whose norm exceeds `maxnorm`, made shorter to have it."""
        axis = axis_of(dim, len(self.shape))
        others = [a for a in range(len(self.shape)) if a != axis]
        norms = self.norm(p, others, keepdim=True)
        return self * (maxnorm / (norms + 1e-7)).where(norms > maxnorm, 1.0)


def sum_with(x, product, beta, alpha):
    """beta x + alpha (product): x has the shape of the product, or is broadcast to it."""
    trailing = product.shape[max(len(product.shape) - len(x.shape), 0) :]
    if len(x.shape) > len(trailing) or any(m not in (1, n) for m, n in zip(x.shape, trailing)):
        raise ShapeError(f"{x.type_} does not broadcast to the product {product.type_}")
    product = product if alpha == 1 else alpha * product
    return product + x if beta == 1 else product if beta == 0 else product + beta * x
