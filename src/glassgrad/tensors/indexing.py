"""Reading by slices, integers, arrays and masks: x[...], and its relatives with names."""

from __future__ import annotations

import math

import numpy as np

from ..operations import gather as op
from ..types import RangeError, axis_of, broadcast_shapes
from .keys import checked, entries, flat_positions, forward, inside, merged_positions
from .node import Node


class Indexing(Node):
    """Keys are read as in NumPy, but that integers beside arrays count as plain integers."""

    def __getitem__(self, key):
        x, arrays = self._basic(entries(key, self))
        return x._advanced(arrays) if arrays else x

    def gather(self, dim, index, *, sparse_grad=False):
        """y[i, j] = x[index[i, j], j] for dim 0, and so for any axis and rank.

        x and index have equal ranks; index is nowhere longer than x but along dim.
        """
        if not self.shape:
            return self.reshape(1).gather(0, index.reshape(-1)).reshape(index.shape)
        axis = axis_of(dim, len(self.shape))
        return self.reshape(-1)._rows(flat_positions(self, axis, index, "gather"))

    def take(self, index):
        """Elements of the flattened tensor."""
        return self.reshape(-1)._rows(checked(index, self.numel(), "take"))

    def index_select(self, dim, index):
        """The elements of an axis that `index` lists."""
        if len(index.shape) > 1:
            raise RangeError(f"index_select takes a vector as index and got {index.type_}")
        if not self.shape:
            return self
        axis = axis_of(dim, len(self.shape))
        index = forward(index.reshape(-1), self.shape[axis], "index_select", axis)
        return self.movedim(axis, 0)._rows(index).movedim(0, axis)

    def take_along_dim(self, indices, dim=None):
        """As `gather`, with broadcasting."""
        if dim is None:
            return self.reshape(-1).gather(0, indices.reshape(-1))
        axis = axis_of(dim, len(self.shape))
        outer = broadcast_shapes(_but(self.shape, axis), _but(indices.shape, axis))
        shape = (*outer[:axis], indices.shape[axis], *outer[axis:])
        own = (*outer[:axis], self.shape[axis], *outer[axis:])
        return self.expand(own).gather(axis, indices.expand(shape))

    def masked_select(self, mask):
        """The elements where `mask` holds, in order."""
        shape = broadcast_shapes(self.shape, mask.shape)
        return self.expand(shape)[mask.expand(shape)]

    def nonzero(self, *, as_tuple=False):
        """Where elements are not zero: [count, axes], or one vector for each axis."""
        array = self.known()
        found = np.nonzero(array.reshape(1) if not array.ndim else array)
        if as_tuple:
            return tuple(map(self.lift, found))
        return self.lift(np.stack(found, 1)[:, : array.ndim])

    def argwhere(self):
        """Where elements are not zero: [count, axes]."""
        return self.nonzero()

    def nonzero_static(self, *, size, fill_value=-1):
        """The first `size` rows of `nonzero`, filled up with `fill_value`."""
        found = self.nonzero().value[:size]
        rows = np.full((size, found.shape[1]), fill_value, np.int64)
        rows[: len(found)] = found
        return self.lift(rows)

    # ---- shared

    def _rows(self, index):
        """x[index] along the first axis; indices have been checked."""
        return self.apply(op.take, self, index)

    def _basic(self, key):
        """Slices, integers and new axes applied; and {axis of the result: index tensor} left."""
        parts, shape, arrays, axis, empty = {}, [], {}, 0, None
        for k in key:
            if k is None or k is False:
                empty = empty if k is None else len(shape)
                shape.append(1)
                continue
            if isinstance(k, Node):
                arrays[len(shape)] = k
                shape.append(self.shape[axis])
            elif isinstance(k, slice):
                start, stop, step = k.indices(self.shape[axis])
                length = len(range(start, stop, step))
                parts[axis] = (start if length else 0, step if length else 1, length)
                shape.append(length)
            else:
                parts[axis] = (inside(k, self.shape[axis], axis), 1, 1)
            axis += 1
        y = self._slice(parts)
        y = y if y.shape == tuple(shape) else y.reshape(tuple(shape))
        return y if empty is None else y.narrow(empty, 0, 0), arrays

    def _advanced(self, arrays):
        """Index arrays on some axes: axes to the front, merged to one, rows taken."""
        axes = list(arrays)
        rest = [a for a in range(len(self.shape)) if a not in arrays]
        moved = self if axes == list(range(len(axes))) else self.permute(*axes, *rest)
        positions, shape = merged_positions(moved, list(arrays.values()))
        lengths = moved.shape
        if len(axes) > 1:
            moved = moved.reshape((math.prod(lengths[: len(axes)]), *lengths[len(axes) :]))
        y = moved._rows(positions)
        adjacent = axes == list(range(axes[0], axes[0] + len(axes)))
        if not adjacent or not axes[0]:
            return y
        lead = len(shape)
        return y.permute(*range(lead, lead + axes[0]), *range(lead), *range(lead + axes[0], y.ndim))


def _but(shape, axis):
    return shape[:axis] + shape[axis + 1 :]
