"""Schedules that go up and down between two learning rates, and two momenta (Smith 2017, 2018)."""

from __future__ import annotations

import math

from .schedule import LRScheduler, check_momentum, per_group, set_momentum

MODES = {  # the height of a cycle, and whether it shrinks by cycles or by iterations
    "triangular": (lambda gamma, cycle: 1.0, "cycle"),
    "triangular2": (lambda gamma, cycle: 2.0 ** (1 - cycle), "cycle"),
    "exp_range": (lambda gamma, iteration: gamma**iteration, "iterations"),
}


class CyclicLR(LRScheduler):
    """lr goes from `base_lr` to `max_lr` in `step_size_up` batches, and back in `step_size_down`.

    The height of a cycle stays (triangular), halves each time (triangular2), is gamma^iteration
    (exp_range), or is scale_fn of the cycle or the iteration.  Momentum goes the other way.
    """

    def __init__(
        self,
        optimizer,
        base_lr,
        max_lr,
        step_size_up=2000,
        step_size_down=None,
        mode="triangular",
        gamma=1.0,
        scale_fn=None,
        scale_mode="cycle",
        cycle_momentum=True,
        base_momentum=0.8,
        max_momentum=0.9,
        last_epoch=-1,
    ):
        if mode not in MODES and scale_fn is None:
            raise ValueError(f"CyclicLR: mode is one of {', '.join(MODES)}, not {mode!r}")
        self.max_lrs = per_group("max_lr", max_lr, optimizer)
        base_lrs = per_group("base_lr", base_lr, optimizer)
        self.total_size = float(step_size_up + (step_size_down or step_size_up))
        self.step_ratio = step_size_up / self.total_size
        self.mode, self.gamma, self.scale_function = mode, gamma, scale_fn
        self.scale_mode = scale_mode if scale_fn is not None else MODES[mode][1]
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            check_momentum("CyclicLR", optimizer)
            self.base_momentums = per_group("base_momentum", base_momentum, optimizer)
            self.max_momentums = per_group("max_momentum", max_momentum, optimizer)
        if last_epoch == -1:
            for group, rate in zip(optimizer.param_groups, base_lrs):
                group["lr"] = group["initial_lr"] = rate
        super().__init__(optimizer, last_epoch)

    def scale_fn(self, x):
        """The height of cycle, or at iteration, number `x`, of at most 1."""
        custom = self.scale_function
        return MODES[self.mode][0](self.gamma, x) if custom is None else custom(x)

    def get_lr(self):
        height = self._height()
        if self.cycle_momentum:
            ends = zip(self.max_momentums, self.base_momentums)
            for group, (high, low) in zip(self.optimizer.param_groups, ends):
                set_momentum(group, high - (high - low) * height)
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs)]

    def _height(self) -> float:
        """Where between the two rates the schedule is: 0 at the lower, 1 at the upper."""
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1 + self.last_epoch / self.total_size - cycle
        rising = x <= self.step_ratio
        part = x / self.step_ratio if rising else (x - 1) / (self.step_ratio - 1)
        return part * self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)


class OneCycleLR(LRScheduler):
    """lr goes once from max_lr / div_factor up to `max_lr`, then down to far below where it began.

    It rises for the part pct_start of `total_steps`, or epochs * steps_per_epoch, and falls to the
    initial lr / final_div_factor; with three_phase it falls to the initial lr as fast as it rose,
    and then on.  Momentum goes the other way.  The paths are cosines, or lines.
    """

    def __init__(
        self,
        optimizer,
        max_lr,
        total_steps=None,
        epochs=None,
        steps_per_epoch=None,
        pct_start=0.3,
        anneal_strategy="cos",
        cycle_momentum=True,
        base_momentum=0.85,
        max_momentum=0.95,
        div_factor=25.0,
        final_div_factor=1e4,
        three_phase=False,
        last_epoch=-1,
    ):
        self.total_steps = _total_steps(total_steps, epochs, steps_per_epoch)
        if not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: pct_start is a fraction in [0, 1], not {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy is 'cos' or 'linear', not {anneal_strategy!r}")
        self.anneal_strategy, self.cycle_momentum = anneal_strategy, cycle_momentum
        self.phases = _phases(pct_start * self.total_steps, self.total_steps - 1, three_phase)
        momenta = (base_momentum, max_momentum) if cycle_momentum else (0, 0)
        if cycle_momentum:
            check_momentum("OneCycleLR", optimizer)
        if last_epoch == -1:
            highest = per_group("max_lr", max_lr, optimizer)
            low, high = (per_group("momentum", m, optimizer) for m in momenta)
            for number, group in enumerate(optimizer.param_groups):
                first = highest[number] / div_factor
                group.update(initial_lr=first, max_lr=highest[number])
                group["min_lr"] = first / final_div_factor
                if cycle_momentum:
                    group.update(base_momentum=low[number], max_momentum=high[number])
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        if self.last_epoch > self.total_steps:
            raise ValueError(f"OneCycleLR: all {self.total_steps} steps have been taken")
        number = next((n for n, p in enumerate(self.phases) if self.last_epoch <= p[0]), -1)
        end, rates, momenta = self.phases[number]
        start = self.phases[number - 1][0] if number % len(self.phases) else 0
        part = (self.last_epoch - start) / (end - start) if end != start else 1
        groups = self.optimizer.param_groups
        if self.cycle_momentum:
            for group in groups:
                set_momentum(group, self._between(*(group[name] for name in momenta), part))
        return [self._between(*(group[name] for name in rates), part) for group in groups]

    def _between(self, start: float, end: float, part: float) -> float:
        if self.anneal_strategy == "linear":
            return start + (end - start) * part
        return end + (start - end) / 2 * (1 + math.cos(math.pi * part))


def _phases(peak: float, last: int, three: bool) -> list[tuple]:
    """For each phase its last step, and the names of its first and last rate and momentum."""
    up, down = ("initial_lr", "max_lr"), ("max_lr", "initial_lr" if three else "min_lr")
    fall, rise = ("max_momentum", "base_momentum"), ("base_momentum", "max_momentum")
    if not three:
        return [(peak - 1, up, fall), (last, down, rise)]
    out = ("initial_lr", "min_lr"), ("max_momentum", "max_momentum")
    return [(peak - 1, up, fall), (2 * peak - 2, down, rise), (last, *out)]


def _total_steps(total_steps: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    if total_steps is None:
        if epochs is None or steps_per_epoch is None:
            raise ValueError("OneCycleLR needs total_steps, or both epochs and steps_per_epoch")
        total_steps = epochs * steps_per_epoch
    if not isinstance(total_steps, int) or total_steps < 1:
        raise ValueError(
            f"OneCycleLR: the number of steps is a positive integer, not {total_steps}"
        )
    return total_steps
