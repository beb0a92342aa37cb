"""What a leaf was computed from without a gradient: the condition of a choice, 1 - y of labels.

A tensor remembers it without keeping anything alive; it is told where all of it is still there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

CONDITIONS = {"eq", "ne", "lt", "le", "gt", "ge", "bitwise_and", "bitwise_or", "bitwise_not"}
SMALL = {"neg", "sub", "view", "reshape", "cast"}  # more than that, and it is data of its own


class Origin:
    """A leaf as the node that it would be, had it needed a gradient."""

    def __init__(self, x: Any) -> None:
        self.operation, held, self.parameters = x.origin
        self.inputs = [i() if callable(i) and not hasattr(i, "value") else i for i in held]
        self.shape, self.numel, self.value = x.shape, x.numel, x.value

    def is_true(self) -> bool:
        """Whether it is still there, and nothing was changed in place since."""
        if any(i is None for i in self.inputs):
            return False
        values = [i.value for i in self.inputs]
        with np.errstate(all="ignore"):
            again = self.operation.meaning(np, *values, **self.parameters)
        return np.array_equal(again, self.value, equal_nan=self.value.dtype.kind == "f")


def origin_of(x: Any, known: Any) -> Origin | None:
    """How a leaf came about, if all of it is known or a number, and the way is short."""
    if x.origin is None or x.operation is not None or x.requires_grad:
        return None
    found, name = Origin(x), x.origin[0].name
    if name not in CONDITIONS | SMALL or not found.is_true():
        return None
    variables = [i for i in found.inputs if i.number is None]
    if not variables or (name == "sub" and len(variables) > 1):
        return None
    return found if all(is_told(i, known) for i in variables) else None


def is_told(x: Any, known: Any) -> bool:
    """Whether it has a name, or was computed of what has."""
    return x in known or origin_of(x, known) is not None
