"""Large contractions: tiles of sums by a shared function, from panels that fit into the cache.

for panels of vectors:
    for parts of the axis that is folded away:
        copy what the vectors are read from, side by side
        for rows in tiles: sums go on from memory, in the order of one go
            after the last part: what is stored, row by row

The bits are those of the plain loops.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ...types import float32, float64
from ..emit.micro import LINE, Shape, micro_kernel
from ..emit.position import LANE_POSITION, LANES, Position, constant, total, variable
from ..plan.group import positions
from ..plan.kernel import Buffer, space
from ..plan.pull import Index, bounds_in, operand_read, reads
from .loops import MANY_POINTS, Loops
from .pulls import Point

SHORTEST = 192  # steps for which the call of a tile costs next to nothing
PART = 512  # steps whose panel, and the lines of as many rows, stay in the second cache
LONG_PART = 2048  # the same where rows are read along the memory
FEWEST_ROWS = 32  # of fewer, too many would be left over
LEFT_OVER = 0.03  # of the rows that are done twice
PACKED_ROWS = 96  # so many rows repay a copy of the panel
NEAR = 4096  # bytes between neighbours that are read without a copy
LARGEST_PANEL = 1 << 19  # bytes
SUMS = 1 << 14  # bytes that any tile's sums fit into
NOTHING = "@no_sums, i64 0"
NO_SUMS = "@no_sums = internal constant [1024 x i8] zeroinitializer, align 64\n"


class Operand(NamedTuple):
    """A stored matrix that is read as it is: bytes between neighbours along two axes."""

    where: Index
    buffer: Buffer
    beside: int
    step: int


class Tiling(NamedTuple):
    """How a contraction is done in tiles.

    rows, inner   axes
    place         which operand the vectors are read from
    scalars       the other operand
    vectors       where they are; None where they are pulled
    packs         whether they are copied first
    part          steps that are done at a time
    """

    rows: int
    inner: int
    place: int
    scalars: Operand
    vectors: Operand | None
    packs: bool
    part: int


class Tiles(Loops):
    """Calls of tiles in the place of loops over points."""

    def blocks(self, axes: list[int], block: dict[int, list[Position]]) -> None:
        """As always, but for contractions that are large enough."""
        if len(block) == 1 and self.tiling is not None:
            self.in_tiles(self.tiling, block)
        else:
            super().blocks(axes, block)

    # ---- which contractions

    @cached_property
    def tiling(self) -> Tiling | None:
        """How, if the kernel is a large product of matrices."""
        kernel, out = self.kernel, self.kernel.out_lane
        if not kernel.contracts or len(kernel.heroes) > 1 or len(kernel.outer) != 2:
            return None
        if len(kernel.inner) != 1 or kernel.lane != out or out not in kernel.outer:
            return None
        (hero,), (inner,) = kernel.heroes, kernel.inner
        (rows,) = (a for a in kernel.outer if a != out)
        known = hero.dtype in (float32, float64) and len(hero.inputs) == 2
        large = self.length(inner) >= SHORTEST and self.length(rows) >= FEWEST_ROWS
        if not known or not large or any(map(kernel.is_wide, kernel.stores)):
            return None
        found = (self.tiling_of(hero, rows, inner, place) for place in (1, 0))
        return next((t for t in found if t is not None), None)

    def tiling_of(self, hero: Any, rows: int, inner: int, place: int) -> Tiling | None:
        """The same with the vectors read from one of the operands."""
        kernel, out = self.kernel, self.kernel.out_lane
        assert out is not None
        index = positions(kernel, space(hero).reads[place])
        if any(p.coefficient(f"a{rows}") for p in index):
            return None
        scalars = self.operand_of(hero, 1 - place, rows, inner)
        vectors = self.operand_of(hero, place, out, inner)
        if scalars is None:
            return None
        size = hero.dtype.itemsize
        if vectors is not None and not (
            vectors.beside == size and self.in_room(vectors.where, vectors.buffer)
        ):
            vectors = None
        most = PART if scalars.step > LINE else LONG_PART
        part = self.length(inner) if self.holder is None else min(most, self.length(inner))
        far = vectors is None or vectors.step > NEAR or part < self.length(inner)
        fits = part * self.widest_panel() * LANES * size <= LARGEST_PANEL
        packs = far and fits and self.length(rows) >= PACKED_ROWS
        if vectors is None and not packs:
            return None
        return Tiling(rows, inner, place, scalars, vectors, packs, part)

    def operand_of(self, hero: Any, place: int, beside: int, inner: int) -> Operand | None:
        """An operand that is stored, and read without conditions or computation."""
        kernel = self.kernel
        point = {a: variable(f"a{a}") for a in range(len(kernel.extents))}
        bounds = bounds_in(kernel.extents)
        read = operand_read(hero.inputs[place], space(hero).reads[place], point, bounds)
        x, index = read.node, read.index
        while not self.stored(x):
            if x.operation is None or x.operation.name != "view":
                return None
            ((x, index, _),) = reads(x, index, bounds)
        buffer = self.plan.buffers[x]
        at = total(list(index), buffer.strides or ())
        if read.conditions or x.dtype != hero.dtype:
            return None
        if {v for v, _ in at.terms} - {f"a{beside}", f"a{inner}"}:
            return None
        steps = [at.coefficient(f"a{a}") * hero.dtype.itemsize for a in (beside, inner)]
        return Operand(index, buffer, *steps)

    @cached_property
    def holder(self) -> Any:
        """What is stored in the end and may hold sums until then; None where nothing may."""
        kernel, plan = self.kernel, self.plan
        (hero,) = kernel.heroes
        lasting = {id(plan.buffers[c]) for c in plan.graph.cells}
        for x in kernel.stores:
            buffer = plan.buffers[x]
            lasts = id(buffer) in lasting or buffer.outside or buffer.parent is not None
            if lasts or kernel.adds_up or x.dtype != hero.dtype or x.shape != hero.shape:
                continue
            index = positions(kernel, kernel.index_of(x))
            beside = total(list(index), buffer.strides or ()).coefficient(f"a{kernel.out_lane}")
            if beside == 1 and self.in_room(index, buffer):
                return x
        return None

    def in_room(self, index: Index, buffer: Buffer) -> bool:
        """Whether whole vectors may be touched up to the end."""
        out = self.kernel.out_lane
        assert out is not None
        if self.length(out) < self.kernel.extents[out] and self.length(out) % LANES:
            return False  # the last chunk's last vector ends where no one knows
        whole = -(-self.length(out) // LANES) * LANES
        along = [n for p, n in zip(index, buffer.room) if p.coefficient(f"a{out}")]
        return all(n >= whole for n in along)

    # ---- the loops

    def widest_panel(self) -> int:
        """Vectors of the widest panel."""
        assert self.kernel.out_lane is not None
        most, _ = self.blocking(self.kernel.out_lane, {})
        return min(most, -(-self.length(self.kernel.out_lane) // LANES))

    def in_tiles(self, tiling: Tiling, block: dict[int, list[Position]]) -> None:
        """One panel of vectors, a part of what is folded away after the other."""
        self.helpers["no_sums"] = NO_SUMS
        count = self.length(tiling.inner)
        size = -(-count // -(-count // tiling.part))
        last = (count - 1) // size * size
        if last:
            with self.loop(0, last, size) as loop:
                self.part_in_tiles(tiling, block, loop.index, size, final=False)
        self.part_in_tiles(tiling, block, constant(last), count - last, final=True)

    def part_in_tiles(
        self, tiling: Tiling, block: dict[int, list[Position]], start: Position, count: int,
        final: bool,
    ) -> None:  # fmt: skip
        """All rows beside a panel, in tiles."""
        ((out, columns),) = block.items()
        if tiling.packs:
            self.pack(tiling, block, start, count)
        shape = self.tile_of(tiling, len(columns))
        height, (whole, rest) = shape.rows, divmod(self.length(tiling.rows), shape.rows)
        groups = [(0, height, whole), (whole * height, rest, 1)]
        for first, rows, parts in groups:
            if not rows * parts:
                continue
            part = self.share(tiling.rows, 1, (first, rows, parts))
            with self.loop(first, first + rows * parts, rows, part=part) as loop:
                at = self.start(tiling.rows) + loop.index
                point = {tiling.rows: at, out: columns[0]}
                if final and self.overwrites:
                    self.each_row(block, tiling, at, rows, self.fetch_row)
                self.call_tile(tiling, shape, point, start, count, rows, final)
                if final:
                    self.each_row(block, tiling, at, rows, self.finish_row)

    def tile_of(self, tiling: Tiling, vectors: int) -> Shape:
        """The tile for a panel: of few kinds, for each is code, but with little left over."""
        dtype, count = next(iter(self.kernel.heroes)).dtype, self.length(tiling.rows)
        widest = self.widest_panel()
        most = self.processor.tile(dtype).rows[widest]
        least = max(most * 2 // 3, 1)
        height = least if widest > 2 else most
        if -count % height > count * LEFT_OVER:
            height = min(range(least, most + 1), key=lambda n: (-count % n, -n))
        return Shape(height, vectors, dtype)

    def pack(
        self, tiling: Tiling, block: dict[int, list[Position]], start: Position, count: int
    ) -> None:
        """Copy the panel to where its vectors lie side by side."""
        (hero,), ((out, columns),) = self.kernel.heroes, block.items()
        x, entries = hero.inputs[tiling.place], space(hero).reads[tiling.place]
        size = tiling.part * self.widest_panel() * LANES * hero.dtype.itemsize
        panel = self.reserved("panel", size)
        with self.loop(0, count) as loop:
            inner = self.start(tiling.inner) + start + loop.index
            for n, column in enumerate(columns):
                value = self.operand(x, entries, {out: column, tiling.inner: inner})
                at = loop.index * (len(columns) * LANES) + (LANE_POSITION + n * LANES)
                self.store(self.splat(value), panel, 0, at)

    def reserved(self, name: str, size: int) -> str:
        """Memory on the stack: each thread has its own."""
        if ("reserved", name) not in self.levels[0].known:
            self.levels[0].known["reserved", name] = True
            self.levels[0].before.insert(0, f"%{name} = alloca [{size} x i8], align 64")
        return f"%{name}"

    def call_tile(
        self, tiling: Tiling, shape: Shape, point: Point, start: Position, count: int, rows: int,
        final: bool,
    ) -> None:  # fmt: skip
        """Sums of a tile go on from where they are held, or from nothing."""
        self.helpers[shape.name] = micro_kernel(shape)
        place = {**point, tiling.inner: self.start(tiling.inner) + start}
        scalars = self.pointer_of(tiling.scalars, place, shape.dtype)
        vectors, across = "%panel", shape.row
        if not tiling.packs:
            assert tiling.vectors is not None
            vectors = self.pointer_of(tiling.vectors, place, shape.dtype)
            across = tiling.vectors.step
        source, sink = NOTHING, f"{self.reserved('tile', SUMS)}, i64 {shape.row}"
        if tiling.part < self.length(tiling.inner):
            held = self.held(tiling, point, shape.dtype)
            sink = sink if final else held
            if start.terms:
                source = self.unless_first(start, held)
            elif start.constant:
                source = held
        self.target.append(
            f"call void @{shape.name}(ptr {scalars}, i64 {tiling.scalars.beside}, "
            f"i64 {tiling.scalars.step}, ptr {vectors}, i64 {across}, "
            f"ptr {source}, ptr {sink}, i64 {count}, i64 {rows - 1})"
        )

    def pointer_of(self, operand: Operand, place: Point, dtype: np.dtype) -> str:
        """Where the first element of a tile is read."""
        index = tuple(at_place(p, place) for p in operand.where)
        buffer = operand.buffer
        return self.pointer(self.base(buffer), buffer.at(index), dtype.itemsize, buffer.offset)

    def held(self, tiling: Tiling, point: Point, dtype: np.dtype) -> str:
        """Where the first sum of a tile is held, and bytes from row to row."""
        buffer, entries = self.plan.buffers[self.holder], self.kernel.index_of(self.holder)
        at = buffer.at(self.index(entries, point))
        index = positions(self.kernel, entries)
        step = total(list(index), buffer.strides or ()).coefficient(f"a{tiling.rows}")
        pointer = self.pointer(self.base(buffer), at, dtype.itemsize, buffer.offset)
        return f"{pointer}, i64 {step * dtype.itemsize}"

    def unless_first(self, start: Position, held: str) -> str:
        """The first part starts from nothing, others from what is held."""
        first, (pointer, step) = self.number_at(start) == 0, held.split(", i64 ")
        self.count += 1
        n = self.count
        self.target += [
            f"%from{n} = select i1 {first.name}, ptr @no_sums, ptr {pointer}",
            f"%far{n} = select i1 {first.name}, i64 0, i64 {step}",
        ]
        return f"%from{n}, i64 %far{n}"

    # ---- what is stored

    @cached_property
    def overwrites(self) -> bool:
        """Whether what is stored goes over, or is added to, something that is far away."""
        kernel, buffers = self.kernel, self.plan.buffers
        kept = {id(buffers[cell]) for cell in self.plan.graph.cells}
        lasts = kernel.adds_up or any(id(buffers[x]) in kept for x in kernel.stores)
        return lasts and math.prod(kernel.extents) > MANY_POINTS

    def each_row(
        self, block: dict[int, list[Position]], tiling: Tiling, at: Position, rows: int,
        body: Callable[[list[Point], Position], None],
    ) -> None:  # fmt: skip
        """A loop over the rows of a tile: their points, and the place of their sums."""
        ((out, columns),) = block.items()
        with self.loop(0, rows) as loop:
            points = [{tiling.rows: at + loop.index, out: c} for c in columns]
            body(points, loop.index * (len(columns) * LANES))

    def fetch_row(self, points: list[Point], sums: Position) -> None:
        """What follows from a row of sums is stored over something: have it in the cache."""
        self.fetch_ahead(points)

    def finish_row(self, points: list[Point], sums: Position) -> None:
        """Store what follows from a row of sums."""
        kernel, self.points = self.kernel, len(points)
        (hero,) = kernel.heroes
        for n, point in enumerate(points):
            at = sums + (LANE_POSITION + n * LANES)
            found = self.load("%tile", 0, at, hero.dtype)
            index = self.index(kernel.index, point)
            if kernel.adds_up:
                found = hero.operation.fold.merge(self, self.fetch(hero, index, ()), found)
            self.know(hero, index, found)
        for point in points:
            self.keep(list(kernel.stores), point)


def at_place(symbolic: Position, place: Point) -> Position:
    """A position of axes a0, a1, ... at a point."""
    found = constant(symbolic.constant)
    for name, n in symbolic.terms:
        found = found + place[int(name[1:])] * n
    return found
