"""`gg.export`: files that stand alone, the same bits as `gg.predict`, and errors in words."""

import ctypes
import re
import struct
import subprocess
import threading

import numpy as np
import pytest

import glassgrad as gg
from compiled_c import COMPILER, FLAGS, call, library, needs_compiler
from glassgrad import nn
from glassgrad.compiler.machine import Library, object_code
from glassgrad.compiler.rows import NativeRows
from glassgrad.compiler.target import host
from glassgrad.exporter import ExportError
from glassgrad.files import FileError
from glassgrad.training.forward import PASSES, Way, forward_of, traced
from glassgrad.training.predict import in_use


def dense():
    return nn.Sequential(
        nn.Standardize(30), nn.Linear(30, 50), nn.GELU(), nn.Linear(50, 17), nn.LayerNorm(17),
        nn.Tanh(), nn.Dropout(0.5), nn.Linear(17, 5), nn.Softmax(1),
    )  # fmt: skip


def pictures():
    return nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(96, 5),
    )  # fmt: skip


def words():
    return nn.Sequential(nn.Embedding(20, 6), nn.Flatten(), nn.Linear(24, 3))


class Two(nn.Module):
    """A model of two inputs."""

    def __init__(self):
        self.left, self.right = nn.Linear(3, 4), nn.Linear(5, 4)

    def forward(self, x, z):
        return (self.left(x) * self.right(z)).sum(1, keepdim=True).sigmoid()


MODELS = {  # the shape of a row, and dtypes
    dense: (30, "f"), pictures: ((2, 8, 8), "f"), words: (4, "i8"), Two: ([3, 5], "f"),
}  # fmt: skip


def made(make, count=7):
    """A model, the shape of its inputs, and rows for it."""
    gg.manual_seed(1)
    model, (shape, kind) = make(), MODELS[make]
    for buffer in model.buffers():
        buffer.value[...] = np.random.default_rng(2).uniform(0.5, 2, buffer.shape)
    random = np.random.default_rng(0)
    sizes = [(count, *((s,) if isinstance(s, int) else s)) for s in
             (shape if isinstance(shape, list) else [shape])]  # fmt: skip
    if kind == "i8":
        return model, shape, [random.integers(0, 20, s) for s in sizes]
    return model, shape, [random.normal(size=s).astype(kind) for s in sizes]


def expected(model, inputs):
    """What `gg.predict` gives, by its code for one row: rows have the same bits in any batch."""
    types = tuple((x.shape[1:], x.dtype) for x in inputs)
    with in_use(model):
        entry = traced(model, types, 1)
    code, (y,) = NativeRows(entry.graph, passes=PASSES), entry.graph.outputs
    found = np.empty((len(inputs[0]), *y.shape[1:]), y.dtype)
    code.run(inputs, [leaf.value for leaf in entry.graph.cells.values()], found)
    if isinstance(forward_of(model).way(model, types), Way):
        predicted = gg.predict(model, tuple(inputs) if len(inputs) > 1 else inputs[0])
        assert predicted.tobytes() == found.tobytes()
    return found


def by_object(path, name):
    """The functions of an object file."""
    loaded = Library(path.read_bytes(), host())

    def run(inputs, output, n):
        kinds = [*[ctypes.c_void_p] * (len(inputs) + 1), ctypes.c_size_t]
        function = loaded.function(f"{name}_predict_rows", ctypes.c_int, *kinds)
        return call(function, inputs, output, n)

    return run


@pytest.mark.parametrize("make", MODELS, ids=lambda m: m.__name__)
def test_object_files_give_the_bits_of_predict(make, tmp_path):
    model, shape, inputs = made(make)
    gg.export(model, tmp_path / "net.o", shape)
    right = expected(model, inputs)
    found = np.empty_like(right)
    assert by_object(tmp_path / "net.o", "net")(inputs, found, len(right)) == 0
    assert found.tobytes() == right.tobytes()
    text = tmp_path / "net.ll"
    gg.export(model, text, shape)
    (tmp_path / "again.o").write_bytes(object_code(text.read_text(), host()))
    again = np.empty_like(right)
    assert by_object(tmp_path / "again.o", "net")(inputs, again, len(right)) == 0
    assert again.tobytes() == right.tobytes()


@needs_compiler
@pytest.mark.parametrize("make", MODELS, ids=lambda m: m.__name__)
@pytest.mark.parametrize("flags", [("-O3", "-march=native"), ("-O1",), ("-O1", "-DNET_PLAIN")])
def test_c_gives_the_same_bits(make, flags, tmp_path):
    model, shape, inputs = made(make)
    gg.export(model, tmp_path / "net.c", shape)
    right = expected(model, inputs)
    rows, one = np.empty_like(right), np.empty_like(right[:1])
    compiled = library(tmp_path, tmp_path / "net.c", *flags)
    assert call(compiled.net_predict_rows, inputs, rows, len(right)) == 0
    assert call(compiled.net_predict, [x[:1] for x in inputs], one) == 0
    assert rows.tobytes() == right.tobytes() and one.tobytes() == right[:1].tobytes()


