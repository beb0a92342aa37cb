"""Methods that give the same elements another shape or order."""

from __future__ import annotations

import math

import numpy as np

from ..operations import view as op
from ..types import RangeError, ShapeError, axes_of, axis_of, supported
from .node import Node, common_dtype, repeated


class Shapes(Node):
    """Views share memory with the tensor they are taken of wherever that is possible."""

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.value.shape)

    @property
    def T(self):
        """The transpose: axes in reverse order."""
        shape = self.value.shape
        return self.apply(op.view, self, shape=shape[::-1], axes=tuple(range(len(shape)))[::-1])

    @property
    def mT(self):
        """The transpose of the last two axes."""
        return self.transpose(-2, -1)

    def dim(self) -> int:
        """The number of axes."""
        return len(self.value.shape)

    def size(self, dim=None):
        """The shape, or the length of one axis."""
        return self.shape if dim is None else self.shape[self._own(dim)]

    def numel(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    def t(self):
        """The transpose of a matrix; a vector is itself."""
        if len(self.shape) > 2:
            raise RuntimeError(f"t() takes at most two axes and got {self.type_}; use .mT")
        return self.T

    def permute(self, *dims):
        """Axes in another order: `permute(1, 0)` or `permute((1, 0))`."""
        order = [axis_of(d, len(self.shape)) for d in _listed(dims)]
        if sorted(order) != list(range(len(self.shape))):
            raise ShapeError(
                f"permute needs each of the {len(self.shape)} axes once and got {order}"
            )
        shape = tuple(self.shape[a] for a in order)
        places = tuple(map(order.index, range(len(order))))
        return self.apply(op.view, self, shape=shape, axes=places)

    def transpose(self, dim0, dim1):
        """Two axes exchanged."""
        order = list(range(len(self.shape)))
        a, b = axis_of(dim0, len(order)), axis_of(dim1, len(order))
        if order:
            order[a], order[b] = b, a
        return self.permute(order)

    def swapaxes(self, axis0, axis1):
        """`transpose`, with NumPy's names."""
        return self.transpose(axis0, axis1)

    def movedim(self, source, destination):
        """Axes moved to other places, the others in their order."""
        rank = len(self.shape)
        sources = [axis_of(a, rank) for a in _listed((source,))]
        targets = [axis_of(a, rank) for a in _listed((destination,))]
        rest = iter([a for a in range(rank) if a not in sources])
        return self.permute(
            [sources[targets.index(a)] if a in targets else next(rest) for a in range(rank)]
        )

    def reshape(self, *shape):
        """The same elements in the same order under another shape; one length may be -1."""
        return self.apply(op.reshape, self, shape=_completed(_listed(shape), self))

    def view(self, *shape):
        """As `reshape`; with a dtype the same bytes read as elements of that type."""
        if len(shape) == 1 and isinstance(shape[0], (np.dtype, type)):
            return self._read_as(supported(shape[0]))
        return self.reshape(*shape)

    def reshape_as(self, other):
        """`reshape` to the shape of another."""
        return self.reshape(other.shape)

    def flatten(self, start_dim=0, end_dim=-1):
        """Axes from `start_dim` to `end_dim` merged into one."""
        rank = len(self.shape)
        first, last = axis_of(start_dim, rank), axis_of(end_dim, rank)
        if first > last:
            raise RuntimeError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
        merged = math.prod(self.shape[first : last + 1])
        return self.reshape((*self.shape[:first], merged, *self.shape[last + 1 :]))

    def unflatten(self, dim, sizes):
        """One axis split into several; one of their lengths may be -1."""
        axis = self._own(dim)
        n, known = self.shape[axis], math.prod(s for s in sizes if s != -1)
        inner = [n // known if s == -1 and known else s for s in sizes]
        if math.prod(inner) != n:
            raise ShapeError(f"axis {dim} of {self.type_} cannot take the shape {list(sizes)}")
        return self.reshape((*self.shape[:axis], *inner, *self.shape[axis + 1 :]))

    def ravel(self):
        """All axes merged into one."""
        return self.reshape(-1)

    def squeeze(self, dim=None):
        """Without axes of length 1, all or those named."""
        rank = len(self.shape)
        named = range(rank) if dim is None else axes_of(dim, rank)
        return self._without(tuple(a for a in named if rank and self.shape[a] == 1))

    def unsqueeze(self, dim):
        """With one more axis of length 1 at `dim`."""
        axis = axis_of(dim, len(self.shape) + 1)
        return self.reshape((*self.shape[:axis], 1, *self.shape[axis:]))

    def expand(self, *sizes):
        """Axes of length 1 repeated to `sizes`, without a copy; -1 keeps a length."""
        wanted = _listed(sizes)
        lead = len(wanted) - len(self.shape)
        own = (*(None,) * lead, *self.shape)
        if lead < 0 or any(n == -1 and m is None for n, m in zip(wanted, own)):
            raise ShapeError(f"{self.type_} cannot be expanded to {list(wanted)}")
        shape = tuple(m if n == -1 else n for n, m in zip(wanted, own))
        return self if shape == self.shape else repeated(self, shape)

    def expand_as(self, other):
        """`expand` to the shape of another."""
        return self.expand(other.shape)

    def broadcast_to(self, size):
        """`expand` to `size`."""
        return self.expand(size)

    def sum_to_size(self, *size):
        """Summed over the axes along which `size` broadcasts to this shape."""
        wanted = _listed(size)
        lead = len(self.shape) - len(wanted)
        own = self.shape[lead:]
        if lead < 0 or any(n not in (1, m) for n, m in zip(wanted, own)):
            raise ShapeError(f"{self.type_} cannot be summed to {list(wanted)}")
        axes = [*range(lead), *(lead + i for i, (n, m) in enumerate(zip(wanted, own)) if n != m)]
        return (self.sum(axes) if axes else self).reshape(wanted)

    def narrow(self, dim, start, length):
        """`length` elements of an axis from `start` on."""
        axis = self._own(dim)
        n = self.shape[axis]
        start = start + n if start < 0 else start
        if not 0 <= start <= start + length <= n:
            raise RangeError(
                f"narrow: elements {start} to {start + length} are not all in axis {dim} of {n}"
            )
        return self._slice({axis: (start, 1, length)})

    def select(self, dim, index):
        """One element of an axis, which vanishes."""
        axis = self._own(dim)
        n = self.shape[axis]
        if not -n <= index < n:
            raise IndexError(f"index {index} is out of range for axis {axis} with {n} elements")
        return self.narrow(axis, index % n, 1)._without((axis,))

    def flip(self, *dims):
        """Axes in reverse order of their elements."""
        axes = axes_of(_listed(dims), len(self.shape))
        return self._slice(
            {a: (self.shape[a] - 1, -1, self.shape[a]) for a in axes if self.shape[a]}
        )

    def join(self, others, dim=0):
        """This tensor and `others` end to end along `dim`: what `cat` does."""
        axis = axis_of(dim, len(self.shape))
        return self.apply(op.concatenate, *common_dtype(self, *others), axis=axis)

    def split(self, split_size, dim=0):
        """Parts of `split_size` along an axis (the last may be smaller), or of the sizes listed."""
        n = self.size(dim)
        if isinstance(split_size, int):
            if split_size <= 0:
                raise RuntimeError(f"split_size must be positive, not {split_size}")
            split_size = [min(split_size, n - i) for i in range(0, n, split_size)] or [0]
        if sum(split_size) != n:
            raise RuntimeError(
                f"parts of {list(split_size)} do not add up to the {n} of axis {dim}"
            )
        starts = [sum(split_size[:i]) for i in range(len(split_size))]
        return tuple(self.narrow(dim, i, length) for i, length in zip(starts, split_size))

    def chunk(self, chunks, dim=0):
        """At most `chunks` parts of equal size; the last may be smaller."""
        if chunks < 1:
            raise RuntimeError(f"chunk needs at least one part, not {chunks}")
        n = self.size(dim)
        return self.split(-(-n // chunks) if n else [0] * chunks, dim)

    def unbind(self, dim=0):
        """The elements of an axis as a tuple."""
        return tuple(self.select(dim, i) for i in range(self.size(dim)))

    def unfold(self, dimension, size, step):
        """Sliding windows of `size` along an axis; the places in the window are a new last axis."""
        axis = self._own(dimension)
        if size > self.shape[axis]:
            raise RuntimeError(
                f"a window of {size} does not fit into axis {dimension} of {self.type_}"
            )
        last = self.movedim(axis, -1)
        y = self.apply(op.windows, last, size=(size,), stride=(step,), dilation=(1,))
        return y.movedim(-2, axis)

    def view_as(self, other):
        """`reshape` to the shape of another."""
        return self.reshape(other.shape)

    # ---- other names

    nelement, ndimension = numel, dim
    moveaxis = movedim
    swapdims = transpose

    # ---- shared

    def _own(self, dim):
        """`dim` counted from the front; RangeError when there is no such axis, or none at all."""
        if not self.shape:
            raise RangeError(f"there is no axis {dim} in {self.type_}, which has none")
        return axis_of(dim, len(self.shape))

    def _read_as(self, dtype):
        try:
            y = self.lift(self.known().view(dtype))
        except ValueError:
            raise ShapeError(
                f"{self.type_} cannot be read as {dtype}: the bytes of its last axis, which must "
                "lie side by side, do not divide"
            ) from None
        y.base = self if self.base is None else self.base
        return y

    def _without(self, axes):
        return (
            self.reshape(tuple(n for a, n in enumerate(self.shape) if a not in axes))
            if axes
            else self
        )

    def _slice(self, parts):
        """Some axes read at (start, step, length), the others whole."""
        whole = [(0, 1, n) for n in self.shape]
        for axis, part in parts.items():
            whole[axis] = part
        if whole == [(0, 1, n) for n in self.shape]:
            return self
        starts, steps, lengths = zip(*whole)
        return self.apply(op.slice_, self, starts=starts, steps=steps, lengths=lengths)


def _listed(arguments):
    """Arguments given one by one or as one sequence."""
    if len(arguments) == 1 and not isinstance(arguments[0], int):
        arguments = arguments[0] if hasattr(arguments[0], "__iter__") else arguments
    return tuple(map(int, arguments))


def _completed(shape, x):
    """`shape` with the one -1 in it worked out."""
    if -1 not in shape:
        return shape
    known = math.prod(n for n in shape if n != -1)
    total = math.prod(x.shape)
    if shape.count(-1) > 1 or (known == 0) or total % known:
        raise ShapeError(f"{x.type_} with {total} elements cannot take the shape {list(shape)}")
    return tuple(total // known if n == -1 else n for n in shape)
