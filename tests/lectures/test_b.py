"""Lecture B, row by row: its printed numbers, closed forms, PyTorch."""

import math

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from glassgrad.training.tasks import TASKS

F = nn.functional
optim = gg.optim
OR_X = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
OR_Y = [0.0, 1.0, 1.0, 1.0]


def numbers(*values):
    return gg.tensor(values, dtype=gg.float64)


# ---- B1


def test_b1_structure_loss_optimizer_and_one_call():
    x, y = np.float32(OR_X), np.float32(OR_Y).reshape(-1, 1)
    net = nn.Linear(2, 1)
    optimizer = optim.SGD(net.parameters(), lr=1.0)
    history = gg.fit(net, (x, y), loss=nn.BCEWithLogitsLoss(), optimizer=optimizer,
                     epochs=200, batch_size=4, verbose=False)  # fmt: skip
    assert len(history.losses) == 200
    assert history.losses[-1] < 0.1 < history.losses[0]
    assert (gg.predict(net, x) > 0).tolist() == (y > 0).tolist()


# ---- B2


@pytest.mark.parametrize(
    "function, by_hand",
    [
        (gg.sigmoid, lambda x: 1 / (1 + math.exp(-x))),
        (lambda x: F.leaky_relu(x, 0.1), lambda x: max(0.1 * x, x)),
        (gg.tanh, math.tanh),
        (gg.relu, lambda x: max(0, x)),
        (lambda x: F.elu(x, 0.5), lambda x: x if x >= 0 else 0.5 * (math.exp(x) - 1)),
    ],
    ids=["sigmoid", "leaky ReLU", "tanh", "ReLU", "ELU"],
)
def test_b2_activation_functions(function, by_hand):
    x = [-3.0, -0.5, 0.0, 0.5, 3.0]
    np.testing.assert_allclose(function(numbers(*x)), [by_hand(v) for v in x], rtol=1e-13)


def test_b2_maxout():
    layer = nn.Maxout(2, 3, pieces=4)
    x = gg.randn(5, 2)
    w, b = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    expected = [
        [max(w[j, k] @ row + b[j, k] for k in range(4)) for j in range(3)] for row in x.numpy()
    ]
    np.testing.assert_allclose(layer(x).detach(), expected, rtol=1e-5)


def test_b2_maxout_contains_relu_and_leaky_relu():
    layer = nn.Maxout(1, 2, pieces=2)
    with gg.no_grad():
        layer.weight.copy_(gg.tensor([[[0.0], [1.0]], [[0.1], [1.0]]]))
        layer.bias.zero_()
    x = gg.tensor([[-2.0], [0.0], [3.0]])
    expected = gg.cat([gg.relu(x), F.leaky_relu(x, 0.1)], 1)
    assert layer(x).tolist() == expected.tolist()


# ---- B3


@pytest.mark.parametrize(
    "task, activation, losses",
    [
        ("binary", "sigmoid", {"BCEWithLogitsLoss"}),
        ("multi-class", "softmax", {"CrossEntropyLoss"}),
        ("multi-label", "sigmoid", {"BCEWithLogitsLoss"}),
        ("real", "identity", {"MSELoss"}),
        ("unit", "sigmoid", {"MSELoss", "BCEWithLogitsLoss"}),
    ],
)
def test_b3_output_layer_and_loss_from_the_task(task, activation, losses):
    chosen = TASKS[task]
    assert chosen.output_layer.__name__ == activation
    assert chosen.loss_name in losses
    scores = np.array([[-1.0, 0.5, 2.0]])
    expected = {
        "sigmoid": 1 / (1 + np.exp(-scores)),
        "softmax": np.exp(scores) / np.exp(scores).sum(),
        "identity": scores,
    }
    np.testing.assert_allclose(chosen.activate(scores), expected[activation], rtol=1e-14)


TABLE = [(0, 0.1, 0.1), (0, 0.9, 2.3), (1, 0.1, 2.3), (1, 0.9, 0.1)]


@pytest.mark.parametrize("label, p, printed", TABLE)
def test_b3_table_of_the_binary_cross_entropy(label, p, printed):
    loss = F.binary_cross_entropy(numbers(p), numbers(label))
    assert loss.item() == pytest.approx(-label * math.log(p) - (1 - label) * math.log(1 - p))
    assert round(loss.item(), 1) == printed


