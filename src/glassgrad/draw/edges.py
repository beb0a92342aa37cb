"""The edges of a network diagram: weights, shared weights, and kernels on images."""

from __future__ import annotations

import math

import numpy as np

from .colours import CLASSES, FAINT, INK, PAPER, of_kind, on_paper, signed
from .columns import Edge, Link
from .places import Place
from .svg import Drawing, Point, text_width

BIAS, KERNEL, SMALL = "#777777", "#d55e00", "#555555"
DASHES = (None, "8 3", "3 3", "9 3 2 3")
ALONG = (0.3, 0.42, 0.54, 0.66, 0.2, 0.78)  # where on an edge its name may stand


def draw_link(drawing: Drawing, link: Link, start: Place, end: Place, bias: bool) -> None:
    """All edges between the units of two columns that are drawn."""
    if start.column.is_image or end.column.is_image:
        draw_fan(drawing, link, start, end)
        return
    edges = [e for u in kept(end) for e in link.incoming(u) if e.start in kept(start)]
    largest = largest_weight(edges, link)
    for edge in sorted(edges, key=lambda e: abs(e.weight or 0.0)):
        ends = edge_ends(start.units[edge.start], end.units[edge.end], start, end)
        colour, width, dash = look_of(edge, link, largest, len(edges))
        drawing.line(*ends, colour, width, dash, hint_of(edge, link))
    if bias and link.bias is not None:
        draw_biases(drawing, link, start, end, largest)
    if link.kind == "convolution":
        name_weights(drawing, link, start, end)
    if link.text:
        at = ((start.x + end.x) / 2, min(start.ends[0], end.ends[0]) - 16)
        drawing.text(at, link.text, 11, colour=SMALL, room=end.x - start.x - 8)


def kept(place: Place) -> dict[int, Point]:
    """The units that are drawn and not dropped, with their centres."""
    return {unit: at for unit, at in place.units.items() if unit not in place.column.dropped}


def draw_biases(drawing: Drawing, link: Link, start: Place, end: Place, largest: float) -> None:
    """Edges from the unit that is always 1."""
    one, size = start.always_one, start.radius * 1.5
    for unit, at in kept(end).items():
        edge = Edge(-1, unit, link.bias_of(unit, end.column.units))
        ends = edge_ends(one, at, start, end)
        colour, width, dash = look_of(edge, link, largest, len(end.units))
        if link.kind == "convolution" and math.isfinite(edge.weight or 0.0):
            colour, width = BIAS, 0.9
        drawing.line(one, ends[1], colour, width, dash, hint_of(edge, link))
    drawing.box((one[0] - size / 2, one[1] - size / 2), size, size, "#eeeeee")
    drawing.text(one, "1", min(12, size * 0.75))


def largest_weight(edges: list[Edge], link: Link) -> float:
    """The largest size of a weight that is drawn, and finite."""
    sizes = [abs(e.weight) for e in edges if e.weight is not None and math.isfinite(e.weight)]
    if link.bias is not None:
        sizes += [float(n) for n in np.abs(link.bias) if math.isfinite(n)]
    return max(sizes, default=0.0)


def edge_ends(a: Point, b: Point, start: Place, end: Place) -> tuple[Point, Point]:
    """From rim to rim of two nodes; to the side of a bar, level."""
    if end.bar:
        return (a[0] + start.radius, a[1]), (end.x - end.radius, a[1])
    length = math.dist(a, b) or 1.0
    ux, uy = (b[0] - a[0]) / length, (b[1] - a[1]) / length
    return (
        (a[0] + ux * start.radius, a[1] + uy * start.radius),
        (b[0] - ux * end.radius, b[1] - uy * end.radius),
    )


def look_of(edge: Edge, link: Link, largest: float, edges: int) -> tuple[str, float, str | None]:
    """Colour, width and dashes of an edge; many edges are thinner."""
    if edge.weight is None:
        return FAINT, 0.9, None
    if not math.isfinite(edge.weight):
        return INK, 1.2, "2 3"
    if edge.shared is not None:
        return look_of_shared(edge.shared, link)
    part = abs(edge.weight) / largest if largest else 0.0
    widest = 2.6 if edges <= 100 else 1.7
    return signed(edge.weight, largest), 0.4 + (widest - 0.4) * part, None


