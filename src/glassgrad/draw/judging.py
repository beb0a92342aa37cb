"""How good a model is, in pictures: learning curves, confusions, and how sure it is."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arguments
from ..arguments import ANY, array_of, check_arguments, is_several, shown
from ..tensors import Tensor
from ..training.history import History, scale_of
from .colours import CLASSES, PAPER, amount, ink_on, line_of
from .picture import POINTS, Plot, legend_below, new_axes, plain, plotted, seen, short
from .svg import text_width


@plotted
def curve(history: Any, *, title: str = "", ax: Any = None) -> Plot:
    """The losses of a training against its epochs, with the best epoch marked.

    history  what gg.fit has returned, or the losses themselves; {"name": history} compares several,
             by their validation losses if all have some, else by their losses in training

    Raises:
        TypeError: It is none of these.
    """
    check_arguments(locals())
    if not isinstance(history, dict):
        title = title or "Loss of each epoch"
        axes = history_of(history, "history").plot(ax=new_axes(ax))
        axes.set_title(title)
        return Plot(axes, title)
    found = {name: history_of(one, f"history[{name!r}]") for name, one in history.items()}
    if not found:
        raise ValueError("history has no training to draw: {'name': history, ...}")
    validated = all(one.validation_losses for one in found.values())
    judged = {k: one.validation_losses if validated else one.losses for k, one in found.items()}
    axes = new_axes(ax)
    for number, (name, losses) in enumerate(judged.items()):
        look = line_of(number) | {"marker": "o" if len(losses) == 1 else ""}
        axes.plot(range(1, len(losses) + 1), losses, label=short(name), **look)
        finite = np.where(np.isfinite(losses), losses, np.inf)
        if np.isfinite(finite).any():
            best = int(finite.argmin())
            axes.plot(best + 1, losses[best], "o", markersize=5, color=look["color"])
    kind = "validation loss" if validated else "subtrain loss"
    title = title or f"{kind.capitalize()} of each epoch, the least marked"
    axes.set(xlabel="epoch", ylabel=kind, title=title)
    scale_of(axes, *judged.values())
    axes.legend(frameon=False)
    return Plot(axes, title)


def history_of(value: Any, name: str) -> Any:
    """A history as it is, or one of losses alone."""
    if hasattr(value, "validation_losses"):
        return value
    listed = list(value) if is_several(value) else []
    if any(hasattr(x, "validation_losses") for x in listed):
        raise TypeError(f"{name} is a list: name what is compared, {{'first': history, ...}}")
    numbers = array_of(name, listed) if listed else np.array("")
    if numbers.ndim != 1 or numbers.dtype.kind not in "fiu":
        raise TypeError(f"{name} is what gg.fit has returned or losses, not {shown(value)}")
    return History(numbers.tolist())


@plotted
def confusion(predicted: Any, actual: Any, *, names: Any = None, title: str = "", ax: Any = None
              ) -> Plot:  # fmt: skip
    """How often each class was taken for which: rows are the classes, columns the predictions.

    predicted, actual  a class for each row, equally many
    names              of the classes, in their order

    Raises:
        ValueError: There are not as many predictions as rows, or names as classes; or no rows.
    """
    check_arguments(locals())
    predicted, actual = classes_in(predicted, "predicted"), classes_in(actual, "actual")
    if len(predicted) != len(actual):
        raise ValueError(f"{len(predicted)} predictions were given for {len(actual)} rows")
    if not len(actual):
        raise ValueError("there are no rows, and so nothing to count")
    classes = np.unique(np.concatenate([predicted, actual]))
    table = np.zeros((len(classes), len(classes)), int)
    np.add.at(table, (np.searchsorted(classes, actual), np.searchsorted(classes, predicted)), 1)
    labels = [short(c, 120) for c in (classes if names is None else names)]
    if len(labels) != len(classes):
        raise ValueError(f"{len(labels)} names were given for {len(classes)} classes")
    wide = max(text_width(label, 10) for label in labels) / POINTS  # inches
    cell = max(0.36, 2.2 / len(classes), text_width(f"{table.max():,}", 9) / POINTS + 0.08)
    turned = wide > cell
    size = cell * len(classes) + 0.9
    axes = new_axes(ax, size=(size + wide, size + (0.75 * wide if turned else 0.1)))
    if ax is not None:
        turned = wide > axes.get_window_extent().width / axes.figure.dpi / len(classes)
    draw_table(axes, table)
    places, ticks = range(len(classes)), list(map(plain, labels))
    slanted: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(places, ticks, **(slanted if turned else {}))
    axes.set_yticks(places, ticks)
    right = table.trace() / max(table.sum(), 1)
    title = title or f"{right:.1%} of {table.sum():,} right"
    axes.set(xlabel="predicted", ylabel="actual", title=title)
    return Plot(axes, title)


def classes_in(values: Any, name: str) -> np.ndarray:
    """A class for each row."""
    found = array_of(name, values.value if isinstance(values, Tensor) else values).ravel()
    if found.dtype.kind == "f" and (found % 1 != 0).any():
        raise ValueError(f"{name} is a class for each row, and there is {found[found % 1 != 0][0]}")
    return found


def draw_table(axes: Any, table: np.ndarray) -> None:
    """Counts in squares, darker the larger their part of the row."""
    from matplotlib.colors import to_rgb

    part = table / np.maximum(table.sum(1, keepdims=True), 1)
    colours = [[amount(p, 0, 1) for p in row] for row in part]
    axes.imshow([list(map(to_rgb, row)) for row in colours], interpolation="nearest")
    for (i, j), count in np.ndenumerate(table):
        if count:
            look: Any = {"ha": "center", "va": "center", "color": ink_on(colours[i][j])}
            axes.text(j, i, f"{count:,}", size=9, **look).set_in_layout(False)  # which takes time
    for between in np.arange(len(table) - 1) + 0.5:
        axes.axhline(between, color=PAPER, linewidth=1)
        axes.axvline(between, color=PAPER, linewidth=1)
    axes.tick_params(length=0)


@plotted
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
    check_arguments(locals(), part=arguments.number(), samples=ANY)
    x, samples = array_of("x", x, float).ravel(), array_of("samples", samples, float)
    samples = samples.reshape(samples.shape[0], -1) if samples.ndim > 1 else samples
    if samples.ndim != 2 or samples.shape[1] != len(x):
        raise ValueError(
            f"samples are wanted as [samples, {len(x)}], and are {list(samples.shape)}"
        )
    if not 0 < part < 1:
        raise ValueError(f"part={part} must be between 0 and 1")
    order = np.argsort(x, kind="stable")
    rows = np.quantile(samples[:, order], [(1 - part) / 2, 0.5, (1 + part) / 2], 0)
    at, low, middle, high = seen(x[order], *rows)
    axes = new_axes(ax)
    axes.fill_between(at, low, high, color=CLASSES[4], alpha=0.45, label=f"{part:.0%} of them")
    axes.plot(at, middle, color=CLASSES[0], label=f"middle of {len(samples)} samples")
    if X is not None and y is not None:
        data = array_of("X", X, float).ravel(), array_of("y", y, float).ravel()
        if len(data[0]) != len(data[1]):
            raise ValueError(f"X has {len(data[0])} numbers, and y {len(data[1])}")
        axes.plot(*data, ".", color="0.25", markersize=4, label="data")
    title = title or "How sure the model is"
    axes.set(title=title, xlabel="x", ylabel="prediction")
    legend_below(axes, ncols=3)
    return Plot(axes, title)
