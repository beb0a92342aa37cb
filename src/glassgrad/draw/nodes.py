"""The nodes of a network diagram: units, bars, maps, and what stands below and beside them."""

from __future__ import annotations

import math

import numpy as np

from .colours import FAINT, INK, NEGATIVE, PAPER, POSITIVE, ZERO, amount, ink_on, mixed
from .columns import Edge, Link
from .edges import BIAS, SMALL, look_of_shared
from .places import APART, BELOW, MARGIN, Place
from .svg import Drawing, Point, number, text_width

FINEST = 28  # so many pixels of an image are drawn along a side
NAMED, ROOM = 11.0, 104.0  # the size of units' names, and the room for one
LEVELS = 16  # so many colours has a map
KEYED = 24  # so many shared weights are listed one by one


def draw_column(drawing: Drawing, place: Place, number: int, filled: bool) -> None:
    """The units of a layer."""
    column = place.column
    if column.is_image:
        draw_images(drawing, place, filled)
        return
    if column.together:
        draw_bar(drawing, place)
    sizes = np.abs(column.values)
    largest = float(np.max(sizes[np.isfinite(sizes)], initial=0.0))
    for unit, at in place.units.items():
        if unit in column.dropped:
            draw_dropped(drawing, at, place.radius, f"layer {number}, unit {unit}: dropped")
            continue
        value = float(column.values[unit]) if filled else None
        draw_unit(drawing, at, place.radius, value, largest, f"layer {number}, unit {unit}")
    draw_gap(drawing, place)
    draw_parts(drawing, place)


def draw_unit(
    drawing: Drawing, at: Point, radius: float, value: float | None, largest: float, name: str
) -> None:
    """A node, filled and inscribed by what it gives."""
    fill = PAPER if value is None else mixed_fill(value, largest)
    value = None if value is None else value + 0.0  # no -0
    hint = name if value is None else f"{name}: {value:.5g}"
    drawing.circle(at, radius, fill, INK, hint)
    if value is not None and radius >= 11:
        text = f"{value:.2g}"
        size = min(radius * 0.68, 1.7 * radius / text_width(text, 1))
        drawing.text(at, text, size, colour=ink_on(fill))


def draw_dropped(drawing: Drawing, at: Point, radius: float, name: str) -> None:
    """A unit that was left out: pale and crossed."""
    drawing.circle(at, radius, PAPER, FAINT, name)
    cross(drawing, (at[0] - 0.7 * radius, at[1] - 0.7 * radius), 1.4 * radius, 1.4 * radius)


def cross(drawing: Drawing, corner: Point, width: float, height: float) -> None:
    """The two diagonals of a rectangle."""
    (x, y), colour = corner, SMALL
    drawing.line((x, y), (x + width, y + height), colour, 1.4)
    drawing.line((x, y + height), (x + width, y), colour, 1.4)


def mixed_fill(value: float, largest: float) -> str:
    """The fill of a node: white at zero."""
    if not largest or not math.isfinite(value):
        return PAPER
    return mixed(PAPER, POSITIVE if value > 0 else NEGATIVE, abs(value) / largest)


def draw_bar(drawing: Drawing, place: Place) -> None:
    """Units that are computed together stand in one bar."""
    r = place.reach
    drawing.box((place.x - r, place.ends[0] - 5), 2 * r, place.ends[1] - place.ends[0] + 10,
                "#e9e9e9", "#777777", round_=r)  # fmt: skip


def draw_gap(drawing: Drawing, place: Place) -> None:
    """Three dots where units are left out, and how many."""
    if place.gap is None:
        return
    x, y = place.gap
    for dy in (-4.5, 0, 4.5):
        drawing.circle((x, y + dy), 1.4, INK, INK)
    write_beside(drawing, (x + 10, y), f"{place.column.units - len(place.units):,} more")


