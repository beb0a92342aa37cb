"""What a target column holds, and the task that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .errors import TableError, listed, plain
from .read import Say
from .understand import are_numbers
from .values import (
    factors,
    is_number,
    is_readable,
    numbers,
    refuse_infinity,
)

if TYPE_CHECKING:
    import narwhals as nw

TASKS = ("binary", "multi-class", "multi-label", "real", "unit")
MOST_CLASSES = 20  # whole numbers of more values than this are a quantity
ROWS_PER_CLASS = 3  # and so are those with fewer rows than this for each value
MOST_LABELS = 1000

Label = str | int | float | bool


@dataclass(frozen=True)
class Answers:
    """What a target column holds."""

    name: str
    labels: tuple[Label, ...]  # its distinct values in order
    rows: int
    numeric: bool
    whole: bool  # whole numbers only
    least: float = np.nan
    most: float = np.nan


def look(series: nw.Series, columns: list[str]) -> Answers:
    """What the column holds, refusing what nothing can be learned from."""
    if not is_readable(series):
        raise TableError(
            f"target {series.name!r} holds {series.dtype} values, not labels or numbers"
        )
    codes, texts = factors(series)
    others = f"the columns are: {listed(columns)}"
    if not texts:
        raise TableError(f"target {series.name!r} has no value in any row; {others}")
    if len(texts) == 1:
        raise TableError(f"target {series.name!r} is constant ({texts[0]} in every row); {others}")
    rows = int(np.count_nonzero(codes >= 0))
    if not is_number(series) and not (len(texts) > MOST_CLASSES and are_numbers(codes, texts)):
        return Answers(series.name, tuple(sorted(texts)), rows, numeric=False, whole=False)
    values = finite(series)
    distinct = np.unique(values[~np.isnan(values)])
    whole = bool((distinct == np.round(distinct)).all())
    return Answers(
        series.name, labels_of(series, distinct), rows, True, whole, distinct[0], distinct[-1]
    )


def labels_of(series: nw.Series, distinct: np.ndarray) -> tuple[Label, ...]:
    """Distinct numbers as labels: truth values, whole numbers, or others."""
    import narwhals as nw

    if series.dtype == nw.Boolean:
        return tuple(bool(v) for v in distinct)
    return tuple(int(v) if v.is_integer() else v for v in distinct.tolist())


def finite(series: nw.Series) -> np.ndarray:
    """The column as numbers, none of them infinite."""
    values = numbers(series)
    refuse_infinity(series.name, values, np.isinf(values))
    return values


def guess(found: list[Answers], say: Say) -> str:
    """The task that the answers suggest."""
    if len(found) > 1:
        return guess_of_several(found)
    answers = found[0]
    classes = len(answers.labels)
    if classes == 2:
        if answers.numeric and answers.most != 1:
            two = " and ".join(map(str, answers.labels))
            say(f"{answers.name}: {two} are taken as two labels (a quantity: --task real)")
        return "binary"
    if not answers.numeric:
        if classes > max(MOST_CLASSES, answers.rows / 2):
            raise TableError(
                f"target {answers.name!r} has {classes:,} texts in {answers.rows:,} rows, as names "
                "have; a network needs labels that come again, or numbers"
            )
        return "multi-class"
    enough = answers.rows >= ROWS_PER_CLASS * classes
    if not (answers.whole and classes <= MOST_CLASSES and enough):
        if 0 <= answers.least < answers.most <= 1:
            say(f"{answers.name}: all in [0, 1]; --task unit keeps predictions there")
        return "real"
    say(f"{answers.name}: {classes} whole numbers are taken as classes (a quantity: --task real)")
    return "multi-class"


def guess_of_several(found: list[Answers]) -> str:
    """Two labels each, or numbers."""
    if all(len(answers.labels) == 2 for answers in found):
        return "multi-label"
    for answers in found:
        if not answers.numeric:
            raise TableError(
                f"several targets are two labels each, or all numbers; {answers.name!r} has "
                f"{len(answers.labels)} labels ({listed(answers.labels, 4)})"
            )
    return "real"


def check(task: str, found: list[Answers]) -> None:
    """The answers fit the task.

    Raises:
        TableError: They do not.
    """
    if len(found) > 1 and task in ("binary", "multi-class"):
        raise TableError(
            f"the task {task} has one target, not {len(found)}; several are multi-label or real"
        )
    for answers in found:
        if wrong := misfit(task, answers):
            raise TableError(f"target {answers.name!r} {wrong}")


def misfit(task: str, answers: Answers) -> str:
    """Why the answers do not fit the task, or nothing."""
    labels = len(answers.labels)
    if task in ("binary", "multi-label") and labels != 2:
        return f"has {labels:,} values ({listed(answers.labels, 4)}); the task {task} needs two"
    if task == "multi-class" and labels > MOST_LABELS:
        return f"has {labels:,} values; the task multi-class takes at most {MOST_LABELS:,}"
    if task in ("real", "unit") and not answers.numeric:
        return f"holds texts ({listed(answers.labels, 4)}); the task {task} needs numbers"
    if task == "unit" and not 0 <= answers.least <= answers.most <= 1:
        reach = f"goes from {plain(answers.least)} to {plain(answers.most)}"
        return f"{reach}; the task unit needs numbers in [0, 1]"
    return ""
