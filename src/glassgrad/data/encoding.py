"""Codes for labels and text: one-hot vectors and one-hot characters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..arguments import array_of, check_arguments, is_several, shown
from ..tensors.state import get_default_dtype
from ..tensors.tensor import Tensor
from ..types import supported


def one_hot(labels: Any, classes: Sequence[Any] | None = None, dtype: Any = None) -> Tensor:
    """1 in the column of each label, 0 elsewhere: [n] -> [n, classes].

    Labels are numbers or text; `classes` lists them in the order of the columns; unless given they
    are sorted.  ValueError for a label that is not among them.
    """
    labels = array_of("labels", labels)
    if labels.ndim != 1:
        raise ValueError(f"one_hot takes one label for each row, not {list(labels.shape)} labels")
    columns = np.unique(labels) if classes is None else array_of("classes", classes)
    if columns.ndim != 1:
        raise ValueError(f"classes is a list of labels, not {list(columns.shape)} of them")
    codes = labels[:, None] == columns
    unknown = np.flatnonzero(~codes.any(1))
    if len(unknown):
        row, known = unknown[0], columns.tolist()
        raise ValueError(f"row {row} has the label {labels[row]!s}, and the classes are {known}")
    return Tensor.lift(codes.astype(_dtype(dtype)))


def alphabet_of(texts: Iterable[str]) -> str:
    """The characters of the texts, each once, sorted."""
    return "".join(sorted(set().union(*checked(texts))))


def checked(texts: Any) -> list[str]:
    """Texts in a list."""
    found: list[Any] = list(texts) if is_several(texts) else [None]
    if not all(isinstance(text, str) for text in found):
        raise TypeError(f"texts is a list; put brackets around one: [text]; not {shown(texts)}")
    return found


def characters(
    texts: Sequence[str], alphabet: str, length: int | None = None, dtype: Any = None
) -> Tensor:
    """One-hot characters for a convolution over text: [batch] -> [batch, alphabet, length].

    Texts are filled with zeros, or cut, to `length`, that of the longest unless given; a character
    that is not in the alphabet is a column of zeros.
    """
    texts = checked(texts)
    check_arguments({"alphabet": alphabet, "length": length})
    if len(set(alphabet)) != len(alphabet):
        raise ValueError(f"a character is twice in the alphabet {alphabet!r}")
    place = {character: position for position, character in enumerate(alphabet)}
    longest = max(map(len, texts), default=0)
    codes = np.zeros(
        (len(texts), len(alphabet), longest if length is None else length), _dtype(dtype)
    )
    for row, text in enumerate(texts):
        known = [(place[c], t) for t, c in enumerate(text[: codes.shape[2]]) if c in place]
        if known:
            letters, times = zip(*known)
            codes[row, letters, times] = 1
    return Tensor.lift(codes)


def _dtype(dtype: Any) -> np.dtype:
    return get_default_dtype() if dtype is None else supported(dtype)
