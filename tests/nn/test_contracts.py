"""Every layer keeps the contract in its docstring, and is described and built again."""

import json

import pytest

import glassgrad as gg
from glassgrad import nn
from layers import LAYERS, contract, example, shape

LEADS = [(), (2,), (2, 5)]  # what `...` may stand for


def made(name, kind, size):
    """An input: numbers between 0 and 1, class numbers, or 1, which is a label everywhere."""
    if kind == "int64":
        return gg.zeros(size, dtype=gg.int64)
    return gg.ones(size) if name == "target" else gg.rand(size)


def inputs_of(layer, lengths, lead):
    """Inputs that fit the contract, and the lengths that they settle."""
    sizes = {name: value for name, value in vars(layer).items() if type(value) is int} | lengths
    left = contract(type(layer))[0]
    return {n: made(n, kind, shape(text, sizes, lead)) for n, kind, text in left}, sizes


def keeps_contract(layer, lengths, lead):
    inputs, sizes = inputs_of(layer, lengths, lead)
    results = layer(*inputs.values())
    results = results if isinstance(results, tuple) else (results,)
    for (_, kind, text), y in zip(contract(type(layer))[1], results, strict=True):
        like = kind.removeprefix("as ") if kind.startswith("as ") else None
        assert y.shape == (inputs[like].shape if like else shape(text, sizes, lead))


def leads(layer):
    """What `...` is tried as, if it stands in the contract."""
    text = str(contract(type(layer))[0])
    return LEADS if "..." in text or "*" in text else [()]


@pytest.mark.parametrize("name", LAYERS)
def test_shapes(name):
    layer, lengths = example(name)
    for lead in leads(layer):
        keeps_contract(layer, lengths, lead)


@pytest.mark.parametrize("name", LAYERS)
def test_described_and_built_again(name):
    layer, lengths = example(name)
    description = nn.describe(layer)
    again = nn.build(json.loads(json.dumps(description)))
    again.load_state_dict(layer.state_dict())
    assert nn.describe(again) == description
    assert repr(again) == repr(layer)
    inputs, _ = inputs_of(layer, lengths, leads(layer)[-1])
    first, second = layer.eval()(*inputs.values()), again.eval()(*inputs.values())
    assert str(first) == str(second)


class Double(nn.Module):
    """y = [x, x]

    x: [..., n] -> y: [..., 2 * n]
    """

    def forward(self, x):
        return x.join([x], -1)


class Lying(Double):
    """y = [x, x], it says

    x: [..., n] -> y: [..., n]
    """


class Several(nn.Module):
    """two results of two inputs

    x: [batch, n], labels: int64[batch]
    -> y: as x, total: []
    """

    def forward(self, x, labels):
        assert labels.dtype == gg.int64
        return x * 2, x.sum()


def test_the_test_can_fail():
    keeps_contract(Double(), {}, (2,))
    keeps_contract(Several(), {}, ())
    with pytest.raises(AssertionError):
        keeps_contract(Lying(), {}, (2,))
    with pytest.raises(AssertionError, match="Module has no line"):
        contract(nn.Module)
