"""A model is tried before data runs, and nothing of it changes."""

import pytest

import glassgrad as gg
from glassgrad import nn


class Counting(nn.Module):
    """A module that does all that a check must undo."""

    def __init__(self):
        self.layer = nn.Linear(3, 2)
        self.register_buffer("mean", gg.zeros(2))
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        self.last = x
        gg.rand(3)
        self.mean += 1
        return self.layer(x), [x]


class Product(nn.Module):
    """A model of two inputs."""

    def forward(self, x, y):
        return x.unsqueeze(-1) * y


def test_the_shape_that_comes_out():
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 5))
    assert nn.check(model, (3, 4)) == (5,)
    assert nn.check(nn.Linear(3, 2), 3) == (2,)
    assert nn.check(Counting(), 3) == ((2,), ((3,),))
    assert nn.check(nn.Linear(3, 2).double(), 3) == (2,)
    assert nn.check(nn.Identity(), (2, 2), gg.int64) == (2, 2)
    assert nn.check(nn.Identity(), [2, 2]) == (2, 2)
    assert nn.check(Product(), [3, (3, 4)]) == (3, 4)


def test_nothing_changes():
    model, heard = Counting(), []
    model.layer.register_forward_hook(lambda m, args, y: heard.append(y))
    drawn = gg.get_rng_state().tolist()
    nn.check(model, 3)
    with pytest.raises(gg.ShapeError):
        nn.check(model, 4)
    assert model.training
    assert model.layer.training
    assert (model.calls, hasattr(model, "last"), heard) == (0, False, [])
    assert model.mean.tolist() == [0, 0]
    assert gg.get_rng_state().tolist() == drawn
    model(gg.ones(1, 3))
    assert len(heard) == 1


def test_the_error_is_that_of_data():
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(5, 2))
    with pytest.raises(gg.ShapeError, match=r"Make 0 = Linear\(3, 5\), or 1 = Linear\(4, 2\)"):
        nn.check(model, 3)
