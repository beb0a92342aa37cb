"""Every operation and every layer can be explained, and the numbers are those of backward()."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from layers import LAYERS, contract, example, shape
from operation_cases import CASES, each
from worked import agree, aligned, well_formed

DIFFERENTIABLE = [case for case in CASES if case.differentiable()]


@each(DIFFERENTIABLE)
def test_operations(case):
    inputs = [gg.tensor(a, requires_grad=a.dtype.kind == "f") for a in case.arrays()]
    y = case.record(*inputs, **case.parameters)
    if not y.requires_grad:
        return
    target = (y * y).sum()
    found = gg.explain.steps(target)
    agree(found, target)
    assert str(found)
    well_formed(found.markdown())
    aligned(gg.explain.formulas(target).latex())


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name):
    gg.manual_seed(0)
    layer, lengths = example(name)
    layer.train()
    sizes = {key: value for key, value in vars(layer).items() if type(value) is int} | lengths
    inputs = [
        gg.zeros(size, dtype=gg.int64)
        if kind == "int64"
        else (gg.ones(size) if key == "target" else gg.rand(size).requires_grad_())
        for key, kind, text in contract(type(layer))[0]
        for size in [shape(text, sizes, (2,))]
    ]
    made = layer(*inputs)
    y = made[0] if isinstance(made, tuple) else made
    if not y.requires_grad:
        return
    target = (y * y).sum()
    found = gg.explain.steps(target, names=layer)
    agree(found, target)
    well_formed(found.markdown())
    aligned(gg.explain.formulas(target).latex())


class Cube(gg.Operation):
    """A user's own operation."""

    def forward(self, x):
        return x**3

    def gradient(self, g, y, x):
        return (3 * x * x * g,)


class Twice(gg.autograd.Function):
    """A user's own function, as in PyTorch."""

    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g * 2


def test_operations_of_ones_own():
    x = gg.tensor([1.0, 2.0], requires_grad=True)
    target = Twice.apply(Cube()(x)).sum()
    found = gg.explain.steps(target, names={"x": x})
    agree(found, target)
    assert found[0].formula in ("Cube(x)", "cube(x)")
    assert found.of("∂J/∂x").formula == "3 * x^2 * ∂J/∂t1"


def test_attention_and_recurrence():
    q = gg.randn(2, 5, 4).requires_grad_()
    target = (nn.functional.softmax(q @ q.transpose(1, 2) / 2, -1) @ q).sum()
    agree(gg.explain.steps(target), target)
    W, h = gg.randn(3, 3).requires_grad_(), gg.zeros(1, 3)
    for _ in range(4):
        h = gg.tanh(h @ W + 1)
    target = (h**2).sum()
    found = gg.explain.steps(target, names={"W": W})
    agree(found, target)
    assert np.isclose(found.of("∂J/∂W").result, gg.autograd.grad(target, W)[0]).all()
