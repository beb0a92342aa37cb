"""Nodes as formulas of the names of their inputs.

The meaning of an elementwise operation is read once more, with symbols where NumPy has arrays.
What is no expression of elements (products of matrices, sums over axes) has an entry in a table.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from operator import and_, mul
from typing import Any

from .formula import (
    ATOM,
    COMPARISON,
    PRODUCT,
    SUM,
    Function,
    Term,
    call,
    choice,
    indexed,
    infix,
    number,
    summed,
    term,
)
from .symbols import E, Symbols

LETTERS = "ijklmnpqrsuvwz"  # of axes
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
            pass
    return call(x.operation.name, *inputs)


def number_or(x: Any, name: Namer) -> Term:
    """A constant number as itself."""
    if x.operation is None and x.number is not None:
        return term(x.number)
    if x.operation is None and not x.requires_grad and not x.shape and x.name is None:
        return term(x.value)
    return name(x)


# ---- products of matrices


def _contract(x: Any, a: Term, b: Term) -> Term:
    """a b, each transposed as its axes say; vectors and batches of matrices too."""
    rank = x.parameters["rank"]
    first, second = ([i for i in r if not shared(i, x)] for r in x.parameters["reads"])
    inner = [i for i in first if i in second]
    rows, columns = [i for i in first if i not in inner], [i for i in second if i not in inner]
    out = [i for i in range(rank) if i in rows or i in columns]
    matrices = len(second) < 3 or (len(first) < 3 and out == columns + rows)
    vectors = min(len(first), len(second)) < 2 and len(out) < rank  # one for each row
    if len(inner) > 1 or not matrices or vectors or out not in (rows + columns, columns + rows):
        return by_index(x, a, b)
    if not inner:
        return outer(a, b, bool(rows), bool(columns))
    if not rows and not columns:
        return a.T @ b
    a_last, b_first = first[-1] == inner[0], second[0] == inner[0]
    if out == rows + columns:
        return (a if a_last else a.T) @ (b if b_first else b.T)
    return (b.T if b_first else b) @ (a.T if a_last else a)


def by_index(x: Any, *factors: Term) -> Term:
    """sum_k a_ik b_jk, as what is no product of matrices; a sum within is made one with it."""
    rank, reads = x.parameters["rank"], x.parameters["reads"]
    letters = dict(enumerate(LETTERS))
    free = iter(LETTERS[max(map(max, reads)) + 1 :])
    over = {letters[i] for labels in reads for i in labels if i >= rank}
    found: list[tuple[Term, str]] = []
    for factor, labels in zip(factors, reads):
        place = "".join(letters[i] for i in labels)
        inner = factor.split("einsum")
        if inner is None:
            found.append((factor, place))
            continue
        change = dict(zip(inner[1], place)) | {old: next(free) for old in inner[2]}
        over |= {change[old] for old in inner[2]}
        found += [(one, "".join(change[old] for old in at)) for one, at in inner[0]]
    summands = reduce(mul, (indexed(one, at) for one, at in found))
    above = "".join(sorted(over))
    total = summed(summands, above) if over else summands
    return total._replace(parts=("einsum", tuple(found), LETTERS[:rank], above), scalar=False)


def shared(label: int, x: Any) -> bool:
    """Whether an axis is one of both factors and of the result: of a batch of products."""
    first, second = x.parameters["reads"]
    return label in first and label in second and label < x.parameters["rank"]


def outer(a: Term, b: Term, rows: bool, columns: bool) -> Term:
    """The product of a column and a row; of numbers, the product."""
    return a @ b.T if rows and columns else a * b


def _convolution(x: Any, a: Term, w: Term) -> Term:
    at = x.parameters
    said = [f"{key} {at[key][0]}" for key in ("stride", "dilation") if set(at[key]) - {1}]
    said += [f"groups {at['groups']}"] if at["groups"] > 1 else []
    text = ", ".join([a.text, w.text, *said])
    (_, al), (_, wl) = a.inside(ATOM), w.inside(ATOM)
    return Term(f"conv({text})", rf"{al} \ast {wl}", ATOM, PRODUCT)


# ---- axes


def _view(x: Any, a: Term) -> Term:
    """Transposed where the axes of a matrix change places; broadcasting is not written."""
    return a.T if x.parameters["axes"] == (1, 0) else a


def indices(x: Any) -> str:
    """A letter for each axis that is summed over: i rows, j columns."""
    return "".join(LETTERS[axis] for axis in sorted(x.parameters["axes"]) if axis < len(LETTERS))


def _sum(x: Any, a: Term, *others: Any) -> Term:
    if not x.parameters["axes"]:
        return a
    if (windows := a.split("windows")) is not None:
        count = x.inputs[0].numel() // max(x.numel(), 1)
        return summed(a, indices(x))._replace(parts=("sum of windows", windows[0], count))
    return summed(a, indices(x))


def _windows(x: Any, a: Term) -> Term:
    return call("windows", a)._replace(parts=("windows", a))


def _div(x: Any, a: Term, b: Term) -> Term:
    """a / b; the mean of windows by its name."""
    pooled = a.split("sum of windows")
    return call("avgpool", pooled[0]) if pooled and pooled[1] == number(b) else a / b


def _mean(x: Any, a: Term) -> Term:
    count = x.inputs[0].numel() // max(x.numel(), 1)
    if count == 1:
        return a
    return summed(a, indices(x), f"1/{count} ", rf"\frac{{1}}{{{count}}}")


def _extremum(name: str) -> Function:
    def written(x: Any, a: Term, *others: Any) -> Term:
        over = indices(x) if "axes" in x.parameters else ""
        text, latex = a.inside(PRODUCT)
        below = f"_{{{over}}}" if over else ""
        shown = f"{name}_{over}" if over else name
        return Term(f"{shown} {text}", f"\\{name}{below} {latex}", PRODUCT)

    return written


def _slice(x: Any, a: Term, *others: Any) -> Term:
    """A part; all of it the other way round is a mirror image."""
    if x.shape == x.inputs[0].shape:
        return call("flip", a) if any(s < 0 for s in x.parameters["steps"]) else a
    parts = []
    for start, step, n in zip(*(x.parameters[k] for k in ("starts", "steps", "lengths"))):
        stop = start + step * n
        parts.append(f"{start}" if n == 1 else f"{start}:{stop}" + (f":{step}" * (step != 1)))
    text, latex = a.inside(ATOM)
    return Term(f"{text}[{', '.join(parts)}]", f"{latex}[{', '.join(parts)}]")


def _take(x: Any, a: Term, rows: Term) -> Term:
    text, latex = a.inside(ATOM)
    return Term(f"{text}[{rows.text}]", f"{latex}[{rows.latex}]")


def _put(x: Any, g: Term, rows: Term) -> Term:
    latex = rf"{g.latex} \text{{ at }} {rows.latex}"
    return Term(f"{g.text} at {rows.text}, else 0", latex, SUM)


def _spread(x: Any, g: Term, *places: Term) -> Term:
    latex = rf"{g.latex} \text{{ where the maximum was}}"
    return Term(f"{g.text} where the maximum was, else 0", latex, SUM)


# ---- softmax and the losses on it


def _softmax(x: Any, a: Term) -> Term:
    return call("softmax", a)


def _log_sum(a: Term) -> Term:
    up = E ** indexed(a, "k")
    return Term(f"log(sum_k {up.text})", rf"\log\sum_k {up.latex}", ATOM, PRODUCT)


def _cross_entropy(x: Any, z: Term, labels: Term, *others: Any) -> Term:
    return _log_sum(z) - indexed(z, labels.text, labels.latex)


def _slope(x: Any, z: Term, labels: Term) -> Term:
    one_hot = call("one-hot", labels, latex=r"\operatorname{one\text{-}hot}")
    return call("softmax", z) - one_hot


def _binary_cross_entropy(x: Any, p: Term, y: Term) -> Term:
    log = Symbols().log
    return -y * log(p) - (1 - y) * log(1 - p)


TABLE: dict[str, Callable[..., Term]] = {
    "contract": _contract,
    "linear": lambda x, a, w, b: a @ w.T + b,
    "axpy": lambda x, a, b, c: a + c * b,
    "convolution": _convolution,
    "view": _view,
    "reshape": lambda x, a: a,
    "cast": lambda x, a, *rest: a,
    "slice": _slice,
    "take": _take,
    "put": _put,
    "window_max": lambda x, a: call("maxpool", a),
    "window_spread": _spread,
    "windows": _windows,
    "div": _div,
    "sum": _sum,
    "mean": _mean,
    "amax": _extremum("max"),
    "amin": _extremum("min"),
    "softmax": _softmax,
    "softplus": lambda x, a: Symbols().log1p(E**a),
    "log_softmax": lambda x, a: a - _log_sum(a),
    "cross_entropy": _cross_entropy,
    "cross_entropy_slope": _slope,
    "binary_cross_entropy": _binary_cross_entropy,
    "where": lambda x, c, a, b: choice(c, a, b),
    "eq": lambda x, a, b: infix("=", "=", a, b, COMPARISON),
    "ne": lambda x, a, b: infix("!=", r"\ne", a, b, COMPARISON),
}


# ---- gradients that are clearer than what the rule does to keep numbers small


def _logaddexp_slope(g: Term, inputs: list[Term], which: int) -> Term:
    """1 / (1 + e^(b - a)) instead of e^(a - log(e^a + e^b))."""
    return g / (1 + E ** (inputs[1 - which] - inputs[which]))


def _clamp_slope(g: Term, inputs: list[Term], which: int) -> Term:
    """g where the limits leave x as it is; no limit is left out."""
    x, low, high = inputs
    inside = [x >= low] if number(low) != -math.inf else []
    inside += [x <= high] if number(high) != math.inf else []
    return choice(reduce(and_, inside), g, 0)


SLOPES: dict[str, Callable[[Term, list[Term], int], Term]] = {
    "logaddexp": _logaddexp_slope, "clamp": _clamp_slope,
}  # fmt: skip
