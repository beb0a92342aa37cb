"""Sums and maxima: each point's total over the axes that vanish."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from ...operations.loop import PRODUCTS
from ...operations.record import SUM
from ...types import is_real
from ..emit.position import (
    LANE_POSITION,
    LANES,
    Position,
    constant,
    is_lane,
    lanes_of,
    variable,
)
from ..emit.register import Register
from ..plan.group import pulled
from ..plan.kernel import CHUNK, identity, space
from ..plan.limits import limits
from ..plan.pull import Condition, bounds_in, operand_read
from .gathers import Gathers
from .pulls import Point
from .spans import Span, Spans

UNROLL = 16  # inner loops this short are straight code
MANY = 64  # so many terms are summed in parts
GROUP = 4  # partial sums that are merged before the next ones are made


class Folds(Gathers, Spans):
    """Folds of a kernel's heroes."""

    def totals(self, hero: Any, points: list[Point]) -> list[Register]:
        """The hero at each point."""
        kernel = self.kernel
        if kernel.in_parts:
            return self.parted(hero, points)
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
        start = self.start_of(hero)

        def step(inner: Point, totals: list[Register]) -> list[Register]:
            found = []
            for point, total in zip(points, totals):
                place = self.place(point, inner)
                if place is None:
                    found.append(total)
                    continue
                values = [
                    self.operand(x, at, place) for x, at in zip(hero.inputs, entries, strict=True)
                ]
                found.append(self.stepped(hero, total, values, inner))
            for point in points if kernel.within else ():
                place = self.place(point, inner)
                if place is not None:
                    self.keep(list(kernel.within), place)
            return found

        limited = limits(kernel, hero)
        here = {axis: (span, points[0]) for axis, span in self.spans(limited, points).items()}
        inner = kernel.inner if self.plan.order else self.inner_order(hero)
        by = kernel.parts if kernel.in_parts else kernel.lane
        few = math.prod(map(self.length, inner)) <= MANY or bool(self.plan.order)
        if hero.operation.fold is not SUM or few:
            return self.over(inner, {}, [start] * len(points), step, by, here)

        def part(axes: tuple[int, ...], inner: Point, totals: list[Register]) -> list[Register]:
            """Sums of sums, so that rounding errors do not pile up."""
            if len(axes) == 1:
                return self.over(axes, inner, totals, step, by, here)

            def body(place: Point, totals: list[Register]) -> list[Register]:
                parts = part(axes[1:], place, [start] * len(points))
                return [total + more for total, more in zip(totals, parts)]

            return self.over(axes[:1], inner, totals, body, by, here, axes[1:])

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

    def parted(self, hero: Any, points: list[Point]) -> list[Register]:
        """Sixteen partial sums for each point, merged as those of sixteen lanes are."""
        axis, merge = self.kernel.parts, hero.operation.fold.merge
        assert axis is not None
        count, start = min(LANES, self.length(axis)), self.start_of(hero)
        if self.plan.copies > 1:
            return self.parted_at_once(hero, points, count, start)
        if len(points) > 1:
            return self.part_by_part(hero, points, [start] * len(points))
        totals = self.fold(hero, [{**points[0], axis: constant(n)} for n in range(count)])
        parts = totals + [start] * (LANES - count)
        return [self.merged(parts, lambda a, b: merge(self, a, b))]

    def parted_at_once(
        self, hero: Any, points: list[Point], count: int, start: Register
    ) -> list[Register]:
        """The same, all parts in registers, point after point."""
        axis = self.kernel.parts
        assert axis is not None
        each = [{**p, axis: constant(n)} for p in points for n in range(count)]
        totals = self.fold(hero, each)
        parts = [totals[k * count : (k + 1) * count] for k in range(len(points))]
        return self.in_turn(
            hero, [list(n) for n in zip(*[p + [start] * (LANES - count) for p in parts])]
        )

    def part_by_part(self, hero: Any, points: list[Point], start: list[Register]) -> list[Register]:
        """The same for several points, which share what they read, in loops over groups of parts.

        A group has one total for each point; these wait in memory, so that few registers do.
        """
        count, rest = divmod(self.length(self.kernel.parts or 0), LANES)
        if not count:
            return self.in_turn(
                hero, [self.partial(hero, points, constant(n), start) for n in range(LANES)]
            )
        size = len(points) * LANES
        memory = self.own_memory(size * (LANES // GROUP), hero.dtype)
        ends = sorted({0, rest // GROUP, -(-rest // GROUP), LANES // GROUP})
        for first, end in pairwise(ends):  # their parts have as many elements
            with self.loop(first, end) as group:
                at = group.index * GROUP
                parts = [self.partial(hero, points, at + n, start) for n in range(GROUP)]
                for k, total in enumerate(self.in_turn(hero, parts)):
                    there = group.index * size + (LANE_POSITION + k * LANES)
                    self.store(total, memory, 0, there)
        waiting = [
            [
                self.load(memory, 0, constant(n * size + k * LANES) + LANE_POSITION, hero.dtype)
                for k in range(len(points))
            ]
            for n in range(LANES // GROUP)
        ]
        return self.in_turn(hero, waiting)

    def partial(
        self, hero: Any, points: list[Point], n: Position, start: list[Register]
    ) -> list[Register]:
        """Partial sum `n` of each point."""
        axis = self.kernel.parts
        assert axis is not None
        if n.constant >= self.length(axis):
            return start
        return self.fold(hero, [{**p, axis: n} for p in points])

    def in_turn(self, hero: Any, parts: list[list[Register]]) -> list[Register]:
        """Parts of several points, merged point by point."""
        merge = hero.operation.fold.merge
        return [self.merged(list(p), lambda a, b: merge(self, a, b)) for p in zip(*parts)]

    def place(self, point: Point, inner: Point) -> Point | None:
        """A point of the fold; None for a partial sum that has no element there."""
        axis = self.kernel.parts
        if axis is None or axis not in point:
            return {**point, **inner}
        count = next(self.ranges[v][1] + 1 for v, _ in inner[axis].terms if is_lane(v))
        if self.range_of(point[axis])[0] >= count:
            return None
        return {**point, **inner, axis: inner[axis].first_lane + point[axis]}

    def start_of(self, hero: Any) -> Register:
        """What each total starts from."""
        lanes = self.kernel.lane is not None or self.differs(hero)
        return self.literal(identity(hero), hero.dtype, lanes)

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

    def keep(self, nodes: list[Any], point: Point) -> None:
        """Store nodes at a point; all loads come before all stores."""
        places = [self.index(self.kernel.index_of(x), point) for x in nodes]
        values = [self.register(x, index) for x, index in zip(nodes, places)]
        for x, index, value in zip(nodes, places, values):
            self.put(x, value, index)

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
        low, high = self.range_of(start)
        rows = min(LANES, self.length(out) - low) if low == high else LANES
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
        self, axes: tuple[int, ...], inner: Point, totals: list[Register], body: Callable, by: Any,
        spans: dict[int, tuple[Span, Point]] | None = None, further: tuple[int, ...] = (),
    ) -> list[Register]:  # fmt: skip
        """totals = body(inner, totals) over inner axes; axis `by` by sixteen, its rest alone."""
        if not axes:
            return body(inner, totals)
        axis, rest = axes[0], axes[1:]
        if spans and axis in spans:
            span, point = spans[axis]
            bounds = 0, self.length(axis) - 1
            with self.loop_between(span.low, span.high, span.step, bounds, totals) as loop:
                self.note(span, {**point, **inner, axis: loop.index})
                place = {**inner, axis: loop.index}
                loop.next = self.over(rest, place, loop.carried, body, by, spans)
            return loop.result
        count = self.length(axis)
        size = LANES if axis == by else 1
        whole = count - count % size

        def go(i: Position, totals: list[Register]) -> list[Register]:
            at = self.start(axis) + (i + lanes_of(count - i.constant) if size > 1 else i)
            return self.over(rest, {**inner, axis: at}, totals, body, by, spans)

        count_all = math.prod(map(self.length, (*axes, *further)))
        if not self.kernel.contracts and count_all <= UNROLL:
            for i in range(0, whole, size):
                totals = go(constant(i), totals)
        elif whole:
            with self.loop(0, whole, size, totals) as loop:
                loop.next = go(loop.index, loop.carried)
            totals = loop.result
        return go(constant(whole), totals) if whole < count else totals
