"""Activations against PyTorch: values, gradients, second derivatives, also where lines meet."""

import math

import numpy as np
import pytest

import glassgrad as gg
import peer
from glassgrad.nn import functional as F

CALLS = {
    "relu": {},
    "relu6": {},
    "leaky_relu": {"negative_slope": 0.2},
    "threshold": {"threshold": 0.1, "value": 20.0},
    "hardtanh": {"min_val": -0.5, "max_val": 0.75},
    "hardsigmoid": {},
    "hardswish": {},
    "hardshrink": {"lambd": 0.4},
    "softshrink": {"lambd": 0.4},
    "elu": {"alpha": 1.5},
    "selu": {},
    "celu": {"alpha": 1.5},
    "gelu": {},
    "silu": {},
    "mish": {},
    "softplus": {"beta": 2.0, "threshold": 3.0},
    "logsigmoid": {},
    "softsign": {},
    "tanh": {},
    "sigmoid": {},
    "tanhshrink": {},
    "glu": {"dim": 1},
    "softmax": {"dim": 1},
    "softmin": {"dim": 0},
    "log_softmax": {"dim": -1},
    "rrelu": {"lower": 0.1, "upper": 0.3},
}
CORNERS = np.array([-1e3, -6, -3, -1, -0.5, -0.0, 0.0, 0.5, 1, 3, 6, 30, 1e3])
ONCE = {"hardsigmoid"}  # PyTorch has no second derivative, and 1/6 in 32 bits only
TOLERANCE = {"hardsigmoid": 1e-7}
ONCE_AT_CORNERS = ONCE | {"celu", "elu", "selu", "mish"}  # others at 0 by convention, NaN far out


@pytest.mark.parametrize("shape", [(3, 4), (1, 2), (5, 2, 3), (0, 2)], ids=str)
@pytest.mark.parametrize("name", CALLS)
def test_like_pytorch(name, shape):
    torch = pytest.importorskip("torch").nn.functional
    call = CALLS[name]
    peer.same(
        lambda x: getattr(F, name)(x, **call),
        lambda x: getattr(torch, name)(x, **call),
        3 * peer.real(*shape),
        second=name not in ONCE,
        tolerance=TOLERANCE.get(name, 1e-9),
    )


@pytest.mark.parametrize("name", [n for n in CALLS if n not in ("glu", "softmin")])
def test_at_corners(name):
    torch = pytest.importorskip("torch").nn.functional
    call = CALLS[name] | ({"dim": 0} if "dim" in CALLS[name] else {})
    peer.same(
        lambda x: getattr(F, name)(x, **call),
        lambda x: getattr(torch, name)(x, **call),
        CORNERS,
        second=name not in ONCE_AT_CORNERS,
        tolerance=TOLERANCE.get(name, 1e-9),
    )


@pytest.mark.parametrize("name", [n for n in CALLS if n != "glu"])
def test_infinities_and_nan(name):
    torch = pytest.importorskip("torch")
    x = np.array([[-np.inf, 0.5], [np.inf, 1], [np.nan, -1], [0, 2]])
    found = getattr(F, name)(gg.tensor(x), **CALLS[name])
    expected = getattr(torch.nn.functional, name)(torch.tensor(x), **CALLS[name])
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_allclose(found, expected, 1e-12)


def test_gelu_by_tanh():
    torch = pytest.importorskip("torch").nn.functional
    peer.same(
        lambda x: F.gelu(x, approximate="tanh"),
        lambda x: torch.gelu(x, approximate="tanh"),
        np.linspace(-6, 6, 25),
    )


@pytest.mark.parametrize("shape, weights", [((3, 4), 1), ((3, 4), 4), ((2, 3, 5), 3), ((7,), 1)])
def test_prelu(shape, weights):
    torch = pytest.importorskip("torch").nn.functional
    peer.same(F.prelu, torch.prelu, peer.real(*shape), peer.real(weights, seed=1))


