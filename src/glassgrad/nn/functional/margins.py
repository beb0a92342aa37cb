"""Losses that ask for a margin between scores, or between distances."""

from __future__ import annotations

from typing import Any

from ...operations import elementwise as op
from ...operations.gather import take
from ...operations.index import position
from ...tensors.creation import coerced
from ...types import ShapeError
from .arguments import check_integers, check_range
from .distances import pairwise_distance
from .reduction import check_real, check_signs, paired, reduced

__all__ = [
    "cosine_embedding_loss", "hinge_embedding_loss", "hinge_loss", "margin_ranking_loss",
    "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss", "perceptron_loss",
    "soft_margin_loss", "triplet_margin_loss", "triplet_margin_with_distance_loss",
]  # fmt: skip


# ---- labels -1 and 1


def hinge_loss(input, target, *, margin=1.0, reduction="mean"):
    """max(0, margin - y x), the loss of support vector machines, for labels y in {-1, 1}

    x: [...], target: the same -> y: [] (or [...] for reduction="none")
    """
    x, y = _signed(input, target, "hinge_loss")
    return reduced((margin - y * x).relu(), reduction)


def soft_margin_loss(input, target, *, reduction="mean"):
    """ln(1 + e^(-y x)), the logistic loss (lecture H), for labels y in {-1, 1}

    x: [...], target: the same -> y: [] (or [...] for reduction="none")
    """
    x, y = _signed(input, target, "soft_margin_loss")
    return reduced(x.apply(op.softplus, -y * x), reduction)


def hinge_embedding_loss(input, target, margin=1.0, *, reduction="mean"):
    """x for y = 1, max(0, margin - x) for y = -1: x is a distance of two that are alike or not

    x: [...], target: the same -> y: [] (or [...] for reduction="none")
    """
    x, y = _signed(input, target, "hinge_embedding_loss")
    return reduced(x.where(y == 1, (margin - x).clamp(min=0)), reduction)


def margin_ranking_loss(input1, input2, target, margin=0, *, reduction="mean"):
    """max(0, margin - y (x1 - x2)): x1 ranks above x2 where y = 1, below it where y = -1

    x1: [...], x2: the same, target: the same -> y: [] (or [...] for reduction="none")
    """
    x1, x2 = paired(input1, input2, "margin_ranking_loss")
    difference, y = _signed(x1 - x2, target, "margin_ranking_loss")
    return reduced((margin - y * difference).clamp(min=0), reduction)


def cosine_embedding_loss(input1, input2, target, margin=0, *, reduction="mean"):
    """1 - cos(x1, x2) for y = 1, max(0, cos(x1, x2) - margin) for y = -1

    x1: [batch, features], x2: the same, target: [batch] -> y: [] (or [batch] for reduction="none")
    """
    x1, x2 = paired(input1, input2, "cosine_embedding_loss")
    if len(x1.shape) not in (1, 2):
        raise ShapeError(
            f"cosine_embedding_loss takes vectors or rows of vectors, and got {x1.type_}"
        )
    squares = (x1.square().sum(-1) + 1e-12) * (x2.square().sum(-1) + 1e-12)
    cosine, y = _signed((x1 * x2).sum(-1) / squares.sqrt(), target, "cosine_embedding_loss")
    return reduced((1 - cosine).where(y == 1, (cosine - margin).clamp(min=0)), reduction)


def _signed(input: Any, target: Any, name: str) -> tuple[Any, Any]:
    x, y = paired(input, target, name)
    check_signs(y, name)
    return x, y


# ---- classes


def perceptron_loss(input, target, *, reduction="mean"):
    """max over c of x[c], - x[label]: its gradient step is the perceptron's update (lecture J)

    x: [batch, classes], target: int64[batch] -> y: [] (or [batch] for reduction="none")
    """
    x, labels = _labelled(input, target, "perceptron_loss")
    own = x.gather(1, labels.unsqueeze(1)).squeeze(1)
    return reduced(x.max(1).values - own, reduction)


