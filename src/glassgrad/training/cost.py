"""When compiling a step pays: after as many eager steps as take about as long as compiling it.

Times are estimated from the operations of the step and their sizes, and not measured: so a training
gives the same bits whenever it is run, and goes on to them after a checkpoint.
"""

from __future__ import annotations

import math
from typing import Any

from .engine import FEWEST

COMPILING, EACH_COMPILED = 0.08, 0.0006  # seconds: in all, and for each operation
EACH, ELEMENT = 3.5e-6, 0.5e-9  # seconds of an eager operation, and for each of its elements
MATRIX, WINDOW = 3e-11, 1.5e-10  # for each product in a product of matrices, and in other loops
DRAW, DRAWN = 1e-4, 1.4e-8  # for random bits, and for each of them
WORDS = 150  # operations that random bits are compiled to


def worth(entry: Any) -> int:
    """The number of eager steps after which a traced step is compiled."""
    nodes = [x for x in entry.graph.nodes if x.operation is not None]
    drawn = sum(x.operation.kind == "random" for x in nodes)
    compiling = COMPILING + EACH_COMPILED * (len(nodes) + WORDS * drawn)
    return max(FEWEST, math.ceil(compiling / sum(map(seconds, nodes))))


def seconds(x: Any) -> float:
    """About how long NumPy takes for a node."""
    size = math.prod(x.shape)
    kind, name = x.operation.kind, x.operation.name
    if kind == "random":
        return DRAW + DRAWN * size
    if kind == "loop":
        space = x.operation.space(x, *x.inputs, **x.parameters)
        each = MATRIX if name == "contract" else WINDOW
        return EACH + each * math.prod(space.extents)
    if name == "linear":
        return EACH + MATRIX * size * x.inputs[0].shape[-1]
    return EACH + ELEMENT * size
