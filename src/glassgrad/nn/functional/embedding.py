"""Rows of a table picked by number: words and categories as vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...operations.gather import put, take
from ...tensors.creation import coerced
from ...tensors.state import no_grad, state
from ...types import ShapeError
from .arguments import INDICES, check_integers, check_range

__all__ = ["embedding", "embedding_bag"]


def embedding(
    input,
    weight,
    padding_idx=None,
    max_norm=None,
    norm_type=2.0,
    scale_grad_by_freq=False,
    sparse=False,
):
    """y[..., :] = weight[x[...], :]

    x: int64[...], weight: [rows, features] -> y: [..., features]

    padding_idx         a row that gets no gradient
    max_norm            rows that are read and longer are first shortened to it, in `weight` itself
    scale_grad_by_freq  whether a row's gradient is divided by how often it is read
    """
    index, weight = _checked(input, weight, sparse, "embedding")
    if max_norm is not None:
        _shorten(weight, index, max_norm, norm_type)
    y = weight.apply(take, weight, index)
    if padding_idx is not None:
        row = _row(padding_idx, weight.shape[0])
        y = y.where((index != row).unsqueeze(-1), y.detach())
    return y if not scale_grad_by_freq else _with_gradient(y, 1 / _frequency(index, weight))


def embedding_bag(
    input, weight, offsets=None, max_norm=None, norm_type=2, scale_grad_by_freq=False, mode="mean",
    sparse=False, per_sample_weights=None, include_last_offset=False, padding_idx=None,
):  # fmt: skip
    """the sum, mean or maximum of the rows of each bag of numbers

    x: int64[bags, count], weight: [rows, features] -> y: [bags, features]

    Bags of different lengths stand one after the other in x: int64[n], and `offsets` says where
    each begins (include_last_offset=True: and where the last ends).  Entries that are padding_idx
    do not count; an empty bag gives zeros.  `per_sample_weights` multiply the rows, for mode="sum".
    """
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"mode has to be one of sum, mean or max, not {mode!r}")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError("per_sample_weights is supported for mode='sum' only")
    index, weight = _checked(input, weight, sparse, "embedding_bag")
    at, present = (index.lift(a) for a in _bags(index, offsets, include_last_offset))
    flat = index.reshape(-1).take(at) if index.numel() else at
    if padding_idx is not None:
        present = present & (flat != _row(padding_idx, weight.shape[0]))
    if max_norm is not None:
        _shorten(weight, flat if padding_idx is None else flat[present], max_norm, norm_type)
    rows = weight.apply(take, weight, flat)
    if scale_grad_by_freq:
        rows = _with_gradient(rows, 1 / _frequency(flat, weight))
    if per_sample_weights is not None:
        weights = _weights(per_sample_weights, index)
        rows = rows * weights.reshape(-1).take(at).unsqueeze(-1)
    mask = present.unsqueeze(-1)
    if mode == "max":
        highest = rows.masked_fill(~mask, -math.inf).max(1).values if at.shape[1] else rows.sum(1)
        return highest.where(mask.any(1), 0)
    total = rows.where(mask, 0).sum(1)
    return total if mode == "sum" else total / mask.sum(1).maximum(1)


# ---- shared


def _checked(input: Any, weight: Any, sparse: bool, name: str) -> tuple[Any, Any]:
    index, weight = coerced(input), coerced(weight)
    if sparse:
        raise NotImplementedError(f"{name}: sparse gradients come later; leave sparse=False")
    if len(weight.shape) != 2:
        raise ShapeError(f"'weight' must be 2-D: [rows, features], and got {weight.type_}")
    check_integers(index, name, INDICES)
    check_range(index, weight.shape[0], name)
    return index, weight


def _row(padding_idx: int, rows: int) -> int:
    if not -rows <= padding_idx < rows:
        raise IndexError(f"padding_idx {padding_idx} must be within the {rows} rows of the table")
    return padding_idx % rows


def _shorten(weight: Any, index: Any, max_norm: float, norm_type: float) -> None:
    """The rows that are read, scaled to max_norm where they are longer."""
    with no_grad():
        if state.listening is not None:
            lengths = weight.detach().norm(norm_type, 1, keepdim=True)
            scale = (max_norm / (lengths + 1e-7)).where(lengths > max_norm, 1)
            used = (_counts(index, weight) > 0).unsqueeze(-1)
            weight.assign((weight * scale).where(used, weight))
            return
        rows = index.lift(np.unique(index.value))
        read = weight.detach().index_select(0, rows)
        lengths = read.norm(norm_type, 1, keepdim=True)
        scale = (max_norm / (lengths + 1e-7)).where(lengths > max_norm, 1)
        weight.assign(read * scale, rows.value)


def _frequency(index: Any, weight: Any) -> Any:
    """How often the row of each entry is read, along the features."""
    return weight.apply(take, _counts(index, weight).to(weight.dtype), index).unsqueeze(-1)


def _counts(index: Any, weight: Any) -> Any:
    """How often each row is read."""
    rows = index.reshape(-1).long()
    return rows.apply(put, rows.new_ones(rows.shape), rows, n=weight.shape[0])


def _with_gradient(y: Any, factor: Any) -> Any:
    """y, with its gradient multiplied."""
    scaled = y * factor
    return scaled + (y - scaled).detach()


def _bags(index: Any, offsets: Any, include_last_offset: bool) -> tuple[np.ndarray, np.ndarray]:
    """[bags, longest]: where each bag's entries stand in the flattened input; which there are."""
    if len(index.shape) == 2:
        if offsets is not None:
            raise ValueError("if input is 2D, then offsets has to be None: each row is a bag")
        at = np.arange(index.numel()).reshape(index.shape)
        return at, np.ones(index.shape, bool)
    if len(index.shape) != 1 or offsets is None:
        raise ValueError(
            f"embedding_bag takes bags [bags, count], or [n] with offsets, not {index.type_}"
        )
    edges = coerced(offsets).known()
    n = index.numel()
    if (
        edges.ndim != 1
        or edges.size == 0
        or edges[0] != 0
        or (np.diff(edges) < 0).any()
        or edges[-1] > n
    ):
        raise ValueError(
            f"offsets start at 0 and rise to at most {n}, the length of input; got {edges}"
        )
    ends = edges[1:] if include_last_offset else np.append(edges[1:], n)
    starts = edges[: len(ends)]
    at = starts[:, None] + np.arange(max(int((ends - starts).max(initial=0)), 0))
    present = at < ends[:, None]
    return np.where(present, at, 0), present


def _weights(per_sample_weights: Any, index: Any) -> Any:
    weights = coerced(per_sample_weights)
    if weights.shape != index.shape:
        raise ShapeError(
            f"per_sample_weights has a number for each entry of {index.type_}, not {weights.type_}"
        )
    return weights
