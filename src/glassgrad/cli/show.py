"""`glassgrad show`: what a model file holds and how to use it from Python."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import files
from ..training.predictor import ENTRY, TablePredictor
from .report import measures
from .terminal import console, result

if TYPE_CHECKING:
    from ..nn import Module

OF_A_TABLE = """\
In Python:
    from glassgrad.training.predictor import TablePredictor
    predictor = TablePredictor.load({path!r})
    predictor.predict(frame)  # of pandas, polars or Arrow, with the columns above
    predictor.model           # the network, a glassgrad.nn.{kind}"""
OF_ANY = """\
In Python:
    import glassgrad as gg
    model = gg.load({path!r})
    gg.predict(model, x)"""


def run(path: Path) -> None:
    """Describe the model on standard output."""
    if ENTRY in files.metadata(path):
        predictor = TablePredictor.load(path)
        print_facts(facts(predictor))
        print_layers(predictor.model)
        result(OF_A_TABLE.format(path=str(path), kind=type(predictor.model).__name__))
    else:
        model = files.load(path)
        print_layers(model)
        result(OF_ANY.format(path=str(path)))


def facts(predictor: TablePredictor) -> list[tuple[str, str]]:
    """What the network takes and gives, and how it came to it."""
    target, notes = predictor.preparation.target, predictor.notes
    named = zip(target.names, target.labels or [()] * len(target.names), strict=True)
    predicted = [f"{name} ({', '.join(map(str, labels[:12]))})" for name, labels in named]
    rows = "validation rows" if notes["validated"] else "the rows it learned from"
    settings = ", ".join(f"{name} {value}" for name, value in notes["settings"].items())
    return [
        ("task", target.task),
        ("predicts", "; ".join(predicted)),
        *predictor.preparation.describe(),
        ("settings", settings),
        ("reached", f"{measures(notes['measured'])} on {rows}"),
    ]


def print_facts(lines: list[tuple[str, str]]) -> None:
    """A line for each fact."""
    for heading, text in lines:
        result(f"{heading:<10} {text}")


def print_layers(model: Module) -> None:
    """The layers with their arrays: name, layer, shapes, number of parameters."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title_justify="left", show_footer=True)
    total = sum(p.numel() for p in model.parameters())
    table.add_column("", footer="all")
    table.add_column("layer")
    table.add_column("arrays")
    table.add_column("parameters", footer=f"{total:,}", justify="right")
    for name, layer in leaves(model):
        count = sum(p.numel() for p in layer.parameters())
        cells = name, repr(layer), arrays(layer), f"{count:,}" if count else ""
        table.add_row(*map(Text, cells))
    console().print(table)


def leaves(model: Module) -> list[tuple[str, Module]]:
    """The layers that have no layers in them, by their paths."""
    return [(name, m) for name, m in model.named_modules() if not list(m.children())]


def arrays(layer: Module) -> str:
    """`weight [128, 64], bias [128]`"""
    named: list[tuple[str, Any]] = [*layer.named_parameters(), *layer.named_buffers()]
    return ", ".join(f"{name} {list(array.shape)}" for name, array in named)
