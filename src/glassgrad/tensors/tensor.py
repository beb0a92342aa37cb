"""Tensor: a node of the computation graph, with all its methods.

The methods stand in files by family; here are how a node is made, and how gradients reach leaves.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache
from operator import attrgetter
from typing import Any

import numpy as np

from ..gradient import ancestors, gradients
from ..operations.record import Operation
from ..types import ShapeError, Type, is_real, supported
from . import state as modes
from .conversion import Conversion
from .device import checked_device
from .inplace_methods import InPlaceMethods
from .methods import Methods
from .node import Node
from .origin import remember
from .printing import text
from .state import state, tick

ndarray, asarray, new = np.ndarray, np.asarray, object.__new__
value_of = attrgetter("value")


class Tensor(Methods, InPlaceMethods, Conversion, Node):
    """A typed value and how it came about.

    As PyTorch's old constructor `Tensor(2, 3)` are zeros of that shape, and `Tensor(data)` has the
    data of a list or array in the default dtype.  `gg.tensor(data)` keeps integers integers;
    `gg.from_numpy(array)` shares memory.
    """

    def __init__(self, *data: Any, device: Any = None) -> None:
        if device is not None:
            checked_device(device)
        self.value = _old(data)
        noted(self, data)

    # ---- nodes are made here

    @staticmethod
    def apply(operation: Operation, *inputs: Any, **parameters: Any) -> Any:
        """The node `operation(*inputs)`: recorded while a trace listens, else computed now."""
        if state.listening is not None:
            return state.listening.record(operation, inputs, parameters)
        try:
            value = operation.meaning(np, *map(value_of, inputs), **parameters)
        except Exception as error:
            raise explained(error, operation, inputs, parameters) from None
        y = new(Tensor)
        y.value = value if value.__class__ is ndarray else asarray(value)
        if operation.shares:
            y.base = inputs[0] if inputs[0].base is None else inputs[0].base
        if state.grad:
            if value.dtype.kind == "f":
                for x in inputs:
                    if x.requires_grad:
                        y.operation, y.inputs, y.parameters = operation, inputs, parameters
                        y.requires_grad, y.serial = True, tick()
                        return y
            if operation.remembered:
                remember(y, operation, inputs, parameters)
        return y

    @staticmethod
    def lift(value: Any) -> Any:
        """A leaf that holds an array, without a copy."""
        y = new(Tensor)
        y.value = asarray(value)
        if state.listening is not None:
            state.listening.made(y)
        return y

    @staticmethod
    def constant(number: Any, dtype: np.dtype) -> Any:
        """The leaf [] that stands for a Python number; common ones are made once."""
        return _constant(number, dtype) if number else _new_constant(number, dtype)

    def new_full(self, size, fill_value, *, dtype=None, device=None, requires_grad=False):
        """A leaf of this dtype, filled with one number."""
        size = (size,) if isinstance(size, int) else tuple(size)
        made = self.lift(np.full(size, fill_value, supported(dtype) if dtype else self.dtype))
        return made.requires_grad_(requires_grad)

    def new_zeros(self, *size, dtype=None, device=None, requires_grad=False):
        """A leaf of this dtype, filled with zeros."""
        size = size if len(size) != 1 else size[0]
        return self.new_full(size, 0, dtype=dtype, requires_grad=requires_grad)

    def new_ones(self, *size, dtype=None, device=None, requires_grad=False):
        """A leaf of this dtype, filled with ones."""
        size = size if len(size) != 1 else size[0]
        return self.new_full(size, 1, dtype=dtype, requires_grad=requires_grad)

    def new_empty(self, *size, dtype=None, device=None, requires_grad=False):
        """A leaf of this dtype, filled with zeros: nothing is left undefined."""
        return self.new_zeros(*size, dtype=dtype, requires_grad=requires_grad)

    def new_tensor(self, data, *, dtype=None, device=None, requires_grad=False):
        """A leaf of this dtype with a copy of `data`."""
        if state.listening is not None:
            state.listening.given(data)
        array = np.array(data, supported(dtype) if dtype else self.dtype)
        return self.lift(array).requires_grad_(requires_grad)

    # ---- gradients

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was made by a user rather than computed under recording."""
        return self.operation is None or not self.requires_grad

    @property
    def grad(self) -> Any:
        """The gradients that `backward()` has brought to this leaf, summed; None before."""
        if state.listening is not None:
            return state.listening.grad_of(self)
        if self._grad is None and self.operation is not None and not self.retains_grad:
            warnings.warn(
                f"the grad of a computed tensor is not kept, and {self.type_} was computed by "
                f"{self.operation.name}: call retain_grad() on it before backward()",
                stacklevel=2,
            )
        return self._grad

    @grad.setter
    def grad(self, gradient: Any) -> None:
        if gradient is not None:
            if not isinstance(gradient, Node):
                kind = type(gradient).__name__
                raise TypeError(f"a gradient is a tensor or None, not a {kind}")
            if gradient.shape != self.shape or gradient.dtype != self.dtype:
                raise ShapeError(f"the gradient of {self.type_} is none of {gradient.type_}")
        if state.listening is not None:
            state.listening.note_grad(self)
        modes.Clock.gradients += 1
        self._grad = gradient

    @property
    def grad_fn(self) -> Operation | None:
        """The operation that computed the tensor."""
        return self.operation

    @property
    def data(self) -> Any:
        """The same memory without history; assigning to it replaces the values."""
        return self.detach()

    @data.setter
    def data(self, new_value: Any) -> None:
        if state.listening is not None:
            state.listening.write(self, new_value, ...)
            return
        self.value = new_value.value if isinstance(new_value, Node) else asarray(new_value)
        modes.note_write(self)

    def set_requires_grad(self, requires_grad: bool) -> None:
        """Set `requires_grad` of a leaf of real numbers."""
        if requires_grad and not is_real(self.dtype):
            raise RuntimeError(
                f"only real numbers have gradients, and this is {self.type_}; convert by .float()"
            )
        if not requires_grad and self.operation is not None and self.requires_grad:
            raise RuntimeError("a computed tensor stops requiring a gradient by x.detach()")
        if self.requires_grad != bool(requires_grad):
            modes.Clock.structure += 1
            if state.listening is not None:
                state.listening.switch(self, bool(requires_grad))
        self.requires_grad = bool(requires_grad)

    def retain_grad(self) -> None:
        """Keep the gradient of a computed tensor in its `grad` too."""
        if not self.requires_grad:
            raise RuntimeError("retain_grad() of a tensor that does not require a gradient")
        self.retains_grad = True

    def register_hook(self, hook: Callable) -> Any:
        """Call `hook(gradient)` when the gradient is known; what it returns replaces it."""
        if not self.requires_grad:
            raise RuntimeError(
                "a hook on a tensor that does not require a gradient would never be called"
            )
        self.hooks = {} if self.hooks is None else self.hooks
        return Handle(self.hooks, hook)

    def backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None) -> None:
        """Add d self / d leaf to the `grad` of every leaf that requires one.

        Without `gradient` the tensor must be one number; if an `InitialNode` stands behind it, the
        seed is ones of any shape, and computed nodes keep their `grad` too (lecture H).
        """
        initial = InitialNode.exists and any(x.initial for x in ancestors([self]))
        seed = self._seed(gradient, initial)
        listed = None if inputs is None else {inputs} if isinstance(inputs, Node) else set(inputs)
        if state.listening is not None:
            state.listening.backward(self, seed, listed, create_graph)
            return
        modes.Clock.gradients += 1
        walk = Walk(initial, bool(retain_graph or create_graph or initial))
        found = walk.run({self: seed}, create_graph, listed or ())
        given: set[int] = set() if gradient is None else {id(gradient.value)}
        for leaf, g in found.items():
            if leaf.operation is None if listed is None else leaf in listed:
                leaf.receive(
                    g if leaf.operation is not None else hooked(leaf, g), given, create_graph
                )

    def _seed(self, gradient: Any, initial: bool) -> Any:
        if not self.requires_grad:
            raise RuntimeError(
                "backward() of a tensor that does not depend on a leaf with requires_grad=True; "
                "what a compiled step returns has no history: call backward() inside the step"
            )
        if gradient is None:
            if self.value.size != 1 and not initial:
                raise RuntimeError(
                    "backward() without an argument needs a tensor of one number and got "
                    f"{self.type_}; call .mean() or .sum() first, or give the gradient: "
                    "backward(gradient)"
                )
            if state.listening is not None:
                return self.new_ones(self.shape) if self.shape else self.constant(1, self.dtype)
            return self.lift(np.ones(self.shape, self.dtype))
        gradient = (
            gradient if isinstance(gradient, Node) else self.lift(asarray(gradient, self.dtype))
        )
        if gradient.shape != self.shape:
            raise ShapeError(
                f"the gradient of {self.type_} has the same shape, not {gradient.type_}"
            )
        return gradient

    def receive(self, g: Any, given: set[int], keep_graph: bool) -> None:
        """Add a gradient to `grad`; an array that somebody else holds is copied first."""
        if self._grad is not None:
            self._grad = self._grad + g if keep_graph else self._grad.detach() + g
            return
        if not keep_graph and (
            id(g.value) in given or not g.value.flags.owndata or g.base is not None
        ):
            g = g.lift(g.value.copy())
        given.add(id(g.value))
        self._grad = g

    def __repr__(self) -> str:
        return text(self)

    def __str__(self) -> str:
        if state.listening is not None:
            state.listening.refuse(self)
        return text(self)


