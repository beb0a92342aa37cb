"""Computation graphs: nodes with values and derivatives, small and large."""

import itertools
import re

import numpy as np
import pytest

import glassgrad as gg
from drawings import STRANGE, elements, hints, parsed, text_of, texts
from glassgrad import nn
from glassgrad.draw.graph import inputs_of
from glassgrad.draw.groups import by_parameters, called, layers_of, meet
from glassgrad.draw.layers import Via, layered
from glassgrad.draw.rows import in_rows
from glassgrad.explain.texts import values_text
from glassgrad.gradient import ancestors


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


def test_initial_nodes_have_the_derivatives_that_backward_finds():
    x = gg.InitialNode([[1.0, 2.0], [3.0, -1.0]])
    w = gg.InitialNode([[1.0], [-1.0]])
    loss = gg.logistic_loss(gg.mm(x, w), np.array([[1.0], [-1.0]]))
    picture = gg.draw.graph(loss, names={"W": w})
    loss.backward()
    for node in (x, w, loss):
        assert f"∂ {values_text(node.grad.value)}" in texts(picture)
    plain = gg.tensor([1.0, 2.0], requires_grad=True) * 2
    assert not any(text.startswith("∂") for text in texts(gg.draw.graph(plain)))


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
    with pytest.raises(ValueError, match=r"10,001 nodes, too many .* most=10001"):
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
    with pytest.raises(ValueError, match="nothing was recorded"), gg.no_grad():
        gg.draw.graph(loss()[0])
    with pytest.raises(TypeError, match=r"give loss\(net\(x\), y\), or lambda: net\(x\)"):
        gg.draw.graph(nn.Linear(2, 1))


def test_numbers_that_are_no_longer_those_put_in_are_refused():
    net, x = nn.Linear(2, 1), gg.ones(3, 2)
    lost = net(x).mean()
    lost.backward()
    gg.optim.SGD(net.parameters(), lr=0.1).step()
    with pytest.raises(RuntimeError, match="weight .* has been changed since linear used it"):
        gg.draw.graph(lost)
    assert "linear" in " ".join(texts(gg.draw.graph(lost, values=False, gradients=False)))


def test_a_penalty_stands_outside_of_its_layer():
    net, x = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)), gg.ones(1, 2)
    lost = net(x).mean() + 0.1 * (net[2].weight ** 2).sum()
    nodes = ancestors([lost])
    groups = by_parameters(nodes, layers_of(net))
    assert [groups.get(x) for x in nodes if x.operation and x.operation.name == "square"] == [None]
    made = [groups.get(x) for x in nodes if x.operation and x.operation.name == "linear"]
    assert made == ["0: Linear", "2: Linear"]


def test_what_is_made_of_parameters_for_a_layer_belongs_to_it():
    class Turned(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(gg.ones(2, 1))

        def forward(self, x):
            return x @ gg.exp(self.w)

    net = nn.Sequential(Turned())
    nodes = ancestors([net(gg.ones(1, 2)).sum()])
    groups = by_parameters(nodes, layers_of(net))
    assert [groups.get(x) for x in nodes if x.operation and x.operation.name == "exp"] == [
        "0: Turned"
    ]


def test_a_wide_graph_stands_in_rows():
    layer, x = nn.Linear(4, 2), gg.ones(1, 2)

    def steps(count):
        h = gg.zeros(1, 2)
        for _ in range(count):
            h = gg.tanh(layer(gg.cat([x, h], 1)))
        return h.sum()

    for count in (2, 8, 30):
        total = steps(count)
        nodes = [n for n in ancestors([total]) if n.number is None]
        picture = gg.draw.graph(total, model=layer, most=400)
        parsed(picture)
        (page,) = elements(picture, "svg")
        wide, tall = (float(page.getAttribute(k)) for k in ("width", "height"))
        assert wide < 2800 and (tall > 500) == (count > 2)
        assert len(elements(picture, "polygon")) == sum(len(inputs_of(n)) for n in nodes)
        for e in elements(picture, "path"):
            at = [float(n) for n in re.findall(r"-?[0-9.]+", e.getAttribute("d"))]
            assert min(at) >= 0 and max(at[::2]) <= wide and max(at[1::2]) <= tall
        names = texts(picture)
        assert names.count("linear") == count and names.count("Linear") >= count


def test_rows_and_their_lanes():
    layers, edges = [["a"], ["b"], ["c"]], [["a", "b"], ["b", "c"], ["a", "c"]]
    rows = in_rows(layers, edges, lambda x: (1500.0, 20.0), 10.0, (26.0, 60.0))
    assert rows.row == {"a": 0, "b": 1, "c": 2}
    assert rows.lanes == [{"a": 0}, {"b": 0, "a": 1}, {}]
    tops = [rows.corners[x][1] for x in "abc"]
    assert tops == sorted(tops) and all(b - a > 30 for a, b in zip(tops, tops[1:]))


def test_a_node_that_is_read_twice_has_two_arrows():
    d = gg.tensor(2.0, requires_grad=True)
    assert len(elements(gg.draw.graph(d * d), "polygon")) == 2
    assert len(elements(gg.draw.graph(d * 2.0), "polygon")) == 1


def test_a_graph_has_a_width():
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


def test_a_compiled_step_is_grouped_by_its_layers():
    net, x = perceptron()

    @gg.compile
    def step(x):
        return net(x).sum()

    step(x)
    for rewritten in (False, True):
        shown = texts(gg.draw.graph(step, rewritten=rewritten))
        assert {"0: Linear", "1: ReLU", "2: Linear"} <= set(shown)


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


def test_numbers_stand_in_the_operation_that_takes_them():
    w = gg.tensor([3.0], requires_grad=True)
    shown = texts(gg.draw.graph((1 - w * 2).sum()))
    assert {"mul(·, 2)", "sub(1, ·)", "Computation graph, 4 nodes"} <= set(shown)
    assert "number" not in shown


def test_hints_are_the_lines_that_made_the_nodes():
    x = gg.tensor([1.0, 2.0], requires_grad=True)
    with gg.record_lines():
        y = x.exp()
    assert any("y = x.exp()" in hint for hint in hints(gg.draw.graph(y)))
    assert hints(gg.draw.graph(x.exp())) == ["Computation graph, 2 nodes"]


def convolutional():
    gg.manual_seed(0)
    net = nn.Sequential(
        nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 1)
    )
    return net, gg.randn(4, 1, 6)


