"""Curves of functions of one number, with their derivatives: activations and losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arguments import check_argument, check_arguments, listing, number
from ..arguments import function as callable_with
from ..tensors import Tensor, enable_grad
from .colours import MARKERS, PAPER, line_of
from .picture import Plot, new_axes, plotted, short

POINTS = 401
EVERY = 50  # points from mark to mark, which tell curves apart on grey paper


@plotted
def function(
    functions: Any, low: float = -4.0, high: float = 4.0, *, derivative: bool = True,
    title: str = "", variable: str = "x", ax: Any = None,
) -> Plot:  # fmt: skip
    """Functions of one number, drawn as curves, and their derivatives beside them, dashed.

    functions   one, several, or {"name": function}: of tensors, as gg.relu, nn.Sigmoid(), or
                lambda a: nn.functional.softplus(-a); or the name of one of nn.functional: "relu"
    low, high   from where to where
    derivative  whether d f / d x is drawn too; where f has a corner, what backward() takes there

    Source: lecture J, unit step to ReLU; lecture H, losses of a label and a score.
    """
    check_arguments(locals(), low=number(), high=number())
    if not low < high:
        raise ValueError(f"low={low} must be below high={high}")
    functions = {name: callable_of(f) for name, f in named(functions).items()}
    if not functions:
        raise ValueError("at least one function is wanted")
    axes = new_axes(ax)
    at = np.linspace(low, high, POINTS)
    drawn = []
    for row, (name, f) in enumerate(functions.items()):
        y, slope = values_and_slopes(f, at)
        look: dict[str, Any] = line_of(row) | {"markersize": 4.5}
        if len(functions) > 1:
            first = (EVERY // 2 + 13 * row) % EVERY
            look |= {"marker": MARKERS[row % len(MARKERS)], "markevery": (first, EVERY)}
        for values, kind in [(y, ""), (slope, ", slope")][: 1 + derivative]:
            if derivative:
                look |= (
                    {"linestyle": "--", "markerfacecolor": PAPER} if kind else {"linestyle": "-"}
                )
            drawn.append(broken(values))
            axes.plot(
                at, drawn[-1], label=short(name) + kind, linewidth=1.1 if kind else 1.8, **look
            )
    axes.set_ylim(within(np.concatenate(drawn), *axes.get_ylim()))
    axes.axhline(0, color="0.75", linewidth=0.8, zorder=0)
    axes.axvline(0, color="0.75", linewidth=0.8, zorder=0)
    title = title or ", ".join(functions)
    axes.set(xlabel=variable, title=title, xlim=(low, high))
    axes.legend(frameon=False)
    return Plot(axes, title)


def within(values: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """From where to where values are shown: a pole does not make the rest flat."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return low, high
    least, most = np.quantile(finite, [0.05, 0.95])
    room = most - least
    if not room or high - low < 8 * room:
        return low, high
    return max(low, least - room), min(high, most + room)


def named(functions: Any) -> dict[str, Callable]:
    """{name: function}."""
    if isinstance(functions, dict):
        return functions
    found: dict[str, Any] = {}
    for f in listing(functions):
        name = f if isinstance(f, str) else getattr(f, "__name__", type(f).__name__)
        name = name.replace("<lambda>", "f")
        alike = sum(known.split(" ")[0] == name for known in found)
        found[f"{name} {alike + 1}" if alike else name] = f
    return found


def callable_of(f: Any) -> Callable:
    """A function of one tensor, or that of nn.functional with this name.

    Raises:
        TypeError, ValueError: It is none.
    """
    from ..nn import functional

    found: Any = getattr(functional, f, None) if isinstance(f, str) else f
    if found is None and isinstance(f, str):
        raise ValueError(f"nn.functional has no {f!r}; a function is gg.relu, or lambda x: x**2")
    check_argument("a function", found, callable_with("one of a tensor, as gg.relu", None))
    return found


def values_and_slopes(f: Callable, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The function and its derivative at each point, in float64; none where it has no value.

    Raises:
        ValueError: The function does not give a number for each number.
    """
    x = Tensor.lift(at.copy())
    x.requires_grad = True
    with enable_grad(), np.errstate(all="ignore"):
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
    value = np.asarray(y.detach().value)
    slope = np.zeros_like(at) if x.grad is None else np.asarray(x.grad.value)
    return value, np.where(np.isfinite(value), slope, np.nan)


def broken(y: np.ndarray) -> np.ndarray:
    """The values with a gap where a step lies, which is no steep line."""
    y = np.where(np.isfinite(y), y, np.nan)
    jump = np.nan_to_num(np.abs(np.diff(y)))
    wide = np.pad(jump, 3)  # beside a step there may be another: half of it lies at the corner
    around = np.max([wide[k : k + len(jump)] for k in (0, 1, 5, 6)], 0)
    y[1:][(jump > 0.02 * jump.sum()) & (around < 0.1 * jump)] = np.nan
    return y
