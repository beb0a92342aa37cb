"""Splits: subtrain, validation and test rows; folds for cross-validation."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

import numpy as np

from ..arguments import (
    NUMBERS,
    Kind,
    array_of,
    check_arguments,
    is_module,
    is_several,
    is_whole,
    shown,
    whole,
)
from ..tensors.generator import Generator
from ..tensors.tensor import Tensor
from .dataset import Dataset, Subset, counts_of

NO_ROWS = str, bytes, Mapping, Set  # though they have a length
FRACTIONS = Kind(
    "a list of numbers: (0.8, 0.2)",
    (list, tuple, np.ndarray),
    lambda values: is_several(values) and all(isinstance(value, NUMBERS) for value in values),
)


def split(
    data: Any,
    fractions: Sequence[float] = (0.8, 0.2),
    *,
    stratify: Any = None,
    shuffle: bool = True,
    seed: int = 0,
) -> list[Any]:
    """Random parts of `data` without overlap, one for each fraction:

        subtrain, validation, test = split((features, labels), (0.6, 0.2, 0.2), stratify=labels)

    data      arrays, tensors, a data frame, a tuple of these, a Dataset, or a number of rows
    stratify  labels; each part has them in nearly the same proportions
    shuffle   False for consecutive rows, in their order

    The parts are of the kind of `data`: of a Dataset Subsets, of a number arrays of row numbers.
    """
    check_arguments(locals(), fractions=FRACTIONS)
    n = rows_of(data)
    if not np.isclose(sum(fractions), 1):
        raise ValueError(f"the fractions sum to {sum(fractions)}, and parts of a whole to 1")
    ends = list(itertools.accumulate(counts_of(fractions, n)))
    order = _order(n, stratify, shuffle, seed)
    return [take(data, np.sort(order[i:j])) for i, j in zip([0, *ends], ends)]


def folds(
    data: Any, k: int = 5, *, stratify: Any = None, shuffle: bool = True, seed: int = 0
) -> Iterator[tuple[Any, Any]]:
    """k pairs (subtrain, validation); each row is in one validation part (k-fold cross-validation).

    Parts differ by at most one row, with `stratify` also in each label.  `data` as in `split`.
    """
    check_arguments(locals(), k=whole())
    n = rows_of(data)
    if not 2 <= k <= n:
        raise ValueError(f"k folds of {n} rows: k is a number from 2 to {n}, not {k}")
    order = _permutation(n, seed) if shuffle else np.arange(n)
    fold = np.empty(n, np.int64)
    if stratify is not None:
        order = order[np.argsort(_labels(stratify, n)[order], kind="stable")]
    fold[order] = np.arange(n) % k if shuffle or stratify is not None else np.arange(n) * k // n
    return (
        (take(data, np.flatnonzero(fold != f)), take(data, np.flatnonzero(fold == f)))
        for f in range(k)
    )


def rows_of(data: Any) -> int:
    """The number of rows; ValueError for arrays that have different numbers of them."""
    if is_whole(data):
        check_arguments({"data": data}, data=whole(0, "rows, or data"))
        return int(data)
    parts = data if isinstance(data, (tuple, list)) and data else [data]
    for part in parts:
        counted = hasattr(part, "__len__") and getattr(part, "shape", None) != ()
        if not counted or isinstance(part, NO_ROWS) or is_module(part):
            raise TypeError(
                "data is arrays, a tuple of them, a data frame, a Dataset or a number of rows, "
                f"not {shown(part)}"
            )
    counts = [len(part) for part in parts]
    if len(set(counts)) != 1:
        raise ValueError(f"arrays that belong together have one number of rows, not {counts}")
    return counts[0]


def take(data: Any, rows: np.ndarray) -> Any:
    """The rows that are listed, as the kind of `data`."""
    if is_whole(data):
        return rows
    if isinstance(data, (tuple, list)):
        return tuple(take(part, rows) for part in data)
    if isinstance(data, Dataset):
        return Subset(data, rows.tolist())
    if isinstance(data, Tensor):
        return data[Tensor.lift(rows)]
    if hasattr(data, "iloc"):
        return data.iloc[rows]
    return data[rows]


def _permutation(n: int, seed: int) -> np.ndarray:
    return Generator(seed=seed).permutation(n).value


def _labels(labels: Any, n: int) -> np.ndarray:
    """A number for each label."""
    labels = array_of("stratify", labels)
    if labels.shape != (n,):
        raise ValueError(f"stratify has {list(labels.shape)} labels, and there are {n} rows")
    return np.unique(labels, return_inverse=True)[1]


def _order(n: int, stratify: Any, shuffle: bool, seed: int) -> np.ndarray:
    """Row numbers so that any stretch of them has the labels in nearly equal proportions.

    The j-th of the m rows of a label stands at (j + 1/2) / m of the way.
    """
    order = _permutation(n, seed) if shuffle else np.arange(n)
    if stratify is None:
        return order
    labels = _labels(stratify, n)[order]
    counts = np.bincount(labels)
    grouped = np.argsort(labels, kind="stable")
    before = np.repeat(np.cumsum(counts) - counts, counts)
    way = np.empty(n)
    way[grouped] = (np.arange(n) - before + 0.5) / np.repeat(counts, counts)
    return order[np.argsort(way, kind="stable")]
