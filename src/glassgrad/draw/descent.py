"""Gradient descent on a surface of two weights: the way down, still and moving."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import arguments
from ..arguments import RANGE, Kind, check_arguments, function, is_pair, optional, whole
from ..tensors import Tensor, enable_grad, no_grad
from .colours import CLASSES, PAPER
from .picture import Animation, Plot, legend_below, new_axes, plotted

GRID, LEVELS = 81, 12
RULE = optional(
    Kind("a function: lambda p: gg.optim.Adam(p, lr=0.05)", object, arguments.makes_optimizers)
)
FAR = 10.0  # times the fall of the loss: a way that rises as high leaves the picture


@plotted
def descent(
    f: Callable, start: tuple[float, float], *, lr: float = 0.1, steps: int = 30,
    x: tuple[float, float] | None = None, y: tuple[float, float] | None = None,
    optimizer: Callable | None = None, animated: bool = False, title: str = "", ax: Any = None,
) -> Plot | Animation:  # fmt: skip
    """The way that gradient descent takes on a surface z = f(x, y), above its level lines.

    f          of two tensors of numbers, element by element: lambda x, y: x**2 + 3 * gg.sin(y)
    start      where it begins
    lr, steps  how far each step goes along the negative gradient, and how many there are
    x, y       from where to where the surface is drawn; around the way if not given
    optimizer  (parameters) -> an optimizer, to see the way of another rule
    animated   whether the picture moves, a frame for each step

    Source: lecture H, "gradient descent on a surface"; lecture B, descent with the derivative.

    Raises:
        ValueError: f does not give a number for each pair.
    """
    two = function("a function of two tensors: lambda x, y: x**2 + y**2", None, None)
    place = Kind("two numbers: (1.0, 2.0)", object, is_pair)
    check_arguments(
        locals(), f=two, start=place, x=optional(RANGE), y=optional(RANGE), optimizer=RULE,
        steps=whole(0),
    )  # fmt: skip
    way = path(f, start, lr, steps, optimizer)
    level = along(f, way)
    near = way[: staying(level)]
    across, up = limits(near[:, 0], x), limits(near[:, 1], y)
    surface = heights(f, across, up)
    title = title or f"Gradient descent, {len(way) - 1} steps{of_length(lr, optimizer)}"

    def draw(axes: Any, last: int) -> None:
        draw_surface(axes, across, up, surface)
        x, y = way[last]
        draw_way(
            axes, way[: last + 1], f"after {last} steps: f({x:.3g}, {y:.3g}) = {level[last]:.4g}"
        )
        axes.set(xlabel="x", ylabel="y")
        axes.set_title(title, fontsize=11)

    return shown(draw, len(way), title, animated, ax)


def shown(draw: Callable, frames: int, title: str, animated: bool, ax: Any) -> Plot | Animation:
    """All frames of a way as a picture that moves, or the last."""
    if animated:
        return Animation(draw, frames, title, size=(5.4, 4.2))
    axes = new_axes(ax, size=(5.4, 4.2))
    draw(axes, frames - 1)
    return Plot(axes, title)


def of_length(lr: float, optimizer: Any) -> str:
    """How long the steps of a way are, in its title."""
    return f" of {lr:g}" if optimizer is None else ""


def path(
    f: Callable, start: tuple[float, ...], lr: float, steps: int, optimizer: Callable | None
) -> np.ndarray:
    """The points that are visited: [steps + 1, weights]; fewer where it leaves finite numbers."""
    from ..optim import SGD

    weights = [Tensor.lift(np.array(float(w))) for w in start]
    for w in weights:
        w.requires_grad = True
    rule = SGD(weights, lr=lr) if optimizer is None else optimizer(weights)
    if not hasattr(rule, "zero_grad"):
        raise TypeError(f"optimizer= gives an optimizer, not {arguments.shown(rule)}")
    found = [[float(w.value) for w in weights]]
    with np.errstate(all="ignore"):
        for _ in range(steps):
            with enable_grad():
                rule.zero_grad()
                lost = f(*weights)
                if not isinstance(lost, Tensor) or lost.shape or not lost.requires_grad:
                    got = arguments.shown(lost)
                    raise ValueError(f"f is a number that depends on its tensors, not {got}")
                lost.backward()
            rule.step()
            found.append([float(w.value) for w in weights])
            if not np.isfinite(found[-1]).all():
                found.pop()
                break
    return np.array(found)


def along(f: Callable, way: np.ndarray) -> np.ndarray:
    """What f gives at each point of a way: [steps + 1]."""
    with no_grad(), np.errstate(all="ignore"):
        z = f(*(Tensor.lift(part) for part in way.T))
    if not isinstance(z, Tensor) or z.shape != way.shape[:1]:
        raise ValueError("f is wanted as z = f(x, y) of tensors, a number for each pair")
    return np.asarray(z.value, float)


def staying(level: np.ndarray) -> int:
    """So many points of a way are drawn around: until it has risen far above where it began."""
    finite = level[np.isfinite(level)]
    if not finite.size:
        return len(level)
    least = finite.min()
    scale = max(level[0] - least, abs(level[min(1, len(level) - 1)] - level[0]))
    lost = np.flatnonzero(~(level - least <= FAR * scale))
    return max(int(lost[0]), 2) if len(lost) else len(level)


def limits(visited: np.ndarray, given: tuple[float, float] | None) -> np.ndarray:
    """The grid along an axis: what is given, or around all that was visited."""
    if given is None:
        low, high = float(visited.min()), float(visited.max())
        room = 0.35 * (high - low) or 1.0
        given = low - room, high + room
    return np.linspace(*given, GRID)


def heights(f: Callable, across: np.ndarray, up: np.ndarray) -> np.ndarray:
    """The surface on the grid."""
    grid_x, grid_y = np.meshgrid(across, up)
    return along(f, np.stack([grid_x.ravel(), grid_y.ravel()], 1)).reshape(grid_x.shape)


def draw_surface(axes: Any, across: np.ndarray, up: np.ndarray, surface: np.ndarray) -> None:
    """Level lines over greys, dark where it is low; levels are closer where it is low."""
    finite = surface[np.isfinite(surface)]
    axes.set(xlim=across[[0, -1]], ylim=up[[0, -1]], facecolor="0.9")
    if not finite.size or finite.min() == finite.max():
        return
    low, high = finite.min(), finite.max()
    levels = low + (high - low) * np.linspace(0, 1, LEVELS + 1) ** 2
    levels[1:-1] = levels[1:-1].round(2 - int(np.floor(np.log10(high - low))))
    greys = [str(grey) for grey in np.linspace(0.68, 1, LEVELS).round(3)]
    z = np.where(np.isfinite(surface), surface, np.nan)
    axes.contourf(across, up, z, levels=levels, colors=greys).set_rasterized(True)  # a small file
    lines = axes.contour(across, up, z, levels=levels[1:-1], colors="0.45", linewidths=0.6,
                         negative_linestyles="solid")  # fmt: skip
    axes.clabel(lines, levels[2:-1:2], fontsize=7, fmt=digits(levels), colors="0.2")


def digits(levels: np.ndarray) -> str:
    """How levels are written: as short as they still differ."""
    formats = (f"%.{n}g" for n in range(3, 17))
    return next((f for f in formats if len({f % x for x in levels}) == len(levels)), "%.17g")


def draw_way(axes: Any, way: np.ndarray, label: str) -> None:
    """The points and steps, the start hollow and the end filled."""
    axes.plot(*way.T, "-", color=PAPER, linewidth=4)  # a rim, for grey paper
    dots = "." if len(way) < 300 else ""
    axes.plot(*way.T, dots + "-", color=CLASSES[5], linewidth=1.8, markersize=6)
    axes.plot(*way[0], "o", color=CLASSES[0], markerfacecolor=PAPER, markersize=10, label="start")
    axes.plot(*way[-1], "o", color=CLASSES[0], markeredgecolor=PAPER, markersize=7, label=label)
    legend_below(axes, ncols=2)
