"""Lecture R, row by row: its printed numbers, closed forms, PyTorch."""

import math

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn

F = nn.functional


def numbers(*values):
    return gg.tensor(values, dtype=gg.float64)


# ---- R1


def test_r1_stops_at_epsilon_or_after_n_iterations():
    """On w^2 at rate r each step multiplies the loss by (1 - 2 r)^2, so the count is known."""

    def steps(epsilon, most):
        w = numbers(1.0).requires_grad_()
        optimizer = gg.optim.SGD([w], lr=0.25)
        count, before, change = 0, math.inf, math.inf
        # The lecture prints `or`: it would go on while either holds, and not stop at epsilon.
        while change > epsilon and count < most:
            optimizer.zero_grad()
            loss = (w**2).sum()
            loss.backward()
            optimizer.step()
            count, change, before = count + 1, before - loss.item(), loss.item()
        return count

    # losses 1, 1/4, 1/16, ...: the change from loss k to k + 1 is 3/4 4^-k
    assert steps(0.75 * 4.0**-3, 100) == 5
    assert steps(0.75 * 4.0**-3 - 1e-9, 100) == 6
    assert steps(0.0, 7) == 7


@pytest.mark.parametrize("epsilon, most, steps", [(0.75 / 64, 100, 5), (0.0, 7, 7)])
def test_r1_as_a_callback_of_fit(epsilon, most, steps):
    """The same losses, 1, 1/4, 1/16, ...: a model of one weight that starts at distance 1."""
    net = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(net.weight)
    one = np.ones((4, 1), np.float32)
    history = gg.fit(
        net,
        (one, one),
        loss=nn.MSELoss(),
        optimizer=gg.optim.SGD(net.parameters(), lr=0.25),
        epochs=100,
        batch_size=None,
        callbacks=[gg.training.Converged(epsilon, iterations=most)],
        verbose=False,
    )
    assert history.losses == [4.0**-k for k in range(steps)]


# ---- R2


def test_r2_standard_normal():
    gg.manual_seed(0)
    w = nn.init.normal_(gg.empty(500, 400, dtype=gg.float64)).numpy().ravel()
    assert abs(w.mean()) < 0.01
    assert w.std() == pytest.approx(1, abs=0.01)
    for x, below in [(-1, 0.1587), (0, 0.5), (2, 0.9772)]:
        assert (w < x).mean() == pytest.approx(below, abs=0.005)


def test_r2_truncated_normal_by_the_structure():
    gg.manual_seed(0)
    inputs, outputs = 300, 100
    sd = math.sqrt(2 / (inputs + outputs))
    w = nn.init.glorot_normal_(gg.empty(outputs, inputs)).numpy()
    assert w.std() == pytest.approx(sd, rel=0.02)
    # Cut at two standard deviations of the normal before the cut, whose variance is larger by
    # 1 / (1 - 4 phi(2) / (Phi(2) - Phi(-2))).
    phi = math.exp(-2) / math.sqrt(2 * math.pi)
    before = sd / math.sqrt(1 - 4 * phi / math.erf(math.sqrt(2)))
    assert 1.98 * before < abs(w).max() <= 2 * before
    cut = nn.init.trunc_normal_(gg.empty(outputs, inputs), std=before, a=-2 * before, b=2 * before)
    assert cut.std().item() == pytest.approx(sd, rel=0.02)


def test_r2_weights_are_neither_equal_nor_far_apart():
    for layer in [nn.Linear(100, 50), nn.Conv1d(3, 5, 7)]:
        w = layer.weight.detach().numpy()
        assert len(np.unique(w)) > 0.99 * w.size
        assert abs(w).max() <= 1


# ---- R3


@pytest.mark.parametrize("y, mean", [(1.5, 0.5), (-2.0, 1.0), (0.0, 0.0)])
def test_r3_normal_data_give_the_l2_loss(y, mean):
    density = math.exp(-((y - mean) ** 2) / 2) / math.sqrt(2 * math.pi)
    constant = math.log(2 * math.pi) / 2
    loss = F.mse_loss(numbers(mean), numbers(y))
    assert -math.log(density) == pytest.approx(loss.item() / 2 + constant)
    full = F.gaussian_nll_loss(numbers(mean), numbers(y), numbers(1), full=True)
    assert full.item() == pytest.approx(-math.log(density))


@pytest.mark.parametrize("label", [0, 1, 2])
def test_r3_multinomial_data_give_the_categorical_cross_entropy(label):
    scores = numbers([1, 0, -1])
    p = np.exp([1, 0, -1]) / np.exp([1, 0, -1]).sum()
    assert F.cross_entropy(scores, gg.tensor([label])).item() == pytest.approx(-math.log(p[label]))


@pytest.mark.parametrize("trials, heads", [(1, 0), (1, 1), (10, 3)])
def test_r3_binomial_data_give_the_binomial_cross_entropy(trials, heads):
    p, share = 0.8, heads / trials
    likelihood = p**heads * (1 - p) ** (trials - heads)  # but for the number of orders
    loss = F.binary_cross_entropy(numbers(p), numbers(share))
    assert trials * loss.item() == pytest.approx(-math.log(likelihood))


def test_r3_the_mean_squared_error_is_l2_by_the_count():
    a, b = numbers(1, 2, 4), numbers(0, 0, 1)
    assert F.mse_loss(a, b, reduction="sum").item() == 14
    assert F.mse_loss(a, b).item() == pytest.approx(14 / 3)


