"""Identifiers: names of layers, files and users become harmless names of Python."""

from __future__ import annotations

import keyword
import re

RESERVED = {"np", "step", "own", "__debug__"}


def identifier(name: str) -> str:
    """`name` with everything but plain letters, digits and single dots' places left out."""
    word = re.sub(r"[^A-Za-z0-9_]+", "_", str(name)).strip("_") or "value"
    if re.match(r"\d+\.", str(name)):
        word = f"layer{word}"  # `0.weight`, in a Sequential
    if word[0].isdigit():
        word = f"_{word}"
    return f"{word}_" if keyword.iskeyword(word) or word in RESERVED else word


class Names:
    """Distinct identifiers."""

    def __init__(self, taken: set[str]) -> None:
        self.taken = set(taken)
        self.last: dict[str, int] = {}

    def fresh(self, wish: str) -> str:
        """`wish`, or the first of wish_2, wish_3 ... that is free."""
        word = identifier(wish)
        number, name = self.last.get(word, 1), word
        while name in self.taken:
            number += 1
            name = f"{word}_{number}"
        self.last[word] = number
        self.taken.add(name)
        return name


def comment(text: str, longest: int = 80) -> str:
    """Text that stays within its comment: one line of printable characters."""
    line = "".join(c if c.isprintable() else "?" for c in text)
    return line if len(line) <= longest else f"{line[: longest - 3]}..."
