"""Structured steps that try to break the planner: they find what random sizes cannot."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn, optim
from glassgrad.compiler import native as machine
from glassgrad.compiler.graph import evaluated
from glassgrad.compiler.module import planned
from glassgrad.compiler.plan import chunk as chunks
from glassgrad.nn import functional as F
from natively import (
    assert_right,
    by_machine,
    by_numpy,
    cells_of,
    mlp,
    native_step,
    network,
    traced,
    trainer,
)

T = gg.Tensor.lift
random = np.random.default_rng(3)


@pytest.fixture(autouse=True)
def _seeded():
    random.bit_generator.state = np.random.default_rng(3).bit_generator.state


def real(*shape, dtype="f"):
    return random.normal(size=shape).astype(dtype)


def data(batch=32, features=20, classes=5, dtype="f"):
    return real(batch, features, dtype=dtype), random.integers(0, classes, batch)


def batches(count=4, **sizes):
    return [data(**sizes) for _ in range(count)]


MOMENTUM = lambda p: optim.SGD(p, lr=0.1, momentum=0.9)
ADAM = lambda p: optim.Adam(p, lr=0.01)


# ---- updates


def twice():
    """Two updates in a step."""
    step = trainer(mlp(20, 20, 5))
    return lambda x, y: (step(x, y), step(x, y))


def tied():
    """One layer at two places."""
    gg.manual_seed(0)
    shared = nn.Linear(20, 20)
    net = nn.Sequential(shared, nn.Tanh(), shared, nn.Tanh(), nn.Linear(20, 5))
    return trainer(net, MOMENTUM)


def autoencoder():
    """A weight and its transpose."""
    gg.manual_seed(0)
    layer = nn.Linear(20, 9)
    optimizer = optim.Adam(layer.parameters(), lr=0.01)

    def step(x, y):
        optimizer.zero_grad()
        loss = ((layer(x).tanh() @ layer.weight - x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    return step


def lookback():
    """The old weights are kept in another cell, and used."""
    net = mlp(20, 20, 5)
    old = T(np.zeros((20, 20), np.float32))
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y) + 1e-3 * ((net[0].weight - old) ** 2).sum()
        loss.backward()
        with gg.no_grad():
            old.copy_(net[0].weight * 1.5)
        optimizer.step()
        return loss

    return step


def cells(*shapes):
    gg.manual_seed(1)
    return [gg.randn(*shape) for shape in shapes]


def exchange():
    """Two cells change places."""
    u, v = cells((20, 20), (20, 20))

    def step(x, y):
        loss = ((x @ u.T @ v) ** 2).mean()
        a, b = u * 1.01, v * 0.99
        u.copy_(b)
        v.copy_(a)
        return loss

    return step


def pure_exchange():
    u, v = cells((20, 20), (20, 20))

    def step(x, y):
        a, b = u * 1, v * 1
        u.copy_(b)
        v.copy_(a)

    return step


def circle():
    """Three cells, each becoming the next."""
    u, v, w = cells((7, 20), (7, 20), (7, 20))

    def step(x, y):
        a, b, c = u * 1.0, v * 2.0, w * 0.5
        u.copy_(b)
        v.copy_(c)
        w.copy_(a)
        return (x @ a.T).sum()

    return step


def transposed():
    """w <- 0.9 w'"""
    (w,) = cells((20, 20))

    def step(x, y):
        loss = (x @ w).tanh().mean()
        w.copy_(w.T * 0.9)
        return loss

    return step


def shifted():
    """A cell whose every element becomes its neighbour; the new one stands first."""
    (w,) = cells((40,))

    def step(x, y):
        w.copy_(gg.cat([x[0, :1], w[:-1]]))
        return w.sum()

    return step


def flipped():
    (w,) = cells((7, 20))

    def step(x, y):
        w.copy_(w.flip(1) + x[:7])

    return step


