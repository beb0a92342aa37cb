"""Lecture C, row by row: its exercises, closed forms, PyTorch."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn

F = nn.functional


def numbers(*values):
    return gg.tensor(values, dtype=gg.float64)


def matrix(layer, inputs):
    """The matrix of a convolution of one channel: its columns are the outputs for unit vectors."""
    return layer(gg.eye(inputs).unsqueeze(1)).flatten(1).T.detach()


def convolution(kernels, stride=1):
    layer = nn.Conv1d(1, len(kernels), len(kernels[0]), stride, bias=False)
    layer.weight.data = gg.tensor(kernels, dtype=gg.float32).unsqueeze(1)
    return layer


# ---- C1


@pytest.mark.parametrize(
    "kernels, inputs, expected",
    [
        ([[5, 7]], 3, [[5, 7, 0], [0, 5, 7]]),
        ([[11, 12], [21, 22]], 3, [[11, 12, 0], [0, 11, 12], [21, 22, 0], [0, 21, 22]]),
        (
            [[1, 2, 3]],
            6,
            [[1, 2, 3, 0, 0, 0], [0, 1, 2, 3, 0, 0], [0, 0, 1, 2, 3, 0], [0, 0, 0, 1, 2, 3]],
        ),
    ],
)
def test_c1_matrix_of_shared_weights_and_zeros(kernels, inputs, expected):
    layer = convolution(kernels)
    assert matrix(layer, inputs).tolist() == expected
    x = gg.randn(inputs)
    np.testing.assert_allclose(
        layer(x.reshape(1, 1, -1)).detach().ravel(), np.array(expected) @ x.numpy(), rtol=1e-5
    )


@pytest.mark.parametrize(
    "inputs, kernel_size, filters, outputs",
    [(3, 2, 1, 2), (3, 2, 2, 4), (6, 3, 1, 4), (6, 3, 2, 8)],
)
def test_c1_numbers_of_outputs_in_the_diagrams(inputs, kernel_size, filters, outputs):
    layer = nn.Conv1d(in_channels=1, out_channels=filters, kernel_size=kernel_size)
    assert layer(gg.zeros(1, 1, inputs)).numel() == outputs == filters * (inputs - kernel_size + 1)


def test_c1_definition():
    x, v = np.arange(10.0) ** 2, np.array([[1.0, -2, 0.5], [3, 0, 1]])
    h = F.conv1d(gg.tensor(x).reshape(1, 1, -1), gg.tensor(v).unsqueeze(1))
    expected = [[sum(v[k, p] * x[u + p] for p in range(3)) for u in range(8)] for k in range(2)]
    np.testing.assert_allclose(h[0], expected)


# ---- C2: the exercises. `gg.explain.count` will show them for any layer.


def counts(kernel_size, inputs, stride=1):
    dense = matrix(convolution([[1] * kernel_size], stride), inputs)
    connections = int((dense != 0).sum())
    return len(dense), connections, dense.numel() - connections


def test_c2_one_dimension():
    assert nn.Linear(10, 5, bias=False).weight.numel() == 50
    kernel_size = 10 - 5 + 1
    assert kernel_size == 6  # weights to learn
    assert counts(kernel_size, 10) == (5, 30, 20)


def test_c2_two_dimensions():
    layer = nn.Conv2d(1, 20, kernel_size=5, bias=False)
    outputs = layer(gg.zeros(1, 1, 10, 10))
    assert (layer.weight[0].numel(), layer.weight.numel()) == (25, 500)
    assert (outputs[0, 0].numel(), outputs.numel()) == (36, 720)


def test_c2_stride():
    layer = convolution([[1] * 5], stride=5)
    assert layer.weight.numel() == 5
    assert counts(5, 20, stride=5) == (4, 20, 60)
    assert nn.MaxPool2d(kernel_size=5, stride=5)(gg.zeros(1, 1, 10, 10)).numel() == 4


def test_c2_computation():
    x = numbers(0, 3, 10)
    assert (numbers([-1, 2, -3], [4, -5, 6]) @ x).tolist() == [-24, 45]
    h = F.conv1d(x.reshape(1, 1, 3), numbers(-2, 1).reshape(1, 1, 2))
    assert h.ravel().tolist() == [3, 4]


def test_c2_two_dimensional_convolution_by_definition():
    x, v = (
        np.random.default_rng(0).normal(size=(6, 7)),
        np.random.default_rng(1).normal(size=(3, 2)),
    )
    h = F.conv2d(gg.tensor(x)[None, None], gg.tensor(v)[None, None])[0, 0]
    expected = [[(v * x[i : i + 3, j : j + 2]).sum() for j in range(6)] for i in range(4)]
    np.testing.assert_allclose(h, expected, rtol=1e-12)


# ---- C3

X = [0, 3, 10, -2, 5, 1]


def test_c3_pooling_and_stride():
    # The exercise leaves the size of the windows open; as the lecture says they are as large as
    # the stride, which is PyTorch's default for pooling (for convolution it is stride 1).
    x = numbers(X)
    assert nn.AvgPool1d(2)(x).tolist() == [[1.5, 4, 3]]
    assert nn.MaxPool1d(3)(x).tolist() == [[10, 5]]
    h = F.conv1d(x.unsqueeze(0), numbers(-2, 1).reshape(1, 1, 2), stride=2)
    assert h.ravel().tolist() == [3, -22, -9]


@pytest.mark.parametrize("stride, outputs", [(1, 8), (2, 4), (3, 3)])
def test_c3_stride_diagram(stride, outputs):
    x = gg.randn(10)
    pooled = nn.MaxPool1d(kernel_size=3, stride=stride)(x.unsqueeze(0))
    assert pooled.ravel().tolist() == [max(x.tolist()[stride * u :][:3]) for u in range(outputs)]


def test_c3_pooling_is_for_each_channel():
    x = gg.stack([gg.tensor(X), -gg.tensor(X)]).float()
    assert nn.MaxPool1d(2)(x).tolist() == [[3, 10, 5], [0, 2, -1]]


# ---- C4


def test_c4_text_as_one_hot_columns():
    text, alphabet = "a good book!", "abcdefghijklmnopqrstuvwxyz! "
    columns = gg.data.characters([text], alphabet)[0]
    assert columns.shape == (28, 12)
    ones = {
        c: [k for k, v in enumerate(columns[alphabet.index(c)].tolist()) if v] for c in "abdgo!"
    }
    # The lecture's table, as printed, has the d at 6, the o at 1 and 6, the ! at 12.
    assert ones == {"a": [0], "b": [7], "d": [5], "g": [2], "o": [3, 4, 8, 9], "!": [11]}
    assert columns.sum(0).tolist() == [1] * 12

    kernel = gg.zeros(1, len(alphabet), 2)
    kernel[0, alphabet.index("o")] = 1
    found = F.conv1d(columns, kernel)
    assert (found == 2).nonzero()[:, 1].tolist() == [3, 8]  # where "oo" begins


# ---- C5


def test_c5_lbfgs_solves_a_quadratic():
    random = np.random.default_rng(0)
    a = random.normal(size=(6, 6))
    a, b = a @ a.T + np.eye(6), random.normal(size=6)
    w = gg.zeros(6, dtype=gg.float64, requires_grad=True)
    optimizer = gg.optim.LBFGS([w], max_iter=50, line_search_fn="strong_wolfe")
    calls = []

    def closure():
        optimizer.zero_grad()
        loss = w @ (gg.tensor(a) @ w) / 2 - gg.tensor(b) @ w
        loss.backward()
        calls.append(loss.item())
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(w.detach(), np.linalg.solve(a, b), atol=1e-4)
    assert 1 < len(calls) < 100


def test_c5_a_list_of_a_generator_is_refused():
    # The lecture writes LBFGS([net.parameters()]), which PyTorch refuses too.
    with pytest.raises(TypeError, match="Tensor|tensor"):
        gg.optim.LBFGS([nn.Linear(2, 1).parameters()])
