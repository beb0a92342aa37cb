"""Curves of functions of one number, with their derivatives: activations and losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..tensors import Tensor, enable_grad
from .colours import CLASSES
from .picture import Plot, new_axes

POINTS = 401
STYLES = ("-", "--", "-.", ":")  # so that curves differ on grey paper too


def function(
    functions: Any, low: float = -4.0, high: float = 4.0, *, derivative: bool = True,
    title: str = "", variable: str = "x", ax: Any = None,
) -> Plot:  # fmt: skip
    """Functions of one number, drawn as curves, and their derivatives beside them, dashed.

    functions   one, several, or {"name": function}: of tensors, as gg.relu, nn.Sigmoid(), or
                lambda a: nn.functional.softplus(-a)
    low, high   from where to where
    derivative  whether d f / d x is drawn too; where f has a corner, what backward() takes there

    Source: lecture J, unit step to ReLU; lecture H, losses of a label and a score.
    """
    if not low < high:
        raise ValueError(f"low={low} must be below high={high}")
    if not named(functions):
        raise ValueError("at least one function is wanted")
    axes = new_axes(ax)
    at = np.linspace(low, high, POINTS)
    for number, (name, f) in enumerate(named(functions).items()):
        y, slope = values_and_slopes(f, at)
        colour = CLASSES[number % len(CLASSES)]
        style = STYLES[number % len(STYLES)] if not derivative else "-"
        axes.plot(at, broken(y), style, color=colour, label=name, linewidth=1.8)
        if derivative and slope is not None:
            axes.plot(at, broken(slope), "--", color=colour, linewidth=1.1, label=f"{name}, slope")
    axes.axhline(0, color="0.75", linewidth=0.8, zorder=0)
    axes.axvline(0, color="0.75", linewidth=0.8, zorder=0)
    title = title or ", ".join(named(functions))
    axes.set(xlabel=variable, title=title)
    axes.legend(frameon=False)
    return Plot(axes, title)


def named(functions: Any) -> dict[str, Callable]:
    """{name: function}."""
    if isinstance(functions, dict):
        return functions
    listed = functions if isinstance(functions, (list, tuple)) else [functions]
    found: dict[str, Callable] = {}
    for f in listed:
        name = getattr(f, "__name__", type(f).__name__)
        found["f" if name == "<lambda>" else name] = f
    return found


def values_and_slopes(f: Callable, at: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """The function and its derivative at each point, in float64.

    Raises:
        ValueError: The function does not give a number for each number.
    """
    x = Tensor.lift(at.copy())
    x.requires_grad = True
    with enable_grad():
        y = f(x)
        if not isinstance(y, Tensor) or y.shape != x.shape:
            shape = list(y.shape) if isinstance(y, Tensor) else type(y).__name__
            raise ValueError(
                f"a function of one number is wanted: of {len(at)} numbers it made {shape}; "
                "losses are drawn with reduction='none'"
            )
        if not y.requires_grad:
            return np.asarray(y.value), np.zeros_like(at)
        y.sum().backward()
    slope = None if x.grad is None else np.asarray(x.grad.value)
    return np.asarray(y.detach().value), slope


def broken(y: np.ndarray) -> np.ndarray:
    """The values with a gap where a step lies, which is no steep line."""
    y = y.astype(float).copy()
    jump, spread = np.abs(np.diff(y)), np.nanmax(y) - np.nanmin(y) if np.isfinite(y).any() else 0.0
    if spread:
        around = np.maximum(np.append(jump[1:], 0), np.insert(jump[:-1], 0, 0))
        y[1:][(jump > 0.2 * spread) & (around < 0.1 * jump)] = np.nan
    return y
