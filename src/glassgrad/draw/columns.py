"""The columns of a network diagram, and which unit feeds which.

Steps that keep the units as they are (activations, norms, dropout) belong to the column that they
act on; a step that makes others (a matrix, a convolution, pooling) leads to a column of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from ..nn.chain import Step, inside, window

TOGETHER = ("softmax", "argmax", "softmin", "logsoftmax", "log_softmax", "maxout")
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
    window    height and width of a kernel on images
    """

    kind: str
    text: str
    incoming: Callable[[int], list[Edge]]
    bias: np.ndarray | None = None
    window: tuple[int, ...] = ()


@dataclass
class Column:
    """Units that stand above each other.

    shape     (units,), (channels, length) or (channels, height, width)
    values    what the units give for the input, as many as there are
    before    the same before any activation: the excitations
    names     what is done to them: ["ReLU"]
    together  whether they are computed together, as by softmax
    """

    shape: tuple[int, ...]
    values: np.ndarray
    before: np.ndarray
    names: list[str] = field(default_factory=list)
    together: bool = False

    @property
    def units(self) -> int:
        return math.prod(self.shape)

    @property
    def is_image(self) -> bool:
        """Whether it is drawn as maps and not unit by unit."""
        return len(self.shape) >= 3


def columns_of(steps: list[Step]) -> tuple[list[Column], list[Link]]:
    """The columns of a chain, and a link between each two."""
    columns, links = [column_of(steps[0].given)], []
    for step in steps:
        link = link_of(step)
        if link is None:
            absorb(columns[-1], step)
        else:
            links.append(link)
            columns.append(column_of(step.output))
    return columns, links


def column_of(x: Any) -> Column:
    """The units of the first row of a tensor."""
    value = np.asarray(x.value)[:1].reshape(x.shape[1:] or (1,))
    return Column(value.shape, value.reshape(-1), value.reshape(-1))


def absorb(column: Column, step: Step) -> None:
    """A step that keeps the units."""
    column.shape, column.values = column_of(step.output).shape, column_of(step.output).values
    name = step.operation
    column.together = column.together or name.lower().rstrip("2d") in TOGETHER
    if not name.lower().startswith(SILENT):
        column.names.append(name)


def link_of(step: Step) -> Link | None:
    """How a step leads to other units; None if it keeps them."""
    before, after = step.given.shape[1:], step.output.shape[1:]
    if (hero := inside(step, "convolution")) is not None:
        return convolution(step, hero)
    if "Pool" in step.operation and getattr(step.layer, "kernel_size", None) is not None:
        return pooling(step)
    weight = step.weight
    if weight is not None and len(weight.shape) == 2 and len(after) == 1 and len(before) == 1:
        return dense(step)
    if before == after:
        return None
    if math.prod(before) == math.prod(after):
        return Link("flatten", "", lambda i: [Edge(i, i, None)]) if len(before) > 2 else None
    everything = range(math.prod(before))
    return Link("other", step.operation, lambda i: [Edge(j, i, None) for j in everything])


def dense(step: Step) -> Link:
    """Every unit feeds every unit; a layer's weight is (outputs, inputs), an operand's not."""
    weight = np.asarray(step.weight.value)
    if step.layer is None and step.operation != "linear":
        weight = weight.T
    bias = None if step.bias is None else np.asarray(step.bias.value)

    def incoming(unit: int) -> list[Edge]:
        return [Edge(j, unit, w) for j, w in enumerate(weight[unit].tolist())]

    return Link("dense", "", incoming, bias)


def convolution(step: Step, hero: Any) -> Link:
    """A unit sees the inputs under its window; the weights are the same at each place."""
    weight = np.asarray(hero.inputs[1].value)
    at = hero.parameters
    axes, sizes = len(step.output.shape) - 2, weight.shape[2:]
    before, after = step.given.shape[1:], step.output.shape[1:]
    stride, low, dilation = (_last(at[k], axes) for k in ("stride", "low", "dilation"))
    sizes, each = sizes[len(sizes) - axes :], before[0] // at["groups"]

    def incoming(unit: int) -> list[Edge]:
        channel, *place = np.unravel_index(unit, after)
        group = int(channel) // (after[0] // at["groups"])
        edges = []
        for c, offset in product(range(each), product(*map(range, sizes))):
            seen = [
                p * s - a + o * d for p, s, a, o, d in zip(place, stride, low, offset, dilation)
            ]
            if all(0 <= i < n for i, n in zip(seen, before[1:])):
                start = int(np.ravel_multi_index((group * each + c, *seen), before))
                which = int(
                    np.ravel_multi_index((channel, c, *offset), (len(weight), each, *sizes))
                )
                edges.append(Edge(start, unit, float(weight.reshape(-1)[which]), which))
        return edges

    bias = None if step.bias is None else np.asarray(step.bias.value)
    return Link("convolution", f"{_times(sizes)} convolution", incoming, bias, tuple(sizes))


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
    return Link("pooling", f"{_times(sizes)} {name}", incoming, window=tuple(sizes))


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
