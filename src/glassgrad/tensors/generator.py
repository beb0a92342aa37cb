"""Random numbers from a counter: the state is a leaf, saved and traced like any other."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..operations.random import random_bits, several
from ..types import float64, supported
from . import state as modes
from .tensor import Tensor


class Generator:
    """A stream of random numbers: seed and number of the draw; equal states give equal numbers."""

    def __init__(self, device: Any = "cpu", seed: int = 0) -> None:
        self.state = Tensor.lift(np.array([int(seed) % 2**64, 0], np.uint64))
        self.state.name = "random state"

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream of `seed`."""
        self.state.value[:] = int(seed) % 2**64, 0
        return self

    def seed(self) -> int:
        """Start a stream from the machine's own randomness; returns its seed."""
        seed = int.from_bytes(os.urandom(8), "little")
        self.manual_seed(seed)
        return seed

    def initial_seed(self) -> int:
        """The seed of the stream."""
        return int(self.state.value[0])

    def get_state(self) -> Tensor:
        """A copy of seed and number of the draw."""
        return Tensor.lift(self.state.value.copy())

    def set_state(self, new_state: Any) -> None:
        """Go on from a state that `get_state` gave."""
        array = np.asarray(new_state, np.uint64)
        if array.shape != (2,):
            raise RuntimeError(
                f"a random state has two numbers, seed and draw, not {list(array.shape)}"
            )
        self.state.value[:] = array

    # ---- draws

    def bits(self, shape: Any) -> Tensor:
        """32 random bits for each element."""
        y = Tensor.apply(random_bits, self.state, shape=tuple(shape))
        if modes.state.listening is None:
            self.state.value[1] += np.uint64(1)
        else:
            one = Tensor.lift(np.array([0, 1], np.uint64))  # of seed and number of the draw
            self.state.assign(self.state + one)
        return y

    def uniform(self, shape: Any, dtype: Any = None) -> Tensor:
        """Numbers evenly from [0, 1): 24 random bits in float32, 53 in float64."""
        dtype = modes.default_dtype if dtype is None else supported(dtype)
        if dtype != float64:
            return (self.bits(shape) >> 8).to(dtype) * 2.0**-24
        high, low = self.bits(shape) >> 5, self.bits(shape) >> 6
        return (high.double() * 2.0**26 + low.double()) * 2.0**-53

    def normal(self, shape: Any, dtype: Any = None) -> Tensor:
        """Standard normal numbers, by the inverse of the distribution function."""
        dtype = modes.default_dtype if dtype is None else supported(dtype)
        middle = 2.0**-53 if dtype == float64 else 2.0**-24
        u = self.uniform(shape, dtype) * 2 + (middle - 1)
        return u.erfinv() * 2.0**0.5

    def integers(self, low: int, high: int, shape: Any) -> Tensor:
        """Integers evenly from low, ..., high - 1."""
        if high <= low:
            raise RuntimeError(f"there are no integers from {low} up to but without {high}")
        wide = (self.bits(shape).long() << 21) | (self.bits(shape) >> 11).long()
        return wide % (high - low) + low

    def permutation(self, n: int) -> Tensor:
        """0, ..., n - 1 in random order: that of 63 random bits each."""
        if modes.state.listening is None:
            high, low = several(self.state.value, 2, n)
            self.state.value[1] += np.uint64(2)
            return Tensor.lift(order_of(high << np.uint64(31) | low >> np.uint64(1)))
        keys = (self.bits((n,)).long() << 31) | (self.bits((n,)) >> 1).long()
        return keys.argsort()


def order_of(keys: np.ndarray) -> np.ndarray:
    """`keys.argsort()`, stable, of uint64 keys below 2^63, by a sort of numbers.

    The places of the keys stand in their low bits; where what is left of two keys is the same, they
    are sorted whole.
    """
    n = len(keys)
    bits = np.uint64(max(n - 1, 1).bit_length())
    mask = (np.uint64(1) << bits) - np.uint64(1)
    packed = (keys << np.uint64(1)) & ~mask | np.arange(n, dtype=np.uint64)
    packed.sort()
    shortened = packed >> bits
    if (shortened[1:] == shortened[:-1]).any():
        return keys.argsort(kind="stable")
    return (packed & mask).astype(np.int64)


default_generator = modes.default_generator = Generator()


def chosen(generator: Generator | None) -> Generator:
    """The generator that was given, else the one behind `manual_seed`."""
    return default_generator if generator is None else generator
