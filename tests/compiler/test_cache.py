"""Machine code that is known already: what finds it, what must not, and what goes wrong."""

import hashlib
import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from glassgrad.compiler import artifact, cache, plain, store
from glassgrad.compiler.cache import Request
from glassgrad.compiler.epoch import NativeEpoch, Source
from glassgrad.compiler.key import canonical, sources
from glassgrad.compiler.lower import lowered
from glassgrad.compiler.native import NativeStep
from glassgrad.compiler.rewrite import rewritten
from glassgrad.compiler.step import CompiledStep
from glassgrad.compiler.target import AVX2, host

PASSES = (lowered, rewritten)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache folder, and nothing known."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache.MEMORY.clear()
    return tmp_path / "glassgrad" / "code"


@pytest.fixture
def made(monkeypatch):
    """What was compiled, and not found."""
    found, original = [], cache.made
    monkeypatch.setattr(cache, "made", lambda request: found.append(request) or original(request))
    return found


def network_graph(units=8, lr=0.1, momentum=0.0, scale=2.0):
    gg.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, units), nn.Tanh(), nn.Linear(units, 3))
    optimizer = gg.optim.SGD(net.parameters(), lr=lr, momentum=momentum)

    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x) * scale, y)
        loss.backward()
        optimizer.step()
        return loss

    step = CompiledStep(step)
    return step.trace(gg.ones(4, 5), gg.tensor([0, 1, 2, 0])).graph()


def run(graph, **options):
    """The outputs and the cells after one step."""
    cells = [np.array(leaf.value) for leaf in graph.cells.values()]
    inputs = [np.arange(20, dtype=np.float32).reshape(4, 5) / 20, np.array([0, 1, 2, 0])]
    hypers = [h.read() for h in graph.hypers]
    return NativeStep(graph, passes=PASSES, **options)(inputs, cells, hypers) + cells


def key(graph, target=None, **options):
    return Request(graph, target or host(), PASSES, **options).key


