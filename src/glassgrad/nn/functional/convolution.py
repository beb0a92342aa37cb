"""Convolution (lecture C), over one axis or two, and its transpose."""

from __future__ import annotations

from typing import Any

from ...operations.convolution import convolution
from ...tensors.creation import coerced
from ...types import ShapeError
from .arguments import along, batched, each

__all__ = ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"]


def conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """y[o, i] = b[o] + sum over c, k of w[o, c, k] x[c, stride i + dilation k - padding]

    x: [batch, channels, length], weight: [outputs, channels / groups, kernel], bias: [outputs]
    -> y: [batch, outputs, (length + 2 padding - dilation (kernel - 1) - 1) / stride + 1]

    padding is a number, "valid" for none, or "same" for an output as long as the input (stride 1).
    """
    return _convolved(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """y[o, i, j] = b[o] + sum over c, k, l of w[o, c, k, l] x[c, stride i + k, stride j + l]

    x: [batch, channels, height, width], weight: [outputs, channels / groups, kernel, kernel]
    -> y: [batch, outputs, height, width], lengths as in `conv1d`

    stride, padding and dilation are one number or (along the height, along the width).
    """
    return _convolved(2, input, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d(
    input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    """the transpose of `conv1d`: each x[c, i] spreads over stride i + dilation k - padding

    x: [batch, channels, length], weight: [channels, outputs / groups, kernel], bias: [outputs]
    -> y: [batch, outputs, (length - 1) stride - 2 padding + reach + output_padding]

    The reach of a kernel is dilation (kernel - 1) + 1.
    """
    return _transposed(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    """the transpose of `conv2d` as a linear map, as `conv_transpose1d` along both axes

    x: [batch, channels, height, width], weight: [channels, outputs / groups, kernel, kernel]
    -> y: [batch, outputs, height, width]
    """
    return _transposed(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def _convolved(axes, input, weight, bias, stride, padding, dilation, groups):
    name = f"conv{axes}d"
    x, weight, had_batch = _inputs(axes, input, weight, name)
    if x.shape[1] != weight.shape[1] * groups or weight.shape[0] % groups:
        raise ShapeError(
            f"{name}: weight {weight.type_} in {groups} groups reads "
            f"{weight.shape[1] * groups} channels, and the input {x.type_} has {x.shape[1]}"
            + (f"; the outputs must divide by {groups}" if weight.shape[0] % groups else "")
        )
    stride, dilation = each(stride, axes, "stride"), each(dilation, axes, "dilation")
    low, high = _ends(padding, weight.shape[2:], stride, dilation, name)
    _check_fits(x, weight, low, high, dilation, name)
    y = x.apply(
        convolution, x, weight,
        stride=stride, low=low, high=high, expand=(1,) * axes, dilation=dilation, groups=groups,
    )  # fmt: skip
    return _finished(y, bias, had_batch)


def _transposed(axes, input, weight, bias, stride, padding, output_padding, groups, dilation):
    """A convolution of the input with zeros between its elements, by mirrored kernels."""
    name = f"conv_transpose{axes}d"
    x, weight, had_batch = _inputs(axes, input, weight, name)
    channels, outputs, *size = weight.shape
    if x.shape[1] != channels or channels % groups:
        raise ShapeError(
            f"{name}: weight {weight.type_} reads {channels} channels in {groups} groups, "
            f"and the input {x.type_} has {x.shape[1]}"
        )
    stride, dilation = each(stride, axes, "stride"), each(dilation, axes, "dilation")
    padding, extra = each(padding, axes, "padding"), each(output_padding, axes, "output_padding")
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation)):
        raise RuntimeError(
            f"output padding must be smaller than either stride or dilation, but got {extra} for "
            f"stride {stride} and dilation {dilation}"
        )
    mirrored = weight.reshape((groups, channels // groups, outputs, *size)).transpose(1, 2)
    mirrored = mirrored.reshape((groups * outputs, channels // groups, *size))
    low = tuple(d * (k - 1) - p for k, d, p in zip(size, dilation, padding))
    y = x.apply(
        convolution, x, mirrored.flip(tuple(range(2, 2 + axes))),
        stride=(1,) * axes, low=low, high=tuple(a + e for a, e in zip(low, extra)),
        expand=stride, dilation=dilation, groups=groups,
    )  # fmt: skip
    return _finished(y, bias, had_batch)


def _inputs(axes: int, input: Any, weight: Any, name: str) -> tuple[Any, Any, bool]:
    x, weight = coerced(input), coerced(weight)
    x, had_batch = batched(x, axes, name)
    if len(weight.shape) != axes + 2:
        raise ShapeError(f"{name} takes a weight of {axes + 2} axes and got {weight.type_}")
    if x.dtype != weight.dtype:
        raise RuntimeError(
            f"{name} needs one dtype and got x: {x.type_} and weight: {weight.type_}; "
            "convert one by .to()"
        )
    return x, weight, had_batch


def _ends(padding: Any, size: Any, stride: Any, dilation: Any, name: str) -> tuple[tuple, tuple]:
    """Zeros before and after each axis."""
    if not isinstance(padding, str):
        both = each(padding, len(size), "padding")
        if min(both) < 0:
            raise RuntimeError("negative padding is not supported")
        return both, both
    if padding == "valid":
        return (0,) * len(size), (0,) * len(size)
    if padding != "same":
        raise ValueError(f"padding is 'same', 'valid' or numbers, not {padding!r}")
    if any(s != 1 for s in stride):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    total = [d * (k - 1) for k, d in zip(size, dilation)]
    return tuple(n // 2 for n in total), tuple(n - n // 2 for n in total)


def _check_fits(x: Any, weight: Any, low: Any, high: Any, dilation: Any, name: str) -> None:
    lengths = [n + a + b for n, a, b in zip(x.shape[2:], low, high)]
    reach = [d * (k - 1) + 1 for k, d in zip(weight.shape[2:], dilation)]
    if any(n < r for n, r in zip(lengths, reach)):
        raise ShapeError(
            f"{name}: the kernel reaches over {reach}, and the padded input {x.type_} "
            f"has only {lengths}"
        )


def _finished(y: Any, bias: Any, had_batch: bool) -> Any:
    y = y if bias is None else y + along(coerced(bias), y)
    return y if had_batch else y.squeeze(0)
