"""Where results go: refused before the work if they could not be written after it."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from .. import files
from ..files.atomic import is_stream, opened
from .terminal import CommandError

PICTURES = (".svg", ".png", ".pdf")
MARK = "\n<!-- written by glassgrad show, "


def model_place(out: Path | None, data: str) -> Path:
    """The model file: `--out`, or the table's name in the current folder."""
    if out is not None:
        return out
    name = Path(data).name.split(".")[0] if data != "-" else "model"
    return Path(f"{name or 'model'}.safetensors")


def curve_place(model: Path) -> Path:
    """The learning curve, beside the model: `digits.curve.png` for `digits.safetensors`."""
    return model.with_name(f"{model.name.removesuffix('.safetensors')}.curve.png")


def picture_place(model: Path) -> Path:
    """The diagram, beside the model: `digits.network.svg` for `digits.safetensors`."""
    return model.with_name(f"{model.name.removesuffix('.safetensors')}.network.svg")


def marked(svg: str) -> bytes:
    """The file of a picture that show may write again, as long as nobody has changed it."""
    content = svg.encode()
    return content + f"{MARK}{sha256(content).hexdigest()} -->\n".encode()


def written_by_show(path: Path) -> bool:
    """Whether a file is as show has written it."""
    try:
        content = path.read_bytes()
    except OSError:
        return False
    svg = content.rpartition(MARK.encode())[0]
    return content == marked(svg.decode(errors="replace"))


def check_model_place(path: Path) -> None:
    """Refuse a place that cannot be written, or where something else than a model stands."""
    if is_stream(path):
        return
    check_writable(path)
    check_writable(curve_place(path))
    if path.exists() and path.stat().st_size:
        try:
            files.metadata(path)
        except files.FileError:
            message = f"{path} is there and is no model file; give another name with --out"
            raise CommandError(message) from None


def check_writable(path: Path) -> None:
    """Refuse a file that cannot be made, by making one beside it; a device is there already."""
    if is_stream(path):
        return
    target = Path(os.path.realpath(path))
    beside = target.with_name(f".{target.name[:100]}.{os.getpid()}.part")
    opened(beside, target, path).close()
    beside.unlink()


def check_apart(out: Path | None, *inputs: str, option: str = "--out") -> None:
    """Refuse to write the result over what it is made from."""
    for name in inputs:
        if out is not None and out.exists() and Path(name).exists() and out.samefile(name):
            raise CommandError(f"{out} is read and would be written over; give another {option}")
