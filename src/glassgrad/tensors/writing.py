"""Methods that return x with some elements replaced: by index, mask or slice; x stays as it is."""

from __future__ import annotations

import math

import numpy as np

from ..operations import gather as op
from ..types import axis_of, bool_, broadcast_shapes, is_real
from .keys import checked, entries, flat_positions, forward, merged_positions
from .listening import demand, fixed, unheard
from .node import Node


class Writing(Node):
    """Gradients flow from what was kept into x, and from what was written into its source."""

    # ---- positions along an axis, one for each element

    def scatter(self, dim, index, src=None, *, value=None, reduce=None):
        """x with src[i, j], or a number, at [index[i, j], j] for dim 0, and so for any axis."""
        src = value if src is None else src
        if not isinstance(src, Node):
            src = self.new_full(index.shape, src)
        if reduce is not None:
            names = {"add": "sum", "multiply": "prod"}
            return self.scatter_reduce(dim, index, src, _named("scatter", reduce, names))
        return self._scattered(dim, index, src, "scatter", Writing._written)

    def scatter_add(self, dim, index, src):
        """x with src[i, j] added at [index[i, j], j] for dim 0, and so for any axis."""
        return self._scattered(dim, index, src, "scatter_add", Writing._added)

    def scatter_reduce(self, dim, index, src, reduce, *, include_self=True):
        """x with all src[i, j] of [index[i, j], j] folded in: sum, prod, mean, amax or amin."""
        reduce = _named("scatter_reduce", reduce, REDUCTIONS)

        def write(x, rows, values):
            return x._reduced(rows, values, reduce, include_self)

        return self._scattered(dim, index, src, "scatter_reduce", write)

    # ---- whole slices of an axis

    def index_copy(self, dim, index, source):
        """x with the slices of `source` written where `index` says along `dim`."""
        return self._by_slices(dim, index, source, "index_copy", Writing._written)

    def index_add(self, dim, index, source, *, alpha=1):
        """x with alpha times the slices of `source` added where `index` says along `dim`."""
        source = source if alpha == 1 else source * alpha
        return self._by_slices(dim, index, source, "index_add", Writing._added)

    def index_reduce(self, dim, index, source, reduce, *, include_self=True):
        """x with the slices of `source` folded in where `index` says: prod, mean, amax or amin."""
        reduce = _named("index_reduce", reduce, REDUCTIONS)

        def write(x, rows, values):
            return x._reduced(rows, values, reduce, include_self)

        return self._by_slices(dim, index, source, "index_reduce", write)

    def index_fill(self, dim, index, value):
        """x with `value` in the slices that `index` lists along `dim`."""
        axis = axis_of(dim, len(self.shape))
        n = self.shape[axis] if self.shape else 1
        rows = checked(index, n, "index_fill", axis)
        mask = rows.apply(op.put, rows.new_ones(rows.shape), rows, n=n) > 0
        shape = [1] * len(self.shape)
        shape[axis : axis + 1] = [n] if self.shape else []
        return self.masked_fill(mask.reshape(shape), value)

    # ---- arrays and masks

    def index_put(self, indices, values, accumulate=False):
        """x with `values` written, or added, where the index tensors or masks in `indices` say."""
        arrays = [k for k in entries(tuple(indices), self) if isinstance(k, Node)]
        positions, shape = merged_positions(self, arrays)
        rest = self.shape[len(arrays) :]
        values = values if isinstance(values, Node) else self.new_tensor(values)
        values = values.expand((*shape, *rest)).reshape((math.prod(shape), *rest))
        rows = self.reshape((math.prod(self.shape[: len(arrays)]), *rest))
        write = Writing._added if accumulate else Writing._written
        return write(rows, positions.reshape(-1), values).reshape(self.shape)

    def put(self, index, source, accumulate=False):
        """x with `source` written, or added, at positions of the flattened tensor."""
        rows = checked(index, self.numel(), "put").reshape(-1)
        write = Writing._added if accumulate else Writing._written
        return write(self.reshape(-1), rows, source.reshape(-1)).reshape(self.shape)

    def masked_fill(self, mask, value):
        """x with `value` where `mask` holds."""
        _refuse_other_masks("masked_fill", mask)
        if isinstance(value, Node) and value.shape:
            raise RuntimeError(f"masked_fill takes one number as value and got {value.type_}")
        value = value.to(self.dtype) if isinstance(value, Node) else self._number(value)
        return self.where(~mask, value)

    def masked_scatter(self, mask, source):
        """x with the elements of `source`, in order, where `mask` holds."""
        _refuse_other_masks("masked_scatter", mask)
        shape = broadcast_shapes(self.shape, mask.shape)
        mask = mask.expand(shape)
        rank = mask.reshape(-1).long().cumsum(0).reshape(shape) - 1
        count, text = mask.sum(), f"the mask holds {{value}} times; source is {source.type_}"
        demand(count > source.numel(), f"masked_scatter: {text}", count, RuntimeError)
        if not source.numel():
            return self.expand(shape)
        picked = source.reshape(-1)._rows(rank.clamp(min=0))
        return picked.where(mask, self.expand(shape))

    # ---- views

    def select_scatter(self, src, dim, index):
        """x with `src` in the place of x.select(dim, index)."""
        return self._viewed(src, lambda x: x.select(dim, index))

    def slice_scatter(self, src, dim=0, start=None, end=None, step=1):
        """x with `src` in the place of the slice start:end:step along `dim`."""
        axis = axis_of(dim, len(self.shape))
        key = (*[slice(None)] * axis, slice(start, end, step))
        return self._viewed(src, lambda x: x[key])

    def diagonal_scatter(self, src, offset=0, dim1=0, dim2=1):
        """x with `src` in the place of x.diagonal(offset, dim1, dim2)."""
        return self._viewed(src, lambda x: x.diagonal(offset, dim1, dim2))

    # ---- shared; rows are positions on the first axis that have been checked

    def _scattered(self, dim, index, src, what, write):
        if not self.shape:
            axis, x, index, src = 0, self.reshape(1), index.reshape(-1), src.reshape(-1)
        else:
            axis, x = axis_of(dim, len(self.shape)), self
        rows = flat_positions(x, axis, index, what).reshape(-1)
        if any(m > n for m, n in zip(index.shape, src.shape)) or len(index.shape) != len(src.shape):
            raise RuntimeError(f"{what}: index {index.type_} does not fit into src {src.type_}")
        values = src[tuple(slice(0, n) for n in index.shape)].reshape(-1)
        return write(x.reshape(-1), rows, values).reshape(self.shape)

    def _by_slices(self, dim, index, source, what, write):
        x = self if self.shape else self.reshape(1)
        source = source if self.shape else source.reshape(1)
        axis = axis_of(dim, len(x.shape))
        rows = forward(index.reshape(-1), x.shape[axis], what, axis)
        wanted = (*x.shape[:axis], rows.shape[0], *x.shape[axis + 1 :])
        if source.shape != wanted:
            raise RuntimeError(f"{what}: source is {source.type_} and must be {list(wanted)}")
        y = write(x.movedim(axis, 0), rows, source.movedim(axis, 0))
        return y.movedim(0, axis).reshape(self.shape)

    def _viewed(self, src, view):
        with unheard():
            places = view(self.lift(self._positions())).value
        positions = self.lift(places)
        if src.shape != positions.shape:
            raise RuntimeError(f"src is {src.type_} and must be {list(positions.shape)}")
        return self.reshape(-1)._written(positions.reshape(-1), src.reshape(-1)).reshape(self.shape)

    def _positions(self):
        """The place of each element in the flattened tensor, known also while a trace listens."""
        return np.arange(math.prod(self.shape)).reshape(self.shape)

    def _number(self, value):
        """A Python number that this dtype holds."""
        if isinstance(value, float) and not is_real(self.dtype) and int(value) != value:
            raise RuntimeError(f"{value} cannot be written into {self.type_}")
        return self.constant(value, self.dtype)

    def _added(self, rows, values):
        return self + self.apply(op.put, values, rows, n=self.shape[0])

    def _written(self, rows, values):
        """x with rows replaced: the last of several writers to a row stays."""
        if values.dtype != self.dtype:
            raise RuntimeError(f"{values.type_} is written into {self.type_}: dtypes must be equal")
        if not rows.shape[0]:
            return self
        known = fixed(rows)
        if known is None:
            last = _last_writers(rows, self.shape[0])
            written, last = last >= 0, last.clamp(min=0)
        else:
            found = np.full(self.shape[0], -1)
            found[known] = np.arange(rows.shape[0])
            written, last = self.lift(found >= 0), self.lift(np.maximum(found, 0))
        written = written.reshape((-1, *(1,) * (len(self.shape) - 1)))
        return values._rows(last).where(written, self)

    def _reduced(self, rows, values, reduce, include_self):
        if reduce in ("sum", "mean"):
            return self._averaged(rows, values, reduce == "mean", include_self)
        if fixed(rows) is None:
            return self._reduced_densely(rows, values, reduce, include_self)
        y = self if include_self else None
        for chosen in _rounds(rows.value):
            own, new = rows._rows(self.lift(chosen)), values._rows(self.lift(chosen))
            if y is not None:
                new = REDUCTIONS[reduce](y._rows(own), new)
            y = (self if y is None else y)._written(own, new)
        return self if y is None else y

    def _reduced_densely(self, rows, values, reduce, include_self):
        """Each row against each value: which values there are for a row is not known yet."""
        n, rest = self.shape[0], (1,) * (len(self.shape) - 1)
        own = self.lift(np.arange(n)).unsqueeze(1) == rows.unsqueeze(0)
        touched = own.any(1).reshape(n, *rest)
        own = own.reshape(n, rows.shape[0], *rest)
        if reduce == "prod":
            y = values.unsqueeze(0).where(own, 1).prod(1)
            y = self * y if include_self else y
        else:
            sign = 1 if reduce == "amax" else -1
            lowest = -math.inf if is_real(self.dtype) else np.iinfo(self.dtype).min + 1
            y = (values.unsqueeze(0) * sign).where(own, lowest).amax(1) * sign
            y = REDUCTIONS[reduce](self, y) if include_self else y
        return y.where(touched, self)

    def _averaged(self, rows, values, mean, include_self):
        counts = rows.apply(op.put, rows.new_ones(rows.shape), rows, n=self.shape[0])
        shape = (-1, *(1,) * (len(self.shape) - 1))
        untouched = (counts == 0).reshape(shape)
        total = (self if include_self else self.where(untouched, 0))._added(rows, values)
        if not mean:
            return total
        shares = (counts + int(include_self)).clamp(min=1).reshape(shape).to(self.dtype)
        return total / shares if is_real(self.dtype) else total // shares


