"""One thread or several: measured while the steps of a run are taken, since no bit depends on it.

Both are tried in turn for some milliseconds, and the quicker one goes on; now and then, or when it
becomes slow because another process has taken a core, both are tried again.
"""

from __future__ import annotations

import statistics
import threading
from time import perf_counter

from .artifact import Artifact
from .threads import get_num_threads

CLOCK = 2e9  # predicted cycles a second, roughly
TRIES = 2  # of each
PROBE, SLICE = 0.02, 0.1  # seconds of a try, and of what is measured after it
SOON, LATE = 1.0, 10.0  # seconds until both are tried again, the first time and at most
LOOK, WAKING = 3e-8, 5e-3  # seconds of a look for the others, and until they are awake
BETTER, SLOWER = 0.97, 1.25  # times one thread; times what several took when they were tried


def several(artifact: Artifact) -> int:
    """How many threads are worth a try: few for a small step, however many cores there are."""
    if not artifact.shared:
        return 1
    return int(min(get_num_threads(), 2 + artifact.cycles / CLOCK / 50e-6))


class Pace:
    """How many threads take the next steps, and how long steps took.

    chosen   how many are quickest, as far as is known
    trying   what is still to be tried
    times    {threads: seconds a step} of this round of tries
    last     seconds a step in the last call
    again    when both are tried again
    """

    def __init__(self, artifact: Artifact) -> None:
        self.artifact, self.lock = artifact, threading.Lock()
        self.chosen, self.slow = 1, 0
        self.trying: list[int] = []
        self.times: dict[int, list[float]] = {}
        self.last: float | None = None
        self.best, self.again, self.wait = 0.0, 0.0, SOON

    def next(self, steps: int) -> tuple[int, int]:
        """How many threads take how many of the steps that are left."""
        most = several(self.artifact)
        if most == 1:
            self.chosen = 1
            return 1, steps
        with self.lock:
            if self.last is None:
                return 1, 1
            if not self.trying and perf_counter() >= self.again:
                self.trying = [most, *[1, most] * TRIES]  # the first wakes everyone up
                self.times = {1: [], most: []}
            found, seconds = (
                (self.trying[0], PROBE) if self.trying else (min(self.chosen, most), SLICE)
            )
            return found, max(1, min(steps, int(seconds / self.last)))

    @property
    def patience(self) -> int:
        """How often the first thread looks for the others: for less than a tenth of a step."""
        return int(min(0.1 * (self.last or 0.0), WAKING) / LOOK)

    def took(self, threads: int, steps: int, seconds: float) -> None:
        """Note what a call took, and what follows from it."""
        if steps < 1:
            return
        with self.lock:
            self.last = each = max(seconds / steps, 1e-9)
            if self.trying and threads == self.trying[0]:
                self.times[self.trying.pop(0)].append(each)
                if not self.trying:
                    self.decide()
            elif threads > 1:
                self.slow = self.slow + 1 if each > SLOWER * self.best else 0
                if self.slow > 1:
                    self.again, self.wait = 0.0, SOON

    def decide(self) -> None:
        """The quicker one goes on; the longer it stays the same, the later both are tried again."""
        (one, alone), (many, crowd) = (
            (n, statistics.mean(times[-TRIES:])) for n, times in self.times.items()
        )
        found = many if crowd < BETTER * alone else one
        self.wait = min(2 * self.wait, LATE) if found == self.chosen else SOON
        self.chosen, self.best, self.slow = found, crowd, 0
        self.again = perf_counter() + self.wait
