"""Random tensors and the state behind them: one counter-based generator (operations/random)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .tensors.creation import _size, coerced
from .tensors.device import checked_device
from .tensors.functions import function
from .tensors.generator import Generator, chosen, default_generator
from .tensors.tensor import Tensor
from .types import broadcast_shapes, int64, supported

__all__ = [
    "Generator", "bernoulli", "binomial", "default_generator", "get_rng_state", "initial_seed",
    "manual_seed", "multinomial", "normal", "poisson", "rand", "rand_like", "randint",
    "randint_like", "randn", "randn_like", "randperm", "seed", "set_rng_state",
]  # fmt: skip


def manual_seed(seed: int) -> Generator:
    """Start the default generator's stream `seed`: the same numbers follow on every machine."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Start the default generator from the machine's own randomness; returns the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default generator."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The state of the default generator."""
    return default_generator.get_state()


def set_rng_state(new_state: Any) -> None:
    """Go on from a state that `get_rng_state` gave."""
    default_generator.set_state(new_state)


def rand(*size, generator=None, dtype=None, device=None, requires_grad=False) -> Tensor:
    """Numbers evenly from [0, 1)."""
    return _drawn(chosen(generator).uniform(_size(size), dtype), device, requires_grad)


def randn(*size, generator=None, dtype=None, device=None, requires_grad=False) -> Tensor:
    """Numbers from the standard normal distribution."""
    return _drawn(chosen(generator).normal(_size(size), dtype), device, requires_grad)


def randint(
    low, high=None, size=None, *, generator=None, dtype=None, device=None, requires_grad=False
):
    """Integers evenly from low, ..., high - 1: `randint(10, (2,))` or `randint(0, 10, (2,))`."""
    if size is None:
        low, high, size = 0, low, high
    if high is None:
        low, high = 0, low
    drawn = chosen(generator).integers(int(low), int(high), _size((size,)))
    return _drawn(drawn.to(supported(dtype or int64)), device, requires_grad)


def randperm(n, *, generator=None, dtype=None, device=None, requires_grad=False) -> Tensor:
    """0, ..., n - 1 in random order."""
    drawn = chosen(generator).permutation(n).to(supported(dtype or int64))
    return _drawn(drawn, device, requires_grad)


def rand_like(input, *, dtype=None, device=None, requires_grad=False) -> Tensor:
    """`rand` with the shape and dtype of another."""
    return rand(input.shape, dtype=dtype or input.dtype, device=device, requires_grad=requires_grad)


def randn_like(input, *, dtype=None, device=None, requires_grad=False) -> Tensor:
    """`randn` with the shape and dtype of another."""
    return randn(
        input.shape, dtype=dtype or input.dtype, device=device, requires_grad=requires_grad
    )


def randint_like(input, low, high=None, *, dtype=None, device=None, requires_grad=False) -> Tensor:
    """`randint` with the shape and dtype of another."""
    low, high = (0, low) if high is None else (low, high)
    return randint(low, high, input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)


def normal(mean=0.0, std=1.0, size=None, *, generator=None, dtype=None) -> Tensor:
    """Normal numbers with the means and standard deviations given, as numbers or tensors."""
    if size is None:
        size = broadcast_shapes(coerced(mean).shape, coerced(std).shape)
    return chosen(generator).normal(_size((size,)), dtype) * std + mean


bernoulli = function(Tensor.bernoulli)
multinomial = function(Tensor.multinomial)


def binomial(count, prob, generator=None) -> Tensor:
    """How many of `count` trials succeed, each with probability `prob`, for each element."""
    count, prob = coerced(count).detach(), coerced(prob).detach()
    shape = broadcast_shapes(count.shape, prob.shape)
    trials = int(count.max().item()) if count.numel() else 0
    u = chosen(generator).uniform((trials, *shape), np.float64)
    number = Tensor.lift(np.arange(trials)).reshape(trials, *(1,) * len(shape))
    return ((u < prob) & (number < count)).sum(0).to(count.dtype)


def poisson(input, generator=None) -> Tensor:
    """Counts with the means given: how many exponential waits fit into the mean."""
    mean = coerced(input).detach().double()
    steps = int((mean.max() + 12 * mean.max().sqrt() + 20).item()) if mean.numel() else 0
    u = chosen(generator).uniform((steps, *mean.shape), np.float64)
    waits = (-(1 - u).log()).cumsum(0)
    return (waits < mean).sum(0).to(coerced(input).dtype)


def _drawn(y: Any, device: Any, requires_grad: bool) -> Tensor:
    """Numbers that were drawn, as a leaf."""
    if device is not None:
        checked_device(device)
    return y.requires_grad_() if requires_grad else y
