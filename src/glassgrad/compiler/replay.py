"""Why the loss of a step is not finite: the step once more, node by node."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..gradient import ancestors
from ..types import NonFiniteError
from .backend import values_of
from .graph import Graph, evaluated
from .lower import lowered
from .rewrite import rewritten


class Origin(NamedTuple):
    """Where the first value that is not finite arose."""

    text: str
    layer: str = ""
    operation: str = ""
    line: str = ""


def non_finite(graph: Graph, inputs: list, cells: list, numbers: list) -> NonFiniteError:
    """The error for a step whose loss is not finite; arrays and numbers are those before it."""
    values = values_of(graph, inputs, cells, numbers)
    origin = given_so(graph, values)
    loss: Any = np.nan
    for way in (rewritten(lowered(graph)), graph):  # as machine code does it, and as it is written
        with np.errstate(all="ignore"):
            found = evaluated(way, values)
        bad = [x for x in way.losses if not finite(found[x])]
        if bad:
            loss = first_bad(found[bad[0]])
            origin = origin or arisen(way, bad[0], found)
            break
    origin = origin or Origin("going through the step again by NumPy gave no such value")
    lines = [f"the loss is {loss}; the step was not taken", f"first: {origin.text}"]
    error = NonFiniteError("\n    ".join([*lines, *([origin.line] if origin.line else [])]))
    error.layer, error.operation, error.line = origin.layer, origin.operation, origin.line
    return error


def given_so(graph: Graph, values: dict[Any, Any]) -> Origin | None:
    """An input, a cell or a hyper-parameter that is not finite already."""
    for x, value in values.items():
        if not finite(value):
            name = graph.names.get(x, "a tensor")
            place = np.argwhere(~np.isfinite(np.atleast_1d(value)))[0]
            at = f" in {name}[{', '.join(map(str, place))}]" if np.ndim(value) else ""
            text = f"{name}: {x.type_} held {first_bad(value)} before the step{at}"
            return Origin(text, layer_of(name) if x in graph.cells else "")
    return None


def arisen(graph: Graph, loss: Any, found: dict[Any, Any]) -> Origin | None:
    """The first operation behind a loss that makes what is not finite out of what is.

    Infinities may be meant, as what a mask fills in: where a NaN comes of them, it is named.
    """
    behind = [x for x in ancestors([loss]) if x.operation is not None]
    spoilt = [
        x for x in behind if has_nan(found[x]) and not any(has_nan(found[i]) for i in x.inputs)
    ]
    if spoilt:
        behind = [x for x in ancestors(spoilt[:1]) if x.operation is not None]
    for x in [x for x in behind if not finite(found[x])]:
        if all(finite(found[i]) for i in x.inputs):
            return described(graph, x, found)
    return described(graph, spoilt[0], found) if spoilt else None


def described(graph: Graph, x: Any, found: dict[Any, Any]) -> Origin:
    """The origin in words."""
    given = ", ".join(between(i, found[i]) for i in x.inputs)
    layer = layer_near(graph, x)
    where = (", in a gradient," if x.of_gradient else "") + (f" in {layer}" if layer else "")
    text = f"{x.operation.name}{where} gave {first_bad(found[x])} from {given}"
    return Origin(text, layer, x.operation.name, x.line.text if x.line else "")


def layer_near(graph: Graph, x: Any) -> str:
    """The layer of the parameter that a node reads, itself or through nodes of the same line."""
    seen, waiting = set(), [x]
    while waiting:
        y = waiting.pop(0)
        if y in graph.cells:
            return layer_of(graph.names.get(y, ""))
        if y not in seen and (y is x or (y.operation is not None and y.line == x.line)):
            seen.add(y)
            waiting.extend(y.inputs)
    return ""


def layer_of(name: str) -> str:
    """`stack.0` of `stack.0.weight`."""
    return name.rpartition(".")[0]


def finite(value: Any) -> bool:
    """Whether all elements are; what is no real number is."""
    value = np.asarray(value)
    return value.dtype.kind != "f" or bool(np.isfinite(value).all())


def has_nan(value: Any) -> bool:
    """Whether an element is NaN."""
    value = np.asarray(value)
    return value.dtype.kind == "f" and bool(np.isnan(value).any())


def first_bad(value: Any) -> Any:
    """The first element that is not finite."""
    value = np.asarray(value)
    return value[~np.isfinite(value)].flat[0] if not finite(value) else value.flat[0]


def between(x: Any, value: Any) -> str:
    """`f32[32, 10] between -1 and 3.2`."""
    value = np.asarray(value)
    if not value.size or value.dtype.kind == "b":
        return str(x.type_)
    return f"{x.type_} between {value.min():.4g} and {value.max():.4g}"
