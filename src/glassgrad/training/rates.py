"""Learning rates: tried on a copy of the model, so that nothing of the user's changes."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from ..arguments import check_arguments
from ..tensors import enable_grad, no_grad
from ..tensors.generator import default_generator
from .findings import Finding
from .fit import check_loader, optimizer_of
from .history import axes, by_powers, save_picture, small_curves
from .nonfinite import found_in_data, found_in_model
from .objective import Objective
from .observe import as_it_trains, makes_weights
from .predict import own_stream
from .prepare import check_fit
from .rows import Batch, LoaderRows, Rows, batches, others, rows_of
from .run import wants_closure

LOWEST, HIGHEST, SWEEP = 1e-6, 10.0, 100  # seven powers of ten hold the rates of all our rules
SMOOTHING = 0.9  # of the loss: the mean of about the last ten steps
BROKEN = 4.0  # times the least loss: the rate is far too high, nothing more is to be seen
MARGIN = 10.0  # the rate of the least loss is about to break; a tenth of it trains
TRIAL = 40  # steps at each of three rates: enough to tell them apart, few enough to wait for
TOO_LOW = 0.01  # of the gain at another rate: usual rates of Adam differ by less, and all train
TOO_HIGH = 0.2  # of the gain at a lower rate, which takes shorter steps
LEARNT = 0.5  # of the loss of outputs in disorder: then the training is on its way
GAIN = 0.02  # of the loss: less is noise
WORTH = 0.05  # of the loss must be gained, or the training is over and rates tell nothing


@dataclass(repr=False)
class Rates:
    """The loss against a rising learning rate.

    rates       the learning rate of each step
    losses      the loss before each step, smoothed
    suggestion  a rate to begin with: a tenth of that of the least loss (Smith 2017); None where no
                rate lowers the loss
    """

    rates: list[float]
    losses: list[float]

    @property
    def best(self) -> int:
        """The step of the least loss."""
        finite = [(loss, i) for i, loss in enumerate(self.losses) if math.isfinite(loss)]
        return min(finite)[1]

    @property
    def suggestion(self) -> float | None:
        """A rate to begin with."""
        lower = self.losses[self.best] < self.losses[0] - GAIN * abs(self.losses[0])
        return self.rates[self.best] / MARGIN if lower else None

    def __repr__(self) -> str:
        low, high, best = self.rates[0], self.rates[-1], self.best
        said = "no rate lowers the loss so soon: try more steps, other first weights or Adam"
        if self.suggestion is not None:
            said = f"suggestion {self.suggestion:.2g}"
        return (
            f"Rates({len(self.rates)} steps from {low:.2g} to {high:.2g}; "
            f"least loss {self.losses[best]:.4g} at {self.rates[best]:.2g}; {said})"
        )

    def _repr_html_(self) -> str:
        """The numbers and the curve, for notebooks."""
        return f"<div><p>{escape(repr(self))}</p>{small_curves(self.losses)}</div>"

    def plot(self, path: Any = None, ax: Any = None) -> Any:
        """Draw the loss against the rate, with the suggestion marked; returns matplotlib's axes.

        path  a picture file to write (PNG, SVG, PDF, by its ending)
        ax    axes to draw into; else new ones are made
        """
        ax = axes(on_screen=path is None) if ax is None else ax
        ax.plot(self.rates, self.losses, color="C0", marker="." if len(self.rates) < 30 else "")
        ax.set(xscale="log", xlabel="learning rate", ylabel="loss", title="Loss at a rising rate")
        by_powers(ax, self.losses)
        if (lr := self.suggestion) is not None:
            ax.axvline(lr, color="0.6", linestyle=":", label=f"{lr:.2g}")
            ax.legend(title="suggestion")
        if path is not None:
            save_picture(ax.figure, path)
        return ax


def find_rate(
    model: Any,
    data: Any,
    *,
    loss: Any,
    optimizer: Any = "sgd",
    batch_size: int | None = 32,
    low: float = LOWEST,
    high: float = HIGHEST,
    steps: int = SWEEP,
    seed: int = 0,
) -> Rates:
    """The loss of a copy of the model while the learning rate rises from step to step.

    rate of step k = low (high / low)^(k / (steps - 1))     (Smith 2017, "Cyclical learning rates")

    model, data, loss, optimizer, batch_size  as for `fit`
    low, high                                 the first and the last rate
    steps                                     how many updates are made, fewer if the loss breaks
    seed                                      of the order of rows and of dropout

    Model, optimizer and random state stay as they are.

    Raises:
        ShapeError: Data, model and loss do not fit.
        ValueError: The rates do not rise, the optimizer has no rate to look for, or the loss is not
            finite; the message says why.
    """
    check_arguments(locals())
    if not 0 < low < high:
        raise ValueError(f"rates rise from low to high, 0 < low < high: {low!r}, {high!r}")
    check_loader(data, batch_size)
    objective = Objective(loss)
    rows = rows_of(data, model, objective.kind.labels)
    check_fit(model, objective, rows)
    if origin := found_in_model(model) or found_in_data(next(iter(batches(rows, 4096)))):
        raise ValueError(f"no rate can be found: {origin.text}")
    twin, updates = copied(model, optimizer)
    if wants_closure(updates):
        raise ValueError(f"{type(updates).__name__} seeks the length of its steps itself")
    with own_stream(seed), enable_grad(), np.errstate(all="ignore"):
        return rising(twin, updates, objective, endless(rows, batch_size), low, high, steps)


def copied(model: Any, optimizer: Any) -> tuple[Any, Any]:
    """A model of its own, and an optimizer of it in the state of the given one."""
    if hasattr(optimizer, "param_groups"):
        optimizer_of(optimizer, model)  # an error if it belongs to another model
        return twins(model, optimizer)
    twin, _ = twins(model)
    return twin, optimizer_of(optimizer, twin)


def twins(model: Any, optimizer: Any = None) -> tuple[Any, Any]:
    """Copies of a model and its optimizer, without hooks that look at what the user trains."""
    twin, updates = copy.deepcopy((model, optimizer))
    for part in twin.modules():
        if not makes_weights(part._module_hooks):
            vars(part)["_module_hooks"] = None
    return twin, updates


def rising(
    model: Any, optimizer: Any, objective: Any, ahead: Any, low: float, high: float, steps: int
) -> Rates:
    """The steps at rising rates, until the loss breaks."""
    model.train()
    rates: list[float] = []
    losses: list[float] = []
    mean = 0.0
    for k in range(steps):
        rate = float(low * (high / low) ** (k / (steps - 1)))
        set_rate(optimizer, rate)
        loss = update(model, optimizer, objective, next(ahead))
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        smooth = mean / (1 - SMOOTHING ** (k + 1))
        if not math.isfinite(smooth) or (k > 10 and smooth > BROKEN * min(losses) > 0):
            break
        rates.append(rate)
        losses.append(smooth)
    if not losses:
        raise ValueError("the loss is not finite from the start; gg.health says more")
    return Rates(rates, losses)


def set_rate(optimizer: Any, rate: float) -> None:
    """Give the first group this rate, and the others theirs in proportion."""
    first = optimizer.param_groups[0]["lr"]
    for group in optimizer.param_groups:
        group["lr"] = rate * (group["lr"] / first if first else 1.0)


def endless(rows: Rows, size: int | None) -> Iterator[Batch]:
    """Batches in a random order, over and over."""
    while True:
        order = None if isinstance(rows, LoaderRows) else default_generator.permutation(len(rows))
        yield from batches(rows, size, None if order is None else order.value)


def update(model: Any, optimizer: Any, objective: Any, batch: Batch) -> float:
    """The loss before a step, and the step."""
    optimizer.zero_grad()
    loss = objective(model(*batch.inputs), batch.labels, batch.weights)
    loss.backward()
    optimizer.step()
    return float(loss.value)


# ---- is the present rate off by a factor of ten?


def rate_findings(
    model: Any,
    optimizer: Any,
    objective: Any,
    rows: Rows,
    size: int | None,
    judge: Batch,
    planned: int | None = None,
) -> list[Finding]:
    """Whether another learning rate gains far more in `TRIAL` steps.

    Tried are a tenth and ten times the rate, and what `find_rate` would suggest, and four
    times that.
    planned  how many steps the training has: a low rate is none that these make up for
    """
    if wants_closure(optimizer) or isinstance(rows, LoaderRows):
        return []
    begin = loss_of(model, objective, judge)
    if not math.isfinite(begin) or begin < LEARNT * unlearnt(model, objective, judge):
        return []
    lr = usual_rate(optimizer)
    safe = suggested(model, optimizer, objective, rows, size) or lr
    others = {lr / 10, lr * 10, safe, safe * 4}  # four times is bold, and gains more early on
    tried = {rate: trial(model, optimizer, objective, rows, size, rate) for rate in (lr, *others)}
    better = min(sorted(others), key=tried.__getitem__)
    gain, possible = begin - tried[lr], begin - tried[better]
    low = min(TOO_LOW, TRIAL / planned) if planned else TOO_LOW
    if possible < WORTH * abs(begin) or gain > possible * (low if better > lr else TOO_HIGH):
        return []
    what = (
        f"{lr:.3g} is too {'low' if better > lr else 'high'}: {TRIAL} steps take the loss from "
        f"{begin:.4g} to {tried[lr]:.4g}, at {better:.2g} to {tried[better]:.4g}"
    )
    begin_with = min(better, safe) if better > lr else better
    why = ", which still trains where the steps become finer" if begin_with < better else ""
    advice = f"Try lr={begin_with:.2g}{why}; gg.training.find_rate shows the loss at a rising rate."
    numbers = {"rate": lr, "better": better, "loss": tried[lr], "loss at better": tried[better]}
    return [Finding("optimizer", "learning rate", what, advice, numbers)]


def usual_rate(optimizer: Any) -> float:
    """The learning rate; of a schedule that begins low, the one that it rises to."""
    group = optimizer.param_groups[0]
    return max(float(group["lr"]), float(group.get("initial_lr", 0.0)))


def warming_up(optimizer: Any) -> bool:
    """Whether a schedule holds the rate far below what it will be."""
    return float(optimizer.param_groups[0]["lr"]) < usual_rate(optimizer) / 10


def suggested(
    model: Any, optimizer: Any, objective: Any, rows: Rows, size: int | None
) -> float | None:
    """The rate that `find_rate` suggests; None if the loss is not finite at any."""
    twin, updates = twins(model, optimizer)
    with own_stream(0), enable_grad():
        try:
            ahead = endless(rows, size)
            return rising(twin, updates, objective, ahead, LOWEST, HIGHEST, SWEEP).suggestion
        except ValueError:
            return None


def trial(
    model: Any, optimizer: Any, objective: Any, rows: Rows, size: int | None, rate: float
) -> float:
    """The mean loss of the last steps of a trial at another rate; infinite if it breaks."""
    twin, updates = twins(model, optimizer)
    set_rate(updates, rate)
    losses: list[float] = []
    with own_stream(0), enable_grad():
        twin.train()
        ahead = endless(rows, size)
        for _ in range(TRIAL):
            losses.append(update(twin, updates, objective, next(ahead)))
            if not math.isfinite(losses[-1]):
                return math.inf
    last = losses[-TRIAL // 4 :]
    return sum(last) / len(last)


def loss_of(model: Any, objective: Any, batch: Batch) -> float:
    """The loss as in training, without dropout."""
    with as_it_trains(model), no_grad():
        return float(objective(model(*batch.inputs), batch.labels, batch.weights).value)


def unlearnt(model: Any, objective: Any, batch: Batch) -> float:
    """The loss if each row is given the outputs of another: nothing learnt helps."""
    with as_it_trains(model), no_grad():
        outputs = model(*batch.inputs)
        return float(objective(outputs[others(batch.rows)], batch.labels, batch.weights).value)
