"""`gg.draw.flow`: a small network as a diagram of numbers flowing from node to node."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..arguments import ANY, SHAPE, check_arguments, function, optional, shown
from ..autograd import grad
from ..nn.chain import ChainError, Step, all_recorded, chain, inside
from ..tensors import Tensor, enable_grad
from ..tensors.creation import zeros
from .colours import INK, NEGATIVE, PAPER, POSITIVE, mixed
from .columns import Column, Edge, Link, columns_of, names_of
from .nodes import mixed_fill
from .picture import Picture
from .svg import Drawing, Point, text_width

RADIUS, ROW, GAP, MARGIN = 27.0, 92.0, 178.0, 30.0
LETTER = 11.0  # size of the weights' numbers
NEAREST = 0.2  # of the way from a node, numbers on its edges stand far enough apart
SLOPE = "#0b559f"
KEY = (
    "∂: derivative of the loss, above a node by its excitation, below by its activation, "
    "beside a weight by the weight"
)
MOST = 12  # units of a layer that can be followed with the eye

Labelled = tuple[Edge, str]


def flow(
    model: Any, x: Any = None, *, input_shape: Any = None, names: list[str] | None = None,
    outputs: list[str] | None = None, loss: Any = None, title: str = "",
) -> Picture:  # fmt: skip
    """A flow diagram: what enters each node and what leaves it, weights on the edges.

    model    layers one after another, of at most 12 units each
    x        one input; without it only the weights are written
    names    of the inputs
    outputs  of the outputs
    loss     of the output, as lambda output: (output - 1) ** 2: then its derivatives are written
             too, by the excitation above a node, by the activation below it, and beside weights
             (of a layer that is used several times, over all its uses)

    In a node stands its excitation above (the weighted sum) and its activation below; biases are
    weights of a node that is always 1.  Two models side by side: gg.draw.beside(flow(a), flow(b)).
    Source: lecture J, XOR by two layers, perceptron and linear regression; lecture H,
    back-propagation.

    Raises:
        ChainError: A layer has more units than can be followed; gg.draw.network elides them.
        ValueError: There are not as many names as units, several rows, or no loss of one number.
    """
    of_output = function("a function: lambda output: (output - 1) ** 2", None)
    check_arguments(locals(), model=ANY, input_shape=optional(SHAPE), loss=optional(of_output))
    if loss is not None and x is None:
        raise ValueError("derivatives are those at an input: give x= too")
    steps = chain(model, x, input_shape)
    columns, links = columns_of(steps)
    names, outputs = names_of(names, columns[0], "input"), names_of(outputs, columns[-1], "output")
    largest = max(c.units for c in columns)
    if largest > MOST:
        raise ChainError(
            f"a layer has {largest} units, and a flow diagram can be followed up to {MOST}; "
            "gg.draw.network draws any number"
        )
    slopes, by_weight = ([], []) if loss is None else columns_of(slopes_of(model, loss, steps))
    rows = [c.units + (n < len(links) and has_bias(links[n])) for n, c in enumerate(columns)]
    edges = [
        edges_of(link, rows[n], columns[n + 1].units, by_weight[n] if by_weight else None)
        for n, link in enumerate(links)
    ]
    left = MARGIN + RADIUS + max((text_width(n, 12) for n in names), default=0)
    right = MARGIN + RADIUS + max((text_width(n, 12) for n in outputs), default=0)
    gaps = [gap_for(e, row, end.units) for e, row, end in zip(edges, rows, columns[1:])]
    across = [left + sum(gaps[:n]) for n in range(len(columns))]
    title, key = title or "Flow diagram", 22 * bool(slopes)
    width = max(across[-1] + right, text_width(title, 15) + 40, text_width(KEY, 10.5) * bool(key))
    drawing = Drawing(width, 70 + ROW * max(rows) + 34 + key, title)
    drawing.text((drawing.width / 2, 24), title, 15, bold=True)
    drawing.text((drawing.width / 2, drawing.height - 12), KEY * bool(key), 10.5, colour=SLOPE)
    centre = 52 + ROW * max(rows) / 2
    places = [positions(row, x_, centre) for row, x_ in zip(rows, across)]
    for number, found in enumerate(edges):
        draw_edges(drawing, found, places[number], places[number + 1][: columns[number + 1].units])
    for number, (column, place) in enumerate(zip(columns, places)):
        draw_nodes(drawing, column, place, x is not None, first=number == 0)
        caption = ", ".join(column.names) if number else "input"
        drawing.text((place[0][0], drawing.height - 20 - key), caption, 11, colour="#555555")
    for number, (column, place) in enumerate(zip(slopes, places)):
        write_slopes(drawing, place, column, first=number == 0 or not columns[number].names)
    label_ends(drawing, places, names, outputs)
    return Picture(drawing.svg(), title)


def slopes_of(model: Any, loss: Callable, steps: list[Step]) -> list[Step]:
    """The same steps with the derivatives of a loss in the place of tensors and weights.

    Raises:
        ValueError: The loss is not one number, or a layer is a convolution.
    """
    if any(inside(step, "convolution") for step in steps):
        raise ValueError("derivatives are written of layers with a matrix; one convolves")
    with enable_grad(), all_recorded(model, []):
        lost = loss(steps[-1].output)
        return written_of(lost, steps)


def written_of(lost: Any, steps: list[Step]) -> list[Step]:
    """The same steps with the derivatives of what was lost."""
    if not isinstance(lost, Tensor) or lost.numel() != 1 or not lost.requires_grad:
        raise ValueError(f"loss is wanted as one number of the output, not {shown(lost)}")
    used = (t for s in steps for t in (s.given, s.output, s.weight, s.bias))
    tensors = dict.fromkeys(t for t in used if t is not None)
    wanted = [t for t in tensors if t.requires_grad]
    found = grad(lost.sum(), wanted, allow_unused=True, materialize_grads=True)
    slope = {t: zeros(*t.shape) for t in tensors} | dict(zip(wanted, found)) | {None: None}
    return [
        replace(s, given=slope[s.given], output=slope[s.output], weight=slope[s.weight],
                bias=slope[s.bias])
        for s in steps
    ]  # fmt: skip


def has_bias(link: Link) -> bool:
    """Whether a node that is always 1 feeds the next layer."""
    return link.bias is not None


def positions(rows: int, x: float, centre: float) -> list[Point]:
    """The centres of the units, and of the node that is always 1 as the last."""
    top = centre - ROW * (rows - 1) / 2
    return [(x, top + ROW * n) for n in range(rows)]


def edges_of(link: Link, starts: int, ends: int, slopes: Link | None) -> list[Labelled]:
    """The edges to all units, and what is written beside them.

    Biases come from the last of the nodes before them.
    """
    edges = all_edges(link, starts, ends)
    if slopes is None:
        return [(edge, weight_text(edge.weight)) for edge in edges]
    by_place = {(e.start, e.end): e.weight for e in all_edges(slopes, starts, ends)}
    return [
        (e, f"{weight_text(e.weight)}, ∂ {weight_text(by_place[e.start, e.end])}"
         if e.weight is not None else "")
        for e in edges
    ]  # fmt: skip


def all_edges(link: Link, starts: int, ends: int) -> list[Edge]:
    """The edges to all units, those of weights and then those of biases."""
    found = [edge for unit in range(ends) for edge in link.incoming(unit)]
    biases = [(unit, link.bias_of(unit, ends)) for unit in range(ends)]
    return found + [Edge(starts - 1, unit, bias) for unit, bias in biases if bias is not None]


def gap_for(edges: list[Labelled], starts: int, ends: int) -> float:
    """How far apart two layers stand, so that each edge's weight has a place of its own."""
    widest = max((text_width(text, LETTER) + 8 for _, text in edges if text), default=0.0)
    lanes = min(starts, ends) * widest
    return max(GAP, (lanes + RADIUS + 16) / (1 - NEAREST), lanes + 2 * RADIUS + 24)


