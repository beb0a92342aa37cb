"""Many trainings at once that answer a question: how good is it, and which settings are best?

cross_validate   how good a network is on rows that it has not seen, and how sure that is
grid             which of many settings gives the best network on such rows
"""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import data as splits
from ..arguments import (
    check_arguments,
    is_module,
    is_several,
    listing,
    makes_optimizers,
    shown,
)
from .answers import metrics_of
from .callbacks import Checkpoint, EarlyStopping
from .fit import optimizer_of
from .fits import Fits, table
from .many import callbacks_of, fit_many, numbers_of
from .metrics import METRICS
from .objective import Objective
from .predict import evaluate, own_stream
from .rows import ArrayRows, rows_of

FITTING = ("batch_size", "epochs")  # settings of the training itself
DECIDED = {"models", "names", "seeds", "rows", "validation_rows"}  # by the folds


def cross_validate(
    make_model: Callable[[], Any],
    data: Any,
    *,
    loss: Any,
    optimizer: Any,
    epochs: int,
    batch_size: int | None,
    folds: int | Sequence[tuple[Any, Any]] = 5,
    stratify: Any = None,
    metrics: Any = (),
    seed: int = 0,
    **more: Any,
) -> CrossValidation:
    """How good a network is on rows that it has not seen: each fold is kept apart once.

        found = gg.cross_validate(make, (X, y), loss="cross_entropy", optimizer="adam", epochs=20,
                                  batch_size=8, metrics=["accuracy"])
        print(found)

    make_model  a function of no arguments that gives a new model
    optimizer   a class, a name, or a function of a model that gives its optimizer
    folds       how many, or pairs (subtrain rows, validation rows) as a splitter gives them
    stratify    labels, which each fold has in the same proportions
    seed        of initial weights, of the folds and of each training
    more        what else `fit_many` takes: scale, sample_weight, class_weight, validation,
                callbacks, engine, ...  Each fold's inputs are scaled by its subtrain rows.
                validation=0.2 keeps a fifth of them apart, for EarlyStopping to watch; the rows
                that judge are not weighted, and no callback sees them

    The models are trained at once (see `fit_many`), and judged when they are trained.

    Raises:
        ValueError, TypeError: An argument cannot be used, there are fewer rows than folds, or
            EarlyStopping has no rows to watch.
    """
    check_arguments(locals())
    check_more(more, "cross_validate")
    trials = Trials(make_model, data, loss, metrics, folds, stratify, seed)
    kind = kind_of(optimizer)
    fits, scores = trials.trained([{}], kind, epochs, batch_size, more)[0]
    return CrossValidation(fits, scores)


class CrossValidation:
    """What `cross_validate` found; `print` shows it.

    scores   {name: the value on each fold's validation rows}, "loss" among them
    models   the trained models, one for each fold
    errors   {fold: what ended its training}
    """

    def __init__(self, fits: Fits, scores: dict[str, list[float]]) -> None:
        self.fits, self.scores = fits, scores
        self.models, self.errors = fits.models, fits.errors

    def mean(self, name: str = "loss") -> float:
        """Of the loss, or of a metric, over the folds."""
        return float(np.mean(self.of(name)))

    def sd(self, name: str = "loss") -> float:
        """The standard deviation over the folds (n - 1)."""
        values = self.of(name)
        return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan

    def of(self, name: str) -> list[float]:
        """The values on the folds."""
        if name not in self.scores:
            raise KeyError(f"there is no {name!r}; there are: {', '.join(self.scores)}")
        return self.scores[name]

    def __str__(self) -> str:
        names = list(self.scores)
        lines = [["", *names]]
        for k, fold in enumerate(self.fits.names):
            lines.append([fold, *(f"{self.scores[n][k]:.4g}" for n in names)])
        lines.append(["mean", *(f"{self.mean(n):.4g}" for n in names)])
        lines.append(["sd", *(f"{self.sd(n):.2g}" for n in names)])
        return table(lines)

    __repr__ = __str__


