"""`gg.draw.network`: every unit a node, every weight an edge, for layers one after another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..nn.chain import chain
from .colours import FAINT, INK, NEGATIVE, PAPER, POSITIVE, amount, ink_on, mixed, of_kind, signed
from .columns import Column, Edge, Link, columns_of, shown
from .picture import Picture
from .svg import Drawing, Point, text_width

MARGIN, TALL = 26.0, 560.0
BELOW = 84.0  # room for captions and legend
MAPS = 5  # so many maps of an image are drawn behind each other
FINEST = 28  # so many pixels of an image are drawn along a side


def network(
    model: Any, x: Any = None, *, input_shape: Any = None, bias: bool = False, most: int = 20,
    title: str | None = None, names: list[str] | None = None,
) -> Picture:  # fmt: skip
    """The diagram of a network, from its input on the left to its output on the right.

    model        layers one after another
    x            one input; nodes are then filled by what their units give
    input_shape  the shape of one input, where the first layer does not say it: (1, 28, 28)
    bias         whether biases are drawn, as edges from a unit that is always 1
    most         units of a layer that are drawn; of more, the middle is left out and counted
    title        above the picture; "Number of units: 4,10,5,3,1" if not given
    names        of the inputs, written beside them

    An edge is blue for a positive weight and orange for a negative one, and the wider the larger it
    is within its layer; edges of a convolution have a colour for each weight that they share.
    Source: lecture H, pages on network diagrams; lecture C for convolutions.

    Raises:
        ChainError: Two paths lead through the model, or the shape of its input is not known.
        ShapeError: The input does not fit.
    """
    if most < 3:
        raise ValueError(f"most={most}: at least 3 units are needed to leave out a middle")
    columns, links = columns_of(chain(model, x, input_shape))
    if title is None:
        title = "Number of units: " + ",".join(str(c.units) for c in columns)
    places = laid_out(columns, links, most, bool(names))
    drawing = Drawing(*page_size(places, title, bias), title)
    drawing.text((drawing.width / 2, MARGIN), title, 15, bold=True, room=drawing.width - 20)
    for number, link in enumerate(links):
        draw_link(drawing, link, places[number], places[number + 1], bias)
    for number, place in enumerate(places):
        draw_column(drawing, place, number, x is not None)
        draw_caption(drawing, place, number)
    if names:
        draw_names(drawing, places[0], names)
    draw_legend(drawing, links)
    return Picture(drawing.svg(), title)


@dataclass
class Place:
    """Where a column stands.

    units   {unit: its centre} of those that are drawn
    gap     the centre of what is left out
    x       the middle of the column
    ends    the lowest and highest point
    radius  of a unit; of an image half its side
    """

    column: Column
    units: dict[int, Point]
    gap: Point | None
    x: float
    ends: tuple[float, float]
    radius: float

    @property
    def always_one(self) -> Point:
        """The unit that feeds the biases."""
        return (self.x, self.ends[1] + 3.2 * self.radius)


# ---- where everything stands


def laid_out(columns: list[Column], links: list[Link], most: int, named: bool) -> list[Place]:
    """Columns from left to right, all with the same middle line."""
    kept = [list(shown(c.units, most)) for c in columns]
    longest = max((len(k) for k, c in zip(kept, columns) if not c.is_image), default=1)
    step = min(46.0, max(17.0, TALL / max(longest, 1)))
    middle = MARGIN * 2 + 30 + max(step * longest, 150) / 2
    x, places = MARGIN + 40 + (90 if named else 0), []
    for number, (column, units) in enumerate(zip(columns, kept)):
        half = image_side(column) / 2 + 3 * MAPS if column.is_image else step * 0.36
        x += half
        places.append(place_of(column, units, x, middle, step))
        if number < len(links):
            x += half + gap_after(links[number], len(units), column)
    return places


def gap_after(link: Link, units: int, column: Column) -> float:
    """The room for the edges to the next column."""
    room = 84.0 if column.is_image else 96.0 + 4.0 * min(units, 20)
    return max(room, text_width(link.text, 11) + 26)


def place_of(column: Column, kept: list, x: float, middle: float, step: float) -> Place:
    """The units of a column, around the middle line of the page."""
    if column.is_image:
        half = image_side(column) / 2
        return Place(column, {}, None, x, (middle - half - 10, middle + half + 10), half)
    top = middle - step * (len(kept) - 1) / 2
    units, gap = {}, None
    for row, unit in enumerate(kept):
        at = (x, top + step * row)
        if unit is None:
            gap = at
        else:
            units[unit] = at
    radius = min(15.0, step * 0.36)
    ends = (top - radius, top + step * (len(kept) - 1) + radius)
    return Place(column, units, gap, x, ends, radius)


def image_side(column: Column) -> float:
    """The side of a map: larger images are larger, not in proportion."""
    return 22.0 + 9.0 * math.sqrt(max(column.shape[-2:]))


def page_size(places: list[Place], title: str, bias: bool) -> tuple[float, float]:
    """Room for everything, captions and legend below."""
    last = places[-1]
    width = last.x + max(last.radius, 40) + MARGIN + 24
    height = max(p.always_one[1] if bias else p.ends[1] for p in places) + BELOW
    return max(width, text_width(title, 15) * 1.08 + 2 * MARGIN, 330), height


# ---- edges


def draw_link(drawing: Drawing, link: Link, start: Place, end: Place, bias: bool) -> None:
    """All edges between the units of two columns that are drawn."""
    if start.column.is_image or end.column.is_image:
        draw_window(drawing, link, start, end)
        return
    edges = [e for unit in end.units for e in link.incoming(unit) if e.start in start.units]
    largest = largest_weight(edges, link)
    for edge in sorted(edges, key=lambda e: abs(e.weight or 0.0)):
        ends = edge_ends(start.units[edge.start], end.units[edge.end], start, end)
        colour, width, dash = look_of(edge, largest, len(edges))
        drawing.line(*ends, colour, width, dash, hint_of(edge))
    if bias and link.bias is not None:
        draw_biases(drawing, link, start, end, largest)
    if link.text:
        at = ((start.x + end.x) / 2, min(start.ends[0], end.ends[0]) - 16)
        drawing.text(at, link.text, 11, colour="#555555", room=end.x - start.x - 8)


def draw_biases(drawing: Drawing, link: Link, start: Place, end: Place, largest: float) -> None:
    """Edges from the unit that is always 1."""
    assert link.bias is not None
    each = max(end.column.units // len(link.bias), 1)
    one = start.always_one
    for unit, at in end.units.items():
        edge = Edge(-1, unit, float(link.bias[unit // each]))
        ends = edge_ends(one, at, start, end)
        colour, width, dash = look_of(edge, largest, len(end.units))
        drawing.line(*ends, colour, width, dash, hint_of(edge))
    size = start.radius * 1.5
    drawing.box((one[0] - size / 2, one[1] - size / 2), size, size, "#eeeeee")
    drawing.text(one, "1", min(12, size * 0.75))


def largest_weight(edges: list[Edge], link: Link) -> float:
    """The largest size of a weight that is drawn, and finite."""
    sizes = [abs(e.weight) for e in edges if e.weight is not None and math.isfinite(e.weight)]
    if link.bias is not None:
        sizes += [float(n) for n in np.abs(link.bias) if math.isfinite(n)]
    return max(sizes, default=0.0)


def edge_ends(a: Point, b: Point, start: Place, end: Place) -> tuple[Point, Point]:
    """From rim to rim of two nodes."""
    length = math.dist(a, b) or 1.0
    ux, uy = (b[0] - a[0]) / length, (b[1] - a[1]) / length
    return (
        (a[0] + ux * start.radius, a[1] + uy * start.radius),
        (b[0] - ux * end.radius, b[1] - uy * end.radius),
    )


def look_of(edge: Edge, largest: float, edges: int) -> tuple[str, float, str | None]:
    """Colour, width and dashes of an edge; many edges are thinner."""
    if edge.weight is None:
        return FAINT, 0.9, None
    if not math.isfinite(edge.weight):
        return INK, 1.2, "2 3"
    part = abs(edge.weight) / largest if largest else 0.0
    if edge.shared is not None:
        return of_kind(edge.shared), 1.6, None
    widest = 2.6 if edges <= 100 else 1.7
    return signed(edge.weight, largest), 0.4 + (widest - 0.4) * part, None


def hint_of(edge: Edge) -> str:
    """What the pointer tells of an edge."""
    if edge.weight is None:
        return ""
    name = "bias" if edge.start < 0 else f"weight from {edge.start}"
    return f"{name} to {edge.end}: {edge.weight:.4g}"


def draw_window(drawing: Drawing, link: Link, start: Place, end: Place) -> None:
    """How images lead on: a window and the point that it becomes, or lines to all units."""
    (top, bottom) = (start.ends[0] + 10, start.ends[1] - 10)
    right = start.x + start.radius + 4 * (MAPS - 1) if start.column.is_image else start.x
    if end.column.is_image and start.column.is_image and link.window:
        draw_kernel(drawing, link, start, end)
    else:
        left = end.x - end.radius
        for y, goal in ((top, end.ends[0]), (bottom, end.ends[1])):
            drawing.line((right, y), (left, goal), FAINT, 1.0)
    if link.text:
        between = ((right + end.x - end.radius) / 2, min(start.ends[0], end.ends[0]) - 18)
        drawing.text(between, link.text, 11, colour="#555555")


def draw_kernel(drawing: Drawing, link: Link, start: Place, end: Place) -> None:
    """A square of the kernel's size on the first image, and the pixel of the next it leads to."""
    scale = 2 * start.radius / max(start.column.shape[-2:])
    front = 4.0 * (min(start.column.shape[0], MAPS) - 1)
    side = max(link.window[-1] * scale, 5.0)
    x, y = start.x + front / 2 + start.radius * 0.3, start.ends[0] + 10 + start.radius * 0.45
    x = min(x, start.x + front / 2 + start.radius - side - 2)
    goal = (end.x - 2 * (min(end.column.shape[0], MAPS) - 1), end.ends[0] + 10 + end.radius * 0.8)
    with drawing.group(stroke_opacity="0.9"):
        drawing.box((x, y), side, side, "none", "#d55e00")
        drawing.line((x + side, y), goal, "#d55e00", 0.9)
        drawing.line((x + side, y + side), goal, "#d55e00", 0.9)
    drawing.circle(goal, 2.2, "#d55e00", "#d55e00")


