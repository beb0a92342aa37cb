"""Reading by slices, integers, arrays and masks: x[...], and its relatives with names."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from ..operations import gather as op
from ..operations.index import argsort
from ..types import axis_of, bool_, int64, is_real
from .node import Node
from .reductions import Extremum


class Indexing(Node):
    """Keys are read as in NumPy, but that integers beside arrays count as plain integers."""

    def __getitem__(self, key):
        x, arrays = self._basic(_expanded(key, self))
        return x._advanced(arrays) if arrays else x

    def gather(self, dim, index):
        """y[i, j] = x[index[i, j], j] for dim 0, and so for any axis and rank.

        x and index have equal ranks; index is nowhere longer than x but along dim.
        """
        if not self.shape:
            return self
        axis = axis_of(dim, len(self.shape))
        return self.reshape(-1)._rows(_flat(self, axis, index))

    def take(self, index):
        """Elements of the flattened tensor."""
        return self.reshape(-1)._rows(_checked(index, self.numel(), "take"))

    def index_select(self, dim, index):
        """The elements of an axis that `index` lists."""
        axis = axis_of(dim, len(self.shape))
        rows = self.movedim(axis, 0)._rows(_checked(index, self.shape[axis], "index_select"))
        return rows.movedim(0, axis)

    def take_along_dim(self, indices, dim=None):
        """As `gather`, with broadcasting."""
        if dim is None:
            return self.reshape(-1).gather(0, indices.reshape(-1))
        axis = axis_of(dim, len(self.shape))
        outer = np.broadcast_shapes(_but(self.shape, axis), _but(indices.shape, axis))
        shape = (*outer[:axis], indices.shape[axis], *outer[axis:])
        own = (*outer[:axis], self.shape[axis], *outer[axis:])
        return self.expand(own).gather(axis, indices.expand(shape))

    def scatter_add(self, dim, index, src):
        """x with src[i, j] added at [index[i, j], j] for dim 0, and so for any axis."""
        axis = axis_of(dim, len(self.shape))
        flat = _flat(self, axis, index)
        src = src[tuple(slice(0, n) for n in index.shape)]
        added = self.apply(op.put, src.reshape(-1), flat.reshape(-1), n=self.numel())
        return self + added.reshape(self.shape)

    def scatter(self, dim, index, src=None, *, value=None, reduce=None):
        """x with src[i, j], or a number, written at [index[i, j], j] for dim 0, and so for any axis."""
        src = value if src is None else src
        if not isinstance(src, Node):
            src = self.new_full(index.shape, src)
        if reduce == "add":
            return self.scatter_add(dim, index, src)
        if reduce is not None:
            raise NotImplementedError("scatter reduces by 'add' only; compose others from where and amax")
        axis = axis_of(dim, len(self.shape))
        flat = _flat(self, axis, index).reshape(-1)
        src = src[tuple(slice(0, n) for n in index.shape)]
        return self._written(flat, src.reshape(-1)).reshape(self.shape)

    def index_add(self, dim, index, source, *, alpha=1):
        """x with alpha source added to the elements of an axis that `index` lists."""
        axis = axis_of(dim, len(self.shape))
        index = _checked(index, self.shape[axis], "index_add")
        source = source if alpha == 1 else source * alpha
        rows = self.apply(op.put, source.movedim(axis, 0), index, n=self.shape[axis])
        return self + rows.movedim(0, axis)

    def index_put(self, indices, values, accumulate=False):
        """x with `values` written (or added) where the arrays in `indices` say."""
        arrays = dict(enumerate(indices))
        flat, shape = _merged(self, {a: _as_index(i, self) for a, i in arrays.items()})
        rest = self.shape[len(arrays) :]
        values = values if isinstance(values, Node) else self.new_tensor(values)
        values = values.expand((*shape, *rest)).reshape((-1, *rest))
        rows = self.reshape((-1, *rest))
        if accumulate:
            y = rows + self.apply(op.put, values, flat.reshape(-1), n=rows.shape[0])
        else:
            y = rows._written(flat.reshape(-1), values)
        return y.reshape(self.shape)

    def masked_select(self, mask):
        """The elements where `mask` holds, in order."""
        shape = np.broadcast_shapes(self.shape, mask.shape)
        return self.expand(shape)[mask.expand(shape)]

    def masked_fill(self, mask, value):
        """x with `value` where `mask` holds."""
        if mask.dtype != bool_:
            raise TypeError(f"masked_fill takes a mask of dtype bool and got {mask.dtype}")
        return self.where(~mask, value)

    def nonzero(self, *, as_tuple=False):
        """Where elements are not zero: [count, axes], or one vector for each axis."""
        found = np.nonzero(self.value)
        if as_tuple:
            return tuple(map(self.lift, found))
        return self.lift(np.stack(found, 1) if found else np.zeros((0, 0), np.int64))

    def argsort(self, dim=-1, descending=False, stable=False):
        """The positions of the elements in ascending or descending order; equal ones keep theirs."""
        if not self.shape:
            return self.new_zeros((), dtype=int64)
        axis = axis_of(dim, len(self.shape))
        if not descending:
            return self.apply(argsort, self, axis=axis)
        last = self.shape[axis] - 1
        return last - self.apply(argsort, self.flip(axis), axis=axis).flip(axis)

    def sort(self, dim=-1, descending=False, stable=False):
        """(values, indices) in ascending or descending order along `dim`."""
        indices = self.argsort(dim, descending)
        return Extremum(self.gather(dim, indices), indices)

    # ---- shared

    def _rows(self, index):
        """x[index] along the first axis; indices have been checked."""
        return self.apply(op.take, self, index)

    def _written(self, rows, values):
        """x with rows replaced: the last of several writers to a row stays."""
        last = np.full(self.shape[0], -1)
        last[rows.value] = np.arange(rows.shape[0])
        written = self.lift(last >= 0).reshape((-1, *(1,) * (len(self.shape) - 1)))
        picked = values._rows(self.lift(np.maximum(last, 0))) if rows.shape[0] else self
        return picked.to(self.dtype).where(written, self)

    def _basic(self, key):
        """Slices, integers and new axes applied; what is left: {axis of the result: index array}."""
        parts, shape, arrays, axis = {}, [], {}, 0
        for k in key:
            if k is None:
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
                parts[axis] = (_inside(k, self.shape[axis], axis), 1, 1)
            axis += 1
        sliced = self._slice(parts)
        return sliced if sliced.shape == tuple(shape) else sliced.reshape(tuple(shape)), arrays

    def _advanced(self, arrays):
        """Index arrays on some axes: axes to the front, merged to one, rows taken."""
        axes = list(arrays)
        rest = [a for a in range(len(self.shape)) if a not in arrays]
        moved = self if axes == list(range(len(axes))) else self.permute(*axes, *rest)
        flat, shape = _merged(moved, dict(enumerate(arrays.values())))
        merged = moved.shape[len(axes) :]
        y = (moved if len(axes) == 1 else moved.reshape((-1, *merged)))._rows(flat)
        adjacent = axes == list(range(axes[0], axes[0] + len(axes)))
        if not adjacent or not axes[0]:
            return y
        lead = len(shape)
        return y.permute(*range(lead, lead + axes[0]), *range(lead), *range(lead + axes[0], y.ndim))


def _but(shape, axis):
    return shape[:axis] + shape[axis + 1 :]


def _inside(k, n, axis):
    if not -n <= k < n:
        raise IndexError(f"index {k} is out of range for axis {axis} with {n} elements")
    return int(k) % n


def _as_index(k: Any, x: Any) -> Any:
    """A list, array or tensor as an index tensor."""
    k = k if isinstance(k, Node) else x.lift(np.asarray(k))
    if is_real(k.dtype):
        if k.numel():
            raise IndexError(f"indices are integers or truth values, not {k.type_}")
        k = k.to(int64)
    return k


def _expanded(key, x):
    """A key with one entry for each axis: integers, slices, None and index tensors."""
    listed: list[Any] = []
    for k in key if isinstance(key, tuple) else (key,):
        if k is None or k is Ellipsis or isinstance(k, slice):
            listed.append(k)
        elif isinstance(k, (bool, np.bool_)):
            listed += [None, x.lift(np.zeros(1 if k else 0, np.int64))]
        elif isinstance(k, (int, np.integer)):
            listed.append(int(k))
        else:
            k = _as_index(k, x)
            if k.dtype != bool_:
                listed.append(int(k.value) if not k.shape else k)
                continue
            first = sum(1 for j in listed if j is not None and j is not Ellipsis)
            own = x.shape[first : first + len(k.shape)]
            if Ellipsis not in [j for j in listed if not isinstance(j, Node)] and own != k.shape:
                raise IndexError(f"a mask {k.type_} does not fit {x.type_} at axis {first}")
            listed += k.nonzero(as_tuple=True)
    used = sum(1 for j in listed if j is not None and j is not Ellipsis)
    if used > len(x.shape):
        raise IndexError(f"{used} indices for {x.type_}, which has {len(x.shape)} axes")
    whole = [slice(None)] * (len(x.shape) - used)
    dots = next((i for i, j in enumerate(listed) if j is Ellipsis), None)
    return listed + whole if dots is None else listed[:dots] + whole + listed[dots + 1 :]


def _checked(index, n, what, axis=0):
    """`index` with negative numbers counted from the end; IndexError names the first that is outside."""
    rows = index.value if index.value.dtype == int64 else index.value.astype(int64)
    if not (rows.view(np.uint64) >= n).any():
        return index
    bad = (rows < -n) | (rows >= n)
    if bad.any():
        place = tuple(np.argwhere(bad)[0])
        raise IndexError(
            f"{what}: index {rows[place]} at {list(map(int, place))} is out of range for axis {axis} "
            f"with {n} elements"
        )
    return index.lift(np.where(rows < 0, rows + n, rows))


def _flat(x, axis, index):
    """Positions in the flattened `x` of the elements that a gather along `axis` reads."""
    if len(index.shape) != len(x.shape):
        raise RuntimeError(f"gather needs as many axes in index as in x; got {index.type_}, {x.type_}")
    if any(a != axis and m > n for a, (m, n) in enumerate(zip(index.shape, x.shape))):
        raise RuntimeError(f"gather: index {index.type_} is larger than {x.type_} beside axis {axis}")
    rows = _checked(index, x.shape[axis], "gather", axis).value
    stride, offsets = _offsets(x.shape, index.shape, axis)
    return x.lift((rows if stride == 1 else rows * stride) + offsets)


@lru_cache(maxsize=64)
def _offsets(shape, count, axis):
    """The stride of `axis`, and what the other axes of `count` positions add in a flattened tensor."""
    strides = [math.prod(shape[a + 1 :]) for a in range(len(shape))]
    grid = np.ogrid[tuple(map(slice, count))]
    return strides[axis], sum((g * s for a, (g, s) in enumerate(zip(grid, strides)) if a != axis), 0)


def _merged(x, arrays):
    """Flat row numbers for index arrays on the first axes of `x`, and their common shape."""
    checked = [_checked(k, x.shape[a], "index", a).value for a, k in arrays.items()]
    try:
        together = np.broadcast_arrays(*checked)
    except ValueError:
        shapes = " and ".join(str(list(c.shape)) for c in checked)
        raise IndexError(f"index arrays of shapes {shapes} do not broadcast together") from None
    strides = [math.prod(x.shape[a + 1 : len(checked)]) for a in range(len(checked))]
    return x.lift(sum(k * s for k, s in zip(together, strides))), together[0].shape