def grid(
    make_model: Callable[..., Any],
    data: Any,
    grid: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]],
    *,
    loss: Any,
    optimizer: Any,
    epochs: int,
    batch_size: int | None,
    folds: int | Sequence[tuple[Any, Any]] = 5,
    stratify: Any = None,
    metrics: Any = (),
    seed: int = 0,
    **more: Any,
) -> Grid:
    """Which settings give the best network on rows that it has not seen.

        found = gg.grid(make, (X, y), {"lr": [0.01, 0.1, 1], "weight_decay": [0, 1e-3]},
                        loss="cross_entropy", optimizer="SGD", epochs=20, batch_size=8)
        print(found)
        print(found.best)

    make_model  a function that gives a new model, of the settings that it has arguments for
    grid        {setting: its values}: all combinations; or a list of {setting: value}
    optimizer   a class or a name; settings that it has arguments for are its own
    folds       of the cross-validation of each setting; the rest is as in `cross_validate`

    A setting is an argument of the model's function, of the optimizer, or "batch_size" or "epochs".
    All settings have the same folds and random numbers.  Those that lead to the same network are
    trained at once (see `fit_many`).

    Raises:
        ValueError: Nothing has an argument of a setting's name; the message says what there is.
    """
    check_arguments(locals())
    check_more(more, "grid")
    listed = settings_of(grid)
    kind = kind_of(optimizer)
    check_settings(listed, make_model, kind)
    trials = Trials(make_model, data, loss, metrics, folds, stratify, seed, listed[0])
    return Grid(listed, trials.trained(listed, kind, epochs, batch_size, more))


class Grid:
    """What `grid` found; `print` shows a table, the best setting first.

    settings  as they were tried
    trials    the cross-validation of each
    """

    def __init__(self, settings: list[dict], found: list[tuple[Fits, dict]]) -> None:
        self.settings = settings
        self.trials = [CrossValidation(*one) for one in found]

    def ranked(self, by: str = "loss") -> list[int]:
        """Numbers of the settings, by the mean of the loss or of a metric, the best first."""
        sign = -1 if getattr(METRICS.get(by), "best", min) is max else 1
        means = [sign * trial.mean(by) for trial in self.trials]
        return sorted(range(len(means)), key=lambda k: (math.isnan(means[k]), means[k]))

    @property
    def best(self) -> dict[str, Any]:
        """The setting with the least mean loss on validation rows.

        Raises:
            ValueError: No setting has a loss that is a number.
        """
        first = self.ranked()[0]
        if math.isnan(self.trials[first].mean()):
            errors = [e for trial in self.trials for e in trial.errors.values()]
            raise ValueError(f"all trainings failed: {errors[0] if errors else 'losses are nan'}")
        return self.settings[first]

    def __str__(self) -> str:
        keys = list(dict.fromkeys(k for s in self.settings for k in s))
        names = list(self.trials[0].scores)
        lines = [["", *keys, *(f"{n} (sd)" for n in names)]]
        for place, number in enumerate(self.ranked(), 1):
            trial, settings = self.trials[number], self.settings[number]
            shown = [shown_value(settings.get(k, "")) for k in keys]
            scores = [f"{trial.mean(n):.4g} ({trial.sd(n):.1g})" for n in names]
            lines.append([str(place), *shown, *scores])
        return table(lines)

    __repr__ = __str__


# ---- trainings


