"""Affine and bilinear functions."""

from __future__ import annotations

from ...tensors.creation import coerced
from ...tensors.functions import function
from ...tensors.tensor import Tensor
from ...types import ShapeError

__all__ = ["bilinear", "linear"]

linear = function(Tensor.linear)


def bilinear(input1, input2, weight, bias=None):
    """y[o] = sum over i, j of x1[i] W[o, i, j] x2[j], + b[o]

    x1: [..., i], x2: [..., j], weight: [outputs, i, j], bias: [outputs] -> y: [..., outputs]
    """
    x1, x2, weight = coerced(input1), coerced(input2), coerced(weight)
    if x1.shape[:-1] != x2.shape[:-1] or weight.shape[1:] != (x1.shape[-1], x2.shape[-1]):
        raise ShapeError(
            "bilinear takes x1: [..., i], x2: [..., j] and weight: [outputs, i, j] "
            f"and got {x1.type_}, {x2.type_} and {weight.type_}"
        )
    rows = x1.reshape(-1, x1.shape[-1]).contract(weight, ((0, 3), (1, 3, 2)), 3)
    y = rows.contract(x2.reshape(-1, x2.shape[-1]), ((0, 1, 2), (0, 2)), 2)
    y = y.reshape((*x1.shape[:-1], weight.shape[0]))
    return y if bias is None else y + coerced(bias)
