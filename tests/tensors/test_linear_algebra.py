"""Determinants, factors, inverses and norms against PyTorch, with gradients; and what is refused.

Signs of eigenvectors are anybody's choice, so expressions compare what does not depend on them.
"""

import numpy as np
import pytest

import glassgrad as gg
from expressions import compare

EXPRESSIONS = """
t.linalg.lu_factor(s); t.linalg.lu_factor(squares); t.linalg.lu(s); t.linalg.lu(tall)
t.linalg.lu(x); t.linalg.lu(spd); t.lu_solve(x.T, *t.linalg.lu_factor(s))
t.linalg.lu_solve(*t.linalg.lu_factor(squares), z[..., :2])
t.linalg.lu_solve(*t.linalg.lu_factor(s), x, left=False)
t.linalg.lu_solve(*t.linalg.lu_factor(s), x.T, adjoint=True)
t.linalg.lu_solve(*t.linalg.lu_factor(s), x, left=False, adjoint=True)
t.lu_unpack(*t.linalg.lu_factor(tall))
t.lu_unpack(*t.linalg.lu_factor(squares), unpack_pivots=False)[1:]; v.ger(w); t.det(s)
squares.det(); t.linalg.det(spd); t.logdet(spd); t.logdet(squares[:1]); s.slogdet()
t.linalg.slogdet(squares); t.slogdet(-spd); t.linalg.inv(s); squares.inverse(); t.inverse(spds)
t.linalg.solve(s, x.T); t.linalg.solve(s, v4); t.linalg.solve(squares, cross)
t.linalg.solve(squares, tall[:3]); t.linalg.solve(s, x, left=False); t.linalg.solve(squares, z)
t.linalg.solve_triangular(s, x.T, upper=True)
t.linalg.solve_triangular(s, x.T, upper=False, unitriangular=True)
t.linalg.solve_triangular(s, x, upper=False, left=False); t.cholesky(spd); spds.cholesky()
t.linalg.cholesky(spd, upper=True); t.cholesky_solve(x.T, spd.cholesky())
x.T.cholesky_solve(spd.cholesky(True), upper=True); spd.cholesky().cholesky_inverse()
t.cholesky_inverse(spd.cholesky(upper=True), upper=True); t.linalg.qr(tall); t.qr(s); squares.qr()
t.linalg.qr(x); t.linalg.qr(tall.detach(), "r").R; t.linalg.qr(tall.detach(), "complete")
t.linalg.qr(spds); t.linalg.eigvalsh(spd); t.linalg.eigvalsh(spds); t.linalg.eigh(spd).eigenvalues
t.linalg.eigh(spd)[1].abs(); (lambda w, q: q @ w.log().diag() @ q.T)(*t.linalg.eigh(spd))
t.linalg.eigvalsh(spd, "U"); t.svd(tall).S; t.svd(x)[0].abs(); t.svd(x)[2].abs()
(lambda u, s, v: u @ s.sqrt().diag() @ v.T)(*tall.svd())
(lambda u, s, v: u @ (s * s).diag_embed() @ v.mT)(*squares.svd()); t.linalg.svdvals(z)
t.linalg.svdvals(spd); t.linalg.svd(tall, full_matrices=False).Vh.abs()
t.linalg.svd(tall.detach()).U[:, :3].abs(); t.svd(x, some=False)[1].detach(); t.pinverse(tall)
t.linalg.pinv(x); t.linalg.pinv(squares); t.linalg.pinv(tall, rtol=0.5)
t.linalg.pinv(tall, atol=1e-3); t.linalg.eigh(spd.tril()).eigenvalues.detach()
t.linalg.cholesky(spd.triu(), upper=True).detach(); t.linalg.cholesky(spd.tril()).detach()
t.linalg.lstsq(tall, tall.detach()[:, :2] ** 2).solution
t.linalg.lstsq(tall.detach(), s.new_ones(5, 1), driver="gels").residuals
t.linalg.matrix_rank(tall); t.linalg.matrix_rank(v.outer(w))
t.linalg.matrix_rank(squares, atol=1.0); t.linalg.matrix_rank(x * 0); t.matrix_power(s, 3)
t.matrix_power(squares.detach(), 0); squares.matrix_power(-2); t.linalg.matrix_power(s, 6)
t.matrix_power(s, 1); t.matrix_exp(s); squares.matrix_exp(); t.linalg.matrix_exp(s * 5)
t.matrix_exp(s * 1e-3); t.linalg.norm(x); t.linalg.norm(v, 3); t.linalg.norm(x, "fro")
t.linalg.norm(x, "nuc"); t.linalg.norm(x, 2); t.linalg.norm(x, -2); t.linalg.norm(x, 1)
t.linalg.norm(x, -1); t.linalg.norm(x, float("inf")); t.linalg.norm(x, dim=1)
t.linalg.norm(z, dim=(0, 2)); t.linalg.norm(z, 2, dim=(1, 2), keepdim=True)
t.linalg.norm(z, 1, dim=(0, 2)); t.linalg.norm(v, float("inf")); t.linalg.norm(n)
t.linalg.vector_norm(x); t.linalg.vector_norm(x, 3, 0)
t.linalg.vector_norm(x, 1, dim=(0, 1), keepdim=True); t.linalg.matrix_norm(z)
t.linalg.matrix_norm(z, "nuc"); t.linalg.matrix_norm(x, -float("inf"))
t.linalg.matrix_norm(z, 1, (0, 1), True); t.linalg.cond(s); t.linalg.cond(s.detach(), 1)
t.linalg.cond(s.detach(), "fro"); t.linalg.cond(squares, -2); t.linalg.cond(x)
t.linalg.multi_dot([x, m, m2]); t.linalg.multi_dot([v4, m, m2, cross.T])
t.linalg.multi_dot([v4, m, m2[:, 0]]); t.linalg.multi_dot([x, m]); t.linalg.vecdot(x, y)
t.linalg.vecdot(x, y, dim=0); t.linalg.cross(cross, cross.flip(0)); t.linalg.diagonal(z, offset=1)
t.linalg.vander(v3); t.linalg.vander(x, N=3); t.linalg.matmul(x, m)
t.linalg.tensorinv(s.reshape(4, 2, 2), ind=1)
t.linalg.tensorsolve(s.reshape(2, 2, 4), cross[:, :2])
t.linalg.tensorinv((s + 3).reshape(2, 2, 4), 2)
"""
LISTED = [e for line in EXPRESSIONS.strip().splitlines() for e in line.split("; ")]


