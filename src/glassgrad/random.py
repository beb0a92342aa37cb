"""Random tensors and the state behind them: one counter-based generator (operations/random)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .tensors.creation import _leaf, _size, coerced
from .tensors.generator import Generator, chosen, default_generator
from .tensors.tensor import Tensor
from .types import int64, supported

__all__ = [
    "Generator", "bernoulli", "default_generator", "get_rng_state", "initial_seed", "manual_seed",
    "multinomial", "normal", "poisson", "rand", "rand_like", "randint", "randint_like", "randn",
    "randn_like", "randperm", "seed", "set_rng_state",
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
    return _leaf(chosen(generator).uniform(_size(size), dtype).value, device, requires_grad)


def randn(*size, generator=None, dtype=None, device=None, requires_grad=False) -> Tensor:
    """Numbers from the standard normal distribution."""
    return _leaf(chosen(generator).normal(_size(size), dtype).value, device, requires_grad)


def randint(
    low, high=None, size=None, *, generator=None, dtype=None, device=None, requires_grad=False
):
    """Integers evenly from low, ..., high - 1: `randint(10, (2,))` or `randint(0, 10, (2,))`."""
    if size is None:
        low, high, size = 0, low, high
    if high is None:
        low, high = 0, low
    drawn = chosen(generator).integers(int(low), int(high), _size((size,)))
    return _leaf(drawn.to(supported(dtype or int64)).value, device, requires_grad)


def randperm(n, *, generator=None, dtype=None, device=None, requires_grad=False) -> Tensor:
    """0, ..., n - 1 in random order."""
    drawn = chosen(generator).permutation(n).to(supported(dtype or int64))
    return _leaf(drawn.value, device, requires_grad)


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
        size = np.broadcast_shapes(coerced(mean).shape, coerced(std).shape)
    return chosen(generator).normal(_size((size,)), dtype) * std + mean


def bernoulli(input, p=None, *, generator=None) -> Tensor:
    """1 with probability `input` (or `p`), else 0, for each element."""
    x = coerced(input)
    probability = x.detach() if p is None else p
    if ((x < 0) | (x > 1)).any() and p is None:
        raise RuntimeError("bernoulli takes probabilities, and there are some outside [0, 1]")
    return (chosen(generator).uniform(x.shape, x.dtype) < probability).to(x.dtype)


def multinomial(input, num_samples, replacement=False, *, generator=None) -> Tensor:
    """Positions drawn with the probabilities of each row: [..., n] -> [..., num_samples]."""
    weights = coerced(input).detach().double()
    if (weights < 0).any() or not weights.isfinite().all() or (weights.sum(-1) <= 0).any():
        raise RuntimeError(
            "multinomial takes rows of finite weights that are not negative and not all 0"
        )
    if not replacement:
        return _without_replacement(weights, num_samples, chosen(generator))
    edges = weights.cumsum(-1)
    u = chosen(generator).uniform((*weights.shape[:-1], num_samples), np.float64) * edges[..., -1:]
    return (u.unsqueeze(-1) >= edges.unsqueeze(-2)).sum(-1)


def _without_replacement(weights: Tensor, count: int, generator: Generator) -> Tensor:
    """The first `count` of exponential races: a place finishes at -ln(u) / weight."""
    if ((weights > 0).sum(-1) < count).any():
        raise RuntimeError(
            f"multinomial cannot draw {count} different places from fewer with weight > 0"
        )
    race = -(1 - generator.uniform(weights.shape, np.float64)).log() / weights
    return race.argsort(-1)[..., :count]


def poisson(input, generator=None) -> Tensor:
    """Counts with the means given: how many exponential waits fit into the mean."""
    mean = coerced(input).detach().double()
    steps = int((mean.max() + 12 * mean.max().sqrt() + 20).item()) if mean.numel() else 0
    u = chosen(generator).uniform((steps, *mean.shape), np.float64)
    waits = (-(1 - u).log()).cumsum(0)
    return (waits < mean).sum(0).to(coerced(input).dtype)
