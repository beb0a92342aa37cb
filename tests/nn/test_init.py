"""Initial weights: moments, bounds and structure of each distribution, and PyTorch's refusals."""

import math

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from glassgrad.nn import init

N = (400, 300)  # 120,000 numbers: a mean is right to 0.003 sd, an sd to 0.2 %
GLOROT = math.sqrt(2 / 700)

DISTRIBUTIONS = {  # call: mean, standard deviation, least, largest
    "uniform": (lambda w: init.uniform_(w), 0.5, 1 / math.sqrt(12), 0, 1),
    "uniform from a to b": (lambda w: init.uniform_(w, -3, 1), -1, 4 / math.sqrt(12), -3, 1),
    "standard normal (row R2)": (lambda w: init.normal_(w), 0, 1, -6, 6),
    "normal": (lambda w: init.normal_(w, 5, 0.1), 5, 0.1, 4.4, 5.6),
    "truncated": (lambda w: init.trunc_normal_(w), 0, 0.8796, -2, 2),
    "truncated on one side": (lambda w: init.trunc_normal_(w, 0, 1, 0, 8), 0.7979, 0.6028, 0, 6),
    "xavier_uniform": (lambda w: init.xavier_uniform_(w), 0, GLOROT, -0.0926, 0.0926),
    "xavier_normal": (lambda w: init.xavier_normal_(w, 2), 0, 2 * GLOROT, -0.7, 0.7),
    "glorot, cut (row R2)": (lambda w: init.glorot_normal_(w), 0, GLOROT, -0.1216, 0.1216),
    "kaiming_uniform": (lambda w: init.kaiming_uniform_(w), 0, math.sqrt(2 / 300), -0.1415, 0.1415),
    "kaiming_uniform as Linear": (
        lambda w: init.kaiming_uniform_(w, a=math.sqrt(5)),
        *(0, 1 / math.sqrt(900), -1 / math.sqrt(300), 1 / math.sqrt(300)),
    ),
    "kaiming_normal": (
        lambda w: init.kaiming_normal_(w, mode="fan_out", nonlinearity="tanh"),
        *(0, 5 / 3 / math.sqrt(400), -0.6, 0.6),
    ),
    "fan_uniform": (lambda w: init.fan_uniform_(w, 4), 0, 1 / math.sqrt(12), -0.5, 0.5),
}


@pytest.mark.parametrize("dtype", [gg.float32, gg.float64], ids=str)
@pytest.mark.parametrize(
    "call, mean, sd, least, largest", DISTRIBUTIONS.values(), ids=DISTRIBUTIONS
)
def test_moments_and_bounds(call, mean, sd, least, largest, dtype):
    gg.manual_seed(1)
    w = nn.Parameter(gg.zeros(N, dtype=dtype))
    assert call(w) is w
    assert w.dtype == dtype
    assert w.requires_grad
    values = w.value.astype(np.float64)
    assert values.mean() == pytest.approx(mean, abs=0.015 * sd)
    assert values.std() == pytest.approx(sd, rel=0.01)
    assert least <= values.min() < values.max() <= largest


@pytest.mark.parametrize("call", [d[0] for d in DISTRIBUTIONS.values()], ids=DISTRIBUTIONS)
def test_the_seed_decides(call):
    drawn = []
    for seed in (1, 1, 2):
        gg.manual_seed(seed)
        drawn.append(call(gg.zeros(4, 3)).value)
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


def test_a_generator_of_ones_own_leaves_the_default_one_alone():
    before = gg.get_rng_state().tolist()
    first = init.normal_(gg.zeros(5), generator=gg.Generator(seed=3))
    assert gg.get_rng_state().tolist() == before
    assert first.tolist() == init.normal_(gg.zeros(5), generator=gg.Generator(seed=3)).tolist()


def test_a_normal_sample_has_normal_quantiles():
    gg.manual_seed(0)
    values = np.sort(init.normal_(gg.zeros(100_000)).value)
    shares = np.searchsorted(values, [-2, -1, 0, 1, 2]) / values.size
    assert shares == pytest.approx([0.02275, 0.15866, 0.5, 0.84134, 0.97725], abs=0.005)


