"""`gg.explain.count`: the quizzes of lectures H and C, and any layer against its matrix."""

import itertools
import math
from xml.dom import minidom

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn


def network(*units, bias=False):
    layers = []
    for inputs, outputs in itertools.pairwise(units):
        layers += [nn.Linear(inputs, outputs, bias=bias), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


# ---- lecture H, pages on network diagrams, and the quiz; lecture C repeats it


@pytest.mark.parametrize(
    "units, weights, all_units",
    [
        ((10, 1), 10, 11),
        ((1, 2, 1), 4, 4),
        ((1, 20, 1), 40, 22),
        ((12, 5, 1), 65, 18),
        ((12, 5, 10), 110, 27),
        ((4, 10, 5, 3, 1), 108, 23),
        ((10, 100, 1), 1100, 111),  # the quiz, one output unit
        ((10, 100, 10), 2000, 120),  # ten output units
    ],
)
@pytest.mark.parametrize("bias", [False, True])
def test_h1_weights_and_units(units, weights, all_units, bias):
    found = gg.explain.count(network(*units, bias=bias))
    assert found.total.weights == weights == sum(a * b for a, b in itertools.pairwise(units))
    assert found.total.connections == found.total.multiplications == weights
    assert found.total.zeros == 0
    assert found.total.biases == (sum(units[1:]) if bias else 0)
    assert found.units == all_units == sum(units)
    assert found.total.memory == 4 * (
        weights + found.total.biases + sum(r.units for r in found.rows)
    )


# ---- lecture C, architecture exercises


def only_row(model, input_shape):
    (row,) = gg.explain.count(model, input_shape).rows
    return row


def test_c2_one_dimension():
    full = only_row(nn.Linear(10, 5, bias=False), 10)
    assert (full.weights, full.connections, full.zeros) == (50, 50, 0)
    kernel = only_row(nn.Conv1d(1, 1, 6, bias=False), (1, 10))
    assert (kernel.weights, kernel.outputs, kernel.connections, kernel.zeros) == (6, (1, 5), 30, 20)


def test_c2_two_dimensions():
    row = only_row(nn.Conv2d(1, 20, 5, bias=False), (1, 10, 10))
    assert row.weights == 20 * 25 == 500
    assert only_row(nn.Conv2d(1, 1, 5, bias=False), (1, 10, 10)).weights == 25
    assert (row.each, row.units) == (36, 720)


def test_c2_stride():
    row = only_row(nn.Conv1d(1, 1, 5, stride=5, bias=False), (1, 20))
    assert (row.weights, row.units, row.connections, row.zeros) == (5, 4, 20, 60)


def test_c2_pooling():
    row = only_row(nn.MaxPool2d(5, stride=5), (1, 10, 10))
    assert (row.units, row.weights, row.multiplications) == (4, 0, 0)


def test_c3_stride_diagram():
    units = [only_row(nn.MaxPool1d(3, stride), (1, 10)).units for stride in (1, 2, 3)]
    assert units == [8, 4, 3]


def test_two_filters():
    found = gg.explain.count(nn.Conv1d(1, 2, 3, bias=False), (1, 6))
    assert (found.total.weights, found.total.units, found.units) == (6, 8, 14)


# ---- any layer against its matrix


def matrix(layer, shape):
    """The Jacobian of a layer, outputs in rows, with all its weights 1."""
    for p in layer.parameters():
        nn.init.ones_(p)
    units = gg.eye(math.prod(shape)).reshape(-1, *shape)
    rest = layer(gg.zeros(1, *shape))
    return np.asarray((layer(units) - rest).detach().flatten(1).T)


CONVOLUTIONS = [
    pytest.param(nn.Conv1d, (2, 4, 3), {}, (2, 9), id="1-d"),
    pytest.param(nn.Conv1d, (2, 4, 3), {"padding": 2, "stride": 2}, (2, 9), id="1-d padding"),
    pytest.param(nn.Conv1d, (2, 4, 3), {"dilation": 3, "padding": 1}, (2, 9), id="1-d dilation"),
    pytest.param(nn.Conv2d, (2, 3, 3), {}, (2, 6, 5), id="2-d"),
    pytest.param(nn.Conv2d, (2, 4, (3, 2)), {"padding": (2, 1)}, (2, 6, 5), id="2-d padding"),
    pytest.param(nn.Conv2d, (2, 4, 3), {"stride": (2, 3), "padding": 1}, (2, 6, 5), id="stride"),
    pytest.param(nn.Conv2d, (2, 2, 2), {"dilation": (2, 3), "padding": 2}, (2, 6, 5), id="2-d d"),
    pytest.param(nn.Conv2d, (4, 6, 3), {"groups": 2, "padding": 1}, (4, 5, 5), id="groups"),
    pytest.param(nn.Conv2d, (4, 4, 3), {"groups": 4, "stride": 2}, (4, 5, 5), id="depthwise"),
    pytest.param(nn.ConvTranspose1d, (2, 3, 3), {"stride": 2}, (2, 5), id="transposed"),
    pytest.param(nn.ConvTranspose2d, (2, 3, 3), {"stride": 2, "padding": 1}, (2, 4, 3), id="2-d t"),
]  # fmt: skip


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("kind, sizes, options, shape", CONVOLUTIONS)
def test_convolutions_count_as_their_matrix(kind, sizes, options, shape, bias):
    layer = kind(*sizes, **options, bias=bias)
    row = only_row(layer, shape)
    dense = matrix(layer, shape)
    assert row.connections == row.multiplications == np.count_nonzero(dense)
    assert row.zeros == dense.size - np.count_nonzero(dense)
    assert row.units == len(dense) == row.each * sizes[1]
    assert row.weights == layer.weight.numel()
    assert row.biases == (sizes[1] if bias else 0)


@pytest.mark.parametrize(
    "layer, shape",
    [
        (nn.AvgPool1d(3), (2, 10)),
        (nn.AvgPool1d(3, stride=2, padding=1), (2, 10)),
        (nn.AvgPool2d(2), (3, 6, 5)),
        (nn.AvgPool2d((3, 2), stride=(1, 2), padding=(1, 1)), (1, 6, 5)),
        (nn.AvgPool2d(3, ceil_mode=True), (1, 7, 8)),
    ],
)
def test_pooling_counts_as_its_matrix(layer, shape):
    row, dense = only_row(layer, shape), matrix(layer, shape)
    assert (row.connections, row.zeros) == (np.count_nonzero(dense), np.sum(dense == 0))
    assert row.units == len(dense) == row.each * shape[0]
    assert row.weights == row.multiplications == 0


def test_dilated_windows():
    one = only_row(nn.MaxPool1d(3, stride=1, dilation=2, padding=1), (1, 10))
    seen = [range(i - 1, i + 5, 2) for i in range(8)]  # windows of three, every other place
    assert one.units == 8
    assert one.connections == sum(0 <= p < 10 for places in seen for p in places)


def test_linear_at_every_place():
    layer = nn.Linear(3, 2, bias=False)
    row, dense = only_row(layer, (4, 3)), matrix(layer, (4, 3))
    assert (row.connections, row.zeros) == (np.count_nonzero(dense), np.sum(dense == 0))
    assert row.weights == 6


def test_lenet():
    lenet = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
    )  # fmt: skip
    found = gg.explain.count(lenet, (1, 28, 28))
    assert found.total.weights + found.total.biases == 61706  # LeCun et al. 1998, table of layers
    assert sum(p.numel() for p in lenet.parameters()) == 61706


