"""When compiling a step pays: after as many eager steps as take about as long as compiling it.

Times are estimated from the operations of the step and their sizes, and not measured: so a training
gives the same bits whenever it is run, and goes on to them after a checkpoint.
"""

from __future__ import annotations

import math
from typing import Any

from .engine import FEWEST

COMPILING, EACH_COMPILED = 0.08, 0.0012  # seconds: in all, and for each operation
EACH, ELEMENT, PRODUCT = 5e-6, 1e-9, 1.5e-10  # seconds of an eager step
RANDOM = 150  # operations that random bits are made of


def worth(entry: Any) -> int:
    """The number of eager steps after which a traced step is compiled."""
    nodes = [x for x in entry.graph.nodes if x.operation is not None]
    drawn = sum(x.operation.kind == "random" for x in nodes)
    compiling = COMPILING + EACH_COMPILED * (len(nodes) + RANDOM * drawn)
    return max(FEWEST, math.ceil(compiling / sum(map(seconds, nodes))))


def seconds(x: Any) -> float:
    """About how long NumPy takes for a node."""
    size = math.prod(x.shape)
    kind, name = x.operation.kind, x.operation.name
    if kind == "random":
        return RANDOM * (EACH + ELEMENT * size / 4)
    if kind == "loop":
        space = x.operation.space(x, *x.inputs, **x.parameters)
        return EACH + PRODUCT * math.prod(space.extents)
    if name == "linear":
        return EACH + PRODUCT * size * x.inputs[0].shape[-1]
    return EACH + ELEMENT * size
