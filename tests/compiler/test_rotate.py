"""Updates that wait for the next step, and updates inside loops: the same bits as one by one."""

from unittest import mock

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn, optim
from glassgrad.compiler import build, module
from glassgrad.compiler.cache import Request
from glassgrad.compiler.epoch import NativeEpoch
from glassgrad.compiler.graph import evaluated
from glassgrad.compiler.places import Source
from glassgrad.compiler.plan import rotate, share
from glassgrad.compiler.rewrite import rewritten
from glassgrad.compiler.target import AVX2
from glassgrad.nn.utils import clip_grad_norm_
from natively import by_numpy, cells_of, exact, far, mlp, traced, trainer

random = np.random.default_rng(3)
ROWS = 40
FEATURES = random.normal(size=(ROWS, 60)).astype("f")
LABELS = random.integers(0, 5, ROWS)

RULES = {
    "SGD": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
    "Nesterov": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "decay": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
    "Adam": lambda p: optim.Adam(p, lr=0.01),
    "AdamW": lambda p: optim.AdamW(p, lr=0.01, weight_decay=0.1),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.01),
}


def classifier(rule="SGD", sizes=(60, 48, 5)):
    return trainer(mlp(*sizes, activation=nn.ReLU), RULES[rule])


def clipped():
    """The norm of all gradients is known before any update."""
    net = mlp(60, 48, 5)
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        clip_grad_norm_(net.parameters(), 0.5)
        optimizer.step()
        return loss

    return step


def regression():
    """One layer, whose weight the gradient of the input does not need."""
    net = mlp(60, 48)
    optimizer = optim.SGD(net.parameters(), lr=0.01)

    def step(x, y):
        optimizer.zero_grad()
        loss = (net(x) ** 2).mean() + 0.0 * y.sum()
        loss.backward()
        optimizer.step()
        return loss

    return step


def twice():
    """Two updates in a step, the second by what the first has made."""
    net = mlp(60, 48, 5)
    optimizer = optim.SGD(net.parameters(), lr=0.05)

    def step(x, y):
        for _ in range(2):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
        return loss

    return step


def tied():
    """One weight in two layers."""
    gg.manual_seed(0)
    first, last = nn.Linear(60, 60), nn.Linear(60, 5)
    optimizer = optim.SGD([*first.parameters(), *last.parameters()], lr=0.05)

    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(last(first(first(x).relu())), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def exchanged():
    """Two weights change places at each step."""
    gg.manual_seed(0)
    a, b, last = nn.Linear(60, 48, bias=False), nn.Linear(60, 48, bias=False), nn.Linear(48, 5)
    optimizer = optim.SGD([*a.parameters(), *b.parameters(), *last.parameters()], lr=0.05)

    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(last((a(x) + 0.5 * b(x)).relu()), y)
        loss.backward()
        optimizer.step()
        with gg.no_grad():
            old = a.weight.clone()
            a.weight.copy_(b.weight)
            b.weight.copy_(old)
        return loss

    return step


def penalised():
    """The weight is read by its penalty too, which is a part of the loss."""
    net = mlp(60, 48, 5)
    optimizer = optim.SGD(net.parameters(), lr=0.05)

    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y) + 0.01 * (net[0].weight ** 2).sum()
        loss.backward()
        optimizer.step()
        return loss

    return step


def followed():
    """A slow copy of the weight follows it."""
    net = mlp(60, 48, 5)
    slow = net[0].weight.detach().clone()
    optimizer = optim.SGD(net.parameters(), lr=0.05)

    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        slow.mul_(0.9).add_(0.1 * net[0].weight.detach())
        return loss

    return step


STEPS = {
    **{name: (lambda name=name: classifier(name)) for name in RULES},
    "three layers": lambda: classifier("momentum", (60, 48, 48, 5)),
    "equal layers": lambda: classifier("Adam", (60, 60, 60, 60, 60, 5)),
    "clipped": clipped,
    "regression": regression,
    "twice": twice,
    "tied": tied,
    "exchanged": exchanged,
    "penalised": penalised,
    "followed": followed,
}
ROTATED = {*RULES, "three layers", "equal layers", "clipped", "regression", "followed"}


def graph_of(make, batch=1):
    return rewritten(traced(make(), FEATURES[:batch], LABELS[:batch]))


def epoch_of(graph, target=None, beside=None, arrays=(FEATURES, LABELS)):
    with mock.patch.object(Request, "key", None):
        return NativeEpoch(graph, [Source(a.shape, a.dtype) for a in arrays], target, beside)


