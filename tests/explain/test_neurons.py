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


# ---- every delta and derivative against PyTorch, and against backward()


class Torch:
    """A network written once for both packages; PyTorch has a copy of a weight at each use."""

    def __init__(self, lib, copies):
        self.lib, self.F, self.copies, self.uses = lib, lib.nn.functional, copies, []

    def watched(self, x):
        x.retain_grad()
        return x

    def use(self, weight, product, y=lambda v: v):
        """A layer: the weight at this use, v and y."""
        weight = self.watched(weight.clone()) if self.copies else weight
        v = self.watched(product(weight))
        out = y(v)
        self.uses.append((weight, v, out if out is v else self.watched(out)))
        return out


def recurrent(of, w, x):
    """Three steps of one cell; the input's and the state's products are layers, v is their sum."""
    h = x * 0 @ w["in"].detach()
    for _ in range(3):
        parts = [w["in"], w["state"]]
        if of.copies:
            parts = [of.watched(each.clone()) for each in parts]
        v = of.watched(x @ parts[0] + h @ parts[1] + w["bias"])
        h = of.watched(of.lib.tanh(v))
        of.uses += [(each, v, h) for each in parts]
    return (h**2).sum()


def channels(of, w, x):
    """Convolutions of several channels, one of them strided and padded, and a layer on top."""
    conv, F = of.F.conv2d, of.F
    h = of.use(w["first"], lambda k: conv(x, k, w["bias"], padding=1), F.elu)
    h = of.use(w["second"], lambda k: conv(h, k, stride=2, groups=2), F.gelu)
    return of.use(w["top"], lambda k: F.linear(h.flatten(1), k), of.lib.sigmoid).sum()


def normed(of, w, x):
    """Batch norm before and after an activation, and softmax."""
    F = of.F
    norm = {"weight": w["gamma"], "bias": w["beta"], "training": True}
    act = lambda v: F.leaky_relu(F.batch_norm(v, None, None, **norm), 0.2)
    h = of.use(w["first"], lambda k: F.linear(x, k), act)
    h = F.batch_norm(of.use(w["second"], lambda k: F.linear(h, k), of.lib.tanh), None, None, **norm)
    p = of.use(w["top"], lambda k: F.linear(h, k, w["bias"]), lambda v: F.softmax(v, 1))
    return ((p - x) ** 2).mean()


def maxout(of, w, x):
    """The pieces of a maxout layer are its units."""
    h = of.use(w["pieces"], lambda k: of.F.linear(x, k, w["bias"]))
    h = h.reshape(-1, 2, 2).amax(-1)
    return (of.use(w["top"], lambda k: of.F.linear(h, k)) ** 2).sum()


def embedded(of, w, x):
    """A table of embeddings whose weights are those of the output too."""
    h = of.F.embedding((x > 0).sum(1), w["table"]).reshape(-1, 3)
    h = of.use(w["first"], lambda k: of.F.linear(h, k, w["bias"]), of.lib.sigmoid)
    v = of.use(w["table"], lambda k: of.F.linear(h, k))
    return of.F.cross_entropy(v, (x > 0).sum(1))


def skipping(of, w, x):
    """Two skip connections, of the input and of an activation."""
    F = of.F
    h = of.use(w["first"], lambda k: F.linear(x, k, w["bias"]), F.relu)
    z = of.use(w["second"], lambda k: F.linear(h + x, k), F.relu) + h
    return F.mse_loss(of.use(w["first"], lambda k: F.linear(z, k, w["bias"])), x)


def penalised(of, w, x):
    """L2 of a weight, L1 of a bias, and a weight that is used turned over."""
    h = of.use(w["first"], lambda k: x @ k + w["bias"], of.lib.sigmoid)
    y = of.use(w["first"], lambda k: h @ k.T)
    return ((y - x) ** 2).mean() + 0.1 * (w["first"] ** 2).sum() + w["bias"].abs().sum()


