"""The rows that a training or a prediction goes through, batch by batch.

    (X, y)            arrays or tensors; X may be a tuple of them, for models of several inputs
    (frame, "name")   a data frame (pandas, polars, Arrow) and the name of its target column, or a
                      list of names; all other columns are inputs. Where the loss takes labels of
                      the outputs' shape, they are [rows, 1] for one target
    frame             a data frame whose last column is the target
    Dataset           numbered items (x, y)
    DataLoader        its own batches, in its own order

Arrays and frames are converted once to what the model takes: real inputs to the dtype of its
weights, whole numbers too unless an embedding comes first; labels to what the loss takes.  Tensors
and datasets are taken as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..data import DataLoader, Dataset, TensorDataset
from ..nn.checks import wanted_dtype
from ..tensors import Tensor
from ..tensors.state import get_default_dtype
from ..types import ShapeError, int64, is_real
from .frames import frame_arrays, is_frame, series_array


class Batch(NamedTuple):
    """Some rows; `numbers` has their places, None where they are not known."""

    inputs: tuple[Tensor, ...]
    labels: Tensor | None
    weights: Tensor | None
    numbers: np.ndarray | None

    @property
    def rows(self) -> int:
        """How many there are."""
        return self.inputs[0].shape[0]


class ArrayRows:
    """Rows in memory, gathered a batch at a time by one fancy index."""

    def __init__(
        self,
        inputs: Sequence[np.ndarray],
        labels: np.ndarray | None = None,
        weights: np.ndarray | None = None,
        numbers: np.ndarray | None = None,
    ) -> None:
        self.inputs, self.labels, self.weights = tuple(inputs), labels, weights
        self.numbers = np.arange(len(self)) if numbers is None else numbers

    def __len__(self) -> int:
        return len(self.inputs[0])

    def take(self, rows: np.ndarray) -> Batch:
        """The rows with these places."""
        lift = Tensor.lift
        return Batch(
            tuple([lift(x[rows]) for x in self.inputs]),
            None if self.labels is None else lift(self.labels[rows]),
            None if self.weights is None else lift(self.weights[rows]),
            rows,
        )

    def read(self, places: list[np.ndarray]) -> Iterator[Batch]:
        """Batches of the rows with these places."""
        return map(self.take, places)

    def part(self, rows: np.ndarray) -> ArrayRows:
        """Only these rows."""
        labels, weights = (None if a is None else a[rows] for a in (self.labels, self.weights))
        return ArrayRows([x[rows] for x in self.inputs], labels, weights, self.numbers[rows])


class DatasetRows:
    """The items of a `Dataset` as rows, read in whole batches where it can do that."""

    def __init__(
        self, dataset: Any, weights: np.ndarray | None = None, numbers: np.ndarray | None = None
    ) -> None:
        self.dataset, self.weights = dataset, weights
        self.numbers = np.arange(len(dataset)) if numbers is None else numbers
        self.order: list[np.ndarray] = []  # the items of the batches that come next
        self.loader = DataLoader(dataset, batch_sampler=self.order)

    def __len__(self) -> int:
        return len(self.numbers)

    def read(self, places: list[np.ndarray]) -> Iterator[Batch]:
        """Batches of the rows with these places."""
        self.order[:] = [self.numbers[rows] for rows in places]
        for rows, collated in zip(places, self.loader):
            weights = None if self.weights is None else Tensor.lift(self.weights[rows])
            yield batch_of(collated)._replace(weights=weights, numbers=rows)

    def take(self, rows: np.ndarray) -> Batch:
        """The rows with these places."""
        return next(self.read([rows]))

    @property
    def labels(self) -> np.ndarray:
        """The labels of all rows."""
        found = [batch.labels for batch in batches(self, 1024)]
        return np.concatenate([np.asarray(labels) for labels in found])

    def part(self, rows: np.ndarray) -> DatasetRows:
        """Only these rows."""
        weights = None if self.weights is None else self.weights[rows]
        return DatasetRows(self.dataset, weights, self.numbers[rows])


class LoaderRows:
    """The batches of a `DataLoader`, which says itself how large they are and in which order."""

    weights = None

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def __iter__(self) -> Iterator[Batch]:
        return (batch_of(collated) for collated in self.loader)


Rows = ArrayRows | DatasetRows | LoaderRows


def batches(rows: Rows, size: int | None, order: np.ndarray | None = None) -> Iterator[Batch]:
    """All rows in batches of `size`, the last one smaller; None means all at once.

    `order` has the places in the order in which they come.
    """
    if isinstance(rows, LoaderRows):
        return iter(rows)
    n = len(rows)
    size = size or max(n, 1)
    order = np.arange(n) if order is None else order
    places = [order[start : start + size] for start in range(0, n, size)]
    return rows.read(places)


def batch_of(collated: Any) -> Batch:
    """What a loader gave: (x, y), (x, z, y) for a model of two inputs, or inputs alone."""
    if isinstance(collated, Mapping):
        raise TypeError("a batch is (inputs, labels), not a dict; give the loader a collate_fn")
    if not isinstance(collated, (tuple, list)):
        return Batch((collated,), None, None, None)
    *inputs, labels = collated if len(collated) > 1 else (*collated, None)
    return Batch(tuple(inputs), labels, None, None)


# ---- from what users have


def rows_of(data: Any, model: Any, labels: str = "", *, what: str = "data") -> Rows:
    """`data` as rows; `labels` says what the loss takes for labels (see `Kind`).

    Raises:
        TypeError, ValueError: It is none of what this module lists, or cannot become numbers.
        ShapeError: Inputs and labels have different numbers of rows.
    """
    if isinstance(data, DataLoader):
        return LoaderRows(data)
    if type(data) is TensorDataset and len(data.tensors) > 1:
        *inputs, targets = data.tensors
        return ArrayRows([x.value for x in inputs], targets.value)
    if isinstance(data, Dataset):
        return DatasetRows(data)
    if is_frame(data):
        data = (data, None)
    if isinstance(data, (tuple, list)) and len(data) == 2:
        X, y = data
        return array_rows(X, y, model, labels, what)
    if hasattr(data, "__getitem__") and hasattr(data, "__len__") and not hasattr(data, "dtype"):
        return DatasetRows(data)
    raise TypeError(
        f"{what} is (X, y), a data frame, (data frame, name of the target), a Dataset or a "
        f"DataLoader, not a {type(data).__name__}"
    )


def array_rows(X: Any, y: Any, model: Any, labels: str, what: str) -> ArrayRows:
    """Arrays, tensors or a data frame as rows."""
    if is_frame(X) and (y is None or isinstance(y, str) or is_names(y)):
        single = not is_names(y)
        X, y = frame_arrays(X, y)
        if single and labels == "like outputs":
            y = y[:, None]  # as a layer of one unit gives it
    inputs = inputs_of(X, model, what)
    y = labels_of(y, labels, weights_dtype(model), what)
    if len(y) != len(inputs[0]):
        raise ShapeError(f"{what}: {len(inputs[0]):,} rows of inputs and {len(y):,} of labels")
    if not len(y):
        raise ValueError(f"{what} has no rows")
    return ArrayRows(inputs, y)


def is_names(y: Any) -> bool:
    """Whether these are names of columns."""
    return isinstance(y, list) and bool(y) and all(isinstance(name, str) for name in y)


def weights_dtype(model: Any) -> np.dtype:
    """The dtype of the model's real parameters."""
    found = (p.dtype for p in model.parameters() if is_real(p.dtype))
    return next(found, get_default_dtype())


