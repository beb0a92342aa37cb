"""Whole epochs in one native call: as step by step, and nothing beyond arrays is read."""

import numpy as np
import pytest

import glassgrad as gg
from fuzzing import Guarded
from glassgrad import nn, optim
from glassgrad.compiler import build
from glassgrad.compiler.cache import Request
from glassgrad.compiler.epoch import NativeEpoch
from glassgrad.compiler.graph import evaluated
from glassgrad.compiler.places import Source
from glassgrad.compiler.rewrite import rewritten
from glassgrad.nn import functional as F
from natively import by_numpy, cells_of, exact, far, mlp, network, traced, trainer

random = np.random.default_rng(5)
ADAM = lambda p: optim.Adam(p, lr=0.01)


def real(*shape):
    return random.normal(size=shape).astype(np.float32)


def labelled(rows, features=20, classes=5):
    return [real(rows, features), random.integers(0, classes, rows)]


def wide():
    return trainer(mlp(33, 70, 5), ADAM), labelled(150, 33)


def one_feature():
    return trainer(mlp(1, 9, 2)), labelled(150, 1, 2)


def regression():
    net = mlp(5, 16, 3, activation=nn.ReLU)
    return trainer(net, ADAM, nn.MSELoss()), [real(150, 5), real(150, 3)]


def normalised():
    layers = [
        lambda: nn.Linear(20, 31),
        lambda: nn.BatchNorm1d(31),
        nn.ReLU,
        lambda: nn.Linear(31, 5),
    ]
    return trainer(network(*layers)), labelled(150)


def dropped():
    layers = [lambda: nn.Linear(20, 40), nn.ReLU, lambda: nn.Dropout(0.4), lambda: nn.Linear(40, 5)]
    return trainer(network(*layers)), labelled(150)


def pictures():
    layers = [
        lambda: nn.Conv2d(1, 5, 3, padding=1), nn.ReLU, lambda: nn.MaxPool2d(2), nn.Flatten,
        lambda: nn.Linear(60, 5),
    ]  # fmt: skip
    return trainer(network(*layers)), [real(150, 1, 7, 9), random.integers(0, 5, 150)]


def words():
    gg.manual_seed(0)
    table, head = nn.Embedding(11, 6), nn.Linear(6, 3)
    optimizer = optim.SGD([*table.parameters(), *head.parameters()], lr=0.1)

    def step(words, labels):
        optimizer.zero_grad()
        loss = F.cross_entropy(head(table(words).mean(1)), labels)
        loss.backward()
        optimizer.step()
        return loss

    return step, [random.integers(0, 11, (150, 7)), random.integers(0, 3, 150)]


def by_epoch(graph, arrays, rows, guarded=True, at_end=True):
    """Losses and cells after steps over the rows."""
    guard = Guarded()
    arrays = [guard(a, at_end) if guarded else a for a in arrays]
    graph = rewritten(graph)
    before = cells_of(graph)
    epoch = NativeEpoch(graph, [Source(a.shape, a.dtype) for a in arrays])
    epoch.enter()
    losses, code = epoch.run(arrays, guard(rows, at_end))
    epoch.leave()
    after = cells_of(graph)
    for leaf, value in zip(graph.cells.values(), before, strict=True):
        leaf.value[...] = value
    return losses, code, after


CASES = [wide, one_feature, regression, normalised, dropped, pictures, words]


BATCHES = [(make, n) for make in CASES for n in (32, 50, 1) if make is not normalised or n > 1]


@pytest.mark.parametrize("make, batch", BATCHES, ids=lambda v: getattr(v, "__name__", v))
def test_epochs(make, batch):
    step, arrays = make()
    rows = random.permutation(150)[: 2 * batch if batch > 1 else 5]
    rows = np.concatenate([rows, rows[:batch], [149] * batch])
    batches = [[a[rows[i : i + batch]] for a in arrays] for i in range(0, len(rows), batch)]
    graph = traced(step, *batches[0])
    eager, true = (by_numpy(graph, batches, engine) for engine in (evaluated, exact))
    for at_end in (True, False):
        losses, code, cells = by_epoch(graph, arrays, rows, at_end=at_end)
        assert code == 0 and len(losses) == len(batches)
        found = [np.array(losses[-1]), *cells]
        assert not any(map(far, found, true, eager, [2e-6] * len(found)))


