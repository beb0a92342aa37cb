"""Which node a tensor stands for while a step is traced, and what writes do to that.

Each leaf stands for a node: first for a cell, what the leaf is when the step begins, and after a
write for the new value.  Gradients stop at these nodes, so two updates in one step differentiate
rightly.  In eager execution a tensor without a gradient is a leaf too, however it was computed:
such nodes can be written like leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..operations.elementwise import cast
from ..tensors.keys import without_masks
from ..tensors.node import repeated
from ..tensors.state import no_grad, state, tick
from ..tensors.tensor import Tensor
from .alias import is_mask, places, same_memory, viewed, written_at
from .graph import Blank, Builder, Graph, TraceError, blank, here, kept, rebuilt
from .kept import NotKept


class PinError(Exception):
    """An argument is a leaf of the step's own: it is traced anew as what it is, not as a type."""

    def __init__(self, leaf: Any) -> None:
        super().__init__(leaf)
        self.leaf = leaf


class Versions(Builder):
    """What stands for what.

    now       {tensor: the node that it stands for}: leaves, and nodes that have been written
    leaf_of   {node: the tensor that it stood for}
    meaning   {node: what was written}, for nodes that stand for written tensors
    aliases   {leaf that shares the memory of another: the node that it stands for}
    own       leaves that the step itself made: they are forgotten at its end
    flags     {leaf: its `requires_grad` before the step}, where the step sets it
    given_as  {argument: the node that stands for it}
    """

    def __init__(self) -> None:
        self.graph = Graph()
        self.start = tick()
        self.now: dict[Any, Any] = {}
        self.leaf_of: dict[Any, Any] = {}
        self.meaning: dict[Any, Any] = {}
        self.aliases: dict[Any, Any] = {}
        self.own: set[Any] = set()
        self.given_as: dict[Any, Any] = {}
        self.flags: dict[Any, bool] = {}

    def given(self, array: Any) -> None:
        """A user's array becomes a tensor: see the trace."""
        raise NotImplementedError

    def read(self, x: Any) -> Any:
        """What a tensor stands for at the moment."""
        found = self.now.get(x)
        if found is None:
            if x in self.leaf_of or x.number is not None:
                return x
            if x.operation is not None:
                return self.read_node(x)
            if x.base is not None:
                return self.read_alias(x)
            found = self.begin(x)
        if found.requires_grad != x.requires_grad:
            found = self.stand(x, self.meaning.get(found, found))
        return found

    def read_node(self, x: Any) -> Any:
        """A computed tensor; a view of what has been written since is taken anew."""
        if not isinstance(x, Blank):
            return self.read_computed(x)
        if x.serial < self.start:
            raise kept(x.value)
        version = None if x.base is None else self.now.get(x.base)
        if version is None or version.serial < x.serial or version not in self.meaning:
            return x
        return viewed(version, self.path(x))

    def read_computed(self, x: Any) -> Any:
        """A tensor that was computed outside of the step: its history is not the step's."""
        if state.grad:
            raise TraceError(
                f"{x.type_} was computed outside of the step by {x.operation.name}, and gradients "
                f"would flow out of the step\n    {here().text}\n"
                "    Compute it inside the step, or take x.detach()."
            )
        return self.begin(x)

    def read_alias(self, x: Any) -> Any:
        """A leaf that shares the memory of another: all of it, as after `detach()`."""
        base = x.base
        if isinstance(base, Blank) and base.serial < self.start:
            raise kept(base.value)
        if not same_memory(x.value, base.value):
            raise TraceError(
                f"{x.type_} is a view of {base.name or 'a tensor'}: {base.type_} that was taken "
                f"outside of the step\n    {here().text}\n"
                "    Take the view inside, or make it a tensor of its own by .clone()."
            )
        found = self.read(base)
        if not found.requires_grad and not x.requires_grad:
            return found
        known = self.aliases.get(x)
        fits = known is not None and known.requires_grad == x.requires_grad
        if not fits or self.meaning[known] is not found:
            known = self.version(x, found)
            self.aliases[x] = known
        return known

    def path(self, x: Any) -> list[Any]:
        """The views that lead from the root of `x` to `x`."""
        found: list[Any] = []
        root = x.base
        while x is not root and self.leaf_of.get(x) is not root:
            if x in self.meaning:
                x = self.meaning[x]
            else:
                found.append(x)
                x = x.inputs[0]
        return found[::-1]

    def detached(self, x: Any) -> Any:
        """A leaf under the same name without a gradient; writes into it reach what it shares."""
        y = object.__new__(Tensor)
        y.value, y.base = x.value, x
        return y

    def begin(self, leaf: Any) -> Any:
        """The cell of a leaf that is read or written for the first time."""
        if leaf in self.own:
            return leaf
        if leaf in self.given_as:
            raise PinError(leaf)
        if isinstance(leaf, Blank):
            raise kept(leaf.value)
        if isinstance(leaf, NotKept):
            leaf.known()
        cell = blank(leaf.type_, leaf.requires_grad, leaf.name)
        cell.initial = leaf.initial
        self.graph.cells[cell] = leaf
        self.now[leaf], self.leaf_of[cell] = cell, leaf
        return cell

    def version(self, x: Any, value: Any) -> Any:
        """A node that stands for a tensor under its `requires_grad`; gradients stop there."""
        y = blank(value.type_, x.requires_grad, x.name)
        y.initial = x.initial
        self.meaning[y], self.leaf_of[y] = value, x
        return y

    def stand(self, x: Any, value: Any) -> Any:
        """From here on a tensor stands for a value."""
        self.now[x] = self.version(x, value)
        return self.now[x]

    # ---- writes

    def write(self, leaf: Any, value: Any, key: Any) -> Any:
        """From here on the leaf stands for the new value."""
        old = self.read(leaf)
        new = value if isinstance(value, Tensor) else self.table(value, leaf.dtype)
        new = self.read(new)
        if new.dtype != old.dtype:
            new = new.apply(cast, new, dtype=old.dtype)
        with no_grad():
            if key is not ...:
                new = written_at(old, new, self.key(key, leaf, len(new.shape)))
            elif new.shape != old.shape:
                new = repeated(new, old.shape)
            self.put(leaf, new)
        return leaf

    def key(self, key: Any, x: Any, rank: int) -> Any:
        """A key for a value of this rank; a mask stays if one value is written where it holds."""
        if isinstance(key, np.ndarray):
            key = (x.lift(key), *[slice(None)] * (x.value.ndim - key.ndim))
        masks = [k for k in key if is_mask(k)]
        if not masks:
            return key
        rest = [k for k in key if not is_mask(k)]
        alone = is_mask(key[0]) and rest == [slice(None)] * (len(key) - 1)
        return key if alone and rank <= len(rest) else tuple(without_masks(list(key), x))

    def put(self, x: Any, new: Any) -> None:
        """`x` stands for `new`, and what shares its memory does."""
        if x.base is None:
            if x.operation is not None and x.requires_grad:
                raise TraceError(
                    f"{x.type_}, which gradients flow through, is written through a tensor that "
                    f"shares its memory\n    {here().text}\n    Write into x.detach().clone()."
                )
            self.read(x)
            self.stand(x, new)
        elif x.operation is None:
            self.put(x.base, new)
        else:
            rows = x.lift(places(x, x.base.shape, self.path(x)).reshape(-1))
            old = self.read(x.base)
            flat = old.reshape(-1)._written(rows, new.reshape(-1))
            self.put(x.base, flat.reshape(old.shape))

    def table(self, value: Any, dtype: np.dtype) -> Any:
        """A number or list of numbers that is written."""
        if isinstance(value, (bool, int, float, np.generic)):
            return Tensor.constant(value.item() if isinstance(value, np.generic) else value, dtype)
        if isinstance(value, np.ndarray):
            self.given(value)
        return Tensor.lift(np.asarray(value, dtype))

    def switch(self, x: Any, requires_grad: bool) -> None:
        """A computed tensor becomes a leaf that gradients flow to."""
        if x in self.leaf_of:
            raise TraceError(
                "requires_grad of an argument is set in a compiled step\n"
                f"    {here().text}\n    Write x = x.detach().requires_grad_()."
            )
        if not isinstance(x, Blank):
            self.flags.setdefault(x, x.requires_grad)
        elif x.operation is not None and not x.requires_grad:
            x.requires_grad = True
            self.stand(x, x)


def resolved(graph: Graph, meaning: dict[Any, Any]) -> tuple[Graph, Callable]:
    """The graph without the nodes that only stand for others, and what it makes of each node."""
    new: dict[Any, Any] = {}

    def settle(root: Any) -> Any:
        """Without recursion: chains may be long."""
        stack = [root]
        while stack:
            x = stack[-1]
            behind = (meaning[x],) if x in meaning else x.inputs
            missing = [i for i in behind if i not in new]
            if missing:
                stack.extend(missing)
                continue
            stack.pop()
            if x in meaning:
                new[x] = new[behind[0]]
            elif x not in new:
                leaf = x.operation is None
                new[x] = x if leaf else rebuilt(x, tuple(new[i] for i in behind))
        return new[root]

    return graph.mapped(settle), settle
