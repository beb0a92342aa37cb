"""What small results without a gradient remember of how they came about, for explanations.

The mask of a choice and `1 - y` of labels are no nodes of the graph; without this a formula could
only say True.  Nothing is kept alive by it: inputs are weak references, but for numbers, and for
masks that a mask was made of.
"""

from __future__ import annotations

from typing import Any
from weakref import ref

from ..operations import elementwise as op
from ..operations.index import argmax, argmin, argsort
from ..operations.loop import amax, amin
from ..operations.record import Operation
from ..operations.view import reshape, view
from ..types import bool_

CONDITIONS = (op.eq, op.ne, op.lt, op.le, op.gt, op.ge)
LOGIC = (op.bitwise_and, op.bitwise_or, op.bitwise_not)
SMALL = (op.neg, op.sub, op.clamp, op.cast, view, reshape)  # more, and it is data of its own
CHOSEN = (amax, amin, argmax, argmin, argsort)
for operation in (*CONDITIONS, *LOGIC, *SMALL, *CHOSEN):
    operation.remembered = True


def remember(y: Any, operation: Operation, inputs: tuple, parameters: dict[str, Any]) -> None:
    """Note how a leaf was computed."""
    held = tuple([x if x.number is not None or is_mask(x) else ref(x) for x in inputs])
    y.origin = operation, held, parameters


def is_mask(x: Any) -> bool:
    """Whether this is a mask that keeps no other mask alive."""
    if x.value.dtype is not bool_ or x.origin is None:
        return False
    return not any(getattr(i, "dtype", None) is bool_ for i in x.origin[1])
