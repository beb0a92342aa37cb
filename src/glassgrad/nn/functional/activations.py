"""Activations: the functions between the layers of a network (lectures H, J and B).

With `inplace=True` the result is also written into a leaf that needs no gradient; a computed tensor
does not change, so that nothing that was computed from it is ever wrong.
"""

from __future__ import annotations

import math
from typing import Any

from ...operations import elementwise as op
from ...tensors.creation import coerced
from ...tensors.functions import sigmoid, tanh
from ...tensors.generator import default_generator
from ...types import ShapeError, axis_of
from .arguments import along

__all__ = [
    "celu", "celu_", "elu", "elu_", "gelu", "glu", "gumbel_softmax", "hardshrink", "hardsigmoid",
    "hardswish", "hardtanh", "hardtanh_", "leaky_relu", "leaky_relu_", "log_softmax", "logsigmoid",
    "mish", "prelu", "relu", "relu6", "relu_", "rrelu", "rrelu_", "selu", "selu_", "sigmoid",
    "silu", "softmax", "softmin", "softplus", "softshrink", "softsign", "tanh", "tanhshrink",
    "threshold", "threshold_",
]  # fmt: skip

SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


def _written(x: Any, y: Any, inplace: bool) -> Any:
    """`y`, written into `x` where that was asked for and can be done."""
    return x._rebound(y) if inplace else y


# ---- straight lines with a bend


def relu(input, inplace=False):
    """max(x, 0)."""
    x = coerced(input)
    return _written(x, x.relu(), True) if inplace else x.relu()


def leaky_relu(input, negative_slope=0.01, inplace=False):
    """x for x > 0, else negative_slope x (Maas et al. 2013)."""
    x = coerced(input)
    return _written(x, x.where(x > 0, x * negative_slope), inplace)


def prelu(input, weight):
    """x for x > 0, else weight x, with one weight in all or one for each channel (He et al. 2015).

    x: [batch, channels, ...], weight: [1] or [channels] -> y: [batch, channels, ...]
    """
    x, weight = coerced(input), coerced(weight)
    if weight.numel() != 1:
        if len(x.shape) < 2 or weight.shape != (x.shape[1],):
            raise ShapeError(
                f"prelu takes one weight or one for each channel (axis 1) and got {weight.type_} "
                f"for x: {x.type_}"
            )
        weight = along(weight, x)
    return x.where(x > 0, x * weight.reshape(()) if weight.numel() == 1 else x * weight)


def rrelu(input, lower=1 / 8, upper=1 / 3, training=False, inplace=False):
    """x for x > 0, else a x, a drawn evenly from lower to upper for each element (Xu et al. 2015).

    Without training a = (lower + upper) / 2.
    """
    x = coerced(input)
    slope = (lower + upper) / 2
    if training:
        slope = default_generator.uniform(x.shape, x.dtype) * (upper - lower) + lower
    return _written(x, x.where(x > 0, x * slope), inplace)


def threshold(input, threshold, value, inplace=False):
    """x for x > threshold, else value."""
    x = coerced(input)
    return _written(x, x.masked_fill(x <= threshold, value), inplace)


def hardtanh(input, min_val=-1.0, max_val=1.0, inplace=False):
    """x held between min_val and max_val; the slope at both ends is 0."""
    if min_val > max_val:
        raise ValueError(f"min_val {min_val} cannot be greater than max_val {max_val}")
    x = coerced(input)
    inside = (x > min_val) & (x < max_val)
    return _written(x, x.where(inside, x.clamp(min_val, max_val).detach()), inplace)


def relu6(input, inplace=False):
    """min(max(x, 0), 6)."""
    return hardtanh(input, 0.0, 6.0, inplace)


def hardsigmoid(input, inplace=False):
    """min(max(x + 3, 0), 6) / 6: a sigmoid of three straight lines."""
    x = coerced(input)
    return _written(x, relu6(x + 3) / 6, inplace)


def hardswish(input, inplace=False):
    """x hardsigmoid(x) (Howard et al. 2019)."""
    x = coerced(input)
    return _written(x, x * (relu6(x + 3) / 6), inplace)


def hardshrink(input, lambd=0.5):
    """x for |x| > lambd, else 0."""
    x = coerced(input)
    return x.masked_fill(x.abs() <= lambd, 0)


def softshrink(input, lambd=0.5):
    """x - lambd for x > lambd, x + lambd for x < -lambd, else 0."""
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}")
    x = coerced(input)
    return (x - lambd).relu() - (-x - lambd).relu()


# ---- curves


def elu(input, alpha=1.0, inplace=False):
    """x for x > 0, else alpha (e^x - 1) (Clevert et al. 2016)."""
    x = coerced(input)
    return _written(x, x.relu() + x.clamp(max=0).expm1() * alpha, inplace)


