"""What the functions of `gg.draw` return: shown in a notebook, saved as SVG, PNG or PDF."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..files import replacing
from .svg import letters

SHARP = 2  # pixels of a PNG for each unit of an SVG
STYLE: Any = {  # of matplotlib's figures; the same figure is the same file
    "svg.hashsalt": "glassgrad",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
}


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
        return self.written("svg", {"Date": None}).decode()

    def png(self) -> bytes:
        return self.written("png", {"Software": None})

    def pdf(self) -> bytes:
        return self.written("pdf", {"CreationDate": None})

    def written(self, kind: str, metadata: dict[str, Any]) -> bytes:
        """The figure as a file."""
        import matplotlib

        stream = io.BytesIO()
        with matplotlib.rc_context(STYLE):
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

        images = [Image.open(io.BytesIO(self.frame(n).png())) for n in range(self.frames)]
        stream = io.BytesIO()
        first, *others = [image.convert("P", palette=Image.Palette.ADAPTIVE) for image in images]
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


def make_plain(axes: Any) -> None:
    """Texts in which a dollar is a dollar, without what an SVG file cannot hold."""
    legend = axes.get_legend()
    written = [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
    for text in written + (legend.get_texts() if legend else []):
        text.set_parse_math(False)
        text.set_text("\n".join(map(letters, text.get_text().split("\n"))))


def plain(text: Any) -> str:
    """A text for ticks, in which a dollar is a dollar."""
    return letters(text).replace("$", r"\$")


def new_axes(ax: Any = None, size: tuple[float, float] = (5.0, 4.0), **options: Any) -> Any:
    """`ax`, or the axes of a new figure that no window shows."""
    if ax is not None:
        return ax
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        return Figure(size, layout="constrained").subplots(**options)
