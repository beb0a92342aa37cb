"""A model's prediction as kernels of the compiler whose weights are constants of the module.

The graph, the kernels and their text are those of native prediction; what differs is where values
lie: weights and tables in constants, results where the caller wants them, the rest in scratch
memory that the caller's thread has alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..compiler.build import by_numpy
from ..compiler.emit.position import LANES
from ..compiler.graph import Graph
from ..compiler.module import module_text, ordered
from ..compiler.plan.address import give_addresses
from ..compiler.plan.kernel import Buffer, Plan
from ..compiler.plan.layout import laid_out
from ..compiler.plan.share import for_one_thread
from ..compiler.target import Target
from .meaning import SIZES


class ExportError(ValueError):
    """A model cannot become a function on its own; the message says why."""


class Weights(NamedTuple):
    """An array of the program: its name, and its elements as they lie in memory, padded."""

    name: str
    values: np.ndarray
    meaning: str


class Slot(NamedTuple):
    """An input or the output: the type of a row, and its shape."""

    dtype: np.dtype
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Elements of a row."""
        return int(np.prod(self.shape, dtype=np.int64))


class Program(NamedTuple):
    """All that a prediction needs.

    text      the kernels, and @step, which calls them, in LLVM's language
    scratch   bytes that a call works in
    more      bytes that kernels have on the stack beside
    checks    what it means that a call returns 2, 3, ...
    """

    text: str
    weights: list[Weights]
    inputs: list[Slot]
    output: Slot
    scratch: int
    more: int
    checks: list[str]


def program_of(graph: Graph, target: Target) -> Program:
    """The program of a graph of one row, lowered and rewritten.

    Raises:
        ExportError: It writes into something that lasts, or NumPy computes a part of it.
    """
    if graph.updates:
        raise ExportError("the model changes what it holds, or draws random numbers, in eval mode")
    plan = planned(graph)
    if called := [k.call.operation.name for k in plan.kernels if by_numpy(k)]:
        raise ExportError(f"{', '.join(dict.fromkeys(called))} is computed by NumPy, not natively")
    weights = moved(plan)
    give_addresses(plan)
    text = module_text(plan, target).replace("define i32 @step", "define internal i32 @step")
    (y,) = plan.graph.outputs
    read = set(re.findall(r"@(w\d+)\b", text))
    return Program(
        text,
        [w for w in weights if w.name in read],
        [slot(x) for x in plan.graph.inputs],
        slot(y),
        -(-plan.arena // 64) * 64,
        own_memory(text),
        [str(text) for _, text in plan.graph.checks],
    )


def own_memory(text: str) -> int:
    """The most that one kernel has on the stack; one runs at a time."""
    kernels = [re.findall(r"alloca \[(\d+) x (\w+)\]", k) for k in text.split("\ndefine ")]
    return max(sum(int(n) * SIZES[kind] for n, kind in found) for found in kernels)


def slot(x: Any) -> Slot:
    """What a caller must know of an input or output of one row."""
    return Slot(x.dtype, tuple(x.shape[1:]))


def planned(graph: Graph) -> Plan:
    """The plan of prediction (see `compiler.rows`), with results in the caller's memory."""
    plan = ordered(graph, "rows")
    for number, y in enumerate(plan.graph.outputs, len(plan.graph.inputs)):
        buffer = plan.buffers[y]
        assert buffer.parent is None
        buffer.base, buffer.dense = f"%e{number}", True
    return for_one_thread(laid_out(plan, resident=True))


def moved(plan: Plan) -> list[Weights]:
    """Weights and tables go out of the arena, each into a constant of the module."""
    found: list[Weights] = []
    known: dict[int, None] = {}
    for x, value in constants_of(plan):
        buffer = plan.buffers[x]
        if id(buffer) in known:
            continue
        assert buffer.parent is None
        known[id(buffer)] = None
        name = f"w{len(found)}"
        meaning = f"{plan.graph.names.get(x, 'constant')} {list(x.shape)}"
        found.append(Weights(name, laid(buffer, value), re.sub(r"[^ -~]", "?", meaning)))
        buffer.base, buffer.offset = f"@{name}", 0
    return found


def constants_of(plan: Plan) -> Iterator[tuple[Any, np.ndarray]]:
    """Nodes whose values are known and lie in memory."""
    for x, leaf in plan.graph.cells.items():
        if x in plan.buffers:
            yield x, leaf.value
    for x in plan.graph.constants:
        if x in plan.buffers and x not in plan.graph.cells:
            yield x, x.value


def laid(buffer: Buffer, value: np.ndarray) -> np.ndarray:
    """An array's elements as its buffer has them, with a vector's length behind the last."""
    dtype = buffer.dtype
    memory = np.zeros(buffer.size // dtype.itemsize + LANES, dtype)
    assert buffer.strides is not None
    strides = [s * dtype.itemsize for s in buffer.strides]
    np.ndarray(buffer.shape, dtype, memory.data, 0, strides)[...] = value
    return memory
