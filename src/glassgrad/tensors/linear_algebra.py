"""Methods of linear algebra: determinants, inverses, factors; functions are in `linalg`."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..operations import linear_algebra as op
from ..types import ElementError, broadcast_shapes, is_real
from .node import Node, common_dtype


class LinAlgError(RuntimeError):
    """A matrix that cannot be solved or decomposed as asked."""


class SignedLogarithm(NamedTuple):
    """A determinant as sign and logarithm of its magnitude."""

    sign: Node
    logabsdet: Node


class QR(NamedTuple):
    """A = Q R, Q of orthonormal columns, R an upper triangle."""

    Q: Node
    R: Node


class SVD(NamedTuple):
    """A = U diag(S) V', S in descending order."""

    U: Node
    S: Node
    V: Node


class LinearAlgebra(Node):
    """Matrices are the last two axes; all others are a batch."""

    def det(self):
        """The determinant."""
        return self._decomposed(op.det)

    def slogdet(self):
        """(sign, ln |determinant|), where the determinant itself would overflow."""
        logarithm = self._decomposed(op.logabsdet)
        sign = np.asarray(np.linalg.slogdet(self.known())[0], self.dtype)
        return SignedLogarithm(self.lift(sign), logarithm)

    def logdet(self):
        """ln of the determinant; NaN where that is negative."""
        sign, logarithm = self.slogdet()
        return logarithm.where(sign >= 0, math.nan)

    def inverse(self):
        """The inverse."""
        if len(self.shape) < 2 or self.shape[-1] != self.shape[-2]:
            raise RuntimeError(f"inverse takes square matrices and got {self.type_}")
        return self._solved(self._identity())

    def pinverse(self, rcond=1e-15):
        """The pseudo-inverse; singular values up to rcond times the largest count as 0."""
        return self._decomposed(op.pinverse, cutoff=rcond)

    def cholesky(self, upper=False):
        """The triangle L with A = L L', or its transpose; A is positive definite."""
        y = self._symmetric(not upper)._decomposed(op.cholesky)
        return y.mT if upper else y

    def cholesky_solve(self, input2, upper=False):
        """X with A X = x, where `input2` is the triangle that `cholesky` gave of A."""
        lower = input2.mT if upper else input2
        return lower.mT._solved(lower._solved(self))

    def cholesky_inverse(self, upper=False):
        """The inverse of A, where x is the triangle that `cholesky` gave of A."""
        return self._identity().cholesky_solve(self, upper)

    def qr(self, some=True):
        """(Q, R) with A = Q R; some=False makes Q square."""
        m, n = self.shape[-2:]
        if not some:
            return QR(*map(self.lift, np.linalg.qr(self.known(), "complete")))
        q = self.narrow(-1, 0, min(m, n))._decomposed(op.orthonormal)
        return QR(q, (q.mT @ self).triu())

    def svd(self, some=True, compute_uv=True):
        """(U, S, V) with A = U diag(S) V'; some=False makes U and V square, without gradients."""
        y = self._decomposed(op.svd)
        m = self.shape[-2]
        if some and compute_uv:
            return SVD(y[..., :m, :], y[..., m, :], y[..., m + 1 :, :])
        u, _, vh = np.linalg.svd(self.known())
        factors = (u, np.swapaxes(vh, -1, -2)) if compute_uv else (0 * u, 0 * vh)
        return SVD(self.lift(factors[0]), y[..., m, :], self.lift(factors[1]))

    def matrix_power(self, n):
        """The product of n equal matrices, by squaring; of inverses for negative n."""
        if n < 0:
            return self.inverse().matrix_power(-n)
        if n == 0:
            return self._identity().expand(self.shape)
        half = self.matrix_power(n // 2) if n > 1 else None
        square = self if half is None else half.matmul(half)
        return square.matmul(self) if n > 1 and n % 2 else square

    def matrix_exp(self):
        """The sum of A^k / k!, by squaring that of A / 2^s (Moler and Van Loan 2003, method 3)."""
        largest = np.abs(self.known()).sum(-1).max(initial=0.0)
        squarings = max(0, math.ceil(math.log2(largest)) + 1) if largest else 0
        x = self / 2.0**squarings
        y, term = self._identity() + x, x
        for k in range(2, 19):
            term = term.matmul(x) / k
            y = y + term
        for _ in range(squarings):
            y = y.matmul(y)
        return y

    # ---- shared

    def _decomposed(self, operation, **parameters):
        refuse_other_matrices(operation.name, self)
        try:
            return self.apply(operation, self, **parameters)
        except np.linalg.LinAlgError as error:
            raise _unsolvable(operation.name, self, error) from None

    def _solved(self, other):
        """X with A X = other, after both have broadcast to one batch."""
        a, b = common_dtype(self, other)
        refuse_other_matrices("solve", a)
        batch = broadcast_shapes(a.shape[:-2], b.shape[:-2])
        a, b = (x.expand((*batch, *x.shape[-2:])) for x in (a, b))
        try:
            return a.apply(op.solve, a, b)
        except np.linalg.LinAlgError as error:
            raise _unsolvable("solve", a, error) from None

    def _symmetric(self, lower):
        """The symmetric matrix of which one triangle is given; itself when it is symmetric."""
        array = self.known()
        if self.ndim < 2 or np.allclose(array, np.swapaxes(array, -1, -2), 1e-4, equal_nan=True):
            return self
        half = self.tril(-1) if lower else self.triu(1)
        return half + half.mT + self.diagonal(0, -2, -1).diag_embed()

    def _identity(self):
        return self.lift(np.eye(self.shape[-1], dtype=self.dtype))


def refuse_other_matrices(name, x):
    """Raise an error unless `x` holds matrices that LAPACK decomposes."""
    if len(x.shape) < 2 or not is_real(x.dtype) or x.dtype.itemsize < 4:
        raise ElementError(f"{name} takes matrices of float32 or float64 and got {x.type_}")


def _unsolvable(name, x, error):
    """What NumPy said, with the matrix that it said it of."""
    reasons = {
        "Singular matrix": "a matrix is singular; pinverse() has no such limit",
        "Matrix is not positive definite": "a matrix is not positive definite",
    }
    return LinAlgError(f"{name} of {x.type_}: {reasons.get(str(error), str(error))}")
