"""`gg.explain.count`: weights, units, connections, zeros and work of each layer, and in all."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from ..arguments import ANY, SEVERAL, check_arguments
from ..nn.chain import ChainError, Step, inside, window
from ..nn.paths import all_steps
from .normal import root
from .tables import table_html

SHARED = ", shared"


@dataclass(frozen=True)
class Count:
    """What a layer consists of, for one row of the batch.

    layer            its path and class; "shared" where its weights stand in a row above
    outputs          the shape of what it gives
    weights          numbers to learn that are multiplied with inputs; shared ones count once
    biases           numbers to learn that are added
    units            how many outputs it has
    each             outputs of each filter of a convolution, or of each channel of pooling
    connections      pairs of an input and an output of which one enters the other
    zeros            of the layer as a matrix of inputs times outputs
    multiplications  a multiplication for each weighted connection
    memory           bytes of its weights, biases and outputs
    """

    layer: str
    outputs: tuple[int, ...]
    weights: int
    biases: int
    units: int
    each: int | None
    connections: int | None
    zeros: int | None
    multiplications: int
    memory: int


@dataclass(frozen=True, repr=False)
class Counts:
    """A row for each layer, and a total; prints as a table.

    inputs  the shape of one row of each input
    """

    inputs: list[tuple[int, ...]]
    rows: list[Count]
    total: Count

    @property
    def units(self) -> int:
        """All units, those of the input too, as the lectures count them."""
        return sum(map(math.prod, self.inputs)) + self.total.units

    def table(self) -> list[list[str]]:
        """The cells, heading first."""
        rows = [[_cell(getattr(row, f.name)) for f in fields(Count)] for row in self.listed()]
        return [[f.name for f in fields(Count)], *rows]

    def listed(self) -> list[Count]:
        """The rows, then the total."""
        return [*self.rows, self.total]

    def __repr__(self) -> str:
        table = self.table()
        widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
        lines = [
            "  ".join(
                c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(r, widths))
            )
            for r in table
        ]
        rule = "-" * max(map(len, lines))
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], *self.below()])

    def below(self) -> list[str]:
        """What stands under the table: all units, and what shared weights count."""
        said = ", ".join(str(list(shape)) for shape in self.inputs)
        several = "s" if len(self.inputs) > 1 else ""
        lines = [f"input{several} {said}: {self.units:,} units in all"]
        if any(row.layer.endswith(SHARED) for row in self.rows):
            lines.append(
                "shared: these weights stand above and count once; they multiply at each use"
            )
        return lines

    def _repr_html_(self) -> str:
        below = "".join(f"<p>{line}</p>" for line in self.below())
        return f"<div>{table_html(self.table())}{below}</div>"


def _cell(x: Any) -> str:
    if x is None:
        return ""
    return f"{x:,}" if isinstance(x, int) else str(list(x)) if isinstance(x, tuple) else str(x)


def count(model: Any, input_shape: Any = None) -> Counts:
    """What a model consists of, layer by layer, for one row of the batch.

    input_shape  the shape of one row: 10, (1, 28, 28); not needed where the first layer says it;
                 of a model with several inputs a shape for each: ((3,), (4,))

    A fully connected layer of m inputs and n outputs has m n weights and as many connections; a
    convolution has few weights and uses each at many places, and as a matrix it is mostly zeros.
    Connections into padding do not count.  Source: lecture H, quiz on parameters; lecture C,
    exercises on convolution and pooling.

    Raises:
        ChainError: No path leads from input to output, or the shape of an input is not known.
        ShapeError: The shape does not fit.
    """
    check_arguments(locals(), model=ANY, input_shape=SEVERAL)
    given, steps = all_steps(model, input_shape, "gg.explain.count(model, {})")
    if not steps:
        raise ChainError("the model gives back its input: there is no layer to show")
    seen: dict[Any, bool] = {}
    rows = [counted(step, seen) for step in steps]
    made = [row for row in rows if row.connections is not None]  # others keep their units

    def total(name: str) -> int:
        return sum(getattr(row, name) or 0 for row in (made if name == "units" else rows))

    sums = {f.name: total(f.name) for f in fields(Count)[2:] if f.name != "each"}
    below = Count("total", steps[-1].output.shape[1:], each=None, **sums)
    return Counts([x.shape[1:] for x in given], rows, below)


def counted(step: Step, seen: dict[Any, bool]) -> Count:
    """The row of a step; weights that steps before it have are counted there."""
    before, after = (step.given, *step.others), step.output.shape[1:]
    whole, (weights, biases) = learnt(step, {}), learnt(step, seen)
    connections, each = connected(step)
    units = math.prod(after)
    places = sum(math.prod(x.shape[1:]) for x in before) * units
    zeros = None if connections is None else places - connections
    name = f"{step.path} {step.operation}".strip()
    if whole != (weights, biases):
        name += SHARED
    work = connections if connections is not None and whole[0] else 0
    if step.operation == "Bilinear":  # x1 W x2: each weight meets two inputs
        work = 2 * whole[0] * math.prod(after[:-1])
    memory = step.output.dtype.itemsize * (weights + biases + units)
    return Count(name, after, weights, biases, units, each, connections, zeros, work, memory)


def learnt(step: Step, seen: dict[Any, bool]) -> tuple[int, int]:
    """Numbers that are multiplied, and numbers that are added, of what was not seen before."""
    own = {"weight": step.weight, "bias": step.bias}
    if step.layer is not None:
        own = dict(step.layer.named_parameters(recurse=False))
    leaves = [(name, root(p)) for name, p in own.items() if p is not None]
    new = [(name, p) for name, p in leaves if p not in seen]
    seen |= dict.fromkeys((p for _, p in new), True)
    biases = sum(p.numel() for name, p in new if "bias" in name)
    return sum(p.numel() for _, p in new) - biases, biases


def connected(step: Step) -> tuple[int | None, int | None]:
    """How many inputs enter outputs, and the outputs of each filter; None of other layers."""
    after = step.output.shape[1:]
    if (hero := inside(step, "convolution")) is not None:
        at, weight = hero.parameters, hero.inputs[1]
        axes = len(hero.shape) - 2
        lengths = (hero.inputs[0].shape[2:], hero.shape[2:], weight.shape[2:])
        moves = (at[key][-axes:] for key in ("stride", "low", "dilation", "expand"))
        seen = math.prod(at_places(*numbers) for numbers in zip(*lengths, *moves))
        return hero.shape[1] * weight.shape[1] * seen, math.prod(after[1:])
    if "Pool" in step.operation and getattr(step.layer, "kernel_size", None) is not None:
        return pooled(step), math.prod(after[1:])
    if step.operation == "Bilinear":
        layer = step.layer
        return (layer.in1_features + layer.in2_features) * math.prod(after), None
    if step.operation in ("Linear", "linear", "contract") and step.weight is not None:
        return step.weight.numel() * math.prod(after[:-1]), None
    return None, None


def pooled(step: Step) -> int | None:
    """The inputs in all windows of pooling; None where the windows are drawn by lot."""
    if step.operation.startswith("Fractional"):
        return None
    before, after = step.given.shape[1:], step.output.shape[1:]
    size, stride, padding = window(step)
    dilation = getattr(step.layer, "dilation", 1)
    dilation = dilation if isinstance(dilation, (tuple, list)) else (dilation,) * len(size)
    along = zip(before[1:], after[1:], size, stride, padding, dilation)
    return after[0] * math.prod(at_places(*numbers) for numbers in along)


def at_places(
    inputs: int, outputs: int, size: int, stride: int, low: int, dilation: int, expand: int = 1
) -> int:
    """How often a kernel's weight meets an input, over all outputs along an axis."""
    places = (i * stride - low + k * dilation for i in range(outputs) for k in range(size))
    return sum(0 <= p <= (inputs - 1) * expand and p % expand == 0 for p in places)
