"""Losses for classes and probabilities: negative log likelihoods (lectures H, J and R)."""

from __future__ import annotations

from typing import Any

from ...operations import composite
from ...operations import elementwise as op
from ...operations.gather import take
from ...tensors.creation import coerced
from ...tensors.state import state
from ...types import ShapeError, int64, is_real
from .arguments import check_integers, check_range
from .reduction import check_real, check_unit, paired, reduced, weighed

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "kl_div",
    "nll_loss", "zero_one_loss",
]  # fmt: skip


def cross_entropy(
    input, target, weight=None, *, ignore_index=-100, reduction="mean", label_smoothing=0.0
):
    """-ln softmax(x)[label] = ln sum e^x - x[label] for each row (lecture H)

    x: [batch, classes], target: int64[batch] -> y: [] (or [batch] for reduction="none")

    x may be [classes] or [batch, classes, ...], target then has the same axes but the classes.  A
    real target of the shape of x holds the probability of each class.

    weight           a number for each class; the mean divides by the weights of the labels
    ignore_index     rows with this label do not count
    label_smoothing  s: the label has probability 1 - s + s / classes, others s / classes
    """
    x, target = coerced(input), coerced(target)
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if target.shape == x.shape and x.shape:
        return _soft_cross_entropy(x, target, weight, ignore_index, reduction, label_smoothing)
    rows, labels = _rows(x, target, "cross_entropy")
    weight = _class_weight(weight, rows)
    labels, kept = _counted(labels, rows.shape[1], ignore_index, "cross_entropy")
    losses, counts = _weighed_rows(rows.cross_entropy_rows(labels), labels, weight, kept)
    if label_smoothing:
        even = -rows.log_softmax(1)
        even = (even if weight is None else even * weight).sum(1) / rows.shape[1]
        even = even if kept is None else even.where(kept, 0)
        losses = losses * (1 - label_smoothing) + even * label_smoothing
    return _collected(losses, counts, target.shape, reduction)


def nll_loss(input, target, weight=None, *, ignore_index=-100, reduction="mean"):
    """-x[label] for each row of log-probabilities x: `cross_entropy` after `log_softmax`

    x: [batch, classes], target: int64[batch] -> y: [] (or [batch] for reduction="none")
    """
    x, target = coerced(input), coerced(target)
    rows, labels = _rows(x, target, "nll_loss")
    weight = _class_weight(weight, rows)
    labels, kept = _counted(labels, rows.shape[1], ignore_index, "nll_loss")
    picked = rows.gather(1, labels.unsqueeze(1)).squeeze(1)
    losses, counts = _weighed_rows(-picked, labels, weight, kept)
    return _collected(losses, counts, target.shape, reduction)


def _soft_cross_entropy(x, target, weight, ignore_index, reduction, smoothing):
    """-sum over classes of target ln softmax(x): targets are probabilities."""
    axis = 0 if len(x.shape) == 1 else 1
    if not is_real(target.dtype):
        raise RuntimeError(
            f"cross_entropy takes targets of the shape of the outputs as probabilities, and got "
            f"{target.type_}: write target.float(), or give class numbers without the class axis"
        )
    if ignore_index >= 0:
        raise RuntimeError("ignore_index is not supported for floating point target")
    if smoothing:
        target = target * (1 - smoothing) + smoothing / x.shape[axis]
    terms = x.log_softmax(axis) * target
    if weight is not None:
        weight = coerced(weight)
        terms = terms * weight.reshape((-1, *(1,) * (len(x.shape) - axis - 1)))
    losses = -terms.sum(axis)
    return reduced(losses, reduction)


# ---- rows and their labels


def _rows(x: Any, target: Any, name: str) -> tuple[Any, Any]:
    """Scores as [rows, classes] and class numbers as [rows], whatever axes there were."""
    check_shape = len(x.shape) > 0 and target.shape == x.shape[:1] + x.shape[2:]
    if len(x.shape) == 1:
        check_shape = target.shape == ()
    if not check_shape:
        raise ShapeError(_misfit(x, target, name))
    check_integers(target, name)
    if len(x.shape) == 2:
        return x, target if target.dtype == int64 else target.long()
    rows = x.movedim(1, -1) if len(x.shape) > 2 else x
    return rows.reshape(-1, x.shape[min(1, len(x.shape) - 1)]), target.reshape(-1).long()


def _misfit(x: Any, target: Any, name: str) -> str:
    text = f"{name} takes outputs [batch, classes, ...] and class numbers [batch, ...], "
    text += f"and got {x.type_} and {target.type_}"
    if len(x.shape) == 2 and target.shape == (x.shape[0], 1):
        return f"{text}. Write target.squeeze(1)"
    if x.shape and target.shape and x.shape[0] != target.shape[0]:
        return f"{text}: there are {x.shape[0]} outputs and {target.shape[0]} labels"
    return text


