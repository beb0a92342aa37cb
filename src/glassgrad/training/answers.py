"""From a network's outputs to what metrics compare with labels: classes, probabilities, values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arguments import listing, shown, takes
from .metrics import METRICS
from .objective import Kind
from .tasks import sigmoid, softmax


def metrics_of(metrics: Any) -> dict[str, Callable]:
    """Metrics by name: names of `training.metrics`, or functions of labels and outputs.

    Raises:
        ValueError: There is no metric of a name.
    """
    found: dict[str, Callable] = {}
    for metric in listing(metrics):
        if isinstance(metric, str) and metric not in METRICS:
            raise ValueError(f"there is no metric {metric!r}; there are: {', '.join(METRICS)}")
        function = METRICS[metric] if isinstance(metric, str) else metric
        if not callable(function):
            raise TypeError(f"a metric is a name or a function, not {shown(metric)}")
        if not takes(getattr(function, "forward", function), None, None):
            raise TypeError(f"a metric takes labels and outputs, and {shown(metric)} does not")
        found[getattr(function, "__name__", type(function).__name__)] = function
    return found


def measured(
    metrics: dict[str, Callable], kind: Kind, labels: np.ndarray, outputs: np.ndarray
) -> dict[str, float]:
    """The value of each metric.

    A metric of `training.metrics` gets what it reads; a user's function gets labels and outputs.
    """
    values = {}
    for name, metric in metrics.items():
        reads = getattr(metric, "reads", None)
        pair = (labels, outputs) if reads is None else READ[reads](kind, labels, outputs, name)
        value = metric(*pair)
        try:
            values[name] = float(value)
        except (TypeError, ValueError):
            raise TypeError(f"the metric {name} gives a number, not {shown(value)}") from None
    return values


Pair = tuple[np.ndarray, np.ndarray]


def classes(kind: Kind, labels: np.ndarray, outputs: np.ndarray, name: str) -> Pair:
    """Labels and the most probable classes, as whole numbers."""
    if kind.labels == "classes" or (not kind.outputs and labels.ndim < outputs.ndim):
        labels = labels if labels.ndim < outputs.ndim else labels.argmax(1)
        return labels, outputs.argmax(1)
    if kind.outputs == "binary logits":
        return yes(labels, 0.5), yes(outputs, 0)
    if kind.outputs == "binary probabilities":
        return yes(labels, 0.5), yes(outputs, 0.5)
    found = set(np.unique(labels).tolist())
    if kind.outputs == "signs" or found <= {-1, 1}:
        return yes(labels, 0), yes(outputs, 0)
    if found <= {0, 1}:
        return yes(labels, 0.5), yes(outputs, 0.5)
    raise ValueError(f"the metric {name} compares classes, and these labels are values; take rmse")


def yes(numbers: np.ndarray, limit: float) -> np.ndarray:
    """1 where a number is above the limit, else 0; a single column as [rows]."""
    return single((numbers > limit).astype(np.int64))


def single(rows: np.ndarray) -> np.ndarray:
    """[rows, 1] as [rows]; others as they are."""
    return rows[:, 0] if rows.ndim == 2 and rows.shape[1] == 1 else rows


def probabilities(kind: Kind, labels: np.ndarray, outputs: np.ndarray, name: str) -> Pair:
    """Labels as whole numbers and the probabilities of the classes, or of class 1."""
    wide = outputs.astype(np.float64)
    if kind.labels == "classes" and outputs.ndim == 2:
        labels = labels if labels.ndim < 2 else labels.argmax(1)
        return labels, np.exp(wide) if kind.outputs == "log probabilities" else softmax(wide)
    if kind.outputs in ("binary logits", "signs"):
        limit = 0 if kind.outputs == "signs" else 0.5
        return yes(labels, limit), single(sigmoid(wide))
    if kind.outputs == "binary probabilities":
        return yes(labels, 0.5), single(wide)
    raise ValueError(f"the metric {name} reads probabilities, which this loss does not know of")


def values(kind: Kind, labels: np.ndarray, outputs: np.ndarray, name: str) -> Pair:
    """Labels and values, through the output layer if there is one."""
    if kind.labels == "classes":
        raise ValueError(f"the metric {name} compares values, and this loss has classes")
    return labels, sigmoid(outputs) if kind.outputs == "binary logits" else outputs


READ: dict[str, Callable] = {
    "classes": classes,
    "probabilities": probabilities,
    "values": values,
}


def joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Batches one after the other."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def scalar(loss: Any) -> float:
    """The loss as a Python number.

    Raises:
        ValueError: It is no tensor of one element.
    """
    if getattr(loss, "value", None) is None or loss.value.size != 1:
        got = getattr(loss, "type_", type(loss).__name__)
        raise ValueError(f"a loss is one number, not {got}; take its mean: losses.mean()")
    return loss.value.item()
