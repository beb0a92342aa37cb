"""Network diagrams: what stands in them, and models of every kind.

Budgets, measured by hand on one core: 4-10-5-3-1 under 50 ms, 784-128-10 under 300 ms.
"""

import itertools

import numpy as np
import pytest

import glassgrad as gg
from drawings import STRANGE, edges, elements, hints, in_new_process, parsed, text_of, texts
from glassgrad import nn
from glassgrad.draw.colours import NEGATIVE, POSITIVE, lightness
from glassgrad.draw.columns import columns_of
from glassgrad.draw.groups import meet
from glassgrad.nn.chain import ChainError, chain


def layers(*units, activation=nn.ReLU):
    gg.manual_seed(0)
    parts = [[nn.Linear(a, b), activation()] for a, b in itertools.pairwise(units)]
    return nn.Sequential(*[layer for part in parts for layer in part][:-1])


def lenet():
    gg.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
        nn.Linear(84, 10), nn.Softmax(1),
    )  # fmt: skip


@pytest.mark.parametrize(
    "units",
    [(10, 1), (1, 2, 1), (1, 20, 1), (12, 5, 1), (12, 5, 10), (4, 10, 5, 3, 1)],
)
def test_every_unit_is_a_node_and_every_weight_an_edge(units):
    picture = gg.draw.network(layers(*units))
    assert "Number of units: " + ",".join(map(str, units)) in texts(picture)
    assert len(elements(picture, "circle")) == sum(units)
    weights = sum(a * b for a, b in itertools.pairwise(units))
    assert len(hints(picture, "weight from")) == weights


def test_biases_are_edges_from_a_unit_that_is_always_1():
    model = layers(4, 10, 5, 3, 1)
    assert hints(gg.draw.network(model), "bias") == []
    picture = gg.draw.network(model, bias=True)
    assert len(hints(picture, "bias")) == 10 + 5 + 3 + 1
    assert texts(picture).count("1") == 4


def test_colour_is_the_sign_and_width_the_size():
    model = nn.Linear(4, 1)
    model.weight.data = gg.tensor([[2.0, -2.0, 0.5, -0.001]])
    drawn = edges(gg.draw.network(model))
    strong, negative, weak, tiny = (
        drawn[f"weight from {n} to 0: {w}"] for n, w in enumerate(("2", "-2", "0.5", "-0.001"))
    )
    assert strong.getAttribute("stroke") == POSITIVE
    assert negative.getAttribute("stroke") == NEGATIVE
    widths = [float(e.getAttribute("stroke-width")) for e in (strong, negative, weak, tiny)]
    assert widths[0] == widths[1] > widths[2] > widths[3] > 0
    assert lightness(NEGATIVE) - lightness(POSITIVE) > 0.2  # so in grey too


def test_units_that_do_not_fit_are_counted():
    picture = gg.draw.network(layers(784, 128, 10))
    assert {"784 units", "128 units", "10 units", "772 more", "116 more"} <= set(texts(picture))
    assert "Number of units: 784,128,10" in texts(picture)
    units = [h for h in hints(picture) if h.startswith("layer 0, unit")]
    assert units[0] == "layer 0, unit 0" and units[-1] == "layer 0, unit 783"
    assert len(picture.svg) < 100_000
    assert "782 more" in texts(gg.draw.network(layers(784, 2), most=4))
    with pytest.raises(ValueError, match="most is a whole number, at least 4, not 3"):
        gg.draw.network(layers(784, 2), most=3)


def test_nodes_show_what_they_give():
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    model[0].weight.data = gg.tensor([[1.0, 1.0], [-1.0, -1.0]])
    model[0].bias.data = gg.zeros(2)
    picture = gg.draw.network(model, x=[1, 2.5])
    assert {"1", "2.5", "3.5", "0", "ReLU"} <= set(texts(picture))
    assert "layer 1, unit 0: 3.5" in hints(picture)


@pytest.mark.parametrize("name", STRANGE)
def test_names_with_any_letters(name):
    picture = gg.draw.network(nn.Linear(2, 1), names=[name, name], title=name)
    parsed(picture)
    parsed(gg.draw.flow(nn.Linear(2, 1), x=[1, 2], names=[name] * 2, outputs=[name], title=name))
    if name.isprintable() and 0 < len(name) < 12:
        assert texts(picture).count(name) == 3


