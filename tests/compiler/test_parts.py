"""Sums in sixteen parts have the same bits whether lanes hold the parts or run elsewhere."""

import ctypes

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn, optim
from glassgrad.compiler.build import artifact_of
from glassgrad.compiler.cache import Request
from glassgrad.compiler.machine import Library, object_code
from glassgrad.compiler.module import module_text
from glassgrad.compiler.native import Workplace
from glassgrad.compiler.rewrite import rewritten
from glassgrad.compiler.target import AVX2, host
from natively import cells_of, mlp, traced, trainer


def as_it_is(kernel):
    pass


def scalars(kernel):
    """No lanes at all."""
    if kernel.lane in kernel.inner:
        kernel.parts, kernel.lane, kernel.out_lane = kernel.lane, None, None


def elsewhere(kernel):
    """Lanes along an axis that stays, if one has several positions."""
    if kernel.lane in kernel.inner:
        kernel.parts = kernel.lane
        outer = [a for a in kernel.outer if kernel.extents[a] != 1]
        kernel.lane = kernel.out_lane = outer[-1] if outer else None


def run(graph, batches, change, target=None, resident=True):
    """The last outputs and the cells after a step for each batch, and how many kernels changed."""
    request = Request(rewritten(graph), target or host(), resident=resident)
    plan = request.plan
    for kernel in plan.kernels:
        if kernel.call is None and not kernel.repack:
            change(kernel)
    code = object_code(module_text(plan, request.target), request.target)
    artifact, library = artifact_of(plan, code), Library(code, request.target)
    step = library.function("step", ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)
    place, cells, hypers = (
        Workplace(artifact, step),
        cells_of(graph),
        [h.read() for h in graph.hypers],
    )
    outputs = [place.run(list(inputs), cells, hypers) for inputs in batches][-1]
    return [*outputs, *cells], sum(k.in_parts for k in plan.kernels)


def assert_same(graph, batches, **options):
    """All ways give the same bits; in how many kernels there were parts."""
    expected, none = run(graph, batches, as_it_is, **options)
    assert none == 0
    for change in (scalars, elsewhere):
        found, count = run(graph, batches, change, **options)
        for a, b in zip(found, expected, strict=True):
            assert a.tobytes() == b.tobytes(), change.__name__
    return count


def normal(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype("f")


@pytest.mark.parametrize("n", [1, 2, 5, 15, 16, 17, 31, 32, 100])
def test_products_and_reductions(n):
    x = normal(3, n)

    def step(x):
        w = x[:2] * 3
        return x @ w.T, x.sum(), x.max(1)[0], x.min(), (x * x).sum(1), x.exp().mean()

    assert assert_same(traced(step, x), [(x,)]) > 0


@pytest.mark.parametrize("target", [host(), AVX2._replace(triple=host().triple)], ids=["", "AVX2"])
@pytest.mark.parametrize("sizes", [(10, 10, 2), (4, 10, 5, 3), (33, 50, 17, 5)])
@pytest.mark.parametrize("batch", [1, 8, 40])
def test_training(sizes, batch, target):
    net = mlp(*sizes, activation=nn.ReLU)
    random = np.random.default_rng(0)
    batches = [(normal(batch, sizes[0]), random.integers(0, sizes[-1], batch)) for _ in range(3)]
    graph = traced(trainer(net, lambda p: optim.Adam(p, lr=0.01)), *batches[0])
    assert assert_same(graph, batches, target=target) > 0


def test_chunks_of_the_batch():
    net = mlp(10, 100, 2, activation=nn.ReLU)
    batch = normal(256, 10), np.arange(256) % 2
    graph = traced(trainer(net), *batch)
    assert Request(rewritten(graph), host(), resident=True).plan.chunk
    assert assert_same(graph, [batch] * 2) > 0


def test_convolutions():
    gg.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 5, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(20, 3))
    batch = normal(7, 2, 6, 6), np.arange(7) % 3
    assert assert_same(traced(trainer(net), *batch), [batch] * 2) > 0


def test_signed_zeros_and_infinities():
    """A part begins at +0 and is stepped by a fused multiply-add, as a lane is."""
    x = np.float32([[-0.0, -0.0, 1e-30], [np.inf, -1, 0], [np.nan, 2, -np.inf]])
    w = np.float32([[1, 1, -1e-30], [-1, -0.0, 5], [0, 0, 0]])

    def step(x, w):
        return x @ w.T, x.sum(1), x.max(1)[0], (x * w).sum()

    assert assert_same(traced(step, x, w), [(x, w)]) > 0
