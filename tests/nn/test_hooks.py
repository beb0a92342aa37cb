"""Hooks: their order and what they may replace, as in PyTorch."""

import pytest

import glassgrad as gg
from glassgrad import nn


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def shapes(tensors):
    return [None if t is None else list(t.shape) for t in tensors]


def every_hook(library):
    """The log of a forward and a backward pass with hooks of all kinds on two layers."""
    model = library.nn.Sequential(library.nn.Linear(3, 4), library.nn.Linear(4, 2))
    log = []
    for number, layer in enumerate(model):
        for text in "ab":
            name = f"{number}{text}"
            layer.register_forward_pre_hook(
                lambda m, args, name=name: log.append((name, "before", shapes(args)))
            )
            layer.register_forward_hook(
                lambda m, args, y, name=name: log.append((name, "after", shapes(args), shapes([y])))
            )
            layer.register_full_backward_pre_hook(
                lambda m, gy, name=name: log.append((name, "backward", shapes(gy)))
            )
            layer.register_full_backward_hook(
                lambda m, gx, gy, name=name: log.append((name, "back", shapes(gx), shapes(gy)))
            )
        layer.register_forward_hook(
            lambda m, args, y: log.append(("first of the forward hooks", shapes([y]))),
            prepend=True,
        )
    x = library.ones(5, 3, requires_grad=True)
    model(x).sum().backward()
    log.append(x.grad.tolist() != [[0, 0, 0]] * 5)
    model(library.ones(5, 3)).sum().backward()  # an input that needs no gradient
    return log


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
def test_order_against_pytorch(torch):
    assert every_hook(gg) == every_hook(torch)


def doubled(library):
    """What comes out when every kind of hook replaces what it is handed."""
    layer = library.nn.Identity()
    layer.register_forward_pre_hook(lambda m, args: args[0] * 2)
    layer.register_forward_pre_hook(lambda m, args: (args[0] + 1,))
    layer.register_forward_hook(lambda m, args, y: y * 10)
    layer.register_full_backward_pre_hook(lambda m, gy: (gy[0] * 3,))
    layer.register_full_backward_hook(lambda m, gx, gy: (gx[0] * 100,))
    x = library.tensor([1.0, 2.0], requires_grad=True)
    y = layer(x)
    y.backward(library.tensor([1.0, -1.0]))
    return y.tolist(), x.grad.tolist()


def test_replacements_against_pytorch(torch):
    assert doubled(gg) == doubled(torch) == ([30.0, 50.0], [6000.0, -6000.0])


class Scaled(nn.Module):
    def forward(self, x, *, scale=1):
        return x * scale


def test_keyword_arguments():
    layer, seen = Scaled(), []
    layer.register_forward_pre_hook(
        lambda m, args, kwargs: (args, {"scale": kwargs["scale"] + 1}), with_kwargs=True
    )
    layer.register_forward_hook(
        lambda m, args, kwargs, y: seen.append((kwargs, y.tolist())), with_kwargs=True
    )
    assert layer(gg.ones(1), scale=2).tolist() == [3]
    assert seen == [({"scale": 3}, [3])]
    layer.register_forward_pre_hook(lambda m, args, kwargs: args, with_kwargs=True)
    with pytest.raises(RuntimeError, match="must return None or a tuple"):
        layer(gg.ones(1), scale=2)


def test_hooks_are_taken_back():
    layer, log = nn.Identity(), []
    handle = layer.register_forward_hook(lambda m, args, y: log.append(1))
    layer(gg.ones(1))
    handle.remove()
    layer(gg.ones(1))
    with layer.register_forward_pre_hook(lambda m, args: log.append(2)):
        layer(gg.ones(1))
    layer(gg.ones(1))
    assert log == [1, 2]


def test_always_call_hears_of_failures():
    class Failing(nn.Module):
        def forward(self, x):
            raise ValueError("no")

    layer, log = Failing(), []
    layer.register_forward_hook(lambda m, args, y: log.append(y), always_call=True)
    layer.register_forward_hook(lambda m, args, y: log.append("not this"))
    with pytest.raises(ValueError, match="no"):
        layer(gg.ones(1))
    assert log == [None]


def several(library):
    """Gradients of a module of two inputs and two outputs."""

    class Both(library.nn.Module):
        def forward(self, x, y):
            return x * y, x + y

    layer, log = Both(), []
    layer.register_full_backward_hook(
        lambda m, gx, gy: log.append(([g.tolist() for g in gx], [g.tolist() for g in gy]))
    )
    x = library.tensor([2.0], requires_grad=True)
    y = library.tensor([3.0], requires_grad=True)
    product, total = layer(x, y)
    (product + 10 * total).sum().backward()
    return log, x.grad.tolist(), y.grad.tolist()


def test_several_inputs_and_outputs_against_pytorch(torch):
    assert several(gg) == several(torch)


def test_replacing_one_of_several_gradients_is_refused():
    class Sum(nn.Module):
        def forward(self, x, y):
            return x + y

    layer = Sum()
    layer.register_full_backward_hook(lambda m, gx, gy: gx)
    x, y = gg.ones(1, requires_grad=True), gg.ones(1, requires_grad=True)
    with pytest.raises(RuntimeError, match="Register hooks on the inputs"):
        layer(x, y).backward()


def test_a_second_backward_pass_is_heard_of_again():
    layer, log = nn.Identity(), []
    layer.register_full_backward_hook(lambda m, gx, gy: log.append(gx[0].tolist()))
    x = gg.ones(1, requires_grad=True)
    y = layer(x)
    y.backward(retain_graph=True)
    y.backward(gg.tensor([2.0]))
    assert log == [[1], [2]]
