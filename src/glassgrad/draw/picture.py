"""What the functions of `gg.draw` return: shown in a notebook, saved as SVG, PNG or PDF."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..files import replacing

SHARP = 2  # pixels of a PNG for each unit of an SVG


class Picture:
    """A picture as the text of an SVG file.

    In a notebook it shows itself; `save` writes it; `str` is the SVG.
    """

    def __init__(self, svg: str, title: str) -> None:
        self.svg, self.title = svg, title

    def __str__(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<picture: {self.title}; .save('picture.svg') writes it>"

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        """The picture, no wider than its page."""
        return f'<div style="max-width:100%;overflow-x:auto">{self.svg}</div>'

    def save(self, path: str | Path) -> Path:
        """Write the picture; the ending of the path says how: .svg, .png or .pdf.

        Raises:
            ValueError: The path has another ending.
            FileError: The file cannot be written; what was there before is still there.
            ModuleNotFoundError: PNG and PDF need the extra `picture`.
        """
        content = writer(path, WRITERS)(self)
        with replacing(path) as stream:
            stream.write(content)
        return Path(path)

    def png(self) -> bytes:
        """The picture as pixels."""
        resvg = needed("resvg_py", "PNG")
        return bytes(resvg.svg_to_bytes(svg_string=self.svg, zoom=SHARP))

    def pdf(self) -> bytes:
        """The picture as a page."""
        svglib = needed("svglib.svglib", "PDF")
        from reportlab.graphics import renderPDF

        drawing = svglib.svg2rlg(io.BytesIO(self.svg.encode()))
        return renderPDF.drawToString(drawing)


WRITERS: dict[str, Callable[[Picture], bytes]] = {
    ".svg": lambda picture: picture.svg.encode(),
    ".png": Picture.png,
    ".pdf": Picture.pdf,
}


def writer(path: str | Path, writers: dict[str, Any]) -> Any:
    """What writes a file with this ending."""
    ending = Path(path).suffix.lower()
    if ending not in writers:
        endings = ", ".join(writers)
        raise ValueError(f"{path} ends with {ending or 'nothing'}; pictures are {endings}")
    return writers[ending]


def needed(module: str, kind: str) -> Any:
    """A module of the extra `picture`."""
    import importlib

    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"a {kind} file needs {error.name}: pip install 'glassgrad[picture]'; "
            "an SVG file needs nothing more"
        ) from None
