"""Epochs of up to sixteen networks in one native call: one architecture, and what differs in lanes.

Each copy has weights, optimizer state, random state, hyper-parameters and row numbers of its own;
the arrays that rows are taken from are shared.  Its results are those of `NativeEpoch`, to the bit.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np

from .emit.position import LANES
from .epoch import ARGUMENTS, Epochs
from .graph import Graph
from .places import Place, Source
from .plan.spread import ALIVE
from .target import Target


class NativeCopies(Epochs):
    """A step over rows of whole arrays, for sixteen networks at once; its first output is the loss.

    cells    an array [..., 16] for each cell, in the order of the graph
    hypers   the same of hyper-parameters
    loss     that of the step that was taken last, or that failed
    alive    for each copy whether a loss that is not finite ends the call; lanes without a network
             and those of networks that have ended are computed, and nobody looks
    """

    def __init__(
        self, graph: Graph, sources: list[Source], target: Target | None = None,
        beside: NativeCopies | None = None, passes: tuple[Callable, ...] = (),
    ) -> None:  # fmt: skip
        places = None if beside is None else beside.artifact.alone
        super().__init__(graph, sources, target, places, passes, copies=True)
        self.epoch = self.library.function("epoch", ctypes.c_int32, *ARGUMENTS)
        loss = self.loss_dtype
        self.results = np.zeros(LANES * (8 + loss.itemsize), np.uint8)
        self.sums = self.results[: LANES * 8].view(np.float64)
        self.last = self.results[LANES * 8 :].view(loss)
        if beside is not None:
            self.share(beside)
        self.look()
        if beside is not None:
            beside.look()

    def look(self) -> None:
        """Arrays on the memory of the arena."""
        found, arena = self.artifact, self.arena
        self.cells = [copies(p, arena) for p in found.cells]
        self.hypers = [copies(p, arena) for p in found.hypers]
        self.loss = copies(found.outputs[0], arena)
        self.alive = arena[ALIVE : ALIVE + LANES]
        ends = [p.offset + p.bytes * LANES for p in found.cells]
        self.kept = arena[: max(ends, default=0)]  # cells come first
        self.begin()

    def begin(self) -> None:
        """Tables, which a plan beside this one may have where this one has something else."""
        for table in self.artifact.tables:
            table.place.view(self.arena)[...] = table.value

    def run(self, arrays: list[np.ndarray], rows: np.ndarray, sums: np.ndarray) -> tuple[int, int]:
        """Steps over the rows with these numbers, a batch at a time: how many, and a code.

        rows: int64 [steps * batch, 16], a column for each copy
        sums: float64 [16], to which the losses of the steps, times the rows of each, are added

        The code is 0 when all steps were taken; else the step after the last was not taken, and
        the state of all is as before it.
        """
        for i, array in enumerate([rows, *arrays]):
            self.table[i] = array.ctypes.data
        self.sums[:] = sums
        code = self.epoch(
            self.arena.ctypes.data, self.table.ctypes.data, self.results.ctypes.data,
            len(rows) // self.batch, self.taken.ctypes.data,
        )  # fmt: skip
        sums[:] = self.sums
        return int(self.taken[0]), code


def copies(place: Place, arena: np.ndarray) -> np.ndarray:
    """A value of all copies as an array [..., 16]."""
    size = place.dtype.itemsize
    strides = [s * size * place.copies for s in place.strides]
    shape = (*place.shape, place.copies)
    return np.ndarray(shape, place.dtype, arena.data, place.offset, [*strides, size])