REDUCTIONS = {
    "sum": lambda x, y: x + y,
    "mean": None,
    "prod": lambda x, y: x * y,
    "amax": lambda x, y: x.maximum(y),
    "amin": lambda x, y: x.minimum(y),
}


def _named(what, reduce, names):
    """The reduction's name here; RuntimeError when there is none of that name."""
    if reduce not in names:
        raise RuntimeError(f"{what}: reduce is one of {', '.join(names)}, not {reduce!r}")
    return names[reduce] if isinstance(names[reduce], str) else reduce


def _refuse_other_masks(what, mask):
    if mask.dtype != bool_:
        raise RuntimeError(f"{what} takes a mask of dtype bool and got {mask.type_}")


def _last_writers(rows, n):
    """For each of n rows the last place in `rows` that names it, -1 if none does."""
    order = rows.argsort(stable=True)
    sorted_rows = rows._rows(order)
    ends = (sorted_rows[1:] != sorted_rows[:-1]).join([(order[:1] >= 0)], 0)
    return rows.apply(op.put, (order + 1).where(ends, 0), sorted_rows, n=n) - 1


def _rounds(rows):
    """Positions in `rows` sorted into rounds, so that no row appears twice in one."""
    order = np.argsort(rows, kind="stable")
    in_order, counter = rows[order], np.arange(len(rows))
    first = np.ones(len(rows), bool)
    first[1:] = in_order[1:] != in_order[:-1]
    turn = counter - np.maximum.accumulate(np.where(first, counter, 0))
    return [np.sort(order[turn == t]) for t in range(turn.max() + 1 if len(rows) else 0)]
