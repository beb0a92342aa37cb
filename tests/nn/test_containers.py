"""Sequential, ModuleList, ModuleDict: the same manipulations here and in PyTorch."""

import pytest

import glassgrad as gg
from glassgrad import nn
from networks import close, with_equal_weights


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def layers(nn, count=4):
    """Linear(1, 1), Linear(2, 2), ...: told apart by their sizes."""
    return [nn.Linear(n, n) for n in range(1, count + 1)]


def sequential(nn):
    return nn.Sequential(*layers(nn))


def listed(nn):
    return nn.ModuleList(layers(nn))


def named(nn):
    from collections import OrderedDict

    return nn.Sequential(OrderedDict(zip("abcd", layers(nn))))


def by_name(nn):
    return nn.ModuleDict(dict(zip("abcd", layers(nn))))


def changed(make, *changes):
    """`make` and then changes, each a function of module and library; returns the module."""

    def run(nn):
        m = make(nn)
        for change in changes:
            m = change(m, nn) or m
        return m

    return run


def deletion(key):
    return lambda m, nn: m.__delitem__(key)


RESULTS = {
    "sequential": sequential,
    "names": named,
    "empty": lambda nn: nn.Sequential(),
    "list": listed,
    "empty list": lambda nn: nn.ModuleList(),
    "dict": by_name,
    "empty dict": lambda nn: nn.ModuleDict(),
    "dict of pairs": lambda nn: nn.ModuleDict([["x", nn.Identity()]]),
    "index": lambda nn: sequential(nn)[1],
    "from the end": lambda nn: sequential(nn)[-1],
    "slice": lambda nn: sequential(nn)[1:3],
    "slice of names": lambda nn: named(nn)[::2],
    "slice of a list": lambda nn: listed(nn)[2:],
    "key": lambda nn: by_name(nn)["b"],
    "append": lambda nn: sequential(nn).append(nn.Identity()),
    "append to names": lambda nn: named(nn).append(nn.Identity()),
    "append to a list": lambda nn: listed(nn).append(nn.Identity()),
    "insert": lambda nn: sequential(nn).insert(1, nn.Identity()),
    "insert at the end": lambda nn: sequential(nn).insert(4, nn.Identity()),
    "insert before the last": lambda nn: sequential(nn).insert(-1, nn.Identity()),
    "insert in a list": changed(listed, lambda m, nn: m.insert(0, nn.Identity())),
    "extend": lambda nn: sequential(nn).extend(layers(nn, 2)),
    "extend a list": lambda nn: listed(nn).extend(layers(nn, 2)),
    "replace": changed(sequential, lambda m, nn: m.__setitem__(2, nn.Identity())),
    "replace by name": changed(named, lambda m, nn: m.__setitem__(-1, nn.Identity())),
    "replace in a dict": changed(by_name, lambda m, nn: m.__setitem__("c", nn.Identity())),
    "delete": changed(sequential, deletion(1)),
    "delete some": changed(sequential, deletion(slice(0, 4, 2))),
    "delete from a list": changed(listed, deletion(-1)),
    "delete some from a list": changed(listed, deletion(slice(1, None))),
    "delete from a dict": changed(by_name, deletion("b")),
    "pop": changed(sequential, lambda m, nn: nn.ModuleList([m.pop(1), m])),
    "pop from a list": changed(listed, lambda m, nn: nn.ModuleList([m.pop(-2), m])),
    "pop from a dict": changed(by_name, lambda m, nn: nn.ModuleList([m.pop("a"), m])),
    "clear": changed(by_name, lambda m, nn: m.clear()),
    "update": changed(by_name, lambda m, nn: m.update({"e": nn.Identity(), "a": nn.Identity()})),
    "update by a dict": changed(by_name, lambda m, nn: m.update(nn.ModuleDict({"e": m["a"]}))),
    "sum": lambda nn: sequential(nn) + named(nn),
    "sum in place": changed(sequential, lambda m, nn: m.__iadd__(named(nn))),
    "sum of lists": lambda nn: listed(nn) + listed(nn),
    "product": lambda nn: named(nn) * 2,
    "product from the left": lambda nn: 2 * sequential(nn)[:2],
    "equal neighbours": lambda nn: nn.ModuleList([nn.Identity()] * 3 + layers(nn, 1) * 2),
    "nested": lambda nn: nn.ModuleList([nn.Sequential(nn.Identity()), nn.Sequential(listed(nn))]),
    "attribute": changed(sequential, lambda m, nn: setattr(m, "1", nn.Identity())),
}


@pytest.mark.parametrize("make", RESULTS.values(), ids=RESULTS)
def test_results_against_pytorch(make, torch):
    ours, theirs = make(nn), make(torch.nn)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    if hasattr(theirs, "__len__"):
        assert len(ours) == len(theirs)


def test_iteration_and_membership():
    m = by_name(nn)
    assert (list(m), list(m.keys()), "c" in m, "e" in m) == ([*"abcd"], [*"abcd"], True, False)
    assert list(m.values()) == [layer for _, layer in m.items()] == [m[key] for key in m]
    s = sequential(nn)
    assert list(s) == [s[i] for i in range(4)]


REFUSED = {
    "index": (lambda nn: sequential(nn)[4], IndexError, "out of range"),
    "index of a list": (lambda nn: listed(nn)[-5], IndexError, "out of range"),
    "insert too far": (lambda nn: sequential(nn).insert(5, nn.Identity()), IndexError, "out of"),
    "no module": (lambda nn: nn.Sequential(len), TypeError, "is not a Module subclass"),
    "insert no module": (lambda nn: sequential(nn).insert(0, len), (TypeError, AssertionError), ""),
    "key": (lambda nn: by_name(nn)["e"], KeyError, "e"),
    "sum with a list": (lambda nn: sequential(nn) + [nn.Identity()], ValueError, "Sequential"),
    "product with 0": (lambda nn: sequential(nn) * 0, (TypeError, ValueError), ""),
    "extend by a number": (lambda nn: listed(nn).extend(3), TypeError, "should be called with an"),
    "update by a number": (lambda nn: by_name(nn).update(3), TypeError, "should be called with an"),
    "key that is a method": (lambda nn: nn.ModuleDict({"keys": nn.Identity()}), KeyError, "keys"),
    "calling a list": (lambda nn: listed(nn)(1), NotImplementedError, "missing the required"),
}


@pytest.mark.parametrize("call, error, text", REFUSED.values(), ids=REFUSED)
def test_what_pytorch_refuses_is_refused(call, error, text, torch):
    for library in (nn, torch.nn):
        with pytest.raises(error) as raised:
            call(library)
        assert text in str(raised.value)


def test_values_against_pytorch(torch):
    def make(nn):
        return nn.Sequential(nn.Linear(3, 4), nn.Identity(), nn.Sequential(nn.Linear(4, 2)))

    ours, theirs = with_equal_weights(make(nn), make(torch.nn))
    x = torch.arange(6.0, dtype=torch.float64).reshape(2, 3)
    assert close(ours(gg.tensor(x.numpy())), theirs(x))


def test_a_subclass_may_have_parameters_and_a_forward_of_its_own():
    class Residual(nn.Sequential):
        def __init__(self, *layers):
            super().__init__(*layers)
            self.scale = nn.Parameter(gg.tensor(2.0))

        def forward(self, x):
            return x + self.scale * super().forward(x)

    model = Residual(nn.Identity(), nn.Identity())
    assert model(gg.ones(2)).tolist() == [3, 3]
    assert [n for n, _ in model.named_parameters()] == ["scale"]
