"""The network and the optimizer that the settings ask for."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ..training.metrics import METRICS
from .settings import ACTIVATIONS, OPTIMIZERS, Settings
from .terminal import CommandError

if TYPE_CHECKING:
    from ..data.tables import Target
    from ..nn import Module, Sequential
    from ..optim import Optimizer
    from ..training.callbacks import Callback
    from ..training.tasks import Task

BYTES_PER_WEIGHT = 40  # the weight, its gradient, Adam's two moments, and what makes them


def build(inputs: int, outputs: int, settings: Settings) -> Sequential:
    """Scaling, hidden layers with activation and dropout, and a linear layer last.

    x: [batch, inputs] -> y: [batch, outputs]
    """
    from .. import nn

    _check_room([inputs, *settings.hidden, outputs])
    modules: list[nn.Module] = [nn.Standardize(inputs)]
    units = inputs
    for hidden in settings.hidden:
        modules += [nn.Linear(units, hidden), getattr(nn, ACTIVATIONS[settings.activation])()]
        modules += [nn.Dropout(settings.dropout)] if settings.dropout else []
        units = hidden
    return nn.Sequential(*modules, nn.Linear(units, outputs))


def _check_room(units: list[int]) -> None:
    """CommandError if the memory of the machine cannot hold the network while it is trained."""
    weights = sum((inputs + 1) * outputs for inputs, outputs in pairwise(units))
    needed = BYTES_PER_WEIGHT * weights
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        room = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        if needed > room:
            raise CommandError(
                f"a network of {weights:,} weights needs about {needed / 2**30:,.0f} GiB to train, "
                f"and this machine has {room / 2**30:,.0f}; choose fewer units with --hidden"
            )


def optimizer(model: Sequential, settings: Settings) -> Optimizer:
    """The update rule; penalties are on weights, not on intercepts."""
    from .. import optim

    name, _, arguments = OPTIMIZERS[settings.optimizer]
    weights = [w for w in model.parameters() if w.ndim > 1]
    intercepts = [w for w in model.parameters() if w.ndim <= 1]
    groups = [
        {"params": weights, "l1": settings.l1, "weight_decay": settings.l2},
        {"params": intercepts, "l1": 0.0, "weight_decay": 0.0},
    ]
    return getattr(optim, name)(groups, lr=settings.learning_rate, **arguments)


def callbacks(settings: Settings) -> list[Callback]:
    """When to stop: no better for a while, and by epsilon or N where they are given (row R1)."""
    from ..training.callbacks import Converged, EarlyStopping

    assert settings.patience is not None  # of filled settings
    found: list[Callback] = [EarlyStopping(settings.patience, restore_best=True)]
    if settings.epsilon is not None or settings.iterations is not None:
        found.append(Converged(settings.epsilon or 0.0, settings.iterations))
    return found


def describe(model: Module, task: Task, settings: Settings) -> str:
    """The network in a line: `13 -> 128 -> 64 -> 3 units, relu, ...`."""
    from .. import nn

    linear = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    units = [linear[0].in_features, *(layer.out_features for layer in linear)]
    parts = [" -> ".join(map(str, units)) + " units"]
    if settings.hidden:
        parts += [settings.activation] + [f"dropout {settings.dropout:g}"] * bool(settings.dropout)
    parts += [f"L1 {settings.l1:g}"] * bool(settings.l1) + [f"L2 {settings.l2:g}"] * bool(
        settings.l2
    )
    scaled = " of the standardized target" if task.name == "real" else ""
    parts += [type(task.loss).__name__ + scaled]
    parts += [f"{settings.optimizer} at rate {settings.learning_rate:g}"]
    parts += [f"batches of {settings.batch_size:,}"]
    return ", ".join(parts)


def live_metric(task: Task, target: Target) -> str | Callable:
    """What progress shows beside the loss: the measure to judge by, in the units of the target."""
    if task.name != "real":
        return task.metrics[0]

    def rmse(labels: np.ndarray, outputs: np.ndarray) -> float:
        return METRICS["rmse"](target.unscaled(labels), target.unscaled(outputs))

    return rmse
