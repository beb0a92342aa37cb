"""Averages of weights are those of PyTorch, and of arithmetic."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from glassgrad.optim import SGD, swa_utils

WEIGHTS = [np.array([[1.0, -2.0]]), np.array([[4.0, 0.0]]), np.array([[1.0, 5.0]])]


def averaged(package, **options):
    """The averages after each of the weights."""
    net = package.nn.Linear(2, 1, bias=False)
    model = package.optim.swa_utils.AveragedModel(net, **options)
    found = []
    for weight in WEIGHTS:
        with package.no_grad():
            net.weight.copy_(package.tensor(weight))
        model.update_parameters(net)
        found.append(model.module.weight.detach().numpy().copy())
    assert model.n_averaged.item() == 3
    return np.array(found)


def test_the_plain_mean():
    expected = [np.mean(WEIGHTS[: n + 1], axis=0) for n in range(3)]
    np.testing.assert_allclose(averaged(gg), expected, rtol=1e-6)


@pytest.mark.parametrize("kind", ["swa", "ema", "swa_multi", "ema_multi"])
def test_averages_are_those_of_pytorch(kind):
    torch = pytest.importorskip("torch")
    found = []
    for package in (gg, torch):
        arguments = (0.9,) if "ema" in kind else ()
        rule = getattr(package.optim.swa_utils, f"get_{kind}_avg_fn")(*arguments)
        name = "multi_avg_fn" if "multi" in kind else "avg_fn"
        found.append(averaged(package, **{name: rule}))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)


def test_buffers_follow_or_are_averaged():
    for use_buffers, expected in ((False, 4.0), (True, 3.0)):
        net = nn.Module()
        net.register_buffer("seen", gg.tensor([2.0]))
        model = swa_utils.AveragedModel(net, use_buffers=use_buffers)
        model.update_parameters(net)
        net.seen.assign(4.0)
        model.update_parameters(net)
        assert model.module.seen.item() == expected


def test_the_model_is_called():
    net = nn.Linear(2, 1)
    x = gg.ones(3, 2)
    assert swa_utils.AveragedModel(net)(x).tolist() == net(x).tolist()


def test_statistics_of_batch_normalization():
    features = np.random.default_rng(0).normal(3, 2, size=(40, 5)).astype(np.float32)
    net = nn.Sequential(nn.BatchNorm1d(5)).eval()
    loader = gg.utils.data.DataLoader(gg.utils.data.TensorDataset(gg.from_numpy(features)), 10)
    swa_utils.update_bn(loader, net)
    np.testing.assert_allclose(net[0].running_mean, features.mean(0), rtol=1e-5)
    assert net[0].momentum == 0.1
    assert not net.training


@pytest.mark.parametrize("strategy", ["cos", "linear"])
@pytest.mark.parametrize("epochs", [0, 5])
def test_rates_are_those_of_pytorch(strategy, epochs):
    torch = pytest.importorskip("torch")
    found = []
    for package in (gg, torch):
        w, b = (package.tensor([1.0], requires_grad=True) for _ in range(2))
        groups = [{"params": [w]}, {"params": [b], "lr": 0.01}]
        optimizer = package.optim.SGD(groups, lr=0.5)
        scheduler = package.optim.swa_utils.SWALR(optimizer, 0.1, epochs, strategy)
        rates = []
        for _ in range(9):
            optimizer.step()
            scheduler.step()
            rates.append(scheduler.get_last_lr())
        found.append(rates)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)
    np.testing.assert_allclose(found[0][-1], [0.1, 0.1])


OPTIMIZER = SGD([gg.tensor([1.0], requires_grad=True)])


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: swa_utils.AveragedModel(nn.Linear(1, 1), None, abs, abs), "not both"),
        (lambda: swa_utils.get_ema_avg_fn(1.5), "a number in [0, 1], not 1.5"),
        (lambda: swa_utils.SWALR(OPTIMIZER, 0.1, -1), "an integer >= 0, not -1"),
        (lambda: swa_utils.SWALR(OPTIMIZER, 0.1, 3, "straight"), "'cos' or 'linear'"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError) as caught:
        make()
    assert message in str(caught.value)
