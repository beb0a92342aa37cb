"""Runs that take the same steps, sixteen at a time by native code; each as if it were alone.

Each run keeps its own random stream, history and callbacks.  Where one fails, or takes another step
than the others, it goes on alone from where the epoch began; the bits are the same either way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import numpy as np

from ..compiler.copies import NativeCopies, copies
from ..compiler.emit.position import LANES
from ..compiler.entry import Entry
from ..compiler.epoch import Source
from ..compiler.key import canonical
from ..compiler.lower import lowered
from ..compiler.plain import NotPlainError
from ..compiler.rewrite import rewritten
from ..tensors.generator import default_generator
from .engine import NotNativeError
from .native import CALL, FINE, NativeSteps, arrays_of, bounded, first_line
from .orders import DRAWS, permutations
from .progress import Progress
from .run import Run

AHEAD = 200_000  # rows whose order is drawn at once


class Member:
    """A run among others.

    name     in errors and tables
    stream   the state of its random stream
    before   the same as the present epoch began, and steps_before the steps that had been taken
    error    what ended it, if something did
    how      how its steps were taken
    """

    def __init__(self, run: Run, name: str, stream: np.ndarray) -> None:
        self.run, self.name, self.stream, self.before = run, name, stream, stream
        self.steps_before = 0
        self.error: Exception | None = None
        self.how = ""
        self.steps: NativeSteps | None = None

    @contextmanager
    def streaming(self) -> Iterator[None]:
        """The default generator goes on in the stream of this run."""
        outside = default_generator.get_state()
        default_generator.set_state(self.stream)
        try:
            yield
        finally:
            self.stream = default_generator.get_state().value
            default_generator.set_state(outside)

    def entry(self, rows: int) -> Entry:
        """The step for a batch size, as it is now."""
        if self.steps is None or not self.steps.is_of(self.run):
            self.steps = self.run.engine.native = NativeSteps(self.run)
        found = self.steps.seen.get(rows)
        return found if found is not None and found.holds() else self.steps.traced(rows)

    # ---- alone

    def epoch(self) -> None:
        """One epoch."""
        self.guarded(self.run.run_epoch)

    def rest(self) -> None:
        """All epochs that are left."""
        while self.error is None and self.run.goes_on:
            self.epoch()

    def again(self) -> None:
        """The present epoch, from a state that is in the leaves."""
        self.stream, self.run.step, self.run.rows = self.before, self.steps_before, 0
        self.guarded(lambda: self.run.end_epoch(*self.run.run_steps()))

    def guarded(self, act: Any) -> None:
        """Do something in the run's own stream; an error ends this run and no other."""
        try:
            with self.streaming():
                act()
        except Exception as error:
            self.error = error
            self.run.tell("on_error", error)


