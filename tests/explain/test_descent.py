"""`gg.explain.descent` and `single_neuron`: the exercises of lectures H, R and B."""

from xml.dom import minidom

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn

F = nn.functional
GRADIENTS = [[-1, 1], [-2, 2], [-3, 2], [-1, 2]]
OR = ([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 1])


# ---- lecture H, computation exercises: v = [-2, 1], step size 0.5, total loss


@pytest.mark.parametrize(
    "batch_size, answers",
    [
        (None, [[1.5, -2.5]]),
        (2, [[-0.5, -0.5], [1.5, -2.5]]),
        (1, [[-1.5, 0.5], [-0.5, -0.5], [1, -1.5], [1.5, -2.5]]),
    ],
)
def test_h18_each_step(batch_size, answers):
    found = gg.explain.descent(GRADIENTS, start=[-2, 1], lr=0.5, batch_size=batch_size)
    np.testing.assert_array_equal([step.after for step in found], answers)
    np.testing.assert_array_equal(found.weights, [1.5, -2.5])
    assert [step.number for step in found] == list(range(1, len(answers) + 1))


def test_h18_shows_its_work():
    text = str(gg.explain.descent(GRADIENTS, start=[-2, 1], lr=0.5, batch_size=2))
    assert text.splitlines() == [
        "step 1, observations 1 to 2: [-2, 1] - 0.5 * ([-1, 1] + [-2, 2]) = [-0.5, -0.5]",
        "step 2, observations 3 to 4: [-0.5, -0.5] - 0.5 * ([-3, 2] + [-1, 2]) = [1.5, -2.5]",
    ]


def test_h18_mean_loss_epochs_and_uneven_batches():
    mean = gg.explain.descent(GRADIENTS, start=[-2, 1], lr=0.5, reduction="mean")
    np.testing.assert_allclose(mean.weights, np.array([-2, 1]) - 0.5 * np.mean(GRADIENTS, 0))
    assert "1/4 * (" in str(mean)
    found = gg.explain.descent(GRADIENTS, start=[-2, 1], lr=0.5, batch_size=3, epochs=2)
    assert [len(step.rows) for step in found] == [3, 1, 3, 1]  # ceil(4 / 3) steps an epoch
    assert [step.epoch for step in found] == [1, 1, 2, 2]
    assert minidom.parseString(found._repr_html_())


# ---- lecture R, when to stop


def test_r1_stops_when_little_changes():
    found = gg.explain.descent(lambda w: (w - 1) ** 2, start=4.0, lr=0.25, epochs=100, epsilon=1e-4)
    w, losses = 4.0, [9.0]
    while len(losses) < 2 or abs(losses[-1] - losses[-2]) > 1e-4:
        w -= 0.25 * 2 * (w - 1)
        losses.append((w - 1) ** 2)
    np.testing.assert_allclose([step.loss for step in found], losses[1:])
    assert np.isclose(found.weights, w)
    assert found.stopped == "stopped: the last epoch changed the loss by at most 0.0001"
    assert all(np.isclose(s.change, b - a) for s, a, b in zip(found, losses, losses[1:]))


def test_r1_stops_after_n():
    found = gg.explain.descent(lambda w: w**2, start=4.0, lr=0.01, epochs=7, epsilon=1e-4)
    assert len(found) == 7 and found.stopped == "stopped after 7 epochs"


def test_r1_stops_where_no_number_is():
    with np.errstate(all="ignore"):
        found = gg.explain.descent(lambda w: w**4, start=9.0, lr=5.0, epochs=100)
    assert len(found) < 100 and "smaller lr" in found.stopped


# ---- functions of data, and models


def test_function_of_observations():
    X, y = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.5]]), np.array([1.0, 0.0, 2.0])
    found = gg.explain.descent(
        lambda w, X, y: (X @ w - y) ** 2, X, y, start=[0, 0], lr=0.1, batch_size=2, epochs=2
    )
    w = np.zeros(2)
    for step, rows in zip(found, [slice(0, 2), slice(2, 3)] * 2, strict=True):
        np.testing.assert_allclose(step.before, w)
        w = w - 0.1 * 2 * (X[rows] @ w - y[rows]) @ X[rows]
        np.testing.assert_allclose(step.after, w)
        assert np.isclose(step.loss, ((X @ w - y) ** 2).sum())


