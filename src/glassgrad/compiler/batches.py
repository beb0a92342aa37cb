"""Steps over rows of whole arrays: gathering as part of the graph, and the loop over steps."""

from __future__ import annotations

import math
from typing import Any

from ..operations.elementwise import cast
from ..operations.gather import take
from ..types import Type, float64, int64
from .ahead import next_text
from .emit.writer import literal_text
from .graph import Graph, blank, building, transformed
from .places import Source
from .plan.kernel import Plan

MANY = 2**40  # rows of an array whose length is not known while compiling


def gathering(graph: Graph, sources: list[Source]) -> Graph:
    """The graph that reads row numbers, and the rows of whole arrays, in place of a batch."""
    batch = graph.inputs[0].shape[0]
    rows = blank(Type((batch,), int64), name="rows")
    arrays, instead = [], {}
    with building():
        for x, source in zip(graph.inputs, sources, strict=True):
            array = blank(Type((MANY, *source.shape[1:]), source.dtype), name=x.name)
            arrays.append(array)
            taken = array.apply(take, array, rows)
            same = source.dtype == x.dtype
            instead[x] = taken if same else taken.apply(cast, taken, dtype=x.dtype)
    made = with_leaves(graph, instead)
    made.inputs = [rows, *arrays]
    made.names = {**graph.names, rows: "rows"}
    made.names |= {a: f"all_{graph.names.get(x, 'input')}" for a, x in zip(arrays, graph.inputs)}
    return made


def with_leaves(graph: Graph, instead: dict[Any, Any]) -> Graph:
    """The graph with leaves replaced."""
    return transformed(graph, lambda x: instead.get(x, x))


EPOCH = """
define i32 @epoch(ptr %arena, ptr %table, ptr %losses, i64 %steps, ptr %taken,
                  i64 %thread, i64 %threads, ptr %crew) {{
entry:
  %first = load ptr, ptr %table
  {join}
step:
  %t = phi i64 [{start}, %entry], [%next, %fine]
  {gather}
  %o = mul i64 %t, {bytes}
  %rows = getelementptr i8, ptr %first, i64 %o
  store ptr %rows, ptr %table
  {ahead}
  {begins}
  %code = {step}
  %ok = icmp eq i32 %code, 0
  br i1 %ok, label %fine, label %done
fine:
  %lp = getelementptr i8, ptr %arena, i64 {loss}
  %l = load {kind}, ptr %lp
  %lo = getelementptr {kind}, ptr %losses, i64 %t
  store {kind} %l, ptr %lo
  %next = add i64 %t, 1
  %more = icmp slt i64 %next, %steps
  br i1 %more, label %step, label %last
last:
  {last}
  br label %done
done:
  %result = phi i32 [%code, %step], [0, %last]
  %count = phi i64 [%t, %step], [%next, %last]
  store i64 %count, ptr %taken
  store ptr %first, ptr %table
  {dismiss}
  ret i32 %result
away:
  ret i32 0
}}
"""

ALONE = {
    "join": "br label %step",
    "start": "0",
    "gather": "",
    "step": "call i32 @step(ptr %arena, ptr %table)",
    "dismiss": "",
}
TOGETHER = {
    "join": """%leads = icmp eq i64 %thread, 0
  %come = select i1 %leads, i64 1, i64 %threads
  %start = call i64 @join(ptr %crew, i64 %thread)
  %late = icmp slt i64 %start, 0
  br i1 %late, label %away, label %step""",
    "start": "%start",
    "gather": """%so_far = phi i64 [%come, %entry], [%now, %fine]
  %now = call i64 @together(ptr %crew, i64 %so_far, i64 %threads, i64 %t)""",
    "step": "call i32 @part(ptr %arena, ptr %table, i64 %thread, i64 %now, ptr %crew)",
    "dismiss": "call void @dismiss(ptr %crew, i64 %now, i64 %threads)",
}


