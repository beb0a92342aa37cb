"""`gg.draw.graph`: a calculation as nodes, with their values and derivatives, and edges."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..explain.texts import values_text
from ..gradient import ancestors
from ..gradient import gradients as reverse_mode
from ..tensors import Tensor, no_grad
from ..tensors.creation import ones_like
from .colours import FAINT, INK
from .groups import (
    HEAD,
    Groups,
    by_names,
    by_parameters,
    called,
    draw_groups,
    layers_of,
    neighboured,
)
from .layers import Via, layered
from .picture import Picture
from .svg import Drawing, fitted, text_width

LINE, PAD, WIDEST = 14.0, 8.0, 170.0
BETWEEN, APART, MARGIN = 46.0, 16.0, 26.0
FILLS = {"input": "#d6e6f5", "parameter": "#fbe3c3", "constant": "#e8e8e8", "node": "#ffffff"}

LEAVES = {"input": "data", "parameter": "parameter", "constant": "number"}


def graph(
    target: Any, *, names: dict[str, Any] | None = None, values: bool = True,
    gradients: bool = True, rewritten: bool = False, model: Any = None, most: int = 300,
    title: str | None = None,
) -> Picture:  # fmt: skip
    """The computation graph behind a tensor, or of a compiled step that has been called.

    target     a tensor, several, a step of `gg.compile`, or a call: lambda: loss(net(x), y)
    names      of the user's tensors: {"x": x, "w": w}
    values     whether values are written: of small tensors, of large ones their range
    gradients  whether derivatives of a scalar target are written too
    rewritten  of a compiled step, the graph after its rewriting
    model      whose layers are drawn as grounds behind their nodes: of a call all layers, of
               tensors those with parameters; a compiled step knows its own
    most       more nodes than this are an error

    Each node has its name or operation, its type, its value, and below it d target / d node.
    Source: lecture H, pages on the computation graph.

    Raises:
        ValueError: There are too many nodes to be looked at, or none.
        TypeError: The target is no tensor, no compiled step and no call beside a model.
    """
    groups: Groups = {}
    if callable(target) and not hasattr(target, "graph"):
        target, groups = called(target, model)
    nodes, known = nodes_of(target, rewritten)
    if not nodes:
        raise ValueError("there is no node to draw: give at least one tensor")
    if len(nodes) > most:
        raise ValueError(
            f"the graph has {len(nodes):,} nodes, too many to look at: draw a part of it, as the "
            f"tensor of a layer, or say most={len(nodes)}; gg.draw.network draws whole models"
        )
    groups = groups or by_parameters(
        nodes, layers_of(model) if model is not None else by_names(known)
    )
    known |= {x: name for name, x in (names or {}).items()}
    slopes = slopes_of(target, nodes) if gradients else {}
    boxes = {x: box_of(x, known, slopes, values) for x in nodes}
    layers, edges = layered(nodes, lambda x: x.inputs)
    neighboured(layers, groups)
    return drawn(layers, edges, boxes, title or f"Computation graph, {len(nodes)} nodes", groups)


def nodes_of(target: Any, rewritten: bool) -> tuple[list[Any], dict[Any, str]]:
    """The nodes, inputs before users, and names of some."""
    if isinstance(target, Tensor):
        return ancestors([target]), {}
    if isinstance(target, (tuple, list)) and all(isinstance(x, Tensor) for x in target):
        return ancestors(target), {}
    found = target
    if hasattr(target, "graph"):
        found = target.graph()
        if rewritten:
            from ..compiler.lower import lowered
            from ..compiler.rewrite import rewritten as rewrite

            found = rewrite(lowered(found))
    if not hasattr(found, "nodes"):
        kind = type(target).__name__
        raise TypeError(f"a tensor or a compiled step is wanted, and got a {kind}")
    return list(found.nodes), dict(found.names)


def slopes_of(target: Any, nodes: list[Any]) -> dict[Any, Any]:
    """d target / d node for all nodes that have one; of a scalar only."""
    if not isinstance(target, Tensor) or target.shape or not target.requires_grad:
        return {}
    found: dict[Any, Any] = {}

    def note(node: Any, gradient: Any) -> tuple:
        found[node] = gradient
        return gradient, node, node.inputs

    with no_grad():
        leaves = reverse_mode({target: ones_like(target)}, enter=note)
    return {x: np.asarray(g.value) for x, g in {**leaves, **found}.items()}


@dataclass
class Box:
    """A node as it is drawn: its lines of text, and what kind of node it is."""

    lines: list[str]
    kind: str
    width: float
    hint: str

    @property
    def height(self) -> float:
        return LINE * len(self.lines) + 2 * PAD - 2


def box_of(x: Any, names: dict[Any, str], slopes: dict[Any, Any], values: bool) -> Box:
    """What is written of a node."""
    name = names.get(x) or x.name
    heading = name or (x.operation.name if x.operation is not None else LEAVES[kind_of(x)])
    if name and x.operation is not None:
        heading = f"{name} = {x.operation.name}"
    lines = [heading, str(x.type_)]
    if values and isinstance(x.value, np.ndarray):
        lines.append(values_text(x.value))
    if x in slopes:
        lines.append(f"∂ {values_text(slopes[x])}")
    width = min(max(text_width(line, 11) for line in lines) * 1.06 + 2 * PAD, WIDEST)
    return Box(lines, kind_of(x), width, where_of(x))


def kind_of(x: Any) -> str:
    """What a node is: computed, or a leaf of which kind."""
    if x.operation is not None:
        return "node"
    if x.requires_grad:
        return "parameter"
    return "constant" if x.number is not None or not x.shape else "input"


def where_of(x: Any) -> str:
    """The user's line, where it is known."""
    where = getattr(x, "where", None)
    return str(where) if where else ""


