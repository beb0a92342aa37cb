"""Names of nodes as in lecture H: X, W1, b1, A1, H1, ..., y, J.

A product of matrices or a convolution with a leaf is a layer.  Layer l computes A_l from H_{l-1};
what enters the next layer is H_l.  What follows from the last layer's scores is the loss.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .formula import Term, power, symbol, term
from .matrices import number_term
from .normal import SILENT, normals, root
from .origins import Origin, origin_of
from .pointwise import activations, averages, branches
from .reading import Namer, formula_of, number_or
from .roles import (
    by_use,
    is_bias,
    is_bilinear,
    is_layer,
    is_mask,
    operands,
    users_of,
)

ACTIVATIONS = ("sigmoid", "tanh", "softmax", "relu")


class Names:
    """What each node is called.

    terms     {node: its name}
    weights   {leaf: the number of the layer that it is a factor of}
    scores    {layer's node: A_l, its bias added}, and `entering`: {H_l: l}
    loss      the nodes that follow from the last layer, or lead to no layer
    inner     the nodes that are written as part of others
    letters   {node of a normalisation: mu, sigma^2, gamma or beta}
    standing  {leaf: a word before the name, the node whose name it bears}
    stated    {leaf: name, formula, value} of running statistics
    """

    def __init__(
        self, nodes: list[Any], target: Any, given: dict[str, Any],
        standing: dict[Any, tuple[str, Any]] | None = None,
    ) -> None:  # fmt: skip
        self.target, self.nodes, self.standing = target, nodes, standing or {}
        self.given = dict.fromkeys(given.values(), True)
        self.terms = {x: symbol(name, not x.shape) for name, x in given.items()}
        self.taken = {t.text for t in self.terms.values()}
        self.count: dict[str, int] = {}
        self.slopes: dict[Any, Term] = {}
        self.layers = {x: i for i, x in enumerate(filter(is_layer, nodes), 1)}
        self.users = users_of(nodes)
        self.inner: dict[Any, bool] = {}
        self.origins: dict[Any, Origin] = {}
        self.known = self.given | self.users
        self.find_roles()
        self.find_inner()
        for x in by_use(nodes):
            leaf = x.operation is None and x not in self.given
            if leaf and (origin := origin_of(x, self.known)) is not None:
                self.origins[x] = origin
        for x in by_use(nodes):
            self(x)

    # ---- who is what

    def find_roles(self) -> None:
        """Weights, biases, features; scores and what enters the layers."""
        self.weights: dict[Any, int] = {}
        self.biases: dict[Any, int] = {}
        self.features: dict[Any, bool] = {}
        self.scores: dict[Any, int] = {}
        self.entering: dict[Any, int] = {}
        for x, number in self.layers.items():
            given, weight = operands(x)
            self.weights.setdefault(weight, number)
            if given.operation is None and given not in self.weights:
                self.features[given] = True
            elif given.operation is not None:
                self.entering.setdefault(given, number - 1)
            if x.operation.name == "linear":
                self.biases.setdefault(root(x.inputs[2]), number)
            self.scores[self.with_bias(x, number)] = number
        self.loss = self.followers()

    def with_bias(self, x: Any, number: int) -> Any:
        """A_l: the sum with the bias, where the product goes there alone."""
        above = last = x
        while len(self.users[above]) == 1:
            above = self.users[above][0]
            others = [root(i) for i in above.inputs if root(i) is not root(last)]
            if above.operation.name in SILENT:
                continue
            if above.operation.name == "add" and others and is_bias(others[0]):
                self.biases.setdefault(others[0], number)
                return above
            if not is_bilinear(last, above):
                break
            self.features |= dict.fromkeys(i for i in others if i.operation is None)
            self.inner[above], last = True, above
        return last

    def followers(self) -> dict[Any, bool]:
        """The nodes of the loss: no layer comes after them."""
        before: dict[Any, bool] = {}
        last = dict.fromkeys(list(self.scores)[-1:])
        for x in reversed(self.nodes):
            if x in self.layers or x in last or any(u in before for u in self.users[x]):
                before[x] = True
        return {x: True for x in self.nodes if x.operation is not None and x not in before}

    def find_inner(self) -> None:
        """What normalisations, activations and choices consist of."""
        found = normals(self.nodes, self.users)
        self.letters: dict[Any, Term] = {}
        self.stated: dict[Any, tuple[Term, Term, np.ndarray]] = {}
        self.inner |= dict.fromkeys((x for one in found for x in one.inner), True)
        for number, one in enumerate(found, 1):
            self.name_normal(one, number if len(found) > 1 else "")
        self.inner |= dict.fromkeys(activations(self.nodes, self.users, self.loss), True)
        for parts in (branches, averages):
            self.inner |= dict.fromkeys(parts(self.nodes, self.users), True)

    def name_normal(self, one: Any, number: Any) -> None:
        """mu, sigma^2, gamma and beta of a normalisation."""
        letters = ("mu", "sigma" if one.centred else "rms", "gamma", "beta")
        mu, sigma, gamma, beta = (self.free(f"{letter}{number}") for letter in letters)
        said = {
            "mu": mu,
            "1 / sigma": 1 / sigma,
            "X - mu": symbol("X") - mu,
            "Xhat": symbol("Xhat"),
        }
        pairs = (one.mean, mu), (one.variance, sigma**2), (one.gamma, gamma), (one.beta, beta)
        found = {x: name for x, name in pairs if x is not None}
        if one.output not in self.entering and one.output is not self.target:
            found[one.output] = self.free(f"N{number}")
        self.letters |= found | {x: said[what] for x, what in one.values.items()}
        for x, what in one.values.items():
            leaf = x if x.base is None else x.base
            if what == "mu" and leaf.name == "running_mean":
                self.stated[x] = mu, symbol("running_mean"), leaf.value
                deviation = symbol("running_var") + symbol("epsilon")
                for i in (i for i, what in one.values.items() if what == "1 / sigma"):
                    self.stated[i] = sigma, power(deviation, term(0.5)), 1 / i.value
        if one.variance is not None and one.variance.operation is None:
            self.stated[one.variance] = sigma**2, symbol("running_var"), one.variance.value

    def free(self, name: str) -> Term:
        """The name, or with a prime where the user has given it to something else."""
        while name in self.taken:
            name += "'"
        self.taken.add(name)
        return symbol(name)

    def folded(self, x: Any) -> bool:
        """Whether a node is written as part of the one that uses it."""
        if x.operation is None or x is self.target:
            return False
        if x in self.inner:
            return x not in self.given and x not in self.scores
        if x.operation.name in SILENT:
            return x not in self.scores
        return x in self.layers and x not in self.scores

    # ---- names

    def own(self, x: Any) -> Term:
        """A name for a node that the user has not named."""
        scalar = not x.shape
        word, other = self.standing.get(x, ("", None))
        if other in self.terms:
            return symbol(f"{word}{self.terms[other].text}", scalar) if word else self.terms[other]
        if x in self.letters:
            return self.letters[x]
        if self.folded(x):
            return formula_of(x, self.put)
        if x is self.target:
            return self.fresh("J" if x.numel() == 1 else "f", scalar, bare=True)
        if x.operation is None:
            return self.leaf(x, scalar)
        if x in self.scores:
            return self.numbered("A", self.scores[x], scalar)
        if self.entering.get(x):
            return self.numbered("H", self.entering[x], scalar)
        if self.is_prediction(x):
            return self.numbered("H", self.scores[root(x.inputs[0])], scalar)
        return self.fresh("t", scalar)

    def is_prediction(self, x: Any) -> bool:
        """Whether a node is the activation of the last layer: H_L."""
        if x not in self.loss or x.operation.name not in ACTIVATIONS:
            return False
        return root(x.inputs[0]) in self.scores

    def leaf(self, x: Any, scalar: bool) -> Term:
        """The user's name; weights and biases by their layer, features X, labels y, masks M."""
        if x.name and x.name not in ("weight", "bias"):
            return self.fresh(x.name, scalar, bare=True)
        if x in self.weights:
            return self.numbered("W", self.weights[x], scalar)
        if x in self.biases:
            return self.numbered("b", self.biases[x], scalar)
        if x in self.features:
            return self.fresh("X", scalar, bare=len(self.features) == 1)
        if x.dtype.kind == "f" and x.requires_grad and not x.initial:
            letter = self.parameter(x)
            alone = not self.layers and self.variables() == 1
            return self.fresh(letter, scalar, bare=alone or letter in ("E", "a"))
        if x.dtype.kind == "b":
            return self.fresh("c", scalar)
        if is_mask(x, self.users[x]):
            return self.fresh("M", scalar, bare=not self.layers)
        places = any(u.operation.kind == "gather" and u.inputs[0] is not x for u in self.users[x])
        if x.dtype.kind in "iub" and (places or not self.in_loss(x)):
            return self.fresh("i", scalar)
        if self.layers and not self.in_loss(x):
            factor = all(u.operation.name == "mul" for u in self.users[x])
            return self.fresh("M" if factor else "c", scalar)
        if not self.layers:
            return self.fresh("x", scalar, bare=True)
        label = x.initial or not all(u.operation.name == "mul" for u in self.users[x])
        return self.fresh("y" if label else "c", scalar, bare=True)  # c: perhaps 1 - y

    def parameter(self, x: Any) -> str:
        """A letter for what is learnt beside the layers: E of embeddings, a of PReLU."""
        if x.name is None:
            return "w" if self.layers else "x"
        if x.name == "weight":
            used = {u.operation.name for u in self.users[x]}
            return "E" if "take" in used else "a" if used & {"mul", "view", "reshape"} else "W"
        return "b"

    def variables(self) -> int:
        """How many leaves without a name a derivative is asked of."""
        leaves = (x for x in self.users if x.operation is None and x not in self.letters)
        return sum(x.requires_grad and x.name is None for x in leaves)

    def in_loss(self, x: Any) -> bool:
        """Whether a leaf is used in the loss alone."""
        return all(u in self.loss for u in self.users[x])

    def numbered(self, letter: str, number: int, scalar: bool) -> Term:
        """letter and number, if that is free."""
        name = f"{letter}{number}"
        if name in self.taken:
            return self.fresh(letter, scalar)
        self.taken.add(name)
        return symbol(name, scalar)

    def fresh(self, letter: str, scalar: bool = False, bare: bool = False) -> Term:
        """A name that no node has: the letter alone, or with the next number."""
        name = letter
        while not bare or name in self.taken:
            bare = True
            self.count[letter] = self.count.get(letter, 0) + 1
            name = f"{letter}{self.count[letter]}"
        self.taken.add(name)
        return symbol(name, scalar)

    def __call__(self, x: Any) -> Term:
        """The name of a node, or the formula of what has none."""
        if x not in self.terms:
            self.terms[x] = self.told(x, self.put) or number_or(x, self.own)
        return self.terms[x]

    def told(self, x: Any, name: Namer) -> Term | None:
        """The formula of a leaf that was computed without a gradient."""
        if x in self.given or (x in self.users and x not in self.origins):
            return None
        origin = self.origins.get(x) or origin_of(x, self.known)
        return None if origin is None else formula_of(origin, name)

    def put(self, x: Any) -> Term:
        """What is put into a formula: a name, a formula, or the number of a constant."""
        named = x in self.given or x in self.origins or x not in self.users
        return self(x) if named else number_or(x, self)

    def number(self, x: Any) -> Term:
        """The numbers that are put into a formula; of what is written as part of it, its own."""
        if self.folded(x):
            return formula_of(x, self.number)
        if (numbers := self.told(x, self.number)) is not None:
            return numbers
        return number_term(x) if x in self.given else number_or(x, number_term)

    # ---- derivatives

    def slope(self, x: Any) -> Term:
        """The derivative of the target by a node."""
        if x is self.target:
            return term(1)
        if x not in self.slopes:
            above, below = self.terms[self.target], self.terms[x]
            self.slopes[x] = symbol(f"∂{above.text}/∂{below.text}", below.scalar)
        return self.slopes[x]

    def passed(self, x: Any, formula: Term) -> None:
        """The derivative by a node that is folded is its formula."""
        self.slopes[x] = formula

    def is_feature(self, x: Any) -> bool:
        """Whether a leaf is what the first layer was given."""
        return x in self.features

    def rule(self, node: Any, x: Any) -> str:
        """Which rule of lecture H leads from a node to its input."""
        if not self.layers:
            return "chain rule"
        if x in self.features or (node in self.layers and x.operation is not None):
            return "rule 3"
        if x.operation is None and x.requires_grad and not (x.initial and self.is_label(x)):
            return "rule 1"
        return "rule 0" if node in self.loss else "rule 2"

    def is_label(self, x: Any) -> bool:
        """Whether a leaf is no factor of a layer and used in the loss."""
        return x not in self.weights and x not in self.biases and self.in_loss(x)
