"""Gradient descent in one dimension: the curve, its minima, and which is reached from where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arguments import RANGE, array_of, check_arguments, listed, optional, whole
from ..autograd import grad
from ..tensors import Tensor, enable_grad, no_grad
from .colours import CLASSES, INK, MARKERS, PAPER
from .descent import RULE, of_length, path, staying
from .picture import Plot, legend_below, new_axes, plotted

GRID = 1001
ROOM = 0.2  # of the width that is drawn: so wide is what stands at a minimum
NEAR = 0.01  # of the width that is drawn: so near to a minimum, descent has reached it
WAYS = tuple(CLASSES[k] for k in (0, 5, 2, 3, 7, 1, 4))


@plotted
def minima(
    f: Callable, starts: Sequence[float], *, lr: float = 0.02, steps: int = 50,
    x: tuple[float, float] | None = None, optimizer: Callable | None = None, title: str = "",
    ax: Any = None,
) -> Plot:  # fmt: skip
    """Gradient descent on a curve y = f(x), from one or several starts.

    f          of a tensor of numbers, element by element: lambda x: x**4 - 2 * x**2 + 0.3 * x
    starts     where the ways begin
    lr, steps  how far each step goes against the derivative, and how many there are
    x          from where to where the curve is drawn; around the ways if not given
    optimizer  (parameters) -> an optimizer, to see the way of another rule

    At each start stands the tangent: where the derivative is positive, the step goes left, where
    it is negative, right.  Minima are those of the curve as far as it is drawn.
    Source: lecture B, descent with the sign of the derivative.

    Raises:
        ValueError: There is no start, or f does not give a number for each number.
    """
    check_arguments(
        locals(), x=optional(RANGE), optimizer=RULE, steps=whole(0), starts=listed("numbers")
    )
    starts = array_of("starts", starts, float).ravel().tolist()
    if not starts:
        raise ValueError("at least one start is wanted, as starts=[-2.0, 2.0]")
    at_starts = slopes(f, np.array(starts, float))
    ways = [path(f, (float(s),), lr, steps, optimizer)[:, 0] for s in starts]
    across = limits(np.concatenate([way[: staying(values(f, way))] for way in ways]), x)
    curve = values(f, across)
    found = lowest(across, curve)
    axes = new_axes(ax, size=(6.0, 3.8 + 0.2 * len(ways)))
    axes.plot(across, curve, color="0.45", linewidth=1.6)
    low, high = axes.get_ylim()
    axes.set(xlim=across[[0, -1]], ylim=(low - 0.14 * (high - low), high))  # room below minima
    draw_minima(axes, found)
    for number, (way, slope) in enumerate(zip(ways, at_starts)):
        look = {"color": WAYS[number % len(WAYS)], "marker": MARKERS[number % len(MARKERS)]}
        draw_way(axes, f, way, slope, look, across[-1] - across[0], found)
    title = title or f"Descent with the derivative, {steps} steps{of_length(lr, optimizer)}"
    axes.set(xlabel="x", ylabel="f(x)", title=title)
    legend_below(axes)
    return Plot(axes, title)


def limits(visited: np.ndarray, given: tuple[float, float] | None) -> np.ndarray:
    """The grid: what is given, or a little more than was visited."""
    if given is None:
        low, high = float(visited.min()), float(visited.max())
        room = 0.08 * (high - low) or 1.0
        given = low - room, high + room
    return np.linspace(*given, GRID)


def values(f: Callable, at: np.ndarray) -> np.ndarray:
    """What the function gives at each number."""
    with no_grad(), np.errstate(all="ignore"):
        y = f(Tensor.lift(at))
    if not isinstance(y, Tensor) or y.shape != at.shape:
        raise ValueError("f is wanted as y = f(x) of a tensor, a number for each number")
    return np.asarray(y.value)


def slopes(f: Callable, at: np.ndarray) -> np.ndarray:
    """The derivative at each number; none where f has no value."""
    level = values(f, at)
    x = Tensor.lift(at)
    x.requires_grad = True
    with enable_grad(), np.errstate(all="ignore"):
        return np.where(np.isfinite(level), grad(f(x).sum(), x)[0].value, np.nan)


def lowest(across: np.ndarray, curve: np.ndarray) -> list[tuple[float, float, str]]:
    """The minima of a curve: where, how low, and whether global or local."""
    inner = curve[1:-1]
    places = 1 + np.flatnonzero((inner < curve[:-2]) & (inner <= curve[2:]))
    least = np.min(curve[np.isfinite(curve)], initial=np.inf)
    even = 1e-6 * np.ptp(curve[np.isfinite(curve)]) if np.isfinite(least) else 0.0
    kinds = ["global" if curve[k] <= least + even else "local" for k in places]
    return [(float(across[k]), float(curve[k]), kind) for k, kind in zip(places, kinds)]


def draw_minima(axes: Any, found: list[tuple[float, float, str]]) -> None:
    """An arrow to each minimum, with its kind."""
    left, right = axes.get_xlim()
    places = (np.array([x for x, _, _ in found]) - left) / (right - left)
    crowded = np.diff(places, append=2).min(initial=2) < ROOM
    for place, (x, y, kind) in zip(places, found):
        side = "left" if place < ROOM / 2 else "right" if place > 1 - ROOM / 2 else "center"
        axes.annotate(
            kind if crowded else f"{kind} minimum", (x, y), xytext=(0, -20), ha=side, va="top",
            textcoords="offset points", fontsize=8.5, color=INK, zorder=4,
            arrowprops={"arrowstyle": "-|>", "color": INK, "shrinkB": 6},
            bbox={"facecolor": PAPER, "edgecolor": "none", "alpha": 0.7, "pad": 0.5},
        )  # fmt: skip


def draw_way(
    axes: Any, f: Callable, way: np.ndarray, slope: float, look: dict[str, str], width: float,
    found: list[tuple[float, float, str]],
) -> None:  # fmt: skip
    """The points of a way, the start hollow and the end filled, and the tangent at the start."""
    y = values(f, way)
    axes.plot(way, y, ".", color=look["color"], markersize=4)
    if np.isfinite([y[0], slope]).all():
        draw_tangent(axes, way[0], y[0], slope, look["color"], width)
    axes.plot(way[:1], y[:1], linestyle="", markerfacecolor=PAPER, markersize=8, **look)
    reached = [kind for x, _, kind in found if abs(x - way[-1]) <= NEAR * width]
    where = f"{reached[0]} minimum" if reached else "no minimum yet"
    sign = "> 0, go left" if slope > 0 else "< 0, go right" if slope < 0 else "= 0, stay"
    sign = f"= {slope:.3g} {sign}" if slope == slope else "is no number"
    precise = ".3f" if abs(way[-1]) < 1e5 else ".4g"
    label = f"from {way[0]:.3g}: f′ {sign}; x = {way[-1]:{precise}}, {where}"
    axes.plot(way[-1:], y[-1:], linestyle="", markersize=8, label=label, **look)


def draw_tangent(
    axes: Any, x: float, y: float, slope: float, colour: str, width: float
) -> None:  # fmt: skip
    """A piece of the tangent, and an arrow along it to where the function falls."""
    low, high = axes.get_ylim()
    across, up = width, (high - low) or 1.0
    scale = 0.1 / max(np.hypot(1, slope * across / up), 1e-9)  # about as long for any slope
    dx = scale * across * (-1.0 if slope > 0 else 1.0)
    axes.plot([x - dx, x + dx], [y - slope * dx, y + slope * dx], color=colour, linewidth=1.2)
    if slope:
        end, start = (x + 2 * dx, y + 2 * slope * dx), (x + dx, y + slope * dx)
        axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": colour})
