"""Ctrl-C: the step that is running is finished, the best is kept, the History says so."""

import _thread
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn, optim
from glassgrad.training import Callback, EarlyStopping

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
Y = X[:, :1]


def fit(model, *callbacks, **changes):
    given = {
        "loss": "mse",
        "optimizer": optim.SGD(model.parameters(), 0.1),
        "epochs": 100,
        "batch_size": 4,
    }
    return gg.fit(model, (X, Y), verbose=False, callbacks=callbacks, **(given | changes))


class Press(Callback):
    """Presses Ctrl-C after a step."""

    def __init__(self, step, how=lambda: signal.raise_signal(signal.SIGINT)):
        self.step, self.how = step, how

    def on_step_end(self, run):
        if run.step == self.step:
            self.how()


def raised():
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "how", [lambda: signal.raise_signal(signal.SIGINT), _thread.interrupt_main, raised]
)
def test_ctrl_c_ends_the_training_at_the_end_of_a_step(how):
    gg.manual_seed(1)
    model = nn.Linear(3, 1)
    handler = signal.getsignal(signal.SIGINT)
    history = fit(model, Press(25, how))
    assert history.interrupted
    assert history.stopped == "interrupted in epoch 3"
    assert (history.steps, history.epochs, len(history.losses)) == (25, 2, 2)
    assert signal.getsignal(signal.SIGINT) is handler
    gg.manual_seed(1)
    other = nn.Linear(3, 1)
    fit(other, Stop(25))
    assert model.weight.tolist() == other.weight.tolist()  # 25 whole steps


class Stop(Callback):
    def __init__(self, step):
        self.step = step

    def on_step_end(self, run):
        if run.step == self.step:
            run.stop("here")


def test_ctrl_c_within_a_step_waits_for_its_end():
    model = nn.Linear(3, 1)
    pressed = []

    class Sgd(optim.SGD):
        def step(self, closure=None):
            if len(pressed) < 3:  # impatience
                pressed.append(1)
                signal.raise_signal(signal.SIGINT)
                pressed.append(1)
                signal.raise_signal(signal.SIGINT)
                pressed.append(1)
            return super().step(closure)

    before = model.weight.tolist()
    history = fit(model, optimizer=Sgd(model.parameters(), 0.1))
    assert (len(pressed), history.steps, history.interrupted) == (3, 1, True)
    assert model.weight.tolist() != before


def test_the_best_so_far_is_kept():
    model = nn.Linear(3, 1)
    best = {}

    class Worse(Callback):
        def on_epoch_end(self, run):
            if run.epoch == 3:
                best.update({k: v.tolist() for k, v in run.model.state_dict().items()})
                run.optimizer.param_groups[0]["lr"] = -1  # uphill from here
            if run.epoch == 5:
                signal.raise_signal(signal.SIGINT)

    history = fit(model, EarlyStopping(patience=50), Worse(), validation=(X, Y))
    assert history.interrupted
    assert history.best_epoch == 3
    assert {k: v.tolist() for k, v in model.state_dict().items()} == best


def test_a_training_in_another_thread_leaves_signals_alone():
    found = []
    thread = threading.Thread(target=lambda: found.append(fit(nn.Linear(3, 1), epochs=2)))
    thread.start()
    thread.join()
    assert found[0].epochs == 2


PROGRAM = """
import sys, time
import numpy as np
import glassgrad as gg
from glassgrad import nn

class Slow(gg.training.Callback):
    def on_step_end(self, run):
        if run.step == 5:
            print("running", flush=True)
        time.sleep(0.01)

model = nn.Linear(1, 1)
history = gg.fit(model, (np.ones((8, 1)), np.ones((8, 1))), loss="mse", optimizer="sgd",
                 epochs=10_000, batch_size=2, callbacks=[Slow()])
print(history.interrupted, history.steps == 4 * history.epochs or history.steps > 0)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_ctrl_c_in_a_process_of_its_own():
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "running\n"
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=30)
    assert out == "True True\n"
    assert "interrupted in epoch" in error
    assert "Traceback" not in error
    assert process.returncode == 0
