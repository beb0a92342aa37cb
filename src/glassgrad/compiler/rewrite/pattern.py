"""Rules that are written as they are read: a pattern and a replacement, both with tensor operators.

    rule("two signs", lambda x: -(-x), lambda x: x)

Arguments stand for any node.  Two names stand for functions whose details the pattern leaves open,
and the replacement repeats: `total(x)` is a sum over some axes, and `seen(x)` is x as it is, or
through views.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from ...operations import loop
from ...operations.record import Operation
from ...types import Type, float32
from ..graph import blank, building, number_of

COMMUTATIVE = {
    "add", "mul", "maximum", "minimum", "eq", "ne", "bitwise_and", "bitwise_or", "bitwise_xor",
}  # fmt: skip
VIEWS = {"view", "reshape"}


class Rule(NamedTuple):
    """What replaces what, and when.

    name        what it does, in mathematics
    operations  the names of the operations at which it may begin
    change      node -> what replaces it, or None
    needs       operations that must be among those of its inputs, so that most rules are not tried
    written     pattern and replacement as functions, where the rule is written so
    """

    name: str
    operations: tuple[str, ...]
    change: Callable[[Any], Any]
    needs: frozenset[str] = frozenset()
    written: tuple[Callable, Callable] | None = None


class Open(Operation):
    """An operation of a pattern of which only the kind is said."""

    kind = "pattern"

    def infer(self, *types: Type, **parameters: Any) -> Type:
        return types[0]


class Seen(Open):
    """Its input as it is, or through views."""


class Total(Open):
    """A sum over some axes."""


SEEN, TOTAL = Seen(), Total()


def rule(
    name: str,
    pattern: Callable,
    replacement: Callable,
    only: Callable | None = None,
    normal: Callable = lambda x: x,
) -> Rule:
    """What the pattern says becomes what the replacement says; `only(*nodes)` may object.

    `normal` brings the pattern into the form that other rules leave behind.
    """
    names = list(inspect.signature(pattern).parameters)
    free = [n for n in names if n not in ("seen", "total")]
    variables = {n: blank(Type((2,), float32), name=n) for n in free}
    with building():
        root = normal(pattern(*given(names, variables, SEEN, TOTAL)))

    def change(x: Any) -> Any:
        found: dict[Any, Any] = {}
        if not matches(root, x, found):
            return None
        nodes = {n: found[variables[n]] for n in free}
        if only is not None and not only(*nodes.values()):
            return None
        with building(x):
            return replacement(*given(names, nodes, *repeating(found)))

    known = [i for i in root.inputs if i.operation not in (SEEN, TOTAL)]
    needs = frozenset(filter(None, map(kind, known)))
    return Rule(name, (root.operation.name,), change, needs, (pattern, replacement))


def kind(x: Any) -> str | None:
    """The operation of a node; "number" of constants, None of leaves."""
    if x.operation is not None and x.operation.name not in VIEWS:
        return x.operation.name
    return "number" if number_of(x) is not None else None


def given(names: list[str], nodes: dict[str, Any], seen: Callable, total: Callable) -> list[Any]:
    """The arguments of a pattern, in order."""
    known = {**nodes, "seen": seen, "total": total}
    return [known[n] for n in names]


def repeating(found: dict[Any, Any]) -> tuple[Callable, Callable]:
    """`seen` and `total` with the details of what was found."""

    def seen(x: Any) -> Any:
        for operation, parameters in reversed(found[SEEN]):
            x = x.apply(operation, x, **parameters)
        return x

    return seen, lambda x: loop.sum(x, axes=found[TOTAL])


def matches(pattern: Any, x: Any, found: dict[Any, Any]) -> bool:
    """Whether a node is an instance of a pattern; `found` gets what its parts stand for."""
    known = found.get(pattern)
    if known is not None:
        return known is x
    operation = pattern.operation
    if operation is None:
        if pattern.number is not None:
            return equal(number_of(x), pattern.number)
    elif operation is SEEN:
        return matches_seen(pattern, x, found)
    elif not same_operation(pattern, x, found) or not matches_inputs(
        pattern.inputs, x.inputs, operation.name in COMMUTATIVE, found
    ):
        return False
    found[pattern] = x
    return True


def same_operation(pattern: Any, x: Any, found: dict[Any, Any]) -> bool:
    """Whether a node does what the pattern says; all totals of a pattern are over the same axes."""
    if pattern.operation is TOTAL:
        axes = x.parameters.get("axes")
        return x.operation is loop.sum and found.setdefault(TOTAL, axes) == axes
    return x.operation is pattern.operation and x.parameters == pattern.parameters


def matches_inputs(patterns: tuple, inputs: tuple, either: bool, found: dict[Any, Any]) -> bool:
    """Whether inputs match in order, or in the other where that is the same."""
    before = dict(found) if either else found
    if all(matches(p, x, found) for p, x in zip(patterns, inputs)):
        return True
    if not either:
        return False
    found.clear()
    found.update(before)
    return all(matches(p, x, found) for p, x in zip(patterns, reversed(inputs)))


def matches_seen(pattern: Any, x: Any, found: dict[Any, Any]) -> bool:
    """Whether a node, perhaps behind views, matches what is seen."""
    chain: list[Any] = []
    base = x
    while True:
        before = dict(found)
        views = chain if base.shape else []  # a number is seen everywhere
        if found.setdefault(SEEN, views) == views and matches(pattern.inputs[0], base, found):
            found[pattern] = x
            return True
        found.clear()
        found.update(before)
        if base.operation is None or base.operation.name not in VIEWS:
            return False
        chain = [*chain, (base.operation, base.parameters)]
        base = base.inputs[0]


def equal(number: Any, wanted: Any) -> bool:
    """Whether a constant is the number of a pattern; 0.0 and -0.0 are two."""
    if number is None or isinstance(number, bool) or number != wanted:
        return False
    return wanted != 0 or math.copysign(1, number) == math.copysign(1, wanted)
