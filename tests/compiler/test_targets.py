"""The same step for other processors: it assembles, and where it runs it gives the same bits."""

import re

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from glassgrad.compiler.cache import Request
from glassgrad.compiler.epoch import NativeEpoch, Source
from glassgrad.compiler.lower import lowered
from glassgrad.compiler.machine import assembly
from glassgrad.compiler.native import NativeStep
from glassgrad.compiler.rewrite import rewritten
from glassgrad.compiler.step import CompiledStep
from glassgrad.compiler.target import ARM, AVX2, AVX512, NoTargetError, host

PASSES = (lowered, rewritten)
TARGETS = {"x86-64-v3": AVX2, "x86-64-v4": AVX512, "aarch64": ARM}


def perceptron():
    return nn.Sequential(nn.Linear(20, 40), nn.ReLU(), nn.Linear(40, 3)), (20,)


def convolutional():
    layers = nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(100, 3)
    return nn.Sequential(*layers), (1, 12, 12)


def normalized():
    layers = nn.Linear(20, 40), nn.BatchNorm1d(40), nn.ReLU(), nn.Dropout(0.2), nn.Linear(40, 3)
    return nn.Sequential(*layers), (20,)


NETWORKS = {f.__name__: f for f in (perceptron, convolutional, normalized)}
ROWS = 24


def graph_of(name):
    """A training step of Adam."""
    gg.manual_seed(0)
    net, shape = NETWORKS[name]()
    optimizer = gg.optim.Adam(net.parameters(), lr=0.01)

    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    x, y = batch(shape)
    return CompiledStep(step).trace(gg.tensor(x), gg.tensor(y)).graph(), x, y


def batch(shape):
    draw = np.random.default_rng(1)
    x = draw.standard_normal((ROWS, *shape)).astype(np.float32)
    return x, draw.integers(0, 3, ROWS)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_assembles_for_every_target(name, target):
    graph, _, _ = graph_of(name)
    request = Request(graph, TARGETS[target], PASSES)
    text = assembly(request.text, request.target)
    vector, scalar = VECTORS[target]
    assert len(re.findall(vector, text)) > 20
    assert not re.search(scalar, text), "a multiply-add by a call"


CALLS = r"\b(call|bl)\s+fmaf?\b"
VECTORS = {
    "x86-64-v3": (r"\tvfn?m(add|sub)\d+ps\t.*%ymm", CALLS),
    "x86-64-v4": (r"\tvfn?m(add|sub)\d+ps\t.*%zmm", CALLS),
    "aarch64": (r"\tfml[as]\tv\d+\.4s", CALLS),
}


def runnable():
    """Targets whose code this machine can run."""
    try:
        here = host()
    except NoTargetError:
        return []
    if not here.triple.startswith("x86_64"):
        return []
    return [AVX2, AVX512] if here.bytes == 64 else [AVX2]


@pytest.mark.parametrize("target", runnable(), ids=lambda t: t.cpu)
@pytest.mark.parametrize("name", NETWORKS)
def test_other_instructions_give_the_same_bits(name, target):
    found = []
    for processor in (host(), target._replace(triple=host().triple)):
        graph, x, y = graph_of(name)
        step = NativeStep(graph, processor, PASSES)
        cells = [np.array(leaf.value) for leaf in graph.cells.values()]
        hypers = [h.read() for h in graph.hypers]
        losses = [step([x, y], cells, hypers)[0] for _ in range(4)]
        found.append([*losses, *cells])
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)
    assert found[0][3] < found[0][0]


@pytest.mark.parametrize("target", runnable(), ids=lambda t: t.cpu)
def test_epochs_give_the_same_bits_too(target):
    found = []
    for processor in (host(), target._replace(triple=host().triple)):
        graph, x, y = graph_of("normalized")
        sources = [Source(a.shape, a.dtype) for a in (x, y)]
        epoch = NativeEpoch(graph, sources, processor, passes=PASSES)
        epoch.enter()
        losses, code = epoch.run([x, y], np.tile(np.arange(ROWS), 3))
        epoch.leave()
        assert code == 0
        found.append([losses, *(np.array(leaf.value) for leaf in graph.cells.values())])
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)
