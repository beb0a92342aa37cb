"""Losses that compare areas: how much of two regions overlaps (lecture R)."""

from __future__ import annotations

from typing import Any

from ...tensors.creation import coerced
from ...types import is_real
from .reduction import check_unit, paired, reduced
from .shapes import one_hot

__all__ = ["dice_loss", "jaccard_loss"]


def jaccard_loss(input, target, *, eps=1e-8, reduction="mean"):
    """1 - |A and B| / |A or B|, with sums of p t for the overlap and of p + t - p t for the union

    p: [batch, classes, height, width], target: the same -> y: []

    p are probabilities (after sigmoid or softmax), targets 0 or 1, or class numbers without the
    class axis.  There is one loss for each image and class; for [batch, pixels], for each row.
    """
    overlap, total, eps = _areas(input, target, eps, "jaccard_loss")
    return reduced(1 - (overlap + eps) / (total - overlap + eps), reduction)


def dice_loss(input, target, *, eps=1e-8, reduction="mean"):
    """1 - 2 |A and B| / (|A| + |B|), with sums of p t for the overlap and of p and t for the areas

    p: [batch, classes, height, width], target: the same -> y: []

    Arguments as in `jaccard_loss`.
    """
    overlap, total, eps = _areas(input, target, eps, "dice_loss")
    return reduced(1 - (overlap * 2 + eps) / (total + eps), reduction)


def _areas(input: Any, target: Any, eps: float, name: str) -> tuple[Any, Any, float]:
    """The sums of p t and of p + t over the pixels of each image and class."""
    p, target = coerced(input), coerced(target)
    if not is_real(target.dtype) and target.shape == p.shape[:1] + p.shape[2:]:
        target = one_hot(target.long(), p.shape[1]).movedim(-1, 1)
    p, t = paired(p, target, name)
    check_unit(p, name, "apply sigmoid or softmax first")
    t = t.to(p.dtype)
    pixels = tuple(range(2, len(p.shape))) or -1
    return (p * t).sum(pixels), (p + t).sum(pixels), eps
