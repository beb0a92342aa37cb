"""`summary`: the layers of a model with their output shapes and parameters, as a table."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any, NamedTuple

from ..arguments import check_arguments
from ..nn.checks import untouched, wanted_dtype
from ..tensors import Tensor, no_grad
from ..tensors.creation import zeros


class Row(NamedTuple):
    """One layer of a model.

    outputs     the shape of its output, the batch left out; None if it did not run
    parameters  how many numbers it has to learn itself, without its children; shared ones count
                where they come first
    """

    path: str
    kind: str
    outputs: Any
    parameters: int


@dataclass(repr=False)
class Summary:
    """The layers of a model, and what they take together.

    parameters, learnt   numbers in parameters, and in those that require a gradient
    buffers              numbers that are kept but not learnt
    weight_bytes         memory of parameters and buffers
    activation_bytes     memory of all layers' outputs, for one row
    """

    rows: list[Row]
    parameters: int
    learnt: int
    buffers: int
    weight_bytes: int
    activation_bytes: int

    def cells(self) -> list[tuple[str, str, str, str]]:
        """The table as texts, without its head."""
        return [
            (row.path or "(model)", row.kind, shape_text(row.outputs), count_text(row.parameters))
            for row in self.rows
        ]

    def totals(self) -> list[str]:
        """What stands below the table."""
        frozen = self.parameters - self.learnt
        counts = f"parameters: {self.parameters:,}" + (
            f", {frozen:,} of them frozen" if frozen else ""
        )
        counts += f"; buffers: {self.buffers:,}" if self.buffers else ""
        memory = f"memory: {size_text(self.weight_bytes)} of weights, "
        return [counts, memory + f"{size_text(self.activation_bytes)} of outputs a row"]

    def __repr__(self) -> str:
        table = [HEAD, *self.cells()]
        widths = [max(len(line[column]) for line in table) for column in range(4)]
        lines = [
            f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:<{widths[2]}}  {d:>{widths[3]}}".rstrip()
            for a, b, c, d in table
        ]
        rule = "-" * max(map(len, lines))
        return "\n".join([lines[0], rule, *lines[1:], rule, *self.totals()])

    __str__ = __repr__

    def _repr_html_(self) -> str:
        """The table for notebooks."""
        head = "".join(f"<th>{title}</th>" for title in HEAD)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>"
            for line in self.cells()
        )
        below = "<br>".join(map(escape, self.totals()))
        return f"<table><tr>{head}</tr>{body}</table><p>{below}</p>"


HEAD = ("layer", "class", "output", "parameters")


def summary(model: Any, input_shape: Any, dtype: Any = None) -> Summary:
    """The layers of a model: path, class, shape of the output, parameters; totals and memory.

    model        a module
    input_shape  the shape of one row, without the batch: 64 or (3, 32, 32); a list of shapes for
                 several inputs
    dtype        of the inputs; found out if not given

    Zeros go through the model in eval mode; nothing in it changes.

    Raises:
        ShapeError: The shape does not fit; the message names the layer.
    """
    check_arguments(locals())
    shapes = input_shape if isinstance(input_shape, list) else [input_shape]
    dtype = wanted_dtype(model) if dtype is None else dtype
    inputs = [zeros(2, *sizes(shape), dtype=dtype) for shape in shapes]
    outputs: dict[Any, Any] = {}
    moved: list[int] = []

    def look(module: Any, given: tuple, output: Any) -> None:
        outputs[module] = shape_of(output)
        if not module._modules:
            moved.append(bytes_of(output))

    with untouched(model), no_grad():
        for module in model.modules():
            module.register_forward_hook(look)
        model(*inputs)
    return described(model, outputs, sum(moved))


def described(model: Any, outputs: dict[Any, Any], activation_bytes: int) -> Summary:
    """The summary, from the shapes that were seen."""
    parameters = list(model.parameters())
    buffers = list(model.buffers())
    rows, counted = [], set()
    for path, module in model.named_modules():
        own = [p for p in module.parameters(recurse=False) if p not in counted]
        counted.update(own)
        count = sum(p.numel() for p in own)
        rows.append(Row(path, type(module).__name__, outputs.get(module), count))
    return Summary(
        rows,
        sum(p.numel() for p in parameters),
        sum(p.numel() for p in parameters if p.requires_grad),
        sum(b.numel() for b in buffers),
        sum(x.nbytes for x in [*parameters, *buffers]),
        activation_bytes,
    )


def sizes(shape: Any) -> tuple[int, ...]:
    """A shape as a tuple."""
    return tuple(shape) if isinstance(shape, (tuple, list)) else (int(shape),)


def shape_of(output: Any) -> Any:
    """The shape of an output without the batch; of several, all of them."""
    if isinstance(output, (tuple, list)):
        return [shape_of(part) for part in output]
    return tuple(output.shape[1:]) if isinstance(output, Tensor) else None


def bytes_of(output: Any) -> int:
    """The memory of one row of an output."""
    if isinstance(output, (tuple, list)):
        return sum(map(bytes_of, output))
    return (
        output.nbytes // max(output.shape[0], 1)
        if isinstance(output, Tensor) and output.shape
        else 0
    )


def shape_text(shape: Any) -> str:
    """`[batch, 10]`"""
    if shape is None:
        return "not used"
    if isinstance(shape, list):
        return ", ".join(map(shape_text, shape))
    return f"[{', '.join(['batch', *map(str, shape)])}]"


def count_text(count: int) -> str:
    """`1,290`, or nothing for 0."""
    return f"{count:,}" if count else ""


def size_text(size: float) -> str:
    """`5.1 kB`"""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.3g} GB"
