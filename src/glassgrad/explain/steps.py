"""`gg.explain.steps`: a whole calculation as numbered steps, forward and then backward."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from ..arguments import ANY, check_arguments
from ..compiler.step import CompiledStep
from ..gradient import ancestors
from ..nn import Module
from ..tensors import Tensor
from .backwards import Arrival, arrivals
from .compiled import Example, Slopes, updates
from .formula import Term, symbol
from .lines import line_of
from .matrices import matrix_latex, matrix_text, writable
from .naming import Names
from .reading import INDEXED, formula_of
from .texts import nested, short

WIDE = 88  # letters of a line of numbers: of longer ones only the formula is shown

RULES = {
    "forward": "forward propagation",
    "chain rule": "derivatives",
    "rule 0": "gradient of the loss",
    "rule 1": "gradient of weights",
    "rule 2": "back through an activation",
    "rule 3": "back to the layer before",
    "update": "new values",
}


@dataclass(frozen=True)
class Step:
    """One line of a calculation.

    rule         "forward", or "rule 0" to "rule 3" of lecture H; without layers "chain rule";
                 of a compiled step also "update"
    name         what is computed: A1, ∂J/∂W1
    formula      how, in text; `latex` the same for a page
    inputs       {name: array} of what is put in
    numbers      the formula with the numbers put in, where they are few, and in LaTeX
    result       the array that comes out
    source_line  the user's line, where `gg.record_lines()` kept it; of a derivative, the line of
                 the node that handed it back
    """

    number: int
    rule: str
    name: str
    formula: str
    latex: str
    inputs: dict[str, np.ndarray]
    result: np.ndarray
    source_line: str = ""
    numbers: tuple[str, str] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        return self.result.shape

    def put_in(self, form: int) -> list[str]:
        """The formula with its numbers, if it says more than formula and result."""
        plain = nested(self.result) if writable(self.result) else ""
        known = {self.formula, self.latex, plain, matrix_latex(self.result)}
        return [self.numbers[form]] if self.numbers and self.numbers[form] not in known else []

    def __str__(self) -> str:
        head = f"{self.number:3}. {self.rule:10} {self.name} = {self.formula}"
        where = f"   <- {self.source_line}" if self.source_line else ""
        if not self.shape:
            result = short(self.result[()])
            return " = ".join([head, *self.put_in(0), *[result] * (self.formula != result)]) + where
        put_in = [f"= {text}" for text in self.put_in(0) if len(text) <= WIDE]
        lines = [*put_in, *matrix_text(self.result).splitlines()]
        head += f"   {list(self.shape)}" + where
        return "\n        ".join([head, *lines])


class Steps(list[Step]):
    """All steps in order; prints as text, shows itself in a notebook with formulas."""

    def __str__(self) -> str:
        return "\n".join(map(str, self))

    __repr__ = __str__

    def markdown(self) -> str:
        """The steps with LaTeX formulas."""
        lines, rule = [], ""
        for step in self:
            if step.rule != rule:
                rule = step.rule
                lines += [f"### {rule}: {RULES[rule]}" if rule in RULES else f"### {rule}", ""]
            name = symbol(step.name).latex
            said = dict.fromkeys([step.latex, *step.put_in(1), matrix_latex(step.result)])
            parts = " = ".join([name, *said])
            lines += [f"{step.number}. $\\displaystyle {parts}$", ""]
        return "\n".join(lines)

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"

    def of(self, name: str) -> Step:
        """The last step that computes `name`.

        Raises:
            KeyError: There is none; the message lists the names.
        """
        for step in reversed(self):
            if step.name == name:
                return step
        known = ", ".join(dict.fromkeys(step.name for step in self))
        raise KeyError(f"no step computes {name!r}; there are {known}")


def steps(target: Any, *example: Any, names: Any = None, backward: bool = True) -> Steps:
    """The calculation of a tensor as numbered steps: forward, then each derivative.

    target    the loss: a tensor of one element, computed from tensors that require a gradient; or
              a step of `gg.compile`, which then also shows its updates: W1 - lr * ∂J/∂W1
    example   arguments of a compiled step; it is not run, and nothing changes
    names     of the user's tensors, {"X": features, "W1": net[0].weight}, or a model, whose
              parameters go by their paths; others are named as in lecture H: A1 = X W1' + b1,
              H1 = max(A1, 0), ..., J for the loss
    backward  whether derivatives follow

    Backward steps carry the lecture's rules: 0 from the loss to the scores, 1 to weights, 2 through
    activations, 3 to the layer before; without layers each is the chain rule.  Where a tensor is
    used several times, its derivative is the sum of what all uses hand it.  Source: lecture H,
    back-propagation; lecture R, total and partial derivatives.

    Raises:
        TypeError: The target, or what is named, is no tensor.
        ValueError: It was computed from nothing that requires a gradient, or has many elements.
        RuntimeError: A tensor has been changed in place since it was used.
    """
    check_arguments(locals(), names=ANY)
    if isinstance(target, CompiledStep):
        lines = of_step(target, example, given_names(names), backward)
    else:
        lines = of_tensor(target, example, given_names(names), backward)
    return Steps(Step(number, *fields) for number, fields in enumerate(lines, 1))


def of_tensor(target: Any, more: tuple, names: dict[str, Tensor], backward: bool) -> Iterator:
    """The fields of all steps of a tensor."""
    if more:
        count = f"{len(more)} more argument{'s' if len(more) > 1 else ''}"
        raise TypeError(f"a tensor is explained as it is, and there are {count}")
    check(target, backward)
    nodes = ancestors([target])
    unchanged(nodes)
    known = Names(nodes, target, names)
    yield from forward(nodes, known)
    yield from back(target, nodes, known) if backward else ()


def of_step(
    step: CompiledStep, arguments: tuple, names: dict[str, Tensor], backward: bool
) -> Iterator[tuple]:
    """The fields of all steps of a compiled step: of each loss, then the updates."""
    example = Example(step, arguments)
    nodes = ancestors(example.targets)
    known = Names(nodes, example.targets[0], example.named(names), example.standing())
    yield from forward(nodes, known)
    if not backward:
        return
    slopes: Slopes = {}
    for target in example.targets if example.graph.losses else ():
        known.target, known.slopes = target, {}
        results = {}
        for fields in back(target, ancestors([target]), known):
            results[fields[1]] = fields[5]
            yield fields
        for leaf, term in known.slopes.items():
            if term.text in results:
                slopes.setdefault(leaf, []).append((term, results[term.text]))
    for x, name, formula, numbers, inputs in updates(example, known, slopes):
        texts = "update", name.text, formula.text, formula.latex
        result = np.asarray(example.values[x])
        yield *texts, inputs, result, line_of(x), (numbers.text, numbers.latex)


def given_names(names: Any) -> dict[str, Tensor]:
    """{name: tensor} of a dict or of a model.

    Raises:
        TypeError: It is neither, or something in it is no tensor.
    """
    if isinstance(names, Module):
        return dict(names.named_parameters())
    if names is not None and not isinstance(names, dict):
        raise TypeError(f"names= is a dict or a model, not a {type(names).__name__}")
    for name, x in (names or {}).items():
        if not isinstance(name, str) or not isinstance(x, Tensor):
            kinds = f"{type(name).__name__} to {type(x).__name__}"
            raise TypeError(f'names= takes {{"X": tensor}}, and got {kinds} for {name!r}')
    return dict(names or {})


def check(target: Any, backward: bool) -> None:
    """Errors that say what is wanted."""
    if isinstance(target, CompiledStep):
        raise TypeError(
            f"a tensor is wanted, and got {target!r}: gg.explain.steps(step, *arguments) explains "
            "a compiled step; here compute the loss without gg.compile and give that"
        )
    if not isinstance(target, Tensor):
        advice = ": compute a loss with it, as F.mse_loss(model(x), y), and give that"
        advice = advice if isinstance(target, Module) else ""
        raise TypeError(f"a tensor is wanted, and got a {type(target).__name__}{advice}")
    if target.operation is None:
        raise ValueError(
            "this tensor was not computed from tensors that require a gradient, so nothing was "
            "recorded: compute it from parameters or InitialNodes, outside of no_grad and of "
            "compiled steps"
        )
    if backward and target.numel() != 1:
        raise ValueError(
            f"derivatives are of one number, and the target is {target.type_}: take its mean() or "
            "sum(), or say backward=False"
        )


def unchanged(nodes: list[Any]) -> None:
    """Refuses steps whose numbers are not those that were put in.

    Raises:
        RuntimeError: A leaf was written after a node was computed from it.
    """
    for y in nodes:
        for x in y.inputs:
            if x.operation is None and x.written > y.serial:
                name = x.name or "a tensor"
                raise RuntimeError(
                    f"{name} {x.type_} has been changed since {y.operation.name} used it: ask "
                    "before the optimizer's step, or compute the loss again"
                )


def forward(nodes: list[Any], known: Names) -> Iterator[tuple]:
    """A step for each node that is computed, and for statistics that were before."""
    stated = dict(known.stated)
    for x in nodes:
        if x.operation is not None and not known.folded(x):
            for leaf in put_in([x], known):
                if leaf in stated:
                    name, formula, value = stated.pop(leaf)
                    yield entry("forward", name, formula, None, [], known, value)
            formula = formula_of(x, known.put)
            shown = all(map(writable, put_in([x], known))) and x.operation.name not in INDEXED
            numbers = formula_of(x, known.number) if shown else None
            yield entry("forward", known(x), formula, numbers, [x], known, x.value)


def back(target: Any, nodes: list[Any], known: Names) -> Iterator[tuple]:
    """A step for each derivative."""
    for a in arrivals(target, nodes, known):
        if known.folded(a.input):
            known.passed(a.input, a.formula)
        else:
            yield backward_entry(a, known)


def backward_entry(a: Arrival, known: Names) -> tuple:
    """The fields of a derivative's step."""
    rule = known.rule(a.users[0], a.input)
    name = known.slope(a.input)
    return entry(rule, name, a.formula, a.numbers, a.users, known, a.gradient)


def entry(
    rule: str, name: Term, formula: Term, numbers: Term | None, users: list[Any], known: Names,
    result: Any,
) -> tuple:  # fmt: skip
    """The fields of a step."""
    inputs = {known(i).text: np.asarray(i.value) for i in put_in(users, known)}
    said = (numbers.text, numbers.latex) if numbers else None
    texts = (rule, name.text, formula.text, formula.latex)
    return *texts, inputs, np.asarray(result), line_of(users[0]) if users else "", said


def put_in(users: list[Any], known: Names) -> Iterator[Any]:
    """What nodes are computed from; of what is written as part of them, its own inputs."""
    for x in (i for y in users for i in y.inputs):
        if known.folded(x):
            yield from put_in([x], known)
        elif x in known.origins:
            yield from put_in([known.origins[x]], known)
        elif x.number is None:
            yield x
