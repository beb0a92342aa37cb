"""ParameterList and ParameterDict: the same manipulations here and in PyTorch."""

from collections import OrderedDict

import pytest

import glassgrad as gg
import glassgrad.nn


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def listed(library):
    return library.nn.ParameterList([library.ones(n) for n in (1, 2, 3)])


def named(library):
    return library.nn.ParameterDict({"a": library.ones(1), "b": library.ones(2, 3)})


def after(change):
    def run(library):
        m = listed(library) if change.__code__.co_varnames[0] == "items" else named(library)
        change(m, library)
        return m

    return run


RESULTS = {
    "list": listed,
    "empty": lambda library: library.nn.ParameterList(),
    "one": lambda library: library.nn.ParameterList([library.ones(2)]),
    "other things": lambda library: library.nn.ParameterList([3, library.ones(1), "text"]),
    "slice": lambda library: listed(library)[1:],
    "append": after(lambda items, library: items.append(library.ones(4))),
    "extend": after(lambda items, library: items.extend([library.ones(4), 5])),
    "add": after(lambda items, library: items.__iadd__([library.ones(4)])),
    "replace": after(lambda items, library: items.__setitem__(-1, library.ones(7))),
    "dict": named,
    "empty dict": lambda library: library.nn.ParameterDict(),
    "dict out of order": lambda library: library.nn.ParameterDict({"b": 1, "a": 2}),
    "ordered dict": lambda library: library.nn.ParameterDict(OrderedDict(b=1, a=2)),
    "pairs": lambda library: library.nn.ParameterDict([("x", library.ones(1)), ("a", 3)]),
    "set": after(lambda named, library: named.__setitem__("c", library.ones(4))),
    "delete": after(lambda named, library: named.__delitem__("a")),
    "pop": after(lambda named, library: named.pop("a")),
    "popitem": after(lambda named, library: named.popitem()),
    "clear": after(lambda named, library: named.clear()),
    "update": after(lambda named, library: named.update({"a": library.ones(9)})),
    "setdefault": after(lambda named, library: named.setdefault("c", library.ones(9))),
    "setdefault of what is there": after(lambda named, library: named.setdefault("a", 1)),
    "join": lambda library: named(library) | library.nn.ParameterDict({"z": library.ones(1)}),
    "join in place": after(lambda named, library: named.__ior__({"z": library.ones(1)})),
    "copy": lambda library: named(library).copy(),
    "fromkeys": lambda library: named(library).fromkeys("xy", library.ones(1)),
}


@pytest.mark.parametrize("make", RESULTS.values(), ids=RESULTS)
def test_results_against_pytorch(make, torch):
    ours, theirs = make(gg), make(torch)
    said = repr(theirs).replace("torch.FloatTensor", "float32").replace("torch.float32", "float32")
    assert repr(ours) == said
    assert len(ours) == len(theirs)
    shapes = [[(n, tuple(p.shape)) for n, p in m.named_parameters()] for m in (ours, theirs)]
    assert shapes[0] == shapes[1]


def test_reading():
    items, named_ones = listed(gg), named(gg)
    assert [len(p) for p in items] == [1, 2, 3]
    assert items[-1] is items[2]
    assert (list(named_ones), list(reversed(named_ones))) == (["a", "b"], ["b", "a"])
    assert [k for k, _ in named_ones.items()] == list(named_ones.keys())
    assert next(named_ones.values()) is named_ones["a"]
    assert (named_ones.get("q"), named_ones.get("a")) == (None, named_ones["a"])
    assert "a" in named_ones


REFUSED = {
    "index": (lambda library: listed(library)[3], IndexError),
    "key": (lambda library: named(library)["q"], (KeyError, AttributeError)),
    "key that is a number": (lambda library: named(library).__setitem__(1, 2), TypeError),
    "extend by a tensor": (lambda library: listed(library).extend(library.ones(2)), TypeError),
    "update by a number": (lambda library: named(library).update(2), TypeError),
    "call": (lambda library: listed(library)(1), RuntimeError),
    "call of a dict": (lambda library: named(library)(1), RuntimeError),
}


@pytest.mark.parametrize("call, error", REFUSED.values(), ids=REFUSED)
def test_what_pytorch_refuses_is_refused(call, error, torch):
    for library in (gg, torch):
        with pytest.raises(error):
            call(library)
