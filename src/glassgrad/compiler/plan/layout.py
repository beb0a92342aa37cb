"""Along which axis the vectors of each kernel run, and which axis of each buffer is contiguous.

A beam over the kernels in order.  Each may run its vectors along any axis; the first to touch a
buffer with vectors decides which of its axes is contiguous, and later ones pay if they disagree:
an operand is copied the right way round first, other reads gather.  Then everything has an address.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ..emit.position import LANES, Digit, Position, variable
from ..graph import rebuilt
from ..target import AVX512
from .group import accesses, positions, pulled, roots_of
from .kernel import Buffer, Kernel, Plan, is_call, space
from .limits import share
from .place import copy_of
from .pull import Read, variables_of
from .tiles import shape_of, vectors_of

BEAM = 8
OVERHEAD = 60  # cycles to enter a kernel
REPACK = 0.19  # cycles for each element that is copied the other way round
GATHER = 10  # cycles for each point at which lanes are gathered
SCATTER = 40
TREE = 1.5  # cycles for each output whose lanes are added up
LINE = 64
FAR, MUCH = 1.2, 1_500_000  # how much longer it takes to read that many elements again and again


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
    _give_addresses(plan)
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
        return [Option(None, None, (), (), (), OVERHEAD)]
    operands, stores = roots_of(kernel)
    if kernel.call is not None:
        operands, stores = operands[:1], operands[1:]
    seen = pulled(plan, operands, kernel), pulled(plan, stores, kernel)
    pairs = _lanes(kernel, [plan.buffers[r.node] for r in seen[1] if r.node in plan.buffers])
    return [_option(plan, kernel, lane, out, *seen) for lane, out in pairs]


def _lanes(kernel: Kernel, read: list[Buffer]) -> list[tuple[int | None, int | None]]:
    """Pairs of axes along which vectors may run, and be stored."""
    axes = range(len(kernel.extents))
    if kernel.call is not None:
        rows = len(kernel.call.inputs[1].shape)
        return [(a, a) for a in axes[rows:]] or [(None, None)]
    pairs: list[tuple[int | None, int | None]] = []
    for lane in axes:
        summed = lane in kernel.inner
        outs = kernel.outer if summed and kernel.contracts else (lane,)
        pairs += [(lane, out) for out in outs]
        if summed and not kernel.outer:
            pairs.append((lane, None))
    if not kernel.heroes and all(x.dtype.itemsize == 4 for x in kernel.stores):
        fixed = any(b.strides is not None and len(b.shape) > 1 for b in read)
        fixed = fixed or any(x.operation.name in ("reshape", "cast") for x in kernel.stores)
        pairs += [(a, b) for a in axes for b in axes if a != b and fixed]
    return pairs


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
    stores = () if kernel.call is not None else along(written, out)
    reads = along(read(operands), lane), along(read(others), out if kernel.heroes else lane)
    return Option(lane, out, *reads, stores, _cycles(kernel, lane, out, _chunk(plan)))


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
        good = step.coefficient(name) == 1 and _only(step, name)
        return Access(buffer, last if good else None, elements)
    plain = [i for i in at if index[i].coefficient(name) == 1 and _only(index[i], name)]
    if buffer.strides is not None:
        step = buffer.at(index)
        same = step.coefficient(name) == 1 and _only(step, name)
        if same or buffer.dtype.itemsize != 4:  # only such can be copied the other way round
            return Access(buffer, buffer.contiguous if same else None, elements)
    axis = at[0] if len(at) == 1 and plain else None
    return Access(buffer, axis, elements)


def _chunk(plan: Plan) -> float:
    """The part of a batch that is worked on at a time."""
    return 1.0 if plan.chunk is None or not plan.batch else plan.chunk / plan.batch


def _only(position: Position, name: str) -> bool:
    """Whether a variable appears in a position as itself alone."""
    return all(
        v == name or name not in set(variables_of(Position(((v, 1),)))) for v, _ in position.terms
    )


def _cycles(kernel: Kernel, lane: Any, out: Any, chunk: float) -> float:
    """Roughly what a kernel takes when all its accesses are right."""
    outputs = math.prod(kernel.extents[a] for a in kernel.outer)
    if lane is None:
        return OVERHEAD + 4.0 * math.prod(kernel.extents)
    work = math.prod(kernel.extents) * _whole(kernel.extents[lane])
    wide = sum(kernel.is_wide(x) for x in kernel.stores)
    if not kernel.heroes and out != lane:
        return OVERHEAD + work * _whole(kernel.extents[out]) * REPACK * len(kernel.stores)
    if kernel.contracts:
        (hero,) = kernel.heroes
        work *= share(kernel, hero)
        total = OVERHEAD + work / 32 * max(1.0, _loads(kernel, lane, out))
        total *= FAR if _streams(kernel, hero, lane, chunk) else 1
    else:
        loads = len(kernel.heroes) + wide + (0 if kernel.heroes else len(kernel.stores))
        total = OVERHEAD + work * loads / 16
    if lane in kernel.inner:
        per = TREE if kernel.contracts else 20 * len(kernel.heroes)
        several = sum(kernel.extents[a] > 1 for a in kernel.inner) > 1
        total += (
            work / 32 * (0 if several else 0.15)
            + outputs * (_whole(kernel.extents[out]) if out is not None else 1) * per
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


def _whole(n: int) -> float:
    """How much longer a row is in whole vectors."""
    return -(-n // LANES) * LANES / n if n else 1.0


def _extended(state: Best, kernel: Kernel, option: Option) -> Best:
    """The state after one more kernel."""
    total, layout = state.cycles + option.cycles, dict(state.layout)
    points = math.prod(kernel.extents)
    outputs = math.prod(kernel.extents[a] for a in kernel.outer)
    folds = GATHER / 2 * len(kernel.heroes)  # each goes through all points
    for access in option.operands:
        if layout.setdefault(id(access.buffer), access.axis) != access.axis or access.axis is None:
            packable = kernel.contracts and access.axis is not None
            gathers = GATHER * points / LANES * 4 if kernel.contracts else folds * points
            total += OVERHEAD + access.elements * REPACK if packable else gathers
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
        if _pack_flattened(plan, kernel, hero, place, root, layout):
            continue
        for read in pulled(plan, [root], kernel):
            if (
                read.node not in plan.buffers
                or len(read.node.shape) < 2
                or (read.node.operation is None and read.node.number is not None)
            ):
                continue
            buffer = plan.buffers[read.node]
            access = _axis_along(buffer, read.index, f"a{kernel.lane}")
            along = layout.get(id(buffer))
            wrong = access is not None and along is not None and along != access
            if wrong and buffer.dtype.itemsize == 4 and not (buffer.dense and _mixed(read)):
                batch = _batch_of(plan, read.node)
                _repack(plan, kernel, hero, place, read.node, (along, access), batch)


def _pack_flattened(
    plan: Plan, kernel: Kernel, hero: Any, place: int, root: Read, layout: dict[int, int | None]
) -> bool:
    """Copy an operand that lanes run through along several axes of memory as the hero sees it."""
    name, reads = f"a{kernel.lane}", pulled(plan, [root], kernel)
    if len(reads) != 1 or reads[0].node not in plan.buffers or root.conditions:
        return False
    (read,), x = reads, hero.inputs[place]
    buffer, along = plan.buffers[read.node], layout.get(id(plan.buffers[read.node]))
    axis = next((a for a, p in enumerate(root.index) if p == variable(name)), None)
    at = [i for i, p in enumerate(read.index) if name in set(variables_of(p))]
    if len(at) < 2 or axis is None or along is None or along in at or x.dtype.itemsize != 4:
        return False
    if math.prod(x.shape) > math.prod(read.node.shape):
        return False
    source = next((a for a, p in enumerate(root.index) if p == read.index[along]), None)
    rows = variable(f"a{kernel.batch}")
    batch = next((a for a, p in enumerate(root.index) if p == rows), None)
    if source is None or (buffer.rolling is not None and batch is None):
        return False
    in_chunks = plan.chunk is not None and kernel.phase == 1
    _repack(plan, kernel, hero, place, x, (source, axis), batch if in_chunks else None)
    return True


def _axis_along(buffer: Buffer, index: tuple[Position, ...], name: str) -> int | None:
    """The axis of a buffer that lanes run along, whatever its layout."""
    at = [i for i, p in enumerate(index) if name in set(variables_of(p))]
    if len(at) != 1 or index[at[0]].coefficient(name) != 1 or not _only(index[at[0]], name):
        return None
    return at[0]


def _mixed(read: Read) -> bool:
    return any(not isinstance(v, str) for p in read.index for v, _ in p.terms)


def _repack(
    plan: Plan, kernel: Kernel, hero: Any, place: int, x: Any, axes: tuple, batch: int | None
) -> None:
    """A copy of `x` that lies along the second of two axes where `x` lies along the first."""
    copy, (along, axis) = copy_of(x), axes
    pack = Kernel(x.shape, index=tuple(range(len(x.shape))), stores={copy: None}, repack=True)
    pack.batch = batch
    pack.lane, pack.out_lane = along, axis
    pack.number = kernel.number - 0.25
    pack.cycles = OVERHEAD + math.prod(x.shape) * REPACK
    plan.home[copy] = pack
    plan.buffers[copy] = _rolled(plan, pack, x)
    plan.buffers[copy].lay_out(axis, every_axis=True)
    _insert(plan, pack, kernel)
    inputs = list(hero.inputs)
    inputs[place] = _replaced(inputs[place], x, copy)
    hero.inputs = tuple(inputs)


def _rolled(plan: Plan, pack: Kernel, x: Any) -> Buffer:
    """Memory for a copy: of the present chunk of the batch only."""
    source = plan.buffers.get(x)
    if source is not None:
        return Buffer(source.shape, x.dtype, rolling=source.rolling)
    if pack.batch is None or plan.chunk is None:
        return Buffer(x.shape, x.dtype)
    shape = tuple(plan.chunk if a == pack.batch else n for a, n in enumerate(x.shape))
    return Buffer(shape, x.dtype, rolling=pack.batch)


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


def _give_addresses(plan: Plan) -> None:
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
            buffer.offset = buffer.parent.offset + buffer.start * buffer.dtype.itemsize
    plan.arena = size + 4096
    for number, kernel in enumerate(plan.kernels):
        what = "_".join(dict.fromkeys(h.operation.name for h in kernel.heroes))
        if kernel.call is not None:
            what = kernel.call.operation.name
        kernel.label = f"k{number}_{what or ('repack' if kernel.repack else 'map')}"
        kernel.label = "".join(c if c.isalnum() or c == "_" else "_" for c in kernel.label)