def plain(graph, **options):
    """The same with every update where its gradient arises, in loops of its own."""
    with (
        mock.patch.object(build, "rotated", lambda plan: plan),
        mock.patch.object(module, "streamed", lambda plan: plan),
    ):
        return epoch_of(graph, **options)


def trained(epoch, graph, calls, arrays=(FEATURES, LABELS), threads=1):
    """Losses, codes, and the cells after all calls; the leaves are as before."""
    before, losses, codes = cells_of(graph), [], []
    epoch.enter()
    for rows in calls:
        found, code = epoch.run(list(arrays), np.asarray(rows), threads)
        losses += found.tolist()
        codes.append(code)
    epoch.leave()
    after = cells_of(graph)
    for leaf, value in zip(graph.cells.values(), before, strict=True):
        leaf.value[...] = value
    return losses, codes, after


def assert_equal(found, expected):
    assert np.array_equal(found[0], expected[0], equal_nan=True) and found[1] == expected[1]
    for a, b in zip(found[2], expected[2], strict=True):
        assert a.tobytes() == b.tobytes()


def rotations(graph):
    plan = epoch_of(graph).request.plan
    return [] if plan.rotation is None else plan.rotation.last


ONE_CALL, MANY, MIXED = [np.arange(ROWS)], [[i] for i in range(ROWS)], [[0], [1, 2, 3], [4, 4, 5]]


@pytest.mark.parametrize("name", STEPS)
def test_bits_are_those_of_updates_in_place(name):
    with mock.patch.multiple(rotate, LEAST=1, LEAST_DEAR=1, COPIED=0):
        graph = graph_of(STEPS[name])
        assert bool(rotations(graph)) == (name in ROTATED)
        turned, other = epoch_of(graph), plain(graph)
        for calls in (ONE_CALL, MANY, MIXED):
            assert_equal(trained(turned, graph, calls), trained(other, graph, calls))
        if name in ("SGD", "Adam", "equal layers"):
            other_processor = trained(epoch_of(graph, AVX2), graph, ONE_CALL)
            assert_equal(other_processor, trained(other, graph, ONE_CALL))


@pytest.mark.parametrize("name", ["momentum", "equal layers", "clipped"])
def test_threads_change_no_bit(name):
    with mock.patch.multiple(rotate, LEAST=1, LEAST_DEAR=1, COPIED=0):
        with mock.patch.object(share, "WORTH", 0):
            graph = graph_of(STEPS[name])
            turned = epoch_of(graph)
        assert turned.artifact.shared and turned.request.plan.rotation is not None
        expected = trained(plain(graph), graph, ONE_CALL)
        for threads in (1, 2, 3):
            assert_equal(trained(turned, graph, ONE_CALL, threads=threads), expected)


@pytest.mark.parametrize("name", STEPS)
def test_numbers(name):
    rows = np.arange(6)
    graph = graph_of(STEPS[name])
    batches = [[FEATURES[i : i + 1], LABELS[i : i + 1]] for i in rows]
    eager, true = (by_numpy(graph, batches, engine) for engine in (evaluated, exact))
    losses, _, cells = trained(epoch_of(graph), graph, [rows])
    found = [np.array(losses[-1], "f"), *cells]
    assert not any(map(far, found, true, eager, [4e-6] * len(found)))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("at", [0, 1, 7])
def test_a_step_that_fails_owes_nothing(rule, at):
    """The state is that before it; what the step before has put off is done, once."""
    graph = graph_of(STEPS[rule])
    features = FEATURES.copy()
    features[at, 2] = np.nan
    arrays = features, LABELS
    with mock.patch.object(rotate, "LEAST_DEAR", 1):
        assert rotations(graph)
        found = trained(epoch_of(graph), graph, ONE_CALL, arrays)
    assert found[1] == [1] and len(found[0]) == at
    assert_equal(found, trained(plain(graph), graph, ONE_CALL, arrays))
    good = trained(plain(graph), graph, [range(at)]) if at else ([], [], cells_of(graph))
    assert all(a.tobytes() == b.tobytes() for a, b in zip(found[2], good[2], strict=True))


def test_a_check_that_fails_owes_nothing():
    graph = graph_of(STEPS["Adam"])
    labels = LABELS.copy()
    labels[5] = 9
    with mock.patch.object(rotate, "LEAST_DEAR", 1):
        assert rotations(graph)
        found = trained(epoch_of(graph), graph, [np.arange(9), [6, 7]], (FEATURES, labels))
    assert found[1][0] >= 2 and found[1][1] == 0 and len(found[0]) == 7
    expected = trained(plain(graph), graph, [np.arange(9), [6, 7]], (FEATURES, labels))
    assert_equal(found, expected)


