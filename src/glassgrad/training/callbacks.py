"""Callbacks: what happens between the steps and epochs of a training.

    class Halve(gg.training.Callback):
        def on_epoch_end(self, run):
            run.optimizer.param_groups[0]["lr"] /= 2

    gg.fit(..., callbacks=[Halve(), gg.training.EarlyStopping(patience=5)])

They are called in the order in which they are given, checkpoints last.
"""

from __future__ import annotations

import math
from typing import Any

from ..arguments import check_arguments, listing, shown
from .history import counted
from .metrics import METRICS


class Callback:
    """Base of all callbacks; `run` is the training in progress (see `run.Run`).

    An event that is not overridden costs nothing.  `on_step_end` costs what lies between the steps
    of native code: each is then a call of its own, with the parameters brought back after it.

    parameters  whether `on_step_end` looks at parameters, or at what else steps write
    """

    parameters = True

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name in vars(cls):
            if name.startswith("on_") and not hasattr(Callback, name):
                events = ", ".join(event for event in vars(Callback) if event.startswith("on_"))
                raise TypeError(f"{cls.__name__}.{name} is never called; the events are {events}")

    def on_train_start(self, run: Any) -> None:
        """Before the first epoch, and before a checkpoint is loaded."""

    def on_epoch_start(self, run: Any) -> None:
        """Before the first step of an epoch."""

    def on_step_end(self, run: Any) -> None:
        """After a step; `run.loss` is its loss."""

    def on_progress(self, run: Any) -> None:
        """Between steps, every tenth of a second or less often; `run.rows` says how far it is.

        The parameters may be as they were when the epoch began.
        """

    def on_epoch_end(self, run: Any) -> None:
        """After an epoch, its validation and its metrics; the history has them."""

    def on_train_end(self, run: Any) -> None:
        """After the last epoch, a stop or an interruption."""

    def on_error(self, run: Any, error: BaseException) -> None:
        """After an error that ends the training."""

    def each_step(self) -> bool:
        """Whether `on_step_end` is to be called."""
        return type(self).on_step_end is not Callback.on_step_end

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of the callback."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""


def listed(callbacks: Any) -> list[Callback]:
    """The callbacks in a list; one alone, or None, is given without.

    Raises:
        TypeError: Something else is among them.
    """
    found = listing(callbacks)
    for callback in found:
        if not isinstance(callback, Callback):
            raise TypeError(
                f"a callback is an instance of training.Callback, not {shown(callback)}"
            )
    return found


