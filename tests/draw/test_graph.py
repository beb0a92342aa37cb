"""Computation graphs: nodes with values and derivatives, small and large."""

import numpy as np
import pytest

import glassgrad as gg
from drawings import STRANGE, elements, hints, parsed, texts
from glassgrad import nn
from glassgrad.draw.groups import called, meet


def loss():
    x, w = gg.tensor([[1.0, 2.0]]), gg.tensor([[3.0], [4.0]], requires_grad=True)
    return gg.mm(x, w).relu().sum(), x, w


def test_values_and_derivatives_stand_at_their_nodes():
    y, x, w = loss()
    picture = gg.draw.graph(y, names={"x": x, "w": w})
    shown = texts(picture)
    assert {"x", "w", "f32[1, 2]", "[[1, 2]]", "11", "∂ [[1], [2]]", "∂ 1"} <= set(shown)
    assert "∂ [[1], [2]]" not in texts(gg.draw.graph(y, gradients=False))
    assert "11" not in texts(gg.draw.graph(y, values=False, gradients=False))
    assert w.grad is None
    y.backward()  # the graph is still there


def test_large_tensors_are_shown_by_their_range():
    x = gg.arange(1000.0, requires_grad=True)
    assert {"0 … 999", "0 … 1998"} <= set(texts(gg.draw.graph(x * 2)))


@pytest.mark.parametrize("name", STRANGE)
def test_names_with_any_letters(name):
    y, x, _ = loss()
    parsed(gg.draw.graph(y, names={name: x}, title=name))


def test_values_that_are_not_finite():
    x = gg.tensor([float("nan"), float("inf")] * 5, requires_grad=True)
    picture = gg.draw.graph((x * 2).sum())
    assert any("finite" in text for text in texts(picture))


def long_chain(length):
    y = gg.tensor(1.0, requires_grad=True)
    for _ in range(length):
        y = y * 1.0001
    return y


def test_ten_thousand_nodes_are_too_many_to_look_at():
    y = long_chain(10_000)
    with pytest.raises(ValueError, match=r"10,002 nodes, too many .* most=10002"):
        gg.draw.graph(y)


def test_long_and_wide_graphs_are_drawn_when_asked_for():
    picture = gg.draw.graph(long_chain(400), most=1000)
    assert len(elements(picture, "rect")) > 400 and len(picture.svg) < 2_000_000
    many = [gg.tensor(float(n), requires_grad=True) for n in range(200)]
    parsed(gg.draw.graph(sum(many[1:], many[0]), most=1000))


def test_of_a_compiled_step_before_and_after_rewriting():
    unit = nn.Linear(2, 1)

    @gg.compile
    def step(x):
        loss = (unit(x) ** 2).mean()
        loss.backward()
        return loss

    step(gg.ones(4, 2))
    for rewritten in (False, True):
        picture = gg.draw.graph(step, rewritten=rewritten)
        assert len(elements(picture, "rect")) > 5
        parsed(picture)


def test_what_is_no_graph_is_said():
    with pytest.raises(TypeError, match="tensor or a compiled step is wanted, and got a int"):
        gg.draw.graph(5)
    with pytest.raises(ValueError, match="no node to draw"):
        gg.draw.graph([])
    assert hints(gg.draw.graph(gg.tensor(1.0)))
    assert np.isfinite(float(elements(gg.draw.graph(loss()[0]), "svg")[0].getAttribute("width")))


def test_what_a_compiled_step_is_not_drawn_as_names_what_to_do():
    net, x, y = nn.Linear(2, 1), gg.ones(3, 2), gg.ones(3, 1)

    @gg.compile
    def step(x, y):
        return ((net(x) - y) ** 2).mean()

    draw, explain = gg.draw, gg.explain
    step(x, y)
    assert len(draw.graph(step).svg) > 1000
    for what in (step, x):
        for wants_a_model in (
            draw.network, draw.flow, draw.matrix, draw.histograms, explain.count,
            lambda model: draw.landscape(model, nn.MSELoss(), x, y),
        ):  # fmt: skip
            with pytest.raises(TypeError, match=r"give the model that .* gg\.draw\.graph draws it"):
                wants_a_model(what)
    for wants_a_tensor in (explain.steps, explain.formulas, explain.neurons):
        with pytest.raises(TypeError, match=r"gg\.explain\.steps\(step, (x, y|\*arguments)\)"):
            wants_a_tensor(step)
        with pytest.raises(ValueError, match="outside of no_grad and of compiled steps"):
            wants_a_tensor(step(x, y))


