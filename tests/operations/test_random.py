"""Philox against its authors' known answers (Random123, kat_vectors), and how bits are laid out."""

import numpy as np
import pytest

from glassgrad.operations import TABLE
from glassgrad.operations.random import philox

ONES = 0xFFFFFFFF


@pytest.mark.parametrize(
    "counter, key, answer",
    [
        ((0, 0, 0, 0), (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((ONES,) * 4, (ONES,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_known_answers(counter, key, answer):
    words = philox(np, [np.uint64(k) for k in key], [np.array([c], np.uint64) for c in counter])
    assert " ".join(f"{int(w[0]):08x}" for w in words) == answer


def bits(seed, draw, shape):
    return TABLE["random_bits"].meaning(np, np.array([seed, draw], np.uint64), shape=shape)


def test_word_w_of_block_i_is_element_i_plus_w_times_the_blocks():
    assert [f"{int(b):08x}" for b in bits(0, 0, (4,))] == [
        "6627e8d5",
        "e169c58d",
        "bc57ac4c",
        "9b00dbd8",
    ]
    eight = bits(0, 0, (8,)).reshape(4, 2)
    assert eight[:, 0].tolist() == bits(0, 0, (4,)).tolist()


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 6, 7, 9])
def test_bits_of_any_count(n):
    assert bits(7, 1, (n,)).shape == (n,)
    assert len(set(bits(7, 1, (n,)).tolist())) == n


def test_seed_and_draw_give_other_bits_and_the_shape_does_not():
    first = bits(11, 3, (6, 4))
    assert np.array_equal(first.reshape(24), bits(11, 3, (24,)))
    assert not np.any(first == bits(12, 3, (6, 4)))
    assert not np.any(first == bits(11, 4, (6, 4)))
    assert not np.any(first == bits(11 + 2**32, 3, (6, 4)))


def test_bits_are_even():
    drawn = bits(5, 0, (40_000,))
    each = [(drawn >> i & 1).mean() for i in range(32)]
    assert max(abs(p - 0.5) for p in each) < 0.0125  # five standard deviations
