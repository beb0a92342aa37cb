"""Layers of a graph side by side, in several rows where one would be too wide to look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .svg import Point

WIDEST = 2600.0  # of a row
BETWEEN, LANE = 46.0, 5.0  # between layers; between lines from row to row
MARGIN, SIDE = 26.0, 12.0  # beside the page; more for lines from row to row


@dataclass
class Rows:
    """Where everything stands.

    corners  {node: left, top, width of its layer}
    row      {node: its row, from 0}
    lanes    for each row, {node: the number of its line among those that lead to rows below}
    gutters  for each row, the height at which these lines begin
    size     width and height of all
    """

    corners: dict[Any, tuple[float, float, float]] = field(default_factory=dict)
    row: dict[Any, int] = field(default_factory=dict)
    lanes: list[dict[Any, int]] = field(default_factory=list)
    gutters: list[float] = field(default_factory=list)
    size: Point = (0.0, 0.0)

    def between(self, source: Any, a: Any, b: Any, start: Point, end: Point) -> str:
        """The path of a line of `source` from `a` to `b` in a row below, around all rows."""
        down, above = self.row[a], self.row[b] - 1
        lane, last = self.lanes[down][source], self.lanes[above][source]
        out, into = start[0] + 8 + 2 * (lane % 8), end[0] - 8 - 2 * (last % 8)
        begun, ended = self.gutters[down] + LANE * lane, self.gutters[above] + LANE * last
        side = MARGIN / 2 + 2 * (lane % 8)
        around = [(side, begun), (side, ended)] if above > down else []
        points = [(out, start[1]), (out, begun), *around, (into, ended), (into, end[1]), end]
        return "".join(f"L{x:.1f} {y:.1f}" for x, y in points)


def in_rows(
    layers: list[list[Any]], edges: list[list], size_of: Callable[[Any], Point], apart: float,
    corner: Point,
) -> Rows:  # fmt: skip
    """Layers from left to right, row below row, each in the middle of its row.

    size_of  (node) -> width and height
    apart    between the nodes of a layer
    corner   the left and upper end of all
    """
    wide = [max((size_of(x)[0] for x in layer), default=0.0) for layer in layers]
    tall = [sum(size_of(x)[1] + apart for x in layer) for layer in layers]
    found, top = Rows(), corner[1]
    rows = broken(wide)
    side = SIDE if len(rows) > 1 else 0.0
    found.row = {x: n for n, row in enumerate(rows) for k in row for x in layers[k]}
    found.lanes = lanes_of(edges, found.row, len(rows))
    for lanes, row in zip(found.lanes, rows):
        left, tallest = corner[0] + side, max((tall[k] for k in row), default=0.0)
        for k in row:
            y = top + (tallest - tall[k]) / 2
            for x in layers[k]:
                width, height = size_of(x)
                found.corners[x] = (left + (wide[k] - width) / 2, y, wide[k])
                y += height + apart
            left += wide[k] + BETWEEN
        found.gutters.append(top + tallest + 2)
        top += tallest + (LANE * len(lanes) + 2 * apart if lanes else 0.0)
        found.size = max(found.size[0], left - BETWEEN + side), top
    return found


def broken(wide: list[float]) -> list[list[int]]:
    """The numbers of the layers in each row."""
    rows: list[list[int]] = [[]]
    used = 0.0
    for number, width in enumerate(wide):
        if rows[-1] and used + width > WIDEST:
            rows.append([])
            used = 0.0
        rows[-1].append(number)
        used += width + BETWEEN
    return rows


def lanes_of(edges: list[list], row: dict[Any, int], rows: int) -> list[dict[Any, int]]:
    """For each row, the nodes whose lines lead from it, or past it, to rows below."""
    lanes: list[dict[Any, int]] = [{} for _ in range(rows)]
    for chain in edges:
        for a, b in zip(chain, chain[1:]):
            for n in {row[a], row[b] - 1} if row[b] > row[a] else ():
                lanes[n].setdefault(chain[0], len(lanes[n]))
    return lanes
