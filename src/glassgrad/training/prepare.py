"""What happens before the first step: rows, validation rows, weights, whether it fits."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import NUMBERS
from ..nn.checks import untouched
from ..tensors import no_grad
from ..tensors.generator import default_generator
from ..types import ShapeError
from . import weights
from .answers import scalar
from .objective import Objective
from .rows import ArrayRows, LoaderRows, Rows, rows_of, weights_dtype


def prepared(
    model: Any,
    data: Any,
    objective: Objective,
    validation: Any = None,
    sample_weight: Any = None,
    class_weight: Any = None,
) -> tuple[Rows, Rows | None]:
    """Subtrain and validation rows with their weights, found to fit the model and the loss."""
    rows = rows_of(data, model, objective.kind.labels)
    return divided(model, rows, objective, validation, sample_weight, class_weight)


def divided(
    model: Any,
    rows: Rows,
    objective: Objective,
    validation: Any = None,
    sample_weight: Any = None,
    class_weight: Any = None,
) -> tuple[Rows, Rows | None]:
    """The same of rows that are known."""
    if sample_weight is not None:
        weights.attach(rows, sample_weight)
    subtrain, held_out = parts(rows, validation, model, objective)
    weigh(subtrain, held_out, class_weight, weights_dtype(model))
    for part in (subtrain, held_out):
        check_fit(model, objective, part)
    return subtrain, held_out


def parts(rows: Rows, validation: Any, model: Any, objective: Objective) -> tuple[Rows, Any]:
    """Subtrain and validation rows.

    Raises:
        ValueError: The fraction leaves one of them without rows, or the rows are a loader's.
    """
    if validation is None:
        return rows, None
    if isinstance(validation, ArrayRows):
        return rows, validation
    if not isinstance(validation, NUMBERS):
        return rows, rows_of(validation, model, objective.kind.labels, what="validation")
    if isinstance(rows, LoaderRows):
        raise ValueError("a DataLoader cannot be split; give validation as a DataLoader too")
    kept = round(len(rows) * float(validation)) if 0 < validation < 1 else 0
    if not 0 < kept < len(rows):
        some = validation if 1 < validation < len(rows) else max(len(rows) // 5, 1)
        raise ValueError(
            f"validation={validation} is no fraction of {len(rows)} rows that leaves rows for "
            f"both; to keep {some} of them apart: validation={some / len(rows):.3g}"
        )
    order = default_generator.permutation(len(rows)).value
    return rows.part(np.sort(order[kept:])), rows.part(np.sort(order[:kept]))


def weigh(subtrain: Rows, held_out: Rows | None, class_weight: Any, dtype: np.dtype) -> None:
    """Weights of classes times those of rows; validation rows are weighted by their class too."""
    if class_weight is not None:
        by_class = weights.class_weights(subtrain, class_weight)
        weights.multiply(subtrain, by_class)
        if held_out is not None and not isinstance(held_out, LoaderRows):
            weights.multiply(held_out, by_class)
    for rows in (subtrain, held_out):
        if rows is not None:
            weights.normalise(rows, dtype)


def check_fit(model: Any, objective: Objective, rows: Rows | None) -> None:
    """Two rows go through model and loss, without a trace: what does not fit is said now.

    Raises:
        ShapeError, ValueError: A layer takes other inputs, or the loss other labels.
    """
    if rows is None or isinstance(rows, LoaderRows):
        return
    batch = rows.take(np.arange(min(2, len(rows))))
    with untouched(model), no_grad():
        outputs = model(*batch.inputs)
        if objective.kind.labels == "classes":
            check_classes(rows, outputs, objective)
        scalar(objective(outputs, batch.labels, batch.weights))


def check_classes(rows: Any, outputs: Any, objective: Objective) -> None:
    """Every label is a class that the model has an output for."""
    labels = rows.labels if isinstance(rows, ArrayRows) else None
    if labels is None or (labels.dtype.kind == "f" and labels.ndim == len(outputs.shape)):
        return
    if labels.dtype.kind == "f":
        raise TypeError(
            f"{objective.name} takes classes as whole numbers, and the labels are {labels.dtype}; "
            "write y.astype(int)"
        )
    if len(outputs.shape) < 2:
        raise ShapeError(f"{objective.name} takes an output for each class, not {outputs.type_}")
    ignored = getattr(objective.loss, "ignore_index", None)
    wrong = (labels >= outputs.shape[1]) | (labels < 0)
    wrong &= labels != ignored if ignored is not None else True
    if (wrong & (labels < 0)).any():
        place = int(np.argmax((wrong & (labels < 0)).reshape(len(labels), -1).any(1)))
        raise ShapeError(
            f"row {rows.numbers[place]} has the label {labels[place]}, and classes are whole "
            "numbers from 0 on; number them: classes, y = numpy.unique(y, return_inverse=True)"
        )
    if wrong.any():
        place = int(np.argmax(wrong.reshape(len(labels), -1).any(1)))
        raise ShapeError(
            f"row {rows.numbers[place]} has the label {labels[place]}, and the model has outputs "
            f"{outputs.type_} for the classes 0 to {outputs.shape[1] - 1}; "
            f"the last layer needs {int(labels.max()) + 1} outputs"
            + (
                ", or the loss is BCEWithLogitsLoss"
                if labels.max() == outputs.shape[1] == 1
                else ""
            )
        )
