"""Losses that ask for a margin between scores, or between distances."""

from __future__ import annotations

from collections.abc import Callable

from ...tensors.tensor import Tensor
from .. import functional as F
from ..distances import PairwiseDistance
from ..functional.reduction import check_labels, paired
from .base import _Loss, _Weighted

__all__ = [
    "CosineEmbeddingLoss", "HingeEmbeddingLoss", "HingeLoss", "LogisticLoss", "MarginRankingLoss",
    "MultiLabelMarginLoss", "MultiLabelSoftMarginLoss", "MultiMarginLoss", "PerceptronLoss",
    "SoftMarginLoss", "TripletMarginLoss", "TripletMarginWithDistanceLoss",
]  # fmt: skip


# ---- one score for each label


class LogisticLoss(_Loss):
    """l = ln(1 + e^(-y x)) for labels y in {-1, 1}, the mean (lecture H)

    input: [*], target: [*] -> l: []

    labels=(0, 1) takes labels 0 and 1, with y = 2 target - 1.
    """

    def __init__(self, labels: tuple[int, int] = (-1, 1), reduction: str = "mean") -> None:
        if tuple(labels) not in ((-1, 1), (0, 1)):
            raise ValueError(f"labels are (-1, 1) or (0, 1), not {labels}")
        self.labels, self.reduction = tuple(labels), reduction

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        x, y = paired(input, target, "LogisticLoss")
        if self.labels == (0, 1):
            check_labels(y, self.labels, "LogisticLoss", "a label 0 or 1")
            y = y * 2 - 1
        return F.soft_margin_loss(x, y, reduction=self.reduction)

    def extra_repr(self) -> str:
        return f"labels={self.labels}"


class SoftMarginLoss(_Loss):
    """l = ln(1 + e^(-y x)) for labels y in {-1, 1}, the mean: PyTorch's name of `LogisticLoss`

    input: [*], target: [*] -> l: []
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.soft_margin_loss(input, target, reduction=self.reduction)


class HingeLoss(_Loss):
    """l = max(0, margin - y x) for labels y in {-1, 1}, the mean

    input: [*], target: [*] -> l: []
    """

    def __init__(self, margin: float = 1.0, *, reduction: str = "mean") -> None:
        self.margin, self.reduction = margin, reduction

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.hinge_loss(input, target, margin=self.margin, reduction=self.reduction)


# ---- scores of classes


class PerceptronLoss(_Loss):
    """l = max over c of x[c], - x[label]; the mean.  Its step is the perceptron's (lecture J)

    input: [batch, classes], target: int64[batch] -> l: []
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.perceptron_loss(input, target, reduction=self.reduction)


class MultiMarginLoss(_Weighted):
    """l = sum over c other than the label of max(0, margin - x[label] + x[c])^p / classes; the mean

    input: [batch, classes], target: int64[batch] -> l: []
    """

    def __init__(
        self, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, *,
        reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(weight, reduction=reduction)
        if p not in (1, 2):
            raise ValueError("only p == 1 and p == 2 supported")
        self.p, self.margin = p, margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multi_margin_loss(
            input, target, self.p, self.margin, self.weight, reduction=self.reduction
        )


class MultiLabelMarginLoss(_Loss):
    """l = sum over labels t, other classes c of max(0, 1 - x[t] + x[c]) / classes; the mean

    input: [batch, classes], target: int64[batch, classes] -> l: []

    The labels of a row stand in front, -1 after the last.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(_Weighted):
    """l = the mean over classes of -(y ln s + (1 - y) ln(1 - s)) with s = sigmoid(x)

    input: [batch, classes], target: [batch, classes] -> l: []
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_soft_margin_loss(input, target, self.weight, reduction=self.reduction)


# ---- pairs and triples


class _Margin(_Loss):
    """A loss with a margin, 0 unless given."""

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        self.margin, self.reduction = margin, reduction


class HingeEmbeddingLoss(_Loss):
    """l = x for y = 1, max(0, margin - x) for y = -1; the mean: x is a distance

    input: [*], target: [*] -> l: []
    """

    def __init__(self, margin: float = 1.0, *, reduction: str = "mean") -> None:
        self.margin, self.reduction = margin, reduction

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.hinge_embedding_loss(input, target, self.margin, reduction=self.reduction)


class MarginRankingLoss(_Margin):
    """l = max(0, margin - y (x1 - x2)), the mean: x1 ranks above x2 where y = 1

    input1: [batch], input2: [batch], target: [batch] -> l: []
    """

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.margin_ranking_loss(input1, input2, target, self.margin, reduction=self.reduction)


class CosineEmbeddingLoss(_Margin):
    """l = 1 - cos(x1, x2) for y = 1, max(0, cos(x1, x2) - margin) for y = -1; the mean

    input1: [batch, features], input2: [batch, features], target: [batch] -> l: []
    """

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.cosine_embedding_loss(
            input1, input2, target, self.margin, reduction=self.reduction
        )


class TripletMarginLoss(_Loss):
    """l = max(0, margin + d(anchor, positive) - d(anchor, negative)), the mean

    anchor: [batch, n], positive: [batch, n], negative: [batch, n] -> l: []

    d is the distance of order p; swap=True takes d(positive, negative) where it is smaller.
    """

    def __init__(
        self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False, *,
        reduction: str = "mean",
    ) -> None:  # fmt: skip
        if margin <= 0:
            raise ValueError(f"margin must be greater than 0, got {margin}")
        self.margin, self.p, self.eps, self.swap = margin, p, eps, swap
        self.reduction = reduction

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap,
            reduction=self.reduction,
        )  # fmt: skip


class TripletMarginWithDistanceLoss(_Loss):
    """l = max(0, margin + d(anchor, positive) - d(anchor, negative)), the mean, for your own d

    anchor: [batch, n], positive: [batch, n], negative: [batch, n] -> l: []
    """

    def __init__(
        self, *, distance_function: Callable | None = None, margin: float = 1.0,
        swap: bool = False, reduction: str = "mean",
    ) -> None:  # fmt: skip
        if margin <= 0:
            raise ValueError(f"margin must be greater than 0, got {margin}")
        self.margin, self.swap, self.reduction = margin, swap, reduction
        self.distance_function = distance_function or PairwiseDistance()

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_with_distance_loss(
            anchor, positive, negative, distance_function=self.distance_function,
            margin=self.margin, swap=self.swap, reduction=self.reduction,
        )  # fmt: skip
