"""What a plan is made of: kernels, each a loop nest, and buffers, the memory of stored nodes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...types import is_real
from ..emit.position import LANE_POSITION, LANES, Position, constant, total
from ..graph import Graph

Entry = Any  # an axis, or ((axis, coefficient), ...), offset, divisor

CHUNK = "%chunk"  # the variable of positions that is the first row of the present chunk
LOOPS = ("sum", "amax", "amin", "contract", "convolution", "overlap")
VIEWS = ("view", "reshape", "slice", "windows")  # where an element is read, and nothing else


def is_hero(x: Any) -> bool:
    """Whether a loop computes the node."""
    return x.operation is not None and x.operation.name in LOOPS


def is_call(x: Any) -> bool:
    """Whether the node is computed by a call back into NumPy."""
    if x.operation is None or is_hero(x):
        return False
    kind, name = x.operation.kind, x.operation.name
    return kind in ("numpy", "scan", "own", "composite") or name in ("logabsdet",)


def is_scatter(x: Any) -> bool:
    """Whether the node is a sum of rows at places that are read from memory."""
    return x.operation is not None and x.operation.name == "put"


@dataclass(eq=False)
class Kernel:
    """One loop nest over `extents`; heroes fold the `inner` axes away.  Without heroes: a map.

    index     at which axes what has the heroes' shape is written
    wide      at which axes what has all axes is written; None where there is nothing of the kind
    stores    what it leaves in memory
    lane      the axis along which vectors run
    out_lane  the same for what is stored, when the lane is folded away into another axis
    parts     an inner axis along which sums are made of sixteen partial sums, as if lanes ran there
    phase     0 before, 1 inside, 2 after the loop over chunks of the batch
    batch     the axis that is the batch
    adds_up   heroes go on from what is in their memory
    call      a node that NumPy computes, or whose rows are added where an index says
    repack    a copy with another axis contiguous
    within    what is stored inside the loops that fold, at each point of all axes once, and where
    earlier   what it overwrites belongs to the step before (see `rotate`)
    number    a kernel only reads what kernels of lower numbers have stored
    cut       the axis whose parts threads share; None: one thread goes through all (see `share`)
    """

    extents: tuple[int, ...]
    inner: tuple[int, ...] = ()
    index: tuple[Entry, ...] = ()
    wide: tuple[int, ...] | None = None
    heroes: dict[Any, None] = field(default_factory=dict)  # in order; a list would compare tensors
    stores: dict[Any, None] = field(default_factory=dict)
    lane: int | None = None
    out_lane: int | None = None
    parts: int | None = None
    phase: int = 1
    batch: int | None = None
    adds_up: bool = False
    call: Any = None
    repack: bool = False
    within: dict[Any, tuple[Entry, ...]] = field(default_factory=dict)
    earlier: bool = False
    label: str = ""
    cycles: float = 0.0
    number: float = math.inf
    cut: int | None = None

    @property
    def outer(self) -> tuple[int, ...]:
        """The axes that stay."""
        return tuple(a for a in range(len(self.extents)) if a not in self.inner)

    @property
    def contracts(self) -> bool:
        """Whether its hero is a sum of products."""
        return any(len(h.inputs) > 1 for h in self.heroes)

    @property
    def in_parts(self) -> bool:
        """Whether there are partial sums, and no lanes that they are."""
        return self.parts is not None and self.parts != self.lane

    def index_of(self, node: Any) -> tuple[Entry, ...]:
        """At which axes a stored node is written."""
        if node in self.within:
            return self.within[node]
        return self.wide if self.is_wide(node) else self.index  # type: ignore[return-value]

    def is_wide(self, node: Any) -> bool:
        """Whether a stored node has the inner axes too."""
        return (
            node not in self.heroes
            and node not in self.within
            and self.wide is not None
            and (
                tuple(self.extents[a] for a in self.wide) == node.shape and node.shape != self.shape
            )
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what it folds to."""
        return tuple(entry_extent(e, self.extents) for e in self.index)