def normalised_cell():
    """A cell becomes a value that needs all of its old elements."""
    (w,) = cells((20, 30))

    def step(x, y):
        w.copy_(w / (w.norm() + 1))
        w.copy_(w - w.mean(0))
        return (x @ w).sum()

    return step


def read_after_write():
    """The loss is computed from the updated weights, in the same step."""
    net = mlp(20, 20, 5)
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    def step(x, y):
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
        return F.cross_entropy(net(x), y)

    return step


def updated_output():
    """An output is an update too, and again another one."""
    u, v = cells((32, 20), (32, 20))

    def step(x, y):
        new = u * 0.9 + x
        u.copy_(new)
        v.copy_(new)
        return new, u, new * 2

    return step


def end_to_end():
    """Two rows that lie end to end are new values of cells too."""
    u, v = cells((32,), (32,))

    def step(x, y):
        a, b = x.sum(1), x.amax(1)
        both = gg.cat([a, b])
        u.copy_(a)
        v.copy_(b)
        return both @ both, both.flip(0)

    return step


def accumulated():
    """A cell that counts, and one that sums rows over the steps."""
    (w,) = cells((20,))
    count = T(np.zeros((), np.int64))

    def step(x, y):
        count.add_(1)
        w.add_(x.sum(0))
        return w / count

    return step


def gradient_of_update():
    """The second gradient stops at the newest version."""
    net = mlp(20, 12, 5)
    params = list(net.parameters())

    def step(x, y):
        for _ in range(2):
            grads = gg.autograd.grad(F.cross_entropy(net(x), y), params)
            with gg.no_grad():
                for p, g in zip(params, grads):
                    p -= 0.1 * g
        return F.cross_entropy(net(x), y)

    return step


def moving_average():
    """A shadow of the weights follows after the update."""
    net = mlp(20, 16, 5)
    shadow = [T(p.detach().numpy().copy()) for p in net.parameters()]
    train = trainer(net, ADAM)

    def step(x, y):
        loss = train(x, y)
        with gg.no_grad():
            for s, p in zip(shadow, net.parameters()):
                s.copy_(0.9 * s + 0.1 * p)
        return loss

    return step


def clipped():
    """Gradients clipped by their global norm."""
    net = mlp(20, 20, 5)
    optimizer = optim.SGD(net.parameters(), lr=0.5, momentum=0.9)

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(net.parameters(), 0.1)
        optimizer.step()
        return loss, norm

    return step


def penalty():
    """The norm of the gradient is part of the loss."""
    net = mlp(20, 12, 5)
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        grads = gg.autograd.grad(loss, list(net.parameters()), create_graph=True)
        loss = loss + 0.1 * sum((g * g).sum() for g in grads)
        loss.backward()
        optimizer.step()
        return loss

    return step


