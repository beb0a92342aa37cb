"""The command line: `glassgrad train`, `predict`, `show`. `main` is what the shell calls."""

from __future__ import annotations

import sys
from typing import Any

STOPPED = 130  # by Ctrl-C, as shells count it


def main(arguments: list[str] | None = None) -> int:
    """Run a command; the exit code is 0, 2 after one line on what is wrong, or 130 after Ctrl-C."""
    import typer

    from ..data.tables import TableError
    from ..files import FileError
    from .commands import app
    from .terminal import CommandError, say

    arguments = sys.argv[1:] if arguments is None else arguments
    misuse: Any = typer.BadParameter.__base__  # what every wrong use of options raises
    code = 2
    try:
        code = app(arguments or ["--help"], prog_name="glassgrad", standalone_mode=False) or 0
    except (TableError, FileError, CommandError) as error:
        say(f"glassgrad: {error}")
    except misuse as error:
        say(f"glassgrad: {error.format_message().rstrip('.')} (try --help)")
    except (KeyboardInterrupt, typer.Abort):
        code = STOPPED
    if code == STOPPED:
        say("glassgrad: stopped")
    return code