def perceptron():
    gg.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    return net, gg.tensor([[1.0, 2.0]])


def test_a_call_is_grouped_by_layers():
    net, x = perceptron()
    picture = gg.draw.graph(lambda: net(x).sum(), model=net)
    assert {"0: Linear", "1: ReLU", "2: Linear"} <= set(texts(picture))
    assert "Sequential" not in texts(picture)
    assert gg.draw.graph(lambda: net(x).sum(), model=net).svg == picture.svg
    assert {"0: Linear", "2: Linear"} <= set(texts(gg.draw.graph(net(x).sum(), model=net)))
    assert "0: Linear" not in texts(gg.draw.graph(net(x).sum()))


def test_a_compiled_step_is_grouped_by_the_names_of_its_parameters():
    net, x = perceptron()

    @gg.compile
    def step(x):
        return net(x).sum()

    step(x)
    assert {"0", "2"} <= set(texts(gg.draw.graph(step)))
    assert {"0", "2"} <= set(texts(gg.draw.graph(step, rewritten=True)))


class Around(nn.Module):
    """A block with a calculation of its own beside its layers."""

    def __init__(self):
        self.inner = nn.Linear(2, 2)

    def forward(self, x, *, scale):
        return x + scale * self.inner(x).tanh()


def test_what_a_module_does_itself_belongs_to_it_and_not_to_its_layers():
    block, x = Around(), gg.ones(1, 2, requires_grad=True)
    scale = gg.tensor(2.0, requires_grad=True).exp()
    _, groups = called(lambda: nn.Sequential(block)[0](x, scale=scale), nn.ModuleList([block]))
    found = {(node.operation.name if node.operation else "leaf", groups[node]) for node in groups}
    assert ("tanh", "0: Around") in found and ("linear", "0.inner: Linear") in found
    assert scale not in groups and x not in groups


def boxes_of(picture):
    """The corners of the grounds and of the nodes: (left, top, right, bottom)."""
    found = {"ground": [], "node": []}
    for e in elements(picture, "rect"):
        if e.getAttribute("rx") in "57" and e.getAttribute("rx"):
            x, y, w, h = (float(e.getAttribute(k)) for k in ("x", "y", "width", "height"))
            kind = "ground" if e.getAttribute("rx") == "7" else "node"
            found[kind].append((x, y, x + w, y + h))
    return found["ground"], found["node"]


@pytest.mark.parametrize("times", [1, 3])
def test_grounds_hold_whole_nodes_and_no_node_in_part(times):
    net, x = perceptron()

    def call():
        return sum(((net(x) - n) ** 2).sum() for n in range(times))

    ground, node = boxes_of(gg.draw.graph(call, model=net))
    assert ground and len(node) > 5
    for a in ground:
        for b in node:
            inside = a[0] <= b[0] and a[1] <= b[1] and a[2] >= b[2] and a[3] >= b[3]
            assert inside or not meet(a, b)


def test_what_is_no_model_of_a_call_is_said():
    net, x = perceptron()
    with pytest.raises(TypeError, match="model= is wanted as a module"):
        gg.draw.graph(lambda: net(x), model=5)
    with pytest.raises(TypeError, match="model= is wanted as a module"):
        gg.draw.graph(net(x), model=5)
    with pytest.raises(TypeError, match="call returned int, and no tensor"):
        gg.draw.graph(lambda: 5, model=net)
    with pytest.raises(TypeError, match="beside a call"):
        gg.draw.graph(lambda: net(x))