def centred_batch():
    """Sums over the batch in the middle of the network."""
    net, head = mlp(20, 12, activation=nn.Tanh), mlp(12, 5)
    optimizer = optim.SGD([*net.parameters(), *head.parameters()], lr=0.1)

    def step(x, y):
        optimizer.zero_grad()
        h = net(x)
        h = (h - h.mean(0)) / (h.std(0) + 0.1)
        loss = F.cross_entropy(head(h * h.amax(0)), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def batch_norm():
    return trainer(
        network(
            lambda: nn.Linear(20, 30), lambda: nn.BatchNorm1d(30), nn.ReLU, lambda: nn.Linear(30, 5)
        )
    )


def zeroed_gradient():
    """Gradients are summed over the calls of one step."""
    net = mlp(20, 12, 5)
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    def step(x, y):
        optimizer.zero_grad()
        for part in (x, 2 * x):
            F.cross_entropy(net(part), y).backward()
        optimizer.step()

    return step


STEPS = [
    twice, tied, autoencoder, lookback, exchange, pure_exchange, circle, transposed, shifted,
    flipped, normalised_cell, read_after_write, updated_output, end_to_end, accumulated,
    gradient_of_update, moving_average, clipped, penalty, centred_batch, batch_norm,
    zeroed_gradient,
]  # fmt: skip


@pytest.mark.parametrize("make", STEPS, ids=lambda make: make.__name__)
def test_steps(make):
    assert_right(make(), *batches())


# ---- what a step returns


def same_twice(x, y):
    z = x.exp()
    return z, z, z.T, z[0]


def leaves(x, y):
    return (
        x,
        x.T,
        x[3:, ::2],
        gg.tensor(2.0),
        gg.zeros(3, 4),
        y,
        y.reshape(-1, 1),
        x.reshape(20, 32),
    )


def cell_outputs():
    u, v = cells((20, 6), (3, 20))

    def step(x, y):
        before = u * 1
        u.mul_(2)
        return u, v, v.T, before, x @ u, x.sum() * 0 + v[0, 0]

    return step


def returns_views():
    def step(x, y):
        h = (x @ x.T).relu()
        return h, h.T, h[1], h.reshape(-1)[5:50], h.sum(0), h.sum(0), h.expand(2, 32, 32)

    return step


@pytest.mark.parametrize(
    "make",
    [lambda: same_twice, lambda: leaves, cell_outputs, returns_views],
    ids=["same twice", "leaves", "cells", "views"],
)
def test_outputs(make):
    assert_right(make(), *batches(2))


def test_nothing_to_do():
    assert_right(lambda x, y: None, *batches(2))
    assert_right(lambda x, y: x.sum(), *batches(2))  # y is not used
    assert_right(lambda x, y: gg.tensor(3.0), *batches(2))


def test_numbers():
    """Scalars in, scalars out, cells without axes, hyper-parameters."""
    a, n, flag = T(np.float32(2).reshape(())), T(np.array(3)), T(np.array([True, False]))

    def step(x, y):
        loss = (a * x.mean()).exp() + n
        a.sub_(0.1 * loss)
        n.add_(y.sum())
        flag.copy_(~flag)
        return loss, a * n, loss.sqrt(), flag, flag.sum(), n // 2, n % 3

    assert_right(step, *batches(3))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "int64", "bool"])
def test_cells_of_whole_numbers(dtype):
    cell = T(random.integers(0, 2, (5, 40)).astype(dtype))

    def step(x):
        cell.copy_(cell + x if dtype != "bool" else cell ^ x)
        return cell.sum(), cell.amax(1), cell * cell if dtype != "bool" else cell & x

    assert_right(step, *([random.integers(0, 2, (5, 40)).astype(dtype)] for _ in range(3)))


def test_float64():
    net = mlp(20, 17, 5, dtype="d")
    assert_right(trainer(net, ADAM), *batches(dtype="d"))
    assert_right(twice_of(mlp(20, 33, 5, dtype="d")), *batches(dtype="d"))


def twice_of(net):
    step = trainer(net, MOMENTUM)
    return lambda x, y: (step(x, y), step(x, y))


def test_float16():
    u = T(real(20, 7).astype(np.float16))

    def step(x, y):
        half = x.half()
        h = (half @ u).relu()
        u.mul_(0.5)
        return h, h.float().sum(), (half + 1).exp(), half.sum(0)

    assert_right(step, *batches(2))


def test_mixed_types():
    double, whole = T(real(20, 3, dtype="d")), T(random.integers(0, 9, (32,)))

    def step(x, y):
        whole.add_(y)
        z = x.double() @ double
        return z, z.float(), x + whole.unsqueeze(1), (whole > 3).sum(), (x * y.unsqueeze(1)).sum(0)

    assert_right(step, *batches(2))


# ---- sizes


def test_no_elements():
    empty = np.zeros((0, 4), np.float32)

    def step(x):
        return x.sum(), x.sum(0), x.sum(1), x.exp(), x @ x.T, x.T @ x, x.mean(), x.prod()

    assert_right(step, [empty])
    assert_right(lambda x: (x.T @ x, (x + 1).sum(1)), [np.zeros((4, 0), np.float32)])


