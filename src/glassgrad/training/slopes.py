"""Slopes of the non-linearities that stand between two layers, of every value that was seen.

A function may be one operation (relu) or many (hardswish), a module or a line of `forward`.  What
counts is the whole stretch of elementwise operations from what a layer with weights, a norm or a
pooling gave to where the next begins: it is computed once more, of those values alone, and back.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd import grad
from ..tensors import Tensor

LARGEST = {"sigmoid": 0.25, "tanh": 1.0}  # slopes of what is nowhere quite flat
FLAT = 0.05  # of the largest slope: a gradient that passes is divided by twenty
BENDS = {
    *LARGEST,
    "erf",
    "relu",
    "where",
    "clamp",
    "maximum",
    "minimum",
}  # may be flat; `sign` is so everywhere
WEIGHING = ("linear", "contract", "convolution")


@dataclass
class Node:
    """An operation that was carried out while the layer `layer` was at work."""

    layer: str
    operation: Any
    inputs: tuple
    parameters: dict[str, Any]


@dataclass
class Activation:
    """What came out of a non-linearity.

    layer   the path of the layer that it belongs to, or that was called last before it
    name    of the operation that bends it
    values  [rows, units, ...], with the units on axis `axis`
    flat    where no gradient passes, or, of sigmoid and tanh, less than `FLAT` of the most
    output  whether it is an output of the model
    """

    layer: str
    name: str
    values: np.ndarray
    flat: np.ndarray
    axis: int
    output: bool = False

    def per_unit(self, x: np.ndarray) -> np.ndarray:
        """[..., units]: what `x` has for each unit in a column."""
        return np.moveaxis(x, self.axis, -1).reshape(-1, x.shape[self.axis])


def activations_of(nodes: dict[Any, Node], outputs: Any) -> list[Activation]:
    """The non-linearities of a pass, in its order."""
    ends = ends_of(nodes)
    last = above_weights(nodes, outputs)
    found = []
    for y in ends:
        stretch = stretch_to(nodes, y, ends)
        bend = next((x for x in stretch if nodes[x].operation.name in BENDS), None)
        if bend is None or len(y.shape) < 2 or not y.value.size:
            continue
        layer, name = nodes[bend].layer, nodes[bend].operation.name
        axis = axis_of_units(nodes, y)
        for slopes in slopes_of(nodes, stretch, y):
            flat = np.abs(slopes) <= FLAT * LARGEST.get(name, 0.0)
            if name in LARGEST:  # by itself too: y = 0.01 tanh(x) is not flat
                own = slopes_of(nodes, {bend: None}, bend)[0]
                flat &= np.abs(own) <= FLAT * LARGEST[name]
            found.append(Activation(layer, name, y.value, flat, axis, y in last))
    return found


def ends_of(nodes: dict[Any, Node]) -> dict[Any, None]:
    """The elementwise nodes that other kinds of operations read, or nothing does."""
    kinds: dict[Any, set[str]] = {}
    for node in nodes.values():
        for x in node.inputs:
            kinds.setdefault(x, set()).add(node.operation.kind)
    return {
        y: None
        for y, node in nodes.items()
        if node.operation.kind == "elementwise" and kinds.get(y) != {"elementwise"}
    }


def stretch_to(nodes: dict[Any, Node], y: Any, ends: dict[Any, None]) -> dict[Any, None]:
    """The elementwise nodes since the last end, in the order of the pass."""
    found, ahead = {y}, [y]
    while ahead:
        for x in nodes[ahead.pop()].inputs:
            inside = x in nodes and nodes[x].operation.kind == "elementwise" and x not in ends
            if inside and x not in found:
                found.add(x)
                ahead.append(x)
    return dict.fromkeys(x for x in nodes if x in found)


def slopes_of(nodes: dict[Any, Node], stretch: dict[Any, None], y: Any) -> list[np.ndarray]:
    """dy/dx for each x of the shape of `y` that enters the stretch: all is computed once more."""
    entering = [x for node in map(nodes.__getitem__, stretch) for x in node.inputs]
    starts = {
        x: x.detach().requires_grad_()
        for x in entering
        if x in nodes and x not in stretch and x.shape == y.shape and x.value.dtype.kind == "f"
    }
    again = dict(starts)
    for x in stretch:
        node = nodes[x]
        inputs = [again[i] if i in again else beside(i) for i in node.inputs]
        again[x] = inputs[0].apply(node.operation, *inputs, **node.parameters)
    if not starts or not again[y].requires_grad:
        return []
    found = grad(again[y].sum(), list(starts.values()), allow_unused=True)
    return [g.value for g in found if g is not None]


def unbent_pairs(nodes: dict[Any, Node]) -> list[tuple[str, str]]:
    """Layers of which one takes just what the other gives: W2 (W1 x + b1) + b2 is one layer.

    Fewer units between them than at both ends are a bottleneck, which one layer cannot be.
    """
    readers = Counter(x for node in nodes.values() for x in node.inputs)
    found = []
    for y, node in nodes.items():
        x = node.inputs[0]
        if node.operation.name != "linear" or x not in nodes or readers[x] > 1:
            continue
        before = nodes[x]
        twice = before.operation.name == "linear"
        if twice and x.shape[-1] >= min(before.inputs[0].shape[-1], y.shape[-1]):
            found.append((before.layer, node.layer))
    return list(dict.fromkeys(found))


def beside(x: Any) -> Any:
    """What else a stretch reads, without the way that led to it."""
    return x if x.number is not None else x.detach()


def above_weights(nodes: dict[Any, Node], outputs: Any) -> set[Any]:
    """The nodes between the outputs and the last weights."""
    found: set[Any] = set()
    ahead = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
    while ahead:
        y = ahead.pop()
        new = isinstance(y, Tensor) and y in nodes and y not in found
        if new and nodes[y].operation.name not in WEIGHING:
            found.add(y)
            ahead.extend(nodes[y].inputs)
    return found


def axis_of_units(nodes: dict[Any, Node], y: Any) -> int:
    """The axis of channels after a convolution, else the last one."""
    seen: set[Any] = set()
    ahead = [y]
    while ahead:
        x = ahead.pop(0)
        if x not in nodes or x in seen:
            continue
        name = nodes[x].operation.name
        if name in WEIGHING:
            return 1 if name == "convolution" and len(y.shape) > 2 else len(y.shape) - 1
        seen.add(x)
        ahead.extend(nodes[x].inputs)
    return 1 if len(y.shape) > 3 else len(y.shape) - 1
