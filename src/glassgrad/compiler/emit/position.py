"""Positions along axes: constant + sum of coefficient * variable, known before any code runs.

A variable is a loop's counter, the lane of a vector, or a `Digit` of another position, which is
what splitting an axis leaves.  Positions that belong together fall into place again: the digits of
a flattened axis, times the strides of contiguous memory, are the position on the flattened axis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import gcd
from typing import Any, NamedTuple

LANES = 16  # the logical width on every processor
LANE = "lane16"  # the lane of a vector, a variable from 0 to LANES - 1
TAILS = tuple(f"lane{n}" for n in range(LANES + 1))  # the same where only n lanes count

Term = tuple[Any, int]  # variable, coefficient
Bounds = Callable[[Any], tuple[int, int]]  # variable -> its smallest and largest value


class Digit(NamedTuple):
    """(of // divisor) % modulus; without a modulus only of // divisor."""

    of: Position
    divisor: int
    modulus: int | None


class Position:
    """constant + sum of coefficient * variable; immutable, and equal to what has equal parts."""

    __slots__ = ("constant", "hash", "terms")

    def __init__(self, terms: tuple[Term, ...] = (), constant: int = 0) -> None:
        self.terms, self.constant = terms, constant
        self.hash = hash((terms, constant))

    def __add__(self, other: Position | int) -> Position:
        if isinstance(other, int):
            return Position(self.terms, self.constant + other) if other else self
        if not other.terms:
            return self + other.constant
        if not self.terms:
            return other + self.constant
        total = dict(self.terms)
        for variable, n in other.terms:
            total[variable] = total.get(variable, 0) + n
        return _normal(total, self.constant + other.constant)

    def __mul__(self, n: int) -> Position:
        if n == 1:
            return self
        return Position(tuple((v, k * n) for v, k in self.terms) if n else (), self.constant * n)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Position)
            and self.hash == other.hash
            and self.terms == other.terms
            and self.constant == other.constant
        )

    def __hash__(self) -> int:
        return self.hash

    def __repr__(self) -> str:
        parts = [f"{n} {v}" for v, n in self.terms]
        return " + ".join([*parts, str(self.constant)])

    def coefficient(self, variable: Any) -> int:
        """How far a step of `variable` goes."""
        return next((n for v, n in self.terms if v == variable), 0)

    def without(self, variable: Any) -> Position:
        """The position where `variable` is 0."""
        return Position(tuple(t for t in self.terms if t[0] != variable), self.constant)

    @property
    def first_lane(self) -> Position:
        """The position in lane 0."""
        return Position(tuple(t for t in self.terms if not is_lane(t[0])), self.constant)


ZERO, LANE_POSITION = Position(), Position(((LANE, 1),))


def is_lane(variable: Any) -> bool:
    """Whether a variable is the lane of a vector."""
    return isinstance(variable, str) and variable.startswith("lane")


def counts_lanes(terms: Sequence[Term]) -> bool:
    """Whether terms are a lane's number and nothing else."""
    return len(terms) == 1 and is_lane(terms[0][0]) and terms[0][1] == 1


def lanes_of(rest: int) -> Position:
    """The lane of a vector of which `rest` lanes, or all, are within their axis."""
    return variable(TAILS[min(rest, LANES)])


def constant(n: int) -> Position:
    """The position n."""
    return Position((), n)


def variable(name: Any) -> Position:
    """The position that a variable is."""
    return Position(((name, 1),))


def total(positions: list[Position], strides: tuple[int, ...], start: int = 0) -> Position:
    """start + sum of stride * position."""
    found = Position((), start)
    for position, stride in zip(positions, strides, strict=True):
        found = found + position * stride
    return found


def _normal(terms: dict[Any, int], start: int) -> Position:
    """Terms sorted, without zeros, and digits that stand side by side put together."""
    while (pair := _mergeable(terms)) is not None:
        low, high = pair
        n = terms.pop(low)
        terms.pop(high)
        assert low.modulus is not None
        modulus = None if high.modulus is None else low.modulus * high.modulus
        if low.divisor == 1 and modulus is None:
            for v, k in low.of.terms:
                terms[v] = terms.get(v, 0) + k * n
            start += low.of.constant * n
        else:
            merged = Digit(low.of, low.divisor, modulus)
            terms[merged] = terms.get(merged, 0) + n
    kept = [(v, n) for v, n in terms.items() if n]
    return Position(tuple(sorted(kept, key=_order)), start)


def _mergeable(terms: dict[Any, int]) -> tuple[Digit, Digit] | None:
    """Two digits of one position, the higher with the stride that follows from the lower."""
    digits = [v for v in terms if isinstance(v, Digit)]
    for low in digits:
        for high in digits:
            if (
                low.modulus is not None
                and high.of == low.of
                and high.divisor == low.divisor * low.modulus
                and terms[high] == terms[low] * low.modulus
            ):
                return low, high
    return None


def _order(term: Term) -> str:
    return term[0] if isinstance(term[0], str) else f"~{term[0]!r}"


# ---- ranges and digits


def bounds_of(position: Position, bounds: Bounds) -> tuple[int, int]:
    """The smallest and largest value of a position."""
    low = high = position.constant
    for v, n in position.terms:
        first, last = bounds(v)
        low += min(n * first, n * last)
        high += max(n * first, n * last)
    return low, high