def test_each_id_leads_to_the_numbers_that_are_looked_up_for_it():
    model = nn.Sequential(nn.Embedding(5, 2), nn.Flatten(), nn.Linear(6, 1))
    _, (link, _) = columns_of(chain(model, None, (3,)))
    starts = [[edge.start for edge in link.incoming(unit)] for unit in range(6)]
    assert starts == [[0], [0], [1], [1], [2], [2]]


def test_derivatives_on_a_flow_diagram():
    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1))
    x = gg.tensor([[1.0, -2.0]], requires_grad=True)
    v = model[0](x)
    y = gg.tanh(v)
    ((model[2](y) - 3.0) ** 2).sum().backward()
    picture = gg.draw.flow(model, x=[1, -2], loss=lambda output: (output - 3) ** 2)
    parsed(picture)
    written = texts(picture)
    by_v, by_y = (gg.autograd.grad(((model[2](f(t)) - 3.0) ** 2).sum(), t)[0]
                  for f, t in ((gg.tanh, leaf(v)), (lambda t: t, leaf(y))))  # fmt: skip
    slopes = [f"∂ {number:.3g}" for part in (x.grad, by_v, by_y) for number in part.flatten()]
    assert set(slopes) <= set(written)
    for p in model.parameters():
        pairs = zip(p.detach().flatten(), p.grad.flatten())
        assert {f"{w:.3g}, ∂ {g:.3g}" for w, g in pairs} <= set(written)
    assert sum(text.startswith("∂: derivative of the loss") for text in written) == 1
    model.requires_grad_(False)
    assert gg.draw.flow(model, x=[1, -2], loss=lambda output: (output - 3) ** 2).svg == picture.svg


def leaf(x):
    found = x.detach()
    found.requires_grad = True
    return found


@pytest.mark.parametrize(
    "given, says",
    [
        ({"loss": lambda output: gg.cat([output, output])}, "one number of the output"),
        ({"loss": lambda output: 3.0}, "one number of the output, not 3.0"),
        ({"x": None}, "derivatives are those at an input: give x= too"),
        ({"model": nn.Conv1d(1, 1, 2), "input_shape": (1, 2)}, "one convolves"),
    ],
)
def test_derivatives_that_cannot_be_written(given, says):
    usual = {"model": nn.Linear(2, 1), "x": [1, 2], "loss": lambda output: output**2}
    with pytest.raises(ValueError, match=says):
        gg.draw.flow(**usual | given)


def test_the_title_of_several_pictures_stands_above_them():
    one = gg.draw.network(nn.Linear(2, 1))
    picture = gg.draw.beside(one, one, title="x<y")
    assert texts(picture)[0] == "x<y" and texts(picture).count("Number of units: 2,1") == 2
    tall = [float(elements(p, "svg")[0].getAttribute("height")) for p in (one, picture)]
    assert tall[1] == tall[0] + 36


def test_too_many_names_are_refused():
    with pytest.raises(ValueError, match="3 names were given for 2 inputs"):
        gg.draw.network(nn.Linear(2, 1), names=["a", "b", "c"])


def test_same_model_same_file():
    program = """
import glassgrad as gg
from glassgrad import nn
gg.manual_seed(0)
model = nn.Sequential(nn.Conv1d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3), nn.Softmax(1))
print(gg.draw.network(model, x=[[1, 2, 3, 4, 5, 6]], bias=True).svg)
"""
    first = in_new_process(program)
    names = {}
    exec(program.replace("print(", "found = ("), names)
    assert first.strip() == names["found"].strip()


def test_values_that_are_not_finite_are_marked():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    with gg.no_grad():
        model[0].weight[0, 0] = float("nan")
        model[0].weight[1, 0] = float("inf")
        model[2].bias[0] = float("nan")
    picture = gg.draw.network(model, bias=True)
    assert "not finite" in texts(picture)
    dotted = [e for e in edges(picture).values() if e.getAttribute("stroke-dasharray") == "2 3"]
    assert len(dotted) == 3
    assert "nan" in texts(gg.draw.network(model, x=[1, 2, 3]))
    parsed(gg.draw.network(model, x=[float("inf"), -1, float("nan")]))


