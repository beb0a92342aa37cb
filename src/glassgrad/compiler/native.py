"""A step in native code that works on the user's arrays, one call a step."""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from bisect import bisect_left
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

from .artifact import FINE, NOT_FINITE, Artifact
from .cache import FromRequest, Request, compiled
from .graph import Graph
from .machine import Library, aligned, object_code
from .pace import Pace
from .places import Place
from .target import Target, host
from .threads import together

LARGE = 800_000  # cycles of a step for which it pays to wake others
NEAR = 16 << 10  # bytes of an input that is copied sooner than asked where it lies


class StepFailed(ArithmeticError):  # noqa: N818
    """The loss is not finite, or a check failed; nothing was written."""

    def __init__(self, code: int) -> None:
        super().__init__(f"native step stopped with code {code}")
        self.code = code


class NativeStep(FromRequest):
    """A graph as machine code: step(inputs, cells, hypers) on arrays.

    The arrays of cells that the graph updates are overwritten, results are new arrays.  Several
    threads may call it at once: a step that writes is taken by one after the other, others run
    beside each other.

    passes    functions from graph to graph that come first, unless the code is known already
    resident  cells are copied into memory that the planner lays out, and back, at each call
    """

    def __init__(
        self,
        graph: Graph,
        target: Target | None = None,
        passes: tuple[Callable, ...] = (),
        resident: bool = False,
    ) -> None:
        self.request = Request(graph, target or host(), passes, resident=resident)
        self.artifact, self.library = compiled(self.request)
        self.step = self.library.function("step", ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)
        if self.artifact.shared and self.artifact.cycles >= LARGE:
            self.step = SharedStep(self.artifact, self.library, self.step)
        self.free: list[Workplace] = []
        self.lock = threading.RLock()
        self.writes = bool(self.artifact.written)
        STEPS.add(self)

    def __call__(self, inputs: list, cells: list, hypers: list) -> list[np.ndarray]:
        """One step on the arrays; those of cells are overwritten by their new values.

        `cells` may be the same list object only if it holds the same arrays.
        """
        if not self.writes:
            return self.run(inputs, cells, hypers)
        with self.lock:
            return self.run(inputs, cells, hypers)

    def run(self, inputs: list, cells: list, hypers: list) -> list[np.ndarray]:
        """A step in memory that no other call is using."""
        try:
            workplace = self.free.pop()
        except IndexError:
            workplace = Workplace(self.artifact, self.step)
        try:
            return workplace.run(inputs, cells, hypers)
        finally:
            self.free.append(workplace)


class SharedStep:
    """step(arena, table) on as many threads as are quickest."""

    def __init__(self, artifact: Artifact, library: Library, alone: Callable) -> None:
        self.alone, self.pace = alone, Pace(artifact)
        kinds = [ctypes.c_void_p] * 2 + [ctypes.c_int64] * 2 + [ctypes.c_void_p]
        self.shared = library.function("shared_step", ctypes.c_int32, *kinds)

    def __call__(self, arena: int, table: int) -> int:
        threads, _ = self.pace.next(1)
        begun = perf_counter()
        if threads == 1:
            code = self.alone(arena, table)
        else:
            code = together(
                lambda *who: self.shared(arena, table, *who), threads, self.pace.patience
            )
        self.pace.took(threads, 1, perf_counter() - begun)
        return code


STEPS: weakref.WeakSet[NativeStep] = weakref.WeakSet()


def after_fork() -> None:
    """Another thread of the parent may have held a lock; it does not live here."""
    for step in STEPS:
        step.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=after_fork)


