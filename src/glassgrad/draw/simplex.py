"""Losses of three classes on the triangle of their probabilities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import arguments
from ..arguments import Kind, check_arguments, function, is_several, whole
from ..tensors import Tensor, no_grad
from .picture import Plot, new_axes, plotted, short
from .svg import letters

CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(0.75)]])
SIDE = 180  # points along a side
FEW = 8  # values: each is a colour of its own, as for a loss of 0 or 1


@plotted
def simplex(
    loss: Any = "log loss", label: int = 0, *, names: tuple[str, str, str] = ("0", "1", "2"),
    most: float = 4.0, title: str = "", ax: Any = None,
) -> Plot:  # fmt: skip
    """A loss as a function of three probabilities that sum to 1, when the class is `label`.

    loss   "log loss" (-log p of the label), "zero-one" (1 where another class is likelier), or a
           function (p: [points, 3], label) -> [points]
    label  the class, 0 to 2
    names  of the classes, written at the corners, where their probability is 1
    most   values above this are drawn as this: the logarithm has no bound

    Source: lecture H, losses of a problem of three classes on the 3-simplex.

    Raises:
        ValueError: There is no such label or loss.
    """
    corners = Kind("three names", object, lambda x: is_several(x) and len(list(x)) == 3)
    check_arguments(locals(), label=whole(), most=arguments.number(), names=corners)
    if label not in (0, 1, 2):
        raise ValueError(f"label={label}: the three classes are 0, 1 and 2")
    if not isinstance(loss, str):
        kind = function("a function (p, label), 'log loss' or 'zero-one'", None, 0)
        check_arguments({"loss": loss}, loss=kind)
    f = known(loss) if isinstance(loss, str) else loss
    name = loss if f is not loss else getattr(loss, "__name__", "loss").replace("<lambda>", "loss")
    p = probabilities()
    value = evaluated(f, p, label)
    axes, title = new_axes(ax), title or f"{name}, the class is {short(names[label])}"
    draw_values(axes, p @ CORNERS, value, most, letters(name))
    draw_corners(axes, [short(n, 64) for n in names], label)
    axes.set_title(title)
    return Plot(axes, title)


def draw_values(axes: Any, places: np.ndarray, value: np.ndarray, most: float, name: str) -> None:
    """Colours between level lines; what is no number stays white."""
    from matplotlib.tri import Triangulation

    number = ~np.isnan(value)
    if not number.any():
        return
    above, value = value[number].max() > most, np.clip(value, -1e9, most)
    levels = levels_of(value[number])
    value = np.minimum(value, levels[-1] - 1e-6 * np.ptp(levels))  # the last has no colour
    triangles = Triangulation(places[:, 0], places[:, 1])
    triangles.set_mask(~number[triangles.triangles].all(1))
    value = np.where(number, value, levels[0])
    shown = axes.tricontourf(
        triangles, value, levels=levels, cmap="Blues", extend="max" if above else "neither"
    )
    shown.set_rasterized(True)  # a small file
    if len(levels) > FEW:
        axes.tricontour(triangles, value, levels=levels[1:-1], colors="0.4", linewidths=0.5,
                        negative_linestyles="solid")  # fmt: skip
    bar = axes.figure.colorbar(shown, ax=axes, shrink=0.8)
    bar.set_label(name, parse_math=False)


def levels_of(value: np.ndarray) -> np.ndarray:
    """Round levels from the lowest value, or 0, to the highest; of few values, those between."""
    from matplotlib.ticker import MaxNLocator

    few = np.unique(value.round(9))
    low, high = min(few[0], 0.0), max(few[-1], 0.0)
    high = high if high > low else low + 1.0
    if len(few) <= FEW:
        return np.unique([low, *(few[1:] + few[:-1]) / 2, high])
    return np.asarray(MaxNLocator(10).tick_values(low, high))


def known(loss: str) -> Callable:
    """A loss by its name."""
    losses = {"log loss": log_loss, "zero-one": zero_one}
    if loss not in losses:
        raise ValueError(
            f"there is no loss {loss!r}: {', '.join(losses)}, or a function (p, label)"
        )
    return losses[loss]


def log_loss(p: np.ndarray, label: int) -> np.ndarray:
    """-log p of the label."""
    with np.errstate(divide="ignore"):
        return -np.log(p[:, label])


def zero_one(p: np.ndarray, label: int) -> np.ndarray:
    """1 where another class is likelier."""
    return (p.max(1) > p[:, label]).astype(float)


def probabilities() -> np.ndarray:
    """Points of the simplex, corners and sides too: [points, 3]."""
    listed = [(i, j, SIDE - i - j) for i in range(SIDE + 1) for j in range(SIDE + 1 - i)]
    return np.array(listed, float) / SIDE


def evaluated(f: Callable, p: np.ndarray, label: int) -> np.ndarray:
    """The loss at each point; a function of tensors is given tensors if it fails on arrays."""
    try:
        with np.errstate(all="ignore"):
            found = f(p, label)
    except (TypeError, AttributeError):
        with no_grad():
            found = f(Tensor.lift(p), label)
    array = np.asarray(found.value if isinstance(found, Tensor) else found, float)
    if array.shape != (len(p),):
        raise ValueError(f"the loss of {len(p)} points is {list(array.shape)}; a number for each")
    return array


def draw_corners(axes: Any, names: list[str], label: int) -> None:
    """The triangle and the classes at its corners."""
    outline = CORNERS[[0, 1, 2, 0]]
    axes.plot(outline[:, 0], outline[:, 1], color="0.2", linewidth=1)
    centre = CORNERS.mean(0)
    for number, (corner, name) in enumerate(zip(CORNERS, names)):
        x, y = corner + 0.13 * (corner - centre)
        weight = "bold" if number == label else "normal"
        axes.text(x, y, f"p({name}) = 1", ha="center", va="center", weight=weight)
    axes.set(xlim=(-0.2, 1.2), ylim=(-0.18, 1.05), aspect="equal")
    axes.axis("off")
