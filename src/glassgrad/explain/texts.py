"""Numbers as short texts: the values of small tensors, the range of large ones."""

from __future__ import annotations

from typing import Any

import numpy as np

FEW = 6  # so many elements are written out


def short(x: Any) -> str:
    """A number in at most four digits: 0.1235, 12, 1.2e+05."""
    if isinstance(x, (bool, np.bool_)):
        return str(bool(x))
    if isinstance(x, (int, np.integer)):
        return f"{x}" if abs(int(x)) < 100_000 else f"{float(x):.3g}"
    return f"{float(x) + 0.0:.4g}"  # no -0


def values_text(array: Any, few: int = FEW) -> str:
    """`0.5`, `[0.5, -1]`, `[[1, 2], [3, 4]]`, or `-1.2 … 3.4` of more than a few."""
    array = np.asarray(array)
    if array.size == 0:
        return "no elements"
    if array.size <= few:
        return nested(array)
    finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array
    lost = array.size - finite.size
    text = f"{short(finite.min())} … {short(finite.max())}" if finite.size else "none finite"
    return f"{text}, {lost} not finite" if lost and finite.size else text


def nested(array: np.ndarray) -> str:
    """All numbers, with brackets as in Python."""
    if array.ndim == 0:
        return short(array[()])
    return "[" + ", ".join(map(nested, array)) + "]"
