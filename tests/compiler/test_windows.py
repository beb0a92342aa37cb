"""Max pooling in compiled steps: values, winners and gradients, and nothing is scattered."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from glassgrad.compiler import CompiledStep
from glassgrad.compiler.graph import evaluated
from glassgrad.compiler.lower import lowered
from glassgrad.compiler.windows import spread_late
from glassgrad.nn import functional as F
from natively import assert_right, by_machine, differentiated, traced, trainer

POOLED = [  # x, arguments
    ((2, 3, 8), {"kernel_size": 2}),
    ((1, 3, 9), {"kernel_size": 3, "stride": 2, "padding": 1}),
    ((2, 3, 10), {"kernel_size": 3, "stride": 4, "padding": 1, "ceil_mode": True}),
    ((5, 3, 6, 8), {"kernel_size": 2}),
    ((17, 3, 7, 9), {"kernel_size": (3, 2), "stride": (2, 3)}),
    ((2, 3, 7, 8), {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
    ((2, 3, 6, 6), {"kernel_size": 4, "stride": 1}),
    ((2, 3, 9, 8), {"kernel_size": (2, 3), "dilation": (3, 2), "padding": (1, 0), "stride": 2}),
    ((33, 2, 9, 8), {"kernel_size": 2, "dilation": 3, "stride": 5}),
    ((2, 1, 40, 40), {"kernel_size": 20, "stride": 9}),
]
ADAPTIVE = [((2, 3, 10), 4), ((2, 3, 7, 5), (3, 2)), ((2, 3, 2, 3), (5, 4)), ((2, 3, 8, 6), (4, 3))]


def drawn(shape, kind="real"):
    random = np.random.default_rng(0)
    x = random.normal(size=shape) if kind == "real" else random.integers(0, 3, shape)
    x = x.astype(np.float32)
    if kind == "nan":
        x[random.random(shape) < 0.3] = np.nan
    return x


def pool(shape, **call):
    return lambda x: getattr(F, f"max_pool{len(shape) - 2}d")(x, **call)


@pytest.mark.parametrize("shape, call", POOLED, ids=str)
def test_values_and_gradients(shape, call):
    pooled = pool(shape, **call)
    assert_right(differentiated(lambda x: pooled(x.tanh())), [drawn(shape)], [drawn(shape)])


@pytest.mark.parametrize("shape, call", POOLED, ids=str)
def test_second_derivatives(shape, call):
    def step(x):
        x = x.detach().requires_grad_()
        (g,) = gg.autograd.grad((pool(shape, **call)(x) ** 3).sum(), x, create_graph=True)
        (h,) = gg.autograd.grad((g**2).sum(), x)
        return g, h

    assert_right(step, [drawn(shape)])


@pytest.mark.parametrize("kind", ["equal", "nan"])
@pytest.mark.parametrize("shape, call", POOLED, ids=str)
def test_winners_among_equals_and_nan_are_those_of_eager_steps(shape, call, kind):
    step = differentiated(pool(shape, return_indices=True, **call))
    x = drawn(shape, kind)
    graph = CompiledStep(step).trace(gg.tensor(x)).graph()
    eager = evaluated(graph, {graph.inputs[0]: x})
    native = by_machine(lowered(graph), [[x]])
    for found, y in zip(native, graph.outputs, strict=True):
        np.testing.assert_array_equal(found, eager[y])


@pytest.mark.parametrize("shape, size", ADAPTIVE, ids=str)
def test_adaptive_maxima(shape, size):
    name = f"adaptive_max_pool{len(shape) - 2}d"

    def pooled(x):
        return getattr(F, name)(x.tanh(), size, return_indices=True)

    assert_right(differentiated(pooled), [drawn(shape)])


def operations(graph):
    return [x.operation.name for x in graph.nodes if x.operation is not None]


def network(activation):
    gg.manual_seed(0)
    layers = (nn.Conv2d(2, 4, 3, padding=1), activation, nn.MaxPool2d(2), nn.Flatten())
    return nn.Sequential(*layers, nn.Linear(16, 3))


def batch():
    labels = np.random.default_rng(1).integers(0, 3, 5)
    return [drawn((5, 2, 5, 5)), labels]


def test_nothing_is_scattered_or_looked_up():
    graph = traced(trainer(network(nn.ReLU())), *batch())
    assert not {"put", "take"} & set(operations(graph))


ACTIVATIONS = [nn.ReLU, nn.LeakyReLU, nn.Sigmoid, nn.Tanh, nn.GELU, nn.Hardtanh, nn.ELU]


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda a: a.__name__)
def test_activations_before_pooling(activation):
    assert_right(trainer(network(activation())), batch(), batch())


def test_the_gradient_of_an_activation_is_taken_of_winners_only():
    step = CompiledStep(trainer(network(nn.ReLU()))).trace(*map(gg.Tensor.lift, batch()))
    before, after = step.graph(), spread_late(step.graph())

    def masks(graph):
        return [x.shape for x in graph.nodes if x.operation and x.operation.name == "gt"]

    assert masks(before) == [(5, 4, 5, 5)]
    assert masks(after) == [(5, 4, 2, 2)]
    (spread,) = [x for x in after.nodes if x.operation and x.operation.name == "window_spread"]
    chosen = spread.inputs[0]
    assert chosen.operation.name == "where"
    assert chosen.inputs[0].inputs[0].operation.name == "window_max"


@pytest.mark.parametrize("stride", [2, 1])
def test_only_what_is_linear_in_the_gradient_is_done_before_it_is_spread(stride):
    def step(x):
        x = x.detach().requires_grad_()
        (F.max_pool1d(x, 2, stride) ** 2).sum().backward()
        g = x.grad
        moved = g * x.exp(), -g, g / x, gg.where(x > 0, g, 0), g + g * 2
        return *moved, g + 1, g * g, g.exp(), 1 / g, gg.where(g > 0, x, 0), gg.where(x > 0, g, 1)

    x = drawn((1, 1, 4))
    graph = CompiledStep(step).trace(gg.tensor(x)).graph()
    late = spread_late(graph)
    ends = [y.operation.name for y in late.outputs]
    assert ends[:5] == ["window_spread"] * 5
    assert ends[5:11] == ["add", "mul", "exp", "div", "where", "where"]
    found = [evaluated(g, {graph.inputs[0]: x}) for g in (graph, late)]
    for a, b in zip(graph.outputs, late.outputs, strict=True):
        np.testing.assert_allclose(found[0][a], found[1][b], rtol=1e-6)


def test_sums_of_gradients_are_taken_over_windows():
    def step(x):
        x = x.detach().requires_grad_()
        (F.max_pool2d(x, 2, 1) ** 2).sum().backward()
        return x.grad.sum((0, 2, 3)), x.grad.sum((0, 2))

    x = drawn((2, 3, 4, 5))
    graph = CompiledStep(step).trace(gg.tensor(x)).graph()
    late = spread_late(graph)
    read = [y.inputs[0].shape for y in late.outputs[:2]]
    assert read == [(2, 3, 3, 4), (2, 3, 4, 5)]  # a sum over rows alone sees where they are
    assert_right(step, [x])
