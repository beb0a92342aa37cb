"""What is scattered by a table of the program is gathered; what only data say stays scattered."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from glassgrad.compiler.lower import sources, table_of
from natively import assert_right, differentiated, traced

PADS = {
    "reflected": lambda: nn.ReflectionPad2d((1, 2, 0, 3)),
    "replicated": lambda: nn.ReplicationPad2d(2),
    "circular": lambda: nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular"),
    "nearest": lambda: nn.Upsample(size=(7, 11)),
    "bilinear": lambda: nn.Upsample(scale_factor=2, mode="bilinear"),
    "bicubic": lambda: nn.Upsample(scale_factor=1.5, mode="bicubic"),
    "adaptive": lambda: nn.AdaptiveMaxPool2d((2, 3)),
}


def operations(graph):
    return {x.operation.name for x in graph.nodes if x.operation is not None}


@pytest.mark.parametrize("name", PADS)
def test_layers_that_read_by_tables(name):
    gg.manual_seed(0)
    layer = PADS[name]()
    x = np.random.default_rng(0).normal(size=(3, 2, 4, 5)).astype(np.float32)
    step = differentiated(lambda x: layer(x.tanh()), layer)
    assert "put" not in operations(traced(step, x))
    assert_right(step, [x])


def test_rows_that_data_say_stay_scattered():
    x, rows = np.ones((5, 2), np.float32), np.array([0, 2, 2])
    step = differentiated(lambda x, rows: x[rows])
    assert "put" in operations(traced(step, x, rows))
    assert_right(step, [x, rows])


def test_sources():
    np.testing.assert_array_equal(sources(np.array([2, 0, 2]), 3), [[1, -1], [-1, -1], [0, 2]])
    assert sources(np.zeros(50, int), 50) is None  # fifty places for each row, of which one is full
    assert sources(np.zeros(0, int), 3) is None


def test_what_is_a_table():
    def step(x):
        return (gg.arange(3) * 2 + 1).reshape(3, 1), gg.arange(3) + x

    known, unknown = traced(step, np.array([1, 2, 3])).outputs
    np.testing.assert_array_equal(table_of(known), [[1], [3], [5]])
    assert table_of(unknown) is None
