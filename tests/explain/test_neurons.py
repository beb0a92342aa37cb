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


# ---- what the tables say


def test_an_activation_is_shown_apart_from_the_sum_that_is_passed_on():
    a, b = nn.Linear(2, 2), nn.Linear(2, 1)
    x = gg.tensor([[1.0, -3.0]])
    for after, name in [(lambda h: h + x, "add"), (lambda h: F.layer_norm(h, (2,)), "norm")]:
        h = F.relu(a(x))
        found = gg.explain.neurons((b(after(h)) ** 2).sum())
        np.testing.assert_allclose([n.y[0] for n in found.of(1)], h.detach()[0])
        passed = np.array([n.passed[0] for n in found.of(1)])
        np.testing.assert_allclose(passed, after(h).detach()[0], 1e-6)
        (top,) = found.of(2)
        np.testing.assert_allclose(top.slopes, top.delta * passed, 1e-6)
        assert top.passed is None, name
        head, cells = found.tables()[1]
        assert head == "layer 1; passed on: what the next layer is given for y"
        assert cells[0][:6] == ["unit", "v", "y", "passed on", "dL/dy", "delta"]


@pytest.mark.parametrize(
    "rows, said",
    [(1, "layer 1; v, y: means of 4 places, derivatives: sums"),
     (3, "layer 1; v, y: means of 3 rows of 4 places, derivatives: sums")],
)  # fmt: skip
def test_places_of_a_convolution_are_no_rows(rows, said):
    net = nn.Sequential(nn.Conv2d(1, 2, 2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 1))
    found = gg.explain.neurons(net(gg.randn(rows, 1, 3, 3)).sum())
    assert found.tables()[-1][0] == said
    assert all(n.places == 4 and n.v.shape == (4 * rows,) for n in found.of(1))


def test_a_penalty_is_named_and_shown_apart():
    w = gg.tensor([[0.5, -2.0]], requires_grad=True)
    loss = F.relu(F.linear(gg.tensor([[1.0, 1.0]]), w)).sum() + 0.25 * (w**2).sum()  # v < 0
    found = gg.explain.neurons(loss)
    assert str(found).splitlines() == [
        "layer 1; w or b enter the loss by square too: dL/dw is below",
        "unit     v  y  dL/dy  delta  share  delta y1  delta y2",
        "   1  -1.5  0      1      0     0%         0         0",
        "",
        "dL/dw of layer 1: delta y, and what comes by square",
        "unit       part    w1  w2",
        "   1    delta y     0   0",
        "      by square  0.25  -1",
        "          dL/dw  0.25  -1",
    ]
    assert minidom.parseString(f"<div>{found._repr_html_()}</div>")


def test_a_layer_used_thrice_has_delta_y_of_each_use_and_one_sum():
    w = gg.tensor([[0.5]], requires_grad=True)
    h, inputs = gg.tensor([[2.0]]), []
    for _ in range(3):
        inputs.append(h.item())
        h = F.linear(h, w)
    found = gg.explain.neurons(h.sum())  # 2 w^3
    assert inputs == [2.0, 1.0, 0.5]
    assert [n.slopes.tolist() for n in found] == [[0.5], [0.5], [0.5]]
    assert [n.delta.tolist() for n in found] == [[1.0], [0.5], [0.25]]
    (total,) = found.totals
    assert total.layers == (1, 2, 3) and total.parts["dL/dw"].tolist() == [[6 * 0.5**2]]
    text = str(found)
    assert text.startswith("layer 3; weights shared with layers 1, 2: dL/dw is below\n")
    assert text.count("dL/dw of layers 1, 2, 3, which share weights") == 1
    assert text.endswith("unit   w1\n   1  1.5")


def test_many_uses_are_told_by_the_first_and_last():
    w, h = gg.tensor([[0.9]], requires_grad=True), gg.tensor([[1.0]])
    for _ in range(40):
        h = F.linear(h, w)
    text = str(gg.explain.neurons(h.sum()))
    assert "layer 40; weights shared with layers 1, 2, 3, ..., 39: dL/dw is below" in text
    assert "dL/dw of layers 1, 2, 3, ..., 40, which share weights" in text


def test_frozen_weights_have_delta_y_too():
    first, second = nn.Linear(2, 3), nn.Linear(3, 1)
    second.requires_grad_(False)
    h = gg.tanh(first(gg.randn(4, 2)))
    (top,) = gg.explain.neurons(second(h).sum()).of(2)
    np.testing.assert_allclose(top.slopes, h.detach().sum(0), 1e-5)


def test_pooling_by_a_constant_matrix_is_no_layer():
    net = nn.Sequential(nn.Conv2d(1, 2, 2), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(8, 2))
    found = gg.explain.neurons(net(gg.randn(2, 1, 6, 6)).sum())
    assert len({n.layer for n in found}) == 2
    assert found[0].weights.shape == (8,) and found[-1].weights.shape == (4,)


