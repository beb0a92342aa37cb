"""A model as layers one after another, however it is written."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from glassgrad.nn import functional as F
from glassgrad.nn.chain import ChainError, chain


class Functional(nn.Module):
    def __init__(self):
        self.a, self.b = nn.Linear(3, 4), nn.Linear(4, 2)

    def forward(self, x):
        return F.softmax(self.b(F.relu(self.a(x))), dim=1)


class ByHand(nn.Module):
    """x: [..., 3] -> y: [..., 1], matrices as [inputs, outputs]"""

    def __init__(self):
        self.W, self.c = nn.Parameter(gg.randn(3, 4)), nn.Parameter(gg.randn(4))
        self.V = nn.Parameter(gg.randn(4, 1))

    def forward(self, x):
        return gg.mm(gg.relu(gg.mm(x, self.W) + self.c), self.V)


class Turned(nn.Module):
    def __init__(self):
        self.W, self.b = nn.Parameter(gg.randn(4, 3)), nn.Parameter(gg.randn(4))

    def forward(self, x):
        return (x @ self.W.T + self.b).sigmoid()


class Shared(nn.Module):
    def __init__(self):
        self.a = nn.Linear(3, 3)

    def forward(self, x):
        return self.a(gg.relu(self.a(x)))


class Narrow(nn.Linear):
    """A layer of a user that only has another name."""


def frozen():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return model


def nested():
    first = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    return nn.Sequential(first, nn.Sequential(nn.Linear(4, 2), nn.Sequential(nn.Softmax(1))))


def normed():
    return nn.Sequential(
        nn.BatchNorm1d(3), nn.Linear(3, 4), nn.Dropout(0.5), nn.LayerNorm(4), nn.Linear(4, 1)
    )


@pytest.mark.parametrize(
    "make, options, operations",
    [
        (Functional, {}, "Linear relu Linear softmax"),
        (ByHand, {"input_shape": 3}, "contract relu contract"),
        (Turned, {"input_shape": 3}, "contract sigmoid"),
        (Shared, {}, "Linear relu Linear"),
        (lambda: nn.Sequential(Narrow(3, 2)), {}, "Narrow"),
        (frozen, {}, "Linear ReLU Linear"),
        (nested, {}, "Linear ReLU Linear Softmax"),
        (normed, {}, "BatchNorm1d Linear LayerNorm Linear"),
        (
            lambda: nn.Sequential(nn.Flatten(), nn.Linear(16, 2)),
            {"input_shape": (1, 4, 4)},
            "Flatten Linear",
        ),
        (
            lambda: nn.Sequential(nn.Embedding(5, 2), nn.Flatten(), nn.Linear(6, 2)),
            {"x": [1, 2, 3]},
            "Embedding Flatten Linear",
        ),
        (lambda: nn.Sequential(nn.Standardize(3), nn.Linear(3, 1)), {}, "Standardize Linear"),
        (lambda: nn.Perceptron(3, 4), {}, "Perceptron"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_steps_in_order(make, options, operations):
    steps = chain(make(), **options)
    assert [step.operation for step in steps] == operations.split()
    for before, after in zip(steps, steps[1:]):
        assert before.output is after.given or before.operation == "contract"


@pytest.mark.parametrize("make", [ByHand, Turned])
def test_matrix_and_bias_of_a_model_by_hand(make):
    model = make()
    first = chain(model, input_shape=3)[0]
    x = gg.randn(2, 3)
    weight = first.weight.T if not first.turned else first.weight
    y = chain(model, x)[0].output
    assert np.allclose((x @ weight + first.bias).detach().numpy(), y.detach().numpy(), atol=1e-6)
    assert first.turned == (make is ByHand)


def test_inputs_of_any_kind_are_one_row():
    model = nn.Linear(3, 2)
    for x in ([1, 2, 3], np.array([1, 2, 3], np.uint8), gg.tensor([1, 2, 3]), [1.0, 2.0, 3.0]):
        (step,) = chain(model, x)
        assert step.given.tolist() == [[1, 2, 3]] and step.given.dtype == gg.float32
    assert chain(model, np.ones((5, 3)))[0].given.shape == (5, 3)
    assert chain(nn.Linear(1, 1), 3.0)[0].given.tolist() == [[3]]
    assert chain(nn.Conv2d(1, 1, 2), np.ones((1, 4, 4)))[0].given.shape == (1, 1, 4, 4)
    x = gg.ones(3, requires_grad=True)
    chain(model, x)
    assert x.grad is None and x.requires_grad


def test_what_is_no_chain_is_said():
    class Two(nn.Linear):
        def forward(self, x):
            return super().forward(x), x

    class Blind(nn.Linear):
        def forward(self, x):
            return super().forward(gg.ones(1, 3))

    class Gate(nn.Module):
        def __init__(self):
            self.a = nn.Linear(3, 3)

        def forward(self, x):
            h = self.a(x)
            return h * gg.sigmoid(h)

    with pytest.raises(ChainError, match="returned tuple; one tensor can be shown"):
        chain(nn.Sequential(Two(3, 2)))
    with pytest.raises(ChainError, match="two paths through the model meet in mul"):
        chain(Gate())
    with pytest.raises(ChainError, match="no path leads .* does not use its input"):
        chain(nn.Sequential(Blind(3, 2)), [1, 2, 3])
    for model in (nn.Sequential(nn.Conv1d(1, 2, 3)), nn.Sequential(nn.Embedding(3, 2))):
        with pytest.raises(ChainError, match="cannot be told from its layers: give input_shape="):
            chain(model)


def test_the_model_is_left_as_it_was():
    model = frozen()
    chain(model)
    assert not any(p.requires_grad for p in model.parameters())
    assert model(gg.ones(1, 3)).operation is None
