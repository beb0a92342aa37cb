"""Weights in pictures: histograms by layer, and how a penalty shrinks them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..nn.chain import check_module
from .colours import CLASSES
from .picture import Plot, new_axes, plain


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
    found = arrays_of(model, gradients)
    axes = new_axes(ax, size=(6.0, 0.6 + 0.62 * len(found)))
    for row, array in enumerate(reversed(found.values())):
        finite = array[np.isfinite(array)]
        counts, edges = np.histogram(finite, bins)
        middle, tall = (edges[1:] + edges[:-1]) / 2, counts / max(counts.max(initial=0), 1) * 0.85
        axes.fill_between(middle, row, row + tall, step="mid", color=CLASSES[0], alpha=0.55)
        axes.step(middle, row + tall, where="mid", color=CLASSES[0], linewidth=0.8)
        lost = array.size - finite.size
        text = f"{finite.mean():.3g} ± {finite.std():.3g}" if finite.size else "none finite"
        text += f", {lost} not finite" if lost else ""
        axes.text(1.01, row + 0.3, text, transform=axes.get_yaxis_transform(), fontsize=8.5)
    axes.set_yticks([n + 0.3 for n in range(len(found))], list(map(plain, reversed(found))))
    title = title or ("Gradients" if gradients else "Weights") + ", mean ± standard deviation"
    axes.set(title=title, xlabel="value", ylim=(0, len(found)))
    axes.axvline(0, color="0.6", linewidth=0.8)
    return Plot(axes, title)


def arrays_of(model: Any, gradients: bool) -> dict[str, np.ndarray]:
    """The numbers of each parameter."""
    if isinstance(model, dict):
        found = {str(k): np.asarray(v, float).ravel() for k, v in model.items()}
    else:
        check_module(model)
        parts = ((n, p.grad if gradients else p) for n, p in model.named_parameters())
        found = {n: np.asarray(p.detach().value, float).ravel() for n, p in parts if p is not None}
    if not found:
        what = "gradients: call backward() first" if gradients else "parameters"
        raise ValueError(f"the model has no {what}")
    return found


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
    penalties = sorted(map(float, penalties))
    if not penalties or penalties[0] <= 0:
        raise ValueError("penalties must be above 0, to stand on a logarithmic axis")
    paths = np.array([weights_of(train(p)) for p in penalties])
    axes = new_axes(ax)
    for k, path in enumerate(paths.T):
        name = names[k] if k < len(names) else ""
        axes.plot(penalties, path, color=CLASSES[k % len(CLASSES)], linewidth=1.6, label=name)
        if not name and len(paths.T) <= 12:
            axes.annotate(f"w{k + 1}", (penalties[0], path[0]), xytext=(-4, 0), ha="right",
                          va="center", textcoords="offset points", fontsize=8)  # fmt: skip
    axes.axhline(0, color="0.6", linewidth=0.8)
    axes.set_xscale("log")
    axes.margins(x=0.1)  # room for the weights' names
    title = title or "Weights under a rising penalty"
    axes.set(xlabel="penalty", ylabel="weight", title=title)
    if any(names):
        axes.legend(frameon=False)
    return Plot(axes, title)


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
