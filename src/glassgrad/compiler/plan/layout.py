"""Along which axis the vectors of each kernel run, and which axis of each buffer is contiguous.

A beam over the kernels in order.  Each may run its vectors along any axis; the first to touch a
buffer with vectors decides which of its axes is contiguous, and later ones pay if they disagree:
an operand is copied the right way round first, other reads gather.  Then everything has an address.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ..emit.position import LANES, Position
from ..graph import rebuilt
from .group import accesses, positions, pulled, roots_of
from .kernel import Buffer, Kernel, Plan, is_call
from .place import copy_of
from .pull import Read, variables_of

BEAM = 8
OVERHEAD = 60  # cycles to enter a kernel
REPACK = 0.19  # cycles for each element that is copied the other way round
GATHER = 10  # cycles for each point at which lanes are gathered
SCATTER = 40
TREE = 1.5  # cycles for each output whose lanes are added up
LINE = 64


class Access(NamedTuple):
    """A vector access: the buffer, the axis of it that lanes run along; None if they are mixed."""

    buffer: Buffer
    axis: int | None
    elements: int


class Option(NamedTuple):
    """One way to run a kernel: axes of lanes, and what that touches."""

    lane: int | None
    out: int | None
    operands: tuple[Access, ...]
    others: tuple[Access, ...]
    stores: tuple[Access, ...]
    cycles: float


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
        if kernel.contracts:
            _repack_operands(plan, kernel, best.layout)
    for buffer in plan.buffers.values():
        if buffer.strides is None:
            buffer.lay_out(best.layout.get(id(buffer), len(buffer.shape) - 1))
    plan.cycles = sum(k.cycles for k in plan.kernels)
    give_addresses(plan)
    return plan


def _fix_users_arrays(plan: Plan, resident: bool) -> None:
    """Pointers to users' arrays come in a table; dense buffers are as NumPy has them."""
    outside = [*plan.graph.inputs, *([] if resident else plan.graph.cells)]
    for number, x in enumerate(outside):
        buffer = plan.buffers[x]
        buffer.base = f"%e{number}"
        buffer.dense = True
    for kernel in plan.kernels:  # what is read through split axes wants them side by side
        for read in accesses(plan, kernel):
            split = any(not isinstance(v, str) for p in read.index for v, _ in p.terms)
            if split and read.node in plan.buffers and not _has_dynamic(read):
                plan.buffers[read.node].dense = True
    for buffer in plan.buffers.values():
        if buffer.dense:
            buffer.lay_out_dense()


def _share_cells(plan: Plan, beside: Plan) -> None:
    """Cells of two plans of one step, in the same memory."""
    for mine, theirs in zip(plan.graph.cells, beside.graph.cells, strict=True):
        other, buffer = beside.buffers[theirs], plan.buffers[mine]
        buffer.offset, buffer.strides, buffer.room = other.offset, other.strides, other.room
        buffer.contiguous, buffer.dense, buffer.fixed = other.contiguous, other.dense, True


def _has_dynamic(read: Read) -> bool:
    return any(type(v).__name__ == "Dynamic" for p in read.index for v, _ in p.terms)


# ---- the search


def _searched(plan: Plan) -> Best:
    layout = {id(b): b.contiguous for b in plan.buffers.values() if b.strides is not None}
    beam = [Best(0.0, layout, ())]
    for kernel in plan.kernels:
        options = _options(plan, kernel)
        states = [_extended(state, kernel, option) for state in beam for option in options]
        beam = sorted(states, key=lambda state: state.cycles)[:BEAM]
    return beam[0]


def _options(plan: Plan, kernel: Kernel) -> list[Option]:
    """All ways to run a kernel."""
    if (kernel.call is not None and is_call(kernel.call)) or not kernel.extents:
        return [Option(None, None, (), (), (), OVERHEAD)]
    pairs: list[tuple[int | None, int | None]] = []
    if kernel.call is not None:
        rows = len(kernel.call.inputs[1].shape)
        pairs = [(a, a) for a in range(rows, len(kernel.extents))] or [(None, None)]
    else:
        for lane in range(len(kernel.extents)):
            summed = lane in kernel.inner
            outs = kernel.outer if summed and kernel.contracts else (lane,)
            pairs += [(lane, out) for out in outs]
            if summed and (not kernel.outer or not kernel.contracts):
                pairs += [(lane, None)] if not kernel.outer else []
    operands, stores = roots_of(kernel)
    if kernel.call is not None:
        operands, stores = operands[:1], operands[1:]
    seen = pulled(plan, operands, kernel), pulled(plan, stores, kernel)
    return [_option(plan, kernel, lane, out, *seen) for lane, out in pairs]


