"""Each use of a layer's weights: its weighted sum, its activation, and delta y for each weight."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np

from .naming import ACTIVATIONS, Names
from .normal import SILENT, root
from .roles import is_bilinear, is_mask, operands

LOCAL = ("elementwise", "view")  # kinds of operations that reduce nothing


class Use:
    """One product with a weight, and what follows from it.

    number   of the layer, from 1
    weight   the leaf, and `bias`, None without one
    v        the node of the weighted sum: with biases, and with other products that are added
    y        the node of its activation; v itself where there is none
    passed   the node that the next layer is given, where it is of the same shape and not y
    """

    def __init__(self, x: Any, number: int, known: Names, sums: Sums) -> None:
        self.product, self.number, self.known = x, number, known
        self.weight = operands(x)[1]
        self.v, self.bias = sums.top[x], sums.bias.get(x)
        self.place = 0 if root(x.inputs[0]) is self.weight is not root(x.inputs[1]) else 1
        self.operand = x.inputs[self.place]
        self.y = activation(self.v, known)
        self.passed = passed_on(self.y, known, sums.given)

    def axes(self) -> list[int]:
        """The axes of v that are units."""
        x = self.product
        if x.operation.name == "contract":
            return sorted(a for a in x.parameters["reads"][self.place] if a < len(self.v.shape))
        return [1 if x.operation.name == "convolution" else len(x.shape) - 1]

    def by_unit(self, array: np.ndarray) -> np.ndarray:
        """Numbers of the shape of v as [rows, units]; the places of a convolution are rows."""
        axes, array = self.axes(), array.reshape(self.v.shape)
        moved = np.moveaxis(array, axes, range(-len(axes), 0)) if axes else array
        return moved.reshape(-1, int(np.prod([array.shape[a] for a in axes])))

    def places(self) -> int:
        """At how many places each row's numbers stand."""
        beyond = self.v.shape[2:] if self.product.operation.name == "convolution" else ()
        return int(np.prod(beyond))

    def of_units(self, array: np.ndarray) -> np.ndarray:
        """An array of the weight's shape as [units, inputs]."""
        views, i = [], self.operand
        while i is not self.weight:
            views.append(i)
            i = i.inputs[0]
        for i in reversed(views):
            array = np.asarray(i.operation.meaning(np, array, **i.parameters))
        if self.product.operation.name == "contract":
            labels, units = self.product.parameters["reads"][self.place], self.axes()
            array = array.transpose(
                [*map(labels.index, units), *(i for i, a in enumerate(labels) if a not in units)]
            )
        count = int(np.prod([self.v.shape[a] for a in self.axes()]))
        return array.reshape(count, -1)

    def of_bias(self, array: np.ndarray, count: int) -> np.ndarray:
        """An array of the bias's shape, a number for each unit."""
        if array.shape[-1:] == (count,) or array.size == count:
            return array.reshape(-1, count).sum(0)
        return np.full(count, array.sum())

    def slopes(self, gradient: Any) -> np.ndarray:
        """delta y, of the weight's shape, from the derivative by the product."""
        x, i = self.product, self.operand
        inputs = [asking(each) if each is i else each for each in x.inputs]
        found = x.operation.gradient(gradient, x, *inputs, **x.parameters)[self.place]
        while i is not self.weight:
            found = i.operation.gradient(found, i, asking(i.inputs[0]), **i.parameters)[0]
            i = i.inputs[0]
        return np.asarray(found.value)


def asking(x: Any) -> Any:
    """The tensor as a leaf that requires a gradient, also where it is frozen."""
    copy = type(x).lift(x.value)
    copy.requires_grad = True
    return copy


class Sums:
    """What is added to products before anything else happens.

    top    {node of a sum: the whole sum}
    bias   {product: the leaf that is added to it}
    given  what the layers are given
    """

    def __init__(self, known: Names) -> None:
        self.known, self.top, self.bias = known, dict[Any, Any](), dict[Any, Any]()
        self.given = {operands(x)[0] for x in known.layers}
        first: dict[Any, Any] = {}  # {sum: a product in it}
        for x in known.nodes:
            if x in known.layers:
                first[x] = x
                if x.operation.name == "linear":
                    self.bias[x] = root(x.inputs[2])
            elif (found := self.added(x, first)) is not None:
                first[x] = found
        for x in reversed(list(first)):
            users = known.users[x]
            more = len(users) == 1 and users[0] in first and users[0] not in known.layers
            self.top[x] = self.top[users[0]] if more and x is not known.target else x

    def added(self, x: Any, first: dict[Any, Any]) -> Any:
        """A product in a sum of products and biases; None if it is something else."""
        inner = [i for i in (x.inputs if x.operation else ()) if i in first and is_bilinear(i, x)]
        if inner and len(self.known.users[inner[0]]) == 1:
            return first[inner[0]]
        if x.operation is None or x.operation.name not in ("add", *SILENT):
            return None
        sums = [i for i in x.inputs if i in first and i.shape == x.shape]
        others = [root(i) for i in x.inputs if not any(i is s for s in sums)]
        if not sums or not all(self.is_bias(i) for i in others):
            return None
        if any(len(self.known.users[i]) > 1 for i in sums):
            return None
        for leaf in others:
            self.bias.setdefault(first[sums[0]], leaf)
        return first[sums[0]]

    def is_bias(self, x: Any) -> bool:
        """Whether a leaf is learnt, and no input of the network."""
        return x.operation is None and x.requires_grad and x not in self.known.features


