"""A user's own Function, against closed forms and PyTorch."""

import gc
import weakref

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import autograd


def leaf(*values):
    return gg.tensor(values, dtype=gg.float64, requires_grad=True)


class Exponential(autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y, x)
        return y

    @staticmethod
    def backward(ctx, g):
        _, x = ctx.saved_tensors
        return g * x.exp()


class Scaled(autograd.Function):
    @staticmethod
    def forward(ctx, x, factor, w):
        ctx.factor = factor
        ctx.save_for_backward(x, w)
        return x * factor * w

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return g * ctx.factor * w, None, g * ctx.factor * x


def test_a_function_saves_tensors_and_differentiates_twice():
    x = leaf(0.5, 1.0)
    assert autograd.gradcheck(Exponential.apply, [x])
    assert autograd.gradgradcheck(Exponential.apply, [x])


def test_a_function_takes_numbers_beside_tensors():
    x, w = leaf(2.0), leaf(5.0)
    y = Scaled.apply(x, 3.0, w)
    y.sum().backward()
    assert (y.tolist(), x.grad.tolist(), w.grad.tolist()) == ([30.0], [15.0], [6.0])


def test_a_function_with_too_few_gradients_is_named():
    class Short(Scaled):
        @staticmethod
        def backward(ctx, g):
            return g, None

    with pytest.raises(RuntimeError, match="Short.backward returned 2 gradients for 3 inputs"):
        Short.apply(leaf(1.0), 2.0, leaf(1.0)).sum().backward()


# ---- the same text for both packages


def functions(torch):
    """Functions of all kinds, of the package that is given."""

    class Exp(torch.autograd.Function):
        """Keeps its output."""

        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            (y,) = ctx.saved_tensors
            return g * y

    class Polar(torch.autograd.Function):
        """Two outputs, of which one is kept, and a third that has no gradient."""

        @staticmethod
        def forward(ctx, x, y):
            radius = (x * x + y * y).sqrt()
            ctx.save_for_backward(x, y, radius)
            larger = x > y
            ctx.mark_non_differentiable(larger)
            return radius, torch.atan2(y, x), larger

        @staticmethod
        def backward(ctx, g, h, _):
            x, y, radius = ctx.saved_tensors
            square = radius * radius
            return g * x / radius - h * y / square, g * y / radius + h * x / square

    class Clamped(torch.autograd.Function):
        """Sets its context up apart from the forward pass."""

        @staticmethod
        def forward(x, low, high):
            return x.clamp(low, high)

        @staticmethod
        def setup_context(ctx, inputs, output):
            x, ctx.low, ctx.high = inputs
            ctx.save_for_backward(x, output)

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            return g * (x == y), None, None

    class Wide(torch.autograd.Function):
        """Its gradient has the shape of the output, and is summed to that of the input."""

        @staticmethod
        def forward(ctx, x):
            return x * torch.ones(4, 3, dtype=x.dtype)

        @staticmethod
        def backward(ctx, g):
            return g

    class Same(torch.autograd.Function):
        """Returns its input."""

        @staticmethod
        def forward(ctx, x):
            return x.view_as(x)

        @staticmethod
        def backward(ctx, g):
            return -3 * g

    return Exp, Polar, Clamped, Wide, Same


CALLS = {
    "one output": lambda f, x, y: f[0].apply(x),
    "in a chain": lambda f, x, y: f[0].apply(f[0].apply(x) * y) * x,
    "both outputs": lambda f, x, y: f[1].apply(x, y)[0] + 2 * f[1].apply(x, y)[1],
    "the first output": lambda f, x, y: f[1].apply(x, y)[0],
    "the last output": lambda f, x, y: f[1].apply(x, y)[1] * x,
    "setup_context": lambda f, x, y: f[2].apply(x, -0.5, 0.5) * y,
    "a wide gradient": lambda f, x, y: f[3].apply(x) * 2,
    "the input itself": lambda f, x, y: f[4].apply(x) * x,
}


def derivatives(torch, call):
    """Value, gradients and gradients of gradients of a call."""
    numbers = np.random.default_rng(3).normal(size=(2, 3))
    x, y = (torch.tensor(row, requires_grad=True) for row in numbers)
    z = call(functions(torch), x, y)
    found = [z]
    for _ in range(2):
        if not z.requires_grad:
            break
        pair = torch.autograd.grad(z.sum(), (x, y), create_graph=True, materialize_grads=True)
        found += pair
        z = (pair[0] * x + pair[1]).sum()
    return [a.detach().numpy() for a in found]


@pytest.mark.parametrize("name", CALLS)
def test_like_pytorch(name):
    torch = pytest.importorskip("torch")
    for mine, theirs in zip(derivatives(gg, CALLS[name]), derivatives(torch, CALLS[name])):
        np.testing.assert_allclose(mine, theirs, 1e-12, 1e-12)


def test_an_output_that_was_kept_is_known_to_second_derivatives():
    x = leaf(0.5, 1.0)
    assert autograd.gradgradcheck(functions(gg)[0].apply, [x])


def test_outputs_without_gradients_are_plain():
    _, _, larger = functions(gg)[1].apply(leaf(1.0), leaf(2.0))
    assert (larger.tolist(), larger.requires_grad) == ([False], False)


def test_gradients_of_unused_outputs_are_none_on_demand():
    class Two(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, g, h):
            assert h is None
            return g * 2

    x = leaf(1.0)
    Two.apply(x)[0].sum().backward()
    assert x.grad.tolist() == [2.0]


def test_what_was_kept_is_not_read_after_it_changed():
    x, y = leaf(1.0), gg.tensor([2.0], dtype=gg.float64)
    z = functions(gg)[1].apply(x, y)[0].sum()
    y += 1
    with pytest.raises(RuntimeError, match="changed in place after it was used"):
        z.backward()


def test_going_back_twice_needs_retain_graph():
    x = leaf(1.0)
    y = functions(gg)[0].apply(x).sum()
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(RuntimeError, match="a second time"):
        y.backward()


def test_a_call_leaves_nothing_behind():
    x = leaf(1.0)
    gc.disable()
    try:
        gone = weakref.ref(functions(gg)[0].apply(x))
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "backward, error, text",
    [
        (lambda ctx, g: (g, g), RuntimeError, "Own.backward returned 2 gradients for 1 inputs"),
        (lambda ctx, g: g.sum().reshape(1, 1), RuntimeError, "returned a gradient f64[1, 1] for"),
    ],
)
def test_bad_gradients_are_named(backward, error, text):
    class Own(autograd.Function):
        forward = staticmethod(lambda ctx, x: x * 2)

    Own.backward = staticmethod(backward)
    with pytest.raises(error) as raised:
        Own.apply(leaf(1.0, 2.0)).sum().backward()
    assert text in str(raised.value)


def test_other_mistakes_are_named():
    class Own(autograd.Function):
        forward = staticmethod(lambda ctx, x: [1])

    with pytest.raises(TypeError, match="Own.forward must return a tensor or a tuple, not a list"):
        Own.apply(leaf(1.0))
    with pytest.raises(RuntimeError, match=r"called by Own.apply\(x\), and not by Own\(\)\(x\)"):
        Own()(leaf(1.0))
