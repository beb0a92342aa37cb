"""Calls of native steps: whatever arrays come, several threads, failures, and what they cost."""

import os
import re
import struct
import threading
import time
import tracemalloc
import warnings

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from glassgrad.compiler import native_backend, target
from glassgrad.compiler.cache import Request, compiled
from glassgrad.compiler.lower import lowered
from glassgrad.compiler.native import NEAR, NativeStep
from glassgrad.compiler.native_backend import Native, native
from glassgrad.compiler.rewrite import rewritten
from glassgrad.compiler.step import CompiledStep

PASSES = (lowered, rewritten)
FLAGS = r"\b(fast|nnan|ninf|nsz|arcp|contract|afn|reassoc)\b"


class NativeCompiledStep(CompiledStep):
    """A compiled step in machine code."""

    backend = staticmethod(native)


def graph_of(function, *arrays):
    return CompiledStep(function).trace(*map(gg.Tensor.lift, arrays)).graph()


def step_of(function, *arrays):
    return NativeStep(graph_of(function, *arrays), passes=PASSES)


def strided(array):
    """The same numbers, with gaps between them."""
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


def transposed(array):
    return np.ascontiguousarray(array.T).T


def misaligned(array):
    raw = np.zeros(array.nbytes + 1, np.uint8)
    found = np.ndarray(array.shape, array.dtype, raw.data, 1)
    found[...] = array
    assert not found.flags.aligned
    return found


def foreign(array):
    return array.astype(array.dtype.newbyteorder())


def read_only(array):
    found = array.copy()
    found.flags.writeable = False
    return found


WAYS = [strided, transposed, misaligned, foreign, read_only]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rows", [3, 2000])
def test_inputs_of_every_kind(way, rows):
    x = np.random.default_rng(0).standard_normal((rows, 5)).astype(np.float32)
    assert (x.nbytes > NEAR) == (rows == 2000)
    step = step_of(lambda a: a * 2 + 1, x)
    for _ in range(2):
        (found,) = step([way(x)], [], [])
        np.testing.assert_array_equal(found, x * 2 + 1)
        x += 1


def decay():
    """A step that reads one cell and writes another."""
    written, read = gg.zeros(40, 30), gg.ones(30)

    def step(x):
        written.copy_(written * 0.5 + read * x)
        return written.sum()

    return graph_of(step, np.float32(1)), written, read


def place(graph, leaf):
    """The number of a leaf's cell."""
    return next(i for i, x in enumerate(graph.cells.values()) if x is leaf)


@pytest.mark.parametrize("way", WAYS[:4])
def test_cells_of_every_kind(way):
    graph, written, read = decay()
    step = NativeStep(graph, passes=PASSES)
    values = {id(written): np.ones((40, 30), np.float32), id(read): np.ones(30, np.float32)}
    cells = [way(values[id(leaf)]) for leaf in graph.cells.values()]
    exact = np.ones((40, 30), np.float32)
    cell = cells[place(graph, written)]
    for i in range(3):
        exact = exact * np.float32(0.5) + 1
        if i == 2:  # somebody else writes into it between the calls
            cell[...] = 8
            exact[...] = 5
        step([np.float32(1)], cells, [])
        np.testing.assert_array_equal(cell, exact)


def test_cells_that_are_read_only():
    graph, written, read = decay()
    step = NativeStep(graph, passes=PASSES)
    cells = [np.array(leaf.value) for leaf in graph.cells.values()]
    cells[place(graph, read)].flags.writeable = False
    step([np.float32(1)], cells, [])
    assert (cells[place(graph, written)] == 1).all()
    cells = list(cells)
    cells[place(graph, written)].flags.writeable = False
    for _ in range(2):
        with pytest.raises(ValueError, match="read-only"):
            step([np.float32(1)], cells, [])
    assert (cells[place(graph, written)] == 1).all()