# ---- units


def draw_column(drawing: Drawing, place: Place, number: int, filled: bool) -> None:
    """The units of a layer, and what they are below them."""
    column = place.column
    if column.is_image:
        draw_images(drawing, place, filled)
    else:
        if column.together:
            draw_bar(drawing, place)
        largest = float(np.max(np.abs(np.nan_to_num(column.values)), initial=0.0))
        for unit, at in place.units.items():
            value = float(column.values[unit]) if filled else None
            draw_unit(drawing, at, place.radius, value, largest, f"layer {number}, unit {unit}")
        draw_gap(drawing, place)


def draw_unit(
    drawing: Drawing, at: Point, radius: float, value: float | None, largest: float, name: str
) -> None:
    """A node, filled and inscribed by what it gives."""
    fill = PAPER if value is None else mixed_fill(value, largest)
    hint = name if value is None else f"{name}: {value:.5g}"
    drawing.circle(at, radius, fill, INK, hint)
    if value is not None and radius >= 11:
        drawing.text(at, f"{value:.2g}", radius * 0.68, colour=ink_on(fill))


def mixed_fill(value: float, largest: float) -> str:
    """The fill of a node: white at zero."""
    if not largest or not math.isfinite(value):
        return PAPER
    return mixed(PAPER, POSITIVE if value > 0 else NEGATIVE, abs(value) / largest)


