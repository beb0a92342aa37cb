"""What `gg.health` looks for in the rows: each check gives findings of "inputs" or "labels"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .findings import Finding
from .nonfinite import found_in_data
from .observe import Observation
from .rows import ArrayRows, Batch, Rows, batches

LARGE = 10.0  # root mean square of a feature: scaled ones have 1, and bits and shares less
SMALL = 0.01  # the same of all features: the first layer's weights must grow a hundredfold
UNEQUAL = 1000.0  # largest to smallest feature: their weights' gradients differ a million times
LEAKING = 0.99  # share of the labels' variance that one feature explains: data are never so good
SMALL_LABELS = 1e-3  # the loss is then small from the start, and rates are felt otherwise
FEW = 20  # rows: of fewer, a feature may agree with the labels by chance
IN_MEMORY = 1 << 30  # bytes of rows that are all looked through for NaN
WIDE = 4096  # features: of more, each is a pixel or a sample, and none is looked at alone
CLASSES = 20  # distinct labels: more are numbers, not classes


def feature(i: int, names: Sequence[str]) -> str:
    """How a column is spoken of."""
    return f"column {names[i]!r}" if i < len(names) else f"feature {i}"


def input_findings(seen: Observation, names: Sequence[str] = ()) -> list[Finding]:
    """Features that are large, small, or of very different size, where the first weights are."""
    x = seen.entering
    if x is None or x.ndim < 2 or x.dtype.kind != "f" or len(x) < 2:
        return []
    columns = x.reshape(len(x), -1) if x.ndim == 2 else x.reshape(-1, 1)
    sizes = np.sqrt(np.mean(np.square(columns, dtype=np.float64), axis=0))
    if not sizes.any():
        what = "all features are 0 in the rows looked at; they tell nothing"
        return [Finding("inputs", "unscaled inputs", what, "Were the right columns taken?")]
    i, largest = int(sizes.argmax()), float(sizes.max())
    reach = np.abs(columns).max(axis=0)
    dense = np.count_nonzero(columns, axis=0) > len(columns) / 2  # the others are counts of words
    at = f"{feature(i, names)} has" if x.ndim == 2 else "they have"
    numbers: dict[str, Any] = {"size": largest}
    if largest > LARGE:
        what = f"{at} root mean square {largest:.4g}; weights are made for about 1"
    elif largest < SMALL:
        what = f"no feature has a root mean square above {largest:.2g}; weights are made for 1"
    elif dense.any() and reach.max() > UNEQUAL * reach[dense].min():
        small = int(np.where(dense, reach, np.inf).argmin())
        numbers = {"ratio": float(reach.max() / reach[small])}
        large = feature(int(reach.argmax()), names)
        what = f"{large} is {numbers['ratio']:.3g} times {feature(small, names)}"
    else:
        return []
    advice = "Divide pixels by 255." if x.ndim > 3 else "Put nn.Standardize first: fit(scale=True)."
    return [Finding("inputs", "unscaled inputs", what, advice, numbers)]


def not_finite(rows: Rows, batch: Batch) -> list[Finding]:
    """The first row that holds NaN or infinity: of all rows that lie in memory, else of a batch."""
    held = isinstance(rows, ArrayRows) and sum(x.nbytes for x in rows.inputs) <= IN_MEMORY
    for some in batches(rows, 65_536) if held else [batch]:
        if (origin := found_in_data(some)) is not None:
            layer = "labels" if origin.text.startswith("the labels") else "inputs"
            advice = "Leave such rows out" + ", or put a number in its place." * (layer == "inputs")
            return [Finding(layer, "not finite", origin.text, advice)]
    return []


def leak_findings(inputs: Any, labels: Any, names: Sequence[str] = ()) -> list[Finding]:
    """Features that tell the labels almost alone.

    Of classes, the share of a feature's variance that lies between them (the correlation ratio
    eta^2); of numbers, the squared correlation, of the values or of their ranks.
    """
    x = np.asarray(inputs[0]).reshape(len(labels), -1)
    y = np.asarray(labels).reshape(len(labels), -1)
    alone = len(inputs) == 1 and len(x) >= FEW and x.shape[1] <= WIDE and x.shape != y.shape
    if not alone or x.dtype.kind not in "fiub":
        return []
    x = x.astype(np.float64)
    best, numbers = 0.0, {}
    for k in range(min(y.shape[1], CLASSES)):
        share = explained(x, y[:, k])
        j = int(share.argmax())
        if share[j] > max(best, LEAKING):
            best, numbers = share[j], {"feature": j, "share": float(share[j])}
    if not numbers:
        return []
    one = feature(int(numbers["feature"]), names)
    what = f"{one} alone explains {numbers['share']:.2%} of the labels"
    advice = "Is it known before the label is? If it was made from the label, leave it out."
    return [Finding("inputs", "leaking labels", what, advice, numbers)]


def explained(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How much of the labels each feature explains: x: [rows, features], y: [rows] -> [features]"""
    values, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    if len(values) <= CLASSES:
        many = counts >= 5  # of fewer rows a class may agree with a feature by chance
        kept = many[codes]
        return between_classes(x[kept], codes[kept]) if many.sum() > 1 else np.zeros(x.shape[1])
    if x.shape[1] == 1:  # a curve y = f(x) is what is to be learnt
        return np.zeros(1)
    ranks = [np.argsort(np.argsort(a, axis=0), axis=0).astype(float) for a in (x, y)]
    return np.maximum(correlated(x, y), correlated(*ranks) * (np.ptp(x, axis=0) > 0))


def between_classes(x: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """eta^2 = variance of the classes' means / variance, of each feature."""
    x = x - x.mean(axis=0)
    present = [codes == code for code in np.unique(codes)]
    between = sum(rows.sum() * x[rows].mean(axis=0) ** 2 for rows in present)
    total = (x * x).sum(axis=0)
    return np.where(total > 1e-12, between / np.maximum(total, 1e-12), 0.0)


def correlated(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Squared correlation of each feature with the labels."""
    x, y = x - x.mean(axis=0), (y - y.mean()).astype(np.float64)
    below = (x * x).sum(axis=0) * (y @ y)
    return np.where(below > 1e-24, (y @ x) ** 2 / np.maximum(below, 1e-24), 0.0)


def label_findings(labels: Any, kind: str) -> list[Finding]:
    """Labels that are all the same, or values far larger or smaller than outputs begin with."""
    y = labels.value
    if len(y) < 2:
        return []
    size = float(np.sqrt(np.mean(np.square(y, dtype=np.float64)))) if kind == "values" else 1.0
    if np.ptp(y.reshape(len(y), -1), axis=0).any():
        if SMALL_LABELS <= size <= LARGE:
            return []
        what = f"they have root mean square {size:.4g}; outputs begin with about 1 or less"
        advice = "Scale them: (y - y.mean()) / y.std(), and predictions back."
        return [Finding("labels", "unscaled labels", what, advice, {"size": size})]
    what = f"all {len(y)} rows looked at have the same label, {y[0]}; nothing is to be learnt"
    advice = "Was the right column taken, and were the rows shuffled before they were divided?"
    return [Finding("labels", "one label", what, advice, {"rows": len(y)})]
