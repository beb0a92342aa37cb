"""What the functions of `gg.draw` return: shown in a notebook, saved as SVG, PNG or PDF."""

from __future__ import annotations

import importlib
import io
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from pathlib import Path
from textwrap import fill
from typing import Any, ParamSpec, TypeVar

import numpy as np

from ..arguments import check_arguments
from ..files import replacing
from .svg import fitted, letters, text_width

POINTS = 62  # in an inch are 72; letters of figures are wider than those that `svg` measures
COLOURS = 128  # of an animation: a small file
SHARP = 2  # pixels of a PNG for each unit of an SVG
STYLE: Any = {  # of matplotlib's figures; the same figure is the same file
    "svg.hashsalt": "glassgrad",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
COORDINATES = re.compile(r'(?<= d=")[^"]*|(?<= x=")[^"]*|(?<= y=")[^"]*')
TOO_FINE = re.compile(r"(\.\d\d)\d+")  # a hundredth of a point is no longer seen
Asked = ParamSpec("Asked")
Given = TypeVar("Given")


class Picture:
    """A picture as the text of an SVG file.

    In a notebook it shows itself; `save` writes it; `svg` is its text.
    """

    def __init__(self, svg: str, title: str) -> None:
        self._svg, self.title = svg, title

    @property
    def svg(self) -> str:
        """The text of the SVG file."""
        return self._svg

    def __repr__(self) -> str:
        size = f", {-(-len(self._svg) // 1000)} kB" if self._svg else ""  # others take time to draw
        name = f'{type(self).__name__} "{letters(self.title)}"'
        ending = ".gif" if ".gif" in self.writers else ".svg"
        return f'{name}{size}: show it in a notebook or .save("name{ending}")'

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        """The picture, no wider than its page."""
        shown = self.svg[self.svg.index("<svg") :]
        return f'<div style="max-width:100%;overflow-x:auto">{shown}</div>'

    def save(self, path: str | Path) -> Path:
        """Write the picture; the ending of the path says how: .svg, .png or .pdf.

        Raises:
            ValueError: The path has another ending.
            FileError: The file cannot be written; what was there before is still there.
            ModuleNotFoundError: PNG and PDF of a drawing need the extra `picture`.
        """
        check_arguments(locals())
        ending = Path(path).suffix.lower()
        if ending not in self.writers:
            listed = ", ".join(self.writers)
            raise ValueError(f"{path} ends with {ending or 'nothing'}; this picture is {listed}")
        content = self.writers[ending](self)
        with replacing(path) as stream:
            stream.write(content)
        return Path(path)

    def png(self) -> bytes:
        """The picture as pixels."""
        return converter("PNG").svg_to_png(self.svg, scale=SHARP)

    def pdf(self) -> bytes:
        """The picture as a page."""
        return converter("PDF").svg_to_pdf(self.svg)

    writers: dict[str, Callable[[Any], bytes]] = {
        ".svg": lambda picture: picture.svg.encode(),
        ".png": lambda picture: picture.png(),
        ".pdf": lambda picture: picture.pdf(),
    }


def converter(kind: str) -> Any:
    """What makes other files of an SVG: a library of the extra `picture`."""
    try:
        return importlib.import_module("vl_convert")
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"a {kind} file needs the extra `picture`: pip install 'glassgrad[picture]'; "
            "an SVG file needs nothing more"
        ) from None


class Plot(Picture):
    """A picture of curves, surfaces or regions, drawn by matplotlib.

    figure  matplotlib's, to change or add to
    axes    the axes that were drawn into
    """

    def __init__(self, axes: Any, title: str) -> None:
        super().__init__("", title)
        self.axes, self.figure = axes, axes.figure
        make_plain(axes)

    @property
    def svg(self) -> str:
        metadata = {"Date": None, "Title": letters(self.title)}
        text = self.written("svg", metadata).decode()
        return COORDINATES.sub(lambda found: TOO_FINE.sub(r"\1", found[0]), text)

    def png(self) -> bytes:
        return self.written("png", {"Software": None})

    def pdf(self) -> bytes:
        return self.written("pdf", {"CreationDate": None})

    def written(self, kind: str, metadata: dict[str, Any]) -> bytes:
        """The figure as a file."""
        stream = io.BytesIO()
        with own_style():
            self.figure.savefig(stream, format=kind, metadata=metadata, dpi=100 * SHARP)
        return stream.getvalue()


