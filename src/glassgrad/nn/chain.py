"""A model as layers one after another: what each takes, and what it gives.

The model runs once, and its nodes are read backwards from the output.  A node that a layer has
returned stands for the whole layer; other nodes, as of `F.relu` or `gg.mm`, stand for themselves.
A user's module with parameters of its own is looked into, if it is steps one after another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import is_module
from ..tensors import Tensor, enable_grad
from ..tensors.creation import zeros
from ..tensors.generator import default_generator
from .checks import input_names, untouched, wanted_dtype
from .dropout import _Dropout
from .likely import likely_shape


@dataclass(eq=False)
class Step:
    """From one tensor to the next.

    layer      the module that did it, or None
    operation  the name of the operation; of a layer its class
    given      the tensor that went in
    output     the tensor that came out
    weight     the matrix or kernel of a step that has one
    bias       what is added for each unit, if there is something
    path       the layer's path in the model
    turned     whether the weight is [inputs, outputs], as of x @ W; a layer's is the other way
    others     what else went in, where a step takes several tensors
    """

    layer: Any
    operation: str
    given: Tensor
    output: Tensor
    weight: Any = None
    bias: Any = None
    path: str = ""
    turned: bool = False
    others: tuple = ()


class ChainError(ValueError):
    """A model is not layers one after another."""


Calls = dict[Any, tuple[Any, list[Tensor], str]]  # output -> the layer, what it took, its path


def chain(
    model: Any, x: Any = None, input_shape: Any = None, dropped: int | None = None
) -> list[Step]:
    """The steps from the model's input to its output, first to last.

    dropped  the seed of a draw of all dropout layers, which else do nothing

    Raises:
        ValueError: There is no layer to drop units.
        ChainError: Two paths lead through the model, or none.
        TypeError: It is no module.
    """
    check_module(model)
    if len(names := input_names(model)) > 1:
        raise ChainError(
            f"the {type(model).__name__} takes {len(names)} inputs, {', '.join(names)}, and layers "
            "one after another have one; gg.draw.graph(lambda: model(...), model=model, fold=True) "
            "shows any model"
        )
    given = example(model, x, input_shape)
    output, calls = watched(model, [given], dropped)
    try:
        return joined(walked(output, given, {k: c for k, c in calls.items() if not own(c[0])}))
    except ChainError:
        return walked(output, given, calls)


def watched(model: Any, given: list[Tensor], dropped: int | None = None) -> tuple[Any, Calls]:
    """What a model gives, and the calls of its layers on the way."""
    calls: Calls = {}
    paths = {module: path for path, module in model.named_modules()}

    def note(module: Any, inputs: tuple, output: Any) -> None:
        known = inputs and isinstance(output, Tensor) and output is not inputs[0]
        if known and not module._modules and output not in calls:
            calls[output] = module, [x for x in inputs if isinstance(x, Tensor)], paths[module]

    with untouched(model), enable_grad(), all_recorded(model, given):
        if dropped is not None:
            drop(model, dropped)
        for module in model.modules():
            module.register_forward_hook(note)
        return model(*given), calls


def check_module(model: Any) -> None:
    """Refuses what is no module, and says what else shows a tensor or a compiled step."""
    if is_module(model):
        return
    calculated = isinstance(model, Tensor) or hasattr(model, "graph")  # a compiled step
    instead = ": give the model that it comes from; gg.draw.graph draws it as it is"
    made = f": make one, as {model.__name__}(...)" if isinstance(model, type) else ""
    got = f"the class {model.__name__}" if made else repr(model)
    raise TypeError(f"a module is wanted, and got {got}{instead if calculated else made}")


def drop(model: Any, seed: int) -> None:
    """Dropout layers are active, and draw from a seed; for use where all is put back.

    Raises:
        ValueError: There is none.
    """
    layers = [part for part in model.modules() if isinstance(part, _Dropout)]
    if not layers:
        raise ValueError(
            f"the {type(model).__name__} has no dropout layer, such as nn.Dropout(0.5)"
        )
    for layer in layers:
        layer.training, layer.inplace = True, False
    default_generator.manual_seed(seed)


@contextmanager
def all_recorded(model: Any, given: list[Tensor]) -> Iterator[None]:
    """Runs the block so that operations are recorded even where parameters are frozen."""
    for x in given:
        x.requires_grad = x.dtype.kind == "f"
    parts = list(model.parameters())
    wanted = [part.requires_grad for part in parts]
    for part in parts:
        part.requires_grad = part.requires_grad or part.dtype.kind == "f"
    try:
        yield
    finally:
        for part, before in zip(parts, wanted):
            part.requires_grad = before


def own(module: Any) -> bool:
    """Whether a user wrote what the module does, with parameters of its own."""
    written = type(module).forward.__module__
    return not written.startswith("glassgrad.") and any(True for _ in module.parameters())


def example(model: Any, x: Any, input_shape: Any) -> Tensor:
    """An input of one row, from `x`, from `input_shape`, or from the first layer's weight."""
    dtype = wanted_dtype(model)
    if x is not None:
        try:
            array = np.array(x.value if isinstance(x, Tensor) else x)  # a copy: no one else's node
        except ValueError:  # rows of different lengths
            array = np.array(None)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"numbers are wanted as x, and got {x!r}")
        rank = row_rank(model) if input_shape is None else len(sizes(input_shape))
        array = array.reshape((1,) * max(rank - array.ndim, 0) + array.shape)
        array = array[None] if array.ndim == rank else array
        whole = dtype is None or (dtype.kind == "i" and array.dtype.kind == "f")
        return Tensor.lift(array if whole else array.astype(dtype))
    shape = sizes(input_shape) if input_shape is not None else first_shape(model)
    return zeros(1, *shape, dtype=dtype)


