"""What nodes are in a network: layers and their weights, biases, masks, conditions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .formula import Term
from .normal import root
from .reading import shared

PRODUCTS = ("contract", "linear", "convolution")


def by_use(nodes: list[Any]) -> list[Any]:
    """The nodes, each leaf just before the first that uses it."""
    found: dict[Any, None] = {}
    for x in nodes:
        if x.operation is not None:
            found.update(dict.fromkeys(i for i in x.inputs if i.operation is None))
            found[x] = None
    return list(found)


def users_of(nodes: list[Any]) -> dict[Any, list[Any]]:
    """{node: the nodes that use it}, of leaves too."""
    found: dict[Any, list[Any]] = {}
    for x in nodes:
        found.setdefault(x, [])
        for i in dict.fromkeys(x.inputs):
            found.setdefault(i, []).append(x)
    return found


def is_layer(x: Any) -> bool:
    """Whether a node is a product of matrices or a convolution, with a leaf as its weight."""
    return (
        x.operation is not None
        and x.operation.name in PRODUCTS
        and bool(x.shape)
        and not is_batched(x)
        and any(root(i).operation is None and len(root(i).shape) > 1 for i in x.inputs)
    )


def is_batched(x: Any) -> bool:
    """Whether a product is one for each row, of two tensors that both have rows."""
    return x.operation.name == "contract" and any(shared(i, x) for i in x.parameters["reads"][0])


def is_bilinear(x: Any, above: Any) -> bool:
    """Whether x1 W of a weight with three axes is multiplied by x2 for each row."""
    three = x.operation.name == "contract" and len(root(operands(x)[1]).shape) == 3
    return three and above.operation.name == "contract" and is_batched(above)


def operands(x: Any) -> tuple[Any, Any]:
    """What a layer is given, and its weight: a leaf, the second where both are alike."""
    first, second = map(root, x.inputs[:2])
    if x.operation.name == "contract" and first.operation is None:
        likely = (weight_like(first), weight_like(second))
        if second.operation is not None or likely[0] > likely[1]:
            return second, first
    return first, second


def weight_like(x: Any) -> tuple[bool, bool, bool]:
    """What speaks for a factor being the weight."""
    return x.operation is None, x.requires_grad, len(x.shape) > 1


def compared(x: Any, name: Term | None) -> Iterator[tuple[Term, np.ndarray]]:
    """A tensor compared with 0."""
    if name is not None and x.dtype.kind == "f":
        yield name > 0, x.value > 0
        yield name >= 0, x.value >= 0
        yield name < 0, x.value < 0
        yield name <= 0, x.value <= 0


def is_mask(x: Any, users: list[Any]) -> bool:
    """Whether a leaf is what dropout multiplies with: 0, or one number above 1."""
    if x.requires_grad or x.dtype.kind != "f" or any(u.operation.name != "mul" for u in users):
        return False
    kept = np.unique(x.value[x.value != 0])
    return kept.size == 1 and kept[0] > 1 and kept.size < x.value.size


def is_bias(x: Any) -> bool:
    """Whether what is added to a product is a bias."""
    return x.operation is None and x.requires_grad