class Workplace:
    """The memory of one call at a time.

    table    pointers to inputs and cells
    near     (number, memory) of small inputs, which are copied
    far      (number, place) of others, which the step reads where they are
    copies   (array, memory, written) of cells that the step cannot work on where they are
    cells    the list of arrays that the table was filled for
    """

    def __init__(self, artifact: Artifact, step: Callable) -> None:
        self.artifact, self.step = artifact, step
        self.arena = aligned(artifact.arena)
        pointers = aligned(8 * artifact.pointers)
        self.table = pointers.data.cast("Q")
        self.addresses = self.arena.ctypes.data, pointers.ctypes.data
        self.doubles = self.arena[: len(self.arena) // 8 * 8].data.cast("d")
        self.hypers = [place.offset // 8 for place in artifact.hypers]
        self.outputs = [place.view(self.arena) for place in artifact.outputs]
        for table in artifact.tables:
            table.place.view(self.arena)[...] = table.value
        self.arrays: list[Any] = [None] * artifact.pointers
        self.near = list(self.nearby())
        self.far = [(i, p) for i, p in enumerate(artifact.inputs) if p.bytes > NEAR]
        self.cells: Any = None
        self.copies: list[tuple[np.ndarray, np.ndarray, bool]] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.error: BaseException | None = None
        self.calls = {call.number: call for call in artifact.calls}
        if self.calls:
            self.callback = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int64)(self.compute)
            self.table[-1] = ctypes.cast(self.callback, ctypes.c_void_p).value or 0

    def nearby(self) -> Any:
        """Memory for small inputs."""
        for i, place in enumerate(self.artifact.inputs):
            if place.bytes <= NEAR:
                memory = own_array(place)
                self.table[i], self.arrays[i] = memory.ctypes.data, memory
                yield i, memory

    # ---- a call

    def run(self, inputs: list, cells: list, hypers: list) -> list[np.ndarray]:
        """One step."""
        self.ready(cells)
        for i, memory in self.near:
            memory[...] = inputs[i]
        kept = [self.point(i, place, inputs[i]) for i, place in self.far] if self.far else None
        doubles = self.doubles
        for place, number in zip(self.hypers, hypers):
            doubles[place] = number
        code = self.step(*self.addresses)
        del kept  # so long the step reads it
        if code:
            self.fail(code)
        for array, memory, written in self.copies:
            if written:
                array[...] = memory
        return list(map(np.ndarray.copy, self.outputs))

    def ready(self, cells: list) -> None:
        """Have the values of cells where the step reads them."""
        if cells is not self.cells:
            self.take(cells)
        for array, memory, _ in self.copies:
            memory[...] = array

    def point(self, number: int, place: Place, array: np.ndarray) -> np.ndarray:
        """Let the step read an input where it is, or a copy; what must live as long."""
        flags = array.flags
        if not (flags.c_contiguous and flags.aligned and array.dtype == place.dtype):
            array = np.array(array, place.dtype, order="C")
        start = address(array)
        if self.in_cells(start, start + place.bytes):
            array = array.copy()
            start = address(array)
        self.table[number] = start
        if self.calls:
            self.arrays[number] = array
        return array

    def in_cells(self, start: int, end: int) -> bool:
        """Whether the step overwrites something between two addresses."""
        i = bisect_left(self.starts, end) - 1
        return i >= 0 and self.ends[i] > start

    def take(self, cells: list) -> None:
        """Note where the arrays of cells lie."""
        self.cells, self.copies = None, []
        written, first = set(self.artifact.written), len(self.artifact.inputs)
        ranges = []
        for i, (place, array) in enumerate(zip(self.artifact.cells, cells, strict=True)):
            if i in written and not array.flags.writeable:
                raise ValueError("the step writes into an array that is read-only")
            if place.pointer is None:
                self.copies.append((array, place.view(self.arena), i in written))
                continue
            memory = array if fits(array, place) else own_array(place)
            if memory is not array:
                self.copies.append((array, memory, i in written))
            start = address(memory)
            self.table[first + i], self.arrays[first + i] = start, memory
            if i in written:
                ranges.append((start, start + place.bytes))
        self.starts, self.ends = [r[0] for r in sorted(ranges)], [r[1] for r in sorted(ranges)]
        self.cells = cells

    def fail(self, code: int) -> None:
        """Raise what a code of the native step means."""
        error, self.error = self.error, None
        raise StepFailed(code) if error is None else error

    # ---- nodes that NumPy computes

    def compute(self, number: int) -> int:
        """A node by NumPy, called from the native step."""
        call = self.calls[number]
        try:
            with np.errstate(all="ignore"):
                found = call.operation.forward(*map(self.value, call.inputs), **call.parameters)
            call.output.view(self.arena)[...] = found
        except BaseException as error:
            self.error = error
            return 1
        return 0

    def value(self, x: Any) -> np.ndarray:
        """An input of such a node: in the arena, of the user's, or a constant."""
        if not isinstance(x, Place):
            return x
        return x.view(self.arena) if x.pointer is None else self.arrays[x.pointer]


def own_array(place: Place) -> np.ndarray:
    """Memory for a value whose rows lie one after another, with some room behind."""
    return aligned(place.bytes + 64)[: place.bytes].view(place.dtype).reshape(place.shape)


def fits(array: np.ndarray, place: Place) -> bool:
    """Whether the native step can work on an array where it is."""
    flags = array.flags
    return flags.c_contiguous and flags.aligned and array.dtype == place.dtype


def address(array: np.ndarray) -> int:
    """Where the elements of an array begin."""
    try:
        return ctypes.addressof(BYTE.from_buffer(array.data))
    except (TypeError, ValueError, BufferError):  # it is read-only, or empty
        return array.__array_interface__["data"][0]


BYTE = ctypes.c_char

__all__ = ["FINE", "NOT_FINITE", "Library", "NativeStep", "StepFailed", "object_code"]
