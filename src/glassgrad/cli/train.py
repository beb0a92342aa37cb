"""`glassgrad train`: a table in; a model, its learning curve and how well it does out."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..data.tables import Preparation, TableError, Target, read, validation_rows
from ..data.tables.errors import counted
from ..files import FileError
from ..files.atomic import is_stream
from ..training.predictor import TablePredictor
from ..training.tasks import TASKS
from . import network, report
from .places import check_apart, check_model_place, curve_place, model_place
from .settings import Settings, fraction_or_file
from .terminal import CommandError, aligned, result, say, understanding

if TYPE_CHECKING:
    import narwhals as nw

    from ..data.tables.read import Say
    from ..training.history import History


@dataclass(frozen=True)
class Source:
    """Where the rows come from and what they are: the options of `glassgrad train` on the table."""

    data: str
    targets: list[str]
    task: str | None
    validation: str
    ignore: list[str]
    category: list[str]
    encoding: str | None
    separator: str | None

    def read(self, name: str, note: Say) -> nw.DataFrame:
        """The table of that name."""
        source = sys.stdin.buffer if name == "-" else name
        return read(source, encoding=self.encoding, separator=self.separator, say=note)


@dataclass(frozen=True)
class Part:
    """Some rows of a table, with their inputs and targets."""

    table: nw.DataFrame
    inputs: np.ndarray
    targets: np.ndarray


@dataclass(frozen=True)
class Prepared:
    """The rows to learn from, those to validate on, if any, and how they were prepared."""

    preparation: Preparation
    subtrain: Part
    validation: Part | None

    @property
    def judged(self) -> Part:
        """The rows to judge by: those that were not learned, if there are any."""
        return self.validation or self.subtrain


def run(source: Source, settings: Settings, out: Path | None) -> None:
    """Read, understand, train, judge, write."""
    place = model_place(out, source.data)
    check_apart(place, source.data, source.validation)
    check_model_place(place)
    with understanding(f"reading {source.data}") as note:
        learned = prepared(source, settings.seed, note)
    predictor, history = trained(learned, settings.filled(len(learned.subtrain.targets)))
    found = report.judge(predictor, learned.judged.table)
    predictor.notes |= {
        "rows": len(learned.subtrain.targets),
        "measured": found.measured,
        "validated": learned.validation is not None,
    }
    predictor.save(place)
    if history.interrupted:
        best = f"epoch {history.best_epoch}, the best so far"
        say(f"Ctrl-C: kept the weights of {best if history.epochs else 'an unfinished epoch'}")
    rows = len(learned.judged.targets)
    if learned.validation:
        result(counted(rows, "validation row"))
    else:
        result(f"{counted(rows, 'learned row')}, none being set aside")
    report.print_results(predictor, found, learned.subtrain.targets)
    if not is_stream(place):
        draw(history, place)


def draw(history: History, model: Path) -> None:
    """The learning curve beside the model; without it the model is there all the same."""
    place = curve_place(model)
    try:
        history.plot(place)
    except FileError as error:
        raise CommandError(f"{error}; the model is in {model}") from None
    say(f"model: {model}   learning curve: {place}")


def prepared(source: Source, seed: int, note: Say) -> Prepared:
    """Read the table, find out what it is, and set rows aside to validate on."""
    share = fraction_or_file(source.validation)
    table = source.read(source.data, note)
    target = Target.find(table, source.targets, source.task, note)
    known = with_answers(table, target, note)
    whole = table.filter(known.tolist())
    fraction = share if isinstance(share, float) else 0.0
    aside = validation_rows(whole, target, fraction, seed)
    learned = known.copy()
    learned[known] = ~aside
    columns = {"ignore": source.ignore, "category": source.category}
    preparation = Preparation.fit(table, target, rows=learned, **columns, say=note)
    for line in aligned(target.describe(whole) + preparation.describe()):
        note(line)
    inputs = preparation.matrix(whole, note)
    subtrain = part(whole, inputs, ~aside, preparation)
    validation = part(whole, inputs, aside, preparation) if aside.any() else None
    if isinstance(share, Path):
        validation = other_table(source, share, preparation, note)
    count = f"{len(validation.targets):,}" if validation else "none"
    note(*aligned([("rows", f"{len(subtrain.targets):,} to learn from, {count} to validate on")]))
    return Prepared(preparation, subtrain, validation)


def with_answers(table: nw.DataFrame, target: Target, note: Say) -> np.ndarray:
    """The rows in which every target has a value: [rows], bool."""
    known = target.complete(table)
    if not known.all():
        names = ", ".join(target.names)
        note(f"{counted((~known).sum(), 'row')} without a value of {names} left out")
    return known


def part(
    table: nw.DataFrame, inputs: np.ndarray, rows: np.ndarray, preparation: Preparation
) -> Part:
    """The chosen rows of a table.

    inputs: [rows, inputs], rows: [rows], bool
    """
    chosen = table.filter(rows.tolist())
    return Part(chosen, inputs[rows], preparation.target.encode(chosen))


def other_table(source: Source, place: Path, preparation: Preparation, note: Say) -> Part:
    """The rows of the validation file; what is wrong with them is said of the file."""
    table = source.read(str(place), note)
    try:
        known = with_answers(table, preparation.target, note)
        return part(table, preparation.matrix(table, note), known, preparation)
    except TableError as error:
        raise TableError(f"{place}: {error}") from None


def trained(learned: Prepared, settings: Settings) -> tuple[TablePredictor, History]:
    """A network that has learned the subtrain rows."""
    from ..random import manual_seed
    from ..training.data_symptoms import leak_findings
    from ..training.fit import fit
    from ..training.nonfinite import NonFiniteError

    preparation, subtrain, validation = learned.preparation, learned.subtrain, learned.validation
    task = TASKS[preparation.target.task]
    assert settings.epochs is not None  # of filled settings
    manual_seed(settings.seed)
    model = network.build(len(preparation.inputs), preparation.target.outputs, settings)
    say(*aligned([("network", network.describe(model, task, settings))]))
    for found in leak_findings([subtrain.inputs], subtrain.targets, preparation.inputs):
        say(f"careful: {found.what}. {found.advice}")
    try:
        history = fit(
            model,
            (subtrain.inputs, subtrain.targets),
            loss=task.loss,
            optimizer=network.optimizer(model, settings),
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            seed=settings.seed,
            validation=(validation.inputs, validation.targets) if validation else None,
            metrics=[network.live_metric(task, preparation.target)],
            callbacks=network.callbacks(settings),
            scale=True,
        )
    except NonFiniteError as error:
        first = str(error).splitlines()[0]
        smaller = f"try a smaller --learning-rate than {settings.learning_rate:g}"
        raise CommandError(f"{first}; {smaller}") from None
    notes = {"settings": asdict(settings), "history": history.state_dict()}
    return TablePredictor(model, preparation, notes), history
