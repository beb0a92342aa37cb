"""How far to go along a direction: a step that satisfies the strong Wolfe conditions.

Nocedal and Wright 2006, algorithms 3.5 and 3.6, with the choices of minFunc (Schmidt), which
PyTorch makes too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

ENOUGH_DECREASE, ENOUGH_FLATNESS = 1e-4, 0.9


class Point(NamedTuple):
    """What is known at a step `t` along the direction; `slope` is that of the loss in t."""

    t: float
    loss: float
    gradient: Any
    slope: float


class Search(NamedTuple):
    """One search from `start`; `size` is the largest element of the direction."""

    evaluate: Callable[[float], Point]
    start: Point
    size: float
    limit: int

    def falls_short(self, point: Point) -> bool:
        """Whether the loss is above the line of sufficient decrease."""
        return point.loss > self.start.loss + ENOUGH_DECREASE * point.t * self.start.slope

    def is_flat(self, point: Point) -> bool:
        """Whether the slope has shrunk enough."""
        return abs(point.slope) <= -ENOUGH_FLATNESS * self.start.slope


def strong_wolfe(search: Search, t: float, tolerance: float = 1e-9) -> tuple[Point, int]:
    """The point that is found, first trying `t`, and how often the loss was evaluated for it."""
    low, high, iterations = bracket(search, search.evaluate(t))
    if high.loss < low.loss:
        low, high = high, low
    close = False
    while low is not high and iterations < search.limit:
        if abs(high.t - low.t) * search.size < tolerance:
            break
        t, close = kept_inside(cubic_minimum(low, high), low.t, high.t, close)
        point = search.evaluate(t)
        iterations += 1
        low, high = narrowed(search, low, high, point)
    return low, iterations + 1


def bracket(search: Search, point: Point) -> tuple[Point, Point, int]:
    """Points around one that satisfies the conditions, or twice such a one; and iterations."""
    previous = search.start
    for iteration in range(search.limit):
        rises = iteration > 1 and point.loss >= previous.loss
        if search.falls_short(point) or rises:
            return previous, point, iteration
        if search.is_flat(point):
            return point, point, iteration
        if point.slope >= 0:
            return previous, point, iteration
        bounds = point.t + 0.01 * (point.t - previous.t), 10 * point.t
        t = cubic_minimum(previous, point, bounds)
        previous, point = point, search.evaluate(t)
    return search.start, point, search.limit


def narrowed(search: Search, low: Point, high: Point, point: Point) -> tuple[Point, Point]:
    """The next bracket, with `point` for an end; twice `point` if it satisfies the conditions."""
    if search.falls_short(point) or point.loss >= low.loss:
        return (point, low) if point.loss < low.loss else (low, point)
    if search.is_flat(point):
        return point, point
    return point, low if point.slope * (high.t - low.t) >= 0 else high


def cubic_minimum(x: Point, y: Point, bounds: tuple[float, float] | None = None) -> float:
    """Where the cubic with the losses and slopes of two points is least, held within `bounds`."""
    x, y = (x, y) if x.t <= y.t else (y, x)
    low, high = bounds or (x.t, y.t)
    a = x.slope + y.slope - 3 * (x.loss - y.loss) / (x.t - y.t)
    square = a * a - x.slope * y.slope
    if not square >= 0:
        return (low + high) / 2
    root = square**0.5
    bottom = y.slope - x.slope + 2 * root
    if bottom == 0:
        return (low + high) / 2
    return min(max(y.t - (y.t - x.t) * ((y.slope + root - a) / bottom), low), high)


def kept_inside(t: float, x: float, y: float, close: bool) -> tuple[float, bool]:
    """`t`, moved off an end that it comes close to twice running; and whether it comes close."""
    low, high = min(x, y), max(x, y)
    margin = 0.1 * (high - low)
    if min(high - t, t - low) >= margin:
        return t, False
    if not close and low < t < high:
        return t, True
    return (high - margin if abs(t - high) < abs(t - low) else low + margin), False
