"""Questions about tensors and dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import types
from . import state as modes
from .node import Node
from .tensor import Tensor


def is_tensor(obj) -> bool:
    """Whether `obj` is a tensor."""
    return isinstance(obj, Tensor)


def result_type(tensor1, tensor2) -> np.dtype:
    """The dtype in which two tensors or numbers meet."""
    operands = [x.item() if isinstance(x, np.generic) else x for x in (tensor1, tensor2)]
    tensors = [x.type_ for x in operands if isinstance(x, Node)]
    numbers = [x for x in operands if not isinstance(x, Node)]
    return types.result_type(tensors, numbers, modes.default_dtype)


def promote_types(type1, type2) -> np.dtype:
    """The smallest dtype that both convert to."""
    return types.promote(types.supported(type1), types.supported(type2))


def can_cast(from_, to) -> bool:
    """Whether conversion to `to` keeps the kind of number: integers to reals, not back."""
    kinds = types.supported(from_).kind, types.supported(to).kind
    return types.CATEGORY[kinds[0]] <= types.CATEGORY[kinds[1]]


def broadcast_shapes(*shapes) -> tuple[int, ...]:
    """The shape that all `shapes` broadcast to; a number stands for a shape of one axis."""
    return types.broadcast_shapes(*((s,) if isinstance(s, int) else s for s in shapes))


def scalar_tensor(s, *, dtype=None, device=None, requires_grad=False) -> Any:
    """A tensor [] of the default dtype."""
    made = Tensor.lift(np.array(s, types.supported(dtype or modes.default_dtype)))
    return made.requires_grad_(requires_grad)


class finfo:  # noqa: N801  (PyTorch's name)
    """The limits of a type of real numbers, as Python's: `eps`, `max`, `min`, `tiny`, `bits`."""

    def __init__(self, type: Any = None) -> None:
        dtype = types.supported(type) if type is not None else modes.default_dtype
        if not types.is_real(dtype):
            raise TypeError(f"finfo is of real numbers, and {dtype} is another type; see iinfo")
        found = np.finfo(dtype)
        self.dtype, self.bits = dtype.name, found.bits
        self.eps, self.max, self.min = float(found.eps), float(found.max), float(found.min)
        self.tiny = self.smallest_normal = float(found.tiny)
        self.resolution = 10.0**-found.precision

    def __repr__(self) -> str:
        names = "resolution", "min", "max", "eps", "smallest_normal", "tiny"
        facts = ", ".join(f"{name}={getattr(self, name):g}" for name in names)
        return f"finfo({facts}, dtype={self.dtype})"


class iinfo:  # noqa: N801  (PyTorch's name)
    """The limits of a type of integers: `max`, `min`, `bits`."""

    def __init__(self, type: Any) -> None:
        dtype = types.supported(type)
        if dtype.kind not in "iu":
            raise TypeError(f"iinfo is of integers, and {dtype} is another type; see finfo")
        found = np.iinfo(dtype)
        self.dtype, self.bits = dtype.name, found.bits
        self.max, self.min = int(found.max), int(found.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"


def typename(obj) -> str:
    """The name of a type or of an object's type; a tensor has that of its elements."""
    if isinstance(obj, Tensor):
        return obj.type()
    kind = obj if isinstance(obj, type) else type(obj)
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")


__all__ = [
    "broadcast_shapes", "can_cast", "finfo", "iinfo", "is_tensor", "promote_types", "result_type",
    "scalar_tensor", "typename",
]  # fmt: skip
