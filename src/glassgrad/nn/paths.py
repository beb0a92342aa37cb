"""A model with several inputs, or with paths that part and meet, as steps in their order."""

from __future__ import annotations

import inspect
from contextlib import suppress
from itertools import product
from typing import Any

from ..tensors import Tensor, no_grad
from ..tensors.creation import zeros
from ..types import ShapeError
from .chain import (
    ChainError,
    Step,
    check_module,
    example,
    follows,
    joined,
    of_layer,
    of_operation,
    own,
    sizes,
    watched,
)
from .checks import input_names, untouched, wanted_dtype


def examples(model: Any, input_shape: Any, call: str = "input_shape={}") -> list[Tensor]:
    """An input of one row for each that the model takes; `call` is how shapes are given.

    Raises:
        ChainError: It takes several, and their shapes are not known.
    """
    names, shapes = input_names(model), input_shape
    listed = isinstance(shapes, (tuple, list))
    if len(names) < 2 and not (listed and any(isinstance(s, (tuple, list)) for s in shapes)):
        return [example(model, None, input_shape)]
    if shapes is None and hasattr(model, "in1_features"):
        shapes, listed = (model.in1_features, model.in2_features), True
    if not listed or not takes(model, len(shapes)):
        several = f"{len(names)} input{'s' * (len(names) > 1)}, {', '.join(names)}"
        likely = likely_shapes(model, names)
        raise ChainError(
            f"the {type(model).__name__} takes {several}: give the shape of one row of each, "
            f"without the batch, as {call.format(likely)}"
        )
    return typed(model, [sizes(s) for s in shapes])


def takes(model: Any, count: int) -> bool:
    """Whether `forward` takes so many inputs."""
    try:
        inspect.signature(model.forward).bind(*[None] * count)
    except TypeError:
        return False
    return True


def likely_shapes(model: Any, names: list[str]) -> str:
    """Shapes for a message: what the first layers take, where that fits; else a word for each."""
    widths = [getattr(module, "in_features", None) for module in model.modules()]
    listed: list[tuple[int, ...]] = [(n,) for n in widths if isinstance(n, int)]
    shapes = listed[: len(names)]
    with suppress(ShapeError):
        if len(shapes) == len(names) and fitting(model, shapes):
            return f"[{', '.join(map(str, shapes))}]"
    return f"[{', '.join(f'{name}_shape' for name in names)}]"


def typed(model: Any, shapes: list[tuple[int, ...]]) -> list[Tensor]:
    """Zeros of these shapes: where some are ids and some are features, of the types that fit."""
    return fitting(model, shapes) or [zeros(1, *s, dtype=wanted_dtype(model)) for s in shapes]


def fitting(model: Any, shapes: list[tuple[int, ...]]) -> list[Tensor] | None:
    """Zeros that the model takes, of ids or of features; None where it takes none.

    Raises:
        ShapeError: The shapes do not fit.
    """
    kinds = dict.fromkeys([wanted_dtype(model), *(p.dtype for p in model.parameters())])
    for each in product(kinds, repeat=len(shapes)):
        given = [zeros(1, *s, dtype=kind) for s, kind in zip(shapes, each)]
        try:
            with untouched(model), no_grad():
                model(*given)
        except ShapeError:
            raise  # no dtype would help
        except (RuntimeError, TypeError, ValueError, IndexError):
            continue
        return given
    return None


def all_steps(model: Any, input_shape: Any, call: str) -> tuple[list[Tensor], list[Step]]:
    """A model's inputs and steps in their order, also where there are several paths and inputs."""
    check_module(model)
    given = examples(model, input_shape, call)
    output, calls = watched(model, given)
    calls = {k: c for k, c in calls.items() if not own(c[0])}
    behind, steps, stack = follows(output, given, calls), {}, [output]
    start = dict.fromkeys(given)
    while stack:
        node = stack.pop()
        if node in steps or node in start:
            continue
        if (made := calls.get(node)) is not None and any(x in behind for x in made[1]):
            steps[node] = of_layer(*made, node)
        else:
            steps[node] = of_operation(node, behind, several=True)
        stack += [x for x in (steps[node].given, *steps[node].others) if x in behind]
    timed = all(node.serial for node in steps)  # what has no derivative has no time
    order = {node: node.serial if timed else i for i, node in enumerate(behind)}
    return given, joined([steps[node] for node in sorted(steps, key=order.__getitem__)])
