"""Several threads take a step together: the same bits for any number of them, and no one hangs."""

import os
import signal
import threading
from unittest import mock

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn, optim
from glassgrad.compiler import native, pace, threads
from glassgrad.compiler.artifact import NOT_FINITE
from glassgrad.compiler.cache import Request
from glassgrad.compiler.epoch import NativeEpoch
from glassgrad.compiler.module import planned
from glassgrad.compiler.pace import Pace, several
from glassgrad.compiler.places import Source
from glassgrad.compiler.plan import chunk, share
from glassgrad.compiler.rewrite import rewritten
from natively import assert_right, mlp, network, traced, trainer

random = np.random.default_rng(3)
ADAM = lambda p: optim.Adam(p, lr=0.01)
ALWAYS = 10**9  # looks for the other threads: no step without them
CROWDS = (1, 2, 3, 5, 16, 64)


@pytest.fixture
def shared(monkeypatch):
    """However small a step is, its kernels are shared."""
    monkeypatch.setattr(share, "WORTH", 0)
    monkeypatch.setattr(share, "ENTER", 0)
    monkeypatch.setattr(Request, "key", None)


def labelled(rows, *shape, classes=5):
    return [random.normal(size=(rows, *shape)).astype("f"), random.integers(0, classes, rows)]


def plain():
    return trainer(mlp(33, 50, 17, 5, activation=nn.ReLU)), labelled(96, 33), 32


def odd():
    return trainer(mlp(19, 101, 3), ADAM), labelled(111, 19, classes=3), 37


def normalised():
    layers = [
        lambda: nn.Linear(20, 65), lambda: nn.BatchNorm1d(65), nn.GELU, lambda: nn.Linear(65, 31),
        lambda: nn.LayerNorm(31), nn.Sigmoid, lambda: nn.Linear(31, 5),
    ]  # fmt: skip
    return trainer(network(*layers), ADAM), labelled(150, 20), 50


def pictures():
    layers = [
        lambda: nn.Conv2d(2, 6, 3, padding=1), nn.ReLU, lambda: nn.MaxPool2d(2),
        lambda: nn.Conv2d(6, 5, 3), nn.Tanh, nn.Flatten, lambda: nn.Linear(20, 5),
    ]  # fmt: skip
    return trainer(network(*layers), ADAM), labelled(72, 2, 8, 8), 24


def regression():
    net = mlp(5, 16, 3, dtype="d")
    x = [random.normal(size=(60, n)) for n in (5, 3)]
    return trainer(net, lambda p: optim.SGD(p, lr=0.1, momentum=0.9), nn.MSELoss()), x, 30


def chunks():
    return trainer(mlp(10, 40, 7, 5), ADAM), labelled(1536, 10), 512


def one_row():
    return trainer(mlp(40, 33, 5)), labelled(4, 40), 1


MAKES = [plain, odd, normalised, pictures, regression, chunks, one_row]


def epoch_of(make):
    step, arrays, batch = make()
    graph = rewritten(traced(step, *(a[:batch] for a in arrays)))
    return NativeEpoch(graph, [Source(a.shape, a.dtype) for a in arrays]), arrays


def trained(epoch, arrays, crowd):
    """The code, losses and cells after all batches of the arrays."""
    epoch.enter()
    order = np.arange(len(arrays[0]))[::-1].copy()
    losses, code = epoch.call(arrays, order, crowd, ALWAYS)
    return code, losses.tobytes(), *(m.tobytes() for m, _ in epoch.memory()[1])


@pytest.mark.parametrize("make", MAKES)
def test_bits_do_not_depend_on_threads(shared, make):
    epoch, arrays = epoch_of(make)
    assert epoch.artifact.shared
    alone = trained(epoch, arrays, 1)
    for crowd in CROWDS:
        assert trained(epoch, arrays, crowd) == alone, f"{crowd} threads"


def more_chunks():
    net = mlp(5, 31, 17, 3, dtype="d")
    x = [random.normal(size=(1152, n)) for n in (5, 3)]
    return trainer(net, ADAM, nn.MSELoss()), x, 384


@pytest.mark.parametrize("dear", [True, False], ids=["groups", "each kernel"])
@pytest.mark.parametrize("few", [2, 5, 6])
@pytest.mark.parametrize("make", [chunks, more_chunks])
def test_bits_of_chunks(shared, monkeypatch, make, few, dear):
    """A thread takes whole groups of chunks, or its share of each kernel for each chunk."""
    monkeypatch.setattr(chunk, "FIRST_CACHE", 40_000)
    monkeypatch.setattr(share, "BARRIER", 10**6 if dear else 0)
    monkeypatch.setattr(share, "FEWEST_CHUNKS", 1)
    monkeypatch.setattr(share, "MOST_GROUPS", few)
    epoch, arrays = epoch_of(make)
    plan = epoch.plan
    assert plan.chunks > 1
    assert plan.groups == (min(few, plan.chunks) if dear else 0)
    alone = trained(epoch, arrays, 1)
    for crowd in CROWDS:
        assert trained(epoch, arrays, crowd) == alone, f"{crowd} threads"


