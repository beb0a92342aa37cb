"""Along which axis the vectors of each kernel run, and which axis of each buffer is contiguous.

A beam over the kernels in order.  Each may run its vectors along any axis; the first to touch a
buffer with vectors decides which of its axes is contiguous, and later ones pay if they disagree:
an operand is copied the right way round first, other reads gather.  Then everything has an address.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ..emit.position import LANES, Digit, Position
from ..target import AVX512
from .address import give_addresses
from .group import accesses, positions, pulled, roots_of
from .kernel import Buffer, Kernel, Plan, is_call, space
from .limits import share
from .pull import Read, variables_of
from .repack import MUCH, OVERHEAD, cycles_of_copy, only, packing, repack_operands, whole
from .share import shared
from .tiles import shape_of, vectors_of

BEAM = 8
GATHER = 10  # cycles for each point at which lanes are gathered
SCATTER = 40
TREE = 1.5  # cycles for each output whose lanes are added up
WINDOWS = ("convolution", "overlap")
Lanes = tuple[int | None, int | None]  # the axis that lanes run along, and that of what is stored
FAR = 1.2  # how much longer it takes to read much from far away again and again


class Access(NamedTuple):
    """A vector access: the buffer, the axis of it that lanes run along; None if they are mixed."""

    buffer: Buffer
    axis: int | None
    elements: int


class Option(NamedTuple):
    """One way to run a kernel: axes of lanes, and what that touches; `runs` for the chunks."""

    lane: int | None
    out: int | None
    parts: int | None
    operands: tuple[Access, ...]
    others: tuple[Access, ...]
    stores: tuple[Access, ...]
    cycles: float
    runs: int = 1


class Best(NamedTuple):
    """A state of the search."""

    cycles: float
    layout: dict[int, int | None]  # id of a buffer -> its contiguous axis
    chosen: tuple[Option, ...]


def laid_out(plan: Plan, resident: bool = False, beside: Plan | None = None) -> Plan:
    """Lanes, layouts and addresses.

    `resident` says that cells lie in the arena, where their layout is free; else they are the
    user's arrays, rows one after another.  A plan `beside` another has its cells where that has.
    """
    _fix_users_arrays(plan, resident)
    if beside is not None:
        _share_cells(plan, beside)
    best = _searched(plan)
    for kernel, option in zip(list(plan.kernels), best.chosen):
        kernel.lane, kernel.out_lane, kernel.cycles = option.lane, option.out, option.cycles
        kernel.repack = not kernel.heroes and option.lane != option.out
        kernel.parts = option.parts
        if kernel.contracts:
            repack_operands(plan, kernel, best.layout)
    for buffer in plan.buffers.values():
        if buffer.strides is None:
            buffer.lay_out(best.layout.get(id(buffer), len(buffer.shape) - 1))
    plan.cycles = sum(k.cycles for k in plan.kernels)
    shared(plan)
    give_addresses(plan)
    return plan


def _fix_users_arrays(plan: Plan, resident: bool) -> None:
    """Pointers to users' arrays come in a table; dense buffers are as NumPy has them."""
    outside = [*plan.graph.inputs, *([] if resident else plan.graph.cells)]
    for x in plan.graph.outputs if plan.order == "rows" else ():
        plan.buffers[x].dense = True  # blocks of rows lie one after another
    for number, x in enumerate(outside):
        buffer = plan.buffers[x]
        buffer.base = f"%e{number}"
        buffer.dense = True
    for kernel in plan.kernels:  # what is read through split axes wants them side by side
        for read in accesses(plan, kernel):
            if read.node in plan.buffers:
                plan.buffers[read.node].tight |= _joined(read.index)
    for buffer in plan.buffers.values():
        if buffer.dense:
            buffer.lay_out_dense()


def _share_cells(plan: Plan, beside: Plan) -> None:
    """Cells of two plans of one step, in the same memory."""
    for mine, theirs in zip(plan.graph.cells, beside.graph.cells, strict=True):
        other, buffer = beside.buffers[theirs], plan.buffers[mine]
        buffer.offset, buffer.strides, buffer.room = other.offset, other.strides, other.room
        buffer.contiguous, buffer.dense, buffer.fixed = other.contiguous, other.dense, True


def _joined(index: tuple[Position, ...]) -> set[int]:
    """Axes at which digits of one position are read, side by side."""
    parts = [{v.of for v, _ in p.terms if isinstance(v, Digit)} for p in index]
    pairs = [(a, a + 1) for a in range(len(parts) - 1) if parts[a] & parts[a + 1]]
    return {a for pair in pairs for a in pair}


# ---- the search


def _searched(plan: Plan) -> Best:
    layout = {id(b): b.contiguous for b in plan.buffers.values() if b.strides is not None}
    beam = [Best(0.0, layout, ())]
    for kernel in plan.kernels:
        options = _options(plan, kernel)
        states = [_extended(state, kernel, option) for state in beam for option in options]
        beam = _kept(sorted(states, key=lambda state: state.cycles))
    return beam[0]


