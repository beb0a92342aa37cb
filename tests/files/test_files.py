"""Model files: what is saved comes back to the bit; what is no model file is said to be none."""

import io
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import files, nn
from glassgrad.files import FileError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def network():
    return nn.Sequential(nn.Linear(3, 4), nn.Identity(), nn.Linear(4, 2, bias=False))


def bits(tensor):
    return tensor.dtype, tensor.shape, np.ascontiguousarray(tensor.value).tobytes()


def same_state(first, second):
    first, second = first.state_dict(), second.state_dict()
    return list(first) == list(second) and all(bits(first[k]) == bits(second[k]) for k in first)


# ---- models


def test_a_model_comes_back_with_its_architecture(path):
    model = network()
    files.save(model, path)
    loaded = files.load(path)
    assert repr(loaded) == repr(model)
    assert same_state(loaded, model)
    x = gg.randn(5, 3)
    assert bits(loaded(x)) == bits(model(x))


def test_dtypes_modes_and_frozen_parameters_come_back(path):
    model = network().double().eval()
    model[0].requires_grad_(False)
    files.save(model, path)
    loaded = files.load(path)
    assert same_state(loaded, model)
    assert not loaded.training
    assert [p.requires_grad for p in loaded.parameters()] == [False, False, True]


def test_shared_weights_are_shared_again(path):
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model[1].weight = model[0].weight
    files.save(model, path)
    loaded = files.load(path)
    assert loaded[1].weight is loaded[0].weight
    assert loaded[1].bias is not loaded[0].bias
    assert same_state(loaded, model)


def test_a_module_that_stands_twice_does_so_again(path):
    layer = nn.Linear(3, 3)
    files.save(nn.Sequential(layer, nn.Identity(), layer), path)
    loaded = files.load(path)
    assert loaded[2] is loaded[0]


def test_loading_draws_no_random_numbers(path):
    files.save(network(), path)
    gg.manual_seed(1)
    expected = bits(gg.rand(3))
    gg.manual_seed(1)
    files.load(path)
    assert bits(gg.rand(3)) == expected


def test_equal_models_give_equal_files(path):
    model = network()
    files.save(model, path, metadata={"b": 1, "a": {"c": [1.5, None, "é"]}})
    first = path.read_bytes()
    files.save(files.load(path), path, metadata={"b": 1, "a": {"c": [1.5, None, "é"]}})
    assert path.read_bytes() == first


