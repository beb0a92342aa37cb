"""Averages of weights over the steps of training: stochastic weight averaging and its relatives.

Stochastic weight averaging (Izmailov and others 2018) takes the mean of the weights that SGD with a
constant rate visits; the exponential mean follows the weights and forgets the old ones.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from typing import Any

from ..nn import BatchNorm1d, BatchNorm2d, Module
from ..tensors.creation import tensor
from ..tensors.state import no_grad
from ..types import int64
from .lr_scheduler.schedule import LRScheduler, per_group


class AveragedModel(Module):
    """A copy of `model` whose parameters are averages of those that it has been shown.

        averaged = AveragedModel(net)
        averaged.update_parameters(net)     # after each step or epoch

    avg_fn        (average, parameter, how many so far) -> average; the plain mean unless given
    multi_avg_fn  (averages, parameters, how many so far), which writes into the averages
    use_buffers   whether buffers are averaged too; else they are those of the model
    """

    n_averaged: Any  # [], how many have been averaged

    def __init__(self, model, device=None, avg_fn=None, multi_avg_fn=None, use_buffers=False):
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise ValueError("AveragedModel takes avg_fn or multi_avg_fn, not both")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, dtype=int64))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args, **kwargs):
        return self.module(*args, **kwargs)

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Take the present parameters of `model` into the average."""
        own, new = self._averaged(self.module), self._averaged(model)
        count = int(self.n_averaged.item())
        if count == 0:
            for average, parameter in zip(own, new, strict=True):
                average.assign(parameter)
        elif self.multi_avg_fn is not None:
            self.multi_avg_fn(own, new, self.n_averaged)
        else:
            rule = self.avg_fn or get_swa_avg_fn()
            for average, parameter in zip(own, new, strict=True):
                average.assign(rule(average, parameter, self.n_averaged))
        if not self.use_buffers:
            for buffer, present in zip(self.module.buffers(), model.buffers(), strict=True):
                buffer.assign(present)
        self.n_averaged.assign(count + 1)

    def _averaged(self, model: Module) -> list[Any]:
        buffers = list(model.buffers()) if self.use_buffers else []
        return [*model.parameters(), *buffers]


def get_swa_avg_fn() -> Callable:
    """average + (parameter - average) / (n + 1): the mean of all."""

    def swa_update(averaged_param, current_param, num_averaged):
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


def get_ema_avg_fn(decay: float = 0.999) -> Callable:
    """decay average + (1 - decay) parameter: a mean that forgets."""
    if not 0 <= decay <= 1:
        raise ValueError(f"decay is a number in [0, 1], not {decay}")

    def ema_update(ema_param, current_param, num_averaged):
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_swa_multi_avg_fn() -> Callable:
    """`get_swa_avg_fn` for lists."""
    return _for_lists(get_swa_avg_fn())


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable:
    """`get_ema_avg_fn` for lists."""
    return _for_lists(get_ema_avg_fn(decay))


def _for_lists(rule: Callable) -> Callable:
    @no_grad()
    def update(averages, parameters, num_averaged):
        for average, parameter in zip(averages, parameters, strict=True):
            average.assign(rule(average, parameter, num_averaged))

    return update


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the statistics of the batch normalizations anew, from the batches of `loader`.

    A batch is the input, or a list that begins with it.
    """
    layers = [m for m in model.modules() if isinstance(m, (BatchNorm1d, BatchNorm2d))]
    if not layers:
        return
    momenta, was_training = [layer.momentum for layer in layers], model.training
    model.train()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
    for batch in loader:
        batch = batch[0] if isinstance(batch, (list, tuple)) else batch
        model(batch if device is None else batch.to(device))
    for layer, momentum in zip(layers, momenta):
        layer.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """lr goes to the constant `swa_lr` in `anneal_epochs` epochs, along a cosine or a line."""

    def __init__(self, optimizer, swa_lr, anneal_epochs=10, anneal_strategy="cos", last_epoch=-1):
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy is 'cos' or 'linear', not {anneal_strategy!r}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs is an integer >= 0, not {anneal_epochs!r}")
        rates = per_group("swa_lr", swa_lr, optimizer)
        for group, rate in zip(optimizer.param_groups, rates):
            group["swa_lr"] = rate
        self.anneal_epochs, self.anneal_strategy = anneal_epochs, anneal_strategy
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._way(step - 1), self._way(step)
        rates = []
        for group in self.optimizer.param_groups:
            goal = group["swa_lr"]
            first = goal if before == 1 else (group["lr"] - before * goal) / (1 - before)
            rates.append(goal * now + first * (1 - now))
        return rates

    def _way(self, step: int) -> float:
        """Which part of the way to the goal has been gone at a step."""
        part = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return part if self.anneal_strategy == "linear" else (1 - math.cos(math.pi * part)) / 2
