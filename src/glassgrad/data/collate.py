"""From a list of rows to a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..tensors.creation import as_tensor, from_numpy, tensor
from ..tensors.functions import stack
from ..tensors.tensor import Tensor
from ..types import float64


def default_collate(batch: Sequence[Any]) -> Any:
    """Rows as one batch: tensors and arrays are stacked, numbers become a tensor, text a list.

    Rows that are tuples or lists give a list, dicts a dict, named tuples a named tuple of batches.
    """
    first = batch[0]
    if isinstance(first, (Tensor, np.ndarray)):
        return stacked(batch)
    if isinstance(first, float) and not isinstance(first, np.floating):
        return tensor(batch, dtype=float64)
    if isinstance(first, (int, float, np.number, np.bool_)):
        return from_numpy(np.asarray(batch))
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        return like(first, {key: default_collate([row[key] for row in batch]) for key in first})
    if isinstance(first, Sequence):
        if any(len(row) != len(first) for row in batch):
            raise RuntimeError(
                f"rows have different numbers of entries: {sorted(set(map(len, batch)))}"
            )
        return like(first, [default_collate(column) for column in zip(*batch)])
    raise TypeError(
        f"rows of a {type(first).__name__} cannot be put into a batch: rows are tensors, arrays, "
        "numbers, text, or dicts, lists and tuples of them; give a collate_fn for others"
    )


def default_convert(data: Any) -> Any:
    """`data` with tensors in place of arrays, inside dicts, lists and tuples too."""
    if isinstance(data, (np.ndarray, np.number, np.bool_)):
        return as_tensor(data) if data.dtype.kind in "fiub" else data
    if isinstance(data, Mapping):
        return like(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, tuple) and not hasattr(data, "_fields"):
        return [default_convert(value) for value in data]
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return like(data, [default_convert(value) for value in data])
    return data


def like(original: Any, content: Any) -> Any:
    """`content`, a list or dict, as the type of `original`; a plain tuple becomes a list."""
    if hasattr(original, "_fields"):
        return type(original)(*content)
    if isinstance(original, tuple):
        return content
    try:
        return type(original)(content)
    except TypeError:
        return content


def stacked(rows: Sequence[Any]) -> Tensor:
    """Tensors or arrays of one shape along a new first axis."""
    arrays = [row.value if isinstance(row, Tensor) else row for row in rows]
    for number, array in enumerate(arrays):
        if array.shape != arrays[0].shape:
            raise RuntimeError(
                f"rows of a batch have one shape: row 0 has {list(arrays[0].shape)} and row "
                f"{number} {list(array.shape)}; pad them, or give a collate_fn"
            )
    if any(isinstance(row, Tensor) and row.requires_grad for row in rows):
        return stack(list(rows))
    return from_numpy(np.stack(arrays))
