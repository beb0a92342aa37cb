"""Samplers: every order is a fair one, from the generator that was given."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.data import (
    BatchSampler,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
    steps_per_epoch,
)

ROWS = range(10)


def seeded(seed=0):
    return gg.Generator().manual_seed(seed)


def test_orders():
    assert list(SequentialSampler(ROWS)) == list(ROWS)
    order = list(RandomSampler(ROWS, generator=seeded()))
    assert sorted(order) == list(ROWS)
    assert order != list(ROWS)
    assert order == list(RandomSampler(ROWS, generator=seeded()))
    assert sorted(SubsetRandomSampler([7, 2, 5], seeded())) == [2, 5, 7]


def test_each_epoch_has_another_order():
    sampler = RandomSampler(range(100), generator=seeded())
    assert list(sampler) != list(sampler)


def test_the_default_generator_is_behind_manual_seed():
    orders = []
    for _ in range(2):
        gg.manual_seed(5)
        orders.append(list(RandomSampler(range(50))))
    assert orders[0] == orders[1]


@pytest.mark.parametrize("count", [4, 10, 23])
def test_a_given_number_of_rows(count):
    sampler = RandomSampler(ROWS, num_samples=count, generator=seeded())
    order = list(sampler)
    assert len(order) == len(sampler) == count
    assert sorted(order[:10]) == (list(ROWS) if count >= 10 else sorted(set(order)))
    drawn = list(RandomSampler(ROWS, replacement=True, num_samples=count, generator=seeded()))
    assert len(drawn) == count
    assert set(drawn) <= set(ROWS)


def test_weights_are_frequencies():
    weights = [1, 0, 3, 4]
    drawn = list(WeightedRandomSampler(weights, 8000, generator=seeded()))
    counts = np.bincount(drawn, minlength=4)
    np.testing.assert_allclose(counts / 8000, np.array(weights) / 8, atol=0.02)
    assert counts[1] == 0
    assert sorted(WeightedRandomSampler([1, 1, 5], 3, replacement=False)) == [0, 1, 2]


@pytest.mark.parametrize(
    "rows, size, drop_last, steps",
    [(10, 3, False, 4), (10, 3, True, 3), (10, 10, True, 1), (0, 4, False, 0), (10, 64, False, 1)],
)
def test_batches(rows, size, drop_last, steps):
    sampler = BatchSampler(SequentialSampler(range(rows)), size, drop_last)
    batches = list(sampler)
    assert len(batches) == len(sampler) == steps == steps_per_epoch(rows, size, drop_last)
    assert [row for batch in batches for row in batch] == list(range(rows))[: steps * size]
    assert [batch.tolist() for batch in sampler.arrays()] == batches


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: RandomSampler([]), ValueError, "no rows to draw from"),
        (lambda: RandomSampler(ROWS, num_samples=0), ValueError, "num_samples is a positive"),
        (lambda: RandomSampler(ROWS, replacement=1), TypeError, "True or False, not 1"),
        (
            lambda: BatchSampler(ROWS, 0, False),
            ValueError,
            "batch_size is a positive integer, not 0",
        ),
        (lambda: BatchSampler(ROWS, True, False), ValueError, "integer, not True"),
        (lambda: BatchSampler(ROWS, 3, "no"), ValueError, "drop_last is True or False, not 'no'"),
        (lambda: WeightedRandomSampler([1.0], 0), ValueError, "num_samples is a positive"),
        (lambda: WeightedRandomSampler([[1.0]], 2), ValueError, "a weight for each row"),
        (lambda: list(WeightedRandomSampler([1.0, -1.0], 2)), RuntimeError, "not negative"),
    ],
)
def test_errors(make, error, message):
    with pytest.raises(error) as caught:
        make()
    assert message in str(caught.value)