def digit_bounds(digit: Digit, bounds: Bounds) -> tuple[int, int]:
    """The smallest and largest value of a digit."""
    low, high = bounds_of(digit.of, bounds)
    if low < 0:  # in a lane that does not count
        n = digit.modulus
        return (low // digit.divisor, high // digit.divisor) if n is None else (1 - n, n - 1)
    last = high // digit.divisor
    return 0, last if digit.modulus is None else min(last, digit.modulus - 1)


def split(position: Position, n: int, bounds: Bounds) -> tuple[Position, Position]:
    """Quotient and remainder of a division by n, without a division where that can be."""
    if n == 1:
        return position, ZERO
    whole, rest = _multiples(position, n)
    low, high = bounds_of(rest, bounds)
    if low < 0:  # machines round towards zero
        below = low // n
        whole, rest, high = whole + below, rest + -below * n, high - below * n
    if high < n:
        return whole, rest
    base, small = _apart(rest, n, bounds)
    quotient, remainder = _digits(base, n, bounds)
    return whole + quotient, remainder + small


def _multiples(position: Position, n: int) -> tuple[Position, Position]:
    """What is a multiple of n, divided by it, and the rest."""
    whole = Position(tuple((v, k // n) for v, k in position.terms if k % n == 0))
    rest = Position(tuple(t for t in position.terms if t[1] % n), position.constant % n)
    return whole + position.constant // n, rest


def _apart(rest: Position, n: int, bounds: Bounds) -> tuple[Position, Position]:
    """A base in steps of some divisor g of n, and a small part that stays within a step."""
    terms = sorted(rest.terms, key=lambda t: abs(t[1]))
    for count in range(len(terms), 0, -1):
        step = n
        for _, k in terms[count:]:
            step = gcd(step, k)
        small = _normal(dict(terms[:count]), rest.constant % step)
        low, high = bounds_of(small, bounds)
        if low >= 0 and high < step:
            return _normal(dict(terms[count:]), rest.constant - rest.constant % step), small
    return rest, ZERO


def _digits(position: Position, n: int, bounds: Bounds) -> tuple[Position, Position]:
    """Quotient and remainder as digits; digits of a digit are digits of what it is a digit of."""
    of, divisor, modulus = position, 1, None
    if len(position.terms) == 1 and not position.constant:
        ((v, k),) = position.terms
        if k == 1 and isinstance(v, Digit) and (v.modulus is None or v.modulus % n == 0):
            of, divisor, modulus = v
    high = Digit(of, divisor * n, None if modulus is None else modulus // n)
    return _as_position(high, bounds), _as_position(Digit(of, divisor, n), bounds)


def _as_position(digit: Digit, bounds: Bounds) -> Position:
    """The digit without a modulus that it does not reach; nothing if it is always 0."""
    low, high = bounds_of(digit.of, bounds)
    if digit.modulus == 1 or (low >= 0 and high < digit.divisor):
        return ZERO
    if low >= 0 and digit.modulus is not None and high // digit.divisor < digit.modulus:
        digit = digit._replace(modulus=None)
    return digit.of if digit[1:] == (1, None) else variable(digit)


@lru_cache(maxsize=4096)
def strides_of(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Elements between neighbours along each axis when the last axis is contiguous."""
    strides, size = [0] * len(shape), 1
    for axis in reversed(range(len(shape))):
        strides[axis] = size
        size *= shape[axis]
    return tuple(strides)


def reshaped(
    positions: tuple[Position, ...], own: tuple[int, ...], other: tuple[int, ...], bounds: Bounds
) -> tuple[Position, ...]:
    """Where the element at `positions` of a tensor of shape `own` stands under the shape `other`.

    Axes that both shapes have in common, from the left and from the right, are left alone.
    """
    if 0 in own:
        return (ZERO,) * len(other)  # there is no such element
    found: list[Position] = []
    for mine, theirs in _groups(own, other):
        flat = total([positions[a] for a in mine], strides_of(tuple(own[a] for a in mine)))
        lengths = [other[a] for a in theirs]
        parts: list[Position] = []
        for n in reversed(lengths[1:]):
            flat, remainder = split(flat, n, bounds)
            parts.append(remainder)
        found += ([flat] if lengths else []) + parts[::-1]
    return tuple(found)


def _groups(own: tuple[int, ...], other: tuple[int, ...]) -> list[tuple[list[int], list[int]]]:
    """Runs of axes with equal numbers of elements in both shapes, as short as can be."""
    groups, i, j = [], 0, 0
    while i < len(own) or j < len(other):
        mine, theirs = ([i] if i < len(own) else []), ([j] if j < len(other) else [])
        i, j = i + len(mine), j + len(theirs)
        m = own[mine[0]] if mine else 1
        n = other[theirs[0]] if theirs else 1
        while m != n:
            if m < n and i < len(own):
                m, i = m * own[i], i + 1
                mine.append(i - 1)
            elif j < len(other):
                n, j = n * other[j], j + 1
                theirs.append(j - 1)
            else:
                m, i = m * own[i], i + 1
                mine.append(i - 1)
        groups.append((mine, theirs))
    return groups
