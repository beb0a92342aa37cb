"""Rows of the next step, which the cache fetches while this one is computed.

Tiles of large contractions ask for a few lines each: more at once would wait for the memory.  The
table of pointers has two further places: the numbers of the next rows, null where there are none,
and how far these have been asked for: row * 256 + line.
"""

from __future__ import annotations

import math
from typing import Any

from .plan.kernel import Plan

LINE, LINES = 64, 8  # bytes of a line of the cache, and so many lines a tile
SHORTEST, LONGEST = 8, 256 - LINES  # lines of a row that are worth it, and that can be counted

AHEAD = """
define internal void @ahead(ptr %table) noinline {{
entry:
  %slot = getelementptr i8, ptr %table, i64 {slot}
  %rows = load ptr, ptr %slot
  %at = getelementptr i8, ptr %slot, i64 8
  %place = load i64, ptr %at
  %row = lshr i64 %place, 8
  %none = icmp eq ptr %rows, null
  %all = icmp uge i64 %row, {batch}
  %nothing = or i1 %none, %all
  br i1 %nothing, label %done, label %some
some:
  %rp = getelementptr i64, ptr %rows, i64 %row
  %number = load i64, ptr %rp
  %bp = getelementptr i8, ptr %table, i64 {source}
  %base = load ptr, ptr %bp
  %ro = mul i64 %number, {bytes}
  %start = getelementptr i8, ptr %base, i64 %ro
  %line = and i64 %place, 255
  br label %fetch
fetch:
  %k = phi i64 [%line, %some], [%next, %fetch]
  %ko = mul i64 %k, {line}
  %p = getelementptr i8, ptr %start, i64 %ko
  call void @llvm.prefetch.p0(ptr %p, i32 0, i32 3, i32 1)
  %next = add i64 %k, 1
  %asked = sub i64 %next, %line
  %more = icmp slt i64 %asked, {lines}
  br i1 %more, label %fetch, label %noted
noted:
  %whole = icmp uge i64 %next, {all}
  %further = add i64 %row, 1
  %begun = shl i64 %further, 8
  %moved = add i64 %place, {lines}
  %new = select i1 %whole, i64 %begun, i64 %moved
  store i64 %new, ptr %at
  br label %done
done:
  ret void
}}
"""
NEXT = """
  %final = sub i64 %steps, 1
  %islast = icmp eq i64 %t, %final
  %behind = getelementptr i8, ptr %rows, i64 {bytes}
  %coming = select i1 %islast, ptr null, ptr %behind
  %ahead = getelementptr i8, ptr %table, i64 {slot}
  store ptr %coming, ptr %ahead
  %from = getelementptr i8, ptr %ahead, i64 8
  store i64 0, ptr %from"""


def row_bytes(x: Any) -> int:
    """Of a row of an array."""
    return math.prod(x.shape[1:]) * x.dtype.itemsize


def widest_input(plan: Plan) -> int | None:
    """Which of an epoch's arrays has rows that are fetched; None where all are short, or huge."""
    sizes = {row_bytes(x): n for n, x in enumerate(plan.graph.inputs) if n}
    most = max(sizes, default=0)
    return sizes[most] if SHORTEST <= -(-most // LINE) <= LONGEST else None


def slot(plan: Plan) -> int:
    """Where the two further places of the table are, in bytes."""
    return 8 * (len(plan.graph.inputs) + len(plan.graph.cells) + 1)


def ahead_text(plan: Plan) -> str:
    """The function that tiles call."""
    assert plan.ahead is not None
    bytes_ = row_bytes(plan.graph.inputs[plan.ahead])
    return AHEAD.format(
        slot=slot(plan), batch=plan.graph.inputs[0].shape[0], source=8 * plan.ahead,
        bytes=bytes_, line=LINE, lines=LINES, all=-(-bytes_ // LINE),
    )  # fmt: skip


def next_text(plan: Plan) -> str:
    """What an epoch notes before each step."""
    if plan.ahead is None:
        return ""
    return NEXT.format(bytes=8 * plan.graph.inputs[0].shape[0], slot=slot(plan))
