"""`gg.draw.matrix`: a layer as the matrix that it is, shared weights and zeros."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import SHAPE, TRUTH, check_arguments, optional, whole
from ..nn.chain import ChainError, chain
from .colours import CLASSES, INK, PAPER, ink_on, mixed, of_kind, signed
from .columns import Link, columns_of
from .picture import Picture
from .svg import Drawing, text_width

CELL, LEAST, MARGIN, TOP = 42.0, 5.0, 34.0, 74.0
SMALLEST = 6.0  # letters that can be read
WIDEST = 720.0  # so wide or high are all cells together, at most
NAMED = 1100.0  # the same where colours repeat, so that the weights have names
ZERO_INK = "#a8a8a8"


def matrix(
    layer: Any, input_shape: Any = None, *, names: bool = False, most: int = 20_000,
    title: str | None = None,
) -> Picture:  # fmt: skip
    """The matrix W of a convolution or of a linear layer, as in h = W x for one row x.

    layer        one layer that multiplies with weights
    input_shape  the shape of one input: (1, 6) for one channel of 6
    names        whether v1,2 is written into the cells, and not its number
    most         more cells than this are an error

    A row is a unit of the output, a column one of the input.  Cells of a convolution have a colour
    for each weight that they share; those of a linear layer are blue for a positive number and
    orange for a negative one; what is white with a grey zero is always zero.
    Source: lecture C, matrix interpretation of convolution.

    Raises:
        ChainError: The layer is no matrix.
        ValueError: There are too many cells to be looked at.
    """
    check_arguments(locals(), input_shape=optional(SHAPE), names=TRUTH, most=whole(1))
    columns, links = columns_of(chain(layer, None, input_shape))
    if len(links) != 1 or links[0].kind not in ("dense", "convolution"):
        raise ChainError(
            f"a matrix is drawn of one layer that multiplies with weights, and {layer!r} is not "
            "one; take a layer out of the model, as model[0]"
        )
    rows, across = columns[1].units, columns[0].units
    if rows * across > most:
        raise ValueError(
            f"the matrix has {rows:,} x {across:,} cells, too many to look at: give a smaller "
            f"input_shape, or most={rows * across}"
        )
    if title is None:
        title = f"{rows} × {across} matrix of {type(layer).__name__}"
    side = side_for(links[0], rows, across)
    size = MARGIN * 2 + side * across, TOP + side * rows + 50
    drawing = Drawing(max(size[0], text_width(title, 15) * 1.08 + 40, 300), size[1], title)
    drawing.text((drawing.width / 2, 26), title, 15, bold=True)
    left = (drawing.width - side * across) / 2
    draw_cells(drawing, links[0], (rows, across), (left, TOP), side, names)
    draw_axes(drawing, columns, (left, TOP), side)
    return Picture(drawing.svg(), title)


def side_for(link: Link, rows: int, across: int) -> float:
    """How large a cell is: names fit where there are more shared weights than colours."""
    longest = max(rows, across, 1)
    side = max(min(CELL, WIDEST / longest), LEAST)
    if math.prod(link.kernels) <= len(CLASSES):
        return side
    named = SMALLEST * text_width(link.name_of(math.prod(link.kernels) - 1), 1) + 3.1
    return max(side, named) if named * longest <= NAMED else side


def draw_cells(
    drawing: Drawing, link: Link, shape: tuple[int, int], corner: tuple[float, float],
    side: float, names: bool,
) -> None:  # fmt: skip
    """Each place of the matrix: its number where it fits, a zero where no weight stands."""
    rows = [link.incoming(unit) for unit in range(shape[0])]
    sizes = [abs(edge.weight or 0.0) for row in rows for edge in row]
    most = max(filter(math.isfinite, sizes), default=0.0)
    texts = texts_of(link, rows, side, names)
    size = fitting([t for row in texts for t in row], side)
    for i, row in enumerate(rows):
        known = {edge.start: (edge, text) for edge, text in zip(row, texts[i])}
        for j in range(shape[1]):
            at = (corner[0] + j * side, corner[1] + i * side)
            if j not in known:
                draw_cell(drawing, at, side, "0", min(size or 8.0, side * 0.4), PAPER, ZERO_INK)
                continue
            edge, text = known[j]
            shared = edge.shared
            fill = signed(edge.weight or 0.0, most) if shared is None else of_kind(shared)
            fill = mixed(fill, PAPER, 0.25)
            name = "w" if shared is None else link.name_of(shared)
            hint = f"{name} from {j} to {i}: {edge.weight:.4g}"
            draw_cell(drawing, at, side, text, size, fill, ink_on(fill), hint)


def texts_of(link: Link, rows: list[list[Any]], side: float, names: bool) -> list[list[str]]:
    """What is written into the cells of each row: numbers, or names where numbers do not fit."""
    numbers = [[f"{edge.weight + 0.0:.3g}" for edge in row] for row in rows]
    if link.kind != "convolution":
        return numbers
    if not names and fitting([text for row in numbers for text in row], side):
        return numbers
    return [[link.name_of(edge.shared) for edge in row] for row in rows]


def fitting(texts: list[str], side: float) -> float:
    """The size at which all texts fit into a cell; 0 if none is legible."""
    widest = max((text_width(text, 1) for text in texts), default=0.3)
    size = min(12.0, side * 0.4, (side - 3) / max(widest, 0.3))
    return size if size >= SMALLEST else 0.0


def draw_cell(
    drawing: Drawing, at: tuple[float, float], side: float, text: str, size: float, fill: str,
    ink: str, hint: str = "",
) -> None:  # fmt: skip
    """A square and what fits into it."""
    drawing.box(at, side, side, fill, "#cccccc" if side > 8 else None, hint=hint)
    if size >= 3:
        drawing.text((at[0] + side / 2, at[1] + side / 2), text, size, colour=ink)


def draw_axes(drawing: Drawing, columns: Any, corner: tuple[float, float], side: float) -> None:
    """A frame, lines between channels, and which way inputs and outputs run."""
    before, after = columns
    wide, tall = side * before.units, side * after.units
    x, y = corner
    drawing.box(corner, wide, tall, "none", INK)
    each, other = (max(c.units // c.shape[0], 1) if len(c.shape) > 1 else c.units for c in columns)
    for j in range(each, before.units, each):
        drawing.line((x + j * side, y), (x + j * side, y + tall), INK, 1.2)
    for i in range(other, after.units, other):
        drawing.line((x, y + i * side), (x + wide, y + i * side), INK, 1.2)
    drawing.text((x + wide / 2, y - 14), f"{before.units} inputs →", 11.5)
    drawing.text((x + wide / 2, y + tall + 20), f"↓ {after.units} outputs", 11.5)


def array_of(layer: Any, input_shape: Any = None) -> np.ndarray:
    """The matrix itself: [outputs, inputs]."""
    columns, (link,) = columns_of(chain(layer, None, input_shape))
    found = np.zeros((columns[1].units, columns[0].units))
    for unit in range(len(found)):
        for edge in link.incoming(unit):
            found[unit, edge.start] = edge.weight or 0.0
    return found
