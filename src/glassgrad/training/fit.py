"""`fit`: one call trains a network."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from .. import optim
from ..arguments import check_arguments, makes_optimizers, shown
from ..data import DataLoader
from . import checkpoint
from .answers import metrics_of
from .callbacks import Callback, listed
from .history import History
from .objective import Objective
from .predict import own_stream
from .prepare import prepared
from .rows import LoaderRows, Rows
from .run import Run
from .scaling import scale_inputs


def fit(
    model: Any,
    data: Any,
    *,
    loss: Any,
    optimizer: Any,
    epochs: int,
    batch_size: int | None,
    shuffle: bool = True,
    seed: int = 0,
    validation: Any = None,
    metrics: Any = (),
    sample_weight: Any = None,
    class_weight: Any = None,
    callbacks: Sequence[Callback] = (),
    scale: bool = False,
    resume: Any = None,
    verbose: bool = True,
    engine: str = "auto",
) -> History:
    """Train a model: w <- w - update(d mean loss of a batch / d w), batch after batch.

    model          a module
    data           (X, y) of arrays, a data frame, (frame, "target"), a Dataset or a DataLoader; of
                   a frame alone the last column is the target (see `training.rows`)
    loss           a module, its class, a function of outputs and labels, or "cross_entropy", "mse"
    optimizer      an optimizer of this model's parameters, its class, or a name: "adam"
    epochs         how often all rows are gone through
    batch_size     rows of a step, the last one of an epoch may have fewer; None is all rows at
                   once, and of a DataLoader what it says
    shuffle        whether the rows come in a new random order in each epoch
    seed           of the random stream of this training.  From it are drawn, in this order: the
                   validation rows if they are a fraction, then in each epoch the order of the rows
                   unless all are one batch, then what the model draws (dropout) step by step.
                   The default generator is afterwards as it was before
    validation     data like `data`, or the fraction of its rows that is kept apart
    metrics        names of `training.metrics`, or functions of labels and outputs, measured on
                   subtrain and validation rows after each epoch, in eval mode
    sample_weight  one for each row; the loss is the weighted mean: whole weights repeat rows
    class_weight   {class: weight}, or "balanced"
    callbacks      what happens between steps and epochs: early stopping, schedules, checkpoints
    scale          set the model's `Standardize` layer to the mean and sd of the subtrain rows
    resume         a file that a `Checkpoint` wrote: go on from there, to the same bits.  Optimizer,
                   its options, loss, seed, batch size and rows are those of the first time, or it
                   is an error; a learning rate that a schedule has changed is that of the file
    verbose        show progress
    engine         "eager": NumPy, node by node; "native": code made for this step and this
                   processor, which gathers rows and takes many steps in a call; or "auto": eager
                   steps until, by an estimate from their operations alone, they have taken as long
                   as compiling would, and native ones from then on, unless they cannot be: the
                   History says why.  Both give the same numbers but for rounding

    Native steps do not keep `p.grad`, nor call Python: what a `forward` does besides computing is
    done once.  A loss that is not finite stops both engines before the step.

    Ctrl-C ends the training after the step that is running; the History says so.

    Raises:
        ShapeError: Data, model and loss do not fit; found on two rows before the training.
        NonFiniteError: A loss or gradient is NaN or infinite; the step before it was the last.
        ValueError, TypeError: An argument cannot be used; the message says what would be right.
        FileError: The checkpoint cannot be read.
    """
    check_arguments(locals())
    check_loader(data, batch_size)
    weighted = sample_weight is not None or class_weight is not None
    objective = Objective(loss, weighted=weighted)
    state = None if resume is None else checkpoint.read(resume)
    with own_stream(seed):
        subtrain, held_out = prepared(
            model, data, objective, validation, sample_weight, class_weight
        )
        if scale:
            scale_inputs(model, subtrain)
        updates = optimizer_of(optimizer, model)
        run = Run(
            model,
            updates,
            objective,
            subtrain,
            held_out,
            epochs=epochs,
            batch_size=batch_size,
            shuffle=shuffle,
            metrics=metrics_of(metrics),
            callbacks=with_progress(callbacks, verbose),
            settings=settings_of(updates, objective, seed, shuffle, batch_size, subtrain, engine),
            engine=engine,
        )
        if state is None:
            return run.train()
        return run.train(lambda run: checkpoint.resume(run, state, resume))


# ---- arguments


def check_loader(data: Any, batch_size: int | None) -> None:
    """A loader has the batch size that is asked for."""
    if isinstance(data, DataLoader) and batch_size and data.batch_size not in (None, batch_size):
        raise ValueError(f"the DataLoader has batches of {data.batch_size} rows; batch_size=None")


def optimizer_of(optimizer: Any, model: Any) -> Any:
    """An optimizer of the model's parameters.

    Raises:
        ValueError: There is none of this name, or it optimizes none of the model's parameters.
    """
    if isinstance(optimizer, str):
        kinds = {n.lower(): getattr(optim, n) for n in optim.__all__ if n[0].isupper()}
        known = {n: c for n, c in kinds.items() if n not in ("optimizer", "rule")}
        name = optimizer.lower().replace("_", "").replace("-", "")
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ";"
            raise ValueError(
                f"there is no optimizer {optimizer!r}{hint} There are: {', '.join(known)}"
            )
        optimizer = known[name]
    if isinstance(optimizer, type) and makes_optimizers(optimizer):
        learnt = [p for p in model.parameters() if p.requires_grad]
        if not learnt:
            raise ValueError(f"{type(model).__name__} has no parameters that could be learnt")
        return optimizer(learnt)
    if not hasattr(optimizer, "param_groups"):
        raise TypeError(f"optimizer is an optimizer, its class or a name, not {shown(optimizer)}")
    own = {p for group in optimizer.param_groups for p in group["params"]}
    if own.isdisjoint(model.parameters()):
        raise ValueError(
            "the optimizer has none of this model's parameters; make it of model.parameters()"
        )
    return optimizer


def with_progress(callbacks: Sequence[Callback], verbose: bool) -> list[Callback]:
    """The callbacks, and one that shows progress if that is wanted."""
    from .progress import Progress

    found = listed(callbacks)
    if verbose and not any(isinstance(c, Progress) for c in found):
        found.append(Progress())
    return found


def settings_of(
    optimizer: Any, objective: Objective, seed: int, shuffle: bool, batch_size: int | None,
    subtrain: Rows, engine: str,
) -> dict[str, Any]:  # fmt: skip
    """What must be the same for a resumed training."""
    count = None if isinstance(subtrain, LoaderRows) else len(subtrain)
    return {
        "optimizer": type(optimizer).__name__,
        "options": checkpoint.options_of(optimizer.param_groups),
        "loss": objective.name,
        "seed": seed,
        "shuffle": shuffle,
        "batch_size": batch_size,
        "rows": count,
        "engine": engine,
    }
