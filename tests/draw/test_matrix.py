"""A layer as the matrix that it is."""

import numpy as np
import pytest

import glassgrad as gg
from drawings import elements, hints, parsed, texts
from glassgrad import nn
from glassgrad.draw.matrix import array_of
from glassgrad.nn.chain import ChainError


def two_kernels():
    layer = nn.Conv1d(1, 2, 2, bias=False)
    layer.weight.data = gg.tensor([[[11.0, 12.0]], [[21.0, 22.0]]])
    return layer


def test_the_matrix_of_lecture_c():
    expected = [[11, 12, 0], [0, 11, 12], [21, 22, 0], [0, 21, 22]]
    assert array_of(two_kernels(), (1, 3)).tolist() == expected
    picture = gg.draw.matrix(two_kernels(), (1, 3))
    shown = texts(picture)
    assert shown[0] == "4 × 3 matrix of Conv1d"
    assert [t for t in shown if t.isdigit()] == [str(n) for row in expected for n in row]
    named = texts(gg.draw.matrix(two_kernels(), (1, 3), names=True))
    assert " ".join(named[1:13]) == "v1,1 v1,2 0 0 v1,1 v1,2 v2,1 v2,2 0 0 v2,1 v2,2"


def test_a_weight_has_its_colour_wherever_it_stands():
    picture = gg.draw.matrix(two_kernels(), (1, 3))
    cells = [e for e in elements(picture, "rect") if e.getElementsByTagName("title")]
    fills = {}
    for cell in cells:
        name = cell.getElementsByTagName("title")[0].firstChild.data.split(" ")[0]
        fills.setdefault(name, set()).add(cell.getAttribute("fill"))
    assert sorted(fills) == ["v1,1", "v1,2", "v2,1", "v2,2"]
    assert all(len(found) == 1 for found in fills.values())
    assert len(set(map(frozenset, fills.values()))) == 4


@pytest.mark.parametrize(
    "layer, shape",
    [
        (nn.Linear(3, 2, bias=False), (3,)),
        (nn.Conv1d(2, 2, 3, stride=2, padding=1, bias=False), (2, 7)),
        (nn.Conv2d(1, 2, 3, dilation=2, bias=False), (1, 6, 6)),
        (nn.ConvTranspose1d(1, 2, 3, stride=2, bias=False), (1, 4)),
    ],
)
def test_the_matrix_does_what_the_layer_does(layer, shape):
    x = gg.randn(1, *shape)
    y = layer(x).detach().numpy().ravel()
    assert array_of(layer, shape) @ x.numpy().ravel() == pytest.approx(y, rel=1e-4, abs=1e-5)
    picture = gg.draw.matrix(layer, shape)
    assert len(hints(picture, " from ")) == np.count_nonzero(array_of(layer, shape))


def test_where_colours_repeat_cells_have_names():
    picture = gg.draw.matrix(nn.Conv2d(1, 2, 3), input_shape=(1, 6, 6))
    shown = texts(picture)
    assert {f"v{i},{j},{k}" for i in (1, 2) for j in (1, 2, 3) for k in (1, 2, 3)} <= set(shown)
    assert shown.count("v2,3,3") == 16
    between = [e for e in elements(picture, "line") if e.getAttribute("y1") == e.getAttribute("y2")]
    assert len(between) == 1  # the two filters


def test_numbers_that_are_not_finite():
    layer = nn.Linear(2, 2)
    layer.weight.data = gg.tensor([[float("nan"), 1.0], [float("inf"), 0.0]])
    assert {"nan", "inf"} <= set(texts(gg.draw.matrix(layer)))
    parsed(gg.draw.matrix(layer, title="<&"))


def test_what_is_no_matrix_is_said():
    with pytest.raises(ChainError, match="one layer that multiplies with weights, and Max"):
        gg.draw.matrix(nn.MaxPool1d(2), (1, 4))
    with pytest.raises(ChainError, match=r"take a layer out of the model, as model\[0\]"):
        gg.draw.matrix(nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)))
    with pytest.raises(ValueError, match=r"1,000 x 784 cells, too many"):
        gg.draw.matrix(nn.Linear(784, 1000))


# ---- the loss around the weights


def test_small_weights_are_no_zeros():
    layer = nn.Conv1d(1, 1, 2)
    layer.weight.data[0, 0, 1] = 0.0003
    assert ">0.0003<" in gg.draw.matrix(layer, input_shape=(1, 3)).svg
