"""Rules that change no bit: neutral elements, numbers computed, views that cancel.

No rule takes x * 0, x - x or x / x for a number, as x may be infinite or NaN, and x + 0 is not x,
as -0.0 + 0.0 is 0.0.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from ...operations import TABLE, loop
from ...operations import view as views
from ...tensors.tensor import Tensor
from ...types import is_real
from ..graph import Graph, building, node, number_of
from .engine import by_operation, copied, plain
from .pattern import Rule, rule


def whole(x: Any) -> bool:
    """Whether a node holds integers or truth values, which have one zero."""
    return not is_real(x.dtype)


def real(*nodes: Any) -> bool:
    """Whether nodes hold real numbers."""
    return all(is_real(x.dtype) for x in nodes)


def never_minus_zero(x: Any) -> bool:
    """Whether no element can be -0.0."""
    if whole(x):
        return True
    name = x.operation.name if x.operation is not None else ""
    return name in ("exp", "square", "abs") or (name == "cast" and whole(x.inputs[0]))


# ---- numbers


def folded(x: Any) -> Any:
    """Arithmetic on numbers, as it is done eager."""
    numbers = [number_of(i) for i in x.inputs]
    if None in numbers or not numbers:
        return None
    arrays = [np.array(n, i.dtype) for n, i in zip(numbers, x.inputs)]
    with np.errstate(all="ignore"):
        found: Any = np.asarray(x.operation.forward(*arrays, **x.parameters))
    return Tensor.constant(plain(found.flat[0]), x.dtype)


def chosen(x: Any) -> Any:
    """A choice that is known, or that is none."""
    condition, first, second = x.inputs
    if first is second:
        return first
    truth = number_of(condition)
    return None if truth is None else first if truth else second


def holds(wide: np.dtype, narrow: np.dtype) -> bool:
    """Whether every value of the narrow type is one of the wide; int64 to float64 is not exact."""
    return narrow.kind in ("b", wide.kind) and wide.itemsize >= narrow.itemsize


def same_type(x: Any) -> Any:
    """A cast to the own type; one through a wider type and back; of -x, it is - of that of x."""
    (inner,) = x.inputs
    if inner.dtype == x.dtype:
        return inner
    if inner.operation is TABLE["neg"] and real(x, inner):
        with building(x):
            return -TABLE["cast"](inner.inputs[0], dtype=x.dtype)
    if inner.operation is not x.operation:
        return None
    (first,) = inner.inputs
    return first if first.dtype == x.dtype and holds(inner.dtype, first.dtype) else None


ELEMENTWISE = tuple(name for name, record in TABLE.items() if record.kind == "elementwise")

# ---- views


def composed(x: Any) -> Any:
    """A view of a view is one; a view that changes nothing is none."""
    (inner,) = x.inputs
    shape, axes = x.parameters["shape"], x.parameters["axes"]
    if shape == inner.shape and axes == tuple(range(len(shape))):
        return inner
    if inner.operation is not views.view:
        return None
    places = tuple(None if b is None else axes[b] for b in inner.parameters["axes"])
    with building(x):
        return views.view(inner.inputs[0], shape=shape, axes=places)


def reshaped(x: Any) -> Any:
    """A reshape of a reshape is one; one that only adds or drops axes of length 1 is a view."""
    (inner,) = x.inputs
    shape = x.parameters["shape"]
    if shape == inner.shape:
        return inner
    axes = ones_moved(inner.shape, shape)
    with building(x):
        if axes is not None:
            return views.view(inner, shape=shape, axes=axes)
        if inner.operation is views.reshape:
            return views.reshape(inner.inputs[0], shape=shape)
    return None


def ones_moved(own: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int | None, ...] | None:
    """Where the axes of a shape go in another that differs by axes of length 1 only."""
    if [n for n in own if n != 1] != [n for n in shape if n != 1]:
        return None
    places = iter([a for a, n in enumerate(shape) if n != 1])
    return tuple(None if n == 1 else next(places) for n in own)


def counted(x: Any) -> Any:
    """Positions along one axis of several are a view of positions."""
    shape, axis = x.parameters["shape"], x.parameters["axis"]
    if len(shape) == 1:
        return None
    with building(x):
        along = node(x.operation, (), {"shape": (shape[axis],), "axis": 0})
        return views.view(along, shape=shape, axes=(axis,))


def sliced(x: Any) -> Any:
    """A slice that takes all is none; a slice of a slice is one."""
    (inner,) = x.inputs
    starts, steps, lengths = (x.parameters[k] for k in ("starts", "steps", "lengths"))
    if lengths == inner.shape and not any(starts) and all(s == 1 for s in steps):
        return inner
    if inner.operation is not views.slice_:
        return None
    first, by = inner.parameters["starts"], inner.parameters["steps"]
    with building(x):
        return views.slice_(
            inner.inputs[0],
            starts=tuple(a + s * b for a, s, b in zip(first, by, starts)),
            steps=tuple(s * t for s, t in zip(by, steps)),
            lengths=lengths,
        )


def not_folded(x: Any) -> Any:
    """A reduction over no axes."""
    return x.inputs[0] if not x.parameters["axes"] else None


def single(x: Any) -> Any:
    """One part joined."""
    return x.inputs[0] if len(x.inputs) == 1 else None


# ---- contractions read through views, and write in the order that is wanted


def read_through(x: Any) -> Any:
    """A contraction of a transposed or repeated operand reads the operand itself."""
    for which, seen in enumerate(x.inputs):
        if seen.operation is not views.view or None in seen.parameters["axes"]:
            continue
        if not seen.inputs[0].shape:
            continue
        labels = x.parameters["reads"][which]
        other = x.parameters["reads"][1 - which]
        own = tuple(labels[a] for a in seen.parameters["axes"])
        dropped = set(labels) - set(own)
        if any(n not in other or n >= x.parameters["rank"] for n in dropped):
            continue
        inputs, reads = list(x.inputs), [other, other]
        inputs[which], reads[which] = seen.inputs[0], own
        with building(x):
            return loop.contract(*inputs, reads=tuple(reads), rank=x.parameters["rank"])
    return None


def turned(graph: Graph) -> Graph:
    """Contractions that are only seen transposed write in that order.

    What follows runs in the order of the loop then.
    """
    nodes = graph.nodes
    uses = Counter([*graph.roots, *(i for x in nodes for i in x.inputs)])
    wanted = {x for x in nodes if is_permutation(x) and uses[x.inputs[0]] == 1}
    wanted = {x for x in wanted if x.inputs[0].operation is loop.contract}
    if not wanted:
        return graph
    new: dict[Any, Any] = {}
    for x in nodes:
        inputs = tuple(new[i] for i in x.inputs)
        if x in wanted:
            new[x] = in_order_of(x, inputs[0])
        else:
            new[x] = x if x.operation is None else copied(x, inputs)
    return graph.mapped(new.__getitem__)


def is_permutation(x: Any) -> bool:
    """Whether a node is a view that only exchanges axes."""
    if x.operation is not views.view or len(x.shape) != len(x.parameters["axes"]):
        return False
    return None not in x.parameters["axes"]


def in_order_of(x: Any, product: Any) -> Any:
    """The contraction with the axes of its view x."""
    axes, rank = x.parameters["axes"], product.parameters["rank"]
    reads = tuple(
        tuple(axes[n] if n < rank else n for n in labels) for labels in product.parameters["reads"]
    )
    with building(x):
        return loop.contract(*product.inputs, reads=reads, rank=rank)


def power(x: Any, n: int) -> Any:
    """x ** n as one node, whatever `x ** n` makes of it."""
    return TABLE["pow"](x, Tensor.constant(n, x.dtype))


def inverted(x: Any) -> Any:
    """~x as one node; patterns stand for all types."""
    return TABLE["bitwise_not"](x)


SIMPLE = [
    Rule("numbers", ELEMENTWISE, folded),
    Rule("a known choice", ("where",), chosen),
    Rule("a cast to the own type", ("cast",), same_type),
    Rule("a view of a view", ("view",), composed),
    Rule("a reshape of a reshape", ("reshape",), reshaped),
    Rule("positions along one axis", ("position",), counted),
    Rule("a slice of a slice", ("slice",), sliced),
    Rule("a reduction over no axes", ("sum", "amax", "amin"), not_folded),
    Rule("one part joined", ("concatenate",), single),
    Rule("a contraction of a view", ("contract",), read_through),
    rule("x * 1", lambda x: x * 1, lambda x: x),
    rule("x / 1", lambda x: x / 1, lambda x: x, only=real),
    rule("x - 0", lambda x: x - 0, lambda x: x),
    rule("x + -0", lambda x: x + -0.0, lambda x: x, only=real),
    rule("x + 0", lambda x: x + 0, lambda x: x, only=never_minus_zero),
    rule("x ** 1", lambda x: power(x, 1), lambda x: x),
    rule("x ** 2", lambda x: power(x, 2), lambda x: x.square(), only=real),
    rule("x ** -1", lambda x: power(x, -1), lambda x: x.reciprocal(), only=real),
    rule("x * -1", lambda x: x * -1, lambda x: -x, only=real),
    rule("-(-x)", lambda x: -x.neg(), lambda x: x),
    rule("x + -y", lambda x, y: x + -y, lambda x, y: x - y),
    rule("x - -y", lambda x, y: x - -y, lambda x, y: x + y),
    rule("-x * -y", lambda x, y: -x * -y, lambda x, y: x * y),
    rule("-x / -y", lambda x, y: -x / -y, lambda x, y: x / y),
    rule("y + -a * x", lambda a, x, y: y + -a * x, lambda a, x, y: y - a * x),
    rule("not not x", lambda x: inverted(inverted(x)), lambda x: x),
]
RULES = by_operation(SIMPLE)