def test_images_are_maps_and_the_kernel_lies_above_them():
    picture = gg.draw.network(lenet(), input_shape=(1, 28, 28))
    shown = set(texts(picture))
    assert "Number of units: 784,4704,1176,1600,400,120,84,10" in shown
    assert {"1 @ 28×28", "6 @ 28×28", "16 @ 5×5", "5×5 convolution", "2×2 max pooling"} <= shown
    assert "388 more" in shown and "Softmax" in shown
    every = picture.svg.splitlines()
    kernels = [n for n, line in enumerate(every) if 'fill="none" stroke="#d55e00"' in line]
    maps = [n for n, line in enumerate(every) if "#dbe7f3" in line]
    assert len(kernels) == 4 and min(kernels) > max(maps)


def test_images_show_what_they_hold():
    x = np.arange(784.0).reshape(1, 28, 28)
    picture = gg.draw.network(lenet(), x=x)
    assert len(elements(picture, "path")) > 5
    assert len(picture.svg) < 150_000
    x[0, :5] = np.nan
    parsed(gg.draw.network(lenet(), x=x))
    parsed(gg.draw.network(nn.Conv2d(1, 1, 3), x=np.full((1, 100, 60), np.nan)))


def test_a_convolution_has_a_colour_for_each_weight():
    model = nn.Conv1d(1, 2, 3)
    picture = gg.draw.network(model, input_shape=(1, 6))
    assert "Number of units: 6,8 filters: 2 kernel.size: 3" in texts(picture)  # lecture C
    drawn = edges(picture)
    assert len(drawn) == 24
    looks = {}
    for hint, edge in drawn.items():
        name = hint.split(" ")[0]
        looks.setdefault(name, set()).add(edge.getAttribute("stroke"))
    assert list(looks) and all(len(look) == 1 for look in looks.values())
    assert len({*map(frozenset, looks.values())}) == 6
    assert {"channel 1", "channel 2", "v1,1", "v2,3"} <= set(texts(picture))
    value = model.weight[1, 0, 2].item()
    assert f"v2,3 = {value:.3g}" in texts(picture)


def test_filters_differ_in_dashes_on_grey_paper():
    drawn = edges(gg.draw.network(nn.Conv1d(1, 2, 3), input_shape=(1, 6)))
    dashes = {name[:2]: e.getAttribute("stroke-dasharray") for name, e in drawn.items()}
    assert dashes["v1"] != dashes["v2"]


def test_above_eight_weights_dashes_differ():
    drawn = edges(gg.draw.network(nn.Conv1d(1, 4, 3), input_shape=(1, 6)))
    looks = {(e.getAttribute("stroke"), e.getAttribute("stroke-dasharray")) for e in drawn.values()}
    assert len(looks) == 12
    many = gg.draw.network(nn.Conv1d(1, 10, 3), input_shape=(1, 6))
    assert "one colour and dash: one shared weight" in texts(many)


@pytest.mark.parametrize("stride, outputs", [(1, 8), (2, 4), (3, 3)])
def test_the_stride_diagram(stride, outputs):
    for layer in (nn.Conv1d(1, 1, 3, stride=stride), nn.MaxPool1d(3, stride=stride)):
        picture = gg.draw.network(layer, input_shape=(1, 10))
        assert any(t.startswith(f"Number of units: 10,{outputs}") for t in texts(picture))
        assert len(elements(picture, "circle")) == 10 + outputs
    assert f"max pooling of 3, stride {stride}" in texts(picture)
    pooled = [e for e in elements(picture, "line") if e.getAttribute("stroke-width") == "0.9"]
    assert len(pooled) == 3 * outputs + 1  # and one in the legend