@pytest.mark.parametrize("batch", [1, 2, 3, 15, 16, 17, 31, 33, 50, 65, 100])
def test_any_batch(batch):
    assert_right(trainer(mlp(20, 24, 5), ADAM), *batches(3, batch=batch))
    net = network(
        lambda: nn.Linear(20, 9), nn.ReLU, lambda: nn.LayerNorm(9), lambda: nn.Linear(9, 3)
    )
    assert_right(trainer(net, MOMENTUM), *batches(3, batch=batch, classes=3))


@pytest.mark.parametrize("first", range(1, 131, 13))
def test_any_width(first):
    for width in (first, first + 5, min(first + 9, 130)):
        assert_right(
            trainer(mlp(width, 131 - width, 1 + width % 7)),
            *batches(2, batch=8 + width % 3, features=width, classes=1 + width % 7),
        )


def test_long_chain():
    """2,000 elementwise nodes, and a diamond at each of 300."""

    def step(x):
        y = x
        for i in range(1000):
            y = (y * 0.999 + 0.001 * (i % 7)).sin() if i % 50 == 0 else y * 0.999 + 0.001
        z = x
        for _ in range(300):
            z = z * 0.5 + (z + 1) * 0.25
        return y, z.sum(0)

    assert_right(step, [real(5, 33)])


def test_deep_network():
    net = mlp(*[20] * 60, 5)
    assert_right(trainer(net), *batches(2))


def test_wide_sums():
    def step(x):
        soft = x.softmax(0)
        return x.sum(), x.amax(), soft.amax(), x.std(), (x * soft).sum(), x.argmax(), (x @ x)

    assert_right(step, [real(100_000)])
    assert_right(lambda x: (x.sum(1), x.sum(0)[:9], x.log_softmax(1)[:, 5]), [real(3, 30_001)])


# ---- a part of the batch at a time


@pytest.fixture
def small_caches(monkeypatch):
    """Caches so small that steps are cut in chunks."""
    monkeypatch.setattr(chunks, "FIRST_CACHE", 4000)
    monkeypatch.setattr(chunks, "SECOND_CACHE", 4000)


def chunk_of(graph):
    return planned(graph).chunk


def dropped():
    net = network(
        lambda: nn.Linear(20, 40), nn.ReLU, lambda: nn.Dropout(0.4), lambda: nn.Linear(40, 5)
    )
    return trainer(net)


def positions():
    """A row's number in the batch is part of its value."""
    net = mlp(20, 40, 5)
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    def step(x, y):
        optimizer.zero_grad()
        rows = gg.arange(x.shape[0])
        weight = (rows + 1) / x.shape[0]
        loss = (F.cross_entropy(net(x * weight.unsqueeze(1)), y, reduction="none") * weight).sum()
        loss.backward()
        optimizer.step()
        return loss, F.one_hot(rows % 7, 7).sum(0)

    return step


def weighted(normalised=False):
    net = mlp(20, 40, 5)
    optimizer = optim.Adam(net.parameters(), lr=0.01)

    def step(x, y, w):
        optimizer.zero_grad()
        losses = F.cross_entropy(net(x), y, reduction="none") * w
        loss = losses.sum() / w.sum() if normalised else losses.mean()
        loss.backward()
        optimizer.step()
        return loss

    return step