@pytest.mark.parametrize("rows", [4, 400])
def test_an_input_that_shares_memory_with_a_cell(rows):
    """The step goes on reading what the input was when it began."""
    w = gg.ones(rows, 20)

    def step(x):
        w.copy_(w + 1)
        return (x @ x.T).sum() + w.sum()

    graph = graph_of(step, np.zeros((rows, 20), np.float32))
    memory = np.ones((rows, 20), np.float32)
    (found,) = NativeStep(graph, passes=PASSES)([memory], [memory], [])
    assert found == rows * rows * 20 + 2 * rows * 20
    assert (memory == 2).all()


# ---- threads and processes


def in_threads(count, work):
    failures = []

    def guarded(i):
        try:
            work(i)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


def test_threads_predict_beside_each_other():
    w = np.random.default_rng(0).standard_normal((300, 300)).astype(np.float32)
    step = step_of(lambda x, w: (x @ w).tanh() @ w, w, w)
    inputs = [w + i for i in range(4)]
    expected = [step([x, w], [], [])[0] for x in inputs]

    def work(i):
        for _ in range(20):
            np.testing.assert_array_equal(step([inputs[i], w], [], [])[0], expected[i])

    in_threads(4, work)
    assert 1 <= len(step.free) <= 4


def test_threads_that_write_take_turns():
    count = gg.zeros(5000)

    @NativeCompiledStep
    def step(x):
        count.copy_(count + x)

    step(gg.tensor(1.0))
    one = gg.tensor(1.0)
    in_threads(4, lambda i: [step(one) for _ in range(200)])
    assert (count.value == 801).all()


def test_other_threads_run_during_a_call():
    x = np.ones((1500, 1500), np.float32)
    step = step_of(lambda a: ((a @ a) @ a).sum(), x)
    step([x], [], [])
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    begin = time.perf_counter()
    step([x], [], [])
    end = time.perf_counter()
    done.set()
    thread.join()
    assert sum(begin < t < end for t in ticks) > 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_has_memory_of_its_own():
    x = np.ones((3, 4), np.float32)
    step = step_of(lambda a: a * 2, x)
    step([x], [], [])
    before = step.free[0].arena.copy()
    with step.lock:
        child = os.fork()
        if not child:
            thread = threading.Thread(target=step.lock.acquire)  # the lock is free here
            thread.start()
            thread.join(10)
            fine = not thread.is_alive() and (step([x * 7], [], [])[0] == 14).all()
            os._exit(0 if fine else 1)
        assert os.waitpid(child, 0)[1] == 0
    np.testing.assert_array_equal(step.free[0].arena, before)


def test_an_operation_of_the_users_own_may_call_the_step_again():
    class Inner(gg.Operation):
        def forward(self, x):
            return step([x], [], [])[0] if x[0] < 3 else x * 10

        def infer(self, x):
            return x

        def gradient(self, g, y, x):
            return (g,)

    step = step_of(lambda x: Inner()(x + 1) + 0.5, np.zeros(2, np.float32))
    np.testing.assert_array_equal(step([np.zeros(2, np.float32)], [], [])[0], [31.5, 31.5])


def test_what_an_operation_raises_comes_out():
    class Refusing(gg.Operation):
        def forward(self, x):
            raise KeyError("no")

        def infer(self, x):
            return x

    step = step_of(lambda x: Refusing()(x) + 1, np.zeros(2, np.float32))
    for _ in range(2):
        with pytest.raises(KeyError, match="no"):
            step([np.zeros(2, np.float32)], [], [])


# ---- failures


def training(scale=1.0):
    gg.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3))
    optimizer = gg.optim.Adam(net.parameters(), lr=0.1)

    def step(x, y):
        optimizer.zero_grad()
        h = (net(x) * scale).exp()
        loss = nn.functional.cross_entropy(h, y)
        loss.backward()
        optimizer.step()
        return loss

    return net, optimizer, step


X, Y = np.linspace(-1, 1, 20, dtype=np.float32).reshape(4, 5), np.array([0, 1, 2, 0])
WAYS_TO_RUN = {"native": native, "tested": native_backend.tested}


