"""Nodes as formulas of the names of their inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .formula import Symbols, Term, call, fraction, infix, power, term

Namer = Callable[[Any], Term]


def formula_of(x: Any, name: Namer) -> Term:
    """What a node is computed by; `name` gives its inputs."""
    inputs = list(map(name, x.inputs))
    written = TABLE.get(x.operation.name)
    if written is not None:
        return written(x, *inputs)
    if x.operation.kind == "elementwise":
        try:
            return term(x.operation.meaning(Symbols(), *inputs, **x.parameters))
        except (TypeError, AttributeError, ValueError):  # it does more than to write down
            return call(x.operation.name, *inputs)
    return call(x.operation.name, *inputs)


def number_or(x: Any, name: Namer) -> Term:
    """A constant number as itself."""
    if x.operation is None and x.number is not None:
        return term(x.number)
    if x.operation is None and not x.requires_grad and not x.shape and x.name is None:
        return term(float(x.value))
    return name(x)


def _contract(x: Any, a: Term, b: Term) -> Term:
    """A product of matrices, with what is transposed marked."""
    reads, rank = x.parameters.get("reads"), x.parameters.get("rank")
    if rank == 2 and reads is not None and all(len(r) == 2 for r in reads):
        first, second = reads
        if first in ((0, 2), (2, 0)) and second in ((2, 1), (1, 2)):
            return (a.T if first == (2, 0) else a) @ (b.T if second == (1, 2) else b)
        if first in ((1, 2), (2, 1)) and second in ((2, 0), (0, 2)):  # the other way round
            return (b.T if second == (2, 0) else b) @ (a.T if first == (1, 2) else a)
    return call("sum of products", a, b)


def _view(x: Any, a: Term) -> Term:
    """Transposed where axes change places; broadcasting is not written."""
    axes = x.parameters["axes"]
    return a.T if axes == (1, 0) else a


def _sum(x: Any, a: Term, *others: Any) -> Term:
    text, latex = a.inside(2)
    rows = "_i" if len(x.inputs[0].shape) > len(x.shape) else ""
    return Term(f"sum{rows} {text}", rf"\sum{rows} {latex}", 2)


def _mean(x: Any, a: Term) -> Term:
    count = x.inputs[0].numel() // max(x.numel(), 1)
    text, latex = a.inside(2)
    return Term(f"1/{count} sum_i {text}", rf"\frac{{1}}{{{count}}}\sum_i {latex}", 2)


def _softmax(x: Any, a: Term) -> Term:
    up = power(Term("e", "e"), a)
    return fraction(up, Term(f"sum_k {up.text}_k", rf"\sum_k {up.latex}_k", 2))


def _log_softmax(x: Any, a: Term) -> Term:
    up = power(Term("e", "e"), a)
    total = Term(f"log(sum_k {up.text}_k)", rf"\log\sum_k {up.latex}_k", 2)
    return infix("-", " - ", a, total, 1)


def _cross_entropy(x: Any, z: Term, labels: Term, *others: Any) -> Term:
    y = labels.latex
    total = rf"\log\sum_k e^{{{z.latex}_k}}"
    text = f"log(sum_k e^({z.text}_k)) - {z.text}_{labels.text}"
    return Term(text, rf"{total} - {z.latex}_{{{y}}}", 1)


TABLE: dict[str, Callable[..., Term]] = {
    "contract": _contract,
    "linear": lambda x, a, w, b: a @ w.T + b,
    "axpy": lambda x, a, b, c: a + c * b,
    "view": _view,
    "reshape": lambda x, a: a,
    "cast": lambda x, a, *rest: a,
    "sum": _sum,
    "mean": _mean,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "cross_entropy": _cross_entropy,
}