@pytest.mark.parametrize("make", MAKES)
def test_shared_kernels_are_right(shared, monkeypatch, make):
    monkeypatch.setattr(chunk, "FIRST_CACHE", 40_000)
    step, arrays, batch = make()
    assert_right(step, *([a[i : i + batch] for a in arrays] for i in (0, batch)))


def test_small_steps_are_not_shared():
    step, arrays, batch = plain()
    plan = planned(rewritten(traced(step, *(a[:batch] for a in arrays))), True)
    assert not plan.shared
    assert all(k.cut is None for k in plan.kernels)


def test_weights_stay_with_their_core():
    """A layer's forward pass and its update are cut along the same axis of the weight."""
    step = trainer(mlp(784, 128, 10, activation=nn.ReLU))
    plan = planned(rewritten(traced(step, *labelled(32, 784, classes=10))), True)
    uses = {}
    for kernel in plan.kernels:
        for use in share.uses_of(plan, kernel):
            if use.buffer.shape == (128, 784):
                uses.setdefault(share.owned(use, kernel.cut), []).append(kernel.label)
    assert plan.shared
    assert len(uses) == 1
    assert None not in uses


def test_a_step_that_fails(shared):
    """All threads agree that the loss is not finite, and nothing is overwritten."""
    step, arrays, batch = plain()
    arrays[0][batch + 3, 2] = np.nan
    epoch, arrays = epoch_of(lambda: (step, arrays, batch))
    epoch.enter()
    order = np.arange(len(arrays[0]))
    found = []
    for crowd in (1, 2, 5):
        epoch.enter()
        losses, code = epoch.call(arrays, order, crowd, ALWAYS)
        found.append((losses.tobytes(), *(m.tobytes() for m, _ in epoch.memory()[1])))
        assert (len(losses), code) == (1, NOT_FINITE)
    assert found[0] == found[1] == found[2]


# ---- the pool


def test_broken_off_before_the_first_step(shared):
    """Ctrl-C between waking the others and the first step: they go home, and the next call runs."""
    epoch, arrays = epoch_of(plain)
    alone = trained(epoch, arrays, 1)
    run = epoch.epoch

    def broken(*arguments):
        if arguments[5] == 0:
            raise KeyboardInterrupt
        return run(*arguments)

    with mock.patch.object(epoch, "epoch", broken), pytest.raises(KeyboardInterrupt):
        trained(epoch, arrays, 3)
    assert threads.Shared.pool.lock.acquire(timeout=0)
    threads.Shared.pool.lock.release()
    assert trained(epoch, arrays, 1) == alone
    for _ in range(3):
        assert trained(epoch, arrays, 3) == alone


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_child_has_a_pool_of_its_own(shared):
    epoch, arrays = epoch_of(plain)
    alone = trained(epoch, arrays, 2)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(60)
            fresh = not threads.Shared.pool.workers
            code = 0 if fresh and trained(epoch, arrays, 2) == alone else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert trained(epoch, arrays, 2) == alone


