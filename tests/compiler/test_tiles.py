"""Large contractions by shared tiles: the bits of the plain loops, whatever the shapes."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.compiler.build import plan_of
from glassgrad.compiler.cache import Request
from glassgrad.compiler.module import module_text
from glassgrad.compiler.native import NativeStep
from glassgrad.compiler.nest import tiles
from glassgrad.compiler.nest.tiles import PART, Tiles
from glassgrad.compiler.rewrite import rewritten
from glassgrad.compiler.target import AVX2, AVX512, host
from natively import assert_right, by_machine, cells_of, mlp, traced, trainer

HERE = host()
TARGETS = [t for t in (AVX2, AVX512) if t.bytes <= HERE.bytes]
SHAPES = [  # rows, inner, columns
    (96, 200, 64),
    (100, 1100, 100),
    (17, 2 * PART + 1, 33),
    (130, 3 * PART, 16),
    (5, 300, 250),
    (98, PART + 1, 97),
]


def product(transposed):
    """A product with something before and after it."""

    def step(x, w):
        w = w.T if transposed else w
        return gg.relu(x @ w + 1), (x @ w).sum(0)

    return step


def plainly(make):
    """What `make` gives when no tiles are used."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tiles, "tiling", None)
        return make()


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("shape", SHAPES)
def test_products(shape, dtype, transposed):
    rows, inner, columns = shape
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, inner)).astype(dtype)
    w = random.normal(size=(columns, inner) if transposed else (inner, columns)).astype(dtype)
    graph = rewritten(traced(product(transposed), x, w))
    for target in TARGETS:
        found = NativeStep(graph, target)
        expected = plainly(lambda t=target: NativeStep(graph, t._replace(features="+avx")))
        for a, b in zip(found([x, w], [], []), expected([x, w], [], []), strict=True):
            assert a.tobytes() == b.tobytes()
    first = NativeStep(graph, TARGETS[0])([x, w], [], [])
    exact = np.maximum(x.astype("f8") @ (w.T if transposed else w).astype("f8") + 1, 0)
    assert np.abs(first[0] - exact).max() < (1e-3 if dtype == "f4" else 1e-10)


def wide_step(*sizes, rows, rule=gg.optim.SGD):
    net = mlp(*sizes, activation=gg.nn.ReLU)
    random = np.random.default_rng(1)
    batches = [
        [random.normal(size=(rows, sizes[0])).astype("f"), random.integers(0, sizes[-1], rows)]
        for _ in range(2)
    ]
    graph = traced(trainer(net, lambda p: rule(p, lr=0.01)), *batches[0])
    return graph, batches


WIDE = {
    "many rows": ((200, 320, 10), 600),
    "odd": ((201, 1037, 133, 7), 103),
}


@pytest.mark.parametrize("resident", [False, True])
@pytest.mark.parametrize("name", WIDE)
def test_training(name, resident):
    sizes, rows = WIDE[name]
    graph, batches = wide_step(*sizes, rows=rows)
    found = by_machine(graph, batches, resident)
    expected = plainly(lambda: by_machine(graph, batches, resident))
    for a, b in zip(found, expected, strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
    assert_right(graph, *batches, resident=(resident,))


def test_bits_on_all_targets():
    graph, batches = wide_step(200, 700, 300, 10, rows=100, rule=gg.optim.Adam)
    hypers = [h.read() for h in graph.hypers]
    results = []
    for target in TARGETS:
        step, cells = NativeStep(rewritten(graph), target, resident=True), cells_of(graph)
        for inputs in batches:
            losses = step(list(inputs), cells, hypers)
        results.append([*cells, *losses])
    for found in results[1:]:
        for a, b in zip(found, results[0], strict=True):
            assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def text_of(*sizes, rows):
    request = Request(rewritten(wide_step(*sizes, rows=rows)[0]), AVX512, resident=True)
    return module_text(plan_of(request), AVX512)


LOWER = {"SHORTEST": 3, "PART": 2, "LONG_PART": 4, "FEWEST_ROWS": 2, "PACKED_ROWS": 3, "NEAR": 8}


@pytest.mark.parametrize("resident", [False, True])
@pytest.mark.parametrize("rows", [7, 40, 128])
def test_all_ways_on_small_networks(rows, resident, monkeypatch):
    """Limits so low that everything is in tiles, in parts and packed."""
    graph, batches = wide_step(13, 33, 20, 5, rows=rows, rule=gg.optim.Adam)
    expected = plainly(lambda: by_machine(graph, batches, resident))
    for name, value in LOWER.items():
        monkeypatch.setattr(tiles, name, value)
    request = Request(rewritten(graph), HERE, resident=resident)
    assert "@tile_" in module_text(plan_of(request), HERE)
    for a, b in zip(by_machine(graph, batches, resident), expected, strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def test_which_kernels_use_them():
    """Large products do, in parts where the axis is long; small ones have loops of their own."""
    text = text_of(300, 1200, 700, 10, rows=256)
    assert text.count("define internal void @tile_") <= 3
    assert text.count("call void @tile_4x4_float") >= 4
    assert "@tile_" not in text_of(20, 100, 10, rows=32)


def test_text_does_not_grow_with_width():
    lengths = {len(text_of(512, n, 10, rows=256).splitlines()) for n in (1024, 1536, 2048)}
    assert len(lengths) == 1
