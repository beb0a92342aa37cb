"""Networks over images a part of the batch at a time: which are cut, and that they are right."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn, optim
from glassgrad.compiler.lower import lowered
from glassgrad.compiler.plan import chunk as chunks
from glassgrad.compiler.step import CompiledStep
from natively import assert_right, native_step, trainer


@pytest.fixture(autouse=True)
def small_caches(monkeypatch):
    """Caches so small that steps are cut in chunks."""
    monkeypatch.setattr(chunks, "FIRST_CACHE", 4000)
    monkeypatch.setattr(chunks, "SECOND_CACHE", 4000)


def chunk_of(graph):
    return native_step(graph).plan.chunk


def images(batch, shape=(4, 6, 6), classes=3):
    random = np.random.default_rng(0)
    x = random.normal(size=(batch, *shape)).astype(np.float32)
    return [x, random.integers(0, classes, batch)]


class Branches(nn.Module):
    """Two convolutions side by side, and what they were given."""

    def __init__(self):
        self.a, self.b = nn.Conv2d(4, 2, 3, padding=1), nn.Conv2d(4, 3, 1)

    def forward(self, x):
        return gg.cat([self.a(x).relu(), self.b(x).tanh(), x], 1)


class Merged(nn.Module):
    """Rows of the batch and places of the image as rows of one matrix."""

    def __init__(self):
        self.linear = nn.Linear(4, 5)

    def forward(self, x):
        rows = self.linear(x.permute(0, 2, 3, 1).reshape(-1, 4))
        return rows.reshape(x.shape[0], 6, 6, 5).permute(0, 3, 1, 2)


class Centred(nn.Module):
    """Takes off the mean over the batch."""

    def forward(self, x):
        return x - x.mean(0)


def upsampled():
    return nn.Upsample(scale_factor=2), nn.Conv2d(4, 2, 3, stride=2)


def transposed():
    return nn.ConvTranspose2d(4, 2, 3, stride=2, padding=1), nn.Sigmoid(), nn.AvgPool2d(3, 2)


CUT = {
    "pooled": lambda: (nn.Conv2d(4, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
    "overlapping": lambda: (nn.Conv2d(4, 3, 3), nn.ReLU(), nn.MaxPool2d(3, 1, padding=1)),
    "averaged": lambda: (nn.Conv2d(4, 3, 3, stride=2, padding=1), nn.Tanh(), nn.AvgPool2d(2, 1)),
    "groups": lambda: (nn.Conv2d(4, 6, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(2)),
    "depthwise": lambda: (nn.Conv2d(4, 4, 3, dilation=2, groups=4), nn.ReLU(), nn.Conv2d(4, 2, 1)),
    "transposed": transposed,
    "upsampled": upsampled,
    "branches": lambda: (Branches(), nn.Conv2d(9, 2, 3), nn.ReLU()),
    "layer norm": lambda: (nn.Conv2d(4, 3, 3), nn.LayerNorm([3, 4, 4]), nn.ReLU()),
    "group norm": lambda: (nn.Conv2d(4, 4, 3), nn.GroupNorm(2, 4), nn.ReLU(), nn.MaxPool2d(2)),
    "dropout": lambda: (nn.Conv2d(4, 3, 3), nn.Dropout2d(0.3), nn.ReLU(), nn.Dropout(0.2)),
    "reflected": lambda: (nn.Conv2d(4, 3, 3), nn.ReflectionPad2d(1), nn.Conv2d(3, 2, 3)),
    "adaptive": lambda: (nn.Conv2d(4, 3, 3), nn.AdaptiveAvgPool2d(2)),
    "shuffled": lambda: (nn.Conv2d(4, 4, 3), nn.PixelShuffle(2), nn.ELU()),
}
WHOLE = {
    "batch norm": lambda: (nn.Conv2d(4, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2)),
    "centred": lambda: (nn.Conv2d(4, 3, 3), Centred(), nn.ReLU()),
    "merged": lambda: (Merged(), nn.ReLU(), nn.MaxPool2d(2)),
}


def step_of(layers, shape):
    """A step on small networks of these layers, with a dense one behind."""
    gg.manual_seed(0)
    body = nn.Sequential(*layers, nn.Flatten())
    width = body(gg.zeros(2, *shape)).shape[1]
    return trainer(nn.Sequential(body, nn.Linear(width, 3)), lambda p: optim.SGD(p, lr=0.1))


def assert_cut(layers, batch, cut, shape=(4, 6, 6)):
    inputs = images(batch, shape)
    graph = lowered(
        CompiledStep(step_of(layers, shape)).trace(*map(gg.Tensor.lift, inputs)).graph()
    )
    assert (chunk_of(graph) is not None) is cut
    assert_right(graph, inputs, inputs)


@pytest.mark.parametrize("name", CUT)
def test_what_is_cut(name):
    assert_cut(CUT[name](), 64, True)


@pytest.mark.parametrize("name", WHOLE)
def test_what_needs_the_whole_batch(name):
    assert_cut(WHOLE[name](), 64, False)


def test_series_are_cut():
    layers = nn.Conv1d(3, 4, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(4, 2, 3, stride=2)
    assert_cut(layers, 192, True, shape=(3, 20))


def test_a_batch_that_does_not_divide_is_whole():
    assert_cut(CUT["pooled"](), 40, False)