def _counted(labels: Any, classes: int, ignored: int, name: str) -> tuple[Any, Any]:
    """Labels that can all be looked up, and which rows count: None if all."""
    if state.listening is None and not 0 <= ignored < classes:
        values = labels.value
        if values.size and values.min() >= 0 and values.max() < classes:
            return labels, None
    if state.listening is not None and state.listening.assumes("all labels count"):
        check_range(labels, classes, name)
        return labels, None
    check_range(labels, classes, name, ignored)
    kept = labels != ignored
    return labels.where(kept, 0), kept


def _class_weight(weight: Any, rows: Any) -> Any:
    if weight is None:
        return None
    weight = coerced(weight)
    if weight.shape != rows.shape[1:] or weight.dtype != rows.dtype:
        raise ShapeError(
            f"weight has one number for each of the {rows.shape[1]} classes, of the dtype of the "
            f"outputs {rows.type_}, and got {weight.type_}"
        )
    return weight


def _weighed_rows(losses: Any, labels: Any, weight: Any, kept: Any) -> tuple[Any, Any]:
    """Losses times the weights of their labels, and these weights: None if each row counts 1."""
    if kept is not None:
        losses = losses.where(kept, 0)
    if weight is None:
        return losses, None if kept is None else kept.to(losses.dtype)
    weights = weight.apply(take, weight, labels)
    weights = weights if kept is None else weights.where(kept, 0)
    return losses * weights, weights


def _collected(losses: Any, counts: Any, shape: tuple, reduction: str) -> Any:
    """The losses of rows brought back to the shape of the targets, or their mean or sum."""
    if reduction == "none":
        return losses.reshape(shape)
    return reduced(losses, reduction) if counts is None else weighed(losses, counts, reduction)


# ---- two classes, or any probability


def binary_cross_entropy(input, target, weight=None, *, reduction="mean"):
    """-(y ln p + (1 - y) ln(1 - p)), logarithms held at -100 and above

    p: [...], target: the same -> y: [] (or [...] for reduction="none"); both between 0 and 1
    """
    p, y = paired(input, target, "binary_cross_entropy")
    check_real(y, "binary_cross_entropy")
    remedy = "apply sigmoid first, or use binary_cross_entropy_with_logits"
    check_unit(p, "binary_cross_entropy", remedy)
    check_unit(y, "binary_cross_entropy")
    losses = p.apply(composite.binary_cross_entropy, p, y.to(p.dtype))
    return reduced(losses if weight is None else losses * coerced(weight), reduction)


def binary_cross_entropy_with_logits(
    input, target, weight=None, *, reduction="mean", pos_weight=None
):
    """-(w y ln s + (1 - y) ln(1 - s)) with s = sigmoid(x), finite for any finite x (lecture H)

    x: [...], target: the same, between 0 and 1 -> y: [] (or [...] for reduction="none")

    `pos_weight` w multiplies what the positive class counts; it broadcasts.
    """
    x, y = paired(input, target, "binary_cross_entropy_with_logits")
    check_real(y, "binary_cross_entropy_with_logits")
    surprise = x.apply(op.softplus, -x)  # -ln sigmoid(x)
    if pos_weight is not None:
        surprise = surprise * ((coerced(pos_weight) - 1) * y + 1)
    losses = (1 - y) * x + surprise
    return reduced(losses if weight is None else losses * coerced(weight), reduction)


def kl_div(input, target, *, reduction="mean", log_target=False):
    """t (ln t - x): the divergence of probabilities t from e^x; x are log-probabilities

    x: [...], target: the same -> y: []

    reduction="batchmean" divides the sum by the first axis: the mean divergence of the rows.
    """
    x, t = paired(input, target, "kl_div")
    if log_target:
        losses = t.exp() * (t - x)
    else:
        losses = t.xlogy(t) - t * x
    if reduction == "batchmean":
        return losses.sum() / (x.shape[0] if x.shape else 1)
    return reduced(losses, reduction)


def zero_one_loss(input, target, *, reduction="mean"):
    """0 where the decision is right, else 1 (lecture H): the class of the largest score

    x: [batch, classes], target: int64[batch] -> y: [] (or [batch] for reduction="none")

    With one score for each row, x: [batch] or [batch, 1], a score above 0 decides for the label 1;
    the other label is 0 or -1.  The gradient is 0 wherever there is one.
    """
    x, target = coerced(input), coerced(target)
    if x.shape == target.shape:
        wrong = (x > 0) != (target == 1)
    else:
        rows, labels = _rows(x, target, "zero_one_loss")
        check_range(labels, rows.shape[1], "zero_one_loss")
        wrong = (rows.argmax(1) != labels).reshape(target.shape)
    return reduced(wrong.to(x.dtype), reduction)
