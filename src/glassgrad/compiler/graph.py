"""The graph of a step: nodes without values, and what of them a step takes, gives and changes.

The same `Tensor` nodes serve before and after differentiation and rewriting, so one printer, one
checker and one drawer serve them all.
"""

from __future__ import annotations

import linecache
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..gradient import ancestors
from ..operations.record import Operation
from ..tensors.listening import Listener
from ..tensors.node import user_frame
from ..tensors.state import state, tick
from ..tensors.tensor import Tensor
from ..types import Shape, Type


class TraceError(RuntimeError):
    """A step asks for what is not known before it runs, or does what no compiled step can."""


class Line(NamedTuple):
    """The user's line behind a node."""

    file: str
    number: int

    def __str__(self) -> str:
        return f"{Path(self.file).name}:{self.number}"

    @property
    def text(self) -> str:
        """`train.py:14    loss = criterion(net(x), y)`."""
        return f"{self}    {linecache.getline(self.file, self.number).strip()}".rstrip()


class Unknown(Type):
    """The value of a traced node: its type is known, and nothing else.

    line   the user's line that computed it
    """

    line: Line | None = None

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise refusal(self)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise refusal(self)


def here() -> Line:
    """The user's line that is running."""
    frame = user_frame()
    return Line(frame.f_code.co_filename, frame.f_lineno)


def refusal(what: Any) -> TraceError:
    """The error for a value that is asked for and not known."""
    if state.listening is None:
        return kept(what)
    name = asked_by()
    if name is None:
        return TraceError(
            f"the value of {what} is asked for, and while a step is compiled there are no values\n"
            f"    {here().text}\n"
            "    Choose with gg.where(condition, x, y); return what you want to see from the step "
            "and look at it outside; or leave this step eager, without gg.compile."
        )
    return TraceError(
        f"{name} looks at values to know what to do, here at those of {what}, and while a step is "
        f"compiled there are none\n    {here().text}\n"
        f"    Call it outside of the step, and hand over what it gives; or leave the step eager."
    )


ASKING = ("item", "tolist", "numpy", "known", "refuse", "refusal", "text")  # for the value itself


WRAPPERS = ("call", "wrapped")  # that stand around functions


def asked_by() -> str | None:
    """The function of this package that the user called, unless it only gives the value."""
    frame: Any = sys._getframe(1)
    user, names = user_frame(), []
    while frame is not None and frame is not user:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    called = next((name for name in reversed(names) if name not in WRAPPERS), "item")
    return None if called in ASKING or called.startswith(("_", "<")) else called


def kept(what: Any) -> TraceError:
    """The error for a traced tensor that outlives its trace."""
    made = getattr(what, "line", None)
    return TraceError(
        f"{what} is a tensor that was kept from the trace of a compiled step, where it had a type "
        "and no value\n"
        + (f"    it was made here:  {made.text}\n" if made else "")
        + f"    and is used here:  {here().text}\n"
        "    Return it from the step; what one call leaves for the next stands in a tensor of its "
        "own that the step writes: kept.copy_(x)."
    )


# ---- nodes


class Blank(Tensor):
    """A node that a trace or a pass made: it has a type and no value.

    line      the user's line behind it
    backward  whether it belongs to the gradient of what stands in that line
    layer     the innermost module that computed it, or whose gradient it belongs to
    """

    line: Line | None = None
    of_gradient = False
    layer: Any = None

    def known(self) -> Any:
        """No array: an error, also when the trace is over."""
        raise refusal(self.value)

    def __bool__(self) -> bool:
        if isinstance(state.listening, Builder):
            return state.listening.truth(self)
        raise refusal(self.value)

    def __repr__(self) -> str:
        return f"traced({self.type_})"

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise refusal(self.value)

    def __deepcopy__(self, memo: Any) -> Any:
        raise refusal(self.value)


def blank(type_: Type, requires_grad: bool = False, name: str | None = None) -> Blank:
    """A leaf of a graph: an input, or what a cell is at the moment."""
    y = object.__new__(Blank)
    y.value, y.serial = Unknown(type_.shape, type_.dtype), tick()
    y.requires_grad = requires_grad
    if name is not None:
        y.name = name
    return y


def node(operation: Operation, inputs: tuple, parameters: dict[str, Any]) -> Blank:
    """The node operation(*inputs): only its type is computed."""
    y = blank(operation.infer(*(x.type_ for x in inputs), **parameters))
    y.operation, y.inputs, y.parameters = operation, inputs, parameters
    return y


class Builder(Listener):
    """Listens while a pass writes with tensors: each operation becomes a node."""

    line: Line | None = None
    of_gradient = False
    layer: Any = None

    def record(self, operation: Operation, inputs: tuple, parameters: dict[str, Any]) -> Blank:
        """The node operation(*inputs), with the line of what it is made for."""
        y = node(operation, inputs, parameters)
        y.line, y.of_gradient, y.layer = self.line, self.of_gradient, self.layer
        return y

    def write(self, leaf: Any, value: Any, key: Any) -> Any:
        """`x += y` goes on with the new node; a pass writes nothing."""
        assert key is ..., "a pass writes into a leaf"
        return value

    def refuse(self, x: Any) -> Any:
        """No value is known."""
        raise refusal(x.type_)

    def truth(self, x: Any) -> bool:
        """Nor whether it is true."""
        raise refusal(x.type_)

    def fixed(self, x: Any) -> Any:
        """Tables and numbers are known."""
        return x.value if is_constant(x) else None


