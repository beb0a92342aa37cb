"""Reading whole batches: many rows by one call, where that gives the same as row by row.

Tensors and arrays are gathered at once, and so are the datasets made of them.  A user's own
dataset is asked for many rows by an array of numbers, `dataset[array]`; whether the answer is the
same as row by row is checked on some batches (see `loader`).
"""

from __future__ import annotations

import pickle
import random
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..tensors.creation import from_numpy
from ..tensors.generator import Generator, default_generator
from ..tensors.tensor import Tensor
from .collate import default_convert, like
from .dataset import ConcatDataset, StackDataset, Subset, TensorDataset


class Reader(NamedTuple):
    """read: (row numbers) -> batch; certain: whether it cannot differ from reading row by row."""

    read: Callable[[np.ndarray], Any]
    certain: bool


def reader_of(dataset: Any) -> Reader | None:
    """How whole batches are read; None where rows have to be read one by one."""
    if isinstance(dataset, (Tensor, np.ndarray)):
        return Reader(lambda rows: gathered(dataset, rows), True) if dataset.shape else None
    if _plain(dataset, TensorDataset):
        return Reader(lambda rows: [gathered(tensor, rows) for tensor in dataset.tensors], True)
    if _plain(dataset, Subset):
        return _of_subset(dataset)
    if _plain(dataset, StackDataset):
        return _of_stack(dataset)
    if _plain(dataset, ConcatDataset):
        return _of_parts(dataset)
    if isinstance(dataset, (Sequence, Mapping)) or hasattr(dataset, "__getitems__"):
        return None
    if any(map(_is_random, getattr(dataset, "__dict__", {}).values())):
        return None
    return Reader(lambda rows: _converted(dataset[rows]), False)


def _plain(dataset: Any, kind: Any) -> bool:
    """Whether `dataset` is one of ours, and nobody has changed how it is read."""
    own: Any = type(dataset)
    if not issubclass(own, kind) or hasattr(dataset, "__getitems__"):
        return False
    return own.__getitem__ is kind.__getitem__


def _is_random(value: Any) -> bool:
    """Whether `value` is a source of random numbers."""
    kinds = (Generator, random.Random, np.random.Generator, np.random.RandomState)
    return isinstance(value, kinds)


def gathered(array: Any, rows: np.ndarray) -> Tensor:
    """The rows of a tensor or array that are listed, as a tensor."""
    if isinstance(array, np.ndarray):
        return from_numpy(array.take(rows, axis=0))
    return array[rows] if array.requires_grad else Tensor.lift(array.value.take(rows, axis=0))


def _of_subset(dataset: Subset) -> Reader | None:
    inner = reader_of(dataset.dataset)
    if inner is None:
        return None
    read, listed = inner.read, np.asarray(dataset.indices, np.int64)
    return Reader(lambda rows: read(listed[rows]), inner.certain)


def _of_stack(dataset: StackDataset) -> Reader | None:
    named = isinstance(dataset.datasets, dict)
    parts = (
        dataset.datasets
        if isinstance(dataset.datasets, dict)
        else dict(enumerate(dataset.datasets))
    )
    readers = {name: reader_of(part) for name, part in parts.items()}
    known = {name: reader for name, reader in readers.items() if reader is not None}
    if len(known) < len(readers):
        return None

    def read(rows: np.ndarray) -> Any:
        found = {name: reader.read(rows) for name, reader in known.items()}
        return found if named else list(found.values())

    return Reader(read, all(reader.certain for reader in known.values()))


def _of_parts(dataset: ConcatDataset) -> Reader | None:
    readers = [reader for part in dataset.datasets if (reader := reader_of(part)) is not None]
    if len(readers) < len(dataset.datasets):
        return None
    ends = np.asarray(dataset.cumulative_sizes)
    starts = np.concatenate([[0], ends[:-1]])

    def read(rows: np.ndarray) -> Any:
        if len(rows) and (rows.min() < 0 or rows.max() >= ends[-1]):
            raise IndexError(f"a row number is out of range for {ends[-1]} rows")
        part = np.searchsorted(ends, rows, side="right")
        used = np.unique(part)
        pieces = [readers[p].read(rows[part == p] - starts[p]) for p in used]
        places = np.concatenate([np.flatnonzero(part == p) for p in used])
        return _merged(pieces, np.argsort(places))

    return Reader(read, all(reader.certain for reader in readers))


def _merged(pieces: list[Any], order: np.ndarray) -> Any:
    """Batches one after another, then in `order`; inside dicts and lists too."""
    first = pieces[0]
    if isinstance(first, Mapping):
        return like(first, {key: _merged([piece[key] for piece in pieces], order) for key in first})
    if isinstance(first, Sequence):
        return like(first, [_merged(list(column), order) for column in zip(*pieces)])
    return Tensor.lift(np.concatenate([piece.value for piece in pieces]).take(order, axis=0))


def _converted(batch: Any) -> Any:
    """What a dataset gave for an array of row numbers, as `default_collate` would have made it."""
    if isinstance(batch, Mapping):
        return like(batch, {key: _converted(value) for key, value in batch.items()})
    if isinstance(batch, Sequence) and not isinstance(batch, (str, bytes)):
        return like(batch, [_converted(value) for value in batch])
    if isinstance(batch, Tensor):
        return batch
    return default_convert(np.asarray(batch)) if hasattr(batch, "__array__") else batch


# ---- checks


def random_state() -> bytes:
    """The state of the random numbers that a dataset may draw: ours, NumPy's and Python's."""
    states = (default_generator.state.value.tolist(), np.random.get_state(), random.getstate())
    return pickle.dumps(states)


def reads_the_same(reader: Reader, rows: np.ndarray, expected: Any) -> bool:
    """Whether the reader gives the batch that was read row by row."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return equal(reader.read(rows), expected)
    except Exception:  # whatever a user's dataset says to an array of row numbers
        return False


def equal(batch: Any, expected: Any) -> bool:
    """Whether two batches agree in structure, types and every value, NaN included."""
    if type(batch) is not type(expected):
        return False
    if isinstance(batch, Mapping):
        return list(batch) == list(expected) and all(equal(batch[k], expected[k]) for k in batch)
    if isinstance(batch, Sequence):
        return len(batch) == len(expected) and all(map(equal, batch, expected))
    if not isinstance(batch, Tensor) or batch.type_ != expected.type_:
        return False
    return np.array_equal(batch.value, expected.value, equal_nan=batch.is_floating_point())