def row_rank(model: Any) -> int:
    """How many axes one row has: a convolution takes channels besides its own axes."""
    for module in model.modules():
        if any(True for _ in module.parameters(recurse=False)):
            return 1 + getattr(module, "axes", 0)
    return 1


def sizes(shape: Any) -> tuple[int, ...]:
    """A shape as a tuple."""
    return (shape,) if isinstance(shape, int) else tuple(shape)


def first_shape(model: Any) -> tuple[int, ...]:
    """What the first layer takes, where its weight says it.

    Raises:
        ChainError: It does not.
    """
    for module in model.modules():
        if isinstance(getattr(module, "in_features", None), int):
            return (module.in_features,)
        scales = "Norm" in type(module).__name__  # of the same width as what comes after it
        if not scales and any(True for _ in module.parameters(recurse=False)):
            break
    name, likely = type(model).__name__, likely_shape(model)
    example = f", as input_shape={likely}" if likely else ""
    raise ChainError(
        f"the shape of an input of this {name} cannot be told from its layers: "
        f"give input_shape=, one row without the batch{example}, or a row x="
    )


def walked(output: Any, given: Tensor, calls: Calls) -> list[Step]:
    """The steps between two tensors, found from the end."""
    behind, steps, node = follows(output, [given], calls), [], output
    while node is not given:
        call = calls.get(node)
        if call is not None and call[1][0] in behind:
            steps.append(of_layer(*call, node))
        else:
            steps.append(of_operation(node, behind))
        node = steps[-1].given
    if not steps:
        raise ChainError("the model gives back its input: there is no layer to show")
    return steps[::-1]


def follows(output: Any, given: list[Tensor], calls: Calls) -> dict[Any, bool]:
    """The nodes on paths from what is given to `output`, each after those before it.

    Raises:
        ChainError: There is no path.
    """
    if not isinstance(output, Tensor):
        raise ChainError(f"the model returned {type(output).__name__}; one tensor can be shown")

    def before(node: Any) -> tuple:
        called = node.operation is None and node in calls  # a layer without a derivative
        return tuple(calls[node][1]) if called else node.inputs

    found: dict[Any, bool] = dict.fromkeys(given, True)
    seen, stack = set(given), [(output, False)]
    while stack:
        node, ready = stack.pop()
        if ready and any(x in found for x in before(node)):
            found[node] = True
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))  # once all that it was computed from is known
            stack.extend((x, False) for x in before(node))
    if output not in found:
        raise ChainError(
            "no path leads from the model's input to its output: it does not use its input, or "
            "an operation without a derivative, such as argmax, is no layer of its own"
        )
    return found


