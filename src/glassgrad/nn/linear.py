"""Layers that are affine functions of their inputs."""

from __future__ import annotations

from typing import Any

from ..tensors.creation import empty
from ..tensors.tensor import Tensor
from . import init
from .functional.linear import bilinear
from .module import Module
from .parameter import Parameter

__all__ = ["Bilinear", "Identity", "Linear"]


def draw_evenly(layer: Any, fan: int) -> None:
    """Write new numbers into weight and bias, evenly from -1/sqrt(fan) to 1/sqrt(fan)."""
    init.fan_uniform_(layer.weight, fan)
    if layer.bias is not None:
        init.fan_uniform_(layer.bias, fan)


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
        draw_evenly(self, self.in_features)

    def forward(self, input: Tensor) -> Tensor:
        return input.linear(self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class Bilinear(Module):
    """y_o = x1' W_o x2 + b_o

    x1: [..., in1_features], x2: [..., in2_features] -> y: [..., out_features]

    Weights and bias start evenly from -1/sqrt(in1_features) to 1/sqrt(in1_features).
    """

    weight: Parameter  # [out_features, in1_features, in2_features]
    bias: Parameter | None  # [out_features]

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if in1_features <= 0:
            raise ValueError(f"in1_features must be > 0, but got (in1_features={in1_features})")
        self.in1_features, self.in2_features = in1_features, in2_features
        self.out_features = out_features
        kind: dict[str, Any] = {"device": device, "dtype": dtype}
        self.weight = Parameter(empty(out_features, in1_features, in2_features, **kind))
        self.register_parameter("bias", Parameter(empty(out_features, **kind)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        draw_evenly(self, self.in1_features)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        return bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )
