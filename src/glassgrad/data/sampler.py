"""Samplers: in which order rows are read, and how they are put into batches."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..random import multinomial
from ..tensors.creation import as_tensor
from ..tensors.generator import Generator, chosen
from ..types import float64


class Sampler:
    """Base of samplers; subclass it with `__iter__`, which gives row numbers, and `__len__`.

    The samplers here give all numbers of an epoch at once by `positions`, an array.
    """

    def __init__(self, data_source: Any = None) -> None:
        """Accepted as in PyTorch."""

    def __class_getitem__(cls, kind: Any) -> Any:
        return cls

    def __iter__(self) -> Iterator[Any]:
        return iter(self.positions().tolist())

    def positions(self) -> np.ndarray:
        """The row numbers of one epoch."""
        raise NotImplementedError(f"{type(self).__name__} needs a method __iter__(self)")


class SequentialSampler(Sampler):
    """0, 1, 2, ... in this order."""

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def positions(self) -> np.ndarray:
        return np.arange(len(self.data_source))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler):
    """Every row once in random order; or `num_samples` rows, drawn with replacement if wanted."""

    def __init__(
        self,
        data_source: Any,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        self.data_source, self.replacement, self._num_samples = (
            data_source,
            replacement,
            num_samples,
        )
        self.generator = generator
        if not isinstance(replacement, bool):
            raise TypeError(f"RandomSampler: replacement is True or False, not {replacement!r}")
        if num_samples is None and not len(data_source):
            raise ValueError("RandomSampler: there are no rows to draw from")
        if num_samples is not None:
            check_count("RandomSampler: num_samples", num_samples)

    @property
    def num_samples(self) -> int:
        """How many rows an epoch has."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def positions(self) -> np.ndarray:
        n, generator = len(self.data_source), chosen(self.generator)
        if self.replacement:
            return generator.integers(0, n, (self.num_samples,)).value
        rounds = -(-self.num_samples // n)
        orders = [generator.permutation(n).value for _ in range(rounds)]
        return (
            np.concatenate(orders)[: self.num_samples]
            if rounds > 1
            else orders[0][: self.num_samples]
        )

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """The rows that `indices` lists, each once, in random order."""

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices, self.generator = indices, generator

    def positions(self) -> np.ndarray:
        order = chosen(self.generator).permutation(len(self.indices)).value
        return np.asarray(self.indices, np.int64)[order]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """`num_samples` rows, drawn with probabilities in the ratios of `weights`."""

    def __init__(
        self,
        weights: Sequence[float],
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        check_count("WeightedRandomSampler: num_samples", num_samples)
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement is True or False, not {replacement!r}")
        self.weights = as_tensor(weights, dtype=float64)
        if len(self.weights.shape) != 1:
            raise ValueError(
                f"WeightedRandomSampler takes a weight for each row, not {self.weights.type_}"
            )
        self.num_samples, self.replacement, self.generator = num_samples, replacement, generator

    def positions(self) -> np.ndarray:
        drawn = multinomial(
            self.weights, self.num_samples, self.replacement, generator=self.generator
        )
        return drawn.value

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler):
    """Lists of `batch_size` numbers from `sampler`; the last is shorter, or dropped."""

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        check_count("BatchSampler: batch_size", batch_size)
        if not isinstance(drop_last, bool):
            raise ValueError(f"BatchSampler: drop_last is True or False, not {drop_last!r}")
        self.sampler, self.batch_size, self.drop_last = sampler, batch_size, drop_last

    def __iter__(self) -> Iterator[list[int]]:
        numbers = iter(self.sampler)
        while batch := list(itertools.islice(numbers, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def arrays(self) -> Iterator[np.ndarray]:
        """The batches as arrays, cut from the whole epoch's numbers."""
        order, size = self.sampler.positions(), self.batch_size  # type: ignore[attr-defined]
        for start in range(0, len(self) * size, size):
            yield order[start : start + size]

    def __len__(self) -> int:
        counted: Any = self.sampler
        return steps_per_epoch(len(counted), self.batch_size, self.drop_last)


def batches_of(batch_sampler: Any) -> Iterable[Any]:
    """The batches of row numbers: as arrays where nobody has changed how our samplers iterate."""
    sampler = getattr(batch_sampler, "sampler", None)
    own = type(batch_sampler).__iter__ is BatchSampler.__iter__
    return batch_sampler.arrays() if own and _plain(sampler) else batch_sampler


def _plain(sampler: Any) -> bool:
    return isinstance(sampler, Sampler) and type(sampler).__iter__ is Sampler.__iter__


def steps_per_epoch(rows: int, batch_size: int, drop_last: bool = False) -> int:
    """The number of batches: rows / batch_size rounded up, or down without the last short one."""
    return rows // batch_size if drop_last else -(-rows // batch_size)


def check_count(name: str, value: Any) -> None:
    """ValueError for what is not a positive integer."""
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{name} is a positive integer, not {value!r}")
