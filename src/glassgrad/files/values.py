"""Dicts, lists, numbers and tensors as JSON beside named arrays, and back.

A tensor stands in the JSON as the name of its array; dicts keep their order and the types of their
keys; a tensor that occurs twice is one tensor again when it is read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..tensors import Tensor
from ..types import supported
from .errors import FileError

RESERVED = "__metadata__"  # the one name that safetensors keeps for itself


class Writer:
    """Turns a value into JSON; `arrays` collects what does not fit into JSON."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self.known: dict[tuple, str] = {}
        self.above: list[int] = []  # the containers that the present value is in

    def encode(self, value: Any, name: str = "") -> Any:
        """`value` as JSON; `name` is the path to it, which its array will have.

        Raises:
            TypeError: It holds something else than tensors, arrays, numbers, texts, dicts, lists.
        """
        if isinstance(value, (Tensor, np.ndarray)):
            array = value.known() if isinstance(value, Tensor) else value
            return {"tensor": self.stored(array, name)}
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, float) and not math.isfinite(value):
            return {"float": str(value)}
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if id(value) in self.above:
            raise TypeError(f"gg.save: {name or 'the value'} contains itself")
        self.above.append(id(value))
        try:
            return self.container(value, name)
        finally:
            self.above.pop()

    def container(self, value: Any, name: str) -> Any:
        """A dict, list or tuple as JSON."""
        prefix = f"{name}." if name else ""
        if isinstance(value, Mapping):
            pairs = [[self.key(k, name), self.encode(v, f"{prefix}{k}")] for k, v in value.items()]
            return {"dict": pairs}
        if isinstance(value, (list, tuple)):
            items = [self.encode(v, f"{prefix}{i}") for i, v in enumerate(value)]
            return {"list" if isinstance(value, list) else "tuple": items}
        raise TypeError(
            f"gg.save keeps models, tensors, numbers, texts, dicts and lists of them; "
            f"{name or 'this'} is a {type(value).__name__}"
        )

    def key(self, key: Any, name: str) -> Any:
        """The key of a dict: a text, a number, a truth value or None."""
        if key is None or isinstance(key, (bool, int, float, str)):
            return self.encode(key)
        raise TypeError(
            f"gg.save: a key of {name or 'the dict'} is a {type(key).__name__}, not a text"
        )

    def stored(self, array: np.ndarray, name: str) -> str:
        """The name under which the array is kept: that of its first occurrence."""
        supported(array.dtype)
        free = name or "value"
        while free in self.arrays or free == RESERVED:
            free += "'"
        self.arrays[free] = array
        place = array.__array_interface__["data"][0], array.shape, array.strides, array.dtype
        return self.known.setdefault(place, free) if array.size else free


def decode(value: Any, tensors: dict[str, Tensor]) -> Any:
    """The value that `Writer.encode` was given.

    Raises:
        FileError: The JSON is not what `encode` writes, or names an array that is not there.
    """
    if not isinstance(value, dict):
        if isinstance(value, list):
            raise FileError("a list where a value is expected")
        return value
    if len(value) != 1:
        raise FileError(f"an entry with {len(value)} keys where one is expected")
    (kind, content), *_ = value.items()
    if kind == "tensor" and content in tensors:
        return tensors[content]
    if kind == "float" and content in ("nan", "inf", "-inf"):
        return float(content)
    if kind in ("list", "tuple") and isinstance(content, list):
        items = [decode(item, tensors) for item in content]
        return items if kind == "list" else tuple(items)
    if kind == "dict" and isinstance(content, list):
        return {decode(k, tensors): decode(v, tensors) for k, v in content}
    raise FileError(f"{str(value)[:80]} is no value")
