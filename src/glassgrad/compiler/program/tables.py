"""Arrays that belong to a program as literals: exact, and compact where they are long."""

from __future__ import annotations

import base64
import textwrap
import zlib

import numpy as np

from .text import written

LONGEST = 64  # elements that are written one by one


def table_text(array: np.ndarray) -> str:
    """An expression of NumPy for an array, equal to the bit."""
    dtype = written(array.dtype)
    if array.size > 1 and same(array, np.full_like(array, array.flat[0])):
        return f"np.full({written(array.shape)}, {number(array.flat[0])}, {dtype})"
    counted = np.arange(array.size).astype(array.dtype)
    if array.ndim == 1 and array.size > 2 and same(array, counted):
        return f"np.arange({array.size}, dtype={dtype})"
    if array.size <= LONGEST:
        plain = f"np.array({nested(array)}, {dtype})"
        return plain if array.size else f"np.zeros({written(array.shape)}, {dtype})"
    return packed(array)


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal to the bit."""
    return a.tobytes() == b.tobytes()


def nested(array: np.ndarray) -> str:
    """The numbers as lists of lists."""
    if array.ndim == 0:
        return number(array.flat[0])
    return f"[{', '.join(map(nested, array))}]"


def number(x: np.generic) -> str:
    """The shortest number that becomes this element again."""
    if x.dtype.kind != "f":
        return repr(x.item())
    shortest = float(str(x))
    return written(shortest if x.dtype.type(shortest) == x else x.item())


def packed(array: np.ndarray) -> str:
    """The bytes of an array, compressed, as text."""
    text = base64.b85encode(zlib.compress(np.ascontiguousarray(array).tobytes())).decode()
    lines = "".join(f'\n    "{line}"' for line in textwrap.wrap(text, 88))
    return (
        f"np.frombuffer(zlib.decompress(base64.b85decode({lines}\n)), "
        f"{written(array.dtype)}).reshape({written(array.shape)})"
    )
