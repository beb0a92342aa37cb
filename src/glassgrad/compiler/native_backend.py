"""The back end that runs machine code, or the readable program where there can be none."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from .artifact import NOT_FINITE
from .backend import CheckError, Run, readable, write
from .graph import Graph
from .lower import lowered
from .replay import finite, non_finite
from .rewrite import rewritten
from .target import NoTargetError, host


def native(graph: Graph) -> Run:
    """Machine code for this machine; the readable program, with a notice, where that fails."""
    try:
        host()
    except NoTargetError as error:
        told(str(error))
        return tested(graph)
    try:
        return Native(graph)
    except Exception as error:
        told(f"the step could not be compiled ({type(error).__name__}: {first_line(error)})")
        return tested(graph)


class Native:
    """Machine code as a back end: what its codes mean is raised."""

    def __init__(self, graph: Graph) -> None:
        from .native import NativeStep, StepFailed

        self.graph, self.failure = graph, StepFailed
        self.step = NativeStep(graph, passes=(lowered, rewritten))

    def __call__(self, inputs: list, cells: list, numbers: list) -> list[np.ndarray]:
        try:
            return self.step(inputs, cells, numbers)
        except self.failure as failure:
            code = failure.code
        if code == NOT_FINITE:
            raise non_finite(self.graph, inputs, cells, numbers)
        raise CheckError(code - NOT_FINITE - 1)


def tested(graph: Graph) -> Run:
    """The readable program, which tests the loss before it writes, as machine code does."""
    losses = [x for x in graph.losses if x.shape == () and graph.updates]
    first, last = len(graph.outputs), len(graph.outputs) + len(graph.updates)
    outputs = [*graph.outputs, *graph.updates.values(), *losses]
    compute = readable(replace(graph, outputs=outputs, updates={}))

    def run(inputs: list[Any], cells: list[Any], numbers: list[float]) -> list[Any]:
        found = compute(inputs, cells, numbers)
        if not all(map(finite, found[last:])):
            raise non_finite(graph, inputs, cells, numbers)
        write(graph, cells, found[first:last])
        return found[:first]

    return run


def first_line(error: BaseException) -> str:
    """What an error says first."""
    return (str(error).splitlines() or [""])[0]


told_already: set[str] = set()


def told(reason: str) -> None:
    """Say once why a step is not native."""
    if reason not in told_already:
        told_already.add(reason)
        warnings.warn(f"{reason}; it runs by NumPy, more slowly", RuntimeWarning, stacklevel=3)
