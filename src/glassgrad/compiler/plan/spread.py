"""The plan of one network as that of sixteen at once, which differ in weights, rows and settings.

Everything that differs gets one more axis, the copy: sixteen neighbours in memory, and the lanes
of all vectors.  What was the lane before becomes an axis like the others; where it was folded away,
the sums are still made of sixteen parts (see `nest.folds`).  So each copy's sums are those of the
network alone, in the same order, and its results the same to the bit.
"""

from __future__ import annotations

from dataclasses import MISSING, fields, replace
from typing import Any

from ..emit.position import LANES
from .address import give_addresses
from .group import accesses
from .kernel import Kernel, Plan
from .share import for_one_thread

KNOWN = {
    "extents", "inner", "index", "wide", "heroes", "stores", "lane", "out_lane", "parts", "phase",
    "batch", "adds_up", "call", "repack", "label", "cycles", "number", "within",
}  # fmt: skip
ALIVE = 0  # where in the arena a byte for each copy says whether its loss is tested


def spread(plan: Plan) -> Plan:
    """The plan with copies along the lanes; user's arrays but the row numbers are shared.

    Raises:
        NotImplementedError: The plan has what this pass does not know.
    """
    graph = plan.graph
    if plan.groups:
        raise NotImplementedError("sums of groups of chunks are not made for many at once")
    for_one_thread(plan).copies = LANES
    plan.differing = dict.fromkeys([*graph.inputs[:1], *graph.cells, *graph.hypers], True)
    plan.alone = [replace(plan.buffers[x]) for x in graph.cells]
    for kernel in plan.kernels:
        check_known(kernel)
        if kernel.lane in kernel.inner:
            kernel.parts = kernel.lane
        kernel.lane = kernel.out_lane = None
    _read_where_it_lies(plan)
    for x, buffer in plan.buffers.items():
        if differs(plan, x):
            buffer.copies, buffer.fixed = LANES, False  # neighbours are as far apart as before
    give_addresses(plan)
    return plan


def check_known(kernel: Kernel) -> None:
    """A kernel has nothing that would have to be spread in a way of its own."""
    for f in fields(kernel):
        plain = f.default_factory() if f.default_factory is not MISSING else f.default
        if f.name not in KNOWN and getattr(kernel, f.name) != plain:
            raise NotImplementedError(f"a kernel with {f.name} is not trained many times at once")


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
    """Copies the other way round are of no use to lanes that run elsewhere.

    They stay where a kernel folds several axes, whose order follows from how memory lies.
    """
    kept: list[Kernel] = []
    several = [k for k in plan.kernels if len(k.inner) > 1]
    needed = {r.node for k in several for r in accesses(plan, k)}
    for kernel in plan.kernels:
        if not kernel.repack:
            kept.append(kernel)
            continue
        (copy,) = kernel.stores
        source = copy.inputs[0]
        kernel.repack = False
        same = copy.operation.name == "cast" and source.type_ == copy.type_
        if copy in needed or not same or source not in plan.buffers:
            kept.append(kernel)
            continue
        plan.buffers[copy] = plan.buffers[source]
        plan.home.pop(copy)
        if source in plan.home:
            plan.home[copy] = plan.home[source]
    plan.kernels = kept
