"""Losses that compare areas: how much of two regions overlaps (lecture R)."""

from __future__ import annotations

from ...tensors.tensor import Tensor
from .. import functional as F
from .base import _Loss

__all__ = ["DiceLoss", "JaccardLoss"]


class _Area(_Loss):
    """One loss for each image and class; `eps` makes two empty regions equal."""

    def __init__(self, *, eps: float = 1e-8, reduction: str = "mean") -> None:
        self.eps, self.reduction = eps, reduction


class JaccardLoss(_Area):
    """l = 1 - |A and B| / |A or B|, the mean: overlap over union of probabilities and targets

    input: [batch, classes, height, width], target: int64[batch, height, width] -> l: []

    input is what softmax or sigmoid gave; targets are class numbers, or 0 and 1 as input is shaped.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.jaccard_loss(input, target, eps=self.eps, reduction=self.reduction)


class DiceLoss(_Area):
    """l = 1 - 2 |A and B| / (|A| + |B|), the mean: overlap over the mean area

    input: [batch, classes, height, width], target: int64[batch, height, width] -> l: []

    input is what softmax or sigmoid gave; targets are class numbers, or 0 and 1 as input is shaped.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.dice_loss(input, target, eps=self.eps, reduction=self.reduction)