def entry_extent(entry: Entry, extents: tuple[int, ...]) -> int:
    """How many positions a plain entry of an index goes through."""
    if isinstance(entry, int):
        return extents[entry]
    terms, offset, _ = entry
    return 1 + offset + sum(n * (extents[a] - 1) for a, n in terms)


def entry_position(entry: Entry, point: Any) -> Position:
    """The position that an entry without a divisor means at a point."""
    if isinstance(entry, int):
        return point[entry]
    terms, offset, _ = entry
    found = constant(offset)
    for axis, n in terms:
        found = found + point[axis] * n
    return found


def space(hero: Any) -> Any:
    """The points that a hero folds."""
    return hero.operation.space(hero, *hero.inputs, **hero.parameters)


def identity(hero: Any) -> Any:
    """What a fold starts from, in the dtype of its total."""
    found = hero.operation.fold.identity
    if is_real(hero.dtype) or not math.isinf(found):
        return found
    if hero.dtype.kind == "b":
        return found > 0
    info = np.iinfo(hero.dtype)
    return info.max if found > 0 else info.min


@dataclass(eq=False)
class Buffer:
    """The memory of a node: base + offset bytes, and elements between neighbours on each axis.

    base        the register of the pointer: the arena, a user's array, or a constant of the module
    contiguous  the axis along which neighbours are next to each other; None of a number
    room        how many elements may be read along each axis, padding included
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    base: str = "%arena"
    offset: int = 0
    strides: tuple[int, ...] | None = None
    contiguous: int | None = None
    room: tuple[int, ...] = ()
    dense: bool = False
    tight: frozenset[int] = frozenset()  # axes that are read as one: no gaps between their rows
    fixed: bool = False  # another plan has given it its place
    rolling: int | None = None  # the axis along which only the present chunk of the batch is held
    parent: Buffer | None = None  # the buffer that this one is a part of, from element `start`
    start: int = 0
    copies: int = 1  # neighbours for each element: its values in networks that are trained at once

    @property
    def outside(self) -> bool:
        """Whether it is a user's array."""
        return self.base.startswith("%e")

    def lay_out_dense(self) -> None:
        """Rows one after another, as in NumPy."""
        strides, size = [0] * len(self.shape), 1
        for axis in reversed(range(len(self.shape))):
            strides[axis] = size
            size *= self.shape[axis]
        self.strides, self.room = tuple(strides), self.shape
        self.contiguous = len(self.shape) - 1 if self.shape else None

    def lay_out(self, contiguous: int | None, every_axis: bool = False) -> None:
        """One axis contiguous, padded to whole vectors, and off the powers of two."""
        if self.dense or contiguous is None or not self.shape:
            self.lay_out_dense()
            return
        tight = self.tight if contiguous in self.tight else frozenset()
        order = sorted(range(len(self.shape)), key=lambda a: (a == contiguous, a in tight, a))
        strides, size, room = [0] * len(self.shape), 1, list(self.shape)
        for axis, outer in zip(reversed(order), [*order[-2::-1], None]):
            strides[axis] = size
            if (axis == contiguous or every_axis) and axis not in tight:
                room[axis] = -(-self.shape[axis] // LANES) * LANES
            size *= room[axis]
            joined = axis in self.tight and outer in self.tight
            even = size % 256 == 0 if axis == contiguous else size > 1000 and size % 32 == 0
            if even and outer is not None and not joined:
                size += LANES  # caches map equal low bits to the same lines
        self.strides, self.room, self.contiguous = tuple(strides), tuple(room), contiguous

    @property
    def size(self) -> int:
        """Bytes, with a vector's length behind the last element."""
        assert self.strides is not None
        last = sum((n - 1) * s for n, s in zip(self.room, self.strides)) if self.room else 0
        return (max(last, 0) + 1) * self.dtype.itemsize * self.copies

    def at(self, index: tuple[Position, ...]) -> Position:
        """The element at an index, counted from the base; lanes run along its copies."""
        assert self.strides is not None
        found = total(list(self.own(index)), self.strides)
        return found if self.copies == 1 else found * self.copies + LANE_POSITION

    def own(self, index: tuple[Position, ...]) -> tuple[Position, ...]:
        """An index counted from the chunk of the batch that the buffer holds."""
        if self.rolling is None:
            return index
        a = self.rolling
        return (*index[:a], index[a].without(CHUNK), *index[a + 1 :])


@dataclass(repr=False)
class Plan:
    """Kernels in order, and where things lie.

    home      {node: the kernel that computes or stores it}
    buffers   {node: its memory}
    rank      {node: the first kernel, by creation, that could compute it}
    shared    whether several threads may take a step together
    groups    of chunks, each with sums of its own, which one thread adds up; 0: there are none
    slot      bytes from the sums and chunks' values of a group to those of the next
    ahead     the array of an epoch whose next rows are fetched; see `compiler.ahead`
    order     "rows": sums in sixteen parts, whatever the lanes; see `layout`
    copies    how many networks it is for (see `spread`); differing: {node: whether they differ};
              alone: where their cells would lie in the plan of one
    """

    graph: Graph
    kernels: list[Kernel] = field(default_factory=list)
    home: dict[Any, Kernel] = field(default_factory=dict)
    buffers: dict[Any, Buffer] = field(default_factory=dict)
    rank: dict[Any, int] = field(default_factory=dict)
    chunk: int | None = None
    batch: int | None = None
    arena: int = 0
    cycles: float = 0.0
    sums: list[Any] = field(default_factory=list)
    rotation: Any = None  # how updates are put off until the next step: see `rotate`
    shared: bool = False
    groups: int = 0
    slot: int = 0
    order: str = ""
    ahead: int | None = None

    @property
    def chunks(self) -> int:
        """How many parts the batch is worked on in."""
        return 1 if self.chunk is None or self.batch is None else -(-self.batch // self.chunk)

    def in_group(self, kernel: Kernel) -> bool:
        """Whether a kernel runs for a chunk of a group, on memory of its own."""
        return self.groups > 0 and kernel.phase == 1

    def arguments(self, kernel: Kernel) -> str:
        """What a kernel is called with, by the names that it has everywhere."""
        more = ", ptr %sums, ptr %own" if self.in_group(kernel) else ""
        more += ", i64 %low, i64 %high" if kernel.cut is not None else ""
        return f"ptr %arena, ptr %table, i64 %chunk{more}"

    copies: int = 1
    differing: dict[Any, bool] = field(default_factory=dict)
    alone: list[Any] = field(default_factory=list)

    def given(self, x: Any, kernel: Kernel) -> bool:
        """Whether a kernel finds `x` computed; what a later one stores it computes itself."""
        home = self.home.get(x)
        return x in self.buffers if home is None else home.number < kernel.number

    def __str__(self) -> str:
        """A line for each kernel, as far as the passes have come: see `look` for the whole."""
        names = self.names()

        def name(x: Any) -> str:
            return names.get(x) or f"{x.operation.name} {x.type_}"

        lines = [] if self.chunk is None else [f"{self.batch} rows, {self.chunk} at a time"]
        for number, kernel in enumerate(self.kernels):
            axes = (
                f"{n}{'~' * (a in kernel.inner)}{'*' * (a == kernel.lane)}"
                for a, n in enumerate(kernel.extents)
            )
            heroes = ", ".join(map(name, kernel.heroes)) or "map"
            stored = [f"{name(x)} {self.buffers[x].strides or ''}" for x in kernel.stores]
            phase = f" phase {kernel.phase}" if self.chunk is not None else ""
            lines.append(f"k{number}{phase} [{' '.join(axes)}] {heroes} -> {', '.join(stored)}")
        return "\n".join(lines)

    def names(self) -> dict[Any, str]:
        """A short name for each stored node."""
        found = dict(self.graph.names)
        found |= {new: f"{found[c]}'" for c, new in self.graph.updates.items() if new not in found}
        return found