def look_of_shared(shared: int, link: Link) -> tuple[str, float, str | None]:
    """Colour, width and dashes of a shared weight.

    Dashes differ where colours repeat, else between filters, so that grey paper tells them apart.
    """
    few = math.prod(link.kernels) <= len(CLASSES)
    dash = shared // (math.prod(link.kernels[1:]) if few else len(CLASSES))
    return on_paper(of_kind(shared)), 1.6, DASHES[dash % len(DASHES)]


def hint_of(edge: Edge, link: Link) -> str:
    """What the pointer tells of an edge."""
    if edge.weight is None:
        return ""
    name = "bias" if edge.start < 0 else f"weight from {edge.start}"
    if edge.shared is not None:
        name = f"{link.name_of(edge.shared)} from {edge.start}"
    return f"{name} to {edge.end}: {edge.weight:.4g}"


def name_weights(drawing: Drawing, link: Link, start: Place, end: Place) -> None:
    """The name of each shared weight, beside the first edge on which there is room for it."""
    named: set[int] = set()
    taken: list[tuple[float, float, float]] = []
    for unit, at in kept(end).items():
        for edge in link.incoming(unit):
            if edge.shared is None or edge.shared in named or edge.start not in kept(start):
                continue
            text = link.name_of(edge.shared)
            a, b = edge_ends(start.units[edge.start], at, start, end)
            place = free_place(a, b, text_width(text, 9.5), taken)
            if place is not None:
                named.add(edge.shared)
                taken.append((*place, text_width(text, 9.5)))
                write_name(drawing, place, text, on_paper(of_kind(edge.shared)))


def free_place(
    a: Point, b: Point, wide: float, taken: list[tuple[float, float, float]]
) -> Point | None:
    """A place on an edge that no other name covers."""
    for part in ALONG:
        x, y = a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part
        if all(abs(x - u) > (wide + w) / 2 + 6 or abs(y - v) > 14 for u, v, w in taken):
            return (x, y)
    return None


def write_name(drawing: Drawing, at: Point, text: str, colour: str) -> None:
    """A short text on a white ground with a rim of the edge's colour."""
    room = text_width(text, 9.5) + 5
    drawing.box((at[0] - room / 2, at[1] - 6.5), room, 13, PAPER, colour, round_=3)
    drawing.text(at, text, 9.5)


# ---- images


def draw_fan(drawing: Drawing, link: Link, start: Place, end: Place) -> None:
    """How an image leads on to units, or units to an image: lines to the first and last."""
    (right, top, bottom), (left, above, below) = side_of(start, 1), side_of(end, -1)
    if not has_kernel(link, start, end):
        drawing.line((right, top), (left, above), FAINT, 1.0)
        drawing.line((right, bottom), (left, below), FAINT, 1.0)
    if link.text:
        between = ((right + left) / 2, min(start.ends[0], end.ends[0]) - 18)
        drawing.text(between, link.text, 11, colour=SMALL)


def side_of(place: Place, way: int) -> tuple[float, float, float]:
    """The right (1) or left (-1) side of a column, and where it begins and ends."""
    if not place.column.is_image:
        return (place.x + way * place.radius, *place.ends)
    height, width = (n * place.pixel for n in place.column.shape[-2:])
    x, y = place.corner(0 if way > 0 else place.maps - 1)
    return (x + width if way > 0 else x), y, y + height


def has_kernel(link: Link, start: Place, end: Place) -> bool:
    """Whether a window moves over an image."""
    return bool(start.column.is_image and end.column.is_image and len(link.window) > 1)


def draw_kernel(drawing: Drawing, link: Link, start: Place, end: Place) -> None:
    """The window on the first image, over the pixels that one pixel of the next is made of."""
    places = [n // 3 for n in end.column.shape[-2:]]
    (x, y), (u, v) = start.corner(), end.corner()
    low = [p * s - a for p, s, a in zip(places, link.stride[-2:], link.padding[-2:])]
    spans = [
        (max(a, 0), min(a + size, n))
        for a, size, n in zip(low, link.window[-2:], start.column.shape[-2:])
    ]
    (top, bottom), (left, right) = ((a * start.pixel, b * start.pixel) for a, b in spans)
    goal = (u + (places[1] + 0.5) * end.pixel, v + (places[0] + 0.5) * end.pixel)
    for line in (top, bottom):
        drawing.line((x + right, y + line), goal, KERNEL, 1.0)
    drawing.box((x + left, y + top), right - left, bottom - top, "none", KERNEL)
    drawing.circle(goal, 2.4, KERNEL, PAPER)
