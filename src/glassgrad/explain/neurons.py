"""`gg.explain.neurons`: back-propagation neuron by neuron, and who contributed to the error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from ..gradient import ancestors, gradients
from ..nn import Parameter
from ..tensors import no_grad
from ..tensors.creation import ones_like
from ..tensors.listening import unheard
from .naming import Names
from .normal import SILENT, root
from .steps import check, given_names, unchanged
from .tables import table_html, table_text
from .texts import short
from .uses import Sums, Use

INPUTS, UNITS = 6, 16  # so many derivatives and neurons are written out


@dataclass(frozen=True)
class Neuron:
    """One unit of a layer: an array has a number for each row of the batch.

    layer    the number of the layer, from 1; a layer that is used several times has several
    unit     its place in the layer, from 1
    v        the weighted sum, its bias added
    y        its activation
    by_y     dL/dy, what the layers above push back to it
    delta    dL/dv = dL/dy dy/dv
    weights  of its inputs
    slopes   for each of them delta times what came in, summed over the batch: dL/dw, but for
             weights that enter the loss in other ways too, whose sums `Neurons.totals` has
    by_bias  the same of its bias, None without one
    share    its part of all |delta| of the layer
    passed   what the next layer is given in place of y: after a skip connection, after dropout
    places   of a convolution, how many numbers a row has
    """

    layer: int
    unit: int
    v: np.ndarray
    y: np.ndarray
    by_y: np.ndarray
    delta: np.ndarray
    weights: np.ndarray
    slopes: np.ndarray
    by_bias: float | None
    share: float
    passed: np.ndarray | None = None
    places: int = 1


@dataclass(frozen=True)
class Total:
    """dL/dw of weights that several layers share, or that the loss depends on in other ways too.

    layers  the numbers of those that have them
    others  the operations that use weights or biases beside layers: square of an L2 penalty
    parts   {what it is: [units, inputs]}, the bias last; "dL/dw" is the sum of the others
    biased  whether there is a bias
    """

    layers: tuple[int, ...]
    others: tuple[str, ...]
    parts: dict[str, np.ndarray]
    biased: bool


class Neurons(list[Neuron]):
    """All neurons, the last layer first, as errors are pushed back; prints a table for each.

    totals  of weights for which dL/dw is more than one layer's delta y
    """

    def __init__(self, found: Iterable[Neuron] = (), totals: Iterable[Total] = ()) -> None:
        super().__init__(found)
        self.totals = list(totals)

    def of(self, layer: int) -> list[Neuron]:
        """The neurons of a layer, which is counted from 1.

        Raises:
            KeyError: There is no such layer.
        """
        found = [n for n in self if n.layer == layer]
        if not found:
            raise KeyError(
                f"there is no layer {layer}; there are {sorted({n.layer for n in self})}"
            )
        return found

    def tables(self) -> list[tuple[str, list[list[str]]]]:
        """A heading and the cells for each layer, then for each of the totals."""
        groups = (list(group) for _, group in groupby(self, key=lambda n: n.layer))
        of_layers = [_table(group, self.beside(group[0].layer)) for group in groups]
        return of_layers + [_total_table(total) for total in self.totals]

    def beside(self, layer: int) -> Total | None:
        """The total that a layer's derivatives are part of."""
        return next((total for total in self.totals if layer in total.layers), None)

    def __str__(self) -> str:
        return "\n\n".join(f"{head}\n{table_text(rows)}" for head, rows in self.tables())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return "".join(f"<p>{head}</p>{table_html(rows)}" for head, rows in self.tables())


# ---- tables


def _table(group: list[Neuron], total: Total | None) -> tuple[str, list[list[str]]]:
    """The heading and cells of a layer; of weights with a total, `delta y` in place of dL/dw."""
    first = group[0]
    name = "dL/dw" if total is None else "delta y"
    bias = ["dL/db"] if first.by_bias is not None and total is None else []
    middle = ["v", "y", *(["passed on"] if first.passed is not None else []), "dL/dy", "delta"]
    cells = [["unit", *middle, "share", *_columns(name, len(first.weights)), *bias]]
    cells += [_cells(n, bool(bias)) for n in group[:UNITS]]
    return "; ".join([f"layer {first.layer}", *_notes(first, total), *_more(len(group))]), cells


