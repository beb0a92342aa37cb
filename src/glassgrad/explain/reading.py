"""Nodes as formulas of the names of their inputs.

The meaning of an elementwise operation is read once more, with symbols where NumPy has arrays.
What is no expression of elements (products of matrices, sums over axes) has an entry in a table.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from operator import mul
from typing import Any

from ..types import Shape
from .elements import (
    LETTERS,
    Letters,
    array,
    by_letters,
    cut,
    element,
    exact,
    free,
    is_pointwise,
    of_elements,
    reduced,
    reshaped,
    viewed,
)
from .formula import (
    ATOM,
    COMPARISON,
    LOGIC,
    OVER,
    PRODUCT,
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
from .normal import root
from .symbols import E, Symbols
from .windows import (
    array_of,
    called,
    channels,
    convolved,
    kernels_of,
    mirrored,
    overlap,
    window_max,
    windows,
)

INDEXED = {"cross_entropy", "log_softmax", "take", "put", "slice"}  # of parts of what has a name
CONVOLUTIONS = ("conv",), ("conv_transposed",)
LONGEST = 160  # letters of what an operation does to short names
Namer = Callable[[Any], Term]
Slope = Callable[[Any, Term, list[Term], int], Term]  # (node, g, its inputs, which of them)


def formula_of(x: Any, name: Namer) -> Term:
    """What a node is computed by; `name` gives its inputs."""
    operation = x.operation.name
    if operation == "convolution":
        return convolved(x, name)
    if operation == "view" and (found := kernels_of(x, name)) is not None:
        return found
    inputs = list(map(name, x.inputs))
    shapes = [i.shape for i in x.inputs]
    if operation in FOLDS:
        return reduced(x, inputs[0], FOLDS[operation]) if x.parameters["axes"] else inputs[0]
    if operation == "add" and inputs[0].parts[:1] in CONVOLUTIONS:
        inputs[1] = channels(inputs[1])
    if is_pointwise(x):
        return of_elements(x, shapes, inputs, lambda *terms: plain(x, *terms))
    if operation in VIEWS:
        return VIEWS[operation](x, *inputs)
    if operation == "contract":
        return _contract(x, *inputs)
    if operation in ("slice", "place"):
        inputs[0] = exact(inputs[0], shapes[0])
    found, source = plain(x, *map(array, inputs, shapes)), mirrored(x)
    return found if source is None else found._replace(parts=("mirror", array_of(source, name)))


def plain(x: Any, *inputs: Term) -> Term:
    """What a node is computed by, of formulas of arrays or of elements."""
    written = TABLE.get(x.operation.name)
    if written is not None:
        return written(x, *inputs)
    if x.operation.kind == "elementwise":
        try:
            found = term(x.operation.meaning(Symbols(), *inputs, **x.parameters))
            if len(found.text) < LONGEST + 4 * sum(len(i.text) for i in inputs):
                return found  # else, as the polynomials of erfinv, its name says more
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
    if len(inner) == 1 and any(inner[0] not in labels[-2:] for labels in (first, second)):
        return by_index(x, a, b)
    matrices = len(second) < 3 or (len(first) < 3 and out == columns + rows)
    vectors = min(len(first), len(second)) < 2 and len(out) < rank  # one for each row
    if len(inner) > 1 or not matrices or vectors or out not in (rows + columns, columns + rows):
        return by_index(x, a, b)
    a, b = (array(t, i.shape) for t, i in zip((a, b), x.inputs))
    if not inner:
        left, right = (a, b) if out == rows + columns else (b, a)
        return left @ right.T if rows and columns else a * b
    if not rows and not columns:
        first, second = (root(i).shape[:-1] == (1,) for i in x.inputs)  # of a matrix, a row
        return (a if first else a.T) @ (b.T if second else b)
    a_last, b_first = first[-1] == inner[0], second[0] == inner[0]
    if rows and columns and out == rows + columns:
        return (a if a_last else a.T) @ (b if b_first else b.T)
    if rows and not columns:
        return (a if a_last else a.T) @ b
    b_last = second[-1] == inner[0]
    return (b if b_last else b.T) @ (a.T if rows and a_last else a)  # vectors are columns


def by_index(x: Any, *factors: Term) -> Term:
    """sum_k a_ik b_jk, as what is no product of matrices; a sum within is made one with it."""
    rank, reads = x.parameters["rank"], x.parameters["reads"]
    lengths = {i: n for labels, of in zip(reads, x.inputs) for i, n in zip(labels, of.shape)}

    def at(letters: Letters, taken: str) -> Term:
        fresh = iter(free(taken))
        of_label = {i: letters[i] for i in range(rank)}
        of_label |= {i: next(fresh) for i in sorted(lengths) if i >= rank and lengths[i] != 1}
        over = [i for label, i in of_label.items() if label >= rank]
        found: list[tuple[Term, Letters, Shape]] = []
        for factor, labels, of in zip(factors, reads, x.inputs):
            place = tuple(of_label.get(i, "") for i in labels)
            inner = factor.split("einsum")
            if inner is None:
                found.append((factor, place, of.shape))
                continue
            change = dict(zip(inner[1], place)) | {old: next(fresh) for old in inner[2]} | {"": ""}
            over += [change[old] for old in inner[2]]
            found += [(one, tuple(change[i] for i in old), n) for one, old, n in inner[0]]
        used = taken + "".join(over)
        summands = reduce(mul, (element(one, shape, place, used) for one, place, shape in found))
        total = summed(summands, "".join(sorted(over))) if over else summands
        return total._replace(parts=("einsum", tuple(found), letters, tuple(over)), scalar=False)

    return by_letters(x, at)


def shared(label: int, x: Any) -> bool:
    """Whether an axis is one of both factors and of the result: of a batch of products."""
    first, second = x.parameters["reads"]
    return label in first and label in second and label < x.parameters["rank"]


# ---- axes


def _sum(x: Any, a: Term, over: str) -> Term:
    if not over:
        return a
    if (windows := a.split("windows")) is not None:
        count = x.inputs[0].numel() // max(x.numel(), 1)
        return summed(a, over)._replace(parts=("sum of windows", windows[0], count, windows[1]))
    return summed(a, over)


def _div(x: Any, a: Term, b: Term) -> Term:
    """a / b; the mean of windows by its name."""
    pooled = a.split("sum of windows")
    if pooled and pooled[1] == number(b):
        return called("avgpool", [pooled[0]], pooled[2])
    return a / b


def _mean(x: Any, a: Term, over: str) -> Term:
    count = x.inputs[0].numel() // max(x.numel(), 1)
    if count == 1:
        return a
    return summed(a, over, f"1/{count} ", rf"\frac{{1}}{{{count}}}")


def _extremum(name: str) -> Function:
    def written(x: Any, a: Term, over: str) -> Term:
        if not over:
            return a
        text, latex = a.inside(OVER)
        return Term(f"{name}_{over} {text}", f"\\{name}_{{{over}}} {latex}", OVER)

    return written


def _slice(x: Any, a: Term, *others: Any) -> Term:
    """A part; all of it the other way round is a mirror image."""
    if x.shape == x.inputs[0].shape and min(x.parameters["steps"], default=1) > 0:
        return a
    text, latex = a.inside(ATOM)
    whole = x.inputs[0].shape
    where = part_of(x.parameters, x.shape, whole)
    numbered = [n == 1 < length for n, length in zip(x.shape, whole)]
    return cut(x, Term(f"{text}{where}", f"{latex}{where}"), numbered)


def _place(x: Any, g: Term, *others: Any) -> Term:
    """What was handed to a part; the rest has 0."""
    where = part_of(x.parameters, x.inputs[0].shape, x.shape)
    if x.shape == x.inputs[0].shape:
        text, latex = g.inside(ATOM)
        return Term(f"{text}{where}", f"{latex}{where}")
    latex = rf"{g.latex} \text{{ at }} {where} \text{{, else }} 0"
    return Term(f"{g.text} at {where}, else 0", latex, LOGIC)


def part_of(parameters: dict[str, Any], part: Shape, whole: Shape) -> str:
    """[0], [:, 1:3], [::-1]: a number for one place, nothing for all that remains."""
    parts = []
    for start, step, n, length in zip(parameters["starts"], parameters["steps"], part, whole):
        stop = start + step * n
        first = "" if start == (0 if step > 0 else length - 1) else start
        ends = f"{first}:{stop if 0 <= stop < length else ''}"
        parts.append(f"{start}" if n == 1 < length else ends + (f":{step}" * (step != 1)))
    while len(parts) > 1 and parts[-1] == ":":
        parts.pop()
    return f"[{', '.join(parts)}]"


def _concatenate(x: Any, *inputs: Term) -> Term:
    """End to end; what has one axis less is stacked."""
    axis, rank = x.parameters["axis"], len(x.shape)
    stacked = all(t.form.shown is not None and len(t.form.shown) == rank - 1 for t in inputs)
    said = [f"axis {axis}"] if axis else []
    return called("stack" if stacked else "concatenate", list(inputs), said)


def _take(x: Any, a: Term, rows: Term) -> Term:
    text, latex = a.inside(ATOM)
    return Term(f"{text}[{rows.text}]", f"{latex}[{rows.latex}]")


def _put(x: Any, g: Term, rows: Term) -> Term:
    latex = rf"{g.latex} \text{{ added up at }} {rows.latex} \text{{, else }} 0"
    return Term(f"{g.text} added up at {rows.text}, else 0", latex, LOGIC)


def _spread(x: Any, g: Term, *places: Term) -> Term:
    latex = rf"{g.latex} \text{{ added up where the maximum was, else }} 0"
    return Term(f"{g.text} added up where the maximum was, else 0", latex, LOGIC)


# ---- softmax and the losses on it


def _softmax(x: Any, a: Term) -> Term:
    """Along the last axis, or along that of a letter."""
    if x.parameters["axis"] % len(x.shape) == len(x.shape) - 1:
        return call("softmax", a)
    letter = LETTERS[x.parameters["axis"]]
    return call(f"softmax_{letter}", a, latex=rf"\operatorname{{softmax}}_{{{letter}}}")


def _log_softmax(x: Any, a: Term) -> Term:
    if x.parameters["axis"] % len(x.shape) == len(x.shape) - 1:
        return a - _log_sum(a)
    softmax = _softmax(x, a)
    return Symbols().log(softmax)._replace(parts=("log", softmax))


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


FOLDS: dict[str, Callable[[Any, Term, str], Term]] = {
    "sum": _sum, "mean": _mean, "amax": _extremum("max"), "amin": _extremum("min"),
}  # fmt: skip
VIEWS: dict[str, Callable[[Any, Term], Term]] = {"view": viewed, "reshape": reshaped}
TABLE: dict[str, Callable[..., Term]] = {
    "linear": lambda x, a, w, b: a @ w.T + b,
    "axpy": lambda x, a, b, c: a + c * b,
    "detach": lambda x, a: call("detach", a) if x.inputs[0].requires_grad else a,
    "cast": lambda x, a, *rest: a,
    "slice": _slice,
    "place": _place,
    "concatenate": _concatenate,
    "take": _take,
    "put": _put,
    "window_max": window_max,
    "overlap": overlap,
    "window_spread": _spread,
    "windows": windows,
    "div": _div,
    "softmax": _softmax,
    "softplus": lambda x, a: Symbols().log1p(E**a),
    "log_softmax": _log_softmax,
    "cross_entropy": _cross_entropy,
    "cross_entropy_slope": _slope,
    "binary_cross_entropy": _binary_cross_entropy,
    "where": lambda x, c, a, b: choice(c, a, b),
    "eq": lambda x, a, b: infix("=", "=", a, b, COMPARISON),
    "ne": lambda x, a, b: infix("!=", r"\neq", a, b, COMPARISON),
}


# ---- gradients that are clearer than what the rule does to keep numbers small


def _logaddexp_slope(y: Any, g: Term, inputs: list[Term], which: int) -> Term:
    """1 / (1 + e^(b - a)) instead of e^(a - log(e^a + e^b))."""
    return g / (1 + E ** (inputs[1 - which] - inputs[which]))


def _clamp_slope(y: Any, g: Term, inputs: list[Term], which: int) -> Term:
    """g where the limits leave x as it is; no limit is left out."""
    x, low, high = inputs
    inside = x
    if number(low) != -math.inf:
        inside = low <= x
    if number(high) != math.inf:
        inside = infix("<=", r"\leq", inside, high, COMPARISON)
    return choice(inside, g, 0)


def _extreme_slope(larger: bool) -> Slope:
    def written(y: Any, g: Term, inputs: list[Term], which: int) -> Term:
        """g for the one that was chosen; of two equal ones each has half of it."""
        x, other = inputs[which], inputs[1 - which]
        rest = term(0)
        if (y.inputs[0].value == y.inputs[1].value).any():
            rest = choice(infix("=", "=", x, other, COMPARISON), g / 2, 0)
        return choice(x > other if larger else x < other, g, rest)

    return written


def _power_slope(y: Any, g: Term, inputs: list[Term], which: int) -> Term:
    """b a^(b - 1) and a^b log(a), where the rule also sees to a = 0."""
    a, b = inputs
    exponent = number(b)
    less = b - 1 if exponent is None else term(exponent - 1)
    return g * (b * a**less if which == 0 else a**b * Symbols().log(a))


def _root_slope(y: Any, g: Term, inputs: list[Term], which: int) -> Term:
    """1 / (2 sqrt(x)), where the rule also sees to x = 0."""
    return g / (2 * Symbols().sqrt(inputs[0]))


SLOPES: dict[str, Slope] = {
    "logaddexp": _logaddexp_slope, "clamp": _clamp_slope, "pow": _power_slope, "root": _root_slope,
    "expm1": lambda y, g, inputs, which: g * E ** inputs[0],
    "maximum": _extreme_slope(True), "minimum": _extreme_slope(False),
}  # fmt: skip