def _new_constant(number: Any, dtype: np.dtype) -> Tensor:
    y = new(Tensor)
    try:
        y.value, y.number = np.array(number, dtype), number
    except OverflowError:
        raise OverflowError(
            f"{number} is no {dtype}: make the tensor wider first, by x.int() or x.long()"
        ) from None
    return y


_constant = lru_cache(maxsize=1024, typed=True)(
    _new_constant
)  # not for 0.0 and -0.0, which are equal


def held(data: Any) -> np.ndarray:
    """The array of a tensor, an array itself, or numbers in the default dtype."""
    if isinstance(data, Node):
        return data.value
    try:
        array = asarray(data)
    except ValueError:
        raise ValueError("a tensor cannot be made of rows of unequal length") from None
    if not isinstance(data, (ndarray, np.generic)) and array.dtype == np.float64:
        array = array.astype(modes.default_dtype)
    return asarray(array, supported(array.dtype))


def noted(leaf: Any, data: tuple = ()) -> None:
    """Tell whoever listens that a leaf has been made of a user's data."""
    if state.listening is not None:
        for each in data:
            if not isinstance(each, Node):
                state.listening.given(each)
        state.listening.made(leaf)


def _old(data: tuple) -> np.ndarray:
    """What the old constructor makes of sizes, or of one piece of data."""
    if all(isinstance(n, (int, np.integer)) for n in data):
        return np.zeros(data or 0, modes.default_dtype)
    if len(data) == 1 and isinstance(data[0], Node):
        return data[0].value
    if len(data) != 1 or isinstance(data[0], float):
        raise TypeError(
            "Tensor(...) takes sizes, or one list or array; a number becomes a tensor by "
            "gg.tensor(number)"
        )
    return np.array(held(data[0]), modes.default_dtype, order="C")


