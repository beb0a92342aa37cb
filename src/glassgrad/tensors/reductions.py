"""Methods that fold axes away, and what is composed of them."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..operations import composite, elementwise, index, loop
from ..operations.view import reshape
from ..types import ElementError, RangeError, axes_of, axis_of, bool_, int64, is_real
from .listening import fixed
from .node import Node, real


@lru_cache(maxsize=1024)
def folded_axes(dim, rank):
    """The axes that `dim` names; none named means all."""
    return axes_of(None if dim == () else dim, rank)


class Extremum(NamedTuple):
    """The winning values along an axis, and where they stand."""

    values: Node
    indices: Node


class Reductions(Node):
    """`dim` is an axis, several, or None for all; `keepdim` keeps folded axes with length 1."""

    def sum(self, dim=None, keepdim=False, *, dtype=None):
        """The sum; integers and truth values are summed as int64."""
        x = self if dtype is None else self.to(dtype)
        if x.value.dtype.kind != "f" and x.dtype != int64:
            x = x.to(int64)
        return self._fold(loop.sum, x, dim, keepdim)

    def mean(self, dim=None, keepdim=False, *, dtype=None):
        """The sum over how many there are."""
        x = self if dtype is None else self.to(dtype)
        if not is_real(x.dtype):
            raise ElementError(f"the mean of {x.type_} is not an integer; write x.float().mean()")
        return self._fold(composite.mean, x, dim, keepdim)

    def amax(self, dim=None, keepdim=False):
        """The largest; several winners share the gradient evenly."""
        return self._fold(loop.amax, _nonempty(self, dim, "amax"), dim, keepdim)

    def amin(self, dim=None, keepdim=False):
        """The smallest; several winners share the gradient evenly."""
        return self._fold(loop.amin, _nonempty(self, dim, "amin"), dim, keepdim)

    def max(self, dim=None, keepdim=False, *, other=None):
        """The largest of all; along `dim` (values, indices); of two tensors `maximum`."""
        other = dim if isinstance(dim, Node) else other
        if other is not None:
            return self.maximum(other)
        return self.amax() if dim is None else self._extremum(self.argmax(dim), dim, keepdim)

    def min(self, dim=None, keepdim=False, *, other=None):
        """The smallest of all; along `dim` (values, indices); of two tensors `minimum`."""
        other = dim if isinstance(dim, Node) else other
        if other is not None:
            return self.minimum(other)
        return self.amin() if dim is None else self._extremum(self.argmin(dim), dim, keepdim)

    def argmax(self, dim=None, keepdim=False):
        """Where the largest stands, the first of several; without `dim`, in the flat tensor."""
        return self._position(index.argmax, dim, keepdim)

    def argmin(self, dim=None, keepdim=False):
        """Where the smallest stands, the first of several; without `dim`, in the flat tensor."""
        return self._position(index.argmin, dim, keepdim)

    def all(self, dim=None, keepdim=False):
        """Whether all are nonzero."""
        return self._fold(loop.amin, self.to(bool_), dim, keepdim, empty=True)

    def any(self, dim=None, keepdim=False):
        """Whether one at least is nonzero."""
        return self._fold(loop.amax, self.to(bool_), dim, keepdim, empty=False)

    def var(self, dim=None, unbiased=None, keepdim=False, *, correction=1):
        """The mean squared deviation from the mean, over n - correction."""
        if isinstance(dim, bool):  # `x.var(False)`, as PyTorch takes it
            dim, unbiased = None, dim
        correction = correction if unbiased is None else int(unbiased)
        refuse_integers(self, "var")
        deviation = self - self.mean(dim, keepdim=True)
        return deviation.square().sum(dim, keepdim) / max(_count(self, dim) - correction, 0)

    def std(self, dim=None, unbiased=None, keepdim=False, *, correction=1):
        """The square root of the variance; where that is 0 the gradient is 0."""
        return _rooted(self.var(dim, unbiased, keepdim, correction=correction), 2)

    def logsumexp(self, dim, keepdim=False):
        """ln sum e^x = m + ln sum e^(x - m) with m = max x: nothing overflows (lecture H)."""
        x = real(self)
        if 0 in [x.shape[a] for a in axes_of(dim, len(x.shape))]:
            return x.exp().sum(dim, keepdim).log()
        largest = _finite(x.amax(dim, keepdim=True).detach())
        y = (x - largest).exp().sum(dim, keepdim=True).log() + largest
        return y if keepdim else y._without(axes_of(dim, len(self.shape)))

    def norm(self, p="fro", dim=None, keepdim=False, dtype=None):
        """(sum |x|^p)^(1/p); p may be inf, -inf, 0 (how many are nonzero) or "fro"."""
        x = self if dtype is None else self.to(dtype)
        refuse_integers(x, "norm")
        if p in (math.inf, -math.inf):
            return x.abs().amax(dim, keepdim) if p > 0 else x.abs().amin(dim, keepdim)
        if p == 0:
            return (x != 0).to(x.dtype).sum(dim, keepdim)
        if p == 1:
            return x.abs().sum(dim, keepdim)
        if p in (2, "fro", None):
            return _rooted(x.square().sum(dim, keepdim), 2)
        return _rooted((x.abs() ** p).sum(dim, keepdim), p)

    def prod(self, dim=None, keepdim=False, *, dtype=None):
        """The product, by halves, so that the gradient is right where elements are zero."""
        x = self if dtype is None else self.to(dtype)
        x = x.to(int64) if not is_real(x.dtype) else x
        if dim is None:
            return x.reshape(-1).prod(0)
        axis = axis_of(dim, len(x.shape))
        x = x.reshape(1) if not x.shape else x
        if not x.shape[axis]:  # nothing multiplied is 1, as nothing added is 0
            x = x.sum(axis, keepdim=True) + 1
        while (n := x.shape[axis]) > 1:
            half = x.narrow(axis, 0, n // 2) * x.narrow(axis, n // 2, n // 2)
            x = half if n % 2 == 0 else half.join([x.narrow(axis, n - 1, 1)], axis)
        return x if keepdim and self.shape else x._without((axis,))

    # ---- shared

    def _fold(self, operation, x, dim, keepdim, empty=None):
        shape = x.value.shape
        axes = folded_axes(tuple(dim) if isinstance(dim, list) else dim, len(shape))
        if empty is not None and 0 in [shape[a] for a in axes]:
            y = x.new_full([n for a, n in enumerate(shape) if a not in axes], empty)
        else:
            y = self.apply(operation, x, axes=axes)
        if not keepdim:
            return y
        kept = tuple([1 if a in axes else n for a, n in enumerate(shape)])
        return self.apply(reshape, y, shape=kept)

    def _position(self, operation, dim, keepdim):
        if dim is None:
            flat = self.reshape(-1)
            y = self.apply(operation, _nonempty(flat, 0, operation.name), axis=0)
            return y.reshape((1,) * len(self.shape)) if keepdim else y
        if not self.shape:
            return self.new_zeros((), dtype=int64)
        axis = axis_of(dim, len(self.shape))
        y = self.apply(operation, _nonempty(self, dim, operation.name), axis=axis)
        return y.unsqueeze(axis) if keepdim else y

    def _extremum(self, indices, dim, keepdim):
        if not self.shape:
            return Extremum(self, indices)
        values = self.gather(dim, indices.unsqueeze(dim))
        return Extremum(
            values if keepdim else values.squeeze(dim),
            indices.unsqueeze(dim) if keepdim else indices,
        )


def refuse_integers(x, name):
    """Raise an error unless `x` is real, where PyTorch does not convert either."""
    if not is_real(x.dtype):
        raise ElementError(f"{name} takes real numbers and got {x.type_}; convert by .float()")


def _count(x, dim):
    axes = axes_of(None if dim in ((), []) else dim, len(x.shape))
    return math.prod(x.shape[a] for a in axes)


def _finite(x):
    """Infinite maxima replaced by 0, lest inf - inf."""
    array = fixed(x)
    if array is not None and np.isfinite(array).all():
        return x
    return x.where(x.isfinite(), 0)


def _nonempty(x, dim, name):
    if 0 in [x.shape[a] for a in axes_of(dim, len(x.shape))]:
        raise RangeError(
            f"{name} of no elements is not defined: {x.type_} is empty along dim={dim}"
        )
    return x


def _rooted(total, p):
    """total^(1/p); where the total is 0 the slope is 0 and not infinite."""
    if p == 2 or not total.requires_grad:
        return total.apply(elementwise.root, total) if p == 2 else total ** (1 / p)
    zero = total == 0
    return (total.masked_fill(zero, 1) ** (1 / p)).masked_fill(zero, 0)