def draw_parts(drawing: Drawing, place: Place) -> None:
    """The number of each channel, above its first unit."""
    length, before = place.column.length, None
    if length in (1, place.column.units):
        return
    for unit, (x, y) in place.units.items():
        part = unit // length
        if part != before:
            text = f"{place.column.part} {part + 1}"
            at = (x - text_width(text, 10) / 2, y - place.radius - 10)
            write_beside(drawing, at, text)
        before = part


def write_beside(drawing: Drawing, at: Point, text: str) -> None:
    """A small text on a white ground, from `at` to the right."""
    room = text_width(text, 10) + 8
    drawing.box((at[0] - 4, at[1] - 7.5), room, 15, PAPER, None, round_=4)
    drawing.text(at, text, 10, "start", SMALL)


# ---- maps of images


def draw_images(drawing: Drawing, place: Place, filled: bool) -> None:
    """Maps behind each other; the first in front shows what it holds."""
    height, width = (n * place.pixel for n in place.column.shape[-2:])
    pixels = math.prod(place.column.shape[1:])
    for n in reversed(range(place.maps)):
        drawing.box(place.corner(n), width, height, "#dbe7f3" if n % 2 == 0 else "#eef4fa")
        if place.column.dropped.issuperset(range(n * pixels, (n + 1) * pixels)):
            cross(drawing, place.corner(n), width, height)
    if filled:
        draw_map(drawing, place, width)
        drawing.box(place.corner(), width, height, "none")


def draw_map(drawing: Drawing, place: Place, width: float) -> None:
    """What the first channel holds, pixel by pixel; of large images, means of blocks."""
    image = place.column.values.reshape(place.column.shape)
    image = coarse(image.reshape(-1, *image.shape[-2:])[0].astype(float))
    finite = image[np.isfinite(image)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    part = (image - low) / ((high - low) or 1.0) * (LEVELS - 1)
    levels = np.where(np.isfinite(image), np.nan_to_num(part).round(), -1).astype(int)
    (x, y), scale = place.corner(), number(width / image.shape[1])
    with drawing.group(
        transform=f"translate({number(x)} {number(y)}) scale({scale})",
        shape_rendering="crispEdges", stroke="none",
    ):  # fmt: skip
        for level in np.unique(levels):
            fill = ZERO if level < 0 else amount(float(level), 0, LEVELS - 1)
            drawing.add("path", d=runs(levels == level), fill=fill)


def coarse(image: np.ndarray) -> np.ndarray:
    """An image of at most FINEST pixels along a side, each the mean of a block."""
    block = -(-max(image.shape) // FINEST)
    total, count = image, np.ones_like(image)
    for axis, n in enumerate(image.shape):
        total, count = (np.add.reduceat(a, range(0, n, block), axis) for a in (total, count))
    return total / count


def runs(inside: np.ndarray) -> str:
    """The pixels of a mask as a path: each row's neighbours in one rectangle."""
    found = []
    for row, line in enumerate(inside):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(int), [0]])))
        found += [f"M{a} {row}h{b - a}v1h{a - b}z" for a, b in edges.reshape(-1, 2)]
    return "".join(found)


# ---- texts


def draw_caption(drawing: Drawing, place: Place, number: int, lines: int) -> None:
    """How many units there are, and what they do; `lines` of a key stand below."""
    column, y = place.column, drawing.height - 17 * lines - BELOW + 26
    many = f"{column.units:,} unit{'s' * (column.units != 1)}"
    if column.is_image:
        many = f"{column.shape[0]} @ {'×'.join(map(str, column.shape[1:]))}"
    elif len(column.shape) == 2:
        many = f"{column.shape[0]} × {column.shape[1]}"
    drawing.text((place.x, y), many, 11.5, bold=True)
    below = ", ".join(["input"] * (number == 0) + column.names)
    if column.dropped:
        below += f"{', ' * bool(below)}{len(column.dropped):,} dropped"
    for row, line in enumerate(in_two(below, 130)):
        drawing.text((place.x, y + 15 + 13 * row), line, 11, colour=SMALL, room=130)


