"""The rows that a training or a prediction goes through, batch by batch.

    (X, y)            arrays or tensors; X may be a tuple of them, for models of several inputs
    (frame, "name")   a data frame (pandas, polars, Arrow) and the name of its target column, or a
                      list of names; all other columns are inputs. Where the loss takes labels of
                      the outputs' shape, they are [rows, 1] for one target
    frame             a data frame whose last column is the target
    Dataset           numbered items (x, y)
    DataLoader        its own batches, in its own order

Arrays and frames are converted to what the model takes: real inputs to the dtype of its weights,
whole numbers too unless an embedding comes first; labels to what the loss takes.  Bytes, float64
and memory-mapped files stay where they are and are converted batch by batch.  Tensors and datasets
are taken as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..arguments import shown, takes
from ..data import DataLoader, Dataset, TensorDataset
from ..nn import Module
from ..nn.checks import wanted_dtype
from ..tensors import Tensor
from ..tensors.state import get_default_dtype
from ..types import ShapeError, float64, int64, is_real, uint8
from .frames import frame_arrays, input_names, is_frame, series_array

NO_ROWS = str, bytes, Mapping, Module  # though numbered


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
    """Rows of arrays, gathered a batch at a time by one fancy index.

    inputs, targets  arrays of all rows that were given, as they lie in memory or in a file
    dtypes           what the model takes the inputs as: a batch is converted when it is gathered
    numbers          the places of these rows in the arrays
    weights          one for each of these rows
    names            of the columns of a data frame, else none
    """

    names: tuple[str, ...] = ()

    def __init__(
        self,
        inputs: Sequence[np.ndarray],
        targets: np.ndarray | None = None,
        weights: np.ndarray | None = None,
        numbers: np.ndarray | None = None,
        dtypes: Sequence[np.dtype] = (),
    ) -> None:
        self.inputs, self.targets, self.weights = tuple(inputs), targets, weights
        self.dtypes = tuple(dtypes) or tuple(x.dtype for x in inputs)
        self.whole = numbers is None
        self.numbers = np.arange(len(self.inputs[0])) if numbers is None else numbers

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def labels(self) -> np.ndarray | None:
        """The labels of these rows."""
        return self.targets if self.whole or self.targets is None else self.targets[self.numbers]

    def places(self, rows: np.ndarray) -> np.ndarray:
        """Where in the arrays these rows are."""
        return rows if self.whole else self.numbers[rows]

    def take(self, rows: np.ndarray) -> Batch:
        """The rows with these places."""
        lift, at = Tensor.lift, self.places(rows)
        return Batch(
            tuple([lift(x[at].astype(t, copy=False)) for x, t in zip(self.inputs, self.dtypes)]),
            None if self.targets is None else lift(self.targets[at]),
            None if self.weights is None else lift(self.weights[rows]),
            rows,
        )

    def between(self, first: int, end: int) -> list[np.ndarray]:
        """The inputs of some rows that follow each other, as they lie in memory or in a file."""
        at: Any = slice(first, end) if self.whole else self.numbers[first:end]
        return [x[at] for x in self.inputs]

    def read(self, places: list[np.ndarray]) -> Iterator[Batch]:
        """Batches of the rows with these places."""
        return map(self.take, places)

    def part(self, rows: np.ndarray) -> ArrayRows:
        """Only these rows; the arrays are not copied."""
        weights = None if self.weights is None else self.weights[rows]
        part = ArrayRows(self.inputs, self.targets, weights, self.numbers[rows], self.dtypes)
        part.names = self.names
        return part


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


def others(count: int) -> list[int]:
    """Another row for each of so many rows, always the same ones."""
    return np.roll(np.random.default_rng(0).permutation(count), 1).tolist()


def batch_of(collated: Any) -> Batch:
    """What a loader gave: (x, y), (x, z, y) for a model of two inputs, or inputs alone."""
    if isinstance(collated, Mapping):
        raise TypeError("a batch is (inputs, labels), not a dict; give the loader a collate_fn")
    given = tuple(collated) if isinstance(collated, (tuple, list)) else (collated,)
    *inputs, labels = given if len(given) > 1 else (*given, None)
    for x in inputs:
        if not hasattr(x, "shape"):
            raise TypeError(f"rows are numbers, and a batch of this data is {shown(x)}")
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
    numbered = hasattr(data, "__getitem__") and hasattr(data, "__len__")
    if numbered and not hasattr(data, "dtype") and not isinstance(data, NO_ROWS):
        if not len(data):
            raise ValueError(f"{what} has no rows")
        return DatasetRows(data)
    raise TypeError(
        f"{what} is (X, y), a data frame, (data frame, name of the target), a Dataset or a "
        f"DataLoader, not {shown(data)}"
    )


def array_rows(X: Any, y: Any, model: Any, labels: str, what: str) -> ArrayRows:
    """Arrays, tensors or a data frame as rows."""
    names: tuple[str, ...] = ()
    if is_frame(X) and (y is None or isinstance(y, str) or is_names(y)):
        single, names = not is_names(y), input_names(X, y)
        X, y = frame_arrays(X, y)
        if single and labels == "like outputs":
            y = y[:, None]  # as a layer of one unit gives it
    inputs, dtypes = inputs_of(X, model, what)
    y = labels_of(y, labels, weights_dtype(model), what)
    if len(y) != len(inputs[0]):
        raise ShapeError(f"{what}: {len(inputs[0]):,} rows of inputs and {len(y):,} of labels")
    if not len(y):
        raise ValueError(f"{what} has no rows")
    rows = ArrayRows(inputs, y, dtypes=dtypes)
    rows.names = names
    return rows


def is_names(y: Any) -> bool:
    """Whether these are names of columns."""
    return isinstance(y, list) and bool(y) and all(isinstance(name, str) for name in y)


def weights_dtype(model: Any) -> np.dtype:
    """The dtype of the model's real parameters."""
    found = (p.dtype for p in model.parameters() if is_real(p.dtype))
    return next(found, get_default_dtype())