def embedded():
    gg.manual_seed(0)
    table, head = nn.Embedding(5, 24), nn.Linear(24, 20)
    optimizer = optim.SGD([*table.parameters(), *head.parameters()], lr=0.1)

    def step(x, y):
        optimizer.zero_grad()
        loss = ((head(table(y)).tanh() - x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    return step


def two_inputs():
    net = mlp(20, 30, 20)

    def step(x, y):
        h = net(x)
        return (h - x).abs().mean(), h, (h * x).sum(1), h.argmax(1) == y

    return step


def convolved():
    net = network(
        lambda: nn.Unflatten(1, (1, 4, 5)), lambda: nn.Conv2d(1, 4, 3, padding=1), nn.ReLU,
        lambda: nn.MaxPool2d(2), nn.Flatten, lambda: nn.Linear(16, 5),
    )  # fmt: skip
    return trainer(net, MOMENTUM)


def normalised_rows():
    net = network(
        lambda: nn.Linear(20, 30), lambda: nn.LayerNorm(30), nn.GELU, lambda: nn.Linear(30, 5)
    )
    return trainer(net, ADAM)


def statistics():
    """Sums over the batch of several kinds, and what is computed of them."""

    def step(x, y):
        h = (x * 2).tanh()
        return h.sum(0), h.mean(), (h * h).sum(0) / h.abs().sum(), h.T @ x, (h.sum(0) + 1).log()

    return step


def turned():
    """Rows in the opposite order, of a value that is computed here."""

    def step(x, y):
        h = (x * 2).tanh()
        return (h.exp().flip(0) * x).sum(0), h.flip(0).sum(1), h @ h.T[:, :3]

    return step


def centred_sums():
    """A sum over the rows that takes up another one of the same loops."""

    def step(x, y):
        h = x.relu()
        return ((h - h.mean(0)) ** 2).mean(0), h.T @ x

    return step


def cell_of_rows():
    """A cell with a row for each row of the batch; the loss is not known before the last chunk."""
    kept = {n: T(np.ones((n, 20), np.float32)) for n in (96, 256)}

    def step(x, y):
        cell = kept[x.shape[0]]
        loss = (x * cell).tanh().mean()
        cell.copy_(cell * 0.9 + x)
        return loss

    return step


def cell_before_rows():
    """A cell that rows read changes without them."""
    (w,) = cells((5, 20))

    def step(x, y):
        loss = (x * w[y]).tanh().mean()
        w.copy_(w * 0.9 + w.mean())
        return loss

    return step


def largest():
    """A maximum over the batch cannot go on in chunks from zero."""
    return lambda x, y: ((x - 9).amax(0), (x * x).sum(0), (x.exp() + 1).sum(1))


CHUNKED = [
    dropped, positions, embedded, two_inputs, convolved, normalised_rows, statistics, largest,
    turned, centred_sums, cell_of_rows, cell_before_rows, twice,
    tied, lookback, clipped, batch_norm, read_after_write, centred_batch, zeroed_gradient, penalty,
]  # fmt: skip


@pytest.mark.parametrize("batch", [256, 96])
@pytest.mark.parametrize("make", CHUNKED, ids=lambda make: make.__name__)
def test_chunks(make, batch, small_caches):
    assert_right(make(), *batches(2, batch=batch))


def test_chunks_with_weights(small_caches):
    """Rows weigh as they are; a share of all weights can only be had when all are known."""
    for normalised in (False, True):
        inputs = [[*data(256), np.abs(real(256)) + 0.1] for _ in range(2)]
        graph = assert_right(weighted(normalised), *inputs)
        assert bool(chunk_of(graph)) is not normalised


def test_what_is_cut(small_caches):
    """Dropout and rows by number are cut; what needs all rows in the middle is not."""
    for make in (dropped, positions, normalised_rows, two_inputs):
        assert chunk_of(traced(make(), *data(256))) in (32, 64, 128), make.__name__
    for make in (batch_norm, centred_batch, largest):
        assert chunk_of(traced(make(), *data(256))) is None, make.__name__


@pytest.mark.parametrize("batch", [1024, 2048])
def test_chunks_of_large_batches(batch, monkeypatch):
    """With the caches as they are; whole, the same within rounding."""
    sizes = batches(2, batch=batch, features=100, classes=2)
    make = lambda: traced(trainer(mlp(100, 300, 2, activation=nn.ReLU), MOMENTUM), *sizes[0])
    graph = make()
    assert chunk_of(graph)
    cut = by_machine(graph, sizes)
    monkeypatch.setattr(chunks, "chunk_size", lambda plan, axes: None)
    whole = by_machine(make(), sizes)
    for a, b in zip(cut, whole, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert_right(graph, *sizes, resident=(False,))


# ---- steps that fail


@pytest.mark.parametrize("make", [twice, clipped, lookback, dropped, moving_average, convolved])
@pytest.mark.parametrize("batch", [32, 256])
def test_loss_that_is_not_finite(make, batch, small_caches):
    """NaN in one row: every cell stays as it is."""
    x, y = data(batch)
    graph = traced(make(), x, y)
    x[batch // 2, 3] = np.nan
    for resident in (False, True):
        assert_refused(graph, [x, y], machine.NOT_FINITE, resident)


def assert_refused(graph, inputs, code, resident=False):
    """The step stops with a code and leaves every cell as it is."""
    step, cells = native_step(graph, resident), cells_of(graph)
    hypers = [h.read() for h in graph.hypers]
    before = [c.copy() for c in cells]
    with pytest.raises(machine.StepFailed) as failure:
        step(inputs, cells, hypers)
    assert failure.value.code == code
    for a, b in zip(cells, before, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("resident", [False, True])
def test_failing_check(resident):
    """A row number out of range is found before anything is written."""
    x, y = data()
    for make in (embedded, trainer_of_labels):
        graph = traced(make(), x, y)
        assert graph.checks
        assert_right(graph, [x, y], resident=(resident,))
        for bad in (-1000, 5, 2**40):
            wrong = y.copy()
            wrong[17] = bad
            step, cells = native_step(graph, resident), cells_of(graph)
            before = [c.copy() for c in cells]
            with pytest.raises(machine.StepFailed) as failure:
                step([x, wrong], cells, [h.read() for h in graph.hypers])
            assert failure.value.code >= 2
            assert all(map(np.array_equal, cells, before))


def trainer_of_labels():
    return trainer(mlp(20, 12, 5))


# ---- NaN


def test_nan_survives():
    """No maximum, relu or clamp swallows a NaN, wherever it stands."""

    def step(x):
        zero, three = gg.tensor(0.0), gg.zeros(x.shape[1]) + 3
        ways = [
            x.relu(), x.maximum(zero), zero.maximum(x), x.minimum(zero), x.maximum(three),
            three.minimum(x), x.clamp(-1, 1), x.clamp(min=0), x.clamp(max=0), F.relu6(x),
            F.hardtanh(x), F.leaky_relu(x), F.elu(x), F.gelu(x), F.hardsigmoid(x), F.hardswish(x),
            F.softplus(x), x.sigmoid(), x.tanh(), x.exp(), x.abs(), x.sign(), x.round(), x.floor(),
        ]  # fmt: skip
        return ways, x.amax(), x.amax(0), x.amax(1), x.amin(0), x.amin(1), x.max(1), x.softmax(1)

    for shape in ((5, 33), (40, 7), (16, 16)):
        x = real(*shape)
        x[::2, ::3] = np.nan
        graph = traced(step, x)
        with np.errstate(invalid="ignore"):
            eager = by_numpy(graph, [[x]], evaluated)
        for found, expected in zip(by_machine(graph, [[x]]), eager, strict=True):
            np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    assert np.isnan(eager[0]).sum() == np.isnan(x).sum()


def test_nan_survives_pooling_and_convolution():
    x = real(2, 3, 9, 8)
    x[0, 1, 4, 4] = x[1, 2, 0, 0] = np.nan
    w = T(real(4, 3, 3, 3))
    step = lambda x: (
        F.max_pool2d(x, 3, 2, 1),
        F.conv2d(x, w, padding=1).relu(),
        F.avg_pool2d(x, 2),
    )
    graph = traced(step, x)
    pairs = zip(by_machine(graph, [[x]]), by_numpy(graph, [[x]], evaluated))
    for found, expected in list(pairs)[:3]:
        np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
        assert np.isnan(found).any() and not np.isnan(found).all()
