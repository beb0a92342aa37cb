"""What trainings of many networks give: histories with names, and a table of them."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from typing import Any

from .history import History


class Fits(Sequence[History]):
    """What `fit_many` returns: the histories in the order of the models.

    models   as they were given, trained
    names    of them
    errors   {name: what ended its training}
    how      {name: how its steps were taken}
    """

    def __init__(self, members: Sequence[Any]) -> None:
        self.histories: list[History] = [m.run.history for m in members]
        self.models = [m.run.model for m in members]
        self.names = [m.name for m in members]
        self.errors = {m.name: m.error for m in members if m.error is not None}
        self.how = {m.name: m.how for m in members}

    def part(self, first: int, end: int) -> Fits:
        """Some of them."""
        found = copy.copy(self)
        found.histories, found.models = self.histories[first:end], self.models[first:end]
        found.names = self.names[first:end]
        found.errors = {n: e for n, e in self.errors.items() if n in set(found.names)}
        found.how = {n: self.how[n] for n in found.names}
        return found

    def __getitem__(self, number: Any) -> Any:
        return self.histories[number]

    def __len__(self) -> int:
        return len(self.histories)

    def __iter__(self) -> Iterator[History]:
        return iter(self.histories)

    @property
    def best(self) -> int:
        """Which model has the least validation loss, or without validation the least loss."""
        found = [final(h) for h in self.histories]
        finite = [(x, number) for number, x in enumerate(found) if math.isfinite(x)]
        if not finite:
            raise ValueError("no model was trained to the end of an epoch")
        return min(finite)[1]

    @property
    def best_model(self) -> Any:
        """The model that `best` names."""
        return self.models[self.best]

    def __repr__(self) -> str:
        return f"Fits({len(self)} models)\n{self}"

    def __str__(self) -> str:
        curves = list(dict.fromkeys(name for h in self.histories for name, _ in h.rows()))
        head = ["", "epochs", *curves]
        lines = []
        for name, history in zip(self.names, self.histories):
            last = {curve: values[-1] for curve, values in history.rows()}
            shown = [f"{last[c]:.4g}" if c in last else "" for c in curves]
            lines.append([name, str(history.epochs), *shown])
        notes = [f"{name}: {str(e).splitlines()[0]}" for name, e in self.errors.items()]
        alone = sum(how.startswith("alone") for how in self.how.values())
        if alone:
            why = next(how for how in self.how.values() if how.startswith("alone"))
            notes.append(
                f"{alone} of {len(self)} one after the other ({why.removeprefix('alone: ')})"
            )
        return "\n".join([table([head, *lines]), *notes])


def final(history: History) -> float:
    """The loss that counts after the last epoch."""
    judged = history.validation_losses or history.losses
    return judged[-1] if judged else math.nan


def table(lines: list[list[str]]) -> str:
    """Texts in columns, numbers to the right."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if not i else text.rjust(width)
            for i, (text, width) in enumerate(zip(line, widths))
        ).rstrip()
        for line in lines
    )