def arrows(picture):
    """{(from, to)} of the names of boxes, by where edges begin and end."""
    boxes = []
    for e in parsed(picture).documentElement.childNodes:
        if e.nodeName == "rect" and e.getAttribute("rx") == "5":
            x, y, w, h = (float(e.getAttribute(k)) for k in ("x", "y", "width", "height"))
            boxes.append(((x - 6, y, x + w + 1, y + h), []))
        elif e.nodeName == "text" and e.getAttribute("font-size") == "11":
            boxes[-1][1].append(text_of(e))

    def name_at(x, y):
        lines = next(t for (a, b, c, d), t in boxes if a <= x <= c and b <= y <= d)
        return ", ".join(lines[: 1 + (lines[1] in ("backward", "update"))])

    found = set()
    for e in elements(picture, "path"):
        at = [
            float(n)
            for n in e.getAttribute("d")
            .replace("M", " ")
            .replace("C", " ")
            .replace("L", " ")
            .split()
        ]
        found.add((name_at(*at[:2]), name_at(*at[-2:])))
    return found


def test_folded_each_layer_is_one_node():
    net, x = convolutional()
    picture = gg.draw.graph(lambda: net(x).sum(), model=net, names={"x": x}, fold=True)
    chain = ["x", "0: Conv1d", "1: BatchNorm1d", "2: ReLU", "3: Flatten", "4: Linear", "sum"]
    assert arrows(picture) == set(itertools.pairwise(chain))
    shown = texts(picture)
    assert {
        "weight f32[2, 1, 3]",
        "bias f32[2]",
        "weight f32[1, 8]",
        "several nodes as one",
    } <= set(shown)
    y = net(x)
    y.sum().backward()
    assert values_text(y.detach().numpy()) in shown
    assert f"∂ {values_text(np.ones((4, 1)))}" in shown and x.grad is None and not x.requires_grad
    assert texts(gg.draw.graph(lambda: net(x).sum(), model=net)) != shown


def test_layers_between_which_others_stand_are_several_nodes():
    block, x = Around(), gg.ones(1, 2)
    model = nn.ModuleList([block])
    picture = gg.draw.graph(lambda: block(x, scale=2.0), model=model, names={"x": x}, fold=True)
    inner, outer = "0.inner: Linear", "0: Around"
    assert arrows(picture) == {("x", inner), ("x", outer), (inner, outer)}


def test_several_inputs_of_a_layer():
    layer, a, b = nn.Bilinear(2, 3, 4), gg.randn(1, 2), gg.randn(1, 3)
    picture = gg.draw.graph(lambda: layer(a, b), model=layer, names={"a": a, "b": b}, fold=True)
    assert arrows(picture) == {("a", "Bilinear"), ("b", "Bilinear")}


