"""`fit_many`: many networks of one architecture trained at once, each as `fit` alone trains it."""

from __future__ import annotations

import copy
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import numpy as np

from ..arguments import (
    array_of,
    check_argument,
    check_arguments,
    is_module,
    listed,
    makes_optimizers,
    optional,
    shown,
    whole,
)
from ..tensors import enable_grad
from ..tensors.generator import default_generator
from . import callbacks as called
from . import weights
from .answers import metrics_of
from .fit import check_loader, optimizer_of, settings_of
from .fits import Fits
from .objective import Objective
from .predict import own_stream
from .prepare import divided
from .rows import ArrayRows, rows_of
from .run import Run, noticing_ctrl_c
from .scaling import scale_inputs
from .together import Member, Together, grouped


def fit_many(
    models: Sequence[Any],
    data: Any,
    *,
    loss: Any,
    optimizer: Any,
    epochs: int,
    batch_size: int | None,
    shuffle: bool = True,
    seeds: Sequence[int] | None = None,
    rows: Sequence[Any] | None = None,
    validation: Any = None,
    validation_rows: Sequence[Any] | None = None,
    metrics: Any = (),
    sample_weight: Any = None,
    class_weight: Any = None,
    callbacks: Any = (),
    scale: bool = False,
    names: Sequence[str] | None = None,
    verbose: bool = True,
    engine: str = "auto",
) -> Fits:
    """Train many models on the same data at once: each gets the bits that `fit` alone gives it.

        nets = [make() for _ in range(64)]
        fits = gg.fit_many(nets, (X, y), loss="cross_entropy", optimizer="adam", epochs=20,
                           batch_size=8)
        print(fits)

    models      modules; those of one architecture are trained sixteen at a time in one native call
    optimizer   a class or a name; a function of a model that gives its optimizer; or a list of
                optimizers, one for each model, which may differ in learning rate, weight decay, ...
    seeds       of the models' random streams (order of rows, dropout); 0, 1, 2, ... if not given
    rows        for each model the numbers of the rows that it is trained on; None is all
    validation  as in `fit`: data, or a fraction
    validation_rows  for each model the numbers of its validation rows
    sample_weight  one for each row of the data; of the rows of a model it takes those
    scale       set each model's `Standardize` layer from the rows that it is trained on
    callbacks   what `fit` takes, copied for each model; or a function of no arguments that gives
                the callbacks of one
    names       of the models, in errors and tables
    engine      "native" is an error where a step cannot be native; "eager" takes eager steps

    The rest is as in `fit`; `fit(model, data, ..., seed=seed, engine="native")` gives the same
    bits, of rows (X[rows], y[rows]).  Models that differ in more than numbers, and those whose
    steps Python must see, are trained one after the other: `fits.how` says which and why.

    A loss that is not finite ends the training of its model and of no other: `fits.errors` has
    the error that `fit` would raise, by name, and a warning says so.

    Raises:
        ValueError, TypeError: An argument cannot be used, or lists are not of one length.
        ShapeError: Data, a model and the loss do not fit.
    """
    each_rows = optional(listed("rows' numbers for each model"))
    check_arguments(locals(), rows=each_rows, validation_rows=each_rows)
    check_loader(data, batch_size)
    models = list(models)
    names = named(names, models)
    seeds = seeds_of(seeds, models)
    parts = each(rows, "rows", [None] * len(models), models)
    looked = each(validation_rows, "validation_rows", [None] * len(models), models)
    optimizers = optimizers_of(optimizer, models)
    objective = Objective(loss, weighted=sample_weight is not None or class_weight is not None)
    every_row = weighted(rows_of(data, models[0], objective.kind.labels), sample_weight)
    members = []
    for model, made, seed, name, part, own in zip(models, optimizers, seeds, names, parts, looked):
        with own_stream(seed):
            subtrain, held_out = rows_for(
                model, every_row, part, own, validation, objective, class_weight
            )
            if scale:
                scale_inputs(model, subtrain)
            run = Run(
                model, made, objective, subtrain, held_out, epochs=epochs, batch_size=batch_size,
                shuffle=shuffle, metrics=metrics_of(metrics), callbacks=callbacks_of(callbacks),
                settings=settings_of(made, objective, seed, shuffle, batch_size, subtrain, engine),
                engine=engine,
            )  # fmt: skip
            members.append(Member(run, name, default_generator.get_state().value))
    train(members, verbose=verbose, engine=engine)
    return Fits(members)


def train(members: list[Member], *, verbose: bool = False, engine: str = "auto") -> None:
    """Train all, in groups where that can be; afterwards all is as `Run.train` leaves it."""
    told = Told(members, verbose)
    noticed = Noticed()
    with keeping_modes(members), noticing_ctrl_c(noticed), enable_grad():
        for member in members:
            member.guarded(lambda run=member.run: run.tell("on_train_start"))
        for group in grouped([m for m in members if m.error is None]):
            one_by_one = len(group) == 1 and group[0].how
            if one_by_one and engine == "native":
                raise ValueError(f"engine='native': {group[0].name}: {group[0].how[7:]}")
            if one_by_one:
                group[0].rest()
            else:
                Together(group, noticed).train()
            told.say(group)
            if noticed.interrupted:
                break
    for member in members:
        member.run.interrupted = member.run.interrupted or noticed.interrupted
        with member.streaming():
            if member.error is None:
                member.run.ended()
            else:
                member.run.history.steps = member.run.step
                member.run.history.stopped = str(member.error).split("\n")[0]
    failed = [m for m in members if m.error is not None]
    if failed:
        first = f"{failed[0].name}: {failed[0].error}"
        more = f"\n({len(failed)} of {len(members)} have ended so)" if failed[1:] else ""
        warnings.warn(f"{first}{more}", RuntimeWarning, stacklevel=3)