@pytest.mark.parametrize("expression", LISTED)
@pytest.mark.filterwarnings("ignore")
def test_expression(expression):
    compare(expression, rtol=1e-7)


@pytest.mark.parametrize("expression", [e for e in LISTED if "log" not in e and "cond" not in e])
@pytest.mark.filterwarnings("ignore")
def test_float32_stays_float32(expression):
    compare(expression, np.float32, rtol=3e-3)


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: gg.linalg.lu_factor(gg.ones(2)), "lu_factor takes matrices and got f32[2]"),
        (lambda: gg.ones(2, 2).inverse(), "solve of f32[2, 2]: a matrix is singular; pinverse()"),
        (lambda: gg.ones(2, 3).inverse(), "inverse takes square matrices and got f32[2, 3]"),
        (lambda: gg.ones(2, 3).det(), "det takes square matrices and got f32[2, 3]"),
        (
            lambda: (-gg.eye(2)).cholesky(),
            "cholesky of f32[2, 2]: a matrix is not positive definite",
        ),
        (
            lambda: gg.ones(2, 2, dtype=gg.int64).det(),
            "det takes matrices of float32 or float64 and got i64[2, 2]",
        ),
        (lambda: gg.ones(2, 2).half().svd(), "svd takes matrices of float32 or float64 and"),
        (lambda: gg.eye(2).half().inverse(), "solve takes matrices of float32 or float64 and got"),
        (lambda: gg.linalg.pinv(gg.ones(2)), "pinv takes matrices of float32 or float64"),
        (lambda: gg.linalg.solve(gg.eye(3), gg.ones(2, 2)), "solve takes A: [..., n, n] and B"),
        (
            lambda: gg.linalg.qr(gg.eye(2), "full"),
            "mode is 'reduced', 'complete' or 'r', not 'full'",
        ),
        (lambda: gg.linalg.eigh(gg.eye(2), "X"), "UPLO is 'L' or 'U', not 'X'"),
        (
            lambda: gg.linalg.matrix_norm(gg.eye(2), 7),
            "ord is 'fro', 'nuc', 1, -1, 2, -2, inf or -inf",
        ),
        (lambda: gg.linalg.multi_dot([gg.eye(2)]), "multi_dot multiplies at least two tensors"),
        (lambda: gg.linalg.solve_triangular(gg.eye(3), gg.ones(4, 1), upper=True), "solve takes A"),
    ],
)
def test_bad_input_is_named(call, text):
    with pytest.raises(RuntimeError) as error:
        call()
    assert text in str(error.value)


def test_the_error_of_a_singular_matrix_is_pytorchs():
    with pytest.raises(gg.linalg.LinAlgError):
        gg.linalg.inv(gg.zeros(2, 2))


@pytest.mark.parametrize("function", [gg.linalg.svdvals, gg.linalg.eigvalsh])
def test_equal_values_have_finite_slopes(function):
    x = gg.eye(3, dtype=gg.float64, requires_grad=True)
    function(x).sum().backward()
    np.testing.assert_allclose(x.grad.value, np.eye(3), atol=1e-12)


def test_the_chain_is_multiplied_in_the_cheapest_order():
    sizes = (30, 35, 15, 5, 10, 20, 25)  # Cormen et al., section 15.2: 15,125 multiplications
    matrices = [gg.ones(m, n, requires_grad=True) for m, n in zip(sizes, sizes[1:])]
    y = gg.linalg.multi_dot(matrices)
    nodes = [x for x in gg.tensors.tensor.ancestors([y]) if x.operation is not None]
    cost = sum(x.inputs[0].shape[0] * x.inputs[0].shape[1] * x.shape[1] for x in nodes)
    assert (cost, len(nodes)) == (15_125, 5)