def selu(input, inplace=False):
    """scale elu(x, alpha), constants that keep mean 0 and variance 1 (Klambauer et al. 2017)."""
    x = coerced(input)
    return _written(x, elu(x, SELU_ALPHA) * SELU_SCALE, inplace)


def celu(input, alpha=1.0, inplace=False):
    """max(0, x) + min(0, alpha (e^(x / alpha) - 1)) (Barron 2017)."""
    if alpha == 0:
        raise ZeroDivisionError("celu divides by alpha, which cannot be 0")
    x = coerced(input)
    return _written(x, x.relu() + (x.clamp(max=0) / alpha).expm1() * alpha, inplace)


def gelu(input, approximate="none"):
    """x Phi(x), Phi the normal distribution function (Hendrycks and Gimpel 2016).

    approximate="tanh" is x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.
    """
    x = coerced(input)
    if approximate == "none":
        return x * ((x * math.sqrt(0.5)).erf() + 1) * 0.5
    if approximate != "tanh":
        raise RuntimeError(f"approximate is 'none' or 'tanh', not {approximate!r}")
    inner = (x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)
    return x * (inner.tanh() + 1) * 0.5


def silu(input, inplace=False):
    """x sigmoid(x), also called swish (Hendrycks and Gimpel 2016)."""
    x = coerced(input)
    return _written(x, x * x.sigmoid(), inplace)


def mish(input, inplace=False):
    """x tanh(softplus(x)) (Misra 2019)."""
    x = coerced(input)
    return _written(x, x * x.apply(op.softplus, x).tanh(), inplace)


def softplus(input, beta=1.0, threshold=20.0):
    """ln(1 + e^(beta x)) / beta; x itself where beta x > threshold."""
    x = coerced(input)
    scaled = x if beta == 1 else x * beta
    y = x.apply(op.softplus, scaled)
    return x.where(scaled > threshold, y if beta == 1 else y / beta)


def logsigmoid(input):
    """ln(1 / (1 + e^-x)) = -ln(1 + e^-x), without overflow."""
    x = coerced(input)
    return -x.apply(op.softplus, -x)


def softsign(input):
    """x / (1 + |x|)."""
    x = coerced(input)
    return x / (x.abs() + 1)


def tanhshrink(input):
    """x - tanh(x)."""
    x = coerced(input)
    return x - x.tanh()


def glu(input, dim=-1):
    """a sigmoid(b) for the halves a and b of `dim` (Dauphin et al. 2017)."""
    x = coerced(input)
    if x.size(dim) % 2:
        raise RuntimeError(
            f"Halving dimension must be even, but dimension {axis_of(dim, x.ndim)} "
            f"is size {x.size(dim)}"
        )
    first, second = x.chunk(2, dim)
    return first * second.sigmoid()


# ---- probabilities along an axis


def softmax(input, dim=None, dtype=None):
    """e^x / sum e^x along `dim` (lecture J)."""
    return coerced(input).softmax(_named(dim, "softmax"), dtype)


def log_softmax(input, dim=None, dtype=None):
    """x - ln sum e^x along `dim` (lecture H)."""
    return coerced(input).log_softmax(_named(dim, "log_softmax"), dtype)


def softmin(input, dim=None, dtype=None):
    """e^-x / sum e^-x along `dim`."""
    return (-coerced(input)).softmax(_named(dim, "softmin"), dtype)


def gumbel_softmax(logits, tau=1, hard=False, eps=1e-10, dim=-1):
    """softmax((x + G) / tau) with Gumbel noise G: nearly a draw from softmax(x) (Jang et al. 2017).

    hard=True gives the one-hot draw itself, with the gradient of the soft one; eps has no effect.
    """
    x = coerced(logits)
    u = default_generator.uniform(x.shape, x.dtype).clamp(min=2.0**-25)
    y = ((x - (-u.log()).log()) / tau).softmax(dim)
    if not hard:
        return y
    winner = y.detach().argmax(dim, keepdim=True)
    drawn = y.new_zeros(y.shape).scatter(dim, winner, value=1.0)
    return drawn - y.detach() + y


def _named(dim: Any, name: str) -> int:
    if dim is None:
        raise TypeError(
            f"{name} needs the axis along which the numbers add to 1: for x: [batch, classes] dim=1"
        )
    return dim


# ---- the same, written into their argument


def _in_place(function: Any) -> Any:
    def call(input, *args, **kwargs):
        return function(input, *args, inplace=True, **kwargs)

    call.__name__ = call.__qualname__ = f"{function.__name__}_"
    call.__doc__ = f"`{function.__name__}`, written into its argument."
    return call


celu_, elu_, hardtanh_ = _in_place(celu), _in_place(elu), _in_place(hardtanh)
leaky_relu_, relu_, rrelu_ = _in_place(leaky_relu), _in_place(relu), _in_place(rrelu)
selu_, threshold_ = _in_place(selu), _in_place(threshold)
