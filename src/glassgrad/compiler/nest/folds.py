"""Sums and maxima: each point's total over the axes that vanish."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...operations.loop import PRODUCTS
from ...types import is_real
from ..emit.position import LANES, Position, constant, is_lane, lanes_of
from ..emit.register import Register
from ..plan.kernel import CHUNK, identity, space
from ..plan.pull import Condition, operand_read
from .gathers import Gathers
from .pulls import Point

UNROLL = 16  # inner loops this short are straight code


class Folds(Gathers):
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
            return found

        by = kernel.parts if kernel.in_parts else kernel.lane
        return self.over(kernel.inner, {}, [start] * len(points), step, by)

    def parted(self, hero: Any, points: list[Point]) -> list[Register]:
        """Sixteen partial sums for each point, merged as those of sixteen lanes are."""
        axis, merge = self.kernel.parts, hero.operation.fold.merge
        assert axis is not None
        count = min(LANES, self.length(axis))
        rest = [self.start_of(hero)] * (LANES - count)
        each = [{**p, axis: constant(n)} for p in points for n in range(count)]
        totals = self.fold(hero, each)
        parts = [totals[k * count : (k + 1) * count] + rest for k in range(len(points))]
        return [self.merged(p, lambda a, b: merge(self, a, b)) for p in parts]

    def place(self, point: Point, inner: Point) -> Point | None:
        """A point of the fold; None for a partial sum that has no element there."""
        axis = self.kernel.parts
        if axis is None or axis not in point:
            return {**point, **inner}
        part = point[axis].constant
        count = next(self.ranges[v][1] + 1 for v, _ in inner[axis].terms if is_lane(v))
        if part >= count:
            return None
        return {**point, **inner, axis: inner[axis].first_lane + part}

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
        self, axes: tuple[int, ...], inner: Point, totals: list[Register], body: Callable, by: Any
    ) -> list[Register]:
        """totals = body(inner, totals) over inner axes; axis `by` by sixteen, its rest alone."""
        if not axes:
            return body(inner, totals)
        axis, rest = axes[0], axes[1:]
        count = self.length(axis)
        size = LANES if axis == by else 1
        whole = count - count % size

        def go(i: Position, totals: list[Register]) -> list[Register]:
            at = self.start(axis) + (i + lanes_of(count - i.constant) if size > 1 else i)
            return self.over(rest, {**inner, axis: at}, totals, body, by)

        if not self.kernel.contracts and math.prod(map(self.length, axes)) <= UNROLL:
            for i in range(0, whole, size):
                totals = go(constant(i), totals)
        elif whole:
            with self.loop(0, whole, size, totals) as loop:
                loop.next = go(loop.index, loop.carried)
            totals = loop.result
        return go(constant(whole), totals) if whole < count else totals
