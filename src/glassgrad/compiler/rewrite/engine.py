"""Rules applied to a graph, inputs before users; equal nodes are shared on the way.

Every node is made anew, in an order in which each value is computed shortly before it is needed;
what nobody needs any more falls out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...tensors.node import repeated
from ...tensors.tensor import Tensor
from ..graph import Graph, blank, building, is_constant
from .pattern import Rule, kind

Rules = dict[str, list[Rule]]


def by_operation(rules: list[Rule]) -> Rules:
    """{operation: rules that may begin at it}."""
    found: Rules = {}
    for r in rules:
        for name in r.operations:
            found.setdefault(name, []).append(r)
    return found


def applied(graph: Graph, rules: Rules) -> Graph:
    """The graph with every node in its best form."""
    settler = Settler(rules)
    new = settler.new
    for x in in_order([*graph.losses, *(c for c, _ in graph.checks), *graph.roots]):
        new[x] = settler.settled(x, tuple([new[i] for i in x.inputs]))
    return graph.mapped(new.__getitem__)


def in_order(roots: list[Any]) -> Iterator[Any]:
    """Each node behind the roots after its inputs; without recursion, as chains may be long."""
    found: set[Any] = set()
    stack = list(reversed(roots))
    while stack:
        x = stack[-1]
        missing = [i for i in x.inputs if i not in found] if x not in found else []
        if missing:
            stack.extend(reversed(missing))
            continue
        stack.pop()
        if x not in found:
            found.add(x)
            yield x


class Settler:
    """Brings nodes into their best form.

    new     {node of the old graph: its best form}
    shared  {what a node is: its best form}
    done    nodes in their best form
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.new: dict[Any, Any] = {}
        self.shared: dict[Any, Any] = {}
        self.done: set[Any] = set()

    def settled(self, x: Any, inputs: tuple) -> Any:
        """The best form of x on inputs that are in theirs."""
        if x.operation is None:
            best = self.leaf(x)
        else:
            key = identity(x, inputs)
            found = self.shared.get(key)
            if found is not None:
                return found
            best = self.best(copied(x, inputs))
            self.shared[key] = best
        self.done.add(best)
        return best

    def best(self, x: Any) -> Any:
        """The node, or what the first rule that fits makes of it."""
        rules = self.rules.get(x.operation.name)
        if rules is None:
            return x
        kinds = set(map(kind, x.inputs))
        for r in rules:
            y = r.change(x) if r.needs <= kinds else None
            if y is not None:
                if y.shape != x.shape:  # a number [] stands for all elements
                    with building(x):
                        y = repeated(y, x.shape)
                assert y.type_ == x.type_, f"{r.name}: {x.type_} becomes {y.type_}"
                return self.adopted(y)
        return x

    def adopted(self, x: Any) -> Any:
        """The best form of a node that a rule made."""
        if x in self.done:
            return x
        return self.settled(x, tuple([self.adopted(i) for i in x.inputs]))

    def leaf(self, x: Any) -> Any:
        """Constants of one value are one number; what the step is given stays."""
        if not is_constant(x):
            return x
        number = uniform(x)
        if number is None:
            return x
        made = Tensor.constant(number, x.dtype)
        found = self.shared.setdefault((x.dtype, made.value.tobytes()), made)
        if not x.shape:
            return found
        with building():
            return self.settled(repeated(found, x.shape), (found,))


def copied(x: Any, inputs: tuple) -> Any:
    """The same operation on other inputs, as a new node."""
    y = blank(x.type_)
    y.operation, y.inputs, y.parameters = x.operation, inputs, x.parameters
    y.line, y.of_gradient, y.layer = x.line, x.of_gradient, x.layer
    return y


def identity(x: Any, inputs: tuple) -> Any:
    """What makes two nodes equal: operation, inputs, parameters; users' operations are unique."""
    if x.operation.kind == "own":
        return x
    parameters = tuple(x.parameters.items())
    if x.operation.name == "place":  # 0.0 and -0.0 are two
        parameters += (repr(x.parameters["fill"]),)
    return (x.operation.name, *map(id, inputs), parameters)


def uniform(x: Any) -> Any:
    """The Python number that all elements of a constant are, or None."""
    if x.number is not None and not x.shape:
        return x.number
    array = x.value
    if not array.size:
        return None
    first = array.flat[0]
    if array.size > 1 and array.tobytes() != np.full_like(array, first).tobytes():
        return None
    return plain(first)


def plain(x: np.generic) -> Any:
    """A NumPy number as the shortest Python number that becomes it again."""
    if x.dtype.kind != "f":
        return x.item()
    shortest = float(str(x))
    return shortest if x.dtype.type(shortest).tobytes() == x.tobytes() else x.item()
