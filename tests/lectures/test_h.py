"""Lecture H, row by row: its printed numbers, closed forms, PyTorch."""

import math

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from glassgrad.utils.data import DataLoader, TensorDataset, random_split

F = nn.functional


def network(*units, bias=False):
    layers = [
        layer for a, b in zip(units, units[1:]) for layer in (nn.Linear(a, b, bias), nn.ReLU())
    ]
    return nn.Sequential(*layers[:-1])


def numbers(*values):
    return gg.tensor(values, dtype=gg.float64)


# ---- H1


@pytest.mark.parametrize(
    "units, weights",
    [
        ((10, 1), 10),
        ((1, 2, 1), 4),
        ((1, 20, 1), 40),
        ((12, 5, 1), 65),
        ((12, 5, 10), 110),
        ((4, 10, 5, 3, 1), 108),
        ((10, 100, 1), 1100),  # the quiz: one output unit
        ((10, 100, 10), 2000),  # the quiz: ten output units
    ],
)
def test_h1_weights_of_architectures(units, weights):
    net = network(*units)
    assert sum(p.numel() for p in net.parameters()) == weights
    shapes = [tuple(p.shape) for p in net.parameters()]
    assert shapes == [(b, a) for a, b in zip(units, units[1:])]  # u(l) x u(l-1)
    assert net(gg.ones(7, units[0])).shape == (7, units[-1])


def test_h1_no_hidden_layer_is_the_linear_model():
    net = network(10, 1)
    x = gg.randn(3, 10)
    assert net(x).tolist() == (x @ net[0].weight.T).tolist()


# ---- H2


def test_h2_activations():
    z = numbers(-2, 0, 2)
    assert gg.relu(z).tolist() == [0, 0, 2]
    expected = [1 / (1 + math.exp(2)), 0.5, 1 / (1 + math.exp(-2))]
    np.testing.assert_allclose(gg.sigmoid(z), expected, rtol=1e-14)


@pytest.mark.parametrize("activation", [gg.relu, gg.sigmoid])
def test_h2_the_last_activation_is_the_identity(activation):
    layer = {gg.relu: nn.ReLU, gg.sigmoid: nn.Sigmoid}[activation]()
    net = nn.Sequential(nn.Linear(3, 4), layer, nn.Linear(4, 1))
    x = gg.randn(5, 3)
    hidden = activation(x @ net[0].weight.T + net[0].bias)
    np.testing.assert_allclose(
        net(x).detach(), (hidden @ net[2].weight.T + net[2].bias).detach(), rtol=1e-5
    )
    net[2].bias = nn.Parameter(gg.tensor([-100.0]))
    assert (net(x) < 0).all()  # no activation cuts the score off


# ---- H3


@pytest.mark.parametrize(
    "units", [(10, 1), (1, 2, 1), (1, 20, 1), (12, 5, 1), (12, 5, 10), (4, 10, 5, 3, 1)]
)
def test_h3_a_node_for_each_unit_and_an_edge_for_each_weight(units):
    layers = [nn.Linear(a, b, bias=False) for a, b in zip(units, units[1:])]
    picture = gg.draw.network(nn.Sequential(*layers))
    assert picture.title == "Number of units: " + ",".join(map(str, units))
    assert picture.svg.count("<circle") == sum(units)
    assert picture.svg.count("weight from") == sum(a * b for a, b in zip(units, units[1:]))


# ---- H4


@pytest.mark.parametrize("score", [-3.0, -0.5, 0.0, 1.0, 4.0])
@pytest.mark.parametrize("label", [0, 1])
def test_h4_logistic_loss_has_one_value_for_both_codes_of_labels(score, label):
    signed = 2 * label - 1
    # The lecture prints log[1 + exp(score label)] on one page: the minus sign is missing there.
    expected = math.log(1 + math.exp(-score * signed))
    p1 = 1 / (1 + math.exp(-score))
    assert math.isclose(expected, -math.log(p1 if label else 1 - p1))
    score = numbers(score).requires_grad_()
    loss = gg.logistic_loss(score, numbers(signed))
    loss.sum().backward()
    assert loss.item() == pytest.approx(expected, rel=1e-13)
    assert score.grad.item() == pytest.approx(-signed / (1 + math.exp(signed * score.item())))
    other = F.binary_cross_entropy_with_logits(score, numbers(label))
    assert other.item() == pytest.approx(expected, rel=1e-13)


