"""Layers of the lectures that PyTorch has not: threshold units, the perceptron, maxout, columns."""

from __future__ import annotations

from typing import Any

from ..tensors.creation import coerced, empty, zeros
from ..tensors.state import no_grad
from ..tensors.tensor import Tensor
from ..types import ShapeError
from .functional.shapes import one_hot
from .linear import draw_evenly
from .module import Module
from .parameter import Parameter

__all__ = [
    "AppendOne", "Maxout", "McCullochPitts", "Perceptron", "PrependZero", "Sign", "Step",
]  # fmt: skip


class Step(Module):
    """y = u(x): 1 where x > 0, else 0 (lecture J); its derivative is 0: nothing learns through it

    x: [*] -> y: [*]
    """

    def forward(self, input: Tensor) -> Tensor:
        return input.sign().relu()


class Sign(Module):
    """y = signum(x): -1, 0 or 1 (lecture J); its derivative is 0: nothing learns through it

    x: [*] -> y: [*]
    """

    def forward(self, input: Tensor) -> Tensor:
        return input.sign()


class McCullochPitts(Module):
    """y = u(x W' + b), u the unit step: neurons with given weights (lecture J; 1943)

    x: [..., inputs] -> y: [..., outputs]

    Logic by one unit, with inputs in {0, 1}: OR, AND and NOT, but not XOR, which takes two layers:

        either = McCullochPitts([[1, 1]], [-0.5])
        both = McCullochPitts([[1, 1]], [-1.5])
        differ = Sequential(
            McCullochPitts([[-1, -1], [1, 1]], [0.5, -1.5]), McCullochPitts([[-1, -1]], [0.5])
        )
    """

    weight: Parameter  # [outputs, inputs]
    bias: Parameter  # [outputs]

    def __init__(self, weight: Any, bias: Any) -> None:
        self.weight = Parameter(coerced(weight).float(), requires_grad=False)
        self.bias = Parameter(coerced(bias).float(), requires_grad=False)
        if self.weight.ndim != 2 or self.bias.shape != self.weight.shape[:1]:
            raise ShapeError(
                "McCullochPitts takes weight: [outputs, inputs] and bias: [outputs] "
                f"and got {self.weight.type_} and {self.bias.type_}"
            )

    @property
    def in_features(self) -> int:
        """How many inputs each unit has."""
        return self.weight.shape[1]

    def forward(self, input: Tensor) -> Tensor:
        return input.linear(self.weight, self.bias).sign().relu()

    def extra_repr(self) -> str:
        return f"weight={self.weight.tolist()}, bias={self.bias.tolist()}"


class Perceptron(Module):
    """y = one-hot of argmax over c of w_c' x + b_c: the multi-class perceptron (lecture J)

    x: [..., in_features] -> y: [..., classes]

    `classify(x)` gives the class, `error(x, labels)` the vector y - one-hot of the label, in which
    the class that overshot has 1 and the class that undershot -1, and `update(x, labels)` learns.
    """

    weight: Parameter  # [classes, in_features]
    bias: Parameter  # [classes]

    def __init__(self, in_features: int, classes: int) -> None:
        self.in_features, self.classes = in_features, classes
        self.weight = Parameter(zeros(classes, in_features), requires_grad=False)
        self.bias = Parameter(zeros(classes), requires_grad=False)

    def classify(self, input: Tensor) -> Tensor:
        """The class with the largest w_c' x + b_c, the first if several.

        x: [..., in_features] -> [...]
        """
        return input.linear(self.weight, self.bias).argmax(-1)

    def forward(self, input: Tensor) -> Tensor:
        return self._one_hot(self.classify(input))

    def error(self, input: Tensor, labels: Any) -> Tensor:
        """epsilon_c = f_c(x) - y_c, with the label as a one-hot vector.

        x: [..., in_features], labels: [...] -> [..., classes]
        """
        return self(input) - self._one_hot(labels)

    def update(self, input: Tensor, labels: Any, lr: float = 1.0) -> int:
        """Learn from each row in turn: w_c <- w_c - lr epsilon_c x.  Returns how many were wrong.

        x: [n, in_features], labels: [n].  A row that is classified rightly changes nothing.
        """
        labels = coerced(labels)
        mistakes = 0
        with no_grad():
            for x, label in zip(coerced(input), labels, strict=True):
                error = self.error(x, label)
                mistakes += bool(error.any())
                self.weight.assign(self.weight - lr * error.outer(x))
                self.bias.assign(self.bias - lr * error)
        return mistakes

    def _one_hot(self, labels: Any) -> Tensor:
        return one_hot(labels, self.classes).to(self.weight.dtype)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, classes={self.classes}"


class Maxout(Module):
    """y_j = max over k of w_jk' x + b_jk: the largest of some linear pieces (lecture B)

    x: [..., in_features] -> y: [..., out_features]

    Goodfellow et al. 2013.  Weights start as those of `Linear` do.
    """

    weight: Parameter  # [out_features, pieces, in_features]
    bias: Parameter | None  # [out_features, pieces]

    def __init__(
        self,
        in_features: int,
        out_features: int,
        pieces: int = 2,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self.in_features, self.out_features, self.pieces = in_features, out_features, pieces
        kind: dict[str, Any] = {"device": device, "dtype": dtype}
        self.weight = Parameter(empty(out_features, pieces, in_features, **kind))
        own = Parameter(empty(out_features, pieces, **kind)) if bias else None
        self.register_parameter("bias", own)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        draw_evenly(self, self.in_features)

    def forward(self, input: Tensor) -> Tensor:
        weight = self.weight.reshape(-1, self.in_features)
        bias = None if self.bias is None else self.bias.reshape(-1)
        return input.linear(weight, bias).unflatten(-1, (self.out_features, self.pieces)).amax(-1)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"pieces={self.pieces}, bias={self.bias is not None}"
        )


class PrependZero(Module):
    """y = [0, x]: logits of K classes from K - 1 outputs, class 0 being the reference (lecture H)

    x: [..., outputs] -> y: [..., outputs + 1]
    """

    def forward(self, input: Tensor) -> Tensor:
        return input.new_zeros((*input.shape[:-1], 1)).join([input], -1)


class AppendOne(Module):
    """y = [x, 1]: a column of ones, whose weights are the intercepts of a layer without bias

    x: [..., features] -> y: [..., features + 1]

    Lectures H and J: `AppendOne` and `Linear(features + 1, outputs, bias=False)` do what
    `Linear(features, outputs)` does.
    """

    def forward(self, input: Tensor) -> Tensor:
        return input.join([input.new_ones((*input.shape[:-1], 1))], -1)
