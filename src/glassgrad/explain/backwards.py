"""The steps of reverse mode, one for each node and each of its inputs, with their formulas.

Each gradient rule is run on its own while everything is recorded, also what needs no gradient: what
it did is then read as a formula of the gradient that came in, of the node, and of its inputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..tensors import Tensor
from ..tensors.creation import ones_like
from ..tensors.listening import Listener, unheard
from ..tensors.state import state
from .formula import Term
from .reading import Namer, formula_of, number_or


class Arrival(NamedTuple):
    """What a node gives to one of its inputs.

    node      the node whose rule it is
    input     the input that it is the gradient of
    formula   as the rule writes it
    gradient  the tensor
    total     what has arrived at the input so far, with this
    first     whether nothing had arrived there before
    """

    node: Any
    input: Any
    formula: Term
    gradient: Any
    total: Any
    first: bool


class Recording(Listener):
    """Keeps how every node came about."""

    def record(self, operation: Any, inputs: tuple, parameters: dict[str, Any]) -> Any:
        y = super().record(operation, inputs, parameters)
        y.operation, y.inputs, y.parameters = operation, inputs, parameters
        return y


@contextmanager
def recorded() -> Iterator[None]:
    """Inside, every node knows its operation and inputs."""
    before, state.listening = state.listening, Recording()
    try:
        yield
    finally:
        state.listening = before


def arrivals(target: Tensor, nodes: list[Any], name: Namer, slope: Namer) -> Iterator[Arrival]:
    """All gradients in the order of reverse mode; `slope` names the gradient of a node."""
    totals: dict[Any, Any] = {target: ones_like(target)}
    for y in reversed(nodes):
        if y.operation is None or y not in totals:
            continue
        g = alone(totals[y])
        copies = {x: stand_in(x) for x in [y, *y.inputs]}
        with recorded():
            inputs = [copies[x] for x in y.inputs]
            found = y.operation.gradient(g, copies[y], *inputs, **y.parameters)
        names = {g: slope(y), **{copy: number_or(x, name) for x, copy in copies.items()}}
        for x, gx in zip(y.inputs, found):
            if gx is None or not x.requires_grad:
                continue
            first = x not in totals
            with unheard():
                totals[x] = alone(gx) if first else alone(totals[x] + gx)
            yield Arrival(y, x, read(gx, names), alone(gx), totals[x], first)


def alone(x: Any) -> Any:
    """The value as a leaf."""
    return Tensor.lift(x.value)


def stand_in(x: Any) -> Any:
    """A leaf with the value of a node, which asks for a gradient if the node does."""
    if x.operation is None and x.number is not None:
        return x
    copy = Tensor.lift(x.value)
    copy.requires_grad = x.requires_grad
    return copy


def read(x: Any, names: dict[Any, Term]) -> Term:
    """A gradient as a formula of what has a name."""
    if x in names:
        return names[x]
    if x.operation is None:
        return number_or(x, lambda leaf: Term("constant", r"\text{constant}"))
    return formula_of(x, lambda inner: read(inner, names))