@pytest.mark.parametrize(
    "found, truth, jaccard, dice",
    [
        ([1, 1, 1, 0], [0, 1, 1, 1], 2 / 4, 4 / 6),
        ([1, 0], [1, 0], 1, 1),
        ([1, 0], [0, 1], 0, 0),
    ],
)
def test_r3_overlap_of_segments(found, truth, jaccard, dice):
    found, truth = numbers(*found).unsqueeze(0), numbers(*truth).unsqueeze(0)
    both = (found * truth).sum().item()
    assert both / gg.maximum(found, truth).sum().item() == jaccard
    assert 2 * both / (found.sum() + truth.sum()).item() == dice
    assert 1 - F.jaccard_loss(found, truth).item() == pytest.approx(jaccard, abs=1e-5)
    assert 1 - F.dice_loss(found, truth).item() == pytest.approx(dice, abs=1e-5)


# ---- R4: shown as numbers by `gg.explain`, which comes later; the recursion holds already


def test_r4_deltas_by_dynamic_programming():
    random = np.random.default_rng(0)
    x, wanted = random.normal(size=3), 0.7
    w = [random.normal(size=shape) for shape in [(3, 4), (4, 2), (2, 1)]]
    leaves = [gg.tensor(each, requires_grad=True) for each in w]
    y, v = [gg.tensor(x)], []
    for each in leaves:
        v.append(y[-1] @ each)
        v[-1].retain_grad()
        y.append(gg.sigmoid(v[-1]))  # the lecture prints y_{i+1,k} = f(v_{i,k}): it is y_{i,k}
    ((y[-1] - wanted) ** 2).sum().backward()

    y = [each.detach().numpy() for each in y]
    delta = 2 * (y[3] - wanted) * y[3] * (1 - y[3])  # the lecture drops the 2
    for i in [2, 1, 0]:
        np.testing.assert_allclose(v[i].grad, delta, rtol=1e-12)
        for j in range(len(y[i])):
            for k in range(len(delta)):
                assert leaves[i].grad[j, k].item() == pytest.approx(delta[k] * y[i][j])
        delta = (w[i] @ delta) * y[i] * (1 - y[i])


# ---- R5


def volume(r, h):
    return math.pi * r**2 * h


def test_r5_growing_cylinder():
    r, h = numbers(2.0)[0].requires_grad_(), numbers(2.0)[0].requires_grad_()
    by_r, by_h = gg.autograd.grad(volume(r, h), (r, h))
    assert by_r.item() == pytest.approx(8 * math.pi)
    assert by_h.item() == pytest.approx(4 * math.pi)
    assert (by_r * 2 + by_h * 1).item() == pytest.approx(20 * math.pi)


def test_r5_the_total_derivative_is_a_forward_derivative():
    value, rate = gg.func.jvp(
        volume, (numbers(2.0)[0], numbers(2.0)[0]), (numbers(2.0)[0], numbers(1.0)[0])
    )
    assert value.item() == pytest.approx(8 * math.pi)
    assert rate.item() == pytest.approx(20 * math.pi)


def test_r5_classic_derivative_after_substitution():
    t = numbers(0.0)[0].requires_grad_()
    (rate,) = gg.autograd.grad(volume(2 + 2 * t, 2 + t), t)
    assert rate.item() == pytest.approx(20 * math.pi)


def test_r5_partial_derivatives_of_a_users_program():
    def program(x, y, z):
        total = x * y
        for _ in range(3):
            total = gg.sin(total) * z + x
        return total

    given = [0.5, -1.2, 0.8]
    leaves = [gg.tensor(v, dtype=gg.float64, requires_grad=True) for v in given]
    found = [g.item() for g in gg.autograd.grad(program(*leaves), leaves)]

    def value(*numbers):
        return program(*(gg.tensor(n, dtype=gg.float64) for n in numbers)).item()

    for k in range(3):
        step = np.eye(3)[k] * 1e-6
        difference = value(*(given + step)) - value(*(given - step))
        assert found[k] == pytest.approx(difference / 2e-6, rel=1e-7)
        direction = tuple(gg.tensor(float(d), dtype=gg.float64) for d in np.eye(3)[k])
        _, rate = gg.func.jvp(program, tuple(x.detach() for x in leaves), direction)
        assert rate.item() == pytest.approx(found[k], rel=1e-12)


# ---- R6


def test_r6_the_product_rule_as_code_in_the_users_names():
    @gg.compile
    def slopes(x, y, z):
        f = x * y * (z.exp() * y)
        return gg.autograd.grad(f, (x, y, z))

    leaves = [gg.tensor(v, dtype=gg.float64, requires_grad=True) for v in (2.0, 3.0, 0.5)]
    closed = 9 * math.exp(0.5), 12 * math.exp(0.5), 18 * math.exp(0.5)
    assert [s.item() for s in slopes(*leaves)] == pytest.approx(closed)

    text = slopes.source()
    assert "def step(\n    x, " in text
    assert "gradient of test_r.py" in text
    space = {}
    exec(text, space)
    assert list(map(float, space["step"](2.0, 3.0, np.float64(0.5)))) == pytest.approx(closed)


def test_r6_a_networks_step_as_code():
    gg.manual_seed(0)
    net = gg.nn.Sequential(gg.nn.Linear(3, 4), gg.nn.Sigmoid(), gg.nn.Linear(4, 1)).double()
    x, y = gg.randn(5, 3).double(), gg.randn(5, 1).double()

    def gradients(x, y):
        loss = ((net(x) - y) ** 2).mean()
        return gg.autograd.grad(loss, list(net.parameters()))

    compiled = gg.compile(gradients)
    for found, right in zip(compiled(x, y), gradients(x, y)):
        np.testing.assert_allclose(found, right, rtol=1e-12)
    space = {}
    exec(compiled.source(), space)
    weights = [p.value for p in net.parameters()]
    for found, right in zip(space["step"](x.value, y.value, *weights), gradients(x, y)):
        np.testing.assert_allclose(found, right, rtol=1e-12)
