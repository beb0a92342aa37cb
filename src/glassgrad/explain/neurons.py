"""`gg.explain.neurons`: back-propagation neuron by neuron, and who contributed to the error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from ..gradient import ancestors
from .backwards import arrivals
from .naming import Names
from .normal import SILENT
from .roles import operands
from .steps import check, given_names, unchanged
from .tables import table_html, table_text
from .texts import short

INPUTS, UNITS = 6, 16  # so many derivatives and neurons are written out


@dataclass(frozen=True)
class Neuron:
    """One unit of a layer: an array has a number for each row of the batch.

    layer    the number of the layer, from 1
    unit     its place in the layer, from 1
    v        the weighted sum, its bias added
    y        its activation
    by_y     dL/dy, what the layers above push back to it
    delta    dL/dv = dL/dy dy/dv
    weights  of its inputs
    slopes   dL/dw for each of them: delta times what came in, summed over the batch
    by_bias  dL/db, None without a bias
    share    its part of all |delta| of the layer
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


class Neurons(list[Neuron]):
    """All neurons, the last layer first, as errors are pushed back; prints a table for each."""

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
        """A heading and the cells for each layer."""
        return [_table(list(group)) for _, group in groupby(self, key=lambda n: n.layer)]

    def __str__(self) -> str:
        return "\n\n".join(f"{head}\n{table_text(rows)}" for head, rows in self.tables())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return "".join(f"<p>{head}</p>{table_html(rows)}" for head, rows in self.tables())


def _table(group: list[Neuron]) -> tuple[str, list[list[str]]]:
    """The heading and cells of a layer."""
    first, rows = group[0], len(group[0].v)
    several = f"; v, y: means of {rows} rows, derivatives: sums" if rows > 1 else ""
    inputs = range(1, len(first.weights) + 1)
    wide = len(inputs) > INPUTS
    slopes = ["dL/dw"] if wide else [f"dL/dw{j}" for j in inputs]
    bias = ["dL/db"] if first.by_bias is not None else []
    cells = [["unit", "v", "y", "dL/dy", "delta", "share", *slopes, *bias]]
    cells += [_cells(n, wide) for n in group[:UNITS]]
    more = f", {len(group) - UNITS} more units" if len(group) > UNITS else ""
    return f"layer {first.layer}{several}{more}", cells


def _cells(n: Neuron, wide: bool) -> list[str]:
    low, high = short(n.slopes.min()), short(n.slopes.max())
    slopes = [f"{low} to {high}"] if wide else [short(s) for s in n.slopes]
    bias = [] if n.by_bias is None else [short(n.by_bias)]
    numbers = [n.v.mean(), n.y.mean(), n.by_y.sum(), n.delta.sum()]
    return [str(n.unit), *map(short, numbers), f"{n.share:.0%}", *slopes, *bias]


def neurons(target: Any, *, names: dict[str, Any] | None = None) -> Neurons:
    """Every delta and every dL/dw of every layer, neuron by neuron, from the last layer back.

    target  the loss, one number

    delta_k = dL/dy_k dy_k/dv_k;  dL/dw_jk = delta_k y_j;  dL/dy_j = sum over k of delta_k w_jk,
    which the layer below starts from: each delta is computed once.  `share` says how much a neuron
    has contributed to the error, as its part of the absolute deltas of its layer.  Of a convolution
    a neuron is a channel, and sums go over its places too.  Source: lecture R, back-propagation as
    dynamic programming and "push back loss"; lecture B, multilayer perceptrons.

    Raises:
        TypeError, ValueError, RuntimeError: As `steps`; ValueError also where there is no layer.
    """
    check(target, True)
    nodes = ancestors([target])
    unchanged(nodes)
    known = Names(nodes, target, given_names(names))
    if not known.layers:
        raise ValueError("the loss was computed without layers: no product with a weight matrix")
    slopes = {target: np.ones(target.shape)}
    slopes |= {a.input: a.gradient for a in arrivals(target, nodes, known)}
    scores = {number: x for x, number in known.scores.items()}
    found = Neurons()
    for x, number in reversed(known.layers.items()):
        if scores[number] in slopes:
            found += layer_neurons(x, number, scores[number], known, slopes)
    return found


def layer_neurons(
    x: Any, number: int, score: Any, known: Names, slopes: dict[Any, np.ndarray]
) -> Iterator[Neuron]:
    """The neurons of one layer."""
    weight = operands(x)[1]
    bias = next((slopes.get(b) for b, n in known.biases.items() if n == number), None)
    active = activation(score, number, known, slopes)
    arrays = (score.value, active.value, slopes[active], slopes[score])
    columns = [by_unit(a, x.operation.name) for a in arrays]
    matrix, change = (of_units(a, x) for a in (weight.value, slopes.get(weight, weight.value * 0)))
    size = np.abs(columns[3]).sum(0)
    for k, share in enumerate(size / (size.sum() or 1)):
        by_bias = None if bias is None else float(bias.reshape(-1)[k % bias.size])
        v, y, by_y, delta = (column[:, k] for column in columns)
        weights = (matrix[k], change[k], by_bias)
        yield Neuron(number, k + 1, v, y, by_y, delta, *weights, float(share))


def activation(score: Any, number: int, known: Names, slopes: dict[Any, Any]) -> Any:
    """The node that holds y, of the shape of v; v itself where the layer has no activation."""
    same = [u for u in known.users[score] if u.shape == score.shape and u in slopes]
    entering = [u for u, n in known.entering.items() if n == number and u.shape == score.shape]
    named = [u for u in same if known.terms[u].text == f"H{number}"]
    single = same if len(known.users[score]) == 1 and score not in known.loss else []
    inside = [u for u in single if u not in known.loss and u.operation.kind == "elementwise"]
    return [*entering, *named, *inside, score][0]


def by_unit(array: np.ndarray, operation: str) -> np.ndarray:
    """Numbers as [rows, units]; the places of a convolution are rows."""
    if operation == "convolution":
        array = np.moveaxis(array, 1, -1)
    return array.reshape(-1, array.shape[-1])


def of_units(weight: np.ndarray, x: Any) -> np.ndarray:
    """A weight, or its derivative, as [units, inputs]."""
    if x.operation.name == "contract" and not units_first(x):
        weight = weight.T
    return weight.reshape(len(weight), -1)


def units_first(x: Any) -> bool:
    """Whether the weight leaf has a row for each unit, as `nn.Linear` has."""
    weight = operands(x)[1]
    for labels, i in zip(x.parameters["reads"], x.inputs):
        first = labels[0] < x.parameters["rank"]
        while i.operation is not None and i.operation.name in SILENT:
            first ^= i.parameters.get("axes") == (1, 0)
            i = i.inputs[0]
        if i is weight:
            return first
    return True
