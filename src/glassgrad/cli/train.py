"""`glassgrad train`: a table in; a model, its learning curve and how well it does out."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..data.tables import Preparation, Target, read, validation_rows
from ..data.tables.errors import counted
from ..training.predictor import TablePredictor
from ..training.tasks import TASKS
from . import network, report
from .places import check_apart, check_model_place, curve_place, model_place
from .settings import Settings, fraction_or_file
from .terminal import CommandError, result, say, say_facts

if TYPE_CHECKING:
    import narwhals as nw

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

    def read(self, name: str) -> nw.DataFrame:
        """The table of that name."""
        source = sys.stdin.buffer if name == "-" else name
        return read(source, encoding=self.encoding, separator=self.separator, say=say)


@dataclass(frozen=True)
class Rows:
    """The rows to learn from and those to judge by, which may be none."""

    subtrain: nw.DataFrame
    validation: nw.DataFrame | None

    def __str__(self) -> str:
        validation = "none" if self.validation is None else f"{len(self.validation):,}"
        return f"{len(self.subtrain):,} to learn from, {validation} to validate on"


def run(source: Source, settings: Settings, out: Path | None) -> None:
    """Read, understand, train, judge, write."""
    place = model_place(out, source.data)
    check_apart(place, source.data, source.validation)
    check_model_place(place)
    rows, preparation = prepared(source, settings.seed)
    predictor, history = trained(rows, preparation, settings)
    judged = rows.subtrain if rows.validation is None else rows.validation
    found = report.judge(predictor, judged, predictor.activated(judged, report.quiet))
    predictor.notes |= {"measured": found.measured, "validated": rows.validation is not None}
    predictor.save(place)
    history.plot(curve_place(place))
    if history.interrupted:
        say(f"Ctrl-C: kept the weights of epoch {history.best_epoch}, the best so far")
    kind = "learned rows, none being set aside" if rows.validation is None else "validation rows"
    result(f"{len(judged):,} {kind}")
    report.print_results(predictor, judged, found, report.baseline(predictor, rows.subtrain))
    say(f"model: {place}   learning curve: {curve_place(place)}")


def prepared(source: Source, seed: int) -> tuple[Rows, Preparation]:
    """The rows to learn from and to validate on, and how they are made into inputs and targets."""
    share = fraction_or_file(source.validation)
    table = source.read(source.data)
    target = Target.find(table, source.targets, source.task, say)
    table = with_answers(table, target)
    if isinstance(share, Path):
        rows = Rows(table, with_answers(source.read(str(share)), target))
    else:
        chosen = validation_rows(table, target, share, seed)
        kept = table.filter((~chosen).tolist())
        rows = Rows(kept, table.filter(chosen.tolist()) if chosen.any() else None)
    options = {"ignore": source.ignore, "category": source.category}
    preparation = Preparation.fit(rows.subtrain, target, **options, say=say)
    say_facts([*target.describe(table), *preparation.describe(), ("rows", str(rows))])
    return rows, preparation


def with_answers(table: nw.DataFrame, target: Target) -> nw.DataFrame:
    """The rows in which every target has a value."""
    known = target.complete(table)
    if known.all():
        return table
    names = ", ".join(target.names)
    say(f"{counted((~known).sum(), 'row')} without a value of {names} left out")
    return table.filter(known.tolist())


def trained(
    rows: Rows, preparation: Preparation, settings: Settings
) -> tuple[TablePredictor, History]:
    """A network that has learned the subtrain rows."""
    from ..random import manual_seed
    from ..training.fit import fit
    from ..training.nonfinite import NonFiniteLoss

    target = preparation.target
    data = preparation.matrix(rows.subtrain, say), target.encode(rows.subtrain)
    validation = None
    if rows.validation is not None:
        validation = preparation.matrix(rows.validation, say), target.encode(rows.validation)
    manual_seed(settings.seed)
    task = TASKS[target.task]
    batch = settings.batch(len(rows.subtrain))
    model = network.build(len(preparation.inputs), target.outputs, settings)
    say_facts([("network", network.describe(model, task, settings, batch))])
    try:
        history = fit(
            model,
            data,
            loss=task.loss,
            optimizer=network.optimizer(model, settings),
            epochs=settings.epochs,
            batch_size=batch,
            seed=settings.seed,
            validation=validation,
            metrics=task.metrics[:1],
            callbacks=network.callbacks(settings),
            scale=True,
        )
    except NonFiniteLoss as error:
        first = str(error).splitlines()[0]
        raise CommandError(
            f"{first}; try a smaller --learning-rate than {settings.rate():g}"
        ) from None
    notes = {"settings": asdict(settings), "history": history.state_dict()}
    return TablePredictor(model, preparation, notes), history
