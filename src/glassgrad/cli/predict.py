"""`glassgrad predict`: a model and a table in, CSV out."""

from __future__ import annotations

import sys
from pathlib import Path

from ..data.tables import read
from ..files import replacing
from ..training.predictor import TablePredictor
from . import report
from .places import check_apart, check_writable
from .terminal import say, standard_output, understanding


def run(
    model: Path, data: str, out: Path | None, encoding: str | None, separator: str | None
) -> None:
    """Predict each row; say on standard error how well, where the table has the answers."""
    check_apart(out, str(model), data)
    if out is not None:
        check_writable(out)
    predictor = TablePredictor.load(model)
    source = sys.stdin.buffer if data == "-" else data
    with understanding(f"reading {data}") as note:
        table = read(source, encoding=encoding, separator=separator, say=note)
        activated = predictor.activated(table, note)
    write(predictor.answers(activated), out)
    report.say_known(predictor, table, activated)
    if out is not None:
        say(f"{len(table):,} predictions in {out}")


def write(columns: dict, out: Path | None) -> None:
    """The columns as CSV, numbers with the digits that float32 has."""
    import pandas

    frame = pandas.DataFrame(columns)
    if out is None:
        with standard_output() as text:
            frame.to_csv(text, index=False, float_format="%.7g", lineterminator="\n")
        return
    with replacing(out) as stream:
        frame.to_csv(stream, index=False, float_format="%.7g", lineterminator="\n")
