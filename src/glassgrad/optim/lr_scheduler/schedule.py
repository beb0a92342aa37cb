"""What every schedule keeps, and how it sets the learning rate."""

from __future__ import annotations

import warnings
from types import FunctionType
from typing import Any

from ..optimizer import Optimizer
from ..parameters import Group


class LRScheduler:
    """Base of all schedules; subclass it with `get_lr`, one learning rate for each group.

    optimizer   its groups' "lr" is what changes; they keep their first one as "initial_lr"
    last_epoch  how often `step` was called since the beginning
    base_lrs    the learning rates that the schedule started from

    `optimizer.step()` comes first, then `scheduler.step()`.
    """

    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            kind = type(optimizer).__name__
            raise TypeError(f"a schedule takes an optimizer, not a {kind}")
        self.optimizer = optimizer
        for number, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f"group {number} of the optimizer has no 'initial_lr', so there is nothing to "
                    "go on from; load the optimizer's state first, or leave last_epoch at -1"
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._step_count = 0
        self._is_initial = True
        self.step()
        self._is_initial = False

    def get_lr(self) -> list[float]:
        """The learning rate of each group at `last_epoch`."""
        raise NotImplementedError(f"{type(self).__name__} needs a method get_lr")

    def get_last_lr(self) -> list[float]:
        """The learning rate of each group as the schedule set it last."""
        return self._last_lr

    def step(self) -> None:
        """Go on by one epoch, or one batch: whatever the schedule counts."""
        if self._step_count == 1 and not self.optimizer.stepped:
            warnings.warn(
                "scheduler.step() was called before optimizer.step(), so that the first learning "
                "rate is never used; call optimizer.step() first",
                stacklevel=2,
            )
        self._step_count += 1
        self.last_epoch += 1
        self._set(self.get_lr())

    def restart(self) -> None:
        """Set the initial learning rates, and `begin`."""
        self._set([group["initial_lr"] for group in self.optimizer.param_groups])
        self.begin()

    def begin(self) -> None:
        """Be at epoch 0, from the learning rates as they are."""
        self.last_epoch, self._step_count = 0, 1
        self._is_initial = True
        self._set(self.get_lr())
        self._is_initial = False

    def state_dict(self) -> dict[str, Any]:
        """All but the optimizer; functions are left out, of callable objects go the attributes."""
        return {
            name: _attributes(value)
            for name, value in vars(self).items()
            if name not in ("optimizer", "_is_initial")
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        for name, value in state_dict.items():
            setattr(self, name, _restored(getattr(self, name, None), value))

    def _set(self, rates: list[float]) -> None:
        groups = self.optimizer.param_groups
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = [group["lr"] for group in groups]


def per_group(name: str, value: Any, optimizer: Optimizer) -> list[Any]:
    """`value` for each group: a list has one for each already."""
    groups = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * groups
    if len(value) != groups:
        raise ValueError(f"{name} has {len(value)} entries, and the optimizer has {groups} groups")
    return list(value)


def set_momentum(group: Group, momentum: float) -> None:
    """Set the momentum of a group, or what plays its part: the first of `betas`."""
    if "betas" in group:
        group["betas"] = (momentum, *group["betas"][1:])
    else:
        group["momentum"] = momentum


def check_momentum(schedule: str, optimizer: Optimizer) -> None:
    """ValueError for an optimizer without momentum."""
    if not {"momentum", "betas"} & set(optimizer.defaults):
        kind = type(optimizer).__name__
        raise ValueError(
            f"{schedule}: {kind} has neither momentum nor betas to cycle; give cycle_momentum=False"
        )


def _attributes(value: Any) -> Any:
    if isinstance(value, list) and any(map(callable, value)):
        return [_attributes(v) for v in value]
    if not callable(value):
        return value
    return None if isinstance(value, FunctionType) else dict(vars(value))


def _restored(own: Any, saved: Any) -> Any:
    """`saved`, or the function `own` with the attributes that were saved of it."""
    if isinstance(own, list) and any(map(callable, own)):
        return [_restored(o, s) for o, s in zip(own, saved)]
    if callable(own):
        vars(own).update(saved or {})
        return own
    return saved
