"""The orders of rows of many epochs, drawn at once: as `Generator.permutation` draws each."""

from __future__ import annotations

import numpy as np

from ..operations.random import LOW, philox

DRAWS = 2  # of 32 bits, for each row of a permutation


def permutations(stream: np.ndarray, n: int, count: int) -> np.ndarray:
    """The next `count` permutations of n rows in a stream, a state of [seed, number of the draw].

    -> int64 [count, n]
    """
    draws = stream[1] + np.arange(DRAWS * count, dtype=np.uint64)
    bits = words(stream[0], draws, n).astype(np.int64).reshape(count, DRAWS, n)
    keys = (bits[:, 0] << 31) | (bits[:, 1] >> 1)
    return keys.argsort(axis=1)


def words(seed: np.uint64, draws: np.ndarray, n: int) -> np.ndarray:
    """The random bits of several draws (see `operations.random`): uint64 [draws, n]."""
    low, half = np.uint64(LOW), np.uint64(32)
    blocks = np.arange((n + 3) // 4, dtype=np.uint64)
    zero = np.zeros((len(draws), len(blocks)), np.uint64)
    one, draws = np.uint64(seed), draws[:, None]
    counter = zero | blocks, zero, zero | (draws & low), zero | (draws >> half)
    return np.concatenate(philox(np, [one & low, one >> half], counter), axis=1)[:, :n]
