"""Where the inputs of an operation come from, for tests, fuzzing and benchmarks; plain NumPy.

A domain called with a shape says what to draw: `positive(3, 4)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Domain(NamedTuple):
    """A set of numbers and how to draw from it."""

    name: str
    draw: Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]

    def __call__(self, *shape: int) -> Draw:
        return Draw(self, shape)


class Draw(NamedTuple):
    """An array to be drawn: which numbers, which shape."""

    domain: Domain
    shape: tuple[int, ...]

    def __call__(self, generator: np.random.Generator) -> np.ndarray:
        return np.asarray(self.domain.draw(generator, self.shape))


def _away_from_zero(generator, shape):
    return generator.choice((-1.0, 1.0), shape) * generator.uniform(0.3, 2.0, shape)


def _spread(generator, shape):
    """Numbers at least 0.01 apart, so that maxima and orders have no ties."""
    n = int(np.prod(shape))
    return (generator.permutation(n) / max(n, 1) * max(2.0, 0.02 * n) - 1.0).reshape(shape)


def _regular(generator, shape):
    """Square matrices far from singular ones, with singular values far from each other."""
    n = shape[-1]
    return generator.uniform(-0.5, 0.5, shape) + np.diag(1.0 + np.arange(n))


def _tall(generator, shape):
    """Matrices of independent columns of different lengths."""
    return generator.normal(size=shape) * (1.0 + np.arange(shape[-1]))


def _definite(generator, shape):
    """Symmetric matrices with positive eigenvalues."""
    root = _regular(generator, shape)
    return root @ np.swapaxes(root, -1, -2)


real = Domain("real", lambda generator, shape: generator.normal(size=shape))
nonzero = Domain("nonzero", _away_from_zero)
positive = Domain("positive", lambda generator, shape: generator.uniform(0.3, 3.0, shape))
at_least_one = Domain("at least one", lambda generator, shape: generator.uniform(1.2, 3.0, shape))
unit = Domain("unit interval", lambda generator, shape: generator.uniform(0.05, 0.95, shape))
symmetric_unit = Domain("between -1 and 1", lambda g, shape: g.uniform(-0.9, 0.9, shape))
distinct = Domain("distinct", _spread)
regular = Domain("regular matrices", _regular)
tall = Domain("matrices of independent columns", _tall)
definite = Domain("positive definite matrices", _definite)
truth = Domain("truth value", lambda generator, shape: generator.integers(0, 2, shape) == 1)
integer = Domain("integer", lambda generator, shape: generator.integers(-9, 10, shape))
state = Domain("random state", lambda generator, shape: np.array([11, 3], np.uint64))


def index(n: int) -> Domain:
    """Positions below n."""
    return Domain(f"index below {n}", lambda generator, shape: generator.integers(0, n, shape))


def shift(n: int) -> Domain:
    """Bit positions: small non-negative integers."""
    return Domain("shift", lambda generator, shape: generator.integers(0, n, shape))
