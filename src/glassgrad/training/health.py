"""`health`: what hinders a training, with the layer's name and what to do; once or during `fit`."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..arguments import check_arguments, whole
from ..tensors import Tensor, no_grad
from ..types import is_real
from .callbacks import Callback
from .data_symptoms import input_findings, label_findings, leak_findings, not_finite
from .findings import Finding, HealthReport, HealthWarning
from .fit import optimizer_of
from .objective import Objective
from .observe import Observation, as_it_trains, observe
from .predict import own_stream
from .prepare import check_fit
from .rates import copied, rate_findings, warming_up
from .rows import Batch, LoaderRows, Rows, rows_of
from .symptoms import (
    activation_findings,
    broken,
    gradient_findings,
    left_out,
    output_findings,
    overfitting,
    progress_findings,
    still_since,
    unbent,
)

ROWS = 512  # are looked at: a unit that is 0 for all of them hardly ever learns
MEMORY = 1 << 30  # bytes of a pass forward and back: of large images fewer rows are looked at


def health(
    model: Any,
    data: Any,
    *,
    loss: Any = None,
    optimizer: Any = None,
    batch_size: int | None = 32,
    rows: int = ROWS,
) -> HealthReport:
    """What hinders this model from learning from this data.

    model       a module
    data        (X, y), a data frame, a Dataset or a DataLoader, as for `fit`
    loss        as for `fit`; without it cross entropy for whole numbers, else mean squares
    optimizer   if given, its learning rate is compared with a tenth and ten times of it
    batch_size  of these trials
    rows        how many rows are looked at, spread over all

    Looked for are dead and saturated units, vanishing and exploding gradients, weights that cannot
    move or remain equal, outputs that do not go with the loss, unscaled inputs, features that tell
    the labels, what is not finite, and a learning rate that is off by a factor of ten;
    `training.symptoms` and `training.data_symptoms` have the limits.

    Nothing changes: no weights, gradients, batch statistics, optimizer or random state.

    Raises:
        ShapeError: Data, model and loss do not fit; the message names the layer.
        TypeError, ValueError: An argument cannot be used; the message says what would be right.
    """
    check_arguments(locals(), rows=whole(1))
    if next(model.parameters(), None) is None:
        raise ValueError(f"{type(model).__name__} has no parameters; there is nothing to train")
    with own_stream(0), np.errstate(all="ignore"):
        objective = Objective(guessed(model, data) if loss is None else loss)
        found = rows_of(data, model, objective.kind.labels)
        check_fit(model, objective, found)
        batch = sample(model, found, rows)
        updates = None if optimizer is None else optimizer_of(optimizer, model)
        findings = first_findings(model, updates, objective, found, batch)
        if updates is not None and not any(f.kind == "not finite" for f in findings):
            findings += rate_findings(*copied(model, updates), objective, found, batch_size, batch)
    total = None if isinstance(found, LoaderRows) else len(found)
    return HealthReport(
        in_order(new(findings, [])), layers_of(model), batch.rows, objective.name, total
    )


def guessed(model: Any, data: Any) -> str:
    """The loss that fits labels and outputs: classes are whole numbers."""
    batch = some(rows_of(data, model), 2)
    if batch.labels is None:
        raise TypeError("the data has no labels; give (X, y)")
    with as_it_trains(model), no_grad():
        outputs = model(*batch.inputs)
    if not isinstance(outputs, Tensor):
        raise TypeError(f"the model gives a {type(outputs).__name__}; give loss= that takes it")
    classes = not is_real(batch.labels.dtype) and len(outputs.shape) == len(batch.labels.shape) + 1
    if classes and outputs.shape[1] > 1:
        return "cross_entropy"
    return "mse"


def sample(model: Any, rows: Rows, count: int) -> Batch:
    """So many rows, or what a pass forward and back has memory for."""
    few = some(rows, 2)
    each = 2 * observe(model, few).bytes // few.rows
    return some(rows, max(2, min(count, MEMORY // max(each, 1))))


def some(rows: Rows, count: int) -> Batch:
    """So many rows, spread evenly over all; of a loader, the first ones of a pass."""
    if not isinstance(rows, LoaderRows):
        places = np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)
        return rows.take(places)
    generator: Any = getattr(rows.loader, "generator", None)
    before = generator.get_state() if generator is not None else None
    found: list[Batch] = []
    for batch in rows:
        found.append(batch)
        if sum(b.rows for b in found) >= count:
            break
    if generator is not None:
        generator.set_state(before)
    if not found:
        raise ValueError("the DataLoader has no batches")
    inputs = [joined([b.inputs[i] for b in found]) for i in range(len(found[0].inputs))]
    labels = None if found[0].labels is None else joined([b.labels for b in found])
    return Batch(tuple(inputs), labels, None, None)


def joined(tensors: list[Any]) -> Tensor:
    """Batches one below the other."""
    return Tensor.lift(np.concatenate([x.value for x in tensors]))


def first_findings(
    model: Any, optimizer: Any, objective: Any, rows: Rows, batch: Batch
) -> list[Finding]:
    """What is to be seen before the first step."""
    names = getattr(rows, "names", ())
    found = not_finite(rows, batch) + broken(model)
    if any(f.kind == "not finite" for f in found):
        return found  # all else follows from it
    if optimizer is not None:
        found += left_out(model, optimizer)
    if batch.labels is not None:
        found += leak_findings([x.value for x in batch.inputs], batch.labels.value, names)
        found += label_findings(batch.labels, objective.kind.outputs)
    seen = observe(model, batch, objective)
    found += input_findings(seen, names) + output_findings(seen, objective, batch.labels)
    return [*found, *unbent(seen), *later_findings(seen, model)]


FOLLOWS = {  # kinds that tell nothing new where another has been found
    "exploding gradients": {"unscaled labels"},
    "still weights": {"equal units", "vanishing gradients", "dropout"},
    "learning rate": {"dropout"},
}


def new(findings: list[Finding], known: list[Finding]) -> list[Finding]:
    """What is not known yet, of each kind once for a layer, without what follows from another.

    Weights that are still are said once: later layers, or another measure of them, are no news.
    """
    kinds = {f.kind for f in [*known, *findings]}
    told = {(f.layer, f.kind) for f in known}
    still = any(f.kind == "still weights" for f in known)
    found = []
    for f in findings:
        follows = FOLLOWS.get(f.kind, set()) & kinds or (still and f.kind == "still weights")
        if (f.layer, f.kind) not in told and not follows:
            told.add((f.layer, f.kind))
            found.append(f)
    return found


def later_findings(seen: Observation, model: Any) -> list[Finding]:
    """What may come up with every step."""
    return activation_findings(seen.activations) + gradient_findings(seen, model)


def in_order(findings: list[Finding]) -> list[Finding]:
    """The data first: what is wrong with them is the cause of much else."""
    first = {"inputs": 0, "labels": 1, "optimizer": 3}
    return sorted(findings, key=lambda f: first.get(f.layer, 2))


def layers_of(model: Any) -> int:
    """How many layers there are: modules without others in them."""
    return sum(not part._modules for part in model.modules())


def planned_steps(run: Any) -> int | None:
    """How many steps a training has; of a loader that is not known."""
    if isinstance(run.subtrain, LoaderRows):
        return None
    count = len(run.subtrain)
    return run.epochs * -(-count // (run.batch_size or count))


class Health(Callback):
    """Warns during `fit` of what `gg.health` finds, each kind once for a layer.

    every     epochs from one look to the next; the first look is before the first step
    rows      how many rows are looked at
    rate      whether the learning rate is tried at the start, on copies: about a hundred steps

        history = gg.fit(..., callbacks=[gg.training.Health()])

    `findings` has what was found.  The training gives the same bits as without it.
    """

    parameters = False

    def __init__(self, every: int = 1, rows: int = ROWS, rate: bool = True) -> None:
        check_arguments(locals(), rows=whole(1))
        self.every, self.rows, self.rate = every, rows, rate
        self.findings: list[Finding] = []
        self.start: dict[str, np.ndarray] | None = None
        self.batch: Batch | None = None
        self.steps = 0

    def on_train_start(self, run: Any) -> None:
        self.start, self.batch, self.findings = None, None, []

    def on_epoch_start(self, run: Any) -> None:
        if self.start is not None:
            return
        self.start = {n: p.value.copy() for n, p in run.model.named_parameters()}
        self.steps = run.step
        with own_stream(0), np.errstate(all="ignore"):
            self.batch = batch = sample(run.model, run.subtrain, self.rows)
            given = run.model, run.optimizer, run.objective, run.subtrain
            found = first_findings(*given, batch)
            if self.rate and not any(f.kind == "not finite" for f in found):
                size = min(run.batch_size or self.rows, self.rows)
                found += rate_findings(*given, size, batch, planned_steps(run))
        self.warn(in_order(found))

    def on_epoch_end(self, run: Any) -> None:
        if run.epoch % self.every or self.batch is None or self.start is None:
            return
        with own_stream(0), np.errstate(all="ignore"):
            seen = observe(run.model, self.batch, run.objective)
            found = later_findings(seen, run.model)
            steps = run.step - self.steps
            found += progress_findings(seen, run.objective, self.batch, run.epoch, steps)
        found += overfitting(run.history)
        if not warming_up(run.optimizer):
            found += still_since(self.start, run.model, steps)
        self.warn(found)

    def warn(self, findings: list[Finding]) -> None:
        """Warn of what has not been warned of."""
        for finding in new(findings, self.findings):
            self.findings.append(finding)
            warnings.warn(str(finding), HealthWarning, stacklevel=2)
