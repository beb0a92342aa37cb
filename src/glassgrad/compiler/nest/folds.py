"""Sums and maxima: each point's total over the axes that vanish."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...operations.loop import PRODUCTS
from ...operations.record import SUM
from ...types import is_real
from ..emit.position import LANES, Position, constant, lanes_of, variable
from ..emit.register import Register
from ..plan.group import pulled
from ..plan.kernel import CHUNK, identity, space
from ..plan.limits import limits
from ..plan.pull import Condition, bounds_in, operand_read
from .pulls import Point
from .spans import Span, Spans

UNROLL = 16  # inner loops this short are straight code
MANY = 64  # so many terms are summed in parts


class Folds(Spans):
    """Folds of a kernel's heroes."""

    def totals(self, hero: Any, points: list[Point]) -> list[Register]:
        """The hero at each point."""
        kernel = self.kernel
        if kernel.lane in kernel.inner and kernel.out_lane in kernel.outer:
            return self.dots(hero, points)
        totals = self.fold(hero, points)
        if kernel.lane in kernel.inner:
            merge = hero.operation.fold.merge
            return [self.lane(self.across(t, lambda a, b: merge(self, a, b)), 0) for t in totals]
        return totals

    def fold(self, hero: Any, points: list[Point]) -> list[Register]:
        """Each point's total over the axes that vanish."""
        kernel, entries = self.kernel, space(hero).reads
        lanes = kernel.lane is not None
        start = self.literal(identity(hero), hero.dtype, lanes)

        def step(inner: Point, totals: list[Register]) -> list[Register]:
            found = []
            for point, total in zip(points, totals):
                place = {**point, **inner}
                values = [
                    self.operand(x, at, place) for x, at in zip(hero.inputs, entries, strict=True)
                ]
                found.append(self.stepped(hero, total, values, inner))
            return found

        limited = limits(kernel, hero)
        here = {axis: (span, points[0]) for axis, span in self.spans(limited, points).items()}
        inner = self.inner_order(hero)
        if hero.operation.fold is not SUM or math.prod(map(self.length, inner)) <= MANY:
            return self.over(inner, {}, [start] * len(points), step, here)

        def part(axes: tuple[int, ...], inner: Point, totals: list[Register]) -> list[Register]:
            """Sums of sums, so that rounding errors do not pile up."""
            if len(axes) == 1:
                return self.over(axes, inner, totals, step, here)

            def body(place: Point, totals: list[Register]) -> list[Register]:
                parts = part(axes[1:], place, [start] * len(points))
                return [total + more for total, more in zip(totals, parts)]

            return self.over(axes[:1], inner, totals, body, here, axes[1:])

        return part(inner, {}, [start] * len(points))

    def inner_order(self, hero: Any) -> tuple[int, ...]:
        """The axes that vanish, the one along which memory is read in the smallest steps last."""
        extents, limits_in = self.kernel.extents, bounds_in(self.kernel.extents)
        point = [variable(f"a{a}") for a in range(len(extents))]
        steps: dict[int, int] = dict.fromkeys(self.kernel.inner, 0)
        for x, entries in zip(hero.inputs, space(hero).reads, strict=True):
            root = operand_read(x, entries, point, limits_in)
            for read in pulled(self.plan, [root], self.kernel):
                if read.node in self.plan.buffers:
                    at = self.plan.buffers[read.node].at(read.index)
                    steps |= {a: max(n, abs(at.coefficient(f"a{a}"))) for a, n in steps.items()}
        return tuple(sorted(self.kernel.inner, key=lambda a: -steps[a]))

    def stepped(self, hero: Any, total: Register, values: list[Any], inner: Point) -> Register:
        """One step of a fold; lanes beyond the end of the axis leave the total as it is."""
        fold, kernel = hero.operation.fold, self.kernel
        if fold is PRODUCTS and is_real(hero.dtype):
            x, w = values
            new = self.fma(x, w, total)
        else:
            new = fold.step(self, total, *values)
        mask = None
        if kernel.lane in kernel.inner:
            mask = self.mask((Condition(inner[kernel.lane], 0, kernel.extents[kernel.lane]),))
        return new if mask is None else self.select(mask, new, total)

    def operand(self, x: Any, entries: Any, place: Point) -> Any:
        """What a hero reads at a point: zero outside of its input."""
        read = operand_read(x, entries, place, self.bounds)
        if not read.conditions:
            return self.register(x, read.index)
        needed = self.needed(read.conditions)
        if needed is None:
            return self.literal(0, x.dtype)
        value = self.register(x, read.index, needed)
        if self.stored(x) and self.loaded_zeros(x, read.index, needed):
            return value
        mask = self.mask(needed)
        return value if mask is None else self.select(mask, value, 0)

    def loaded_zeros(self, x: Any, index: Any, needed: tuple[Condition, ...]) -> bool:
        """Whether the load of a stored node gives zeros where conditions fail."""
        return set(needed) <= set(self.guard(self.plan.buffers[x], index, needed))

    def dots(self, hero: Any, points: list[Point]) -> list[Register]:
        """The lanes are folded away: sixteen totals become a vector by a tree."""
        out, merge = self.kernel.out_lane, hero.operation.fold.merge
        assert out is not None
        start = points[0][out].first_lane.without(CHUNK)
        rows = LANES if start.terms else min(LANES, self.length(out) - start.constant)
        totals: list[list[Register]] = [[] for _ in points]
        group = self.processor.tile(hero.dtype).dots[1]
        for low in range(0, rows, group):
            part = range(low, min(low + group, rows))
            single = [{**p, out: p[out].first_lane + n} for p in points for n in part]
            found = self.fold(hero, single)
            for k, total in enumerate(totals):
                total += found[k * len(part) : (k + 1) * len(part)]
        return [self.gathered(t, lambda a, b: merge(self, a, b)) for t in totals]

    def over(
        self, axes: tuple[int, ...], inner: Point, totals: list[Register], body: Callable,
        spans: dict[int, tuple[Span, Point]] | None = None, further: tuple[int, ...] = (),
    ) -> list[Register]:  # fmt: skip
        """totals = body(inner, totals) over the inner axes; the lane in vectors, its rest alone."""
        if not axes:
            return body(inner, totals)
        axis, rest = axes[0], axes[1:]
        if spans and axis in spans:
            span, point = spans[axis]
            bounds = 0, self.length(axis) - 1
            with self.loop_between(span.low, span.high, span.step, bounds, totals) as loop:
                self.note(span, {**point, **inner, axis: loop.index})
                place = {**inner, axis: loop.index}
                loop.next = self.over(rest, place, loop.carried, body, spans)
            return loop.result
        count = self.length(axis)
        size = LANES if axis == self.kernel.lane else 1
        whole = count - count % size

        def go(i: Position, totals: list[Register]) -> list[Register]:
            at = self.start(axis) + (i + lanes_of(count - i.constant) if size > 1 else i)
            return self.over(rest, {**inner, axis: at}, totals, body, spans)

        count_all = math.prod(map(self.length, (*axes, *further)))
        if not self.kernel.contracts and count_all <= UNROLL:
            for i in range(0, whole, size):
                totals = go(constant(i), totals)
        elif whole:
            with self.loop(0, whole, size, totals) as loop:
                loop.next = go(loop.index, loop.carried)
            totals = loop.result
        return go(constant(whole), totals) if whole < count else totals
