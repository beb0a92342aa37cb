"""Which points of a contraction are worked on together: a tile whose sums stay in registers.

A step of the innermost loop loads what the tile's points read and multiplies each with each.  The
best tile loads least for each product, counted from the index maps: a matrix product has one axis
beside the lanes, a convolution may take output channels and neighbouring positions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

from ..emit.position import LANES
from .kernel import Kernel, space
from .limits import interior, limits

BESIDE = 1.5  # loads' worth of counting and branching in each step
UNEVEN = 1.5  # a vector that reaches over two lines of the cache
ODD = 3.0  # a vector of which only some lanes are there
MOSTLY = 0.5  # of an axis near its ends: then positions go one by one everywhere
MASKED = 2.0  # at most so many for each product near the ends of an axis


class Shape(NamedTuple):
    """A tile: how many points along each axis beside the vectors, and loads for each product."""

    points: dict[int, int]
    loads: float


def shape_of(
    kernel: Kernel, lane: int | None, out: int | None, vectors: int, most: int,
    lengths: tuple[int, ...], enough: float = 0.0,
) -> Shape:  # fmt: skip
    """The best tile of `vectors` vectors and at most `most` points beside them.

    The search ends with a tile whose loads for each product are `enough`.
    """
    (hero,) = kernel.heroes
    others = [a for a in reversed(kernel.outer) if a != out]
    reads = list(_reads(kernel, lane, out))
    edges = _edges(kernel, hero)
    best = Shape({}, math.inf)
    others = [a for a in others if edges.get(a, 0) <= MOSTLY]
    for points in _candidates(others, lengths, most):
        cost = _loads(reads, points, vectors, lengths)
        for a in edges.keys() & points.keys():
            others_alone = {b: n for b, n in points.items() if b != a}
            alone = min(_loads(reads, others_alone, vectors, lengths), MASKED)
            cost += edges[a] * max(alone - cost, 0)
        if (cost, math.prod(points.values())) < (best.loads, math.prod(best.points.values())):
            best = Shape(points, cost)
        if cost <= enough:
            break
    return best


def _edges(kernel: Kernel, hero: Any) -> dict[int, float]:
    """{axis with limits: which part of it is near an end, where positions go one by one}."""
    limited = {a for limit in limits(kernel, hero).values() for a in limit.axes()}
    found = {}
    for a in limited - set(kernel.inner):
        first, last = interior(kernel, hero, a)
        found[a] = 1 - (last - first) / max(kernel.extents[a], 1)
    return found


def _candidates(axes: list[int], lengths: tuple[int, ...], most: int) -> Iterator[dict[int, int]]:
    """Up to `most` points along one axis, or two."""
    sizes = {a: range(min(most, lengths[a]), 1, -1) for a in axes}
    for a in axes:
        yield from ({a: m} for m in sizes[a])
    yield {}
    for i, a in enumerate(axes):
        for b in axes[i + 1 :]:
            yield from ({a: m, b: n} for m in sizes[a] for n in sizes[b] if m * n <= most)


class _Reads(NamedTuple):
    """What an operand is read at: entries as ((axis, coefficient), ...), and what a load costs."""

    entries: list[tuple[tuple[int, int], ...]]
    vector: bool
    weight: float


def _reads(kernel: Kernel, lane: int | None, out: int | None) -> Iterator[_Reads]:
    (hero,) = kernel.heroes
    for x, entries in zip(hero.inputs, space(hero).reads, strict=True):
        terms = [((e, 1),) if isinstance(e, int) else e[0] for e in entries]
        axes = {a for t in terms for a, _ in t}
        weight = 1.0
        for e, t, n in zip(entries, terms, x.shape):
            if lane in dict(t) and not isinstance(e, int) and len(t) > 1:
                low = e[1] + sum(min(k * (kernel.extents[a] - 1), 0) for a, k in t)
                high = e[1] + sum(max(k * (kernel.extents[a] - 1), 0) for a, k in t)
                weight = ODD if low < 0 or high >= n * e[2] else UNEVEN
        yield _Reads(terms, out in axes, weight)


def _loads(
    reads: list[_Reads], points: dict[int, int], vectors: int, lengths: tuple[int, ...]
) -> float:
    """Loads for each product, where an axis is divided into equal parts."""
    width = {a: lengths[a] / -(-lengths[a] // n) for a, n in points.items()}
    total = BESIDE
    for read in reads:
        count = float(vectors) if read.vector else 1.0
        for terms in read.entries:
            count *= _distinct([(a, k) for a, k in terms if a in points], points, width)
        total += count * read.weight
    return total / (vectors * math.prod(width.values()))


def _distinct(
    terms: list[tuple[int, int]], points: dict[int, int], width: dict[int, float]
) -> float:
    """At how many positions a tile reads an axis."""
    if len(terms) < 2:
        return math.prod(width[a] for a, _ in terms)
    places = product(*(range(points[a]) for a, _ in terms))
    return float(len({sum(k * i for (_, k), i in zip(terms, place)) for place in places}))


def vectors_of(kernel: Kernel, length: int, tile: Any) -> int:
    """How many vectors along the lanes: all, where that is a good tile, else as many as may be.

    Windows are read again and again: a narrow tile keeps them near.
    """
    vectors = max(-(-length // LANES), 1)
    if sum(kernel.extents[a] > 1 for a in kernel.inner) > 1:
        return min(vectors, 2, tile.most_vectors)
    return vectors if vectors in tile.rows else tile.most_vectors
