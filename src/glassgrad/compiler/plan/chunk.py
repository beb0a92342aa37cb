"""A part of the batch at a time, so that what lies between two kernels stays in the cache.

Kernels that have the batch among their axes run once for each chunk; sums over the batch go on in
memory, and what follows from them waits until the last chunk.  How large a chunk is follows from
shapes alone, so results do too.
"""

from __future__ import annotations

import math
from typing import Any

from ..emit.position import Position, variable
from ..graph import Graph
from .group import accesses, pulled, roots_of
from .kernel import Buffer, Kernel, Plan, identity, is_hero, is_scatter, space
from .pull import MOVED, Read, bounds_in, operand_read, reads

FIRST_CACHE, SECOND_CACHE = 60_000, 2_000_000  # bytes to fill


def chunked(plan: Plan) -> Plan:
    """The plan in chunks, where the batch is large and every kernel can be cut."""
    axes = batch_axes(plan.graph)
    if axes is None:
        return plan
    for kernel in plan.kernels:
        kernel.batch = batch_axis(kernel, axes)
    size = chunk_size(plan, axes)
    if size is not None and _legal(plan, axes):
        _Cut(plan, axes, size)
    else:
        for kernel in plan.kernels:
            kernel.batch = None
    return plan


# ---- which axis is the batch


def batch_axes(graph: Graph) -> dict[Any, Any] | None:
    """{node: its axis that is the batch, or MIXED}; None where a loop mixes rows of the batch.

    A view that merges the batch with another axis is MIXED, and so is what is computed from it:
    loops that read it find the batch by the positions at which they do.
    """
    if not graph.inputs or not graph.inputs[0].shape:
        return None
    count = graph.inputs[0].shape[0]
    axes: dict[Any, Any] = {x: 0 for x in graph.inputs if x.shape[:1] == (count,)}
    for x in graph.nodes:
        if x.operation is None or not any(i in axes for i in x.inputs):
            continue
        found = axis_of(x, axes)
        if found is LOST:
            return None
        if found is not None:
            axes[x] = found
    return axes


LOST: Any = "lost"
MIXED: Any = "mixed"


def axis_of(x: Any, axes: dict[Any, Any]) -> Any:
    """The batch axis of a node with some among its inputs; None if it is summed away."""
    name, kind = x.operation.name, x.operation.kind
    if is_hero(x):
        return _axis_of_hero(x, axes)
    if kind == "elementwise" or name == "concatenate":
        found = {axes[i] for i in x.inputs if i in axes}
        axis = found.pop() if len(found) == 1 else MIXED
        return MIXED if name == "concatenate" and axis == x.parameters["axis"] else axis
    first = x.inputs[0]
    if name == "take" and x.inputs[1] in axes:
        return axes[x.inputs[1]] if first not in axes else LOST
    if name not in MOVED or first not in axes:
        return LOST
    return _axis_of_view(x, axes[first])


def _axis_of_view(x: Any, axis: Any) -> Any:
    """Where a batch axis of the first input goes."""
    name, shape, parameters = x.operation.name, x.inputs[0].shape, x.parameters
    if axis is MIXED:
        return MIXED
    n = shape[axis]
    if name == "view":
        return parameters["axes"][axis]
    if name == "reshape":
        places = [a for a, m in enumerate(x.shape) if m == n]
        before = math.prod(shape[:axis])
        return next((a for a in places if math.prod(x.shape[:a]) == before), MIXED)
    if name == "take":
        return axis - 1 + len(x.inputs[1].shape) if axis else MIXED
    whole = axis < len(x.shape) and x.shape[axis] == n
    return axis if whole and parameters.get("steps", (1,) * (axis + 1))[axis] == 1 else MIXED


def _axis_of_hero(x: Any, axes: dict[Any, Any]) -> Any:
    """By the positions at which a loop reads what has a batch axis."""
    found = space(x)
    point = [variable(f"a{a}") for a in range(len(found.extents))]
    operands = zip(x.inputs, found.reads)
    bounds = bounds_in(found.extents)
    read = [operand_read(i, at, point, bounds) for i, at in operands if i in axes]
    at = _rows_read(read, found.extents, axes)
    axis = at.pop() if len(at) == 1 else None
    if axis is None:
        return LOST
    if axis in found.vanish:
        return None if identity(x) == 0 else LOST
    index = found.writes or tuple(a for a in range(len(found.extents)) if a not in found.vanish)
    return index.index(axis) if axis in index else LOST


def batch_axis(kernel: Kernel, axes: dict[Any, Any]) -> int | None:
    """The axis of a kernel that is the batch; None too where several are."""
    operands, stores = roots_of(kernel)
    at = _rows_read([r for r in operands + stores if r.index], kernel.extents, axes)
    return at.pop() if len(at) == 1 else None


def _rows_read(
    roots: list[Read], extents: tuple[int, ...], axes: dict[Any, Any]
) -> set[int | None]:
    """The axes of loops at which rows of the batch are read; None for what is no such axis."""
    bounds, stack = bounds_in(extents), list(roots)
    seen, rows = set(), set()
    while stack:
        read = stack.pop()
        axis = axes.get(read.node)
        if axis is None or (read.node, read.index) in seen:
            continue
        seen.add((read.node, read.index))
        if axis is MIXED:
            stack.extend(reads(read.node, read.index, bounds))
        else:
            rows.add(_single(read.index[axis], extents))
    return rows