def _kept(states: list[Best]) -> list[Best]:
    """The best states, and the best of each axis along which the last kernel stores."""
    first: dict[int | None, Best] = {}
    for state in states[BEAM:]:
        first.setdefault(state.chosen[-1].out, state)
    seen = {state.chosen[-1].out for state in states[:BEAM]}
    return states[:BEAM] + [state for out, state in first.items() if out not in seen]


def _options(plan: Plan, kernel: Kernel) -> list[Option]:
    """All ways to run a kernel."""
    if (kernel.call is not None and is_call(kernel.call)) or not kernel.extents:
        return [Option(None, None, _parts(plan, kernel), (), (), (), OVERHEAD)]
    operands, stores = roots_of(kernel)
    if kernel.call is not None:
        operands, stores = operands[:1], operands[1:]
    inside = [s for s in stores if s.node in kernel.within]
    outside = [s for s in stores if s.node not in kernel.within]
    seen = pulled(plan, operands + inside, kernel), pulled(plan, outside, kernel)
    read = [plan.buffers[r.node] for r in seen[1] if r.node in plan.buffers]
    pairs = list(_lanes(kernel, read))
    if plan.order == "rows":
        pairs = [pair for pair in pairs if _same_for_all_rows(kernel, pair[0])] or [(None, None)]
    return [_option(plan, kernel, lane, out, *seen) for lane, out in pairs]


def _same_for_all_rows(kernel: Kernel, lane: int | None) -> bool:
    """Whether lanes along an axis let a sum have the bits that it has for any number of rows.

    Sums are made of sixteen parts along the last axis that vanishes, as a single row wants it: its
    vectors run as the user's matrices lie.  Convolutions add one element after another.
    """
    if not kernel.heroes or lane not in kernel.inner:
        return True
    return lane == kernel.inner[-1] and not _has_windows(kernel)


def _parts(plan: Plan, kernel: Kernel) -> int | None:
    """The axis along which sums are made of sixteen parts."""
    if plan.order != "rows" or not kernel.inner or _has_windows(kernel):
        return None
    return kernel.inner[-1]


def _has_windows(kernel: Kernel) -> bool:
    return any(h.operation.name in WINDOWS for h in kernel.heroes)


def _lanes(kernel: Kernel, read: list[Buffer]) -> Iterator[tuple[int | None, int | None]]:
    """Pairs of axes along which vectors may run, and be stored; an axis of length 1 is none."""
    if kernel.call is not None:
        kept = tuple(range(len(kernel.call.inputs[1].shape), len(kernel.extents)))
        yield from ((a, a) for a in kept or (None,))
        return
    long = [a for a, n in enumerate(kernel.extents) if n != 1]
    if not long:
        yield None, None
    for lane in long:
        if lane not in kernel.inner:
            yield lane, lane
        elif kernel.contracts:
            kept = tuple(a for a in kernel.outer if a in long)
            yield from ((lane, out) for out in kept or (None,))
        else:
            yield lane, lane if kernel.outer else None
    if not kernel.heroes and all(x.dtype.itemsize == 4 for x in kernel.stores):
        fixed = any(b.strides is not None and len(b.shape) > 1 for b in read)
        fixed = fixed or any(x.operation.name in ("reshape", "cast") for x in kernel.stores)
        yield from ((a, b) for a in long for b in long if a != b and fixed)


def _option(
    plan: Plan, kernel: Kernel, lane: Any, out: Any, operands: list[Read], others: list[Read]
) -> Option:
    def along(found: list[Read], axis: Any) -> tuple[Access, ...]:
        if axis is None:
            return ()
        name = f"a{axis}"
        kept = [
            _access(plan.buffers[r.node], r.index, name) for r in found if r.node in plan.buffers
        ]
        return tuple(dict.fromkeys(a for a in kept if a is not None))

    def read(found: list[Read]) -> list[Read]:
        return [r for r in found if r.node not in kernel.heroes]

    written = [Read(x, positions(kernel, kernel.index_of(x))) for x in kernel.stores]
    inside = [w for w in written if w.node in kernel.within]
    outside = [w for w in written if w.node not in kernel.within]
    stores = () if kernel.call is not None else along(outside, out) + along(inside, lane)
    reads = along(read(operands), lane), along(read(others), out if kernel.heroes else lane)
    runs, parts = plan.chunks if kernel.phase == 1 else 1, _parts(plan, kernel)
    cycles = _cycles(kernel, lane, out, runs) + _merging(kernel, lane, parts)
    return Option(lane, out, parts, *reads, stores, cycles, runs)


def _merging(kernel: Kernel, lane: Any, parts: int | None) -> float:
    """What it takes to add up sixteen parts that no lanes are."""
    if parts is None or lane == parts or lane is None:
        return 0.0
    outputs = math.prod(kernel.extents[a] for a in kernel.outer) * whole(kernel.extents[lane])
    few = min(kernel.extents[parts], LANES)
    each = 0.5 if kernel.extents[parts] <= LANES else 1.5
    return outputs / LANES * few * each


