"""`gg.explain.steps`: a whole calculation as numbered steps, forward and then backward."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from ..gradient import ancestors
from ..tensors import Tensor
from .backwards import arrivals
from .formula import Term, symbol
from .matrices import matrix_latex, matrix_text
from .naming import Names
from .reading import formula_of

RULES = {
    "forward": "forward propagation",
    "rule 0": "gradient of the loss",
    "rule 1": "gradient of weights",
    "rule 2": "back through an activation",
    "rule 3": "back to the layer before",
}


@dataclass(frozen=True)
class Step:
    """One line of a calculation.

    rule         "forward", or "rule 0" to "rule 3" of lecture H
    name         what is computed: A1, ∂J/∂W1
    formula      how, in text; `latex` the same for a page
    inputs       {name: array} of what is put in
    result       the array that comes out
    source_line  the user's line, where it was recorded
    """

    number: int
    rule: str
    name: str
    formula: str
    latex: str
    inputs: dict[str, np.ndarray]
    result: np.ndarray
    source_line: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        return self.result.shape

    def __str__(self) -> str:
        head = f"{self.number:3}. {self.rule:8} {self.name} = {self.formula}   {list(self.shape)}"
        where = f"   {self.source_line}" if self.source_line else ""
        body = matrix_text(self.result)
        return head + where + "\n" + "\n".join("        " + line for line in body.splitlines())


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
            value = matrix_latex(step.result)
            lines += [f"{step.number}. $\\displaystyle {name} = {step.latex} = {value}$", ""]
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


def steps(target: Any, *, names: dict[str, Any] | None = None, backward: bool = True) -> Steps:
    """The calculation of a tensor as numbered steps: forward, then each derivative.

    target    the loss: a tensor of one element, computed from tensors that require a gradient
    names     of the user's tensors, {"X": features, "W1": net[0].weight}; others are named as in
              lecture H: A1 = X W1', H1 = relu(A1), ..., J for the loss
    backward  whether derivatives follow

    Backward steps carry the lecture's rules: 0 from the loss to the predictions, 1 to weights, 2
    through activations, 3 to the layer before.  What arrives at a node from several uses is added
    up, in steps of their own.  Source: lecture H, back-propagation; lecture R, partial derivatives.

    Raises:
        TypeError: The target is no tensor.
        ValueError: It was computed from nothing that requires a gradient, or has many elements.
    """
    check(target, backward)
    nodes = ancestors([target])
    known = Names(nodes, target, names or {})
    found = Steps()
    for fields in [*forward(nodes, known), *(back(target, nodes, known) if backward else ())]:
        found.append(Step(len(found) + 1, *fields))
    return found


def check(target: Any, backward: bool) -> None:
    """Errors that say what is wanted."""
    if not isinstance(target, Tensor):
        raise TypeError(f"the steps of a tensor are wanted, and got a {type(target).__name__}")
    if target.operation is None:
        raise ValueError(
            "this tensor was not computed from tensors that require a gradient, so nothing was "
            "recorded: compute it from parameters or InitialNodes, outside of no_grad"
        )
    if backward and target.numel() != 1:
        raise ValueError(
            f"derivatives are of one number, and the target is {target.type_}: take its mean() or "
            "sum(), or say backward=False"
        )


def forward(nodes: list[Any], known: Names) -> Iterator[tuple]:
    """A step for each node that is computed."""
    for x in nodes:
        if x.operation is not None and not known.silent(x):
            yield entry("forward", known(x), formula_of(x, known.put), x, known, x.value)


def back(target: Any, nodes: list[Any], known: Names) -> Iterator[tuple]:
    """A step for each gradient that arrives somewhere."""
    for a in arrivals(target, nodes, known, known.slope):
        if known.silent(a.input) and a.first:
            known.passed(a.input, a.formula)
            continue
        name, formula = known.slope(a.input), a.formula
        if not a.first:
            formula = name + formula
        yield entry(known.rule(a.node, a.input), name, formula, a.node, known, a.total.value)


def entry(rule: str, name: Term, formula: Term, x: Any, known: Names, result: Any) -> tuple:
    """The fields of a step."""
    inputs = {known(i).text: np.asarray(i.value) for i in x.inputs if i.number is None}
    return rule, name.text, formula.text, formula.latex, inputs, np.asarray(result), line_of(x)


def line_of(x: Any) -> str:
    """The user's line that made a node, where lines were recorded."""
    line = vars(x).get("where")
    return "" if line is None else str(line)
