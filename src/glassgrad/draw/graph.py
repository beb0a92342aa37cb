"""`gg.draw.graph`: a calculation as nodes, with their values and derivatives, and edges."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import ANY, MODULE, check_arguments, is_module, optional, whole
from ..explain.lines import line_of
from ..explain.steps import given_names, unchanged
from ..explain.texts import short, values_text
from ..gradient import ancestors
from ..gradient import gradients as reverse_mode
from ..tensors import Tensor, no_grad
from ..tensors.creation import ones_like
from .colours import FAINT, INK
from .fold import Part, folded_within, phases
from .groups import (
    HEAD,
    Groups,
    by_parameters,
    called,
    draw_groups,
    layers_of,
    neighboured,
)
from .layers import Via, layered
from .picture import Picture
from .rows import MARGIN, Rows, in_rows
from .svg import Drawing, text_width

LINE, PAD, WIDEST = 14.0, 8.0, 240.0
APART = 16.0
TWIN = 9.0  # between the arrows of a node that is read twice
CROWDED = 100  # of more nodes, layers are folded unless told otherwise
FILLS = {  # from light to dark, so that grey paper tells them apart
    "node": "#ffffff", "part": "#e4f2ea", "input": "#c9dff4", "parameter": "#f6c57f",
    "constant": "#b8b8b8",
}  # fmt: skip

MANY = 4  # so many types or parameters of a layer are listed
LEAVES = {"input": "data", "parameter": "parameter", "constant": "number"}


def graph(
    target: Any, *, names: dict[str, Any] | None = None, values: bool = True,
    gradients: bool = True, rewritten: bool = False, model: Any = None, fold: bool | None = None,
    most: int = 300, title: str | None = None,
) -> Picture:  # fmt: skip
    """The computation graph behind a tensor, or of a compiled step that has been called.

    target     a tensor, several, a step of `gg.compile`, or a call: lambda: loss(net(x), y)
    names      of the user's tensors: {"x": x, "w": w}
    values     whether values are written: of small tensors, of large ones their range
    gradients  whether derivatives of a scalar target are written too, or of one that comes from an
               InitialNode, as backward() finds them
    rewritten  of a compiled step, the graph after its rewriting
    model      whose layers are drawn as grounds behind their nodes: of a call all layers, of
               tensors those with parameters; a compiled step knows its own, their gradients and
               their updates
    fold       whether all nodes of a layer are drawn as one; if not said, of more than 100 nodes
    most       of more nodes than this, blocks of layers are folded too; if that does not help, it
               is an error

    Each node has its name or operation, its type, its value, and below it d target / d node; Python
    numbers stand in the operation that takes them, as in mul(·, 2).
    Source: lecture H, pages on the computation graph.

    Raises:
        ValueError: There are too many nodes to be looked at, or none.
        TypeError: The target is no tensor, no compiled step and no call beside a model.
    """
    check_arguments(locals(), names=ANY, most=whole(1), model=optional(MODULE))
    if model is None and is_module(target):
        raise TypeError(
            "a loss is drawn, or a call: give loss(net(x), y), or lambda: net(x) and model=net"
        )
    groups: Groups = {}
    if callable(target) and not hasattr(target, "graph"):
        target, groups = called(target, model)
    nodes, known, step = nodes_of(target, rewritten)
    if not nodes:
        raise ValueError("there is no node to draw: give at least one tensor")
    if step is None:
        recorded(nodes, values or gradients)
    fold = len(nodes) > CROWDED if fold is None else fold
    groups = groups or groups_of(nodes, step, model)
    fold = fold and bool(groups)
    items = folded_within(nodes, groups, most) if fold else {x: inputs_of(x) for x in nodes}
    if len(items) > most:
        raise ValueError(too_many(len(items), fold))
    known |= {x: name for name, x in given_names(names).items()}
    slopes = slopes_of(target, nodes) if gradients else {}
    boxes = {x: box_of(x, known, slopes, values) for x in items}
    title = (
        title
        or f"Computation graph, {len(nodes)} node{'s' * (len(nodes) > 1)}{', layers folded' * fold}"
    )
    return drawn(*layered(list(items), items.__getitem__), boxes, title, {} if fold else groups)


def recorded(nodes: list[Any], numbers: bool) -> None:
    """Refuses a tensor of which nothing was recorded, and numbers that are not those put in.

    Raises:
        ValueError, RuntimeError: There is such.
    """
    if not any(x.operation is not None or x.requires_grad for x in nodes):
        raise ValueError(
            "this tensor was not computed from tensors that require a gradient, so nothing was "
            "recorded: compute it from parameters, outside of no_grad"
        )
    if numbers:
        unchanged(nodes)


def groups_of(nodes: list[Any], step: Any, model: Any) -> Groups:
    """The layers of a compiled step, or of tensors by the parameters of a model."""
    if step is not None:
        return phases(step, nodes)
    return by_parameters(nodes, layers_of(model)) if model is not None else {}


def too_many(count: int, folded: bool) -> str:
    """The error for a graph that nobody can look at."""
    way = "" if folded else ", or draw each layer as one by fold=True and model="
    return (
        f"the graph has {count:,} nodes, too many to look at: draw a part of it, as the tensor of "
        f"a layer{way}, or say most={count}; gg.draw.network draws whole models"
    )


def nodes_of(target: Any, rewritten: bool) -> tuple[list[Any], dict[Any, str], Any]:
    """The nodes, inputs before users, names of some, and the graph of a compiled step."""
    found, names, step = target, {}, None
    if isinstance(target, Tensor):
        found = [target]
    elif not isinstance(target, (tuple, list)):
        step = graph_of(target, rewritten)
        found = [*step.outputs, *step.updates.values(), *step.losses]  # not what it checks before
        names = dict(step.names)
    if not all(isinstance(x, Tensor) for x in found):
        kind = next(type(x).__name__ for x in found if not isinstance(x, Tensor))
        raise TypeError(f"tensors are wanted, and among them is a {kind}")
    roots = dict.fromkeys(found)
    return [x for x in ancestors(found) if x.number is None or x in roots], names, step


def graph_of(target: Any, rewritten: bool) -> Any:
    """The graph of a compiled step.

    Raises:
        TypeError: It is none.
    """
    found = target.graph() if hasattr(target, "graph") else target
    if not hasattr(found, "roots"):
        kind = type(target).__name__
        raise TypeError(f"a tensor or a compiled step is wanted, and got a {kind}")
    if rewritten and found is not target:
        from ..compiler.lower import lowered
        from ..compiler.rewrite import rewritten as rewrite

        found = rewrite(lowered(found))
    return found


def inputs_of(x: Any) -> list[Any]:
    """What a node reads, numbers left out."""
    return [i for i in x.inputs if i.number is None]


def slopes_of(target: Any, nodes: list[Any]) -> dict[Any, Any]:
    """d target / d node for all nodes that have one; of what is no scalar, of its sum."""
    summed = isinstance(target, Tensor) and (not target.shape or any(x.initial for x in nodes))
    if not summed or not target.requires_grad:
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
    if isinstance(x, Part):
        lines, hint = lines_of_part(x, names, slopes, values), f"{x.name}: {len(x.nodes)} nodes"
    else:
        lines = [heading(x, names), str(x.type_), *numbers_of(x, slopes, values)]
        hint = line_of(x)
    width = min(max(text_width(line, 11) for line in lines) * 1.06 + 2 * PAD, WIDEST)
    return Box(lines, kind_of(x), width, hint)


def lines_of_part(
    part: Part, names: dict[Any, str], slopes: dict[Any, Any], values: bool
) -> list[str]:
    """A layer as one node: its name, what it gives, and its parameters."""
    types = dict.fromkeys(str(x.type_) for x in part.outputs)
    numbers = numbers_of(part.outputs[0], slopes, values) if len(part.outputs) == 1 else []
    leaves = sorted(
        (x for x in part.nodes if kind_of(x) == "parameter"), key=lambda x: -len(x.shape)
    )
    held = [f"{heading(x, names).rpartition('.')[2]} {x.type_}" for x in leaves]
    return [*part.name.split(", "), *list(types)[:MANY], *numbers, *held[:MANY]]


def heading(x: Any, names: dict[Any, str]) -> str:
    """A node's name, and its operation: `loss = mean`, `mul(·, 2)`."""
    name = names.get(x) or x.name
    if x.operation is None:
        return name or LEAVES[kind_of(x)]
    done = "mm" if is_product(x) else x.operation.name
    if any(i.number is not None for i in x.inputs):
        listed = ("·" if i.number is None else short(i.number) for i in x.inputs)
        done += f"({', '.join(listed)})"
    return f"{name} = {done}" if name else done


