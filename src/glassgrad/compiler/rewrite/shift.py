"""Exponentials that are summed: the largest exponent is taken off where that changes nothing else.

With e = exp(x), s = sum(e) and c = exp(-max(x)), every value that is made of e and s by products,
quotients and sums is of some degree d: it would be c^d times as large if e and s were made of
x - max(x).  What is of degree 0 (softmax, its gradients, attention) is computed from those, and
ln of what is of degree 1 is corrected by max(x).  Nothing overflows then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ...operations import loop
from ...operations import view as views
from ...types import is_real
from ..graph import Graph, building, number_of
from .engine import copied
from .stable import is_shifted

Labels = tuple[int | None, ...]


class Group(NamedTuple):
    """Exponents that are summed: e = exp(x) over axes, and the largest x for each sum."""

    e: Any
    x: Any
    axes: tuple[int, ...]
    largest: Any


class Scaled(NamedTuple):
    """What a node would be if the exponents were shifted.

    degree  how often the factor c is in it
    labels  for each axis of the node the axis of x along which c varies, None where it does not
    whole   whether it is made of whole sums alone
    twin    the node made of shifted exponents
    """

    group: Group
    degree: int
    labels: Labels
    whole: bool
    twin: Any


def shifted(graph: Graph) -> Graph:
    """The graph with shifted exponents."""
    nodes = graph.nodes
    wanted = summed_exponents(nodes)
    if not wanted:
        return graph
    shifter = Shifter(wanted)
    for x in nodes:
        shifter.visit(x)
    return graph.mapped(shifter.new.__getitem__)


def summed_exponents(nodes: list[Any]) -> dict[Any, tuple[int, ...]]:
    """{exp node: axes over which it is summed}, where no maximum has been taken off."""
    found: dict[Any, tuple[int, ...]] = {}
    for x in nodes:
        if x.operation is loop.sum and may_overflow(x.inputs[0]):
            found.setdefault(x.inputs[0], x.parameters["axes"])
    return found


def may_overflow(e: Any) -> bool:
    """Whether a node is exp(x) where no maximum has been taken off x."""
    if e.operation is None or e.operation.name != "exp":
        return False
    return not is_shifted(e.inputs[0]) and 0 not in e.shape


class Shifter:
    """new: {node: what it has become}; scaled: {node: what it would be}."""

    def __init__(self, wanted: dict[Any, tuple[int, ...]]) -> None:
        self.wanted = wanted
        self.new: dict[Any, Any] = {}
        self.scaled: dict[Any, Scaled] = {}

    def visit(self, x: Any) -> None:
        """Find what a node becomes, and what it would be."""
        if x.operation is None:
            self.new[x] = x
            return
        found = self.begun(x) if x in self.wanted else self.followed(x)
        if found is not None and found.degree == 0:
            self.new[x] = found.twin
            return
        self.new[x] = copied(x, tuple(self.new[i] for i in x.inputs))
        if found is not None:
            self.scaled[x] = found

    def begun(self, e: Any) -> Scaled:
        """exp(x - m), with m = 0 where the largest is infinite or NaN: there nothing is gained."""
        x, axes = self.new[e.inputs[0]], self.wanted[e]
        labels = tuple(None if a in axes or n == 1 else a for a, n in enumerate(e.shape))
        with building(e):
            largest = loop.amax(x, axes=axes)
            largest = largest.where(largest.isfinite(), 0)
            group = Group(e, x, axes, largest)
            twin = (x - spread(group, e.shape, labels)).exp()
        return Scaled(group, 1, labels, False, twin)

    def followed(self, x: Any) -> Scaled | None:
        """What a node would be, if its inputs are scaled and it keeps to products and sums."""
        found = [self.scaled.get(i) for i in x.inputs]
        rule = FOLLOW.get(x.operation.name)
        known = [s for s in found if s is not None]
        if rule is None or not known or any(s.group is not known[0].group for s in known):
            return None
        answer = rule(x, found)
        if answer is None:
            return None
        inputs = [self.new[i] if s is None else s.twin for i, s in zip(x.inputs, found)]
        twin = copied(x, tuple(inputs))
        if x.operation.name == "log":
            with building(x):
                m = spread(known[0].group, x.shape, known[0].labels)
                twin = twin + m if known[0].degree == 1 else twin - m
        return Scaled(known[0].group, *answer, twin)


def spread(group: Group, shape: tuple[int, ...], labels: Labels) -> Any:
    """The largest exponents under a shape along whose axes they vary as the labels say."""
    kept = [a for a in range(len(group.x.shape)) if a not in group.axes]
    axes = tuple(labels.index(a) if a in labels else None for a in kept)
    if not group.largest.shape:
        return group.largest
    return views.view(group.largest, shape=shape, axes=axes)


# ---- how degrees go through operations.
# What may underflow divides nothing and has no ln; whole sums, which are at least 1, may.


class Answer(NamedTuple):
    """degree, labels, and whether the values are whole sums, or powers and multiples of them."""

    degree: int
    labels: Labels
    whole: bool = False


def aligned(x: Any, found: list[Scaled | None]) -> Labels | None:
    """The labels of the operands, if they agree; a number [] varies along no axis."""
    labels = {s.labels if s.labels else (None,) * len(x.shape) for s in found if s is not None}
    return labels.pop() if len(labels) == 1 else None


def of_product(sign: int) -> Callable[[Any, list[Scaled | None]], Answer | None]:
    """Degrees add up in a product; those of the divisor count against it."""

    def follow(x: Any, found: list[Scaled | None]) -> Answer | None:
        labels = aligned(x, found)
        divisor = found[1] if sign < 0 else None
        if labels is None or (divisor is not None and not divisor.whole):
            return None
        first, second = (s.degree if s is not None else 0 for s in found)
        wholes = (
            number_of(i) is not None if s is None else s.whole for i, s in zip(x.inputs, found)
        )
        return Answer(first + sign * second, labels, all(wholes))

    return follow


def of_sum(x: Any, found: list[Scaled | None]) -> Answer | None:
    """Summands are of one degree; zero is of any."""
    operands = list(zip(x.inputs, found))[-2:]
    degrees = {s.degree for _, s in operands if s is not None}
    others = [number_of(i) for i, s in operands if s is None]
    labels = aligned(x, found)
    if labels is None or len(degrees) != 1 or any(n != 0 for n in others):
        return None
    return Answer(degrees.pop(), labels)


def of_chosen(x: Any, found: list[Scaled | None]) -> Answer | None:
    """A choice between summands."""
    return of_sum(x, found) if found[0] is None else None


def of_power(power: int) -> Callable[[Any, list[Any]], Answer | None]:
    """x ** power; what changes the sign or the type is the first power."""

    def follow(x: Any, found: list[Any]) -> Answer | None:
        (only,) = found
        if not is_real(x.dtype) or (power < 0 and not only.whole):
            return None
        return Answer(power * only.degree, only.labels, only.whole)

    return follow


def of_log(x: Any, found: list[Any]) -> Answer | None:
    """ln is of degree 0: the factor has become a summand, which is added."""
    (only,) = found
    return Answer(0, ()) if only.whole and only.degree in (1, -1) else None


def of_reduction(x: Any, found: list[Any]) -> Answer | None:
    """A sum over axes along which the factor does not vary."""
    (only,) = found
    axes = x.parameters["axes"]
    if any(only.labels[a] is not None for a in axes):
        return None
    e, group = x.inputs[0], only.group
    whole = only.degree == 1 and e is group.e and axes == group.axes
    return Answer(only.degree, tuple(n for a, n in enumerate(only.labels) if a not in axes), whole)


def of_view(x: Any, found: list[Any]) -> Answer | None:
    """Labels go where axes go."""
    (only,) = found
    labels: list[int | None] = [None] * len(x.shape)
    for a, label in zip(x.parameters["axes"], only.labels):
        if a is not None:
            labels[a] = label
    return Answer(only.degree, tuple(labels), only.whole)


def of_contraction(x: Any, found: list[Scaled | None]) -> Answer | None:
    """One operand is scaled, by a factor that does not vary along what is summed over."""
    if None not in found:
        return None
    which = 0 if found[0] is not None else 1
    only, rank = found[which], x.parameters["rank"]
    assert only is not None
    labels: list[int | None] = [None] * rank
    for place, label in zip(x.parameters["reads"][which], only.labels):
        if label is not None and place >= rank:
            return None
        if label is not None:
            labels[place] = label
    return Answer(only.degree, tuple(labels))


FOLLOW: dict[str, Callable[[Any, list[Any]], Answer | None]] = {
    "mul": of_product(1),
    "div": of_product(-1),
    "add": of_sum,
    "sub": of_sum,
    "where": of_chosen,
    "neg": of_power(1),
    "cast": of_power(1),
    "square": of_power(2),
    "reciprocal": of_power(-1),
    "log": of_log,
    "sum": of_reduction,
    "view": of_view,
    "contract": of_contraction,
}
