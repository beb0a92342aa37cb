"""Copies of operands that lie the wrong way round, made before the kernels that read them."""

from __future__ import annotations

import math
from typing import Any

from ..emit.position import LANES, Position, variable
from ..graph import rebuilt
from .group import pulled, roots_of
from .kernel import Buffer, Kernel, Plan
from .place import copy_of
from .pull import Read, variables_of

OVERHEAD = 60  # cycles to enter a kernel
REPACK = 0.19  # cycles for each element that is copied the other way round
MUCH = 1_500_000  # elements that do not stay in a cache


def cycles_of_copy(elements: float) -> float:
    """Cycles of a copy the other way round; from far memory it takes longer."""
    return OVERHEAD + elements * REPACK + max(elements - MUCH, 0) * 4 * REPACK


def whole(n: int) -> float:
    """How much longer a row is in whole vectors."""
    return -(-n // LANES) * LANES / n if n else 1.0


def packing(shape: tuple[int, ...], along: int | None, axis: int | None) -> float:
    """Cycles to copy what lies along one axis so that it lies along another."""
    padded = [1.0 if a is None else whole(shape[a]) for a in (along, axis)]
    return cycles_of_copy(math.prod(shape) * math.prod(padded))


def only(position: Position, name: str) -> bool:
    """Whether a variable appears in a position as itself alone."""
    return all(
        v == name or name not in set(variables_of(Position(((v, 1),)))) for v, _ in position.terms
    )


def repack_operands(plan: Plan, kernel: Kernel, layout: dict[int, int | None]) -> None:
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
    if len(at) != 1 or index[at[0]].coefficient(name) != 1 or not only(index[at[0]], name):
        return None
    return at[0]


def _mixed(read: Read) -> bool:
    return any(not isinstance(v, str) for p in read.index for v, _ in p.terms)


def _repack(
    plan: Plan, kernel: Kernel, hero: Any, place: int, x: Any, axes: tuple, batch: int | None
) -> None:
    """A copy of `x` that lies along the second of two axes where `x` lies along the first."""
    copy, (along, axis) = _copied(plan, kernel, x, axes), axes
    if copy is not None:
        _read_instead(hero, place, x, copy)
        return
    copy = copy_of(x)
    pack = Kernel(x.shape, index=tuple(range(len(x.shape))), stores={copy: None}, repack=True)
    pack.batch = batch
    pack.lane, pack.out_lane = along, axis
    pack.number = kernel.number - 0.25
    pack.cycles = packing(x.shape, along, axis)
    plan.home[copy] = pack
    plan.buffers[copy] = _rolled(plan, pack, x)
    plan.buffers[copy].lay_out(axis, every_axis=True)
    _insert(plan, pack, kernel)
    _read_instead(hero, place, x, copy)


def _read_instead(hero: Any, place: int, x: Any, copy: Any) -> None:
    """Let a hero read a copy."""
    inputs = list(hero.inputs)
    inputs[place] = _replaced(inputs[place], x, copy)
    hero.inputs = tuple(inputs)


def _copied(plan: Plan, kernel: Kernel, x: Any, axes: tuple) -> Any:
    """A copy that an earlier kernel reads, of a value that is not overwritten."""
    if x in plan.graph.cells:
        return None
    for pack in plan.kernels[: plan.kernels.index(kernel)]:
        if not pack.repack or pack.phase not in (0, kernel.phase):
            continue
        copy = next(iter(pack.stores))
        same = copy.operation.name == "cast" and copy.inputs[0] is x
        if same and (pack.lane, pack.out_lane) == axes:
            pack.number = min(pack.number, kernel.number - 0.25)
            return copy
    return None


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
