"""Padding as layers: more elements at both ends of the last axis or the last two.

The padding is one number for all ends, or (left, right) or (left, right, top, bottom).
"""

from __future__ import annotations

from collections.abc import Sequence

from ..tensors.tensor import Tensor
from ..types import ShapeError
from . import functional as F
from .functional.arguments import each
from .module import Module

__all__ = [
    "CircularPad1d", "CircularPad2d", "ConstantPad1d", "ConstantPad2d", "ReflectionPad1d",
    "ReflectionPad2d", "ReplicationPad1d", "ReplicationPad2d", "ZeroPad1d", "ZeroPad2d",
]  # fmt: skip

Ends = int | Sequence[int]


class _Pad(Module):
    """What stands at the ends comes from the inside, as `mode` says."""

    axes: int
    mode: str

    def __init__(self, padding: Ends) -> None:
        self.padding = each(padding, 2 * self.axes, "padding")

    def forward(self, input: Tensor) -> Tensor:
        if len(input.shape) not in (self.axes + 1, self.axes + 2):
            raise ShapeError(
                f"{type(self).__name__} takes {self.axes + 1} or {self.axes + 2} axes "
                f"and got {input.type_}"
            )
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return str(self.padding)


class ReflectionPad1d(_Pad):
    """the inside mirrored at the ends, without the last element

    x: [batch, channels, length] -> y: [batch, channels, left + length + right]
    """

    axes, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """the inside mirrored at the ends, without the last element

    x: [batch, channels, height, width] -> y: [batch, channels, rows, columns]
    """

    axes, mode = 2, "reflect"


class ReplicationPad1d(_Pad):
    """the last element repeated at the ends

    x: [batch, channels, length] -> y: [batch, channels, left + length + right]
    """

    axes, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """the last element repeated at the ends

    x: [batch, channels, height, width] -> y: [batch, channels, rows, columns]
    """

    axes, mode = 2, "replicate"


class CircularPad1d(_Pad):
    """the other end goes on behind each end

    x: [batch, channels, length] -> y: [batch, channels, left + length + right]
    """

    axes, mode = 1, "circular"


class CircularPad2d(_Pad):
    """the other end goes on behind each end

    x: [batch, channels, height, width] -> y: [batch, channels, rows, columns]
    """

    axes, mode = 2, "circular"


class _ConstantPad(Module):
    """`value` at the ends; negative numbers crop.  Any number of axes may come first."""

    axes: int

    def __init__(self, padding: Ends, value: float) -> None:
        self.padding, self.value = each(padding, 2 * self.axes, "padding"), value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """`value` at the ends of the last axis

    x: [batch, channels, length] -> y: [batch, channels, left + length + right]
    """

    axes = 1


class ConstantPad2d(_ConstantPad):
    """`value` around the last two axes

    x: [batch, channels, height, width] -> y: [batch, channels, rows, columns]
    """

    axes = 2


class _ZeroPad(_ConstantPad):
    """Zeros at the ends."""

    def __init__(self, padding: Ends) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return str(self.padding)


class ZeroPad1d(_ZeroPad):
    """zeros at the ends of the last axis

    x: [batch, channels, length] -> y: [batch, channels, left + length + right]
    """

    axes = 1


class ZeroPad2d(_ZeroPad):
    """zeros around the last two axes

    x: [batch, channels, height, width] -> y: [batch, channels, rows, columns]
    """

    axes = 2
