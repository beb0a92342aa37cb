"""Threshold units, the perceptron, maxout, columns of ones and zeros: against the lectures."""

import itertools

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from glassgrad.nn import McCullochPitts

SQUARE = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]


@pytest.fixture
def square():
    return gg.tensor(SQUARE)


# ---- J2, J3, J4


@pytest.mark.parametrize(
    "weight, bias, expected",
    [([[1, 1]], [-0.5], [0, 1, 1, 1]), ([[1, 1]], [-1.5], [0, 0, 0, 1])],
    ids=["or", "and"],
)
def test_logic_by_one_unit(weight, bias, expected, square):
    assert McCullochPitts(weight, bias)(square).flatten().tolist() == expected


def test_not_by_one_unit():
    assert McCullochPitts([[-1]], [0.5])(gg.tensor([[0.0], [1.0]])).tolist() == [[1], [0]]


def test_xor_by_no_single_unit(square):
    """b <= 0, b + v > 0 and b + w > 0 make b + v + w > 0, which XOR forbids: here by search."""
    grid = np.linspace(-2, 2, 17)
    units = McCullochPitts(np.array(list(itertools.product(grid, grid))), np.zeros(17**2))
    for bias in grid:
        units.bias.fill_(float(bias))
        assert not (units(square).value.T == [0, 1, 1, 0]).all(1).any()


def test_xor_by_two_layers_with_excitation_and_activation(square):
    hidden = McCullochPitts([[-1, -1], [1, 1]], [0.5, -1.5])
    output = McCullochPitts([[-1, -1]], [0.5])
    excitation = square.linear(hidden.weight, hidden.bias)
    assert excitation.tolist() == [[0.5, -1.5], [-0.5, -0.5], [-0.5, -0.5], [-1.5, 0.5]]
    assert hidden(square).tolist() == [[1, 0], [0, 0], [0, 0], [0, 1]]
    assert nn.Sequential(hidden, output)(square).flatten().tolist() == [0, 1, 1, 0]


def test_threshold_units_are_given_and_not_learnt():
    unit = McCullochPitts([[1, 1]], [-0.5])
    assert [p.requires_grad for p in unit.parameters()] == [False, False]
    assert repr(unit) == "McCullochPitts(weight=[[1.0, 1.0]], bias=[-0.5])"
    with pytest.raises(gg.ShapeError, match=r"bias: \[outputs\] and got f32\[1, 2\] and f32\[2\]"):
        McCullochPitts([[1, 1]], [-0.5, 1])


@pytest.mark.parametrize(
    "layer, expected", [(nn.Step(), [0, 0, 0, 1, 1]), (nn.Sign(), [-1, -1, 0, 1, 1])]
)
def test_step_and_sign(layer, expected):
    x = gg.tensor([-2.0, -0.1, 0.0, 0.1, 3.0], requires_grad=True)
    y = layer(x)
    assert y.tolist() == expected
    y.sum().backward()
    assert x.grad.tolist() == [0] * 5


# ---- J1, J5


def test_decision_and_error_vector():
    p = nn.Perceptron(2, 3)
    p.weight.copy_(gg.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]))
    x = gg.tensor([[2.0, 1.0], [1.0, 2.0], [-1.0, -1.0]])
    assert p.classify(x).tolist() == [0, 1, 2]
    assert p(x).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert p.error(x, [0, 0, 1]).tolist() == [[0, 0, 0], [-1, 1, 0], [0, -1, 1]]


def test_update_adds_to_the_right_class_and_takes_from_the_wrong_one():
    p = nn.Perceptron(2, 3)
    assert p.update(gg.tensor([[3.0, -1.0]]), [2], lr=0.5) == 1
    assert p.weight.tolist() == [[-1.5, 0.5], [0, 0], [1.5, -0.5]]
    assert p.bias.tolist() == [-0.5, 0, 0.5]
    assert p.update(gg.tensor([[3.0, -1.0]]), [2]) == 0
    assert p.weight.tolist() == [[-1.5, 0.5], [0, 0], [1.5, -0.5]]


def by_cases(weight, rows, labels, lr):
    """Lecture J's rule in two cases, with x_0 = 1 at the end of x, written by hand."""
    for x, y in zip(np.c_[rows, np.ones(len(rows))], labels):
        f = int(np.argmax(weight @ x))
        if f != y:
            weight[y] += lr * x
            weight[f] -= lr * x
    return weight


def test_the_error_vector_and_the_two_cases_are_one_rule():
    random = np.random.default_rng(1)
    rows, labels = random.integers(-3, 4, (60, 2)).astype(float), random.integers(0, 4, 60)
    p = nn.Perceptron(2, 4)
    p.update(gg.tensor(rows).float(), gg.tensor(labels), lr=0.25)
    expected = by_cases(np.zeros((4, 3)), rows, labels, 0.25)
    assert np.c_[p.weight.value, p.bias.value].tolist() == expected.tolist()


def test_it_converges_on_what_lines_can_part():
    angles = np.arange(20) * 2 * np.pi / 20  # 20 classes, as in the lecture's picture
    rows = gg.tensor(np.c_[np.cos(angles), np.sin(angles)]).float()
    p = nn.Perceptron(2, 20)
    mistakes = [p.update(rows, gg.arange(20)) for _ in range(250)]
    assert mistakes[0] > 0
    assert mistakes[-1] == 0
    assert p.classify(rows).tolist() == list(range(20))


def test_labels_out_of_range():
    p = nn.Perceptron(2, 3)
    for labels in ([3], [-1]):
        with pytest.raises(IndexError, match="one_hot"):
            p.update(gg.ones(1, 2), labels)


# ---- B2, H10, H11


def test_maxout_is_the_larger_of_two_linear_pieces():
    layer = nn.Maxout(3, 4)
    x = gg.tensor(np.random.default_rng(0).normal(size=(5, 3))).float()
    pieces = [x.value @ layer.weight.value[:, k].T + layer.bias.value[:, k] for k in (0, 1)]
    assert layer(x).value == pytest.approx(np.maximum(*pieces), abs=1e-6)
    assert nn.Maxout(3, 4, pieces=5, bias=False)(x).shape == (5, 4)


def test_maxout_makes_other_activations():
    layer = nn.Maxout(1, 2)
    with gg.no_grad():
        layer.weight.copy_(gg.tensor([[[1.0], [0.0]], [[1.0], [-1.0]]]))
        layer.bias.fill_(0)
    x = gg.tensor([[-2.0], [3.0]])
    assert layer(x).tolist() == [[0, 2], [3, 3]]  # relu and absolute value


def test_gradients_of_maxout():
    layer = nn.Maxout(2, 3, pieces=3, dtype=gg.float64)
    x = gg.tensor(np.random.default_rng(0).normal(size=(4, 2)), requires_grad=True)
    assert gg.autograd.gradcheck(lambda x: layer(x), [x])


def test_k_minus_1_outputs_are_k_logits():
    z = nn.PrependZero()(gg.tensor([[2.0, -1.0]]))
    assert z.tolist() == [[0, 2, -1]]
    one = nn.PrependZero()(gg.tensor([[0.7]])).softmax(-1)
    assert one[0, 1].item() == pytest.approx(1 / (1 + np.exp(-0.7)))  # the binary case
    assert nn.PrependZero()(gg.ones(2, 3, 4)).shape == (2, 3, 5)


def test_a_column_of_ones_is_an_intercept():
    with_bias = nn.Linear(3, 2)
    without = nn.Linear(4, 2, bias=False)
    joined = with_bias.weight.join([with_bias.bias.unsqueeze(1)], 1).detach()
    without.load_state_dict({"weight": joined})
    x = gg.tensor(np.random.default_rng(0).normal(size=(5, 3))).float()
    y = nn.Sequential(nn.AppendOne(), without)(x)
    assert y.value == pytest.approx(with_bias(x).value, abs=1e-6)
    assert nn.AppendOne()(gg.zeros(2, dtype=gg.float64)).tolist() == [0, 0, 1]
