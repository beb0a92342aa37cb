"""Callbacks: when they are called, when they stop a training, what they leave."""

import math

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn, optim
from glassgrad.optim.lr_scheduler import ExponentialLR, LambdaLR, ReduceLROnPlateau
from glassgrad.training import (
    Callback,
    Checkpoint,
    Converged,
    EarlyStopping,
    History,
    Schedule,
)
from glassgrad.training.callbacks import Monitor

random = np.random.default_rng(0)
X = random.normal(size=(12, 3)).astype(np.float32)
Y = (X @ [1.0, -2.0, 0.5]).astype(np.float32)[:, None]


def fit(model=None, **changes):
    gg.manual_seed(1)
    model = model or nn.Linear(3, 1)
    given = {"loss": "mse", "epochs": 3, "batch_size": 5, "verbose": False}
    given["optimizer"] = optim.SGD(model.parameters(), 0.1)
    return gg.fit(model, (X, Y), **(given | changes))


class Diary(Callback):
    """Writes down what it is told."""

    def __init__(self):
        self.events = []

    def on_train_start(self, run):
        self.events.append(("start", run.epoch, run.step))

    def on_epoch_start(self, run):
        self.events.append(("epoch", run.epoch))

    def on_step_end(self, run):
        self.events.append(("step", run.step, run.rows, math.isfinite(run.loss)))

    def on_epoch_end(self, run):
        self.events.append(("epoch end", run.epoch, len(run.history.losses)))

    def on_train_end(self, run):
        self.events.append(("end", run.epoch, run.step))


def test_events_come_in_order():
    diary = Diary()
    fit(epochs=2, callbacks=[diary])
    assert diary.events == [
        ("start", 0, 0),
        ("epoch", 1),
        ("step", 1, 5, True),
        ("step", 2, 10, True),
        ("step", 3, 12, True),
        ("epoch end", 1, 1),
        ("epoch", 2),
        ("step", 4, 5, True),
        ("step", 5, 10, True),
        ("step", 6, 12, True),
        ("epoch end", 2, 2),
        ("end", 2, 6),
    ]


def test_a_callback_stops_the_training():
    class Stop(Callback):
        def on_epoch_end(self, run):
            if run.epoch == 2:
                run.stop("enough")

    history = fit(epochs=10, callbacks=[Stop()])
    assert (history.epochs, history.stopped, history.interrupted) == (2, "enough", False)


class Script(nn.Module):
    """A model whose validation losses are given: it predicts their roots."""

    def __init__(self, losses):
        self.weight = nn.Parameter(gg.zeros(1))
        self.losses = losses
        self.register_buffer("epoch", gg.zeros(1, dtype=gg.int64))

    def forward(self, x):
        if self.training:
            self.epoch += 1
            return x[:, :1] * self.weight
        return x[:, :1] * 0 + self.losses[int(self.epoch.item()) - 1] ** 0.5


def scripted(losses, *callbacks, **changes):
    model = Script(losses)
    history = gg.fit(model, (X, Y), loss="mse", optimizer=optim.SGD(model.parameters(), 1e-3),
                     epochs=len(losses), batch_size=None, verbose=False,
                     validation=(X, np.zeros_like(Y)), callbacks=callbacks, **changes)  # fmt: skip
    return model, history


def test_early_stopping_waits_and_restores_the_best():
    losses = [5.0, 4.0, 3.0, 3.5, 3.2, 3.1, 2.0]
    model, history = scripted(losses, EarlyStopping(patience=3))
    np.testing.assert_allclose(history.validation_losses, losses[:6], rtol=1e-6)
    assert history.stopped == "stopped early: no better than 3 in epoch 3 for 3 epochs"
    assert model.epoch.item() == 3
    assert history.best_epoch == 3
    model, history = scripted(losses, EarlyStopping(patience=3, restore_best=False))
    assert model.epoch.item() == 6


def test_early_stopping_restores_the_best_at_the_last_epoch_too():
    model, history = scripted([5.0, 1.0, 3.0, 3.5], EarlyStopping(patience=3))
    assert history.stopped == ""
    assert model.epoch.item() == 2


def test_early_stopping_takes_small_gains_for_none():
    model, history = scripted([5.0, 4.9, 4.8, 4.0, 4.0], EarlyStopping(patience=2, min_delta=0.5))
    assert history.epochs == 3
    assert model.epoch.item() == 1


def test_early_stopping_takes_nan_for_no_gain():
    nan = float("nan")
    model, history = scripted([5.0, nan, nan, 1.0], EarlyStopping(patience=2))
    assert history.epochs == 3
    assert model.epoch.item() == 1
    model, history = scripted([nan, nan, nan, nan], EarlyStopping(patience=2))
    assert history.stopped == "stopped early: no better for 2 epochs"


def test_early_stopping_without_validation_watches_the_loss():
    history = fit(epochs=50, callbacks=[EarlyStopping(patience=1, min_delta=1e9)])
    assert history.epochs == 2


