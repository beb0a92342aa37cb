"""History: how a training went, epoch by epoch, as numbers, as text and as a picture."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from ..files import replacing

WIDE = 1e3  # from the least loss to the greatest: more is drawn on a logarithmic scale


@dataclass(repr=False)
class History:
    """What `fit` returns; lists have one number for each epoch that was completed.

    losses             mean of the losses of the epoch's steps, weighted by their rows
    validation_losses  loss on the validation rows after the epoch; empty without validation
    metrics            {"accuracy": [...], "validation_accuracy": [...]}, measured after the epoch
    epoch_seconds      time of gathering rows and of the steps: no compilation, validation,
                       metrics or callbacks
    compile_seconds    time of tracing and compiling steps
    threads            how many took the native steps at the end; 1 of eager ones, though NumPy may
                       share a large product of matrices among several
    engine             "native" if steps were so, else "eager", with the reason in engine="auto"
    steps              how many updates were made
    interrupted        whether Ctrl-C ended the training
    stopped            why it ended before the last epoch; empty if it did not
    """

    losses: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    epoch_seconds: list[float] = field(default_factory=list)
    compile_seconds: float = 0.0
    threads: int = 1
    engine: str = "eager"
    steps: int = 0
    interrupted: bool = False
    stopped: str = ""

    @property
    def epochs(self) -> int:
        """How many epochs were completed."""
        return len(self.losses)

    @property
    def best_epoch(self) -> int:
        """The epoch, from 1, with the least validation loss, or without the least loss; or 0."""
        judged = self.validation_losses or self.losses
        finite = [(loss, epoch) for epoch, loss in enumerate(judged, 1) if math.isfinite(loss)]
        return min(finite)[1] if finite else 0

    def note(self, curve: list[float], value: float) -> None:
        """Add a value of the last epoch; where none was measured before, there is NaN."""
        curve += [math.nan] * (self.epochs - 1 - len(curve))
        curve.append(value)

    def fill(self) -> None:
        """NaN where a curve that had values before has none of the last epoch."""
        for curve in (self.validation_losses, *self.metrics.values()):
            curve += [math.nan] * (self.epochs - len(curve)) if curve else []

    def state_dict(self) -> dict[str, Any]:
        """All of it as a dict of lists and numbers."""
        return asdict(self)

    @classmethod
    def of(cls, state: dict[str, Any]) -> History:
        """The history that `state_dict` gave."""
        return cls(**state)

    # ---- as text

    def rows(self) -> list[tuple[str, list[float]]]:
        """Name and numbers of each curve."""
        curves = [("loss", self.losses), ("validation loss", self.validation_losses)]
        curves += [(name.replace("_", " "), values) for name, values in self.metrics.items()]
        return [(name, values) for name, values in curves if values]

    def __repr__(self) -> str:
        if not self.losses:
            return f"History(no epoch{f': {self.stopped}' if self.stopped else ''})"
        several = self.engine == "native" and self.threads > 1
        how = f" on {self.threads} threads" if several else ""
        head = f"History({counted(self.epochs, 'epoch')} in {sum(self.epoch_seconds):.3g} s{how}"
        ended = [self.stopped] if self.stopped else []
        return "\n  ".join([head, *self.lines(), *ended]) + ")"

    def lines(self) -> list[str]:
        """How each curve went: `loss: 1.2 -> 0.3 (0.2 in epoch 7, the best)`."""
        lines, best = [], self.best_epoch
        for name, values in self.rows():
            ends = f"{values[0]:.4g} -> {values[-1]:.4g}"
            at_best = f" ({values[best - 1]:.4g} in epoch {best}, the best)" if best else ""
            lines.append(f"{name}: {ends}{at_best if best != self.epochs else ''}")
        return lines

    def _repr_html_(self) -> str:
        """A small table and the curves, for notebooks."""
        best = self.best_epoch
        head = "".join(f"<th>{title}</th>" for title in ("", "first", "best epoch", "last"))
        body = "".join(
            f"<tr><th>{escape(name)}</th>"
            + "".join(f"<td>{v:.4g}</td>" for v in (values[0], values[best - 1], values[-1]))
            + "</tr>"
            for name, values in self.rows()
        )
        title = escape(repr(self).splitlines()[0].removeprefix("History(").rstrip(")"))
        table = f"<table><caption>{title}</caption><tr>{head}</tr>{body}</table>"
        note = f"<p>{escape(self.stopped)}</p>" if self.stopped else ""
        return f"<div>{table}{note}{small_curves(self.losses, self.validation_losses)}</div>"

    # ---- as a picture

    def plot(self, path: str | Path | None = None, ax: Any = None) -> Any:
        """Draw losses against epochs, with the best epoch marked; returns matplotlib's axes.

        path  a picture file to write (PNG, SVG, PDF, by its ending)
        ax    axes to draw into; else new ones are made

        Raises:
            FileError: The picture cannot be written.
        """
        if ax is None:
            ax = axes(on_screen=path is None)
        draw_curve(ax, self.losses, "subtrain", "C0")
        if self.validation_losses:
            draw_curve(ax, self.validation_losses, "validation", "C1", linestyle="--")
        if best := self.best_epoch:
            judged = self.validation_losses or self.losses
            ax.axvline(best, color="0.6", linestyle=":", linewidth=1)
            ax.plot(
                best, judged[best - 1], "ko", label=f"best: {judged[best - 1]:.4g} in epoch {best}"
            )
        ax.set(xlabel="epoch", ylabel="loss", title="Loss of each epoch")
        scale_of(ax, self.losses, self.validation_losses)
        if self.losses:
            ax.legend()
        if path is not None:
            save_picture(ax.figure, path)
        return ax


def axes(*, on_screen: bool) -> Any:
    """New axes: pyplot's, so that a notebook shows them, or those of a figure only for a file."""
    if on_screen:
        from matplotlib import pyplot

        return pyplot.subplots(layout="constrained")[1]
    from matplotlib.figure import Figure

    return Figure(layout="constrained").subplots()


