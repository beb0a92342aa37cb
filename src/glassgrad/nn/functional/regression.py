"""Losses for real numbers and counts."""

from __future__ import annotations

import math
from typing import Any

from ...tensors.creation import coerced
from ...tensors.listening import demand
from ...types import ShapeError
from .reduction import paired, reduced, weighed

__all__ = [
    "gaussian_nll_loss", "huber_loss", "l1_loss", "mse_loss", "poisson_nll_loss", "smooth_l1_loss",
]  # fmt: skip


def mse_loss(input, target, *, reduction="mean", weight=None):
    """(x - y)^2, the square loss (lecture H); with weights the mean is the weighted one

    x: [...], target: the same -> y: [] (or [...] for reduction="none")
    """
    x, y = paired(input, target, "mse_loss")
    return _with_weight((x - y).square(), weight, reduction)


def l1_loss(input, target, *, reduction="mean", weight=None):
    """|x - y|; with weights the mean is the weighted one

    x: [...], target: the same -> y: [] (or [...] for reduction="none")
    """
    x, y = paired(input, target, "l1_loss")
    return _with_weight((x - y).abs(), weight, reduction)


def smooth_l1_loss(input, target, *, reduction="mean", beta=1.0):
    """d^2 / (2 beta) for d = |x - y| < beta, else d - beta / 2 (Girshick 2015)

    x: [...], target: the same -> y: [] (or [...] for reduction="none")
    """
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    x, y = paired(input, target, "smooth_l1_loss")
    return reduced(_bent((x - y).abs(), beta) / beta, reduction)


def huber_loss(input, target, reduction="mean", delta=1.0, weight=None):
    """d^2 / 2 for d = |x - y| < delta, else delta (d - delta / 2) (Huber 1964)

    x: [...], target: the same -> y: [] (or [...] for reduction="none")
    """
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    x, y = paired(input, target, "huber_loss")
    losses = _bent((x - y).abs(), delta)
    return reduced(losses if weight is None else losses * _weight(weight, losses), reduction)


def _bent(distance: Any, bend: float) -> Any:
    """d^2 / 2 up to the bend, from there on the tangent."""
    curved = distance.clamp(max=bend)
    return curved * (distance - curved * 0.5)


def _with_weight(losses: Any, weight: Any, reduction: str) -> Any:
    if weight is None:
        return reduced(losses, reduction)
    weight = _weight(weight, losses)
    return weighed(losses * weight, weight, reduction)


def _weight(weight: Any, losses: Any) -> Any:
    weight = coerced(weight)
    if weight.shape != losses.shape:
        raise ShapeError(
            f"Weights and input must have the same size, and got {weight.type_} for {losses.type_}"
        )
    return weight


def poisson_nll_loss(input, target, log_input=True, full=False, *, eps=1e-8, reduction="mean"):
    """e^x - t x for counts t and logarithms of means x; for means themselves x - t ln(x + eps)

    x: [...], target: the same -> y: [] (or [...] for reduction="none")

    full=True adds Stirling's t ln t - t + ln(2 pi t) / 2 for ln t! where t > 1.
    """
    x, t = paired(input, target, "poisson_nll_loss")
    losses = x.exp() - t * x if log_input else x - t * (x + eps).log()
    if full:
        safe = t.where(t > 1, 1)
        stirling = safe * safe.log() - safe + (safe * (2 * math.pi)).log() * 0.5
        losses = losses + stirling.masked_fill(t <= 1, 0)
    return reduced(losses, reduction)


def gaussian_nll_loss(input, target, var, full=False, eps=1e-6, reduction="mean"):
    """(ln v + (x - y)^2 / v) / 2 for variances v, held at eps and above

    x: [...], target: the same, var: a number, the same, or with a last axis of 1 or none -> y: []

    full=True adds ln(2 pi) / 2.
    """
    x, y = paired(input, target, "gaussian_nll_loss")
    variance = _variance(var, x)
    variance = variance + (variance.clamp(min=eps) - variance).detach()
    losses = (variance.log() + (x - y).square() / variance) * 0.5
    return reduced(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


def _variance(var: Any, x: Any) -> Any:
    """One variance for each element, row or all; ValueError if one is negative."""
    variance = x.new_full(x.shape, var) if isinstance(var, (int, float)) else coerced(var)
    demand(variance < 0, "var has negative entry/entries: {value} at {place}", variance, ValueError)
    if variance.shape == x.shape[:-1] and variance.shape != x.shape:
        return variance.unsqueeze(-1)
    differing = [n for n, m in zip(variance.shape, x.shape) if n != m]
    if len(variance.shape) != len(x.shape) or differing not in ([], [1]):
        raise ShapeError(
            f"var is of incorrect size: it has the shape of the outputs {x.type_}, or a last axis "
            f"of 1 or none, and got {variance.type_}"
        )
    return variance
