"""From a table to a network's inputs and targets, and from its outputs to a table again.

What a column becomes is settled once, on the rows that the network learns from; the same is then
done with every other table. All of it is plain JSON, so that it can stand in a model file.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from . import columns as columns_
from .answers import finite
from .columns import Category, Column, LeftOut, Real
from .errors import TableError, listed, shortened
from .read import Say, as_frame, check_columns
from .targets import Target
from .understand import understand
from .values import counts_rows, is_number

if TYPE_CHECKING:
    import narwhals as nw


FEWEST = 10  # rows, before a column that counts them is more than chance


@dataclass(frozen=True)
class Preparation:
    """What each column of a table is to a network, and what the network is to say about a row.

        target = Target.find(table, ["species"])
        preparation = Preparation.fit(subtrain, target)
        x, y = preparation.matrix(validation), preparation.target.encode(validation)

    A table is a pandas, polars or Arrow frame, or one that `tables.read` gave.
    """

    columns: tuple[Column, ...]
    target: Target

    @classmethod
    def fit(
        cls,
        table: Any,
        target: Target,
        *,
        rows: np.ndarray | None = None,
        ignore: Sequence[str] = (),
        category: Sequence[str] = (),
        say: Say = warnings.warn,
    ) -> Preparation:
        """Find out what each column is, from the subtrain rows.

        rows: [rows of the table], bool: which of them are subtrain rows; without it all are.
        Columns in `ignore` are left out; those in `category` are categories even of numbers.

        Raises:
            TableError: A named column is lacking, a number is infinite, or no column is of use.
        """
        frame = as_frame(table)
        check_columns(frame, [*ignore, *category], "column")
        check_inputs(target, [*ignore, *category])
        inputs = [s for s in frame.iter_columns() if s.name not in target.names]
        for series in inputs:
            if is_number(series) and series.name not in ignore:
                finite(series)  # of all rows, so that an error names the row of the table
                say_count(series, say)
        if rows is not None:
            frame = frame.filter(rows.tolist())
        found = [
            LeftOut(s.name, "is ignored")
            if s.name in ignore
            else understand(frame[s.name], category=s.name in category, say=say)
            for s in inputs
        ]
        if not any(column.inputs for column in found):
            why = "; ".join(f"{c.name} {c.why}" for c in found if isinstance(c, LeftOut))
            raise TableError(f"no column is left to learn from{': ' if why else ''}{why}")
        return cls(tuple(found), target.fitted(frame))

    @property
    def inputs(self) -> list[str]:
        """The names of the network's inputs, in order."""
        return [name for column in self.columns for name in column.inputs]

    def matrix(self, table: Any, say: Say = warnings.warn) -> np.ndarray:
        """The network's inputs for each row of the table, in whatever order its columns come.

        table: [rows] -> [rows, inputs], float32

        Raises:
            TableError: A column is lacking, or a number is infinite.
        """
        frame = as_frame(table)
        used = [column for column in self.columns if column.inputs]
        check_columns(frame, [column.name for column in used], "column")
        known = {column.name for column in self.columns} | set(self.target.names)
        if extra := [name for name in frame.columns if name not in known]:
            say(f"columns that the model does not know are left out: {listed(extra)}")
        matrix = np.zeros((len(frame), len(self.inputs)), dtype=np.float32)
        start = 0
        for column in used:
            stop = start + len(column.inputs)
            column.fill(matrix[:, start:stop], frame[column.name], say)
            start = stop
        return matrix

    def describe(self) -> list[tuple[str, str]]:
        """What was understood, as lines of a kind of column and the columns that are of it."""
        reals = [c for c in self.columns if isinstance(c, Real)]
        categories = [c for c in self.columns if isinstance(c, Category)]
        return [
            (heading, text)
            for heading, text in (
                ("numbers", listed([c.name for c in reals])),
                *(("category", described(c)) for c in categories),
                ("missing", missing_values(reals, categories)),
                *left_out([c for c in self.columns if isinstance(c, LeftOut)]),
            )
            if text
        ]

    def to_json(self) -> dict:
        """The state as lists, dicts, texts and numbers."""
        return {
            "columns": [columns_.to_json(column) for column in self.columns],
            "target": self.target.to_json(),
        }

    @classmethod
    def from_json(cls, state: dict) -> Preparation:
        found = tuple(columns_.from_json(column) for column in state["columns"])
        return cls(found, Target.from_json(state["target"]))


def check_inputs(target: Target, names: Sequence[str]) -> None:
    """Refuse to ignore the target, or to make a category of it.

    Raises:
        TableError: One of the names is that of a target.
    """
    if both := [name for name in names if name in target.names]:
        raise TableError(
            f"column {both[0]!r} is the target, and only inputs are ignored or made categories; "
            "what a target is, the task says"
        )


def say_count(series: nw.Series, say: Say) -> None:
    """Say that a column may be the number of the row, from which nothing is to be learned."""
    if len(series) >= FEWEST and counts_rows(series):
        say(f"{series.name}: counts the rows; if it says nothing else, --ignore {series.name!r}")


def described(category: Category) -> str:
    """The category in a line."""
    rest = " and another for the rare ones" if category.other else ""
    return f"{shortened(category.name)}: {listed(category.values, 6)}{rest}"


def missing_values(reals: list[Real], categories: list[Category]) -> str:
    """How missing values are dealt with, column by column."""
    numbers = [c.name for c in reals if c.missing]
    texts = [f"{listed(numbers)}: the median, and an indicator column"] if numbers else []
    names = [c.name for c in categories if c.missing]
    texts += [f"{listed(names)}: a category of its own"] if names else []
    return "; ".join(texts)


def left_out(columns: list[LeftOut]) -> list[tuple[str, str]]:
    """A line for each reason, with the columns that it holds for."""
    names: dict[str, list[str]] = {}
    for column in columns:
        names.setdefault(column.why, []).append(column.name)
    return [("left out", f"{listed(found)}: {why}") for why, found in names.items()]