def test_converted_rows():
    """Bytes and doubles become what the step takes while they are gathered."""
    step = trainer(mlp(20, 30, 5))
    bytes_, labels = random.integers(0, 256, (100, 20), np.uint8), random.integers(0, 5, 100)
    rows = random.permutation(100)[:96]
    graph = traced(step, bytes_[:32].astype("f"), labels[:32])
    losses, _, cells = by_epoch(graph, [bytes_.astype("f"), labels], rows)
    for kind in (np.uint8, np.float64, np.int16):
        found, _, after = by_epoch(graph, [bytes_.astype(kind), labels.astype(np.int32)], rows)
        np.testing.assert_array_equal(found, losses)
        assert all(map(np.array_equal, after, cells))


def test_a_loss_that_is_not_finite_stops_before_its_step():
    step, (x, y) = wide()
    graph = traced(step, x[:32], y[:32])
    rows = np.arange(128)
    _, _, expected = by_epoch(graph, [x, y], rows[:64])
    x[70, 3] = np.nan
    losses, code, cells = by_epoch(graph, [x, y], rows)
    assert code == 1 and len(losses) == 2
    assert all(map(np.array_equal, cells, expected))


@pytest.mark.parametrize("batch", [1, 32, 256])
def test_a_counter_waits_for_the_test_of_the_loss(batch):
    """The optimizer's number of steps and the loss are both one number, in kernels apart."""
    x, y = real(1024, 20), random.integers(0, 2, 1024)
    graph = traced(trainer(mlp(20, 100, 2), ADAM), x[:batch], y[:batch])
    rows = np.arange(3 * batch)
    _, _, expected = by_epoch(graph, [x, y], rows[: 2 * batch])
    x[2 * batch] = np.nan
    losses, code, cells = by_epoch(graph, [x, y], rows)
    assert code == 1 and len(losses) == 2
    assert all(map(np.array_equal, cells, expected))


# ---- rows of the next step are fetched into the cache


def gathered(net, X, y, rows):
    """The code of an epoch, and parameters after it."""
    step = trainer(net, lambda p: optim.SGD(p, lr=0.01))
    graph = traced(step, np.zeros((32, *X.shape[1:]), "f"), np.zeros(32, int))
    sources = [Source(X.shape, X.dtype), Source(y.shape, y.dtype)]
    epoch = NativeEpoch(graph, sources, passes=(rewritten,))
    epoch.enter()
    losses, code = epoch.run([X, y], rows)
    assert code == 0
    epoch.leave()
    return epoch, [losses, *(p.value.copy() for p in net.parameters())]


@pytest.mark.parametrize("dtype", ["f4", "u1"])
def test_fetching_rows_changes_no_bit(dtype, monkeypatch):
    random = np.random.default_rng(0)
    X, y = random.integers(0, 9, (300, 784)).astype(dtype), random.integers(0, 5, 300)
    rows = random.permutation(300)[:288]
    found = []
    for ahead in (True, False):
        if not ahead:
            monkeypatch.setattr(build, "widest_input", lambda plan: None)
            monkeypatch.setattr(Request, "key", None)
        gg.manual_seed(0)
        epoch, values = gathered(mlp(784, 128, 5, activation=nn.ReLU), X, y, rows)
        assert ("call void @ahead" in epoch.text) is ahead
        assert epoch.table[epoch.artifact.pointers] == 0  # there are no rows after the last
        found.append(b"".join(v.tobytes() for v in values))
    assert found[0] == found[1]


def test_short_rows_are_not_fetched():
    X, y = np.zeros((64, 100), "f"), np.zeros(64, int)
    epoch, _ = gathered(mlp(100, 4, 5, activation=nn.ReLU), X, y, np.arange(64))
    assert "call void @ahead" not in epoch.text  # no contraction is large enough to hide it
    X = np.zeros((64, 4), "f")
    epoch, _ = gathered(mlp(4, 512, 512, activation=nn.ReLU), X, y, np.arange(64))
    assert "@ahead" not in epoch.text
