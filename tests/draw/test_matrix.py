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


def trained():
    gg.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Dropout(0.5), nn.Linear(4, 1))
    X = gg.randn(20, 2)
    return net, X, X.sum(1, keepdim=True)


def test_a_landscape_is_the_same_again_and_leaves_the_model():
    net, X, y = trained()
    before = {name: value.numpy().copy() for name, value in net.state_dict().items()}
    first = gg.draw.landscape(net, nn.MSELoss(), X, y, points=5)
    assert first.svg == gg.draw.landscape(net, nn.MSELoss(), X, y, points=5).svg
    parsed(first)
    assert all((before[k] == v.numpy()).all() for k, v in net.state_dict().items())
    assert net.training
    net.eval()
    middle = nn.MSELoss()(net(X), y).item()
    assert any(f"loss {middle:.4g}" in t.get_text() for t in first.axes.get_legend().get_texts())


def test_directions_are_as_long_as_the_weights_filter_by_filter():
    from glassgrad.draw.landscape import directions

    kernel = gg.randn(3, 2, 5)
    for found in directions([kernel], 0):
        lengths = [np.linalg.norm(a, axis=(1, 2)) for a in (found[0], kernel.numpy())]
        assert lengths[0] == pytest.approx(lengths[1], rel=1e-5)


def test_a_square_has_the_landscape_of_a_square():
    """Along any direction the loss of one weight, (w - 1)^2 at w = 1, is a^2."""
    from glassgrad.draw.landscape import heights

    layer = nn.Linear(1, 1, bias=False)
    layer.weight.data = gg.ones(1, 1)
    at = np.linspace(-1, 1, 5)
    both = [np.ones((1, 1))], [np.zeros((1, 1))]
    found = heights(layer, nn.MSELoss(), gg.ones(1, 1), gg.ones(1, 1), both, at)
    assert found == pytest.approx(np.tile(at**2, (5, 1)))


def test_landscapes_that_cannot_be_drawn():
    net, X, y = trained()
    with pytest.raises(ValueError, match="points=2"):
        gg.draw.landscape(net, nn.MSELoss(), X, y, points=2)
    with pytest.raises(ValueError, match="no matrix or kernel"):
        gg.draw.landscape(nn.ReLU(), nn.MSELoss(), X, y)
    net[0].weight.data = gg.full((4, 2), float("nan"))
    parsed(gg.draw.landscape(net, nn.MSELoss(), X, y, points=3))
