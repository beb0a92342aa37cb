"""Blocks of points where lanes hold copies of a network: any two axes may be blocked."""

from __future__ import annotations

import math
from typing import Any

from ..emit.position import LANES
from ..plan.kernel import space
from .folds import UNROLL, Folds


class Copies(Folds):
    """Which points are worked on together.

    together   {axis: how many of its positions at a time}
    """

    together: dict[int, int]

    def order_of_copies(self) -> list[int]:
        """The axes that stay, those that are worked on in blocks last."""
        kernel, tile = self.kernel, self.processor.tile(self.widest())
        if kernel.outer and any(map(gathers, kernel.stores)):
            self.together = {kernel.outer[-1]: LANES}
            return list(kernel.outer)
        sums = tile.most_vectors * tile.rows[tile.most_vectors]
        pairs = [(a, b) for a in kernel.outer for b in kernel.outer if a < b]
        pairs = pairs or [(a, a) for a in kernel.outer]
        found = [self.blocked(pair, self.sums_of_copies(sums)) for pair in pairs]
        self.together = min(found, key=self.loads_of_copies, default={})
        return sorted(kernel.outer, key=lambda a: (a in self.together, a))

    def sums_of_copies(self, sums: int) -> int:
        """How many points may be worked on together."""
        kernel = self.kernel
        if kernel.parts is not None:
            return 4 if kernel.extents[kernel.parts] <= LANES else 1
        inner = math.prod(kernel.extents[a] for a in kernel.inner)
        if kernel.contracts:
            return sums
        if not kernel.inner:
            return 4
        return max(1, min(sums, UNROLL // max(inner, 1))) if inner <= UNROLL else 8

    def blocked(self, pair: tuple[int, int], sums: int) -> dict[int, int]:
        """A block along two axes: square if both are long."""
        first, second = pair
        if first == second:
            return {first: sums}
        lengths = self.length(first), self.length(second)
        rows = max(min(math.isqrt(sums), lengths[0]), sums // max(lengths[1], 1), 1)
        rows = min(rows, lengths[0])
        return {first: max(rows, 1), second: max(sums // max(rows, 1), 1)}

    def loads_of_copies(self, block: dict[int, int]) -> float:
        """How many values a block loads for each of its points."""
        kernel = self.kernel
        size = {a: min(n, self.length(a)) for a, n in block.items()}
        seen = [_axes_in(e) for h in kernel.heroes for e in space(h).reads]
        loads = sum(math.prod(n for a, n in size.items() if a in axes) for axes in seen)
        return (loads or 1) / max(math.prod(size.values()), 1)

    def widest(self) -> Any:
        """The dtype of the largest elements that are folded or stored."""
        nodes = [*self.kernel.heroes, *self.kernel.stores]
        return max((x.dtype for x in nodes), key=lambda t: t.itemsize)


def gathers(x: Any) -> bool:
    """Whether a node is rows of an array, which are read from end to end."""
    while x.operation is not None and x.operation.name == "cast":
        x = x.inputs[0]
    return x.operation is not None and x.operation.name == "take"


def _axes_in(entries: Any) -> set[int]:
    found: set[int] = set()
    for e in entries:
        found |= {e} if isinstance(e, int) else {a for a, _ in e[0]}
    return found
