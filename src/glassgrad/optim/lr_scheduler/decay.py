"""Schedules that multiply the learning rate by a factor at each epoch."""

from __future__ import annotations

from collections import Counter

from .schedule import LRScheduler, per_group


class LambdaLR(LRScheduler):
    """lr = initial lr * lr_lambda(epoch); one function, or a list with one for each group."""

    def __init__(self, optimizer, lr_lambda, last_epoch=-1):
        self.lr_lambdas = per_group("lr_lambda", lr_lambda, optimizer)
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        rates = zip(self.base_lrs, self.lr_lambdas, strict=True)
        return [rate * function(self.last_epoch) for rate, function in rates]


class Decay(LRScheduler):
    """Base of the schedules lr <- lr * change(epoch): these can be chained."""

    def get_lr(self):
        groups = self.optimizer.param_groups
        if self._is_initial and self.last_epoch > 0:
            return [group["lr"] for group in groups]
        change = self.change(self.last_epoch)
        return [group["lr"] * change for group in groups]

    def change(self, epoch: int) -> float:
        """What the last epoch's learning rate is multiplied by; at epoch 0, the initial one."""
        raise NotImplementedError


class MultiplicativeLR(Decay):
    """lr <- lr * lr_lambda(epoch) from epoch 1; one function, or a list with one for each group.

    In a sequence it goes on from the rate that it finds.
    """

    def __init__(self, optimizer, lr_lambda, last_epoch=-1):
        self.lr_lambdas = per_group("lr_lambda", lr_lambda, optimizer)
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"lr_lambda is a function, not a {type(function).__name__}")
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        groups = self.optimizer.param_groups
        if self._is_initial:
            return [group["lr"] for group in groups]
        return [
            group["lr"] * function(self.last_epoch)
            for group, function in zip(groups, self.lr_lambdas, strict=True)
        ]

    def restart(self):
        self.last_epoch = 0
        self._set(self.get_lr())


class StepLR(Decay):
    """lr <- lr * gamma every `step_size` epochs."""

    def __init__(self, optimizer, step_size, gamma=0.1, last_epoch=-1):
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def change(self, epoch):
        return self.gamma if epoch and epoch % self.step_size == 0 else 1


class MultiStepLR(Decay):
    """lr <- lr * gamma at each of the epochs `milestones`."""

    def __init__(self, optimizer, milestones, gamma=0.1, last_epoch=-1):
        self.milestones, self.gamma = Counter(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def change(self, epoch):
        return self.gamma ** self.milestones[epoch]


class ConstantLR(Decay):
    """lr = factor * initial lr for `total_iters` epochs, then the initial one."""

    def __init__(self, optimizer, factor=1.0 / 3, total_iters=5, last_epoch=-1):
        if not 0 <= factor <= 1:
            raise ValueError(f"ConstantLR: factor is a number in [0, 1], not {factor}")
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def change(self, epoch):
        if epoch == 0:
            return self.factor
        return 1 / self.factor if epoch == self.total_iters else 1


class LinearLR(Decay):
    """lr / initial lr goes from `start_factor` to `end_factor` evenly in `total_iters` epochs."""

    def __init__(
        self, optimizer, start_factor=1.0 / 3, end_factor=1.0, total_iters=5, last_epoch=-1
    ):
        if not 0 < start_factor <= 1:
            raise ValueError(f"LinearLR: start_factor is a number in (0, 1], not {start_factor}")
        if not 0 <= end_factor <= 1:
            raise ValueError(f"LinearLR: end_factor is a number in [0, 1], not {end_factor}")
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def change(self, epoch):
        if epoch == 0:
            return self.start_factor
        if epoch > self.total_iters:
            return 1
        rise = self.end_factor - self.start_factor
        return 1 + rise / (self.total_iters * self.start_factor + (epoch - 1) * rise)


class ExponentialLR(Decay):
    """lr <- lr * gamma at each epoch."""

    def __init__(self, optimizer, gamma, last_epoch=-1):
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def change(self, epoch):
        return self.gamma if epoch else 1


class PolynomialLR(Decay):
    """lr = initial lr * (1 - epoch / total_iters)^power, down to 0 at `total_iters`."""

    def __init__(self, optimizer, total_iters=5, power=1.0, last_epoch=-1):
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def change(self, epoch):
        if epoch == 0 or epoch > self.total_iters:
            return 1
        left, before = (1 - e / self.total_iters for e in (epoch, epoch - 1))
        return (left / before) ** self.power