@contextmanager
def keeping_modes(members: list[Member]) -> Iterator[None]:
    """Afterwards all layers are in the mode that they were in."""
    modes = [(part, part.training) for m in members for part in m.run.model.modules()]
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


class Noticed:
    """Whether Ctrl-C has been noticed."""

    interrupted = updating = False


class Told:
    """Says how far it is, when a group is done, unless that is quick."""

    def __init__(self, members: list[Member], verbose: bool) -> None:
        self.count, self.done, self.verbose = len(members), 0, verbose
        self.begun = perf_counter()

    def say(self, group: list[Member]) -> None:
        self.done += len(group)
        if self.verbose:
            seconds = perf_counter() - self.begun
            line = f"{self.done} of {self.count} networks trained in {seconds:.3g} s"
            print(line, file=sys.stderr, flush=True)


# ---- arguments


def named(names: Any, models: list[Any]) -> list[str]:
    """A name for each model, each another."""
    numbered = [f"model {number}" for number in range(len(models))]
    found = [str(name) for name in each(names, "names", numbered, models)]
    for number, name in enumerate(found):
        if (first := found.index(name)) < number:
            raise ValueError(f"names[{first}] and names[{number}] are both {name!r}")
    check_models(models, found)
    return found


def each(given: Any, what: str, default: list[Any], models: list[Any]) -> list[Any]:
    """One for each model.

    Raises:
        ValueError: There are more or fewer.
    """
    found = default if given is None else list(given)
    if len(found) != len(models):
        raise ValueError(f"{what} has {len(found)} entries, and there are {len(models)} models")
    return found


def seeds_of(seeds: Any, models: list[Any]) -> list[int]:
    """A whole number for each model."""
    found = each(seeds, "seeds", list(range(len(models))), models)
    for number, seed in enumerate(found):
        check_argument(f"seeds[{number}]", seed, whole())
    return found


def check_models(models: list[Any], names: list[str]) -> None:
    """There are models, and no two share parameters."""
    if not models:
        raise ValueError("models is empty; give a list of modules: [make() for _ in range(16)]")
    owner: dict[Any, str] = {}
    for model, name in zip(models, names):
        if not is_module(model):
            raise TypeError(f"{name} is a module, not {shown(model)}")
        for path, leaf in [*model.named_parameters(), *model.named_buffers()]:
            other = owner.setdefault(leaf, name)
            if other != name:
                raise ValueError(
                    f"{name} and {other} share {path}; each model needs parameters of its own: "
                    "copy.deepcopy(model), or a new one"
                )


def optimizers_of(optimizer: Any, models: list[Any]) -> list[Any]:
    """An optimizer for each model."""
    if hasattr(optimizer, "param_groups"):
        raise TypeError(
            "optimizer is one optimizer, and each model needs its own: give a list of them, a "
            "class, a name, or a function: lambda model: gg.optim.SGD(model.parameters(), lr=0.1)"
        )
    if isinstance(optimizer, (list, tuple)):
        found = each(optimizer, "optimizer", [], models)
    elif isinstance(optimizer, (str, type)):
        found = [optimizer] * len(models)
    elif makes_optimizers(optimizer):
        found = [optimizer(model) for model in models]
    else:
        raise TypeError(
            f"optimizer is a class, a name, a list or a function of a model, not {shown(optimizer)}"
        )
    return [optimizer_of(made, model) for made, model in zip(found, models)]


def callbacks_of(callbacks: Any) -> list[called.Callback]:
    """Callbacks of one model's own."""
    if callable(callbacks) and not (isinstance(callbacks, called.Callback) or is_module(callbacks)):
        callbacks = callbacks()
    return copy.deepcopy(called.listed(callbacks))


def weighted(rows: Any, sample_weight: Any) -> Any:
    """The rows with their weights."""
    if sample_weight is not None:
        weights.attach(rows, sample_weight)
    return rows


def rows_for(
    model: Any, rows: Any, part: Any, looked: Any, validation: Any, objective: Objective,
    class_weight: Any = None,
) -> tuple[Any, Any]:  # fmt: skip
    """Subtrain and validation rows of one model.

    Raises:
        ValueError: There are no such rows.
    """
    own = copy.copy(rows)  # its weights are its own
    if (part is not None or looked is not None) and not isinstance(rows, ArrayRows):
        raise TypeError("rows are numbers of rows of arrays or of a data frame: data=(X, y)")
    if looked is not None:
        validation = own.part(numbers_of(looked, len(own)))
    subtrain = own if part is None else own.part(numbers_of(part, len(own)))
    return divided(model, subtrain, objective, validation, class_weight=class_weight)


def numbers_of(part: Any, count: int) -> np.ndarray:
    """Row numbers of a model, given as such or as a mask."""
    numbers = array_of("rows", part)
    if numbers.dtype == bool:
        numbers = np.flatnonzero(numbers)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or not len(numbers):
        raise ValueError("rows has for each model the numbers of its rows: [0, 1, 5, ...]")
    if numbers.min() < 0 or numbers.max() >= count:
        got = f"{numbers.min()} to {numbers.max()}"
        raise ValueError(f"rows are numbered 0 to {count - 1}; got {got}")
    return numbers.astype(np.int64)
