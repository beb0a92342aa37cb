"""How well a network does, in words: its measures beside the trivial baseline's, its confusions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..data.tables import TableError
from ..data.tables.errors import counted, plain
from ..training.metrics import confusion_matrix
from .terminal import confusion_table, confusion_width, console, result, say

if TYPE_CHECKING:
    import narwhals as nw

    from ..training.predictor import TablePredictor

MOST = 8  # confusions that are listed where a terminal cannot show all
TITLES = {"rmse": "RMSE", "mae": "MAE", "r2": "R2"}


@dataclass(frozen=True)
class Judgement:
    """Answers and predictions of the rows whose answers are known, and how well they agree."""

    truth: np.ndarray
    decided: np.ndarray
    measured: dict[str, float]


def judge(
    predictor: TablePredictor, table: nw.DataFrame, activated: np.ndarray | None = None
) -> Judgement:
    """Hold predictions against the answers that the table has.

    activated: [rows, outputs], of the rows of the table, if they are known already
    """
    target, task = predictor.preparation.target, predictor.task
    if activated is None:
        activated = predictor.activated(table, quiet)
    known = target.complete(table)
    truth = target.unscaled(target.encode(table.filter(known.tolist())))
    decided = task.decide(activated[known])
    return Judgement(truth, decided, measured(predictor, truth, decided))


def measured(predictor: TablePredictor, truth: np.ndarray, decided: np.ndarray) -> dict[str, float]:
    """Every measure by name: of all targets together for labels, of each for numbers.

    truth: [rows] or [rows, targets], decided: the same, or [1, targets] for what is always said
    """
    names, task = predictor.preparation.target.names, predictor.task
    if len(names) == 1:
        return task.measure(truth, decided)
    found = task.measure(truth, decided) if task.classifies else {}
    for at, name in enumerate(names):
        one = task.measure(truth[:, [at]], decided[:, [at]])
        found |= {f"{metric} of {name}": value for metric, value in one.items()}
    return found


def print_results(predictor: TablePredictor, found: Judgement, learned: np.ndarray) -> None:
    """Print each measure beside that of one who knows only the answers that were learned.

    learned: the targets of the subtrain rows
    """
    target, task = predictor.preparation.target, predictor.task
    trivial = target.unscaled(task.baseline(learned))
    beside = measured(predictor, found.truth, task.decide(trivial))
    said = spoken(predictor, trivial)
    lines = {name: line_of(name, value) for name, value in found.measured.items()}
    width = max(map(len, lines.values()))
    for name, line in lines.items():
        always = said.get(name.partition(" of ")[2], ", ".join(said.values()))
        result(f"{line:<{width}}   ({number(name, beside[name])} by always saying {always})")
    print_confusion(predictor, found)


def say_known(predictor: TablePredictor, table: nw.DataFrame, activated: np.ndarray) -> None:
    """Say how well predictions fit, if the table has the answers, as test data do.

    activated: [rows, outputs]
    """
    target = predictor.preparation.target
    if not set(target.names) <= set(table.columns) or not target.complete(table).any():
        return
    try:
        found = judge(predictor, table, activated)
    except TableError as error:
        say(f"not compared with the answers in the table: {error}")
        return
    are = "is" if len(target.names) == 1 else "are"
    known = f"{counted(len(found.truth), 'row')} whose {', '.join(target.names)} {are} known"
    say(f"{measures(found.measured)} on {known}")


def measures(measured: dict[str, float]) -> str:
    """`RMSE 312, MAE 250, R2 0.86`"""
    return ", ".join(line_of(name, value) for name, value in measured.items())


def line_of(name: str, value: float) -> str:
    """`RMSE 312`, `RMSE of weight 312`"""
    metric, *rest = name.split(" ", 1)
    return " ".join([TITLES.get(metric, metric), *rest, number(name, value)])


def spoken(predictor: TablePredictor, trivial: np.ndarray) -> dict[str, str]:
    """The trivial prediction of each target, in the words of the table."""
    answers = predictor.answers(trivial).values()  # the predictions come first
    said = {name: column[0] for name, column in zip(predictor.preparation.target.names, answers)}
    return {name: plain(v, 4) if isinstance(v, float) else str(v) for name, v in said.items()}


def number(name: str, value: float) -> str:
    """A measure with four digits; shares with four decimals."""
    share = name.split()[0] in ("accuracy", "r2")
    return f"{round(value, 4) + 0.0:.4f}" if share else plain(value, 4)  # + 0.0: no -0.0000


def print_confusion(predictor: TablePredictor, found: Judgement) -> None:
    """The confusion matrix of one target's labels; its largest entries where it is too wide."""
    target = predictor.preparation.target
    if target.task not in ("binary", "multi-class"):
        return
    labels = list(map(str, target.labels[0]))
    pairs = found.truth.ravel().astype(int), found.decided.ravel().astype(int)
    counts = confusion_matrix(*pairs, np.arange(len(labels)))
    if confusion_width(labels, counts) <= console().width:
        result(confusion_table(counts, labels))
        return
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:MOST]
    for label, taken in zip(*np.unravel_index(order, counts.shape), strict=True):
        if counts[label, taken]:
            rows = counted(counts[label, taken], "row")
            result(f"taken wrongly: {labels[label]} for {labels[taken]}, {rows}")


def quiet(line: str) -> None:
    """Say nothing: it was said before."""
