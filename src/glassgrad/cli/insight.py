"""What `glassgrad show` says of any network: its layers, counts, formulas and diagram."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..data.tables.errors import counted, listed
from ..files import FileError, replacing
from ..nn.chain import ChainError, first_shape, row_rank
from ..nn.checks import check
from ..nn.likely import likely_shape
from ..tensors import Tensor
from ..training.summary import summary
from .places import (
    PICTURES,
    check_apart,
    check_writable,
    marked,
    picture_place,
    written_by_show,
)  # fmt: skip
from .terminal import CommandError, result, say
from .values import not_finite

WIDTH = 80
ROOMY = 12  # more formulas than this are written one a layer
MOST = 40  # lines of formulas
NOTHING = "no summary, counts, formulas and diagram"
LEGEND = "X is the input, f the output; W' is W transposed"
# The first are left out first where a table is too wide; the summary above it has two of them.
LESS_WANTED = ("memory", "outputs", "each", "zeros", "multiplications", "units")
TEXTS = ("layer", "outputs")  # columns of the counts that are no numbers
# What a model says that cannot be run, or not on such an input.
WRONG = (ValueError, TypeError, RuntimeError, IndexError, MemoryError)


def check_picture(picture: Path | None, model: Path) -> None:
    """Refuse a picture that cannot be written, before anything is printed."""
    if picture is None:
        return
    if picture.suffix.lower() not in PICTURES:
        raise CommandError(f"--picture is {str(picture)!r}; it ends with {listed(PICTURES, 3)}")
    check_apart(picture, str(model), option="--picture")
    check_writable(picture)


def shape_of(text: str | None) -> tuple[int, ...] | None:
    """`1,28,28` as (1, 28, 28)."""
    if text is None:
        return None
    try:
        shape = tuple(int(part) for part in text.split(","))
    except ValueError:
        shape = (0,)
    if min(shape) < 1:
        raise CommandError(f"--input-shape is {text!r}; give one row's, as in 64 or 1,28,28")
    return shape


def show_insight(
    model: Any, path: Path, shape: Any, picture: Path | None, **names: list[str] | None
) -> bool:
    """Print layers, counts and formulas, and write the diagram; whether that is written.

    shape    of one row; None for what the first layer takes
    picture  where the user wants the diagram; None for a file beside the model
    names    of the inputs, and of the outputs, as `gg.draw.network` takes them
    """
    for name, x in model.state_dict().items():
        strange = not_finite(np.asarray(x.value)) if isinstance(x, Tensor) else 0
        if strange:
            say(f"{strange:,} of the {counted(x.numel(), 'number')} in {name} are not finite")
    try:
        if shape is None:
            shape = first_shape(model)
        elif wrong := misfit(model, shape):
            say(f"{NOTHING}: {wrong}")
            return False
    except ChainError:
        say(f"{NOTHING}: the layers do not tell the shape of an input{advice(model)}")
        return False
    place = picture or picture_place(path)
    lost = printed(
        {
            "summary": lambda: str(summary(model, shape)),
            "counts": lambda: counts(model, shape),
            "formulas": lambda: formulas(model, shape),
            "diagram": lambda: diagram(model, shape, place, picture is not None, names),
        }
    )
    return "diagram" not in lost


def misfit(model: Any, shape: tuple[int, ...]) -> str:
    """What is wrong with the shape that the user gave; empty if it fits."""
    given = f"--input-shape {','.join(map(str, shape))}"
    try:
        check(model, shape)
    except WRONG as error:
        reason, axes = first_line(error), row_rank(model)
        if 1 < axes != len(shape):
            reason = f"a row has {axes} sizes, channels first"
        return f"{given} does not fit: {reason}{advice(model)}"
    return ""


def advice(model: Any) -> str:
    """A shape that fits, if one of the usual ones does."""
    likely = likely_shape(model)
    return f"; --input-shape {','.join(map(str, likely))} would fit" if likely else ""


def printed(parts: dict[str, Callable[[], str]]) -> list[str]:
    """Print each part, and a line for each reason why some cannot be; the names of these."""
    failed: dict[str, list[str]] = {}
    for name, make in parts.items():
        try:
            text = make()
        except (*WRONG, FileError) as error:
            failed.setdefault(first_line(error), []).append(name)
        else:
            result(f"{text}\n")
    for reason, names in failed.items():
        say(f"no {' and '.join(filter(None, [', '.join(names[:-1]), names[-1]]))}: {reason}")
    return [name for names in failed.values() for name in names]


def first_line(error: Exception) -> str:
    """What an error says in a line."""
    return (str(error) or type(error).__name__).splitlines()[0]


def counts(model: Any, shape: Any) -> str:
    """The counts of each layer, with as many columns as a terminal has room for."""
    from ..explain import count

    found = count(model, shape)
    table = found.table()
    head = table[0]
    wanted = [at for at in range(len(head)) if any(row[at] for row in table[1:])]
    for name in LESS_WANTED:
        if sum(widths(table, wanted)) + 2 * len(wanted) - 2 > WIDTH:
            wanted = [at for at in wanted if head[at] != name]
    wide = widths(table, wanted)
    lines = [
        "  ".join(
            row[at].ljust(n) if head[at] in TEXTS else row[at].rjust(n)
            for at, n in zip(wanted, wide)
        ).rstrip()
        for row in table
    ]
    rule = "-" * max(map(len, lines))
    below = f"units with those of the input: {found.units:,}"
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], below])


def widths(table: list[list[str]], wanted: list[int]) -> list[int]:
    """The width of each column that is wanted."""
    return [max(len(row[at]) for row in table) for at in wanted]


def formulas(model: Any, shape: Any) -> str:
    """A line for each score and activation; of many layers, a line for each."""
    from .. import explain

    found = explain.formulas(model, input_shape=shape)
    if len(found) > ROOMY:
        found = explain.formulas(model, input_shape=shape, brief=True)
    lines = [line if len(line) <= WIDTH else f"{line[: WIDTH - 2]} …" for line in map(str, found)]
    if len(lines) > MOST:
        half = MOST // 2
        left_out = f"… {len(lines) - 2 * half:,} more by gg.explain.formulas(model)"
        lines = [*lines[:half], left_out, *lines[-half:]]
    return "\n".join([*lines, LEGEND])


def diagram(model: Any, shape: Any, place: Path, named: bool, names: dict[str, Any]) -> str:
    """Write the diagram; the line that says where.

    Raises:
        FileError: It cannot be written, or a file is there that show has not written.
    """
    from ..draw import network

    if not named and place.exists() and not written_by_show(place):
        raise FileError(f"{place} is there and is not as show wrote it; give a name with --picture")
    picture = network(model, input_shape=shape, **names)
    if named:
        try:
            picture.save(place)
        except ModuleNotFoundError as error:
            raise FileError(str(error)) from None
    else:
        with replacing(place) as stream:
            stream.write(marked(picture.svg))
    return f"diagram: {place}"
