"""How convolutions are worked on: tiles, limits, layouts, parts, and that all of it is right."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from glassgrad.compiler.module import planned
from glassgrad.compiler.native import NativeStep
from glassgrad.compiler.nest import loops
from glassgrad.compiler.plan.limits import interior, limits, share
from glassgrad.compiler.plan.tiles import shape_of
from glassgrad.compiler.rewrite import rewritten
from glassgrad.compiler.target import AVX2, AVX512, host
from glassgrad.nn import functional as F
from natively import assert_right, cells_of, differentiated, network, traced, trainer


def plan_of(x, w, **call):
    """The plan of a convolution's value."""
    gg.manual_seed(0)
    arrays = gg.randn(*x).value, gg.randn(*w).value
    named = F.conv2d if len(x) == 4 else F.conv1d
    return planned(rewritten(traced(lambda x, w: named(x, w, **call), *arrays)))


def convolution_of(plan):
    """The kernel that convolves."""
    (kernel,) = (k for k in plan.kernels if k.contracts)
    return kernel


def shaped(x, w, lane, vectors, most, **call):
    """The points of a tile beside its vectors, as {axis: how many}."""
    kernel = convolution_of(plan_of(x, w, **call))
    kernel.lane = kernel.out_lane = lane
    return shape_of(kernel, lane, lane, vectors, most, kernel.extents).points


BATCH, OUTPUTS, ROWS, COLUMNS = 0, 2, 3, 4  # axes of a convolution's loops, after groups


def test_tiles_take_outputs_and_neighbouring_positions():
    assert shaped((32, 1, 28, 28), (6, 1, 5, 5), BATCH, 2, 12) == {OUTPUTS: 6, COLUMNS: 2}
    assert shaped((32, 6, 12, 12), (16, 6, 5, 5), BATCH, 2, 12) == {OUTPUTS: 4, COLUMNS: 3}
    assert shaped((32, 1, 28, 28), (1, 1, 5, 5), BATCH, 2, 12)[COLUMNS] > 1


def test_tiles_stay_off_positions_that_have_no_interior():
    tile = shaped((32, 16, 8, 8), (6, 16, 5, 5), BATCH, 2, 12, padding=4)
    assert tile == {OUTPUTS: 6}


def test_limits_of_padded_windows():
    kernel = convolution_of(plan_of((32, 3, 10, 12), (4, 3, 3, 5), padding=(1, 2)))
    kernel.lane = BATCH
    (hero,) = kernel.heroes
    assert list(limits(kernel, hero)) == [6, 7]
    assert interior(kernel, hero, ROWS) == (1, 9)
    assert interior(kernel, hero, COLUMNS) == (2, 10)
    assert share(kernel, hero) == pytest.approx(28 / 30 * 54 / 60)


def test_no_limits_without_padding():
    kernel = convolution_of(plan_of((32, 3, 10, 12), (4, 3, 3, 5), stride=2))
    (hero,) = kernel.heroes
    assert limits(kernel, hero) == {}
    assert interior(kernel, hero, ROWS) == (0, kernel.extents[ROWS])


def test_loops_over_windows_end_where_their_input_ends():
    x, w = np.zeros((32, 2, 8, 8), "f"), np.zeros((3, 2, 5, 5), "f")
    graph = rewritten(traced(lambda x, w: F.conv2d(x, w, padding=2), x, w))
    text = NativeStep(graph).text
    body = text[text.index("_convolution(") :]
    assert "smin" in body and "smax" in body


def test_batches_lie_side_by_side_for_few_channels():
    net = network(lambda: nn.Conv2d(1, 6, 5), nn.ReLU, lambda: nn.Conv2d(6, 16, 5))
    x = np.zeros((32, 1, 28, 28), "f")
    graph = rewritten(traced(differentiated(net, net), x))
    plan = planned(graph, resident=True)
    inner = [k for k in plan.kernels if k.contracts and k.extents[:3] == (32, 1, 16)]
    assert [k.lane for k in inner] == [BATCH]


def test_copies_of_flattened_images_leave_chunks_possible():
    layers = [
        lambda: nn.Conv2d(1, 20, 5), nn.ReLU, nn.Flatten, lambda: nn.Linear(20 * 400, 30),
        nn.ReLU, lambda: nn.Linear(30, 4),
    ]  # fmt: skip
    net = network(*layers)
    x, y = np.zeros((256, 1, 24, 24), "f"), np.zeros(256, int)
    assert planned(rewritten(traced(trainer(net), x, y)), resident=True).chunk == 32


