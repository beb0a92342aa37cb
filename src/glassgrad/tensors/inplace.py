"""Writing into leaves: the only way in which a value changes.

A write goes into the array itself, so that everything that shares it sees the change; the leaf
notes when it was written, and `backward()` refuses to read what has changed since it was used.
"""

from __future__ import annotations

from sys import getrefcount
from typing import Any

import numpy as np

from ..types import ShapeError, broadcast_shapes
from .keys import entries, numpy_key, parts
from .node import Node
from .state import no_grad, note_write, state


def _single() -> int:
    """What `getrefcount` says of an object that one attribute and one local name hold."""
    holder = Node()
    holder.value = object()
    value = holder.value
    return getrefcount(value)


SINGLE = _single()


class InPlace(Node):
    """Methods that end in an underscore, `+=` and its like, and `x[key] = value`."""

    def assign(self, value: Any, key: Any = ...) -> Any:
        """Write `value` into the elements at `key` of a leaf; every in-place method ends here."""
        self._refuse_write(value)
        if state.listening is not None:
            return state.listening.write(self, value, key)
        array = value.value if isinstance(value, Node) else value
        try:
            self.value[key] = array
        except ValueError:
            self.value[key] = _fitting(np.asarray(array), self.value[key].shape)
        note_write(self if self.base is None else self.base)
        return self

    def _refuse_write(self, value: Any) -> None:
        """Raise an error when a write would lose history or gradients."""
        if self._computed():
            assert self.operation is not None
            raise RuntimeError(
                f"{_named(self)} was computed by {self.operation.name}, and computed values do not "
                "change; make a new one: x = x + 1, x = x.where(mask, value), "
                "x = x.index_put(indices, values)"
            )
        if state.grad and self.requires_grad:
            raise RuntimeError(
                f"{_named(self)} is a leaf that requires a gradient and is written in place; "
                "write it inside `with gg.no_grad():`"
            )
        if state.grad and isinstance(value, Node) and value.requires_grad:
            raise RuntimeError(
                f"a value that requires a gradient is written into {_named(self)}, where the "
                "gradient would be lost; build the tensor by gg.stack, gg.where or "
                "x.index_put(indices, values)"
            )

    def _computed(self) -> bool:
        """Whether the tensor has a history; a traced one has where a gradient is wanted."""
        return self.operation is not None and (self.requires_grad or state.listening is None)

    def _seen_as(self, view: Any) -> Any:
        """Take over the shape of a view of the same memory."""
        self._refuse_write(view)
        if state.listening is not None:
            state.listening.impossible("the shape of a leaf changes", "Give the view a new name.")
        self.value = view.value
        note_write(self if self.base is None else self.base)
        return self

    def adopt(self, new: Any, keep: bool = False) -> Any:
        """Write a tensor that was just computed: its array becomes this leaf's, which saves a copy.

        The elements are copied all the same where somebody else holds either array, or if `keep`.
        """
        if state.listening is not None:
            return self.assign(new)
        old, array = self.value, new.value
        free = not keep and getrefcount(old) <= SINGLE and getrefcount(array) <= SINGLE
        alike = (
            array.dtype == old.dtype and array.strides == old.strides and array.shape == old.shape
        )
        if not (free and alike and array.flags.owndata and old.flags.owndata):
            return self.assign(new)
        if state.grad and self.requires_grad:
            return self.assign(new)
        self.value = array
        note_write(self)
        return self

    def _replace(self, new: Any) -> Any:
        """Write a tensor of this shape and dtype kind that was computed from this one."""
        if new.shape != self.shape:
            raise RuntimeError(
                f"an in-place result of shape {list(new.shape)} does not fit into {self.type_}"
            )
        if not np.can_cast(new.dtype, self.dtype, "same_kind"):
            raise RuntimeError(f"an in-place result of {new.type_} does not fit into {self.type_}")
        return self.assign(new)

    def __setitem__(self, key, value):
        if state.listening is not None:
            self.assign(value, tuple(parts(key, self)))
            return
        listed = entries(key, self)
        self._refuse_write(value)
        integers = any(isinstance(k, int) and k is not False for k in listed)
        if integers and any(isinstance(k, Node) for k in listed):
            self._written_beside_integers(listed, value)
        else:
            self.assign(value, numpy_key(listed, self))

    def _written_beside_integers(self, listed: list[Any], value: Any) -> None:
        """Read the integers first: NumPy would move axes to the front for them."""
        with no_grad():
            view, arrays = self._basic(listed)
        key = [slice(None)] * len(view.shape)
        for axis, k in arrays.items():
            key[axis] = k
        view.assign(value, numpy_key(key, view))

    _basic: Any

    def __iadd__(self, other):
        return self._rebound(self + other)

    def __isub__(self, other):
        return self._rebound(self - other)

    def __imul__(self, other):
        return self._rebound(self * other)

    def __itruediv__(self, other):
        return self._rebound(self / other)

    def __ifloordiv__(self, other):
        return self._rebound(self // other)

    def __imod__(self, other):
        return self._rebound(self % other)

    def __ipow__(self, other):
        return self._rebound(self**other)

    def __iand__(self, other):
        return self._rebound(self & other)

    def __ior__(self, other):
        return self._rebound(self | other)

    def __ixor__(self, other):
        return self._rebound(self ^ other)

    def _rebound(self, new):
        """`x += y`: a leaf is written in place, a computed tensor becomes the new one."""
        return new if self._computed() else self._replace(new)

    def copy_(self, src, non_blocking=False):
        """Write the elements of `src`, broadcast and converted."""
        if not isinstance(src, Node):
            if state.listening is not None:
                state.listening.given(src)
            src = self.lift(np.asarray(src))
        if broadcast_shapes(self.shape, src.shape) != self.shape:
            raise RuntimeError(f"{src.type_} cannot be copied into {self.type_}")
        return self.assign(src)

    def fill_(self, value):
        """Write one number everywhere."""
        if isinstance(value, Node) and value.shape:
            raise ShapeError(f"fill_ writes one number and got {value.type_}; write copy_(tensor)")
        return self.assign(value)

    def zero_(self):
        """Write 0 everywhere."""
        return self.assign(0)

    def requires_grad_(self, requires_grad=True):
        """Set `requires_grad` of a leaf."""
        self.set_requires_grad(requires_grad)
        return self

    set_requires_grad: Any


def in_place(name: str) -> Any:
    """The method `name` followed by a write of its result."""

    def method(self, *args, **kwargs):
        if self._computed():
            raise RuntimeError(
                f"{_named(self)} was computed by {self.operation.name}, and computed values do not "
                f"change: write x = x.{name}(...) in place of x.{name}_(...)"
            )
        return self._replace(getattr(self, name)(*args, **kwargs))

    method.__name__ = method.__qualname__ = f"{name}_"
    method.__doc__ = f"`{name}`, written into this leaf."
    return method


def _fitting(array, shape):
    """`array` without the first axes of length 1 that NumPy would not leave out by itself."""
    spare = array.ndim - len(shape)
    if spare > 0 and array.shape[:spare] == (1,) * spare and array.shape[spare:] == shape:
        return array.reshape(shape)
    raise ShapeError(f"{list(array.shape)} does not fit into {list(shape)}")


def _named(x):
    return f"{x.name}: {x.type_}" if x.name else str(x.type_)
