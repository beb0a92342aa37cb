"""grad, Function, gradcheck and glassgrad.func, against closed forms and PyTorch."""

import math

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import autograd, func


def leaf(*values):
    return gg.tensor(values, dtype=gg.float64, requires_grad=True)


def test_grad_gives_what_was_asked_for_and_touches_nothing():
    x, w = leaf(2.0), leaf(3.0)
    y = (x * w).sum()
    gx, gw = autograd.grad(y, (x, w))
    assert (gx.tolist(), gw.tolist()) == ([3.0], [2.0]) and x.grad is None


def test_grad_of_a_computed_node():
    x = leaf(2.0)
    y = x * x
    z = (y * y).sum()
    (gy,) = autograd.grad(z, y)
    assert gy.tolist() == [8.0]


def test_higher_derivatives_of_a_power():
    x = leaf(2.0)
    y = x**5
    for expected in (80.0, 160.0, 240.0, 240.0, 120.0):
        (y,) = autograd.grad(y.sum(), x, create_graph=True)
        assert y.tolist() == pytest.approx([expected])


def test_unused_inputs_are_an_error_none_or_zeros():
    x, other = leaf(1.0), leaf(5.0, 6.0)
    with pytest.raises(RuntimeError, match="allow_unused=True"):
        autograd.grad((x * 2).sum(), [x, other])
    assert autograd.grad((x * 2).sum(), [x, other], allow_unused=True)[1] is None
    zeros = autograd.grad((x * 2).sum(), [x, other], materialize_grads=True)[1]
    assert zeros.tolist() == [0.0, 0.0]


def test_several_outputs_are_summed_with_their_seeds():
    x = leaf(2.0, 3.0)
    seeds = [gg.tensor([1.0, 0.0], dtype=gg.float64), gg.tensor([0.0, 10.0], dtype=gg.float64)]
    (g,) = autograd.grad([x * x, x * 2], x, seeds)
    assert g.tolist() == [4.0, 20.0]


def test_gradcheck_finds_a_wrong_rule_and_says_where():
    class Wrong(gg.Operation):
        def forward(self, x):
            return x * x

        def gradient(self, g, y, x):
            return (3 * x * g,)

    with pytest.raises(RuntimeError, match=r"output 0\[0\], input 0"):
        autograd.gradcheck(Wrong(), [leaf(1.0, 2.0)])
    assert not autograd.gradcheck(Wrong(), [leaf(1.0, 2.0)], raise_exception=False)
    with pytest.raises(ValueError, match="needs float64: input 0 is f32"):
        autograd.gradcheck(Cubed, [gg.ones(2, requires_grad=True)])


def Cubed(x):
    return x * x * x


def test_the_growing_cylinder_of_lecture_r():
    volume = lambda r, h: math.pi * r**2 * h
    _, rate = func.jvp(volume, (2.0, 2.0), (2.0, 1.0))
    assert rate.item() == pytest.approx(20 * math.pi)


def test_jvp_and_vjp_are_transposes():
    random = np.random.default_rng(0)
    x, t = random.normal(size=(3,)), random.normal(size=(3,))
    v = random.normal(size=(2, 3))
    f = lambda x: gg.stack([x.sin() * x.sum(), x**3])
    _, forward = func.jvp(f, (x,), (t,))
    _, pull = func.vjp(f, x)
    assert (forward.numpy() * v).sum() == pytest.approx((pull(v)[0].detach().numpy() * t).sum())


def test_jacobians_forward_and_reverse_agree_with_numbers():
    x = gg.tensor([1.0, 2.0, 3.0], dtype=gg.float64)
    f = lambda x: gg.stack([x[0] * x[1], x[2] ** 2])
    expected = [[2.0, 1.0, 0.0], [0.0, 0.0, 6.0]]
    assert func.jacrev(f)(x).tolist() == expected
    assert func.jacfwd(f)(x).tolist() == expected
    assert func.hessian(lambda x: (x**3).sum())(x).tolist() == np.diag([6.0, 12.0, 18.0]).tolist()


def test_nested_grad_and_forward_over_reverse():
    cube = lambda x: x**3
    assert func.grad(func.grad(cube))(2.0).item() == pytest.approx(12.0)
    assert func.jvp(func.grad(cube), (2.0,), (1.0,))[1].item() == pytest.approx(12.0)
    found, value = func.grad_and_value(cube)(2.0)
    assert (found.item(), value.item()) == (12.0, 8.0)
    with pytest.raises(RuntimeError, match="one number"):
        func.grad(lambda x: x * 2)(gg.ones(3))


def test_derivatives_agree_with_torch_func():
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(1).normal(size=(4,))

    def f(x):
        return (x.tanh() * x.flip(0)).exp() / (1 + x * x)

    ours, theirs = gg.tensor(x), torch.tensor(x)
    np.testing.assert_allclose(
        func.jacrev(f)(ours),
        torch.func.jacrev(lambda x: (x.tanh() * x.flip(0)).exp() / (1 + x * x))(theirs),
    )
    total = lambda x: f(x).sum()
    np.testing.assert_allclose(
        func.hessian(total)(ours), torch.func.hessian(total)(theirs), rtol=1e-12
    )