def test_b3_losses_on_scores_contain_the_activation():
    scores, several, one = (
        numbers([2, -1, 0.5], [0, 3, -2]),
        numbers([1, 0, 1], [0, 1, 1]),
        gg.tensor([0, 2]),
    )
    pairs = [
        (
            F.binary_cross_entropy_with_logits(scores, several),
            F.binary_cross_entropy(gg.sigmoid(scores), several),
        ),
        (F.cross_entropy(scores, one), F.nll_loss(gg.softmax(scores, 1).log(), one)),
    ]
    for on_scores, on_probabilities in pairs:
        assert on_scores.item() == pytest.approx(on_probabilities.item(), rel=1e-13)


def test_b3_the_shape_of_the_output_matches_the_loss():
    with pytest.raises((RuntimeError, ValueError), match=r"\[4\].*\[4, 1\]|\[4, 1\].*\[4\]"):
        F.binary_cross_entropy_with_logits(gg.zeros(4, 1), gg.zeros(4))


# ---- B4: each rule by the formula of its paper, two steps on one weight


def by_formula(name, gradients):
    """Where a weight stands after steps at rate 0.1 from 1 with these gradients."""
    w, v, s, d = 1.0, 0.0, 0.0, 0.0
    for t, g in enumerate(gradients, 1):
        if name == "SGD":
            w -= 0.1 * g
        elif name == "momentum":
            v = 0.9 * v + g
            w -= 0.1 * v
        elif name == "Nesterov":
            v = 0.9 * v + g
            w -= 0.1 * (g + 0.9 * v)
        elif name == "Adagrad":
            s += g * g
            w -= 0.1 * g / (math.sqrt(s) + 1e-10)
        elif name == "Adadelta":
            s = 0.9 * s + 0.1 * g * g
            step = math.sqrt(d + 1e-6) / math.sqrt(s + 1e-6) * g
            d = 0.9 * d + 0.1 * step * step
            w -= 0.1 * step
        elif name == "RMSprop":
            s = 0.99 * s + 0.01 * g * g
            w -= 0.1 * g / (math.sqrt(s) + 1e-8)
        else:
            w -= 0.1 * 0.01 * w if name == "AdamW" else 0
            v, s = 0.9 * v + 0.1 * g, 0.999 * s + 0.001 * g * g
            w -= 0.1 * v / (1 - 0.9**t) / (math.sqrt(s / (1 - 0.999**t)) + 1e-8)
    return w


@pytest.mark.parametrize(
    "name, make",
    [
        ("SGD", lambda w: optim.SGD(w, lr=0.1)),
        ("momentum", lambda w: optim.SGD(w, lr=0.1, momentum=0.9)),
        ("Nesterov", lambda w: optim.SGD(w, lr=0.1, momentum=0.9, nesterov=True)),
        ("Adagrad", lambda w: optim.Adagrad(w, lr=0.1)),
        ("Adadelta", lambda w: optim.Adadelta(w, lr=0.1)),
        ("RMSprop", lambda w: optim.RMSprop(w, lr=0.1)),
        ("Adam", lambda w: optim.Adam(w, lr=0.1)),
        ("AdamW", lambda w: optim.AdamW(w, lr=0.1)),
    ],
)
def test_b4_optimizers(name, make):
    gradients = [0.5, -2.0, 1.0, 1.0, 0.1]
    w = numbers(1.0).requires_grad_()
    optimizer = make([w])
    for g in gradients:
        w.grad = numbers(g)
        optimizer.step()
    assert w.item() == pytest.approx(by_formula(name, gradients), rel=1e-12)


# ---- B5


def test_b5_table_of_the_single_neuron():
    x, w, b = numbers(*OR_X), numbers(1, -1), -0.5
    h = x @ w + b
    p = gg.sigmoid(h)
    assert h.tolist() == [-0.5, -1.5, 0.5, -0.5]
    # The lecture prints p = 0.38 and prediction 0 in the third row: h = 0.5 gives 0.62 and 1.
    # It also writes p = 1 / (1 + exp(-0.5)) for h = -0.5, where exp(0.5) is meant; 0.38 is right.
    assert p.round(decimals=2).tolist() == [0.38, 0.18, 0.62, 0.38]
    assert p.round().tolist() == [0, 0, 1, 0]