def training_step(*units):
    gg.manual_seed(0)
    net = nn.Sequential(*[nn.Linear(a, b) for a, b in itertools.pairwise(units)])
    net.insert(1, nn.ReLU())
    optimizer, criterion = gg.optim.Adam(net.parameters()), nn.CrossEntropyLoss()

    @gg.compile
    def step(features, labels):
        optimizer.zero_grad()
        loss = criterion(net(features), labels)
        loss.backward()
        optimizer.step()
        return loss

    step(gg.randn(32, units[0]), gg.zeros(32).long())
    return step


def test_a_training_step_is_its_layers_their_gradients_and_their_updates():
    step = training_step(784, 128, 10)
    before, after = (arrows(gg.draw.graph(step, rewritten=again)) for again in (False, True))
    first, relu, second, loss = "0: Linear", "1: ReLU", "2: Linear", "criterion: CrossEntropyLoss"
    back, update = "{}, backward".format, "{}, update".format
    always = {
        ("features", first), (first, relu), (relu, second), (second, loss),
        (back(loss), back(second)), (second, back(second)), (relu, back(second)),
        (back(second), back(relu)), (relu, back(relu)), (back(relu), back(first)),
        ("features", back(first)), (back(first), update(first)), (first, update(first)),
        (back(second), update(second)), (second, update(second)),
        ("optimizer", update(first)), ("optimizer", update(second)),
    }  # fmt: skip
    assert always <= before and always <= after
    numbers = ("lr", "betas1", "betas2", "eps")
    assert before - always == {
        ("labels", loss), ("labels", back(loss)), (second, back(loss)),
        *((x, update(layer)) for x in numbers for layer in (first, second)),
    }  # fmt: skip
    assert {*((x, "optimizer") for x in numbers), (loss, back(loss))} <= after  # computed once


def test_folded_large_graphs_are_drawn_and_larger_ones_named():
    net = nn.Sequential(*[nn.BatchNorm1d(2) for _ in range(600)])
    x = gg.randn(3, 2)
    with pytest.raises(ValueError, match="the graph has 602 nodes, too many .*, or say most=602"):
        gg.draw.graph(lambda: net(x).sum(), model=net)
    net = net[:250]
    picture = gg.draw.graph(lambda: net(x).sum(), model=net)
    assert "249: BatchNorm1d" in texts(picture) and len(elements(picture, "path")) == 251
    with pytest.raises(ValueError, match="draw each layer as one by fold=True and model="):
        gg.draw.graph(net(x).sum(), fold=False)


class Residual(nn.Module):
    """x + b(relu(a(x)))"""

    def __init__(self):
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        return x + self.b(self.a(x).relu())


def test_of_too_many_layers_blocks_are_folded():
    net = nn.Sequential(*[Residual() for _ in range(40)])
    optimizer, x = gg.optim.Adam(net.parameters()), gg.randn(3, 4)

    @gg.compile
    def step(x):
        optimizer.zero_grad()
        loss = net(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    step(x)
    assert len(step.graph().nodes) > 4000
    shown = texts(gg.draw.graph(step))
    assert shown.count("0: Residual") == shown.count("39: Residual") == 3  # backward and update
    assert "0.a: Linear" not in shown
    found = arrows(gg.draw.graph(lambda: net(x), model=net, names={"x": x}, most=50))
    blocks = [f"{n}: Residual" for n in range(40)]
    assert found == set(itertools.pairwise(["x", *blocks]))
    with pytest.raises(ValueError, match="has 41 nodes, too many .*, or say most=41"):
        gg.draw.graph(lambda: net(x), model=net, most=40)


def test_long_edges_of_a_node_go_together():
    x = gg.tensor(1.0, requires_grad=True)
    chain = [x]
    for _ in range(8):
        chain.append(chain[-1].exp() * x)
    levels, edges = layered(ancestors(chain), lambda node: node.inputs)
    passing = [[item for item in level if isinstance(item, Via)] for level in levels]
    assert len(edges) == 3 * 8 and max(map(len, passing)) == 1


def test_what_is_no_model_of_a_call_is_said():
    net, x = perceptron()
    with pytest.raises(TypeError, match="model is a module.*, not 5"):
        gg.draw.graph(lambda: net(x), model=5)
    with pytest.raises(TypeError, match="model is a module.*, not 5"):
        gg.draw.graph(net(x), model=5)
    with pytest.raises(TypeError, match="call returned int, and no tensor"):
        gg.draw.graph(lambda: 5, model=net)
    with pytest.raises(TypeError, match="beside a call"):
        gg.draw.graph(lambda: net(x))