def test_h4_logistic_loss_refuses_the_wrong_code():
    with pytest.raises(ValueError, match=r"labels -1 and 1; from 0 and 1 they are 2 \* y - 1"):
        gg.logistic_loss(numbers(1, 2), numbers(0, 1))


def test_h4_square_loss():
    assert F.mse_loss(numbers(2, -1), numbers(1, 1), reduction="none").tolist() == [1, 4]


@pytest.mark.parametrize("loss", [gg.logistic_loss, lambda a, y: (a - y) ** 2])
def test_h4_the_mean_gradient_is_the_gradient_of_the_mean(loss):
    w = numbers(0.5, -1).requires_grad_()
    x, y = numbers([1, 2], [3, -1], [0, 1]), numbers(1, -1, 1)
    each = [gg.autograd.grad(loss(x[i] @ w, y[i]), w)[0].value for i in range(3)]
    loss(x @ w, y).mean().backward()
    np.testing.assert_allclose(w.grad, np.mean(each, 0), rtol=1e-14)


# ---- H5


@pytest.mark.parametrize("rows", [1, 7, 100])
@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_h5_steps_of_an_epoch(rows, batch_size):
    data = TensorDataset(gg.arange(rows))
    seen = [batch for (batch,) in DataLoader(data, batch_size=batch_size, shuffle=True)]
    assert len(seen) == math.ceil(rows / batch_size)
    assert sorted(gg.cat(seen).tolist()) == list(range(rows))  # each observation once


@pytest.mark.parametrize("batch_size", [1, 2, 4])
def test_h5_one_algorithm_with_a_batch_size(batch_size):
    x, y = numbers([1, 2], [3, -1], [0, 1], [2, 2]), numbers(1, 0, -1, 2)
    w = numbers(0.5, -1).requires_grad_()
    optimizer = gg.optim.SGD([w], lr=0.1)
    expected = w.detach().numpy().copy()
    for inputs, outputs in DataLoader(TensorDataset(x, y), batch_size=batch_size):
        a, b = inputs.numpy(), outputs.numpy()
        expected -= 0.1 * 2 * a.T @ (a @ expected - b) / len(b)
        optimizer.zero_grad()
        F.mse_loss(inputs @ w, outputs).backward()
        optimizer.step()
    np.testing.assert_allclose(w.detach(), expected, rtol=1e-14)


def test_h5_subtrain_and_validation():
    parts = random_split(range(100), [0.8, 0.2])
    assert [len(part) for part in parts] == [80, 20]
    assert sorted([*parts[0], *parts[1]]) == list(range(100))


def test_h5_fit_steps_and_keeps_validation_rows_apart():
    x = np.random.default_rng(0).normal(size=(25, 3)).astype(np.float32)
    net = nn.Linear(3, 1)
    steps = []

    class Count(gg.training.Callback):
        def on_step_end(self, run):
            steps.append(run.step)

    history = gg.fit(
        net,
        (x, x[:, :1]),
        loss=nn.MSELoss(),
        optimizer=gg.optim.SGD(net.parameters(), lr=0.1),
        epochs=3,
        batch_size=8,
        validation=0.2,
        callbacks=[Count()],
        verbose=False,
    )
    assert len(steps) == 3 * math.ceil(20 / 8)
    assert len(history.validation_losses) == len(history.losses) == 3
    assert history.validation_losses[-1] < history.validation_losses[0]


# ---- H6


