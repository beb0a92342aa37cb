"""Values as text that is the same in every process: what keys are made of and files hold.

Numbers, names, tuples, dicts, slices, dtypes and small arrays have such a text; other objects have
none, and what depends on them is kept in memory only.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from types import EllipsisType
from typing import Any

import numpy as np


class NotPlainError(TypeError):
    """A value that has no text of its own."""


def plain(value: Any) -> Any:
    """The value in terms of what JSON has; tuples and the like are marked.

    Raises:
        NotPlainError: There is an object in it that is no plain data.
    """
    kind = type(value)
    if kind in (int, bool, str, type(None)):
        return value
    if kind is float:
        return {"float": value.hex()}
    if kind is tuple or kind is list:
        return {kind.__name__: [plain(v) for v in value]}
    if kind is dict:
        return {"dict": [[plain(k), plain(v)] for k, v in value.items()]}
    if kind is slice:
        return {"slice": [plain(v) for v in (value.start, value.stop, value.step)]}
    if isinstance(value, np.dtype):
        return {"dtype": value.str}
    if kind is EllipsisType:
        return {"ellipsis": True}
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biuf":
        held = [value.dtype.str, list(value.shape), _bytes(value)]
        return {"array": held, "kind": kind is np.ndarray}
    raise NotPlainError(f"{kind.__name__} is no plain data")


def _bytes(value: Any) -> str:
    return base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()


def value_of(plain: Any) -> Any:
    """The value again."""
    if not isinstance(plain, dict):
        return plain
    kind, held = next(iter(plain.items()))
    if kind == "array":
        dtype, shape, text = held
        array = np.frombuffer(base64.b64decode(text), dtype).reshape(shape).copy()
        return array if plain["kind"] else array[()]
    return VALUES[kind](held)


VALUES: dict[str, Callable] = {
    "float": float.fromhex,
    "tuple": lambda held: tuple(map(value_of, held)),
    "list": lambda held: list(map(value_of, held)),
    "dict": lambda held: {value_of(k): value_of(v) for k, v in held},
    "slice": lambda held: slice(*map(value_of, held)),
    "dtype": np.dtype,
    "ellipsis": lambda held: ...,
}


def text(value: Any) -> str:
    """The text of a value."""
    return json.dumps(plain(value), separators=(",", ":"))