def is_product(x: Any) -> bool:
    """Whether a contraction is a product of two matrices, which may be transposed."""
    return x.operation.name == "contract" and {len(x.shape), *(len(i.shape) for i in x.inputs)} == {
        2
    }


def numbers_of(x: Any, slopes: dict[Any, Any], values: bool) -> list[str]:
    """The value of a node and its derivative, where they are known."""
    lines = [briefly(x.value)] if values and isinstance(x.value, np.ndarray) else []
    return [*lines, f"∂ {briefly(slopes[x])}"] if x in slopes else lines


def briefly(array: np.ndarray) -> str:
    """Values as far as a box has room for all of them, else their range."""
    text = values_text(array)
    return text if text_width(text, 11) <= WIDEST - 3 * PAD else values_text(array, few=1)


def kind_of(x: Any) -> str:
    """What a node is: computed, or a leaf of which kind."""
    if isinstance(x, Part):
        return "part"
    if x.operation is not None:
        return "node"
    if x.requires_grad:
        return "parameter"
    return "constant" if x.number is not None or not x.shape else "input"


# ---- the drawing


def drawn(
    layers: list[list[Any]], edges: list[list], boxes: dict[Any, Box], title: str, groups: Groups
) -> Picture:
    """Boxes in their layers, and curves between them."""
    neighboured(layers, groups)
    apart, top = (APART, MARGIN + 34) if not groups else (APART + HEAD, MARGIN + 38 + HEAD)
    rows = in_rows(
        layers, edges, lambda x: (wide(x, boxes), height(x, boxes)), apart, (MARGIN, top)
    )
    corners, (right, bottom) = rows.corners, rows.size
    page = max(right + MARGIN, text_width(title, 15) * 1.08 + 2 * MARGIN, 300)
    drawing = Drawing(page, bottom + MARGIN + 22, title)
    drawing.text((page / 2, MARGIN), title, 15, bold=True)
    grounds = {
        x: (*corners[x][:2], corners[x][0] + box.width, corners[x][1] + box.height)
        for x, box in boxes.items()
    }
    draw_groups(drawing, groups, grounds, rows.row, inputs_of)
    for start, *vias, end in edges:
        times = sum(x is start for x in getattr(end, "inputs", ()))  # twice in d * d
        for number in range(max(times, 1)):
            shift = TWIN * (number - (max(times, 1) - 1) / 2)
            draw_edge(drawing, [start, *vias, end], rows, boxes, shift)
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


