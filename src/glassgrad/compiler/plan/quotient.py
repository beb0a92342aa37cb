"""A row divided by the sum of its exponentials is multiplied by the reciprocal, which is one.

Divisions are the dearest arithmetic of a softmax.  A sum of exponentials is neither so small that
its reciprocal is infinite nor, but for overflow, so large that it loses bits: the results differ
from quotients in their last bit only.
"""

from __future__ import annotations

import math
from typing import Any

from ...operations.elementwise import mul
from ...operations.view import view
from ..graph import Graph, building, transformed
from .kernel import VIEWS

SEVERAL = 2  # quotients for each divisor


def multiplied(graph: Graph) -> Graph:
    """The graph with one division for each sum of exponentials."""
    inverses: dict[Any, Any] = {}

    def change(x: Any) -> Any:
        if x.operation is None or x.operation.name != "div":
            return x
        above, below = x.inputs
        total = below.inputs[0] if below.operation is view else None
        if total is None or not sums_exponentials(total):
            return x
        if math.prod(x.shape) < SEVERAL * math.prod(total.shape):
            return x
        with building(x):
            if total not in inverses:
                inverses[total] = 1 / total
            return mul(above, view(inverses[total], **below.parameters))

    return transformed(graph, change)


def sums_exponentials(x: Any) -> bool:
    """Whether a node is a sum of exponentials."""
    if x.operation is None or x.operation.name != "sum":
        return False
    (inner,) = x.inputs
    while inner.operation is not None and inner.operation.name in VIEWS:
        inner = inner.inputs[0]
    return inner.operation is not None and inner.operation.name == "exp"
