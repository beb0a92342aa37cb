"""Progress: what is shown of a training, and where."""

import io
import re

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from glassgrad.training import NonFiniteError, Progress
from glassgrad.training.progress import duration, rounded

X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)


def fit(stream, epochs=3, **changes):
    given = {"loss": "cross_entropy", "optimizer": "sgd", "batch_size": 4, "validation": 0.2}
    gg.fit(nn.Linear(3, 2), (X, Y), epochs=epochs, callbacks=[Progress(stream)],
           metrics=["balanced_accuracy"], **(given | changes))  # fmt: skip


def test_plain_lines_where_there_is_no_terminal():
    stream = io.StringIO()
    fit(stream)
    head, *lines = stream.getvalue().splitlines()
    assert head == "losses and metrics: subtrain / validation"
    number = r"[0-9.e-]+"
    for epoch, line in enumerate(lines, 1):
        assert re.fullmatch(
            rf"epoch {epoch}/3  loss {number} / {number}  "
            rf"balanced accuracy {number} / {number}  [0-9,]+ rows/s eager  0 s left",
            line,
        )
    assert len(lines) == 3
    assert "\x1b" not in stream.getvalue()


def test_long_trainings_print_few_lines():
    stream = io.StringIO()
    fit(stream, epochs=1000, batch_size=None)
    lines = stream.getvalue().splitlines()[1:]
    assert 20 <= len(lines) <= 25
    assert lines[0].startswith("epoch 1/1000")
    assert lines[-1].startswith("epoch 1000/1000")


def test_why_it_stopped_is_said():
    stream = io.StringIO()
    gg.fit(nn.Linear(3, 2), (X, Y), loss="cross_entropy", optimizer="sgd", epochs=50, batch_size=4,
           callbacks=[gg.training.EarlyStopping(1, min_delta=9), Progress(stream)])  # fmt: skip
    said = stream.getvalue().splitlines()[-1]
    assert re.fullmatch(r"stopped early: no better than [0-9.]+ in epoch 1 for 1 epoch", said)
    assert "left" not in stream.getvalue().splitlines()[-2]


def test_large_losses_are_written_out():
    stream, y = io.StringIO(), np.full((len(X), 1), 2000.0)
    gg.fit(nn.Linear(3, 1), (X, y), loss="mse", optimizer="sgd", epochs=1, batch_size=4,
           callbacks=[Progress(stream)])  # fmt: skip
    assert re.search(r"loss \d{7} ", stream.getvalue())


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_live_line_in_a_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    fit(stream)
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())
    assert "epoch 3/3" in shown
    assert stream.getvalue().count("\x1b[?25l") == stream.getvalue().count("\x1b[?25h") == 1


def test_the_live_line_ends_with_an_error(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with pytest.raises(NonFiniteError):
        fit(stream, loss=lambda outputs, labels: (outputs * float("nan")).mean())
    assert stream.getvalue().count("\x1b[?25l") == stream.getvalue().count("\x1b[?25h") == 1


def test_nothing_is_shown_unless_wanted(capfd):
    gg.fit(nn.Linear(3, 2), (X, Y), loss="cross_entropy", optimizer="sgd", epochs=2, batch_size=4,
           verbose=False)  # fmt: skip
    assert capfd.readouterr() == ("", "")
    gg.fit(nn.Linear(3, 2), (X, Y), loss="cross_entropy", optimizer="sgd", epochs=2, batch_size=4)
    out, error = capfd.readouterr()
    assert out == ""
    assert error.count("epoch") == 2


def test_numbers_are_short():
    assert [duration(s) for s in (0.4, 59.4, 200, 7500)] == [
        "0 s",
        "59 s",
        "3 min 20 s",
        "2 h 5 min",
    ]
    assert [rounded(n) for n in (7.9, 84, 987, 123456)] == [7, 84, 980, 120000]
