"""The error that every table function raises, and how lines about tables are worded."""

from collections.abc import Iterable
from typing import Any, SupportsInt

from ..wording import plain as plain


class TableError(ValueError):
    """A table that cannot be used: a line that names what is wrong, where, and what is right."""


LONGEST = 60  # letters of a name in a list


def listed(names: Iterable[Any], most: int = 8) -> str:
    """Names for a line of text: `a, b, c`, or the first few `... (65 in all)`."""
    names = [shortened(str(name)) for name in names]
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 2])} ... {names[-1]} ({len(names):,} in all)"


def shortened(name: str) -> str:
    """A name as it is, or the beginning and the end of a very long one."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 20]}...{name[-17:]}"


def counted(number: SupportsInt, thing: str) -> str:
    """`1 row`, `2 rows`, `1,000 rows`."""
    number = int(number)
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
