"""`predict` and `evaluate`: a model in use, batch by batch, without gradients."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..arguments import check_arguments
from ..nn import Module
from ..nn.places import blame_data
from ..tensors import Tensor, no_grad
from ..tensors.generator import default_generator
from ..tensors.state import state
from ..types import ShapeError
from .answers import joined, measured, metrics_of, scalar
from .frames import series_array
from .objective import Objective
from .rows import ArrayRows, LoaderRows, Rows, batches, inputs_of, rows_of

BATCH = 1024  # rows, when nothing else is said


class Turn:
    """Who may change the modes of layers: one thread after the other."""

    lock = threading.RLock()


def after_fork() -> None:
    """The thread that held the lock does not live here."""
    Turn.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=after_fork)


@contextmanager
def in_use(model: Any, *, sampling: bool = False) -> Iterator[None]:
    """Runs the block with the model in eval mode; every layer is put back into its mode after it.

    `sampling` leaves dropout on, so that every pass is another sample of the network.  Threads wait
    for each other, for the mode and the random stream are the same for all.
    """
    with Turn.lock:
        yield from modes_kept(model, sampling)


def modes_kept(model: Any, sampling: bool) -> Iterator[None]:
    """The block between setting the modes and putting them back."""
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    for part, _ in modes if sampling else ():
        part.training = "Dropout" in type(part).__name__
    try:
        with no_grad():
            yield
    finally:
        for part, mode in modes:
            part.training = mode


def predict(
    model: Any, X: Any, batch_size: int = BATCH, samples: int | None = None, seed: int = 0
) -> Any:
    """The outputs of a model for all rows of X; dropout is off, batch statistics are fixed.

    model       a module
    X           arrays, a data frame or a tensor; a tuple of them for several inputs
    batch_size  how many rows go through the model at once
    samples     how often each row goes through it with dropout on: the spread of the samples
                estimates how uncertain the model is (Gal and Ghahramani 2016; lecture B)
    seed        of the random stream of these samples

    X: [rows, ...] -> [rows, ...], or [samples, rows, ...]: an array, or a tensor for tensors

    Raises:
        ShapeError: A layer takes another number of features; the message names it.
    """
    usual = samples is None and batch_size.__class__ is int and batch_size > 0
    if not usual or not isinstance(model, Module):
        check_arguments(locals())
    if X.__class__ is list:
        X = series_array(X)
    if samples is None and X.__class__ is np.ndarray and state.listening is None:
        steps = model.__dict__.get("_compiled_steps")
        known = None if steps is None else steps.get("gg.predict")
        if known is not None:
            found = known.last(X)
            found = known.outputs(X) if found is None else found
            if found is not None:
                return found
    inputs, dtypes = inputs_of(X, model)
    rows = ArrayRows(inputs, dtypes=dtypes)
    with trained():
        found = all_outputs(model, rows, batch_size, samples, seed, X)
    tensors = isinstance(X[0] if isinstance(X, tuple) else X, Tensor)
    return Tensor.lift(found) if tensors else found


@contextmanager
def trained() -> Iterator[None]:
    """Runs the block with a model that is what it is: rows that do not fit are at fault."""
    try:
        yield
    except ShapeError as error:
        blame_data(error)
        raise


def all_outputs(
    model: Any, rows: ArrayRows, batch_size: int, samples: int | None, seed: int, X: Any
) -> np.ndarray:
    """The outputs for all rows, or samples of them."""
    if samples is None:
        return outputs_of(model, rows, batch_size, X)
    with in_use(model, sampling=True), own_stream(seed):
        found = np.stack([sample_of(model, rows, batch_size) for _ in range(samples)])
    if samples > 1 and found.size and (found == found[0]).all():
        text = "all samples are equal: no layer draws at random, as nn.Dropout(0.5) does"
        warnings.warn(text, stacklevel=3)
    return found


def outputs_of(model: Any, rows: ArrayRows, batch_size: int, X: Any) -> np.ndarray:
    """The outputs for all rows; of no rows, the shape that they would have."""
    if len(rows) and state.listening is None:
        from .forward import answers

        found = answers(model, rows, batch_size, X)
        if found is not None:
            return found
    with in_use(model):
        return sample_of(model, rows, batch_size)


def sample_of(model: Any, rows: ArrayRows, batch_size: int) -> np.ndarray:
    """The outputs for all rows of a model as it is, by NumPy."""
    if not len(rows):
        return model(*rows.take(np.arange(0)).inputs).value
    return joined([model(*batch.inputs).value for batch in batches(rows, batch_size)])


@contextmanager
def own_stream(seed: int) -> Iterator[None]:
    """Runs the block with the default generator at the beginning of the stream `seed`.

    After it the generator is as it was before.
    """
    before = default_generator.get_state()
    default_generator.manual_seed(seed)
    try:
        yield
    finally:
        default_generator.set_state(before)


def evaluate(
    model: Any, data: Any, *, loss: Any, metrics: Any = (), batch_size: int = BATCH
) -> dict[str, float]:
    """The loss and the metrics of a model on rows with labels: {"loss": 0.1, "accuracy": 0.97}.

    model    a module
    data     (X, y), a data frame, a Dataset or a DataLoader, as for `fit`
    loss     a module, a function or a name such as "cross_entropy"
    metrics  names of `training.metrics`, or functions of labels and outputs

    The loss is the mean over batches weighted by their rows; dropout is off.
    """
    check_arguments(locals())
    objective = Objective(loss)
    rows = rows_of(data, model, objective.kind.labels)
    from .forward import outputs_by

    with trained():
        outputs, metrics = outputs_by(model), metrics_of(metrics)
        return judged(model, rows, objective, metrics, batch_size, outputs_of=outputs)


def judged(
    model: Any,
    rows: Rows,
    objective: Objective,
    metrics: dict,
    size: int,
    *,
    lossless: bool = False,
    outputs_of: Callable | None = None,
) -> dict[str, float]:
    """Loss, unless left out, and metrics on rows; `outputs_of` a batch may be a faster model."""
    total, count = 0.0, 0
    labels, outputs = [], []
    with in_use(model):
        for batch in batches(rows, None if isinstance(rows, LoaderRows) else size):
            found = outputs_of(batch) if outputs_of else model(*batch.inputs)
            if not lossless:
                total += scalar(objective(found, batch.labels, batch.weights)) * batch.rows
            count += batch.rows
            if metrics:
                labels.append(np.asarray(batch.labels))
                outputs.append(found.value)
    known = {} if lossless else {"loss": total / count if count else float("nan")}
    if metrics:
        known |= measured(metrics, objective.kind, joined(labels), joined(outputs))
    return known
