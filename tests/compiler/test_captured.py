"""What a step reads of Python: each change of it is seen by the next call."""

import collections
import dataclasses
import functools

import numpy as np
import pytest

import glassgrad as gg


class Default:
    factor = 1.0


class Hidden:
    def __init__(self):
        self._factor = 1.0

    @property
    def factor(self):
        return self._factor


@dataclasses.dataclass(slots=True)
class Slim:
    factor: float = 1.0


class Trainer:
    factor = 1.0

    @gg.compile
    def step(self, x):
        return (x * self.factor).sum()


def of_object(owner):
    return lambda x: (x * owner.factor).sum()


def attribute(kind, name="factor"):
    owner = kind()
    return of_object(owner), lambda: setattr(owner, name, 2.0)


def class_attribute():
    kind = type("Own", (), {"factor": 1.0, "__module__": __name__})
    return of_object(kind()), lambda: setattr(kind, "factor", 2.0)


def element(held):
    return lambda x: (x * held[0]).sum(), lambda: held.__setitem__(0, 2.0)


def keyword():
    function = functools.partial(lambda x, factor: (x * factor).sum(), factor=1.0)
    return function, lambda: function.keywords.__setitem__("factor", 2.0)


PLACES = {
    "class default": lambda: attribute(Default),
    "class attribute": class_attribute,
    "property": lambda: attribute(Hidden, "_factor"),
    "slots": lambda: attribute(Slim),
    "array": lambda: element(np.ones(3)),
    "deque": lambda: element(collections.deque([1.0])),
    "keyword of a partial": keyword,
}


@pytest.mark.parametrize("place", PLACES)
def test_a_change_is_seen(place):
    function, change = PLACES[place]()
    step = gg.compile(function)
    assert step(gg.ones(1)).item() == 1.0
    change()
    assert step(gg.ones(1)).item() == 2.0


def test_a_method_sees_its_objects_attribute_in_place_of_the_classs():
    trainer = Trainer()
    assert trainer.step(gg.ones(1)).item() == 1.0
    trainer.factor = 2.0
    assert trainer.step(gg.ones(1)).item() == 2.0


def test_integers_are_not_divided_by_zero():
    step = gg.compile(lambda x, y: x // y)
    assert step(gg.tensor([4]), gg.tensor([2])).item() == 2
    for run in (step, lambda x, y: x // y, gg.compile(lambda x, y: x // 0)):
        with pytest.raises(ZeroDivisionError, match="integer division by zero"):
            run(gg.tensor([4]), gg.tensor([0]))


def test_an_argument_on_memory_that_the_step_writes_is_refused():
    w = gg.zeros(2)

    @gg.compile
    def step(x):
        w.add_(1.0)
        return x + w

    with pytest.raises(gg.TraceError, match="shares memory"):
        step(w.detach())
    assert step(w.detach().clone()).tolist() == [1.0, 1.0]


def test_the_source_runs_with_the_arguments_of_the_step():
    gg.manual_seed(0)
    net = gg.nn.Sequential(gg.nn.Linear(3, 4), gg.nn.BatchNorm1d(4), gg.nn.Linear(4, 2))
    optimizer = gg.optim.Adam(net.parameters())

    @gg.compile
    def step(x):
        optimizer.zero_grad()
        loss = net(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    x = gg.randn(5, 3)
    step(x)
    space = {}
    exec(step.source(), space)
    loss, *new = space["step"](**step.arguments(x))
    assert loss == pytest.approx(step(x).item(), rel=1e-5)
    np.testing.assert_allclose(new[0], net[0].weight.detach(), rtol=1e-5, atol=1e-7)
    assert repr(step).startswith("<compiled ") and "step" in repr(step)


@pytest.mark.parametrize("name", ["median", "unique", "quantile"])
def test_a_function_that_looks_at_values_is_named(name):
    arguments = (0.5,) if name == "quantile" else ()
    with pytest.raises(gg.TraceError, match=rf"{name} looks at values(.|\n)*test_captured.py"):
        gg.compile(lambda x: getattr(x, name)(*arguments))(gg.ones(3))
