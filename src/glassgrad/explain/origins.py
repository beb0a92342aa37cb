"""What a leaf was computed from without a gradient: the condition of a choice, 1 - y of labels.

A tensor remembers it without keeping anything alive; it is told where all of it is still there.
"""

from __future__ import annotations

from typing import Any
from weakref import ref

import numpy as np

from ..operations.record import Operation


class Detach(Operation):
    """What `detach` does: the value, perhaps in another shape, and no way back."""

    name, kind, remembered = "detach", "view", True

    def forward(self, x: Any, shape: Any) -> Any:
        return x.reshape(shape)


class Origin:
    """A leaf as the node that it would be, had it needed a gradient."""

    def __init__(self, x: Any, operation: Any, inputs: Any, parameters: dict[str, Any]) -> None:
        self.operation, self.inputs, self.parameters = operation, inputs, parameters
        self.shape, self.numel, self.value = x.shape, x.numel, x.value

    def is_true(self) -> bool:
        """Whether it is still there, and nothing was changed in place since."""
        if any(i is None for i in self.inputs):
            return False
        values = [i.value for i in self.inputs]
        with np.errstate(all="ignore"):
            again = self.operation.meaning(np, *values, **self.parameters)
        return np.array_equal(again, self.value, equal_nan=self.value.dtype.kind == "f")


def behind(x: Any) -> Origin | None:
    """The operation that a tensor came from, if that is recorded or remembered."""
    if x.operation is not None:
        return Origin(x, x.operation, x.inputs, x.parameters)
    if x.origin is not None:
        operation, held, parameters = x.origin
        return Origin(x, operation, [i() if isinstance(i, ref) else i for i in held], parameters)
    if x.base is not None and x.base.numel() == x.numel():
        return Origin(x, Detach(), [x.base], {"shape": x.shape})
    return None


def origin_of(x: Any, known: Any) -> Origin | None:
    """How a leaf came about, if all of it is known or a number, and the way is short."""
    found = None if x.requires_grad and x.operation is None else behind(x)
    if found is None or not found.is_true():
        return None
    variables = [i for i in found.inputs if i.number is None]
    difference = found.operation.name == "sub" and len(variables) > 1
    if not variables or difference or not found.operation.remembered:
        return None
    return found if all(is_told(i, known) for i in variables) else None


def is_told(x: Any, known: Any) -> bool:
    """Whether it has a name, or was computed of what has."""
    return x in known or origin_of(x, known) is not None