def inputs_of(X: Any, model: Any, what: str = "X") -> list[np.ndarray]:
    """The inputs as arrays that the model takes; several come as a tuple."""
    given = X if isinstance(X, tuple) else (X,)
    whole = wanted_dtype(model) == int64
    arrays = [input_array(x, weights_dtype(model), whole, what) for x in given]
    if len({len(a) for a in arrays}) > 1:
        raise ShapeError(f"{what}: inputs of {' and '.join(str(len(a)) for a in arrays)} rows")
    return arrays


def input_array(x: Any, dtype: np.dtype, whole: bool, what: str) -> np.ndarray:
    """One input; `whole` says that whole numbers are kept as such."""
    if isinstance(x, Tensor):
        return x.detach().value
    array = frame_arrays(x, [])[0] if is_frame(x) else series_array(x)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{what}: inputs are numbers, not {array.dtype}; encode texts as numbers")
    if not array.ndim:
        raise ShapeError(f"{what}: inputs have an axis of rows; one row is X[None]")
    wanted = int64 if whole and array.dtype.kind in "biu" else dtype
    return np.ascontiguousarray(array, wanted)


def labels_of(y: Any, labels: str, dtype: np.dtype, what: str = "labels") -> np.ndarray:
    """Labels as an array that the loss takes; tensors are taken as they are."""
    if isinstance(y, Tensor):
        return y.detach().value
    array = frame_arrays(y, [])[0] if is_frame(y) else series_array(y)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{what}: labels are numbers, not {array.dtype}; number the classes: "
            "classes, y = numpy.unique(y, return_inverse=True)"
        )
    if not array.ndim:
        raise ShapeError(f"{what}: labels have an axis of rows, not a single number")
    if labels == "classes" and array.dtype.kind != "f":
        return np.ascontiguousarray(array, int64)
    if not labels and array.dtype.kind != "f":  # a function of the user's: whole numbers stay so
        return np.ascontiguousarray(array)
    return np.ascontiguousarray(array, dtype)