@pytest.mark.parametrize(
    "layer, length",
    [
        (nn.Conv1d(2, 4, 3, groups=2, padding=1), 6),
        (nn.Conv1d(2, 2, 2, dilation=2, stride=2), 9),
        (nn.ConvTranspose1d(2, 3, 3, stride=2, padding=1), 4),
        (nn.Linear(6, 3), 6),
        (nn.ZeroPad1d((1, 2)), 4),
        (nn.AvgPool1d(2), 6),
    ],
)
def test_edges_are_the_derivatives(layer, length):
    """A unit is joined to what it changes with, by the weight that it changes with."""
    from glassgrad.draw.columns import columns_of
    from glassgrad.nn.chain import chain

    x = gg.rand(1, 2, length, requires_grad=True)
    columns, (link,) = columns_of(chain(layer, x.detach()[0], (2, length)))
    y = layer(x)
    for unit in range(columns[1].units):
        seed = gg.zeros(y.numel())
        seed[unit] = 1
        (slope,) = gg.autograd.grad(y, x, seed.reshape(y.shape), retain_graph=True)
        expected = {i: s for i, s in enumerate(slope.flatten().tolist()) if s}
        found = {e.start: e.weight for e in link.incoming(unit)}
        assert set(found) == set(expected)
        if link.kind in ("dense", "convolution"):
            assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "last, name",
    [
        (nn.Softmax(1), "Softmax"),
        (nn.LogSoftmax(1), "LogSoftmax"),
        (nn.Maxout(5, 3), "Maxout"),
        (nn.Perceptron(5, 3), "Perceptron"),
    ],
)
def test_units_that_are_computed_together_stand_in_a_bar(last, name):
    picture = gg.draw.network(nn.Sequential(nn.Linear(4, 5), last))
    assert name in texts(picture)
    assert 'fill="#e9e9e9"' in picture.svg
    assert 'fill="#e9e9e9"' not in gg.draw.network(nn.Sequential(nn.Linear(4, 5), nn.ReLU())).svg


def test_argmax_is_one_bar_that_all_units_enter():
    class Argmax(nn.Module):
        def forward(self, x):
            return x.argmax(-1)

    picture = gg.draw.network(nn.Sequential(nn.Linear(4, 5), Argmax()))
    assert "Argmax" in texts(picture)
    level = [e for e in elements(picture, "line") if e.getAttribute("y1") == e.getAttribute("y2")]
    assert len({e.getAttribute("y1") for e in level if not e.getElementsByTagName("title")}) >= 5


def test_what_cannot_be_drawn_is_said():
    class Residual(nn.Module):
        def __init__(self):
            self.inner = nn.Linear(3, 3)

        def forward(self, x):
            return x + self.inner(x)

    with pytest.raises(
        ChainError, match=r"two paths .* meet in add: .*gg\.draw\.graph\(lambda: model"
    ):
        gg.draw.network(Residual())
    with pytest.raises(ChainError, match="cannot be told from its layers: give input_shape="):
        gg.draw.network(nn.Sequential())
    with pytest.raises(ChainError, match="gives back its input"):
        gg.draw.network(nn.Sequential(), input_shape=3)
    with pytest.raises(gg.ShapeError, match="takes inputs of 3 features and got 5"):
        gg.draw.network(nn.Sequential(nn.Linear(3, 4)), x=np.ones(5))
    with pytest.raises(TypeError, match="a module is wanted, and got 5"):
        gg.draw.network(5)
    with pytest.raises(TypeError, match="numbers are wanted as x, and got 'abc'"):
        gg.draw.network(nn.Linear(3, 1), x="abc")
    with pytest.raises(TypeError, match=r"numbers are wanted as x, and got \[\[1\], \[2, 3\]\]"):
        gg.draw.network(nn.Linear(3, 1), x=[[1], [2, 3]])


def test_outputs_are_named_within_the_page():
    outputs = ["small", 'a < "b"', "a name that is much too long for the room that is there"]
    picture = gg.draw.network(nn.Linear(2, 3), names=["x", "y"], outputs=outputs)
    shown = {text_of(e): e for e in elements(picture, "text")}
    assert {"x", "y", "small", 'a < "b"'} <= shown.keys()
    (page,) = elements(picture, "svg")
    short = next(t for t in shown if t.startswith("a name") and "…" in t)
    start, room = float(shown[short].getAttribute("x")), 104  # which no name is wider than
    assert start + room < float(page.getAttribute("width"))
    assert outputs[2] in hints(picture)
    beside = float(shown["small"].getAttribute("x"))
    assert beside > max(float(c.getAttribute("cx")) + float(c.getAttribute("r"))
                        for c in elements(picture, "circle"))  # fmt: skip
    beside = gg.draw.network(nn.Sequential(nn.Linear(2, 2), nn.Softmax(1)), outputs=["yes", "no"])
    bar = next(r for r in elements(beside, "rect") if r.getAttribute("rx"))
    end = float(bar.getAttribute("x")) + float(bar.getAttribute("width"))
    yes = next(t for t in elements(beside, "text") if text_of(t) == "yes")
    assert float(yes.getAttribute("x")) > end + 2
    with pytest.raises(ValueError, match="4 names were given for 3 outputs"):
        gg.draw.network(nn.Linear(2, 3), outputs=["a", "b", "c", "d"])