# ---- what is shown, and errors


def test_prints_as_a_table():
    found = gg.explain.count(
        nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 3)), (1, 8, 8)
    )
    lines = str(found).splitlines()
    assert lines[0].split()[:3] == ["layer", "outputs", "weights"]
    assert len({len(line) for line in lines[:-1]}) == 1
    assert lines[-2].startswith("total")
    assert minidom.parseString(found._repr_html_())


def test_errors():
    with pytest.raises(ValueError, match="input_shape"):
        gg.explain.count(nn.Conv1d(1, 1, 3))
    with pytest.raises(gg.ShapeError):
        gg.explain.count(nn.Linear(3, 2), 4)


# ---- shared weights, several inputs and paths


class Loop(nn.Module):
    """One layer three times."""

    def __init__(self):
        self.cell = nn.Linear(2, 2)

    def forward(self, x):
        for _ in range(3):
            x = gg.tanh(self.cell(x))
        return x


class Tied(nn.Module):
    """Two layers with one weight, each with its own bias, and a skip connection."""

    def __init__(self):
        self.down, self.up = nn.Linear(4, 4), nn.Linear(4, 4)
        self.up.weight = self.down.weight

    def forward(self, x):
        return self.up(self.down(x).relu()) + x


class ByHand(nn.Module):
    """A matrix three times, once turned over, its bias twice."""

    def __init__(self):
        self.W, self.b = nn.Parameter(gg.randn(3, 3)), nn.Parameter(gg.randn(3))

    def forward(self, x):
        for _ in range(2):
            x = gg.relu(x @ self.W + self.b)
        return x @ self.W.T