@pytest.mark.parametrize("way", WAYS_TO_RUN)
def test_a_loss_that_is_not_finite_changes_nothing_and_is_explained(way):
    net, _, function = training(scale=1e6)
    step = CompiledStep(function)
    step.backend = WAYS_TO_RUN[way]
    before = {name: x.value.copy() for name, x in net.state_dict().items()}
    for _ in range(2):
        with pytest.raises(gg.NonFiniteError, match="exp.* gave inf from") as failure:
            step(gg.tensor(X), gg.tensor(Y))
        assert failure.value.operation == "exp"
        assert failure.value.layer == "2"
        assert "h = (net(x) * scale).exp()" in failure.value.line
    assert isinstance(failure.value, ArithmeticError)
    for name, x in net.state_dict().items():
        np.testing.assert_array_equal(x.value, before[name])


def test_what_was_not_finite_before_is_named():
    net, _, function = training()
    step = NativeCompiledStep(function)
    step(gg.tensor(X), gg.tensor(Y))
    spoilt = X.copy()
    spoilt[2, 3] = np.nan
    with pytest.raises(gg.NonFiniteError, match=r"x: f32\[4, 5\] held nan .* in x\[2, 3\]"):
        step(gg.tensor(spoilt), gg.tensor(Y))
    net[2].bias.value[1] = np.inf
    with pytest.raises(gg.NonFiniteError, match=r"2.bias: f32\[3\] held inf") as failure:
        step(gg.tensor(X), gg.tensor(Y))
    assert failure.value.layer == "2"


def test_infinities_that_are_meant_are_no_failure():
    w = gg.ones(4, requires_grad=True)

    @NativeCompiledStep
    def step(x):
        masked = gg.where(x > 0, x * w, float("-inf"))
        loss = -masked.log_softmax(0)[0]
        loss.backward()
        with gg.no_grad():
            w.copy_(w - 0.1)
        return loss

    assert np.isfinite(float(step(gg.tensor([1.0, -1.0, 2.0, 3.0]))))