@pytest.mark.parametrize(
    "layers, shape",
    [
        ([nn.Conv1d(3, 4, 5)], r"\(3, 100\)"),
        ([nn.Embedding(9, 2), nn.Flatten(), nn.Linear(24, 1)], r"\(12,\)"),
        ([nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(1800, 2)], r"\(3, 32, 32\)"),
        ([nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 2, 3), nn.Bilinear(1, 1, 1)], "or a row"),
        ([nn.Unflatten(1, (1, 28, 28)), nn.Conv2d(1, 2, 3)], r"\(784,\)"),
    ],
)
def test_a_shape_that_would_fit_is_named(layers, shape):
    with pytest.raises(ChainError, match=rf"batch(, as input_shape=)?.*{shape}"):
        gg.draw.network(nn.Sequential(*layers))


def test_drawing_leaves_the_model_as_it_was():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1))
    model[0].weight.requires_grad_(False)
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    state = gg.get_rng_state()
    gg.draw.network(model, x=[1, 2, 3])
    assert model.training and all(part.training for part in model.modules())
    assert not model[0].weight.requires_grad and model[3].weight.requires_grad
    assert model[3].weight.grad is None
    assert all((before[name] == value.numpy()).all() for name, value in model.state_dict().items())
    assert (state == gg.get_rng_state()).all()


def test_what_is_done_to_units_stands_in_two_lines_where_one_is_too_short():
    parts = [nn.Linear(3, 2), nn.BatchNorm1d(2), nn.LeakyReLU(), nn.Dropout(0.5), nn.Linear(2, 1)]
    shown = texts(gg.draw.network(nn.Sequential(*parts)))
    assert {"input", "BatchNorm1d,", "LeakyReLU"} <= set(shown)
    first = gg.draw.network(nn.Sequential(nn.Standardize(3), nn.Linear(3, 2)))
    assert "input, Standardize" in texts(first)
    net = nn.Linear(1, 1, bias=False)
    net.weight.data = gg.tensor([[-1.0]])
    assert "-0" not in texts(gg.draw.network(net, x=[0.0]))


def test_flow_writes_excitation_activation_and_weights():
    model = nn.Sequential(nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 1))
    with gg.no_grad():
        model[0].weight.copy_(gg.tensor([[1.0, -2.0], [3.0, 0.5]]))
        model[0].bias.copy_(gg.tensor([0.25, -0.75]))
    picture = gg.draw.flow(model, x=[1, 1], names=["first", "second"], outputs=["y"])
    assert {"first", "second", "y", "-2", "0.5", "0.25", "-0.75"} <= set(texts(picture))
    assert {"2.75", "0.94", "Sigmoid", "input"} <= set(texts(picture))
    parsed(gg.draw.flow(nn.Linear(2, 1), x=[float("nan"), 1]))
    pooled = nn.Sequential(nn.Conv1d(1, 1, 2), nn.MaxPool1d(2))
    assert "max pooling of 2" not in texts(gg.draw.flow(pooled, input_shape=(1, 5)))
    with pytest.raises(ChainError, match=r"20 units, .* up to 12; gg\.draw\.network"):
        gg.draw.flow(nn.Linear(20, 1))