def draw_curve(ax: Any, values: list[float], label: str, color: str, **look: Any) -> None:
    """One curve over the epochs 1, 2, ...; a single epoch is a point."""
    marker = "." if len(values) < 30 else ""
    lost = sum(not math.isfinite(v) for v in values)
    label += f", {counted(lost, 'epoch')} not finite" if lost else ""
    ax.plot(range(1, len(values) + 1), values, color=color, marker=marker, label=label, **look)


def scale_of(ax: Any, *curves: list[Any], even: bool = False) -> None:
    """Whole epochs, and a scale on which all losses are seen.

    even  keep the scale of the values as it is
    """
    epochs = max(map(len, curves), default=0)
    drawn = even or by_powers(ax, [v for values in curves for v in values])
    if epochs < 2 or not drawn:
        ax.set_xlim(0.5, max(epochs, 1) + 0.5)
    ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def by_powers(ax: Any, values: list[float]) -> bool:
    """A logarithmic scale for losses over more than three powers of ten; whether any is finite."""
    finite = [v for v in values if math.isfinite(v)]
    if finite and min(finite) > 0 and max(finite) > WIDE * min(finite):
        ax.set_yscale("log")
    return bool(finite)


def save_picture(figure: Any, path: str | Path) -> None:
    """Write a figure in the format that the name ends in, whole or not at all."""
    ending = Path(path).suffix.removeprefix(".").lower()
    known = figure.canvas.get_supported_filetypes()
    if ending not in known:
        raise ValueError(f"{path}: a picture's name ends in one of {', '.join(sorted(known))}")
    with replacing(path) as stream:
        figure.savefig(stream, format=ending)


def small_curves(*curves: list[float]) -> str:
    """The curves as a small SVG: subtrain blue, validation orange."""
    finite = [v for values in curves for v in values if math.isfinite(v)]
    if len(curves[0]) < 2 or not finite:
        return ""
    width, height, low, high = 320, 90, min(finite), max(finite)
    lines = []
    for values, color in zip(curves, ("#1f77b4", "#ff7f0e")):
        points = " ".join(
            f"{4 + (width - 8) * i / (len(values) - 1):.1f},"
            f"{4 + (height - 8) * (high - v) / (high - low or 1):.1f}"
            for i, v in enumerate(values)
            if math.isfinite(v) and len(values) > 1
        )
        lines.append(
            f'<polyline points="{points}" fill="none" stroke="{color}"/>' if points else ""
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" role="img" '
        f'aria-label="loss of each epoch">{"".join(lines)}</svg>'
    )


def counted(number: int, thing: str) -> str:
    """`1 epoch`, `2 epochs`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
