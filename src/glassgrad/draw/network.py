"""`gg.draw.network`: every unit a node, every weight an edge, for layers one after another."""

from __future__ import annotations

from typing import Any

from ..arguments import ANY, SHAPE, TRUTH, check_arguments, optional, whole
from ..nn.chain import chain
from .columns import Column, Link, columns_of, names_of
from .edges import draw_kernel, draw_link, has_kernel
from .nodes import (
    draw_caption,
    draw_column,
    draw_legend,
    draw_names,
    entries_of,
    in_lines,
    name_width,
)
from .picture import Picture
from .places import MARGIN, Place, laid_out, page_size
from .svg import Drawing

NARROWEST = 330.0
EDGES = 20_000  # so many can be drawn


def network(
    model: Any, x: Any = None, *, input_shape: Any = None, bias: bool = False, most: int = 20,
    title: str | None = None, names: list[str] | None = None, outputs: list[str] | None = None,
    dropped: int | None = None,
) -> Picture:  # fmt: skip
    """The diagram of a network, from its input on the left to its output on the right.

    model        layers one after another
    x            one input; nodes are then filled by what their units give
    input_shape  the shape of one input, where the first layer does not say it: (1, 28, 28)
    bias         whether biases are drawn, as edges from a unit that is always 1
    most         units of a layer that are drawn; of more, the middle is left out and counted
    title        above the picture; "Number of units: 4,10,5,3,1" if not given
    names        of the inputs, written beside them; outputs likewise
    dropped      the seed of one draw of the dropout layers: units that they leave out are crossed,
                 and have no edges

    An edge is blue for a positive weight and orange for a negative one, and the wider the larger it
    is within its layer; edges of a convolution have a colour for each weight that they share.
    Units that are computed together, as by softmax or argmax, stand in a bar.
    Source: lecture H, pages on network diagrams; lecture C for convolutions.

    Raises:
        ChainError: Two paths lead through the model, or the shape of its input is not known.
        ShapeError: The input does not fit.
        ValueError: There are not as many names as units, `most` is below 4 or draws too many edges,
            or no layer drops units.
    """
    check_arguments(
        locals(), model=ANY, input_shape=optional(SHAPE), bias=TRUTH, most=whole(4),
        dropped=optional(whole()),
    )  # fmt: skip
    columns, links = columns_of(chain(model, x, input_shape, dropped))
    names, outputs = names_of(names, columns[0], "input"), names_of(outputs, columns[-1], "output")
    if title is None:
        title = titled(columns, links)
    places = laid_out(columns, links, most, 90.0 if names else 0.0)
    pairs = list(zip(places, places[1:]))
    check_edges(sum(map(edges_between, links, *zip(*pairs))), most)
    entries = entries_of(links, pairs, bias)
    room = max(map(name_width, outputs or ()), default=0.0)
    lines = in_lines(entries, page_size(places, title, bias, NARROWEST, 0, room)[0])
    size = page_size(places, title, bias, NARROWEST, len(lines) - 1, room)
    drawing = Drawing(*size, title)
    drawing.text((drawing.width / 2, MARGIN), title, 15, bold=True, room=drawing.width - 20)
    for link, pair in zip(links, pairs):
        draw_link(drawing, link, *pair, bias)
    for number, place in enumerate(places):
        draw_column(drawing, place, number, x is not None)
        draw_caption(drawing, place, number, len(lines) - 1)
    for link, pair in zip(links, pairs):
        if has_kernel(link, *pair):
            draw_kernel(drawing, link, *pair)
    if names:
        draw_names(drawing, places[0], names)
    if outputs:
        draw_names(drawing, places[-1], outputs, after=True)
    draw_legend(drawing, lines)
    return Picture(drawing.svg(), title)


def edges_between(link: Link, start: Place, end: Place) -> int:
    """About how many edges are drawn between two columns."""
    if not start.units or not end.units:
        return 0
    return len(end.units) * min(len(link.incoming(min(end.units))), len(start.units))


def check_edges(edges: int, most: int) -> None:
    """A picture holds so many edges.

    Raises:
        ValueError: There are more.
    """
    if edges > EDGES:
        raise ValueError(
            f"most={most} units of a layer are about {edges:,} edges, and a picture holds "
            f"{EDGES:,}: give a smaller most="
        )


def titled(columns: list[Column], links: list[Link]) -> str:
    """The title as in lecture C: the units, and filters of a convolution in one dimension.

    An image that is only written as a row of units is counted once.
    """
    kinds = ["input", *(link.kind for link in links)]
    units = ",".join(str(c.units) for c, kind in zip(columns, kinds) if kind != "flatten")
    title = f"Number of units: {units}"
    if len(links) == 1 and links[0].kind == "convolution" and len(links[0].window) == 1:
        title += f" filters: {links[0].kernels[0]} kernel.size: {links[0].window[0]}"
    return title
