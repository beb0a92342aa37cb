"""`gg.explain.descent`: gradient descent by hand, each step with its numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import check_arguments, choice, number, optional
from .objectives import Objective, objective
from .tables import table_html
from .texts import short, values_text

SHOWN = 20  # so many steps are printed; all are in the list


@dataclass(frozen=True)
class DescentStep:
    """One step: weights after = weights before - lr gradient.

    number    from 1
    epoch     from 1
    rows      the observations that it looks at, from 1; none of a function without data
    parts     their gradients one by one, where these were given
    gradient  of their loss, at the weights before
    before    the weights, and `after`
    loss      of all observations at the weights after, None for given gradients
    change    by how much the step has changed it
    """

    number: int
    epoch: int
    rows: range
    parts: np.ndarray | None
    gradient: np.ndarray
    before: np.ndarray
    after: np.ndarray
    lr: float
    mean: bool
    loss: float | None
    change: float | None

    def work(self) -> str:
        """`[-2, 1] - 0.5 * ([-1, 1] + [-2, 2]) = [-0.5, -0.5]`."""
        step = f"{short(self.lr)} * {self.summed()}"
        return f"{values_text(self.before)} - {step} = {values_text(self.after)}"

    def summed(self) -> str:
        """The gradient, as the sum or mean of what was given."""
        if self.parts is None or not 1 < len(self.parts) <= 8:
            return values_text(self.gradient)
        total = f"({' + '.join(map(values_text, self.parts))})"
        return f"1/{len(self.parts)} * {total}" if self.mean else total


class Descent(list[DescentStep]):
    """All steps; prints the work of each.

    start    the weights before the first step
    stopped  why there are no more steps
    """

    start: np.ndarray
    stopped: str = ""

    @property
    def weights(self) -> np.ndarray:
        """The weights after the last step."""
        return self[-1].after if self else self.start

    def table(self) -> list[list[str]]:
        """Step, observations, gradient, weights and loss, heading first."""
        cells = [["step", "rows", "gradient", "weights", "loss"], self._first()]
        for s in self:
            loss = "" if s.loss is None else short(s.loss)
            numbers = [values_text(s.gradient), values_text(s.after), loss]
            cells.append([str(s.number), _said(s.rows), *numbers])
        return cells

    def _first(self) -> list[str]:
        loss = ""
        if self and self[0].loss is not None and self[0].change is not None:
            loss = short(self[0].loss - self[0].change)
        return ["0", "", "", values_text(self.start), loss]

    def __str__(self) -> str:
        lines = [_line(s) for s in self[:SHOWN]]
        if len(self) > SHOWN:
            lines += [f"... {len(self) - SHOWN - 1} more steps", _line(self[-1])][-2:]
        return "\n".join([*lines, *([self.stopped] if self.stopped else [])])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table_html(self.table())


def _line(s: DescentStep) -> str:
    loss = "" if s.loss is None else f"   loss {short(s.loss)}"
    rows = f", {_said(s.rows)}" if s.rows else ""
    return f"step {s.number}{rows}: {s.work()}{loss}"


def _said(rows: range) -> str:
    if not rows:
        return ""
    if len(rows) == 1:
        return f"observation {rows[0]}"
    return f"observations {rows[0]} to {rows[-1]}"


def descent(
    what: Any, *data: Any, lr: float, start: Any = None, batch_size: int | None = None,
    epochs: int = 1, epsilon: float | None = None, reduction: str = "sum", loss: Any = None,
) -> Descent:  # fmt: skip
    """Gradient descent, full, in batches or stochastic, with the numbers of each step.

    what        the gradients [observations, weights] as given; or a function of the weights and of
                `data` that returns the loss, as a number or for each observation; or a model, which
                is left as it was
    data        what the function takes besides; of a model, inputs and labels
    start       the weights to begin with; a model's own are its start
    batch_size  1: stochastic descent; None: full, all observations in each step
    epochs      how often to go through the observations, at most
    epsilon     stop when an epoch changes the loss by at most this
    reduction   "sum" of the observations' losses, the total loss, or "mean"
    loss        of a model, a function of (output, labels); the squared error unless given

    w <- w - lr * gradient.  Observations keep their order.  Source: lecture H, computation
    exercises; lecture R, gradient descent with a stop.

    Raises:
        TypeError: Something of the above is missing, or given where it does not belong.
        ValueError: The numbers do not fit.
    """
    checked(lr, batch_size, epochs, epsilon, reduction)
    aim = objective(what, data, start, reduction, loss)
    if epsilon is not None and not aim.knows_loss:
        raise TypeError("epsilon= needs a loss, and gradients alone were given")
    found = Descent()
    found.start = aim.start.copy()
    with closing(aim):
        for step in walk(aim, lr, batch_size, epochs, epsilon):
            found.append(step)
    found.stopped = ended(found, epsilon, epochs)
    return found


def walk(
    aim: Objective, lr: float, batch_size: int | None, epochs: int, epsilon: float | None
) -> Iterator[DescentStep]:
    """The steps, until an epoch changes little."""
    w, size, number = aim.start, batch_size or aim.rows, 0
    loss = aim.loss(w) if aim.knows_loss else None
    for epoch in range(1, epochs + 1):
        before_epoch = loss
        for first in range(0, aim.rows, size):
            number += 1
            rows = slice(first, min(first + size, aim.rows))
            gradient = aim.gradient(w, rows)
            after = w - lr * gradient
            now = aim.loss(after) if aim.knows_loss else None
            change = None if now is None or loss is None else now - loss
            seen = range(rows.start + 1, rows.stop + 1) if aim.has_rows else range(0)
            numbers = (aim.parts(rows), gradient, w, after, lr, aim.mean, now, change)
            yield DescentStep(number, epoch, seen, *numbers)
            w, loss = after, now
        if over(loss, before_epoch, epsilon):
            return


def over(loss: float | None, before: float | None, epsilon: float | None) -> bool:
    """Whether an epoch has changed little, or has led where no number is."""
    if loss is None or before is None:
        return False
    if not math.isfinite(loss):
        return True
    return epsilon is not None and abs(loss - before) <= epsilon


def ended(found: Descent, epsilon: float | None, epochs: int) -> str:
    """Why there are no more steps."""
    if not found or found[-1].loss is None:
        return ""
    if not math.isfinite(found[-1].loss):
        return f"stopped: the loss is {found[-1].loss} after {len(found)} steps; try a smaller lr"
    if epsilon is None:
        return ""
    if found[-1].epoch < epochs:
        return f"stopped: the last epoch changed the loss by at most {short(epsilon)}"
    return f"stopped after {epochs} epochs"


def checked(
    lr: float, batch_size: int | None, epochs: int, epsilon: float | None, reduction: str
) -> None:
    """Errors about single numbers."""
    check_arguments(locals(), epsilon=optional(number(0)), reduction=choice("sum", "mean"))