@pytest.mark.filterwarnings("error")
def test_nan_and_infinite_weights_warn_of_nothing():
    for bad in (float("nan"), float("inf")):
        layer = nn.Linear(2, 2)
        with gg.no_grad():
            layer.weight.fill_(bad)
        text = str(gg.explain.neurons((layer(gg.ones(3, 2)) ** 2).sum()))
        assert "nan" in text or "inf" in text


# ---- programs by chance


ACTIVATIONS = [
    F.relu, gg.sigmoid, gg.tanh, F.gelu, F.elu, F.silu, F.softplus, F.leaky_relu,
    lambda v: F.softmax(v, -1), lambda v: 1.7 * gg.tanh(v * 2 / 3),
]  # fmt: skip


def by_chance(draw, weights, biases):
    """Layers in a row that share weights, with skips, norms and penalties: [(v, y)], the loss."""
    x = gg.tensor(draw.normal(size=(draw.integers(2, 5), 3)))
    states, uses = [x], []
    for _ in range(draw.integers(1, 6)):
        w, b = weights[draw.integers(3)], biases[draw.integers(2)]
        h = states[draw.integers(len(states))] if draw.random() < 0.3 else states[-1]
        v = F.linear(h, w.T, b) if draw.random() < 0.3 else h @ w.T + b
        y = ACTIVATIONS[draw.integers(len(ACTIVATIONS))](v)
        v.retain_grad(), y.retain_grad()
        uses.append((v, y))
        other = states[draw.integers(len(states))]
        states.append([y, y, y + other, F.layer_norm(y, (3,))][draw.integers(4)])
    loss = F.mse_loss(states[-1], gg.tensor(draw.normal(size=x.shape)))
    penalty = 0.1 * (weights[0] ** 2).sum() if draw.random() < 0.3 else 0
    return uses, loss + penalty


@pytest.mark.parametrize("seed", range(60))
def test_programs_by_chance(seed):
    draw = np.random.default_rng(seed)
    weights, biases = (
        [gg.tensor(draw.normal(size=shape), requires_grad=True) for _ in range(count)]
        for count, shape in [(3, (3, 3)), (2, (3,))]
    )
    uses, loss = by_chance(draw, weights, biases)
    found = gg.explain.neurons(loss)
    loss.backward()
    uses = [(v, y) for v, y in uses if v.grad is not None]
    numbers = sorted({n.layer for n in found})
    assert len(numbers) == len(uses) and str(found)
    for number, (v, y) in zip(numbers, uses):
        for field, array in [("v", v.detach()), ("y", y.detach()), ("delta", v.grad),
                             ("by_y", y.grad)]:  # fmt: skip
            mine = np.stack([getattr(n, field) for n in found.of(number)], 1)
            np.testing.assert_allclose(mine, array, 1e-8, 1e-11, err_msg=f"{number} {field}")
    wholes = [t.parts["dL/dw"][:, :3] for t in found.totals]
    alone = [n for n in numbers if found.beside(n) is None]
    wholes += [np.array([n.slopes for n in found.of(number)]) for number in alone]
    used = [np.asarray(w.grad) for w in weights if any_layer(w, found)]
    assert len(wholes) == len(used)
    for whole in wholes:
        assert any(np.allclose(whole, g) or np.allclose(whole, g.T) for g in used)


def any_layer(weight, found):
    """Whether a weight is one of a layer."""
    matrices = [np.array([n.weights for n in found.of(k)]) for k in {n.layer for n in found}]
    w = weight.detach().numpy()
    return any(np.array_equal(m, w) or np.array_equal(m, w.T) for m in matrices)


# ---- layers whose weights have three axes


def test_each_piece_of_maxout_is_a_unit():
    net = nn.Sequential(nn.Maxout(2, 3, 2), nn.Linear(3, 1)).double()
    loss = (net(gg.randn(4, 2).double()) ** 2).sum()
    found = gg.explain.neurons(loss)
    loss.backward()
    group = found.of(1)
    np.testing.assert_allclose([n.slopes for n in group], net[0].weight.grad.reshape(6, 2))
    np.testing.assert_allclose([n.by_bias for n in group], net[0].bias.grad.reshape(6))
    deltas = np.array([n.delta for n in group]).reshape(3, 2, 4)
    assert ((deltas != 0).sum(1) == 1).all()  # one piece of each passes on


def test_a_bilinear_unit_has_a_weight_for_each_pair():
    layer = nn.Bilinear(3, 5, 2).double()
    v = layer(gg.randn(4, 3).double(), gg.randn(4, 5).double())
    v.retain_grad()
    loss = (gg.tanh(v) ** 2).sum()
    found = gg.explain.neurons(loss)
    loss.backward()
    np.testing.assert_allclose([n.slopes for n in found], layer.weight.grad.reshape(2, 15))
    np.testing.assert_allclose([n.weights for n in found], layer.weight.detach().reshape(2, 15))
    np.testing.assert_allclose([n.delta for n in found], v.grad.T)
    np.testing.assert_allclose([n.y for n in found], gg.tanh(v).detach().T)
    np.testing.assert_allclose([n.by_bias for n in found], layer.bias.grad)
