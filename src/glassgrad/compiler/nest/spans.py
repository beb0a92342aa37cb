"""Loops that go only through what is there: the places of a window that lie within its input.

An input is read at a position like stride i + dilation k - low, over a divisor where zeros stand
between its elements.  Instead of testing each k, the loop over k begins at the first that is there,
goes on in steps, and ends with the last.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ...types import int64
from ..emit.position import ZERO, Position, constant
from ..emit.register import Register
from ..plan.limits import Limit
from ..plan.pull import entry_read
from .pulls import Point, Pulls


class Span(NamedTuple):
    """A loop's range on one axis, and what is certain within: entry over n elements at a point."""

    low: Register
    high: Register
    step: int
    entry: Any
    extent: int


class Spans(Pulls):
    """Which of the axes that vanish have such loops."""

    def spans(self, limits: dict[int, Limit], points: list[Point]) -> dict[int, Span]:
        """The loops of those limits that are the same at all points."""
        found = {}
        for axis, limit in limits.items():
            others = [a for a in limit.axes() if a not in self.kernel.inner]
            bases = {tuple(point[a] for a in others) for point in points}
            if len(bases) > 1 or any(map(self.is_wide, next(iter(bases)))):
                continue
            if self.may_miss(axis, limit, points[0]):
                found[axis] = self.span(axis, *limit, points[0])
        return found

    def may_miss(self, axis: int, limit: Limit, point: Point) -> bool:
        """Whether there are places of the axis that are not within, from this point on."""
        (terms, offset, divisor), n = limit
        low = high = offset
        for a, k in terms:
            last = self.kernel.extents[axis] - 1
            first, last = (0, last) if a == axis else self.range_of(point.get(a, ZERO))
            low, high = low + min(k * first, k * last), high + max(k * first, k * last)
        return divisor > 1 or low < 0 or high >= n

    def span(self, axis: int, entry: Any, n: int, point: Point) -> Span:
        """From the first to the last k with 0 <= (base + c k) / divisor < n, and whole."""
        terms, offset, divisor = entry
        c = dict(terms)[axis]
        base = constant(offset)
        for a, k in terms:
            base = base + point[a] * k if a in point else base
        last, sign = (n - 1) * divisor, 1 if c > 0 else -1
        low, high = (base * -1, base * -1 + last) if c > 0 else (base + -last, base)
        with self.at_depth(self.depth_of(base)) as known:
            key = ("span", axis, entry, n, base)
            if key not in known:
                first = self.clamped(self.quotient(low + (abs(c) - 1), abs(c)), axis)
                end = self.clamped(self.quotient(high, abs(c)) + 1, axis)
                if divisor > 1:
                    inverse = pow(sign * abs(c), -1, divisor)
                    rest = self.remainder_of(self.number_at(base * -inverse) - first, divisor)
                    first = first + rest
                known[key] = Span(first, end, divisor, entry, n)
            return known[key]

    def clamped(self, x: Register, axis: int) -> Register:
        """A number held between 0 and the axis's length."""
        return self.intrinsic("smin", self.intrinsic("smax", x, 0), self.kernel.extents[axis])

    def quotient(self, position: Position, n: int) -> Register:
        """A position over n, rounded down."""
        x = self.number_at(position)
        if n == 1:
            return x
        many = max(-self.range_of(position)[0], 0) // n + 1
        x = x + many * n
        return self.instruction(f"udiv i64 {x.name}, {n}", int64, False) + -many

    def remainder_of(self, x: Register, n: int) -> Register:
        """What a division by n leaves, from 0 to n - 1."""
        x = self.instruction(f"srem i64 {x.name}, {n}", int64, False) + n
        return self.instruction(f"urem i64 {x.name}, {n}", int64, False)

    def note(self, span: Span, point: Point) -> None:
        """Within the loop of a span its entry reads what is there."""
        at, conditions = entry_read(span.entry, span.extent, point, self.bounds)
        self.facts.update(conditions)
        self.extremes[at] = (0, span.extent - 1)
        terms, offset, divisor = span.entry
        if divisor > 1:
            whole = constant(offset)
            for a, k in terms:
                whole = whole + point[a] * k
            self.extremes[whole] = (0, (span.extent - 1) * divisor)
