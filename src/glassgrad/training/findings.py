"""What `gg.health` finds: findings, and the report that lists them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Any

from .history import counted


class HealthWarning(UserWarning):
    """Something that hinders a training, found by `Health` while it runs."""


@dataclass(frozen=True)
class Finding:
    """One thing that hinders a training.

    layer    the path of the layer, "stack.0"; "inputs", "labels", "optimizer" or "training" for
             what is not in the model
    kind     "dead units", "saturated units", "no activation", "dropout", "vanishing gradients",
             "exploding gradients", "still weights", "equal units", "wrong output", "wild outputs",
             "unscaled inputs", "not finite", "leaking labels", "one label", "unscaled labels",
             "learning rate", and during a training "no progress" and "overfitting"
    what     what was seen, in words
    numbers  what was measured, by name
    advice   what to do
    """

    layer: str
    kind: str
    what: str
    advice: str
    numbers: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.layer}: {self.kind}: {self.what}\n    {self.advice}"


@dataclass(repr=False)
class HealthReport:
    """What `gg.health` returns; it prints as a text, and is a table in a notebook.

    findings  what was found, the inputs first; empty if all is well
    layers    how many layers were looked at
    rows      how many rows went through them
    loss      for which loss gradients were looked at; "" for none
    of_rows   how many rows there are; None where that is not known
    """

    findings: list[Finding]
    layers: int = 0
    rows: int = 0
    loss: str = ""
    of_rows: int | None = None

    @property
    def healthy(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __getitem__(self, number: int) -> Finding:
        return self.findings[number]

    def of(self, kind: str) -> list[Finding]:
        """The findings of one kind."""
        return [finding for finding in self.findings if finding.kind == kind]

    def head(self) -> str:
        """The first line."""
        rows = counted(self.rows, "row")
        if self.of_rows is not None and self.of_rows > self.rows:
            rows = f"{self.rows:,} of {counted(self.of_rows, 'row')}"
        said = "healthy: nothing found" if self.healthy else counted(len(self), "finding")
        return f"{said} in {counted(self.layers, 'layer')}, {rows}"

    def __repr__(self) -> str:
        return "\n".join([self.head(), *map(str, self.findings)])

    __str__ = __repr__

    def _repr_html_(self) -> str:
        """The table for notebooks."""
        head = "".join(f"<th>{title}</th>" for title in ("layer", "kind", "seen", "advice"))
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
            for cells in ((f.layer, f.kind, f.what, f.advice) for f in self.findings)
        )
        table = f"<table><tr>{head}</tr>{body}</table>" if body else ""
        return f"<div><p>{escape(self.head())}</p>{table}</div>"
