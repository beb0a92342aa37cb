"""Two or more drawings side by side in one picture."""

from __future__ import annotations

import re
from typing import Any

from ..arguments import check_arguments, is_several, shown
from .picture import Picture
from .svg import Drawing, text_width

SIZE = re.compile(r'<svg [^>]*?width="([0-9.]+)(pt)?" height="([0-9.]+)(?:pt)?"')
HEAD = 36.0  # room for a title
POINT = 4 / 3  # of a point of matplotlib's figures


def beside(*pictures: Any, title: str = "") -> Picture:
    """One picture of several, left to right, their middles on one line.

    pictures  one by one, or a list of them
    title     above them all

    Raises:
        ValueError: No picture is given.
        TypeError: Something else is.
    """
    check_arguments(locals())
    pictures = tuple(p for given in pictures for p in (given if is_several(given) else [given]))
    if not pictures:
        raise ValueError("at least one picture is wanted")
    for p in pictures:
        if not isinstance(p, Picture):
            raise TypeError(f"pictures are what functions of gg.draw return, not {shown(p)}")
    sizes = [size_of(p) for p in pictures]
    tall = max(h for _, h in sizes)
    wide, head = sum(w for w, _ in sizes), HEAD if title else 0.0
    page = max(wide, text_width(title or "", 15) * 1.08 + 40 if title else 0.0)
    name = title or ", ".join(p.title for p in pictures)
    drawing = Drawing(page, tall + head, name)
    if title:
        drawing.text((page / 2, 0.6 * HEAD), title, 15, bold=True)
    x = (page - wide) / 2
    for picture, (w, h) in zip(pictures, sizes):
        inner = picture.svg[picture.svg.index("<svg") :].strip()
        placed = f'<svg x="{x:g}" y="{head + (tall - h) / 2:g}"' + inner[len("<svg") :]
        drawing.lines.append(placed)
        x += w
    return Picture(drawing.svg(), drawing.title)


def size_of(picture: Picture) -> tuple[float, float]:
    """Width and height of a picture."""
    found = SIZE.search(picture.svg)
    if found is None:
        raise ValueError(f"{picture!r} does not say how large it is")
    scale = POINT if found[2] else 1.0
    return float(found[1]) * scale, float(found[3]) * scale
