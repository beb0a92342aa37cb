"""Two or more drawings side by side in one picture."""

from __future__ import annotations

import re

from .picture import Picture
from .svg import Drawing

SIZE = re.compile(r'<svg [^>]*?width="([0-9.]+)(pt)?" height="([0-9.]+)(?:pt)?"')
POINT = 4 / 3  # of a point of matplotlib's figures


def beside(*pictures: Picture, title: str = "") -> Picture:
    """One picture of several, left to right, their middles on one line.

    Raises:
        ValueError: No picture is given.
    """
    if not pictures:
        raise ValueError("at least one picture is wanted")
    sizes = [size_of(p) for p in pictures]
    tall = max(h for _, h in sizes)
    drawing = Drawing(sum(w for w, _ in sizes), tall, title or ", ".join(p.title for p in pictures))
    x = 0.0
    for picture, (w, h) in zip(pictures, sizes):
        inner = picture.svg[picture.svg.index("<svg") :].strip()
        placed = f'<svg x="{x:g}" y="{(tall - h) / 2:g}"' + inner[len("<svg") :]
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
