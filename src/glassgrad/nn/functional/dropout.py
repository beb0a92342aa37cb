"""Dropout: units left out at random while training, so that none relies on another (lecture B)."""

from __future__ import annotations

import math
from typing import Any

from ...tensors.creation import coerced
from ...tensors.generator import default_generator
from .activations import SELU_ALPHA, SELU_SCALE
from .arguments import batched, check_probability

__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d", "feature_alpha_dropout"]


def dropout(input, p=0.5, training=True, inplace=False):
    """0 with probability p, else x / (1 - p), for each element (Srivastava et al. 2014)

    x: [...] -> y: [...]; without training y is x
    """
    x = coerced(input)
    return _dropped(x, x.shape, p, training, inplace, "dropout")


def dropout1d(input, p=0.5, training=True, inplace=False):
    """`dropout` of whole channels

    x: [batch, channels, length] -> y: the same
    """
    return _channels_dropped(1, input, p, training, inplace)


def dropout2d(input, p=0.5, training=True, inplace=False):
    """`dropout` of whole channels (Tompson et al. 2015)

    x: [batch, channels, height, width] -> y: the same
    """
    return _channels_dropped(2, input, p, training, inplace)


def alpha_dropout(input, p=0.5, training=False, inplace=False):
    """`dropout` that keeps mean 0 and variance 1 of what `selu` gives (Klambauer et al. 2017)

    x: [...] -> y: a x + b, with x = -scale alpha of selu where a unit is left out
    """
    x = coerced(input)
    return _alpha_dropped(x, x.shape, p, training, inplace, "alpha_dropout")


def feature_alpha_dropout(input, p=0.5, training=False, inplace=False):
    """`alpha_dropout` of whole channels

    x: [batch, channels, ...] -> y: the same
    """
    x = coerced(input)
    shape = (*x.shape[:2], *(1,) * (len(x.shape) - 2))
    return _alpha_dropped(x, shape, p, training, inplace, "feature_alpha_dropout")


def _kept(x: Any, shape: tuple, p: float) -> Any:
    """Truth values [shape] that are true with probability 1 - p."""
    return default_generator.uniform(shape, x.dtype) >= p


def _dropped(x: Any, shape: tuple, p: float, training: bool, inplace: bool, name: str) -> Any:
    check_probability(p, name)
    if not training or p == 0:
        return x
    y = x * 0 if p == 1 else x * (_kept(x, shape, p).to(x.dtype) * (1 / (1 - p)))
    return x._rebound(y) if inplace else y


def _channels_dropped(axes: int, input: Any, p: float, training: bool, inplace: bool) -> Any:
    name = f"dropout{axes}d"
    x = coerced(input)
    _, had_batch = batched(x, axes, name)
    return _dropped(x, (*x.shape[: 1 + had_batch], *(1,) * axes), p, training, inplace, name)


def _alpha_dropped(x: Any, shape: tuple, p: float, training: bool, inplace: bool, name: str) -> Any:
    check_probability(p, name)
    if not training or p == 0:
        return x
    lowest = -SELU_SCALE * SELU_ALPHA
    a = 0.0 if p == 1 else 1 / math.sqrt((1 - p) * (1 + p * lowest**2))
    y = x * 0 if p == 1 else x.where(_kept(x, shape, p), lowest) * a - lowest * a * p
    return x._rebound(y) if inplace else y
