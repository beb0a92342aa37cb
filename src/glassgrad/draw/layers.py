"""Where the nodes of a graph stand: in layers from left to right, so that few edges cross.

Each node stands just before its first user, and the last nodes as early as they can.  Edges that
pass a layer have a place in it, one for all edges of a node.  Within a layer nodes are ordered by
the mean place of their neighbours, forwards and backwards a few times (Sugiyama, Tagawa and Toda
1981).
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import mean
from typing import Any

SWEEPS = 6
PASSING = 24  # an edge over more layers than this goes straight, behind what stands there


class Via:
    """A place in a layer through which the long edges of a node pass."""


def layered(nodes: list[Any], inputs: Callable[[Any], Any]) -> tuple[list[list[Any]], list[list]]:
    """Layers of nodes and of places where edges pass, and each edge as a chain of these.

    `nodes` come after their inputs.
    """
    depth = depths(nodes, inputs)
    layers: list[list[Any]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for node in nodes:
        layers[depth[node]].append(node)
    edges = []
    passing: dict[Any, list[Via]] = {}
    for node in nodes:
        for x in dict.fromkeys(x for x in inputs(node) if x in depth):
            between, vias = depth[node] - depth[x] - 1, passing.setdefault(x, [])
            while len(vias) < between <= PASSING:
                vias.append(Via())
                layers[depth[x] + len(vias)].append(vias[-1])
            edges.append([x, *vias[: between if between <= PASSING else 0], node])
    order(layers, edges)
    return layers, edges


def depths(nodes: list[Any], inputs: Callable[[Any], Any]) -> dict[Any, int]:
    """The layer of each node."""
    depth: dict[Any, int] = {}
    for node in nodes:
        depth[node] = 1 + max((depth[x] for x in inputs(node) if x in depth), default=-1)
    first: dict[Any, int] = {}
    for node in reversed(nodes):
        depth[node] = first.get(node, depth[node] + 1) - 1
        for x in inputs(node):
            first[x] = min(first.get(x, depth[node]), depth[node])
    return depth


def order(layers: list[list[Any]], edges: list[list]) -> None:
    """Sort each layer by the mean place of what it is joined to."""
    before: dict[Any, list] = {}
    after: dict[Any, list] = {}
    for chain in edges:
        for a, b in zip(chain, chain[1:]):
            before.setdefault(b, []).append(a)
            after.setdefault(a, []).append(b)
    place = {x: i for layer in layers for i, x in enumerate(layer)}
    for sweep in range(SWEEPS):
        neighbours = before if sweep % 2 == 0 else after
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted = {
                x: mean(place[y] for y in neighbours[x]) if x in neighbours else place[x]
                for x in layer
            }
            layer.sort(key=wanted.__getitem__)
            place.update({x: i for i, x in enumerate(layer)})