def assert_same(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


# ---- what is found again


def test_the_second_time_nothing_is_compiled(folder, made):
    first = run(network_graph())
    again = run(network_graph())
    cache.MEMORY.clear()
    from_file = run(network_graph())
    assert len(made) == 1
    assert_same(again, first)
    assert_same(from_file, first)


def test_an_artifact_survives_its_bytes(folder):
    found = cache.compiled(Request(network_graph(), host(), PASSES)).artifact
    again = artifact.unpacked(artifact.packed(found))
    assert again.code == found.code and again.pointers == found.pointers
    for name in ("arena", "inputs", "cells", "hypers", "outputs", "written"):
        assert getattr(again, name) == getattr(found, name)
    for a, b in zip(again.tables, found.tables, strict=True):
        assert a.place == b.place and a.value.dtype == b.value.dtype
        np.testing.assert_array_equal(a.value, b.value)


def test_plain_data_survives_its_text():
    values = (1, True, None, "a", 0.1, float("inf"), -0.0, (1, (2,)), [3], slice(1, None, 2), ...)
    for value in (*values, np.dtype("float32"), {"a": 1, 2: (3,)}):
        assert repr(plain.value_of(plain.plain(value))) == repr(value)
    for value in (np.arange(3), np.float32(2), np.zeros((0, 2), np.uint8)):
        again = plain.value_of(plain.plain(value))
        assert type(again) is type(value) and again.dtype == value.dtype
        np.testing.assert_array_equal(again, value)
    with pytest.raises(plain.NotPlainError):
        plain.plain((object(),))


def test_calls_into_numpy_are_kept_too(folder, made):
    def graph():
        step = CompiledStep(lambda x: gg.linalg.det(x + 1) + 1)
        return step.trace(gg.eye(3)).graph()

    x = np.diag([1.0, 2.0, 3.0]).astype(np.float32)
    first = NativeStep(graph(), passes=PASSES)([x], [], [])
    cache.MEMORY.clear()
    again = NativeStep(graph(), passes=PASSES)([x], [], [])
    assert len(made) == 1
    assert_same(again, first)


def test_an_operation_of_the_users_own_is_compiled_each_time(folder, made):
    class Twice(gg.Operation):
        def forward(self, x):
            return x + x

        def gradient(self, g, y, x):
            return (g + g,)

    def graph():
        return CompiledStep(lambda x: Twice()(x) + 1).trace(gg.ones(3)).graph()

    for _ in range(2):
        (found,) = NativeStep(graph(), passes=PASSES)([np.ones(3, np.float32)], [], [])
        np.testing.assert_array_equal(found, [3, 3, 3])
    assert len(made) == 2
    assert not folder.exists()


def test_epochs_are_kept(folder, made):
    sources = [Source((8, 5), np.dtype(np.float32)), Source((8,), np.dtype(np.int64))]
    arrays = [np.linspace(-1, 1, 40, dtype=np.float32).reshape(8, 5), np.arange(8) % 3]
    found = []
    for _ in range(2):
        cache.MEMORY.clear()
        epoch = NativeEpoch(network_graph(), sources, passes=PASSES)
        beside = NativeEpoch(network_graph(), sources, beside=epoch, passes=PASSES)
        assert [p.offset for p in beside.artifact.cells] == [p.offset for p in epoch.artifact.cells]
        epoch.enter()
        losses, code = epoch.run(arrays, np.arange(8))
        assert code == 0
        found.append(losses)
    assert_same([found[0]], [found[1]])
    assert len(made) == 2  # the epoch and what is beside it


# ---- what the key depends on


def test_names_and_lines_do_not_reach_the_key():
    def one(features):
        return (features * 2).sum()

    def other(wild_name):
        # another line
        doubled = wild_name * 2
        return doubled.sum()

    graphs = [CompiledStep(f).trace(gg.ones(3)).graph() for f in (one, other)]
    assert graphs[0].names != graphs[1].names
    assert key(graphs[0]) == key(graphs[1])
    assert "features" not in Request(graphs[0], host(), PASSES).text


def test_what_changes_the_code_changes_the_key():
    base = key(network_graph())
    assert key(network_graph()) == base
    assert key(network_graph(lr=0.2)) == base  # it is read at each call
    others = [
        key(network_graph(units=9)),
        key(network_graph(momentum=0.9)),
        key(network_graph(scale=3.0)),
        key(network_graph(), resident=True),
        key(network_graph(), sources=(Source((8, 5), np.dtype(np.float32)),)),
        key(network_graph(), sources=(Source((8, 5), np.dtype(np.uint8)),)),
        key(network_graph(), AVX2._replace(cpu="another")),
        Request(network_graph(), host(), (lowered,)).key,
    ]
    assert len({base, *others}) == 1 + len(others)


def test_every_file_of_the_compiler_is_in_the_key():
    root = Path(gg.__file__).parent
    listed = sources(root)
    for folder in ("compiler", "operations", "tensors"):
        for file in (root / folder).rglob("*.py"):
            assert file.relative_to(root).as_posix() in listed


def test_tables_are_in_the_key_by_their_bytes():
    def keyed(rows):
        return canonical(CompiledStep(lambda x: x[rows]).trace(gg.ones(3)).graph())

    assert " table " in keyed([0, 2])
    assert keyed([0, 2]) == keyed([0, 2]) != keyed([2, 0])


# ---- files


def entry(folder):
    (file,) = folder.iterdir()
    return file


def test_only_the_user_may_read_it(folder):
    run(network_graph())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(entry(folder).stat().st_mode) == 0o600


def flipped(data):
    return data[:-1] + bytes([data[-1] ^ 1])


def checked(data):
    return store.MAGIC + hashlib.sha256(data).digest() + data


DAMAGE = {
    "empty": lambda data: b"",
    "truncated": lambda data: data[: len(data) // 2],
    "flipped": flipped,
    "of another version": lambda data: b"another" + data[7:],
    "senseless": lambda data: checked(b"\x02" + bytes(7) + b"[]"),
    "short": lambda data: checked(b""),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_is_made_again(folder, made, damage):
    expected = run(network_graph())
    file = entry(folder)
    whole = file.read_bytes()
    file.write_bytes(DAMAGE[damage](whole))
    cache.MEMORY.clear()
    assert_same(run(network_graph()), expected)
    assert len(made) == 2
    assert file.read_bytes() == whole


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners here")
def test_what_others_may_have_written_is_not_read(folder, made, monkeypatch):
    expected = run(network_graph())
    entry(folder).chmod(0o622)
    cache.MEMORY.clear()
    assert_same(run(network_graph()), expected)
    assert len(made) == 2
    assert stat.S_IMODE(entry(folder).stat().st_mode) == 0o600
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    cache.MEMORY.clear()
    assert_same(run(network_graph()), expected)
    assert len(made) == 3


def test_a_link_is_not_followed(folder, tmp_path):
    kept = store.Store(folder)
    kept.put("name", b"data")
    assert kept.get("name") == b"data"
    (folder / "name").rename(tmp_path / "elsewhere")
    (folder / "name").symlink_to(tmp_path / "elsewhere")
    assert kept.get("name") is None


def test_where_nothing_can_be_kept_steps_run_all_the_same(tmp_path, monkeypatch, made):
    (tmp_path / "file").write_text("no folder")
    expected = run(network_graph())
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(place))
        cache.MEMORY.clear()
        assert_same(run(network_graph()), expected)


def test_never_in_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for given in ("", "relative", "."):
        monkeypatch.setenv("XDG_CACHE_HOME", given)
        assert store.cache_folder() == tmp_path / "home" / ".cache" / "glassgrad" / "code"
    monkeypatch.setenv("HOME", "relative")
    assert store.cache_folder() is None


def test_what_was_not_used_longest_goes_first(tmp_path):
    kept = store.Store(tmp_path / "cache", limit=1000)
    for i in range(4):
        kept.put(f"{i}", bytes(200))
        os.utime(tmp_path / "cache" / f"{i}", ns=(i, i))
    assert kept.get("0") is not None  # it is used
    (tmp_path / "cache" / "x.part").write_bytes(b"")
    os.utime(tmp_path / "cache" / "x.part", (0, 0))
    kept.put("4", bytes(200))
    assert sorted(f.name for f in (tmp_path / "cache").iterdir()) == ["0", "2", "3", "4"]
    kept.put("large", bytes(2000))
    assert kept.get("large") is None


# ---- other processes

PROGRAM = """
import sys
import numpy as np
import glassgrad as gg
from glassgrad import nn
from glassgrad.compiler.native_backend import native
from glassgrad.compiler.step import CompiledStep

CompiledStep.backend = staticmethod(native)
gg.manual_seed(0)
net = nn.Sequential(nn.Linear(10, 33), nn.ReLU(), nn.Dropout(0.3), nn.Linear(33, 4))
optimizer = gg.optim.Adam(net.parameters(), lr=0.01)

@gg.compile
def step(x, y):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(net(x), y)
    loss.backward()
    optimizer.step()
    return loss

x = gg.tensor(np.linspace(-2, 3, 170, dtype=np.float32).reshape(17, 10))
y = gg.tensor(np.arange(17) % 4)
for _ in range(5):
    loss = step(x, y)
print([p.value.tobytes().hex() for p in net.parameters()], loss.value.tobytes().hex())
print("glassgrad.compiler.nest" in sys.modules)
"""


def processes(folder, count=1, seed="0"):
    """What the program prints, in several processes at once."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder), "PYTHONHASHSEED": seed}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(PROGRAM)], env=environment, text=True,
            stdout=subprocess.PIPE, cwd=folder,
        )
        for _ in range(count)
    ]  # fmt: skip
    found = [process.communicate(timeout=100)[0].splitlines() for process in started]
    assert all(process.returncode == 0 for process in started)
    return found


def test_the_loaded_code_gives_the_same_bits_and_plans_nothing(tmp_path):
    ((bits, planned),) = processes(tmp_path)
    ((again, not_planned),) = processes(tmp_path, seed="7")
    assert again == bits
    assert (planned, not_planned) == ("True", "False")


def test_the_same_code_is_made_in_every_process(tmp_path):
    files = []
    for seed in ("1", "2"):
        (tmp_path / seed).mkdir()
        processes(tmp_path / seed, seed=seed)
        (file,) = (tmp_path / seed / "glassgrad" / "code").iterdir()
        files.append((file.name, file.read_bytes()))
    assert files[0] == files[1]


def test_several_processes_at_once(tmp_path):
    found = processes(tmp_path, count=3)
    assert len({bits for bits, _ in found}) == 1
    assert len(list((tmp_path / "glassgrad" / "code").iterdir())) == 1
