"""Initial weights: functions that write into a tensor and return it, as in `torch.nn.init`.

Lecture R: the distribution can be based on the network's structure, N(0, 1) is one choice
(`normal_`), a truncated normal another (`trunc_normal_`, `glorot_normal_`).
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ..tensors.generator import Generator, chosen
from ..tensors.state import no_grad
from ..tensors.tensor import Tensor
from ..types import float64

__all__ = [
    "calculate_gain", "constant_", "dirac_", "eye_", "fan_uniform_", "glorot_normal_",
    "kaiming_normal_", "kaiming_uniform_", "normal_", "ones_", "orthogonal_", "sparse_",
    "trunc_normal_", "uniform_", "xavier_normal_", "xavier_uniform_", "zeros_",
]  # fmt: skip

LINEAR = {"linear", "sigmoid"} | {f"conv{t}{n}d" for t in ("", "_transpose") for n in (1, 2, 3)}


def _written(tensor: Tensor, value: Any) -> Tensor:
    with no_grad():
        return tensor.assign(value)


# ---- one distribution for all elements


def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Numbers evenly from a to b."""
    drawn = chosen(generator).uniform(tensor.shape, tensor.dtype)
    return _written(tensor, drawn * (b - a) + a)


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Numbers from the normal distribution N(mean, std^2)."""
    drawn = chosen(generator).normal(tensor.shape, tensor.dtype)
    return _written(tensor, drawn * std + mean)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Numbers from N(mean, std^2) given that they lie between a and b.

    y = mean + std F^-1(u),  u evenly from F((a - mean) / std) to F((b - mean) / std)
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect.",
            stacklevel=2,
        )
    low, high = (math.erf((edge - mean) / (std * math.sqrt(2))) for edge in (a, b))
    u = chosen(generator).uniform(tensor.shape, float64) * (high - low) + low
    return _written(tensor, (u.erfinv() * (std * math.sqrt(2)) + mean).clamp(a, b))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """The number `val` everywhere."""
    return _written(tensor, val)


def ones_(tensor: Tensor) -> Tensor:
    """1 everywhere."""
    return constant_(tensor, 1)


def zeros_(tensor: Tensor) -> Tensor:
    """0 everywhere."""
    return constant_(tensor, 0)


# ---- identities


def eye_(tensor: Tensor) -> Tensor:
    """The identity: a linear layer with this weight hands on as many inputs as it can."""
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    return _written(tensor, np.eye(tensor.shape[0], tensor.shape[1]))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """The identity of convolutions: each output channel hands on one input channel of its group."""
    if tensor.ndim not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if tensor.shape[0] % groups:
        raise ValueError("dim 0 must be divisible by groups")
    weight = np.zeros(tensor.shape)
    middle = tuple(n // 2 for n in tensor.shape[2:])
    channels = tensor.shape[0] // groups
    for group in range(groups):
        for channel in range(min(channels, tensor.shape[1])):
            weight[(group * channels + channel, channel, *middle)] = 1
    return _written(tensor, weight)


# ---- scaled by the number of connections


def fans(tensor: Tensor) -> tuple[int, int]:
    """How many inputs each unit has, and how many units each input feeds.

    tensor: [outputs, inputs, *kernel]
    """
    if tensor.ndim < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"
        )
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def fan_uniform_(tensor: Tensor, fan: int, generator: Generator | None = None) -> Tensor:
    """Numbers evenly from -1/sqrt(fan) to 1/sqrt(fan): how layers start, with `fan` inputs."""
    bound = 1 / math.sqrt(fan) if fan > 0 else 0.0
    return uniform_(tensor, -bound, bound, generator)


def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Numbers evenly from -b to b, b = gain sqrt(6 / (fan_in + fan_out)) (Glorot, Bengio 2010)."""
    bound = gain * math.sqrt(6 / sum(fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Numbers from N(0, s^2), s = gain sqrt(2 / (fan_in + fan_out)) (Glorot, Bengio 2010)."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(fans(tensor))), generator)


def glorot_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """As `xavier_normal_`, but from a normal cut at two standard deviations (lecture R).

    The standard deviation after the cut is gain sqrt(2 / (fan_in + fan_out)).
    """
    inside = math.erf(math.sqrt(2))  # of N(0, 1), between -2 and 2
    lost = 4 * math.exp(-2) / math.sqrt(2 * math.pi) / inside  # of the variance, by the cut
    std = gain * math.sqrt(2 / sum(fans(tensor)) / (1 - lost))
    return trunc_normal_(tensor, 0.0, std, -2 * std, 2 * std, generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Numbers evenly from -b to b, b = gain sqrt(3 / fan) (He et al. 2015); slope `a`."""
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    if std is None:
        return tensor
    return uniform_(tensor, -math.sqrt(3) * std, math.sqrt(3) * std, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Numbers from N(0, s^2), s = gain / sqrt(fan) (He et al. 2015); slope `a`."""
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    return tensor if std is None else normal_(tensor, 0.0, std, generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float | None:
    """The standard deviation; None if there is nothing to write."""
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return None
    modes = ("fan_in", "fan_out")
    if mode.lower() not in modes:
        raise ValueError(f"Mode {mode} not supported, please use one of {list(modes)}")
    fan = fans(tensor)[modes.index(mode.lower())]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much weights are scaled to make up for what an activation takes off the variance."""
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2 / (1 + slope**2))
    gains = {"tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}
    if nonlinearity not in gains and nonlinearity not in LINEAR:
        known = ", ".join(sorted({"leaky_relu", *gains, *LINEAR}))
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}; there are {known}")
    return gains.get(nonlinearity, 1)


# ---- by structure


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """A matrix with orthogonal rows or columns, evenly among all such (Saxe et al. 2013).

    tensor: [outputs, *rest], read as the matrix [outputs, product of rest]
    """
    if tensor.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if 0 in tensor.shape:
        return tensor
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    drawn = chosen(generator).normal((max(rows, columns), min(rows, columns)), float64)
    q, r = np.linalg.qr(drawn.value)
    q *= np.sign(np.diagonal(r))  # without this, QR's own signs would not be even (Mezzadri 2006)
    return _written(tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape))


def sparse_(
    tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None
) -> Tensor:
    """Numbers from N(0, std^2), of which a fraction in each column is 0 (Martens 2010)."""
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    weight = chosen(generator).normal(tensor.shape, tensor.dtype).value * std
    order = chosen(generator).uniform(tensor.shape, float64).value.argsort(0)
    zeros = math.ceil(sparsity * tensor.shape[0])
    np.put_along_axis(weight, order[:zeros], 0, axis=0)
    return _written(tensor, weight)
