"""Data frames of pandas, polars and Arrow as arrays of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..types import ShapeError


def is_frame(table: Any) -> bool:
    """Whether this is a data frame; no library is loaded to find out."""
    return hasattr(table, "columns") or hasattr(table, "__narwhals_dataframe__")


def frame_arrays(table: Any, target: Any) -> tuple[np.ndarray, Any]:
    """Inputs and labels of a data frame of numbers.

    target  the name of the target column, or a list of names; None is the last column

    table: [rows] -> X: [rows, columns], y: [rows], or [rows, targets] for a list

    Raises:
        TableError: A column is lacking, or holds texts or missing values.
    """
    from ..data.tables import TableError, as_frame
    from ..data.tables.read import check_columns

    frame = as_frame(table)
    if target is None:
        target = frame.columns[-1]
    names = [target] if isinstance(target, str) else list(target)
    check_columns(frame, names, "column")
    inputs = [name for name in frame.columns if name not in names]
    if not inputs:
        raise TableError("the data frame has no column but the target")
    X = matrix_of(frame, inputs)
    if isinstance(target, str):
        return X, column_array(frame[target])
    return X, matrix_of(frame, names) if names else None


def matrix_of(frame: Any, names: list[str]) -> np.ndarray:
    """Columns side by side, [rows, columns]; at once where all are plain numbers, none missing."""
    part = frame.select(names)
    if all(dtype.is_numeric() for dtype in part.schema.values()):
        found = part.to_numpy()
        if found.dtype.kind in "iuf" and not np.isnan(found).any():
            return found.astype(np.float64 if found.dtype.kind == "f" else np.int64)
    return np.stack([column_array(frame[name]) for name in names], 1)


def input_names(table: Any, target: Any) -> tuple[str, ...]:
    """The names of the columns that `frame_arrays` makes inputs of."""
    from ..data.tables import as_frame

    names = list(as_frame(table).columns)
    targets = names[-1:] if target is None else [target] if isinstance(target, str) else target
    return tuple(name for name in names if name not in targets)


def column_array(series: Any) -> np.ndarray:
    """A column of numbers or truth values, none missing; whole numbers stay whole."""
    from ..data.tables import TableError
    from ..data.tables.errors import counted
    from ..data.tables.values import is_number, numbers

    name = series.name
    if not is_number(series):
        raise TableError(
            f"column {name!r} holds {series.dtype}, and a network takes numbers; number its "
            "values, or let data.tables.Preparation make inputs of it"
        )
    values = numbers(series)
    if missing := int(np.isnan(values).sum()):
        row = int(np.argmax(np.isnan(values)))
        raise TableError(
            f"column {name!r} has {counted(missing, 'missing value')}, the first in row {row}; "
            "fill them, or let data.tables.Preparation make inputs of it"
        )
    whole = series.dtype.is_integer() or str(series.dtype) == "Boolean"
    return values.astype(np.int64) if whole else values


def series_array(values: Any) -> np.ndarray:
    """A series, a list or whatever NumPy understands as an array."""
    if hasattr(values, "to_numpy"):
        values = values.to_numpy()
    try:
        array = np.asarray(values.detach() if hasattr(values, "detach") else values)
    except ValueError:
        raise ShapeError("rows are lists of different lengths; an array has equally many") from None
    if array.dtype == object:
        try:
            return array.astype(np.float64)
        except (TypeError, ValueError):
            return array
    return array