def draw_bar(drawing: Drawing, place: Place) -> None:
    """Units that are computed together stand in one bar."""
    r = place.radius + 5
    drawing.box((place.x - r, place.ends[0] - 5), 2 * r, place.ends[1] - place.ends[0] + 10,
                "#e9e9e9", "#777777", round_=r)  # fmt: skip


def draw_gap(drawing: Drawing, place: Place) -> None:
    """Three dots where units are left out, and how many."""
    if place.gap is None:
        return
    x, y = place.gap
    for dy in (-4.5, 0, 4.5):
        drawing.circle((x, y + dy), 1.4, INK, INK)
    text = f"{place.column.units - len(place.units):,} more"
    room = text_width(text, 10) + 8
    drawing.box((x + 6, y - 7.5), room, 15, PAPER, None, round_=4)
    drawing.text((x + 10, y), text, 10, "start", "#555555")


def draw_images(drawing: Drawing, place: Place, filled: bool) -> None:
    """Maps behind each other; the first in front shows what it holds."""
    count, side = min(place.column.shape[0], MAPS), 2 * place.radius
    for n in reversed(range(count)):
        shift = 4.0 * n - 2.0 * (count - 1)
        corner = (place.x - place.radius - shift, place.ends[0] + 10 + shift)
        drawing.box(corner, side, side, "#dbe7f3" if n % 2 == 0 else "#eef4fa")
    if filled:
        draw_map(drawing, place, count)


