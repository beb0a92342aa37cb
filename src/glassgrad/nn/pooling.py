"""Pooling as layers (lecture C): one number for each window of each channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..tensors.tensor import Tensor
from . import functional as F
from .functional.arguments import each
from .module import Module

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
    "AvgPool1d", "AvgPool2d", "LPPool1d", "LPPool2d", "MaxPool1d", "MaxPool2d", "MaxUnpool1d",
    "MaxUnpool2d",
]  # fmt: skip

Sizes = int | Sequence[int]  # one number for all axes, or one for each


# ---- maxima


class _MaxPool(Module):
    """The largest of each window; `return_indices=True` gives (y, positions) for `MaxUnpool`."""

    def __init__(
        self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0,
        dilation: Sizes = 1, return_indices: bool = False, ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """y[c, i] = max over k of x[c, stride i + dilation k - padding]

    x: [batch, channels, length] -> y: [batch, channels, positions]

    positions = (length + 2 padding - dilation (kernel_size - 1) - 1) / stride + 1, rounded down, or
    up with ceil_mode.  The stride is the kernel_size unless given.
    """

    def forward(self, input: Tensor) -> Any:
        return F.max_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode,
            self.return_indices,
        )  # fmt: skip


class MaxPool2d(_MaxPool):
    """the largest of each window, as `MaxPool1d` along both axes

    x: [batch, channels, height, width] -> y: [batch, channels, rows, columns]
    """

    def forward(self, input: Tensor) -> Any:
        return F.max_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode,
            self.return_indices,
        )  # fmt: skip


class _MaxUnpool(Module):
    """The inverse of max pooling: zeros where no maximum was found."""

    axes: int

    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> None:
        self.kernel_size = each(kernel_size, self.axes, "kernel_size")
        self.stride = self.kernel_size if stride is None else each(stride, self.axes, "stride")
        self.padding = each(padding, self.axes, "padding")

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """the inverse of `MaxPool1d`: each x stands where its maximum was found

    x: [batch, channels, n], indices: int64[batch, channels, n] -> y: [batch, channels, length]
    """

    axes = 1

    def forward(
        self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None
    ) -> Tensor:
        return F.max_unpool1d(
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )


class MaxUnpool2d(_MaxUnpool):
    """the inverse of `MaxPool2d`: each x stands where its maximum was found

    x: [batch, channels, m, n], indices: int64[batch, channels, m, n] -> y: [batch, channels, h, w]
    """

    axes = 2

    def forward(
        self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None
    ) -> Tensor:
        return F.max_unpool2d(
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )


# ---- means and norms


class AvgPool1d(Module):
    """y[c, i] = the mean over k of x[c, stride i + k - padding]

    x: [batch, channels, length] -> y: [batch, channels, positions]

    positions as in `MaxPool1d`; zeros of the padding count unless count_include_pad=False.
    """

    def __init__(
        self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0,
        ceil_mode: bool = False, count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        self.kernel_size = each(kernel_size, 1, "kernel_size")
        self.stride = self.kernel_size if stride is None else each(stride, 1, "stride")
        self.padding = each(padding, 1, "padding")
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
            self.count_include_pad,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(Module):
    """the mean of each window, as `AvgPool1d` along both axes

    x: [batch, channels, height, width] -> y: [batch, channels, rows, columns]

    divisor_override is what the sums are divided by.
    """

    def __init__(
        self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0,
        ceil_mode: bool = False, count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:  # fmt: skip
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.ceil_mode = padding, ceil_mode
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
            self.count_include_pad, self.divisor_override,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _LPPool(Module):
    """(sum over each window of x^p)^(1/p), p = norm_type."""

    def __init__(
        self, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None,
        ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        self.norm_type, self.kernel_size = norm_type, kernel_size
        self.stride, self.ceil_mode = stride, ceil_mode

    def extra_repr(self) -> str:
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPool):
    """y = (sum over each window of x^p)^(1/p), p = norm_type

    x: [batch, channels, length] -> y: [batch, channels, positions]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.lp_pool1d(input, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)


class LPPool2d(_LPPool):
    """y = (sum over each window of x^p)^(1/p), p = norm_type

    x: [batch, channels, height, width] -> y: [batch, channels, rows, columns]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.lp_pool2d(input, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)


# ---- a given number of windows


class _Adaptive(Module):
    """Window i of n elements in m windows reaches from floor(i n / m) to ceil((i + 1) n / m)."""

    def __init__(self, output_size: Any) -> None:
        self.output_size = output_size

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_Adaptive):
    """the means of output_size windows

    x: [batch, channels, length] -> y: [batch, channels, output_size]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(_Adaptive):
    """the means of output_size = (rows, columns) windows, None for as many as before

    x: [batch, channels, height, width] -> y: [batch, channels, rows, columns]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(input, self.output_size)


class _AdaptiveMax(_Adaptive):
    """The same of maxima; `return_indices=True` gives (y, positions)."""

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        self.output_size, self.return_indices = output_size, return_indices


class AdaptiveMaxPool1d(_AdaptiveMax):
    """the maxima of output_size windows

    x: [batch, channels, length] -> y: [batch, channels, output_size]
    """

    def forward(self, input: Tensor) -> Any:
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool2d(_AdaptiveMax):
    """the maxima of output_size = (rows, columns) windows, None for as many as before

    x: [batch, channels, height, width] -> y: [batch, channels, rows, columns]
    """

    def forward(self, input: Tensor) -> Any:
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)
