"""Methods that put elements in order, or pick by order."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..operations.index import argsort
from ..types import axis_of, int64
from .node import Node
from .reductions import Extremum


class Unique(NamedTuple):
    """What `unique` found; entries that were not asked for are None."""

    values: np.ndarray
    inverse: np.ndarray
    counts: np.ndarray


class Order(Node):
    """Sorting is stable, and NaN counts as the largest number."""

    def argsort(self, dim=-1, descending=False, *, stable=False):
        """The positions of the elements in ascending or descending order; equal ones keep it."""
        if not self.shape:
            return self.new_zeros((), dtype=int64)
        axis = axis_of(dim, len(self.shape))
        if not descending:
            return self.apply(argsort, self, axis=axis)
        last = self.shape[axis] - 1
        return last - self.apply(argsort, self.flip(axis), axis=axis).flip(axis)

    def sort(self, dim=-1, descending=False, *, stable=False):
        """(values, indices) in ascending or descending order along `dim`."""
        indices = self.argsort(dim, descending)
        return Extremum(self.gather(dim, indices), indices)

    def msort(self):
        """Sorted along the first axis."""
        return self.sort(0).values

    def topk(self, k, dim=-1, largest=True, sorted=True):
        """(values, indices) of the `k` largest, or smallest, along `dim`, in order."""
        n = self.size(dim) if self.shape else 1
        if not 0 <= k <= n:
            raise RuntimeError(f"topk: there are no {k} elements along dim {dim} of {self.type_}")
        indices = self.argsort(dim, largest)
        indices = indices.narrow(dim, 0, k) if self.shape else indices
        return Extremum(self.gather(dim, indices), indices)

    def kthvalue(self, k, dim=-1, keepdim=False):
        """(value, index) of the k-th smallest along `dim`, counted from 1."""
        n = self.size(dim) if self.shape else 1
        if not 1 <= k <= n:
            raise RuntimeError(
                f"kthvalue: k is {k}, and dim {dim} of {self.type_} has {n} elements"
            )
        indices = self.argsort(dim)
        return self._extremum(indices.select(dim, k - 1) if self.shape else indices, dim, keepdim)

    # ---- different values

    def unique(self, sorted=True, return_inverse=False, return_counts=False, dim=None):
        """The different values in ascending order, or the different slices along `dim`.

        With return_inverse also where each element stands among them, with return_counts how often.
        """
        array = self.known()
        axis = None if dim is None else axis_of(dim, len(self.shape))
        options = {"axis": axis, "equal_nan": False, "return_inverse": True, "return_counts": True}
        found = Unique(*np.unique(array, **options))
        inverse = found.inverse.reshape(array.shape if dim is None else -1)
        return _asked(self, found._replace(inverse=inverse), return_inverse, return_counts)

    def unique_consecutive(self, return_inverse=False, return_counts=False, dim=None):
        """As `unique`, where only neighbours are compared, and the order is kept."""
        array = self.known()
        rows = array.reshape(-1) if dim is None else np.moveaxis(array, axis_of(dim, array.ndim), 0)
        flat = rows.reshape(len(rows), -1)
        first = np.ones(len(rows), bool)
        first[1:] = (flat[1:] != flat[:-1]).any(1)
        inverse = np.cumsum(first) - 1
        values = (
            rows[first] if dim is None else np.moveaxis(rows[first], 0, axis_of(dim, array.ndim))
        )
        inverse = inverse.reshape(array.shape) if dim is None else inverse
        found = Unique(values, inverse, np.bincount(inverse.reshape(-1)))
        return _asked(self, found, return_inverse, return_counts)


def _asked(x, found, return_inverse, return_counts):
    chosen = [found.values]
    chosen += [found.inverse] if return_inverse else []
    chosen += [found.counts] if return_counts else []
    tensors = tuple(x.lift(np.ascontiguousarray(part)) for part in chosen)
    return tensors if len(tensors) > 1 else tensors[0]
