"""Progress of a training: a live line in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from time import perf_counter
from typing import Any

from ..data.wording import plain
from .callbacks import Callback

LINES = 20  # about how many plain lines a training prints
PATIENCE = 10.0  # seconds after which a plain line comes anyway


class Progress(Callback):
    """Shows epoch, loss and metrics on subtrain and validation rows, rows per second, time left.

    file  where to write; None is the standard error output, and the page in a notebook
    """

    def __init__(self, file: Any = None) -> None:
        self.file = file
        self.live: Any = None
        self.said = False  # why steps are eager
        self.begun = self.told = 0.0
        self.seconds, self.done = 0.0, 0  # of complete epochs that this call has gone through

    def on_train_start(self, run: Any) -> None:
        out = self.stream
        if out.isatty():
            from rich.console import Console
            from rich.live import Live

            same = sys.stdout.isatty()  # else what a user prints goes where it was sent
            self.live = Live(console=Console(file=out), redirect_stdout=same)
            self.live.start()
        self.told = perf_counter()
        if run.validation is not None:
            self.print("losses and metrics: subtrain / validation")

    def on_epoch_start(self, run: Any) -> None:
        self.begun = perf_counter()

    def on_progress(self, run: Any) -> None:
        if self.live is not None:
            self.show(self.line(run, complete=False))

    def on_epoch_end(self, run: Any) -> None:
        self.seconds += perf_counter() - self.begun
        self.done += 1
        if run.engine.fell_back and not self.said:
            self.said = True
            self.print(f"eager steps: {run.engine.fell_back}")
        if self.live is not None:
            self.show(self.line(run, complete=True))
        elif self.is_due(run):
            self.told = perf_counter()
            self.print(self.line(run, complete=True))

    def is_due(self, run: Any) -> bool:
        """Whether a plain line is to be printed: the first, the last, and about twenty between."""
        last = run.epoch == run.epochs or run.stopped
        regular = run.epoch == 1 or run.epoch % max(run.epochs // LINES, 1) == 0
        return bool(last or regular or perf_counter() - self.told > PATIENCE)

    def on_train_end(self, run: Any) -> None:
        self.close()
        if run.stopped:
            self.print(run.stopped)

    def on_error(self, run: Any, error: BaseException) -> None:
        self.close()

    def close(self) -> None:
        """Leave the live line as it is."""
        if self.live is not None:
            self.live.stop()
            self.live = None

    @property
    def stream(self) -> Any:
        """Where the lines go."""
        return self.file or (sys.stdout if in_notebook() else sys.stderr)

    def show(self, text: str) -> None:
        """The live line."""
        from rich.text import Text

        self.live.update(Text(text))

    def print(self, text: str) -> None:
        """A plain line."""
        print(text, file=self.stream, flush=True)

    # ---- the words

    def line(self, run: Any, *, complete: bool) -> str:
        """`epoch 3/20  loss 0.21 / 0.25  accuracy 0.93 / 0.91  9,000 rows/s native  8 s left`."""
        parts = [f"epoch {run.epoch}/{run.epochs}"]
        parts += curves(run) or [f"loss of this step {run.loss:.3g}"]
        passed = perf_counter() - self.begun
        seconds = run.history.epoch_seconds[-1] if complete else passed
        if run.rows and seconds > 0:
            kind = "native" if run.engine.used else "eager"
            if run.engine.used and run.history.threads > 1:
                kind += f" on {run.history.threads} threads"
            parts.append(f"{rounded(run.rows / seconds):,} rows/s {kind}")
        left = self.left(run, passed, complete=complete)
        if left is not None and not run.stopped:
            parts.append(f"{duration(left)} left")
        return "  ".join(parts)

    def left(self, run: Any, passed: float, *, complete: bool) -> float | None:
        """Seconds that the epochs to come will take, if they take as long as those before."""
        if not self.done:
            return None
        each = self.seconds / self.done
        rest = (run.epochs - run.epoch) * each
        return rest if complete else rest + max(each - passed, 0)


def curves(run: Any) -> list[str]:
    """The last value of every curve, subtrain and validation side by side."""
    history = run.history
    named = {"loss": history.losses, "validation_loss": history.validation_losses}
    named |= history.metrics
    parts = []
    for name, values in named.items():
        if name.startswith("validation_") or not values:
            continue
        held_out = named.get(f"validation_{name}")
        both = f" / {plain(held_out[-1], 3)}" if held_out else ""
        parts.append(f"{name.replace('_', ' ')} {plain(values[-1], 3)}{both}")
    return parts


def rounded(number: float) -> int:
    """A number with its first two digits."""
    magnitude = 10 ** max(len(str(int(number))) - 2, 0)
    return int(number / magnitude) * magnitude


def duration(seconds: float) -> str:
    """`8 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def in_notebook() -> bool:
    """Whether output goes to a notebook's cell: its kernel has put itself in place of stdout."""
    return type(sys.stdout).__module__.startswith("ipykernel")