# ---- values, for every kind of window and batch

CASES = [
    {},
    {"padding": 1},
    {"padding": 3, "dilation": 2},
    {"stride": 2, "padding": 1},
    {"stride": 3, "dilation": 2, "padding": 2},
]


def arrays_of(*sizes):
    random = np.random.default_rng(0)
    return [random.uniform(-1, 1, size).astype("f") for size in sizes]


@pytest.mark.parametrize("call", CASES, ids=str)
@pytest.mark.parametrize("batch, channels, outputs, kernel", [
    (1, 3, 17, 3), (5, 1, 6, 5), (16, 2, 5, 1), (23, 5, 3, 2), (40, 3, 33, 4), (32, 1, 1, 7),
])  # fmt: skip
def test_images(batch, channels, outputs, kernel, call):
    sizes = (batch, channels, 15, 14), (outputs, channels, kernel, max(kernel - 1, 1)), (outputs,)
    step = differentiated(lambda x, w, b: F.conv2d(x, w, b, **call).relu())
    assert_right(step, arrays_of(*sizes))


@pytest.mark.parametrize("call", CASES, ids=str)
@pytest.mark.parametrize("batch, channels, outputs, kernel, groups", [
    (3, 4, 8, 3, 2), (18, 6, 6, 2, 6), (33, 16, 32, 5, 1), (2, 33, 66, 7, 3),
])  # fmt: skip
def test_signals(batch, channels, outputs, kernel, groups, call):
    sizes = (batch, channels, 37), (outputs, channels // groups, kernel)
    step = differentiated(lambda x, w: F.conv1d(x, w, groups=groups, **call).tanh())
    assert_right(step, arrays_of(*sizes))


@pytest.mark.parametrize("batch", [1, 7, 16, 33])
def test_images_that_are_flattened_and_rows_that_become_images(batch):
    layers = [
        lambda: nn.Conv2d(3, 18, 3), nn.ReLU, nn.Flatten, lambda: nn.Linear(18 * 24, 32 * 6),
        lambda: nn.Unflatten(1, (32, 2, 3)), lambda: nn.Conv2d(32, 4, 2, padding=1), nn.Flatten,
    ]  # fmt: skip
    net = network(*layers)
    assert_right(differentiated(net, net), arrays_of((batch, 3, 6, 8)))


# ---- sums in parts


@pytest.fixture
def in_parts(monkeypatch):
    """Operands count as large early."""
    monkeypatch.setattr(loops, "LARGE", 500)
    monkeypatch.setattr(loops, "FEW", 10)


@pytest.mark.parametrize("batch, channels, outputs", [(32, 3, 6), (6, 17, 33), (8, 2, 20)])
def test_large_operands_are_summed_in_parts(in_parts, monkeypatch, batch, channels, outputs):
    sizes = (batch, channels, 9, 8), (outputs, channels, 3, 3)
    step = differentiated(lambda x, w: F.conv2d(x, w, padding=1))
    graph = assert_right(step, arrays_of(*sizes), arrays_of(*sizes))
    text = NativeStep(rewritten(graph)).text
    monkeypatch.setattr(loops, "LARGE", 10**9)
    assert NativeStep(rewritten(graph)).text != text


def test_parts_and_tiles_change_no_bit_between_processors(in_parts):
    layers = [
        lambda: nn.Conv2d(3, 20, 3, padding=1), nn.ReLU, lambda: nn.Conv2d(20, 6, 3, padding=1),
        nn.Flatten, lambda: nn.Linear(6 * 42, 5),
    ]  # fmt: skip
    net, random = network(*layers), np.random.default_rng(0)
    batches = [
        [random.normal(size=(18, 3, 6, 7)).astype("f"), random.integers(0, 5, 18)] for _ in range(2)
    ]
    graph = rewritten(traced(trainer(net), *batches[0]))
    found = []
    for target in (AVX2, AVX512 if host().bytes == 64 else host(), host()):
        step, cells = NativeStep(graph, target._replace(triple=host().triple)), cells_of(graph)
        hypers = [h.read() for h in graph.hypers]
        losses = [step(list(inputs), cells, hypers)[0] for inputs in batches]
        found.append([np.array(losses), *cells])
    for other in found[1:]:
        assert all(a.tobytes() == b.tobytes() for a, b in zip(found[0], other, strict=True))
