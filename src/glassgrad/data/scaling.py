"""Scaling of inputs to mean 0 and standard deviation 1, column by column."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensors.creation import coerced
from ..tensors.tensor import Tensor
from ..types import is_real


def mean_and_sd(features: Any) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each column: [rows, ...] -> [...], [...].

    The deviation is sqrt(mean((x - mean)^2)), summed in float64, and 1 for a constant column, so
    that one can divide by it.  ValueError for a column with a value that is not finite.
    """
    x = coerced(features)
    if not x.shape or not x.shape[0]:
        raise ValueError(f"mean and deviation need rows, and there are none in {x.type_}")
    values = x.value.astype(np.float64, copy=False)
    if not np.isfinite(values).all():
        row, *column = np.argwhere(~np.isfinite(values))[0].tolist()
        raise ValueError(
            f"row {row}, column {column} is {values[row, *column]}: fill it in before scaling"
        )
    constant = values.max(0) == values.min(0)
    mean = np.where(constant, values[0], values.mean(0))
    sd = np.where(constant, 1.0, values.std(0))
    dtype = x.dtype if is_real(x.dtype) else np.float32
    return Tensor.lift(np.asarray(mean, dtype)), Tensor.lift(np.asarray(sd, dtype))


def scaled(features: Any, mean: Any = None, sd: Any = None) -> Tensor:
    """(x - mean) / sd: [rows, ...] -> [rows, ...]; by the features' own mean and sd unless given.

    Validation and test rows are scaled by mean and sd of the subtrain rows.
    """
    if (mean is None) != (sd is None):
        raise TypeError("scaled takes mean and sd together, or neither")
    if mean is None:
        mean, sd = mean_and_sd(features)
    return (coerced(features) - mean) / sd
