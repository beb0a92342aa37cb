"""The columns of a network diagram, and which unit feeds which.

Steps that keep the units as they are (activations, norms, dropout) belong to the column that they
act on; a step that makes others (a matrix, a convolution, pooling) leads to a column of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from ..arguments import listing
from ..autograd import grad
from ..nn.chain import Step, inside, window
from ..nn.dropout import _Dropout
from ..nn.embedding import Embedding
from ..tensors import Tensor
from ..training.history import counted

TOGETHER = (
    "softmax", "argmax", "softmin", "logsoftmax", "log_softmax", "maxout", "perceptron", "amax",
)  # fmt: skip
SILENT = ("add", "sub", "mul", "cast", "view", "reshape", "identity", "flatten", "dropout")


class Edge(NamedTuple):
    """From unit `start` of a column to unit `end` of the next.

    weight  its number; None where there is none, as in pooling
    shared  which of the kernel's weights it is; None of a matrix
    """

    start: int
    end: int
    weight: float | None
    shared: int | None = None


@dataclass
class Link:
    """What leads from a column to the next.

    kind      dense, convolution, pooling, flatten or other
    text      what stands beside it
    incoming  unit of the next column -> its edges
    bias      a number for each unit of the next column; for each channel of a convolution
    window    the lengths of a kernel along its axes; stride and padding likewise
    kernels   the shape of all weights that are shared: (filters, channels, length)
    """

    kind: str
    text: str
    incoming: Callable[[int], list[Edge]]
    bias: np.ndarray | None = None
    window: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    padding: tuple[int, ...] = ()
    kernels: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self.incoming = cache(self.incoming)

    def bias_of(self, unit: int, units: int) -> float | None:
        """What is added to a unit of the next column, of `units`."""
        if self.bias is None:
            return None
        return float(self.bias[unit // max(units // len(self.bias), 1)])

    def name_of(self, shared: int) -> str:
        """A shared weight as the lecture has it: v1,2 is the second number of the first kernel."""
        at = np.unravel_index(shared, self.kernels)
        return "v" + ",".join(str(i + 1) for i, n in zip(at, self.kernels) if n > 1)


@dataclass
class Column:
    """Units that stand above each other.

    shape     (units,), (channels, length) or (channels, height, width)
    values    what the units give for the input, as many as there are
    before    the same before any activation: the excitations
    names     what is done to them: ["ReLU"]
    together  whether they are computed together, as by softmax
    part      what its parts are called: "channel", "row"
    dropped   the units that a dropout layer left out
    """

    shape: tuple[int, ...]
    values: np.ndarray
    before: np.ndarray
    names: list[str] = field(default_factory=list)
    together: bool = False
    part: str = "row"
    dropped: frozenset[int] = frozenset()

    @property
    def units(self) -> int:
        return math.prod(self.shape)

    @property
    def length(self) -> int:
        """Units of a channel or row that stand together."""
        return self.shape[-1] if len(self.shape) == 2 and self.shape[0] > 1 else self.units

    @property
    def is_image(self) -> bool:
        """Whether it is drawn as maps and not unit by unit."""
        return len(self.shape) >= 3


def columns_of(steps: list[Step]) -> tuple[list[Column], list[Link]]:
    """The columns of a chain, and a link between each two."""
    if (rows := len(steps[0].given.value)) != 1:
        raise ValueError(f"x is one row, and there are {rows}: give one of them, x[0]")
    columns, links = [column_of(steps[0].given)], []
    for step in steps:
        link = link_of(step)
        if link is None:
            absorb(columns[-1], step)
        else:
            links.append(link)
            columns.append(column_of(step.output))
            if link.kind == "flatten":
                columns[-1].dropped = columns[-2].dropped
            if link.kind in ("convolution", "pooling"):
                columns[-2].part = columns[-1].part = "channel"
            if together(step):
                columns[-1].together, link.text = True, ""
                columns[-1].names.append(step.operation)
    return columns, links


def names_of(names: Any, column: Column, what: str) -> list[str]:
    """The names of a column's units, one for each, or none.

    Raises:
        ValueError: There are not as many as units.
    """
    found = list(map(str, listing(names)))
    if found and len(found) != column.units:
        names_are = "1 name was" if len(found) == 1 else f"{len(found)} names were"
        raise ValueError(f"{names_are} given for {counted(column.units, what)}")
    return found


def together(step: Step) -> bool:
    """Whether the units of a step depend on each other."""
    return step.operation.lower().removesuffix("2d") in TOGETHER


def column_of(x: Any) -> Column:
    """The units of the first row of a tensor."""
    value = np.asarray(x.value)[:1].reshape(x.shape[1:] or (1,))
    return Column(value.shape, value.reshape(-1), value.reshape(-1))


def absorb(column: Column, step: Step) -> None:
    """A step that keeps the units."""
    column.shape, column.values = column_of(step.output).shape, column_of(step.output).values
    name = step.operation
    column.together = column.together or together(step)
    column.dropped |= dropped_by(step)
    if not name.lower().startswith(SILENT):
        column.names.append(name)


def dropped_by(step: Step) -> frozenset[int]:
    """The units that a dropout layer leaves out: what it gives does not change with them."""
    if not isinstance(step.layer, _Dropout) or not step.given.requires_grad:
        return frozenset()
    ones = Tensor.lift(np.ones(step.output.shape, step.output.dtype))
    slope = grad(step.output, step.given, ones, retain_graph=True, materialize_grads=True)[0]
    return frozenset(np.flatnonzero(slope.value[0] == 0).tolist())


def link_of(step: Step) -> Link | None:
    """How a step leads to other units; None if it keeps them."""
    before, after = step.given.shape[1:], step.output.shape[1:]
    if (hero := inside(step, "convolution")) is not None:
        return convolution(step, hero)
    if "Pool" in step.operation and getattr(step.layer, "kernel_size", None) is not None:
        return pooling(step)
    weight = step.weight
    if weight is not None and not fits(weight, step):
        weight = None
    if weight is not None and len(before) == len(after) and before[:-1] == after[:-1]:
        return dense(step)
    if before == after:
        return None
    if math.prod(before) == math.prod(after):
        return Link("flatten", "", lambda i: [Edge(i, i, None)]) if len(before) > 2 else None
    return Link("other", step.operation, own_values(step) or reaching(step))


def own_values(step: Step) -> Callable[[int], list[Edge]] | None:
    """The edges of an embedding: of each id to the numbers that are looked up for it."""
    if not isinstance(step.layer, Embedding):
        return None
    return lambda unit: [Edge(unit // step.output.shape[-1], unit, None)]


def reaching(step: Step) -> Callable[[int], list[Edge]]:
    """The edges of any step: from the units with which a unit changes, else from all."""

    def incoming(unit: int) -> list[Edge]:
        starts: Any = range(math.prod(step.given.shape[1:]))
        if step.output.requires_grad and step.given.requires_grad:
            seed = np.zeros(step.output.shape, step.output.dtype)
            seed.reshape(len(seed), -1)[0, unit] = 1
            found = grad(step.output, step.given, Tensor.lift(seed), retain_graph=True,
                         materialize_grads=True)[0]  # fmt: skip
            starts = np.flatnonzero(found.value[0]).tolist()
        return [Edge(start, unit, None) for start in starts]

    return incoming


def matrix_of(step: Step) -> np.ndarray:
    """The weight as [outputs, inputs]."""
    weight = np.asarray(step.weight.value)
    return weight.T if step.turned else weight


def fits(weight: Any, step: Step) -> bool:
    """Whether a weight is a matrix from the units of a step to the next."""
    if len(weight.shape) != 2 or not step.given.shape[1:] or not step.output.shape[1:]:
        return False
    made = step.operation in ("contract", "linear") or step.layer is not None
    return made and matrix_of(step).shape == (step.output.shape[-1], step.given.shape[-1])


def dense(step: Step) -> Link:
    """Every unit feeds every unit; of several rows, each row's units the same row's."""
    weight = matrix_of(step)
    outputs, inputs = weight.shape
    bias = None if step.bias is None else np.asarray(step.bias.value)
    if bias is not None:
        bias = np.tile(bias, math.prod(step.output.shape[1:]) // outputs)

    def incoming(unit: int) -> list[Edge]:
        row, unit_of_row = divmod(unit, outputs)
        weights = weight[unit_of_row].tolist()
        return [Edge(row * inputs + j, unit, w) for j, w in enumerate(weights)]

    return Link("dense", "", incoming, bias)


def convolution(step: Step, hero: Any) -> Link:
    """A unit sees the inputs under its window; the weights are the same at each place.

    Of a transposed convolution the inputs stand apart, with zeros between them.
    """
    weight = np.asarray(hero.inputs[1].value)
    at = hero.parameters
    axes, sizes = len(step.output.shape) - 2, weight.shape[2:]
    before, after = step.given.shape[1:], step.output.shape[1:]
    stride, low, dilation, apart = (
        _last(at[k], axes) for k in ("stride", "low", "dilation", "expand")
    )
    sizes, each = sizes[len(sizes) - axes :], before[0] // at["groups"]
    kernels = (len(weight), each, *sizes)

    def incoming(unit: int) -> list[Edge]:
        channel, *place = np.unravel_index(unit, after)
        group = int(channel) // (after[0] // at["groups"])
        edges = []
        for c, offset in product(range(each), product(*map(range, sizes))):
            corner = [p * s - a for p, s, a in zip(place, stride, low)]
            seen = [i + o * d for i, o, d in zip(corner, offset, dilation)]
            if any(i % e for i, e in zip(seen, apart)):
                continue
            seen = [i // e for i, e in zip(seen, apart)]
            if all(0 <= i < n for i, n in zip(seen, before[1:])):
                start = int(np.ravel_multi_index((group * each + c, *seen), before))
                which = int(np.ravel_multi_index((channel, c, *offset), kernels))
                edges.append(Edge(start, unit, float(weight.reshape(-1)[which]), which))
        return edges

    bias = None if step.bias is None else np.asarray(step.bias.value)
    transposed = "ranspose" in step.operation
    name = "transposed convolution" if transposed else "convolution"
    steps = apart if transposed else stride
    padding = (0,) * axes if transposed else low  # of a transposed one it is what is cut off
    text = described(name, sizes, stride=steps, padding=padding, dilation=dilation)
    window_ = () if transposed else sizes
    return Link("convolution", text, incoming, bias, window_, stride, low, kernels)


def pooling(step: Step) -> Link:
    """A unit sees the inputs under its window, each channel for itself."""
    before, after = step.given.shape[1:], step.output.shape[1:]
    sizes, stride, low = window(step)

    def incoming(unit: int) -> list[Edge]:
        channel, *place = np.unravel_index(unit, after)
        edges = []
        for offset in product(*map(range, sizes)):
            seen = [p * s - a + o for p, s, a, o in zip(place, stride, low, offset)]
            if all(0 <= i < n for i, n in zip(seen, before[1:])):
                edges.append(Edge(int(np.ravel_multi_index((channel, *seen), before)), unit, None))
        return edges

    name = "max pooling" if "Max" in step.operation else "mean pooling"
    usual = tuple(stride) == tuple(sizes) and len(sizes) > 1
    facts = {} if usual else {"pool_stride": stride}
    text = described(name, sizes, **facts, padding=low)
    return Link("pooling", text, incoming, None, sizes, stride, low)


def described(name: str, sizes: Any, **facts: Any) -> str:
    """A window in words: `5×5 convolution, padding 2`, `max pooling of 3, stride 2`.

    Of the facts those are said that are not usual; of pooling, its stride.
    """
    text = f"{_times(sizes)} {name}" if len(sizes) > 1 else f"{name} of {sizes[0]}"
    for fact, values in facts.items():
        usual = {"padding": 0, "pool_stride": None}.get(fact, 1)
        if set(values) != {usual}:
            one = values[0] if len(set(values)) == 1 else _times(values)
            text += f", {fact.removeprefix('pool_')} {one}"
    return text


def _last(values: Any, count: int) -> tuple[int, ...]:
    return tuple(values)[len(values) - count :]


def _times(sizes: Any) -> str:
    return "×".join(map(str, sizes))


def shown(units: int, most: int) -> Iterator[int | None]:
    """The units that are drawn, with None where others are left out."""
    if units <= most:
        yield from range(units)
        return
    kept = max(most * 3 // 5, 2)
    yield from range(kept - kept // 3)
    yield None
    yield from range(units - kept // 3, units)