# ---- what a weighted sum becomes


def activation(v: Any, known: Names) -> Any:
    """The node that holds y: v itself where the layer has no activation.

    Normalisations, dropout and sums with other layers are none; in the loss, what is squared,
    compared with a label or added to something else is one.
    """
    final = any(u in known.loss for u in known.users[v])
    y = v
    for node, between in narrows(v, known, final):
        if bends(between) or all(scales(u, final) for u in between):
            y = node if not final or predicted(node, v, known) else y
    return y


def bends(between: list[Any]) -> bool:
    """Whether nodes are an activation: of each number alone or a softmax, and not linear."""
    if any(u.operation.kind not in LOCAL and u.operation.name != "softmax" for u in between):
        return False
    return not all(map(linear, between))


def linear(x: Any) -> bool:
    """Whether a node is linear in what it is computed from."""
    fixed = [root(i).operation is None for i in x.inputs]
    name = x.operation.name
    scaled = (name == "mul" and any(fixed)) or (name == "div" and fixed[1])
    return name in ("add", "sub", "neg", *SILENT) or scaled


def scales(x: Any, final: bool) -> bool:
    """Whether a node computes with a number alone; of the loss, p - 1 is no part of p."""
    leaves = [i for i in map(root, x.inputs) if i.operation is None]
    numbers = all(i.number is not None for i in leaves) and x.operation.kind in LOCAL
    return numbers and not (final and x.operation.name in ("add", "sub"))


def predicted(y: Any, v: Any, known: Names) -> bool:
    """Whether a node of the loss is what the network says."""
    direct = y.operation.name in ACTIVATIONS and root(y.inputs[0]) is v
    users = known.users[y]
    return (
        direct
        or any(u.operation.name == "square" for u in users)
        or any(
            u.operation.name in ("add", "sub") or (u.operation.name == "mul" and is_mask(i, [u]))
            for u in users
            for i in map(root, u.inputs)
            if i is not root(y) and i.number is None
        )
    )


def narrows(v: Any, known: Names, final: bool) -> list[tuple[Any, list[Any]]]:
    """The nodes that everything computed of v alone goes through, each with those before it."""
    inside, between, found = {v}, list[Any](), list[tuple[Any, list[Any]]]()
    queue = [(u.serial, u) for u in known.users[v]]
    open_ = len(queue)  # from so many inside a user has not been seen
    heapify(queue)
    while queue:
        x = heappop(queue)[1]
        if x in inside:
            continue
        if (not final and x in known.loss) or not of_one(x, v, inside, known):
            break
        inside.add(x)
        between.append(x)
        open_ -= len({i for i in x.inputs if i in inside})
        if not open_ and alike(x, v):
            found.append((x, between))
            between = []
        for u in known.users[x]:
            heappush(queue, (u.serial, u))
        open_ += len(known.users[x])
    return found


def of_one(x: Any, v: Any, inside: set[Any], known: Names) -> bool:
    """Whether a node is computed from what is inside, from parameters and from numbers alone."""
    others = [root(i) for i in x.inputs if i not in inside]
    return (
        x not in known.layers
        and in_order(x)
        and not any(
            i.operation is not None
            or i in known.features
            or (i.shape == v.shape and i.dtype.kind == "f" and i.number is None)
            for i in others
        )
    )


def alike(x: Any, v: Any) -> bool:
    """Whether shapes are the same but for axes of length 1."""
    return [n for n in x.shape if n != 1] == [n for n in v.shape if n != 1]


def in_order(x: Any) -> bool:
    """Whether a node is no view that moves numbers to other places."""
    axes = [a for a in x.parameters.get("axes", ()) if a is not None]
    moved = x.operation.name == "view" and axes != sorted(axes)
    return not moved and (x.operation.kind != "view" or x.operation.name in SILENT)


def passed_on(y: Any, known: Names, given: set[Any]) -> Any:
    """What a layer is given of y and something else: after a sum, dropout, a normalisation."""
    queue, seen = [(y.serial, y)], {y}
    while queue:
        x = heappop(queue)[1]
        if x in given:
            return None if x is y else x
        for u in known.users[x]:
            if alike(u, y) and in_order(u) and u not in seen and u not in known.layers:
                seen.add(u)
                heappush(queue, (u.serial, u))
    return None
