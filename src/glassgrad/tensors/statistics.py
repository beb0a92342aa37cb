"""Methods that describe a sample: averages, orders, counts, what varies together."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..types import ElementError, RangeError, axis_of, float64, int64, is_real
from .node import Node, real
from .reductions import Extremum, refuse_integers


class Limits(NamedTuple):
    """The smallest and the largest."""

    min: Node
    max: Node


class Histogram(NamedTuple):
    """How many elements lie in each bin, and the edges of the bins."""

    hist: Node
    bin_edges: Node


class Statistics(Node):
    """Methods whose name begins with `nan` leave NaN out."""

    # ---- averages

    def var_mean(self, dim=None, unbiased=None, keepdim=False, *, correction=1):
        """(variance, mean)."""
        variance = self.var(dim, unbiased, keepdim, correction=correction)
        return variance, real(self).mean(_axes(dim), keepdim)

    def std_mean(self, dim=None, unbiased=None, keepdim=False, *, correction=1):
        """(standard deviation, mean)."""
        deviation = self.std(dim, unbiased, keepdim, correction=correction)
        return deviation, real(self).mean(_axes(dim), keepdim)

    def nansum(self, dim=None, keepdim=False, *, dtype=None):
        """The sum of what is not NaN."""
        return self.where(~self.isnan(), 0).sum(dim, keepdim, dtype=dtype)

    def nanmean(self, dim=None, keepdim=False, *, dtype=None):
        """The mean of what is not NaN."""
        refuse_integers(self if dtype is None else self.to(dtype), "nanmean")
        total = self.nansum(dim, keepdim, dtype=dtype)
        return total / (~self.isnan()).sum(dim, keepdim).to(total.dtype)

    def count_nonzero(self, dim=None):
        """How many elements are not zero."""
        return (self != 0).sum(dim)

    def aminmax(self, *, dim=None, keepdim=False):
        """(smallest, largest)."""
        return Limits(self.amin(_axes(dim), keepdim), self.amax(_axes(dim), keepdim))

    # ---- orders

    def median(self, dim=None, keepdim=False):
        """The middle one, of an even number the lower; (value, index) along `dim`; NaN wins."""
        return self._middle(dim, keepdim, ignore_nan=False)

    def nanmedian(self, dim=None, keepdim=False):
        """The median of what is not NaN."""
        return self._middle(dim, keepdim, ignore_nan=True)

    def mode(self, dim=-1, keepdim=False):
        """(value, index) of the most frequent along `dim`, of several the smallest."""
        if not self.shape:
            return Extremum(self, self.new_zeros((), dtype=int64))
        places = np.apply_along_axis(_most_frequent, axis_of(dim, self.ndim), self.known())
        return self._extremum(self.lift(places), dim, keepdim)

    def quantile(self, q, dim=None, keepdim=False, *, interpolation="linear"):
        """What a share `q` of the elements lies below; a vector of them gives a new first axis."""
        return self._quantile(q, dim, keepdim, interpolation, ignore_nan=False)

    def nanquantile(self, q, dim=None, keepdim=False, *, interpolation="linear"):
        """The quantile of what is not NaN."""
        return self._quantile(q, dim, keepdim, interpolation, ignore_nan=True)

    # ---- counts

    def bincount(self, weights=None, minlength=0):
        """How often 0, 1, 2, ... occur in a vector of integers, or the sums of their weights."""
        if len(self.shape) != 1 or self.dtype.kind not in "iu" or (self.known() < 0).any():
            raise ElementError(
                f"bincount takes a vector of integers from 0 on and got {self.type_}"
            )
        rows = self.value.astype(np.int64)
        if weights is None:
            return self.lift(np.bincount(rows, minlength=minlength))
        if weights.shape != self.shape:
            raise RuntimeError(f"bincount needs a weight for each of {self.type_}: {weights.type_}")
        weights = weights if weights.dtype.name == "float32" else weights.to(float64)
        n = max(minlength, int(rows.max()) + 1 if rows.size else 0)
        return weights.new_zeros(n).index_add(0, self.lift(rows), weights)

    def histc(self, bins=100, min=0, max=0):
        """How many elements lie in each of `bins` parts of [min, max]; 0, 0 means the data's."""
        array = self.known()
        low, high = (min, max) if min != max or not array.size else (array.min(), array.max())
        if not low <= high:
            raise RuntimeError(f"histc takes min <= max and got {low} and {high}")
        low, high = (low - 1, high + 1) if low == high else (low, high)
        counts = np.histogram(array, bins, (low, high))[0]
        return self.lift(counts.astype(self.dtype))

    def histogram(self, bins, *, range=None, weight=None, density=False):
        """(counts, edges) of `bins` parts of `range`, or of parts with edges that `bins` lists."""
        edges = bins.known() if isinstance(bins, Node) else bins
        weights = None if weight is None else weight.known().reshape(-1)
        array = self.known().reshape(-1)
        counts, edges = np.histogram(array, edges, range, density or None, weights)
        return Histogram(*(self.lift(a.astype(self.dtype)) for a in (counts, edges)))

    # ---- what varies together

    def cov(self, *, correction=1, fweights=None, aweights=None):
        """The covariances of variables, one for each row: [variables, observations] -> square.

        fweights counts how often each observation was made, aweights how much it weighs.
        """
        x = self if len(self.shape) == 2 else self.reshape(1, -1)
        x = real(x)
        weights = [w for w in (fweights, aweights) if w is not None]
        w = x.new_ones(x.shape[1])
        for each in weights:
            w = w * each
        total = w.sum()
        deviation = x - (x * w).sum(1, keepdim=True) / total
        lost = correction if aweights is None else correction * (w * aweights).sum() / total
        y = (deviation * w) @ deviation.T / (total - lost).clamp(min=0)
        return y.reshape(()) if y.shape == (1, 1) else y

    def corrcoef(self):
        """The correlations of variables, one for each row: [variables, observations] -> square."""
        covariance = self.cov()
        if not covariance.shape:
            return covariance / covariance
        deviation = covariance.diagonal().sqrt()
        return (covariance / deviation.unsqueeze(1) / deviation.unsqueeze(0)).clamp(-1, 1)

    # ---- shared

    def _middle(self, dim, keepdim, ignore_nan):
        if dim is None:
            value = self.reshape(-1)._middle(0, False, ignore_nan).values
            same = (self == value) | (self.isnan() & value.isnan())
            count = same.sum().to(self.dtype) if is_real(self.dtype) else same.sum()
            return self.where(same, 0).sum() / count if is_real(self.dtype) else value
        if not self.shape:
            return Extremum(self, self.new_zeros((), dtype=int64))
        axis, n = axis_of(dim, len(self.shape)), self.size(dim)
        if not n:
            raise RangeError(f"the median of no elements is not defined: {self.type_}, dim {dim}")
        nan = np.isnan(self.known())
        count = nan.shape[axis] - nan.sum(axis, keepdims=True)
        order = self.argsort(axis).value
        middle = np.take_along_axis(order, np.maximum(count - 1, 0) // 2, axis)
        lost = nan.any(axis, keepdims=True) if not ignore_nan else nan.all(axis, keepdims=True)
        indices = np.where(lost, nan.argmax(axis, keepdims=True), middle)
        return self._extremum(self.lift(indices.squeeze(axis)), dim, keepdim)

    def _quantile(self, q, dim, keepdim, interpolation, ignore_nan):
        shares = np.asarray(q.known() if isinstance(q, Node) else q, float64)
        _check_quantile(self, shares, interpolation)
        x = self.reshape(-1) if dim is None or not self.shape else self.movedim(dim, -1)
        array = x.known()
        missing = np.isnan(array).sum(-1, keepdims=True)
        count = array.shape[-1] - (missing if ignore_nan else 0 * missing)
        place = np.maximum(count - 1, 0) * shares.reshape(-1)
        if not ignore_nan:
            place = np.where(missing > 0, array.shape[-1] - 1, place)
        y = _between(x.sort(-1).values, place, interpolation).movedim(-1, 0)
        if keepdim:
            y = (
                y.reshape((-1, *(1,) * self.ndim))
                if dim is None
                else y.unsqueeze(-1).movedim(-1, _after(dim))
            )
        return y if shares.ndim else y.squeeze(0)


def _axes(dim):
    """Nothing instead of a truth value, which PyTorch takes in the place of `dim`."""
    return None if isinstance(dim, bool) else dim


def _after(dim):
    """The same axis behind a new first one."""
    return dim + 1 if dim >= 0 else dim


def _most_frequent(row):
    values, counts = np.unique(row, return_counts=True)
    return len(row) - 1 - np.argmax(row[::-1] == values[np.argmax(counts)])


def _check_quantile(x, shares, interpolation):
    if not is_real(x.dtype):
        raise RuntimeError(f"quantile takes real numbers and got {x.type_}; convert by .float()")
    if shares.ndim > 1 or not ((shares >= 0) & (shares <= 1)).all():
        raise RuntimeError(
            f"quantile takes shares q between 0 and 1, one or a vector, not {shares}"
        )
    if not math.prod(x.shape):
        raise RuntimeError(f"the quantile of no elements is not defined: {x.type_}")
    if interpolation not in ROUNDED and interpolation not in ("linear", "midpoint"):
        known = ", ".join([*ROUNDED, "linear", "midpoint"])
        raise RuntimeError(f"quantile: interpolation is one of {known}, not {interpolation!r}")


ROUNDED = {"lower": np.floor, "higher": np.ceil, "nearest": np.rint}


def _between(ordered, place, interpolation):
    """Elements of the last axis at places that need not be whole."""
    place = ROUNDED.get(interpolation, lambda p: p)(place)
    low, high = (ordered.lift(p(place).astype(np.int64)) for p in (np.floor, np.ceil))
    share = np.full(place.shape, 0.5) if interpolation == "midpoint" else place - np.floor(place)
    first, last = ordered.gather(-1, low), ordered.gather(-1, high)
    return first.lerp(last, ordered.lift(share.astype(ordered.dtype)))
