"""A compiled step as a calculation: its graph as it was traced, with the numbers of an example.

What was traced gets values, as if it had been computed eagerly, and is explained as that is; then
follow the new values of parameters, buffers and optimizer.  Nothing is written anywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..compiler.backend import failed, values_of
from ..compiler.graph import Graph, evaluated
from ..compiler.program.places import assigned, gradients
from ..compiler.step import CompiledStep
from ..compiler.tree import flattened
from ..tensors import Tensor
from ..tensors.state import tick
from .formula import Term, symbol
from .matrices import number_term
from .naming import SILENT, Names
from .reading import formula_of, number_or

LONG = 24  # letters of a formula that is used twice and gets a line of its own


class Example:
    """A step that was traced for an example, and what each of its nodes is there.

    values   {node of the graph: its array}
    copies   {node of the graph: the tensor that stands for it}
    targets  the losses, or of a step without any what it returns
    """

    def __init__(self, step: CompiledStep, example: tuple) -> None:
        _, tensors = flattened((example, {}), arrays=True)
        step.trace(*example)
        entry: Any = step.last
        self.graph: Graph = entry.graph
        given = entry.inputs(tensors), entry.arrays, entry.numbers()
        start = values_of(self.graph, *given)
        if (number := failed(self.graph, start)) is not None:
            raise entry.explained(number, given[0], given[2])
        with np.errstate(all="ignore"):
            self.values = evaluated(self.graph, start)
        self.told = dict(zip(self.graph.inputs, [tensors[i] for i in entry.taken]))
        self.copies = self.copied()
        wanted = self.graph.losses or [x for x in self.graph.outputs if x.operation is not None]
        self.targets = [self.copies[x] for x in dict.fromkeys(wanted)]

    def copied(self) -> dict[Any, Any]:
        """Tensors with values; operations as eager execution keeps them, for derivatives alone."""
        copies: dict[Any, Any] = {}
        for x in self.graph.nodes:
            if x.number is not None:
                copies[x] = x
                continue
            y = copies[x] = Tensor.lift(self.values[x])
            y.name, y.initial, y.requires_grad = x.name, x.initial, x.requires_grad
            y.line = x.line if hasattr(x, "line") else None
            if x.operation is not None and (x.requires_grad or not self.graph.losses):
                y.operation, y.parameters, y.serial = x.operation, x.parameters, tick()
                y.inputs = tuple(copies[i] for i in x.inputs)
            elif x.operation is not None and x.operation.name in SILENT:
                y.base = copies[x.inputs[0]].base or copies[x.inputs[0]]
        return copies

    def names(self, asked: dict[str, Any]) -> dict[str, Any]:
        """{name: tensor}: those asked for, of arguments, and of variables in the user's lines."""
        stand_in = {leaf: self.copies.get(x) for x, leaf in (self.told | self.graph.cells).items()}
        found = {name: y for name, x in asked.items() if (y := stand_in.get(x)) is not None}
        own = {x: self.graph.names[x] for x in self.graph.inputs} | assigned(self.graph.nodes)
        for x, name in own.items():
            y = self.copies.get(x)
            if y is not None and name not in found and not any(y is z for z in found.values()):
                found[name] = y
        return found


Line = tuple[Any, Term, Term, Term, dict[str, np.ndarray]]


def updates(example: Example, known: Names) -> Iterator[Line]:
    """Node, name, formula, the same with numbers for what is one number, and what is put in.

    Of what the step gives beside its losses, and of the new value of all that it changes.
    """
    graph, names = example.graph, told(example, known)
    new = {x: symbol(f"new {names[c].text}", names[c].scalar) for c, x in graph.updates.items()}
    listed = behind([*graph.outputs, *new], names)
    uses, given = Counter(i for x in listed for i in x.inputs), dict.fromkeys(graph.outputs)
    numbers = {x: one_number(example, x) or name for x, name in names.items()}
    inputs: dict[Any, dict[str, np.ndarray]] = {}
    for x in listed:
        if x.operation is None:
            names[x] = numbers[x] = number_or(x, lambda leaf: known.fresh("c", not leaf.shape))
            continue
        formula, put = (formula_of(x, terms.__getitem__) for terms in (names, numbers))
        inputs[x] = {}
        for i in x.inputs:
            inputs[x] |= inputs.get(i) or put_in(i, names, example)
        several = uses[x] > 1 and x.operation.name not in SILENT and len(formula.text) > LONG
        if x in new or x in given or several:
            names[x] = new.get(x) or known.fresh("t", not x.shape)
            numbers[x] = one_number(example, x) or names[x]
            yield x, names[x], formula, put, inputs.pop(x)
        else:
            names[x], numbers[x] = formula, put


def one_number(example: Example, x: Any) -> Term | None:
    """The number that a hyper-parameter or a count is."""
    return None if x.shape else number_term(Tensor.lift(example.values[x]))


def put_in(x: Any, names: dict[Any, Term], example: Example) -> dict[str, np.ndarray]:
    """{name: array} of what is used by its name."""
    return {} if x.number is not None else {names[x].text: np.asarray(example.values[x])}


def told(example: Example, known: Names) -> dict[Any, Term]:
    """What has a name when the updates begin: the step's own, lines before, and derivatives."""
    graph = example.graph
    found = {x: symbol(graph.names[x], True) for x in graph.hypers}
    for x, y in example.copies.items():
        if y in known.terms and not (x.operation is not None and known.folded(y)):
            found[x] = known(y)
    owners = {graph.names[x]: known(example.copies[x]).text for x in graph.cells if x in found}
    for x in graph.cells:
        owner, _, key = graph.names[x].rpartition(".")
        name = f"{owners[owner]}.{key}" if owner in owners else graph.names[x]
        found.setdefault(x, symbol(name, not x.shape))
    slopes = {g: known.slopes.get(example.copies[cell]) for g, cell in gradients(graph).items()}
    return found | {g: term for g, term in slopes.items() if term is not None}


def behind(wanted: list[Any], names: dict[Any, Term]) -> list[Any]:
    """All that is still without a name, inputs before users."""
    found: dict[Any, None] = {}
    stack = list(wanted)
    while stack:
        x = stack.pop()
        if x not in found and x not in names:
            found[x] = None
            stack.extend(x.inputs)
    return sorted(found, key=lambda x: x.serial)