class Animation(Picture):
    """A picture that moves: shown and saved as a page with a slider, or as a GIF.

    draw    (axes, frame) -> None: draws a frame into empty axes
    frames  how many there are
    """

    def __init__(
        self, draw: Callable[[Any, int], None], frames: int, title: str,
        size: tuple[float, float] = (5.0, 4.0), seconds: float = 0.15,
    ) -> None:  # fmt: skip
        super().__init__("", title)
        self.draw, self.frames, self.size, self.seconds = draw, frames, size, seconds

    def frame(self, number: int) -> Plot:
        """One frame as a picture of its own."""
        with own_style():
            axes = new_axes(size=self.size)
            self.draw(axes, number)
            return Plot(axes, f"{self.title}, {number + 1} of {self.frames}")

    @property
    def svg(self) -> str:
        """The last frame."""
        return self.frame(self.frames - 1).svg

    def png(self) -> bytes:
        return self.frame(self.frames - 1).png()

    def pdf(self) -> bytes:
        return self.frame(self.frames - 1).pdf()

    def gif(self) -> bytes:
        """All frames, again and again."""
        from PIL import Image

        shots = (io.BytesIO(self.frame(n).png()) for n in range(self.frames))
        images = [Image.open(shot).convert("RGB") for shot in shots]
        colours = images[-1].quantize(COLOURS)  # of all frames, so that only changes are stored
        first, *others = [in_colours(image, colours) for image in images]
        stream = io.BytesIO()
        each = round(1000 * self.seconds)
        first.save(stream, "GIF", save_all=True, append_images=others, duration=each, loop=0)
        return stream.getvalue()

    def html(self) -> str:
        """A page that shows the frames, with a slider and a button."""
        from .page import page_of

        return page_of([self.frame(n).png() for n in range(self.frames)], self.title, self.seconds)

    def _repr_html_(self) -> str:
        return self.html()

    writers = {
        **Picture.writers,
        ".gif": lambda picture: picture.gif(),
        ".html": lambda picture: picture.html().encode(),
    }


def in_colours(image: Any, colours: Any) -> Any:
    """An image in the colours of another, whose first corner is white, as all white stays."""
    few = image.quantize(palette=colours, dither=0)
    few.paste(colours.getpixel((0, 0)), mask=image.convert("L").point(lambda v: 255 * (v == 255)))
    return few


def own_style() -> AbstractContextManager[None]:
    """Within this, figures look as ours do, whatever style the user has chosen for others."""
    from matplotlib import style

    return style.context(["default", STYLE])


def plotted(draw: Callable[Asked, Given]) -> Callable[Asked, Given]:
    """A function that draws in our style, or in that of the figure whose `ax` it is given."""

    @wraps(draw)
    def drawn(*args: Asked.args, **options: Asked.kwargs) -> Given:
        if options.get("ax") is not None:
            return draw(*args, **options)
        with own_style():
            return draw(*args, **options)

    return drawn


def make_plain(axes: Any) -> None:
    """Texts in which a dollar is a dollar, without what an SVG file cannot hold, and none cut."""
    legend = axes.get_legend()
    named = [axes.title, axes.xaxis.label, axes.yaxis.label]
    for text in [*named, *axes.texts, *(legend.get_texts() if legend else [])]:
        text.set_parse_math(False)
        text.set_text("\n".join(map(letters, text.get_text().split("\n"))))
    wide, tall = POINTS * axes.get_window_extent().size / axes.figure.dpi
    for label, room in ((axes.xaxis.label, wide), (axes.yaxis.label, tall)):
        label.set_text(fitted(label.get_text(), label.get_fontsize(), 0.9 * room))
    title = axes.title
    if title.get_text().count("\n") > 2:
        title.set_text(letters(title.get_text()))
    if text_width(title.get_text(), title.get_fontsize()) > 0.8 * wide:
        in_lines(title, room_above(axes))


def room_above(axes: Any) -> float:
    """How wide a title in the middle above axes may be, in dots."""
    figure = axes.figure
    if len(figure.axes) > 2:  # beside others; a second may be a colour bar
        return float(1.2 * axes.get_window_extent().width)
    figure.draw_without_rendering()  # which lays it out
    box = axes.get_window_extent()
    middle = (box.x0 + box.x1) / 2
    return float(1.96 * min(middle, figure.bbox.width - middle))


def in_lines(title: Any, room: float) -> None:
    """Break a title into at most three lines, none wider than `room`."""
    text, letters_in_a_line = " ".join(title.get_text().split()), len(title.get_text())
    while title.get_window_extent().width > room and letters_in_a_line > 5:
        letters_in_a_line = int(0.93 * letters_in_a_line)
        title.set_text(fill(text, letters_in_a_line, max_lines=3, placeholder=" …"))


def short(name: Any, room: float = 150.0) -> str:
    """A name for a legend, shortened in the middle if it is long."""
    return fitted(name, 10, room)


def plain(text: Any) -> str:
    """A text for ticks, in which a dollar is a dollar."""
    return letters(text).replace("$", r"\$")


def legend_below(axes: Any, **options: Any) -> None:
    """A legend under the name of the axis, where it covers nothing."""
    from matplotlib.transforms import ScaledTranslation

    below = axes.transAxes + ScaledTranslation(0, -0.5, axes.figure.dpi_scale_trans)  # inches
    options = {"frameon": False, "fontsize": 9, "bbox_transform": below} | options
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0), **options)


def zero_line(axes: Any, across: bool = True) -> None:
    """A faint line at zero, if zero is in view."""
    low, high = sorted(axes.get_ylim() if across else axes.get_xlim())
    if low <= 0 <= high:
        draw = axes.axhline if across else axes.axvline
        draw(0, color="0.6", linewidth=0.7, zorder=0)


def seen(at: np.ndarray, *rows: np.ndarray) -> list[np.ndarray]:
    """What a band is drawn of; a single point is made so wide that it can be seen."""
    if len(at) != 1:
        return [at, *rows]
    return [at + np.array([-0.25, 0.25]), *(row.repeat(2) for row in rows)]


def new_axes(ax: Any = None, size: tuple[float, float] = (5.0, 4.0), **options: Any) -> Any:
    """`ax`, or the axes of a new figure that no window shows."""
    if ax is not None:
        return ax
    from matplotlib.figure import Figure

    with own_style():
        return Figure(size, layout="constrained").subplots(**options)