def test_h6_descent_on_the_surface():
    place = numbers(-6, 2).requires_grad_()
    x, y = -6.0, 2.0
    for _ in range(100):
        z = place[0] ** 2 + 3 * place[1].sin()
        place.grad = None
        z.backward()
        np.testing.assert_allclose(place.grad, [2 * x, 3 * math.cos(y)], rtol=1e-12, atol=1e-14)
        x, y = x - 0.1 * 2 * x, y - 0.1 * 3 * math.cos(y)
        with gg.no_grad():
            place -= 0.1 * place.grad
    np.testing.assert_allclose(place.detach(), [0, 1.5 * math.pi], atol=1e-8)
    assert z.item() == pytest.approx(-3)


# ---- H7: the program stands in docs/lecture-h.md


@pytest.mark.parametrize("units", [(2, 1), (3, 4, 1), (4, 10, 5, 3, 1)])
def test_h7_backward_follows_the_rules(units):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(6, units[0])), random.choice([-1.0, 1.0], size=(6, 1))
    weights = [random.normal(size=shape) for shape in zip(units, units[1:])]
    leaves = [gg.InitialNode(w) for w in weights]
    h = [x]
    for w in weights:
        a = h[-1] @ w
        h.append(np.where(a > 0, a, 0) if len(h) < len(weights) else a)
    node = gg.InitialNode(x)
    for l, w in enumerate(leaves, 1):
        node = gg.mm(node, w)
        node = gg.relu(node) if l < len(leaves) else node
        np.testing.assert_allclose(node.value, h[l], rtol=1e-13)
    gg.logistic_loss(node, y).mean().backward()

    gradient_h = -y / (1 + np.exp(y * h[-1])) / len(y)  # rule 0
    for l in range(len(weights), 0, -1):
        gradient_a = gradient_h * (h[l] > 0) if l < len(weights) else gradient_h  # rule 2
        # Lecture C prints rule 1 as gradient_a times the transpose of h, which is for columns.
        np.testing.assert_allclose(leaves[l - 1].grad, h[l - 1].T @ gradient_a, rtol=1e-12)
        gradient_h = gradient_a @ weights[l - 1].T  # rule 3


# ---- H8


def test_h8_value_and_grad_of_every_node_by_hand():
    features = gg.InitialNode([[1.0, 2.0], [3.0, -1.0]])
    first, second = gg.InitialNode([[1.0, -1.0], [0.5, 1.0]]), gg.InitialNode([[1.0], [-1.0]])
    a1 = gg.mm(features, first)
    h1 = gg.relu(a1)
    a2 = gg.mm(h1, second)
    loss = gg.logistic_loss(a2, np.array([[1.0], [-1.0]]))
    loss.backward()

    g = np.array([[-1 / (1 + math.exp(1))], [1 / (1 + math.exp(-2.5))]])  # -y / (1 + exp(y a))
    by_hand = {
        "a1": (a1, [[2, 1], [2.5, -4]], [g[0] * [1, -1], g[1] * [1, 0]]),
        "h1": (h1, [[2, 1], [2.5, 0]], [g[0] * [1, -1], g[1] * [1, -1]]),
        "a2": (a2, [[1], [2.5]], g),
        "loss": (loss, np.log(1 + np.exp([[-1], [2.5]])), np.ones((2, 1))),
        "first": (first, first.value, [g[0] + 3 * g[1], -g[0], 2 * g[0] - g[1], -2 * g[0]]),
        "second": (second, second.value, [2 * g[0] + 2.5 * g[1], g[0]]),
        "features": (
            features,
            features.value,
            [[2 * g[0, 0], -0.5 * g[0, 0]], [g[1, 0], 0.5 * g[1, 0]]],
        ),
    }
    for name, (node, value, grad) in by_hand.items():
        assert isinstance(node.value, np.ndarray), name
        np.testing.assert_allclose(node.value, value, rtol=1e-14, err_msg=name)
        np.testing.assert_allclose(np.ravel(node.grad), np.ravel(grad), rtol=1e-14, err_msg=name)


def test_h8_a_node_used_twice_gets_the_sum():
    w = gg.InitialNode([2.0])
    y = w * w * w
    y.backward()
    assert w.grad.value.tolist() == [12]