class Trials:
    """The folds, and trainings of each setting on each of them."""

    def __init__(
        self, make_model: Callable, data: Any, loss: Any, metrics: Any, folds: Any, stratify: Any,
        seed: int, example: Mapping[str, Any] = {},
    ) -> None:  # fmt: skip
        self.make, self.data, self.loss, self.seed = make_model, data, loss, seed
        self.objective, self.metrics = Objective(loss), metrics_of(metrics)
        with own_stream(seed):
            model = made(make_model, example)
        rows = rows_of(data, model, self.objective.kind.labels)
        if not isinstance(rows, ArrayRows):
            raise TypeError("folds are taken of arrays or of a data frame: data=(X, y)")
        self.rows = rows
        self.pairs = pairs_of(folds, len(rows), stratify, seed)

    def trained(
        self, listed: list[dict[str, Any]], kind: Any, epochs: int, batch_size: Any, more: dict
    ) -> list[tuple[Fits, dict[str, list[float]]]]:
        """For each setting the trainings on the folds, and their scores."""
        found: dict[int, tuple[Fits, dict]] = {}
        wanted = [fitting(s, batch_size, epochs) for s in listed]
        for size, length in dict.fromkeys(wanted):
            numbers = [n for n, w in enumerate(wanted) if w == (size, length)]
            fits = self.fits([listed[n] for n in numbers], kind, length, size, more)
            if any(history.interrupted for history in fits.histories):
                raise KeyboardInterrupt("the search was interrupted: half-trained says nothing")
            for place, n in enumerate(numbers):
                own = fits.part(place * len(self.pairs), (place + 1) * len(self.pairs))
                found[n] = own, self.scores(own)
        return [found[n] for n in range(len(listed))]

    def fits(
        self, listed: list[dict[str, Any]], kind: Any, epochs: int, batch_size: Any, more: dict
    ) -> Fits:
        """The trainings of settings of one batch size, fold after fold."""
        models, names = [], []
        for settings in listed:
            for k in range(len(self.pairs)):
                with own_stream(self.seed + k):  # a fold begins alike under all settings
                    models.append(made(self.make, settings))
                names.append(", ".join([*map(written, settings.items()), f"fold {k + 1}"]))
        each = [s for s in listed for _ in self.pairs]
        return fit_many(
            models, self.data, loss=self.loss, optimizer=optimizers(kind, models, each),
            epochs=epochs, batch_size=batch_size, names=names, seeds=[self.seed] * len(models),
            rows=[a for a, _ in self.pairs] * len(listed), **more,
        )  # fmt: skip

    def scores(self, fits: Fits) -> dict[str, list[float]]:
        """Loss and metrics on the validation rows of each fold; NaN where a training failed."""
        found: dict[str, list[float]] = {n: [] for n in ("loss", *self.metrics)}
        inputs, targets = self.rows.inputs, self.rows.targets
        assert targets is not None
        for name, model, (_, numbers) in zip(fits.names, fits.models, self.pairs):
            values: dict[str, float] = {}
            if name not in fits.errors:
                seen = tuple(x[numbers] for x in inputs)
                rows = seen if len(seen) > 1 else seen[0], targets[numbers]
                values = evaluate(model, rows, loss=self.loss, metrics=self.metrics.values())
            for n, listed in found.items():
                listed.append(values.get(n, math.nan))
        return found


def pairs_of(folds: Any, rows: int, stratify: Any, seed: int) -> list[tuple[Any, Any]]:
    """(subtrain, validation) rows of each fold."""
    if isinstance(folds, (int, np.integer)) and not isinstance(folds, bool):
        return list(splits.folds(rows, int(folds), stratify=stratify, seed=seed))
    if hasattr(folds, "split") and not isinstance(folds, str):
        raise TypeError("folds is a number or a list of pairs; write list(folds.split(X, y))")
    wanted = "a whole number, or pairs (subtrain rows, validation rows)"
    pairs = list(folds) if is_several(folds) else [folds]
    if not pairs:
        raise ValueError(f"folds is empty; give {wanted}")
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"folds is {wanted}, not {shown(folds)}")
    return [(numbers_of(a, rows), numbers_of(b, rows)) for a, b in pairs]


def check_more(more: Mapping[str, Any], caller: str) -> None:
    """What is handed on to `fit_many` is what it takes, and is not decided by the folds.

    Raises:
        TypeError: It is not.
        ValueError: A callback would watch rows that there are not.
    """
    taken = set(inspect.signature(fit_many).parameters)
    free = taken - set(inspect.signature(cross_validate).parameters) - DECIDED
    for name in more:
        if name not in free:
            raise TypeError(f"{caller} takes no {name!r}; it also takes {', '.join(sorted(free))}")
    for callback in callbacks_of(more.get("callbacks")):
        if more.get("validation") is None and watches(callback):
            raise ValueError(
                f"{type(callback).__name__} has no rows to watch: those of a fold judge, and must "
                f"not choose; {caller}(validation=0.2) keeps a fifth of the others apart for it"
            )


