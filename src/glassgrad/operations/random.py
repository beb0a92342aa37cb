"""Random bits from counters: Philox 4x32 with ten rounds (Salmon et al. 2011).

The bits of an element follow from the seed, the number of the draw and the element's position
alone, so that any thread can make any part of a tensor, and a resumed run draws the same numbers.
"""

from __future__ import annotations

import numpy

from ..types import Type, uint32
from .domains import state
from .record import Record, no_gradient, sample

MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
WEYL = 0x9E3779B9, 0xBB67AE85
LOW = 0xFFFFFFFF


def philox(np, key, counter):
    """Four words from a key of two and a counter of four, all 32 bits in 64-bit integers."""
    key, (a, b, c, d) = list(key), counter
    low, half = np.uint64(LOW), np.uint64(32)
    for _ in range(10):
        x, y = np.uint64(MULTIPLIERS[0]) * a, np.uint64(MULTIPLIERS[1]) * c
        a, b, c, d = (y >> half) ^ b ^ key[0], y & low, (x >> half) ^ d ^ key[1], x & low
        key = [(k + np.uint64(w)) & low for k, w in zip(key, WEYL)]
    return a, b, c, d


def _bits(np, state, shape):
    """Word w of block i is element i + w * ceil(n / 4), so that vectors run along the blocks."""
    n = int(numpy.prod(shape))
    blocks = np.arange((n + 3) // 4, dtype=np.uint64)
    words = [np.uint64(int(v) >> s & LOW) for v in state for s in (0, 32)]
    zero = blocks & np.uint64(0)
    counter = blocks & np.uint64(LOW), blocks >> np.uint64(32), zero | words[2], zero | words[3]
    joined = np.concatenate(philox(np, words[:2], counter))
    return joined[:n].astype(np.uint32).reshape(shape)


random_bits = Record(  # state: [seed, number of the draw]
    "random_bits",
    "random",
    infer=lambda state, shape: Type(tuple(shape), uint32),
    meaning=_bits,
    gradient=no_gradient,
    samples=[sample(state(2), shape=s) for s in ((), (3, 4), (17, 33), (0,))],
)
