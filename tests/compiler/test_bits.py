"""Results are equal to the bit for every processor: tiles and vectors change no order of sums."""

import numpy as np
import pytest

from glassgrad import nn, optim
from glassgrad.compiler.native import NativeStep
from glassgrad.compiler.rewrite import rewritten
from glassgrad.compiler.target import AVX2, AVX512, host
from natively import cells_of, mlp, network, traced, trainer

HERE = host()
TARGETS = {
    "AVX2": AVX2,
    "AVX-512": AVX512,
    "host": HERE,
    "narrow": HERE._replace(bytes=16, registers=16),
    "wide": HERE._replace(bytes=64, registers=32),
    "few registers": HERE._replace(bytes=32, registers=8),
}


def plain():
    return mlp(33, 50, 17, 5, activation=nn.ReLU), (33,)


def convolutional():
    layers = [
        lambda: nn.Conv2d(2, 6, 3, padding=1), nn.ReLU, lambda: nn.MaxPool2d(2),
        lambda: nn.Conv2d(6, 5, 3), nn.Tanh, nn.Flatten, lambda: nn.Linear(20, 5),
    ]  # fmt: skip
    return network(*layers), (2, 8, 8)


def normalised():
    layers = [
        lambda: nn.Linear(20, 31), lambda: nn.BatchNorm1d(31), nn.GELU, lambda: nn.Linear(31, 16),
        lambda: nn.LayerNorm(16), nn.Sigmoid, lambda: nn.Linear(16, 5),
    ]  # fmt: skip
    return network(*layers), (20,)


def trained(graph, batches, target, resident):
    """The cells after a step for each batch, and all losses."""
    step, cells = NativeStep(graph, target, resident=resident), cells_of(graph)
    hypers = [h.read() for h in graph.hypers]
    losses = [step(list(inputs), cells, hypers)[0] for inputs in batches]
    return [*cells, np.array(losses)]


@pytest.mark.parametrize("batch", [32, 50, 1])
@pytest.mark.parametrize("make", [plain, convolutional, normalised])
def test_trained_parameters(make, batch):
    if make is normalised and batch == 1:
        batch = 7
    net, shape = make()
    random = np.random.default_rng(0)
    batches = [
        [random.normal(size=(batch, *shape)).astype("f"), random.integers(0, 5, batch)]
        for _ in range(4)
    ]
    step = trainer(net, lambda p: optim.Adam(p, lr=0.01))
    graph = rewritten(traced(step, *batches[0]))
    for resident in (False, True):
        expected = trained(graph, batches, HERE, resident)
        for name, target in TARGETS.items():
            if name == "AVX-512" and HERE.bytes < 64:
                continue
            found = trained(graph, batches, target, resident)
            for a, b in zip(found, expected, strict=True):
                assert a.tobytes() == b.tobytes(), f"{name} differs from this processor"


def test_texts_differ():
    """The test compares what it says: tiles are not the same."""
    net, shape = plain()
    graph = rewritten(traced(trainer(net), np.zeros((32, *shape), "f"), np.zeros(32, int)))
    assert len({NativeStep(graph, target).text for target in TARGETS.values()}) >= 3
