"""Arrays in worked steps: small ones whole, large ones by range and a corner."""

from __future__ import annotations

import numpy as np

from .texts import short

ROWS, COLUMNS = 6, 8


def matrix_text(array: np.ndarray) -> str:
    """The numbers in columns; of a large array a corner, and its range."""
    if array.ndim == 0:
        return short(array[()])
    if array.ndim > 2 or array.shape[0] > ROWS or array.shape[-1] > COLUMNS:
        return corner_text(array)
    return columns_text(np.atleast_2d(array))


def columns_text(array: np.ndarray) -> str:
    """All numbers, right-aligned."""
    cells = [[short(x) for x in row] for row in array]
    widths = [max(len(row[j]) for row in cells) for j in range(array.shape[1])]
    return "\n".join("  ".join(c.rjust(w) for c, w in zip(row, widths)) for row in cells)


def corner_text(array: np.ndarray) -> str:
    """Shape, range and the first numbers."""
    finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array.ravel()
    span = f"{short(finite.min())} to {short(finite.max())}" if finite.size else "none finite"
    first = array.reshape(-1, array.shape[-1])[:3, :6] if array.size else array.reshape(1, -1)
    listed = "\n".join(line + "  ..." for line in columns_text(first).splitlines())
    return f"{list(array.shape)} numbers from {span}\n{listed}"


def matrix_latex(array: np.ndarray) -> str:
    """The numbers as a matrix; of a large array its shape and range."""
    if array.ndim == 0:
        return short(array[()])
    if array.ndim > 2 or array.shape[0] > ROWS or array.shape[-1] > COLUMNS:
        shape = r"\times".join(map(str, array.shape))
        low, high = short(array.min()), short(array.max())
        return rf"\left[{shape} \text{{ numbers from }} {low} \text{{ to }} {high}\right]"
    rows = r"\\ ".join(" & ".join(short(x) for x in row) for row in np.atleast_2d(array))
    return rf"\begin{{bmatrix}}{rows}\end{{bmatrix}}"
