"""`gg.draw.landscape`: the loss of a model around its weights, along two random directions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..nn.chain import check_module
from ..nn.checks import untouched
from ..tensors import Tensor, no_grad
from ..tensors.creation import coerced
from .picture import Plot, new_axes

LEVELS = 14


def landscape(
    model: Any, loss: Any, X: Any, y: Any, *, reach: float = 1.0, points: int = 25, seed: int = 0,
    title: str = "", ax: Any = None,
) -> Plot:  # fmt: skip
    """The loss at w + a u + b v, for two random directions u and v of all weights w.

    model   a module; its weights are the middle, and are as they were afterwards
    loss    of outputs and labels, as nn.MSELoss() or nn.functional.cross_entropy
    X, y    rows and labels
    reach   how far a and b go to both sides; 1 is as long as the weights themselves
    points  so many along each axis
    seed    of the directions; the same seed is the same picture

    Directions are normalised filter by filter: each row of a matrix, or kernel, of a direction is
    as long as that of the weights, since a scaled layer followed by ReLU is the same network; for
    biases and scales the direction is zero.  Source: Li, Xu, Taylor, Studer and Goldstein 2018.

    Raises:
        ValueError: The model has no weights, or there are fewer than 3 points.
        TypeError: It is no module.
    """
    check_module(model)
    if points < 3:
        raise ValueError(f"points={points}: at least 3 along each axis are needed")
    weights = [p for p in model.parameters() if p.ndim > 1]
    if not weights:
        raise ValueError("the model has no matrix or kernel, and so no direction to go")
    at = np.linspace(-reach, reach, points)
    height = heights(model, loss, coerced(X), coerced(y), directions(weights, seed), at)
    axes, title = new_axes(ax, size=(5.4, 4.2)), title or "Loss around the trained weights"
    draw_heights(axes, at, height)
    middle = height_at(model, loss, coerced(X), coerced(y))
    axes.plot(0, 0, "*", color="#d55e00", markeredgecolor="white", markersize=15,
              label=f"the weights as they are: loss {middle:.4g}")  # fmt: skip
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), frameon=False)
    axes.set(xlabel="along the first direction", ylabel="along the second", title=title)
    return Plot(axes, title)


def directions(weights: list[Any], seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Two directions, each filter as long as that of the weights."""
    random = np.random.default_rng(seed)
    first, second = ([like(w.detach().numpy(), random) for w in weights] for _ in range(2))
    return first, second


def like(weight: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Normal numbers, each row as long as that of the weight."""
    drawn = random.standard_normal(weight.shape)
    axes = tuple(range(1, weight.ndim))
    length = np.sqrt(np.square(drawn).sum(axes, keepdims=True))
    wanted = np.sqrt(np.square(weight.astype(float)).sum(axes, keepdims=True))
    return drawn / np.where(length == 0, 1, length) * wanted


def heights(model: Any, loss: Any, X: Tensor, y: Tensor, both: tuple, at: np.ndarray) -> np.ndarray:
    """The loss on the grid: [points along the second, points along the first]."""
    weights = [p for p in model.parameters() if p.ndim > 1]
    before = [w.detach().numpy().copy() for w in weights]
    found = np.empty((len(at), len(at)))
    try:
        for (row, column), _ in np.ndenumerate(found):
            for w, middle, u, v in zip(weights, before, *both):
                w.value[...] = middle + at[column] * u + at[row] * v
            found[row, column] = height_at(model, loss, X, y)
    finally:
        for w, middle in zip(weights, before):
            w.value[...] = middle
    return found


def height_at(model: Any, loss: Any, X: Tensor, y: Tensor) -> float:
    """The loss with the weights as they are, in use (`eval`)."""
    with untouched(model), no_grad():
        return float(loss(model(X), y).item())


def draw_heights(axes: Any, at: np.ndarray, height: np.ndarray) -> None:
    """Level lines over greys, dark where the loss is low; spaced evenly from low to high."""
    finite = height[np.isfinite(height)]
    if not finite.size or finite.min() == finite.max():
        return
    low, high = finite.min(), finite.max()
    levels = low + (high - low) * np.linspace(0, 1, LEVELS) ** 2  # closer where it is low
    shown = np.where(np.isfinite(height), height, high)
    axes.contourf(at, at, shown, levels=levels, cmap="gray", alpha=0.5)
    lines = axes.contour(at, at, shown, levels=levels[1:-1], colors="0.3", linewidths=0.6)
    axes.clabel(lines, fontsize=7, fmt="%.3g")