EPOCH_OF_COPIES = """
define i32 @epoch(ptr %arena, ptr %table, ptr %losses, i64 %steps, ptr %taken) {{
entry:
  %first = load ptr, ptr %table
  %lp = getelementptr i8, ptr %arena, i64 {loss}
  %last = getelementptr i8, ptr %losses, i64 {doubles}
  br label %step
step:
  %t = phi i64 [0, %entry], [%next, %fine]
  %o = mul i64 %t, {bytes}
  %rows = getelementptr i8, ptr %first, i64 %o
  store ptr %rows, ptr %table
  %code = call i32 @step(ptr %arena, ptr %table)
  %ok = icmp eq i32 %code, 0
  br i1 %ok, label %fine, label %done
fine:
  %l = load {kind}, ptr %lp, align 2
  store {kind} %l, ptr %last, align 2
  %d = {widened}
  %w = fmul {wide} %d, splat (double {weight})
  %before = load {wide}, ptr %losses, align 8
  %total = fadd {wide} %before, %w
  store {wide} %total, ptr %losses, align 8
  %next = add i64 %t, 1
  %more = icmp slt i64 %next, %steps
  br i1 %more, label %step, label %done
done:
  %result = phi i32 [%code, %step], [0, %fine]
  %count = phi i64 [%t, %step], [%next, %fine]
  store i64 %count, ptr %taken
  store ptr %first, ptr %table
  ret i32 %result
}}
"""


def epoch_of_copies(plan: Plan) -> str:
    """The function that takes many steps of many networks.

    The losses of each, times the rows of a batch, are added up in float64, one step after another;
    those of the last step stand behind.
    """
    loss, batch = plan.buffers[plan.graph.outputs[0]], plan.graph.inputs[0].shape[0]
    n = loss.copies
    element = {2: "half", 4: "float", 8: "double"}[loss.dtype.itemsize]
    kind = f"<{n} x {element}>"
    wide = f"<{n} x double>"
    widened = f"fpext {kind} %l to {wide}" if kind != wide else f"bitcast {kind} %l to {wide}"
    return EPOCH_OF_COPIES.format(
        bytes=8 * batch * n, loss=loss.offset, kind=kind, wide=wide, widened=widened,
        weight=literal_text(batch, float64), doubles=8 * n,
    )  # fmt: skip


def epoch_text(plan: Plan) -> str:
    """The function that takes many steps; their losses are the first output."""
    if plan.copies > 1:
        return epoch_of_copies(plan)
    loss = plan.buffers[plan.graph.outputs[0]]
    kind = {2: "half", 4: "float", 8: "double"}[loss.dtype.itemsize]
    batch = plan.graph.inputs[0].shape[0]
    parts = dict(TOGETHER if plan.shared else ALONE, begins="", last="", ahead=next_text(plan))
    if plan.rotation is not None:
        parts |= rotated_parts(parts["step"])
    return EPOCH.format(bytes=8 * batch, loss=loss.offset, kind=kind, **parts)


def rotated_parts(step: str) -> dict[str, str]:
    """The first step, the others, and what the last step has put off, if all steps were taken."""
    name = step[step.index("@") : step.index("(")]
    begins = f"""%begins = icmp eq i64 %t, 0
  %which = select i1 %begins, ptr {name}_first, ptr {name}"""
    last = f"%owed = {step.replace(name, name + '_last')}"
    return {"begins": begins, "step": step.replace(name, "%which"), "last": last}


ROWS = """
define i32 @rows(ptr %arena, ptr %table, ptr %results, i64 %blocks) {{
entry:
  br label %block
block:
  %t = phi i64 [0, %entry], [%next, %fine]
  %code = call i32 @step(ptr %arena, ptr %table)
  %ok = icmp eq i32 %code, 0
  br i1 %ok, label %fine, label %done
fine:
  %from = getelementptr i8, ptr %arena, i64 {offset}
  %o = mul i64 %t, {bytes}
  %to = getelementptr i8, ptr %results, i64 %o
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %from, i64 {bytes}, i1 false)
{inputs}
  %next = add i64 %t, 1
  %more = icmp slt i64 %next, %blocks
  br i1 %more, label %block, label %done
done:
  ret i32 %code
}}
"""

NEXT_ROWS = """  %s{i} = getelementptr ptr, ptr %table, i64 {i}
  %a{i} = load ptr, ptr %s{i}
  %b{i} = getelementptr i8, ptr %a{i}, i64 {bytes}
  store ptr %b{i}, ptr %s{i}"""


def rows_text(plan: Plan) -> str:
    """The function that goes through blocks of rows; results lie one after another."""
    result = plan.buffers[plan.graph.outputs[0]]
    sizes = [math.prod(x.shape) * x.dtype.itemsize for x in plan.graph.inputs]
    inputs = "\n".join(NEXT_ROWS.format(i=i, bytes=n) for i, n in enumerate(sizes))
    bytes_ = math.prod(result.shape) * result.dtype.itemsize
    return ROWS.format(offset=result.offset, bytes=bytes_, inputs=inputs)
