"""What is known of an operation, in one record; no tensor is mentioned here.

A record is called with whatever has an `apply` method: a tensor makes a node of the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy

from ..types import ShapeError, Type, bool_, type_of
from .domains import Domain, Draw, real


class Space(NamedTuple):
    """The points that a loop visits.

    extents   how many along each axis: first the axes of the output, then those that vanish
    vanish    the axes that are folded away
    reads     for each input the axes at which it is read; an entry may be a sum of axes with
              coefficients, plus an offset, over a divisor:
              (((axis, coefficient), ...), offset, divisor);
              outside the input, and where the divisor leaves a rest, a zero is read
    writes    the same for the output; None means each axis that does not vanish, in order
    """

    extents: tuple[int, ...]
    vanish: tuple[int, ...]
    reads: tuple[tuple[Any, ...], ...]
    writes: tuple[Any, ...] | None = None


class Fold(NamedTuple):
    """How the values of a loop are put together: from `identity`, point by point, part by part."""

    identity: float
    step: Callable  # (np, total, *values at a point) -> total
    merge: Callable  # (np, total, total) -> total


SUM = Fold(0.0, lambda np, total, x: total + x, lambda np, x, y: x + y)


class Sample(NamedTuple):
    """One example call: what to draw for each input, and the parameters."""

    inputs: tuple[Draw, ...]
    parameters: dict[str, Any]


def sample(*inputs: Draw, **parameters: Any) -> Sample:
    """A sample, written as the call would be: `sample(real(3, 4), axes=(0,))`."""
    return Sample(inputs, parameters)


class Operation:
    """All that glassgrad knows about one operation; subclass it to make your own.

    name      as it appears in programs and pictures
    infer     types of the inputs -> type of the output; raises ShapeError when they do not fit
    meaning   (np, *inputs) -> output: read with arrays (eager), registers (native), names (source)
    gradient  (g, y, *inputs) -> one gradient per input, None where there is none,
              written with tensor operators

    A user's own operation gives `forward(*arrays)` and `gradient(g, y, *inputs)`:

        class Cube(Operation):
            def forward(self, x):
                return x**3

            def gradient(self, g, y, x):
                return (3 * x * x * g,)

        y = Cube()(x)
    """

    name = "operation"
    kind = "own"  # elementwise, view, loop, index, gather, random, numpy, or a user's own
    shares = False  # whether the output may share memory with the first input
    remembered = False  # whether a result without a gradient knows its inputs, for explanations
    transparent = False  # whether only the gradient is its own, and the value the first input's
    domain: Sequence[Domain] = (real,)
    samples: Sequence[Sample] = ()
    space: Callable | None = None
    fold: Fold | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.name = cls.__dict__.get("name", cls.__name__)

    def forward(self, *arrays: Any, **parameters: Any) -> Any:
        """The value, from NumPy arrays."""
        return self.meaning(numpy, *arrays, **parameters)

    def meaning(self, np: Any, *inputs: Any, **parameters: Any) -> Any:
        """The value, in terms of the namespace `np`."""
        if type(self).forward is Operation.forward:
            raise NotImplementedError(f"{self.name} needs a method forward(self, *arrays)")
        return self.forward(*inputs, **parameters)

    def infer(self, *types: Type, **parameters: Any) -> Type:
        """The type of the output, here by a trial on ones."""
        ones = [numpy.ones(t.shape, t.dtype) for t in types]
        return type_of(numpy.asarray(self.meaning(numpy, *ones, **parameters)))

    def gradient(self, g: Any, y: Any, *inputs: Any, **parameters: Any) -> tuple:
        """One gradient per input from the gradient `g` of the output `y`."""
        raise NotImplementedError(
            f"{self.name} has no gradient: give it a method gradient(self, g, y, *inputs)"
        )

    def __call__(self, *inputs: Any, **parameters: Any) -> Any:
        try:
            apply = inputs[0].apply
        except (AttributeError, IndexError):
            apply = self._applier(inputs)
        return apply(self, *inputs, **parameters)

    def _applier(self, inputs: tuple) -> Any:
        for x in inputs:
            if hasattr(x, "apply"):
                return x.apply
        given = ", ".join(type(x).__name__ for x in inputs) or "nothing"
        raise TypeError(f"{self.name} takes tensors and got {given}; wrap arrays by gg.tensor(...)")

    def __repr__(self) -> str:
        return f"<{self.kind} operation {self.name}>"


class Record(Operation):
    """An operation of the table: the same facts, given as functions."""

    def __init__(
        self, name: str, kind: str, infer: Callable, meaning: Callable, gradient: Callable, **facts
    ) -> None:
        if name in TABLE:
            raise ValueError(f"there are two operations named {name}")
        self.name, self.kind = name, kind
        rules = {"infer": infer, "meaning": meaning, "gradient": gradient}
        vars(self).update({"shares": False, **rules, **facts})
        TABLE[name] = self

    def __reduce__(self):
        return _from_table, (self.name,)


TABLE: dict[str, Record] = {}  # every primitive by name, in the order of definition


def _from_table(name: str) -> Record:
    return TABLE[name]


def zero_gradient(g: Any, y: Any, *inputs: Any, **parameters: Any) -> tuple:
    """The rule of steps and plateaus: the derivative is zero wherever there is one."""
    return tuple(x.new_zeros(x.shape) for x in inputs)


def no_gradient(g: Any, y: Any, *inputs: Any, **parameters: Any) -> tuple:
    """The rule of outputs that are not numbers on a line: indices, truth values, random bits."""
    return (None,) * len(inputs)


SHAPES = ((3, 4), (), (1,), (0, 4), (17, 33))


def elementwise(
    name: str,
    meaning: Callable,
    gradient: Callable = no_gradient,
    domain: Sequence[Domain] = (),
    result: numpy.dtype | None = None,
    samples: Sequence[Sample] | None = None,
) -> Record:
    """An operation of one expression per element; inputs have equal types, or are numbers [].

    `domain` has one entry per input and is `real` throughout unless given; `result` is the dtype of
    the output where it is not that of the last input.
    """
    count = meaning.__code__.co_argcount - 1
    domain = tuple(domain) or (real,) * count

    def infer(*types: Type) -> Type:
        shapes = {t.shape for t in types if t.shape}
        if len(shapes) > 1:
            raise ShapeError(f"{name} takes inputs of one shape and got {_listed(types)}")
        return Type(shapes.pop() if shapes else (), result or types[-1].dtype)

    if samples is None:
        samples = [sample(*(d(*shape) for d in domain)) for shape in SHAPES]
    return Record(name, "elementwise", infer, meaning, gradient, domain=domain, samples=samples)


def comparison(name: str, meaning: Callable) -> Record:
    """An elementwise operation whose output is a truth value."""
    return elementwise(name, meaning, result=bool_)


def _listed(types: Sequence[Type]) -> str:
    return " and ".join(map(str, types))