@needs_compiler
def test_contraction_is_off_in_the_file_itself(tmp_path):
    model, shape, inputs = made(dense)
    gg.export(model, tmp_path / "net.c", shape)
    command = [COMPILER, "-O3", "-march=native", "-fPIC", "-shared", "-w"]
    subprocess.run([*command, str(tmp_path / "net.c"), "-o", str(tmp_path / "net.so"), "-lm"])
    right = expected(model, inputs)
    found = np.empty_like(right)
    call(ctypes.CDLL(str(tmp_path / "net.so")).net_predict_rows, inputs, found, len(right))
    assert found.tobytes() == right.tobytes()
    command.insert(1, "-ffast-math")
    done = subprocess.run([*command, str(tmp_path / "net.c"), "-o", str(tmp_path / "f.so")],
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode and "fast-math" in done.stderr


# ---- object files need nothing


def elf(data):
    """(sections' (name, flags, size), undefined symbols, global symbols) of an object file."""
    (start,) = struct.unpack_from("<Q", data, 0x28)
    size, count, names = struct.unpack_from("<HHH", data, 0x3A)
    heads = [struct.unpack_from("<IIQQQQIIQQ", data, start + i * size) for i in range(count)]

    def text(section, at):
        begin = heads[section][4] + at
        return data[begin : data.index(b"\0", begin)].decode()

    sections = [(text(names, h[0]), h[2], h[5]) for h in heads]
    undefined, visible = [], []
    for head in (h for h in heads if h[1] == 2):
        for i in range(1, head[5] // 24):
            name, info, _, where, *_ = struct.unpack_from("<IBBHQQ", data, head[4] + 24 * i)
            if where == 0:
                undefined.append(text(head[6], name))
            elif info >> 4:
                visible.append(text(head[6], name))
    return sections, undefined, visible


@pytest.mark.parametrize("cpu", ["native", "x86-64-v3", "x86-64-v4", "aarch64"])
@pytest.mark.parametrize("make", MODELS, ids=lambda m: m.__name__)
def test_no_symbol_is_undefined_and_no_data_is_written(make, cpu, tmp_path):
    if cpu == "native" and "linux" not in host().triple:
        pytest.skip("object files of this machine are of another format")
    model, shape, _ = made(make)
    gg.export(model, tmp_path / "net.o", shape, cpu=cpu)
    sections, undefined, visible = elf((tmp_path / "net.o").read_bytes())
    assert undefined == []
    assert sorted(visible) == ["net_predict", "net_predict_rows"]
    writable = [name for name, flags, size in sections if flags & 1 and size]
    assert [w for w in writable if not w.startswith(".data.rel.ro")] == []


def test_threads_call_it_at_once(tmp_path):
    model, shape, inputs = made(dense, 500)
    gg.export(model, tmp_path / "net.o", shape)
    right, function = expected(model, inputs), by_object(tmp_path / "net.o", "net")
    found = [np.empty_like(right) for _ in range(4)]
    threads = [threading.Thread(target=function, args=(inputs, y, len(right))) for y in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(y.tobytes() == right.tobytes() for y in found)


# ---- the header


def test_header_says_what_goes_in_and_out(tmp_path):
    model, _, _ = made(dense)
    gg.export(model, tmp_path / "net.c", classes=["ash", "b*/d", "cédar", "oak", "yew"])
    text = (tmp_path / "net.h").read_text("ascii")
    comment = text[: text.index("#ifndef")]
    assert comment.count("*/") == 1
    parts = [
        "Standardize(30)", "x: 30 numbers of type float", "y[0] is the score of class ash",
        "y[1] is the score of class b* /d", "bytes of stack", "-ffp-contract=off",
    ]  # fmt: skip
    for part in parts:
        assert part in " ".join(comment.split()), part
    assert "#define NET_Y_SIZE 5" in text and 'extern "C"' in text


@needs_compiler
def test_the_example_in_the_header_runs(tmp_path):
    model, _, _ = made(dense)
    gg.export(model, tmp_path / "net.c")
    gg.export(model, tmp_path / "obj.o", name="other")
    for file, name in (("net.c", "net"), ("obj.o", "other")):
        comment = (tmp_path / file).with_suffix(".h").read_text()
        program = re.findall(r"^ \*     (?! )?(.*)$", comment[comment.index("A program") :], re.M)
        (tmp_path / "main.c").write_text("\n".join(program) + "\n")
        command = [COMPILER, *FLAGS[:4], "main.c", file, "-o", "main", "-lm"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        said = subprocess.run(["./main"], cwd=tmp_path, capture_output=True, text=True).stdout
        zeros = expected(model, [np.zeros((1, 30), "f")])
        assert float(said) == pytest.approx(zeros[0, 0], rel=1e-4), name


def test_a_check_that_fails_is_a_code(tmp_path):
    model, shape, inputs = made(words)
    gg.export(model, tmp_path / "net.o", shape)
    inputs[0][3, 2] = 20
    found = np.full((7, 3), 5, "f")
    code = by_object(tmp_path / "net.o", "net")(inputs, found, 7)
    assert code >= 2 and (found[4:] == 5).all()
    assert f" {code}: embedding" in (tmp_path / "net.h").read_text()


# ---- what cannot be


class Wild(nn.Module):
    """It draws random numbers in eval mode, counts its calls, or asks for a value."""

    def __init__(self, how):
        self.how, self.calls, self.layer = how, 0, nn.Linear(2, 2)

    def forward(self, x):
        if self.how == "draws":
            return self.layer(x) + gg.rand(2)
        if self.how == "numpy":
            return self.layer(x) * float(np.random.rand())
        if self.how == "counts":
            self.calls += 1
        if self.how == "asks" and self.layer(x).sum() > 0:
            return x
        if self.how == "sums":
            return self.layer(x).sum()
        if self.how == "same":
            return x
        return (x, self.layer(x)) if self.how == "two" else self.layer(x)


@pytest.mark.parametrize(
    "how, says",
    [
        ("draws", "random"), ("numpy", "random"), ("counts", "more than give one tensor"),
        ("asks", "value"), ("sums", "no axis of rows"), ("two", "one tensor"),
        ("same", "one tensor"),
    ],
)  # fmt: skip
def test_models_that_no_function_can_be(how, says, tmp_path):
    with pytest.raises(ExportError, match=says):
        gg.export(Wild(how), tmp_path / "net.c", 2)
    assert list(tmp_path.iterdir()) == []


def test_operations_that_numpy_computes_are_named(tmp_path):
    class Sums(nn.Module):
        def forward(self, x):
            return x.cumsum(1)

    with pytest.raises(ExportError, match="cumsum is computed by NumPy"):
        gg.export(Sums(), tmp_path / "net.c", 2)


def test_wrong_arguments(tmp_path):
    model, path = nn.Linear(3, 2), tmp_path / "net.c"
    with pytest.raises(ValueError, match=r"ends in \.txt"):
        gg.export(model, tmp_path / "net.txt", 3)
    with pytest.raises(ValueError, match="name="):
        gg.export(model, tmp_path / "my-net.c", 3)
    with pytest.raises(ValueError, match="name="):
        gg.export(model, path, 3, name="1st")
    with pytest.raises(ValueError, match="cpu is native"):
        gg.export(model, path, 3, cpu="z80")
    with pytest.raises(FileError, match="no folder"):
        gg.export(model, tmp_path / "missing" / "net.c", 3)
    with pytest.raises(gg.ShapeError):
        gg.export(model, path, 4)
    with pytest.raises(ValueError, match="what a row of inputs is"):
        gg.export(nn.Conv2d(1, 1, 1), path)
    with pytest.raises(TypeError, match="model is a module"):
        gg.export(lambda x: x, path, 3)
    with pytest.raises(ExportError, match="3 classes"):
        gg.export(model, path, 3, classes=["a", "b", "c"])
    assert list(tmp_path.iterdir()) == []


def test_files_of_others_stay(tmp_path):
    model = nn.Linear(3, 2)
    (tmp_path / "net.h").write_text("/* my own */\n")
    with pytest.raises(FileError, match="not written by export"):
        gg.export(model, tmp_path / "net.c")
    assert [p.name for p in tmp_path.iterdir()] == ["net.h"]
    gg.export(model, tmp_path / "net.c", overwrite=True)
    gg.export(model, tmp_path / "net.c")  # its own files it replaces
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.c", "net.h"]


def test_modes_and_state_are_left_alone(tmp_path):
    model, _, _ = made(dense)
    model.train()
    model[1].eval()
    state = gg.get_rng_state().numpy().copy()
    gg.export(model, tmp_path / "net.c")
    assert [m.training for m in model] == [True, False, *[True] * 7]
    assert (gg.get_rng_state().numpy() == state).all()


def test_rows_that_depend_on_each_other_are_refused(tmp_path):
    class Centred(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(4, 2)

        def forward(self, x):
            y = self.linear(x)
            return y - y.mean(0)

    with pytest.raises(ExportError, match="other rows of the batch"):
        gg.export(Centred(), tmp_path / "centred.c", 4)
    assert list(tmp_path.iterdir()) == []
