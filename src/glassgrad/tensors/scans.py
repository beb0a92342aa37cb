"""Methods that run along an axis: each element of the result takes in all that come before."""

from __future__ import annotations

import numpy as np

from ..operations import loop
from ..types import axis_of, int64, is_real
from .node import Node
from .reductions import Extremum, refuse_integers


class Scans(Node):
    """Running sums, products and extremes, and their opposite, differences."""

    def cumsum(self, dim, *, dtype=None):
        """Running sums along `dim`; integers are summed as int64."""
        x = _summable(self if dtype is None else self.to(dtype))
        return self.apply(loop.cumsum, x, axis=axis_of(dim, len(x.shape))) if x.shape else x

    def cumprod(self, dim, *, dtype=None):
        """Running products along `dim`, by doubling, so that zeros have right gradients."""
        return _summable(self if dtype is None else self.to(dtype))._scan(dim, lambda x, y: x * y)

    def logcumsumexp(self, dim):
        """ln of the running sums of e^x, without overflow."""
        refuse_integers(self, "logcumsumexp")
        return self._scan(dim, lambda x, y: x.logaddexp(y))

    def cummax(self, dim):
        """(values, indices) of the largest so far along `dim`; the last of several; NaN stays."""
        return self._running(dim, np.maximum)

    def cummin(self, dim):
        """(values, indices) of the smallest so far along `dim`; the last of several; NaN stays."""
        return self._running(dim, np.minimum)

    def diff(self, n=1, dim=-1, prepend=None, append=None):
        """x[i + 1] - x[i] along `dim`, n times; `prepend` and `append` are joined to x first."""
        parts = [part for part in (prepend, self, append) if part is not None]
        x = parts[0].join(parts[1:], dim) if len(parts) > 1 else self
        for _ in range(min(n, x.size(dim))):
            last = max(x.size(dim) - 1, 0)
            later, earlier = x.narrow(dim, x.size(dim) - last, last), x.narrow(dim, 0, last)
            x = later.logical_xor(earlier) if x.dtype.kind == "b" else later - earlier
        return x

    # ---- shared

    def _scan(self, dim, combine):
        """Spans of 1, 2, 4, ... elements combined until each reaches the first (Hillis, Steele)."""
        x, axis, reach = self, axis_of(dim, len(self.shape)), 1
        while self.shape and reach < self.shape[axis]:
            rest = self.shape[axis] - reach
            joined = combine(x.narrow(axis, 0, rest), x.narrow(axis, reach, rest))
            x, reach = x.narrow(axis, 0, reach).join([joined], axis), 2 * reach
        return x

    def _running(self, dim, extremum):
        if not self.shape:
            return Extremum(self, self.new_zeros((), dtype=int64))
        axis, array = axis_of(dim, len(self.shape)), self.known()
        best = extremum.accumulate(array, axis)
        places = np.arange(array.shape[axis]).reshape(
            [-1 if a == axis else 1 for a in range(array.ndim)]
        )
        reached = np.where((array == best) | (array != array), places, 0)
        first_nan = np.maximum.accumulate(array != array, axis) & (array == array)
        indices = np.maximum.accumulate(np.where(first_nan, 0, reached), axis)
        return Extremum(self.gather(axis, self.lift(indices)), self.lift(indices))


def _summable(x):
    return x if is_real(x.dtype) else x.to(int64)
