"""Decision regions and class probabilities of a classifier of two features."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensors import Tensor, no_grad
from .colours import CLASSES, ink_on
from .picture import Plot, new_axes

GRID = 220
LEVELS = 20  # so many strengths of a colour: a file stays small
MARKERS = "os^Dv<>pP*Xh"


def regions(
    model: Any, X: Any, y: Any = None, *, probabilities: bool = False, names: Any = None,
    features: tuple[str, str] = ("x1", "x2"), title: str = "", ax: Any = None,
) -> Plot:  # fmt: skip
    """Where a classifier of two features chooses which class.

    model          gives a score or probability for each class, or one score, positive for class 1;
                   a module, or any function of an array of rows
    X              rows of two features: what is drawn reaches around them
    y              their classes, drawn as points of the class's colour and form
    probabilities  whether colours fade where the largest probability does
    names          of the classes

    Above eight classes colours repeat, so each region is labelled too.  Source: lecture J, decision
    regions of the perceptron and of softmax; lecture B, more layers, more flexible.

    Raises:
        ValueError: There are not two features, or they are not finite.
    """
    X = np.asarray(X.detach().value if isinstance(X, Tensor) else X, dtype=float)
    if X.ndim != 2 or X.shape[1] != 2:
        raise ValueError(f"rows of two features are drawn, and X is {list(X.shape)}")
    if not len(X) or not np.isfinite(X).all():
        raise ValueError("X has no rows, or numbers that are not finite, around which to draw")
    across, up = around(X[:, 0]), around(X[:, 1])
    rows = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    scores = scores_of(model, rows.astype(np.float32))
    chosen = choices(scores).reshape(GRID, GRID)
    axes, title = new_axes(ax), title or "Decision regions"
    axes.imshow(
        coloured(chosen, strength(scores).reshape(GRID, GRID) if probabilities else None),
        extent=(across[0], across[-1], up[0], up[-1]), origin="lower", aspect="auto",
    )  # fmt: skip
    draw_borders(axes, across, up, chosen)
    if y is not None:
        draw_points(axes, X, np.asarray(y.value if isinstance(y, Tensor) else y), names)
    label_regions(axes, across, up, chosen, names)
    axes.set(xlabel=features[0], ylabel=features[1], title=title)
    return Plot(axes, title)


def around(values: np.ndarray) -> np.ndarray:
    """A grid a little wider than the values."""
    low, high = float(values.min()), float(values.max())
    room = 0.12 * (high - low) or 1.0
    return np.linspace(low - room, high + room, GRID)


def scores_of(model: Any, rows: np.ndarray) -> np.ndarray:
    """What the model gives for rows: [rows, classes], or [rows, 1] of one score."""
    from ..nn import Module

    if isinstance(model, Module):
        from ..nn.checks import untouched

        with untouched(model), no_grad():
            found = model(Tensor.lift(rows))
    else:
        found = model(rows)
    array = np.asarray(found.value if isinstance(found, Tensor) else found)
    if array.shape[:1] != (len(rows),) or array.ndim > 2:
        raise ValueError(f"for {len(rows)} rows the model gave {list(array.shape)}")
    return array.reshape(len(rows), -1)


def choices(scores: np.ndarray) -> np.ndarray:
    """The class of each row."""
    if scores.shape[1] > 1:
        return scores.argmax(1)
    score = scores[:, 0]
    if score.dtype.kind in "iub":
        return score.astype(int)
    probability = bool(len(score)) and score.min() >= 0 and score.max() <= 1
    return (score > (0.5 if probability else 0)).astype(int)


def strength(scores: np.ndarray) -> np.ndarray:
    """The largest probability of each row; scores go through softmax or the logistic function."""
    if scores.shape[1] == 1:
        p = scores[:, 0] if scores.min() >= 0 and scores.max() <= 1 else logistic(scores[:, 0])
        return np.maximum(p, 1 - p)
    if scores.min() >= 0 and np.allclose(scores.sum(1), 1, atol=1e-3):
        return scores.max(1)
    up = np.exp(scores - scores.max(1, keepdims=True))
    return up.max(1) / up.sum(1)


def logistic(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


def coloured(chosen: np.ndarray, strong: np.ndarray | None) -> np.ndarray:
    """An image of pale colours, paler where the choice is less sure."""
    palette = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in CLASSES])
    if strong is not None:
        strong = np.round(strong * LEVELS) / LEVELS
    part = np.full(chosen.shape, 0.45) if strong is None else 0.05 + 0.65 * (2 * strong - 1)
    colour = palette[chosen % len(palette)]
    return 1 - np.clip(part, 0.05, 0.7)[..., None] * (1 - colour)


def draw_borders(axes: Any, across: np.ndarray, up: np.ndarray, chosen: np.ndarray) -> None:
    """A line between regions, for grey paper."""
    for c in np.unique(chosen):
        axes.contour(across, up, chosen == c, levels=[0.5], colors="0.25", linewidths=0.7)


def draw_points(axes: Any, X: np.ndarray, y: np.ndarray, names: Any) -> None:
    """The rows, each class with a colour and a form of its own."""
    for number, c in enumerate(np.unique(y)):
        rows = X[y == c]
        axes.plot(
            rows[:, 0], rows[:, 1], MARKERS[number % len(MARKERS)], markersize=5,
            color=CLASSES[int(number if y.dtype.kind != "i" else c) % len(CLASSES)],
            markeredgecolor="white", markeredgewidth=0.6, label=str(name_of(c, names)),
        )  # fmt: skip
    if len(np.unique(y)) <= len(CLASSES):
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, title="class")


def label_regions(
    axes: Any, across: np.ndarray, up: np.ndarray, chosen: np.ndarray, names: Any
) -> None:
    """The class's name in the middle of its largest part."""
    for c in np.unique(chosen):
        row, column = inmost(chosen == c)
        text = str(name_of(c, names))
        axes.text(
            across[column], up[row], text, ha="center", va="center", fontsize=9, weight="bold",
            bbox={"facecolor": CLASSES[int(c) % len(CLASSES)], "edgecolor": "white", "pad": 1.8},
            color=ink_on(CLASSES[int(c) % len(CLASSES)]),
        )  # fmt: skip


def inmost(inside: np.ndarray) -> tuple[int, int]:
    """The place that is farthest from the border of a region."""
    left, depth = inside.copy(), np.zeros(inside.shape, int)
    while left.any():
        depth += left
        padded = np.pad(left, 1)
        left = left & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(row), int(column)


def name_of(c: Any, names: Any) -> Any:
    """What a class is called."""
    return c if names is None or int(c) >= len(names) else names[int(c)]
