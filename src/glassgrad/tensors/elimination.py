"""Gaussian elimination with row exchanges: A = P L U, packed as LAPACK packs it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .creation import coerced
from .joins import cat
from .tensor import Tensor


class Factors(NamedTuple):
    """L below the diagonal and U from it on, in one matrix; exchanges of rows, counted from 1."""

    LU: Tensor
    pivots: Tensor


class Unpacked(NamedTuple):
    """A = P L U."""

    P: Tensor
    L: Tensor
    U: Tensor


def lu_factor(A, *, pivot=True) -> Factors:
    """(LU, pivots): A eliminated column by column, by the row with the largest element there."""
    A = coerced(A)
    if A.ndim < 2:
        raise RuntimeError(f"lu_factor takes matrices and got {A.type_}")
    pivots = _pivots(A.known(), pivot)
    order = A.lift(_order(pivots, A.shape[-2])).unsqueeze(-1)
    x, steps = A.gather(-2, order.expand(A.shape)), []
    for _ in range(min(A.shape[-2:])):
        top, below = x[..., :1, :], x[..., 1:, :1]
        column = below / top[..., :1]
        steps.append((top, column))
        x = x[..., 1:, 1:] - column * top[..., 1:]
    for top, column in reversed(steps):
        x = cat([top, cat([column, x], -1)], -2)
    return Factors(x, A.lift(pivots))


def lu_unpack(LU_data, LU_pivots, unpack_data=True, unpack_pivots=True) -> Unpacked:
    """(P, L, U) of what `lu_factor` gave; what is not asked for is empty."""
    x, empty = coerced(LU_data), LU_data.new_zeros(0)
    m, n = x.shape[-2:]
    k = min(m, n)
    p, lower, upper = empty, empty, empty
    if unpack_data:
        eye = x.lift(np.eye(m, k, dtype=x.dtype))
        lower, upper = x[..., :, :k].tril(-1) + eye, x[..., :k, :].triu()
    if unpack_pivots:
        order = _order(LU_pivots.known(), m)
        p = x.lift(np.swapaxes(np.eye(m, dtype=x.dtype)[order], -1, -2))
    return Unpacked(p, lower, upper)


def lu(A, *, pivot=True) -> Unpacked:
    """(P, L, U) with A = P L U: L a triangle with ones on its diagonal, U another."""
    return lu_unpack(*lu_factor(A, pivot=pivot))


def lu_solve(LU, pivots, B, *, left=True, adjoint=False) -> Any:
    """X with A X = B (left=False: X A = B; adjoint: A' X = B) from the factors of A."""
    p, lower, upper = lu_unpack(LU, pivots)
    if not left:
        return lu_solve(LU, pivots, B.mT, adjoint=not adjoint).mT
    if adjoint:
        return p @ lower.mT._solved(upper.mT._solved(B))
    return upper._solved(lower._solved(p.mT @ B))


def _pivots(array: np.ndarray, exchange: bool) -> np.ndarray:
    """For each column the row that is exchanged with the one that eliminates, counted from 1."""
    m, n = array.shape[-2:]
    found = np.empty((*array.shape[:-2], min(m, n)), np.int32)
    for batch in np.ndindex(array.shape[:-2]):
        a = array[batch].astype(np.float64)
        for i in range(min(m, n)):
            best = i + int(np.argmax(np.abs(a[i:, i]))) if exchange else i
            a[[i, best]] = a[[best, i]]
            a[i + 1 :, i:] -= np.outer(a[i + 1 :, i] / (a[i, i] or 1.0), a[i, i:])
            found[(*batch, i)] = best + 1
    return found


def _order(pivots: np.ndarray, m: int) -> np.ndarray:
    """Which row of A comes to which place when the exchanges are made one after the other."""
    order = np.tile(np.arange(m), (*pivots.shape[:-1], 1))
    for batch in np.ndindex(pivots.shape[:-1]):
        for i, best in enumerate(pivots[batch]):
            order[batch][[i, best - 1]] = order[batch][[best - 1, i]]
    return order


__all__ = ["lu_unpack"]
