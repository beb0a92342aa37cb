"""What runs a graph: the seam between the step that a user calls and what computes it.

A back end is a function of a graph.  It returns

    run(inputs, cells, numbers) -> arrays of the outputs

which takes lists of arrays in the order of `graph.inputs` and `graph.cells` and the numbers of
`graph.hypers` as floats, and writes what `graph.updates` says into the arrays of the cells.
Before it writes anything it looks at `graph.checks`; if one is true somewhere it raises
`CheckError(number)`.  `cells` is the same list object from call to call as long as it holds the
same arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from .graph import Graph, evaluated
from .lower import READABLE, lowered
from .program import load, own_operations, source
from .rewrite import rewritten

Run = Callable[[list[Any], list[Any], list[float]], list[Any]]


class CheckError(Exception):
    """Check `number` of the graph is true somewhere; nothing has been written."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def values_of(graph: Graph, inputs: Any, cells: Any, numbers: Any) -> dict[Any, Any]:
    """{node: array} for what a graph takes."""
    values = dict(zip(graph.inputs, inputs))
    values.update(zip(graph.cells, cells))
    values.update(zip(graph.hypers, map(np.float64, numbers)))
    return values


def write(graph: Graph, cells: list[Any], new: Any) -> None:
    """The updates, in order, into the arrays of their cells."""
    place = {cell: i for i, cell in enumerate(graph.cells)}
    for cell, value in zip(graph.updates, new):
        cells[place[cell]][...] = value


def failed(graph: Graph, values: dict[Any, Any]) -> int | None:
    """The number of the first check that is true somewhere."""
    if not graph.checks:
        return None
    found = evaluated(replace(graph, outputs=[], updates={}, losses=[]), values)
    for i, (bad, _) in enumerate(graph.checks):
        if np.any(found[bad]):
            return i
    return None


def plain(graph: Graph) -> Run:
    """Node by node with NumPy."""

    def run(inputs: list[Any], cells: list[Any], numbers: list[float]) -> list[Any]:
        values = values_of(graph, inputs, cells, numbers)
        number = failed(graph, values)
        if number is not None:
            raise CheckError(number)
        with np.errstate(all="ignore"):
            found = evaluated(graph, values)
        outputs = [np.array(found[y]) for y in graph.outputs]
        write(graph, cells, [np.array(found[y]) for y in graph.updates.values()])
        return outputs

    return run


def readable(graph: Graph) -> Run:
    """The program that a person can read, run by Python."""
    graph = rewritten(lowered(graph, READABLE))
    step = load(source(graph), own_operations(graph))
    count = len(graph.outputs)

    def run(inputs: list[Any], cells: list[Any], numbers: list[float]) -> list[Any]:
        try:
            found = step(*inputs, *cells, *map(np.float64, numbers))
        except Exception:
            number = failed(graph, values_of(graph, inputs, cells, numbers))
            if number is None:
                raise
            raise CheckError(number) from None
        outputs = [np.array(y) for y in found[:count]]
        write(graph, cells, [np.array(y) for y in found[count:]])
        return outputs

    return run