@pytest.mark.parametrize("batch_size", [None, 2, 1])
def test_model_as_the_optimizer_does_it(batch_size):
    gg.manual_seed(4)
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.BatchNorm1d(3), nn.Linear(3, 1))
    if batch_size == 1:
        net = nn.Sequential(net[0], net[1], net[3])
    X, y = gg.randn(6, 2), gg.randn(6, 1)
    kept = {k: np.asarray(v).copy() for k, v in net.state_dict().items()}
    found = gg.explain.descent(
        net, X, y, lr=0.1, batch_size=batch_size, epochs=2, loss=F.mse_loss, reduction="mean"
    )
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, kept[name])  # the model is left as it was
    assert all(p.grad is None for p in net.parameters())
    optimizer, steps = gg.optim.SGD(net.parameters(), lr=0.1), iter(found)
    for _ in range(2):
        for first in range(0, 6, batch_size or 6):
            rows = slice(first, first + (batch_size or 6))
            optimizer.zero_grad()
            F.mse_loss(net(X[rows]), y[rows]).backward()
            optimizer.step()
            flat = np.concatenate([np.asarray(p.detach()).ravel() for p in net.parameters()])
            np.testing.assert_allclose(next(steps).after, flat, rtol=1e-5, atol=1e-6)
    assert next(steps, None) is None


def test_long_descents_are_cut():
    text = str(gg.explain.descent(lambda w: w**2, start=4.0, lr=0.01, epochs=50))
    assert len(text.splitlines()) == 22 and "29 more steps" in text


# ---- lecture B, one neuron learns OR


def test_b5_the_table():
    (table,) = gg.explain.single_neuron(*OR, weights=[1, -1], bias=-0.5)
    np.testing.assert_allclose(table.h, [-0.5, -1.5, 0.5, -0.5])
    # The lecture prints p = 0.38 and prediction 0 in the third row, where h = 0.5.
    np.testing.assert_array_equal(table.p.round(2), [0.38, 0.18, 0.62, 0.38])
    np.testing.assert_array_equal(table.prediction, [0, 0, 1, 0])
    np.testing.assert_allclose(table.losses, (table.y - table.p) ** 2)
    assert str(table).splitlines()[3].split() == ["0", "1", "1", "-1.5", "0.18", "0", "0.668"]
    assert minidom.parseString(f"<div>{table._repr_html_()}</div>")


@pytest.mark.parametrize("loss", ["squared", "log"])
def test_b5_after_each_step(loss):
    tables = gg.explain.single_neuron(*OR, weights=[1, -1], bias=-0.5, steps=10, loss=loss)
    X, y = (gg.tensor(v, dtype=gg.float64) for v in OR)
    w = gg.tensor([1.0, -1.0, -0.5], dtype=gg.float64, requires_grad=True)
    for table in tables:
        p = gg.sigmoid(X @ w[:2] + w[2])
        losses = (
            (y - p) ** 2 if loss == "squared" else F.binary_cross_entropy(p, y, reduction="none")
        )
        np.testing.assert_allclose(table.losses, losses.detach())
        np.testing.assert_allclose([*table.weights, table.bias], w.detach())
        (slope,) = gg.autograd.grad(losses.sum(), w)
        w = (w - slope).detach().requires_grad_()
    assert len(tables) == 11 and tables[10].right == 4
    assert "step 10" in str(tables)


# ---- errors


def test_errors():
    descent = gg.explain.descent
    with pytest.raises(TypeError, match="start="):
        descent(GRADIENTS, lr=0.5)
    with pytest.raises(gg.ShapeError, match="3 weights"):
        descent(GRADIENTS, start=[1, 2, 3], lr=0.5)
    with pytest.raises(gg.ShapeError, match="observations, weights"):
        descent([1, 2], start=[1], lr=0.5)
    with pytest.raises(TypeError, match="numbers"):
        descent([["a"]], start=[1], lr=0.5)
    with pytest.raises(TypeError, match="epsilon="):
        descent(GRADIENTS, start=[-2, 1], lr=0.5, epsilon=1e-3)
    with pytest.raises(ValueError, match="batch_size"):
        descent(GRADIENTS, start=[-2, 1], lr=0.5, batch_size=0)
    with pytest.raises(ValueError, match="lr"):
        descent(GRADIENTS, start=[-2, 1], lr=float("nan"))
    with pytest.raises(ValueError, match="reduction"):
        descent(GRADIENTS, start=[-2, 1], lr=1, reduction="max")
    with pytest.raises(TypeError, match="inputs and labels"):
        descent(nn.Linear(1, 1), gg.ones(2, 1), lr=1)
    with pytest.raises(TypeError, match="own weights"):
        descent(nn.Linear(1, 1), gg.ones(2, 1), gg.ones(2, 1), lr=1, start=[1])
    with pytest.raises(gg.ShapeError, match="2 and 3 rows"):
        descent(nn.Linear(1, 1), gg.ones(2, 1), gg.ones(3, 1), lr=1)
    with pytest.raises(TypeError, match="must be a tensor"):
        descent(lambda w: 3.0, start=1.0, lr=1)
    with pytest.raises(ValueError, match="there is 2"):
        gg.explain.single_neuron([[0]], [2], [1])
    with pytest.raises(gg.ShapeError, match=r"\(2, 1\)"):
        gg.explain.single_neuron([[0], [1]], [1], [1])
    with pytest.raises(ValueError, match="squared"):
        gg.explain.single_neuron([[0]], [1], [1], loss="hinge")
