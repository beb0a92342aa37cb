"""A training in progress: the loop over epochs and steps, and what callbacks see of it."""

from __future__ import annotations

import copy
import inspect
import math
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from time import perf_counter
from typing import Any

import numpy as np

from ..optim import LBFGS
from ..tensors import enable_grad
from ..tensors.generator import default_generator
from .answers import scalar
from .callbacks import Callback, Checkpoint, copied
from .engine import Engine
from .history import History
from .nonfinite import BeforeStep, diagnosed, finite, non_finite
from .objective import Objective
from .predict import judged
from .rows import Batch, LoaderRows, Rows, batches

MOMENT = 0.1  # seconds between two looks at the progress


class Run:
    """What is true of a training at the moment.

    model, optimizer, objective    what is trained, how, and for which loss
    subtrain, validation           the rows; validation may be None
    epochs, batch_size             as asked for
    epoch, step                    the present epoch, from 1, and the steps made in all epochs
    loss                           that of the last step
    rows                           how many rows of this epoch have been gone through
    history                        the epochs that are complete
    stopped                        why the training ends before its last epoch, "" if it does not
    """

    def __init__(
        self,
        model: Any,
        optimizer: Any,
        objective: Objective,
        subtrain: Rows,
        validation: Rows | None = None,
        *,
        epochs: int = 1,
        batch_size: int | None = None,
        shuffle: bool = True,
        metrics: dict[str, Callable] | None = None,
        callbacks: Sequence[Callback] = (),
        settings: dict[str, Any] | None = None,
        engine: str = "eager",
    ) -> None:
        self.model, self.optimizer, self.objective = model, optimizer, objective
        self.subtrain, self.validation, self.metrics = subtrain, validation, metrics or {}
        self.epochs, self.batch_size, self.shuffle = epochs, batch_size, shuffle
        self.callbacks = sorted(callbacks, key=lambda c: isinstance(c, Checkpoint))
        self.each_step = [c for c in self.callbacks if c.each_step()]
        self.now_and_then = [c for c in self.callbacks if overrides(c, "on_progress")]
        self.looked = 0.0
        self.settings = settings or {}
        self.epoch = self.step = self.rows = 0
        self.loss = math.nan
        self.stopped = ""
        self.interrupted = self.updating = False
        self.history = History()
        self.before = BeforeStep(model)
        self.update = self.update_by_closure if wants_closure(optimizer) else self.update_once
        self.engine = Engine(self, engine)

    def stop(self, why: str) -> None:
        """Let the training end after this step, in the words of the history."""
        self.stopped = why

    # ---- the loop

    def train(self, resume: Callable[[Run], None] | None = None) -> History:
        """Go through the epochs that are left; `resume` puts the run where a checkpoint was."""
        modes = [(part, part.training) for part in self.model.modules()]
        try:
            with noticing_ctrl_c(self), enable_grad():
                self.tell("on_train_start")
                if resume is not None:
                    resume(self)
                while self.goes_on:
                    self.run_epoch()
        except KeyboardInterrupt:  # not by the signal: a callback, a dataset, a second Ctrl-C
            self.interrupted = True
        except BaseException as error:
            self.tell("on_error", error)
            raise
        finally:
            for part, mode in modes:
                part.training = mode
        return self.ended()

    @property
    def goes_on(self) -> bool:
        """Whether there is another epoch to come."""
        return self.epoch < self.epochs and not self.stopped and not self.interrupted

    def ended(self) -> History:
        """The history, once callbacks have done what they do at the end."""
        self.history.interrupted = self.interrupted
        if self.interrupted:
            self.stopped = f"interrupted in epoch {self.epoch}"
        self.history.stopped, self.history.steps = self.stopped, self.step
        self.tell("on_train_end")
        return self.history

    def run_epoch(self) -> None:
        """One pass over the rows; an epoch that is broken off does not count."""
        self.begin_epoch()
        self.end_epoch(*self.run_steps())

    def begin_epoch(self) -> None:
        """What comes before the steps."""
        self.epoch += 1
        self.rows = 0
        self.tell("on_epoch_start")
        self.model.train()

    def end_epoch(self, loss: float, seconds: float) -> None:
        """What comes after the steps."""
        if (self.interrupted or self.stopped) and self.rows < self.rows_of_epoch():
            return
        self.history.losses.append(loss)
        self.history.epoch_seconds.append(seconds)
        self.history.steps = self.step
        self.judge()
        self.tell("on_epoch_end")

    def rows_of_epoch(self) -> float:
        """How many rows an epoch has; of a loader that is not known."""
        return math.inf if isinstance(self.subtrain, LoaderRows) else len(self.subtrain)

    def run_steps(self) -> tuple[float, float]:
        """The steps of an epoch: mean loss, weighted by rows, and seconds without callbacks."""
        total, started = 0.0, perf_counter()
        aside = -self.history.compile_seconds
        with closing(self.engine.steps()) as steps:
            for losses, rows in steps:
                for loss in losses:
                    total += loss * rows
                self.loss = losses[-1]
                self.step += len(losses)
                self.rows += rows * len(losses)
                aside += self.look_around()
                if self.stopped or self.interrupted:
                    break
        self.history.engine = self.engine.name
        aside += self.history.compile_seconds
        seconds = perf_counter() - started - aside
        return total / self.rows if self.rows else math.nan, seconds

    def look_around(self) -> float:
        """Callbacks between steps; the seconds that they took."""
        begun = perf_counter()
        for callback in self.each_step:
            callback.on_step_end(self)
        if self.now_and_then and begun - self.looked > MOMENT:
            self.looked = begun
            for callback in self.now_and_then:
                callback.on_progress(self)
        return perf_counter() - begun

    def order(self) -> np.ndarray | None:
        """The order of an epoch's rows: random if asked for, and if there are several batches."""
        rows = self.rows_of_epoch()
        if self.shuffle and (self.batch_size or rows) < rows < math.inf:
            return default_generator.permutation(int(rows)).value
        return None

    def batches(self) -> Iterator[Batch]:
        """The batches of an epoch."""
        return batches(self.subtrain, self.batch_size, self.order())

    def judge(self) -> None:
        """Validation loss and metrics of the model as it is now."""
        size = max(self.batch_size or 0, 256)
        if self.metrics:
            self.note("", self.measure(self.subtrain, size, lossless=True))
        if self.validation is not None:
            found = self.measure(self.validation, size)
            self.history.note(self.history.validation_losses, found.pop("loss"))
            self.note("validation_", found)
        self.history.fill()

    def measure(self, rows: Rows, size: int, *, lossless: bool = False) -> dict[str, float]:
        """Loss and metrics on some rows; random numbers that this may draw are not missed later."""
        drawn = default_generator.get_state()
        fast = self.engine.forward()
        found = judged(
            self.model, rows, self.objective, self.metrics, size, lossless=lossless, outputs_of=fast
        )
        default_generator.set_state(drawn)
        return found

    def note(self, prefix: str, metrics: dict[str, float]) -> None:
        for name, value in metrics.items():
            self.history.note(self.history.metrics.setdefault(prefix + name, []), value)

    def tell(self, event: str, *arguments: Any) -> None:
        """Call all callbacks."""
        for callback in self.callbacks:
            getattr(callback, event)(self, *arguments)

    # ---- one step

    def update_once(self, batch: Batch) -> float:
        """Forward, backward, and one update, unless the loss or a gradient is not finite."""
        self.before.note()
        self.optimizer.zero_grad()
        try:
            return self.checked(batch, self.optimizer.step)
        except BaseException:
            self.before.restore()
            raise

    def checked(self, batch: Batch, then: Callable = lambda: None) -> float:
        """The loss, with its gradients in the parameters; `then` is called if all are finite."""
        loss = self.objective(self.model(*batch.inputs), batch.labels, batch.weights)
        value = scalar(loss)
        if not math.isfinite(value):
            raise self.refused(value, batch, "the loss")
        loss.backward()
        for group in self.optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None and not finite(parameter.grad.value):
                    raise self.refused(
                        "not finite", batch, f"the gradient of {self.name(parameter)}"
                    )
        then()
        return value

    def update_by_closure(self, batch: Batch) -> float:
        """The same for optimizers that ask for the loss several times a step, such as L-BFGS."""
        weights = copied(self.model.state_dict())
        state = copy.deepcopy(self.optimizer.state_dict())
        self.before.note()

        def closure() -> Any:
            self.optimizer.zero_grad()
            return self.checked(batch)

        try:
            return float(self.optimizer.step(closure))
        except BaseException:
            self.model.load_state_dict(weights)
            self.optimizer.load_state_dict(state)
            raise

    def refused(self, value: Any, batch: Batch, what: str) -> Exception:
        """The error of a step that is not taken, with the place where NaN or infinity arose."""
        if batch.numbers is not None and not isinstance(self.subtrain, LoaderRows):
            batch = batch._replace(numbers=self.subtrain.numbers[batch.numbers])
        origin = diagnosed(self.model, self.objective, batch, self.before)
        return non_finite(value, origin, self, what)

    def name(self, parameter: Any) -> str:
        """The path of a parameter."""
        found = (name for name, p in self.model.named_parameters() if p is parameter)
        return next(found, "a parameter")


def overrides(callback: Callback, event: str) -> bool:
    """Whether a callback wants to hear of an event."""
    return getattr(type(callback), event) is not getattr(Callback, event)


def wants_closure(optimizer: Any) -> bool:
    """Whether `optimizer.step` cannot do without a closure."""
    if isinstance(optimizer, LBFGS):
        return True
    closure = inspect.signature(type(optimizer).step).parameters.get("closure")
    return closure is not None and closure.default is inspect.Parameter.empty


@contextmanager
def noticing_ctrl_c(run: Any) -> Iterator[None]:
    """Ctrl-C is noted, so that the step is finished first; a second one ends what is not a step."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN or before is None:
        yield
        return

    def note(number: int, frame: Any) -> None:
        if run.interrupted and not run.updating:
            raise KeyboardInterrupt
        run.interrupted = True

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