def weight_text(weight: float | None) -> str:
    """A weight in three digits."""
    return "" if weight is None else f"{weight + 0.0:.3g}"  # no -0


def draw_edges(
    drawing: Drawing, edges: list[Labelled], start: list[Point], end: list[Point]
) -> None:
    """Arrows to rims, and their weights, which no arrow and no other weight covers.

    The weights of all edges of a node stand in one lane; the side with fewer nodes has the lanes.
    """
    for edge, _ in edges:
        draw_edge(drawing, edge, start[edge.start], end[edge.end])
    by_start, wide = len(start) <= len(end), end[0][0] - start[0][0]
    low = max(RADIUS + 8, NEAREST * wide if by_start else 0)
    high = wide - max(RADIUS + 16, 0 if by_start else NEAREST * wide)
    lanes = min(len(start), len(end))
    for edge, text in edges:
        number = edge.start if by_start else edge.end
        part = (low + (high - low) * (number + 0.5) / lanes) / wide
        write_weight(drawing, edge, text, start[edge.start], end[edge.end], part)


def draw_edge(drawing: Drawing, edge: Edge, a: Point, b: Point) -> None:
    """An arrow from a node, which is drawn above it, to a rim."""
    length = math.dist(a, b) or 1.0
    ux, uy = (b[0] - a[0]) / length, (b[1] - a[1]) / length
    end = (b[0] - ux * RADIUS, b[1] - uy * RADIUS)
    drawing.arrow(a, end, colour_of(edge), 1.3)


