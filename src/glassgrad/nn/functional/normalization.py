"""Normalisation: (x - mean) / sqrt(variance + eps) over a batch, a layer, groups or one channel."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...tensors.creation import coerced
from ...tensors.state import no_grad
from ...types import ShapeError
from .arguments import along
from .shapes import pad

__all__ = [
    "batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "rms_norm",
]  # fmt: skip


def batch_norm(
    input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5
):
    """weight (x - mean) / sqrt(var + eps) + bias for each channel (Ioffe and Szegedy 2015)

    x: [batch, channels, ...], running_mean, running_var, weight, bias: [channels] -> y: as x

    training=True takes mean and variance of the batch, and moves the running ones towards them by
    `momentum` (with the variance over n - 1); else the running ones are used.
    """
    x = _channelled(input, "batch_norm")
    axes = (0, *range(2, len(x.shape)))
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError("running_mean and running_var must be defined in evaluation mode")
        mean, variance = along(running_mean, x), running_var
        return _scaled(x, x - mean, variance, weight, bias, eps)
    count = x.numel() // max(x.shape[1], 1)
    if count < 2:
        raise ShapeError(
            "Expected more than 1 value per channel when training, got input size "
            f"{list(x.shape)}: one row has no variance. In a training, choose a batch_size that "
            "leaves no single row for the last batch, leave out a row, or give a DataLoader with "
            "drop_last=True; in use, call eval() for the running statistics"
        )
    mean = x.mean(axes)
    centred = x - along(mean, x)
    variance = centred.square().mean(axes)
    unbiased = count / (count - 1)
    _move(running_mean, mean, momentum)
    _move(running_var, variance, momentum, unbiased)
    return _scaled(x, centred, variance, weight, bias, eps)


def instance_norm(
    input, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True,
    momentum=0.1, eps=1e-5,
):  # fmt: skip
    """weight (x - mean) / sqrt(var + eps) + bias for each channel and image (Ulyanov et al. 2016)

    x: [batch, channels, ...], running_mean, running_var, weight, bias: [channels] -> y: as x
    """
    x = _channelled(input, "instance_norm")
    if not use_input_stats:
        return batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    axes = tuple(range(2, len(x.shape)))
    count = math.prod(x.shape[2:])
    if count < 2:
        raise ShapeError(
            f"Expected more than 1 spatial element when training, got input size {list(x.shape)}"
        )
    centred = x - x.mean(axes, keepdim=True)
    variance = centred.square().mean(axes, keepdim=True)
    if running_mean is not None:
        _move(running_mean, (x - centred).mean((0, *axes)), momentum)
        _move(running_var, variance.mean((0, *axes)), momentum, count / (count - 1))
    return _affine(centred * (variance + eps).rsqrt(), weight, bias)


def group_norm(input, num_groups, weight=None, bias=None, eps=1e-5):
    """weight (x - mean) / sqrt(var + eps) + bias for each group of channels (Wu and He 2018)

    x: [batch, channels, ...], weight, bias: [channels] -> y: as x
    """
    x = _channelled(input, "group_norm")
    if num_groups < 1 or x.shape[1] % num_groups:
        raise ShapeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of "
            f"shape {list(x.shape)} and num_groups={num_groups}"
        )
    groups = x.reshape(x.shape[0], num_groups, -1)
    return _affine(_standardized(groups, (2,), eps).reshape(x.shape), weight, bias)


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    """weight (x - mean) / sqrt(var + eps) + bias over the last axes of each row (Ba et al. 2016)

    x: [..., *normalized_shape], weight, bias: normalized_shape -> y: as x
    """
    x, axes = _last_axes(input, normalized_shape)
    y = _standardized(x, axes, eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def rms_norm(input, normalized_shape, weight=None, eps=None):
    """weight x / sqrt(mean of x^2 + eps) over the last axes of each row (Zhang and Sennrich 2019)

    x: [..., *normalized_shape], weight: normalized_shape -> y: as x

    eps is the smallest difference from 1 in the dtype unless given.
    """
    x, axes = _last_axes(input, normalized_shape)
    eps = float(np.finfo(x.dtype).eps) if eps is None else eps
    y = x * (x.square().mean(axes, keepdim=True) + eps).rsqrt()
    return y if weight is None else y * weight


def local_response_norm(input, size, alpha=1e-4, beta=0.75, k=1.0):
    """x / (k + alpha s)^beta, s the mean of x^2 of `size` channels around (Krizhevsky et al. 2012)

    x: [batch, channels, ...] -> y: as x
    """
    x = coerced(input)
    if len(x.shape) < 3:
        raise ShapeError(f"Expected 3D or higher dimensionality input and got {x.type_}")
    if not x.numel():
        return x
    squares = x.square().movedim(1, -1)
    near = pad(squares, (size // 2, (size - 1) // 2)).unfold(-1, size, 1).sum(-1).movedim(-1, 1)
    return x / (near * (alpha / size) + k) ** beta


# ---- shared


def _channelled(input: Any, name: str) -> Any:
    x = coerced(input)
    if len(x.shape) < 2:
        raise ShapeError(f"{name} takes x: [batch, channels, ...] and got {x.type_}")
    return x


def _last_axes(input: Any, normalized_shape: Any) -> tuple[Any, tuple[int, ...]]:
    x = coerced(input)
    given = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if x.shape[len(x.shape) - len(given) :] != given or not given:
        raise ShapeError(
            f"Given normalized_shape={list(given)}, expected input with shape "
            f"[*, {', '.join(map(str, given))}], but got input of size {list(x.shape)}"
        )
    return x, tuple(range(len(x.shape) - len(given), len(x.shape)))


def _standardized(x: Any, axes: tuple, eps: float) -> Any:
    centred = x - x.mean(axes, keepdim=True)
    return centred * (centred.square().mean(axes, keepdim=True) + eps).rsqrt()


def _scaled(x: Any, centred: Any, variance: Any, weight: Any, bias: Any, eps: float) -> Any:
    """weight centred / sqrt(variance + eps) + bias, with one number of each for a channel."""
    scale = (variance + eps).rsqrt()
    y = centred * along(scale if weight is None else scale * coerced(weight), x)
    return y if bias is None else y + along(coerced(bias), x)


def _affine(y: Any, weight: Any, bias: Any) -> Any:
    y = y if weight is None else y * along(coerced(weight), y)
    return y if bias is None else y + along(coerced(bias), y)


def _move(running: Any, batch: Any, momentum: float, factor: float = 1.0) -> None:
    """running <- (1 - momentum) running + momentum factor batch."""
    if running is not None:
        with no_grad():
            running.assign(running * (1 - momentum) + batch.detach() * (momentum * factor))
