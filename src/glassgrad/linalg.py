"""Linear algebra under PyTorch's names; matrices are the last two axes, all others are a batch."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .operations import linear_algebra as op
from .tensors.creation import coerced
from .tensors.elimination import lu, lu_factor, lu_solve
from .tensors.functions import function
from .tensors.linear_algebra import QR, LinAlgError, refuse_other_matrices
from .tensors.tensor import Tensor
from .types import is_real

__all__ = [
    "LinAlgError",
    "cholesky",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eigh",
    "eigvalsh",
    "inv",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_solve",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "multi_dot",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensorinv",
    "tensorsolve",
    "vander",
    "vecdot",
    "vector_norm",
]  # fmt: skip


class Eigen(NamedTuple):
    """A = V diag(w) V'."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class SingularValues(NamedTuple):
    """A = U diag(S) Vh, S in descending order."""

    U: Tensor
    S: Tensor
    Vh: Tensor


class LeastSquares(NamedTuple):
    """X that makes |A X - B| smallest, and what was found on the way."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


det = function(Tensor.det)
slogdet = function(Tensor.slogdet)
matrix_power = function(Tensor.matrix_power)
matrix_exp = function(Tensor.matrix_exp)
matmul = function(Tensor.matmul)


def inv(A) -> Any:
    """The inverse."""
    return coerced(A).inverse()


def solve(A, B, *, left=True) -> Any:
    """X with A X = B, or with left=False X A = B; B may hold vectors.

    A: [..., n, n], B: [..., n, k] or [..., n] -> the shape of B
    """
    A, B = coerced(A), coerced(B)
    if B.ndim == 1 or (A.ndim - 1 == B.ndim and B.shape == A.shape[:-1]):
        return A._solved(B.unsqueeze(-1)).squeeze(-1)
    return A._solved(B) if left else A.mT._solved(B.mT).mT


def solve_triangular(A, B, *, upper, left=True, unitriangular=False) -> Any:
    """`solve` for a triangle; what lies on its other side is not read."""
    A = coerced(A)
    A = A.triu() if upper else A.tril()
    if unitriangular:
        A = A - A.diagonal(0, -2, -1).diag_embed() + A._identity()
    return solve(A, B, left=left)


def cholesky(A, *, upper=False) -> Any:
    """The triangle L with A = L L', or its transpose; A is positive definite."""
    return coerced(A).cholesky(upper)


def qr(A, mode="reduced") -> QR:
    """(Q, R) with A = Q R; mode="complete" makes Q square, "r" leaves it empty."""
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"qr: mode is 'reduced', 'complete' or 'r', not {mode!r}")
    found = coerced(A).qr(mode != "complete")
    return found if mode != "r" else QR(found.Q.new_zeros(0), found.R)


def eigh(A, UPLO="L") -> Eigen:
    """(eigenvalues in ascending order, eigenvectors as columns) of symmetric matrices."""
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"UPLO is 'L' or 'U', not {UPLO!r}")
    y = coerced(A)._symmetric(UPLO.upper() == "L")._decomposed(op.eigh)
    return Eigen(y[..., 0, :], y[..., 1:, :])


def eigvalsh(A, UPLO="L") -> Any:
    """The eigenvalues of symmetric matrices in ascending order."""
    return eigh(A, UPLO).eigenvalues


def svd(A, full_matrices=True, *, driver=None) -> SingularValues:
    """(U, S, Vh) with A = U diag(S) Vh; gradients flow with full_matrices=False."""
    u, s, v = coerced(A).svd(not full_matrices or A.shape[-1] == A.shape[-2])
    return SingularValues(u, s, v.mT)


def svdvals(A, *, driver=None) -> Any:
    """The singular values in descending order."""
    return coerced(A).svd().S


def pinv(A, *, atol=None, rtol=None, hermitian=False) -> Any:
    """The pseudo-inverse; singular values up to max(atol, rtol * largest) count as 0."""
    A = coerced(A)
    refuse_other_matrices("pinv", A)
    cutoff = _tolerance(A, atol, rtol) / np.maximum(_largest(A), np.finfo(A.dtype).tiny)
    return A.pinverse(cutoff)


def matrix_rank(A, *, atol=None, rtol=None, hermitian=False, tol=None) -> Any:
    """How many singular values exceed max(atol, rtol * largest)."""
    A = coerced(A)
    limit = _tolerance(A, atol if tol is None else tol, rtol if tol is None else 0.0)
    return (svdvals(A.detach()) > A.lift(np.asarray(limit, A.dtype)[..., None])).sum(-1)


def lstsq(A, B, rcond=None, *, driver=None) -> LeastSquares:
    """X that makes |A X - B| smallest, by the pseudo-inverse.

    A: [..., m, n], B: [..., m, k] -> solution: [..., n, k]
    """
    A, B = coerced(A), coerced(B)
    solution = pinv(A, rtol=rcond) @ B
    rank, (m, n) = matrix_rank(A, rtol=rcond), A.shape[-2:]
    full = m > n and bool((rank == n).all())
    residuals = (A @ solution - B).square().sum(-2) if full else A.new_zeros(0)
    return LeastSquares(solution, residuals, rank, svdvals(A.detach()))


# ---- norms


def vector_norm(x, ord=2, dim=None, keepdim=False, *, dtype=None) -> Any:
    """(sum |x|^ord)^(1/ord) over `dim`, or over all."""
    return coerced(x).norm(ord, dim, keepdim, dtype=dtype)


