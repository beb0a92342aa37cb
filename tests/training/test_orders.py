"""Permutations drawn ahead are those that the generator draws one after the other."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.training.orders import permutations


@pytest.mark.parametrize("n", [1, 2, 7, 16, 150])
@pytest.mark.parametrize("seed, draw", [(0, 0), (5, 3), (2**63 + 9, 2**32 - 3)])
def test_the_orders_of_many_epochs(n, seed, draw):
    generator = gg.Generator()
    generator.set_state(np.array([seed, draw], np.uint64))
    stream = generator.get_state().value
    expected = [generator.permutation(n).value for _ in range(5)]
    assert np.array_equal(permutations(stream, n, 5), expected)
    assert generator.get_state().value[1] == stream[1] + 10
