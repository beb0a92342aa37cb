"""Solving and decomposing matrices: NumPy computes, and each rule is a formula of matrices.

What has several results is one array that holds them all: an operation has one output.
"""

from __future__ import annotations

from ..types import ShapeError, Type
from .domains import definite, real, regular, tall
from .record import Record, sample


def _matrices(operation, x, square=True):
    if len(x.shape) < 2 or (square and x.shape[-1] != x.shape[-2]):
        kind = "square matrices" if square else "matrices"
        raise ShapeError(f"{operation} takes {kind} and got {x}")


def _square_type(name):
    def infer(x):
        _matrices(name, x)
        return x

    return infer


def _number_type(name):
    def infer(x):
        _matrices(name, x)
        return Type(x.shape[:-2], x.dtype)

    return infer


def lower(x):
    """Zeros above the diagonal, and half of the diagonal."""
    return x.tril() - x.diagonal(0, -2, -1).diag_embed() * 0.5


def symmetric(x):
    """The mean of a matrix and its transpose."""
    return (x + x.mT) * 0.5


# ---- A X = B


def _solve_type(a, b):
    _matrices("solve", a)
    if len(b.shape) != len(a.shape) or a.shape[:-1] != b.shape[:-1]:
        raise ShapeError(f"solve takes A: [..., n, n] and B: [..., n, k] and got {a} and {b}")
    return b


def _solve_gradient(g, x, a, b):
    back = solve(a.mT, g)
    return -back @ x.mT if a.requires_grad else None, back


solve = Record(
    "solve",
    "numpy",
    infer=_solve_type,
    meaning=lambda np, a, b: np.linalg.solve(a, b),
    gradient=_solve_gradient,
    samples=[
        sample(regular(3, 3), real(3, 2)),
        sample(regular(2, 4, 4), real(2, 4, 1)),
        sample(regular(1, 1), real(1, 0)),
    ],
)

# ---- determinants
det = Record(
    "det",
    "numpy",
    infer=_number_type("det"),
    meaning=lambda np, x: np.asarray(np.linalg.det(x), x.dtype),
    gradient=lambda g, y, x: ((g * y).unsqueeze(-1).unsqueeze(-1) * x.inverse().mT,),
    samples=[sample(regular(3, 3)), sample(regular(2, 4, 4)), sample(regular(0, 3, 3))],
)
logabsdet = Record(
    "logabsdet",
    "numpy",
    infer=_number_type("logabsdet"),
    meaning=lambda np, x: np.asarray(np.linalg.slogdet(x)[1], x.dtype),
    gradient=lambda g, y, x: (g.unsqueeze(-1).unsqueeze(-1) * x.inverse().mT,),
    samples=[sample(regular(3, 3)), sample(regular(2, 4, 4))],
)

# ---- A = L L', of the symmetric part of A
# (Murray 2016, Differentiation of the Cholesky decomposition)


def _cholesky_gradient(g, y, x):
    middle = symmetric(lower(y.mT @ g))
    left = solve(y.mT, middle)
    return (symmetric(solve(y.mT, left.mT)),)


cholesky = Record(
    "cholesky",
    "numpy",
    infer=_square_type("cholesky"),
    meaning=lambda np, x: np.linalg.cholesky(0.5 * (x + np.swapaxes(x, -1, -2))),
    gradient=_cholesky_gradient,
    samples=[sample(definite(3, 3)), sample(definite(2, 4, 4)), sample(definite(1, 1))],
)

# ---- A = V diag(w) V', of the symmetric part of A: [w; V], w in ascending order
# (Giles 2008, Collected matrix derivative results for forward and reverse mode)


def _eigh_type(x):
    _matrices("eigh", x)
    return Type((*x.shape[:-2], x.shape[-1] + 1, x.shape[-1]), x.dtype)


def _eigh_meaning(np, x):
    values, vectors = np.linalg.eigh(0.5 * (x + np.swapaxes(x, -1, -2)))
    return np.concatenate([values[..., None, :], vectors], -2)


def quotient(x, y):
    """x / y, and 0 where x is 0: what nobody asked for does not turn into NaN."""
    return x / y.where(x != 0, 1)


def gaps(values):
    """w[j] - w[i]."""
    return values.unsqueeze(-2) - values.unsqueeze(-1)


