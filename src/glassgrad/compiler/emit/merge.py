"""Functions that differ in distances, sizes and addresses only become one, called with numbers.

The layers of a network have kernels of the same form.  Where the texts of some are the same but for
integers that are offsets, factors of indices or ends of loops, one is compiled for all: LLVM takes
as long for a second copy as for the first.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import count

SHORTEST = 60  # lines that are worth a call
MOST = 24  # numbers that a call may hand over

HEAD = re.compile(r"define internal void @(\w+)\((.*)\) noinline {\n")
NUMBER = re.compile(  # of an offset, a factor, the end of a loop; arguments of shared tiles
    r"(?:(?<=, i64 )|(?<=^, ))-?\d+(?=$|, i64|, ptr|\))"
    r"|(?<=, )-?\d+$",
    re.M,
)
LINE = re.compile(
    r"^(?:%\w+ = (?:getelementptr i8, ptr [%@]\w+, i64 |mul i64 %\w+, |icmp slt i64 %\w+, )-?\d+"
    r"|call void @tile_.*)$",
    re.M,
)


STEP = re.compile(r"^.*\0.*$", re.M)


def merged(texts: list[str]) -> list[str]:
    """The functions, those of one form as calls of one."""
    forms: dict[str, list[int]] = defaultdict(list)
    parts = [_split(text) for text in texts]
    for place, part in enumerate(parts):
        if part is not None and texts[place].count("\n") >= SHORTEST:
            forms[part[2]].append(place)
    found = list(texts)
    for places in forms.values():
        if len(places) > 1:
            _share(found, parts, places)
    return found


def _split(text: str) -> tuple[str, str, str, list[str]] | None:
    """Name, arguments, the form without its numbers, and the numbers."""
    head = HEAD.match(text)
    if head is None:
        return None
    numbers: list[str] = []

    def take(line: re.Match[str]) -> str:
        def note(number: re.Match[str]) -> str:
            numbers.append(number.group())
            return "\0"

        return NUMBER.sub(note, line.group())

    form = LINE.sub(take, text[head.end() :])
    return head.group(1), head.group(2), f"{head.group(2)}\n{form}", numbers


def _share(found: list[str], parts: list, places: list[int]) -> None:
    """One function for all these, and a call of it for each."""
    given = _Given()
    values = [given.value(c) for c in zip(*(parts[place][3] for place in places))]
    if len(given.columns) > MOST:
        return
    name, arguments, form, _ = parts[places[0]]
    numbers, sums = iter(values), count()
    body = STEP.sub(lambda m: _filled(m.group(), numbers, sums), form.split("\n", 1)[1])
    more = "".join(f", i64 %given{n}" for n in range(len(given.columns)))
    shared = f"define internal void @of_{name}({arguments}{more}) noinline {{\n{body}"
    for n, place in enumerate(places):
        handed = "".join(f", i64 {column[n]}" for column in given.columns)
        found[place] = (
            f"define internal void @{parts[place][0]}({arguments}) noinline {{\n"
            f"tail call void @of_{name}({arguments}{handed})\nret void\n}}\n"
        )
    found[places[0]] += "\n" + shared


class _Given:
    """Numbers that are handed over: a column has one for each of the functions."""

    def __init__(self) -> None:
        self.columns: list[tuple[int, ...]] = []
        self.place: dict[tuple[int, ...], int] = {}  # differences -> the first such column

    def value(self, texts: tuple[str, ...]) -> tuple[str, int]:
        """What stands for a column: a number, or an argument and what is added to it."""
        column = tuple(map(int, texts))
        steps = tuple(n - column[0] for n in column)
        if not any(steps):
            return texts[0], 0
        if steps not in self.place:
            self.place[steps] = len(self.columns)
            self.columns.append(column)
        place = self.place[steps]
        return f"%given{place}", column[0] - self.columns[place][0]


def _filled(line: str, numbers: Iterator[tuple[str, int]], count: Iterator[int]) -> str:
    """An instruction with its numbers; what is added to an argument is added just before."""
    before = ""
    while "\0" in line:
        value, more = next(numbers)
        if more:
            name = f"%sum{next(count)}"
            before += f"{name} = add i64 {value}, {more}\n"
            value = name
        line = line.replace("\0", value, 1)
    return before + line
