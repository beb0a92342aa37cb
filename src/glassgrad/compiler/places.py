"""Where the native step finds values: in the arena, or behind a pointer of the table."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np


class Place(NamedTuple):
    """The memory of a value, as plain data.

    pointer   its number in the table of pointers; None in the arena
    offset    in bytes, from the pointer or the arena's start
    strides   in elements; room, contiguous, dense, copies: see `plan.kernel.Buffer`
    """

    pointer: int | None
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype
    strides: tuple[int, ...]
    room: tuple[int, ...]
    contiguous: int | None
    dense: bool
    copies: int = 1

    @property
    def bytes(self) -> int:
        """Of the elements, without padding."""
        return math.prod(self.shape) * self.dtype.itemsize

    def view(self, arena: np.ndarray, copy: int = 0) -> np.ndarray:
        """The value, of one of its copies, as an array, where it lies in the arena."""
        assert self.pointer is None, "it lies in a user's array"
        size = self.dtype.itemsize
        strides = [s * size * self.copies for s in self.strides]
        return np.ndarray(self.shape, self.dtype, arena.data, self.offset + copy * size, strides)


class Source(NamedTuple):
    """Where the rows of an input come from: an array [rows, ...] of some dtype."""

    shape: tuple[int, ...]
    dtype: np.dtype
