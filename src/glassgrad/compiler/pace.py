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
SOON, LATE = 0.25, 3.0  # seconds until both are tried again, the first time and at most
LOOK, WAKING = 3e-8, 5e-3  # seconds of a look for the others, and until they are awake
BETTER, WORSE = 0.9, 1.25  # of the time of one thread: several go on, and are not even tried on
WAKES = 1.75  # the same for the first try, in which they wake up


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
    last     seconds a step in the last call; alone: in the last one of one thread
    again    when both are tried again; wait: how long after the tries before
    """

    def __init__(self, artifact: Artifact) -> None:
        self.artifact, self.lock = artifact, threading.Lock()
        self.chosen = 1
        self.trying: list[int] = []
        self.times: dict[int, list[float]] = {}
        self.last: float | None = None
        self.alone, self.again, self.wait = 0.0, 0.0, SOON / 2

    def next(self, steps: int) -> tuple[int, int]:
        """How many threads take how many of the steps that are left."""
        most = several(self.artifact)
        if most == 1:
            self.chosen = 1
        if most == 1 or not self.lock.acquire(blocking=False):  # another call is measured
            return 1, steps
        try:
            return self.planned(most, steps)
        finally:
            self.lock.release()

    def planned(self, most: int, steps: int) -> tuple[int, int]:
        """The same, where nobody else asks."""
        if self.last is None:
            return 1, 1
        if not self.trying and perf_counter() >= self.again:
            self.trying = [most, *[1, most] * TRIES]  # the first wakes everyone up
            self.times = {1: [], most: []}
        threads = self.trying[0] if self.trying else min(self.chosen, most)
        seconds = PROBE if self.trying else SLICE
        return threads, max(1, min(steps, int(seconds / self.last)))

    @property
    def patience(self) -> int:
        """How often the first thread looks for the others: for less than a tenth of a step."""
        return int(min(0.1 * (self.last or self.artifact.cycles / CLOCK), WAKING) / LOOK)

    def took(self, threads: int, steps: int, seconds: float) -> None:
        """Note what a call took, and what follows from it."""
        if steps and self.lock.acquire(blocking=False):
            try:
                self.note(threads, max(seconds / steps, 1e-9))
            finally:
                self.lock.release()

    def note(self, threads: int, each: float) -> None:
        """Seconds that a step took."""
        self.last = each
        if threads == 1:
            self.alone = each
        if self.trying and threads == self.trying[0]:
            most = WAKES if len(self.trying) > 2 * TRIES else WORSE
            self.times[self.trying.pop(0)].append(each)
            hopeless = threads > 1 and each > most * self.alone
            if hopeless or not self.trying:
                self.decide(hopeless)
        elif threads > 1 and each > BETTER * self.alone:  # another process has a core
            self.choose(1)

    def decide(self, hopeless: bool) -> None:
        """The quicker one goes on; one thread does where that is not clear."""
        self.trying = []
        most = max(self.times)
        if hopeless:
            return self.choose(1)
        alone, crowd = (statistics.mean(self.times[n][-TRIES:]) for n in (1, most))
        return self.choose(most if crowd < BETTER * alone else 1)

    def choose(self, threads: int) -> None:
        """Go on with so many; the longer it stays the same, the later others are tried again."""
        self.wait = min(2 * self.wait, LATE) if threads == self.chosen else SOON
        self.chosen, self.again = threads, perf_counter() + self.wait