def _option(
    plan: Plan, kernel: Kernel, lane: Any, out: Any, operands: list[Read], others: list[Read]
) -> Option:
    def along(found: list[Read], axis: Any) -> tuple[Access, ...]:
        if axis is None:
            return ()
        name = f"a{axis}"
        kept = [
            _access(plan.buffers[r.node], r.index, name)
            for r in found
            if r.node in plan.buffers and r.node not in kernel.heroes
        ]
        return tuple(dict.fromkeys(a for a in kept if a is not None))

    written = [Read(x, positions(kernel, kernel.index_of(x))) for x in kernel.stores]
    stores = () if kernel.call is not None else along(written, out)
    return Option(
        lane, out, along(operands, lane), along(others, out), stores, _cycles(kernel, lane, out)
    )


def _access(buffer: Buffer, index: tuple[Position, ...], name: str) -> Access | None:
    """How lanes along the axis `name` lie in a buffer; None if they all read one element."""
    at = [i for i, p in enumerate(index) if name in set(variables_of(p))]
    if not at:
        return None
    plain = [i for i in at if index[i].coefficient(name) == 1 and _only(index[i], name)]
    if buffer.strides is not None:
        step = buffer.at(index)
        same = step.coefficient(name) == 1 and _only(step, name)
        if same or buffer.dtype.itemsize != 4:  # only such can be copied the other way round
            return Access(buffer, buffer.contiguous if same else None, math.prod(buffer.shape))
    axis = at[0] if len(at) == 1 and plain else None
    return Access(buffer, axis, math.prod(buffer.shape))


def _only(position: Position, name: str) -> bool:
    """Whether a variable appears in a position as itself alone."""
    return all(
        v == name or name not in set(variables_of(Position(((v, 1),)))) for v, _ in position.terms
    )


def _cycles(kernel: Kernel, lane: Any, out: Any) -> float:
    """Roughly what a kernel takes when all its accesses are right."""
    outputs = math.prod(kernel.extents[a] for a in kernel.outer)
    if lane is None:
        return OVERHEAD + 4.0 * math.prod(kernel.extents)
    work = math.prod(kernel.extents) * _whole(kernel.extents[lane])
    wide = sum(kernel.is_wide(x) for x in kernel.stores)
    if kernel.contracts:
        total = OVERHEAD + work / 32
    else:
        loads = len(kernel.heroes) + wide + (0 if kernel.heroes else len(kernel.stores))
        total = OVERHEAD + work * loads / 16
    if lane in kernel.inner:
        per = TREE if kernel.contracts else 20 * len(kernel.heroes)
        total += (
            work / 32 * 0.15
            + outputs * (_whole(kernel.extents[out]) if out is not None else 1) * per
        )
    return total


