"""Sixteen networks in one call give each the bits that it has alone."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn, optim
from glassgrad.compiler.copies import NativeCopies
from glassgrad.compiler.emit.position import LANES
from glassgrad.compiler.epoch import NativeEpoch, Source
from glassgrad.compiler.rewrite import rewritten
from glassgrad.compiler.target import AVX2, host
from natively import dense, images, mlp, network, normed, traced, trainer

ROWS = 300


def data(shape, classes, kind="f"):
    random = np.random.default_rng(0)
    return [random.standard_normal((ROWS, *shape)).astype(kind), random.integers(0, classes, ROWS)]


def own(random, value):
    """Another start for a cell."""
    if value.dtype.kind != "f" or not value.shape:
        return value.copy()
    return (value * random.uniform(0.5, 1.5, value.shape)).astype(value.dtype)


def compared(net, arrays, batch, rule=lambda p: optim.SGD(p, lr=0.1), criterion=None, rest=0,
             copies=LANES, target=None):  # fmt: skip
    """Train copies at once, and each alone: all cells and losses must have the same bits."""
    random = np.random.default_rng(1)
    step = trainer(net, rule, criterion)
    sizes = [batch, rest] if rest else [batch]
    graphs = [rewritten(traced(step, *(a[:n] for a in arrays))) for n in sizes]
    sources = [Source(a.shape, a.dtype) for a in arrays]
    leaves = list(graphs[0].cells.values())
    begun = [[own(random, leaf.value) for leaf in leaves] for _ in range(copies)]
    rates = np.linspace(0.001, 0.2, copies)
    orders = [random.permutation(ROWS)[: ROWS // 2 // batch * batch + rest] for _ in range(copies)]
    parts = [slice(0, len(orders[0]) - rest), slice(len(orders[0]) - rest, None)][: len(sizes)]

    alone = []
    for k in range(copies):
        for leaf, value in zip(leaves, begun[k]):
            leaf.value[...] = value
        first = NativeEpoch(graphs[0], sources, target)
        epochs = [first, *(NativeEpoch(g, sources, target, beside=first) for g in graphs[1:])]
        first.enter()
        losses = 0.0
        for epoch, part in zip(epochs, parts):
            epoch.go_on()
            for memory, _, key, _ in epoch.memory()[3]:
                memory[...] = rates[k] if key == "lr" else memory
            found, code = epoch.run(arrays, orders[k][part])
            assert code == 0
            for loss in found.tolist():
                losses += loss * epoch.batch
        first.leave()
        alone.append(([leaf.value.copy() for leaf in leaves], losses))

    together = NativeCopies(graphs[0], sources, target)
    both = [together, *(NativeCopies(g, sources, target, beside=together) for g in graphs[1:])]
    for k in range(LANES):
        for array, value in zip(together.cells, begun[k % copies]):
            array[..., k] = value
    together.alive[:copies] = 1
    sums = np.zeros(LANES)
    for one, graph, part in zip(both, graphs, parts):
        one.begin()
        for array, (holder, key, place) in zip(one.hypers, graph.hypers.values()):
            array[...] = holder[key] if place is None else holder[key][place]
            array[:copies] = rates if key == "lr" else array[:copies]
        rows = np.zeros((part.indices(len(orders[0]))[1] - part.start, LANES), int)
        rows[:, :copies] = np.transpose([order[part] for order in orders])
        steps, code = one.run(arrays, rows, sums)
        assert (steps, code) == (len(rows) // one.batch, 0)
    for k in range(copies):
        for mine, array in zip(alone[k][0], together.cells):
            assert mine.tobytes() == array[..., k].tobytes()
        assert alone[k][1] == sums[k]
    return together


RULES = {
    "SGD": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
    "Adam": lambda p: optim.Adam(p, lr=0.1),
    "AdamW": lambda p: optim.AdamW(p, lr=0.1),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.1),
}


@pytest.mark.parametrize("batch", [1, 8, 33])
@pytest.mark.parametrize("rule", RULES)
def test_rules(rule, batch):
    net = mlp(4, 10, 5, 3, activation=nn.ReLU)
    compared(net, data((4,), 3), batch, RULES[rule])


@pytest.mark.parametrize("sizes", [(10, 10, 2), (1, 1), (33, 50, 17, 5), (17, 3)])
@pytest.mark.parametrize("batch", [1, 2, 16, 50])
def test_sizes(sizes, batch):
    compared(mlp(*sizes), data(sizes[:1], sizes[-1]), batch)


@pytest.mark.parametrize("copies", [1, 2, 15])
def test_fewer_copies(copies):
    compared(dense(), data((6,), 3), 8, copies=copies)


def test_a_last_smaller_batch():
    compared(dense(), data((6,), 3), 16, RULES["Adam"], rest=5)


def test_float64_rows_and_weights():
    compared(mlp(4, 10, 3, dtype="d"), data((4,), 3, "d"), 8, RULES["momentum"])


def test_dropout_and_norms():
    compared(normed(), data((6,), 3), 12, RULES["Adam"])


def test_convolutions():
    compared(images(), data((2, 4, 4), 3), 8)


def test_embeddings():
    gg.manual_seed(0)
    net = nn.Sequential(nn.Embedding(7, 5), nn.Flatten(), nn.Linear(15, 3))
    random = np.random.default_rng(0)
    compared(net, [random.integers(0, 7, (ROWS, 3)), random.integers(0, 3, ROWS)], 8)


def test_other_losses():
    x, y = data((4,), 3)
    compared(mlp(4, 8, 1), [x, x[:, :1] * 2], 8, criterion=nn.MSELoss())
    compared(mlp(4, 8, 1), [x, (y[:, None] > 0).astype("f")], 8, criterion=nn.BCEWithLogitsLoss())


def test_groups_of_chunks_are_refused():
    """Their sums are made one group after the other, which is not done for many at once."""
    net = mlp(10, 100, 2, activation=nn.ReLU)
    with pytest.raises(NotImplementedError, match="groups of chunks"):
        compared(net, data((10,), 2), 128)


def test_other_instructions():
    net = network(lambda: nn.Linear(10, 10), nn.ReLU, lambda: nn.Linear(10, 2))
    x = compared(net, data((10,), 2), 8)
    net = network(lambda: nn.Linear(10, 10), nn.ReLU, lambda: nn.Linear(10, 2))
    y = compared(net, data((10,), 2), 8, target=AVX2._replace(triple=host().triple))
    for a, b in zip(x.cells, y.cells):
        assert a.tobytes() == b.tobytes()


def test_a_loss_that_is_not_finite_ends_the_call_unless_nobody_looks():
    net, arrays = dense(), data((6,), 3)
    graph = rewritten(traced(trainer(net), *(a[:4] for a in arrays)))
    together = NativeCopies(graph, [Source(a.shape, a.dtype) for a in arrays])
    for array, leaf in zip(together.cells, graph.cells.values()):
        array[...] = leaf.value[..., None]
    for array, (holder, key, _) in zip(together.hypers, graph.hypers.values()):
        array[...] = holder[key]
    together.cells[0][..., 3] = np.nan
    together.alive[:] = 1
    before = together.kept.copy()
    rows, sums = np.zeros((8, LANES), int), np.zeros(LANES)
    assert together.run(arrays, rows, sums) == (0, 1)
    assert np.array_equal(together.kept, before)
    together.alive[3] = 0
    assert together.run(arrays, rows, sums) == (2, 0)
    assert np.isfinite(np.delete(sums, 3)).all()
