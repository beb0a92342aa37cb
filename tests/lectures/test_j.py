"""Lecture J, row by row: its printed numbers, closed forms, PyTorch."""

import itertools
import math

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn

F = nn.functional


def numbers(*values):
    return gg.tensor(values, dtype=gg.float64)


BITS = gg.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


# ---- J1


def clusters(classes, rows, seed=0):
    """Points around places on a circle, with a column of ones; labels 0, ..., classes - 1.

    The lecture writes y in {-1, 1} for the labels of many classes; they are class numbers.
    """
    random = np.random.default_rng(seed)
    labels = np.arange(rows) % classes
    angles = 2 * math.pi * labels / classes
    points = 20 * np.stack([np.cos(angles), np.sin(angles)], 1) + 0.3 * random.normal(
        size=(rows, 2)
    )
    return gg.tensor(np.c_[points, np.ones(rows)]), labels


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_j1_the_training_rule_separates_clusters(classes):
    points, labels = clusters(classes, 4 * classes)
    w = gg.zeros(classes, 3, dtype=gg.float64)
    perceptron = nn.Perceptron(2, classes).double()
    for _ in range(1000):
        mistakes = 0
        for x, y in zip(points, labels):
            chosen = int((w @ x).argmax())
            if chosen != y:
                w[y] += 0.1 * x
                w[chosen] -= 0.1 * x
                mistakes += 1
        assert perceptron.update(points[:, :2], labels, lr=0.1) == mistakes
        if not mistakes:
            break
    assert perceptron.classify(points[:, :2]).tolist() == labels.tolist()
    np.testing.assert_allclose(perceptron.weight, w[:, :2], atol=1e-9)
    np.testing.assert_allclose(perceptron.bias, w[:, 2], atol=1e-9)
    assert w.any()


def test_j1_one_mistake_moves_two_rows():
    w = numbers([1, 0], [0, 1], [0, 0])
    perceptron = nn.Perceptron(2, 3)
    perceptron.weight.copy_(w)
    x, label = gg.tensor([3.0, 1.0]), gg.tensor(2)
    assert perceptron.classify(x) == 0
    assert perceptron.update(x.unsqueeze(0), [2], lr=0.5) == 1
    assert perceptron.weight.tolist() == [[-0.5, -0.5], [0, 1], [1.5, 0.5]]
    assert perceptron.bias.tolist() == [-0.5, 0, 0.5]
    assert perceptron(x).tolist() == F.one_hot(label, 3).tolist()
    assert perceptron.update(x.unsqueeze(0), [2], lr=0.5) == 0
    assert perceptron.weight.tolist() == [[-0.5, -0.5], [0, 1], [1.5, 0.5]]


# ---- J2


@pytest.mark.parametrize(
    "threshold, expected", [(0.5, [0, 1, 1, 1]), (1.5, [0, 0, 0, 1])], ids=["or", "and"]
)
def test_j2_mcculloch_pitts(threshold, expected):
    unit = nn.McCullochPitts([[1, 1]], [-threshold])
    assert unit(BITS).ravel().tolist() == expected
    assert nn.Step()(BITS.sum(1) - threshold).tolist() == expected


def test_j2_no_unit_computes_xor():
    grid = np.linspace(-3, 3, 13)
    w = gg.tensor(list(itertools.product(grid, grid, grid)))
    outputs = nn.McCullochPitts(w[:, :2], w[:, 2])(BITS).T
    found = {tuple(row) for row in outputs.int().tolist()}
    assert len(found) == 14  # of the 16 functions of two bits
    missing = set(itertools.product([0, 1], repeat=4)) - found
    assert missing == {(0, 1, 1, 0), (1, 0, 0, 1)}  # XOR and its negation


# ---- J3


def test_j3_xor_by_two_layers():
    first = nn.McCullochPitts([[-1, -1], [1, 1]], [0.5, -1.5])
    second = nn.McCullochPitts([[-1, -1]], [0.5])
    excitation = BITS @ first.weight.T + first.bias
    assert excitation.T.tolist() == [[0.5, -0.5, -0.5, -1.5], [-1.5, -0.5, -0.5, 0.5]]
    h = first(BITS)
    assert h.T.tolist() == [[1, 0, 0, 0], [0, 0, 0, 1]]  # neither, both
    assert (h @ second.weight.T + second.bias).ravel().tolist() == [-0.5, 0.5, 0.5, -0.5]
    assert nn.Sequential(first, second)(BITS).ravel().tolist() == [0, 1, 1, 0]


# ---- J4


@pytest.mark.parametrize(
    "function, by_hand",
    [
        (nn.Step(), lambda b: float(b > 0)),
        (nn.Sign(), lambda b: float((b > 0) - (b < 0))),
        (gg.sigmoid, lambda b: 1 / (1 + math.exp(-b))),
        (gg.tanh, lambda b: (math.exp(b) - math.exp(-b)) / (math.exp(b) + math.exp(-b))),
        (gg.relu, lambda b: max(0.0, b)),
    ],
    ids=["unit step", "signum", "logistic", "tanh", "ReLU"],
)
def test_j4_activation_functions(function, by_hand):
    beta = [-2.5, -1.0, 0.0, 0.25, 3.0]
    np.testing.assert_allclose(function(numbers(*beta)), [by_hand(b) for b in beta], rtol=1e-14)


