"""Initial weights: functions that write into a tensor, as in `torch.nn.init`."""

from __future__ import annotations

import math

from ..tensors.generator import Generator, chosen
from ..tensors.state import no_grad
from ..tensors.tensor import Tensor


def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Numbers evenly from a to b."""
    with no_grad():
        return tensor.assign(chosen(generator).uniform(tensor.shape, tensor.dtype) * (b - a) + a)


def fan_uniform_(tensor: Tensor, fan: int, generator: Generator | None = None) -> Tensor:
    """Numbers evenly from -1/sqrt(fan) to 1/sqrt(fan): the start of units with `fan` inputs."""
    bound = 1 / math.sqrt(fan) if fan > 0 else 0.0
    return uniform_(tensor, -bound, bound, generator)