def test_b5_learning_or():
    x, y = numbers(*OR_X), numbers(*OR_Y)
    w = numbers(1, -1, -0.5).requires_grad_()
    optimizer = optim.SGD([w], lr=1.0)
    by_hand = np.array([1, -1, -0.5])
    design = np.c_[OR_X, np.ones(4)]
    for _ in range(500):
        optimizer.zero_grad()
        loss = ((y - gg.sigmoid(x @ w[:2] + w[2])) ** 2).sum()
        loss.backward()
        optimizer.step()
        p = 1 / (1 + np.exp(-design @ by_hand))
        by_hand = by_hand - 2 * ((p - OR_Y) * p * (1 - p)) @ design
    np.testing.assert_allclose(w.detach(), by_hand, rtol=1e-9)
    assert gg.sigmoid(x @ w[:2] + w[2]).round().tolist() == OR_Y
    assert loss < 0.05


# ---- B6


@pytest.mark.parametrize("row", range(4))
def test_b6_chain_rule_of_the_single_neuron(row):
    w = [numbers(v)[0].requires_grad_() for v in (1, -1, -0.5)]
    (x1, x2), y = OR_X[row], OR_Y[row]
    h = w[0] * x1 + w[1] * x2 + w[2]
    p = gg.sigmoid(h)
    ((y - p) ** 2).backward()
    p = p.item()
    for weight, dh in zip(w, [x1, x2, 1]):
        assert weight.grad.item() == pytest.approx(2 * (p - y) * p * (1 - p) * dh)


@pytest.mark.parametrize("start, minimum", [(-2.0, 0), (-0.1, 0), (0.2, 1), (2.0, 1)])
def test_b6_descent_goes_against_the_sign_of_the_derivative(start, minimum):
    """On x^4 - 2 x^2 + 0.3 x the left minimum is global, the right one local."""
    left, _, right = sorted(np.roots([4, 0, -4, 0.3]))
    x = numbers(start)[0].requires_grad_()
    for _ in range(500):
        before, x.grad = x.item(), None
        (x**4 - 2 * x**2 + 0.3 * x).backward()
        slope = x.grad.item()
        assert slope == pytest.approx(4 * before**3 - 4 * before + 0.3, abs=1e-12)
        with gg.no_grad():
            x -= 0.02 * x.grad
        assert (x.item() - before) * slope <= 0
    assert x.item() == pytest.approx([left, right][minimum], abs=1e-9)


# ---- B7


def test_b7_derivatives_one_by_one_and_in_matrices():
    hidden, output = nn.Linear(2, 3).double(), nn.Linear(3, 1).double()
    x, y = numbers(0.5, -1), 1.0
    h = gg.sigmoid(hidden(x))
    p = gg.sigmoid(output(h))
    ((y - p) ** 2).sum().backward()
    p, h, w = p.item(), h.detach().numpy(), output.weight.detach().numpy()[0]
    # The lecture leaves out the factor 2 in both, and w_oj in the hidden derivative.
    common = 2 * (p - y) * p * (1 - p)
    for j in range(3):
        assert output.weight.grad[0, j].item() == pytest.approx(common * h[j])
        for i in range(2):
            expected = common * w[j] * h[j] * (1 - h[j]) * x[i].item()
            assert hidden.weight.grad[j, i].item() == pytest.approx(expected)


def test_b7_matrix_form():
    # The lecture's W has the index of the unit first, its h_j = phi(w_1j X_1 + ...) the input's:
    # in Z = W' X + B the entry [i, j] of W is the weight from input i to unit j.
    w, b, x = numbers([1, 2, 3], [4, 5, 6]), numbers(0.1, 0.2, 0.3), numbers(0.5, -1)
    by_units = [w[0, j] * x[0] + w[1, j] * x[1] + b[j] for j in range(3)]
    np.testing.assert_allclose(w.T @ x + b, [v.item() for v in by_units])


def test_b7_depth_is_flexibility():
    """A linear network cannot fit XOR, one with a hidden layer can."""
    x, y = np.float32(OR_X), np.float32([[0], [1], [1], [0]])
    losses = []
    for units in [(2, 1), (2, 8, 1)]:
        gg.manual_seed(0)
        layers = [layer for a, b in zip(units, units[1:]) for layer in (nn.Linear(a, b), nn.Tanh())]
        net = nn.Sequential(*layers[:-1])
        optimizer = optim.Adam(net.parameters(), lr=0.05)
        history = gg.fit(net, (x, y), loss=nn.BCEWithLogitsLoss(), optimizer=optimizer,
                         epochs=300, batch_size=4, verbose=False)  # fmt: skip
        losses.append(history.losses[-1])
    assert losses[0] == pytest.approx(math.log(2), abs=0.01)
    assert losses[1] < 0.1


