"""How many threads native code may use, and the pool of those that help.

A thread of the pool is an ordinary Python thread that calls native code, which lets go of Python's
lock; between calls it sleeps.  The first thread of a call is always the caller's, and never waits
for another to wake up (see `crew`).
"""

from __future__ import annotations

import ctypes
import math
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from .crew import SLOT

LOOKS = 2000  # for another thread before giving way to other programs
CGROUPS = Path("/sys/fs/cgroup")
Call = Callable[[int, int, int], Any]  # thread, threads, address of the crew


class Asked:
    """What the user has set; None leaves it to the machine."""

    threads: int | None = None


def set_num_threads(threads: int) -> None:
    """Let native steps use at most so many threads; results do not depend on it.

    Small steps use fewer, for they would only wait for each other.

    Raises:
        RuntimeError: It is no positive number.
        TypeError: It is no whole number.
    """
    if isinstance(threads, bool) or not isinstance(threads, int | np.integer):
        raise TypeError(f"set_num_threads takes a whole number, not {threads!r}")
    if threads < 1:
        raise RuntimeError(f"set_num_threads takes a positive number, not {threads}")
    Asked.threads = int(threads)


def get_num_threads() -> int:
    """How many threads native steps may use.

    What `set_num_threads` was told; else as many as there are processors for this process, and no
    more than its container allows, or OMP_NUM_THREADS.
    """
    return Asked.threads or default_threads()


def default_threads() -> int:
    """The number that the environment and the machine say."""
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    limit = int(asked) if asked.isdigit() and int(asked) > 0 else math.inf
    return int(max(1, min(len(processors()), allowed_here(), limit)))


@cache
def allowed_here() -> float:
    """What the container of this process allows, in whole processors, asked once."""
    found = quota(CGROUPS)
    return found if math.isinf(found) else math.ceil(found)


def processors() -> list[int]:
    """The numbers of the processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def quota(root: Path, own: Path = Path("/proc/self/cgroup")) -> float:
    """How many processors' time a container may use; infinite without limit.

    Control groups of version 2 say `limit period` in cpu.max, those of version 1 in two files; the
    limits of all groups above count too.
    """
    found = [math.inf]
    for folder in groups(root, own):
        with suppress(OSError, ValueError, ZeroDivisionError):
            words = (folder / "cpu.max").read_text().split()
            found.append(int(words[0]) / int(words[1]))
        with suppress(OSError, ValueError, ZeroDivisionError):
            limit = int((folder / "cpu.cfs_quota_us").read_text())
            period = int((folder / "cpu.cfs_period_us").read_text())
            found += [limit / period] if limit > 0 else []
    return min(found)


def groups(root: Path, own: Path) -> list[Path]:
    """The folders of this process's control group and of those above it."""
    found = [root, root / "cpu", root / "cpu,cpuacct"]
    with suppress(OSError):
        for line in own.read_text().splitlines():
            _, kinds, path = line.split(":", 2)
            if kinds and "cpu" not in kinds.split(","):
                continue
            tops = [root / "cpu", root / "cpu,cpuacct"] if kinds else [root]
            parts = [part for part in path.split("/") if part and part != ".."]
            found += [top.joinpath(*parts[:n]) for top in tops for n in range(1, len(parts) + 1)]
    return found


# ---- the pool


class Worker:
    """A thread that helps; `calls` are waiting for it."""

    def __init__(self, number: int) -> None:
        self.calls: SimpleQueue[tuple[Call, int, int, np.ndarray]] = SimpleQueue()
        self.pinned: int | None = None
        self.thread = threading.Thread(
            target=work, args=(self.calls,), name=f"glassgrad-{number}", daemon=True
        )
        self.thread.start()

    def pin(self, processor: int | None) -> None:
        """Keep to one processor: a new thread may sit on its maker's for milliseconds."""
        if processor == self.pinned or not hasattr(os, "sched_setaffinity"):
            return
        with suppress(OSError):
            allowed = processors() if processor is None else [processor]
            os.sched_setaffinity(self.thread.native_id or 0, allowed)
            self.pinned = processor


def work(calls: SimpleQueue) -> None:
    """What a worker does all its life."""
    while True:
        call, thread, threads, crew = calls.get()
        with suppress(Exception):
            call(thread, threads, crew.ctypes.data)
        del call, crew


class Pool:
    """Workers, as many as were ever needed; one call at a time has them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.workers: list[Worker] = []

    def run(self, call: Call, threads: int, patience: int = 0) -> Any:
        """call(thread, threads, crew) on several threads; the result of the first, which is here.

        patience  how often the first looks for the others before it begins alone
        It is alone, call(0, 1, crew), where another call has the pool.
        """
        if threads == 1 or not self.lock.acquire(blocking=False):
            return call(0, 1, 0)
        try:
            helpers = self.ready(threads - 1)
            crew = crew_of(1 + len(helpers), patience)
            try:
                for number, helper in enumerate(helpers, 1):
                    helper.calls.put((call, number, 1 + len(helpers), crew))
                return call(0, 1 + len(helpers), crew.ctypes.data)
            except BaseException:
                crew[0] = -1  # who has not begun goes home
                raise
        finally:
            self.lock.release()

    def ready(self, count: int) -> list[Worker]:
        """So many workers, or none while some are still busy with an earlier call."""
        while len(self.workers) < count:
            self.workers.append(Worker(len(self.workers) + 1))
        found = self.workers[:count]
        if not all(w.calls.empty() for w in found):
            return []
        others = [p for p in processors() if p != this_processor()]
        places = others if count <= len(others) else [None] * count
        for worker, place in zip(found, places):
            if worker.pinned not in others or place is None:
                worker.pin(place)
        return found


def crew_of(threads: int, patience: int) -> np.ndarray:
    """Memory in which the threads of a call find and await each other (see `crew`)."""
    words = np.zeros((threads + 2) * SLOT // 8, np.int64)
    start = -(words.ctypes.data // 8) % (SLOT // 8)
    words = words[start:]
    looks = LOOKS if threads <= len(processors()) else 1
    words[1:3], words[SLOT // 8] = (patience, looks), 1  # the first thread is there
    return words


@cache
def asking() -> Callable[[], int] | None:
    """The system's function for where a thread is running."""
    with suppress(OSError, AttributeError, TypeError):
        return ctypes.CDLL(None).sched_getcpu
    return None


def this_processor() -> int:
    """The processor that this thread is running on; -1 where the system does not say."""
    ask = asking()
    return -1 if ask is None else ask()


class Shared:
    """The pool of this process."""

    pool = Pool()


def after_fork() -> None:
    """Threads do not live on in a child."""
    Shared.pool = Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=after_fork)


def together(call: Call, threads: int, patience: int = 0) -> Any:
    """`call` on several threads of the pool (see `Pool.run`)."""
    return Shared.pool.run(call, threads, patience)
