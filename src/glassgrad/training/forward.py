"""The outputs of a model for many rows: blocks of one size by native code, once that pays."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..compiler.graph import Graph
from ..compiler.lower import lowered
from ..compiler.native import NativeStep
from ..compiler.plan.chunk import batch_axes
from ..compiler.rewrite import rewritten
from ..compiler.step import CompiledStep
from ..tensors import Tensor
from .cost import worth
from .native import bounded, random_states, refused_hooks
from .rows import Batch

PASSES = lowered, rewritten, bounded


class Forward:
    """A model in eval mode as a function of a batch.

    rows    of a block; fewer rows are filled up to a block where rows do not depend on each other
    pays    with how many blocks compiling has paid; None where it cannot be
    apart   whether rows do not depend on each other
    """

    def __init__(self, model: Any, rows: int) -> None:
        self.model, self.rows = model, rows
        self.step = CompiledStep(functools.partial(outputs, model))
        self.step.backend = native
        self.looked = self.apart = False
        self.pays: int | None = None

    def __call__(self, batch: Batch, taken: float) -> Any:
        """The outputs, by native code if that pays with so many blocks."""
        if not self.looked and batch.rows == self.rows:
            self.looked = True
            self.pays = self.look(batch)
        due = self.pays is not None and taken >= self.pays
        if due and (batch.rows == self.rows or (self.apart and batch.rows < self.rows)):
            try:
                return self.compiled(batch)
            except Exception:  # eager execution says what is wrong, if anything is
                self.pays = None
        return self.model(*batch.inputs)

    def compiled(self, batch: Batch) -> Any:
        """The outputs by native code; of fewer rows, the first of a block."""
        if batch.rows == self.rows:
            return self.step(*batch.inputs)
        full = [Tensor.lift(np.resize(x.value, (self.rows, *x.shape[1:]))) for x in batch.inputs]
        return self.step(*full)[: batch.rows]

    def look(self, batch: Batch) -> int | None:
        """Trace a block; what Python does at each call stays with Python."""
        before = random_states(self.model)
        try:
            entry = self.step.trace(*batch.inputs).last
            assert entry is not None
            graph = rewritten(lowered(entry.graph))
        except Exception:
            return None
        pure = len(graph.outputs) == 1 and not graph.updates and not entry.changed
        if not pure or refused_hooks(self.model, None) or random_states(self.model) != before:
            return None
        self.apart = rows_apart(graph)
        return worth(entry)


def rows_apart(graph: Graph) -> bool:
    """Whether each row of the outputs follows from one row of the inputs."""
    axes = batch_axes(graph)
    if axes is None or axes.get(graph.outputs[0]) != 0:
        return False
    return all(x in axes for x in graph.nodes if any(i in axes for i in x.inputs))


def outputs(model: Any, *inputs: Any) -> Any:
    """What is compiled."""
    return model(*inputs)


def native(graph: Graph) -> NativeStep:
    """The back end."""
    return NativeStep(graph, passes=PASSES)