class InitialNode(Tensor):
    """A leaf that requires a gradient and keeps its dtype (lecture H).

    Nodes computed from it keep their `value` and, after `backward()`, their `grad`.
    """

    exists = False
    initial = True

    def __init__(self, value: Any, name: str | None = None) -> None:
        array = value.value if isinstance(value, Node) else asarray(value)
        array = array if is_real(array.dtype) else array.astype(np.float64)
        self.value = asarray(array, supported(array.dtype))
        self.requires_grad = True
        if name is not None:
            self.name = name
        InitialNode.exists = True
        noted(self, (value,))


class Handle:
    """What `register_hook` returns: `remove()`, or leaving a `with`, takes the hook back."""

    number = 0

    def __init__(self, hooks: dict, hook: Callable) -> None:
        Handle.number += 1
        modes.Clock.structure += 1
        self.hooks, self.id = hooks, Handle.number
        hooks[self.id] = hook

    def remove(self) -> None:
        """The hook is not called any more."""
        modes.Clock.structure += 1
        self.hooks.pop(self.id, None)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *error: Any) -> None:
        self.remove()


class Unreadable(Tensor):
    """Stands for an input whose value a gradient rule may not read any more, and says why."""

    def __init__(self, x: Any, reason: str) -> None:
        self.like, self.reason, self.requires_grad = x, reason, x.requires_grad

    shape = property(lambda self: self.like.shape)
    dtype = property(lambda self: self.like.dtype)

    @property
    def value(self):
        raise RuntimeError(self.reason)


class Walk:
    """One backward pass: what is kept, and what may not be read."""

    def __init__(self, initial: bool = False, retain: bool = False) -> None:
        self.initial, self.retain = initial, retain

    def run(self, seeds: dict, create_graph: bool, wanted: Any = ()) -> dict:
        """{leaf or wanted node: gradient}; recorded only if the graph of the gradient is wanted."""
        before, state.grad = state.grad, bool(create_graph)
        try:
            return gradients(seeds, wanted, self.enter)
        finally:
            state.grad = before

    def enter(self, y: Any, g: Any) -> tuple[Any, Any, tuple]:
        """Hooks, `grad` where it is kept, a guard for what is spent or was written since."""
        if y.hooks:
            g = hooked(y, g)
        if self.initial or y.retains_grad:
            y._grad = g
        if y.spent:
            held = tuple(x if x.number is not None else Unreadable(x, SPENT) for x in y.inputs)
            return g, Unreadable(y, SPENT), held
        if not self.retain:
            y.spent = True
        if modes.Clock.last_write > y.serial and state.listening is None:
            return g, changed(y, y.serial), tuple(changed(x, y.serial) for x in y.inputs)
        return g, y, y.inputs


SPENT = (
    "backward() goes through this graph a second time; keep what it needs by "
    "backward(retain_graph=True) the first time, or compute the output anew"
)


def changed(x: Any, serial: int) -> Any:
    """`x`, or a guard if its memory was written after node number `serial` was made."""
    root = x if x.base is None else x.base
    if root.written <= serial and not any(step.now > serial for step in root.writers):
        return x
    return Unreadable(
        x,
        f"{root.name or 'a tensor'}: {root.type_} was changed in place after it was used, and the "
        "gradient needs its old value; call backward() first, or write into x.clone()",
    )


def hooked(x: Any, g: Any) -> Any:
    """`g` after the hooks of `x`."""
    for hook in list((x.hooks or {}).values()):
        replaced = hook(g)
        g = g if replaced is None else replaced
    return g


def explained(error: Exception, operation: Operation, inputs: tuple, parameters: dict) -> Exception:
    """What NumPy said, as the type rule says it: with names and shapes."""
    if isinstance(error, ShapeError):
        return error
    types = [Type(x.shape, x.dtype) for x in inputs]
    try:
        operation.infer(*types, **parameters)
    except ShapeError as better:
        return better
    except Exception:
        return error
    return error
