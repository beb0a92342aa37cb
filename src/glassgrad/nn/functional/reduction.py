"""What all losses share: how many numbers become one, and what is checked first."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tensors.creation import coerced
from ...tensors.state import state
from ...types import ShapeError, broadcast_shapes, is_real


def reduced(losses: Any, reduction: str) -> Any:
    """The mean or the sum of all losses, or with "none" the losses themselves."""
    if reduction == "mean":
        return losses.mean()
    if reduction == "sum":
        return losses.sum()
    if reduction == "none":
        return losses
    raise ValueError(
        f"{reduction!r} is not a valid value for reduction; it is 'none', 'mean' or 'sum'"
    )


def weighed(losses: Any, weights: Any, reduction: str) -> Any:
    """`reduced` for losses that are weighed already: their mean is over the sum of the weights."""
    return losses.sum() / weights.sum() if reduction == "mean" else reduced(losses, reduction)


def paired(input: Any, target: Any, name: str) -> tuple[Any, Any]:
    """Outputs and targets of one shape; ShapeError shows the reshape that is missing.

    Broadcasting would pair each output with each target: a silent mistake of many training loops.
    """
    x, y = coerced(input), coerced(target)
    if x.shape != y.shape:
        raise ShapeError(
            f"{name} takes one target for each output and got outputs {x.type_} "
            f"and targets {y.type_}{_consequence(x.shape, y.shape)}. {_remedy(x.shape, y.shape)}"
        )
    return x, y


def _consequence(outputs: tuple, targets: tuple) -> str:
    try:
        return f", which would broadcast to {list(broadcast_shapes(outputs, targets))}"
    except ShapeError:
        return ""


def _remedy(outputs: tuple, targets: tuple) -> str:
    if np.prod(outputs) == np.prod(targets):
        return f"Write target.reshape({', '.join(map(str, outputs))})"
    if len(outputs) == 2 and len(targets) == 1 and outputs[0] == targets[0]:
        return (
            f"Let the network end in 1 output instead of {outputs[1]}, "
            "or for class numbers use cross_entropy"
        )
    return "Both must have the same shape"


def check_real(y: Any, name: str) -> None:
    """RuntimeError unless the targets are real numbers."""
    if not is_real(y.dtype):
        raise RuntimeError(f"{name} takes real targets and got {y.type_}; write target.float()")


def check_unit(x: Any, name: str, remedy: str = "") -> None:
    """RuntimeError unless all elements are between 0 and 1."""
    between = "between 0 and 1" + (f"; {remedy}" if remedy else "")
    if state.listening is not None:
        demand_all(x, (x >= 0) & (x <= 1), name, between)
    elif x.value.size:
        a = x.value
        if not (a.min() >= 0 and a.max() <= 1):  # NaN is neither
            check_all(x, (a >= 0) & (a <= 1), name, between)


def check_signs(y: Any, name: str) -> None:
    """RuntimeError unless all labels are -1 or 1."""
    check_labels(y, (-1, 1), name, "a label: labels are -1 and 1; from 0 and 1 they are 2 * y - 1")


def check_labels(y: Any, pair: tuple, name: str, expected: str) -> None:
    """RuntimeError unless all labels are one of two."""
    if state.listening is not None:
        demand_all(y, (y == pair[0]) | (y == pair[1]), name, expected)
    else:
        check_all(y, (y.value == pair[0]) | (y.value == pair[1]), name, expected)


def check_all(x: Any, right: np.ndarray, name: str, expected: str) -> None:
    """RuntimeError that names row and value of the first element of `x` that is not right."""
    if right.all():
        return
    place = tuple(map(int, np.argwhere(~right)[0]))
    where = f" in row {place[0] if len(place) == 1 else place}" if place else ""
    raise RuntimeError(f"{name}: {x.value[place]}{where} is not {expected}")


def demand_all(x: Any, right: Any, name: str, expected: str) -> None:
    """The same of a traced tensor: the step looks when it runs."""
    where = " in row {row}" if x.shape else ""
    said = expected.replace("{", "{{").replace("}", "}}")
    state.listening.demand(~right, f"{name}: {{value}}{where} is not {said}", x, RuntimeError)
