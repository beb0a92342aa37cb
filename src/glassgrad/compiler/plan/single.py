"""Sums over axes of length one are no loops.

With one row in a batch the gradient of a weight is a product of two numbers, and that of a bias is
a number that is there already.  Written so, they are pulled where they are needed.
"""

from __future__ import annotations

import math
from typing import Any

from ...operations.elementwise import mul
from ...operations.view import view
from ...types import is_real
from ..graph import Graph, building, transformed

REDUCTIONS = ("sum", "amax", "amin")


def singled(graph: Graph) -> Graph:
    """The graph without folds over one point; -0.0 stays -0.0 where a sum from 0 made it 0.0."""
    return transformed(graph, Singles().change)


class Singles:
    """The pass; `products` are the contractions that became products, with their operands."""

    def __init__(self) -> None:
        self.products: dict[Any, tuple[Any, ...]] = {}

    def change(self, x: Any) -> Any:
        """What a fold of one value is: the value, or the product of two."""
        name = "" if x.operation is None else x.operation.name
        if name in REDUCTIONS:
            (inner,), axes = x.inputs, x.parameters["axes"]
            return dropped(x, inner, axes) if all(inner.shape[a] == 1 for a in axes) else x
        if name == "mul":
            return self.scaled(x)
        return self.product(x) if name == "contract" and is_real(x.dtype) else x

    def product(self, x: Any) -> Any:
        """A contraction of one product at each point."""
        reads, rank = x.parameters["reads"], x.parameters["rank"]
        extents = x.operation.space(x, *x.inputs, **x.parameters).extents
        if any(n != 1 for n in extents[rank:]) or any(len(set(r)) < len(r) for r in reads):
            return x
        axes = [tuple(a if a < rank else None for a in labels) for labels in reads]
        with building(x):
            seen = [view(i, shape=x.shape, axes=a) for i, a in zip(x.inputs, axes, strict=True)]
            found = mul(*seen)
        self.products[found] = x.inputs[0], axes[0], x.inputs[1], axes[1]
        return found

    def scaled(self, x: Any) -> Any:
        """A number times a product: the number goes to the smaller operand, which is done once."""
        for number, of in (x.inputs, x.inputs[::-1]):
            while number.operation is view and number.shape:
                number = number.inputs[0]
            if of in self.products and not number.shape:
                a, a_axes, b, b_axes = self.products[of]
                with building(x):
                    if math.prod(a.shape) <= math.prod(b.shape):
                        a = mul(view(number, shape=a.shape, axes=()), a)
                    else:
                        b = mul(view(number, shape=b.shape, axes=()), b)
                    first = view(a, shape=x.shape, axes=a_axes)
                    return mul(first, view(b, shape=x.shape, axes=b_axes))
        return x


def dropped(x: Any, inner: Any, axes: tuple[int, ...]) -> Any:
    """A value without some of its axes."""
    places = iter(range(len(x.shape)))
    seen = tuple(None if a in axes else next(places) for a in range(len(inner.shape)))
    with building(x):
        return view(inner, shape=x.shape, axes=seen)
