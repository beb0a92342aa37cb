"""The command line: `glassgrad train`, `predict`, `show`. `main` is what the shell calls."""

from __future__ import annotations

import os
import sys
from typing import Any


def main(arguments: list[str] | None = None) -> int:
    """Run a command; the exit code is 0, 2 after one line on what is wrong, or 130 after Ctrl-C."""
    import typer

    from ..data.tables import TableError
    from ..files import FileError
    from .commands import app
    from .terminal import CommandError, say

    misuse: Any = typer.BadParameter.__base__  # what every wrong use of options raises
    try:
        return app(arguments, prog_name="glassgrad", standalone_mode=False) or 0
    except (TableError, FileError, CommandError) as error:
        say(f"glassgrad: {error}")
    except misuse as error:
        say(f"glassgrad: {error.format_message()} Try --help.")
    except BrokenPipeError:  # the reader of standard output, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KeyboardInterrupt, typer.Abort):
        say("glassgrad: stopped; nothing was written")
        return 130
    return 2
