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


def typename(obj) -> str:
    """The name of a type or of an object's type; a tensor has that of its elements."""
    if isinstance(obj, Tensor):
        return obj.type()
    kind = obj if isinstance(obj, type) else type(obj)
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")


__all__ = [
    "broadcast_shapes", "can_cast", "is_tensor", "promote_types", "result_type", "scalar_tensor",
    "typename",
]  # fmt: skip
