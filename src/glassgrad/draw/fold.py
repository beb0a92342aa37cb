"""Layers of a graph as one node each, so that large graphs and whole training steps are legible."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..gradient import ancestors
from .groups import Groups, by_parameters


@dataclass(eq=False)
class Part:
    """Nodes that are drawn as one.

    name     what they are together
    nodes    inputs before users
    outputs  those of them that are computed and read outside, or that nobody reads
    """

    name: str
    nodes: list[Any] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)


def folded(nodes: list[Any], groups: Groups) -> dict[Any, list[Any]]:
    """{node, or part in place of a group's nodes: nodes and parts that it reads}, these first.

    Where other nodes stand between those of a group, as in a residual block, it is several parts.
    """
    rank = ranks(nodes, groups)
    parts: dict[tuple[str, int], Part] = {}
    item_of: dict[Any, Any] = {}
    for x in sorted(nodes, key=rank.__getitem__):
        item_of[x] = x
        if x in groups:
            item_of[x] = parts.setdefault((groups[x], rank[x]), Part(groups[x]))
            item_of[x].nodes.append(x)
    items: dict[Any, dict] = {item: {} for item in item_of.values()}
    inside, read = set(), set()
    for x, item in item_of.items():
        for i in (i for i in x.inputs if i in item_of):
            if item_of[i] is item:
                inside.add(i)
            else:
                read.add(i)
                items[item][item_of[i]] = True
    for part in parts.values():
        part.outputs = [x for x in part.nodes if x.inputs and (x in read or x not in inside)]
    return {item: list(given) for item, given in items.items()}


def ranks(nodes: list[Any], groups: Groups) -> dict[Any, int]:
    """How many groups at most lie before each node, or could, so that it rises between groups.

    Along an edge within a group it may stay; all that nobody reads of a group stands together.
    """

    def apart(x: Any, y: Any) -> bool:
        return x not in groups or groups[x] != groups.get(y)

    rank: dict[Any, int] = {}
    for x in nodes:
        rank[x] = max((rank[i] + apart(i, x) for i in x.inputs if i in rank), default=0)
    used = {i for x in nodes for i in x.inputs}
    ends: dict[Any, int] = {}
    for x in nodes:
        if x not in used and x in groups:
            ends[groups[x]] = max(ends.get(groups[x], 0), rank[x])
    latest: dict[Any, int] = {}
    for x in reversed(nodes):
        rank[x] = latest[x] if x in latest else ends.get(groups.get(x), rank[x])
        for i in x.inputs:
            latest[i] = min(latest.get(i, rank[x]), rank[x] - apart(i, x))
    return rank


def phases(step: Any, nodes: list[Any], layers: dict[Any, str]) -> Groups:
    """Layers of a compiled step, and for each layer the nodes of its gradient and of its update.

    layers  {node of a parameter: its layer}, in their order
    """
    order = list(dict.fromkeys(layers.values()))
    reached = reach(step, nodes, layers, order)
    forward = dict.fromkeys(ancestors([*step.outputs, *step.losses]))
    found = by_parameters([x for x in nodes if x in forward or x in layers], layers)
    for x in nodes:
        if x in found or x in forward or (x.operation is None and x not in step.cells):
            continue
        first, last = reached.get(x, (-1, -1))
        if last < 0:
            found[x] = "checks"
        elif getattr(x, "of_gradient", False):
            own = next(
                (layers[i] for i in x.inputs if i in layers), order[min(last, len(order) - 1)]
            )
            found[x] = f"{own}, backward"
        else:
            found[x] = f"{order[last]}, update" if first == last else "optimizer"
    return found


def reach(
    step: Any, nodes: list[Any], layers: dict[Any, str], order: list[str]
) -> dict[Any, tuple[int, int]]:
    """The first and the last layer whose update a node helps to compute."""
    owners = {step.names.get(x): layer for x, layer in layers.items()}
    place = {layer: number for number, layer in enumerate(order)}
    found: dict[Any, tuple[int, int]] = {}

    def widen(x: Any, low: int, high: int) -> None:
        first, last = found.get(x, (low, high))
        found[x] = min(first, low), max(last, high)

    for cell, new in step.updates.items():
        name = step.names.get(cell, "")
        above = name.rpartition(".")[0]
        own = place.get(owners.get(name) or owners.get(above) or above)
        widen(new, *((0, len(order)) if own is None else (own, own)))
    for x in reversed(nodes):
        if x in found:
            for i in x.inputs:
                widen(i, *found[x])
    return found
