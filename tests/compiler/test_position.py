"""Positions: splitting and joining axes agrees with NumPy's reshape, without a division."""

import itertools
import math

import numpy as np
import pytest

from glassgrad.compiler.emit.position import (
    LANE,
    LANE_POSITION,
    Digit,
    digit_bounds,
    reshaped,
    split,
    strides_of,
    total,
    variable,
)


def evaluate(position, values):
    found = position.constant
    for v, n in position.terms:
        if isinstance(v, Digit):
            x = evaluate(v.of, values) // v.divisor
            found += n * (x % v.modulus if v.modulus else x)
        else:
            found += n * values[v]
    return found


def bounds_in(ranges):
    def bounds(v):
        return digit_bounds(v, bounds) if isinstance(v, Digit) else ranges[v]

    return bounds


def factors(random, n):
    found = []
    while n > 1:
        found.append(int(random.choice([k for k in range(2, n + 1) if n % k == 0])))
        n //= found[-1]
    return tuple(found)


@pytest.mark.parametrize("seed", range(40))
def test_reshaped_positions_are_those_of_numpy(seed):
    random = np.random.default_rng(seed)
    own = tuple(int(random.choice([1, 2, 3, 4, 6])) for _ in range(random.integers(1, 5)))
    n = math.prod(own)
    other = factors(random, n)
    names = [f"i{a}" for a in range(len(own))]
    bounds = bounds_in({v: (0, k - 1) for v, k in zip(names, own)})
    positions = reshaped(tuple(map(variable, names)), own, other, bounds)
    numbers = np.arange(n)
    for index in itertools.product(*map(range, own)):
        values = dict(zip(names, index))
        there = tuple(evaluate(p, values) for p in positions)
        assert numbers.reshape(other)[there] == numbers.reshape(own)[index]
        flat = total(list(positions), strides_of(other))
        assert evaluate(flat, values) == numbers.reshape(own)[index]
        assert not any(isinstance(v, Digit) for v, _ in flat.terms)


def test_a_flattened_image_is_read_without_a_division():
    flat = variable("f")
    bounds = bounds_in({"f": (0, 16 * 25 - 1)})
    image = reshaped((flat,), (400,), (16, 5, 5), bounds)
    assert [type(p.terms[0][0]) for p in image] == [Digit, Digit, Digit]
    assert total(list(image), strides_of((16, 5, 5))) == flat


def test_lanes_stay_neighbours_when_a_block_of_lanes_fits_into_the_divisor():
    bounds = bounds_in({"i": (0, 9), LANE: (0, 15)})
    quotient, remainder = split(variable("i") * 16 + LANE_POSITION, 32, bounds)
    assert remainder.coefficient(LANE) == 1
    assert quotient == quotient.first_lane
    values = {"i": 5, LANE: 3}
    assert (evaluate(quotient, values), evaluate(remainder, values)) == divmod(83, 32)


def test_what_divides_exactly_leaves_no_digit():
    bounds = bounds_in({"b": (0, 7), "c": (0, 4)})
    quotient, remainder = split(variable("b") * 5 + variable("c"), 5, bounds)
    assert (quotient, remainder) == (variable("b"), variable("c"))