def matrix_norm(A, ord="fro", dim=(-2, -1), keepdim=False, *, dtype=None) -> Any:
    """The norm "fro" or "nuc", or for 1, -1, 2, -2, inf, -inf that of the map x -> A x."""
    A = coerced(A) if dtype is None else coerced(A).to(dtype)
    if ord == "fro":
        return A.norm(2, dim, keepdim)
    last = A.movedim(tuple(dim), (-2, -1))
    if ord in ("nuc", 2, -2):
        values = svdvals(last)
        y = values.sum(-1) if ord == "nuc" else values.amax(-1) if ord == 2 else values.amin(-1)
    elif ord in (1, -1, math.inf, -math.inf):
        sums = last.abs().sum(-2 if abs(ord) == 1 else -1)
        y = sums.amax(-1) if ord > 0 else sums.amin(-1)
    else:
        raise RuntimeError(
            f"matrix_norm: ord is 'fro', 'nuc', 1, -1, 2, -2, inf or -inf, not {ord}"
        )
    rank = A.ndim
    kept = tuple(1 if a in [d % rank for d in dim] else n for a, n in enumerate(A.shape))
    return y.reshape(kept) if keepdim else y


def norm(A, ord=None, dim=None, keepdim=False, *, dtype=None) -> Any:
    """The norm of a vector along one axis or of a matrix along two; without `ord` the Euclidean."""
    A = coerced(A)
    matrix = len(dim) == 2 if isinstance(dim, (tuple, list)) else dim is None and A.ndim == 2
    if ord is None or not matrix:
        return vector_norm(A, 2 if ord is None else ord, dim, keepdim, dtype=dtype)
    return matrix_norm(A, ord, (-2, -1) if dim is None else dim, keepdim, dtype=dtype)


def cond(A, p=None) -> Any:
    """How much a relative error grows when A is inverted: |A| |A^-1|."""
    A = coerced(A)
    if p in (None, 2, -2):
        values = svdvals(A)
        ends = values.amax(-1), values.amin(-1)
        return ends[1] / ends[0] if p == -2 else ends[0] / ends[1]
    return matrix_norm(A, p) * matrix_norm(inv(A), p)


# ---- products


def multi_dot(tensors) -> Any:
    """The product of matrices in the order that takes the fewest multiplications.

    The first and the last may be vectors.
    """
    listed = [coerced(x) for x in tensors]
    if len(listed) < 2:
        raise RuntimeError("multi_dot multiplies at least two tensors")
    rows = listed[0].unsqueeze(0) if listed[0].ndim == 1 else listed[0]
    columns = listed[-1].unsqueeze(-1) if listed[-1].ndim == 1 else listed[-1]
    y = _chain([rows, *listed[1:-1], columns])
    lost = (0,) * (listed[0].ndim == 1) + (1,) * (listed[-1].ndim == 1)
    return y._without(lost)


def vecdot(x, y, *, dim=-1) -> Any:
    """The sum of the products along `dim`."""
    return (coerced(x) * y).sum(dim)


def cross(input, other, *, dim=-1) -> Any:
    """The vector at right angles to two vectors of three numbers along `dim`."""
    return coerced(input).cross(other, dim)


def diagonal(A, *, offset=0, dim1=-2, dim2=-1) -> Any:
    """The diagonal of the last two axes."""
    return coerced(A).diagonal(offset, dim1, dim2)


def vander(x, *, N=None) -> Any:
    """The powers 0, 1, ..., N - 1 of each number: [..., n] -> [..., n, N]."""
    x = coerced(x)
    count = x.shape[-1] if N is None else N
    return x.unsqueeze(-1) ** x.lift(np.arange(count)).to(x.dtype)


def tensorinv(A, ind=2) -> Any:
    """The inverse of A seen as a matrix of its first `ind` axes and the rest."""
    A = coerced(A)
    rows = math.prod(A.shape[:ind])
    return inv(A.reshape(rows, -1)).reshape((*A.shape[ind:], *A.shape[:ind]))


def tensorsolve(A, B, dims=None) -> Any:
    """X with tensordot(A, X, X.ndim) = B."""
    A, B = coerced(A), coerced(B)
    if dims is not None:
        A = A.movedim(tuple(dims), tuple(range(A.ndim - len(dims), A.ndim)))
    unknown = A.shape[B.ndim :]
    return solve(A.reshape(B.numel(), -1), B.reshape(-1)).reshape(unknown)


# ---- shared


def _largest(A: Any) -> np.ndarray:
    """The largest singular value of each matrix."""
    if not is_real(A.dtype):
        raise RuntimeError(f"linear algebra takes real numbers and got {A.type_}")
    return np.linalg.svd(A.known(), compute_uv=False).max(-1, initial=0.0)


def _tolerance(A: Any, atol: Any, rtol: Any) -> np.ndarray:
    """max(atol, rtol * largest); rtol is max(m, n) eps unless one of them is given."""
    atol = 0.0 if atol is None else np.asarray(atol)
    if rtol is None:
        rtol = max(A.shape[-2:]) * np.finfo(A.dtype).eps if not np.any(atol) else 0.0
    return np.maximum(atol, np.asarray(rtol) * _largest(A))


def _chain(matrices: list[Any]) -> Any:
    """The cheapest order by dynamic programming over spans (Cormen et al., chapter 15)."""
    sizes = [x.shape[0] for x in matrices] + [matrices[-1].shape[1]]
    best: dict[tuple[int, int], tuple[int, int]] = {(i, i): (0, i) for i in range(len(matrices))}
    for length in range(1, len(matrices)):
        for i in range(len(matrices) - length):
            j = i + length
            costs = [
                (best[i, k][0] + best[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            ]
            best[i, j] = min(costs)

    def product(i: int, j: int) -> Any:
        k = best[i, j][1]
        return matrices[i] if i == j else product(i, k) @ product(k + 1, j)

    return product(0, len(matrices) - 1)