def in_two(text: str, room: float) -> list[str]:
    """A text, or its parts between commas in two lines where one has no room for them."""
    parts = text.split(", ")
    if text_width(text, 11) <= room or len(parts) == 1:
        return [text]
    half = (len(parts) + 1) // 2
    return [", ".join(parts[:half]) + ",", ", ".join(parts[half:])]


def draw_names(drawing: Drawing, place: Place, names: list[str], after: bool = False) -> None:
    """The units' own names: to the left of inputs, to the right of outputs."""
    anchor, sign = ("start", 1) if after else ("end", -1)
    for unit, (x, y) in place.units.items():
        if unit < len(names):
            at = (x + sign * (place.reach + APART), y)
            drawing.text(at, names[unit], NAMED, anchor, room=ROOM)


def name_width(name: str) -> float:
    """The room that the name of a unit takes."""
    return min(text_width(name, NAMED), ROOM)


Entry = tuple[str, tuple[str, float, str | None] | None]  # a text, and the line it explains


def entries_of(links: list[Link], drawn: list[tuple[Place, Place]], bias: bool) -> list[Entry]:
    """What the looks of edges mean."""
    found: list[Entry] = []
    by_units = [
        link for link, pair in zip(links, drawn) if not any(p.column.is_image for p in pair)
    ]
    if any(link.kind == "dense" for link in by_units):
        found.append(("positive weight", (POSITIVE, 2.4, None)))
        found.append(("negative weight", (NEGATIVE, 2.4, None)))
    shared = [link for link in by_units if link.kind == "convolution"]
    if sum(math.prod(link.kernels) for link in shared) <= KEYED:
        found += [entry for link in shared for entry in weights_of(link)]
    elif shared:
        found.append(("one colour and dash: one shared weight", None))
    if bias and any(link.bias is not None for link in shared):
        found.append(("bias", (BIAS, 0.9, None)))
    if any(not_finite(link, pair[1]) for link, pair in zip(links, drawn) if link in by_units):
        found.append(("not finite", (INK, 1.2, "2 3")))
    if any(place.column.dropped for pair in drawn for place in pair):
        found.append(("crossed: dropped", None))
    if any(link.kind in ("pooling", "other") for link in by_units):
        found.append(("without a weight", (FAINT, 0.9, None)))
    return found


def weights_of(link: Link) -> list[Entry]:
    """Each shared weight by name and number."""
    known: dict[int, Edge] = {}
    units = link.kernels[0] * 4096  # until all weights have been met
    for unit in range(units):
        try:
            met = link.incoming(unit)
        except (IndexError, ValueError):
            break
        known |= {e.shared: e for e in met if e.shared is not None and e.shared not in known}
        if len(known) == math.prod(link.kernels):
            break
    return [
        (f"{link.name_of(which)} = {edge.weight:.3g}", look_of_shared(which, link))
        for which, edge in sorted(known.items())
    ]


def not_finite(link: Link, end: Place) -> bool:
    """Whether an edge that is drawn has a weight that is no number."""
    edges = (edge for unit in end.units for edge in link.incoming(unit))
    return any(edge.weight is not None and not math.isfinite(edge.weight) for edge in edges)


def in_lines(entries: list[Entry], width: float) -> list[list[Entry]]:
    """The entries of a legend in lines of a width."""
    lines: list[list[Entry]] = [[]]
    used = 0.0
    for entry in entries:
        room = text_width(entry[0], 10.5) + 41
        if lines[-1] and used + room > width - 2 * MARGIN + 16:
            lines.append([])
            used = 0.0
        lines[-1].append(entry)
        used += room
    return lines


def draw_legend(drawing: Drawing, lines: list[list[Entry]]) -> None:
    """What the colours of the edges mean."""
    y = drawing.height - 16 - 17 * (len(lines) - 1)
    for line in lines:
        x = MARGIN
        for text, look in line:
            if look is not None:
                drawing.line((x, y), (x + 20, y), *look)
                x += 25
            drawing.text((x, y), text, 10.5, "start", SMALL)
            x += text_width(text, 10.5) + 16
        y += 17
