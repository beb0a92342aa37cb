"""Dropout as layers: active while the network learns (`train()`), nothing when it is used."""

from __future__ import annotations

from ..tensors.tensor import Tensor
from . import functional as F
from .functional.arguments import check_probability
from .module import Module

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "FeatureAlphaDropout"]


class _Dropout(Module):
    """Something is left out with probability p."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        check_probability(p, type(self).__name__)
        self.p, self.inplace = p, inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """y = 0 with probability p, else x / (1 - p), for each element (Srivastava et al. 2014)

    x: [*] -> y: [*]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_Dropout):
    """`Dropout` of whole channels

    x: [batch, channels, length] -> y: as x
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_Dropout):
    """`Dropout` of whole channels (Tompson et al. 2015)

    x: [batch, channels, height, width] -> y: as x
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training, self.inplace)


class AlphaDropout(_Dropout):
    """`Dropout` that keeps mean 0 and variance 1 behind `SELU` (Klambauer et al. 2017)

    x: [*] -> y: [*]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training, self.inplace)


class FeatureAlphaDropout(_Dropout):
    """`AlphaDropout` of whole channels

    x: [batch, channels, length] -> y: as x
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.feature_alpha_dropout(input, self.p, self.training, self.inplace)
