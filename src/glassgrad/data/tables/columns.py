"""What a column of a table is to a network: numbers, a category, or left out.

Each kind knows how many inputs it becomes, what they are called, and how values turn into them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .errors import counted, listed, plain
from .values import (
    dates,
    factors,
    is_date,
    is_number,
    numbers,
    refuse_infinity,
)

if TYPE_CHECKING:
    import narwhals as nw

    from .read import Say


@dataclass(frozen=True)
class Real:
    """A column of numbers: `(value - origin) / unit`, the median where it is missing.

    It becomes one input, and a second one that is 1 where the value is missing, if values are
    missing among the rows that it was fitted on. `origin` and `unit` are 0 and 1 but for numbers
    that float32 would not hold apart; they are no scaling, which is the network's first layer.
    A date is its number of days since 1970.
    """

    kind: ClassVar[str] = "real"
    name: str
    median: float
    missing: bool = False
    date: bool = False
    origin: float = 0.0
    unit: float = 1.0

    @property
    def inputs(self) -> list[str]:
        return [self.name, f"{self.name} is missing"] if self.missing else [self.name]

    def fill(self, matrix: np.ndarray, series: nw.Series, say: Say) -> None:
        """series: [rows] -> matrix: [rows, 1 or 2]"""
        values = dates(series) if self.date else numbers(series)
        missing = np.isnan(values)
        with np.errstate(over="ignore"):
            matrix[:, 0] = (np.where(missing, self.median, values) - self.origin) / self.unit
        refuse_infinity(self.name, values, np.isinf(matrix[:, 0]))
        say_unreadable(self.name, series, missing, say)
        if self.missing:
            matrix[:, 1] = missing
        elif missing.any():
            gaps = counted(missing.sum(), "missing value")
            say(f"{self.name}: {gaps}, taken as the median of training, {plain(self.median)}")


def say_unreadable(name: str, series: nw.Series, missing: np.ndarray, say: Say) -> None:
    """Say which texts in a column of numbers are no numbers."""
    if is_number(series) or is_date(series) or not missing.any():
        return
    codes, texts = factors(series)
    wrong = missing & (codes >= 0)
    if wrong.any():
        words = listed([repr(texts[code]) for code in np.unique(codes[wrong])], 4)
        none = "is no number" if wrong.sum() == 1 else "are no numbers"
        say(f"{name}: {counted(wrong.sum(), 'value')} {none}, taken as missing: {words}")


@dataclass(frozen=True)
class Category:
    """A column of texts, one-hot: an input for each value, for the rare ones together, for missing.

    A value that none of the inputs stands for is among the rare ones, or else all inputs are 0.
    """

    kind: ClassVar[str] = "category"
    name: str
    values: tuple[str, ...]
    other: bool = False
    missing: bool = False

    @property
    def inputs(self) -> list[str]:
        names = [f"{self.name}={value}" for value in self.values]
        names += [f"{self.name} is another"] * self.other
        return names + [f"{self.name} is missing"] * self.missing

    def fill(self, matrix: np.ndarray, series: nw.Series, say: Say) -> None:
        """series: [rows] -> matrix: [rows, inputs], of 0 and 1"""
        codes, texts = factors(series)
        nowhere = -1
        other = len(self.values) if self.other else nowhere
        missing = len(self.inputs) - 1 if self.missing else nowhere
        place = {value: at for at, value in enumerate(self.values)}
        at = np.array([place.get(t, other) for t in texts] + [missing])[codes]
        matrix[:] = 0
        rows = np.flatnonzero(at != nowhere)
        matrix[rows, at[rows]] = 1
        if len(rows) < len(at):
            self.say_unknown(texts, codes[at == nowhere], say)

    def say_unknown(self, texts: list[str], codes: np.ndarray, say: Say) -> None:
        """Say which values have no input: `codes` are those of their rows."""
        none = f"taken as none of {listed(self.values, 4)}"
        if unseen := [texts[code] for code in np.unique(codes[codes >= 0])]:
            rows = counted(np.count_nonzero(codes >= 0), "value")
            say(f"{self.name}: {rows} not seen in training ({listed(unseen, 4)}), {none}")
        if missing := np.count_nonzero(codes < 0):
            say(f"{self.name}: {counted(missing, 'missing value')}, {none}")


@dataclass(frozen=True)
class LeftOut:
    """A column that the network does not see, and why."""

    kind: ClassVar[str] = "left out"
    inputs: ClassVar[list[str]] = []
    name: str
    why: str

    def fill(self, matrix: np.ndarray, series: nw.Series, say: Say) -> None:
        """series: [rows] -> matrix: [rows, 0]"""


Column = Real | Category | LeftOut
KINDS: dict[str, Any] = {kind.kind: kind for kind in (Real, Category, LeftOut)}


def to_json(column: Column) -> dict:
    """The column as a dict of texts and numbers."""
    return {"kind": column.kind, **asdict(column)}


def from_json(state: dict) -> Column:
    """The column that `to_json` gave."""
    fields = {name: tuple(v) if isinstance(v, list) else v for name, v in state.items()}
    del fields["kind"]
    return KINDS[state["kind"]](**fields)