def _notes(first: Neuron, total: Total | None) -> Iterator[str]:
    """What the numbers of a table are."""
    count, each = len(first.v) // first.places, first.places
    rows = [f"{count} rows"] if count > 1 else []
    places = [f"{each} places"] if each > 1 else []
    if rows or places:
        yield f"v, y: means of {' of '.join(rows + places)}, derivatives: sums"
    if first.passed is not None:
        yield "passed on: what the next layer is given for y"
    if total is not None:
        others = [n for n in total.layers if n != first.layer]
        shared = [f"weights shared with {_listed(others)}"] if others else []
        used = [f"w or b enter the loss by {', '.join(total.others)} too"] if total.others else []
        yield f"{' and '.join(shared + used)}: dL/dw is below"


def _listed(numbers: Sequence[int]) -> str:
    """Layers by their numbers, many by the first and last."""
    few = len(numbers) <= INPUTS
    named = ", ".join(map(str, numbers if few else numbers[:3]))
    return f"layer{'s' * (len(numbers) > 1)} {named}" + ("" if few else f", ..., {numbers[-1]}")


def _columns(name: str, count: int) -> list[str]:
    return [name] if count > INPUTS else [f"{name}{j}" for j in range(1, count + 1)]


def _more(count: int) -> list[str]:
    return [f"{count - UNITS} more units"] if count > UNITS else []


def _cells(n: Neuron, biased: bool) -> list[str]:
    passed = [] if n.passed is None else [n.passed.mean()]
    numbers = [n.v.mean(), n.y.mean(), *passed, n.by_y.sum(), n.delta.sum()]
    bias = [short(n.by_bias)] if biased else []
    return [str(n.unit), *map(short, numbers), f"{n.share:.0%}", *_each(n.slopes), *bias]


def _each(numbers: np.ndarray) -> list[str]:
    """Each of a few numbers, or the range of many."""
    if len(numbers) <= INPUTS:
        return [short(x) for x in numbers]
    return [f"{short(numbers.min())} to {short(numbers.max())}"]


def _total_table(total: Total) -> tuple[str, list[list[str]]]:
    """The heading and cells of a weight's whole derivative."""
    parts = total.parts if total.others else {"dL/dw": total.parts["dL/dw"]}
    count, width = total.parts["dL/dw"].shape
    inputs = width - total.biased
    named = ["part"] if total.others else []
    cells = [["unit", *named, *_columns("w", inputs), *(["b"] if total.biased else [])]]
    for unit in range(min(count, UNITS)):
        for i, (part, array) in enumerate(parts.items()):
            label = [part] if total.others else []
            row = [*_each(array[unit, :inputs]), *map(short, array[unit, inputs:])]
            cells.append(["" if i else str(unit + 1), *label, *row])
    return "; ".join([_said(total), *_more(count)]), cells


def _said(total: Total) -> str:
    """What a total consists of."""
    several = len(total.layers) > 1
    layers = _listed(total.layers) + (", which share weights" if several else "")
    uses = "the sum of delta y over these uses" if several else "delta y"
    others = f", and what comes by {', '.join(total.others)}" if total.others else ""
    return f"dL/dw of {layers}: {uses}{others}"


# ---- numbers


def neurons(target: Any, *, names: dict[str, Any] | None = None) -> Neurons:
    """Every delta and every dL/dw of every layer, neuron by neuron, from the last layer back.

    target  the loss, one number

    delta_k = dL/dy_k dy_k/dv_k;  dL/dw_jk = delta_k y_j;  dL/dy_j = sum over k of delta_k w_jk,
    which the layer below starts from: each delta is computed once.  `share` says how much a neuron
    has contributed to the error, as its part of the absolute deltas of its layer.  Of a convolution
    a neuron is a channel, and sums go over its places too.  A layer that is used several times is a
    layer at each use, with delta y of this use; the sum over its uses, and what a penalty adds,
    stand below.  Products with constants, as of adaptive pooling, are left out.  Source: lecture R,
    back-propagation as dynamic programming and "push back loss"; lecture B, multilayer perceptrons.

    Raises:
        TypeError, ValueError, RuntimeError: As `steps`; ValueError also where there is no layer.
    """
    check(target, True)
    nodes = ancestors([target])
    unchanged(nodes)
    known = Names(nodes, target, given_names(names))
    sums = Sums(known)
    uses = [Use(x, number, known, sums) for x, number in known.layers.items()]
    uses = [use for use in uses if use.weight.requires_grad or isinstance(use.weight, Parameter)]
    if not uses:
        raise ValueError("the loss was computed without layers: no product with a weight matrix")
    with no_grad(), unheard(), np.errstate(all="ignore"):
        wanted = [x for use in uses for x in (use.product, use.v, use.y)]
        slopes = gradients({target: ones_like(target)}, wanted)
        uses = [use for use in uses if use.product in slopes and use.y in slopes]
        parts = {use: use.slopes(slopes[use.product]) for use in uses}
        found = [n for use in reversed(uses) for n in use_neurons(use, parts[use], slopes)]
        return Neurons(found, totals(parts, slopes, sums))


