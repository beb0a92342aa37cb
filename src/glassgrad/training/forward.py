"""The outputs of a model by native code: a row has the same bits alone and among any others.

What is compiled stays with the model.  Single rows go first, one after another; blocks of many are
compiled once that pays, which no result shows.  What the code takes for granted is looked at again
when something of a module has been set; weights are read where they lie at each call.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from typing import Any

import numpy as np

from ..compiler.apart import rows_apart, same_but_for_rows, same_numbers
from ..compiler.entry import Entry
from ..compiler.graph import Graph, TraceError
from ..compiler.lower import lowered
from ..compiler.native import StepFailed
from ..compiler.plan.kernel import is_hero
from ..compiler.rewrite import rewritten
from ..compiler.rows import NativeRows
from ..compiler.step import CompiledStep
from ..compiler.structure import Structure
from ..tensors import Tensor
from ..tensors import state as modes
from ..types import Shape
from .native import bounded, random_states, refused_hooks
from .predict import in_use
from .rows import ArrayRows, Batch

PASSES = lowered, rewritten, bounded
NAME = "gg.predict"  # among the compiled steps of a model
MOST_ROWS, FEWEST_ROWS = 256, 16  # of a block
CACHE = 400_000  # bytes of what lies between the layers for all rows of a block
SPENT = 0.03  # seconds of rows one by one, after which blocks are compiled
PIECE = 1 << 18  # bytes of inputs that are converted at a time
KEPT = 32  # types of inputs that are remembered
BY_NUMPY = 64  # rows of a block where there is no native code
Take = Callable[[int, int], list[np.ndarray]]
Types = tuple[tuple[tuple[int, ...], np.dtype], ...]  # of a row of each input


class Locks:
    """One thread at a time prepares a model."""

    preparing = threading.RLock()

    @classmethod
    def renew(cls) -> None:
        """After a fork: a thread of the parent may have held it."""
        cls.preparing = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=Locks.renew)


class Forward:
    """What is known of a model's outputs; the model keeps it.

    ways     {types of inputs: how rows of them go through the model}
    arrays   {(shape of a row, dtype): the same for arrays of NumPy}
    last     the outputs for an array that is one row, as the last one was; None for others
    """

    def __init__(self) -> None:
        self.ways: dict[Types, Way | Refused] = {}
        self.arrays: dict[tuple[Shape, np.dtype], Way] = {}
        self.last: Callable[[np.ndarray], np.ndarray | None] = nothing

    def __deepcopy__(self, memo: dict) -> Forward:
        """A copy of the model is another model."""
        return Forward()

    def __reduce__(self) -> tuple:
        return Forward, ()

    def way(self, model: Any, types: Types) -> Way | Refused:
        """How rows of these types go through the model as it is now."""
        found = self.ways.get(types)
        if found is not None and found.holds():
            return found
        with Locks.preparing:
            with in_use(model):
                if found is None or not found.still():
                    found = prepared(model, types)
            found.clock = modes.Clock.structure
            self.ways.pop(types, None)
            self.ways[types] = found
            while len(self.ways) > KEPT:
                del self.ways[next(iter(self.ways))]
        return found

    def outputs(self, X: np.ndarray) -> np.ndarray | None:
        """The outputs for rows like those of before; None if they must be looked at first."""
        way = self.arrays.get((X.shape[1:], X.dtype)) if X.ndim and len(X) > 1 else None
        if way is None or not way.holds():
            return None
        try:
            return way.outputs(len(X), lambda first, end: [X[first:end]])
        except StepFailed:
            return None

    def remember(self, X: Any, way: Way, found: np.ndarray, one_row: bool) -> None:
        """The outputs of an array like X were found in this way."""
        if type(X) is not np.ndarray or X.dtype.kind not in "biuf":
            return
        if one_row:
            self.last = answering(way, X.shape, X.dtype, found.shape)
        if len(found) == len(X) and X.shape[1:] == way.types[0][0]:
            if len(self.arrays) >= KEPT:
                self.arrays.clear()
            self.arrays[X.shape[1:], X.dtype] = way


def nothing(row: np.ndarray) -> None:
    """No row has been seen."""


def forward_of(model: Any) -> Forward:
    """What is known of a model's outputs."""
    steps = vars(model).setdefault("_compiled_steps", {})
    found = steps.get(NAME)
    if found is None:
        found = steps.setdefault(NAME, Forward())
    return found


# ---- the outputs for rows


def answers(model: Any, rows: ArrayRows, batch_size: int, X: Any) -> np.ndarray | None:
    """The outputs for all rows of arrays; None if the model itself is to compute them."""
    types = tuple((x.shape[1:], dtype) for x, dtype in zip(rows.inputs, rows.dtypes))
    forward = forward_of(model)
    way = forward.way(model, types)
    try:
        if isinstance(way, Refused) and types[0][0] == () and len(rows) <= batch_size:
            return as_one_row(model, rows, X)
        found = outputs(model, way, len(rows), rows.between)
    except StepFailed:
        return None
    if found is not None and isinstance(way, Way):
        forward.remember(X, way, found, len(rows) == 1)
    return found