def watches(callback: Any) -> bool:
    """Whether a callback chooses by a curve of validation rows."""
    if not isinstance(callback, EarlyStopping | Checkpoint) or not getattr(callback, "best", True):
        return False
    curve = callback.monitor.name
    return curve is None or curve.startswith("validation")


def fitting(settings: dict[str, Any], batch_size: Any, epochs: int) -> tuple[Any, int]:
    """Batch size and epochs."""
    return settings.get("batch_size", batch_size), settings.get("epochs", epochs)


# ---- settings


def settings_of(grid: Any) -> list[dict[str, Any]]:
    """All combinations, the last setting changing soonest."""
    if not isinstance(grid, Mapping):
        given = listing(grid)
        if not all(isinstance(settings, Mapping) for settings in given):
            raise TypeError(f"grid is {{'lr': [0.01, 0.1]}} or a list of dicts, not {shown(grid)}")
        found = [dict(settings) for settings in given]
    else:
        for name, values in grid.items():
            if isinstance(values, str) or not isinstance(values, (Sequence, np.ndarray)):
                raise TypeError(f"grid[{name!r}] is a list of values, not {values!r}")
        found = [dict(zip(grid, values)) for values in itertools.product(*grid.values())]
    if not found:
        raise ValueError("grid is empty; give {'lr': [0.01, 0.1]}")
    texts = [", ".join(map(written, settings.items())) for settings in found]
    for text in texts:
        if texts.count(text) > 1:
            raise ValueError(f"grid has a setting twice: {text}")
    return found


def kind_of(optimizer: Any) -> Any:
    """The class of an optimizer by name; a class or a function as it is."""
    if hasattr(optimizer, "param_groups"):
        raise TypeError("optimizer is one optimizer; give its class or its name: settings vary")
    if makes_optimizers(optimizer):
        return optimizer
    if not isinstance(optimizer, str):
        raise TypeError(
            f"optimizer is a class, a name or a function of a model, not {shown(optimizer)}"
        )
    from ..nn import Linear

    return type(optimizer_of(optimizer, Linear(1, 1)))


def arguments_of(function: Any) -> list[str]:
    """The names of a function's arguments, where they can be known."""
    try:
        return list(inspect.signature(function).parameters)
    except ValueError:
        return []


def check_settings(listed: list[dict[str, Any]], make_model: Any, kind: Any) -> None:
    """Each setting is an argument of something."""
    model = arguments_of(make_model)
    rule = [n for n in arguments_of(kind) if n != "params"]
    for name in dict.fromkeys(n for settings in listed for n in settings):
        if name not in (*model, *rule, *FITTING):
            raise ValueError(
                f"there is no setting {name!r}: the model's function has "
                f"{', '.join(model) or 'no arguments'}; {getattr(kind, '__name__', kind)} has "
                f"{', '.join(rule)}; the training has {', '.join(FITTING)}"
            )


def made(make_model: Any, settings: Mapping[str, Any]) -> Any:
    """A model with the settings that its function takes."""
    known = arguments_of(make_model)
    model = make_model(**{n: v for n, v in settings.items() if n in known})
    if not is_module(model):
        raise TypeError(f"make_model gives a new module, and it gave {shown(model)}")
    return model


def optimizers(kind: Any, models: list[Any], each: list[dict[str, Any]]) -> list[Any]:
    """An optimizer for each model, with the settings that it takes."""
    known = arguments_of(kind)
    own = [{n: v for n, v in settings.items() if n in known} for settings in each]
    of_model = not isinstance(kind, type)
    return [kind(m if of_model else m.parameters(), **s) for m, s in zip(models, own)]


def written(setting: tuple[str, Any]) -> str:
    """`lr=0.1`."""
    return f"{setting[0]}={shown_value(setting[1])}"


def shown_value(value: Any) -> str:
    """A setting as text."""
    if not isinstance(value, (float, np.floating)):
        return str(value)
    return f"{value:g}" if float(f"{value:g}") == value else str(value)