@pytest.mark.parametrize(
    "name, mode, values, improvements",
    [
        ("loss", None, [3, 2, 2.5, 1], [True, True, False, True]),
        ("validation_accuracy", None, [0.5, 0.4, 0.6], [True, False, True]),
        ("rmse", None, [0.5, 0.4, 0.6], [True, True, False]),
        ("own", None, [0.5, 0.4, 0.6], [True, True, False]),
        ("own", "max", [0.5, 0.4, 0.6], [True, False, True]),
        ("loss", None, [math.inf, math.inf, 1], [True, False, True]),
    ],
)
def test_a_monitor_knows_what_is_better(name, mode, values, improvements):
    monitor, history = Monitor(name, mode=mode), History()
    found = []
    for epoch, value in enumerate(values):
        history.losses.append(value)
        history.metrics.setdefault(name, []).append(value)
        found.append(monitor.improved(history, epoch))
    assert found == improvements


def test_a_curve_that_is_not_there_is_said():
    with pytest.raises(ValueError, match=r"no curve 'validation_loss' .*validation=.*are: loss"):
        fit(callbacks=[EarlyStopping(monitor="validation_loss")])
    with pytest.raises(ValueError, match="'min' or 'max', or None, not 'best'"):
        EarlyStopping(mode="best")


# ---- lecture R: stop when the change in loss is at most epsilon or after N iterations


def test_descent_stops_when_the_loss_changes_little():
    history = fit(epochs=10_000, batch_size=None, callbacks=[Converged(epsilon=1e-6)])
    changes = np.abs(np.diff(history.losses))
    assert changes[-1] <= 1e-6
    assert (changes[:-1] > 1e-6).all()
    assert history.stopped == "converged: the loss changed by at most 1e-06"
    assert 5 < history.epochs < 10_000


def test_descent_stops_after_n_iterations():
    history = fit(epochs=10_000, batch_size=None, callbacks=[Converged(0.0, iterations=7)])
    assert (history.steps, history.epochs) == (7, 7)
    history = fit(epochs=10, callbacks=[Converged(0.0, iterations=4)])
    assert (history.steps, history.epochs) == (4, 1)  # the second epoch was broken off
    assert history.stopped == "stopped after 4 iterations"


# ---- schedules


class Rates(Callback):
    def __init__(self):
        self.rates = []

    def on_step_end(self, run):
        self.rates.append(run.optimizer.param_groups[0]["lr"])


def test_a_schedule_sets_the_learning_rate_after_each_epoch():
    rates = Rates()
    fit(callbacks=[rates, Schedule(lambda optimizer: ExponentialLR(optimizer, 0.5))])
    np.testing.assert_allclose(rates.rates, [0.1] * 3 + [0.05] * 3 + [0.025] * 3)


def test_a_schedule_sets_the_learning_rate_after_each_step():
    rates = Rates()
    schedule = Schedule(lambda optimizer: LambdaLR(optimizer, lambda t: 1 / (1 + t)), each="step")
    fit(epochs=1, callbacks=[rates, schedule])
    np.testing.assert_allclose(rates.rates, [0.1, 0.05, 0.1 / 3])


def test_a_schedule_is_taken_as_an_instance_and_watches_a_curve():
    model = nn.Linear(3, 1)
    optimizer = optim.SGD(model.parameters(), 0.1)
    rates = Rates()
    plateau = ReduceLROnPlateau(
        optimizer, factor=0.1, patience=0, threshold=1e9, threshold_mode="abs"
    )
    fit(model, optimizer=optimizer, callbacks=[rates, Schedule(plateau)])
    np.testing.assert_allclose(rates.rates, [0.1] * 6 + [0.01] * 3)


def test_a_schedule_of_another_optimizer_is_refused():
    other = optim.SGD([nn.Parameter(gg.ones(1))], 0.1)
    with pytest.raises(ValueError, match="another optimizer"):
        fit(callbacks=[Schedule(ExponentialLR(other, 0.5))])
    with pytest.raises(ValueError, match="'epoch' or 'step', not 'batch'"):
        Schedule(ExponentialLR(other, 0.5), each="batch")


def test_the_callbacks_of_an_error_hear_of_it():
    heard = []

    class Listener(Callback):
        def on_error(self, run, error):
            heard.append((type(error), run.step))

    class Fault(Callback):
        def on_step_end(self, run):
            if run.step == 4:
                raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        fit(callbacks=[Listener(), Fault()])
    assert heard == [(OSError, 4)]


def test_checkpoints_are_written_last(tmp_path):
    order = []

    class Note(Callback):
        def on_epoch_end(self, run):
            order.append((tmp_path / "c").exists())

    fit(epochs=2, callbacks=[Checkpoint(tmp_path / "c"), Note()])
    assert order == [False, True]
    with pytest.raises(ValueError, match="at least 1"):
        Checkpoint("c", every=0)


def test_an_event_that_is_never_called_is_an_error():
    with pytest.raises(TypeError, match=r"on_batch_end is never called; the events are .*on_step_"):

        class Watch(Callback):
            def on_batch_end(self, run):
                """As in Keras."""
