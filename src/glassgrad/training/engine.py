"""What takes the steps of a training: NumPy, node by node, or native code, many steps in a call."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import numpy as np

from .rows import ArrayRows

if TYPE_CHECKING:
    from .native import NativeSteps

FEWEST = 20  # eager steps before it is found out whether others pay
Steps = Generator[tuple[list[float], int], None, None]
SHORT = "so few steps take less time than compiling them"


class NotNativeError(Exception):
    """Steps cannot be native; the message says why."""


class Engine:
    """Takes the steps of a run.

    asked    "eager"; "native", which is an error where it cannot be; or "auto": eager steps until
             they have taken about as long as compiling would (see `cost`), from then on native ones
    reason   why steps are eager; empty if they are not
    refused  {batch size: why its steps are eager}
    used     whether there have been native steps
    """

    def __init__(self, run: Any, asked: str = "eager") -> None:
        self.run, self.asked = run, asked
        self.native: NativeSteps | None = None
        self.refused: dict[int, str] = {}
        self.used = False
        never = "" if asked == "eager" else refused(run)
        if never and asked == "native":
            raise not_native(never)
        self.possible = asked != "eager" and not never
        self.reason = never or (SHORT if asked == "auto" else "")

    @property
    def name(self) -> str:
        """`native`, `eager`, or `eager: ` and why."""
        if self.used:
            return "native"
        return f"eager: {self.reason}" if self.reason else "eager"

    @property
    def fell_back(self) -> str:
        """Why steps are eager that were to be native; empty if there is nothing to say."""
        return "" if self.used or self.reason == SHORT else self.reason

    def steps(self) -> Steps:
        """The steps of an epoch as they are taken: the losses of one or more, and rows of each."""
        if not self.possible:
            for batch in self.run.batches():
                yield [self.eager(batch)], batch.rows
            return
        try:
            yield from self.gathered()
        finally:
            self.leave()

    def gathered(self) -> Steps:
        """Steps over rows in memory, as many in a call as may be."""
        rows, order = self.run.subtrain, self.run.order()
        order = np.arange(len(rows)) if order is None else order
        size, at = self.run.batch_size or len(order), 0
        while at < len(order):
            here = min(size, len(order) - at)
            if self.native is not None and self.run.each_step:
                self.native.renew()
            losses = self.chunk(order[at:], here) if self.is_due(here, size) else []
            if not losses:
                self.leave()
                losses = [self.eager(rows.take(order[at : at + here]))]
            at += here * len(losses)
            yield losses, here

    def eager(self, batch: Any) -> float:
        """A step by NumPy."""
        self.run.updating = True
        loss = self.run.update(batch)
        self.run.updating = False
        return loss

    # ---- native steps

    def is_due(self, here: int, size: int) -> bool:
        """Whether the next step, of `here` rows where most have `size`, is to be native."""
        if here in self.refused or size in self.refused:
            return False
        taken = self.run.step if here == size else self.run.epoch - 1
        if self.asked == "auto" and taken < FEWEST:
            return False
        from .native import NativeSteps

        self.run.updating = True  # a trace runs the user's code
        try:
            if self.native is None or not self.native.is_of(self.run):
                self.native = NativeSteps(self.run)
            if self.asked == "auto" and taken < self.native.worth(here):
                return False
            return self.native.ready(here)
        except NotNativeError as error:
            if self.asked == "native":
                raise not_native(str(error)) from error.__cause__
            self.refused[here] = str(error)
            self.reason = str(error) if here == size else self.reason
            return False
        finally:
            self.run.updating = False

    def chunk(self, order: np.ndarray, here: int) -> list[float]:
        """The losses of steps by native code; fewer, or none, before one that has to be eager.

        Callbacks that are told of each step have it done alone, and find the parameters as it left
        them: the way there and back may cost more than the step.
        """
        assert self.native is not None
        most = 1 if self.run.each_step else self.native.count(here)
        steps = min(len(order) // here, most)
        self.run.updating = True
        losses, _ = self.native.steps(order[: steps * here], here)
        self.run.updating = False
        self.used, self.run.history.threads = True, self.native.threads
        if any(callback.parameters for callback in self.run.each_step):
            self.leave()
        return losses

    def forward(self) -> Callable | None:
        """What computes the outputs for a batch, if it need not be the model."""
        if self.asked == "eager":
            return None
        from .forward import outputs_by

        return outputs_by(self.run.model)

    def leave(self) -> None:
        """Let Python look at the parameters."""
        if self.native is not None and self.native.inside is not None:
            self.run.updating = True
            self.native.leave()
            self.run.updating = False


def refused(run: Any) -> str:
    """Why a run cannot have native steps, as far as can be told before the first; else empty."""
    rows = run.subtrain
    if run.update == run.update_by_closure:
        return f"{type(run.optimizer).__name__} asks for the loss several times a step"
    if not isinstance(rows, ArrayRows) or rows.targets is None:
        return "the data is read item by item; (X, y) of arrays is gathered by native code"
    for array in (*rows.inputs, rows.targets):
        if not array.flags.c_contiguous:
            return "an array has gaps between its rows; np.ascontiguousarray(X) closes them"
        if not array.dtype.isnative or not array.flags.aligned:
            return f"an array holds numbers of another order of bytes: {array.dtype.str}"
        if not array[:1].nbytes:
            return "a row of an array is empty"
    return ""


def not_native(reason: str) -> ValueError:
    """The error of engine="native"."""
    return ValueError(f"engine='native': {reason}; engine='auto' takes eager steps where it must")
