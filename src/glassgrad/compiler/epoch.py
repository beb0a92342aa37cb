"""Whole epochs in one native call: rows gathered, steps taken, losses kept.

The step's inputs are rows of whole arrays; gathering is written into the graph (`take`), so it
converts types and lays the batch out as the step's kernels like it.  Weights lie in the arena, in
whatever layout is quickest, from `enter` to `leave`.
"""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

import numpy as np

from ..operations.elementwise import cast
from ..operations.gather import take
from ..types import Type, int64
from .graph import Graph, blank, building, transformed
from .native import Library, aligned, callback_slot, module_text, object_code, planned
from .target import Target, host

MANY = 2**40  # rows of an array whose length is not known while compiling


class Source(NamedTuple):
    """Where the rows of an input come from: an array [rows, ...] of some dtype."""

    shape: tuple[int, ...]
    dtype: np.dtype


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
            instead[x] = taken if source.dtype == x.dtype else taken.apply(cast, taken, dtype=x.dtype)
    made = transformed_leaves(graph, instead)
    made.inputs = [rows, *arrays]
    made.names = {**graph.names, rows: "rows"}
    made.names |= {a: f"all_{graph.names.get(x, 'input')}" for a, x in zip(arrays, graph.inputs)}
    return made


def transformed_leaves(graph: Graph, instead: dict[Any, Any]) -> Graph:
    """The graph with leaves replaced."""
    return transformed(graph, lambda x: instead.get(x, x))


EPOCH = """
define i32 @epoch(ptr %arena, ptr %table, ptr %losses, i64 %steps, ptr %taken) {{
entry:
  %first = load ptr, ptr %table
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
  %lp = getelementptr i8, ptr %arena, i64 {loss}
  %l = load {kind}, ptr %lp
  %lo = getelementptr {kind}, ptr %losses, i64 %t
  store {kind} %l, ptr %lo
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


class NativeEpoch:
    """A step over rows of whole arrays, many times in one call; its first output is the loss."""

    def __init__(
        self, graph: Graph, sources: list[Source], target: Target | None = None,
        beside: NativeEpoch | None = None,
    ) -> None:
        self.target = target or host()
        self.batch = graph.inputs[0].shape[0]
        self.graph = gathering(graph, sources)
        self.plan = planned(self.graph, resident=True, beside=None if beside is None else beside.plan)
        loss = self.plan.buffers[self.plan.graph.outputs[0]]
        kind = {2: "half", 4: "float", 8: "double"}[loss.dtype.itemsize]
        self.loss_dtype = loss.dtype
        self.text = module_text(self.plan, self.target) + EPOCH.format(
            bytes=8 * self.batch, loss=loss.offset, kind=kind
        )
        self.library = Library(object_code(self.text, self.target), self.target)
        kinds = [ctypes.c_void_p] * 3 + [ctypes.c_int64, ctypes.c_void_p]
        self.epoch = self.library.function("epoch", ctypes.c_int32, *kinds)
        self.arena = aligned(self.plan.arena)
        if beside is not None:
            self.share(beside)
        self.known: tuple | None = None
        self.table = np.zeros(callback_slot(self.plan) + 1, np.uint64)
        self.taken = np.zeros(1, np.int64)

    def view(self, x: Any) -> np.ndarray:
        """The memory of a stored node as an array."""
        buffer = self.plan.buffers[x]
        assert buffer.strides is not None
        strides = [s * buffer.dtype.itemsize for s in buffer.strides]
        return np.ndarray(buffer.shape, buffer.dtype, self.arena, buffer.offset, strides)

    def share(self, other: NativeEpoch) -> None:
        """One arena for both, so that either can go on where the other stopped."""
        if other.arena.nbytes > self.arena.nbytes:
            self.arena = aligned(other.arena.nbytes)
        self.arena[: other.arena.nbytes] = other.arena
        other.arena = self.arena

    def memory(self) -> tuple[list, list, list, list]:
        """Cells and what is written of them with their leaves; tables; hyper-parameters."""
        if self.known is None or self.known[0] is not self.arena:
            graph = self.plan.graph
            cells = [(self.view(cell), leaf) for cell, leaf in graph.cells.items()]
            written = [(self.view(cell), graph.cells[cell]) for cell in graph.updates]
            tables = [(self.view(x), x.value) for x in graph.constants]
            hypers = [(self.view(x), *place) for x, place in graph.hypers.items()]
            self.known = self.arena, (cells, written, tables, hypers)
        return self.known[1]

    def enter(self) -> None:
        """Take the values of all cells into the arena."""
        for memory, leaf in self.memory()[0]:
            memory[...] = leaf.value
        self.go_on()

    def go_on(self) -> None:
        """Take the rest, where cells are in the arena: a plan beside this one has left them."""
        _, _, tables, hypers = self.memory()
        for memory, value in tables:
            memory[...] = value
        for memory, holder, key, place in hypers:
            memory[...] = holder[key] if place is None else holder[key][place]

    def leave(self) -> None:
        """Give the new values back to the leaves."""
        for memory, leaf in self.memory()[1]:
            leaf.value[...] = memory

    def run(self, arrays: list[np.ndarray], rows: np.ndarray) -> tuple[np.ndarray, int]:
        """Steps over the rows with these numbers, a batch at a time: their losses, and a code.

        `arrays` are contiguous, of the dtypes of the sources; `rows` are int64, a multiple of the
        batch.  The code is 0 when all steps were taken; else (see `native`) the step after the
        last loss was not taken, and the state is as before it.
        """
        steps = len(rows) // self.batch
        losses = np.empty(steps, self.loss_dtype)
        for i, array in enumerate([rows, *arrays]):
            self.table[i] = array.ctypes.data
        code = self.epoch(
            self.arena.ctypes.data, self.table.ctypes.data, losses.ctypes.data, steps,
            self.taken.ctypes.data,
        )
        return losses[: self.taken[0]], code
