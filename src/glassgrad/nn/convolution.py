"""Convolutions as layers (lecture C)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..tensors.creation import empty
from ..tensors.tensor import Tensor
from . import functional as F
from . import init
from .functional.arguments import each
from .module import Module
from .parameter import Parameter

__all__ = ["Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"]

Sizes = int | Sequence[int]  # one number for all axes, or one for each
MODES = ("zeros", "reflect", "replicate", "circular")


class _Convolution(Module):
    """What convolutions and their transposes have in common."""

    weight: Parameter  # [out_channels, in_channels / groups, *kernel_size]
    bias: Parameter | None  # [out_channels]
    axes: int

    def _setup(self, in_channels, out_channels, kernel_size, stride, padding, dilation, groups):
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        for name, n in (("in_channels", in_channels), ("out_channels", out_channels)):
            if n % groups:
                raise ValueError(f"{name} must be divisible by groups, and {n} is not by {groups}")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = each(kernel_size, self.axes, "kernel_size")
        self.stride = each(stride, self.axes, "stride")
        self.dilation = each(dilation, self.axes, "dilation")
        self.padding = padding if isinstance(padding, str) else each(padding, self.axes, "padding")

    def _parameters_of(self, outputs: int, inputs: int, bias: bool, device: Any, dtype: Any):
        """Weight [outputs, inputs, *kernel_size] and bias, drawn anew."""
        sizes = (outputs, inputs, *self.kernel_size)
        self.weight = Parameter(empty(sizes, device=device, dtype=dtype))
        own = Parameter(empty(self.out_channels, dtype=dtype)) if bias else None
        self.register_parameter("bias", own)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, evenly within 1/sqrt(the weights of one output)."""
        fan = math.prod(self.weight.shape[1:])
        init.fan_uniform_(self.weight, fan)
        if self.bias is not None:
            init.fan_uniform_(self.bias, fan)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"
        text += f", stride={self.stride}"
        usual = {"padding": 0, "dilation": 1, "output_padding": 0}
        for name, value in usual.items():
            own = getattr(self, name, (value,) * self.axes)
            if own != (value,) * self.axes:
                text += f", {name}={own}"
        text += f", groups={self.groups}" if self.groups != 1 else ""
        text += ", bias=False" if self.bias is None else ""
        mode = getattr(self, "padding_mode", "zeros")
        return text + (f", padding_mode={mode}" if mode != "zeros" else "")


class _Forward(_Convolution):
    """A convolution, with zeros or what `padding_mode` says at the ends."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Sizes, stride: Sizes = 1,
        padding: str | Sizes = 0, dilation: Sizes = 1, groups: int = 1, bias: bool = True,
        padding_mode: str = "zeros", device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        self._setup(in_channels, out_channels, kernel_size, stride, padding, dilation, groups)
        if padding_mode not in MODES:
            raise ValueError(f"padding_mode must be one of {MODES}, but got {padding_mode!r}")
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise ValueError(f"Invalid padding string {padding!r}, should be 'same' or 'valid'")
        if padding == "same" and any(s != 1 for s in self.stride):
            raise ValueError("padding='same' is not supported for strided convolutions")
        self.padding_mode = padding_mode
        self._parameters_of(out_channels, in_channels // groups, bias, device, dtype)

    def _padded(self, input: Tensor) -> tuple[Tensor, Any]:
        """The input with its ends where zeros will not do, and the padding that is left to do."""
        if self.padding_mode == "zeros":
            return input, self.padding
        ends = []
        for k, d, p in zip(self.kernel_size, self.dilation, self._numbers()):
            total = d * (k - 1)
            ends.append((total // 2, total - total // 2) if p is None else (p, p))
        listed = [n for pair in reversed(ends) for n in pair]
        return F.pad(input, listed, self.padding_mode), 0

    def _numbers(self) -> Sequence[int | None]:
        """The padding of each axis, None for "same"."""
        if isinstance(self.padding, str):
            return ((None if self.padding == "same" else 0),) * self.axes
        return self.padding


class Conv1d(_Forward):
    """y[o, i] = b[o] + sum over c, k of w[o, c, k] x[c, stride i + dilation k - padding]

    x: [batch, in_channels, length] -> y: [batch, out_channels, positions]

    positions = (length + 2 padding - dilation (kernel_size - 1) - 1) / stride + 1, rounded down;
    padding="valid" is none, padding="same" makes the output as long as the input (stride 1).  What
    stands in the padding is zero, or as `padding_mode` says, as in `nn.functional.pad` (lecture C).
    """

    axes = 1

    def forward(self, input: Tensor) -> Tensor:
        x, padding = self._padded(input)
        return F.conv1d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv2d(_Forward):
    """y[o, i, j] = b[o] + sum over c, k, l of w[o, c, k, l] x[c, stride i + k, stride j + l]

    x: [batch, in_channels, height, width] -> y: [batch, out_channels, rows, columns]

    As `Conv1d` along both axes; sizes are one number or (for the height, for the width).
    """

    axes = 2

    def forward(self, input: Tensor) -> Tensor:
        x, padding = self._padded(input)
        return F.conv2d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class _Transposed(_Convolution):
    """The transpose of a convolution."""

    weight: Parameter  # [in_channels, out_channels / groups, *kernel_size]

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Sizes, stride: Sizes = 1,
        padding: Sizes = 0, output_padding: Sizes = 0, groups: int = 1, bias: bool = True,
        dilation: Sizes = 1, padding_mode: str = "zeros", device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        self._setup(in_channels, out_channels, kernel_size, stride, padding, dilation, groups)
        self.output_padding = each(output_padding, self.axes, "output_padding")
        self._parameters_of(in_channels, out_channels // groups, bias, device, dtype)

    def _extra(self, input: Tensor, output_size: Sequence[int] | None) -> tuple[int, ...]:
        """The output_padding that leads to an output of output_size."""
        if output_size is None:
            return self.output_padding
        wanted = list(output_size)[-self.axes :]
        sizes = zip(
            input.shape[-self.axes :], self.kernel_size, self.stride, self.dilation, self.padding
        )
        least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, k, s, d, p in sizes]
        most = [n + s - 1 for n, s in zip(least, self.stride)]
        if len(wanted) != self.axes or any(not a <= n <= b for a, n, b in zip(least, wanted, most)):
            raise ValueError(
                f"requested an output size of {list(output_size)}, but valid sizes range from "
                f"{least} to {most} (for an input of {list(input.shape[-self.axes :])})"
            )
        return tuple(n - a for n, a in zip(wanted, least))


class ConvTranspose1d(_Transposed):
    """the transpose of `Conv1d`: each x[c, i] spreads over stride i + dilation k - padding

    x: [batch, in_channels, length] -> y: [batch, out_channels, positions]

    positions = (length - 1) stride - 2 padding + dilation (kernel_size - 1) + 1 + output_padding;
    `layer(x, output_size=...)` chooses output_padding so that there are so many.
    """

    axes = 1

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        return F.conv_transpose1d(
            input, self.weight, self.bias, self.stride, self.padding,
            self._extra(input, output_size), self.groups, self.dilation,
        )  # fmt: skip


class ConvTranspose2d(_Transposed):
    """the transpose of `Conv2d`, as `ConvTranspose1d` along both axes

    x: [batch, in_channels, height, width] -> y: [batch, out_channels, rows, columns]
    """

    axes = 2

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        return F.conv_transpose2d(
            input, self.weight, self.bias, self.stride, self.padding,
            self._extra(input, output_size), self.groups, self.dilation,
        )  # fmt: skip