# ---- B8


def shrunk(penalty, steps=400):
    """Descent with falling rate on |w - v|^2 + penalty(w), v = (2, -1, 0.3, 0.1)."""
    v = numbers(2, -1, 0.3, 0.1)
    w = gg.zeros(4, dtype=gg.float64, requires_grad=True)
    rate = 0.2
    for _ in range(steps):
        w.grad = None
        (((w - v) ** 2).sum() + penalty(w)).backward()
        with gg.no_grad():
            w -= rate * w.grad
        rate *= 0.98
    return w.detach().numpy(), v.numpy()


def test_b8_l2_divides():
    # The lecture calls the sum of w^2 the L2 norm: it is the norm squared.
    w, v = shrunk(lambda w: 0.5 * (w**2).sum())
    np.testing.assert_allclose(w, v / 1.5, rtol=1e-6)


def test_b8_l1_moves_to_zero_and_no_further():
    w, v = shrunk(lambda w: 0.5 * w.abs().sum())
    np.testing.assert_allclose(w, np.sign(v) * np.maximum(abs(v) - 0.25, 0), atol=2e-3)


def test_b8_weight_decay_is_the_l2_penalty_for_sgd():
    ends = []
    for decay, penalty in [(0.3, 0.0), (0.0, 0.15)]:  # the gradient of 0.15 w^2 is 0.3 w
        w = numbers(1, -2).requires_grad_()
        optimizer = optim.SGD([w], lr=0.1, weight_decay=decay)
        for _ in range(5):
            optimizer.zero_grad()
            ((w - 1) ** 4 + penalty * w**2).sum().backward()
            optimizer.step()
        ends.append(w.tolist())
    np.testing.assert_allclose(*ends, rtol=1e-13)


# ---- B9


def test_b9_dropout_sets_units_to_zero_and_keeps_the_mean():
    gg.manual_seed(0)
    dropout = nn.Dropout(0.4)
    h = dropout(gg.ones(100000, dtype=gg.float64)).numpy()
    np.testing.assert_allclose(np.unique(h), [0, 1 / 0.6], rtol=1e-12)
    assert (h == 0).mean() == pytest.approx(0.4, abs=0.01)
    assert h.mean() == pytest.approx(1, abs=0.02)


def test_b9_no_dropout_when_predicting():
    net = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.9))
    x = gg.randn(5, 3)
    assert net.eval()(x).tolist() == net[0](x).tolist()


def test_b9_gradients_pass_where_units_are_kept():
    gg.manual_seed(0)
    x = gg.ones(1000, requires_grad=True)
    y = nn.Dropout(0.5)(x)
    y.sum().backward()
    assert x.grad.tolist() == y.tolist()


def test_b9_spread_of_predictions_has_a_closed_form():
    """y = sum w_i d_i / (1 - p): mean sum w_i, variance p / (1 - p) sum w_i^2."""
    gg.manual_seed(0)
    net = nn.Sequential(nn.Dropout(0.2), nn.Linear(3, 1, bias=False)).double()
    net[1].weight.data = numbers([1, -2, 3])
    answers = net(gg.ones(100000, 3, dtype=gg.float64)).detach().numpy()
    assert answers.mean() == pytest.approx(2, abs=0.03)
    assert answers.var() == pytest.approx(0.2 / 0.8 * 14, rel=0.02)


# ---- B10


