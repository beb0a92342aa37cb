"""Reverse mode while a step is traced: written into the graph; gradients go to the leaves."""

from __future__ import annotations

from typing import Any

from ..gradient import ancestors, gradients
from ..tensors.state import no_grad, state
from ..tensors.tensor import hooked
from .graph import blank, here
from .kept import NotKept
from .versions import Versions


class Reverse(Versions):
    """What `backward` and `autograd.grad` ask, and who is told of gradients.

    begun   {leaf: its `grad` before the step}, where the step sets it
    looked  {leaf: its `grad` before the step}, where the step reads it
    source  the node whose gradient is being written
    """

    def __init__(self) -> None:
        super().__init__()
        self.begun: dict[Any, Any] = {}
        self.looked: dict[Any, Any] = {}
        self.source: Any = None

    def backward(self, y: Any, seed: Any, wanted: set | None, create_graph: bool) -> None:
        """Reverse mode, written into the graph; gradients go to the leaves behind the nodes."""
        y = self.read(y)
        self.graph.losses.append(y)
        listed = set() if wanted is None else {self.read(x) for x in wanted}
        initial = any(x.initial for x in ancestors([y]))
        for x, g in self._gradients({y: seed}, listed, create_graph, initial).items():
            if x.operation is None if wanted is None else x in listed:
                self.receive(x, g)

    def gradients(self, seeds: dict, wanted: list, create_graph: bool) -> dict:
        """{wanted tensor: gradient}; tensors that the outputs do not depend on are left out."""
        started = {self.read(y): self.read(g) for y, g in seeds.items()}
        nodes = {x: self.read(x) for x in wanted}
        found = self._gradients(started, set(nodes.values()), create_graph, False)
        return {x: found[y] for x, y in nodes.items() if y in found}

    def _gradients(self, seeds: dict, wanted: set, create_graph: bool, initial: bool) -> dict:
        before, outer = state.grad, self.source
        state.grad, self.source = create_graph, None

        def enter(y: Any, g: Any) -> tuple[Any, Any, tuple]:
            """Note the node whose gradient is being written; its line is that of the node."""
            self.source = None
            g = hooked(y, g) if y.hooks else g
            if y.retains_grad or initial:
                self.note_grad(y)
                y._grad = self.local(g)
            self.source = y
            return g, y, y.inputs

        try:
            return gradients(seeds, wanted, enter)
        finally:
            state.grad, self.source = before, outer

    def receive(self, node_: Any, g: Any) -> None:
        """Add a gradient to the `grad` of the leaf that a node stands for."""
        leaf = self.leaf_of.get(node_, node_)
        g = hooked(leaf, g)
        before = self.grad_of(leaf)
        if isinstance(before, NotKept):
            before.known()
        if before is None:
            self.note_grad(leaf)
            leaf._grad = self.local(g)
        elif before.operation is not None or g.requires_grad:
            self.note_grad(leaf)
            leaf._grad = before + g
        else:
            with no_grad():
                self.write(before, before + g, ...)

    def local(self, value: Any) -> Any:
        """A leaf of the step's own that stands for a node; the graph of a gradient stays."""
        if value.requires_grad:
            return value
        leaf = blank(value.type_)
        leaf.value.line = here()
        self.own.add(leaf)
        self.stand(leaf, value)
        return leaf

    def grad_of(self, leaf: Any) -> Any:
        """The `grad` of a leaf, which the step reads."""
        if leaf not in self.begun:
            self.looked.setdefault(leaf, leaf._grad)
        return leaf._grad

    def note_grad(self, leaf: Any) -> None:
        """The step sets the `grad` of a leaf: remember what it was."""
        self.begun.setdefault(leaf, leaf._grad)

    def restore_gradients(self) -> None:
        """Leaves get the `grad` that they had."""
        for leaf, before in self.begun.items():
            leaf._grad = before
