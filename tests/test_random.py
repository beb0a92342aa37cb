"""The counter-based generator: moments, independence, reproducibility, errors."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.tensors.generator import order_of


def test_equal_seeds_give_equal_numbers_and_others_do_not():
    gg.manual_seed(3)
    a, b = gg.rand(5), gg.rand(5)
    gg.manual_seed(3)
    assert gg.rand(5).tolist() == a.tolist()
    assert a.tolist() != b.tolist()
    gg.manual_seed(4)
    assert gg.rand(5).tolist() != a.tolist()
    assert gg.initial_seed() == 4


def test_all_64_bits_of_a_seed_count():
    draws = {tuple(gg.Generator(seed=s).uniform((4,)).tolist()) for s in (0, 1, 2**32, 2**63, -1)}
    assert len(draws) == 5


def test_a_saved_state_goes_on_with_the_same_numbers():
    state = gg.get_rng_state()
    first = gg.randn(7).tolist()
    gg.set_rng_state(state)
    assert gg.randn(7).tolist() == first
    with pytest.raises(RuntimeError, match="two numbers, seed and draw"):
        gg.set_rng_state(gg.zeros(3))


def test_generators_are_streams_of_their_own():
    own = gg.Generator().manual_seed(0)
    gg.manual_seed(9)
    expected = gg.rand(3).tolist()
    gg.manual_seed(9)
    gg.rand(3, generator=own)
    assert gg.rand(3).tolist() == expected


@pytest.mark.parametrize("dtype", [gg.float32, gg.float64])
def test_uniform_numbers_are_even_and_below_one(dtype):
    x = gg.Generator(seed=1).uniform((200_000,), dtype).numpy()
    assert x.dtype == dtype
    assert 0 <= x.min() < 1e-4
    assert 1 - 1e-4 < x.max() < 1
    counts = np.histogram(x, 20, (0, 1))[0]
    assert ((counts - 10_000) ** 2 / 10_000).sum() < 45  # chi squared, 19 degrees, p = 0.0007
    assert abs(np.corrcoef(x[:-1], x[1:])[0, 1]) < 0.01


@pytest.mark.parametrize("dtype", [gg.float32, gg.float64])
def test_normal_numbers_have_the_moments_of_the_bell(dtype):
    x = gg.Generator(seed=2).normal((400_000,), dtype).numpy().astype(float)
    assert abs(x.mean()) < 0.006
    assert abs(x.std() - 1) < 0.005
    assert abs((x**3).mean()) < 0.02
    assert abs((x**4).mean() - 3) < 0.06
    assert abs((np.abs(x) < 1).mean() - 0.6827) < 0.003
    assert np.isfinite(x).all()


def test_integers_cover_their_range_evenly():
    x = gg.randint(-2, 3, (50_000,), generator=gg.Generator(seed=3)).numpy()
    values, counts = np.unique(x, return_counts=True)
    assert values.tolist() == [-2, -1, 0, 1, 2]
    assert abs(counts - 10_000).max() < 450
    with pytest.raises(RuntimeError, match="no integers from 3 up to but without 3"):
        gg.randint(3, 3, (2,))


def test_permutations_are_even():
    generator = gg.Generator(seed=4)
    places = np.zeros((4, 4))
    for _ in range(2000):
        order = gg.randperm(4, generator=generator).numpy()
        assert sorted(order) == [0, 1, 2, 3]
        places[np.arange(4), order] += 1
    assert abs(places - 500).max() < 100


def test_bernoulli_follows_its_probabilities():
    p = gg.tensor([0.0, 0.2, 1.0]).expand(20_000, 3)
    means = gg.bernoulli(p, generator=gg.Generator(seed=5)).mean(0).tolist()
    assert means[0] == 0
    assert means[2] == 1
    assert means[1] == pytest.approx(0.2, abs=0.012)
    with pytest.raises(RuntimeError, match="outside"):
        gg.bernoulli(gg.tensor([1.5]))


def test_multinomial_with_and_without_replacement():
    generator = gg.Generator(seed=6)
    weights = gg.tensor([1.0, 0.0, 3.0])
    drawn = gg.multinomial(weights, 20_000, True, generator=generator).numpy()
    assert np.bincount(drawn, minlength=3)[1] == 0
    assert (drawn == 2).mean() == pytest.approx(0.75, abs=0.012)
    rows = gg.multinomial(
        gg.tensor([[1.0, 2.0, 3.0]]).expand(5000, 3), 2, generator=generator
    ).numpy()
    assert (rows[:, 0] != rows[:, 1]).all()
    assert (rows[:, 0] == 2).mean() == pytest.approx(0.5, abs=0.025)
    with pytest.raises(RuntimeError, match="cannot draw 3"):
        gg.multinomial(weights, 3)
    with pytest.raises(RuntimeError, match="finite weights"):
        gg.multinomial(gg.tensor([-1.0, 2.0]), 1)


def test_poisson_counts_have_mean_and_variance():
    x = gg.poisson(gg.full((50_000,), 3.5), gg.Generator(seed=7)).numpy()
    assert x.mean() == pytest.approx(3.5, abs=0.04)
    assert x.var() == pytest.approx(3.5, abs=0.1)


def test_normal_with_means_and_deviations():
    x = gg.normal(gg.tensor([0.0, 100.0]), gg.tensor([1.0, 0.0]), generator=gg.Generator(seed=8))
    assert x[1].item() == 100.0
    assert gg.normal(5.0, 2.0, (3, 2)).shape == (3, 2)


def test_a_part_of_a_draw_does_not_depend_on_the_shape():
    flat = gg.Generator(seed=9).uniform((24,)).tolist()
    assert gg.Generator(seed=9).uniform((2, 3, 4)).reshape(-1).tolist() == flat


@pytest.mark.parametrize("n", [0, 1, 2, 5, 1000, 70_001])
def test_a_permutation_is_the_order_of_63_bits_of_the_next_two_draws(n):
    stream, same = gg.Generator(seed=7 + 2**40), gg.Generator()
    stream.set_state([7 + 2**40, 2**32 - 1])  # the second draw's number has another high half
    same.set_state(stream.get_state())
    for _ in range(2):
        keys = (same.bits((n,)).long() << 31) | (same.bits((n,)) >> 1).long()
        assert stream.permutation(n).tolist() == keys.argsort().tolist()
        assert stream.get_state().tolist() == same.get_state().tolist()


def test_keys_that_begin_alike_are_sorted_whole():
    keys = np.array([5, 4, 2**62 + 1, 2**62, 4], np.uint64)
    assert order_of(keys).tolist() == [1, 4, 0, 3, 2]
