"""A compiled step as a calculation: what was traced, with the numbers of an example.

What was traced gets values, as if it had been computed eagerly, and is explained as that is; then
follow the new values of parameters, buffers and optimizer.  Nothing is written anywhere.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from ..compiler.backend import failed, values_of
from ..compiler.graph import is_constant
from ..compiler.program.places import assigned, gradients
from ..compiler.step import CompiledStep
from ..compiler.tree import flattened
from ..tensors import Tensor
from ..tensors.state import tick
from .formula import Term, symbol
from .matrices import number_term
from .naming import Names
from .normal import SILENT
from .reading import formula_of, number_or

LONG = 24  # letters of a formula that is used twice and gets a line of its own
Slopes = dict[Any, list[tuple[Term, np.ndarray]]]  # the derivatives of each loss by a leaf


class Example:
    """A step that was traced for an example, and what each of its nodes is there.

    meaning  {node that only stands for another: that}
    values   {node of the graph: its array}
    copies   {node of the graph: the tensor that stands for it}
    targets  the losses, or of a step without any what it returns
    """

    def __init__(self, step: CompiledStep, example: tuple) -> None:
        _, tensors = flattened((example, {}), arrays=True)
        wanted_arguments(step, example)
        entry, trace = step.traced(example, {})
        given = entry.inputs(tensors), [x.value for x in entry.cells], entry.numbers()
        start = values_of(entry.graph, *given)
        if (number := failed(entry.graph, start)) is not None:
            raise entry.explained(number, given[0], given[2])
        self.graph, self.meaning, self.leaf_of = trace.versioned, trace.meaning, trace.leaf_of
        self.names = entry.graph.names
        self.told = dict(zip(self.graph.inputs, [tensors[i] for i in entry.taken]))
        wanted = self.graph.losses or [x for x in map(self.behind, self.graph.outputs) if x.inputs]
        if not wanted:
            raise ValueError(f"{step!r} computes nothing that it returns, and has no loss")
        self.nodes = listed([*self.graph.roots, *wanted], {}, self.meaning)
        with np.errstate(all="ignore"):
            self.values = self.evaluated(start)
        self.whole = not any(x.requires_grad for x in wanted)
        self.copies = self.copied()
        self.targets = [self.copies[x] for x in dict.fromkeys(wanted)]

    def behind(self, x: Any) -> Any:
        """What a node stands for."""
        while x in self.meaning:
            x = self.meaning[x]
        return x

    def evaluated(self, start: dict[Any, Any]) -> dict[Any, Any]:
        """The value of each node, as NumPy computes it."""
        found = dict(start)
        for x in self.nodes:
            if x in self.meaning:
                found[x] = found[self.meaning[x]]
            elif x.operation is not None:
                inputs = [found[i] for i in x.inputs]
                found[x] = np.asarray(x.operation.forward(*inputs, **x.parameters))
            elif is_constant(x):
                found[x] = x.value
        return found

    def copied(self) -> dict[Any, Any]:
        """Tensors with values; operations as eager execution keeps them, for derivatives alone."""
        copies: dict[Any, Any] = {}
        for x in self.nodes:
            if x.number is not None:
                copies[x] = x
                continue
            y = copies[x] = Tensor.lift(self.values[x])
            y.name, y.initial, y.requires_grad = x.name, x.initial, x.requires_grad
            y.line = getattr(x, "line", None)
            if x.operation is not None and (x.requires_grad or self.whole):
                y.operation, y.parameters, y.serial = x.operation, x.parameters, tick()
                y.inputs = tuple(copies[i] for i in x.inputs)
            elif x.operation is not None and x.operation.name in SILENT:
                above = copies[x.inputs[0]]
                y.base = above if above.base is None else above.base
        return copies

    # ---- names

    def named(self, asked: dict[str, Any]) -> dict[str, Any]:
        """{name: tensor}: those asked for, of arguments, and of variables in the user's lines."""
        stand_in = {leaf: self.copies.get(x) for x, leaf in (self.told | self.graph.cells).items()}
        found = {name: y for name, x in asked.items() if (y := stand_in.get(x)) is not None}
        known = dict.fromkeys(found.values())
        lines = [x for x in self.nodes if self.copies[x].operation is not None]
        own = {x: self.names[x] for x in self.graph.inputs} | assigned(lines)
        for x, name in own.items():
            y = self.copies.get(x)
            if y is not None and name not in found and y not in known:
                found[name], known[y] = y, None
        return found

    def standing(self) -> dict[Any, tuple[str, Any]]:
        """{leaf: "" or "new ", the tensor whose name it bears}: detached, and written since."""
        found = {}
        cells = {leaf: self.copies.get(x) for x, leaf in self.graph.cells.items()}
        for x in self.nodes:
            if x in self.meaning:
                cell = cells.get(self.leaf_of.get(x))
                found[self.copies[x]] = ("new ", cell) if cell is not None else (
                    "", self.copies[self.behind(x)]
                )  # fmt: skip
        return found


