"""Whole epochs in one native call: rows gathered, steps taken, losses kept.

The step's inputs are rows of whole arrays; gathering is written into the graph (`take`), so it
converts types and lays the batch out as the step's kernels like it.  Weights lie in the arena, in
whatever layout is quickest, from `enter` to `leave`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from time import perf_counter

import numpy as np

from .artifact import FINE, Artifact
from .cache import FromRequest, Request, compiled
from .graph import Graph
from .machine import aligned
from .pace import Pace
from .places import Place, Source
from .target import Target, host
from .threads import together

ARGUMENTS = [ctypes.c_void_p] * 3 + [ctypes.c_int64, ctypes.c_void_p]


class Epochs(FromRequest):
    """Native code that takes many steps in a call, and its memory: of one network or of several."""

    def __init__(
        self, graph: Graph, sources: list[Source], target: Target | None,
        cells: tuple[Place, ...] | None, passes: tuple[Callable, ...], copies: bool = False,
    ) -> None:  # fmt: skip
        self.target = target or host()
        self.batch, self.graph = graph.inputs[0].shape[0], graph
        self.request = Request(
            graph, self.target, passes, tuple(sources), True, cells, copies=copies
        )
        found = compiled(self.request)
        self.artifact: Artifact = found.artifact
        self.library = found.library
        if self.artifact.calls:
            name = self.artifact.calls[0].operation.name
            raise NotImplementedError(f"{name} is computed by NumPy")
        self.loss_dtype = self.artifact.outputs[0].dtype
        self.arena = aligned(self.artifact.arena)
        self.table = np.zeros(self.artifact.pointers + 2, np.uint64)  # see `ahead`
        self.taken = np.zeros(1, np.int64)

    def share(self, other: Epochs) -> None:
        """One arena for both, so that either can go on where the other stopped."""
        if other.arena.nbytes > self.arena.nbytes:
            self.arena = aligned(other.arena.nbytes)
        self.arena[: other.arena.nbytes] = other.arena
        other.arena = self.arena


class NativeEpoch(Epochs):
    """A step over rows of whole arrays, many times in one call; its first output is the loss.

    `passes` are functions from graph to graph that come first, unless the code is known already.
    """

    def __init__(
        self, graph: Graph, sources: list[Source], target: Target | None = None,
        beside: NativeEpoch | None = None, passes: tuple[Callable, ...] = (),
    ) -> None:  # fmt: skip
        cells = None if beside is None else beside.artifact.cells
        super().__init__(graph, sources, target, cells, passes)
        kinds = [*ARGUMENTS, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
        self.epoch = self.library.function("epoch", ctypes.c_int32, *kinds)
        if beside is not None:
            self.share(beside)
        self.known: tuple | None = None
        self.pace = Pace(self.artifact)

    def memory(self) -> tuple[list, list, list, list]:
        """Cells and what is written of them with their leaves; tables; hyper-parameters."""
        if self.known is None or self.known[0] is not self.arena:
            found, arena = self.artifact, self.arena
            leaves = self.graph.cells.values()
            cells = [(p.view(arena), leaf) for p, leaf in zip(found.cells, leaves, strict=True)]
            written = [cells[i] for i in found.written]
            tables = [(table.place.view(arena), table.value) for table in found.tables]
            where = self.graph.hypers.values()
            hypers = [(p.view(arena), *w) for p, w in zip(found.hypers, where, strict=True)]
            self.known = arena, (cells, written, tables, hypers)
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

    def run(
        self, arrays: list[np.ndarray], rows: np.ndarray, threads: int | None = None
    ) -> tuple[np.ndarray, int]:
        """Steps over the rows with these numbers, a batch at a time: their losses, and a code.

        `arrays` are contiguous, of the dtypes of the sources; `rows` are int64, a multiple of the
        batch.  The code is 0 when all steps were taken; else (see `native`) the step after the
        last loss was not taken, and the state is as before it.  No bit depends on `threads`; None
        leaves the choice to the pace that was measured.
        """
        if threads is not None or not self.artifact.shared:
            return self.call(arrays, rows, threads or 1, self.pace.patience)
        losses, code, at = [np.empty(0, self.loss_dtype)], FINE, 0
        while at < len(rows) and code == FINE:
            threads, steps = self.pace.next((len(rows) - at) // self.batch)
            begun, end = perf_counter(), at + steps * self.batch
            found, code = self.call(arrays, rows[at:end], threads, self.pace.patience)
            self.pace.took(threads, len(found), perf_counter() - begun)
            losses.append(found)
            at = end
        return np.concatenate(losses), code

    def call(
        self, arrays: list[np.ndarray], rows: np.ndarray, threads: int, patience: int = 0
    ) -> tuple[np.ndarray, int]:
        """The steps in one native call of each thread (for `patience` see `threads.Pool`)."""
        steps, arena = len(rows) // self.batch, self.arena
        losses, taken = np.empty(steps, self.loss_dtype), self.taken
        for i, array in enumerate([rows, *arrays]):
            self.table[i] = array.ctypes.data

        threads = threads if self.artifact.shared else 1
        tables = [self.table.copy() for _ in range(threads)]  # a thread goes on in its own

        def part(thread: int, threads: int, crew: int) -> int:
            kept = losses if thread == 0 else np.empty_like(losses)
            count = taken if thread == 0 else np.empty_like(taken)
            return self.epoch(
                arena.ctypes.data, tables[thread].ctypes.data, kept.ctypes.data, steps,
                count.ctypes.data, thread, threads, crew,
            )  # fmt: skip

        code = together(part, threads, patience)
        return losses[: taken[0]], code


__all__ = ["NativeEpoch", "Source"]