def test_a_rest_of_one_row_shares_the_cells():
    """The last batch of an epoch has one row, and its plan lies beside that of the others."""
    make = STEPS["momentum"]
    step = make()
    large, small = (rewritten(traced(step, FEATURES[:n], LABELS[:n])) for n in (16, 1))
    arrays, states = [FEATURES, LABELS], []
    before = cells_of(large)
    for build_one in (epoch_of, plain):
        first = build_one(large)
        rest = build_one(small, beside=first)
        first.enter()
        for _ in range(3):
            first.run(arrays, np.arange(32))
            rest.go_on()
            rest.run(arrays, np.arange(32, 35))
            first.go_on()
        first.leave()
        states.append(cells_of(large))
        for leaf, value in zip(large.cells.values(), before, strict=True):
            leaf.value[...] = value
    assert all(a.tobytes() == b.tobytes() for a, b in zip(*states, strict=True))


def test_hyper_parameters_change_between_calls():
    """A schedule sets the rate; what is owed is paid at the old one."""
    net = mlp(60, 48, 5, activation=nn.ReLU)
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    graph = rewritten(traced(step, FEATURES[:1], LABELS[:1]))
    assert rotations(graph)
    before, states = cells_of(graph), []
    for epoch in (epoch_of(graph), plain(graph)):
        epoch.enter()
        for rate in (0.1, 0.01, 0.3):
            optimizer.param_groups[0]["lr"] = rate
            epoch.go_on()
            epoch.run([FEATURES, LABELS], np.arange(5))
        epoch.leave()
        states.append(cells_of(graph))
        for leaf, value in zip(graph.cells.values(), before, strict=True):
            leaf.value[...] = value
    assert all(a.tobytes() == b.tobytes() for a, b in zip(*states, strict=True))


class Looking(gg.training.Callback):
    def __init__(self, net, seen):
        self.net, self.seen = net, seen

    def on_epoch_end(self, run):
        self.seen.append(self.net[0].weight.detach().numpy().copy())


def test_fit_is_the_same():
    """Through `fit`, with a callback that looks at the weights between epochs."""
    states = []
    for patch in (1, 10**9):
        seen = []
        with (
            mock.patch.object(rotate, "LEAST_DEAR", patch),
            mock.patch.object(Request, "key", None),
        ):
            net = mlp(60, 48, 5, activation=nn.ReLU)
            gg.fit(
                net, (FEATURES, LABELS), loss=nn.CrossEntropyLoss(),
                optimizer=optim.Adam(net.parameters(), lr=0.01), epochs=3, batch_size=1,
                engine="native", verbose=False,
                callbacks=[Looking(net, seen)],
            )  # fmt: skip
        states.append(seen)
    assert len(states[0]) == len(states[1]) > 0
    assert all(map(np.array_equal, *states))


# ---- which updates, and how it reads


def test_plan():
    """The first layer waits, with a copy of its input; the last is changed where it is read."""
    plan = epoch_of(graph_of(STEPS["SGD"])).request.plan
    first, others, last = plan.rotation.first, plan.rotation.others, plan.rotation.last
    assert [k.label for k in last] == [last[0].label] and "_map" in last[0].label
    assert len(others) == len(first) + 1
    assert others[0].label.endswith("copy0")
    (late,) = [k for k in others if k.earlier]
    assert late.extents == (1, 48, 60) and list(late.within.values()) == [(1, 2)]
    (stream,) = [k for k in first if k.within]
    assert [plan.names()[x] for x in stream.within] == ["2.weight'"]


def test_large_batches_do_not_wait():
    for batch in (2, 16):
        plan = epoch_of(graph_of(STEPS["SGD"], batch)).request.plan
        assert plan.rotation is None and not any(k.within for k in plan.kernels)


@pytest.mark.parametrize("rule, sizes", [("SGD", (60, 4, 5)), ("Adam", (60, 48, 5))])
def test_small_weights_do_not_wait(rule, sizes):
    """Less is gained than is copied; or the update divides, and its memory is near anyway."""
    graph = rewritten(traced(classifier(rule, sizes), FEATURES[:1], LABELS[:1]))
    assert not rotations(graph)


def test_text():
    text = epoch_of(graph_of(STEPS["SGD"])).request.text
    assert "select i1 %begins, ptr @step_first, ptr @step" in text
    assert text.count("%owed = call i32 @step_last(") == 1
    assert "@step_last" not in plain(graph_of(STEPS["SGD"])).request.text
