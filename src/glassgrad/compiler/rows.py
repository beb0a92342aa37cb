"""Blocks of rows in native code, each row with the same bits wherever it comes.

The user's arrays are read where they lie, weights too: nothing is packed that could go stale.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from .cache import FromRequest, Request, compiled
from .graph import Graph
from .native import StepFailed, Workplace, address, own_array
from .target import Target, host


class RowsWorkplace(Workplace):
    """Memory of one call; inputs are copied, or the table is set to where they are."""

    def nearby(self) -> Any:
        """Memory for all inputs, on a page where nothing else is."""
        for i, place in enumerate(self.artifact.inputs):
            memory = own_array(place)
            self.table[i], self.arrays[i] = memory.ctypes.data, memory
            yield i, memory


class NativeRows(FromRequest):
    """A graph of one result whose rows are those of its inputs, block by block.

    Several threads may call it at once.

    rows   how many a block has
    """

    def __init__(
        self, graph: Graph, target: Target | None = None, passes: tuple[Callable, ...] = ()
    ) -> None:
        self.request = Request(graph, target or host(), passes, order="rows")
        self.artifact, self.library = compiled(self.request)
        if self.artifact.calls:
            name = self.artifact.calls[0].operation.name
            raise NotImplementedError(f"{name} is computed by NumPy")
        kinds = [ctypes.c_void_p] * 3 + [ctypes.c_int64]
        self.blocks = self.library.function("rows", ctypes.c_int32, *kinds)
        self.step = self.library.function("step", ctypes.c_int32, *kinds[:2])
        (self.result,) = self.artifact.outputs
        self.free: list[Workplace] = []

    def workplace(self) -> Workplace:
        """Memory that no other call is using; put it back into `free`."""
        try:
            return self.free.pop()
        except IndexError:
            return RowsWorkplace(self.artifact, self.step)

    def run(self, inputs: list[np.ndarray], cells: list[np.ndarray], results: np.ndarray) -> None:
        """All results; rows of inputs are whole blocks, contiguous, of the graph's dtypes.

        Raises:
            StepFailed: A check of the graph failed.
        """
        place = self.workplace()
        try:
            place.ready(cells)
            for i, array in enumerate(inputs):
                place.table[i] = address(array)
            count = results.nbytes // max(self.result.bytes, 1)
            code = self.blocks(*place.addresses, address(results), count)
            for i, memory in place.near:
                place.table[i] = memory.ctypes.data
        finally:
            self.free.append(place)
        if code:
            raise StepFailed(code)
