"""Every schedule gives PyTorch's sequence of learning rates and momenta."""

import copy
import math

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.optim import SGD, lr_scheduler

SCHEDULES = [
    ("LambdaLR", {"lr_lambda": lambda epoch: 0.9**epoch}),
    ("LambdaLR", {"lr_lambda": [lambda epoch: 1 / (epoch + 1), lambda epoch: 0.5]}),
    ("MultiplicativeLR", {"lr_lambda": lambda epoch: 1 - 0.1 / epoch}),
    ("StepLR", {"step_size": 4}),
    ("StepLR", {"step_size": 1, "gamma": 0.5}),
    ("MultiStepLR", {"milestones": [3, 8, 8]}),
    ("MultiStepLR", {"milestones": [0, 5], "gamma": 0.3}),
    ("ConstantLR", {}),
    ("ConstantLR", {"factor": 0.1, "total_iters": 3}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 1.0, "end_factor": 0.1, "total_iters": 9}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("PolynomialLR", {}),
    ("PolynomialLR", {"total_iters": 11, "power": 2.5}),
    ("CosineAnnealingLR", {"T_max": 6}),
    ("CosineAnnealingLR", {"T_max": 5, "eta_min": 0.01}),
    ("CosineAnnealingWarmRestarts", {"T_0": 4}),
    ("CosineAnnealingWarmRestarts", {"T_0": 2, "T_mult": 3, "eta_min": 0.02}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 3}),
    (
        "CyclicLR",
        {
            "base_lr": [0.01, 0.02],
            "max_lr": [0.1, 0.3],
            "step_size_up": 3,
            "step_size_down": 5,
            "mode": "triangular2",
        },
    ),
    (
        "CyclicLR",
        {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 4, "mode": "exp_range", "gamma": 0.9},
    ),
    (
        "CyclicLR",
        {
            "base_lr": 0.01,
            "max_lr": 0.1,
            "step_size_up": 4,
            "scale_fn": lambda x: 1 / (5 ** (x * 0.1)),
            "scale_mode": "iterations",
            "cycle_momentum": False,
        },
    ),
    ("OneCycleLR", {"max_lr": 0.1, "total_steps": 24}),
    ("OneCycleLR", {"max_lr": [0.1, 0.2], "epochs": 5, "steps_per_epoch": 5, "three_phase": True}),
    (
        "OneCycleLR",
        {"max_lr": 0.1, "total_steps": 25, "anneal_strategy": "linear", "pct_start": 0.5},
    ),
    ("OneCycleLR", {"max_lr": 0.1, "total_steps": 30, "cycle_momentum": False, "div_factor": 5}),
]


def each_schedule(test):
    names = [f"{name}-{'-'.join(options)}" for name, options in SCHEDULES]
    return pytest.mark.parametrize("name, options", SCHEDULES, ids=names)(test)


def optimizer_of(package, kind="SGD"):
    """Two groups with learning rates 0.2 and 0.05."""
    w, b = (package.tensor([1.0], requires_grad=True) for _ in range(2))
    options = {"momentum": 0.5} if kind == "SGD" else {}
    groups = [{"params": [w]}, {"params": [b], "lr": 0.05}]
    return getattr(package.optim, kind)(groups, lr=0.2, **options)


def rates(optimizer, scheduler, steps=23):
    """(lr, momentum) of each group, from the beginning on."""
    visited = []
    for _ in range(steps):
        visited.append([(group["lr"], momentum(group)) for group in optimizer.param_groups])
        assert scheduler.get_last_lr() == [group["lr"] for group in optimizer.param_groups]
        optimizer.step()
        scheduler.step()
    return np.array(visited)


def momentum(group):
    return group["betas"][0] if "betas" in group else group["momentum"]


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@each_schedule
def test_rates_are_those_of_pytorch(name, options, kind):
    torch = pytest.importorskip("torch")
    found = []
    for package in (gg, torch):
        optimizer = optimizer_of(package, kind)
        scheduler = getattr(package.optim.lr_scheduler, name)(optimizer, **options)
        found.append(rates(optimizer, scheduler))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12, atol=1e-15)


@each_schedule
def test_goes_on_from_saved_state(name, options):
    optimizer = optimizer_of(gg)
    scheduler = getattr(lr_scheduler, name)(optimizer, **options)
    rates(optimizer, scheduler, 7)
    saved = copy.deepcopy([optimizer.state_dict(), scheduler.state_dict()])
    expected = rates(optimizer, scheduler, 10)

    optimizer = optimizer_of(gg)
    scheduler = getattr(lr_scheduler, name)(optimizer, **options)
    optimizer.load_state_dict(saved[0])
    scheduler.load_state_dict(saved[1])
    assert rates(optimizer, scheduler, 10).tolist() == expected.tolist()