def of_layer(layer: Any, given: list[Tensor], path: str, output: Tensor) -> Step:
    """The step of a layer; its weight and bias by their names."""
    first, *others = given
    weight, bias = (getattr(layer, name, None) for name in ("weight", "bias"))
    weight, bias = (p if isinstance(p, Tensor) else None for p in (weight, bias))
    kind = type(layer).__name__
    return Step(layer, kind, first, output, weight, bias, path, others=tuple(others))


def of_operation(node: Any, behind: dict[Any, bool], several: bool = False) -> Step:
    """The step of one node, which may put `several` paths together.

    Raises:
        ChainError: It puts two paths together.
    """
    name = node.operation.name
    before = list(dict.fromkeys(x for x in node.inputs if x in behind))
    if len(before) > 1 and several:
        return Step(None, name, before[0], node, others=tuple(before[1:]))
    if len(before) > 1:
        raise ChainError(
            f"two paths through the model meet in {name}: a network diagram shows layers one "
            "after another; gg.draw.graph(lambda: model(x), model=model, fold=True) shows any model"
        )
    others = [x for x in node.inputs if x not in behind]
    first = node.inputs[0] is before[0]  # W @ x takes units along another axis
    weight = others[0] if first and others and len(others[0].shape) > 1 else None
    bias = others[1] if weight is not None and len(others) > 1 else None
    reads = node.parameters.get("reads")
    turned = bool(reads) and weight is not None and reads[1][-2] == reads[0][-1]
    return Step(None, name, before[0], node, weight, bias, turned=turned)


def joined(steps: list[Step]) -> list[Step]:
    """The steps, with `+ b` as the bias of the matrix before it; the same number for all too."""
    found: list[Step] = []
    for step in steps:
        last = found[-1] if found and found[-1].output is step.given else None
        open_ = last is not None and last.layer is None and last.weight is not None
        bias = added(step) if last is not None and open_ and last.bias is None else None
        if last is None or bias is None:
            found.append(step)
        else:
            last.output, last.bias = step.output, bias
    return found


def added(step: Step) -> Any:
    """What a step adds to each of its units, a number for each; None if it does something else."""
    if step.layer is not None or step.operation != "add" or len(step.output.shape) != 2:
        return None
    others = [x for x in step.output.inputs if x is not step.given]
    if len(others) != 1:
        return None
    rows = np.broadcast_to(others[0].value, step.output.shape)
    same = all(np.array_equal(row, rows[0], equal_nan=True) for row in rows)
    leaf = others[0]
    while leaf.operation is not None and leaf.operation.kind == "view":
        leaf = leaf.inputs[0]
    if same and np.array_equal(leaf.value, rows[0]):
        return leaf  # so that uses of the same leaf are known
    return Tensor.lift(rows[0].copy()) if same else None


# ---- what a step is made of


def inside(step: Step, name: str) -> Any:
    """The node of an operation between a step's tensors."""
    stack, seen = [step.output], set()
    while stack:
        node = stack.pop()
        if node is step.given or node in seen or node.operation is None:
            continue
        seen.add(node)
        if node.operation.name == name:
            return node
        stack.extend(node.inputs)
    return None


def window(step: Step) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Size, stride and padding of a pooling layer, a number for each axis."""
    layer, axes = step.layer, len(step.output.shape) - 2

    def each(value: Any) -> tuple[int, ...]:
        return tuple(value) if isinstance(value, (tuple, list)) else (value,) * axes

    size = each(layer.kernel_size)
    stride = getattr(layer, "stride", None)
    return size, size if stride is None else each(stride), each(getattr(layer, "padding", 0))
