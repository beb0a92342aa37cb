"""Functions that make leaves: from data, filled with numbers, or as sequences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..types import SHORT, is_real, supported
from . import state as modes
from .device import checked_device
from .node import Node
from .tensor import Tensor


def tensor(data, *, dtype=None, device=None, requires_grad=False) -> Tensor:
    """A leaf with a copy of `data`: a number, nested lists, an array, a tensor.

    Python floats become the default dtype, integers int64; arrays keep their dtype.
    """
    _tell(data)
    if modes.state.listening is not None and isinstance(data, Node):
        return _traced(data, dtype, device, requires_grad)
    array = _array(data, dtype)
    return _leaf(np.array(array, order="C"), device, requires_grad)


def as_tensor(data, dtype=None, device=None) -> Tensor:
    """`data` as a tensor, without a copy where memory can be shared."""
    if device is not None:
        checked_device(device)
    if isinstance(data, Node):
        return data.to(dtype or data.dtype)  # type: ignore[attr-defined]
    _tell(data)
    return Tensor.lift(_array(data, dtype))


def asarray(obj, *, dtype=None, device=None, copy=None, requires_grad=False) -> Tensor:
    """`obj` as a leaf: with copy=None shared where it can be, True a copy, False never a copy."""
    _tell(obj)
    if modes.state.listening is not None and isinstance(obj, Node):
        return _traced(obj, dtype, device, bool(requires_grad))
    array = _array(obj, dtype)
    if copy is False and not np.may_share_memory(array, np.asarray(obj)):
        raise ValueError(f"asarray: {type(obj).__name__} cannot become a tensor without a copy")
    return _leaf(np.array(array) if copy else array, device, bool(requires_grad))


def frombuffer(buffer, *, dtype, count=-1, offset=0, requires_grad=False) -> Tensor:
    """A leaf on the memory of a buffer: `count` elements after `offset` bytes."""
    _tell(buffer)
    array = np.frombuffer(buffer, supported(dtype), count, offset)
    return _leaf(array, None, requires_grad)


def from_numpy(ndarray) -> Tensor:
    """A leaf that shares the array's memory and keeps its dtype."""
    if modes.state.listening is not None and isinstance(ndarray, Node):
        return coerced(ndarray)  # an array that is an argument of a compiled step
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"from_numpy takes a NumPy array, not a {type(ndarray).__name__}")
    _tell(ndarray)
    return Tensor.lift(np.asarray(ndarray, supported(ndarray.dtype)))


def from_dlpack(ext_tensor) -> Tensor:
    """A leaf that shares memory with another library's array, by the DLPack protocol."""
    return from_numpy(np.from_dlpack(ext_tensor))


def coerced(value: Any) -> Any:
    """`value` as a tensor: the first argument of every function."""
    return value if isinstance(value, Node) else as_tensor(value)


def full(size, fill_value, *, dtype=None, device=None, requires_grad=False) -> Tensor:
    """Every element is `fill_value`."""
    wanted = _array(fill_value, dtype).dtype
    return _leaf(np.full(_size((size,)), fill_value, wanted), device, requires_grad)


def zeros(*size, dtype=None, device=None, requires_grad=False) -> Tensor:
    """Every element is 0: `zeros(2, 3)` or `zeros((2, 3))`."""
    return _leaf(np.zeros(_size(size), _dtype(dtype)), device, requires_grad)


def ones(*size, dtype=None, device=None, requires_grad=False) -> Tensor:
    """Every element is 1."""
    return _leaf(np.ones(_size(size), _dtype(dtype)), device, requires_grad)


def empty(*size, dtype=None, device=None, requires_grad=False) -> Tensor:
    """Zeros: nothing is left undefined here."""
    return zeros(*size, dtype=dtype, device=device, requires_grad=requires_grad)


def full_like(input, fill_value, *, dtype=None, device=None, requires_grad=False) -> Tensor:
    """`full` with the shape and dtype of another."""
    return full(
        input.shape,
        fill_value,
        dtype=dtype or input.dtype,
        device=device,
        requires_grad=requires_grad,
    )


def zeros_like(input, *, dtype=None, device=None, requires_grad=False) -> Tensor:
    """`zeros` with the shape and dtype of another."""
    return full_like(input, 0, dtype=dtype, device=device, requires_grad=requires_grad)


def ones_like(input, *, dtype=None, device=None, requires_grad=False) -> Tensor:
    """`ones` with the shape and dtype of another."""
    return full_like(input, 1, dtype=dtype, device=device, requires_grad=requires_grad)


def empty_like(input, *, dtype=None, device=None, requires_grad=False) -> Tensor:
    """Zeros with the shape and dtype of another."""
    return zeros_like(input, dtype=dtype, device=device, requires_grad=requires_grad)


