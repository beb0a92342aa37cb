"""Gradient descent on a surface of two weights: the way down, still and moving."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..tensors import Tensor, enable_grad, no_grad
from .picture import Animation, Plot, new_axes

GRID = 81


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
    way = path(f, start, lr, steps, optimizer)
    across, up = limits(way[:, 0], x), limits(way[:, 1], y)
    surface = heights(f, across, up)
    title = title or f"Gradient descent, {len(way) - 1} steps of {lr:g}"

    def draw(axes: Any, last: int) -> None:
        draw_surface(axes, across, up, surface)
        draw_way(axes, way[: last + 1], f)
        axes.set_title(title, fontsize=11)

    if animated:
        return Animation(draw, len(way), title)
    axes = new_axes(ax)
    draw(axes, len(way) - 1)
    return Plot(axes, title)


def path(
    f: Callable, start: tuple[float, ...], lr: float, steps: int, optimizer: Callable | None
) -> np.ndarray:
    """The points that are visited: [steps + 1, weights]; fewer where it leaves finite numbers."""
    from ..optim import SGD

    weights = [Tensor.lift(np.array(float(w))) for w in start]
    for w in weights:
        w.requires_grad = True
    rule = SGD(weights, lr=lr) if optimizer is None else optimizer(weights)
    found = [[float(w.value) for w in weights]]
    for _ in range(steps):
        with enable_grad():
            rule.zero_grad()
            f(*weights).backward()
        rule.step()
        found.append([float(w.value) for w in weights])
        if not np.isfinite(found[-1]).all():
            found.pop()
            break
    return np.array(found)


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
    with no_grad():
        z = f(Tensor.lift(grid_x), Tensor.lift(grid_y))
    if not isinstance(z, Tensor) or z.shape != grid_x.shape:
        raise ValueError("f is wanted as z = f(x, y) of tensors, a number for each pair")
    return np.asarray(z.value)


def draw_surface(axes: Any, across: np.ndarray, up: np.ndarray, surface: np.ndarray) -> None:
    """Level lines over grey heights, dark where it is low."""
    axes.contourf(across, up, surface, levels=18, cmap="gray", alpha=0.45)
    lines = axes.contour(across, up, surface, levels=9, colors="0.35", linewidths=0.6)
    axes.clabel(lines, fontsize=7, fmt="%.3g")


def draw_way(axes: Any, way: np.ndarray, f: Callable) -> None:
    """The points and steps, the start hollow and the end filled."""
    axes.plot(way[:, 0], way[:, 1], "-", color="#d55e00", linewidth=1.4)
    axes.plot(way[:, 0], way[:, 1], ".", color="#d55e00", markersize=5)
    axes.plot(*way[0], "o", color="#0072b2", markerfacecolor="white", markersize=8, label="start")
    with no_grad():
        z = float(f(*(Tensor.lift(np.array(w)) for w in way[-1])).value)
    x, y = way[-1]
    label = f"after {len(way) - 1} steps: f({x:.3g}, {y:.3g}) = {z:.4g}"
    axes.plot(x, y, "o", color="#0072b2", markersize=8, label=label)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), frameon=False, ncols=2, fontsize=9)
    axes.set(xlabel="x", ylabel="y")