def _access(buffer: Buffer, index: tuple[Position, ...], name: str) -> Access | None:
    """How lanes along the axis `name` lie in a buffer; None if they all read one element."""
    at = [i for i, p in enumerate(index) if name in set(variables_of(p))]
    if not at:
        return None
    elements = math.prod(buffer.shape)
    if buffer.strides is None and buffer.tight.intersection(at):
        last = max(buffer.tight)
        laid = replace(buffer)
        laid.lay_out(last)
        step = laid.at(index)
        good = step.coefficient(name) == 1 and only(step, name)
        return Access(buffer, last if good else None, elements)
    plain = [i for i in at if index[i].coefficient(name) == 1 and only(index[i], name)]
    if buffer.strides is not None:
        step = buffer.at(index)
        same = step.coefficient(name) == 1 and only(step, name)
        if same or buffer.dtype.itemsize != 4:  # only such can be copied the other way round
            return Access(buffer, buffer.contiguous if same else None, elements)
    axis = at[0] if len(at) == 1 and plain else None
    return Access(buffer, axis, elements)


def _cycles(kernel: Kernel, lane: Any, out: Any, runs: int) -> float:
    """Roughly what a kernel takes, in all its runs, when all its accesses are right."""
    outputs = math.prod(kernel.extents[a] for a in kernel.outer)
    outputs *= runs if kernel.adds_up else 1
    enter = OVERHEAD * runs
    if lane is None:
        return enter + 4.0 * math.prod(kernel.extents)
    work = math.prod(kernel.extents) * whole(kernel.extents[lane])
    wide = sum(kernel.is_wide(x) for x in kernel.stores)
    if not kernel.heroes and out != lane:
        each = cycles_of_copy(work * whole(kernel.extents[out]) / runs)
        return runs * each * len(kernel.stores)
    if kernel.contracts:
        (hero,) = kernel.heroes
        work *= share(kernel, hero)
        total = enter + work / 32 * max(1.0, _loads(kernel, lane, out))
        total *= FAR if _streams(kernel, hero, lane, 1 / runs) else 1
    else:
        loads = len(kernel.heroes) + wide + (0 if kernel.heroes else len(kernel.stores))
        total = enter + work * loads / 16
    if lane in kernel.inner:
        per = TREE if kernel.contracts else 20 * len(kernel.heroes)
        several = sum(kernel.extents[a] > 1 for a in kernel.inner) > 1
        total += (
            work / 32 * (0 if several else 0.15)
            + outputs * (whole(kernel.extents[out]) if out is not None else 1) * per
        )
    return total


def _streams(kernel: Kernel, hero: Any, lane: int, chunk: float) -> bool:
    """Whether vectors of windows come from far: rows of a large batch lie far from each other."""
    if sum(kernel.extents[a] > 1 for a in kernel.inner) < 2:
        return False
    x, entries = max(zip(hero.inputs, space(hero).reads), key=lambda r: math.prod(r[0].shape))
    leads = [e for e in entries if e == lane or (not isinstance(e, int) and (lane, 1) in e[0])]
    rows = bool(leads) and x.shape[entries.index(leads[0])] > LANES and entries[1] is not leads[0]
    return rows and math.prod(x.shape) * chunk > MUCH


def _loads(kernel: Kernel, lane: int, out: int | None) -> float:
    """Loads for each product on a processor with 32 registers of 16 lanes."""
    tile = AVX512.tile(np.dtype(np.float32))
    if lane in kernel.inner:
        most, vectors = tile.dots
    else:
        vectors = vectors_of(kernel, kernel.extents[lane], tile)
        most = tile.rows[vectors]
    return shape_of(kernel, lane, out, vectors, most, kernel.extents, enough=1.0).loads


def _extended(state: Best, kernel: Kernel, option: Option) -> Best:
    """The state after one more kernel."""
    total, layout = state.cycles + option.cycles, dict(state.layout)
    points = math.prod(kernel.extents)
    outputs = math.prod(kernel.extents[a] for a in kernel.outer)
    folds = GATHER / 2 * len(kernel.heroes)  # each goes through all points
    for access in option.operands:
        along = layout.setdefault(id(access.buffer), access.axis)
        if along != access.axis or access.axis is None:
            packable = kernel.contracts and access.axis is not None
            runs = option.runs if access.buffer.rolling is not None else 1
            gathers = GATHER * points / LANES * 4 if kernel.contracts else folds * points
            copied = packing(access.buffer.shape, along, access.axis) * runs
            total += copied if packable else gathers
    for access in option.others:
        if layout.setdefault(id(access.buffer), access.axis) != access.axis or access.axis is None:
            total += GATHER * (outputs if kernel.contracts else points)
    for access in option.stores:
        if layout.setdefault(id(access.buffer), access.axis) != access.axis or access.axis is None:
            total += SCATTER * outputs
    return Best(total, layout, (*state.chosen, option))
