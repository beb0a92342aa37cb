"""`gg.draw.flow`: a small network as a diagram of numbers flowing from node to node."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..explain.texts import short
from ..nn.chain import ChainError, chain
from .colours import INK, NEGATIVE, PAPER, POSITIVE
from .columns import Column, Edge, Link, columns_of
from .nodes import mixed_fill
from .picture import Picture
from .svg import Drawing, Point, text_width

RADIUS, ROW, GAP, MARGIN = 27.0, 92.0, 178.0, 30.0
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
    """
    columns, links = columns_of(chain(model, x, input_shape))
    largest = max(c.units for c in columns)
    if largest > MOST:
        raise ChainError(
            f"a layer has {largest} units, and a flow diagram can be followed up to {MOST}; "
            "gg.draw.network draws any number"
        )
    rows = [c.units + (n < len(links) and has_bias(links[n])) for n, c in enumerate(columns)]
    left = MARGIN + RADIUS + max((text_width(n, 12) for n in names or []), default=0)
    right = MARGIN + RADIUS + max((text_width(n, 12) for n in outputs or []), default=0)
    width = left + GAP * (len(columns) - 1) + right
    title = title or "Flow diagram"
    drawing = Drawing(max(width, text_width(title, 15) + 40), 70 + ROW * max(rows) + 34, title)
    drawing.text((drawing.width / 2, 24), title, 15, bold=True)
    centre = 52 + ROW * max(rows) / 2
    places = [positions(row, left + GAP * n, centre) for n, row in enumerate(rows)]
    for number, link in enumerate(links):
        draw_edges(drawing, link, places[number], places[number + 1], columns[number : number + 2])
    for number, (column, place) in enumerate(zip(columns, places)):
        draw_nodes(drawing, column, place, x is not None, first=number == 0)
        caption = ", ".join(column.names) if number else "input"
        drawing.text((place[0][0], drawing.height - 20), caption, 11, colour="#555555")
    label_ends(drawing, places, names or [], outputs or [])
    return Picture(drawing.svg(), title)


def has_bias(link: Link) -> bool:
    """Whether a node that is always 1 feeds the next layer."""
    return link.bias is not None


def positions(rows: int, x: float, centre: float) -> list[Point]:
    """The centres of the units, and of the node that is always 1 as the last."""
    top = centre - ROW * (rows - 1) / 2
    return [(x, top + ROW * n) for n in range(rows)]


def draw_edges(
    drawing: Drawing, link: Link, start: list[Point], end: list[Point], columns: list[Column]
) -> None:
    """Edges with their weights, each written where it is near its end, so that none are covered."""
    before, after = (column.units for column in columns)
    for unit in range(after):
        edges = link.incoming(unit)
        if (bias := link.bias_of(unit, after)) is not None:
            edges = [*edges, Edge(before, unit, bias)]
        for edge in edges:
            draw_edge(drawing, edge, start[edge.start], end[unit])


def draw_edge(drawing: Drawing, edge: Edge, a: Point, b: Point) -> None:
    """An arrow from rim to rim, and its weight on a white ground."""
    length = math.dist(a, b) or 1.0
    ux, uy = (b[0] - a[0]) / length, (b[1] - a[1]) / length
    start = (a[0] + ux * RADIUS, a[1] + uy * RADIUS)
    end = (b[0] - ux * RADIUS, b[1] - uy * RADIUS)
    colour = "#777777" if edge.weight is None else POSITIVE if edge.weight >= 0 else NEGATIVE
    drawing.arrow(start, end, colour, 1.3)
    if edge.weight is None:
        return
    part = 0.33 if edge.start % 2 == 0 else 0.55
    x, y = start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part
    text = short(edge.weight)
    room = text_width(text, 11) + 6
    drawing.box((x - room / 2, y - 8), room, 16, PAPER, None, round_=3)
    drawing.text((x, y), text, 11, colour=colour)


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
    before, after = float(column.before[unit]), float(column.values[unit])
    if first or (not column.names and before == after):
        drawing.text(at, f"{after:.3g}", 12, bold=True)
        return
    x, y = at
    drawing.text((x, y - 9), f"{before:.3g}", 10.5)
    drawing.line((x - RADIUS * 0.8, y), (x + RADIUS * 0.8, y), "#888888", 0.8)
    drawing.text((x, y + 9.5), f"{after:.3g}", 11.5, bold=True)


def label_ends(
    drawing: Drawing, places: list[list[Point]], names: list[str], outputs: list[str]
) -> None:
    """Names of inputs and outputs beside their nodes."""
    for (x, y), name in zip(places[0], names):
        drawing.text((x - RADIUS - 6, y), name, 12, "end")
    for (x, y), name in zip(places[-1], outputs):
        drawing.text((x + RADIUS + 6, y), name, 12, "start")
