"""One forward and one backward pass under observation; the model is afterwards as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..autograd import grad
from ..nn.checks import untouched
from ..nn.utils.reparametrize import Reparametrization
from ..tensors import enable_grad
from ..tensors.listening import Listener, unheard
from ..tensors.state import state

RECTIFIERS = ("relu",)
SQUASHERS = {"sigmoid": 4.0, "tanh": 1.0}  # by what y (1 - y) or 1 - y^2 becomes at most 1
WEIGHING = ("linear", "contract", "convolution")


@dataclass
class Activation:
    """What came out of a non-linearity.

    layer   the path of the layer that it belongs to, or that was called last before it
    name    of the operation
    values  [rows, units, ...], with the units on axis `axis`
    output  whether it is an output of the model
    """

    layer: str
    name: str
    values: np.ndarray
    axis: int
    output: bool = False

    def per_unit(self) -> np.ndarray:
        """[..., units]: the values of each unit in a column."""
        return np.moveaxis(self.values, self.axis, -1).reshape(-1, self.values.shape[self.axis])


@dataclass
class Observation:
    """What was seen.

    activations  in the order of the forward pass
    entering     what the first layer with weights takes, if nothing was learnt before it
    first        the path of that layer
    outputs      of the model
    loss         the number; None if no loss was asked for
    gradients    {path of a parameter: its gradient, or None}, in the order of the layers
    bytes        of all values of the forward pass
    """

    activations: list[Activation] = field(default_factory=list)
    entering: np.ndarray | None = None
    first: str = ""
    outputs: Any = None
    loss: float | None = None
    gradients: dict[str, np.ndarray | None] = field(default_factory=dict)
    bytes: int = 0


class Eye(Listener):
    """Listens to every node that is made, and keeps the non-linearities."""

    def __init__(self, model: Any) -> None:
        self.paths = {part: path for path, part in model.named_modules()}
        self.layer = ""
        self.order: list[str] = []
        self.seen: list[tuple[str, Any]] = []
        self.readers: dict[Any, int] = {}
        self.entering: Any = None
        self.first = ""
        self.bytes = 0

    def called(self, module: Any) -> None:
        """What follows belongs to this layer."""
        self.layer = self.paths.get(module, self.layer)
        self.order.append(self.layer)

    def record(self, operation: Any, inputs: tuple, parameters: dict) -> Any:
        """The node, computed."""
        with unheard():
            y = inputs[0].apply(operation, *inputs, **parameters)
        self.bytes += y.value.nbytes
        for x in dict.fromkeys(inputs):
            self.readers[x] = self.readers.get(x, 0) + 1
        if operation.name in RECTIFIERS or operation.name in SQUASHERS:
            self.seen.append((self.layer, y))
        if self.entering is None and operation.name in WEIGHING:
            self.entering, self.first = inputs[0], self.layer
        return y

    def activations(self, outputs: Any) -> list[Activation]:
        """The non-linearities; a ReLU that is a part of another function (ELU) is none."""
        last = above_weights(outputs)
        return [
            Activation(layer, y.operation.name, y.value, axis_of_units(y), y in last)
            for layer, y in self.seen
            if y.operation is not None
            and len(y.shape) > 1
            and y.value.size
            and (y.operation.name in SQUASHERS or self.readers[y.inputs[0]] == 1)
        ]


def above_weights(outputs: Any) -> set[Any]:
    """The nodes between the outputs and the last weights."""
    found: set[Any] = set()
    ahead = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
    while ahead:
        y = ahead.pop()
        operation = getattr(y, "operation", None)
        if operation is not None and y not in found and operation.name not in WEIGHING:
            found.add(y)
            ahead.extend(y.inputs)
    return found


def axis_of_units(y: Any) -> int:
    """The axis of channels after a convolution, else the last one."""
    seen: set[Any] = set()
    ahead = [y]
    while ahead:
        x = ahead.pop(0)
        operation = getattr(x, "operation", None)
        if operation is None or x in seen:
            continue
        if operation.name in WEIGHING:
            return 1 if operation.name == "convolution" and len(y.shape) > 2 else len(y.shape) - 1
        seen.add(x)
        ahead.extend(x.inputs)
    return 1 if len(y.shape) > 3 else len(y.shape) - 1


@contextmanager
def as_it_trains(model: Any) -> Iterator[None]:
    """Runs the block with the model in its mode, without dropout, and puts everything back.

    Hooks are left out, but those that compute weights.
    """
    modes = [(part, part.training, part._module_hooks) for part in model.modules()]
    with untouched(model):
        for part, mode, hooks in modes:
            vars(part)["training"] = mode and "Dropout" not in type(part).__name__
            vars(part)["_module_hooks"] = hooks if makes_weights(hooks) else None
        yield


def makes_weights(hooks: Any) -> bool:
    """Whether hooks compute weights, and are a part of the model: others only look."""
    return hooks is not None and any(
        isinstance(hook.function, Reparametrization) for hook in hooks.forward_pre.values()
    )


def observe(model: Any, batch: Any, objective: Any = None) -> Observation:
    """Send a batch through the model, and back if there is a loss.

    Raises:
        ShapeError: Data, model and loss do not fit.
    """
    eye = Eye(model)
    before = state.listening
    with as_it_trains(model), enable_grad():
        state.listening = eye
        try:
            outputs = model(*batch.inputs)
        finally:
            state.listening = before
        seen = Observation(eye.activations(outputs), outputs=outputs, bytes=eye.bytes)
        if eye.entering is not None and not eye.entering.requires_grad:
            seen.entering, seen.first = eye.entering.value, eye.first
        if objective is not None:
            look_back(seen, model, objective(outputs, batch.labels, batch.weights), eye.order)
    return seen


def look_back(seen: Observation, model: Any, loss: Any, order: list[str]) -> None:
    """Note the loss and its gradients, layers in the order in which they were called."""
    place = {path: number for number, path in enumerate(dict.fromkeys(order))}
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    named.sort(key=lambda pair: place.get(pair[0].rpartition(".")[0], len(place)))
    seen.loss = float(loss.value)
    found: Any = [None] * len(named)
    if loss.requires_grad and named:
        found = grad(loss, [p for _, p in named], allow_unused=True)
    seen.gradients = {n: None if g is None else g.value for (n, _), g in zip(named, found)}
