"""`gg.explain.single_neuron`: the table of a neuron's h, p, prediction and loss, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import check_arguments, choice, number, whole
from ..types import ShapeError
from .objectives import numbers
from .tables import table_html, table_text
from .texts import short

LOSSES = ("squared", "log")


@dataclass(frozen=True, repr=False)
class NeuronTable:
    """A neuron at some weights, and what it says of each row.

    step     how many steps were taken before
    X, y     the rows and their labels
    weights  and `bias`
    h        weights X + bias
    p        1 / (1 + exp(-h))
    """

    step: int
    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray
    bias: float
    h: np.ndarray
    p: np.ndarray
    losses: np.ndarray

    @property
    def prediction(self) -> np.ndarray:
        """p, rounded."""
        return np.round(self.p)

    @property
    def loss(self) -> float:
        """The sum over the rows."""
        return float(self.losses.sum())

    @property
    def right(self) -> int:
        """How many rows are predicted rightly."""
        return int((self.prediction == self.y).sum())

    def table(self) -> list[list[str]]:
        """The cells, heading first."""
        inputs = [f"X{i}" for i in range(1, self.X.shape[1] + 1)]
        cells = [[*inputs, "y", "h", "p", "prediction", "loss"]]
        for x, *rest in zip(self.X, self.y, self.h, self.p, self.prediction, self.losses):
            y, h, p, prediction, loss = rest
            given = [short(v) for v in [*x, y, h]]
            cells.append([*given, f"{p:.2f}", f"{prediction:.0f}", f"{loss:.3f}"])
        return cells

    def heading(self) -> str:
        """The weights, the loss, and how many rows are right."""
        weights = ", ".join(f"w{i} = {short(w)}" for i, w in enumerate(self.weights, 1))
        right = f"{self.right} of {len(self.y)} right"
        return f"step {self.step}: {weights}, b = {short(self.bias)}; loss {self.loss:.3f}, {right}"

    def __str__(self) -> str:
        return f"{self.heading()}\n{table_text(self.table())}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<p>{self.heading()}</p>{table_html(self.table())}"


class NeuronTables(list[NeuronTable]):
    """The table before the first step and after each; prints them all."""

    def __str__(self) -> str:
        return "\n\n".join(map(str, self))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return "".join(table._repr_html_() for table in self)


def single_neuron(
    X: Any, y: Any, weights: Any, bias: float = 0.0, *, lr: float = 1.0, steps: int = 0,
    loss: str = "squared",
) -> NeuronTables:  # fmt: skip
    """What a neuron says of each row, at these weights and after each step of gradient descent.

    X        [rows, inputs], and y [rows] of labels 0 and 1
    weights  one for each input, and a bias
    lr       the step size, and `steps` how many to take, each on all rows
    loss     "squared": (y - p)^2;  "log": -y log p - (1 - y) log(1 - p)

    h = w1 X1 + w2 X2 + b;  p = 1 / (1 + exp(-h));  prediction = round(p)

    dl/dh = 2 (p - y) p (1 - p) of the squared loss, p - y of the logarithmic one; dl/dw = dl/dh X.
    Source: lecture B, perceptrons.

    Raises:
        ShapeError: Rows, labels and weights do not fit.
        ValueError: A label is not 0 or 1, or the loss is not known.
    """
    check_arguments(
        locals(), bias=number(), lr=number(), steps=whole(0), loss=choice("squared", "log")
    )
    X, y, w, b = fitting(X, y, weights, bias)
    found = NeuronTables()
    for step in range(steps + 1):
        found.append(said(step, X, y, w, b, loss))
        p = found[-1].p
        by_h = 2 * (p - y) * p * (1 - p) if loss == "squared" else p - y
        w, b = w - lr * by_h @ X, b - lr * by_h.sum()
    return found


def said(step: int, X: np.ndarray, y: np.ndarray, w: np.ndarray, b: float, loss: str) -> Any:
    """The table at some weights."""
    h = X @ w + b
    p = 1 / (1 + np.exp(-np.clip(h, -700, 700)))
    losses = (y - p) ** 2 if loss == "squared" else np.logaddexp(0, np.where(y > 0, -h, h))
    return NeuronTable(step, X, y, w, float(b), h, p, losses)


def fitting(X: Any, y: Any, weights: Any, bias: Any) -> tuple[np.ndarray, np.ndarray, Any, float]:
    """The arguments as arrays that fit."""
    X, y, w = numbers(X, "X"), numbers(y, "y"), numbers(weights, "weights")
    if X.ndim != 2 or y.shape != X.shape[:1] or w.shape != X.shape[1:]:
        raise ShapeError(
            f"X [rows, inputs], y [rows] and weights [inputs] have shapes {X.shape}, {y.shape} and "
            f"{w.shape}"
        )
    if not np.isin(y, (0, 1)).all():
        raise ValueError(f"labels are 0 and 1, and there is {y[~np.isin(y, (0, 1))][0]:g}")
    return X, y, w, float(bias)
