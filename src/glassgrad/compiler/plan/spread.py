"""The plan of one network as that of sixteen at once, which differ in weights, rows and settings.

Everything that differs gets one more axis, the copy: sixteen neighbours in memory, and the lanes
of all vectors.  What was the lane before becomes an axis like the others; where it was folded away,
the sums are still made of sixteen parts (see `nest.folds`).  So each copy's sums are those of the
network alone, in the same order, and its results the same to the bit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..emit.position import LANES
from .kernel import Buffer, Kernel, Plan
from .layout import give_addresses

ALIVE = 0  # where in the arena a byte for each copy says whether its loss is tested


def spread(plan: Plan) -> Plan:
    """The plan with copies along the lanes; user's arrays but the row numbers are shared."""
    graph = plan.graph
    plan.copies = LANES
    plan.differing = dict.fromkeys([*graph.inputs[:1], *graph.cells, *graph.hypers], True)
    plan.alone = [replace(plan.buffers[x]) for x in graph.cells]
    _read_where_it_lies(plan)
    for kernel in plan.kernels:
        if kernel.lane in kernel.inner:
            kernel.parts = kernel.lane
        kernel.lane = kernel.out_lane = None
    for x, buffer in plan.buffers.items():
        if differs(plan, x):
            _lay_out(buffer)
    give_addresses(plan)
    return plan


def differs(plan: Plan, x: Any) -> bool:
    """Whether a node has a value for each copy."""
    found = plan.differing
    stack = [x]
    while stack:
        y = stack[-1]
        waiting = [i for i in y.inputs if i not in found] if y.operation is not None else []
        if waiting and y not in found:
            stack.extend(waiting)
            continue
        stack.pop()
        found.setdefault(y, y.operation is not None and any(found[i] for i in y.inputs))
    return found[x]


def _read_where_it_lies(plan: Plan) -> None:
    """Copies the other way round are of no use to lanes that run elsewhere."""
    kept: list[Kernel] = []
    for kernel in plan.kernels:
        if not kernel.repack:
            kept.append(kernel)
            continue
        (copy,) = kernel.stores
        source = copy.inputs[0]
        plan.buffers[copy] = plan.buffers[source]
        plan.home.pop(copy)
        if source in plan.home:
            plan.home[copy] = plan.home[source]
    plan.kernels = kept


def _lay_out(buffer: Buffer) -> None:
    """Copies are next to each other, and elements one after another."""
    buffer.copies, buffer.fixed, buffer.dense = LANES, False, True
    buffer.lay_out_dense()
