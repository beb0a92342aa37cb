"""Which work of a step several threads share, and what of it has to wait for what.

A kernel is cut along one of the axes that stay, by tiles: each element is computed by one thread
as one thread alone would, so no bit depends on how many there are.  Where the chunks of a batch are
small, threads take whole groups of chunks instead.  How many groups there are follows from shapes,
each has sums of its own, and they are added up in order.

Which axis is cut is a matter of balance, and of memory: what one core has written last, another
fetches slowly.  So weights are read and written along the same axis where that can be.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ..emit.position import LANES
from .group import accesses, positions
from .kernel import Buffer, Kernel, Plan, is_call, is_scatter
from .pull import variables_of

WORTH = 12_000  # cycles of a step that several threads may share
CROWDS = 2, 4  # numbers of threads that cuts are to suit
ENTER = 300  # cycles to share a kernel
LINE_COST = 10  # cycles to fetch a line that another core has written
MOST_GROUPS, FEWEST_CHUNKS = 8, 8  # groups, and chunks in each: sums of its own cost something
BARRIER = 1_500  # cycles until all have come
MERGE = 4  # cycles to add up a line of sums

ALL, MIXED = -1, -2  # a thread touches all of a buffer; parts that are no part of one axis


def shared(plan: Plan) -> Plan:
    """The plan with cuts, if a step takes long enough to be shared."""
    by_numpy = any(k.call is not None and is_call(k.call) for k in plan.kernels)
    if plan.cycles >= WORTH and not by_numpy:
        plan.shared, plan.groups = True, groups_of(plan)
        Cuts(plan).choose()
    return plan


def for_one_thread(plan: Plan) -> Plan:
    """The plan without cuts, where groups of chunks have no sums of their own."""
    assert not plan.groups
    plan.shared = False
    for kernel in plan.kernels:
        kernel.cut = None
    return plan


# ---- groups of chunks


def groups_of(plan: Plan) -> int:
    """How many groups the chunks are put into; 0 if each kernel is shared instead."""
    if plan.chunks < 2:
        return 0
    groups = max(2, min(plan.chunks // FEWEST_CHUNKS, MOST_GROUPS))
    inside = sum(k.phase == 1 for k in plan.kernels)
    sums = sum(math.prod(x.shape) * x.dtype.itemsize for x in plan.sums)
    apart = groups * sums / 64 * MERGE
    return groups if apart < inside * plan.chunks * BARRIER else 0


def in_slot(plan: Plan, buffer: Buffer) -> bool:
    """Whether each group has memory of its own for a buffer."""
    return buffer.rolling is not None or any(buffer is plan.buffers[x] for x in plan.sums)


# ---- cuts


class Use(NamedTuple):
    """A kernel reads or writes a buffer, at an index."""

    kernel: Kernel
    buffer: Buffer
    at: tuple
    writes: bool


class Cuts:
    """The choice of an axis for each kernel: each in turn as suits the others, a few times.

    uses     of each buffer, by its id
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.kernels = [k for k in plan.kernels if not plan.in_group(k)]
        self.uses: dict[int, list[Use]] = {}
        self.of: dict[Kernel, list[Use]] = {}
        for kernel in self.kernels:
            self.of[kernel] = list(uses_of(plan, kernel))
            for use in self.of[kernel]:
                self.uses.setdefault(id(use.buffer), []).append(use)

    def choose(self) -> None:
        """Set `cut` of each kernel."""
        for round in range(3):
            for kernel in self.kernels:
                options = [None, *axes_to_cut(kernel)]
                costs = [self.cost(kernel, axis, round > 0) for axis in options]
                kernel.cut = options[costs.index(min(costs))]

    def cost(self, kernel: Kernel, axis: int | None, memory: bool) -> float:
        """Cycles of the thread that takes longest, and to fetch what others have written."""
        total = load(self.plan, kernel, axis)
        if memory:
            for use in self.of[kernel]:
                mine = owned(use, axis)
                for other in self.uses[id(use.buffer)]:
                    if other.kernel is not kernel and other.writes != use.writes:
                        theirs = owned(other, other.kernel.cut)
                        writer, reader = (mine, theirs) if use.writes else (theirs, mine)
                        total += moved(writer, reader) * use.buffer.size / 64 * LINE_COST
        return total