def arange(start, end=None, step=1, *, dtype=None, device=None, requires_grad=False) -> Tensor:
    """start, start + step, ... up to but without `end`."""
    start, end = (0, start) if end is None else (start, end)
    numbers = [
        v.item() if isinstance(v, Node) else v  # type: ignore[attr-defined]
        for v in (start, end, step)
    ]
    if numbers[2] == 0:
        raise RuntimeError("arange: step is 0")
    if (numbers[1] - numbers[0]) * numbers[2] < 0:
        raise RuntimeError(f"arange from {start} never reaches {end} in steps of {step}")
    if dtype is None:
        dtype = modes.default_dtype if any(isinstance(v, float) for v in numbers) else np.int64
    return _leaf(np.arange(*numbers).astype(supported(dtype)), device, requires_grad)


def linspace(start, end, steps, *, dtype=None, device=None, requires_grad=False) -> Tensor:
    """`steps` numbers from `start` to `end`, both included, at equal distances."""
    _refuse_negative("linspace", steps)
    array = np.linspace(float(start), float(end), steps)
    return _leaf(array.astype(_dtype(dtype)), device, requires_grad)


def logspace(
    start, end, steps, base=10.0, *, dtype=None, device=None, requires_grad=False
) -> Tensor:
    """base^start to base^end, `steps` numbers in equal ratios."""
    _refuse_negative("logspace", steps)
    array = np.logspace(float(start), float(end), steps, base=base)
    return _leaf(array.astype(_dtype(dtype)), device, requires_grad)


def _refuse_negative(what: str, steps: int) -> None:
    if steps < 0:
        raise RuntimeError(f"{what} makes no fewer than 0 numbers; steps is {steps}")


def eye(n, m=None, *, dtype=None, device=None, requires_grad=False) -> Tensor:
    """Ones on the diagonal, zeros elsewhere."""
    rows, columns = _size((n, n if m is None else m))
    return _leaf(np.eye(rows, columns, dtype=_dtype(dtype)), device, requires_grad)


# ---- shared


def _tell(data: Any) -> None:
    """A user's numbers become a tensor: whoever listens may refuse it."""
    if modes.state.listening is not None:
        modes.state.listening.given(data)


def _size(size: Iterable[Any]) -> tuple[int, ...]:
    """Sizes given one by one or as one sequence."""
    listed = tuple(size)
    if len(listed) == 1 and hasattr(listed[0], "__iter__") and getattr(listed[0], "ndim", True):
        listed = tuple(listed[0])
    for n in listed:
        if isinstance(n, bool) or not hasattr(n, "__index__"):
            raise TypeError(f"a shape is made of integers, and {n!r} is none")
    if any(n < 0 for n in listed):
        raise RuntimeError(f"a tensor cannot have the shape {list(listed)}: lengths are at least 0")
    sizes = tuple(map(int, listed))
    if modes.state.room is not None:
        _take_room(math.prod(sizes), modes.state.room)
    return sizes


@contextmanager
def limited(elements: int) -> Iterator[None]:
    """Inside, leaves of more elements in all are a MemoryError: their sizes come from a file."""
    before, modes.state.room = modes.state.room, elements
    try:
        yield
    finally:
        modes.state.room = before


def _take_room(elements: int, room: int) -> None:
    modes.state.room = room - elements
    if elements > room:
        raise MemoryError(f"a tensor of {elements:,} elements is more than there is room for")


def _dtype(dtype: Any) -> np.dtype:
    return modes.default_dtype if dtype is None else supported(dtype)


def _array(data: Any, dtype: Any) -> np.ndarray:
    """`data` as an array; lists of tensors are stacked, Python floats take the default dtype."""
    if isinstance(data, Node):
        data = data.known()  # type: ignore[attr-defined]
    own = isinstance(data, (np.ndarray, np.generic)) or hasattr(data, "__array__")
    if not own and _holds_tensors(data):
        data = [_array(d, None) for d in data]
    try:
        array = np.asarray(data)
    except ValueError:
        raise ValueError("a tensor cannot be made of rows of unequal length") from None
    if array.dtype not in SHORT and array.dtype.kind not in "fiub":
        raise TypeError(
            f"a tensor cannot be made of {type(data).__name__} with elements {array.dtype}: "
            "numbers and truth values only, in rows of equal length"
        )
    if dtype is None:
        dtype = array.dtype if own or not is_real(array.dtype) else modes.default_dtype
        dtype = modes.default_dtype if not own and not array.size else dtype
    return np.asarray(array, supported(dtype))


def _holds_tensors(data: Any) -> bool:
    return isinstance(data, (list, tuple)) and any(
        isinstance(d, Node) or _holds_tensors(d) for d in data
    )


def _traced(data: Any, dtype: Any, device: Any, requires_grad: bool) -> Any:
    """A copy of a traced tensor without history."""
    if device is not None:
        checked_device(device)
    return data.detach().to(dtype or data.dtype, copy=True).requires_grad_(requires_grad)


def _leaf(array: np.ndarray, device: Any, requires_grad: bool) -> Tensor:
    if device is not None:
        checked_device(device)
    made = Tensor.lift(array)
    if requires_grad:
        made.set_requires_grad(True)
    return made