def _eigh_gradient(g, y, x):
    values, vectors = y[..., 0, :], y[..., 1:, :]
    turn = vectors.mT @ g[..., 1:, :]
    turn = turn - turn.diagonal(0, -2, -1).diag_embed()
    inner = g[..., 0, :].diag_embed() + quotient(turn, gaps(values))
    return (symmetric(vectors @ inner @ vectors.mT),)


eigh = Record(
    "eigh",
    "numpy",
    infer=_eigh_type,
    meaning=_eigh_meaning,
    gradient=_eigh_gradient,
    samples=[sample(definite(3, 3)), sample(definite(2, 4, 4)), sample(definite(1, 1))],
)

# ---- A = U diag(s) V', s in descending order: [U; s; V], each of k = min(m, n) columns
# (Townsend 2016, Differentiating the singular value decomposition)


def _svd_type(x):
    _matrices("svd", x, square=False)
    m, n = x.shape[-2:]
    return Type((*x.shape[:-2], m + 1 + n, min(m, n)), x.dtype)


def _svd_meaning(np, x):
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return np.concatenate([u, s[..., None, :], np.swapaxes(vh, -1, -2)], -2)


def _svd_gradient(g, y, x):
    m = x.shape[-2]
    u, s, v = y[..., :m, :], y[..., m, :], y[..., m + 1 :, :]
    gu, gs, gv = g[..., :m, :], g[..., m, :], g[..., m + 1 :, :]
    scale, distance = s.unsqueeze(-2), gaps(s * s)
    turn_u, turn_v = u.mT @ gu, v.mT @ gv
    inner = gs.diag_embed() + quotient(turn_u - turn_u.mT, distance) * scale
    inner = inner + scale.mT * quotient(turn_v - turn_v.mT, distance)
    beside = quotient(gu - u @ turn_u, scale) @ v.mT
    above = u @ quotient(gv - v @ turn_v, scale).mT
    return (u @ inner @ v.mT + beside + above,)


svd = Record(
    "svd",
    "numpy",
    infer=_svd_type,
    meaning=_svd_meaning,
    gradient=_svd_gradient,
    samples=[sample(tall(5, 3)), sample(regular(3, 3)), sample(tall(2, 4, 2))],
)

# ---- Q of A = Q R, at least as many rows as columns; R = Q' A is a composition


def _orthonormal_type(x):
    _matrices("qr", x, square=False)
    if x.shape[-2] < x.shape[-1]:
        raise ShapeError(f"Q has as many columns as A, at most as many as rows: {x}")
    return x


def _orthonormal_gradient(g, y, x):
    """(g + Q copy(-g' Q)) R^-T, where copy mirrors the lower triangle above the diagonal."""
    product = -(g.mT @ y)
    mirrored = product.tril() + product.tril(-1).mT
    return (solve(y.mT @ x, (g + y @ mirrored).mT).mT,)


orthonormal = Record(
    "orthonormal",
    "numpy",
    infer=_orthonormal_type,
    meaning=lambda np, x: np.linalg.qr(x)[0],
    gradient=_orthonormal_gradient,
    samples=[sample(tall(5, 3)), sample(regular(3, 3)), sample(tall(2, 4, 2))],
)

# ---- the pseudo-inverse (Golub and Pereyra 1973, equation 4.12)


def _pinverse_type(x, cutoff):
    _matrices("pinverse", x, square=False)
    return Type((*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype)


def _pinverse_gradient(g, y, x, cutoff):
    left, right = g.mT - x @ (y @ g.mT), g.mT - (g.mT @ y) @ x
    return (-(y.mT @ g @ y.mT) + left @ y @ y.mT + y.mT @ y @ right,)


pinverse = Record(  # singular values up to `cutoff` times the largest count as 0
    "pinverse",
    "numpy",
    infer=_pinverse_type,
    meaning=lambda np, x, cutoff: np.linalg.pinv(x, cutoff),
    gradient=_pinverse_gradient,
    samples=[
        sample(tall(5, 3), cutoff=1e-15),
        sample(regular(3, 3), cutoff=1e-15),
        sample(tall(2, 4, 2), cutoff=1e-15),
        sample(real(2, 4), cutoff=1e-15),
    ],
)
