"""Weights in pictures: histograms by layer, and how a penalty shrinks them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arguments import ANY, array_of, check_arguments, function, listed, listing
from ..nn.chain import check_module
from .colours import CLASSES, line_of
from .picture import Plot, new_axes, plain, plotted, short, zero_line

TRAIN = function("a function of the penalty that gives a model or weights", None)
LABEL = 0.045  # of the height of the axes: so high is the name of a weight


@plotted
def histograms(
    model: Any, *, gradients: bool = False, bins: int = 40, title: str = "", ax: Any = None
) -> Plot:
    """The weights of each layer as a histogram, one above the other, with mean and deviation.

    model      a module, or {"name": array}
    gradients  of p.grad instead of p

    Raises:
        ValueError: There is nothing to draw.
        TypeError: It is neither.
    """
    check_arguments(locals(), model=ANY)
    found = arrays_of(model, gradients)
    axes = new_axes(ax, size=(6.0, max(0.8 + 0.62 * len(found), 2.2)))
    parts = [array[np.isfinite(array)] for array in reversed(found.values())]
    numbers = np.concatenate(parts)
    wide = np.ptp(numbers) if numbers.size else 0.0
    for row, (finite, array) in enumerate(zip(parts, reversed(found.values()))):
        draw_histogram(axes, finite, bins, row, wide)
        lost = array.size - finite.size
        text = f"{finite.mean():.3g} ± {finite.std():.3g}" if finite.size else "none finite"
        text += f"\n{lost} not finite" if lost else ""
        axes.text(1.01, row + 0.3, text, transform=axes.get_yaxis_transform(), fontsize=8.5)
    names = [plain(short(name)) for name in reversed(found)]
    axes.set_yticks([n + 0.3 for n in range(len(found))], names)
    title = title or ("Gradients" if gradients else "Weights") + ", mean ± standard deviation"
    axes.set(title=title, xlabel="value", ylim=(0, len(found)))
    axes.locator_params(axis="x", nbins=5)
    zero_line(axes, across=False)
    return Plot(axes, title)


def draw_histogram(axes: Any, finite: np.ndarray, bins: int, row: int, wide: float) -> None:
    """How often values lie where; equal ones are a bar of a width that can be seen."""
    same = not finite.size or not np.ptp(finite)
    if same:
        edges = (finite[:1] if finite.size else 0.0) + np.array([-0.5, 0.5]) * (wide / bins or 1.0)
        counts = np.array([finite.size])
    else:
        counts, edges = np.histogram(finite, bins)
    tall = row + counts / max(counts.max(), 1) * 0.85
    axes.stairs(tall, edges, baseline=row, fill=True, color=CLASSES[0], alpha=0.55)
    axes.stairs(tall, edges, baseline=row, color=CLASSES[0], linewidth=0.8)


def arrays_of(model: Any, gradients: bool) -> dict[str, np.ndarray]:
    """The numbers of each parameter."""
    if isinstance(model, dict):
        found = {str(k): array_of(str(k), v, float).ravel() for k, v in model.items()}
    else:
        check_module(model)
        parts = ((n, p.grad if gradients else p) for n, p in model.named_parameters())
        found = {n: np.asarray(p.detach().value, float).ravel() for n, p in parts if p is not None}
    if not found:
        what = "gradients: call backward() first" if gradients else "parameters"
        raise ValueError(f"the model has no {what}")
    return found


@plotted
def shrinkage(
    train: Callable[[float], Any], penalties: Sequence[float], *, names: Sequence[str] = (),
    title: str = "", ax: Any = None,
) -> Plot:  # fmt: skip
    """How weights shrink as a penalty rises: a curve for each weight.

    train      penalty -> the model that was trained with it, or its weights
    penalties  rising, all above 0; drawn on a logarithmic axis
    names      of the weights

    Under L2 weights approach zero, under L1 they reach it.  Source: lecture B, regularization.

    Raises:
        ValueError: A penalty is not above 0.
    """
    check_arguments(locals(), train=TRAIN, penalties=listed("numbers"))
    penalties = sorted(array_of("penalties", penalties, float).ravel().tolist())
    names = list(map(str, listing(names)))
    if not penalties or not 0 < penalties[0] <= penalties[-1] < np.inf:
        raise ValueError("penalties must be above 0, to stand on a logarithmic axis")
    paths = np.array([weights_of(train(p)) for p in penalties])
    axes = new_axes(ax, size=(6.6 if names else 5.0, 4.0))
    mark = "" if len(penalties) > 1 else "o"
    for k, path in enumerate(paths.T):
        name = short(names[k]) if k < len(names) else None
        axes.plot(penalties, path, marker=mark, linewidth=1.6, label=name, **line_of(k))
    axes.axhline(0, color="0.6", linewidth=0.7, zorder=0)
    axes.set_xscale("log")
    axes.margins(x=0.1)  # room for the weights' names
    if names:
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
    elif len(paths.T) <= 12:
        draw_names(axes, penalties[0], paths[0])
    title = title or "Weights under a rising penalty"
    axes.set(xlabel="penalty", ylabel="weight", title=title)
    return Plot(axes, title)


def draw_names(axes: Any, x: float, weights: np.ndarray) -> None:
    """w1, w2, ... where the curves begin, one above the other where these are close."""
    low, high = axes.get_ylim()
    places = (weights - low) / (high - low)
    order, below = np.argsort(places, kind="stable"), LABEL * np.arange(len(places))
    apart = np.maximum.accumulate(places[order] - below) + below
    for k, place in zip(order, np.minimum(apart, 0.98 - below[::-1])):
        axes.annotate(f"w{k + 1}", (x, low + place * (high - low)), xytext=(-4, 0), ha="right",
                      va="center", textcoords="offset points", fontsize=8)  # fmt: skip


def weights_of(trained: Any) -> np.ndarray:
    """The matrix weights of a model, without biases, or the numbers themselves."""
    if hasattr(trained, "named_parameters"):
        parts = [
            np.asarray(p.detach().value, float).ravel()
            for name, p in trained.named_parameters()
            if not name.endswith("bias")
        ]
        return np.concatenate(parts)
    return np.asarray(getattr(trained, "value", trained), float).ravel()