def as_one_row(model: Any, rows: ArrayRows, X: Any) -> np.ndarray | None:
    """The outputs for inputs [features], if the model takes them as it takes [1, features]."""
    forward = forward_of(model)
    way = forward.way(model, tuple((x.shape, dtype) for x, dtype in zip(rows.inputs, rows.dtypes)))
    if isinstance(way, Refused) or not way.takes_features(model):
        return None
    found = way.outputs(1, lambda *_: [x[None] for x in rows.inputs])[0].copy()
    forward.remember(X, way, found, True)
    return found


def outputs_by(model: Any) -> Callable[[Batch], Tensor]:
    """What gives the outputs for batches of rows."""

    def found(batch: Batch) -> Tensor:
        inputs = batch.inputs
        if all(isinstance(x, Tensor) and x.shape[:1] == inputs[0].shape[:1] for x in inputs):
            arrays = [x.value for x in inputs]
            way = forward_of(model).way(model, tuple((a.shape[1:], a.dtype) for a in arrays))
            with suppress(StepFailed):
                y = outputs(model, way, batch.rows, lambda i, j: [a[i:j] for a in arrays])
                if y is not None:
                    return Tensor.lift(y)
        return model(*inputs)

    return found


def outputs(model: Any, way: Way | Refused, rows: int, take: Take) -> np.ndarray | None:
    """The outputs for some rows, which `take` gives; None where rows may depend on each other.

    Native code or blocks of one size: NumPy sums in another order where there are fewer rows.
    """
    if isinstance(way, Way):
        return way.outputs(rows, take)
    if not way.apart or not rows:
        return None
    found = []
    with in_use(model):
        for at in range(0, rows, BY_NUMPY):
            parts = [
                fitting(x, dtype)
                for x, (_, dtype) in zip(take(at, min(at + BY_NUMPY, rows)), way.types)
            ]
            full = [np.resize(x, (BY_NUMPY, *x.shape[1:])) for x in parts]
            found.append(model(*map(Tensor.lift, full)).value[: len(parts[0])])
    return np.concatenate(found)


class Refused:
    """Rows that go through the model itself, in NumPy.

    apart  whether no row depends on others, as far as is known
    """

    clock = -1

    def __init__(self, model: Any, types: Types, apart: bool = False) -> None:
        self.structure, self.types, self.apart = Structure([model]), types, apart

    def holds(self) -> bool:
        """Whether nothing has been set since it was looked at."""
        return self.clock == modes.Clock.structure

    def still(self) -> bool:
        """Whether the model is as it was, in use."""
        return self.structure.same()


