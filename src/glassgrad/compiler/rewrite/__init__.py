"""Rules that make a graph smaller and safer.

A rewritten program may be finite where the written one overflows; nothing else differs.

- pattern: rules as they are read, with tensor operators on both sides
- engine: rules applied, equal nodes shared
- simple: rules that change no bit
- stable: forms that do not overflow
- shift: exponentials that are summed, with their maximum taken off
"""

from __future__ import annotations

from ..graph import Graph
from .engine import applied, by_operation
from .shift import shifted
from .simple import SIMPLE, turned
from .stable import STABLE

__all__ = ["rewritten"]

RULES = by_operation([*STABLE, *SIMPLE])


def rewritten(graph: Graph) -> Graph:
    """The graph with fewer nodes, and stable forms in the place of those that overflow."""
    first = applied(graph, RULES)
    second = shifted(first)
    return turned(first if second is first else applied(second, RULES))