@contextmanager
def building(like: Any = None) -> Iterator[Builder]:
    """Inside, operators on tensors make nodes, with the line of `like`."""
    before = state.listening, state.grad
    builder = Builder()
    if like is not None:
        builder.line, builder.of_gradient, builder.layer = like.line, like.of_gradient, like.layer
    state.listening, state.grad = builder, False
    try:
        yield builder
    finally:
        state.listening, state.grad = before


def number_of(x: Any) -> Any:
    """The Python number that every element is, also through views; None where there is none."""
    while x.operation is not None and x.operation.name in ("view", "reshape", "slice", "windows"):
        x = x.inputs[0]
    return x.number if x.operation is None else None


def is_constant(x: Any) -> bool:
    """Whether a node has a value that belongs to the program: a number, or a table."""
    return x.operation is None and isinstance(x.value, np.ndarray)


# ---- graphs


@dataclass
class Graph:
    """A step.

    inputs    what the step takes, in order
    outputs   what it returns, in order
    cells     {node: leaf}: what is read of parameters, buffers, optimizer and random state
    hypers    {node: (mapping, key, place in a tuple or None)}: numbers read at each call
    updates   {cell node: its new value}
    losses    nodes on which `backward()` was called
    checks    (node, explain): the node must be zero in all elements, else the call is refused
    names     {node: the user's name}, for inputs, cells and hyper-parameters
    layers    {module: its path}
    """

    inputs: list[Any] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    cells: dict[Any, Any] = field(default_factory=dict)
    hypers: dict[Any, tuple] = field(default_factory=dict)
    updates: dict[Any, Any] = field(default_factory=dict)
    losses: list[Any] = field(default_factory=list)
    checks: list[tuple[Any, str]] = field(default_factory=list)
    names: dict[Any, str] = field(default_factory=dict)
    layers: dict[Any, str] = field(default_factory=dict)

    @property
    def roots(self) -> list[Any]:
        """What must be computed."""
        checked = [x for x, _ in self.checks]
        return [*self.outputs, *self.updates.values(), *self.losses, *checked]

    @property
    def nodes(self) -> list[Any]:
        """All nodes behind the roots, inputs before users."""
        return ancestors(self.roots)

    @property
    def constants(self) -> list[Any]:
        """Tables that belong to the program; numbers are left out."""
        return [x for x in self.nodes if is_constant(x) and x.number is None]

    def mapped(self, change: Callable[[Any], Any]) -> Graph:
        """The graph with every root changed."""
        return replace(
            self,
            outputs=[change(x) for x in self.outputs],
            updates={cell: change(x) for cell, x in self.updates.items()},
            losses=[change(x) for x in self.losses],
            checks=[(change(x), text) for x, text in self.checks],
        )


def rebuilt(x: Any, inputs: tuple) -> Any:
    """The same operation on other inputs of the same types."""
    return x if all(a is b for a, b in zip(inputs, x.inputs)) else renewed(x, inputs)


def renewed(x: Any, inputs: tuple) -> Any:
    """A new node of the same operation and type."""
    y = blank(x.type_)
    y.operation, y.inputs, y.parameters = x.operation, inputs, x.parameters
    y.line, y.of_gradient, y.layer = x.line, x.of_gradient, x.layer
    return y


def transformed(graph: Graph, change: Callable[[Any], Any]) -> Graph:
    """Each node, its inputs changed already, replaced by what `change` makes of it."""
    new: dict[Any, Any] = {}
    for x in graph.nodes:
        again = x if x.operation is None else rebuilt(x, tuple(new[i] for i in x.inputs))
        new[x] = change(again)
    return graph.mapped(new.__getitem__)


# ---- the checker


def check(graph: Graph) -> None:
    """Every node has the type that its operation says; inputs stand before users; no leaf is new.

    Raises:
        AssertionError: It has not; the message shows the node.
    """
    known = {*graph.inputs, *graph.cells, *graph.hypers}
    for x in graph.nodes:
        if x.operation is None:
            assert x in known or is_constant(x), f"{x.type_} {x.name!r} comes from nowhere"
            continue
        types = [i.type_ for i in x.inputs]
        found = x.operation.infer(*types, **x.parameters)
        said = Type(x.shape, x.dtype)
        listed = ", ".join(map(str, types))
        assert found == said, f"{x.operation.name}({listed}) is {found} and not {said}"
        assert all(i.serial < x.serial or i.operation is None for i in x.inputs), x.operation.name
        _check_inputs(x)
    for cell, new in graph.updates.items():
        assert new.type_ == cell.type_, f"{graph.names.get(cell)}: {cell.type_} becomes {new.type_}"


def _check_inputs(x: Any) -> None:
    """Inputs of an elementwise operation have the shape of the output, or none."""
    if x.operation.kind == "elementwise":
        shapes: set[Shape] = {i.shape for i in x.inputs}
        assert shapes <= {x.shape, ()}, f"{x.operation.name} of {shapes}"


# ---- the plainest engine: node by node


def evaluated(graph: Graph, values: dict[Any, Any]) -> dict[Any, Any]:
    """{node: array}: each node computed by NumPy from those before it, as eager execution does.

    `values` has the arrays of inputs, cells and hyper-parameters.
    """
    found = dict(values)
    for x in graph.nodes:
        if x.operation is not None:
            inputs = [found[i] for i in x.inputs]
            found[x] = np.asarray(x.operation.forward(*inputs, **x.parameters))
        elif is_constant(x):
            found[x] = x.value
    return found