def test_without_fused_multiply_add_the_readable_program_runs(monkeypatch):
    def no_host():
        return target.target_of("x86_64-unknown-linux-gnu", "old", {"avx2": True}, "")

    monkeypatch.setattr(native_backend, "host", no_host)
    monkeypatch.setattr(native_backend, "told_already", set())
    _, _, function = training()
    step = NativeCompiledStep(function)
    with pytest.warns(RuntimeWarning, match=r"old has no fma and no f16c.*runs by NumPy"):
        first = float(step(gg.tensor(X), gg.tensor(Y)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it is said once
        again = NativeCompiledStep(training()[2])
        assert float(again(gg.tensor(X), gg.tensor(Y))) == first


def test_a_graph_that_cannot_be_compiled_runs_readable(monkeypatch):
    def broken(graph):
        raise AssertionError("kernels wait for each other")

    monkeypatch.setattr(native_backend, "Native", broken)
    monkeypatch.setattr(native_backend, "told_already", set())
    step = NativeCompiledStep(lambda x: x + 1)
    with pytest.warns(RuntimeWarning, match="could not be compiled .*kernels wait"):
        np.testing.assert_array_equal(step(gg.ones(2)).value, [2, 2])


def test_targets_that_are_known():
    has = dict.fromkeys(("avx2", "fma", "f16c"), True)
    assert target.target_of("x86_64-apple-darwin", "a", has, "").registers == 16
    assert target.target_of("arm64-apple-darwin", "a", {}, "").bytes == 16
    with pytest.raises(target.NoTargetError, match="kind riscv64"):
        target.target_of("riscv64-unknown-linux-gnu", "a", {}, "")


# ---- what a call costs


def test_a_call_allocates_its_outputs_only():
    _, _, function = training()
    graph = CompiledStep(function).trace(gg.tensor(X), gg.tensor(Y)).graph()
    step = Native(graph)
    cells = [leaf.value for leaf in graph.cells.values()]
    hypers = [h.read() for h in graph.hypers]
    inputs = [X, Y]
    for _ in range(3):
        step(inputs, cells, hypers)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        outputs = step(inputs, cells, hypers)
        now, peak = tracemalloc.get_traced_memory()
        assert len(outputs) == 1
        assert now - before < 600, now - before  # an array of one number in a list
        assert peak - before < 2000, peak - before
        del outputs
        assert tracemalloc.get_traced_memory()[0] - before < 200
    finally:
        tracemalloc.stop()


def undefined(code):
    """Names that an object file of ELF needs from elsewhere."""
    (sections,) = struct.unpack_from("<Q", code, 40)
    size, count = struct.unpack_from("<HH", code, 58)
    heads = [struct.unpack_from("<IIQQQQIIQQ", code, sections + i * size) for i in range(count)]
    found = []
    for head in heads:
        if head[1] == 2:  # a table of symbols
            names = heads[head[6]][4]
            for at in range(head[4] + 24, head[4] + head[5], 24):
                name, _, _, section = struct.unpack_from("<IBBH", code, at)
                text = code[names + name : code.index(b"\0", names + name)].decode()
                found += [text] if section == 0 and text else []
    return found


def test_the_code_needs_nothing_and_has_no_fast_math():
    _, _, function = training()
    graph = CompiledStep(function).trace(gg.tensor(X), gg.tensor(Y)).graph()
    request = Request(graph, target.host(), PASSES)
    found = undefined(compiled(request).artifact.code)
    assert set(found) <= {"memset", "memcpy", "_GLOBAL_OFFSET_TABLE_"}, found
    code = [line for line in request.text.splitlines() if "=" in line]
    assert len(code) > 100
    assert not [line for line in code if re.search(FLAGS, line.split("@")[0])]


# ---- what can be looked at


def test_kernels_are_listed_and_timed_and_nothing_changes():
    net, _, function = training()
    step = NativeCompiledStep(function)
    with pytest.raises(RuntimeError, match="not been traced"):
        step.kernels()
    step(gg.tensor(X), gg.tensor(Y))
    before = [p.value.copy() for p in net.parameters()]
    listed, timed = step.kernels(), step.kernels(timed=True)
    lines = [line for line in listed.splitlines() if not line.startswith("#")]
    assert lines[0].split()[:3] == ["kernel", "loops", "computes"]
    assert "measured us" in timed and "all together" in timed
    assert any("contract, add, tanh" in line and "0.bias[j]" in line for line in lines)
    assert any("0.weight'[i, j] (5, 1)" in line for line in lines)
    assert len(timed.splitlines()) == len(listed.splitlines()) + 1
    for p, value in zip(net.parameters(), before):
        np.testing.assert_array_equal(p.value, value)
    assert step.llvm().count("define ") > 5
    assert "step:" in step.assembly()
    assert step.kernels() == listed


def test_an_operation_that_fails_leaves_everything_as_it_was():
    class Cube(gg.Operation):
        fails = False

        def forward(self, x):
            if self.fails:
                raise ValueError("no cube today")
            return x**3

        def gradient(self, g, y, x):
            return (3 * x * x * g,)

    w, b = gg.ones(3).requires_grad_(), gg.ones(3).requires_grad_()
    optimizer, cube = gg.optim.SGD([w, b], lr=0.1), Cube()

    @gg.compile
    def step(x):
        optimizer.zero_grad()
        loss = ((w * x) ** 2).sum() + (b * x).sum()
        loss.backward()
        optimizer.step()
        return cube(w.detach())

    np.testing.assert_allclose(step(gg.ones(3)), 0.8**3 * np.ones(3), rtol=1e-6)
    before = w.value.copy(), b.value.copy()
    Cube.fails = True
    with pytest.raises(ValueError, match="no cube today"):
        step(gg.ones(3))
    np.testing.assert_array_equal(w.value, before[0])
    np.testing.assert_array_equal(b.value, before[1])
