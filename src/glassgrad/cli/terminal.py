"""What the commands print: explanations to standard error, results to standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from textwrap import fill
from typing import Any, TextIO

import numpy as np

from ..files.errors import reason


class CommandError(Exception):
    """What a command cannot do: one line for the user, exit code 2."""


def say(line: str) -> None:
    """A line of explanation, on standard error, whatever the names in it hold."""
    console(stderr=True).print("".join(c if c.isprintable() else " " for c in line))


def result(found: Any = "") -> None:
    """A line or a table of the result, on standard output."""
    with standard_output():
        console().print(found)


@contextmanager
def standard_output() -> Iterator[TextIO]:
    """Standard output, written in the block; the command ends if it leads to a full disk, say.

    A reader that has seen enough, as `head` has, is left to typer, which ends quietly.
    """
    try:
        yield sys.stdout
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        # What still waits to be written would fail again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise CommandError(f"standard output cannot be written: {reason(error)}") from None


def console(*, stderr: bool = False):
    """A terminal as it now is; lines are not broken and numbers not coloured."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)


def indented(line: str) -> str:
    """A line of `aligned` for standard output: in a terminal what is too long goes on below."""
    screen = console()
    if not screen.is_terminal:
        return line
    return fill(line, screen.width, subsequent_indent=" " * 11, break_long_words=False)


def aligned(facts: Iterable[tuple[str, str]]) -> list[str]:
    """Lines of a heading and what it is about."""
    return [f"{heading:<10} {text}" for heading, text in facts]


@contextmanager
def understanding(what: str) -> Iterator[Callable[[str], None]]:
    """What is said in the block is printed when it ends well; of an error its line alone is seen.

    In a terminal a line that vanishes says meanwhile what is being done.
    """
    lines: list[str] = []
    screen = console(stderr=True)
    with screen.status(what) if screen.is_terminal else nullcontext():
        yield lines.append
    for line in lines:
        say(line)


def confusion_table(counts: np.ndarray, labels: Iterable[object]):
    """How often each label (row) was taken for each (column): a table for the terminal."""
    from rich.table import Table
    from rich.text import Text

    names = [str(label) for label in labels]
    table = Table(title="confusion (row: is, column: taken for)", title_justify="left")
    table.add_column("")
    for name in names:
        table.add_column(Text(name), justify="right")
    for at, (name, row) in enumerate(zip(names, counts, strict=True)):
        cells = [Text(f"{n:,}", style=style_of(n, here == at)) for here, n in enumerate(row)]
        table.add_row(Text(name), *cells)
    return table


def confusion_width(labels: list[str], counts: np.ndarray) -> int:
    """How many letters wide that table is."""
    from rich.cells import cell_len

    wide = [max(map(cell_len, labels), default=0), *map(cell_len, labels)]
    largest = [0, *(len(f"{n:,}") for n in counts.max(axis=0, initial=0).tolist())]
    return 1 + sum(max(pair) + 3 for pair in zip(wide, largest, strict=True))


def style_of(count: int, right: bool) -> str:
    """Zeros step back, and errors stand out."""
    if not count:
        return "dim"
    return "bold" if right else "red"