@each_schedule
def test_last_epoch_goes_on_where_training_stopped(name, options):
    """As in PyTorch, the optimizer's state is loaded first; the rate of the next epoch is kept."""
    optimizer = optimizer_of(gg)
    scheduler = getattr(lr_scheduler, name)(optimizer, **options)
    rates(optimizer, scheduler, 7)
    saved = optimizer.state_dict()
    expected = rates(optimizer, scheduler, 1)
    optimizer = optimizer_of(gg)
    optimizer.load_state_dict(saved)
    if name != "CosineAnnealingWarmRestarts":  # it would need to know how long its cycle is
        scheduler = getattr(lr_scheduler, name)(optimizer, **options, last_epoch=6)
        np.testing.assert_allclose(rates(optimizer, scheduler, 1), expected)


@pytest.mark.parametrize(
    "options",
    [
        {"patience": 2},
        {"patience": 0, "factor": 0.5, "cooldown": 2},
        {"mode": "max", "patience": 1, "threshold": 0.1},
        {"mode": "max", "patience": 1, "threshold": 0.05, "threshold_mode": "abs"},
        {"patience": 1, "threshold": 0.05, "threshold_mode": "abs", "min_lr": 0.03},
        {"patience": 0, "factor": 0.5, "min_lr": [0.1, 0.01], "eps": 0.001},
    ],
    ids=str,
)
def test_plateau_is_that_of_pytorch(options):
    torch = pytest.importorskip("torch")
    measures = [1, 0.9, 0.95, 0.9, math.nan, 0.91, 0.5, 0.6, 0.6, 0.49, 0.7, 0.7, 0.9, 1.1, 2, 1]
    found = []
    for package in (gg, torch):
        optimizer = optimizer_of(package)
        scheduler = package.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
        visited = []
        for measure in measures:
            scheduler.step(package.tensor(measure, dtype=package.float64))
            visited.append(scheduler.get_last_lr())
        found.append(visited)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)
    assert found[0][-1] != found[0][0]


COMBINATIONS = {
    "warm-up, then decay": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, factor=0.1, total_iters=4), s.ExponentialLR(o, gamma=0.9)], [4]
    ),
    "line, cosine, steps": lambda s, o: s.SequentialLR(
        o,
        [s.LinearLR(o, total_iters=3), s.CosineAnnealingLR(o, T_max=5), s.StepLR(o, 2)],
        [3, 10],
    ),
    "restarts after polynomial": lambda s, o: s.SequentialLR(
        o, [s.PolynomialLR(o, 6), s.CosineAnnealingWarmRestarts(o, 3, 2)], [5]
    ),
    "multiplied after steps": lambda s, o: s.SequentialLR(
        o, [s.StepLR(o, 2), s.MultiplicativeLR(o, lambda epoch: 0.5 + epoch % 2)], [5]
    ),
    "multiplied before lambda": lambda s, o: s.SequentialLR(
        o,
        [s.MultiplicativeLR(o, lambda epoch: 0.8), s.LambdaLR(o, lambda epoch: 1 / (1 + epoch))],
        [5],
    ),
    "chain of three": lambda s, o: s.ChainedScheduler(
        [s.ConstantLR(o, 0.1, 6), s.ExponentialLR(o, 0.9), s.StepLR(o, 3, 0.5)]
    ),
    "chain with a cosine": lambda s, o: s.ChainedScheduler(
        [s.LinearLR(o, 0.5, 1, 4), s.CosineAnnealingLR(o, 30)], optimizer=o
    ),
}


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_combinations_are_those_of_pytorch(combination):
    torch = pytest.importorskip("torch")
    found = []
    for package in (gg, torch):
        optimizer = optimizer_of(package)
        scheduler = COMBINATIONS[combination](package.optim.lr_scheduler, optimizer)
        found.append(rates(optimizer, scheduler))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_combinations_go_on_from_saved_state(combination):
    optimizer = optimizer_of(gg)
    scheduler = COMBINATIONS[combination](lr_scheduler, optimizer)
    rates(optimizer, scheduler, 7)
    saved = copy.deepcopy([optimizer.state_dict(), scheduler.state_dict()])
    expected = rates(optimizer, scheduler, 10)
    optimizer = optimizer_of(gg)
    scheduler = COMBINATIONS[combination](lr_scheduler, optimizer)
    optimizer.load_state_dict(saved[0])
    scheduler.load_state_dict(saved[1])
    assert rates(optimizer, scheduler, 10).tolist() == expected.tolist()


def test_a_sequence_begins_anew_within_a_sequence():
    optimizer = optimizer_of(gg)
    inner = lr_scheduler.SequentialLR(
        optimizer,
        [lr_scheduler.ConstantLR(optimizer, 0.5, 9), lr_scheduler.ExponentialLR(optimizer, 0.5)],
        [2],
    )
    first = lr_scheduler.ConstantLR(optimizer, 0.1, 9)
    outer = lr_scheduler.SequentialLR(optimizer, [first, inner], [2])
    found = rates(optimizer, outer, 6)[:, 0, 0]
    np.testing.assert_allclose(found, [0.02, 0.02, 0.1, 0.1, 0.2, 0.1])