@pytest.mark.parametrize(
    "model, weights, biases, work, shared",
    [(Loop(), 4, 2, 12, 2), (Tied(), 16, 8, 32, 1), (ByHand(), 9, 3, 27, 2)],
    ids=lambda v: type(v).__name__,
)
def test_shared_weights_count_once_and_work_at_each_use(model, weights, biases, work, shared):
    found = gg.explain.count(model, next(iter(model.parameters())).shape[1])
    total = found.total
    assert (total.weights, total.biases) == (weights, biases)
    assert total.weights + total.biases == sum(p.numel() for p in model.parameters())
    assert (total.connections, total.multiplications) == (work, work)
    assert total.memory == 4 * (weights + biases + sum(row.units for row in found.rows))
    assert sum(row.layer.endswith(", shared") for row in found.rows) == shared
    assert str(found).endswith(
        "shared: these weights stand above and count once; they multiply at each use"
    )
    assert "count once" in found._repr_html_()
    assert "shared" not in str(gg.explain.count(nn.Linear(2, 2)))


class Joined(nn.Module):
    """Words and numbers."""

    def __init__(self):
        self.table, self.side = nn.Embedding(5, 2), nn.Linear(3, 2)
        self.top = nn.Linear(10, 1)

    def forward(self, words, numbers):
        return self.top(gg.cat([self.table(words).flatten(1), self.side(numbers)], 1))


def test_several_inputs():
    for shapes in ([(4,), (3,)], ((4,), (3,)), [4, 3], (4, 3)):
        found = gg.explain.count(Joined(), shapes)
        assert found.total.weights == 10 + 6 + 10 and found.total.biases == 3
        assert [row.layer for row in found.rows][-2:] == ["concatenate", "top Linear"]
        assert str(found).splitlines()[-1] == f"inputs [4], [3]: {7 + 2 + 1} units in all"

    class Sum(nn.Linear):
        def forward(self, *parts):
            return super().forward(sum(parts))

    assert gg.explain.count(Sum(3, 2), [(3,), (3,), (3,)]).units == 9 + 2


class Two(nn.Module):
    """Two layers side by side."""

    def __init__(self):
        self.one, self.other = nn.Linear(3, 4), nn.Linear(2, 4)

    def forward(self, x, z):
        return self.one(x) + self.other(z)


@pytest.mark.parametrize("shapes", [None, 3, [(4,), (3,), (2,)], (3,)])
def test_a_missing_shape_is_told_with_the_call(shapes):
    with pytest.raises(ValueError, match="takes 2 inputs, words, numbers: ") as error:
        gg.explain.count(Joined(), shapes)
    assert str(error.value).endswith("gg.explain.count(model, [words_shape, numbers_shape])")
    with pytest.raises(ValueError, match=r"as gg.explain.count\(model, \[\(3,\), \(2,\)\]\)$"):
        gg.explain.count(Two())
    with pytest.raises(ValueError, match="takes 1 input, input: "):
        gg.explain.count(nn.Linear(3, 2), [(3,), (3,)])
    with pytest.raises(gg.ShapeError, match="side"):
        gg.explain.count(Joined(), [(4,), (7,)])
