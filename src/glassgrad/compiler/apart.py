"""Whether rows of a batch go through a graph apart, each as it would alone."""

from __future__ import annotations

import math
from typing import Any

from .graph import Graph, number_of
from .plan.chunk import LOST, axis_of
from .plan.kernel import VIEWS


def rows_apart(graph: Graph) -> bool:
    """Whether each row of the result follows from one row of the inputs, wherever it stands.

    A node has its rows along one axis; where that is the first, a row may be several elements of
    it: the places of sequences stand below each other when a layer is applied to each.
    """
    if not graph.inputs or not all(x.shape[:1] == graph.inputs[0].shape[:1] for x in graph.inputs):
        return False
    rows = graph.inputs[0].shape[0]
    axes = dict.fromkeys(graph.inputs, 0)
    for x in graph.nodes:
        if x.operation is None or not any(i in axes for i in x.inputs):
            continue
        axis = _row_axis(x, axes, rows)
        if not isinstance(axis, int):
            return False
        axes[x] = axis
    (y,) = graph.outputs
    return axes.get(y) == 0 and y.shape[0] == rows


def _row_axis(x: Any, axes: dict[Any, int], rows: int) -> Any:
    """The axis of a node that is the rows; none, or lost, where it is no such."""
    name, known = x.operation.name, [axes[i] for i in x.inputs if i in axes]
    if name == "take" and x.inputs[1] not in axes and known[0] > 0:
        return known[0] - 1 + len(x.inputs[1].shape)
    if name == "reshape" and known[0] == 0 and x.shape and x.shape[0] % rows == 0:
        return 0
    if name == "place" and x.parameters["starts"][known[0]] != 0:
        return LOST
    if name == "concatenate":
        axis = known[0] if len(set(known)) == 1 and known[0] != x.parameters["axis"] else LOST
    else:
        axis = axis_of(x, axes)
    beside = x.operation.kind == "elementwise" or name == "concatenate"
    others = [i for i in x.inputs if i not in axes] if beside and isinstance(axis, int) else []
    return axis if all(same_along(i, axis) for i in others) else LOST


def same_along(x: Any, axis: int) -> bool:
    """Whether a node is the same at all positions of an axis, as its form says."""
    stack = [(x, axis)]
    while stack:
        x, axis = stack.pop()
        if number_of(x) is not None or not x.shape:
            continue
        if x.operation is None or x.operation.kind not in ("view", "elementwise"):
            return False
        if x.operation.name == "view":
            read = x.parameters["axes"]
            stack += [(x.inputs[0], read.index(axis))] if axis in read else []
        elif x.operation.kind == "elementwise":
            stack += [(i, axis) for i in x.inputs]
        else:
            return False
    return True


# ---- one row, and many


def same_but_for_rows(one: Graph, many: Graph) -> bool:
    """Whether Python computed the same for a row and for many."""
    rows = many.inputs[0].shape[0]
    few, more = ([x for x in g.nodes if computes(x)] for g in (one, many))
    alike = [x.operation is y.operation and _similar(x, y, rows) for x, y in zip(few, more)]
    return len(few) == len(more) and all(alike) and _similar(one.outputs[0], many.outputs[0], rows)


def same_numbers(few: Graph, one: Graph) -> bool:
    """Whether graphs compute as many numbers in the same way, in other shapes."""
    pairs = [[x for x in g.nodes if computes(x)] for g in (few, one)]
    return len(pairs[0]) == len(pairs[1]) and all(
        x.operation is y.operation and math.prod(x.shape) == math.prod(y.shape)
        for x, y in zip(*pairs)
    )


def computes(x: Any) -> bool:
    """Whether a node is more than another look at one."""
    return x.operation is not None and x.operation.name not in VIEWS


def _similar(x: Any, y: Any, rows: int) -> bool:
    """Whether the shapes differ in nothing but the number of rows, if at all; numbers agree."""
    numbers = [i.number for i in x.inputs] == [i.number for i in y.inputs]
    pairs = list(zip(x.shape, y.shape))
    return (
        numbers and len(x.shape) == len(y.shape) and all(a == b or b == a * rows for a, b in pairs)
    )