class Way:
    """How rows of one type go through a model in native code.

    one, many  code for one row, and for a block of rows once that pays
    block      how many rows that has
    shape      of the outputs of a row
    spent      seconds that rows one by one have taken
    """

    clock = -1

    def __init__(self, one: Entry, many: Entry, types: Types) -> None:
        self.entry, self.of_many, self.types = one, many, types
        self.one = NativeRows(one.graph, passes=PASSES)
        self.many: NativeRows | None = None
        (y,) = many.graph.outputs
        self.shape, self.dtype = y.shape[1:], y.dtype
        self.block = many.graph.inputs[0].shape[0]
        self.default, self.spent, self.pace = modes.default_dtype, 0.0, 0.0
        self.watched = watched(one.captured)
        self.features: bool | None = None

    def holds(self) -> bool:
        """Whether all that was traced is so; then the arrays of the weights are those of now."""
        entry, clock = self.entry, modes.Clock
        return (
            self.clock == clock.structure
            and self.default is modes.default_dtype
            and (entry.write == clock.last_write or entry.bound())
            and (not self.watched or entry.captured.same())
        )

    def still(self) -> bool:
        """Whether it is so after something has been set, in a model in use."""
        return self.default is modes.default_dtype and self.entry.holds()

    def takes_features(self, model: Any) -> bool:
        """Whether inputs [features] are computed as [1, features] are."""
        if self.features is None:
            try:
                with Locks.preparing, in_use(model):
                    alone = entry_of(model, [np.zeros(*t) for t in self.types])
                self.clock = modes.Clock.structure if self.clock >= 0 else self.clock
                self.features = same_numbers(alone.graph, self.entry.graph)
                self.features &= alone.graph.outputs[0].shape == self.shape
            except Exception:
                self.features = False
        return self.features

    # ---- many rows

    def outputs(self, rows: int, take: Take) -> np.ndarray:
        """The outputs for some rows; `take(first, end)` gives the inputs of a part of them.

        inputs: [rows, ...] -> [rows, ...]

        Raises:
            StepFailed: A row has an index that is out of range.
        """
        found = np.empty((rows, *self.shape), self.dtype)
        at = 0
        while at < rows:
            end = min(at + self.piece, rows)
            inputs = [fitting(x, t) for x, (_, t) in zip(take(at, end), self.types)]
            self.run(inputs, found[at:end])
            at = end
        return found

    @property
    def piece(self) -> int:
        """How many rows are taken at a time."""
        size = sum(math.prod(shape) * dtype.itemsize for shape, dtype in self.types)
        return max(1, PIECE // max(size * self.block, 1)) * self.block

    def run(self, inputs: list[np.ndarray], found: np.ndarray) -> None:
        """Blocks as long as there are whole ones, the rest one by one or as a block."""
        at, rows = 0, len(found)
        while at < rows:
            if self.many is None and self.spent > SPENT:
                self.many = NativeRows(self.of_many.graph, passes=PASSES)
            left, code = rows - at, self.one
            count = min(left, max(self.block, int(SPENT / 4 / self.pace))) if self.pace else 1
            if self.many is not None:
                count = left // self.block * self.block
                code = self.many if count else self.one
                count = count or left
                if code is self.one and 3 * left > self.block:
                    self.fill(inputs, found, at)
                    return
            begun = perf_counter()
            parts = [x[at : at + count] for x in inputs]
            code.run(parts, self.entry.arrays, found[at : at + count])
            if self.many is None:
                taken = perf_counter() - begun
                self.pace, self.spent = taken / count, self.spent + taken
            at += count

    def fill(self, inputs: list[np.ndarray], found: np.ndarray, at: int) -> None:
        """The last rows as a block, which copies of the last row fill up."""
        full = np.empty((self.block, *self.shape), self.dtype)
        parts = [np.resize(x[at:], (self.block, *x.shape[1:])) for x in inputs]
        assert self.many is not None
        self.many.run(parts, self.entry.arrays, full)
        found[at:] = full[: len(found) - at]


def answering(way: Way, given: Shape, dtype: np.dtype, shape: Shape) -> Callable:
    """A function of an array that is one row: its outputs, by as little Python as may be.

    It gives None if the model must be looked at first, or says itself what is wrong.
    """
    entry, clock, closely = way.entry, modes.Clock, way.watched
    free: list[tuple[Any, ...]] = []

    def place() -> tuple[Any, ...]:
        """Memory of a call: the step's, that of the row, that of the answer, addresses."""
        place = way.one.workplace()
        ((_, memory),) = place.near
        return place, memory, place.outputs[0].reshape(shape), place.step, *place.addresses

    def answer(row: np.ndarray) -> np.ndarray | None:
        if row.shape != given or row.dtype is not dtype or way.clock != clock.structure:
            return None
        known = entry.write == clock.last_write and way.default is modes.default_dtype
        if (closely or not known) and not way.holds():
            return None
        held = free.pop() if free else place()
        workplace, memory, found, step, arena, table = held
        if entry.arrays is not workplace.cells or workplace.copies:
            workplace.ready(entry.arrays)
        memory[...] = row
        failed = step(arena, table)
        found = found.copy()
        free.append(held)
        return None if failed else found

    return answer


# ---- preparing


def prepared(model: Any, types: Types) -> Way | Refused:
    """How rows of these types go through a model that is in use."""
    apart, before = False, random_states(model)
    try:
        one = traced(model, types, 1)
        many = traced(model, types, block_of(one.graph))
        own = random_states(model) == before and not refused_hooks(model, None)
        if own and not reads_more(one) and same_but_for_rows(one.graph, many.graph):
            apart = rows_apart(rewritten(lowered(many.graph)))
        return Way(one, many, types) if apart else Refused(model, types)
    except Exception:  # the model itself says what is wrong, if anything is
        return Refused(model, types, apart)


def traced(model: Any, types: Types, rows: int) -> Entry:
    """The model as a function of this many rows."""
    return entry_of(model, [np.zeros((rows, *shape), dtype) for shape, dtype in types])


def entry_of(model: Any, arrays: list[np.ndarray]) -> Entry:
    """The model as a function of arrays like these, without values."""
    step = CompiledStep(model.__call__)
    step.trace(*map(Tensor.lift, arrays))
    entry = step.last
    assert entry is not None
    if not entry.single or entry.changed or len(entry.graph.outputs) != 1:
        raise TraceError("the model does more than give one tensor")
    return entry


def reads_more(entry: Entry) -> bool:
    """Whether Python reads what may be another thing at each call."""
    more = entry.hypers or entry.looked or entry.asked or entry.rules.holders
    return bool(more or entry.graph.updates)


def block_of(graph: Graph) -> int:
    """How many rows have what lies between the layers in the cache."""
    kept = [x for x in lowered(graph).nodes if is_hero(x)]
    row = sum(math.prod(x.shape) * x.dtype.itemsize for x in kept)
    rows = MOST_ROWS
    while rows > FEWEST_ROWS and rows * row > CACHE:
        rows //= 2
    return rows


def watched(captured: Any) -> bool:
    """Whether there is anything of the user's that may be set unseen."""
    return bool(captured.cells or captured.globals or captured.lists)


def fitting(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Rows one after another, as native code reads them."""
    if x.dtype == dtype and x.flags.c_contiguous and x.flags.aligned:
        return x
    return np.ascontiguousarray(x).astype(dtype)
