"""The innermost loop of large contractions as a function that all kernels of a module share.

A tile of sums, some rows of some vectors, stays in registers while one axis is gone through:

    to[r][v] = from[r][v] + sum over p of a[r row + p step] * b[p across + v]

in the order of p, with fused multiply-adds.  Distances are known at run time only, so one function
serves every layer and every width, and compiling takes no longer where networks are larger.  Where
fewer rows are left, those beyond the last are the last one again: the same sums at the same place.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .position import LANES
from .register import llvm_type

AHEAD = 12  # steps between the fetching of a column's lines into the cache and their use
LINE = 64  # bytes of the cache's lines


class Shape(NamedTuple):
    """A tile: so many rows of so many vectors."""

    rows: int
    vectors: int
    dtype: np.dtype

    @property
    def name(self) -> str:
        """What the function is called."""
        return f"tile_{self.rows}x{self.vectors}_{llvm_type(self.dtype)}"

    @property
    def wide(self) -> str:
        """LLVM's name of a vector."""
        return f"<{LANES} x {llvm_type(self.dtype)}>"

    @property
    def size(self) -> int:
        """Bytes of a vector."""
        return LANES * self.dtype.itemsize

    @property
    def row(self) -> int:
        """Bytes of a row of sums."""
        return self.vectors * self.size


ARGUMENTS = (
    "ptr %a, i64 %row, i64 %step, ptr %b, i64 %across, "
    "ptr %from, i64 %start, ptr %to, i64 %end, i64 %count, i64 %last"
)


def micro_kernel(shape: Shape) -> str:
    """The text of the function; distances are bytes, `start` and `end` those of rows of sums."""
    return "\n".join(
        [
            f"define internal void @{shape.name}({ARGUMENTS}) noinline {{",
            *_begun(shape),
            *_step(shape),
            *_kept(shape),
            "ret void",
            "}\n",
        ]
    )


def _tile(shape: Shape) -> list[tuple[int, int]]:
    return [(r, v) for r in range(shape.rows) for v in range(shape.vectors)]


def _begun(shape: Shape) -> list[str]:
    """What the sums start from."""
    lines = ["entry:", f"%far = mul i64 %step, {AHEAD}"]
    for r in range(shape.rows):
        lines += [
            f"%k{r} = call i64 @llvm.umin.i64(i64 {r}, i64 %last)",
            f"%o{r} = mul i64 %row, %k{r}",
            f"%os{r} = mul i64 %start, %k{r}",
            f"%s{r} = getelementptr i8, ptr %from, i64 %os{r}",
        ]
    for r, v in _tile(shape):
        lines += [
            f"%s{r}_{v} = getelementptr i8, ptr %s{r}, i64 {v * shape.size}",
            f"%z{r}_{v} = load {shape.wide}, ptr %s{r}_{v}, align {shape.dtype.itemsize}",
        ]
    return [*lines, "br label %loop"]


def _step(shape: Shape) -> list[str]:
    """The loop over p."""
    wide, kind, align = shape.wide, llvm_type(shape.dtype), shape.dtype.itemsize
    suffix = f"v{LANES}f{8 * align}"
    lines = [
        "loop:",
        "%i = phi i64 [0, %entry], [%n, %loop]",
        "%x = phi ptr [%a, %entry], [%xn, %loop]",
        "%w = phi ptr [%b, %entry], [%wn, %loop]",
    ]
    for r, v in _tile(shape):
        lines.append(f"%c{r}_{v} = phi {wide} [%z{r}_{v}, %entry], [%d{r}_{v}, %loop]")
    lines += ["%next = getelementptr i8, ptr %x, i64 %far"]
    lines += ["call void @llvm.prefetch.p0(ptr %next, i32 0, i32 3, i32 1)"]
    for v in range(shape.vectors):
        lines += [
            f"%w{v} = getelementptr i8, ptr %w, i64 {v * shape.size}",
            f"%b{v} = load {wide}, ptr %w{v}, align {align}",
        ]
    for r in range(shape.rows):
        lines += [
            f"%x{r} = getelementptr i8, ptr %x, i64 %o{r}",
            f"%e{r} = load {kind}, ptr %x{r}, align {align}",
            f"%f{r} = insertelement {wide} poison, {kind} %e{r}, i32 0",
            f"%a{r} = shufflevector {wide} %f{r}, {wide} poison, <{LANES} x i32> zeroinitializer",
        ]
        lines += [
            f"%d{r}_{v} = call {wide} @llvm.fma.{suffix}"
            f"({wide} %a{r}, {wide} %b{v}, {wide} %c{r}_{v})"
            for v in range(shape.vectors)
        ]
    return [
        *lines,
        "%xn = getelementptr i8, ptr %x, i64 %step",
        "%wn = getelementptr i8, ptr %w, i64 %across",
        "%n = add i64 %i, 1",
        "%more = icmp slt i64 %n, %count",
        "br i1 %more, label %loop, label %done",
    ]


def _kept(shape: Shape) -> list[str]:
    """The sums into memory."""
    lines = ["done:"]
    for r in range(shape.rows):
        lines += [f"%oe{r} = mul i64 %end, %k{r}"]
        lines += [f"%t{r} = getelementptr i8, ptr %to, i64 %oe{r}"]
    for r, v in _tile(shape):
        lines += [
            f"%t{r}_{v} = getelementptr i8, ptr %t{r}, i64 {v * shape.size}",
            f"store {shape.wide} %d{r}_{v}, ptr %t{r}_{v}, align {shape.dtype.itemsize}",
        ]
    return lines
