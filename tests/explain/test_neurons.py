"""`gg.explain.neurons`: deltas and derivatives by the sums of lectures R and B."""

from xml.dom import minidom

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn

F = nn.functional


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def test_r4_every_delta_by_the_lectures_sums():
    x = np.array([[1.0, 0.5]])
    w1, w2 = np.array([[0.1, 0.4], [-0.3, 0.2]]), np.array([[0.5], [-0.6]])
    W1, W2 = (gg.tensor(w, requires_grad=True) for w in (w1, w2))
    loss = ((gg.sigmoid(gg.sigmoid(gg.tensor(x) @ W1) @ W2) - 1.0) ** 2).sum()
    found = gg.explain.neurons(loss)
    assert [(n.layer, n.unit) for n in found] == [(2, 1), (1, 1), (1, 2)]
    y1 = sigmoid(x @ w1)
    y2 = sigmoid(y1 @ w2)
    delta2 = 2 * (y2 - 1) * y2 * (1 - y2)  # the lecture leaves the 2 to the learning rate
    (top,) = found.of(2)
    np.testing.assert_allclose([top.v[0], top.y[0]], [(y1 @ w2).item(), y2.item()])
    np.testing.assert_allclose(top.by_y, 2 * (y2[0] - 1))
    np.testing.assert_allclose(top.delta, delta2[0])
    np.testing.assert_allclose(top.slopes, delta2[0, 0] * y1[0])
    for k, neuron in enumerate(found.of(1)):
        pushed = (delta2 @ w2.T)[0, k]
        np.testing.assert_allclose(neuron.by_y, pushed)
        delta = pushed * y1[0, k] * (1 - y1[0, k])
        np.testing.assert_allclose(neuron.delta, delta)
        np.testing.assert_allclose(neuron.slopes, delta * x[0])
        np.testing.assert_allclose(neuron.weights, w1[:, k])
        assert neuron.by_bias is None
    deltas = np.abs([n.delta[0] for n in found.of(1)])
    np.testing.assert_allclose([n.share for n in found.of(1)], deltas / deltas.sum())
    assert top.share == 1


@pytest.mark.parametrize("sizes", [(2, 3, 1), (3, 3, 3, 3), (2, 40, 2)])
@pytest.mark.parametrize("activation", [nn.Sigmoid, nn.ReLU, nn.Tanh])
def test_b7_derivatives_are_those_of_backward(sizes, activation):
    gg.manual_seed(3)
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), activation()]
    net = nn.Sequential(*layers).double()
    loss = F.mse_loss(net(gg.randn(5, sizes[0]).double()), gg.zeros(5, sizes[-1]).double())
    found = gg.explain.neurons(loss)
    loss.backward()
    for number, layer in enumerate(net[::2], 1):
        group = found.of(number)
        np.testing.assert_allclose([n.slopes for n in group], layer.weight.grad)
        np.testing.assert_allclose([n.by_bias for n in group], layer.bias.grad)
        np.testing.assert_allclose([n.delta.sum() for n in group], layer.bias.grad)
        np.testing.assert_allclose([n.weights for n in group], layer.weight.detach())
        assert np.isclose(sum(n.share for n in group), 1)
        y = np.stack([n.y for n in group], 1)
        v = gg.tensor(np.stack([n.v for n in group], 1))
        np.testing.assert_allclose(activation()(v), y)


def test_square_matrices_either_way_round():
    w = np.arange(9.0).reshape(3, 3) / 10
    for turned in (False, True):
        W = gg.tensor(w.T.copy() if turned else w, requires_grad=True)
        x = gg.tensor([[1.0, 2.0, 3.0]]).double()
        loss = ((x @ (W.T if turned else W)) ** 2).sum()
        found = gg.explain.neurons(loss)
        np.testing.assert_allclose([n.weights for n in found], w.T)
        np.testing.assert_allclose(found[1].slopes, found[1].delta * np.array([1.0, 2.0, 3.0]))


def test_one_row_without_a_batch():
    layer = nn.Linear(3, 2)
    found = gg.explain.neurons((layer(gg.ones(3)) ** 2).sum())
    assert len(found) == 2 and found[0].v.shape == (1,)


def test_a_channel_of_a_convolution_is_a_neuron():
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3)
    )
    loss = F.cross_entropy(net(gg.randn(4, 1, 6, 6)), gg.tensor([0, 1, 2, 0]))
    found = gg.explain.neurons(loss)
    loss.backward()
    grad = np.asarray(net[0].weight.grad).reshape(2, -1)
    np.testing.assert_allclose([n.slopes for n in found.of(1)], grad, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        [n.delta.sum() for n in found.of(1)], net[0].bias.grad, rtol=1e-4, atol=1e-6
    )
    assert all((n.y >= 0).all() for n in found.of(1))


def test_dead_neurons_have_no_share():
    layer = nn.Linear(2, 2)
    with gg.no_grad():
        layer.bias.copy_(gg.tensor([-100.0, -100.0]))
    found = gg.explain.neurons(layer(gg.ones(3, 2)).relu().sum())
    assert [n.share for n in found] == [0, 0]


def test_prints_a_table_for_each_layer():
    net = nn.Sequential(nn.Linear(2, 20), nn.Sigmoid(), nn.Linear(20, 1))
    found = gg.explain.neurons((net(gg.ones(3, 2)) ** 2).mean())
    text = str(found)
    assert text.startswith("layer 2; v, y: means of 3 rows") and "4 more units" in text
    assert "share" in text and "100%" in text
    assert minidom.parseString(f"<div>{found._repr_html_()}</div>")
    with pytest.raises(KeyError, match="no layer 3"):
        found.of(3)


def test_errors():
    with pytest.raises(ValueError, match="without layers"):
        gg.explain.neurons(gg.tensor(2.0, requires_grad=True) * 3)
    with pytest.raises(TypeError, match="got a float"):
        gg.explain.neurons(1.0)
