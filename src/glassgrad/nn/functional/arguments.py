"""What several families share: sizes for each axis, vectors along an axis, checks of indices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...operations.view import view
from ...tensors.state import state
from ...types import RangeError, ShapeError, int32, int64, uint8


def each(value: Any, count: int, name: str) -> tuple[int, ...]:
    """`value`, an integer for all axes or one for each of `count` axes, as a tuple."""
    if isinstance(value, (int, np.integer)):
        return (int(value),) * count
    listed = tuple(int(v) for v in value)
    if len(listed) == 1:
        return listed * count
    if len(listed) != count:
        raise ValueError(f"{name} is an integer or one for each of {count} axes, not {value}")
    return listed


def along(vector: Any, x: Any, axis: int = 1) -> Any:
    """A vector with one number for each place of an axis of `x`, repeated to the shape of `x`."""
    if vector.shape != (x.shape[axis],):
        raise ShapeError(
            f"one number for each of the {x.shape[axis]} channels of {x.type_} is needed, "
            f"and got {vector.type_}"
        )
    return vector.apply(view, vector, shape=x.shape, axes=(axis,))


def batched(x: Any, count: int, name: str) -> tuple[Any, bool]:
    """`x` as [batch, channels, ...] with `count` more axes, and whether it had a batch."""
    rank = len(x.shape)
    if rank not in (count + 1, count + 2):
        raise ShapeError(
            f"{name} takes x: [batch, channels{_LENGTHS[count]}] or [channels{_LENGTHS[count]}] "
            f"and got {x.type_}"
        )
    return (x, True) if rank == count + 2 else (x.unsqueeze(0), False)


_LENGTHS = ("", ", length", ", height, width")


def check_probability(p: float, name: str) -> None:
    """ValueError unless p is in [0, 1]."""
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: dropout probability has to be between 0 and 1, but got {p}")


# ---- indices: labels and rows of tables


def check_integers(x: Any, name: str, allowed: tuple = (int64, uint8)) -> None:
    """RuntimeError unless `x` holds class numbers."""
    if x.dtype not in allowed:
        raise RuntimeError(
            f"{name} takes class numbers of dtype int64 and got {x.type_}; convert them by .long()"
        )


def check_range(x: Any, count: int, name: str, ignored: int | None = None) -> None:
    """IndexError that names row and value unless all of `x` is in 0, ..., count - 1, or `ignored`.

    While tracing there are no values to look at; the step looks when it runs.
    """
    if state.listening is not None:
        _demand_range(x, count, name, ignored)
        return
    values = x.value
    if values.size == 0 or (values.min() >= 0 and values.max() < count):
        return
    bad = (values < 0) | (values >= count)
    if ignored is not None:
        bad &= values != ignored
    if bad.any():
        place = tuple(map(int, np.argwhere(bad)[0]))
        row = place[0] if len(place) == 1 else place
        raise RangeError(_outside(name, values[place], row, count))


def _outside(name: str, value: Any, row: Any, count: int) -> str:
    return (
        f"{name}: {value} in row {row} is out of range: there are {count}, "
        f"numbered 0 to {count - 1}"
    )


def _demand_range(x: Any, count: int, name: str, ignored: int | None) -> None:
    x = x.long()
    bad = (x < 0) | (x >= count)
    bad = bad if ignored is None else bad & (x != ignored)
    state.listening.demand(bad, _outside(name, "{value}", "{row}", count), x, RangeError)


INDICES = (int64, int32)  # what an embedding takes
