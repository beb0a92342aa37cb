"""Losses for real numbers and counts."""

from __future__ import annotations

from typing import Any

from ...tensors.tensor import Tensor
from .. import functional as F
from .base import _Loss

__all__ = [
    "GaussianNLLLoss", "HuberLoss", "L1Loss", "MSELoss", "PoissonNLLLoss", "SmoothL1Loss",
    "SquareLoss",
]  # fmt: skip


class MSELoss(_Loss):
    """l = (x - y)^2, the mean

    input: [*], target: [*] -> l: []

    Targets (n,) against outputs (n, 1) are an error: reshape one of them.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)


class SquareLoss(MSELoss):
    """l = (x - y)^2, the mean: the square loss by its name in lecture H

    input: [*], target: [*] -> l: []

    For labels in {-1, 1} it is (1 - y x)^2, a function of the margin y x.
    """


class L1Loss(_Loss):
    """l = |x - y|, the mean

    input: [*], target: [*] -> l: []
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """l = d^2 / (2 beta) for d = |x - y| < beta, else d - beta / 2; the mean (Girshick 2015)

    input: [*], target: [*] -> l: []
    """

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0) -> None:
        self.reduction, self.beta = reduction, beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """l = d^2 / 2 for d = |x - y| < delta, else delta (d - delta / 2); the mean (Huber 1964)

    input: [*], target: [*] -> l: []
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        self.reduction, self.delta = reduction, delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(input, target, self.reduction, self.delta)


class PoissonNLLLoss(_Loss):
    """l = e^x - t x, the mean: x are logarithms of means, or means themselves, t counts

    input: [*], target: [*] -> l: []

    log_input=False takes means: x - t ln(x + eps).  full=True adds Stirling's formula for ln t!.
    """

    def __init__(
        self, log_input: bool = True, full: bool = False, *, eps: float = 1e-8,
        reduction: str = "mean",
    ) -> None:  # fmt: skip
        self.log_input, self.full, self.eps, self.reduction = log_input, full, eps, reduction

    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        return F.poisson_nll_loss(
            log_input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction
        )


class GaussianNLLLoss(_Loss):
    """l = (ln v + (x - y)^2 / v) / 2 for variances v, held at eps and above; the mean

    input: [*], target: [*], var: [*] -> l: []

    full=True adds ln(2 pi) / 2.
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        self.full, self.eps, self.reduction = full, eps, reduction

    def forward(self, input: Tensor, target: Tensor, var: Any) -> Tensor:
        return F.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)