# ---- the drawing


def drawn(
    layers: list[list[Any]], edges: list[list], boxes: dict[Any, Box], title: str, groups: Groups
) -> Picture:
    """Boxes in their layers, and curves between them."""
    apart, top = (APART, MARGIN + 34) if not groups else (APART + HEAD, MARGIN + 38 + HEAD)
    heights = [sum(height(x, boxes) + apart for x in layer) for layer in layers]
    tallest, x = max(heights, default=0), MARGIN
    corners: dict[Any, tuple[float, float, float]] = {}
    for layer, own in zip(layers, heights):
        width = max((boxes[n].width for n in layer if n in boxes), default=0)
        y = top + (tallest - own) / 2
        for node in layer:
            corners[node] = (x + (width - wide(node, boxes)) / 2, y, width)
            y += height(node, boxes) + apart
        x += width + BETWEEN
    page = max(x - BETWEEN + MARGIN, text_width(title, 15) * 1.08 + 2 * MARGIN, 300)
    drawing = Drawing(page, tallest + top + MARGIN + 22, title)
    drawing.text((page / 2, MARGIN), title, 15, bold=True)
    grounds = {
        x: (*corners[x][:2], corners[x][0] + box.width, corners[x][1] + box.height)
        for x, box in boxes.items()
    }
    draw_groups(drawing, groups, grounds, lambda x: x.inputs)
    for chain in edges:
        draw_edge(drawing, chain, corners, boxes)
    for node, box in boxes.items():
        draw_box(drawing, corners[node][:2], box)
    sloped = any(line.startswith("∂ ") for box in boxes.values() for line in box.lines)
    draw_kinds(drawing, {box.kind for box in boxes.values()}, sloped)
    return Picture(drawing.svg(), title)


def height(x: Any, boxes: dict[Any, Box]) -> float:
    """How tall a box is, or the room of a passing edge."""
    return 6.0 if isinstance(x, Via) else boxes[x].height


def wide(x: Any, boxes: dict[Any, Box]) -> float:
    """How wide a box is."""
    return 0.0 if isinstance(x, Via) else boxes[x].width


def draw_edge(drawing: Drawing, chain: list, corners: dict, boxes: dict[Any, Box]) -> None:
    """A smooth line from the right of a box through the places that it passes to the left."""
    start, *vias, end = chain
    points = [(corners[start][0] + boxes[start].width, middle(start, corners, boxes))]
    for via in vias:
        x, y, width = corners[via]
        points += [(x - width / 2, y + 3), (x + width / 2, y + 3)]
    points.append((corners[end][0] - 5, middle(end, corners, boxes)))
    commands = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x1, y1), (x2, y2) in zip(points, points[1:]):
        half = (x1 + x2) / 2
        commands += f"C{half:.1f} {y1:.1f} {half:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    drawing.path(commands, FAINT, 1.2)
    x, y = points[-1]
    drawing.polygon([(x + 5, y), (x - 2, y - 3.2), (x - 2, y + 3.2)], FAINT)


def middle(x: Any, corners: dict, boxes: dict[Any, Box]) -> float:
    """The height at which edges reach a box."""
    return corners[x][1] + boxes[x].height / 2


def draw_box(drawing: Drawing, corner: tuple[float, float], box: Box) -> None:
    """A node's lines in a box; derivatives in blue."""
    x, y = corner
    drawing.box(corner, box.width, box.height, FILLS[box.kind], INK, round_=5, hint=box.hint)
    for row, line in enumerate(box.lines):
        at = (x + box.width / 2, y + PAD + LINE * row + LINE / 2 - 1)
        colour = "#0b559f" if line.startswith("∂ ") else INK
        text = fitted(line, 11, box.width - PAD)
        drawing.text(at, text, 11, colour=colour, bold=row == 0)


def draw_kinds(drawing: Drawing, kinds: Iterable[str], sloped: bool) -> None:
    """What the fills mean."""
    x, y = MARGIN, drawing.height - 20
    for kind, text in (("input", "data"), ("parameter", "wants a gradient"), ("node", "computed"),
                       ("constant", "number")):  # fmt: skip
        if kind in kinds:
            drawing.box((x, y - 6), 14, 12, FILLS[kind], INK, round_=2)
            drawing.text((x + 19, y), text, 10.5, "start", "#555555")
            x += 19 + text_width(text, 10.5) + 18
    if sloped:
        drawing.text((x, y), "∂: derivative of the last node", 10.5, "start", "#0b559f")
