"""A drawing: lines, circles, boxes and texts, written as SVG.

The text follows from what was drawn and nothing else: the same picture is the same file.  Every
text is escaped and measured here, so that names with any letters fit and stay well-formed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from xml.sax.saxutils import escape, quoteattr

from .colours import INK, PAPER

PLAIN = {  # what a text would else inherit from a page
    "font-family": "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif",
    "font-style": "normal", "font-weight": "normal", "letter-spacing": "0", "word-spacing": "0",
    "direction": "ltr",
}  # fmt: skip
NARROW, WIDE = set(" !'(),./:;I[]fijlt|`"), set("MWmw@%&")
BROAD = set("…→←↓↑—")
Point = tuple[float, float]


def number(x: float) -> str:
    """A coordinate, to a hundredth."""
    text = f"{x:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def letters(text: object) -> str:
    """A text in one line without what XML cannot hold; control characters become a sign."""
    line = " ".join(str(text).split())
    return "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cs", "Cn") else c for c in line)


def text_width(text: object, size: float) -> float:
    """About how wide a text of a font size is."""
    return size * sum(map(_letter_width, letters(text)))


def _letter_width(c: str) -> float:
    if unicodedata.combining(c):
        return 0.0
    if c in BROAD or unicodedata.east_asian_width(c) in "WF":
        return 1.0
    return 0.3 if c in NARROW else 0.87 if c in WIDE else 0.68 if c.isupper() else 0.56


def fitted(text: object, size: float, width: float) -> str:
    """The text, shortened in the middle where it is wider than `width`."""
    text = letters(text)
    if text_width(text, size) <= width:
        return text
    for kept in range(len(text) - 1, 1, -1):
        head = (kept + 1) // 2
        short = f"{text[:head]}…{text[len(text) - (kept - head) :]}"
        if text_width(short, size) <= width:
            return short
    return "…"


class Drawing:
    """Shapes in the order in which they are drawn; what comes later lies above."""

    def __init__(self, width: float, height: float, title: str) -> None:
        self.width, self.height, self.title = width, height, title
        self.lines: list[str] = []

    def svg(self) -> str:
        """The file."""
        size = f'width="{number(self.width)}" height="{number(self.height)}"'
        box = f'viewBox="0 0 {number(self.width)} {number(self.height)}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box} role="img"'
        plain = "".join(f" {name}={quoteattr(value)}" for name, value in PLAIN.items())
        paper = f'<rect width="100%" height="100%" fill="{PAPER}"/>'
        title = f"<title>{escape(letters(self.title))}</title>"
        return "\n".join([f"{head}{plain}>", title, paper, *self.lines, "</svg>\n"])

    def add(self, tag: str, hint: object = "", body: str = "", **attributes: object) -> None:
        """An element; `hint` is shown when the pointer rests on it."""
        listed = "".join(
            f" {name.rstrip('_').replace('_', '-')}={quoteattr(_attribute(value))}"
            for name, value in attributes.items()
            if value is not None
        )
        if hint != "":
            body += f"<title>{escape(letters(hint))}</title>"
        self.lines.append(f"<{tag}{listed}>{body}</{tag}>" if body else f"<{tag}{listed}/>")

    @contextmanager
    def group(self, **attributes: object) -> Iterator[None]:
        """What is drawn inside shares these attributes."""
        listed = "".join(
            f" {k.rstrip('_').replace('_', '-')}={quoteattr(_attribute(v))}"
            for k, v in attributes.items()
        )
        self.lines.append(f"<g{listed}>")
        yield
        self.lines.append("</g>")

    def line(
        self, start: Point, end: Point, colour: str = INK, width: float = 1.0,
        dash: str | None = None, hint: object = "",
    ) -> None:  # fmt: skip
        (x1, y1), (x2, y2) = start, end
        self.add(
            "line", hint, x1=x1, y1=y1, x2=x2, y2=y2, stroke=colour, stroke_width=width,
            stroke_dasharray=dash,
        )  # fmt: skip

    def arrow(self, start: Point, end: Point, colour: str = INK, width: float = 1.2) -> None:
        """A line with a head at its end."""
        (x1, y1), (x2, y2) = start, end
        length = max(((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5, 1e-9)
        ux, uy, size = (x2 - x1) / length, (y2 - y1) / length, 4 + 2 * width
        bx, by = x2 - ux * size, y2 - uy * size
        self.line(start, (bx, by), colour, width)
        wing = size * 0.45
        self.polygon([end, (bx - uy * wing, by + ux * wing), (bx + uy * wing, by - ux * wing)],
                     fill=colour)  # fmt: skip

    def polygon(self, points: Sequence[Point], fill: str, stroke: str | None = None) -> None:
        listed = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        self.add("polygon", points=listed, fill=fill, stroke=stroke)

    def path(self, commands: str, colour: str = INK, width: float = 1.0, hint: object = "") -> None:
        """A curve by SVG's own commands."""
        self.add("path", hint, d=commands, fill="none", stroke=colour, stroke_width=width)

    def circle(
        self, centre: Point, radius: float, fill: str = PAPER, stroke: str = INK,
        hint: object = "", width: float = 1.0,
    ) -> None:  # fmt: skip
        self.add(
            "circle", hint, cx=centre[0], cy=centre[1], r=radius, fill=fill, stroke=stroke,
            stroke_width=width,
        )  # fmt: skip

    def box(
        self, corner: Point, width: float, height: float, fill: str = PAPER,
        stroke: str | None = INK, round_: float = 0.0, hint: object = "",
    ) -> None:  # fmt: skip
        self.add(
            "rect", hint, x=corner[0], y=corner[1], width=width, height=height, fill=fill,
            stroke=stroke, rx=round_ or None,
        )  # fmt: skip

    def text(
        self, at: Point, text: object, size: float = 12.0, anchor: str = "middle",
        colour: str = INK, bold: bool = False, room: float | None = None,
    ) -> None:  # fmt: skip
        """A text whose middle line is at `at`; shortened to `room`, with the whole as a hint."""
        shown = letters(text) if room is None else fitted(text, size, room)
        hint = "" if shown == letters(text) else text
        self.add(
            "text", hint, escape(shown), x=at[0], y=at[1] + size * 0.35, font_size=size,
            text_anchor=anchor, fill=colour, font_weight="bold" if bold else None,
        )  # fmt: skip


def _attribute(value: object) -> str:
    return number(value) if isinstance(value, (int, float)) else str(value)
