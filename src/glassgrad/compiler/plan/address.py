"""Where everything lies in the arena, and the names of the kernels' functions."""

from __future__ import annotations

from ..emit.position import LANES
from .kernel import Plan
from .share import in_slot

LINE = 64


def give_addresses(plan: Plan) -> None:
    """Offsets in the arena; sums that go on from chunk to chunk lie side by side."""
    cells, sums = ([plan.buffers[x] for x in nodes] for nodes in (plan.graph.cells, plan.sums))
    ordered = cells + sums + list(plan.buffers.values())
    if plan.groups:
        ordered = [b for b in ordered if not in_slot(plan, b)] + sums + ordered
    size = max([LINE, *(b.offset + b.size + 2 * LINE for b in cells if b.fixed)])
    size, slot = -(-size // LINE) * LINE, None
    for buffer in {id(b): b for b in ordered}.values():
        if buffer.base != "%arena" or buffer.fixed or buffer.parent is not None:
            continue
        slot = size if slot is None and plan.groups and in_slot(plan, buffer) else slot
        buffer.offset = size
        size += -(-(buffer.size + LANES * buffer.dtype.itemsize) // LINE) * LINE
    if slot is not None:
        plan.slot = size - slot
        size += plan.slot * (plan.groups - 1)
    for buffer in plan.buffers.values():
        if buffer.parent is not None:
            ahead = buffer.start * buffer.dtype.itemsize * buffer.copies
            buffer.offset = buffer.parent.offset + ahead
    plan.arena = size + 4096
    for number, kernel in enumerate(plan.kernels):
        what = "_".join(dict.fromkeys(h.operation.name for h in kernel.heroes))
        if kernel.call is not None:
            what = kernel.call.operation.name
        kernel.label = f"k{number}_{what or ('repack' if kernel.repack else 'map')}"
        kernel.label = "".join(c if c.isalnum() or c == "_" else "_" for c in kernel.label)
