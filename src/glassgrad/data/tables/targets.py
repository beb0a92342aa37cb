"""What a network is to say about a row: the task, found from the target columns, and the labels.

| task | target | outputs | y |
|---|---|---|---|
| binary | one column of two labels | 1 | float32 [rows, 1], 1 for the second label |
| multi-class | one column of labels | labels | int64 [rows] |
| multi-label | columns of two labels each | columns | float32 [rows, columns] |
| real | columns of numbers | columns | float32 [rows, columns], scaled to mean 0, sd 1 |
| unit | columns of numbers in [0, 1] | columns | float32 [rows, columns] |
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .answers import TASKS, Label, check, finite, guess, look
from .errors import TableError, listed, plain, shortened
from .read import Say, as_frame, check_columns
from .values import factors, numbers, text

if TYPE_CHECKING:
    import narwhals as nw


@dataclass(frozen=True)
class Target:
    """The task, the columns that hold the answers, their labels or the scale of their numbers."""

    task: str
    names: tuple[str, ...]
    labels: tuple[tuple[Label, ...], ...] = ()  # of each column
    mean: tuple[float, ...] = ()
    sd: tuple[float, ...] = ()

    @classmethod
    def find(
        cls, table: Any, names: Sequence[str], task: str | None = None, say: Say = warnings.warn
    ) -> Target:
        """What is to be learned, from the values of the columns `names`; `task` overrides.

        Raises:
            TableError: A column is lacking, constant or empty, or does not fit the task.
        """
        frame = as_frame(table)
        check_columns(frame, names, "target column")
        if task is not None and task not in TASKS:
            raise TableError(f"no task is called {task!r}; there are {', '.join(TASKS)}")
        found = [look(frame[name], frame.columns) for name in dict.fromkeys(names)]
        task = task or guess(found, say)
        check(task, found)
        labels = tuple(c.labels for c in found) if task not in ("real", "unit") else ()
        return cls(task, tuple(c.name for c in found), labels)

    @property
    def outputs(self) -> int:
        """How many numbers the network gives for a row."""
        return len(self.labels[0]) if self.task == "multi-class" else len(self.names)

    def complete(self, table: Any) -> np.ndarray:
        """table: [rows] -> [rows], whether the answer is there"""
        frame = as_frame(table)
        check_columns(frame, self.names, "target column")
        whole = np.ones(len(frame), dtype=bool)
        for name in self.names:
            whole &= (
                factors(frame[name])[0] >= 0 if self.labels else ~np.isnan(numbers(frame[name]))
            )
        return whole

    def fitted(self, table: Any) -> Target:
        """The same target with the scale of these rows, which a real task learns in."""
        if self.task != "real":
            return self
        values = [numbers(as_frame(table)[name]) for name in self.names]
        sd = tuple(float(np.std(v)) or 1.0 for v in values)
        return replace(self, mean=tuple(float(np.mean(v)) for v in values), sd=sd)

    def encode(self, table: Any) -> np.ndarray:
        """The targets `y` of complete rows, as the table above says.

        Raises:
            TableError: A column is lacking, a label is unknown, or a number is infinite.
        """
        frame = as_frame(table)
        check_columns(frame, self.names, "target column")
        if not self.labels:
            return self.scaled(np.stack([finite(frame[name]) for name in self.names], axis=1))
        pairs = zip(self.names, self.labels, strict=True)
        places = [place_of(frame[name], labels) for name, labels in pairs]
        return places[0] if self.task == "multi-class" else np.stack(places, 1).astype(np.float32)

    def scaled(self, values: np.ndarray) -> np.ndarray:
        if self.task == "real":
            values = (values - self.mean) / self.sd
        return values.astype(np.float32)

    def unscaled(self, values: np.ndarray) -> np.ndarray:
        """From what a real task learns in back to the column's own units."""
        return values * np.array(self.sd) + self.mean if self.task == "real" else values

    def describe(self, table: Any) -> list[tuple[str, str]]:
        """What was understood, a line for each target column."""
        frame = as_frame(table)
        frame = frame.filter(self.complete(frame).tolist())
        labels = self.labels or [()] * len(self.names)
        pairs = zip(self.names, labels, strict=True)
        return [("target", summary(frame[name], each)) for name, each in pairs]

    def to_json(self) -> dict:
        return asdict(self)

    @classmethod
    def from_json(cls, state: dict) -> Target:
        state = {name: tuple(v) if isinstance(v, list) else v for name, v in state.items()}
        return cls(**{**state, "labels": tuple(tuple(labels) for labels in state["labels"])})


def place_of(series: nw.Series, labels: tuple[Label, ...]) -> np.ndarray:
    """For each row, which of the labels it holds."""
    codes, texts = factors(series)
    place = {text(label): at for at, label in enumerate(labels)}
    unknown = np.array([t not in place for t in texts] + [True])[codes]
    if unknown.any():
        row = int(np.argmax(unknown))
        value = repr(texts[codes[row]]) if codes[row] >= 0 else "no value"
        message = f"column {series.name!r} holds {value} in row {row + 1:,}"
        raise TableError(f"{message}; the labels are {listed(labels)}")
    return np.array([place[t] for t in texts])[codes]


def summary(series: nw.Series, labels: tuple[Label, ...]) -> str:
    """The labels and how often each comes, or the range of the numbers."""
    if not labels:
        values = numbers(series)
        reach = f"from {plain(np.nanmin(values))} to {plain(np.nanmax(values))}"
        return f"{shortened(series.name)}: numbers {reach}"
    counts = np.bincount(place_of(series, labels), minlength=len(labels))
    each = [f"{label} ({count:,})" for label, count in zip(labels, counts, strict=True)]
    return f"{shortened(series.name)}: {len(labels)} labels: {listed(each, 12)}"