def inputs_of(X: Any, model: Any, what: str = "X") -> tuple[list[np.ndarray], list[np.dtype]]:
    """The inputs as arrays, and the dtypes that the model takes; several come as a tuple."""
    given = X if isinstance(X, tuple) else (X,)
    check_number(model, given, what)
    whole = wanted_dtype(model) == int64
    found = [input_array(x, weights_dtype(model), whole, what) for x in given]
    arrays = [array for array, _ in found]
    if len({len(a) for a in arrays}) > 1:
        raise ShapeError(f"{what}: inputs of {' and '.join(str(len(a)) for a in arrays)} rows")
    return arrays, [dtype for _, dtype in found]


def check_number(model: Any, given: tuple, what: str) -> None:
    """The model takes so many inputs.

    Raises:
        TypeError: It takes more or fewer.
    """
    if len(given) != 1 and not takes(model.forward, *given):
        raise TypeError(
            f"{what} is {len(given)} inputs, and {type(model).__name__} takes another number of "
            "them; a tuple is several inputs: of (X, y) give X alone"
        )


def input_array(x: Any, dtype: np.dtype, whole: bool, what: str) -> tuple[np.ndarray, np.dtype]:
    """One input, and the dtype that the model takes; `whole` keeps whole numbers as such."""
    if isinstance(x, Tensor):
        return x.detach().value, x.dtype
    array = frame_arrays(x, [])[0] if is_frame(x) else series_array(x)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{what}: inputs are numbers, not {array.dtype}; encode texts as numbers")
    if not array.ndim:
        raise ShapeError(f"{what}: inputs have an axis of rows; one row is X[None]")
    wanted = int64 if whole and array.dtype.kind in "biu" else dtype
    return (array if stays(array) else np.ascontiguousarray(array, wanted)), wanted


def stays(array: np.ndarray) -> bool:
    """Whether batches are read from the array as it is: a file, or one without gaps to widen."""
    return is_mapped(array) or (array.dtype in (uint8, float64) and array.flags.c_contiguous)


def is_mapped(array: Any) -> bool:
    """Whether an array, or what it is a view of, is a memory-mapped file."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return False


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
