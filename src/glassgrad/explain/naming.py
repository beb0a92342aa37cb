"""Names of nodes as in the lectures: X, W1, A1, H1, ..., J."""

from __future__ import annotations

from typing import Any

from .formula import Term, symbol
from .reading import number_or

PRODUCTS = ("contract", "linear", "convolution")
SILENT = ("view", "reshape", "cast")


class Names:
    """What each node is called.

    given   {node: name} by the user
    last    the last product: what follows from it belongs to the loss
    """

    def __init__(self, nodes: list[Any], target: Any, given: dict[str, Any]) -> None:
        self.terms: dict[Any, Term] = {}
        self.slopes: dict[Any, Term] = {}
        self.products = [x for x in nodes if is_product(x)]
        self.after = self.followers(nodes)
        for name, x in given.items():
            self.terms[x] = symbol(name)
        self.count: dict[str, int] = {}
        self.taken = {t.text for t in self.terms.values()}
        layer = 0
        for x in by_use(nodes):
            layer += x in self.layers
            if x not in self.terms:
                self.terms[x] = self.own(x, target, layer)
        self.target = target

    def followers(self, nodes: list[Any]) -> dict[Any, bool]:
        """The nodes that are computed after the last layer: the loss."""
        self.layers = {x: True for x in self.products if has_weight(x)} or dict.fromkeys(
            self.products[-1:], True
        )
        last = list(self.layers)[-1:]
        found = dict.fromkeys(last, True)
        for x in nodes:
            if any(i in found for i in x.inputs):
                found[x] = True
        for x in last:
            del found[x]
        return found

    def own(self, x: Any, target: Any, layer: int) -> Term:
        """A name for a node that the user has not named."""
        if x is target:
            return self.fresh("J", bare=True)
        if x.operation is None:
            return self.leaf(x, layer)
        if x.operation.name in SILENT:
            inner = self.terms[x.inputs[0]]
            axes = x.parameters.get("axes")
            return inner.T if axes == (1, 0) else inner
        if x in self.layers:
            return self.fresh("A")
        if x not in self.after and layer and x.operation.kind == "elementwise":
            return self.numbered("H", layer)
        return self.fresh("t")

    def leaf(self, x: Any, layer: int) -> Term:
        """Parameters by their layer, data as X, labels as y."""
        if x.requires_grad:
            letter = "b" if len(x.shape) == 1 and layer_of_bias(x) else "W"
            if x.name and not x.name.startswith(("weight", "bias")):
                return self.fresh(x.name, bare=True)
            return self.numbered("b" if x.name == "bias" else letter, layer + 1)
        if x.name:
            return self.fresh(x.name, bare=True)
        return self.fresh("X" if layer == 0 and len(x.shape) > 1 else "y", bare=True)

    def numbered(self, letter: str, number: int) -> Term:
        """letter and number, if that is free."""
        if f"{letter}{number}" in self.taken:
            return self.fresh(letter)
        self.taken.add(f"{letter}{number}")
        self.count[letter] = max(self.count.get(letter, 0), number)
        return symbol(f"{letter}{number}")

    def fresh(self, letter: str, bare: bool = False) -> Term:
        """A name that no node has: the letter alone, or with the next number."""
        if bare and letter not in self.taken:
            self.taken.add(letter)
            return symbol(letter)
        while True:
            self.count[letter] = self.count.get(letter, 0) + 1
            name = f"{letter}{self.count[letter]}"
            if name not in self.taken:
                self.taken.add(name)
                return symbol(name)

    def __call__(self, x: Any) -> Term:
        return self.terms[x]

    def put(self, x: Any) -> Term:
        """What is put into a formula: a name, or the number of a constant."""
        return number_or(x, self)

    def slope(self, x: Any) -> Term:
        """The derivative of the target by a node."""
        if x is self.target:
            return Term("1", "1")
        if x not in self.slopes:
            below = self.terms[x].text
            self.slopes[x] = symbol(f"∂{self.terms[self.target].text}/∂{below}")
        return self.slopes[x]

    def passed(self, x: Any, formula: Term) -> None:
        """The derivative by a view is named by its formula."""
        self.slopes[x] = formula

    def silent(self, x: Any) -> bool:
        """Whether a node only shows another one's numbers in other places."""
        return x.operation is not None and x.operation.name in SILENT

    def rule(self, node: Any, x: Any) -> str:
        """Which rule of lecture H leads from a node to its input."""
        if node in self.after:
            return "rule 0" if x in self.after or is_product(x) else "rule 1"
        if is_product(node):
            return "rule 1" if x.operation is None else "rule 3"
        return "rule 1" if x.operation is None else "rule 2"


def by_use(nodes: list[Any]) -> list[Any]:
    """The nodes, each leaf just before the first that uses it."""
    found: dict[Any, None] = {}
    for x in nodes:
        if x.operation is not None:
            found.update(dict.fromkeys(i for i in x.inputs if i.operation is None))
            found[x] = None
    return list(found)


def is_product(x: Any) -> bool:
    """Whether a node is a product of matrices, or a convolution."""
    return x.operation is not None and x.operation.name in PRODUCTS


def has_weight(x: Any) -> bool:
    """Whether one of the factors is a parameter."""
    return any(root(i).requires_grad and root(i).operation is None for i in x.inputs)


def root(x: Any) -> Any:
    """What a view shows."""
    while x.operation is not None and x.operation.name in SILENT:
        x = x.inputs[0]
    return x


def layer_of_bias(x: Any) -> bool:
    """Whether a vector that is a parameter is a bias."""
    return x.name == "bias"
