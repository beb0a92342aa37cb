"""autograd.functional and autograd.backward against PyTorch, and what is refused."""

import numpy as np
import pytest

import glassgrad as gg

FUNCTIONS = {
    "one to one": (lambda t, x: (x**2).sin(), 1),
    "one to a matrix": (lambda t, x: x.unsqueeze(1) * x, 1),
    "two to one": (lambda t, x, y: x * y.sum(), 2),
    "one to two": (lambda t, x: (x * 2, (x**3).sum()), 1),
    "two to two": (lambda t, x, y: (x * y, y.exp()), 2),
    "linear": (lambda t, x: 3 * x, 1),
    "constant": (lambda t, x: x.detach() * 2, 1),
}
SCALARS = {
    "cubes": (lambda t, x: (x**3).sum() + x[0] * x[1], 1),
    "two": (lambda t, x, y: (x**2 * y).sum() + y.sum().exp(), 2),
    "linear": (lambda t, x: x.sum(), 1),
    "square of one": (lambda t, x, y: (x * x).sum() + 0 * y.sum(), 2),
}
RANDOM = np.random.default_rng(0)
X, Y, V, W = RANDOM.normal(size=(4, 3))


def arrays(result):
    """All tensors of nested tuples as arrays."""
    if isinstance(result, tuple):
        return [a for part in result for a in arrays(part)]
    assert not result.requires_grad
    return [result.detach().numpy()]


def agree(call):
    torch = pytest.importorskip("torch")
    mine, theirs = call(gg), call(torch)
    assert isinstance(mine, tuple) == isinstance(theirs, tuple)
    mine, theirs = arrays(mine), arrays(theirs)
    assert len(mine) == len(theirs)
    for a, b in zip(mine, theirs):
        np.testing.assert_allclose(a, b, 1e-10, 1e-10, strict=True)


def given(t, count, pair):
    """Inputs or vectors: one tensor, or a tuple of two."""
    made = tuple(t.tensor(a) for a in pair[:count])
    return made[0] if count == 1 else made


@pytest.mark.parametrize("name", FUNCTIONS)
def test_jacobian(name):
    function, count = FUNCTIONS[name]
    agree(
        lambda t: t.autograd.functional.jacobian(
            lambda *x: function(t, *x), given(t, count, (X, Y))
        )
    )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_vjp_and_jvp(name):
    function, count = FUNCTIONS[name]

    def pulled(t):
        made = function(t, *(t.tensor(a) for a in (X, Y)[:count]))
        several = isinstance(made, tuple)
        seeds = tuple(t.ones_like(y) * 0.5 for y in (made if several else (made,)))
        return t.autograd.functional.vjp(
            lambda *x: function(t, *x), given(t, count, (X, Y)), seeds if several else seeds[0]
        )

    agree(pulled)
    agree(
        lambda t: t.autograd.functional.jvp(
            lambda *x: function(t, *x), given(t, count, (X, Y)), given(t, count, (V, W))
        )
    )


@pytest.mark.parametrize("product", ["hvp", "vhp"])
@pytest.mark.parametrize("name", SCALARS)
def test_hessian_and_its_products(name, product):
    function, count = SCALARS[name]
    inputs = lambda t: given(t, count, (X, Y))
    agree(lambda t: t.autograd.functional.hessian(lambda *x: function(t, *x), inputs(t)))
    agree(
        lambda t: getattr(t.autograd.functional, product)(
            lambda *x: function(t, *x), inputs(t), given(t, count, (V, W))
        )
    )


def test_create_graph_keeps_the_history():
    x = gg.tensor(X, requires_grad=True)
    jacobian = gg.autograd.functional.jacobian(lambda x: x**3, x, create_graph=True)
    (slope,) = gg.autograd.grad(jacobian.sum(), x)
    np.testing.assert_allclose(slope.value, 6 * X)
    assert x.grad is None


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda f, x: f.vjp(lambda x: x, x), "v can be left out for outputs of one number only"),
        (
            lambda f, x: f.jvp(lambda x: x, x, gg.ones(2)),
            r"the shapes of the inputs, f32\[3\], and",
        ),
        (lambda f, x: f.hessian(lambda x: x, x), r"of one number, and it gave f32\[3\]"),
        (lambda f, x: f.hvp(lambda x: x, x, x), "second derivatives need a function of one number"),
        (lambda f, x: f.jacobian(lambda x: x.detach(), x, strict=True), "does not depend on the"),
        (lambda f, x: f.jacobian(lambda x: 3, x), "must return tensors, not a int"),
    ],
)
def test_bad_input_is_named(call, text):
    with pytest.raises((RuntimeError, TypeError), match=text):
        call(gg.autograd.functional, gg.ones(3))


# ---- backward of several tensors


@pytest.mark.parametrize("seeded", [True, False])
def test_backward_of_several_tensors(seeded):
    torch = pytest.importorskip("torch")

    def slopes(t):
        x, y = (t.tensor(a, requires_grad=True) for a in (X, Y))
        ends = [x * y, y**2] if seeded else [(x * y).sum(), (y**2).sum()]
        t.autograd.backward(ends, [t.tensor(V), t.tensor(W)] if seeded else None)
        return [x.grad.numpy(), y.grad.numpy()]

    for mine, theirs in zip(slopes(gg), slopes(torch)):
        np.testing.assert_allclose(mine, theirs, 1e-12)


def test_backward_wants_a_gradient_for_each_tensor():
    x = gg.ones(2, requires_grad=True)
    gg.autograd.backward(x.sum())
    assert x.grad.tolist() == [1, 1]
    with pytest.raises(RuntimeError, match="2 tensors and 1 gradients"):
        gg.autograd.backward([x, x], [gg.ones(2)])