NETWORKS = [
    (recurrent, {"in": (3, 2), "state": (2, 2), "bias": (2,)}, (4, 3)),
    (channels, {"first": (4, 2, 3, 3), "bias": (4,), "second": (6, 2, 2, 2), "top": (3, 24)},
     (3, 2, 5, 4)),
    (normed, {"first": (3, 3), "gamma": (3,), "beta": (3,), "second": (3, 3), "top": (3, 3),
              "bias": (3,)}, (5, 3)),
    (maxout, {"pieces": (4, 3), "bias": (4,), "top": (1, 2)}, (5, 3)),
    (embedded, {"table": (4, 3), "first": (3, 3), "bias": (3,)}, (6, 3)),
    (skipping, {"first": (3, 3), "second": (3, 3), "bias": (3,)}, (4, 3)),
    (penalised, {"first": (3, 2), "bias": (2,)}, (4, 3)),
]  # fmt: skip


def columns(array, shape):
    """[rows, units]; of a convolution channels are units."""
    moved = np.moveaxis(array, 1, -1) if len(shape) == 4 else array
    return moved.reshape(-1, moved.shape[-1])


def units_first(weight, slope, units):
    """[units, inputs] of a weight, which `x @ w` has the other way round."""
    turned = (weight.ndim == 2 and weight.shape[0] != units) or weight.shape == (2, 2)
    return (slope.T if turned else slope).reshape(units, -1)


@pytest.mark.parametrize("network, shapes, x", NETWORKS, ids=lambda v: getattr(v, "__name__", ""))
def test_every_delta_and_derivative_is_pytorchs(network, shapes, x):
    torch = pytest.importorskip("torch")
    draw = np.random.default_rng(2)
    arrays = {name: draw.normal(size=shape) for name, shape in shapes.items()}
    x = draw.normal(size=x)
    theirs = {name: torch.tensor(a, requires_grad=True) for name, a in arrays.items()}
    of = Torch(torch, True)
    network(of, theirs, torch.tensor(x)).backward()
    ours = {name: gg.tensor(a, requires_grad=True) for name, a in arrays.items()}
    loss = network(Torch(gg, False), ours, gg.tensor(x))
    found = gg.explain.neurons(loss)
    assert sorted({n.layer for n in found}) == list(range(1, len(of.uses) + 1))
    for number, (weight, v, y) in enumerate(of.uses, 1):
        group, shape = found.of(number), tuple(v.shape)
        for field, array in [("v", v), ("y", y), ("by_y", y.grad), ("delta", v.grad)]:
            mine = np.stack([getattr(n, field) for n in group], 1)
            np.testing.assert_allclose(
                mine, columns(array.detach().numpy(), shape), 1e-9, 1e-12, err_msg=field
            )
        grad = units_first(weight, weight.grad.numpy(), len(group))
        np.testing.assert_allclose([n.slopes for n in group], grad, 1e-9, 1e-12)
    check_totals(found, theirs, of.uses)


def check_totals(found, theirs, uses):
    """dL/dw and dL/db are those of PyTorch; the parts are summed."""
    for total in found.totals:
        parts = [part for name, part in total.parts.items() if name != "dL/dw"]
        np.testing.assert_allclose(sum(parts), total.parts["dL/dw"], 1e-9, 1e-12)
        weight = uses[total.layers[0] - 1][0]
        leaf = next(w for w in theirs.values() if np.array_equal(w.detach(), weight.detach()))
        whole = total.parts["dL/dw"]
        expected = units_first(leaf, leaf.grad.numpy(), len(whole))
        inputs = expected.shape[1]
        np.testing.assert_allclose(whole[:, :inputs], expected, 1e-9, 1e-12)
        assert total.biased == (whole.shape[1] > inputs)
        if total.biased:
            np.testing.assert_allclose(whole[:, inputs], theirs["bias"].grad, 1e-9, 1e-12)


@pytest.mark.parametrize(
    "network, totals",
    [(recurrent, [((1, 3, 5), ()), ((2, 4, 6), ())]), (embedded, [((2,), ("take",))]),
     (skipping, [((1, 3), ())]), (penalised, [((1, 2), ("square", "abs"))]), (normed, [])],
    ids=lambda v: getattr(v, "__name__", ""),
)  # fmt: skip
def test_what_shares_weights_or_is_used_elsewhere(network, totals):
    gg.manual_seed(0)
    shapes, x = next((s, x) for n, s, x in NETWORKS if n is network)
    w = {name: gg.randn(*shape).requires_grad_() for name, shape in shapes.items()}
    found = gg.explain.neurons(network(Torch(gg, False), w, gg.randn(*x)))
    assert [(t.layers, t.others) for t in found.totals] == totals
