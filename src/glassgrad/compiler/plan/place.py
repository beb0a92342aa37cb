"""New values over old ones where that is safe, and the order of the kernels.

A new value goes into its cell's own memory if its kernel reads the cell only at the point that it
writes, and all other readers of the old value come first.  Else it waits in memory of its own, and
a map copies it last.  The loss is known and tested before anything of the step is overwritten.
"""

from __future__ import annotations

from typing import Any

from ...operations.elementwise import cast
from ..graph import node
from .group import accesses, positions
from .kernel import Buffer, Kernel, Plan, is_call, is_scatter


def placed(plan: Plan) -> Plan:
    """The plan with updates in place and kernels in order."""
    Placing(plan)
    return plan


class Placing:
    """The pass; `writer` has for each cell the kernel that overwrites it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.writer: dict[Any, Kernel] = {}
        self.reads = {kernel: accesses(plan, kernel) for kernel in plan.kernels}
        self.shared: dict[Any, Any] = {}  # new value -> the cell whose memory it has
        for cell, new in plan.graph.updates.items():
            if self.may_overwrite(cell, new):
                self.overwrite(cell, new)
            else:
                self.copy_later(cell, new)
        plan.kernels = self.scheduled()

    def may_overwrite(self, cell: Any, new: Any) -> bool:
        """Whether the new value's kernel reads the cell only where it writes."""
        kernel = self.plan.home.get(new)
        if kernel is None or new in self.shared or kernel.call is not None or new in kernel.heroes:
            return False
        if new.dtype != cell.dtype or new not in kernel.stores:
            return False
        if self.plan.buffers[new].parent is not None:
            return False  # it lies beside others that are read with it
        if self.plan.chunk is not None and kernel.phase == 1:
            return False  # the loss is known when all chunks are
        here = positions(kernel, kernel.index_of(new))
        return all(
            r.index == here and not r.conditions for r in self.reads[kernel] if r.node is cell
        )

    def overwrite(self, cell: Any, new: Any) -> None:
        self.plan.buffers[new] = self.plan.buffers[cell]
        self.shared[new], self.writer[cell] = cell, self.plan.home[new]

    def copy_later(self, cell: Any, new: Any) -> None:
        """The new value waits in its own memory until everyone has read the old one."""
        if self.shared.get(new) is cell:  # it was going to lie in the cell's memory
            del self.shared[new]
            self.plan.buffers[new] = Buffer(new.shape, new.dtype)
        copy = copy_of(new)
        kernel = Kernel(cell.shape, index=tuple(range(len(cell.shape))), stores={copy: None})
        kernel.phase = 2
        self.plan.kernels.append(kernel)
        self.plan.home[copy], self.plan.buffers[copy] = kernel, self.plan.buffers[cell]
        self.reads[kernel], self.writer[cell] = accesses(self.plan, kernel), kernel
        self.plan.graph.updates[cell] = new

    def scheduled(self) -> list[Kernel]:
        """Readers after writers, overwriters after readers of the old value and after the test."""
        while True:
            after = self.edges()
            order, waiting = self.sorted_out(after)
            if not waiting:
                return order
            self.postpone(in_circles(waiting, after))

    def edges(self) -> dict[Kernel, set[Kernel]]:
        """For each kernel those that must run before it."""
        after: dict[Kernel, set[Kernel]] = {k: set() for k in self.plan.kernels}
        tested = {self.plan.home[x] for x in self.tested() if x in self.plan.home}
        calls = (k for k in self.plan.kernels if k.call is not None and is_call(k.call))
        tested.update(calls)  # a call of the user's code may fail
        writers = set(self.writer.values())
        for kernel in self.plan.kernels:
            after[kernel] |= {k for k in self.plan.kernels if k.phase < kernel.phase}
            for read in self.reads[kernel]:
                x = read.node
                if x in self.plan.home and self.plan.home[x] is not kernel:
                    after[kernel].add(self.plan.home[x])
                elif self.writer.get(x, kernel) is not kernel:
                    after[self.writer[x]].add(kernel)
            if kernel in writers:
                after[kernel] |= tested - {kernel}
        return after

    def tested(self) -> list[Any]:
        """What is looked at before anything is overwritten."""
        graph = self.plan.graph
        return [*graph.losses, *(x for x, _ in graph.checks)]

    def sorted_out(self, after: dict[Kernel, set[Kernel]]) -> tuple[list[Kernel], list[Kernel]]:
        """The kernels in order, earlier phases first, and those that wait for each other."""
        order: dict[Kernel, None] = {}
        waiting = sorted(self.plan.kernels, key=lambda k: k.phase)
        while waiting:
            ready = next((k for k in waiting if after[k] <= order.keys()), None)
            if ready is None:
                return list(order), waiting
            order[ready] = None
            waiting.remove(ready)
        return list(order), []

    def postpone(self, stuck: set[Kernel]) -> None:
        """Some cell among those that wait for each other keeps its old value longer."""
        for cell, kernel in self.writer.items():
            new = self.plan.graph.updates[cell]
            if kernel in stuck and self.plan.home.get(new) is kernel and new in self.shared:
                self.copy_later(cell, new)
                return
        raise AssertionError("kernels wait for each other")


def in_circles(waiting: list[Kernel], after: dict[Kernel, set[Kernel]]) -> set[Kernel]:
    """Those of the waiting kernels that others wait for, again and again."""
    stuck = set(waiting)
    while True:
        needed = stuck & set().union(*(after[k] for k in stuck))
        if needed == stuck:
            return stuck
        stuck = needed


def copy_of(x: Any) -> Any:
    """A node that is x again, with memory of its own."""
    return node(cast, (x,), {"dtype": x.dtype})


def writes_cells(plan: Plan, kernel: Kernel) -> bool:
    """Whether a kernel overwrites something that lasts, which waits for the test."""
    if kernel.earlier:
        return False
    memory = {id(plan.buffers[cell]) for cell in plan.graph.cells}
    if kernel.call is not None and not is_scatter(kernel.call):
        return False
    return any(id(plan.buffers[x]) in memory for x in kernel.stores)
