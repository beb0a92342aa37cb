"""Arrays in worked steps: small ones whole, large ones by range and a corner."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .formula import ATOM, PRODUCT, SUM, Term
from .texts import nested, short

ROWS, COLUMNS = 6, 8  # what is written out whole
CORNER = 3, 6  # what is shown of more
PUT_IN = 9  # numbers of a matrix that is put into a formula


def matrix_text(array: np.ndarray) -> str:
    """The numbers in columns; of a large array a corner, and its range."""
    if array.ndim == 0:
        return short(array[()])
    plain = flat(array)
    if plain.shape[0] > ROWS or plain.shape[1] > COLUMNS or not array.size:
        return corner_text(array, plain)
    return columns_text(plain)


def flat(array: np.ndarray) -> np.ndarray:
    """Rows and columns: the last axis, and all others."""
    return array.reshape(-1, array.shape[-1]) if array.size else array.reshape(0, 0)


def columns_text(array: np.ndarray) -> str:
    """All numbers, right-aligned."""
    cells = [[short(x) for x in row] for row in array]
    widths = [max(len(row[j]) for row in cells) for j in range(array.shape[1])]
    return "\n".join("  ".join(c.rjust(w) for c, w in zip(row, widths)) for row in cells)


def span(array: np.ndarray) -> tuple[str, str] | None:
    """The smallest and the largest of what is finite."""
    finite = array[np.isfinite(array)]
    return (short(finite.min()), short(finite.max())) if finite.size else None


def corner_text(array: np.ndarray, plain: np.ndarray) -> str:
    """Shape, range and the first numbers."""
    if not array.size:
        return "no numbers"
    ends = span(array)
    said = f"numbers from {ends[0]} to {ends[1]}" if ends else "numbers, none finite"
    rows, columns = CORNER
    lines = columns_text(plain[:rows, :columns]).splitlines()
    if plain.shape[1] > columns:
        lines = [line + "  ..." for line in lines]
    if plain.shape[0] > rows:
        lines.append("...")
    return "\n".join([f"{list(array.shape)} {said}", *lines])


def matrix_latex(array: np.ndarray) -> str:
    """The numbers as a matrix; of a large array its shape and range."""
    if array.ndim == 0:
        return latex(array[()])
    plain = flat(array)
    if array.size and plain.shape[0] <= ROWS and plain.shape[1] <= COLUMNS:
        rows = r"\\ ".join(" & ".join(map(latex, row)) for row in plain)
        return rf"\begin{{bmatrix}}{rows}\end{{bmatrix}}"
    shape = r" \times ".join(map(str, array.shape))
    ends = span(array)
    if ends is None:
        return rf"\left[{shape} \text{{ numbers, none finite}}\right]"
    low, high = map(tidy, ends)
    return rf"\left[{shape} \text{{ numbers from }} {low} \text{{ to }} {high}\right]"


def latex(x: Any) -> str:
    """A number in at most four digits."""
    return tidy(short(x))


def writable(x: Any) -> bool:
    """Whether the numbers of an array or a node are few enough to be put into a formula."""
    return len(x.shape) <= 2 and 0 < math.prod(x.shape) <= PUT_IN


def number_term(x: Any) -> Term:
    """The numbers of a node as they are put into a formula, and not reckoned with."""
    if x.shape:
        return Term(nested(x.value), matrix_latex(np.asarray(x.value)))
    value = x.value[()]
    written = latex(abs(value))
    tight = PRODUCT if "cdot" in written else ATOM  # a power of ten is a product
    size = Term(short(abs(value)), written, ATOM, tight, scalar=True)
    if not value < 0:
        return size._replace(parts=("put", id(x), size))
    return Term(f"-{size.text}", f"-{size.latex}", SUM, parts=("put", id(x), size), scalar=True)


def tidy(text: str) -> str:
    """1.2e-05 as a product with a power of ten."""
    if "e" in text:
        digits, exponent = text.split("e")
        return rf"{digits} \cdot 10^{{{int(exponent)}}}" if exponent.strip("+-").isdigit() else text
    return {"inf": r"\infty", "-inf": r"-\infty", "nan": r"\text{nan}"}.get(text, text)
