"""Pooling (lecture C): one number for each window of the last one or two axes.

Windows are a view of the input.  A maximum is found as a position, then read there, so that the
gradient goes to one element, the first of equal ones.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ...operations.index import window_argmax
from ...operations.pooling import window_max
from ...operations.view import windows
from ...tensors.creation import coerced
from ...types import ShapeError
from .arguments import batched, each
from .shapes import pad

__all__ = [
    "avg_pool1d", "avg_pool2d", "lp_pool1d", "lp_pool2d", "max_pool1d", "max_pool2d",
    "max_unpool1d", "max_unpool2d",
]  # fmt: skip


class Geometry(NamedTuple):
    """Where windows stand: `counts` of them along each axis, on the padded input."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    counts: tuple[int, ...]
    low: tuple[int, ...]
    high: tuple[int, ...]

    def of(self, x: Any) -> Any:
        """The windows of x with zeros at its ends: [..., *counts, *size]."""
        ends = [n for pair in zip(self.low[::-1], self.high[::-1]) for n in pair]
        padded = pad(x, ends) if any(ends) else x
        return padded.apply(
            windows, padded, size=self.size, stride=self.stride, dilation=self.dilation
        )


def geometry(
    name: str, x: Any, size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Geometry:
    """The windows of x: [batch, channels, ...]; RuntimeError if not even one fits.

    ceil_mode lets a last window reach over the end, if it starts inside.
    """
    n = len(x.shape) - 2
    size = each(size, n, "kernel_size")
    stride = size if stride is None or stride == () else each(stride, n, "stride")
    padding, dilation = each(padding, n, "padding"), each(dilation, n, "dilation")
    if min(*size, *stride, *dilation) < 1:
        raise RuntimeError(f"{name}: kernel_size, stride and dilation are at least 1")
    if any(p < 0 or 2 * p > d * (k - 1) + 1 for p, k, d in zip(padding, size, dilation)):
        raise RuntimeError(
            f"{name}() padding should be at most half of kernel size, but got padding={padding} "
            f"and kernel_size={size}"
        )
    counts, high = [], []
    for length, k, s, p, d in zip(x.shape[2:], size, stride, padding, dilation):
        reach = d * (k - 1) + 1
        count = (length + 2 * p - reach + (s - 1 if ceil_mode else 0)) // s + 1
        if ceil_mode and (count - 1) * s >= length + p:
            count -= 1
        counts.append(count)
        high.append(max((count - 1) * s + reach - length - p, 0))
    if min(counts) < 1:
        raise ShapeError(f"{name}: no window of {list(size)} fits into {x.type_}")
    if any(map(_is_blind, x.shape[2:], size, stride, padding, dilation, counts)):
        raise ShapeError(
            f"{name}: a window of {list(size)} sees nothing of {x.type_} but its padding"
        )
    return Geometry(size, stride, dilation, tuple(counts), padding, tuple(high))


def _is_blind(length: int, size: int, stride: int, padding: int, dilation: int, count: int) -> bool:
    """Whether a window steps over all elements, which takes a dilation."""
    if dilation == 1:
        return False
    starts = np.arange(count)[:, None] * stride - padding
    places = starts + np.arange(size) * dilation
    return not ((places >= 0) & (places < length)).any(1).all()


# ---- maxima


def max_pool1d(
    input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    """the largest of each window: y[c, i] = max over k of x[c, stride i + dilation k - padding]

    x: [batch, channels, length] -> y: [batch, channels, (length + 2 padding - reach) / stride + 1]

    The reach of a window is dilation (kernel - 1) + 1; ceil_mode rounds up, so that a window may
    reach over the end.  return_indices=True gives (y, positions in each flattened channel of x).
    """
    return _max_pooled(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    """the largest of each window, as `max_pool1d` along both axes

    x: [batch, channels, height, width] -> y: [batch, channels, height, width]
    """
    return _max_pooled(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _max_pooled(axes, input, size, stride, padding, dilation, ceil_mode, return_indices):
    name = f"max_pool{axes}d"
    x, had_batch = batched(coerced(input), axes, name)
    at = geometry(name, x, size, stride, padding, dilation, ceil_mode)
    windows = {k: getattr(at, k) for k in ("size", "stride", "dilation", "low", "counts")}
    y = x.apply(window_max, x, **windows)
    y = y if had_batch else y.squeeze(0)
    if not return_indices:
        return y
    index = x.apply(window_argmax, x, **windows)
    return y, index if had_batch else index.squeeze(0)


def max_unpool1d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """the inverse of `max_pool1d`: each x stands where its maximum was found, with zeros between

    x: [batch, channels, length], indices: the same -> y: [batch, channels, output_size]
    """
    return _unpooled(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """the inverse of `max_pool2d`, as `max_unpool1d` along both axes

    x: [batch, channels, height, width], indices: the same -> y: [batch, channels, *output_size]
    """
    return _unpooled(2, input, indices, kernel_size, stride, padding, output_size)


def _unpooled(axes, input, indices, kernel_size, stride, padding, output_size):
    name = f"max_unpool{axes}d"
    x, had_batch = batched(coerced(input), axes, name)
    index = coerced(indices)
    index = index if had_batch else index.unsqueeze(0)
    if index.shape != x.shape:
        raise ShapeError(f"{name} takes one index for each element of {x.type_}, not {index.type_}")
    size, padding = each(kernel_size, axes, "kernel_size"), each(padding, axes, "padding")
    stride = size if stride is None else each(stride, axes, "stride")
    usual = [(n - 1) * s + k - 2 * p for n, k, s, p in zip(x.shape[2:], size, stride, padding)]
    extents = usual if output_size is None else list(output_size)[-axes:]
    if any(not n - s < m < n + s for n, s, m in zip(usual, stride, extents)):
        raise ValueError(
            f"invalid output_size {extents}: it must be near {usual}, by less than a stride"
        )
    lead = x.shape[:2]
    zeros = x.new_zeros((*lead, math.prod(extents)))
    y = zeros.scatter(2, index.flatten(2), x.flatten(2)).reshape((*lead, *extents))
    return y if had_batch else y.squeeze(0)


# ---- means


def avg_pool1d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    """the mean of each window

    x: [batch, channels, length] -> y: [batch, channels, (length + 2 padding - kernel) / stride + 1]

    Zeros of the padding count as elements unless count_include_pad=False.
    """
    return _averaged(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
    divisor_override=None,
):  # fmt: skip
    """the mean of each window, as `avg_pool1d` along both axes

    x: [batch, channels, height, width] -> y: [batch, channels, height, width]

    divisor_override is what the sums are divided by.
    """
    return _averaged(
        2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def _averaged(axes, input, size, stride, padding, ceil_mode, count_include_pad, divisor):
    name = f"avg_pool{axes}d"
    x, had_batch = batched(coerced(input), axes, name)
    at = geometry(name, x, size, stride, padding, 1, ceil_mode)
    y = at.of(x).sum(tuple(range(-axes, 0)))
    if divisor == 0:
        raise RuntimeError("divisor must be not zero")
    y = y / (divisor or _elements(x, at, count_include_pad))
    return y if had_batch else y.squeeze(0)


def _elements(x: Any, at: Geometry, padding_counts: bool) -> Any:
    """How many elements each window has: a number, or one for each window where they differ."""
    counts: Any = 1
    for length, k, s, p, n in zip(x.shape[2:], at.size, at.stride, at.low, at.counts):
        first = np.arange(n) * s - p
        last = np.minimum(first + k, length + (p if padding_counts else 0))
        inside = last - (first if padding_counts else np.maximum(first, 0))
        counts = np.multiply.outer(counts, inside)
    if (counts == counts.flat[0]).all():
        return int(counts.flat[0])
    return x.lift(counts.astype(x.dtype))


# ---- norms


def lp_pool1d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """(sum over each window of x^p)^(1/p) with p = norm_type

    x: [batch, channels, length] -> y: [batch, channels, (length - kernel) / stride + 1]
    """
    return _rooted(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """(sum over each window of x^p)^(1/p) with p = norm_type

    x: [batch, channels, height, width] -> y: [batch, channels, height, width]
    """
    return _rooted(2, input, norm_type, kernel_size, stride, ceil_mode)


def _rooted(axes, input, p, kernel_size, stride, ceil_mode):
    elements = math.prod(each(kernel_size, axes, "kernel_size"))
    mean = _averaged(axes, coerced(input) ** p, kernel_size, stride, 0, ceil_mode, True, None)
    return (mean.sign() * mean.abs().relu() * elements) ** (1 / p)
