"""`gg.draw.Histograms`: how the weights and gradients of each layer spread, epoch by epoch."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import grad
from ..nn.checks import untouched
from ..tensors import enable_grad
from ..training import Callback
from ..training.history import scale_of
from .colours import CLASSES
from .picture import Plot, new_axes, plotted, seen, zero_line
from .svg import fitted, letters

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MOST = 200  # epochs that are drawn, evenly among all
ROWS = 256  # so many rows are enough for a gradient to look at
Spread = dict[str, list[list[float]]]  # parameter -> epochs -> quantiles


class Histograms(Callback):
    """Records quantiles of weights and gradients after each epoch, for `fit(callbacks=[...])`.

        spread = gg.draw.Histograms()
        gg.fit(model, data, ..., callbacks=[spread])
        spread.picture()

    weights    {parameter: a list for each epoch, of the 5, 25, 50, 75 and 95 % quantiles}
    gradients  the same of the loss on the first 256 training rows, as when predicting, without
               dropout; empty if the rows come from a loader

    Numbers that are not finite are left out; a parameter without others has NaN.
    """

    parameters = False

    def __init__(self) -> None:
        self.weights: Spread = {}
        self.gradients: Spread = {}

    def on_epoch_end(self, run: Any) -> None:
        parts = {name: p for name, p in run.model.named_parameters() if p.dtype.kind == "f"}
        for name, parameter in parts.items():
            note(self.weights, name, parameter.detach().numpy())
        wanted = {name: p for name, p in parts.items() if p.requires_grad}
        for name, slope in zip(wanted, slopes(run, list(wanted.values()))):
            note(self.gradients, name, slope)

    def state_dict(self) -> dict[str, Any]:
        return {"weights": self.weights, "gradients": self.gradients}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.weights, self.gradients = state["weights"], state["gradients"]

    @plotted
    def picture(self, title: str = "") -> Plot:
        """Bands of the quantiles by epoch: a row for each parameter, weights beside gradients.

        Of more than 200 epochs, 200 are drawn.

        Raises:
            ValueError: No epoch was recorded.
        """
        if not self.weights:
            raise ValueError("no epoch was recorded: give this to fit(callbacks=[...]) first")
        sides = {"": self.weights, "gradient of ": self.gradients}
        sides = {name: side for name, side in sides.items() if side}
        rows = len(self.weights)
        size = 0.6 + 3.4 * len(sides), 0.9 + 1.05 * rows
        grid = new_axes(size=size, nrows=rows, ncols=len(sides), squeeze=False, sharex=True)
        for column, (kind, side) in enumerate(sides.items()):
            for axes, name in zip(grid[:, column], self.weights):
                draw_bands(axes, side.get(name, []), kind + name)
            grid[-1, column].set_xlabel("epoch")
        title = title or "Quantiles: 5 to 95 %, 25 to 75 %, and the median"
        grid[0, 0].figure.suptitle(letters(title), fontsize=11, parse_math=False)
        return Plot(grid[-1, 0], title)


def note(spread: Spread, name: str, array: np.ndarray) -> None:
    """Add an epoch."""
    finite = array[np.isfinite(array)].astype(float)
    found = np.quantile(finite, QUANTILES) if finite.size else np.full(len(QUANTILES), np.nan)
    spread.setdefault(name, []).append(found.tolist())


def slopes(run: Any, parameters: list[Any]) -> list[np.ndarray]:
    """The gradient of the loss on the first rows; none where rows cannot be taken again."""
    if not hasattr(run.subtrain, "take") or not parameters:
        return []
    with untouched(run.model), enable_grad():
        batch = run.subtrain.take(np.arange(min(len(run.subtrain), ROWS)))
        loss = run.objective(run.model(*batch.inputs), batch.labels, batch.weights)
        found = grad(loss.sum(), parameters, allow_unused=True, materialize_grads=True)
    return [slope.detach().numpy() for slope in found]


def draw_bands(axes: Any, epochs: list[list[float]], title: str) -> None:
    """The quantiles of a parameter, the first epoch at 1."""
    axes.set_title(fitted(title, 9, 210), fontsize=9, parse_math=False)
    axes.tick_params(labelsize=8)
    if not epochs:
        axes.text(0.5, 0.5, "none", ha="center", va="center", transform=axes.transAxes)
        axes.set(yticks=[])
        return
    chosen = np.unique(np.linspace(0, len(epochs) - 1, MOST).round().astype(int))
    at, low, lower, middle, upper, high = seen(chosen + 1, *np.array(epochs)[chosen].T)
    axes.fill_between(at, low, high, color=CLASSES[0], alpha=0.18, linewidth=0)
    axes.fill_between(at, lower, upper, color=CLASSES[0], alpha=0.4, linewidth=0)
    axes.plot(at, middle, color=CLASSES[0], marker="." if 2 < len(at) < 20 else "")
    scale_of(axes, epochs, even=True)
    zero_line(axes)
