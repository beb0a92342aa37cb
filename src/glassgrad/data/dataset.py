"""Datasets: rows that can be read by their number, or one after another."""

from __future__ import annotations

import bisect
import itertools
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..tensors.generator import Generator, chosen, default_generator
from ..tensors.tensor import Tensor


class Dataset:
    """Base of datasets that are read by row; subclass it with `__getitem__` and `__len__`."""

    def __class_getitem__(cls, kind: Any) -> Any:
        return cls

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} needs a method __getitem__(self, index)")

    def __add__(self, other: Dataset) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset):
    """Base of datasets that are read as a stream; subclass it with `__iter__`."""

    def __iter__(self) -> Iterator:
        raise NotImplementedError(f"{type(self).__name__} needs a method __iter__(self)")

    def __add__(self, other: Dataset) -> ChainDataset:  # type: ignore[override]
        return ChainDataset([self, other])


class TensorDataset(Dataset):
    """Rows of tensors side by side: row i is (tensors[0][i], tensors[1][i], ...)."""

    def __init__(self, *tensors: Tensor) -> None:
        for position, tensor in enumerate(tensors):
            if not isinstance(tensor, Tensor):
                raise TypeError(
                    f"TensorDataset takes tensors, and argument {position} is a "
                    f"{type(tensor).__name__}; wrap arrays by gg.from_numpy(array)"
                )
        rows = {tensor.shape[:1] for tensor in tensors}
        if len(rows) != 1 or () in rows:
            shapes = ", ".join(str(tensor.type_) for tensor in tensors)
            raise ValueError(f"TensorDataset takes tensors with equally many rows and got {shapes}")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return self.tensors[0].shape[0]


class StackDataset(Dataset):
    """Datasets side by side: a row is a tuple of their rows, or a dict when they are named."""

    datasets: tuple | dict

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            raise ValueError("StackDataset takes datasets, either all named or none, at least one")
        self.datasets = args or kwargs
        lengths = [len(dataset) for dataset in args or kwargs.values()]
        if len(set(lengths)) != 1:
            raise ValueError(f"StackDataset takes datasets of equal length, not of {lengths}")
        self._length = lengths[0]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {name: dataset[index] for name, dataset in self.datasets.items()}
        return tuple(dataset[index] for dataset in self.datasets)

    def __len__(self) -> int:
        return self._length


class ConcatDataset(Dataset):
    """Datasets one after another."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset takes at least one dataset")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise ValueError("ConcatDataset reads by row; use ChainDataset for an IterableDataset")
        self.cumulative_sizes = list(itertools.accumulate(map(len, self.datasets)))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(f"index {index} is out of range for {len(self)} rows")
        part = bisect.bisect_right(self.cumulative_sizes, place)
        before = self.cumulative_sizes[part - 1] if part else 0
        return self.datasets[part][place - before]


class ChainDataset(IterableDataset):
    """Streams one after another."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = datasets

    def __iter__(self) -> Iterator:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                kind = type(dataset).__name__
                raise TypeError(
                    f"ChainDataset takes IterableDatasets, not a {kind}; use ConcatDataset"
                )
            yield from dataset

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self.datasets)


class Subset(Dataset):
    """The rows of a dataset that `indices` lists."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __len__(self) -> int:
        return len(self.indices)


def random_split(
    dataset: Any, lengths: Sequence[float], generator: Generator | None = default_generator
) -> list[Subset]:
    """Subsets of random rows without overlap, of the lengths given, or fractions that sum to 1."""
    n = len(dataset)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        lengths = counts_of(lengths, n)
    if sum(lengths) != n:
        raise ValueError(f"the lengths sum to {sum(lengths)}, and the dataset has {n} rows")
    rows = chosen(generator).permutation(n).tolist()
    ends = itertools.accumulate(map(int, lengths))
    return [Subset(dataset, rows[end - int(m) : end]) for m, end in zip(lengths, ends)]


def counts_of(fractions: Sequence[float], n: int) -> list[int]:
    """How many of n rows each fraction gets; what rounding leaves over goes to the first ones."""
    if any(not 0 <= fraction <= 1 for fraction in fractions):
        raise ValueError(f"fractions are numbers in [0, 1], not {list(fractions)}")
    counts = [math.floor(n * fraction) for fraction in fractions]
    for position in range(n - sum(counts)):
        counts[position % len(counts)] += 1
    if 0 in counts:
        warnings.warn(f"a part of {n} rows is empty: the parts have {counts}", stacklevel=3)
    return counts
