"""`gg.draw.flow`: a small network as a diagram of numbers flowing from node to node."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import ANY, SHAPE, check_arguments, optional
from ..nn.chain import ChainError, chain
from .colours import INK, NEGATIVE, PAPER, POSITIVE, mixed
from .columns import Column, Edge, Link, columns_of, names_of
from .nodes import mixed_fill
from .picture import Picture
from .svg import Drawing, Point, text_width

RADIUS, ROW, GAP, MARGIN = 27.0, 92.0, 178.0, 30.0
LETTER = 11.0  # size of the weights' numbers
NEAREST = 0.2  # of the way from a node, numbers on its edges stand far enough apart
MOST = 12  # units of a layer that can be followed with the eye


def flow(
    model: Any, x: Any = None, *, input_shape: Any = None, names: list[str] | None = None,
    outputs: list[str] | None = None, title: str = "",
) -> Picture:  # fmt: skip
    """A flow diagram: what enters each node and what leaves it, weights on the edges.

    model    layers one after another, of at most 12 units each
    x        one input; without it only the weights are written
    names    of the inputs
    outputs  of the outputs

    In a node stands its excitation above (the weighted sum) and its activation below; biases are
    weights of a node that is always 1.  Two models side by side: gg.draw.beside(flow(a), flow(b)).
    Source: lecture J, XOR by two layers, perceptron and linear regression.

    Raises:
        ChainError: A layer has more units than can be followed; gg.draw.network elides them.
        ValueError: There are not as many names as units, or several rows.
    """
    check_arguments(locals(), model=ANY, input_shape=optional(SHAPE))
    columns, links = columns_of(chain(model, x, input_shape))
    names, outputs = names_of(names, columns[0], "input"), names_of(outputs, columns[-1], "output")
    largest = max(c.units for c in columns)
    if largest > MOST:
        raise ChainError(
            f"a layer has {largest} units, and a flow diagram can be followed up to {MOST}; "
            "gg.draw.network draws any number"
        )
    rows = [c.units + (n < len(links) and has_bias(links[n])) for n, c in enumerate(columns)]
    left = MARGIN + RADIUS + max((text_width(n, 12) for n in names), default=0)
    right = MARGIN + RADIUS + max((text_width(n, 12) for n in outputs), default=0)
    gaps = [gap_for(link, row, end.units) for link, row, end in zip(links, rows, columns[1:])]
    across = [left + sum(gaps[:n]) for n in range(len(columns))]
    width = across[-1] + right
    title = title or "Flow diagram"
    drawing = Drawing(max(width, text_width(title, 15) + 40), 70 + ROW * max(rows) + 34, title)
    drawing.text((drawing.width / 2, 24), title, 15, bold=True)
    centre = 52 + ROW * max(rows) / 2
    places = [positions(row, x_, centre) for row, x_ in zip(rows, across)]
    for number, link in enumerate(links):
        draw_edges(drawing, link, places[number], places[number + 1][: columns[number + 1].units])
    for number, (column, place) in enumerate(zip(columns, places)):
        draw_nodes(drawing, column, place, x is not None, first=number == 0)
        caption = ", ".join(column.names) if number else "input"
        drawing.text((place[0][0], drawing.height - 20), caption, 11, colour="#555555")
    label_ends(drawing, places, names, outputs)
    return Picture(drawing.svg(), title)


def has_bias(link: Link) -> bool:
    """Whether a node that is always 1 feeds the next layer."""
    return link.bias is not None


def positions(rows: int, x: float, centre: float) -> list[Point]:
    """The centres of the units, and of the node that is always 1 as the last."""
    top = centre - ROW * (rows - 1) / 2
    return [(x, top + ROW * n) for n in range(rows)]


def edges_of(link: Link, starts: int, ends: int) -> list[Edge]:
    """The edges to all units; biases come from the last of the nodes before them."""
    found = [edge for unit in range(ends) for edge in link.incoming(unit)]
    biases = [(unit, link.bias_of(unit, ends)) for unit in range(ends)]
    return found + [Edge(starts - 1, unit, bias) for unit, bias in biases if bias is not None]


def gap_for(link: Link, starts: int, ends: int) -> float:
    """How far apart two layers stand, so that each edge's weight has a place of its own."""
    lanes = min(starts, ends) * lane(edges_of(link, starts, ends))
    return max(GAP, (lanes + RADIUS + 16) / (1 - NEAREST), lanes + 2 * RADIUS + 24)


def lane(edges: list[Edge]) -> float:
    """The width of the widest weight."""
    texts = [weight_text(e.weight) for e in edges if e.weight is not None]
    return max((text_width(t, LETTER) + 8 for t in texts), default=0.0)


def weight_text(weight: float) -> str:
    """A weight in three digits."""
    return f"{weight + 0.0:.3g}"  # no -0


def draw_edges(drawing: Drawing, link: Link, start: list[Point], end: list[Point]) -> None:
    """Arrows from rim to rim, and their weights, which no arrow and no other weight covers.

    The weights of all edges of a node stand in one lane; the side with fewer nodes has the lanes.
    """
    edges = edges_of(link, len(start), len(end))
    for edge in edges:
        draw_edge(drawing, edge, start[edge.start], end[edge.end])
    by_start, wide = len(start) <= len(end), end[0][0] - start[0][0]
    low = max(RADIUS + 8, NEAREST * wide if by_start else 0)
    high = wide - max(RADIUS + 16, 0 if by_start else NEAREST * wide)
    lanes = min(len(start), len(end))
    for edge in edges:
        number = edge.start if by_start else edge.end
        part = (low + (high - low) * (number + 0.5) / lanes) / wide
        write_weight(drawing, edge, start[edge.start], end[edge.end], part)


def draw_edge(drawing: Drawing, edge: Edge, a: Point, b: Point) -> None:
    """An arrow from rim to rim."""
    length = math.dist(a, b) or 1.0
    ux, uy = (b[0] - a[0]) / length, (b[1] - a[1]) / length
    start = (a[0] + ux * RADIUS, a[1] + uy * RADIUS)
    end = (b[0] - ux * RADIUS, b[1] - uy * RADIUS)
    drawing.arrow(start, end, colour_of(edge), 1.3)


def colour_of(edge: Edge) -> str:
    """Blue for a positive weight, orange for a negative one."""
    return "#777777" if edge.weight is None else POSITIVE if edge.weight >= 0 else NEGATIVE


def write_weight(drawing: Drawing, edge: Edge, a: Point, b: Point, part: float) -> None:
    """The weight on a white ground, `part` of the way along its edge."""
    if edge.weight is None:
        return
    x, y = a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part
    text = weight_text(edge.weight)
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
