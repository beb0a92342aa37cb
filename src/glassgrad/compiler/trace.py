"""Run a step once with tensors that have types and no values; what it does is its graph.

Which node a tensor stands for is in `versions`, and how gradients are written in `reverse`; here is
what is asked beside: values, modules, optimizers, hyper-parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..operations.record import Operation
from ..tensors.listening import unheard
from ..tensors.state import state
from ..tensors.tensor import Tensor
from ..types import is_real
from .graph import Blank, Graph, Line, TraceError, blank, here, is_constant, node, refusal
from .hyper import Hyper, hyper, question
from .reverse import Reverse
from .structure import Structure
from .versions import resolved


class Trace(Reverse):
    """What a step reads and writes while it runs without values.

    asked       {node: (question, answer)}: what must be answered alike at each call
    demands     (what is checked, error) for each of the graph's checks
    optimizers  those that update parameters
    groups      {id: (group, {key: what is part of the program})}
    numbers     {name: node of a hyper-parameter}
    undo        what puts things outside back as they were
    once        whether what was traced happens at this call only
    assumed     what the step takes for granted, and its checks look at
    doubted     what it may not take for granted any more
    versioned   the graph at the end, with the nodes that only stand for others
    """

    def __init__(self, structure: Structure, doubted: Iterable[str] = ()) -> None:
        super().__init__()
        self.structure, self.doubted = structure, doubted
        self.assumed: set[str] = set()
        self.asked: dict[Any, tuple[Callable[[], bool], bool]] = {}
        self.demands: list[tuple[Any, type[Exception]]] = []
        self.optimizers: dict[Any, None] = {}
        self.groups: dict[int, tuple[Any, dict]] = {}
        self.numbers: dict[tuple, Hyper] = {}
        self.undo: list[Callable] = []
        self.once = False

    def input(self, x: Any) -> Any:
        """The node that stands for an argument of the step."""
        y = blank(x.type_, False, x.name)
        self.graph.inputs.append(y)
        self.now[y], self.leaf_of[y], self.given_as[x] = y, y, y
        return y

    # ---- what `Tensor.apply` asks

    def record(self, operation: Operation, inputs: tuple, parameters: dict[str, Any]) -> Any:
        """The node operation(*inputs)."""
        read = tuple([self.read(x) for x in inputs])
        y = node(operation, read, parameters)
        y.line, y.of_gradient = self.place()
        y.value.line = y.line
        if state.grad and is_real(y.dtype):
            y.requires_grad = any(x.requires_grad for x in read)
        if operation.shares:
            y.base = inputs[0]
            while y.base.base is not None:
                y.base = y.base.base
        if getattr(operation, "transparent", False):
            self.meaning[y] = read[0]
        return y

    def place(self) -> tuple[Line, bool]:
        """The user's line, and whether a gradient is being written."""
        if self.source is not None and self.source.line is not None:
            return self.source.line, True
        return here(), self.source is not None

    # ---- values

    def made(self, leaf: Any) -> None:
        """A leaf that the step makes: its value is part of the program."""
        if not isinstance(leaf.value, np.ndarray):
            raise TraceError(
                f"a {type(leaf).__name__} is made of a traced tensor in a compiled step\n"
                f"    {here().text}\n    Write x.detach().clone(), and make parameters and layers "
                "outside of the step."
            )
        self.own.add(leaf)

    def fixed(self, x: Any) -> Any:
        """The array of a table that the step made, or of a number; None for all others."""
        known = x.number is not None or (x in self.own and x not in self.now)
        return x.value if known and is_constant(x) else None

    def refuse(self, x: Any) -> Any:
        """Nobody knows the value; of what the step itself made, everybody does."""
        found = self.fixed(x)
        if found is None:
            raise refusal(f"{x.name}: {x.type_}" if x.name else x.type_)
        return found

    def truth(self, x: Any) -> bool:
        """What is true of hyper-parameters is asked again at each call."""
        if x not in self.asked:
            ask = question(self.read(x)) if math.prod(x.shape) == 1 else None
            if ask is None:
                raise refusal(f"{x.name}: {x.type_}" if x.name else x.type_)
            self.asked[x] = ask, ask()
        return self.asked[x][1]

    def given(self, array: Any) -> None:
        """Numbers are part of the program; arrays and lists would stay the same for ever."""
        plain = (Tensor, bool, int, float, np.generic)
        if isinstance(array, plain) or (np.ndim(array) == 0 and not isinstance(array, np.ndarray)):
            return
        raise TraceError(
            "a tensor is made of an array or list in a compiled step, where it would stay the "
            f"same for ever\n    {here().text}\n"
            "    Make it outside of the step, or hand it to the step as an argument."
        )

    def impossible(self, what: str, instead: str) -> None:
        """What no compiled step can do."""
        raise TraceError(f"{what} in a compiled step\n    {here().text}\n    {instead}")

    def assumes(self, what: str) -> bool:
        """Take it for granted, unless it has turned out otherwise: the step is traced anew then."""
        if what in self.doubted:
            return False
        self.assumed.add(what)
        return True

    def demand(self, bad: Any, text: str, x: Any, error: type[Exception]) -> None:
        """The step looks before it writes anything."""
        self.graph.checks.append((self.read(bad), text))
        self.demands.append((self.read(x), error))

    # ---- modules and optimizers

    def called(self, module: Any) -> None:
        """The step calls a module: what its attributes are decides what it does."""
        if module not in self.structure.parts:
            self.structure.add(module)

    def stepping(self, optimizer: Any) -> None:
        """The step updates parameters: which they are, and how, is looked at at each call."""
        self.optimizers.setdefault(optimizer)

    def on_failure(self, undo: Callable) -> None:
        """What puts things back if the trace fails."""
        self.undo.append(undo)

    def born(self, value: Any) -> Any:
        """A leaf that begins with a computed value: at the next call it is there already."""
        self.once = True
        with unheard():
            leaf = Tensor.lift(np.zeros(value.shape, value.dtype))
        self.begin(leaf)
        self.stand(leaf, self.read(value))
        return leaf

    def hyper(self, holder: Any, key: Any) -> Any:
        """The hyper-parameter holder[key]: a node for a number, or nodes for a tuple of them."""
        value = holder[key]
        if isinstance(value, float):
            return self.number(holder, key, None)
        if isinstance(value, tuple) and value and all(isinstance(v, float) for v in value):
            return tuple(self.number(holder, key, i) for i in range(len(value)))
        self.groups.setdefault(id(holder), (holder, {}))[1].setdefault(key, value)
        return value

    def number(self, holder: Any, key: Any, place_: int | None) -> Hyper:
        """The node of a hyper-parameter, which is the same whenever it is asked for."""
        name = (id(holder), key, place_)
        if name not in self.numbers:
            y = self.numbers[name] = hyper(holder, key, place_)
            y.line = here()
            self.graph.hypers[y] = (holder, key, place_)
            self.leaf_of[y] = y
        return self.numbers[name]

    # ---- the end

    def finish(self, outputs: list[Any]) -> Graph:
        """The graph, with every node that stands for something replaced by what it stands for."""
        graph = self.graph
        graph.outputs = [self.read(x) for x in outputs]
        for leaf, version in list(self.now.items()):
            outside = not isinstance(leaf, Blank) and leaf not in self.own
            if outside and version in self.meaning:
                graph.updates[self.cell_of(leaf)] = version
        self.versioned = graph
        self.graph, settle = resolved(graph, self.meaning)
        self.demands = [(settle(x), error) for x, error in self.demands]
        self.graph.updates = {c: y for c, y in self.graph.updates.items() if c is not y}
        return self.graph

    def cell_of(self, leaf: Any) -> Any:
        """The cell of a leaf."""
        return next(cell for cell, own in self.graph.cells.items() if own is leaf)

    def restore(self) -> None:
        """Put everything outside back, as if the step had not begun."""
        self.restore_gradients()
        for undo in reversed(self.undo):
            undo()
