"""The derivatives in the order of reverse mode, each with its formula.

Each gradient rule is run on its own while everything is recorded, also what needs no gradient: what
it did is then read as a formula of the gradient that came in, of the node, and of its inputs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ..tensors import Tensor
from ..tensors.creation import ones_like
from ..tensors.listening import Listener, unheard
from ..tensors.state import state
from .elements import of_elements, together
from .formula import Term, term
from .matrices import number_term, writable
from .naming import Names
from .reading import INDEXED, SLOPES, formula_of, number_or


class Arrival(NamedTuple):
    """The derivative by a tensor, once all that uses it has handed its part.

    input     the tensor
    users     the nodes that use it, latest first
    formula   as their rules write it, summed
    numbers   the same with numbers put in, where all are single numbers
    gradient  the array
    """

    input: Any
    users: list[Any]
    formula: Term
    numbers: Term | None
    gradient: Any


class Recording(Listener):
    """Keeps how every node came about."""

    def record(self, operation: Any, inputs: tuple, parameters: dict[str, Any]) -> Any:
        with unheard():
            y = Tensor.apply(operation, *inputs, **parameters)
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


def arrivals(target: Tensor, nodes: list[Any], known: Names) -> Iterator[Arrival]:
    """All derivatives from the target back; a leaf's comes as soon as it is whole."""
    totals: dict[Any, Any] = {target: ones_like(target)}
    parts: dict[Any, list[tuple[Any, Term, Term | None]]] = {}
    waiting = Counter(x for y in nodes for x in y.inputs)
    for y in reversed(nodes):
        if y.operation is None:
            continue
        if y in parts:
            yield whole(y, parts.pop(y), totals[y])
        found = handed(y, totals[y], known) if y in totals else []
        for x, gradient, formula, numbers in found:
            with unheard():
                totals[x] = totals[x] + gradient if x in totals else gradient
            parts.setdefault(x, []).append((y, formula, numbers))
        waiting.subtract(y.inputs)
        leaves = dict.fromkeys(x for x in y.inputs if x.operation is None and not waiting[x])
        for x in sorted(leaves, key=known.is_feature):  # weights before what the layer was given
            if x in parts:
                yield whole(x, parts.pop(x), totals[x])


def whole(x: Any, parts: list[tuple[Any, Term, Term | None]], gradient: Any) -> Arrival:
    """All parts together."""
    users, formulas, numbers = zip(*parts)
    put_in = None if None in numbers else together(x, numbers)
    return Arrival(x, list(users), together(x, formulas), put_in, gradient.value)


def handed(y: Any, arrived: Any, known: Names) -> list[tuple[Any, Any, Term, Term | None]]:
    """What a node's rule gives to each of its inputs: the gradient, its formula, with numbers."""
    g = alone(arrived)
    copies = {x: stand_in(x) for x in [y, *y.inputs]}
    inputs = [copies[x] for x in y.inputs]
    with recorded():
        found = y.operation.gradient(g, copies[y], *inputs, **y.parameters)
    names = {g: known.slope(y), **{copy: known.put(x) for x, copy in copies.items()}}
    shown = all(map(writable, names)) and y.operation.name not in INDEXED
    numbers = {copy: known.number(x) for x, copy in copies.items() if shown}
    if shown:
        numbers[g] = names[g] if y is known.target else number_term(g)

    def written(i: int, gx: Any, terms: dict[Any, Term]) -> Term:
        short = SLOPES.get(y.operation.name)
        if short is None:
            return read(gx, terms)
        shapes, formulas = [c.shape for c in (g, *inputs)], [terms[c] for c in (g, *inputs)]
        return of_elements(y, shapes, formulas, lambda up, *rest: short(y, up, list(rest), i))

    return [
        (x, alone(gx), written(i, gx, names), written(i, gx, numbers) if shown else None)
        for i, (x, gx) in enumerate(zip(y.inputs, found))
        if gx is not None and x.requires_grad
    ]


def alone(x: Any) -> Any:
    """The value as a leaf."""
    return Tensor.lift(x.value)


def stand_in(x: Any) -> Any:
    """A leaf with the value of a node, which asks for a gradient if the node does."""
    if x.operation is None and x.number is not None:
        return x
    copy = Tensor.lift(x.value)
    copy.requires_grad = x.requires_grad
    copy.name = x.name
    return copy


def constant(x: Any) -> Term:
    """An array that a rule makes: of one number, or the identity."""
    if x.value.size and (x.value == x.value.flat[0]).all():
        return term(x.value.flat[0].item())
    if len(x.shape) == 2 and np.array_equal(x.value, np.eye(*x.shape)):
        return Term("I", "I")
    return Term("constant", r"\text{constant}")


def read(x: Any, names: dict[Any, Term]) -> Term:
    """A gradient as a formula of what has a name."""
    if x in names:
        return names[x]
    if x.operation is None:
        return number_or(x, constant)
    return formula_of(x, lambda inner: read(inner, names))
