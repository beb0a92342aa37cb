"""Several schedules at once, or one after another."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from ..optimizer import Optimizer
from .plateau import ReduceLROnPlateau
from .schedule import LRScheduler


class Combined(LRScheduler):
    """Base of schedules that hold others, all of one optimizer."""

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler]) -> None:
        self.optimizer, self._schedulers = optimizer, list(schedulers)
        for number, schedule in enumerate(schedulers):
            if not isinstance(schedule, LRScheduler):
                kind = type(schedule).__name__
                raise TypeError(f"schedulers[{number}] is a {kind}, not a schedule")
            if isinstance(schedule, ReduceLROnPlateau):
                raise ValueError(
                    f"schedulers[{number}] is ReduceLROnPlateau, whose step takes a measure; "
                    "step it beside the others"
                )
            if schedule.optimizer is not optimizer:
                raise ValueError(f"schedulers[{number}] belongs to another optimizer")

    def state_dict(self) -> dict[str, Any]:
        states = [schedule.state_dict() for schedule in self._schedulers]
        return {**super().state_dict(), "_schedulers": states}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        own = {name: value for name, value in state_dict.items() if name != "_schedulers"}
        super().load_state_dict(own)
        for schedule, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            schedule.load_state_dict(state)

    def _note(self) -> None:
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]


class ChainedScheduler(Combined):
    """All `schedulers` at each step: their factors multiply."""

    def __init__(self, schedulers, optimizer=None):
        if not schedulers:
            raise ValueError("ChainedScheduler takes at least one schedule")
        first = getattr(schedulers[0], "optimizer", None)
        super().__init__(first if optimizer is None else optimizer, schedulers)
        self._note()

    def step(self) -> None:
        for schedule in self._schedulers:
            schedule.step()
        self._note()

    def begin(self) -> None:
        for schedule in self._schedulers:
            schedule.begin()
        self._note()


class SequentialLR(Combined):
    """schedulers[i] from epoch milestones[i - 1] on; each begins anew from the initial lr."""

    def __init__(self, optimizer, schedulers, milestones, last_epoch=-1):
        if not schedulers or len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"SequentialLR takes a milestone between each two schedules; got {len(milestones)} "
                f"milestones and {len(schedulers)} schedules"
            )
        super().__init__(optimizer, schedulers)
        self._milestones = list(milestones)
        self.restart()
        self.last_epoch = last_epoch + 1

    def begin(self) -> None:
        self.last_epoch = 0
        self._schedulers[bisect_right(self._milestones, 0)].begin()
        self._note()

    def step(self) -> None:
        self.last_epoch += 1
        number = bisect_right(self._milestones, self.last_epoch)
        schedule = self._schedulers[number]
        if number and self._milestones[number - 1] == self.last_epoch:
            schedule.restart()
        else:
            schedule.step()
        self._note()
