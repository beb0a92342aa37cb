"""What the user called a value, and in which line it arose."""

from __future__ import annotations

import linecache
import re
from collections.abc import Callable
from typing import Any

from ..graph import Graph, Line
from .names import comment

ASSIGNED = re.compile(r"\s*([A-Za-z_]\w*)\s*=(?!=)\s*")
RETURNED = re.compile(r"\s*return\b\s*")
NEAR = 64  # nodes that are searched for the gradient that an update uses


def wishes(graph: Graph, nodes: list[Any], known: dict[Any, Any]) -> dict[Any, str]:
    """{node: name}: new values, gradients of parameters, losses, outputs, the user's variables."""
    found = assigned(nodes) | {g: f"d_{known[c].exact}" for g, c in gradients(graph).items()}
    found |= dict.fromkeys(graph.outputs, "output")
    found |= dict.fromkeys(graph.losses, "loss")
    return found | {x: f"new_{known[c].exact}" for c, x in graph.updates.items()}


def assigned(nodes: list[Any]) -> dict[Any, str]:
    """{node: variable}: the last node of the line `variable = ...` is what the user called so."""
    found, seen = {}, set()
    for x in reversed(nodes):
        line = getattr(x, "line", None)
        if line is None or x.of_gradient or line in seen:
            continue
        seen.add(line)
        text = linecache.getline(*line)
        if (match := ASSIGNED.match(text)) and "lambda" not in text:  # what it does is called later
            found[x] = match[1]
    return found


def gradients(graph: Graph, behind: Callable = lambda x: x) -> dict[Any, Any]:
    """{node: cell}: the nearest gradient of the shape of a parameter behind its new value.

    `behind` says what a node stands for, where that is not settled yet.
    """
    found: dict[Any, Any] = {}
    for cell, new in graph.updates.items():
        queue, at = [new], 0
        while cell.requires_grad and at < min(len(queue), NEAR):
            x = behind(queue[at])
            at += 1
            if x.operation is None:
                continue
            if x.of_gradient and x.shape == cell.shape:
                found.setdefault(x, cell)
                break
            queue += x.inputs
    return found


def place_of(line: Line | None, of_gradient: bool) -> str:
    """`train.py:16  self.hidden(x).relu()`, or `gradient of train.py:16`."""
    if line is None:
        return ""
    if of_gradient:
        return comment(f"gradient of {line}")
    text = linecache.getline(*line)
    start = ASSIGNED.match(text) or RETURNED.match(text)
    said = text[start.end() :] if start else text
    return comment(f"{line}  {said.strip()}")
