"""How good predictions are, as functions of arrays: `accuracy(labels, predictions)`.

Labels come first, as in scikit-learn, whose values these are. A function has two facts that `fit`
reads when a metric is asked for by name: `reads`, what it compares labels with (the predicted
classes, their probabilities, or the values), and `best`, whether more or less is better.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from ..types import ShapeError

Reads = Literal["classes", "probabilities", "values"]
METRICS: dict[str, Callable] = {}  # by name


def metric(reads: Reads, best: Callable = max) -> Callable:
    """Note a function as a metric that `fit` knows by name."""

    def noted(function: Any) -> Any:
        function.reads, function.best = reads, best
        METRICS[function.__name__] = function
        return function

    return noted


# ---- classes


@metric("classes")
def accuracy(labels: Any, predictions: Any) -> float:
    """The share of rows that are predicted rightly; with several labels a row, all of them.

    Of images, which have more axes, it is the share of pixels.

    labels, predictions: [rows], [rows, labels] or [rows, height, width]
    """
    labels, predictions = pair(labels, predictions)
    right = labels == predictions
    return float((right.all(1) if right.ndim == 2 else right).mean())


@metric("classes")
def balanced_accuracy(labels: Any, predictions: Any) -> float:
    """The mean over the classes of the share of their rows that are predicted rightly.

    labels, predictions: [rows]
    """
    counts = Counts(labels, predictions)
    present = counts.actual > 0
    return float((counts.right[present] / counts.actual[present]).mean())


@metric("classes")
def precision(labels: Any, predictions: Any, average: str | None = "auto") -> Any:
    """Right predictions of a class / all predictions of it; 0 where there is none.

    average   "binary": of class 1; "macro": mean over the classes; "micro": all classes counted
              together; None: an array, one for each class; "auto": "binary" if all labels and
              predictions are 0 or 1, else "macro"

    labels, predictions: [rows] or, 0 or 1 for each label, [rows, labels]
    """
    return averaged(labels, predictions, average, lambda c: (c.right, c.predicted))


@metric("classes")
def recall(labels: Any, predictions: Any, average: str | None = "auto") -> Any:
    """Right predictions of a class / all rows of it; `average` as for `precision`."""
    return averaged(labels, predictions, average, lambda c: (c.right, c.actual))


@metric("classes")
def f1(labels: Any, predictions: Any, average: str | None = "auto") -> Any:
    """2 right / (predicted + actual), the harmonic mean of precision and recall, which Dice is too.

    `average` as for `precision`.
    """
    return averaged(labels, predictions, average, lambda c: (2 * c.right, c.predicted + c.actual))


@metric("classes")
def dice(labels: Any, predictions: Any, average: str | None = "auto") -> Any:
    """2 |A and B| / (|A| + |B|): how far two segmentations agree (lecture R); the same as `f1`.

    labels, predictions: of equal shape, any number of axes
    """
    return f1(np.ravel(as_array(labels)), np.ravel(as_array(predictions)), average)


@metric("classes")
def jaccard(labels: Any, predictions: Any, average: str | None = "auto") -> Any:
    """|A and B| / |A or B|: how far two segmentations agree (lecture R).

    labels, predictions: of equal shape, any number of axes
    """
    flat = np.ravel(as_array(labels)), np.ravel(as_array(predictions))
    return averaged(*flat, average, lambda c: (c.right, c.predicted + c.actual - c.right))


def confusion_matrix(labels: Any, predictions: Any, classes: Any = None) -> np.ndarray:
    """How many rows of each class (down) were predicted as each class (across).

    labels, predictions: [rows] -> [classes, classes]; `classes` are all that occur unless given.
    """
    labels, predictions = pair(labels, predictions)
    found = np.union1d(labels, predictions)
    classes = found if classes is None else np.asarray(classes)
    if unknown := np.setdiff1d(found, classes).tolist():
        raise ValueError(
            f"confusion_matrix: {unknown[0]!r} is none of the classes {classes.tolist()}"
        )
    order = np.argsort(classes)
    places = [order[np.searchsorted(classes, rows, sorter=order)] for rows in (labels, predictions)]
    n = len(classes)
    return np.bincount(places[0] * n + places[1], minlength=n * n).reshape(n, n)


class Counts:
    """For each class how many rows are of it, predicted as it, and both: arrays [classes]."""

    def __init__(self, labels: Any, predictions: Any) -> None:
        labels, predictions = pair(labels, predictions)
        if labels.ndim == 2:  # a class for each column, present or absent
            labels, predictions = labels == 1, predictions == 1
            self.classes = np.arange(labels.shape[1])
            self.right = (labels & predictions).sum(0)
            self.actual, self.predicted = labels.sum(0), predictions.sum(0)
            return
        self.classes = np.union1d(labels, predictions)
        matrix = confusion_matrix(labels, predictions, self.classes)
        self.right, self.actual, self.predicted = matrix.diagonal(), matrix.sum(1), matrix.sum(0)

    def of(self, numbers: np.ndarray, wanted: Any) -> Any:
        """The number of one class, 0 if it does not occur."""
        return numbers[self.classes == wanted].sum()


def averaged(labels: Any, predictions: Any, average: str | None, parts: Callable) -> Any:
    """part / whole of each class, put together as `average` says; `parts` gives both."""
    counts = Counts(labels, predictions)
    part, whole = parts(counts)
    binary = np.ndim(as_array(labels)) == 1 and np.isin(counts.classes, (0, 1)).all()
    if average == "auto":
        average = "binary" if binary else "macro"
    if average == "binary":
        if not binary:
            raise ValueError(
                f"average='binary' takes classes 0 and 1, not {counts.classes.tolist()}"
            )
        return float(ratio(counts.of(part, 1), counts.of(whole, 1)))
    if average == "micro":
        return float(ratio(part.sum(), whole.sum()))
    if average not in ("macro", None):
        raise ValueError(f"average is 'auto', 'binary', 'macro', 'micro' or None, not {average!r}")
    each = ratio(part, whole)
    return each if average is None else float(each.mean())


def ratio(part: Any, whole: Any) -> Any:
    """part / whole, 0 where nothing is to be divided."""
    return np.where(whole > 0, part / np.maximum(whole, 1), 0.0)


# ---- probabilities


@metric("probabilities", best=min)
def log_loss(labels: Any, probabilities: Any) -> float:
    """-mean log p(label): the cross entropy in nats.

    labels: [rows], probabilities of class 1: [rows], or of classes 0, 1, ...: [rows, classes]
    """
    labels, p = as_array(labels), as_array(probabilities).astype(np.float64)
    smallest = np.finfo(as_array(probabilities).dtype).eps
    if p.ndim == 1:
        labels, p = pair(labels, p)
        p = np.stack((1 - p, p), 1)
    p = np.clip(p, smallest, 1 - smallest)
    p /= p.sum(1, keepdims=True)
    return float(-np.log(p[np.arange(len(p)), class_numbers(labels, p.shape[1])]).mean())


@metric("probabilities")
def auc(labels: Any, scores: Any) -> float:
    """The chance that a row of class 1 has a higher score than one of class 0; ties count half.

    With several classes each is held against all others, and the mean is taken.

    labels: [rows], scores: [rows] or, of classes 0, 1, ...: [rows, classes]
    """
    labels, scores = as_array(labels), as_array(scores)
    if scores.ndim == 1:
        labels, scores = pair(labels, scores)
        return area(labels == 1, scores)
    if scores.shape[1] == 2:
        return area(class_numbers(labels, 2) == 1, scores[:, 1])
    classes = class_numbers(labels, scores.shape[1])
    return float(np.mean([area(classes == k, scores[:, k]) for k in range(scores.shape[1])]))


def area(positive: np.ndarray, scores: np.ndarray) -> float:
    """The area under the curve of true against false positives, by mean ranks (Mann, Whitney)."""
    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        return float("nan")
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * m))


def class_numbers(labels: np.ndarray, classes: int) -> np.ndarray:
    """Labels [rows] as whole numbers from 0 to classes - 1."""
    numbers = labels.astype(np.int64)
    wrong = (numbers != labels) | (numbers < 0) | (numbers >= classes)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"the label {labels[row]} in row {row} is none of the classes 0 to {classes - 1}"
        )
    return numbers


# ---- values


@metric("values", best=min)
def mae(labels: Any, predictions: Any) -> float:
    """mean |y - p|"""
    labels, predictions = pair(labels, predictions)
    return float(np.abs(labels - predictions.astype(np.float64)).mean())


@metric("values", best=min)
def mse(labels: Any, predictions: Any) -> float:
    """mean (y - p)^2"""
    labels, predictions = pair(labels, predictions)
    return float(((labels - predictions.astype(np.float64)) ** 2).mean())


@metric("values", best=min)
def rmse(labels: Any, predictions: Any) -> float:
    """sqrt(mean (y - p)^2), in the unit of the labels"""
    return mse(labels, predictions) ** 0.5


@metric("values")
def r2(labels: Any, predictions: Any) -> float:
    """1 - sum (y - p)^2 / sum (y - mean y)^2: 1 is perfect, 0 as good as the mean.

    labels, predictions: [rows] or [rows, targets], of which the mean is taken
    """
    labels, predictions = pair(labels, predictions)
    labels, predictions = labels.astype(np.float64), predictions.astype(np.float64)
    left = ((labels - predictions) ** 2).sum(0)
    there = ((labels - labels.mean(0)) ** 2).sum(0)
    constant = np.where(left == 0, 1.0, 0.0)
    return float(np.where(there > 0, 1 - left / np.where(there > 0, there, 1), constant).mean())


# ---- arrays


def as_array(values: Any) -> np.ndarray:
    """Tensors, lists and series as an array."""
    return np.asarray(values.detach() if hasattr(values, "detach") else values)


def pair(labels: Any, predictions: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both as arrays of one shape, with at least one row."""
    labels, predictions = as_array(labels), as_array(predictions)
    if labels.shape != predictions.shape:
        raise ShapeError(
            f"labels and predictions have one shape, not {list(labels.shape)} and "
            f"{list(predictions.shape)}"
        )
    if not labels.size:
        raise ValueError("there are no rows to compare")
    return labels, predictions
