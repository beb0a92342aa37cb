"""How far the axes that vanish go: the places of a window that lie within its input."""

from __future__ import annotations

from itertools import product
from math import gcd, prod
from typing import Any, NamedTuple

from .kernel import Kernel, space


class Limit(NamedTuple):
    """An entry of a hero's reads that misses its axis of n elements for some positions."""

    entry: Any
    extent: int

    def axes(self) -> list[int]:
        """The axes that the entry is a sum of."""
        return [a for a, _ in self.entry[0]]


def limits(kernel: Kernel, hero: Any) -> dict[int, Limit]:
    """{axis that vanishes: what limits it}."""
    found: dict[int, Limit] = {}
    for x, entries in zip(hero.inputs, space(hero).reads, strict=True):
        for entry, n in zip(entries, x.shape, strict=True):
            axis = None if isinstance(entry, int) else _limited(kernel, entry)
            if axis is not None and axis not in found and _may_miss(kernel, entry, n):
                found[axis] = Limit(entry, n)
    return found


def _limited(kernel: Kernel, entry: Any) -> int | None:
    """The one axis that vanishes among those of an entry, if the entry can be solved for it."""
    terms, _, divisor = entry
    inner = [(a, k) for a, k in terms if a in kernel.inner and kernel.extents[a] > 1]
    if len(inner) != 1 or kernel.lane in dict(terms) or gcd(inner[0][1], divisor) > 1:
        return None
    return inner[0][0]


def _may_miss(kernel: Kernel, entry: Any, n: int) -> bool:
    """Whether the entry leaves its axis, or falls between elements, for some position."""
    terms, offset, divisor = entry
    ends = [k * (kernel.extents[a] - 1) for a, k in terms]
    low = offset + sum(min(end, 0) for end in ends)
    high = offset + sum(max(end, 0) for end in ends)
    return divisor > 1 or low < 0 or high >= n


def interior(kernel: Kernel, hero: Any, axis: int) -> tuple[int, int]:
    """Positions on an axis that stays between which nothing that the axis limits is missed."""
    first, last = 0, kernel.extents[axis]
    for inner, (entry, n) in limits(kernel, hero).items():
        terms, offset, divisor = entry
        if axis not in dict(terms):
            continue
        step, window = dict(terms)[axis], dict(terms)[inner] * (kernel.extents[inner] - 1)
        if len(terms) != 2 or divisor > 1 or step < 0:
            return 0, 0
        first = max(first, -((offset + min(window, 0)) // step))
        last = min(last, (n - 1 - offset - max(window, 0)) // step + 1)
    return (first, last) if first < last else (0, 0)


def share(kernel: Kernel, hero: Any) -> float:
    """Which part of a hero's points reads something, as far as limits say."""
    return prod(_share(kernel, limit) for limit in limits(kernel, hero).values())


def _share(kernel: Kernel, limit: Limit) -> float:
    terms, offset, divisor = limit.entry
    places = [
        offset + sum(k * i for (_, k), i in zip(terms, at))
        for at in product(*(range(kernel.extents[a]) for a, _ in terms))
    ]
    end = limit.extent * divisor
    return sum(0 <= p < end and p % divisor == 0 for p in places) / max(len(places), 1)