class Net(nn.Module):
    def __init__(self):
        self.hidden, self.output = nn.Linear(3, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.output(self.hidden(x).relu())


def test_a_users_class_is_restored_into_a_model(path):
    model = Net()
    files.save(model, path)
    other = Net()
    assert files.load(path, into=other) is other
    assert same_state(other, model)


@pytest.mark.parametrize(
    "model, says",
    [
        (Net(), "a Net with the state of classes of your own: Net; make the model"),
        (nn.Sequential(nn.Linear(2, 3), Net()), "classes of your own: 1 (Net); make the model"),
    ],
)
def test_a_users_class_without_a_model_to_load_into_is_said(path, model, says):
    files.save(model, path)
    with pytest.raises(FileError) as raised:
        files.load(path)
    assert says in str(raised.value)
    assert "into=" in str(raised.value)
    assert "import" not in json.dumps(files.description(path))
    assert __name__ not in json.dumps(files.description(path))


def test_layers_that_were_changed_load_into_such_a_model(path):
    model, other = network(), network()
    for changed in (model, other):
        changed[0].bias = None
        changed[2].weight = nn.Parameter(gg.randn(5, 4))
    files.save(model, path)
    with pytest.raises(FileError, match=r"0.bias in it does not fit .* into=model\)"):
        files.load(path)
    assert same_state(files.load(path, into=other), model)


def test_arguments_of_pytorch_programs_are_accepted(path):
    model = network()
    files.save(model.state_dict(), path)
    for where in ("cpu", gg.device("cpu"), {"cuda:0": "cpu"}, lambda storage, place: storage):
        other = network()
        other.load_state_dict(files.load(path, where, weights_only=True))
        assert same_state(other, model)
    with pytest.raises(RuntimeError, match="there is no device 'cuda'"):
        files.load(path, map_location="cuda")


def test_another_model_to_load_into_is_refused_and_left_alone(path):
    files.save(network(), path)
    other = nn.Sequential(nn.Linear(3, 5))
    before = {k: bits(v) for k, v in other.state_dict().items()}
    with pytest.raises(RuntimeError, match="size mismatch for 0.weight"):
        files.load(path, into=other)
    assert {k: bits(v) for k, v in other.state_dict().items()} == before


def test_a_checkpoint_gives_a_model_its_weights_and_an_optimizer_its_state(path):
    model, other = network(), network()
    optimizer = gg.optim.SGD(model.parameters(), lr=0.5)
    state = {"epoch": 3, "model": model.state_dict(), "optimizer": optimizer.state_dict()}
    files.save(state, path)
    assert files.load(path, into=other) is other
    assert same_state(other, model)
    fresh = files.load(path, into=gg.optim.SGD(other.parameters(), lr=0.1))
    assert fresh.param_groups[0]["lr"] == 0.5


def test_a_dict_with_a_state_in_it_says_how_to_take_it(path):
    files.save({"net": network().state_dict(), "epoch": 3}, path)
    with pytest.raises(FileError, match=r"model\.load_state_dict\(gg\.load\('.*'\)\['net'\]\)"):
        files.load(path, into=network())


def test_metadata_stands_beside_the_model(path):
    given = {"task": "multi-class", "labels": ["a", "ü"], "scaling": {"mean": [0.1, -3e300]}}
    files.save(network(), path, metadata=given)
    assert files.metadata(path) == given
    assert files.description(path)["class"] == "Sequential"
    files.save(network(), path)
    assert files.metadata(path) == {}


# ---- dicts


VALUES = {
    "float64": gg.tensor([0.1, -2.0], dtype=gg.float64),
    "float16": gg.tensor([0.1], dtype=gg.float16),
    "int64": gg.tensor([[2**62, -1]]),
    "uint8": gg.tensor([255], dtype=gg.uint8),
    "bool": gg.tensor([True, False]),
    "no axes": gg.tensor(3.5),
    "empty": gg.zeros(0, 4),
    "NaN": gg.tensor([float("nan"), float("inf")]),
    "transposed": gg.arange(6).reshape(2, 3).T,
    "strided": gg.arange(10)[::3],
    "größe, 大きさ": gg.tensor([1.0]),
    "": gg.tensor([2.0]),
    "__metadata__": gg.tensor([3.0]),
    "requires grad": gg.tensor([1.0], requires_grad=True),
}


def test_tensors_of_every_kind_come_back(path):
    files.save(VALUES, path)
    loaded = files.load(path)
    assert list(loaded) == list(VALUES)
    assert {k: bits(v) for k, v in loaded.items()} == {k: bits(v) for k, v in VALUES.items()}
    assert not any(v.requires_grad for v in loaded.values())
    loaded["strided"][0] = 7  # they can be written
    assert loaded["strided"].tolist() == [7, 3, 6, 9]


@pytest.mark.parametrize(
    "value",
    [
        {"n": 1, "x": 0.1, "big": 2**80, "small": 5e-324, "t": True, "none": None, "s": "é\n\"'"},
        {"inf": [float("inf"), -float("inf")], "nested": {"a": [1, (2, [3])], "b": {}, "c": ()}},
        {0: "a number", 1.5: "another", True: "a truth value", None: "none", "0": "a text"},
        {"tensor": {"float": {"dict": [{"list": 1}]}}},  # words that the layout uses itself
        [1, 2, 3],
        "a text",
        {},
    ],
)
def test_numbers_texts_and_containers_come_back(path, value):
    files.save(value, path)
    loaded = files.load(path)
    assert loaded == value
    assert repr(loaded) == repr(value)


def test_nested_tensors_are_named_by_their_path(path):
    files.save(
        {
            "optimizer": {"state": {0: {"m": gg.ones(2)}}},
            "a.b": gg.ones(1),
            "a": {"b": gg.zeros(1)},
        },
        path,
    )
    from safetensors.numpy import load_file

    assert sorted(load_file(path)) == ["a.b", "a.b'", "optimizer.state.0.m"]
    loaded = files.load(path)
    assert (loaded["a.b"].item(), loaded["a"]["b"].item()) == (1.0, 0.0)


def test_one_tensor_under_two_names_is_one_again(path):
    x = gg.ones(2)
    files.save({"a": x, "b": [x, gg.ones(2)]}, path)
    loaded = files.load(path)
    assert loaded["b"][0] is loaded["a"]
    assert loaded["b"][1] is not loaded["a"]


def test_arrays_and_their_numbers_are_taken_too(path):
    files.save({"a": np.array([1, 2], ">i4"), "n": np.float32(0.5), "k": np.int64(3)}, path)
    loaded = files.load(path)
    assert loaded["a"].tolist() == [1, 2]
    assert (loaded["n"], loaded["k"]) == (0.5, 3)


def test_streams_are_written_and_read():
    stream = io.BytesIO()
    files.save({"a": gg.ones(2)}, stream, metadata={"k": 1})
    assert files.metadata(io.BytesIO(stream.getvalue())) == {"k": 1}
    assert files.load(io.BytesIO(stream.getvalue()))["a"].tolist() == [1.0, 1.0]


loop = {}
loop["loop"] = loop


@pytest.mark.parametrize(
    "value, says",
    [
        ({"f": print}, "f is a builtin_function_or_method"),
        ({"a": {"b": [1, {2}]}}, "a.b.1 is a set"),
        ({"z": np.array([1j])}, "complex128"),
        ({"s": np.array(["a"])}, "<U1"),
        ({(1, 2): 3}, "a key of the dict is a tuple"),
        (loop, "loop contains itself"),
    ],
)
def test_what_cannot_be_saved_is_said_and_nothing_is_written(path, value, says):
    path.write_text("what was there")
    with pytest.raises(TypeError) as raised:
        files.save(value, path)
    assert says in str(raised.value)
    assert path.read_text() == "what was there"
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("metadata", [{"x": float("nan")}, {"x": print}, [1]])
def test_metadata_that_json_cannot_hold_is_refused(path, metadata):
    with pytest.raises(TypeError, match="metadata is"):
        files.save({}, path, metadata=metadata)
    assert not path.exists()


# ---- files that others wrote


def test_a_state_dict_of_pytorch_loads(path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    theirs = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.Identity(), torch.nn.Linear(4, 2, bias=False)
    )
    save_file(theirs.state_dict(), path, metadata={"format": "pt"})
    assert files.metadata(path) == {"format": "pt"}
    assert set(files.load(path)) == set(theirs.state_dict())
    ours = files.load(path, into=network())
    x = np.ones((2, 3), np.float32)
    np.testing.assert_allclose(
        ours(gg.from_numpy(x)).detach().numpy(), theirs(torch.from_numpy(x)).detach().numpy(), 1e-6
    )
    with pytest.raises(FileError, match="was not written by gg.save"):
        files.description(path)


def test_pytorch_reads_our_files(path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    model = network()
    files.save(model, path, metadata={"k": 1})
    theirs = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.Identity(), torch.nn.Linear(4, 2, bias=False)
    )
    theirs.load_state_dict(load_file(path))
    assert theirs[0].weight.tolist() == model[0].weight.tolist()


def test_weights_that_pytorch_saved_once_stand_under_both_names(path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_model

    theirs = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Linear(3, 3))
    theirs[1].weight = theirs[0].weight
    save_model(theirs, path)
    loaded = files.load(path, into=nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)))
    assert loaded[0].weight.tolist() == loaded[1].weight.tolist() == theirs[0].weight.tolist()