def _whole(n: int) -> float:
    """How much longer a row is in whole vectors."""
    return -(-n // LANES) * LANES / n if n else 1.0


def _extended(state: Best, kernel: Kernel, option: Option) -> Best:
    """The state after one more kernel."""
    total, layout = state.cycles + option.cycles, dict(state.layout)
    points = math.prod(kernel.extents)
    outputs = math.prod(kernel.extents[a] for a in kernel.outer)
    for access in option.operands:
        if layout.setdefault(id(access.buffer), access.axis) != access.axis or access.axis is None:
            packable = (
                kernel.contracts and access.axis is not None and len(access.buffer.shape) == 2
            )
            total += (
                OVERHEAD + access.elements * REPACK if packable else GATHER * points / LANES * 4
            )
    for access in option.others:
        if layout.setdefault(id(access.buffer), access.axis) != access.axis or access.axis is None:
            total += GATHER * (outputs if kernel.contracts else points)
    for access in option.stores:
        if layout.setdefault(id(access.buffer), access.axis) != access.axis or access.axis is None:
            total += SCATTER * outputs
    return Best(total, layout, (*state.chosen, option))


# ---- operands that lie the wrong way round


def _repack_operands(plan: Plan, kernel: Kernel, layout: dict[int, int | None]) -> None:
    """Copy a matrix that lies the wrong way round before the kernel that reads it."""
    hero = next(iter(kernel.heroes))
    operands, _ = roots_of(kernel)
    if kernel.lane is None:
        return
    for place, root in enumerate(operands):
        for read in pulled(plan, [root], kernel):
            if (
                read.node not in plan.buffers
                or len(read.node.shape) != 2
                or (read.node.operation is None and read.node.number is not None)
            ):
                continue
            buffer = plan.buffers[read.node]
            access = _axis_along(buffer, read.index, f"a{kernel.lane}")
            wrong = access is not None and layout.get(id(buffer)) != access
            if wrong and buffer.dtype.itemsize == 4 and not (buffer.dense and _mixed(read)):
                _repack(plan, kernel, hero, place, read.node, access)


def _axis_along(buffer: Buffer, index: tuple[Position, ...], name: str) -> int | None:
    """The axis of a buffer that lanes run along, whatever its layout."""
    at = [i for i, p in enumerate(index) if name in set(variables_of(p))]
    if len(at) != 1 or index[at[0]].coefficient(name) != 1 or not _only(index[at[0]], name):
        return None
    return at[0]


def _mixed(read: Read) -> bool:
    return any(not isinstance(v, str) for p in read.index for v, _ in p.terms)


def _repack(plan: Plan, kernel: Kernel, hero: Any, place: int, x: Any, axis: int | None) -> None:
    assert axis is not None
    source = plan.buffers[x]
    copy = copy_of(x)
    pack = Kernel(x.shape, index=(0, 1), stores={copy: None}, repack=True)
    pack.batch = _batch_of(plan, x)
    pack.lane, pack.out_lane = 1 - axis, axis
    pack.number = kernel.number - 0.25
    pack.cycles = OVERHEAD + math.prod(source.shape) * REPACK
    plan.home[copy] = pack
    plan.buffers[copy] = Buffer(source.shape, x.dtype, rolling=source.rolling)
    plan.buffers[copy].lay_out(axis, every_axis=True)
    _insert(plan, pack, kernel)
    inputs = list(hero.inputs)
    inputs[place] = _replaced(inputs[place], x, copy)
    hero.inputs = tuple(inputs)


def _batch_of(plan: Plan, x: Any) -> int | None:
    """The axis of a node that grows from chunk to chunk."""
    home = plan.home.get(x)
    if plan.chunk is None or home is None or home.phase != 1:
        return None
    index = home.index_of(x)
    return index.index(home.batch) if home.batch in index else None


def _insert(plan: Plan, pack: Kernel, kernel: Kernel) -> None:
    """Just before the kernel that needs it; what is the same for all chunks before the first."""
    pack.phase = kernel.phase
    at = plan.kernels.index(kernel)
    if plan.chunk is not None and kernel.phase == 1 and pack.batch is None:
        pack.phase = 0
        at = next(i for i, k in enumerate(plan.kernels) if k.phase == 1)
    plan.kernels.insert(at, pack)


def _replaced(root: Any, old: Any, new: Any) -> Any:
    """The same expression reading `new` where it read `old`."""
    if root is old:
        return new
    if root.operation is None:
        return root
    return rebuilt(root, tuple(_replaced(x, old, new) for x in root.inputs))


# ---- addresses


def give_addresses(plan: Plan) -> None:
    """Offsets in the arena; sums that go on from chunk to chunk lie side by side."""
    cells = [plan.buffers[x] for x in plan.graph.cells]
    ordered = cells + [plan.buffers[x] for x in plan.sums] + list(plan.buffers.values())
    size = max([LINE, *(b.offset + b.size + 2 * LINE for b in cells if b.fixed)])
    size = -(-size // LINE) * LINE
    for buffer in {id(b): b for b in ordered}.values():
        if buffer.outside or buffer.fixed or buffer.parent is not None:
            continue
        buffer.offset = size
        size += -(-(buffer.size + LANES * buffer.dtype.itemsize) // LINE) * LINE
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