def test_two_python_threads_predict_at_once(shared, monkeypatch):
    monkeypatch.setattr(native, "LARGE", 0)
    monkeypatch.setattr(Pace, "next", lambda self, steps: (3, steps))
    net, x = mlp(33, 70, 5), random.normal(size=(64, 33)).astype("f")
    step = native.NativeStep(rewritten(traced(net, x)))
    assert isinstance(step.step, native.SharedStep)
    cells = [np.array(c.value) for c in step.request.graph.cells.values()]
    with mock.patch.object(Pace, "next", lambda self, steps: (1, steps)):
        expected = step([x], cells, [])[0]
    wrong = []

    def predict():
        found = (step([x], cells, [])[0] for _ in range(40))
        wrong.extend(y for y in found if y.tobytes() != expected.tobytes())

    both = [threading.Thread(target=predict) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(60)
    assert not wrong
    assert not any(thread.is_alive() for thread in both)


# ---- how many


def test_set_num_threads(monkeypatch):
    monkeypatch.setattr(threads.Asked, "threads", None)
    gg.set_num_threads(3)
    assert gg.get_num_threads() == 3
    for wrong in (0, -1):
        with pytest.raises(RuntimeError, match="positive number"):
            gg.set_num_threads(wrong)
    for wrong in ("2", 1.5, None, True):
        with pytest.raises(TypeError, match="whole number"):
            gg.set_num_threads(wrong)
    assert gg.get_num_threads() == 3


def test_the_environment_says_how_many(monkeypatch):
    monkeypatch.setattr(threads.Asked, "threads", None)
    monkeypatch.setattr(threads, "processors", lambda: [0, 1, 2, 3, 4])
    monkeypatch.setattr(threads, "allowed_here", lambda: np.inf)
    for asked, expected in (("3", 3), ("7", 5), ("0", 5), ("2,4", 2), ("x", 5)):
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
        assert gg.get_num_threads() == expected
    for allowed, expected in ((np.inf, 5), (2, 2), (1, 1)):
        monkeypatch.setattr(threads, "allowed_here", lambda allowed=allowed: allowed)
        assert gg.get_num_threads() == expected


@pytest.mark.parametrize(
    "files, own, expected",
    [
        ({}, "0::/\n", np.inf),
        ({"cpu.max": "max 100000\n"}, "0::/\n", np.inf),
        ({"cpu.max": "150000 100000\n"}, "0::/\n", 1.5),
        ({"a/cpu.max": "300000 100000\n", "a/b/cpu.max": "max 100000\n"}, "0::/a/b\n", 3),
        ({"a/cpu.max": "300000 100000\n", "a/b/cpu.max": "50000 100000\n"}, "0::/a/b\n", 0.5),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, "", np.inf),
        ({"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, "", 2),
        (
            {"cpu,cpuacct/x/cpu.cfs_quota_us": "50000", "cpu,cpuacct/x/cpu.cfs_period_us": "25000"},
            "5:memory:/y\n4:cpu,cpuacct:/x\n",
            2,
        ),
        ({"cpu.max": "nonsense\n"}, "0::/\n", np.inf),
    ],
)
def test_what_a_container_allows(tmp_path, files, own, expected):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "own").write_text(own)
    assert threads.quota(tmp_path, tmp_path / "own") == expected


def paced(monkeypatch, cycles, speeds, calls):
    """The numbers of threads of some calls, where a step takes `speeds(call)[threads]` seconds."""
    clock = [0.0]
    monkeypatch.setattr(pace, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(threads.Asked, "threads", 2)
    found = Pace(mock.Mock(shared=True, cycles=cycles))
    taken = []
    for call in range(calls):
        crowd, steps = found.next(10**9)
        seconds = steps * speeds(call)[crowd]
        clock[0] += seconds
        found.took(crowd, steps, seconds)
        taken.append(crowd)
    return taken


def test_the_quicker_goes_on(monkeypatch):
    quick = paced(monkeypatch, 1e6, lambda call: {1: 1e-3, 2: 6e-4}, 200)
    assert quick[:9] == [1, 2, 1, 2, 1, 2, 2, 2, 2]
    assert quick.count(1) < 30
    slow = paced(monkeypatch, 1e6, lambda call: {1: 1e-3, 2: 2e-3}, 200)
    assert slow[:2] == [1, 2]
    assert slow.count(2) < 12


def test_a_core_is_taken_and_given_back(monkeypatch):
    """Several threads become slow: one goes on at once, and several when they are quick again."""
    free, busy = {1: 1e-3, 2: 6e-4}, {1: 1e-3, 2: 3e-3}
    taken = paced(monkeypatch, 1e6, lambda call: busy if 20 <= call < 60 else free, 300)
    assert taken[:20].count(2) > 12
    assert taken[22:60].count(1) > 32
    assert taken[180:].count(2) > 100


def test_small_steps_try_few_threads(monkeypatch):
    monkeypatch.setattr(threads.Asked, "threads", 64)
    crowds = [several(mock.Mock(shared=True, cycles=c)) for c in (2e4, 2e5, 2e6, 2e8)]
    assert crowds == [2, 4, 22, 64]
    assert several(mock.Mock(shared=False, cycles=1e9)) == 1


def test_fit_says_how_many(shared, monkeypatch, capsys):
    def all_of_them(pace, most, steps):
        pace.chosen = most
        return most, steps

    monkeypatch.setattr(threads.Asked, "threads", 2)
    monkeypatch.setattr(Pace, "planned", all_of_them)
    monkeypatch.setattr(Pace, "note", lambda *facts: None)
    net = mlp(33, 50, 5)
    history = gg.fit(
        net, labelled(256, 33), epochs=3, batch_size=32, engine="native",
        loss=nn.CrossEntropyLoss(), optimizer="sgd",
    )  # fmt: skip
    assert history.threads == 2
    assert "native on 2 threads" in capsys.readouterr().err