# ---- J5


def test_j5_one_hot():
    assert F.one_hot(gg.tensor([2, 0]), 3).tolist() == [[0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize("label, chosen", [*itertools.product(range(3), range(3))])
def test_j5_the_error_vector_is_the_perceptrons_rule(label, chosen):
    x = numbers(3, -1, 1)
    error = F.one_hot(gg.tensor(chosen), 3) - F.one_hot(gg.tensor(label), 3)
    assert error[label] == (0 if label == chosen else -1)  # undershot
    assert error[chosen] == (0 if label == chosen else 1)  # overshot
    perceptron = nn.Perceptron(3, 3).double()
    perceptron.bias[chosen] = 1  # so that this class is chosen
    assert perceptron.error(x, label).tolist() == error.tolist()
    perceptron.update(x.unsqueeze(0), [label], lr=0.1)
    by_rule = gg.zeros(3, 3, dtype=gg.float64)
    if label != chosen:
        by_rule[label] += 0.1 * x
        by_rule[chosen] -= 0.1 * x
    np.testing.assert_allclose(perceptron.weight, by_rule, rtol=1e-15)


# ---- J6

W = [[0.2, -0.5, 0.1], [0.0, 0.3, -0.2], [1.0, 0.1, 0.0]]
TOKENS, CLASSES = (
    [[1.0, 2.0, 1.0], [-1.0, 0.5, 1.0], [0.0, -1.0, 1.0], [3.0, 1.0, 1.0]],
    [1, 0, 2, 2],
)


def test_j6_softmax_is_a_probability():
    f = gg.softmax(numbers(*TOKENS) @ numbers(*W).T, 1)
    assert ((f >= 0) & (f <= 1)).all()
    np.testing.assert_allclose(f.sum(1), 1, rtol=1e-15)


def test_j6_cross_entropy_is_the_log_likelihood_of_a_token():
    scores = numbers(*TOKENS) @ numbers(*W).T
    likelihood = gg.softmax(scores, 1)[range(4), CLASSES].prod()
    # The lecture writes log here and ln above; the natural logarithm is meant throughout.
    expected = -likelihood.log() / 4
    found = F.cross_entropy(scores, gg.tensor(CLASSES))
    assert found.item() == pytest.approx(expected.item(), rel=1e-14)


@pytest.mark.parametrize("token", range(4))
def test_j6_gradient_of_one_token(token):
    w, x = numbers(*W).requires_grad_(), numbers(*TOKENS[token])
    loss = gg.logsumexp(w @ x, 0) - (w @ x)[CLASSES[token]]
    loss.backward()
    f, y = gg.softmax(w.detach() @ x, 0), F.one_hot(gg.tensor(CLASSES[token]), 3)
    np.testing.assert_allclose(w.grad, gg.outer(f - y, x), rtol=1e-13, atol=1e-16)


def test_j6_stochastic_descent_steps_by_the_whole_rate():
    # The lecture has w - eta / 2 gradient(L_i) and then w - eta (f - y) x: only eta is consistent.
    w, x = numbers(*W).requires_grad_(), numbers(*TOKENS[0])
    optimizer = gg.optim.SGD([w], lr=0.1)
    f = gg.softmax(w.detach() @ x, 0)
    F.cross_entropy((w @ x).unsqueeze(0), gg.tensor([1])).backward()
    optimizer.step()
    expected = numbers(*W) - 0.1 * gg.outer(f - numbers(0, 1, 0), x)
    np.testing.assert_allclose(w.detach(), expected, rtol=1e-13)


# ---- J8: the programs themselves are in test_programs.py


def test_j8_gradient_of_the_polynomial():
    x = gg.linspace(-math.pi, math.pi, 50, dtype=gg.float64)
    w = numbers(0.1, -0.2, 0.3, -0.1).requires_grad_()
    powers = gg.stack([x**k for k in range(4)], 1)
    error = powers @ w - x.sin()
    (error**2).mean().backward()
    np.testing.assert_allclose(w.grad, 2 / 50 * powers.T @ error.detach(), rtol=1e-12)


def test_j8_descent_approaches_least_squares():
    x = np.linspace(-math.pi, math.pi, 500)
    powers = np.vander(x / math.pi, 4, increasing=True)
    best = np.linalg.lstsq(powers, np.sin(x))[0]
    w = gg.zeros(4, dtype=gg.float64, requires_grad=True)
    optimizer = gg.optim.LBFGS([w], max_iter=100, line_search_fn="strong_wolfe", tolerance_change=0)

    def closure():
        optimizer.zero_grad()
        loss = (gg.tensor(powers) @ w - gg.tensor(np.sin(x))).pow(2).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(w.detach(), best, atol=1e-6)


# ---- J9


def test_j9_operators_are_methods():
    b, x = gg.tensor(3.0, requires_grad=True), gg.tensor([1.0, 2.0])
    assert (b * x).tolist() == b.__mul__(x).tolist() == [3, 6]


def test_j9_backward_with_an_argument():
    b, x = gg.tensor(3.0, requires_grad=True), gg.tensor([1.0, 2.0])
    (b * x).backward(gg.tensor([1.0, 10.0]))
    assert b.grad.item() == 21


def test_j9_backward_without_an_argument_needs_one_number():
    # The lecture once writes loss = (f - y).pow(2) and calls loss.backward(): the mean is missing.
    b, x = gg.tensor(3.0, requires_grad=True), gg.tensor([1.0, 2.0])
    with pytest.raises(RuntimeError, match=r"needs a tensor of one number and got f32\[2\]"):
        (b * x).pow(2).backward()


def test_j9_the_gradient_of_a_node_in_between_is_kept_on_request():
    # The lecture says that backward stores f.grad; as in PyTorch that needs f.retain_grad().
    c, y = gg.tensor(2.0, requires_grad=True), gg.tensor(1.0)
    f = 3 * c
    f.retain_grad()
    (f - y).pow(2).backward()
    assert (f.grad.item(), c.grad.item()) == (10, 30)
    f = 3 * c
    (f - y).pow(2).backward()
    assert f.grad is None


def test_j9_a_sum_has_no_dimensions():
    loss = gg.ones(3).pow(2).sum()
    assert loss.shape == ()  # the lecture's comment says (1,)
    assert loss.item() == 3
    assert isinstance(loss.item(), float)


def test_j9_gradients_accumulate_until_they_are_zeroed():
    w = gg.tensor(2.0, requires_grad=True)
    found = []
    for _ in range(3):
        (w * w).backward()
        found.append(w.grad.item())
    w.grad = None
    (w * w).backward()
    assert (found, w.grad.item()) == ([4, 8, 12], 4)


def test_j9_no_grad_and_updates_in_place():
    w = gg.tensor(2.0, requires_grad=True)
    before = w
    with gg.no_grad():
        assert not (w * 2).requires_grad
        w -= 0.5
    assert w is before
    assert w.is_leaf
    assert w.item() == 1.5
    with pytest.raises(RuntimeError, match=r"inside `with gg.no_grad\(\):`"):
        w -= 0.5


def test_j9_saved_tensors():
    class Multiply(gg.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.save_for_backward(x, y)
            return x * y

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            return g * y, g * x

    p, q = gg.tensor(2.0, requires_grad=True), gg.tensor(5.0, requires_grad=True)
    product = Multiply.apply(p, q)
    product.backward()
    assert (product.item(), p.grad.item(), q.grad.item()) == (10, 5, 2)


# ---- J10


@pytest.mark.parametrize("lead", [(), (1,), (5,), (7, 5), (0, 2)])
def test_j10_linear_on_any_leading_dimensions(lead):
    m = nn.Linear(2, 3).double()
    assert (m.weight.shape, m.bias.shape) == ((3, 2), (3,))
    x = gg.randn(*lead, 2, dtype=gg.float64)
    o = m(x)
    assert o.shape == (*lead, 3)
    expected = np.einsum("oi,...i->...o", m.weight.detach(), x) + m.bias.detach().numpy()
    np.testing.assert_allclose(o.detach(), expected, rtol=1e-12)


def test_j10_sequential():
    model = nn.Sequential(nn.Linear(2, 3), nn.Sigmoid(), nn.Linear(3, 2))
    expected = [model[0].weight, model[0].bias, model[2].weight, model[2].bias]
    assert [id(p) for p in model.parameters()] == [id(p) for p in expected]
    x = gg.randn(4, 2)
    by_layers = model[2](model[1](model[0](x)))
    assert model(x).tolist() == by_layers.tolist()


def test_j10_layers_of_the_lecture():
    i = numbers(-1, 0, 2)
    e = np.exp([-1, 0, 2])
    np.testing.assert_allclose(nn.Softmax(0)(i), e / e.sum(), rtol=1e-14)
    np.testing.assert_allclose(nn.Sigmoid()(i), e / (1 + e), rtol=1e-14)
    assert nn.ReLU()(i).tolist() == [0, 0, 2]


def test_j10_parameters_are_changed_under_no_grad():
    # The lecture changes them outside of no_grad, which PyTorch refuses, and so do we.
    model = nn.Sequential(nn.Linear(2, 1))
    model(gg.ones(1, 2)).sum().backward()
    param = model[0].weight
    with pytest.raises(RuntimeError, match="no_grad"):
        param -= 0.1 * param.grad
    before = [p.tolist() for p in model.parameters()]
    with gg.no_grad():
        for param in model.parameters():
            param -= 1.0 * param.grad
    after = [p.tolist() for p in model.parameters()]
    np.testing.assert_allclose(after[0], np.array(before[0]) - 1)
    np.testing.assert_allclose(after[1], np.array(before[1]) - 1)
