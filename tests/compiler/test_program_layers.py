"""The program of every layer, with its gradients, runs and gives what eager execution gives."""

from dataclasses import replace

import numpy as np
import pytest

import glassgrad as gg
from compiler.test_native_layers import inputs_of
from glassgrad.compiler.graph import evaluated
from glassgrad.compiler.lower import READABLE, lowered
from glassgrad.compiler.program import load, source
from glassgrad.compiler.rewrite import rewritten
from glassgrad.compiler.step import CompiledStep
from layers import LAYERS, example
from natively import differentiated


@pytest.mark.parametrize("name", LAYERS)
def test_the_program_of_a_layer(name):
    gg.manual_seed(0)
    layer, lengths = example(name)
    arrays = inputs_of(layer, lengths, seed=0)
    step = CompiledStep(differentiated(layer, layer)).trace(*map(gg.Tensor.lift, arrays))
    graph = step.graph()
    taken = [*arrays, *(c.value for c in graph.cells.values())]
    taken += [np.float64(h.read()) for h in graph.hypers]
    values = dict(zip([*graph.inputs, *graph.cells, *graph.hypers], taken))
    eager = evaluated(replace(graph, checks=[]), values)
    wanted = [eager[x] for x in [*graph.outputs, *graph.updates.values()]]
    text = source(rewritten(lowered(graph, READABLE)))
    found = load(text)(*taken)
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted):
        assert (np.shape(one), one.dtype) == (other.shape, other.dtype)
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-6)