def test_bfloat16_becomes_float32_and_other_types_are_named(path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    values = torch.tensor([1.0, -2.5, 3.140625, float("inf")])
    save_file({"w": values.bfloat16().reshape(2, 2)}, path)
    loaded = files.load(path)["w"]
    assert (loaded.dtype, loaded.tolist()) == (gg.float32, values.reshape(2, 2).tolist())
    save_file({"w": values.to(torch.complex64)}, path)
    with pytest.raises(FileError, match="w has elements of type C64"):
        files.load(path)


# ---- bad files


def container(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype, shape, *offsets):
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def note(**facts):
    facts = {"version": 1, "kind": "values", "values": {"dict": []}, **facts}
    return container({"__metadata__": {"glassgrad": json.dumps(facts)}})


LINEAR = {"class": "Linear", "arguments": {"in_features": 3, "out_features": 2}}
BAD = {
    "empty": (b"", "is empty"),
    "text": (b"a,b\n1,2\n3,4\n5,6\n", "is not a model file: glassgrad reads safetensors"),
    "short": (b"{}", "is not a model file"),
    "zip": (b"PK\x03\x04" + bytes(100), "is a zip archive, as torch.save and numpy.savez write"),
    "pickle": (b"\x80\x04\x95" + bytes(100), "is a pickle, not a model file"),
    "parquet": (b"PAR1" + bytes(100), "is a Parquet table"),
    "huge header": (struct.pack("<Q", 2**62) + b"{" + bytes(100), "is not a model file"),
    "header cut": (struct.pack("<Q", 500) + b"{" + bytes(100), "is truncated: the header has 500"),
    "no JSON": (container(b"{not json}"), "is corrupt: its header cannot be read"),
    "deep JSON": (container(b'{"a":' * 100_000 + b"}"), "is corrupt: its header cannot be read"),
    "list": (container(b"{}"[:1] + b"]"), "is corrupt: its header cannot be read"),
    "cut": (container({"a": entry("F32", [4], 0, 16)}, bytes(8)), "is truncated: it should have"),
    "tail": (container({"a": entry("F32", [2], 0, 8)}, bytes(16)), "is corrupt: "),
    "shape": (container({"a": entry("F32", [2**40], 0, 8)}, bytes(8)), "is corrupt: "),
    "overflow": (container({"a": entry("F32", [2**40, 2**40], 0, 8)}, bytes(8)), "is corrupt: "),
    "negative": (container({"a": entry("F32", [-2], 0, 8)}, bytes(8)), "is corrupt: "),
    "dtype": (container({"a": entry("PY", [2], 0, 8)}, bytes(8)), "is corrupt: "),
    "overlap": (
        container({"a": entry("F32", [2], 0, 8), "b": entry("F32", [2], 0, 8)}, bytes(8)),
        "is corrupt: ",
    ),
    "note no JSON": (container({"__metadata__": {"glassgrad": "{"}}), "its description is no JSON"),
    "note a list": (container({"__metadata__": {"glassgrad": "[]"}}), "its description lacks"),
    "note a number": (container({"__metadata__": {"glassgrad": 1}}), "is corrupt: "),
    "newer": (
        note(version=2),
        "was written by a newer glassgrad (layout 2; this one reads up to 1)",
    ),
    "kind": (note(kind="program"), "its description lacks what gg.save writes"),
    "no such tensor": (note(values={"tensor": "x"}), "is corrupt: {'tensor': 'x'} is no value"),
    "unhashable": (note(values={"tensor": []}), "is corrupt: "),
    "strange value": (note(values={"eval": "1"}), "is corrupt: {'eval': '1'} is no value"),
    "bad dict": (note(values={"dict": [1]}), "is corrupt: "),
    "metadata": (note(metadata=[]), "its metadata is no dict"),
    "no state": (note(kind="model", architecture=LINEAR), "weight in it does not fit the layers"),
    "no architecture": (note(kind="model"), "the model in it cannot be built"),
    "arguments": (
        note(kind="model", architecture={"class": "Linear", "arguments": {"in": 3}}),
        "the model in it cannot be built",
    ),
    "huge layer": (
        note(
            kind="model",
            architecture={
                "class": "Linear",
                "arguments": {"in_features": 10**6, "out_features": 10**6},
            },
        ),
        "cannot be built (a tensor of 1,000,000,000,000 elements is more than there is room for)",
    ),
    "no layer": (
        note(kind="model", **{"class": "os.system", "architecture": {"class": "os.system"}}),
        "holds a os.system with the state of classes of your own",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_said_to_be_one_in_one_line(path, kind):
    content, says = BAD[kind]
    path.write_bytes(content)
    with pytest.raises(FileError) as raised:
        files.load(path)
    message = str(raised.value)
    assert message.startswith(str(path))
    assert says in message
    assert "\n" not in message


def test_every_cut_of_a_file_is_noticed(path):
    files.save(network(), path, metadata={"k": 1})
    content = path.read_bytes()
    for length in (0, 1, 7, 8, 9, 50, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        for function in (files.load, files.metadata):
            with pytest.raises(FileError):
                function(path)


def test_no_changed_byte_does_anything_but_load_or_raise_a_file_error(path):
    files.save(network(), path, metadata={"k": 1})
    content = bytearray(path.read_bytes())
    random = np.random.default_rng(0)
    for place in random.integers(0, content.index(b"}}}") + 3, 300):
        changed = (
            bytes(content[:place]) + bytes([random.integers(256)]) + bytes(content[place + 1 :])
        )
        path.write_bytes(changed)
        error = error_of(path)
        assert error is None or issubclass(error, FileError)


def error_of(path):
    try:
        files.load(path)
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("function", [files.load, files.metadata, files.description])
def test_a_missing_file_and_a_folder_are_said(tmp_path, function):
    with pytest.raises(FileError, match="there is no file .*nothing.safetensors") as raised:
        function(tmp_path / "nothing.safetensors")
    assert isinstance(raised.value, FileNotFoundError)
    with pytest.raises(FileError, match="is a folder"):
        function(tmp_path)


# ---- writing


def test_a_missing_folder_and_a_folder_as_name_are_said(tmp_path):
    with pytest.raises(FileError, match="there is no folder .*results"):
        files.save({}, tmp_path / "results" / "model.safetensors")
    with pytest.raises(FileError, match="is a folder; give the name of a file"):
        files.save({}, tmp_path)


def test_a_folder_without_the_right_to_write_is_said(path, monkeypatch):
    def denied(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(FileError, match="model.safetensors cannot be written: permission denied"):
        files.save({}, path)


def test_a_write_that_fails_leaves_the_old_file(path, monkeypatch):
    files.save({"a": 1}, path)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match="cannot be written: no space left on device"):
        files.save({"a": 2}, path)
    assert files.load(path) == {"a": 1}
    assert os.listdir(path.parent) == [path.name]


def test_an_error_while_writing_leaves_the_old_file(path):
    path.write_text("old")

    def write_half():
        with files.replacing(path) as stream:
            stream.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_text() == "old"
    assert os.listdir(path.parent) == [path.name]


def test_a_killed_process_leaves_the_old_file(path):
    files.save({"a": 1}, path)
    program = (
        "import os, sys; from glassgrad.files import replacing\n"
        "with replacing(sys.argv[1]) as stream:\n"
        "    stream.write(b'half'); stream.flush(); os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", program, str(path)]).returncode == 9
    assert files.load(path) == {"a": 1}


@pytest.mark.skipif(os.name != "posix", reason="links and modes are POSIX's")
def test_links_and_modes_stay(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    files.save({"a": 1}, real)
    assert real.stat().st_mode & 0o777 == 0o666 & ~current_umask()
    real.chmod(0o640)
    link.symlink_to(real)
    files.save({"a": 2}, link)
    assert link.is_symlink()
    assert files.load(real) == {"a": 2}
    assert real.stat().st_mode & 0o777 == 0o640


def current_umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_names_may_be_texts_and_long(tmp_path):
    name = str(tmp_path / ("ö" * 100 + ".safetensors"))
    files.save({"a": 1}, name)
    assert files.load(name) == {"a": 1}
    assert Path(name).exists()
