"""Losses for classes and probabilities: negative log likelihoods (lectures H, J and R)."""

from __future__ import annotations

from ...tensors.tensor import Tensor
from .. import functional as F
from .base import _Loss, _Weighted

__all__ = [
    "BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss", "KLDivLoss", "NLLLoss", "ZeroOneLoss",
]  # fmt: skip


class CrossEntropyLoss(_Weighted):
    """l = ln sum e^x - x[label], the mean over the batch (lecture H)

    input: [batch, classes], target: int64[batch] -> l: []

    Arguments are those of `nn.functional.cross_entropy`: `weight` has a number for each class, rows
    with the label ignore_index do not count, and targets may be probabilities [batch, classes].
    """

    def __init__(
        self, weight: Tensor | None = None, *, ignore_index: int = -100, reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(weight, reduction=reduction)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(
            input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )  # fmt: skip


class NLLLoss(_Weighted):
    """l = -x[label], the mean over the batch: x are log-probabilities, as `LogSoftmax` gives them

    input: [batch, classes], target: int64[batch] -> l: []
    """

    def __init__(
        self, weight: Tensor | None = None, *, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__(weight, reduction=reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.nll_loss(
            input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction
        )


class BCELoss(_Weighted):
    """l = -(y ln p + (1 - y) ln(1 - p)), the mean: p are probabilities, as `Sigmoid` gives them

    input: [*], target: [*] -> l: []
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_Weighted):
    """l = -(w y ln s + (1 - y) ln(1 - s)) with s = sigmoid(x), the mean (lecture H)

    input: [*], target: [*] -> l: []

    It is finite for any finite x.  pos_weight w says how much the positive class counts.
    """

    pos_weight: Tensor | None

    def __init__(
        self, weight: Tensor | None = None, *, reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:  # fmt: skip
        super().__init__(weight, reduction=reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


class KLDivLoss(_Loss):
    """l = t (ln t - x), the mean: x are log-probabilities, targets t probabilities

    input: [*], target: [*] -> l: []

    reduction="batchmean" is the divergence, averaged over rows; log_target=True takes ln t for t.
    """

    def __init__(self, *, reduction: str = "mean", log_target: bool = False) -> None:
        self.reduction, self.log_target = reduction, log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class ZeroOneLoss(_Loss):
    """l = 0 where the class of the largest score is the label, else 1; the mean (lecture H)

    input: [batch, classes], target: int64[batch] -> l: []

    With one score for each row, its sign decides between the label 1 and 0 (or -1).
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.zero_one_loss(input, target, reduction=self.reduction)
