"""Tensors in tuples, lists and dicts: taken out and put back."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..tensors.tensor import Tensor


class Slot(NamedTuple):
    """The place of tensor number `number`."""

    number: int


class Items(NamedTuple):
    """A container and what is in it."""

    kind: type
    items: tuple


class Plain:
    """A value that is no tensor: the same object, or an equal number or text."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Plain):
            return False
        a, b = self.value, other.value
        return a is b or (type(a) is type(b) and isinstance(a, SIMPLE) and repr(a) == repr(b))

    def __hash__(self) -> int:
        return hash(repr(self.value)) if isinstance(self.value, SIMPLE) else id(self.value)


SIMPLE = (bool, int, float, complex, str, bytes, type(None))


def flattened(value: Any, arrays: bool = False) -> tuple[Any, list[Any]]:
    """The structure with a `Slot` for each tensor, hashable, and the tensors, each once.

    With `arrays` those of NumPy become tensors that share their memory.
    """
    found: dict[int, Any] = {}
    owners: list[Any] = []
    shape = _without(value, found, owners if arrays else None)
    return shape, list(found.values())


def _without(value: Any, found: dict[int, Any], owners: list[Any] | None) -> Any:
    if isinstance(value, np.ndarray) and owners is not None:
        key, value = id(value), value if id(value) in found else Tensor.lift(value)
    else:
        key = id(value)
    if isinstance(value, Tensor) or key in found:
        found.setdefault(key, value)
        return Slot(list(found).index(key))
    if isinstance(value, dict):
        parts = tuple((k, _without(v, found, owners)) for k, v in value.items())
        return Items(type(value), parts)
    if isinstance(value, (tuple, list)):
        return Items(type(value), tuple(_without(v, found, owners) for v in value))
    return Plain(value)


def rebuild(shape: Any, tensors: Any) -> Any:
    """The structure with tensors in their places."""
    if isinstance(shape, Slot):
        return tensors[shape.number]
    if isinstance(shape, Plain):
        return shape.value
    if issubclass(shape.kind, dict):
        made = {k: rebuild(v, tensors) for k, v in shape.items}
        return made if shape.kind is dict else _like(shape.kind, made)
    parts = [rebuild(v, tensors) for v in shape.items]
    if shape.kind in (tuple, list):
        return shape.kind(parts)
    return shape.kind(*parts) if hasattr(shape.kind, "_fields") else shape.kind(parts)


def _like(kind: type, items: dict) -> Any:
    """A dict of a class of its own, such as OrderedDict or defaultdict."""
    made = kind()
    made.update(items)
    return made