def test_fractions_of_epochs():
    torch = pytest.importorskip("torch")
    found = []
    for package in (gg, torch):
        optimizer = optimizer_of(package)
        schedules = package.optim.lr_scheduler
        scheduler = schedules.CosineAnnealingWarmRestarts(optimizer, T_0=2, T_mult=2)
        optimizer.step()
        visited = []
        for epoch in np.arange(0, 12, 0.375):
            scheduler.step(float(epoch))
            visited.append(scheduler.get_last_lr())
        found.append(visited)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-9)


def test_a_callable_object_is_saved_by_its_attributes():
    class Falling:
        def __init__(self, speed):
            self.speed = speed

        def __call__(self, epoch):
            return self.speed**epoch

    schedules = [
        lr_scheduler.LambdaLR(optimizer_of(gg), [Falling(speed), Falling(speed)])
        for speed in (0.5, 0.25)
    ]
    saved = schedules[0].state_dict()
    assert saved["lr_lambdas"] == [{"speed": 0.5}] * 2
    schedules[1].load_state_dict(saved)
    schedules[1].optimizer.step()
    schedules[1].step()
    assert schedules[1].get_last_lr() == [0.1, 0.025]


def test_a_schedule_of_ones_own():
    class Halving(lr_scheduler._LRScheduler):  # so do many programs name LRScheduler
        def get_lr(self):
            return [base / 2**self.last_epoch for base in self.base_lrs]

    optimizer = optimizer_of(gg)
    found = rates(optimizer, Halving(optimizer), 3)
    assert found[:, 0, 0].tolist() == [0.2, 0.1, 0.05]


def test_warns_when_the_first_rate_would_never_be_used():
    scheduler = lr_scheduler.StepLR(optimizer_of(gg), 1)
    with pytest.warns(UserWarning, match=r"call optimizer\.step\(\) first"):
        scheduler.step()


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda o: lr_scheduler.StepLR([1], 3), TypeError, "takes an optimizer, not a list"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(3), TypeError, "takes an optimizer, not a int"),
        (lambda o: lr_scheduler.StepLR(o, 3, last_epoch=4), KeyError, "no 'initial_lr'"),
        (
            lambda o: lr_scheduler.LambdaLR(o, [abs]),
            ValueError,
            "1 entries, and the optimizer has 2",
        ),
        (lambda o: lr_scheduler.MultiplicativeLR(o, 0.5), TypeError, "is a function, not a float"),
        (lambda o: lr_scheduler.ConstantLR(o, 2.0), ValueError, "a number in [0, 1], not 2.0"),
        (lambda o: lr_scheduler.LinearLR(o, 0.0), ValueError, "start_factor is a number in (0, 1]"),
        (
            lambda o: lr_scheduler.LinearLR(o, 0.5, 2),
            ValueError,
            "end_factor is a number in [0, 1]",
        ),
        (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 0), ValueError, "T_0 is a positive"),
        (
            lambda o: lr_scheduler.CyclicLR(o, 0, 1, mode="saw"),
            ValueError,
            "triangular2, exp_range",
        ),
        (lambda o: lr_scheduler.OneCycleLR(o, 1), ValueError, "needs total_steps, or both"),
        (lambda o: lr_scheduler.OneCycleLR(o, 1, 0), ValueError, "a positive integer, not 0"),
        (lambda o: lr_scheduler.OneCycleLR(o, 1, 5, pct_start=2), ValueError, "in [0, 1], not 2"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, "least"), ValueError, "'min' or 'max'"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=1.5), ValueError, "below 1, not 1.5"),
        (lambda o: lr_scheduler.ChainedScheduler([]), ValueError, "at least one"),
        (
            lambda o: lr_scheduler.SequentialLR(o, [], []),
            ValueError,
            "0 milestones and 0 schedules",
        ),
        (
            lambda o: lr_scheduler.ChainedScheduler([lr_scheduler.ReduceLROnPlateau(o)]),
            ValueError,
            "step it beside the others",
        ),
        (
            lambda o: lr_scheduler.SequentialLR(
                o, [lr_scheduler.StepLR(o, 1), lr_scheduler.StepLR(optimizer_of(gg), 1)], [1]
            ),
            ValueError,
            "schedulers[1] belongs to another optimizer",
        ),
        (
            lambda o: lr_scheduler.CyclicLR(
                gg.optim.Adagrad([gg.tensor([1.0], requires_grad=True)]), 0, 1
            ),
            ValueError,
            "Adagrad has neither momentum nor betas",
        ),
    ],
)
def test_errors(make, error, message):
    with pytest.raises(error) as caught:
        make(optimizer_of(gg))
    assert message in str(caught.value)


def test_more_steps_than_the_cycle_has():
    optimizer = SGD([gg.tensor([1.0], requires_grad=True)], lr=0.1, momentum=0.5)
    scheduler = lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=3)
    rates(optimizer, scheduler, 3)
    with pytest.raises(ValueError, match="all 3 steps have been taken"):
        scheduler.step()
