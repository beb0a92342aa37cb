"""A network as plain data, and the network again."""

import json
import pickle

import pytest

import glassgrad as gg
from glassgrad import nn


def shared():
    layer = nn.Linear(2, 2)
    return nn.Sequential(layer, nn.Step(), layer)


def tied():
    model = nn.Sequential(nn.Linear(2, 2), nn.ModuleDict({"a": nn.Linear(2, 2, bias=False)}))
    model[1]["a"].weight = model[0].weight
    return model


MODELS = {
    "positional": lambda: nn.Linear(3, 4),
    "named": lambda: nn.Linear(out_features=4, in_features=3, bias=False),
    "dtype": lambda: nn.Linear(3, 4, dtype=gg.float64),
    "no arguments": lambda: nn.Flatten(),
    "ignored arguments": lambda: nn.Identity(3, name="x"),
    "tuple": lambda: nn.Unflatten(1, (2, 3)),
    "lists": lambda: nn.McCullochPitts([[1, 1]], [-0.5]),
    "tensors": lambda: nn.McCullochPitts(gg.ones(2, 3), gg.zeros(2)),
    "parameters": lambda: nn.ParameterList([gg.ones(3), gg.ones(2, requires_grad=True)]),
    "parameters by name": lambda: nn.ParameterDict({"a": gg.ones(3)}),
    "sequence": lambda: nn.Sequential(nn.Standardize(3), nn.Linear(3, 2), nn.PrependZero()),
    "names": lambda: nn.Sequential({"first": nn.Linear(3, 2), "second": nn.Maxout(2, 2)}),
    "nested": lambda: nn.ModuleList([nn.ModuleDict({"a": nn.Linear(1, 1)}), nn.Sequential()]),
    "after surgery": lambda: nn.Sequential(nn.Linear(1, 1)).append(nn.Step()),
    "shared module": shared,
    "tied parameters": tied,
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_round_trip_through_json(make):
    model = make()
    description = nn.describe(model)
    assert json.loads(json.dumps(description)) == description
    again = nn.build(json.loads(json.dumps(description)))
    assert nn.describe(again) == description
    assert [(n, p.type_) for n, p in again.named_parameters()] == [
        (n, p.type_) for n, p in model.named_parameters()
    ]
    again.load_state_dict(model.state_dict())
    assert repr(again) == repr(model)


def test_the_data():
    model = nn.Sequential(nn.Linear(3, 2, dtype=gg.float64), nn.Step())
    assert nn.describe(model) == {
        "class": "Sequential",
        "children": {
            "0": {
                "class": "Linear",
                "arguments": {
                    "in_features": 3,
                    "out_features": 2,
                    "bias": True,
                    "dtype": {"dtype": "float64"},
                },
            },
            "1": {"class": "Step", "arguments": {}},
        },
    }


def test_what_is_shared_stays_shared():
    again = nn.build(nn.describe(shared()))
    assert again[0] is again[2]
    again = nn.build(nn.describe(tied()))
    assert again[0].weight is again[1]["a"].weight


def test_a_container_does_not_hold_on_to_what_was_replaced():
    model = nn.Sequential(nn.Linear(1000, 1000))
    model[0] = nn.Step()
    assert len(pickle.dumps(model)) < 10_000


class Mine(nn.Module):
    """A user's module with a `config` of its own, as many have."""

    def __init__(self, size):
        self.config = {"size": size}
        self.check = True
        self.layer = nn.Linear(size, size)


def test_a_users_class_is_named_and_cannot_be_built():
    model = nn.Sequential(nn.Step(), nn.ModuleDict({"mine": Mine(3)}))
    description = nn.describe(model)
    assert description["children"]["1"]["children"]["mine"] == {"class": "Mine"}
    with pytest.raises(TypeError, match=r"1\.mine is a Mine, which is not a layer of glassgrad"):
        nn.build(description)
    with pytest.raises(TypeError, match="the model is a Mine"):
        nn.build(nn.describe(Mine(3)))


def test_a_class_of_a_users_that_is_called_as_one_of_ours():
    class Linear(nn.Linear):
        pass

    assert nn.describe(Linear(2, 3)) == {"class": "Linear"}
    with pytest.raises(TypeError, match="the model is a Linear"):
        nn.build(nn.describe(Linear(2, 3)))


def test_arguments_that_are_no_data():
    description = nn.describe(nn.Identity(len))
    assert json.loads(json.dumps(description)) == description
    with pytest.raises(TypeError, match="the model is a Identity with an argument that is no data"):
        nn.build(description)
