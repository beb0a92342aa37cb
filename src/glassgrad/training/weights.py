"""Weights of rows: `sample_weight` and `class_weight`, scaled to mean 1.

The loss of a step is mean(weight * loss of the row).  Over all rows that is the weighted mean, so
that whole weights equal repeated rows; and a batch of small weights counts as little as it should.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import array_of
from ..types import ShapeError
from .rows import LoaderRows, Rows


def attach(rows: Rows, sample_weight: Any) -> None:
    """Give the rows the weights of the user.

    Raises:
        ValueError: They are negative, not finite, or all zero; or the rows come from a loader.
        ShapeError: There are not as many as rows.
    """
    if isinstance(rows, LoaderRows):
        raise ValueError("weights need numbered rows; give (X, y) or a Dataset, not a DataLoader")
    weights = array_of("sample_weight", sample_weight, np.float64)
    if weights.shape != (len(rows),):
        raise ShapeError(
            f"sample_weight has one number for each of {len(rows):,} rows, not the shape "
            f"{list(weights.shape)}"
        )
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise ValueError("sample_weight holds finite numbers, none negative and not all 0")
    rows.weights = weights


def class_weights(rows: Rows, class_weight: Any) -> dict[Any, float]:
    """{class: weight}; "balanced" is rows / (classes * rows of the class).

    Raises:
        ValueError: A class has no weight, or the labels are no classes.
    """
    if isinstance(rows, LoaderRows):
        raise ValueError("class_weight needs numbered rows; give (X, y) or a Dataset")
    found, counts = np.unique(class_labels(rows.labels), return_counts=True)
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ValueError(f"class_weight is 'balanced' or a dict, not {class_weight!r}")
        return dict(zip(found.tolist(), (counts.sum() / (len(found) * counts)).tolist()))
    if lacking := [c for c in found.tolist() if c not in class_weight]:
        raise ValueError(f"class_weight has no weight for the class {lacking[0]:g}")
    return dict(class_weight)


def class_labels(labels: Any) -> np.ndarray:
    """Labels [rows] or [rows, 1] as [rows]."""
    if labels is None or labels.size != len(labels):
        raise ValueError("class_weight takes one class for each row")
    return labels.reshape(-1)


def multiply(rows: Rows, by_class: dict[Any, float]) -> None:
    """Multiply the weight of each row by that of its class; a class that is not listed has 1."""
    assert not isinstance(rows, LoaderRows)
    found, place = np.unique(class_labels(rows.labels), return_inverse=True)
    factors = array_of("class_weight", [by_class.get(c, 1.0) for c in found.tolist()], np.float64)
    if (factors < 0).any() or not np.isfinite(factors).all():
        raise ValueError("class_weight holds finite numbers, none negative")
    given = np.ones(len(rows)) if rows.weights is None else rows.weights
    rows.weights = given * factors[place]


def normalise(rows: Rows, dtype: np.dtype) -> None:
    """Scale the weights to mean 1, in the dtype of the losses."""
    if rows.weights is None or isinstance(rows, LoaderRows):
        return
    mean = rows.weights.mean()
    if not mean:
        raise ValueError("the weights of all rows are 0")
    rows.weights = (rows.weights / mean).astype(dtype)