class Monitor:
    """Watches one curve of the history and knows when it reached its best value so far.

    name       "loss", "validation_loss" or the name of a metric; None is the validation loss, or
               without validation the loss
    min_delta  by how much a value must be better to count
    mode       "min" or "max": which values are better; None is known for losses and our metrics
    """

    def __init__(
        self, name: str | None = None, min_delta: float = 0.0, mode: str | None = None
    ) -> None:
        check_arguments({"monitor": name, "min_delta": min_delta, "mode": mode})
        self.name, self.min_delta = name, abs(min_delta)
        self.rising = self.rises() if mode is None else mode == "max"
        self.best: float | None = None
        self.epoch = 0

    def rises(self) -> bool:
        """Whether more is better."""
        metric = METRICS.get((self.name or "loss").removeprefix("validation_"))
        return metric is not None and metric.best is max  # type: ignore[attr-defined]

    def value(self, history: Any) -> float:
        """The value after the last epoch."""
        curves = {"loss": history.losses, "validation_loss": history.validation_losses}
        curves |= history.metrics
        name = self.name or ("validation_loss" if history.validation_losses else "loss")
        if not curves.get(name):
            there = ", ".join(name for name, values in curves.items() if values)
            hint = " (give validation=)" if name.startswith("validation") else ""
            raise ValueError(f"there is no curve {name!r} to watch{hint}; there are: {there}")
        return curves[name][-1]

    def improved(self, history: Any, epoch: int) -> bool:
        """Whether the last value is the best so far; NaN never is."""
        value = self.value(history)
        if math.isnan(value):
            return False
        if self.best is not None:
            gain = value - self.best if self.rising else self.best - value
            if not gain > self.min_delta:
                return False
        self.best, self.epoch = value, epoch
        return True

    def state_dict(self) -> dict[str, Any]:
        """Best value and its epoch."""
        return {"best": self.best, "epoch": self.epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.best, self.epoch = state["best"], state["epoch"]


class EarlyStopping(Callback):
    """Stops when the validation loss has not become better for `patience` epochs.

    patience      epochs without improvement after which the training stops
    min_delta     by how much the value must be better to count as improved
    restore_best  give the model the weights of the best epoch at the end, however it ends
    monitor       the curve to watch, "validation_accuracy" say, and
    mode          whether "min" or "max" is its best; see `Monitor`
    """

    def __init__(
        self,
        patience: int = 10,
        min_delta: float = 0.0,
        restore_best: bool = True,
        monitor: str | None = None,
        mode: str | None = None,
    ) -> None:
        check_arguments(locals())
        self.patience, self.restore_best = patience, restore_best
        self.monitor = Monitor(monitor, min_delta, mode)
        self.waited = 0
        self.weights: dict[str, Any] | None = None

    def on_epoch_end(self, run: Any) -> None:
        if self.monitor.improved(run.history, run.epoch):
            self.waited = 0
            if self.restore_best:
                self.weights = copied(run.model.state_dict())
            return
        self.waited += 1
        if self.waited >= self.patience:
            best, epoch = self.monitor.best, self.monitor.epoch
            than = "" if best is None else f" than {best:.4g} in epoch {epoch}"
            run.stop(f"stopped early: no better{than} for {counted(self.waited, 'epoch')}")

    def on_train_end(self, run: Any) -> None:
        self.restore(run.model)

    def restore(self, model: Any) -> None:
        """Give the model the weights of the best epoch, if there was one and they were kept."""
        if self.weights is not None:
            model.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        monitor = self.monitor.state_dict()
        return {"monitor": monitor, "waited": self.waited, "weights": self.weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.monitor.load_state_dict(state["monitor"])
        self.waited, self.weights = state["waited"], state["weights"]


def copied(state: dict[str, Any]) -> dict[str, Any]:
    """A state dict that later updates do not reach."""
    return {key: x.clone() if hasattr(x, "clone") else x for key, x in state.items()}


class Converged(Callback):
    """Stops when the loss changes by at most `epsilon`, or after N iterations (lecture R).

    The change is that between the losses of two successive epochs; with batch_size=None, all rows
    at once, an epoch is one iteration of gradient descent.

    epsilon     the smallest change that goes on
    iterations  the largest number of steps; None is no limit but `epochs`
    """

    parameters = False

    def __init__(self, epsilon: float = 1e-4, iterations: int | None = None) -> None:
        check_arguments(locals())
        self.epsilon, self.iterations = epsilon, iterations

    def each_step(self) -> bool:
        return self.iterations is not None

    def on_step_end(self, run: Any) -> None:
        if self.iterations is not None and run.step >= self.iterations:
            run.stop(f"stopped after {counted(run.step, 'iteration')}")

    def on_epoch_end(self, run: Any) -> None:
        losses = run.history.losses
        if len(losses) > 1 and abs(losses[-1] - losses[-2]) <= self.epsilon:
            run.stop(f"converged: the loss changed by at most {self.epsilon:g}")


class Schedule(Callback):
    """Sets the learning rate by a scheduler of `gg.optim.lr_scheduler`.

    scheduler  the scheduler, or a function that makes it of the optimizer:
               Schedule(lambda optimizer: StepLR(optimizer, 10))
    each       "epoch" or "step": when it is advanced
    monitor    the curve that ReduceLROnPlateau watches; see `Monitor`
    """

    parameters = False

    def __init__(self, scheduler: Any, each: str = "epoch", monitor: str | None = None) -> None:
        check_arguments(locals())
        self.scheduler, self.each, self.monitor = scheduler, each, Monitor(monitor)
        self.state: dict[str, Any] | None = None

    def on_train_start(self, run: Any) -> None:
        if not hasattr(self.scheduler, "step"):
            self.scheduler = self.scheduler(run.optimizer)
        if self.scheduler.optimizer is not run.optimizer:
            raise ValueError("the scheduler belongs to another optimizer than the one that trains")

    def each_step(self) -> bool:
        return self.each == "step"

    def on_step_end(self, run: Any) -> None:
        self.scheduler.step()

    def on_epoch_end(self, run: Any) -> None:
        if self.each == "step":
            return
        if type(self.scheduler).__name__ == "ReduceLROnPlateau":
            self.scheduler.step(self.monitor.value(run.history))
        else:
            self.scheduler.step()

    def state_dict(self) -> dict[str, Any]:
        return self.scheduler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.scheduler.load_state_dict(state)


class Checkpoint(Callback):
    """Writes everything that `fit(resume=path)` needs to go on to the same bits.

    path     the file, which is replaced whole each time
    every    epochs from one writing to the next
    best     write only when the watched value is the best so far
    monitor  the curve to watch, and
    mode     whether "min" or "max" is its best; see `Monitor`
    """

    def __init__(
        self,
        path: Any,
        every: int = 1,
        best: bool = False,
        monitor: str | None = None,
        mode: str | None = None,
    ) -> None:
        check_arguments(locals())
        self.path, self.every, self.best = path, every, best
        self.monitor = Monitor(monitor, mode=mode)

    def on_epoch_end(self, run: Any) -> None:
        from .checkpoint import write

        better = not self.best or self.monitor.improved(run.history, run.epoch)
        last = run.epoch == run.epochs or run.stopped
        if better and (run.epoch % self.every == 0 or last or self.best):
            write(run, self.path)

    def state_dict(self) -> dict[str, Any]:
        return self.monitor.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.monitor.load_state_dict(state)
