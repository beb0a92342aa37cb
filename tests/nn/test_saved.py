"""state_dict and load_state_dict: names, errors, and that nothing is written unless all fits."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from networks import small


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def model(library):
    return library.nn.Sequential(
        library.nn.Linear(2, 3), library.nn.Identity(), library.nn.Linear(3, 1)
    )


def values(m):
    return {key: x.tolist() for key, x in m.state_dict().items()}


def test_the_dict_shares_memory_and_needs_no_gradient():
    layer = nn.Linear(2, 3)
    state = layer.state_dict()
    assert not state["weight"].requires_grad
    assert np.shares_memory(state["weight"].value, layer.weight.value)
    assert layer.state_dict(keep_vars=True)["weight"] is layer.weight
    into = {"more": 1}
    assert layer.state_dict(destination=into, prefix="a.") is into
    assert list(into) == ["more", "a.weight", "a.bias"]


def test_a_round_trip():
    one, other = model(gg), model(gg)
    weight = other[0].weight
    assert values(one) != values(other)
    report = other.load_state_dict(one.state_dict())
    assert values(one) == values(other)
    assert other[0].weight is weight
    assert weight.requires_grad
    assert repr(report) == "<All keys matched successfully>"


def test_arrays_and_other_dtypes_are_copied_in():
    layer = nn.Linear(1, 2)
    layer.load_state_dict({"weight": np.array([[1], [2]]), "bias": [0.5, 0.25]})
    assert layer.weight.tolist() == [[1], [2]]
    assert (layer.weight.dtype, layer.bias.tolist()) == (gg.float32, [0.5, 0.25])


def test_assign_takes_the_tensors_themselves():
    layer, state = nn.Linear(1, 2), {"weight": gg.ones(2, 1, dtype=gg.float64), "bias": gg.ones(2)}
    layer.load_state_dict(state, assign=True)
    assert layer.weight.dtype == gg.float64
    assert isinstance(layer.weight, nn.Parameter)
    state["weight"][0, 0] = 9
    assert layer.weight.tolist() == [[9], [1]]


WRONG = {
    "missing": lambda x: {k: v for k, v in x.items() if k != "0.bias"},
    "unexpected": lambda x: {**x, "3.weight": x["0.weight"], "extra": x["0.bias"]},
    "missing and unexpected": lambda x: {"a": x["0.bias"]},
    "shape": lambda x: {**x, "0.weight": x["0.weight"].T, "2.bias": x["0.bias"]},
    "all": lambda x: {"2.bias": x["0.bias"], "b": x["0.bias"]},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_errors_against_pytorch(change, torch):
    with pytest.raises(RuntimeError) as ours:
        model(gg).load_state_dict(change(model(gg).state_dict()))
    with pytest.raises(RuntimeError) as theirs:
        model(torch).load_state_dict(change(model(torch).state_dict()))
    said = str(theirs.value).replace("torch.Size([", "[").replace("])", "]")
    assert str(ours.value) == said


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_nothing_is_written_unless_all_fits(change):
    m = model(gg)
    before = values(m)
    ones = {key: gg.ones(x.shape) for key, x in m.state_dict().items()}
    with pytest.raises(RuntimeError, match="Error"):
        m.load_state_dict(change(ones))
    assert values(m) == before


def test_strict_false_ignores_keys_but_not_shapes():
    m = model(gg)
    report = m.load_state_dict({"0.bias": gg.ones(3), "a": gg.ones(1)}, strict=False)
    assert m[0].bias.tolist() == [1, 1, 1]
    assert report.missing_keys == ["0.weight", "2.weight", "2.bias"]
    assert report.unexpected_keys == ["a"]
    with pytest.raises(RuntimeError, match="size mismatch for 0.bias"):
        m.load_state_dict({"0.bias": gg.ones(4)}, strict=False)


@pytest.mark.parametrize("given, error", [([], TypeError), ({"0.bias": "text"}, RuntimeError)])
def test_what_is_no_state(given, error):
    with pytest.raises(error):
        model(gg).load_state_dict(given)


def test_a_state_of_pytorchs_is_read(torch):
    other, net = small(torch.nn)(torch.tensor), small(nn)(gg.tensor)
    net.load_state_dict({key: x.numpy() for key, x in other.state_dict().items()})
    for (key, x), (their_key, y) in zip(net.state_dict().items(), other.state_dict().items()):
        assert (key, x.tolist()) == (their_key, y.tolist())


class Counting(nn.Module):
    """A module with a state that is no tensor."""

    def __init__(self, library):
        super().__init__()
        self.layer = library.nn.Linear(1, 1)
        self.count = 0

    def get_extra_state(self):
        return {"count": self.count}

    def set_extra_state(self, state):
        self.count = state["count"]


def test_extra_state():
    one, other = Counting(gg), Counting(gg)
    one.count = 5
    both = nn.ModuleList([one])
    assert list(both.state_dict()) == ["0._extra_state", "0.layer.weight", "0.layer.bias"]
    nn.ModuleList([other]).load_state_dict(both.state_dict())
    assert other.count == 5