def _single(position: Position, extents: tuple[int, ...]) -> int | None:
    """The axis that a position is, and nothing else; axes of one element do not count."""
    terms = [t for t in position.terms if not isinstance(t[0], str) or extents[int(t[0][1:])] > 1]
    if len(terms) != 1 or position.constant or terms[0][1] != 1 or not isinstance(terms[0][0], str):
        return None
    return int(terms[0][0][1:])


# ---- how large, and whether at all


def chunk_size(plan: Plan, axes: dict[Any, Any]) -> int | None:
    """Rows of the batch whose values fit into a cache; None if all do."""
    batch = plan.graph.inputs[0].shape[0]
    given = set(plan.graph.inputs)
    kept = [b for x, b in plan.buffers.items() if x in axes and x not in given]
    row = sum(math.prod(b.shape) * b.dtype.itemsize for b in kept) / max(batch, 1)
    cells = sum(math.prod(x.shape) * x.dtype.itemsize for x in plan.graph.cells)
    cache = FIRST_CACHE if cells < FIRST_CACHE / 2 else SECOND_CACHE
    if cells > SECOND_CACHE / 2:  # sums over chunks leave the cache too: do them less often
        cache = 4 * SECOND_CACHE
    size = batch
    while size % 64 == 0 and size * row > cache:
        size //= 2
    return size if size < batch else None


def _legal(plan: Plan, axes: dict[Any, Any]) -> bool:
    """Whether no row of the batch needs the sum over all rows."""
    for kernel in plan.kernels:
        if kernel.batch is None:
            continue
        if kernel.call is not None:
            return False
        sums = kernel.batch in kernel.inner
        if sums and (_needs_own_sums(plan, kernel) or any(map(kernel.is_wide, kernel.stores))):
            return False
        sources = [plan.home[r.node] for r in accesses(plan, kernel) if r.node in plan.home]
        if any(s.batch is None and _follows(plan, s) for s in sources):
            return False
        if any(s.batch is not None and s.batch in s.inner for s in sources if s is not kernel):
            return False
    return not any(k.call is not None and is_scatter(k.call) for k in plan.kernels)


def _needs_own_sums(plan: Plan, kernel: Kernel) -> bool:
    """Whether a reduction takes up the total of another one in the same loops."""
    operands, _ = roots_of(kernel)
    return any(r.node in kernel.heroes for r in pulled(plan, operands, kernel))


def _follows(plan: Plan, kernel: Kernel, seen: set | None = None) -> bool:
    """Whether a kernel without the batch waits for one with it."""
    seen = set() if seen is None else seen
    if kernel in seen:
        return False
    seen.add(kernel)
    sources = [plan.home[r.node] for r in accesses(plan, kernel) if r.node in plan.home]
    return any(s.batch is not None or _follows(plan, s, seen) for s in sources if s is not kernel)


class _Cut:
    """Kernels in three phases: before, for each chunk, and after all chunks."""

    def __init__(self, plan: Plan, axes: dict[Any, Any], size: int) -> None:
        self.plan, self.axes = plan, axes
        plan.chunk, plan.batch = size, plan.graph.inputs[0].shape[0]
        late = {k for k in plan.kernels if k.batch is None and _follows(plan, k)}
        for kernel in list(plan.kernels):
            if kernel.batch is None:
                kernel.phase = 2 if kernel in late else 0
            elif kernel.batch in kernel.inner:
                self.add_up(kernel)
        self.roll()

    def add_up(self, kernel: Kernel) -> None:
        """Heroes go on from chunk to chunk; what is stored beside them is a map at the end."""
        plan, kernel.adds_up = self.plan, True
        late = [x for x in kernel.stores if x not in kernel.heroes]
        for hero in kernel.heroes:
            plan.buffers.setdefault(hero, Buffer(hero.shape, hero.dtype))
            plan.sums.append(hero)
        kernel.stores = dict.fromkeys(kernel.heroes)
        if late:
            finish = Kernel(kernel.shape, index=tuple(range(len(kernel.shape))), phase=2)
            finish.number = kernel.number + 0.5
            finish.stores = dict.fromkeys(late)
            plan.kernels.append(finish)
            for x in late:
                plan.home[x] = finish

    def roll(self) -> None:
        """Buffers that only the chunk's own kernels touch hold one chunk."""
        plan = self.plan
        outside = {r.node for k in plan.kernels if k.phase != 1 for r in accesses(plan, k)}
        outside |= {*plan.graph.roots, *plan.graph.inputs}
        for x, buffer in plan.buffers.items():
            axis = self.axes.get(x, MIXED)
            if axis is not MIXED and x not in outside and plan.home.get(x) in set(plan.kernels):
                buffer.rolling = axis
                shape = (*buffer.shape[:axis], plan.chunk, *buffer.shape[axis + 1 :])
                buffer.shape = shape  # type: ignore[assignment]
