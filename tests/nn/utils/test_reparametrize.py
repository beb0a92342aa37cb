"""Weight norm and spectral norm, against PyTorch."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from glassgrad.nn import utils
from networks import close

pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def both(torch, wrap):
    """A layer of each library with the same state, wrapped."""
    ours = wrap(nn.Linear(3, 4).double(), nn.utils)
    theirs = wrap(torch.nn.Linear(3, 4).double(), torch.nn.utils)
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    assert {k: tuple(v.shape) for k, v in ours.state_dict().items()} == {
        k: tuple(v.shape) for k, v in theirs.state_dict().items()
    }
    return ours, theirs


WRAPS = {
    "weight norm": lambda layer, utils: utils.weight_norm(layer),
    "weight norm of the inputs": lambda layer, utils: utils.weight_norm(layer, dim=1),
    "weight norm of the whole": lambda layer, utils: utils.weight_norm(layer, dim=None),
    "spectral norm": lambda layer, utils: utils.spectral_norm(layer),
    "spectral norm, 3 steps": lambda layer, utils: utils.spectral_norm(layer, "weight", 3, dim=1),
}


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
def test_values_gradients_and_state_against_pytorch(wrap, torch):
    ours, theirs = both(torch, wrap)
    x = np.random.default_rng(0).normal(size=(5, 3))
    for training in (True, True, False):
        ours.train(training), theirs.train(training)
        y, z = ours(gg.tensor(x)), theirs(torch.tensor(x))
        assert close(y, z)
        y.square().sum().backward()
        z.square().sum().backward()
    for p, q in zip(ours.parameters(), theirs.parameters()):
        assert close(p.grad, q.grad, 1e-10)
    for key, value in theirs.state_dict().items():
        assert close(ours.state_dict()[key], value, 1e-10)


@pytest.mark.parametrize("kind", ["weight_norm", "spectral_norm"])
def test_taking_it_back(kind):
    layer = getattr(utils, kind)(nn.Linear(3, 4))
    x = gg.ones(2, 3)
    expected = layer.eval()(x).tolist()
    assert getattr(utils, f"remove_{kind}")(layer.train()) is layer
    assert layer(x).value == pytest.approx(np.array(expected), abs=1e-6)
    assert sorted(n for n, _ in layer.named_parameters()) == ["bias", "weight"]
    assert list(layer.buffers()) == []
    assert layer.training
    with pytest.raises(ValueError, match=f"{kind} of 'weight' not found"):
        getattr(utils, f"remove_{kind}")(layer)


def test_weight_norm_starts_where_the_weight_was():
    layer = nn.Linear(3, 4)
    before = layer.weight.value.copy()
    utils.weight_norm(layer)
    assert layer.weight.value == pytest.approx(before, abs=1e-6)
    assert layer.weight_g.shape == (4, 1)


def test_spectral_norm_divides_by_the_largest_singular_value():
    layer = utils.spectral_norm(nn.Linear(6, 4), n_power_iterations=50)
    layer(gg.ones(1, 6))
    assert np.linalg.norm(layer.weight.value, 2) == pytest.approx(1, abs=1e-3)


def test_what_is_refused():
    layer = utils.weight_norm(nn.Linear(1, 1))
    with pytest.raises(RuntimeError, match="two weight_norm hooks"):
        utils.weight_norm(layer)
    with pytest.raises(ValueError, match="Linear has no parameter 'bias'"):
        utils.spectral_norm(nn.Linear(1, 1, bias=False), "bias")
    with pytest.raises(ValueError, match="n_power_iterations=0"):
        utils.spectral_norm(nn.Linear(1, 1), n_power_iterations=0)
