"""Where the columns of a network diagram stand, and their units in them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .columns import Column, Link, shown
from .svg import Point, text_width

MARGIN, TALL = 26.0, 560.0
ABOVE = 78.0  # room for the title and what stands above the edges
BELOW = 84.0  # room for captions and legend
MAPS = 5  # so many maps of an image are drawn behind each other
APART = 6.0  # between a unit and its name
BETWEEN = 0.9  # of a step, between two channels
SHIFT = 4.0  # how far each map is moved against the one in front


@dataclass
class Place:
    """Where a column stands.

    units   {unit: its centre} of those that are drawn
    gap     the centre of what is left out
    x       the middle of the column
    ends    the lowest and highest point
    radius  of a unit; of an image half its longer side
    bar     whether it is one bar that all units before it enter
    """

    column: Column
    units: dict[int, Point]
    gap: Point | None
    x: float
    ends: tuple[float, float]
    radius: float
    bar: bool = False

    @property
    def always_one(self) -> Point:
        """The unit that feeds the biases."""
        return (self.x, self.ends[1] + 3.2 * self.radius)

    @property
    def reach(self) -> float:
        """Half the width, with the bar around units that are computed together."""
        return self.radius + (5.0 if self.column.together and not self.bar else 0.0)

    @property
    def maps(self) -> int:
        """How many maps are drawn."""
        return min(self.column.shape[0], MAPS)

    @property
    def pixel(self) -> float:
        """The side of a pixel of a map."""
        return 2 * self.radius / max(self.column.shape[-2:])

    def corner(self, number: int = 0) -> Point:
        """The upper left corner of a map; 0 is in front."""
        height, width = (n * self.pixel for n in self.column.shape[-2:])
        middle, shift = sum(self.ends) / 2, SHIFT * (number - (self.maps - 1) / 2)
        return (self.x - width / 2 - shift, middle - height / 2 + shift)


def laid_out(columns: list[Column], links: list[Link], most: int, room: float) -> list[Place]:
    """Columns from left to right, all with the same middle line; `room` for names before them."""
    kept = [list(shown(c.units, most)) for c in columns]
    longest = max((len(k) for k, c in zip(kept, columns) if not c.is_image), default=1)
    step = min(46.0, max(17.0, TALL / max(longest, 1)))
    middle = ABOVE + tallest(columns, kept, step) / 2
    x, places = MARGIN + 40 + room, []
    for number, (column, units) in enumerate(zip(columns, kept)):
        half = image_side(column) / 2 + 3 * MAPS if column.is_image else step * 0.36
        x += half
        places.append(place_of(column, units, x, middle, step))
        if column.together and column.units == 1 and number:
            places[-1].bar, places[-1].ends = True, places[-2].ends
        if number < len(links):
            x += half + gap_after(links[number], len(units), column)
    return places


def tallest(columns: list[Column], kept: list[list], step: float) -> float:
    """The height of the tallest column."""
    heights = [
        image_side(c) + 20 + SHIFT * MAPS if c.is_image else offsets(c, k, step)[-1] + step
        for c, k in zip(columns, kept)
        if k
    ]
    return max(heights, default=0.0)


def offsets(column: Column, kept: list, step: float) -> list[float]:
    """How far below the first unit each stands; channels are set apart."""
    found, length = [0.0], column.length
    for a, b in zip(kept, kept[1:]):
        apart = a is not None and b is not None and a // length != b // length
        found.append(found[-1] + step * (1 + BETWEEN * apart))
    return found


def gap_after(link: Link, units: int, column: Column) -> float:
    """The room for the edges to the next column."""
    room = 84.0 if column.is_image else 96.0 + 4.0 * min(units, 20)
    return max(room, 1.15 * text_width(link.text, 11) + 34)


def place_of(column: Column, kept: list, x: float, middle: float, step: float) -> Place:
    """The units of a column, around the middle line of the page."""
    if column.is_image:
        half = image_side(column) / 2
        return Place(column, {}, None, x, (middle - half - 10, middle + half + 10), half)
    rows = offsets(column, kept, step)
    top = middle - rows[-1] / 2
    units, gap = {}, None
    for row, unit in zip(rows, kept):
        if unit is None:
            gap = (x, top + row)
        else:
            units[unit] = (x, top + row)
    radius = min(15.0, step * 0.36)
    return Place(column, units, gap, x, (top - radius, top + rows[-1] + radius), radius)


def image_side(column: Column) -> float:
    """The longer side of a map: larger images are larger, not in proportion."""
    return 26.0 + 15.0 * math.sqrt(max(column.shape[-2:]))


def page_size(
    places: list[Place], title: str, bias: bool, least: float, key: int, room: float
) -> tuple[float, float]:
    """Room for everything, captions, legend, lines of a key below, and `room` for names behind."""
    last = places[-1]
    width = last.x + max(max(last.radius, 40) + 24, last.reach + APART + room) + MARGIN
    height = max(p.always_one[1] if bias and not p.column.is_image else p.ends[1] for p in places)
    return max(width, text_width(title, 15) * 1.08 + 2 * MARGIN, least), height + BELOW + 17 * key
