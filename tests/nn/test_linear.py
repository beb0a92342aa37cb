"""Linear, Bilinear, Identity, Flatten, Unflatten against PyTorch, with equal weights."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from networks import close, with_equal_weights


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


LAYERS = {  # layer, shapes of the inputs
    "linear": (lambda nn: nn.Linear(3, 4), [(5, 3)]),
    "linear without bias": (lambda nn: nn.Linear(3, 4, bias=False), [(5, 3)]),
    "linear of a vector": (lambda nn: nn.Linear(3, 4), [(3,)]),
    "linear of many axes": (lambda nn: nn.Linear(3, 4), [(2, 5, 1, 3)]),
    "linear of no rows": (lambda nn: nn.Linear(3, 4), [(0, 3)]),
    "linear of one": (lambda nn: nn.Linear(1, 1), [(1, 1)]),
    "linear, large": (lambda nn: nn.Linear(129, 65), [(33, 129)]),
    "bilinear": (lambda nn: nn.Bilinear(2, 3, 4), [(5, 2), (5, 3)]),
    "bilinear without bias": (lambda nn: nn.Bilinear(2, 3, 4, bias=False), [(5, 2), (5, 3)]),
    "bilinear of many axes": (lambda nn: nn.Bilinear(2, 3, 4), [(2, 5, 2), (2, 5, 3)]),
    "identity": (lambda nn: nn.Identity(54, unused=True), [(2, 3)]),
    "flatten": (lambda nn: nn.Flatten(), [(2, 3, 4)]),
    "flatten from the end": (lambda nn: nn.Flatten(0, -2), [(2, 3, 4)]),
    "flatten nothing": (lambda nn: nn.Flatten(), [(2, 3)]),
    "unflatten": (lambda nn: nn.Unflatten(1, (3, 4)), [(2, 12)]),
    "unflatten with a length left open": (lambda nn: nn.Unflatten(-1, [2, -1]), [(2, 12)]),
}


@pytest.mark.parametrize("make, shapes", LAYERS.values(), ids=LAYERS)
def test_values_gradients_and_text_against_pytorch(make, shapes, torch):
    ours, theirs = make(nn), make(torch.nn)
    assert repr(ours) == repr(theirs)
    assert {n: tuple(p.shape) for n, p in ours.named_parameters()} == {
        n: tuple(p.shape) for n, p in theirs.named_parameters()
    }
    with_equal_weights(ours, theirs)
    random = np.random.default_rng(0)
    inputs = [random.normal(size=shape) for shape in shapes]
    mine = [gg.tensor(x, requires_grad=True) for x in inputs]
    other = [torch.tensor(x, requires_grad=True) for x in inputs]
    y, z = ours(*mine), theirs(*other)
    assert close(y, z)
    y.square().sum().backward()
    z.square().sum().backward()
    for x, x_other in zip([*mine, *ours.parameters()], [*other, *theirs.parameters()]):
        assert close(x.grad, x_other.grad)


REFUSED = {
    "flatten backwards": (lambda nn, x: nn.Flatten(2, 1)(x), RuntimeError),
    "unflatten by a number": (lambda nn, x: nn.Unflatten(1, 3), TypeError),
    "unflatten by text": (lambda nn, x: nn.Unflatten(1, ("a", 3)), TypeError),
    "unflatten that does not fit": (lambda nn, x: nn.Unflatten(1, (2, 2))(x), RuntimeError),
    "bilinear of nothing": (lambda nn, x: nn.Bilinear(0, 1, 1), ValueError),
    "another dtype": (lambda nn, x: nn.Linear(4, 1)(x.double()), RuntimeError),
    "integers": (lambda nn, x: nn.Linear(4, 1)(x.long()), RuntimeError),
    "features": (lambda nn, x: nn.Linear(3, 1)(x), RuntimeError),
}


@pytest.mark.parametrize("call, error", REFUSED.values(), ids=REFUSED)
def test_what_pytorch_refuses_is_refused(call, error, torch):
    with pytest.raises(error):
        call(nn, gg.ones(2, 3, 4))
    with pytest.raises(error):
        call(torch.nn, torch.ones(2, 3, 4))


def test_weights_in_another_dtype():
    layer = nn.Linear(2, 3, dtype=gg.float64)
    assert [p.dtype for p in layer.parameters()] == [gg.float64, gg.float64]
    assert layer(gg.ones(1, 2, dtype=gg.float64)).dtype == gg.float64


def test_resetting_draws_anew():
    layer = nn.Linear(4, 4)
    weight, before = layer.weight, layer.weight.tolist()
    layer.reset_parameters()
    assert layer.weight is weight
    assert layer.weight.tolist() != before
