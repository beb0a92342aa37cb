"""How good a model is, in pictures: learning curves, confusions, and how sure it is."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensors import Tensor
from .colours import CLASSES, amount, ink_on
from .picture import Plot, new_axes, plain


def curve(history: Any, *, title: str = "", ax: Any = None) -> Plot:
    """The losses of a training against its epochs, with the best epoch marked.

    history  what gg.fit has returned; or {"name": history} to compare several
    """
    axes = new_axes(ax)
    if not isinstance(history, dict):
        history.plot(ax=axes)
        title = title or "Loss of each epoch"
        axes.set_title(title)
        return Plot(axes, title)
    for number, (name, one) in enumerate(history.items()):
        losses = one.validation_losses or one.losses
        epochs, colour = range(1, len(losses) + 1), CLASSES[number % len(CLASSES)]
        axes.plot(epochs, losses, ("-", "--", "-.", ":")[number % 4], color=colour, label=name)
    title = title or "Loss of each epoch"
    axes.set(xlabel="epoch", ylabel="loss", title=title)
    axes.legend(frameon=False)
    return Plot(axes, title)


def confusion(predicted: Any, actual: Any, *, names: Any = None, title: str = "", ax: Any = None
              ) -> Plot:  # fmt: skip
    """How often each class was taken for which: rows are the classes, columns the predictions.

    predicted, actual  a class for each row, equally many
    names              of the classes, in their order

    Raises:
        ValueError: There are not as many predictions as rows, or names as classes; or no rows.
    """
    predicted, actual = (
        np.asarray(a.value if isinstance(a, Tensor) else a).ravel() for a in (predicted, actual)
    )
    if len(predicted) != len(actual):
        raise ValueError(f"{len(predicted)} predictions were given for {len(actual)} rows")
    if not len(actual):
        raise ValueError("there are no rows, and so nothing to count")
    classes = np.unique(np.concatenate([predicted, actual]))
    table = np.zeros((len(classes), len(classes)), int)
    np.add.at(table, (np.searchsorted(classes, actual), np.searchsorted(classes, predicted)), 1)
    size = max(3.2, 0.5 * len(classes) + 1.6)
    axes = new_axes(ax, size=(size, size))
    draw_table(axes, table)
    labels = [plain(c) for c in (classes if names is None else names)]
    if len(labels) != len(classes):
        raise ValueError(f"{len(labels)} names were given for {len(classes)} classes")
    places = range(len(classes))
    axes.set_xticks(places, labels, rotation=45 if max(map(len, labels)) > 3 else 0)
    axes.set_yticks(places, labels)
    right = table.trace() / max(table.sum(), 1)
    title = title or f"{right:.1%} of {table.sum():,} right"
    axes.set(xlabel="predicted", ylabel="actual", title=title)
    return Plot(axes, title)


def draw_table(axes: Any, table: np.ndarray) -> None:
    """Counts in squares, darker the larger their part of the row."""
    from matplotlib.patches import Rectangle

    part = table / np.maximum(table.sum(1, keepdims=True), 1)
    for (i, j), count in np.ndenumerate(table):
        colour = amount(part[i, j], 0, 1)
        axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor=colour, edgecolor="white"))
        if count:
            axes.text(j, i, f"{count:,}", ha="center", va="center", color=ink_on(colour), size=9)
    n = len(table) - 0.5
    axes.set(xlim=(-0.5, n), ylim=(n, -0.5), aspect="equal")
    axes.tick_params(length=0)


def band(
    x: Any, samples: Any, *, X: Any = None, y: Any = None, part: float = 0.9, title: str = "",
    ax: Any = None,
) -> Plot:  # fmt: skip
    """Predictions as a band: the middle of many samples, and where most of them lie.

    x        [points]: the one feature, or what stands on the axis
    samples  [samples, points]: as gg.predict(model, X, samples=100) gives for a model with dropout,
             or predictions at many steps of a descent at a constant rate
    X, y     data to draw too
    part     how much of the samples the band holds

    Source: lecture B, dropout as a measure of uncertainty; descent as sampling (Mandt 2017).

    Raises:
        ValueError: The shapes do not fit, or `part` is not between 0 and 1.
    """
    x, samples = np.asarray(x, float).ravel(), np.asarray(samples, float)
    samples = samples.reshape(samples.shape[0], -1) if samples.ndim > 1 else samples
    if samples.ndim != 2 or samples.shape[1] != len(x):
        raise ValueError(
            f"samples are wanted as [samples, {len(x)}], and are {list(samples.shape)}"
        )
    if not 0 < part < 1:
        raise ValueError(f"part={part} must be between 0 and 1")
    order = np.argsort(x, kind="stable")
    low, middle, high = np.quantile(samples[:, order], [(1 - part) / 2, 0.5, (1 + part) / 2], 0)
    axes = new_axes(ax)
    axes.fill_between(
        x[order], low, high, color=CLASSES[4], alpha=0.45, label=f"{part:.0%} of them"
    )
    axes.plot(x[order], middle, color=CLASSES[0], label=f"middle of {len(samples)} samples")
    if X is not None and y is not None:
        axes.plot(np.ravel(X), np.ravel(y), ".", color="0.25", markersize=4, label="data")
    title = title or "How sure the model is"
    axes.set(title=title)
    axes.legend(frameon=False)
    return Plot(axes, title)
