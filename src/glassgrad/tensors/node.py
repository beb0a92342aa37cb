"""What every node of the graph has, and how operands are brought to one type."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any

import numpy as np

from ..operations.elementwise import cast
from ..operations.record import Operation
from ..operations.view import view
from ..types import Shape, ShapeError, Type, broadcast_shapes, is_real, promote, result_type
from . import state as modes


class Node:
    """A typed value and how it came about; class attributes are the defaults of a plain leaf.

    value          the array; while tracing the Type alone
    operation      how the value was computed, None for a leaf
    inputs         the nodes that it was computed from
    parameters     what else the operation was told
    requires_grad  whether gradients flow to or through it
    serial         the place in the order of creation
    base           the tensor whose memory this one shares, if any
    written        when the value was last changed in place
    writers        compiled steps that change it; each has the time when it last ran
    number         the Python number that a constant stands for
    origin         of a leaf that was computed without a gradient: operation, references to its
                   inputs that keep nothing alive, parameters; for explanations
    """

    value: Any
    operation: Operation | None = None
    inputs: tuple[Any, ...] = ()
    parameters: dict[str, Any] = {}
    requires_grad = False
    serial = 0
    base: Any = None
    written = 0
    writers: tuple[Any, ...] = ()
    number: Any = None
    origin: tuple[Operation, tuple[Any, ...], dict[str, Any]] | None = None
    name: str | None = None
    _grad: Any = None
    spent = False
    hooks: Any = None
    retains_grad = False
    initial = False

    @property
    def shape(self) -> Shape:
        """The number of elements along each axis."""
        return self.value.shape

    @property
    def dtype(self) -> np.dtype:
        """The type of the elements."""
        return self.value.dtype

    @property
    def type_(self) -> Type:
        """Shape and dtype, printed `f32[64, 10]`."""
        return Type(self.value.shape, self.value.dtype)

    apply: Any  # set by Tensor: makes the node operation(*inputs)
    lift: Any  # set by Tensor: a leaf from an array or number


def lifted(operand: Any, other: Any) -> Any:
    """`operand`, a number or array that meets the tensor `other`, as a tensor."""
    kind = operand.__class__
    if (kind is float or kind is int) and other.value.dtype.kind == "f":
        return other.constant(operand, other.value.dtype)
    if isinstance(operand, np.generic):
        operand = operand.item()
    if isinstance(operand, (bool, int, float)):
        dtype = result_type([other.type_], [operand], modes.default_dtype)
        return other.constant(operand, dtype)
    if isinstance(operand, np.ndarray):
        if modes.state.listening is not None:
            modes.state.listening.given(operand)
        return other.lift(operand)
    raise TypeError(
        f"a tensor and a {type(operand).__name__} cannot be combined; "
        "make a tensor of it by gg.tensor(...)"
    )


def aligned(x: Any, y: Any) -> tuple[Any, Any]:
    """`x` and `y`, one of them a tensor, with equal types: by explicit cast and broadcast nodes."""
    if not isinstance(y, Node):
        y = lifted(y, x)
    elif not isinstance(x, Node):
        x = lifted(x, y)
    a, b = x.value, y.value
    if a.dtype is not b.dtype:
        x, y = common_dtype(x, y)
    if a.shape != b.shape and x.number is None and y.number is None:
        x, y = common_shape(x, y)
    return x, y


def common_dtype(*nodes: Any) -> tuple[Any, ...]:
    """Nodes cast to the dtype that they meet in."""
    dtype = result_type([x.type_ for x in nodes if x.number is None] or [nodes[0].type_])
    for x in nodes:
        if x.number is not None and not _holds(dtype, x):
            dtype = promote(dtype, x.dtype)
    return tuple(converted(x, dtype) for x in nodes)


def _holds(dtype: np.dtype, constant: Any) -> bool:
    return result_type([Type((1,), dtype)], [constant.number]) == dtype


def converted(x: Any, dtype: np.dtype) -> Any:
    """`x` with elements of type `dtype`; a constant is made anew."""
    if x.dtype == dtype:
        return x
    if x.number is not None:
        return x.constant(x.number, dtype)
    return x.apply(cast, x, dtype=dtype)


def common_shape(*nodes: Any) -> tuple[Any, ...]:
    """Nodes broadcast to one shape by explicit views.

    Eager, an operand that needs no gradient is left as it is: NumPy broadcasts it.
    """
    shape = joint_shape(*[x.value.shape for x in nodes])
    lean = modes.state.listening is None
    recording = modes.state.grad
    return tuple(
        [
            x
            if x.value.shape == shape or (lean and not (recording and x.requires_grad))
            else broadcast(x, shape)
            for x in nodes
        ]
    )


joint_shape = lru_cache(maxsize=4096)(broadcast_shapes)  # a training step meets the same few shapes


def broadcast(x: Any, shape: Shape) -> Any:
    """`x` repeated to `shape` by one view; a number [] without a gradient stays as it is."""
    own = x.value.shape
    if own == shape or (not own and not x.requires_grad):
        return x
    return repeated(x, shape)


def repeated(x: Any, shape: Shape) -> Any:
    """`x` seen under `shape`, which it broadcasts to."""
    return x.apply(view, x, shape=shape, axes=_places(x.value.shape, shape))


@lru_cache(maxsize=4096)
def _places(own: Shape, shape: Shape) -> tuple[int | None, ...]:
    """For each axis of `own` the axis of `shape` that it becomes; None where 1 is repeated."""
    lead = len(shape) - len(own)
    axes = tuple(
        lead + i if lead >= 0 and n == shape[lead + i] else None for i, n in enumerate(own)
    )
    if lead < 0 or any(a is None and n != 1 for a, n in zip(axes, own)):
        raise ShapeError(f"the shape {list(own)} does not broadcast to {list(shape)}")
    return axes


def real(x: Any) -> Any:
    """`x` with real elements: integers and truth values become the default dtype."""
    return x if is_real(x.value.dtype) else converted(x, modes.default_dtype)


def user_frame() -> Any:
    """The innermost frame outside this package."""
    package = __name__.split(".")[0]
    frame = sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").split(".")[0] == package:
        frame = frame.f_back
    return frame
