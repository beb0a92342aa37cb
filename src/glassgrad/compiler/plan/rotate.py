"""Updates put off until the next step reads what they change: one pass over the memory, not two.

With one row in a batch a step streams the first layer's weight twice, to read it and to change it.
The only one to read it is a contraction early in the step, so it may as well bring it up to date:

    first step    all but the update
    other steps   the contraction pulls the new value, made of what the step before has left, and
                  stores it on the way; all but the update
    at the end    the update

What the update needs and the new step overwrites too soon is copied first.  An update is only owed
by a step that was taken, so a step that fails leaves the state before it, as ever; and the same
operations are done on the same numbers, so every bit is the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from ..graph import renewed
from .address import LINE
from .group import DEAR, accesses, point_of
from .kernel import Kernel, Plan
from .place import copy_of
from .within import is_update, parts, readers, take_out, visited_once

LEAST = 256  # elements of a cell that are worth it
LEAST_DEAR = 8_000  # where the update divides: it takes longer than the memory that is near
COPIED = 4  # times as large as what must be copied for it


@dataclass
class Rotation:
    """The kernels of the first step, of the others, and after the last."""

    first: list[Kernel]
    others: list[Kernel]
    last: list[Kernel]

    @property
    def kernels(self) -> list[Kernel]:
        """All of them, each once."""
        return list(dict.fromkeys([*self.first, *self.others, *self.last]))


def rotated(plan: Plan) -> Plan:
    """The plan with updates that wait for the next step, where that moves fewer bytes."""
    if plan.chunk is not None or any(k.call is not None for k in plan.kernels):
        return plan
    delays: dict[Kernel | None, Delay] = {}
    cell_of = {new: cell for cell, new in plan.graph.updates.items()}
    for update in [k for k in plan.kernels if is_update(k, cell_of)]:
        for part in parts(plan, update, cell_of):
            delay = Delay(plan, part, {cell_of[x] for x in part.stores})
            if delay.pays() and delay.reader not in delays:
                delays[delay.reader] = delay
                separate(plan, update, part)
    if delays:
        _turn(plan, list(delays.values()))
    return plan


def separate(plan: Plan, update: Kernel, part: Kernel) -> None:
    """Make a part of an update a kernel of its own."""
    part.label = f"{update.label}_{len(update.stores)}"
    plan.kernels.insert(plan.kernels.index(update), part)
    take_out(plan, update, part)
    for x in part.stores:
        plan.home[x] = part


def _turn(plan: Plan, delays: list[Delay]) -> None:
    updates = {d.update: None for d in delays}
    first = [k for k in plan.kernels if k not in updates]
    copies = [copy for d in delays for copy in d.copies()]
    readers = {d.reader: d.reading() for d in delays}
    others = [*copies, *(readers.get(k, k) for k in first)]
    plan.rotation = Rotation(first, others, list(updates))


class Delay:
    """An update that may wait.

    reader    the one kernel that reads the cells, as an operand in its loops
    entries   the axes of the reader at which it does so
    copied    what the update reads and the next step overwrites before the reader is through
    instead   {such a value: its copy}
    """

    def __init__(self, plan: Plan, update: Kernel, cells: set[Any]) -> None:
        self.plan, self.update, self.cells = plan, update, cells
        self.reads = accesses(plan, update)
        found = readers(plan, {*cells, *update.stores})
        self.reader = found[0] if len(found) == 1 else None
        places = [visited_once(self.reader, c) for c in cells] if self.reader else []
        self.entries = next((e for e in places if e is not None), None)
        self.copied = [x for x in dict.fromkeys(r.node for r in self.reads) if self.is_lost(x)]
        self.instead: dict[Any, Any] = {}

    def pays(self) -> bool:
        """Whether it can wait, and the memory is large beside what is copied."""
        if self.reader is None or self.entries is None or not self.safe():
            return False
        cost = sum(math.prod(x.shape) for x in self.copied)
        size = min(math.prod(c.shape) for c in self.cells)
        dear = any(x.operation.name in DEAR for x in self.computed())
        return size >= max(LEAST_DEAR if dear else LEAST, COPIED * cost)

    def computed(self) -> list[Any]:
        """What the update computes at each point."""
        plan, update = self.plan, self.update
        found = again(update.stores, lambda x: plan.given(x, update), {})
        return [x for x, y in found.items() if x is not y and x.shape]

    def safe(self) -> bool:
        """Whether the reader can make the new values of what is there when it runs."""
        plan, update, reader = self.plan, self.update, self.reader
        assert reader is not None
        here = tuple(point_of(update)[a] for a in update.index)
        gone = {*plan.graph.inputs, *plan.graph.updates} - self.cells
        if any(r.node in gone for r in self.reads):
            return False  # it is another value by then
        if any(r.node in self.cells and (r.index != here or r.conditions) for r in self.reads):
            return False
        twice = sum(r.node in self.cells for r in accesses(plan, reader)) > 1
        return not twice and not reader.within and self.lies_well()

    def lies_well(self) -> bool:
        """Whether the reader's lanes are neighbours in all the cells, which lie in our memory."""
        assert self.reader is not None and self.entries is not None
        if self.reader.lane not in self.entries:
            return False
        axis = self.entries.index(self.reader.lane)
        buffers = [self.plan.buffers[c] for c in self.cells]
        return all(b.strides and b.strides[axis] == 1 and not b.outside for b in buffers)

    def is_lost(self, x: Any) -> bool:
        """Whether a value is overwritten by the next step before the reader is through."""
        if x not in self.plan.home or self.reader is None:
            return False
        memory, kernels = self.plan.buffers[x], self.plan.kernels
        before = kernels[: kernels.index(self.reader) + 1]
        return any(self.plan.buffers[s] is memory for k in before for s in k.stores)

    # ---- kernels for it

    def copies(self) -> list[Kernel]:
        """What makes the copies."""
        return [self.copying(x) for x in self.copied]

    def copying(self, x: Any) -> Kernel:
        """A map that copies a value to where it lies like the value."""
        plan, copy, source = self.plan, copy_of(x), self.plan.buffers[x]
        kernel = Kernel(x.shape, index=tuple(range(len(x.shape))), stores={copy: None})
        kernel.number = len(plan.kernels) + 1  # all is there for it, and it for the reader
        if source.contiguous is not None and x.shape[source.contiguous] != 1:
            kernel.lane = kernel.out_lane = source.contiguous
        kernel.label = f"{self.update.label}_copy{len(self.instead)}"
        plan.home[copy], self.instead[x] = kernel, copy
        plan.buffers[copy] = replace(source, offset=plan.arena, parent=None, start=0)
        plan.arena += -(-source.size // LINE) * LINE + 2 * LINE
        return kernel

    def reading(self) -> Kernel:
        """The reader, which makes and stores the new values of the step before."""
        plan, update, reader = self.plan, self.update, self.reader
        assert reader is not None and self.entries is not None
        made = again(update.stores, lambda x: plan.given(x, update), self.instead)
        new = {c: made[plan.graph.updates[c]] for c in self.cells}
        read = again([*reader.heroes, *reader.stores], lambda x: plan.given(x, reader), new)
        late = {made[x]: plan.buffers[x] for x in update.stores}
        stores = {read[x]: plan.buffers[x] for x in reader.stores}
        kernel = replace(
            reader, heroes={read[h]: None for h in reader.heroes}, label=f"{reader.label}_late",
            stores=dict.fromkeys([*stores, *late]), within=dict.fromkeys(late, self.entries),
            number=math.inf, earlier=True,
        )  # fmt: skip
        plan.buffers.update(stores | late)
        plan.home.update(dict.fromkeys([*kernel.heroes, *kernel.stores], kernel))
        return kernel


def again(roots: Iterable[Any], is_given: Callable, instead: dict[Any, Any]) -> dict[Any, Any]:
    """{node: a new one like it} for what the roots are computed from, down to what is given."""
    new, stack = dict(instead), list(roots)
    while stack:
        x = stack[-1]
        missing = []
        if x not in new:
            if x.operation is None or is_given(x):
                new[x] = x
            else:
                missing = [i for i in x.inputs if i not in new]
                if not missing:
                    new[x] = renewed(x, tuple(new[i] for i in x.inputs))
        stack.extend(missing) if missing else stack.pop()
    return new
