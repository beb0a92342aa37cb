"""Hyper-parameters while a step is traced: numbers that are read anew at each call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..gradient import ancestors
from ..types import Type, float64
from .graph import Blank, Graph, blank, evaluated, is_constant


class Hyper(Blank):
    """A hyper-parameter: a number [] in float64.

    Whether it is zero, or what else is asked, may decide what the step does; where the answer
    changes, the step is compiled anew.
    """

    holder: Any
    key: Any
    place: int | None
    seen: float

    def read(self) -> float:
        """The number as it is now."""
        value = self.holder[self.key]
        return value if self.place is None else value[self.place]


def hyper(holder: Any, key: Any, place: int | None) -> Hyper:
    """The node for `holder[key]`, or for a number in a tuple there."""
    y = object.__new__(Hyper)
    vars(y).update(vars(blank(Type((), float64))))
    y.name = key if place is None else f"{key}{place + 1}"
    y.holder, y.key, y.place = holder, key, place
    y.seen = y.read()
    return y


def question(x: Any) -> Callable[[], bool] | None:
    """What tells whether `x` is true, if it depends on hyper-parameters alone."""
    if isinstance(x, Hyper):
        return lambda: bool(x.read())
    behind = ancestors([x])
    numbers = [y for y in behind if isinstance(y, Hyper)]
    if not all(y.operation is not None or is_constant(y) or y in numbers for y in behind):
        return None
    graph = Graph(outputs=[x])
    return lambda: bool(evaluated(graph, {y: np.float64(y.read()) for y in numbers})[x])
