"""Decision regions and class probabilities of a classifier of two features."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import array_of, check_arguments, function, listing
from ..tensors import Tensor, no_grad
from ..training.history import counted
from .colours import CLASSES, MARKERS, ZERO, ink_on, lightness, of_kind
from .picture import Plot, new_axes, plotted, short

GRID = 220
LEVELS = 20  # so many strengths of a colour: a file stays small
EDGE = 28  # columns: names there lean inwards
WIDE = 4  # letters: of more than eight classes, names that are wider stand beside the picture


@plotted
def regions(
    model: Any, X: Any, y: Any = None, *, probabilities: bool = False, names: Any = None,
    features: tuple[str, str] = ("x1", "x2"), title: str = "", ax: Any = None,
) -> Plot:  # fmt: skip
    """Where a classifier of two features chooses which class.

    model          gives a score or probability for each class, or one score, positive for class 1;
                   a module, or any function of an array of rows
    X              rows of two features: what is drawn reaches around them
    y              their classes, drawn as points of the class's colour and form: numbers from 0,
                   or any other two for one score, and any texts
    probabilities  whether colours fade where the largest probability does
    names          of the classes

    Above eight classes colours repeat, so each region is labelled too.  Source: lecture J, decision
    regions of the perceptron and of softmax; lecture B, more layers, more flexible.

    Raises:
        ValueError: There are not two features, or they are not finite.
    """
    check_arguments(locals(), model=function("a module, or a function of rows", None))
    names, (across_name, up_name) = listing(names) or None, listing(features)
    X = array_of("X", numbers(X), float)
    if X.ndim != 2 or X.shape[1] != 2:
        raise ValueError(f"rows of two features are drawn, and X is {list(X.shape)}")
    if not len(X) or not np.isfinite(X).all():
        raise ValueError("X has no rows, or numbers that are not finite, around which to draw")
    across, up = around(X[:, 0]), around(X[:, 1])
    rows = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    scores = scores_of(model, rows.astype(np.float32))
    chosen, y, names = classes_of(scores, y, names, len(X))
    last = max(chosen.max(), 0 if y is None else y.max(initial=0))
    check_names(names, max(scores.shape[1], 2, 1 + last))
    chosen = chosen.reshape(GRID, GRID)
    shown = np.unique(chosen if y is None else np.concatenate([chosen.ravel(), y]))
    aside = len(shown) > len(CLASSES) and any(len(str(name_of(c, names))) > WIDE for c in shown)
    size = 5.0 + aside * 1.8 * (1 + len(shown) // 25), 4.0
    axes, title = new_axes(ax, size=size), title or "Decision regions"
    image = axes.imshow(
        coloured(chosen, strength(scores).reshape(GRID, GRID) if probabilities else None),
        extent=(across[0], across[-1], up[0], up[-1]), origin="lower", aspect="auto",
        interpolation="nearest",
    )  # fmt: skip
    image.set_rasterized(True)
    draw_borders(axes, across, up, chosen, scores)
    if y is not None:
        draw_points(axes, X, y, names)
    label_regions(axes, across, up, chosen, None if aside else names, X if y is not None else X[:0])
    if aside or (y is not None and len(shown) <= len(CLASSES)):
        draw_key(axes, shown, names, aside)
    axes.set(xlabel=across_name, ylabel=up_name, title=title)
    return Plot(axes, title)


def check_names(names: Any, classes: int) -> None:
    """A name for each class, if there are names.

    Raises:
        ValueError: There are too few.
    """
    if names is not None and len(names) < classes:
        raise ValueError(f"{counted(len(names), 'name')} for {classes} classes: {names}")


def numbers(values: Any) -> np.ndarray:
    """The array of a tensor, or of what is like one."""
    return array_of("values", values.detach().value if isinstance(values, Tensor) else values)


def classes_of(
    scores: np.ndarray, y: Any, names: Any, count: int
) -> tuple[np.ndarray, np.ndarray | None, Any]:
    """The class of each place of the grid and of each row, as numbers, and what they are called.

    Raises:
        ValueError: There are not as many classes as rows.
    """
    chosen, hard = choices(scores), scores.shape[1] == 1 and scores.dtype.kind != "f"
    if y is None and not hard:
        return chosen, None, names
    labels = chosen[:0] if y is None else numbers(y).ravel()
    if len(labels) not in (0, count):
        raise ValueError(f"{len(labels)} classes were given for {count} rows")
    known = range(max(scores.shape[1], 2))
    if hard:
        kinds = np.unique(np.concatenate([chosen, labels]))
        if kinds.dtype.kind in "iu" and kinds[0] >= 0:
            return chosen, None if y is None else labels, names
        chosen = np.searchsorted(kinds, chosen)
    elif labels.dtype.kind in "iufb" and np.isin(labels, known).all():
        return chosen, labels.astype(int), names
    else:
        kinds = np.unique(labels)
        if len(kinds) > len(known):
            raise ValueError(f"y has {len(kinds)} classes, and the model chooses of {len(known)}")
    places = None if y is None else np.searchsorted(kinds, labels)
    return chosen, places, list(kinds) if names is None else names


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
    """The class of each row; -1 where a score is no number."""
    if scores.shape[1] > 1:
        return np.where(np.isnan(scores).any(1), -1, scores.argmax(1))
    score = scores[:, 0]
    if score.dtype.kind not in "f":  # classes, not scores
        return score.astype(int) if score.dtype.kind == "b" else score
    probability = bool(len(score)) and score.min() >= 0 and score.max() <= 1
    return np.where(np.isnan(score), -1, score > (0.5 if probability else 0))


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
    palette = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in (*CLASSES, ZERO)])
    if strong is not None:
        strong = np.round(strong * LEVELS) / LEVELS
    part = np.full(chosen.shape, 0.45) if strong is None else 0.05 + 0.65 * (2 * strong - 1)
    part = np.nan_to_num(part, nan=0.45)
    colour = palette[np.where(chosen < 0, -1, chosen % len(CLASSES))]
    return 1 - np.clip(part, 0.05, 0.7)[..., None] * (1 - colour)


def draw_borders(
    axes: Any, across: np.ndarray, up: np.ndarray, chosen: np.ndarray, scores: np.ndarray
) -> None:
    """A line around each region but the last, for grey paper: where scores are as good."""
    for c in np.unique(chosen)[:-1]:
        ahead = np.where(chosen == c, 0.5, -0.5)
        if scores.shape[1] > 1 and np.isfinite(scores).all():
            others = np.delete(scores, c, 1).max(1)
            ahead = (scores[:, c] - others).reshape(chosen.shape)
        axes.contour(across, up, ahead, levels=[0], colors="0.25", linewidths=0.7)


def mark_of(c: int) -> dict[str, Any]:
    """Colour and form of a class."""
    rim = {"markeredgecolor": "0.25" if lightness(of_kind(c)) > 0.75 else "white"}
    return {"marker": MARKERS[c % len(MARKERS)], "color": of_kind(c), "linestyle": "", **rim}


def draw_points(axes: Any, X: np.ndarray, y: np.ndarray, names: Any) -> None:
    """The rows, each class with a colour and a form of its own."""
    for c in np.unique(y).tolist():
        axes.plot(*X[y == c].T, markersize=5, markeredgewidth=0.6, **mark_of(c))


def draw_key(axes: Any, shown: np.ndarray, names: Any, numbered: bool) -> None:
    """What the classes are called, beside the picture."""
    from matplotlib.lines import Line2D

    shown = shown[shown >= 0]
    texts = [short(name_of(c, names), 110) for c in shown]
    texts = [f"{c}: {text}" for c, text in zip(shown, texts)] if numbered else texts
    marks = [
        Line2D([], [], markersize=5, label=t, **mark_of(c)) for c, t in zip(shown.tolist(), texts)
    ]
    axes.legend(
        handles=marks, loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, title="class",
        fontsize=9 if len(marks) <= 12 else 7, ncols=1 + len(marks) // 25,
    )  # fmt: skip


def label_regions(
    axes: Any, across: np.ndarray, up: np.ndarray, chosen: np.ndarray, names: Any, X: np.ndarray
) -> None:
    """The class's name where there is most room in its region, and no row if that can be."""
    rows, columns = (np.searchsorted(at, part) for at, part in ((up, X[:, 1]), (across, X[:, 0])))
    free = np.ones(chosen.shape, bool)
    free[rows, columns] = False
    for c in np.unique(chosen).tolist():
        inside = chosen == c
        row, column = inmost(inside & free if (inside & free).any() else inside)
        text, colour = short(name_of(c, names), 70), of_kind(c) if c >= 0 else ZERO
        side = "left" if column < EDGE else "right" if column >= GRID - EDGE else "center"
        axes.text(
            across[column], up[row], text, ha=side, va="center", fontsize=9, weight="bold",
            bbox={"facecolor": colour, "edgecolor": "white", "pad": 1.8},
            color=ink_on(colour),
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
    if c < 0:
        return "no number"
    return c if names is None or c >= len(names) else names[c]
