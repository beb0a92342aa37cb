"""What descends: gradients that are given, a function of the weights, or a model."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import grad
from ..nn import Module
from ..tensors import Tensor, enable_grad, no_grad
from ..types import ShapeError


class Objective:
    """A loss of weights, summed over observations.

    start        the weights to begin with
    rows         how many observations there are, 1 of a function without data
    has_rows     whether it looks at observations at all
    mean         whether their mean is meant, instead of their sum
    knows_loss   whether there is more than gradients
    """

    knows_loss = has_rows = True
    start: np.ndarray
    rows: int
    mean: bool

    def losses(self, w: Tensor, rows: slice) -> Any:
        """The loss of some observations as a tensor: a number, or one for each."""
        raise NotImplementedError

    def value(self, w: Tensor, rows: slice) -> Any:
        """Their sum, or mean, as a tensor of one element."""
        found = self.losses(w, rows)
        if not isinstance(found, Tensor):
            raise TypeError(f"the loss must be a tensor, and is a {type(found).__name__}")
        return found.mean() if self.mean else found.sum()

    def loss(self, w: np.ndarray) -> float:
        """The loss of all observations."""
        with no_grad():
            return float(self.value(Tensor.lift(w), slice(0, self.rows)))

    def gradient(self, w: np.ndarray, rows: slice) -> np.ndarray:
        """The derivative of the loss of some observations by the weights."""
        leaf = Tensor.lift(w.copy()).requires_grad_()
        with enable_grad():
            (found,) = grad(self.value(leaf, rows), leaf)
        return np.asarray(found.value)

    def parts(self, rows: slice) -> np.ndarray | None:
        """The gradients of single observations, where they were given."""
        return None

    def close(self) -> None:
        """Put back what was changed."""


class GivenGradients(Objective):
    """Each observation has a gradient that is the same everywhere."""

    knows_loss = False

    def __init__(self, gradients: Any, start: Any, mean: bool) -> None:
        self.each = numbers(gradients, "gradients")
        if self.each.ndim != 2 or not len(self.each):
            raise ShapeError(
                f"gradients are [observations, weights], and have shape {self.each.shape}"
            )
        if start is None:
            raise TypeError("start= has the weights to begin with")
        self.start, self.rows, self.mean = numbers(start, "start"), len(self.each), mean
        if self.start.shape != self.each.shape[1:]:
            raise ShapeError(
                f"there are {self.start.size} weights, and gradients of {self.each.shape[1]}"
            )

    def gradient(self, w: np.ndarray, rows: slice) -> np.ndarray:
        """The sum or mean of what was given."""
        return self.each[rows].mean(0) if self.mean else self.each[rows].sum(0)

    def parts(self, rows: slice) -> np.ndarray:
        """What was given."""
        return self.each[rows]


class OfFunction(Objective):
    """A function of the weights and of observations."""

    def __init__(self, function: Any, data: tuple, start: Any, mean: bool) -> None:
        if start is None:
            raise TypeError("start= has the weights to begin with")
        self.function, self.mean = function, mean
        self.start = numbers(start, "start")
        self.data = [as_tensor(x) for x in data]
        self.rows, self.has_rows = same_rows(self.data), bool(data)

    def losses(self, w: Tensor, rows: slice) -> Any:
        """What the function says of some observations."""
        return self.function(w, *(x[rows] for x in self.data))


class OfModel(Objective):
    """A model's parameters, one after another as a vector; `close` puts them back."""

    def __init__(self, model: Module, data: tuple, mean: bool, loss: Any) -> None:
        if len(data) != 2:
            raise TypeError("a model needs inputs and labels: descent(model, X, y, lr=0.1)")
        self.model, self.criterion, self.mean = model, loss or squared, mean
        self.parameters = list(model.parameters())
        if not self.parameters:
            raise ValueError("the model has no parameters to learn")
        dtype = self.parameters[0].dtype
        X, y = map(as_tensor, data)
        self.data = [x.to(dtype) if x.dtype.kind == "f" else x for x in (X, y)]
        self.rows = same_rows(self.data)
        self.kept = {x: x.value.copy() for x in [*self.parameters, *model.buffers()]}
        self.start = self.flat([p.value for p in self.parameters])

    def flat(self, arrays: list[np.ndarray]) -> np.ndarray:
        """Arrays as one vector."""
        return np.concatenate([a.reshape(-1) for a in arrays])

    def put(self, w: np.ndarray) -> None:
        """Give the model these weights."""
        first = 0
        with no_grad():
            for p in self.parameters:
                p.copy_(Tensor.lift(w[first : first + p.numel()].reshape(p.shape)))
                first += p.numel()

    def losses(self, w: Tensor, rows: slice) -> Any:
        """The loss at the weights w."""
        self.put(w.value)
        X, y = self.data
        return self.criterion(self.model(X[rows]), y[rows])

    def gradient(self, w: np.ndarray, rows: slice) -> np.ndarray:
        """The derivative by all parameters."""
        with enable_grad():
            found = grad(self.value(Tensor.lift(w), rows), self.parameters, allow_unused=True)
        pairs = zip(found, self.parameters)
        return self.flat([np.zeros_like(p.value) if g is None else g.value for g, p in pairs])

    def close(self) -> None:
        """Put parameters and buffers back."""
        with no_grad():
            for x, value in self.kept.items():
                x.copy_(Tensor.lift(value))


def objective(what: Any, data: tuple, start: Any, reduction: str, loss: Any) -> Objective:
    """What the arguments of `descent` mean."""
    mean = reduction == "mean"
    if isinstance(what, Module):
        if start is not None:
            raise TypeError("a model starts from its own weights: leave out start=")
        return OfModel(what, data, mean, loss)
    if loss is not None:
        raise TypeError("loss= belongs to a model; a function returns the loss itself")
    if callable(what) and not isinstance(what, (Tensor, type)):
        return OfFunction(what, data, start, mean)
    if data:
        raise TypeError("gradients were given, and data too: data belong to a function or model")
    return GivenGradients(what, start, mean)


def squared(output: Tensor, labels: Tensor) -> Any:
    """(output - labels)^2, summed over the outputs of an observation."""
    if output.shape != labels.shape:
        raise ShapeError(f"the model gives {output.type_}, and the labels are {labels.type_}")
    errors = (output - labels) ** 2
    return errors.flatten(1).sum(1) if len(errors.shape) > 1 else errors


def numbers(x: Any, name: str) -> np.ndarray:
    """A float64 array."""
    try:
        return np.array(x.value if isinstance(x, Tensor) else x, np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be numbers, and is {type(x).__name__} {x!r}") from None


def as_tensor(x: Any) -> Tensor:
    """Data as a tensor that asks for no gradient; lists of numbers in float64."""
    return x.detach() if isinstance(x, Tensor) else Tensor.lift(np.asarray(x))


def same_rows(data: list[Tensor]) -> int:
    """How many observations there are; 1 where there are no data."""
    lengths = {len(x.value) for x in data}
    if len(lengths) > 1:
        raise ShapeError(f"data have {' and '.join(map(str, sorted(lengths)))} rows")
    return lengths.pop() if lengths else 1