def multi_margin_loss(input, target, p=1, margin=1.0, weight=None, *, reduction="mean"):
    """sum over c other than the label of max(0, margin - x[label] + x[c])^p / classes

    x: [batch, classes], target: int64[batch] -> y: [] (or [batch] for reduction="none")
    """
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    x, labels = _labelled(input, target, "multi_margin_loss")
    column = labels.unsqueeze(1)
    short = (margin - x.gather(1, column) + x).relu()
    short = short if p == 1 else short.square()
    if weight is not None:
        weight = coerced(weight)
        short = short * weight.apply(take, weight, labels).unsqueeze(1)
    losses = short.masked_fill(_classes(x) == column, 0).sum(1) / x.shape[1]
    return reduced(losses.reshape(coerced(target).shape), reduction)


def multilabel_margin_loss(input, target, *, reduction="mean"):
    """sum over labels t and other classes c of max(0, 1 - (x[t] - x[c])) / classes

    x: [batch, classes], target: int64[batch, classes] -> y: [] (or [batch] for reduction="none")

    The labels of a row stand in front, -1 after the last.
    """
    x, labels = paired(input, target, "multilabel_margin_loss")
    check_integers(labels, "multilabel_margin_loss")
    check_range(labels, x.shape[-1], "multilabel_margin_loss", ignored=-1)
    alone = len(x.shape) == 1
    x, labels = (x.unsqueeze(0), labels.unsqueeze(0)) if alone else (x, labels)
    present = (labels < 0).long().cumsum(1) == 0  # up to the first -1
    safe = labels.where(present, 0)
    others = ~((_classes(x) == safe.unsqueeze(2)) & present.unsqueeze(2)).any(1)
    short = (1 - x.gather(1, safe).unsqueeze(2) + x.unsqueeze(1)).relu()
    counted = present.unsqueeze(2) & others.unsqueeze(1)
    losses = short.where(counted, 0).sum((1, 2)) / x.shape[1]
    return reduced(losses.squeeze(0) if alone else losses, reduction)


def multilabel_soft_margin_loss(input, target, weight=None, *, reduction="mean"):
    """the mean over classes of -(y ln s + (1 - y) ln(1 - s)) with s = sigmoid(x)

    x: [..., classes], target: the same -> y: [] (or [...] for reduction="none")
    """
    x, y = paired(input, target, "multilabel_soft_margin_loss")
    check_real(y, "multilabel_soft_margin_loss")
    losses = (1 - y) * x + x.apply(op.softplus, -x)
    losses = losses if weight is None else losses * coerced(weight)
    return reduced(losses.mean(-1), reduction)


def _labelled(input: Any, target: Any, name: str) -> tuple[Any, Any]:
    """Scores [batch, classes] and class numbers [batch], each inside its range."""
    x, labels = coerced(input), coerced(target)
    if len(x.shape) == 1 and labels.numel() == 1:
        x, labels = x.unsqueeze(0), labels.reshape(1)
    if len(x.shape) != 2 or labels.shape != x.shape[:1]:
        raise ShapeError(
            f"{name} takes x: [batch, classes] and target: [batch] and got {x.type_} "
            f"and {labels.type_}"
        )
    check_integers(labels, name)
    check_range(labels, x.shape[1], name)
    return x, labels.long()


def _classes(x: Any) -> Any:
    """0, 1, ..., one number for each place of the last axis."""
    return x.apply(position, shape=x.shape[-1:], axis=0)


# ---- triples


def triplet_margin_loss(
    anchor, positive, negative, margin=1.0, p=2, eps=1e-6, swap=False, *, reduction="mean"
):
    """max(0, margin + d(anchor, positive) - d(anchor, negative)) with d the distance of order p

    anchor: [batch, features], positive: the same, negative: the same -> y: []

    swap=True takes d(positive, negative) where it is smaller than d(anchor, negative).
    """

    def distance(a, b):
        return pairwise_distance(a, b, p, eps)

    return triplet_margin_with_distance_loss(
        anchor, positive, negative,
        distance_function=distance, margin=margin, swap=swap, reduction=reduction,
    )  # fmt: skip


def triplet_margin_with_distance_loss(
    anchor, positive, negative, *, distance_function=None, margin=1.0, swap=False, reduction="mean"
):
    """`triplet_margin_loss` with a distance function of your own

    anchor: [batch, features], positive: the same, negative: the same -> y: []
    """
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    anchor, positive, negative = coerced(anchor), coerced(positive), coerced(negative)
    if not len(anchor.shape) == len(positive.shape) == len(negative.shape):
        raise ShapeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: {anchor.type_}, {positive.type_} and {negative.type_}"
        )
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    return reduced((margin + near - far).clamp(min=0), reduction)
