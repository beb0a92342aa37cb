"""Scaling of inputs as a layer: saved, drawn, explained and compiled like any other."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from ..tensors.creation import ones, zeros
from ..tensors.state import no_grad
from ..tensors.tensor import Tensor
from ..types import ShapeError
from .module import Module

__all__ = ["Standardize"]


class Standardize(Module):
    """y = (x - mean) / sd, column by column (lecture H)

    x: [..., n_features] -> y: [..., n_features]

    `fit(rows)` sets mean and sd, after which these rows have mean 0 and sd 1; until then y = x.
    """

    mean: Tensor  # [n_features]
    sd: Tensor  # [n_features]

    def __init__(self, n_features: int, device: Any = None, dtype: Any = None) -> None:
        self.n_features = n_features
        self.register_buffer("mean", zeros(n_features, device=device, dtype=dtype))
        self.register_buffer("sd", ones(n_features, dtype=dtype))

    def fit(self, rows: Any) -> Self:
        """Set mean and sd from rows; a column that is constant there gets sd 1.

        rows: [..., n_features], a tensor or an array; the sd is that of the population, over n
        """
        array = np.asarray(rows.detach() if isinstance(rows, Tensor) else rows, np.float64)
        if array.ndim < 2 or array.shape[-1] != self.n_features:
            raise ShapeError(
                f"Standardize({self.n_features}).fit takes rows of {self.n_features} features "
                f"and got {list(array.shape)}"
            )
        array = array.reshape(-1, self.n_features)
        if not len(array):
            raise ValueError("Standardize.fit needs at least one row")
        if strange := np.flatnonzero(~np.isfinite(array).all(0)).tolist():
            raise ValueError(f"Standardize.fit: NaN or infinity in columns {strange}")
        constant = array.max(0) == array.min(0)
        with no_grad():
            self.mean.assign(array.mean(0))
            self.sd.assign(np.where(constant, 1, array.std(0)))
        return self

    def forward(self, input: Tensor) -> Tensor:
        if input.shape[-1:] != (self.n_features,):
            raise ShapeError(f"Standardize takes [..., {self.n_features}] and got {input.type_}")
        return (input - self.mean) / self.sd

    def extra_repr(self) -> str:
        return str(self.n_features)