def test_h8_a_users_own_operation():
    class Softsign(gg.Operation):
        def forward(self, x):
            return x / (1 + abs(x))

        def gradient(self, g, y, x):
            return (g / (1 + x.abs()) ** 2,)

    x = gg.InitialNode([-3.0, 1.0])
    y = Softsign()(x)
    y.backward()
    assert y.value.tolist() == [-0.75, 0.5]
    assert x.grad.value.tolist() == [1 / 16, 1 / 4]


def test_h8_an_operation_without_a_gradient_says_so():
    class Lost(gg.Operation):
        def forward(self, x):
            return x

    with pytest.raises(
        NotImplementedError, match="Lost has no gradient: give it a method gradient"
    ):
        Lost()(gg.InitialNode([1.0])).backward()


# ---- H9


def test_h9_regression_graph():
    x, w, y = (
        numbers([1, 2], [3, 4], [5, 6]),
        gg.InitialNode([[0.5], [-1.0]]),
        numbers([1], [0], [-1]),
    )
    a = gg.mm(x, w)
    d = a - y
    s = d**2
    loss = s.mean()
    loss.backward()
    assert a.value.ravel().tolist() == [-1.5, -2.5, -3.5]
    assert s.value.ravel().tolist() == [6.25] * 3
    np.testing.assert_allclose(np.ravel(s.grad), [1 / 3] * 3)
    np.testing.assert_allclose(np.ravel(d.grad), [2 / 3 * -2.5] * 3)
    np.testing.assert_allclose(np.ravel(w.grad), [-15, -20])


# ---- H10


def test_h10_scaling_inside_fit():
    random = np.random.default_rng(1)
    x = random.normal([5.0, -100.0], [0.1, 30.0], size=(64, 2)).astype(np.float32)
    y = x @ np.float32([[2.0], [0.01]])
    net = nn.Sequential(nn.Standardize(2), nn.Linear(2, 1))
    optimizer = gg.optim.SGD(net.parameters(), lr=0.2)
    history = gg.fit(net, (x, y), loss=nn.MSELoss(), optimizer=optimizer, epochs=30, batch_size=16,
                     scale=True, verbose=False)  # fmt: skip
    np.testing.assert_allclose(net[0].mean, x.mean(0), rtol=1e-4)
    np.testing.assert_allclose(net[0].sd, x.std(0), rtol=1e-3)
    scaled = net[0](gg.tensor(x)).numpy()
    np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(scaled.std(0), 1, rtol=1e-3)
    assert history.losses[-1] < 1e-6 < 1 < history.losses[0]


def test_h10_both_ways_of_an_intercept_are_equal():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(5, 3)), random.normal(size=(5, 2))
    hidden, output = nn.Linear(3, 4).double(), nn.Linear(4, 2).double()
    loss = F.mse_loss(output(gg.relu(hidden(gg.tensor(x)))), gg.tensor(y))
    loss.backward()

    def with_row(layer):  # the intercept of each unit as one more row of the matrix
        rows = [layer.weight.detach().numpy().T, layer.bias.detach().numpy()[None]]
        return gg.InitialNode(np.concatenate(rows))

    first, second, with_ones = with_row(hidden), with_row(output), nn.AppendOne()
    h = gg.relu(with_ones(gg.tensor(x)) @ first)
    other = ((with_ones(h) @ second - gg.tensor(y)) ** 2).mean()
    other.backward()
    assert other.item() == pytest.approx(loss.item(), rel=1e-13)
    for layer, node in [(hidden, first), (output, second)]:
        np.testing.assert_allclose(node.grad[-1], layer.bias.grad, rtol=1e-12)
        np.testing.assert_allclose(node.grad[:-1], layer.weight.grad.T, rtol=1e-12)


# ---- H11

SCORES = [[1.0, 2.0, 0.5], [0.0, 0.0, 0.0], [-3.0, 2.5, 1.0]]


