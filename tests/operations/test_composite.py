"""A composite's one meaning, read with tensors, is its primitives: same values, same gradients."""

from types import SimpleNamespace

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.gradient import ancestors
from glassgrad.operations import TABLE
from glassgrad.operations.elementwise import maximum
from glassgrad.operations.loop import amax
from glassgrad.operations.loop import sum as total

COMPOSITES = [name for name, record in TABLE.items() if record.kind == "composite"]


def folded(operation):
    """`ufunc.reduce` with tensors."""

    def reduce(x, axis, keepdims=False):
        axes = (axis,) if isinstance(axis, int) else axis
        y = operation(x, axes=axes)
        return y.unsqueeze(axis) if keepdims else y

    return reduce


def larger(x, y):
    return maximum(x, x * 0 + y)


larger.reduce = folded(amax)
READING = SimpleNamespace(
    exp=gg.exp,
    log=gg.log,
    log1p=gg.log1p,
    arange=gg.arange,
    ascontiguousarray=lambda x: x,
    where=gg.where,
    maximum=larger,
    add=SimpleNamespace(reduce=folded(total)),
)


def leaves(arrays):
    return [
        gg.tensor(a, requires_grad=True) if a.dtype.kind == "f" else gg.tensor(a) for a in arrays
    ]


@pytest.mark.parametrize("name", COMPOSITES)
def test_both_readings_agree_to_second_order(name):
    record = TABLE[name]
    random = np.random.default_rng(0)
    for sample in record.samples:
        arrays = [np.asarray(draw(random)) for draw in sample.inputs]
        arrays = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in arrays]
        found = []
        for read in (record, lambda *x, **p: record.meaning(READING, *x, **p)):
            inputs = leaves(arrays)
            real = [x for x in inputs if x.requires_grad]
            y = read(*inputs, **sample.parameters)
            weights = gg.tensor(np.random.default_rng(1).normal(size=y.shape))
            first = gg.autograd.grad((y * weights).sum(), real, create_graph=True)
            mixed = sum((g * (i + 1) * g * x).sum() for i, (g, x) in enumerate(zip(first, real)))
            second = gg.autograd.grad(mixed, real, allow_unused=True, materialize_grads=True)
            found.append([y, *first, *second])
        for one, other in zip(*found):
            np.testing.assert_allclose(
                one.detach(), other.detach(), rtol=1e-9, atol=1e-11, err_msg=f"{name} {sample}"
            )


def test_a_composite_is_one_node_and_its_reading_is_many():
    x = gg.randn(3, 4, requires_grad=True)
    record = TABLE["log_softmax"]
    assert record(x, axis=1).inputs == (x,)
    names = {
        node.operation.name
        for node in ancestors([record.meaning(READING, x, axis=1)])
        if node.operation
    }
    assert {"sub", "exp", "log", "sum", "amax"} <= names