def use_neurons(use: Use, change: np.ndarray, slopes: dict[Any, Any]) -> Iterator[Neuron]:
    """The neurons of one layer."""
    arrays = (use.v.value, use.y.value, slopes[use.y].value, slopes[use.v].value)
    columns = [use.by_unit(a) for a in arrays]
    passed = None if use.passed is None else use.by_unit(use.passed.value)
    matrix, change = use.of_units(use.weight.value), use.of_units(change)
    size = np.abs(columns[3]).sum(0)
    for k, share in enumerate(size / (size.sum() or 1)):
        v, y, by_y, delta = (column[:, k] for column in columns)
        by_bias = None if use.bias is None else float(delta.sum())
        given = None if passed is None else passed[:, k]
        weights = (matrix[k], change[k], by_bias, float(share), given, use.places())
        yield Neuron(use.number, k + 1, v, y, by_y, delta, *weights)


def totals(parts: dict[Use, Any], slopes: dict[Any, Any], sums: Sums) -> Iterator[Total]:
    """The derivatives that are more than delta y of one layer, once for each weight."""
    for weight in dict.fromkeys(use.weight for use in parts):
        uses = [use for use in parts if use.weight is weight]
        biases = list(dict.fromkeys(use.bias for use in uses if use.bias is not None))
        bias = biases[0] if len(biases) == 1 else None
        others = tuple(dict.fromkeys(elsewhere(weight, bias, uses, sums)))
        if weight in slopes and (len(uses) > 1 or others):
            yield total(uses, bias, others, parts, slopes)


def total(
    uses: list[Use], bias: Any, others: tuple[str, ...], parts: dict[Use, Any],
    slopes: dict[Any, Any],
) -> Total:  # fmt: skip
    """delta y of all uses, what comes from elsewhere, and both together."""
    first = uses[0]
    whole = first.of_units(slopes[first.weight].value)
    each = [first.of_units(parts[use]) for use in uses]
    if bias is not None:
        own = first.of_bias(slopes[bias].value, len(whole)) if bias in slopes else 0 * whole[:, 0]
        deltas = [
            use.by_unit(slopes[use.v].value).sum(0) if use.bias is bias else 0 * own for use in uses
        ]
        whole = np.column_stack([whole, own])
        each = [np.column_stack(pair) for pair in zip(each, deltas)]
    summed = np.sum(each, axis=0)
    rest = whole - summed
    rest[abs(rest) < 16 * np.finfo(rest.dtype).eps * np.sum(np.abs(each), axis=0)] = 0  # rounding
    middle = {f"by {', '.join(others)}": rest} if others else {}
    listed = {"delta y": summed, **middle, "dL/dw": whole}
    return Total(tuple(use.number for use in uses), others, listed, bias is not None)


def elsewhere(weight: Any, bias: Any, uses: list[Use], sums: Sums) -> Iterator[str]:
    """The operations that use a weight or a bias beside its layers."""
    products, wholes = {use.product for use in uses}, {use.v for use in uses}
    stack = [weight] if bias is None else [bias, weight]
    while stack:
        for x in sums.known.users[stack.pop()]:
            twice = sum(root(i) is weight for i in x.inputs) > 1
            if x.operation.name in SILENT and x not in sums.top:
                stack.append(x)
            elif twice or (x not in products and sums.top.get(x) not in wholes):
                yield x.operation.name