def colour_of(edge: Edge) -> str:
    """Blue for a positive weight, orange for a negative one."""
    return "#777777" if edge.weight is None else POSITIVE if edge.weight >= 0 else NEGATIVE


def write_weight(drawing: Drawing, edge: Edge, text: str, a: Point, b: Point, part: float) -> None:
    """The weight on a white ground, `part` of the way along its edge."""
    if not text:
        return
    x, y = a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part
    room = text_width(text, LETTER) + 6
    drawing.box((x - room / 2, y - 7.5), room, 15, PAPER, None, round_=3)
    drawing.text((x, y), text, LETTER, colour=mixed(colour_of(edge), INK, 0.25))


def draw_nodes(
    drawing: Drawing, column: Column, place: list[Point], filled: bool, first: bool
) -> None:
    """Excitation above activation; of an input its value."""
    largest = float(np.max(np.abs(np.nan_to_num(column.values)), initial=0.0))
    for unit, at in enumerate(place):
        if unit >= column.units:
            drawing.box((at[0] - 15, at[1] - 15), 30, 30, "#eeeeee", INK, round_=3)
            drawing.text(at, "1", 13)
            continue
        fill = mixed_fill(float(column.values[unit]), 2.2 * largest) if filled else PAPER
        drawing.circle(at, RADIUS, fill, INK, width=1.3)
        if filled:
            write_values(drawing, at, column, unit, first)


def write_values(drawing: Drawing, at: Point, column: Column, unit: int, first: bool) -> None:
    """The numbers of a node."""
    before, after = (f"{float(x[unit]) + 0.0:.3g}" for x in (column.before, column.values))
    x, y = at
    if first or (not column.names and before == after):
        write_value(drawing, at, after, 12, bold=True)
        return
    write_value(drawing, (x, y - 9), before, 10.5)
    drawing.line((x - RADIUS * 0.8, y), (x + RADIUS * 0.8, y), "#888888", 0.8)
    write_value(drawing, (x, y + 9.5), after, 11.5, bold=True)


def write_slopes(drawing: Drawing, place: list[Point], column: Column, first: bool) -> None:
    """Derivatives by the units' excitations above them, and by their activations below."""
    for (x, y), before, after in zip(place, column.before, column.values):
        for at, slope in [(y + RADIUS + 9, after), (y - RADIUS - 9, before)][: 2 - first]:
            text = f"∂ {weight_text(float(slope))}"
            room = text_width(text, 10.5) + 4
            drawing.box((x - room / 2, at - 7), room, 14, PAPER, None, round_=3)
            drawing.text((x, at), text, 10.5, colour=SLOPE)


def write_value(drawing: Drawing, at: Point, text: str, size: float, bold: bool = False) -> None:
    """A number, as large as its node has room for."""
    drawing.text(at, text, min(size, 1.55 * RADIUS / text_width(text, 1)), bold=bold)


def label_ends(
    drawing: Drawing, places: list[list[Point]], names: list[str], outputs: list[str]
) -> None:
    """Names of inputs and outputs beside their nodes."""
    for (x, y), name in zip(places[0], names):
        drawing.text((x - RADIUS - 6, y), name, 12, "end")
    for (x, y), name in zip(places[-1], outputs):
        drawing.text((x + RADIUS + 6, y), name, 12, "start")