def test_constants():
    w = gg.zeros(2, 3)
    assert init.ones_(w).tolist() == [[1, 1, 1]] * 2
    assert init.constant_(w, 0.25).tolist() == [[0.25] * 3] * 2
    assert init.zeros_(w).tolist() == [[0, 0, 0]] * 2
    assert init.eye_(w).tolist() == [[1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize("shape, groups", [((4, 3, 5), 1), ((4, 2, 3, 3), 2), ((6, 2, 1, 3, 3), 3)])
def test_dirac_against_pytorch(shape, groups):
    torch = pytest.importorskip("torch")
    expected = torch.nn.init.dirac_(torch.empty(shape), groups)
    assert init.dirac_(gg.ones(shape), groups).tolist() == expected.tolist()


@pytest.mark.parametrize("shape", [(5, 5), (3, 7), (7, 3), (4, 2, 3), (1, 1), (3, 0)])
def test_orthogonal_rows_or_columns(shape):
    w = init.orthogonal_(gg.zeros(shape, dtype=gg.float64), gain=3).value.reshape(shape[0], -1)
    square = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    assert square == pytest.approx(9 * np.eye(len(square)), abs=1e-12)


def test_orthogonal_is_even_among_rotations():
    gg.manual_seed(0)
    corner = [init.orthogonal_(gg.zeros(2, 2, dtype=gg.float64)).value[0, 0] for _ in range(2000)]
    assert np.mean(corner) == pytest.approx(0, abs=0.05)
    assert np.var(corner) == pytest.approx(0.5, abs=0.03)


def test_sparse_has_so_many_zeros_in_each_column():
    w = init.sparse_(gg.ones(1000, 4), sparsity=0.3, std=2.0).value
    assert (w == 0).sum(0).tolist() == [300] * 4
    assert w[w != 0].std() == pytest.approx(2, rel=0.05)
    assert not np.array_equal(w[:, 0] == 0, w[:, 1] == 0)


GAINS = [("linear", None), ("conv2d", None), ("conv_transpose3d", None), ("sigmoid", None)]
GAINS += [("tanh", None), ("relu", None), ("leaky_relu", None), ("leaky_relu", 0.2), ("selu", None)]


@pytest.mark.parametrize("nonlinearity, param", GAINS)
def test_gain_against_pytorch(nonlinearity, param):
    torch = pytest.importorskip("torch")
    expected = torch.nn.init.calculate_gain(nonlinearity, param)
    assert init.calculate_gain(nonlinearity, param) == expected


REFUSED = {
    "eye of a vector": (lambda i, w: i.eye_(w), (3,), ValueError, "2 dimensions"),
    "dirac of a matrix": (lambda i, w: i.dirac_(w), (3, 3), ValueError, "3, 4, or 5"),
    "dirac of odd groups": (lambda i, w: i.dirac_(w, 2), (3, 3, 3), ValueError, "divisible"),
    "fan of a vector": (lambda i, w: i.xavier_normal_(w), (3,), ValueError, "fewer than 2"),
    "mode": (lambda i, w: i.kaiming_normal_(w, mode="in"), (3, 3), ValueError, "fan_out"),
    "gain": (lambda i, w: i.calculate_gain("gelu"), (1,), ValueError, "Unsupported .* gelu"),
    "slope": (lambda i, w: i.calculate_gain("leaky_relu", True), (1,), ValueError, "True not a"),
    "orthogonal vector": (lambda i, w: i.orthogonal_(w), (3,), ValueError, "2 or more"),
    "sparse vector": (lambda i, w: i.sparse_(w, 0.1), (3,), ValueError, "2 dimensions"),
}


@pytest.mark.parametrize("call, shape, error, text", REFUSED.values(), ids=REFUSED)
def test_what_pytorch_refuses_is_refused(call, shape, error, text):
    with pytest.raises(error, match=text):
        call(init, gg.zeros(shape))
    torch = pytest.importorskip("torch")
    with pytest.raises(error, match=text.replace(" .* ", " nonlinearity ")):
        call(torch.nn.init, torch.zeros(shape))


def test_warnings():
    with pytest.warns(UserWarning, match="more than 2 std"):
        init.trunc_normal_(gg.zeros(3), mean=9)
    with pytest.warns(UserWarning, match="zero-element"):
        assert init.kaiming_uniform_(gg.zeros(0, 3)).shape == (0, 3)


def test_linear_starts_as_in_pytorch():
    gg.manual_seed(0)
    layer = nn.Linear(100, 5000)
    for values in (layer.weight.value, layer.bias.value):
        assert np.abs(values).max() <= 0.1
        assert values.std() == pytest.approx(0.2 / math.sqrt(12), rel=0.03)
        assert values.mean() == pytest.approx(0, abs=0.003)