def test_slopes_without_peers():
    x = gg.tensor([-2.0, -0.5, 0.0, 0.5, 2.0], requires_grad=True)
    for function, slopes in [
        (F.relu, [0, 0, 0, 1, 1]),
        (lambda x: F.leaky_relu(x, 0.1), [0.1, 0.1, 0.1, 1, 1]),
        (lambda x: F.hardtanh(x, -0.5, 0.5), [0, 0, 1, 0, 0]),
        (lambda x: F.softshrink(x, 0.5), [1, 0, 0, 0, 1]),
        (F.sigmoid, [s * (1 - s) for s in (1 / (1 + math.exp(-v)) for v in x.tolist())]),
    ]:
        x.grad = None
        function(x).sum().backward()
        np.testing.assert_allclose(x.grad, slopes, 1e-6)


def test_rrelu_draws_a_slope_for_each_element():
    gg.manual_seed(3)
    x = gg.tensor(-np.ones(10_000), requires_grad=True)
    y = F.rrelu(x, 0.2, 0.4, training=True)
    y.sum().backward()
    slopes = x.grad.numpy()
    np.testing.assert_allclose(-y.detach().numpy(), slopes)
    assert 0.2 <= slopes.min() < 0.201
    assert 0.399 < slopes.max() < 0.4
    assert abs(slopes.mean() - 0.3) < 0.002


def test_gumbel_softmax_draws_as_often_as_softmax_says():
    gg.manual_seed(0)
    logits = gg.tensor([[0.0, math.log(2), math.log(5)]], requires_grad=True)
    drawn = F.gumbel_softmax(logits.expand(8000, 3), hard=True)
    assert set(drawn.detach().numpy().round(6).ravel()) == {0.0, 1.0}
    np.testing.assert_allclose(drawn.detach().mean(0), [1 / 8, 2 / 8, 5 / 8], atol=0.02)
    drawn[:, 0].sum().backward()
    assert logits.grad.abs().sum() > 0
    soft = F.gumbel_softmax(logits.expand(50, 3), tau=0.5)
    np.testing.assert_allclose(soft.detach().sum(1), 1, 1e-6)


@pytest.mark.parametrize("name", ["celu", "elu", "hardtanh", "leaky_relu", "relu", "rrelu", "selu"])
def test_in_place(name):
    x = gg.tensor([-2.0, 1.0])
    expected = getattr(F, name)(x).tolist()
    leaf = gg.tensor([-2.0, 1.0])
    assert getattr(F, f"{name}_")(leaf).tolist() == expected
    assert leaf.tolist() == expected
    computed = gg.tensor([-2.0, 1.0], requires_grad=True) * 1
    assert getattr(F, name)(computed, inplace=True).tolist() == expected
    assert computed.tolist() == [-2, 1], "a computed tensor does not change"


def test_in_place_threshold():
    leaf = gg.tensor([-2.0, 1.0])
    F.threshold_(leaf, 0.0, 9.0)
    assert leaf.tolist() == [9, 1]


def test_lists_and_arrays_are_taken():
    assert F.relu([-1.0, 2.0]).tolist() == [0, 2]
    assert F.softmax(np.zeros((1, 2)), dim=1).tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda x: F.softmax(x), TypeError, "dim=1"),
        (lambda x: F.glu(x), RuntimeError, "dimension 1 is size 3"),
        (lambda x: F.prelu(x, gg.ones(2)), RuntimeError, r"f32\[2\].*f32\[2, 3\]"),
        (lambda x: F.hardtanh(x, 1.0, -1.0), ValueError, "min_val"),
        (lambda x: F.celu(x, 0.0), ZeroDivisionError, "alpha"),
        (lambda x: F.softshrink(x, -1.0), RuntimeError, "lambda"),
        (lambda x: F.gelu(x, approximate="fast"), RuntimeError, "'fast'"),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call(gg.ones(2, 3))