def axes_to_cut(kernel: Kernel) -> list[int]:
    """The axes whose parts threads may share."""
    if kernel.call is not None:
        return []
    if kernel.repack:
        return [] if kernel.out_lane is None else [kernel.out_lane]
    return [a for a in kernel.outer if kernel.extents[a] > 1]


def load(plan: Plan, kernel: Kernel, axis: int | None) -> float:
    """Cycles of the thread that has most to do, in the middle of several crowds."""
    if axis is None:
        return kernel.cycles
    length = kernel.extents[axis]
    if axis == kernel.batch and plan.chunk is not None:
        length = plan.chunk
    size = LANES if axis == kernel.out_lane else 1
    units = -(-length // size)
    parts = -(-units // tile_of(kernel, axis))
    shares = [-(-parts // crowd) * -(-units // parts) / units for crowd in CROWDS]
    return ENTER + kernel.cycles * sum(shares) / len(shares)


def tile_of(kernel: Kernel, axis: int) -> int:
    """Roughly how many units of an axis are worked on together (see `nest.loops`)."""
    dots = kernel.lane in kernel.inner
    if axis == kernel.out_lane:
        return 1 if dots or kernel.repack else 4
    return (3 if dots else 6) if kernel.contracts else 1


def uses_of(plan: Plan, kernel: Kernel) -> Any:
    """What a kernel reads and writes."""
    for read in accesses(plan, kernel):
        if read.node in plan.buffers:
            yield Use(kernel, plan.buffers[read.node], read.index, False)
    for x in kernel.stores:
        if kernel.call is None:
            yield Use(kernel, plan.buffers[x], positions(kernel, kernel.index_of(x)), True)
        else:
            yield Use(kernel, plan.buffers[x], (), True)


def owned(use: Use, axis: int | None) -> int | None:
    """The axis of the buffer along which a cut gives each thread its part; None: one has all."""
    if axis is None:
        return None
    name = f"a{axis}"
    at = [i for i, p in enumerate(use.at) if name in set(variables_of(p))]
    if not at:
        return ALL
    return at[0] if len(at) == 1 and use.at[at[0]].coefficient(name) == 1 else MIXED


def moved(writer: int | None, reader: int | None) -> float:
    """How much of a buffer goes from core to core when one of two threads reads it."""
    if writer is None:
        return 0.0 if reader is None else 1.0 if reader == ALL else 0.5
    if reader is None or reader == ALL:
        return 0.5
    return 0.0 if writer == reader != MIXED else 0.25


# ---- what has to wait


class Touched(NamedTuple):
    """Ranges of memory (base, first byte, end) that a kernel reads and writes; who runs it."""

    reads: frozenset
    writes: frozenset
    alone: bool

    def waits_for(self, other: Touched) -> bool:
        """Whether it may only begin when all threads are through another one."""
        if self.alone and other.alone:
            return False
        hazards = (
            (self.reads, other.writes),
            (self.writes, other.reads),
            (self.writes, other.writes),
        )
        return any(meet(a, b) for mine, theirs in hazards for a in mine for b in theirs)


def meet(a: tuple, b: tuple) -> bool:
    """Whether two ranges have memory in common."""
    return a[0] == b[0] and a[1] < b[2] and b[1] < a[2]


def touched(plan: Plan, kernel: Kernel) -> Touched:
    """What a kernel touches, addresses given."""
    reads: set[tuple] = set()
    writes: set[tuple] = set()
    for use in uses_of(plan, kernel):
        (writes if use.writes else reads).add(range_of(use.buffer))
    if kernel.adds_up:
        reads |= writes
    if kernel.call is not None and is_scatter(kernel.call):
        reads |= {range_of(plan.buffers[x]) for x in kernel.call.inputs if x in plan.buffers}
    return Touched(frozenset(reads), frozenset(writes), kernel.cut is None)


def range_of(buffer: Buffer) -> tuple:
    """Where a buffer lies."""
    if buffer.outside:
        return buffer.base, 0, math.inf
    return buffer.base, buffer.offset, buffer.offset + buffer.size


__all__ = ["Touched", "groups_of", "in_slot", "shared", "touched"]
