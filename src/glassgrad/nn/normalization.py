"""Normalisation as layers: over the batch, one image, groups of channels, or the last axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..tensors.creation import ones, tensor, zeros
from ..tensors.state import no_grad
from ..tensors.tensor import Tensor
from ..types import ShapeError, int64
from . import functional as F
from .module import Module
from .parameter import Parameter

__all__ = [
    "BatchNorm1d", "BatchNorm2d", "GroupNorm", "InstanceNorm1d",
    "InstanceNorm2d", "LayerNorm", "LocalResponseNorm", "RMSNorm",
]  # fmt: skip


class _Affine(Module):
    """weight y + bias, which start as 1 and 0."""

    weight: Parameter | None
    bias: Parameter | None

    def _affine(self, shape: Any, weight: bool, bias: bool, device: Any, dtype: Any) -> None:
        scale = Parameter(ones(shape, device=device, dtype=dtype)) if weight else None
        self.register_parameter("weight", scale)
        shift = Parameter(zeros(shape, device=device, dtype=dtype)) if weight and bias else None
        self.register_parameter("bias", shift)

    def reset_parameters(self) -> None:
        """Set the weight to 1 and the bias to 0 again."""
        with no_grad():
            if self.weight is not None:
                self.weight.fill_(1)
            if self.bias is not None:
                self.bias.zero_()


# ---- with running statistics


class _Running(_Affine):
    """A normalisation of channels that remembers mean and variance."""

    weight: Parameter | None  # [num_features]
    bias: Parameter | None  # [num_features]
    running_mean: Tensor | None  # [num_features]
    running_var: Tensor | None  # [num_features]
    num_batches_tracked: Tensor | None  # []
    ranks: tuple[int, ...]  # how many axes an input may have

    def _setup(self, num_features, eps, momentum, affine, track, device, dtype, bias) -> None:
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track
        self._affine(num_features, affine, bias, device, dtype)
        kept = (zeros(num_features, dtype=dtype), ones(num_features, dtype=dtype))
        self.register_buffer("running_mean", kept[0] if track else None)
        self.register_buffer("running_var", kept[1] if track else None)
        self.register_buffer("num_batches_tracked", tensor(0, dtype=int64) if track else None)

    def reset_running_stats(self) -> None:
        """Forget the batches that were seen."""
        starts = {"running_mean": 0, "running_var": 1, "num_batches_tracked": 0}
        for name, start in starts.items() if self.track_running_stats else ():
            with no_grad():
                getattr(self, name).fill_(start)

    def reset_parameters(self) -> None:
        """Weight 1, bias 0, and no batch seen yet."""
        self.reset_running_stats()
        super().reset_parameters()

    def _check(self, input: Tensor) -> None:
        rank, channel = len(input.shape), len(input.shape) - min(self.ranks)
        if rank not in self.ranks:
            listed = " or ".join(f"{n}D" for n in self.ranks)
            raise ShapeError(f"expected {listed} input (got {rank}D input): {input.type_}")
        if input.shape[max(channel, self.channel)] != self.num_features:
            raise ShapeError(
                f"{type(self).__name__} has num_features={self.num_features} and got {input.type_}"
            )

    channel = 1  # the axis of the channels, at least

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_Running):
    """Normalisation over the batch."""

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1,
        affine: bool = True, track_running_stats: bool = True, device: Any = None,
        dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        track = track_running_stats
        self._setup(num_features, eps, momentum, affine, track, device, dtype, bias)

    def forward(self, input: Tensor) -> Tensor:
        self._check(input)
        momentum: Any = self.momentum
        if self.training and self.num_batches_tracked is not None:
            with no_grad():
                self.num_batches_tracked.assign(self.num_batches_tracked + 1)
            if momentum is None:  # the mean over all batches
                momentum = 1 / self.num_batches_tracked.double()
        used = self.track_running_stats or not self.training
        mean, var = (self.running_mean, self.running_var) if used else (None, None)
        learning = self.training or self.running_mean is None
        return F.batch_norm(input, mean, var, self.weight, self.bias, learning, momentum, self.eps)


class BatchNorm1d(_BatchNorm):
    """y = weight (x - mean) / sqrt(var + eps) + bias for each channel (Ioffe and Szegedy 2015)

    x: [batch, num_features, length] -> y: as x

    Also for x: [batch, num_features].  While it learns (`train()`), mean and variance are those of
    the batch, and the running ones move towards them by `momentum` (None: they are the means of all
    batches); in use (`eval()`) they are the running ones.
    """

    ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    """y = weight (x - mean) / sqrt(var + eps) + bias for each channel, as `BatchNorm1d`

    x: [batch, num_features, height, width] -> y: as x
    """

    ranks = (4,)


class _InstanceNorm(_Running):
    """Normalisation of each channel of each image."""

    channel = 0

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
        track_running_stats: bool = False, device: Any = None, dtype: Any = None, *,
        bias: bool = True,
    ) -> None:  # fmt: skip
        track = track_running_stats
        self._setup(num_features, eps, momentum, affine, track, device, dtype, bias)

    def forward(self, input: Tensor) -> Tensor:
        self._check(input)
        alone = len(input.shape) == min(self.ranks)
        y = F.instance_norm(
            input.unsqueeze(0) if alone else input, self.running_mean, self.running_var,
            self.weight, self.bias, self.training or not self.track_running_stats,
            self.momentum, self.eps,
        )  # fmt: skip
        return y.squeeze(0) if alone else y


class InstanceNorm1d(_InstanceNorm):
    """y = weight (x - mean) / sqrt(var + eps) + bias for each channel and row (Ulyanov et al. 2016)

    x: [batch, num_features, length] -> y: as x
    """

    ranks = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """y = weight (x - mean) / sqrt(var + eps) + bias for each channel and image (Ulyanov 2016)

    x: [batch, num_features, height, width] -> y: as x
    """

    ranks = (3, 4)


# ---- of each row by itself


class GroupNorm(_Affine):
    """y = weight (x - mean) / sqrt(var + eps) + bias for each group of channels (Wu and He 2018)

    x: [batch, num_channels, ...] -> y: as x
    """

    weight: Parameter | None  # [num_channels]
    bias: Parameter | None  # [num_channels]

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True,
        device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        if num_channels % num_groups:
            raise ValueError(
                f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})"
            )
        self.num_groups, self.num_channels = num_groups, num_channels
        self.eps, self.affine = eps, affine
        self._affine(num_channels, affine, bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class LayerNorm(_Affine):
    """y = weight (x - mean) / sqrt(var + eps) + bias over the last axes (Ba et al. 2016)

    x: [..., normalized_shape] -> y: as x
    """

    weight: Parameter | None  # normalized_shape
    bias: Parameter | None  # normalized_shape

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float = 1e-5,
        elementwise_affine: bool = True, bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        self.normalized_shape = _shape(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self._affine(self.normalized_shape, elementwise_affine, bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        )


class RMSNorm(_Affine):
    """y = weight x / sqrt(mean of x^2 + eps) over the last axes (Zhang and Sennrich 2019)

    x: [..., normalized_shape] -> y: as x
    """

    weight: Parameter | None  # normalized_shape

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float | None = None,
        elementwise_affine: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        self.normalized_shape = _shape(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        scale = ones(self.normalized_shape, device=device, dtype=dtype)
        self.register_parameter("weight", Parameter(scale) if elementwise_affine else None)

    bias = None

    def forward(self, input: Tensor) -> Tensor:
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


class LocalResponseNorm(Module):
    """y = x / (k + alpha s)^beta, s the mean of x^2 of `size` channels around (Krizhevsky 2012)

    x: [batch, channels, length] -> y: as x

    Any number of axes may follow the channels.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Tensor) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


def _shape(normalized_shape: int | Sequence[int]) -> tuple[int, ...]:
    if isinstance(normalized_shape, int):
        return (normalized_shape,)
    return tuple(normalized_shape)