def draw_edge(
    drawing: Drawing, chain: list, rows: Rows, boxes: dict[Any, Box], shift: float
) -> None:
    """A smooth line from the right of a box through the places that it passes to the left.

    shift  how far below the middle of both boxes, where there are several
    """
    start, corners = chain[0], rows.corners
    x, y = corners[start][0] + boxes[start].width, middle(start, corners, boxes) + shift
    commands = f"M{x:.1f} {y:.1f}"
    for a, b in zip(chain, chain[1:]):
        left, top, width = corners[b]
        goal = (left - width / 2, top + 3 + shift)
        if not isinstance(b, Via):
            goal = (left - 5, middle(b, corners, boxes) + shift)
        if rows.row[b] > rows.row[a]:
            commands += rows.between(start, a, b, (x, y), goal)
        else:
            half = (x + goal[0]) / 2
            commands += f"C{half:.1f} {y:.1f} {half:.1f} {goal[1]:.1f} {goal[0]:.1f} {goal[1]:.1f}"
        x, y = goal
        if isinstance(b, Via):
            x += width
            commands += f"L{x:.1f} {y:.1f}"
    drawing.path(commands, FAINT, 1.2)
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
        drawing.text(at, line, 11, colour=colour, bold=row == 0, room=box.width - PAD)


def draw_kinds(drawing: Drawing, kinds: Iterable[str], sloped: bool) -> None:
    """What the fills mean."""
    x, y = MARGIN, drawing.height - 20
    for kind, text in (("input", "data"), ("parameter", "wants a gradient"), ("node", "computed"),
                       ("constant", "number"), ("part", "several nodes as one")):  # fmt: skip
        if kind in kinds:
            drawing.box((x, y - 6), 14, 12, FILLS[kind], INK, round_=2)
            drawing.text((x + 19, y), text, 10.5, "start", "#555555")
            x += 19 + text_width(text, 10.5) + 18
    if sloped:
        drawing.text((x, y), "∂: derivative of the last node", 10.5, "start", "#0b559f")
