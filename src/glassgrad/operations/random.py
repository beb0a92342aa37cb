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


def several(state, draws, n):
    """The bits of the next draws, n elements each, in few operations on arrays.

    state: uint64[2] -> uint64[draws, n]
    """
    count = (n + 3) // 4
    seed, first = map(int, state)
    ac = numpy.empty((2, draws, count), numpy.uint64)  # words a and c of the counter
    bd = numpy.zeros_like(ac)
    ac[0] = numpy.arange(count)
    for k in range(draws):
        ac[1, k], bd[1, k] = (first + k) & LOW, (first + k) % 2**64 >> 32
    keys = [[((seed >> s) + i * w) & LOW for s, w in zip((0, 32), WEYL)] for i in range(10)]
    low, half = numpy.uint64(LOW), numpy.uint64(32)
    times = numpy.array(MULTIPLIERS, numpy.uint64)[:, None, None]
    product = numpy.empty_like(ac)
    crossed = product[::-1]
    for key in numpy.array(keys, numpy.uint64)[..., None, None]:
        numpy.multiply(ac, times, out=product)
        numpy.right_shift(crossed, half, out=ac)
        numpy.bitwise_xor(ac, bd, out=ac)
        numpy.bitwise_xor(ac, key, out=ac)
        numpy.bitwise_and(crossed, low, out=bd)
    words = numpy.stack([ac[0], bd[0], ac[1], bd[1]], axis=1)
    return words.reshape(draws, 4 * count)[:, :n]


random_bits = Record(  # state: [seed, number of the draw]
    "random_bits",
    "random",
    infer=lambda state, shape: Type(tuple(shape), uint32),
    meaning=_bits,
    gradient=no_gradient,
    samples=[sample(state(2), shape=s) for s in ((), (3, 4), (17, 33), (0,))],
)
