"""Every operation of the table runs natively as it does with NumPy."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.compiler.graph import node
from glassgrad.compiler.lower import lowered
from glassgrad.compiler.native import NativeStep
from glassgrad.compiler.step import CompiledStep
from glassgrad.operations import TABLE
from operation_cases import CASES, each

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def traced(function, *arrays):
    step = CompiledStep(function).trace(*map(gg.Tensor.lift, arrays))
    return lowered(step.graph())


def native(graph, inputs):
    cells = [leaf.value.copy() for leaf in graph.cells.values()]
    return NativeStep(graph)(inputs, cells, [h.read() for h in graph.hypers])


def compare(found, exact, dtype, eager=None):
    assert found.shape == exact.shape
    if exact.dtype.kind != "f":
        np.testing.assert_array_equal(found, exact)
        return
    norm = np.sqrt(np.square(np.nan_to_num(exact.astype(float))).sum())
    wrong = 0 if eager is None else 4 * np.abs(eager.astype(float) - exact)
    bound = 1e-6 * norm + wrong if dtype == np.float32 else 1e-11 * (1 + norm)
    bad = ~(np.abs(found.astype(float) - exact) <= bound) & ~(np.isnan(found) & np.isnan(exact))
    bad &= found != exact
    assert not bad.any(), (found[bad], exact[bad])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@each([c for c in CASES if c.record.samples[c.number].inputs])
def test_each_operation_of_the_table(case, dtype):
    arrays = case.arrays(dtype)
    exact = np.asarray(case.value([x.astype(float) if x.dtype.kind == "f" else x for x in arrays]))
    graph = traced(lambda *x: case.record(*x, **case.parameters), *arrays)
    (found,) = native(graph, arrays)
    assert found.dtype == case.value(arrays).dtype
    compare(found, exact, dtype, np.asarray(case.value(arrays)))


def test_positions():
    for shape, axis in (((3, 4), 0), ((3, 4), 1), ((40,), 0)):
        x = np.zeros(shape, np.float32)
        graph = traced(lambda a: a, x)
        graph.outputs = [position(shape, axis)]
        (found,) = native(graph, [x])
        np.testing.assert_array_equal(found, TABLE["position"].meaning(np, shape, axis))


def position(shape, axis):
    return node(TABLE["position"], (), {"shape": shape, "axis": axis})
