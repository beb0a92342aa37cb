"""Scaling of inputs as a layer: saved, drawn, explained and compiled like any other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
        array = np.asarray(rows.detach() if isinstance(rows, Tensor) else rows)
        return self.fit_blocks(lambda: [array])

    def fit_blocks(self, blocks: Callable[[], Iterable[np.ndarray]]) -> Self:
        """The same from rows that come in blocks, for data larger than the memory.

        blocks: () -> arrays [..., n_features]; called twice, for the mean and for the sd

        Sums are taken row after row, so it does not matter how the blocks are cut.
        """
        zeros = np.zeros(self.n_features)
        count, total, squares, low, high = 0, zeros, zeros, np.inf, -np.inf
        for rows in map(self._checked, blocks()):
            count, total = count + len(rows), added(total, rows)
            low = np.minimum(low, rows.min(0, initial=np.inf))
            high = np.maximum(high, rows.max(0, initial=-np.inf))
        if not count:
            raise ValueError("Standardize.fit needs at least one row")
        if strange := np.flatnonzero(~(np.isfinite(low) & np.isfinite(high))).tolist():
            raise ValueError(f"Standardize.fit: NaN or infinity in columns {strange}")
        mean = total / count
        for rows in map(self._checked, blocks()):
            squares = added(squares, (rows - mean) ** 2)
        with no_grad():
            self.mean.assign(mean)
            self.sd.assign(np.where(high == low, 1, np.sqrt(squares / count)))
        return self

    def _checked(self, rows: np.ndarray) -> np.ndarray:
        """Rows as a matrix in float64."""
        if rows.ndim < 2 or rows.shape[-1] != self.n_features:
            raise ShapeError(
                f"Standardize({self.n_features}).fit takes rows of {self.n_features} features "
                f"and got {list(rows.shape)}"
            )
        return rows.astype(np.float64).reshape(-1, self.n_features)

    def forward(self, input: Tensor) -> Tensor:
        if input.shape[-1:] != (self.n_features,):
            raise ShapeError(f"Standardize takes [..., {self.n_features}] and got {input.type_}")
        return (input - self.mean) / self.sd

    def extra_repr(self) -> str:
        return str(self.n_features)


def added(total: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The sum so far and rows, one after another."""
    return np.add.reduce(np.concatenate([total[None], rows]), axis=0)