@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 2, 0], [2, 1, 1]])
def test_h11_softmax_loss_and_gradient(labels):
    z = numbers(*SCORES).requires_grad_()
    e = np.exp(SCORES)
    p = e / e.sum(1, keepdims=True)
    np.testing.assert_allclose(gg.softmax(z, 1).detach(), p, rtol=1e-14)
    loss = F.cross_entropy(z, gg.tensor(labels), reduction="none")
    np.testing.assert_allclose(loss.detach(), -np.log(p[range(3), labels]), rtol=1e-13)
    loss.sum().backward()
    L = gg.logsumexp(z.detach(), 1, keepdim=True).numpy()
    np.testing.assert_allclose(z.grad, np.exp(SCORES - L) - np.eye(3)[labels], atol=1e-15)


@pytest.mark.parametrize("shift", [-1e6, 1000.0, 1e6])
def test_h11_no_overflow(shift):
    z = (numbers(*SCORES) + shift).requires_grad_()
    assert not gg.exp(z).sum(1).log().isfinite().all()  # the plain formula fails
    expected = np.log(np.exp(SCORES).sum(1)) + shift
    np.testing.assert_allclose(gg.logsumexp(z, 1).detach(), expected, rtol=1e-9)
    F.cross_entropy(z, gg.tensor([0, 1, 2])).backward()
    assert z.grad.isfinite().all()


def test_h11_binary_is_a_special_case():
    score = numbers([1.5], [-0.5], [30.0]).requires_grad_()
    labels = gg.tensor([1, 0, 0])
    z = nn.PrependZero()(score)  # K - 1 outputs: the first score is 0
    softmax = F.cross_entropy(z, labels, reduction="none")
    logistic = gg.logistic_loss(score, 2 * labels - 1).ravel()
    np.testing.assert_allclose(softmax.detach(), logistic.detach(), rtol=1e-13)
    (found,) = gg.autograd.grad(softmax.sum(), score)
    y, underlined = labels.numpy()[:, None], 2 * labels.numpy()[:, None] - 1
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-score.value)) - y, atol=1e-15)
    np.testing.assert_allclose(
        found, -underlined / (1 + np.exp(underlined * score.value)), atol=1e-15
    )


def test_h11_fewer_outputs_give_the_same_probabilities():
    z = numbers(*SCORES)
    reduced = nn.PrependZero()(z[:, 1:] - z[:, :1])
    np.testing.assert_allclose(gg.softmax(reduced, 1), gg.softmax(z, 1), rtol=1e-14)


# ---- H12


@pytest.mark.parametrize(
    "point, log_loss, zero_one",
    [
        ((1, 0, 0), 0, 0),
        ((1 / 2, 1 / 4, 1 / 4), math.log(2), 0),
        ((1 / 3, 1 / 3, 1 / 3), math.log(3), None),  # the midpoint: no class is most probable
        ((1 / 4, 1 / 2, 1 / 4), math.log(4), 1),
        ((0, 0, 1), math.inf, 1),
    ],
)
def test_h12_losses_on_the_simplex(point, log_loss, zero_one):
    p = numbers(*point)
    assert F.nll_loss(p.log().unsqueeze(0), gg.tensor([0])).item() == pytest.approx(log_loss)
    if zero_one is not None:
        assert F.zero_one_loss(p.unsqueeze(0), gg.tensor([0])).item() == zero_one


# ---- H18: docs/exercises.md shows each step; here by the optimizer

GRADIENTS = [[-1, 1], [-2, 2], [-3, 2], [-1, 2]]


@pytest.mark.parametrize(
    "batch_size, after",
    [
        (4, [[1.5, -2.5]]),
        (2, [[-0.5, -0.5], [1.5, -2.5]]),
        (1, [[-1.5, 0.5], [-0.5, -0.5], [1, -1.5], [1.5, -2.5]]),
    ],
)
def test_h18_descent_by_total_loss(batch_size, after):
    v = numbers(-2, 1).requires_grad_()
    optimizer = gg.optim.SGD([v], lr=0.5)
    found = []
    for start in range(0, 4, batch_size):
        v.grad = numbers(*GRADIENTS[start : start + batch_size]).sum(0)
        optimizer.step()
        found.append(v.tolist())
    assert found == after
