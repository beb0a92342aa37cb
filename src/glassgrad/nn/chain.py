"""A model as layers one after another: what each takes, and what it gives.

The model runs once, and its nodes are read backwards from the output.  A node that a layer has
returned stands for the whole layer; other nodes, as of `F.relu` or `gg.mm`, stand for themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..tensors import Tensor, enable_grad
from ..tensors.creation import zeros
from .checks import untouched, wanted_dtype


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
    """

    layer: Any
    operation: str
    given: Tensor
    output: Tensor
    weight: Any = None
    bias: Any = None
    path: str = ""


class ChainError(ValueError):
    """A model is not layers one after another."""


def chain(model: Any, x: Any = None, input_shape: Any = None) -> list[Step]:
    """The steps from the model's input to its output, first to last.

    Raises:
        ChainError: Two paths lead through the model, or none.
    """
    given = example(model, x, input_shape)
    if given.dtype.kind == "f":
        given = given.detach().requires_grad_()  # also layers without weights are recorded
    calls: dict[Any, tuple[Any, Tensor, str]] = {}
    paths = {module: path for path, module in model.named_modules()}

    def note(module: Any, inputs: tuple, output: Any) -> None:
        if not module._modules and inputs and isinstance(output, Tensor):
            calls[output] = module, inputs[0], paths[module]

    with untouched(model), enable_grad():
        for module in model.modules():
            module.register_forward_hook(note)
        output = model(given)
    return walked(output, given, calls)


def example(model: Any, x: Any, input_shape: Any) -> Tensor:
    """An input of one row, from `x`, from `input_shape`, or from the first layer's weight."""
    dtype = wanted_dtype(model)
    if x is not None:
        x = x if isinstance(x, Tensor) else Tensor.lift(x)
        x = x.detach().to(dtype) if dtype is not None and x.dtype.kind != "i" else x.detach()
        rank = row_rank(model) if input_shape is None else len(sizes(input_shape))
        return x.reshape(1, *x.shape) if len(x.shape) == rank else x
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
        if hasattr(module, "in_features") and isinstance(module.in_features, int):
            return (module.in_features,)
        if any(True for _ in module.parameters(recurse=False)):
            break
    name = type(model).__name__
    raise ChainError(
        f"the shape of an input of this {name} cannot be told from its layers: "
        "give input_shape=, one row without the batch, as input_shape=(1, 28, 28), or a row x="
    )


def walked(output: Any, given: Tensor, calls: dict[Any, tuple[Any, Tensor, str]]) -> list[Step]:
    """The steps between two tensors, found from the end."""
    if not isinstance(output, Tensor):
        raise ChainError(f"the model returned {type(output).__name__}; one tensor can be drawn")
    behind, steps, node = follows(output, given), [], output
    while node is not given:
        call = calls.pop(node, None)
        if call is not None and call[1] is not node and call[1] in behind:
            steps.append(of_layer(*call, node))
        else:
            steps.append(of_operation(node, behind))
        node = steps[-1].given
    if not steps:
        raise ChainError("the model gives back its input: there is no layer to draw")
    return steps[::-1]


def follows(output: Tensor, given: Tensor) -> dict[Any, bool]:
    """The nodes on paths from `given` to `output`.

    Raises:
        ChainError: There is no path.
    """
    order, seen, stack = [], set(), [output]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        order.append(node)
        stack.extend(node.inputs)
    order.sort(key=lambda node: node.serial)
    found: dict[Any, bool] = {given: True}
    for node in order:
        if any(x in found for x in node.inputs):
            found[node] = True
    if output not in found:
        raise ChainError("the model's output does not depend on its input")
    return found


def of_layer(layer: Any, given: Tensor, path: str, output: Tensor) -> Step:
    """The step of a layer; its weight and bias by their names."""
    own = dict(layer.named_parameters(recurse=False))
    return Step(
        layer, type(layer).__name__, given, output, own.get("weight"), own.get("bias"), path
    )


def of_operation(node: Any, behind: dict[Any, bool]) -> Step:
    """The step of one node.

    Raises:
        ChainError: It puts two paths together.
    """
    name = node.operation.name
    before = list(dict.fromkeys(x for x in node.inputs if x in behind))
    if len(before) > 1:
        raise ChainError(
            f"two paths through the model meet in {name}: a network diagram shows layers one "
            "after another; gg.draw.graph(model(x)) shows any calculation"
        )
    others = [x for x in node.inputs if x not in behind]
    weight = others[0] if others and len(others[0].shape) > 1 else None
    return Step(None, name, before[0], node, weight)


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