def wanted_arguments(step: CompiledStep, example: tuple) -> None:
    """An error that names the arguments, if there are too few or too many."""
    signature = inspect.signature(step.function)
    try:
        signature.bind(*example)
    except TypeError as error:
        call = f"gg.explain.steps(step, {', '.join(signature.parameters)})"
        raise TypeError(f"{error}: give the arguments of an example, {call}") from None


def listed(wanted: list[Any], known: dict[Any, Any], meaning: dict[Any, Any]) -> list[Any]:
    """All that leads to some nodes and is not known, inputs before users."""
    found: dict[Any, None] = {}
    stack = list(wanted)
    while stack:
        x = stack.pop()
        if x not in found and x not in known:
            found[x] = None
            stack.extend([meaning[x]] if x in meaning else x.inputs)
    return sorted(found, key=lambda x: x.serial)


# ---- updates

Line = tuple[Any, Term, Term, Term, dict[str, np.ndarray]]


def updates(example: Example, known: Names, slopes: Slopes) -> Iterator[Line]:
    """Node, name, formula, the same with numbers for what is one number, and what is put in.

    Of what the step gives beside its losses, and of the new value of all that it changes.
    """
    graph, names = example.graph, told(example, known, slopes)
    changed = {example.behind(x): c for c, x in graph.updates.items() if lasting(graph.cells[c])}
    new = {x: symbol(f"new {names[c].text}", names[c].scalar) for x, c in changed.items()}
    given = dict.fromkeys(map(example.behind, graph.outputs))
    nodes = listed([*given, *new], names, example.meaning)
    uses = Counter(example.behind(i) for x in nodes for i in x.inputs)
    numbers = {x: one_number(example, x) or name for x, name in names.items()}
    inputs: dict[Any, dict[str, np.ndarray]] = {}
    for x in nodes:
        if x.operation is None:
            if x in example.meaning:
                names[x], numbers[x] = (terms[example.meaning[x]] for terms in (names, numbers))
            else:
                names[x] = numbers[x] = number_or(x, lambda leaf: known.fresh("c"))
            continue
        formula, put = (formula_of(x, terms.__getitem__) for terms in (names, numbers))
        inputs[x] = {}
        for i in x.inputs:
            inputs[x] |= inputs.get(example.behind(i)) or put_in(i, names, example)
        several = uses[x] > 1 and x.operation.name not in SILENT and len(formula.text) > LONG
        if x in new or x in given or several:
            names[x] = new.get(x) or known.fresh("t", not x.shape)
            numbers[x] = one_number(example, x) or names[x]
            yield x, names[x], formula, put, inputs.pop(x)
        else:
            names[x], numbers[x] = formula, put


def lasting(leaf: Any) -> bool:
    """Whether a new value is worth a line: not that of the random state."""
    return leaf.name != "random state"


def one_number(example: Example, x: Any) -> Term | None:
    """The number that a hyper-parameter or a count is."""
    y = example.copies.get(x)
    return None if x.shape or y is None else number_term(y)


def put_in(x: Any, names: dict[Any, Term], example: Example) -> dict[str, np.ndarray]:
    """{name: array} of what is used by its name."""
    return {} if x.number is not None else {names[x].text: np.asarray(example.values[x])}


def told(example: Example, known: Names, slopes: Slopes) -> dict[Any, Term]:
    """What has a name when the updates begin: the step's own, lines before, and derivatives."""
    graph = example.graph
    found = {x: symbol(example.names[x], True) for x in graph.hypers}
    for x, y in example.copies.items():
        if y in known.terms and not (y.operation is not None and known.folded(y)):
            found[x] = known(y)
    owners = {example.names[x]: found[x].text for x in graph.cells if x in found}
    for x in graph.cells:
        owner, _, key = example.names[x].rpartition(".")
        name = f"{owners[owner]}.{key}" if owner in owners else example.names[x]
        found.setdefault(x, symbol(name, not x.shape))
    for g, cell in gradients(graph, example.behind).items():
        if by := slopes.get(example.copies.get(cell)):
            found[g] = derivative(by, example.values[g]) or reduce(add, (term for term, _ in by))
    every = [pair for by in slopes.values() for pair in by]
    for x in example.nodes:
        gradient = x.operation is not None and x.of_gradient and x not in found
        if gradient and (term := derivative(every, example.values[x])) is not None:
            found[x] = term
    return found


def derivative(found: list[tuple[Term, np.ndarray]], value: np.ndarray) -> Term | None:
    """Which loss's derivative by which leaf a gradient is."""
    terms = [term for term, array in found if np.array_equal(array, value)]
    return terms[-1] if terms else None