class Together:
    """Up to sixteen members whose steps are the same but for their numbers.

    lane     {member: which of the sixteen it is}, of those that are still trained here
    codes    {batch size: native code}
    inside   whose memory holds the state; None when the leaves hold it
    left     the members that have to go on alone
    counts   steps and rows of each in the present epoch, and the loss of the last step
    quiet    whether nobody looks at the present epoch, and its steps are known
    drawn    whether numbers have been drawn from the streams since they were in that memory
    """

    def __init__(self, members: list[Member], noticed: Any) -> None:
        self.lane = {member: k for k, member in enumerate(members)}
        self.first, self.noticed = members[0].run, noticed
        self.codes: dict[int, NativeCopies] = {}
        self.texts: dict[int, str] = {}
        self.inside: NativeCopies | None = None
        self.left: list[Member] = []
        self.pace = 0.0
        self.drawn = self.quiet = False
        self.counts = np.zeros((3, LANES))
        self.arrays = arrays_of(members[0].run.subtrain)  # type: ignore[arg-type]
        callbacks = {c for m in members for c in m.run.callbacks if not isinstance(c, Progress)}
        self.called = bool(callbacks)  # who may look at parameters, and change them
        self.judged = any(m.run.metrics or m.run.validation is not None for m in members)

    def train(self) -> None:
        """All epochs of all members."""
        for member in [m for m in self.lane if not m.run.goes_on]:
            self.leave(member)
            self.remove(member)
        while self.lane:
            for rows in self.ahead():
                self.epoch(rows)
                if self.left or self.noticed.interrupted:
                    break
            for member in [m for m in self.lane if not m.run.goes_on or m.error is not None]:
                self.leave(member)
                self.remove(member)
        for member in self.left:
            member.rest()

    def ahead(self) -> Any:
        """The rows of the epochs to come, int64 [epochs, rows, 16]; of one if somebody looks.

        Where the streams are for nothing else, many orders are drawn at once.
        """
        code, self.quiet = self.inside, False
        entries = [m.entry(code.batch) for m in self.lane] if code is not None else []
        drawn = any(leaf is default_generator.state for e in entries for leaf in e.cells)
        if code is None or self.called or self.judged or drawn:
            return [None]
        self.entries(code.batch)
        n = len(self.first.subtrain)  # type: ignore[arg-type]
        left = min(m.run.epochs - m.run.epoch for m in self.lane)
        count = max(1, min(left, AHEAD // (n * LANES)))
        rows = np.zeros((LANES, count, n), np.int64)
        for member, k in self.lane.items():
            order = permutations(member.stream, n, count) if self.shuffled(n) else np.arange(n)
            rows[k] = member.run.subtrain.places(order)  # type: ignore[union-attr]
        self.quiet = True
        return np.ascontiguousarray(rows.transpose(1, 2, 0))

    def shuffled(self, n: int) -> bool:
        """Whether epochs have an order (see `Run.order`)."""
        return self.first.shuffle and (self.first.batch_size or n) < n

    def epoch(self, rows: np.ndarray | None = None) -> None:
        """An epoch of all members, those that fail alone."""
        self.counts[:] = 0
        rows = self.begun() if rows is None else self.begun_quietly(rows)
        kept = None if self.inside is None else self.inside.kept.copy()
        begun, sums = perf_counter(), np.zeros(LANES)
        try:
            failed = self.taken(rows, sums)
        except NotNativeError:
            failed = list(self.lane)
        self.take_streams()
        seconds = perf_counter() - begun
        for member in failed:
            if kept is not None:
                self.give(member, kept)
            self.remove(member)
            member.again()
            self.left += [member] if member.error is None else []
        for member in self.lane:
            member.run.interrupted = self.noticed.interrupted
        for member, k in self.lane.items():
            self.finish(member, float(sums[k]), seconds)
        if self.called:
            self.inside = None  # callbacks may have changed what the leaves hold

    def begun(self) -> np.ndarray:
        """The numbers of each one's rows in the order in which they come."""
        self.drawn = True
        found = np.zeros((LANES, len(self.first.subtrain)), np.int64)  # type: ignore[arg-type]
        for member, k in self.lane.items():
            run, member.before = member.run, member.stream
            with member.streaming():
                run.begin_epoch()
                member.before = default_generator.get_state().value
                member.steps_before = run.step
                order = run.order()
            order = np.arange(found.shape[1]) if order is None else order
            found[k] = run.subtrain.places(order)  # type: ignore[union-attr]
        return np.ascontiguousarray(found.T)

    def begun_quietly(self, rows: np.ndarray) -> np.ndarray:
        """The same of rows that have been drawn already."""
        draws = np.array([0, DRAWS if self.shuffled(len(rows)) else 0], np.uint64)
        for member in self.lane:
            member.before, member.steps_before = member.stream, member.run.step
            member.stream = member.stream + draws
            member.run.epoch += 1
        return rows

    def finish(self, member: Member, total: float, seconds: float) -> None:
        """What comes after the steps of an epoch."""
        run, k = member.run, self.lane[member]
        run.rows, run.loss = int(self.counts[1, k]), float(self.counts[2, k])
        run.step = member.steps_before + int(self.counts[0, k])
        if self.quiet and not run.interrupted:
            run.history.losses.append(total / run.rows)
            run.history.epoch_seconds.append(seconds)
            run.history.steps = run.step
            return
        if self.called or self.judged:
            self.leave(member)
        run.engine.used, run.history.threads = True, 1
        run.history.engine = run.engine.name
        member.guarded(lambda: run.end_epoch(total / run.rows if run.rows else np.nan, seconds))

    def remove(self, member: Member) -> None:
        """It is trained here no longer; its lanes are computed, and nobody looks."""
        k = self.lane.pop(member)
        if self.inside is not None:
            self.inside.alive[k] = 0

    # ---- steps

    def taken(self, rows: np.ndarray, sums: np.ndarray) -> list[Member]:
        """Take the steps of an epoch; the members of whom one cannot be taken so."""
        n = len(rows)
        size = min(self.first.batch_size or n, n)
        whole = n // size * size
        failed = self.part(size, rows[:whole], sums)
        if n > whole and not self.noticed.interrupted:
            failed += self.part(n - whole, rows[whole:], sums)
        return list(dict.fromkeys([*failed, *self.spoiled(failed)]))

    def part(self, batch: int, rows: np.ndarray, sums: np.ndarray) -> list[Member]:
        """Steps of one batch size; who failed in one of them."""
        code = self.enter(batch)
        assert code is not None
        at, failed = 0, []
        while at < len(rows) and code.alive.any() and not self.noticed.interrupted:
            most = max(1, int(CALL / self.pace)) if self.pace else 1
            begun = perf_counter()
            steps, result = code.run(self.arrays, rows[at : at + most * batch], sums)
            if steps:
                self.pace = max((perf_counter() - begun) / steps, 1e-9)
            at += steps * batch
            self.count(steps, steps * batch, code)
            if result != FINE:
                failed += self.fallen(code)
        return failed

    def count(self, steps: int, rows: int, code: NativeCopies) -> None:
        """Note steps that have been taken."""
        if steps:
            self.counts[0] += steps
            self.counts[1] += rows
            self.counts[2] = code.last

    def fallen(self, code: NativeCopies) -> list[Member]:
        """Those whose loss is not finite: their steps count no longer.

        Raises:
            NotNativeError: It is something else that failed.
        """
        wrong = ~np.isfinite(code.loss) & (code.alive != 0)
        found = [member for member, k in self.lane.items() if wrong[k]]
        if not found:
            raise NotNativeError("a check failed")
        for member in found:
            code.alive[self.lane[member]] = 0
        return found

    def spoiled(self, failed: list[Member]) -> list[Member]:
        """Those of whose parameters one is not finite any more."""
        code = self.inside
        assert code is not None
        cells = (code.cells[i] for i in code.artifact.written)
        wrong = np.zeros(LANES, bool)
        for values in cells:
            if values.dtype.kind == "f" and not np.isfinite(values.sum()):
                wrong |= ~np.isfinite(values.reshape(-1, LANES)).all(0)
        return [m for m, k in self.lane.items() if wrong[k] and m not in set(failed)]

    # ---- state

    def enter(self, batch: int) -> NativeCopies:
        """The state goes to the memory of the code for a batch size, if it is not there."""
        if self.quiet and batch in self.codes and self.in_memory(batch):
            self.inside = self.codes[batch]
            self.inside.begin()
            return self.inside
        entries = self.entries(batch)
        code = self.code(batch, entries)
        if self.inside is not None and self.inside.arena is not code.arena:
            for member in self.lane:
                self.leave(member)
            self.inside = None
        if self.inside is None:
            self.put(code, entries)
        if self.drawn:
            self.put_streams(code, entries)
            self.drawn = False
        code.begin()
        for member, k in self.lane.items():
            for array, number in zip(code.hypers, entries[member].numbers()):
                array[..., k] = number
        self.inside = code
        return code

    def in_memory(self, batch: int) -> bool:
        """Whether the code for a batch size works where the state is."""
        return self.inside is not None and self.codes[batch].arena is self.inside.arena

    def entries(self, batch: int) -> dict[Member, Entry]:
        """The steps of all members as they are now.

        Raises:
            NotNativeError: They are not the same step.
        """
        found = {member: member.entry(batch) for member in self.lane}
        for entry in found.values():
            if entry.once:
                raise NotNativeError("the step is another one later")
        for entry in found.values():
            if text_of(entry) != self.texts.setdefault(batch, text_of(entry)):
                raise NotNativeError("the steps are not the same")
        return found

    def code(self, batch: int, entries: dict[Member, Entry]) -> NativeCopies:
        """Native code for a batch size, in the memory of what is running."""
        if batch not in self.codes:
            begun, sources = perf_counter(), [Source(a.shape, a.dtype) for a in self.arrays]
            graph, passes = next(iter(entries.values())).graph, (lowered, rewritten, bounded)
            try:
                made = NativeCopies(graph, sources, beside=self.inside, passes=passes)
            except Exception as error:
                raise NotNativeError(first_line(error)) from error
            self.codes[batch] = made
            for member in self.lane:
                member.run.history.compile_seconds += perf_counter() - begun
        return self.codes[batch]

    def put(self, code: NativeCopies, entries: dict[Member, Entry]) -> None:
        """Take the values of all cells from the leaves; lanes to spare get those of the first."""
        code.alive[:] = 0
        for number, array in enumerate(code.cells):
            for member, k in self.lane.items():
                array[..., k] = entries[member].cells[number].value
            spare = [k for k in range(LANES) if k not in set(self.lane.values())]
            array[..., spare] = array[..., [next(iter(self.lane.values()))]]
        code.alive[list(self.lane.values())] = 1

    def put_streams(self, code: NativeCopies, entries: dict[Member, Entry]) -> None:
        """The random streams, from which the order of rows has been drawn meanwhile."""
        for member, k in self.lane.items():
            for array, leaf in zip(code.cells, entries[member].cells):
                if leaf is default_generator.state:
                    array[..., k] = member.stream

    def take_streams(self) -> None:
        """The random streams as the steps have left them."""
        code = self.inside
        for member, k in self.lane.items() if code is not None else ():
            assert code is not None
            for array, leaf in zip(code.cells, member.entry(code.batch).cells):
                if leaf is default_generator.state:
                    member.stream = array[..., k].copy()

    def leave(self, member: Member) -> None:
        """The state of a member goes back to its leaves."""
        if self.inside is not None and member in self.lane:
            self.give(member, self.inside.arena)

    def give(self, member: Member, memory: np.ndarray) -> None:
        """The state of a member goes from some memory to its leaves."""
        assert self.inside is not None
        entry, k = member.entry(self.inside.batch), self.lane[member]
        artifact = self.inside.artifact
        for i in artifact.written:
            leaf, array = entry.cells[i], copies(artifact.cells[i], memory)
            if leaf is default_generator.state:
                member.stream = array[..., k].copy()
            else:
                leaf.value[...] = array[..., k]
        entry.note_writes()
        entry.set_gradients()


def text_of(entry: Entry) -> str:
    """All that a step says; equal texts are the same step.

    Raises:
        NotNativeError: It has an operation that only this process knows.
    """
    text = vars(entry).get("text")
    if text is None:
        try:
            text = vars(entry)["text"] = canonical(entry.graph)
        except NotPlainError as error:
            raise NotNativeError(str(error)) from error
    return text


def grouped(members: list[Member]) -> list[list[Member]]:
    """Members who can be trained at once, and others by themselves; `how` says why."""
    found: dict[Any, list[Member]] = {}
    for member in members:
        try:
            key = key_of(member)
        except NotNativeError as error:
            member.how, key = f"alone: {error}", member
        found.setdefault(key, []).append(member)
    return [group[i : i + LANES] for group in found.values() for i in range(0, len(group), LANES)]


def key_of(member: Member) -> Any:
    """What is the same for members who are trained at once.

    Raises:
        NotNativeError: The run can only be alone.
    """
    run = member.run
    if not run.engine.possible:
        raise NotNativeError(run.engine.reason or "eager steps were asked for")
    if run.each_step:
        raise NotNativeError(f"{type(run.each_step[0]).__name__} is told of each step")
    rows = run.subtrain
    n = len(rows)  # type: ignore[arg-type]
    with member.streaming():
        run.model.train()
        entry = member.entry(min(run.batch_size or n, n))
    text, run.engine.asked = text_of(entry), "native"
    if entry.once:  # an optimizer begins with values
        member.epoch()
        if member.error is not None:
            return member
        text = text_of(member.entry(min(run.batch_size or n, n)))
    arrays = tuple(map(id, [*rows.inputs, rows.targets]))  # type: ignore[union-attr]
    weights = None if rows.weights is None else (rows.numbers.tobytes(), rows.weights.tobytes())
    return text, n, run.batch_size, arrays, weights