def test_b10_constant_rate_samples_the_posterior():
    """The covariance of the walk solves a linear equation: at rate 2 b / n the posterior's."""
    gg.manual_seed(0)
    n, b, chains = 1000, 10, 2000
    x = np.linalg.qr(np.random.default_rng(0).normal(size=(n, 2)))[0] * math.sqrt(n)
    y = x @ [1, -2] + np.random.default_rng(1).normal(size=n)
    best, rate = x.T @ y / n, 2 * b / n

    # d' = d - rate mean over the batch of (x x' d - x e): M = E[d d'] is where a step leaves it
    outer = np.einsum("ri,rj->rij", x, x)
    noise = np.einsum("rij,r->ij", outer, (y - x @ best) ** 2) / n
    identity = np.eye(2)
    second = np.einsum("rij,rkl->ikjl", outer, outer).reshape(4, 4) / n
    pull = (
        np.kron(identity, identity) * (1 - 2 * rate + rate**2 * (1 - 1 / b)) + rate**2 / b * second
    )
    expected = np.linalg.solve(np.eye(4) - pull, (rate**2 / b * noise).ravel()).reshape(2, 2)
    np.testing.assert_allclose(expected, identity / n, atol=0.1 / n)  # the posterior: I / n

    x, y = gg.tensor(x), gg.tensor(y)
    w = gg.tensor(np.tile(best, (chains, 1)), requires_grad=True)
    optimizer = optim.SGD([w], lr=rate)
    for _ in range(150):
        rows = gg.randint(n, (chains, b))
        errors = (x[rows] * w.unsqueeze(1)).sum(2) - y[rows]
        optimizer.zero_grad()
        (errors**2 / 2).mean(1).sum().backward()
        optimizer.step()
    walks = w.detach().numpy()
    np.testing.assert_allclose(walks.mean(0), best, atol=4 / math.sqrt(n * chains))
    np.testing.assert_allclose(np.cov(walks.T), expected, atol=0.12 / n)


# ---- B11


@pytest.mark.parametrize(
    "fill, sd, largest",
    [
        (lambda w: nn.init.normal_(w, std=0.1), 0.1, None),
        (lambda w: nn.init.trunc_normal_(w, std=0.1, a=-0.2, b=0.2), 0.08796, 0.2),
        (lambda w: nn.init.uniform_(w, -0.1, 0.1), 0.1 / math.sqrt(3), 0.1),
        (nn.init.orthogonal_, 1 / math.sqrt(400), None),
        (nn.init.xavier_normal_, math.sqrt(2 / 500), None),
        (nn.init.xavier_uniform_, math.sqrt(2 / 500), math.sqrt(6 / 500)),
        (nn.init.kaiming_normal_, math.sqrt(2 / 400), None),
        (nn.init.kaiming_uniform_, math.sqrt(2 / 400), math.sqrt(6 / 400)),
    ],
)
def test_b11_initializers(fill, sd, largest):
    gg.manual_seed(0)
    w = fill(gg.empty(100, 400, dtype=gg.float64)).numpy()
    assert w.std() == pytest.approx(sd, rel=0.02)
    assert abs(w.mean()) < 0.02 * sd
    if largest:
        assert 0.99 * largest < abs(w).max() <= largest


def test_b11_orthogonal():
    w = nn.init.orthogonal_(gg.empty(3, 5, dtype=gg.float64))
    np.testing.assert_allclose(w @ w.T, np.eye(3), atol=1e-14)


# ---- B12


def test_b12_transfer_freeze_and_fine_tune():
    gg.manual_seed(0)
    x = gg.randn(64, 3)
    body = nn.Sequential(nn.Linear(3, 8), nn.ReLU())
    first = nn.Sequential(body, nn.Linear(8, 2))

    def train(net):
        kept = [p for p in net.parameters() if p.requires_grad]
        target = x[:, : net[1].out_features]
        gg.fit(net, (x, target), loss=nn.MSELoss(), optimizer=optim.Adam(kept, lr=0.01),
               epochs=5, batch_size=16, verbose=False)  # fmt: skip

    train(first)
    reused = nn.Sequential(body, nn.Linear(8, 1))
    learned = body[0].weight.tolist()
    assert reused[0][0].weight.tolist() == learned
    body.requires_grad_(False)
    train(reused)
    assert body[0].weight.tolist() == learned  # frozen
    body.requires_grad_(True)
    train(reused)
    assert body[0].weight.tolist() != learned  # fine-tuned


def test_b12_transfer_by_state():
    first, second = (nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, k)) for k in (2, 5))
    kept = {name: value for name, value in first.state_dict().items() if name.startswith("0.")}
    missing, unexpected = second.load_state_dict(kept, strict=False)
    assert (missing, unexpected) == (["2.weight", "2.bias"], [])
    assert second[0].weight.tolist() == first[0].weight.tolist()