@pytest.mark.parametrize("units", [(2, 2, 1), (4, 10, 5, 3, 1), (12, 12), (1, 12, 2)])
def test_no_weight_of_a_flow_diagram_covers_another(units):
    model = layers(*units)
    picture = gg.draw.flow(model, x=np.ones(units[0]))
    every = picture.svg.splitlines()
    grounds = [n for n, line in enumerate(every) if 'height="15"' in line]
    boxes = [box_of(e) for e in elements(picture, "rect") if e.getAttribute("height") == "15"]
    assert len(boxes) == sum(a * b + b for a, b in itertools.pairwise(units))
    assert not any(meet(a, b) for a, b in itertools.combinations(boxes, 2))
    first, last = grounds[0], grounds[units[1] * (units[0] + 1) - 1]
    assert not any("<line" in line for line in every[first:last])  # no edge above a number
    nodes = [[float(e.getAttribute(k)) for k in ("cx", "cy", "r")]
             for e in elements(picture, "circle")]  # fmt: skip
    for left, top, right, bottom in boxes:
        for x, y, r in nodes:
            assert not (left < x + r and x - r < right and top < y + r and y - r < bottom)


def box_of(rect):
    """A rectangle as (left, top, right, bottom)."""
    x, y, w, h = (float(rect.getAttribute(k)) for k in ("x", "y", "width", "height"))
    return x, y, x + w, y + h


def crossed(picture):
    """The hints of units that are crossed."""
    return hints(picture, "dropped")


def test_dropped_units_are_crossed_and_have_no_edges():
    gg.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 10), nn.ReLU(), nn.Dropout(0.5), nn.Linear(10, 3))
    assert crossed(gg.draw.network(model)) == []
    picture = gg.draw.network(model, dropped=1, bias=True)
    lost = len(crossed(picture))
    assert 0 < lost < 10 and f"ReLU, {lost} dropped" in texts(picture)
    assert len(hints(picture, "weight from")) == (10 - lost) * (4 + 3)
    assert len(hints(picture, "bias")) == 10 - lost + 3
    assert picture.svg == gg.draw.network(model, dropped=1, bias=True).svg
    others = {gg.draw.network(model, dropped=seed).svg for seed in range(5)}
    assert len(others) > 1


def test_units_that_relu_makes_zero_are_not_dropped():
    model = nn.Sequential(nn.Linear(2, 6), nn.ReLU(), nn.Dropout(0.0), nn.Linear(6, 1))
    picture = gg.draw.network(model, x=[-100.0, 100.0], dropped=0)
    assert crossed(picture) == []
    assert (
        len(crossed(gg.draw.network(nn.Sequential(nn.Linear(2, 6), nn.Dropout(1.0)), dropped=0)))
        == 6
    )


def test_dropout_of_channels_and_in_place():
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.Dropout2d(0.5, inplace=True),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16, 2),
    )
    picture = gg.draw.network(model, input_shape=(1, 4, 4), dropped=0)
    lost = len(crossed(picture))
    assert lost in (4, 8, 12) and f"ReLU, {lost} dropped" in texts(picture)
    assert model[1].inplace and model[1].training


def test_a_draw_of_dropout_changes_nothing_else():
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5), nn.Linear(3, 1))
    gg.manual_seed(5)
    state, mean = gg.get_rng_state().tolist(), model[0].running_mean.tolist()
    gg.draw.network(model, dropped=7, input_shape=3)
    assert gg.get_rng_state().tolist() == state and model[0].running_mean.tolist() == mean


def test_without_dropout_nothing_can_be_dropped():
    with pytest.raises(ValueError, match=r"Sequential has no dropout layer, such as nn.Dropout"):
        gg.draw.network(layers(2, 3, 1), dropped=0)


@pytest.mark.parametrize(
    "layer, text",
    [
        (nn.Conv1d(1, 1, 3, stride=2, padding=1), "convolution of 3, stride 2, padding 1"),
        (nn.Conv1d(1, 1, 2, dilation=2), "convolution of 2, dilation 2"),
        (nn.Conv1d(1, 1, 3), "convolution of 3"),
        (nn.ConvTranspose1d(1, 1, 3, stride=2), "transposed convolution of 3, stride 2"),
        (nn.MaxPool1d(3, 1, 1), "max pooling of 3, stride 1, padding 1"),
    ],
    ids=["padded", "dilated", "plain", "transposed", "pooling"],
)
def test_windows_in_words(layer, text):
    assert f">{text}<" in gg.draw.network(layer, input_shape=(1, 8)).svg
