"""`glassgrad show`: what a model file holds and how to use it from Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .. import files, nn
from ..data.tables import Target
from ..data.tables.errors import counted, listed, shortened
from ..training.checkpoint import KIND
from ..training.history import History
from ..training.predictor import ENTRY, TablePredictor
from . import network
from .insight import NOTHING, check_picture, shape_of, show_insight
from .report import measures
from .settings import Settings
from .terminal import CommandError, aligned, indented, result, say
from .values import show_values, table_of

OF_A_TABLE = """\
In Python:
    from glassgrad.training import TablePredictor
    predictor = TablePredictor.load({path!r})
    predictor.predict(frame)  # of pandas, polars or Arrow, of such columns
    predictor.model           # the network, a glassgrad.nn.{kind}"""
OF_ANY = """\
In Python:
    import glassgrad as gg
    model = gg.load({path!r})
    gg.predict(model, x)"""
OF_YOUR_OWN = """\
In Python:
    import glassgrad as gg
    model = {kind}(...)  # as it was made
    gg.load({path!r}, into=model)
    gg.summary(model, input_shape)  # and gg.draw.network, gg.explain.count likewise"""


def run(path: Path, picture: Path | None = None, input_shape: str | None = None) -> None:
    """Describe the model on standard output, and write its diagram."""
    shape = shape_of(input_shape)
    check_picture(picture, path)
    try:
        if ENTRY in files.metadata(path):
            drawn = show_predictor(TablePredictor.load(path), path, picture, shape)
        else:
            drawn = show_other(files.load(path), path, picture, shape)
    except files.ArchitectureError as error:
        drawn = show_tensors(error, path)
    if picture is not None and not drawn:
        raise CommandError(f"{picture} was not written")


def show_predictor(predictor: TablePredictor, path: Path, picture: Path | None, shape: Any) -> bool:
    """Describe a model that was trained on a table; whether its diagram is written."""
    for line in aligned(facts(predictor)):
        result(indented(line))
    result()
    inputs = predictor.preparation.inputs
    named = {"names": inputs, "outputs": outputs_of(predictor.preparation.target)}
    drawn = show_insight(predictor.model, path, shape or (len(inputs),), picture, **named)
    result(OF_A_TABLE.format(path=str(path), kind=type(predictor.model).__name__))
    return drawn


def show_other(found: Any, path: Path, picture: Path | None, shape: Any) -> bool:
    """Describe a model that was not trained on a table, or a dict of tensors and numbers."""
    for key, value in files.metadata(path).items():
        if value != KIND:
            result(indented(f"{key:<10} {shortened(str(value))}"))
    if not isinstance(found, nn.Module):
        show_values(found, path)
        return False
    result(repr(found))
    result(f"parameters: {sum(p.numel() for p in found.parameters()):,}\n")
    drawn = show_insight(found, path, shape, picture)
    result(OF_ANY.format(path=str(path)))
    return drawn


def show_tensors(error: files.FileError, path: Path) -> bool:
    """Describe a model that its file alone cannot make, by its tensors; it is not drawn."""
    note, state = files.contents(path)
    assert note is not None  # of a file with an architecture
    known = [("model", note["class"]), ("frozen", listed(note["frozen"]))]
    for line in aligned((heading, text) for heading, text in known if text):
        result(indented(line))
    result(f"\n{table_of(state)}")
    say(f"{NOTHING}: {error}")
    result(OF_YOUR_OWN.format(path=str(path), kind=note["class"]))
    return False


def outputs_of(target: Target) -> list[str]:
    """What each output unit stands for: a label, or a target."""
    if target.task == "multi-class":
        return [str(label) for label in target.labels[0]]
    if target.task == "binary":
        return [f"{target.names[0]}={target.labels[0][1]}"]
    return list(target.names)


def facts(predictor: TablePredictor) -> list[tuple[str, str]]:
    """What the network takes and gives, and how it came to it."""
    target, notes = predictor.preparation.target, predictor.notes
    named = zip(target.names, target.labels or [()] * len(target.names), strict=True)
    predicted = [f"{name} ({listed(labels, 12)})" if labels else name for name, labels in named]
    rows = "validation rows" if notes["validated"] else "the rows it learned from"
    settings = Settings(**notes["settings"])
    return [
        ("task", target.task),
        ("predicts", "; ".join(predicted)),
        *predictor.preparation.describe(),
        ("network", network.describe(predictor.model, predictor.task, settings)),
        ("trained", history_of(notes)),
        ("reached", f"{measures(notes['measured'])} on {rows}"),
    ]


def history_of(notes: dict) -> str:
    """`1,438 rows, 34 epochs, 1,530 updates; stopped early: ...`"""
    history = History.of(notes["history"])
    counts = (notes["rows"], "row"), (history.epochs, "epoch"), (history.steps, "update")
    text = ", ".join(counted(number, thing) for number, thing in counts)
    return f"{text}; {history.stopped}" if history.stopped else text
