"""Layers that are affine functions of their inputs."""

from __future__ import annotations

from typing import Any

from ..tensors.creation import empty
from ..tensors.tensor import Tensor
from . import init
from .module import Module
from .parameter import Parameter

__all__ = ["Identity", "Linear"]


class Identity(Module):
    """y = x; arguments are accepted and ignored

    x: [*] -> y: [*]
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def forward(self, input: Tensor) -> Tensor:
        return input


class Linear(Module):
    """y = x W' + b

    x: [..., in_features] -> y: [..., out_features]

    Weights and bias start evenly from -1/sqrt(in_features) to 1/sqrt(in_features).
    """

    weight: Parameter  # [out_features, in_features]
    bias: Parameter | None  # [out_features]

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self.in_features, self.out_features = in_features, out_features
        kind: dict[str, Any] = {"device": device, "dtype": dtype}
        self.weight = Parameter(empty(out_features, in_features, **kind))
        self.register_parameter("bias", Parameter(empty(out_features, **kind)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        init.fan_uniform_(self.weight, self.in_features)
        if self.bias is not None:
            init.fan_uniform_(self.bias, self.in_features)

    def forward(self, input: Tensor) -> Tensor:
        return input.linear(self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )
