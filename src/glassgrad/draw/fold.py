"""Layers of a graph as one node each, so that large graphs and whole training steps are legible."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..gradient import ancestors
from .groups import Groups, named


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


def folded_within(nodes: list[Any], groups: Groups, most: int) -> dict[Any, list[Any]]:
    """The same, with layers folded into the blocks around them while there are more than `most`."""
    items = folded(nodes, groups)
    while len(items) > most and (outer := around(groups)) != groups:
        groups, items = outer, folded(nodes, outer)
    return items


def around(groups: Groups) -> Groups:
    """The nodes of the innermost layers in the groups of what is around these."""
    place = {
        name: name.partition(":")[0].partition(",")[0] for name in dict.fromkeys(groups.values())
    }
    deepest = max((path.count(".") for path in place.values()), default=0)
    known = {path: name for name, path in place.items() if "," not in name}
    outer = {}
    for name, path in place.items():
        above = path.rpartition(".")[0]
        inner = deepest and path.count(".") == deepest
        phase = name[name.index(", ") :] if ", " in name else ""
        outer[name] = known.get(above, above) + phase if inner else name
    return {x: outer[name] for x, name in groups.items()}


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


def phases(step: Any, nodes: list[Any]) -> Groups:
    """Layers of a compiled step, and for each layer the nodes of its gradient and of its update."""
    labels = {
        module: named(path, module)
        for module, path in step.layers.items()
        if path or not module._modules
    }
    holders = owners(step, labels)
    reached = reach(step, nodes, holders)
    forward = dict.fromkeys(ancestors([*step.outputs, *step.losses]))
    found: Groups = {}
    for x in nodes:
        own = labels.get(getattr(x, "layer", None)) or holders.get(x)
        if getattr(x, "of_gradient", False):
            found[x] = f"{own}, backward" if own else "backward"
        elif own and (x.operation is not None or x.requires_grad or x in forward):
            found[x] = own
        elif x in reached and x not in forward and x not in step.hypers:
            found[x] = f"{reached[x]}, update" if reached[x] else "optimizer"
    return found


def owners(step: Any, labels: dict[Any, str]) -> dict[Any, str]:
    """{cell: the layer of a parameter, of its state in the optimizer, or of a buffer}."""
    at = {step.layers[module]: label for module, label in labels.items()}
    found = {}
    for cell in step.cells:
        above = step.names.get(cell, "").rpartition(".")[0]
        label = at.get(above) or at.get(above.rpartition(".")[0])
        if label:
            found[cell] = label
    return found


def reach(step: Any, nodes: list[Any], holders: dict[Any, str]) -> dict[Any, str]:
    """The layer that a node helps to update; nothing of a node that helps several."""
    found: dict[Any, str] = {}
    for cell, new in step.updates.items():
        found[new] = holders.get(cell, "")
    for x in reversed(nodes):
        for i in x.inputs if x in found else ():
            found[i] = found[x] if found.get(i, found[x]) == found[x] else ""
    return found
