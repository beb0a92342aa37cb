"""The loss around weights: along random directions, and along the way of a training."""

import numpy as np
import pytest

import glassgrad as gg
from drawings import parsed
from glassgrad import nn


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

    layer = nn.Conv1d(2, 3, 5)
    for found in directions(layer, 0):
        kernel, bias = found[:30].reshape(3, 2, 5), found[30:]
        lengths = [np.linalg.norm(a, axis=(1, 2)) for a in (kernel, layer.weight.detach().numpy())]
        assert lengths[0] == pytest.approx(lengths[1], rel=1e-5)
        assert (bias == 0).all()


def test_a_square_has_the_landscape_of_a_square():
    """Along any direction the loss of one weight, (w - 1)^2 at w = 1, is a^2."""
    from glassgrad.draw.landscape import losses_at

    layer = nn.Linear(1, 1, bias=False)
    layer.weight.data = gg.ones(1, 1)
    at = np.linspace(-1, 1, 5)
    found = losses_at(layer, nn.MSELoss(), gg.ones(1, 1), gg.ones(1, 1), 1 + at[:, None])
    assert found == pytest.approx(at**2)
    assert layer.weight.item() == 1


def test_landscapes_that_cannot_be_drawn():
    net, X, y = trained()
    with pytest.raises(ValueError, match="points is a whole number, at least 3, not 2"):
        gg.draw.landscape(net, nn.MSELoss(), X, y, points=2)
    with pytest.raises(ValueError, match="no matrix or kernel"):
        gg.draw.landscape(nn.ReLU(), nn.MSELoss(), X, y)
    net[0].weight.data = gg.full((4, 2), float("nan"))
    parsed(gg.draw.landscape(net, nn.MSELoss(), X, y, points=3))


def visited(net, X, y, steps=8):
    """The weights before each step of a training, and the loss at them in use."""
    optimizer, loss = gg.optim.SGD(net.parameters(), lr=0.1), nn.MSELoss()
    way, losses = [], []
    for _ in range(steps):
        way.append(nn.utils.parameters_to_vector(net.parameters()).detach())
        optimizer.zero_grad()
        losses.append(loss(net.eval()(X), y))
        losses[-1].backward()
        optimizer.step()
    return way, [value.item() for value in losses]


def test_a_way_lies_on_its_principal_components():
    """Distances from the weights as they are stay, as far as the two directions hold them."""
    net, X, y = trained()
    way, losses = visited(net, X, y)
    now = nn.utils.parameters_to_vector(net.parameters()).detach().numpy()
    picture = gg.draw.landscape(net, nn.MSELoss(), X, y, way=way, points=7)
    drawn = picture.axes.lines[0].get_xydata()
    moved = np.array([w.numpy() for w in way], float) - now
    _, lengths, found = np.linalg.svd(moved, full_matrices=False)
    assert np.abs(drawn) == pytest.approx(np.abs(moved @ found[:2].T), abs=1e-6)
    part = lengths**2 / (lengths**2).sum()
    names = picture.axes.get_xlabel(), picture.axes.get_ylabel()
    assert names == tuple(f"component {k}: {part[k - 1]:.0%} of the way" for k in (1, 2))
    last = picture.axes.get_legend().get_texts()[-1].get_text()
    assert last == f"step 7 of 7: loss {losses[-1]:.4g}"
    assert (nn.utils.parameters_to_vector(net.parameters()).detach().numpy() == now).all()
    assert picture.svg == gg.draw.landscape(net, nn.MSELoss(), X, y, way=way, points=7).svg
    parsed(picture)


def test_a_way_of_one_direction_has_no_second_part():
    """(w - 1)^2 of one weight, at w = 3, 2, 1: heights along the first component are squares."""
    layer = nn.Linear(1, 1, bias=False)
    layer.weight.data = gg.ones(1, 1)
    way = [np.array([3.0]), np.array([2.0]), np.array([1.0])]
    options = {"way": way, "points": 5, "animated": True}
    moving = gg.draw.landscape(layer, nn.MSELoss(), gg.ones(1, 1), gg.ones(1, 1), **options)
    assert moving.frames == 3
    labels = [moving.frame(n).axes.get_legend().get_texts()[-1].get_text() for n in range(3)]
    assert labels == [f"step {n} of 2: loss {loss}" for n, loss in enumerate((4, 1, 0))]
    axes = moving.frame(2).axes
    assert axes.lines[0].get_xydata() == pytest.approx(np.array([[2, 0], [1, 0], [0, 0]]))
    assert axes.get_ylabel() == "component 2: 0% of the way"


@pytest.mark.parametrize("way", [[np.zeros(17)], [np.zeros(3)] * 2, [np.full(17, np.nan)] * 2])
def test_a_way_is_one_of_the_weights(way):
    net, X, y = trained()
    with pytest.raises(ValueError, match=r"\[steps, 17\], at least two steps of finite weights"):
        gg.draw.landscape(net, nn.MSELoss(), X, y, way=way)
    with pytest.raises(ValueError, match="way= was not given"):
        gg.draw.landscape(net, nn.MSELoss(), X, y, animated=True)


def test_weights_that_are_zero_have_a_flat_landscape():
    net, X, y = nn.Linear(2, 1, bias=False), gg.ones(3, 2), gg.ones(3, 1)
    net.weight.data = gg.zeros(1, 2)
    axes = gg.draw.landscape(net, nn.MSELoss(), X, y, points=3).axes
    assert axes.get_xlim() == axes.get_ylim() == (-1, 1)
