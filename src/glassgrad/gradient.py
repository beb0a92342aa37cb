"""Reverse mode: graph in, graph out.  No operation is mentioned here.

A node is asked only for its `operation`, `inputs`, `parameters`, `requires_grad` and `serial`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from typing import Any

from .types import ShapeError

Node = Any


def gradients(
    seeds: dict[Node, Node], wanted: Iterable[Node] = (), enter: Callable | None = None
) -> dict[Node, Node]:
    """{leaf: d output / d leaf} for every leaf that requires a gradient, and for what is `wanted`.

    `seeds` has for each output the gradient that it starts from.  Nodes are visited from the
    latest to the earliest, so each once, after all that use it; its rule hands gradients to its
    inputs, and what arrives from several uses is summed.  There is no recursion.

    `enter(node, gradient)` is called when a node's gradient is whole; it returns the gradient,
    perhaps changed, and the node and inputs that the rule may read.
    """
    arrived = dict(seeds)
    kept = set(wanted)
    queue = [(-y.serial, y) for y in arrived if y.operation is not None]
    heapify(queue)
    while queue:
        y = heappop(queue)[1]
        g, node, inputs = arrived.pop(y), y, y.inputs
        if enter is not None:
            g, node, inputs = enter(y, g)
        if y in kept:
            arrived[y] = g
        found = y.operation.gradient(g, node, *inputs, **y.parameters)
        if y.operation.kind == "own":
            check_rule(y, found)
        for x, gx in zip(y.inputs, found):
            if gx is None or not x.requires_grad:
                continue
            if x in arrived:
                arrived[x] = arrived[x] + gx
            else:
                arrived[x] = gx
                if x.operation is not None:
                    heappush(queue, (-x.serial, x))
    return arrived


def check_rule(y: Node, found: Any) -> None:
    """A user's rule gives a tuple with a gradient of its shape for each input, or None.

    Raises:
        TypeError: It gives something else.
        ShapeError: A gradient has not the shape of its input.
    """
    name, count = y.operation.name, len(y.inputs)
    if not isinstance(found, (tuple, list)):
        kind = "tensor" if hasattr(found, "type_") else type(found).__name__
        raise TypeError(
            f"{name}.gradient returns a tuple, with one gradient for each input, and returned a "
            f"{kind}; write `return (gradient,)`"
        )
    if len(found) != count:
        raise TypeError(
            f"{name}.gradient returned {len(found)} gradients for {count} inputs; "
            "where an input has none, write None"
        )
    for number, (x, g) in enumerate(zip(y.inputs, found), 1):
        if g is None or not x.requires_grad:
            continue
        if not hasattr(g, "type_"):
            raise TypeError(f"{name}.gradient: gradient {number} is a {type(g).__name__}")
        if g.shape != x.shape:
            raise ShapeError(
                f"{name}.gradient: gradient {number} is {g.type_}, and input {number} is "
                f"{x.type_}; a gradient has the shape of its input"
            )


def ancestors(outputs: Iterable[Node]) -> list[Node]:
    """Every node that the outputs were computed from, and they themselves, inputs before users."""
    found: dict[Node, None] = {}  # in an order that is the same in every process
    stack = list(outputs)
    while stack:
        y = stack.pop()
        if y not in found:
            found[y] = None
            stack.extend(y.inputs)
    return sorted(found, key=lambda y: y.serial)
