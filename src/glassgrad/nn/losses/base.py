"""What losses as modules have in common."""

from __future__ import annotations

from typing import Any

from ...tensors.tensor import Tensor
from ..module import Module


class _Loss(Module):
    """A loss of outputs and targets; `reduction` is "mean", "sum" or "none"."""

    reduction: str

    def __init__(self, *, reduction: str = "mean") -> None:
        self.reduction = reduction


class _Weighted(_Loss):
    """A loss with weights of classes or elements, kept as a buffer."""

    weight: Tensor | None

    def __init__(self, weight: Any = None, *, reduction: str = "mean") -> None:
        self.register_buffer("weight", weight)
        self.reduction = reduction
