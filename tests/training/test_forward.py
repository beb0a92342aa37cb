"""`predict` by native code: bits of a row in any batch, changes of the model, threads, errors."""

import copy

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from glassgrad.training import forward
from glassgrad.training.forward import Way, forward_of
from layers import LAYERS, contract, example, shape

random = np.random.default_rng(0)
COUNTS = 1, 2, 7, 16, 17, 65, 300


def mlp(*sizes, activation=nn.ReLU):
    gg.manual_seed(1)
    pairs = list(zip(sizes, sizes[1:]))
    layers = [part for n, m in pairs for part in (nn.Linear(n, m), activation())]
    return nn.Sequential(*layers[:-1])


def normal(*sizes):
    return random.standard_normal(sizes).astype("f")


def way_of(model):
    """How the last rows went."""
    return list(forward_of(model).ways.values())[-1]


def assert_same(model, X, kind=Way):
    """Each row has the same bits alone and in batches of many sizes, at any place."""
    whole = gg.predict(model, X)
    assert isinstance(way_of(model), kind)
    for count in COUNTS:
        for first in {0, 3, len(X) - count}:
            rows = slice(max(first, 0), max(first, 0) + count)
            found = gg.predict(model, X[rows], batch_size=int(random.integers(1, 400)))
            assert found.tobytes() == whole[rows].tobytes(), f"rows {rows}"
    return whole


@pytest.fixture
def blocks_at_once(monkeypatch):
    """Blocks of rows are compiled for the first two rows."""
    monkeypatch.setattr(forward, "SPENT", -1)


@pytest.mark.usefixtures("blocks_at_once")
@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh, nn.Sigmoid, nn.GELU, nn.Softplus])
@pytest.mark.parametrize(
    "sizes", [(1, 1), (4, 10, 5, 3), (10, 100, 2), (17, 33, 16), (784, 40, 10)]
)
def test_dense_networks(sizes, activation):
    model = mlp(*sizes, activation=activation)
    X = normal(400, sizes[0])
    found = assert_same(model, X)
    exact = copy.deepcopy(model).double().eval()(gg.from_numpy(X.astype("d"))).detach().numpy()
    np.testing.assert_allclose(found, exact, rtol=1e-5, atol=1e-6)
    assert way_of(model).many is not None


def rows_for(layer, lengths):
    """Ninety rows of inputs that fit the layer's contract."""
    sizes = {name: value for name, value in vars(layer).items() if type(value) is int}
    sizes |= {"batch": 90, **lengths}
    left = contract(type(layer))[0]
    kinds = [(kind, shape(text, sizes, (90,))) for _, kind, text in left]
    return [random.integers(0, 2, n) if kind == "int64" else normal(*n) for kind, n in kinds]


MIXED = set(
    ["BatchNorm1d"]
)


@pytest.mark.usefixtures("blocks_at_once")
@pytest.mark.parametrize("name", [n for n in LAYERS if not n.endswith("Loss")])
def test_layers(name):
    layer, lengths = example(name)
    inputs = rows_for(layer, lengths)

    def predicted(first, count):
        part = tuple(x[first : first + count] for x in inputs)
        return gg.predict(layer, part if len(part) > 1 else part[0])

    whole = predicted(0, 90)
    way = way_of(layer)
    print(name, type(way).__name__, getattr(way, "apart", ""), [x.shape for x in inputs])
    for first, count in ((0, 1), (5, 1), (3, 7), (60, 30), (89, 1)):
        assert predicted(first, count).tobytes() == whole[first : first + count].tobytes()
