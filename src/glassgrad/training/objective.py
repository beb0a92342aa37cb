"""The loss of a training: found by name, weighted by rows, and what it takes."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Callable
from typing import Any, NamedTuple

from .. import nn
from ..arguments import shown, takes
from ..tensors import Tensor
from ..types import ShapeError


class Kind(NamedTuple):
    """What a loss takes.

    labels   "classes": whole numbers from 0; "like outputs": of the outputs' shape; "" is not known
    outputs  "logits", "log probabilities" or "scores" of classes; "binary logits", "binary
             probabilities" or "signs" of yes and no; "values"; "" is not known
    """

    labels: str = ""
    outputs: str = ""


KINDS = {  # by the name of the class or function, as `key` makes them alike
    "crossentropy": Kind("classes", "logits"),
    "nll": Kind("classes", "log probabilities"),
    "multimargin": Kind("classes", "scores"),
    "perceptron": Kind("classes", "scores"),
    "bcewithlogits": Kind("like outputs", "binary logits"),
    "multilabelsoftmargin": Kind("like outputs", "binary logits"),
    "bce": Kind("like outputs", "binary probabilities"),
    "softmargin": Kind("like outputs", "signs"),
    "logistic": Kind("like outputs", "signs"),
    "hinge": Kind("like outputs", "signs"),
    "mse": Kind("like outputs", "values"),
    "square": Kind("like outputs", "values"),
    "l1": Kind("like outputs", "values"),
    "smoothl1": Kind("like outputs", "values"),
    "huber": Kind("like outputs", "values"),
    "poissonnll": Kind("like outputs", "values"),
}


def key(name: str) -> str:
    """`CrossEntropyLoss`, `cross_entropy` and `cross-entropy` as one word."""
    word = name.lower().replace("_", "").replace("-", "").removesuffix("loss")
    return word.replace("binarycrossentropy", "bce")


class Objective:
    """The loss of a batch as one number, `objective(outputs, labels, weights)`.

    loss      a module, its class, a function of outputs and labels, or a name: "cross_entropy"
    weighted  whether rows have weights; then the loss is mean(weight * loss of the row)
    """

    def __init__(self, loss: Any, *, weighted: bool = False) -> None:
        self.loss = found(loss)
        self.name = getattr(self.loss, "__name__", type(self.loss).__name__)
        self.kind = KINDS.get(key(self.name), Kind())
        self.each = each_row(self.loss, self.name) if weighted else None
        self.sums = getattr(self.loss, "reduction", "mean") == "sum"

    def __call__(self, outputs: Any, labels: Any, weights: Any = None) -> Any:
        """outputs: [batch, ...], labels: [batch, ...], weights: [batch] -> []"""
        if not isinstance(outputs, Tensor):
            raise TypeError(
                f"the model gives a {type(outputs).__name__}, and {self.name} compares one tensor "
                "with the labels: let forward put them side by side, gg.cat([a, b], 1), and part "
                "them in the loss"
            )
        check_shapes(outputs, labels, self.kind, self.name)
        if self.each is None or weights is None:
            return self.loss(outputs, labels)
        losses = self.each(outputs, labels)
        if len(losses.shape) > 1:
            losses = losses.reshape(losses.shape[0], -1).mean(1)
        weighted = losses * weights
        return weighted.sum() if self.sums else weighted.mean()


def found(loss: Any) -> Callable:
    """The loss as something to call.

    Raises:
        ValueError: There is no loss of this name, or it does not give one number.
    """
    if isinstance(loss, str):
        known = {key(name): getattr(nn, name) for name in dir(nn) if name.endswith("Loss")}
        if key(loss) not in known:
            names = sorted(known)
            near = difflib.get_close_matches(key(loss), names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"there is no loss {loss!r}{hint} There are: {', '.join(names)}")
        return known[key(loss)]()
    if isinstance(loss, type):
        loss = loss()
    if not callable(loss):
        raise TypeError(f"loss is a module, a function or a name, not {shown(loss)}")
    if not takes(getattr(loss, "forward", loss), None, None):
        raise TypeError(
            f"loss takes outputs and labels, and {shown(loss)} does not; give nn.MSELoss(), say"
        )
    if getattr(loss, "reduction", "mean") == "none":
        raise ValueError(
            "the loss has reduction='none'; training needs one number: 'mean' or 'sum'"
        )
    return loss


def each_row(loss: Any, name: str) -> Callable:
    """The loss without its mean over the rows."""
    if getattr(loss, "weight", None) is not None:
        raise ValueError(
            f"{name} has weights of its own; with sample_weight or class_weight leave out weight="
        )
    if hasattr(loss, "reduction"):
        single = copy.copy(loss)
        single.reduction = "none"
        return single

    def each(outputs: Any, labels: Any) -> Any:
        try:
            return loss(outputs, labels, reduction="none")
        except TypeError as error:
            if "reduction" not in str(error):
                raise
            raise TypeError(
                f"weights need the loss of each row: let {name} take reduction='none', or give a "
                "loss of glassgrad.nn"
            ) from None

    return each


def check_shapes(outputs: Any, labels: Any, kind: Kind, name: str) -> None:
    """Labels have the shape that the loss takes; nothing is broadcast silently.

    Raises:
        ShapeError: They have not; the message shows the reshape.
        TypeError: There are no labels.
    """
    if labels is None:
        raise TypeError(f"{name} compares outputs with labels, and the data has no labels")
    given, wanted = labels.shape, outputs.shape
    if given == wanted or (kind.labels == "classes" and given == wanted[:1] + wanted[2:]):
        return
    if (*given, 1) == wanted or given == (*wanted, 1):
        one = "labels.reshape(-1, 1)" if len(given) < len(wanted) else "labels.squeeze(-1)"
        raise ShapeError(
            f"{name}: labels {labels.type_} do not fit outputs {outputs.type_}, and broadcasting "
            f"would compare each with each; make it {one}"
        )
    if kind.labels == "like outputs":
        raise ShapeError(
            f"{name} takes labels of the outputs' shape: outputs {outputs.type_}, "
            f"labels {labels.type_}"
        )
    if kind.labels == "classes":
        raise ShapeError(
            f"{name} takes one class for each row: outputs {outputs.type_} need labels "
            f"{[wanted[0], *wanted[2:]]}, not {labels.type_}"
        )