def draw_map(drawing: Drawing, place: Place, count: int) -> None:
    """What the first channel holds, pixel by pixel; of large images, means of blocks."""
    image = place.column.values.reshape(place.column.shape)[0]
    block = -(-max(image.shape[-2:]) // FINEST)
    image = np.add.reduceat(image, range(0, image.shape[0], block), axis=0)
    image = np.add.reduceat(image, range(0, image.shape[1], block), axis=1)
    low, high = float(np.nanmin(image)), float(np.nanmax(image))
    pixel = 2 * place.radius / max(image.shape)
    left, top = place.x - place.radius + 2.0 * (count - 1), place.ends[0] + 10 - 2.0 * (count - 1)
    top = place.ends[0] + 10
    for (i, j), value in np.ndenumerate(image):
        corner = (left + j * pixel, top + i * pixel)
        drawing.box(corner, pixel + 0.3, pixel + 0.3, amount(float(value), low, high), None)


def draw_caption(drawing: Drawing, place: Place, number: int) -> None:
    """How many units there are, and what they do."""
    column, y = place.column, drawing.height - BELOW + 26
    many = f"{column.units:,} unit{'s' * (column.units != 1)}"
    if column.is_image:
        many = f"{column.shape[0]} @ {'×'.join(map(str, column.shape[1:]))}"
    elif len(column.shape) == 2:
        many = f"{column.shape[0]} × {column.shape[1]}"
    drawing.text((place.x, y), many, 11.5, bold=True)
    below = ", ".join(column.names) or ("input" if number == 0 else "")
    drawing.text((place.x, y + 15), below, 11, colour="#555555", room=130)


def draw_names(drawing: Drawing, place: Place, names: list[str]) -> None:
    """The inputs' own names, to their left."""
    for unit, (x, y) in place.units.items():
        if unit < len(names):
            drawing.text((x - place.radius - 6, y), names[unit], 11, "end", room=104)


def draw_legend(drawing: Drawing, links: list[Link]) -> None:
    """What the colours of the edges mean."""
    y, x = drawing.height - 16, MARGIN
    if any(link.kind == "dense" for link in links):
        for colour, text in ((POSITIVE, "positive weight"), (NEGATIVE, "negative weight")):
            drawing.line((x, y), (x + 18, y), colour, 2.4)
            drawing.text((x + 23, y), text, 10.5, "start", "#555555")
            x += 23 + text_width(text, 10.5) + 16
    if any(link.kind == "convolution" and not link.window[1:] for link in links):
        drawing.text((x, y), "one colour: one shared weight", 10.5, "start", "#555555")
