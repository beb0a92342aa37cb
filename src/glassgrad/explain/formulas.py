"""`gg.explain.formulas`: a model, its loss and each derivative as formulas, without numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from ..arguments import ANY, SEVERAL, check_arguments
from ..gradient import ancestors
from ..nn import Module
from ..nn.checks import input_names, untouched
from ..nn.paths import examples
from ..tensors import enable_grad
from ..tensors.creation import ones_like
from ..tensors.listening import unheard
from .backwards import handed
from .elements import together
from .formula import Term, product, symbol
from .naming import Names
from .reading import formula_of
from .steps import check, given_names

PATHS = 8  # a chain rule with more summands is not written out


@dataclass(frozen=True)
class Formula:
    """One line.

    name         what is computed: p, ∂l/∂w1
    text, latex  how
    chain        of a derivative, the product of derivatives that the chain rule asks for
    """

    name: str
    text: str
    latex: str
    chain: Term | None = None

    def __str__(self) -> str:
        middle = f" = {self.chain.text}" if self.chain else ""
        return f"{self.name}{middle} = {self.text}"


class Formulas(list[Formula]):
    """All lines; prints as text, shows itself in a notebook with LaTeX."""

    def __str__(self) -> str:
        return "\n".join(map(str, self))

    __repr__ = __str__

    def latex(self) -> str:
        """The lines as one aligned block."""
        lines = []
        for f in self:
            middle = f" &= {f.chain.latex} \\\\\n" if f.chain else ""
            lines.append(f"{symbol(f.name).latex}{middle} &= {f.latex}")
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    def of(self, name: str) -> Formula:
        """The formula of a name.

        Raises:
            KeyError: There is none; the message lists the names.
        """
        for f in self:
            if f.name == name:
                return f
        raise KeyError(f"no formula gives {name!r}; there are {', '.join(f.name for f in self)}")


class Inlined(Names):
    """Names of what the user has named, and of scores and activations; the rest is written out."""

    def folded(self, x: Any) -> bool:
        """Whether a node is written as part of the one that uses it."""
        return x.operation is not None and x is not self.target and not self.stands_out(x)

    def stands_out(self, x: Any) -> bool:
        """Whether a node has a line of its own."""
        if x in self.given:
            return True
        parted = bool(self.layers or self.letters)
        return parted and not super().folded(x) and self.of_layer(x)

    def of_layer(self, x: Any) -> bool:
        """Whether a node is A_l or H_l, or of a normalisation."""
        return (
            x in self.letters
            or x in self.scores
            or bool(self.entering.get(x))
            or self.is_prediction(x)
        )


class Brief(Inlined):
    """A line for each layer: scores are written as part of the activation."""

    def of_layer(self, x: Any) -> bool:
        """Whether a node is H_l, or of a normalisation."""
        return x in self.letters or bool(self.entering.get(x)) or self.is_prediction(x)


def formulas(
    what: Any, *, names: Any = None, input_shape: Any = None, simplify: bool = False,
    brief: bool = False,
) -> Formulas:  # fmt: skip
    """The formulas of a loss and of its derivatives, or of a model.

    what         a tensor of one element, or a model
    names        {"w1": w1, "p": p} of tensors, or a model; what is computed and has no name is
                 written out where it is used
    input_shape  of a model, the shape of one row, where its first layer does not say it; of
                 several inputs a shape for each
    simplify     whether SymPy looks for something shorter (pip install glassgrad[symbolic])
    brief        of a model, whether a layer's scores are written within its activation

    Without layers each derivative is written out in full: of l = (p - y)^2 with p = sigmoid(w1 x1 +
    w2 x2) it is dl/dw1 = 2 (p - y) p (1 - p) x1.  With layers it stands by the derivative of the
    layer above, as in lecture H.  Arrays go together as NumPy broadcasts them, a vector is a
    column, and a sum's letter is an axis of what is summed; where that would not be true, the
    element at i, j is written: b_j - b_i.  Source: lecture B, the back-propagation algorithm.

    Raises:
        TypeError: It is neither a model nor a tensor.
        ValueError: The tensor has many elements, or nothing was recorded.
        ImportError: SymPy is wanted and not installed.
    """
    check_arguments(locals(), names=ANY, input_shape=SEVERAL)
    if isinstance(what, Module):
        return of_model(what, names, input_shape, simplify, Brief if brief else Inlined)
    check(what, True)
    nodes = ancestors([what])
    known = Inlined(nodes, what, given_names(names))
    found = Formulas(lines(nodes, known))
    found += derivatives(nodes, known)
    return shorter(found, known) if simplify else found


def of_model(
    model: Module, names: Any, input_shape: Any, simplify: bool, naming: type[Inlined]
) -> Formulas:
    """A line for each layer, and the last for the output f."""
    given = [x.detach() for x in examples(model, input_shape)]
    for x in given:
        x.requires_grad = x.dtype.kind == "f"  # also layers without weights are recorded
    with untouched(model), enable_grad():
        output = model(*given)
    if any(output is x for x in given):
        raise ValueError("the model gives back its input: there is nothing to write down")
    check(output, False)
    nodes = ancestors([output])
    called = ["X"] if len(given) == 1 else input_names(model)
    known = naming(nodes, output, dict(zip(called, given)) | {"f": output} | given_names(names))
    found = Formulas(lines(nodes, known))
    return shorter(found, known) if simplify else found


def lines(nodes: list[Any], known: Inlined) -> Iterator[Formula]:
    """What is computed forward."""
    for x in nodes:
        if x.operation is not None and not known.folded(x):
            formula = formula_of(x, known.put)
            yield Formula(known(x).text, formula.text, formula.latex)


# ---- derivatives


def derivatives(nodes: list[Any], known: Inlined) -> Iterator[Formula]:
    """With layers a line for each node; without, partial derivatives and what follows from them."""
    target = known.target
    if known.layers or known.letters:
        for x, formula in local(target, nodes, known, expand=False).items():
            yield Formula(derivative(target, x, known).text, formula.text, formula.latex)
        return
    tops = [x for x in reversed(nodes) if x.operation is not None and not known.folded(x)]
    partial = {y: local(y, nodes, known, cut=True) for y in tops}
    for y, found in partial.items():
        for x, formula in found.items():
            if y is not target or x.operation is not None:
                yield Formula(derivative(y, x, known).text, formula.text, formula.latex)
    for x, formula in local(target, nodes, known).items():
        if x.operation is None:
            links = chain(x, target, partial, known)
            total = links is not None and x in partial[target]  # beside the direct way
            name = derivative(target, x, known, "d" if total else "∂").text
            yield Formula(name, formula.text, formula.latex, links if links else None)


def derivative(above: Any, below: Any, known: Inlined, sign: str = "∂") -> Term:
    """The name of a derivative: partial, or total with the sign d."""
    top, bottom = known(above), known(below)
    return symbol(f"{sign}{top.text}/{sign}{bottom.text}", top.scalar and bottom.scalar)


def local(
    top: Any, nodes: list[Any], known: Inlined, cut: bool = False, expand: bool = True
) -> dict[Any, Term]:
    """The derivatives of `top` by leaves and named nodes.

    cut     whether what leads on from named nodes is left out
    expand  whether derivatives by named nodes are put in where they are used
    """
    known.target, before, known.slopes = top, known.target, {}
    totals, parts = {top: ones_like(top)}, {top: [known.slope(top)]}
    for y in reversed(nodes):
        if y not in totals or y.operation is None or (cut and y is not top and named(y, known)):
            continue
        if y is not top and (expand or not named(y, known)):
            known.passed(y, together(y, parts[y]))
        for x, gradient, formula, _ in handed(y, totals[y], known):
            with unheard():
                totals[x] = totals[x] + gradient if x in totals else gradient
            parts[x] = [*parts.pop(x, []), formula]  # in the order in which they are whole
    del parts[top]
    known.target, known.slopes = before, {}
    order = {x: i for i, x in enumerate(known.terms)}
    listed = sorted(parts, key=order.__getitem__) if expand else parts
    return {x: together(x, parts[x]) for x in listed if named(x, known)}


def named(x: Any, known: Inlined) -> bool:
    """Whether a node is a leaf or has a line of its own."""
    return x.operation is None or not known.folded(x)


def chain(x: Any, target: Any, partial: dict[Any, dict[Any, Term]], known: Inlined) -> Term | None:
    """The sum over all paths of products of derivatives; None of a single step, or of too many."""
    paths: list[list[Any]] = []
    open_: list[list[Any]] = [[target]]
    while open_ and len(paths) + len(open_) <= PATHS:
        path = open_.pop()
        for below in partial.get(path[-1], {}):
            (paths if below is x else open_).append([*path, below])
    if open_ or not paths or max(map(len, paths)) < 3:
        return None
    links = (
        reduce(product, [derivative(a, b, known) for a, b in zip(path, path[1:])]) for path in paths
    )
    return reduce(add, links)


def shorter(found: Formulas, known: Inlined) -> Formulas:
    """The formulas as SymPy simplifies them, where that makes them shorter."""
    from .symbolic import simplified

    names = [t.text for t in known.terms.values() if t.text in known.taken]
    return Formulas(simplified(f, names) for f in found)
