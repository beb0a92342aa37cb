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
from ..tensors import Tensor, enable_grad
from ..tensors.listening import Listener, unheard
from ..tensors.state import state
from .slopes import WEIGHING, Activation, Node, activations_of, unbent_pairs


@dataclass
class Observation:
    """What was seen.

    activations  in the order of the forward pass
    unbent       layers of which one takes just what the other gives
    entering     what the first layer with weights takes, if nothing was learnt before it
    outputs      of the model
    ending       layer and name of the operation that gave them
    loss         the number; None if no loss was asked for
    gradients    {path of a parameter: its gradient, or None}, in the order of the layers
    bytes        of all values of the forward pass
    """

    activations: list[Activation] = field(default_factory=list)
    unbent: list[tuple[str, str]] = field(default_factory=list)
    entering: np.ndarray | None = None
    outputs: Any = None
    ending: tuple[str, str] = "", ""
    loss: float | None = None
    gradients: dict[str, np.ndarray | None] = field(default_factory=dict)
    bytes: int = 0


class Eye(Listener):
    """Listens to every node that is made of the inputs."""

    def __init__(self, model: Any, inputs: tuple) -> None:
        self.inputs = set(inputs)
        self.paths = {part: path for path, part in model.named_modules()}
        self.layer = ""
        self.order: list[str] = []
        self.nodes: dict[Any, Node] = {}
        self.entering: Any = None

    def called(self, module: Any) -> None:
        """What follows belongs to this layer."""
        self.layer = self.paths.get(module, self.layer)
        self.order.append(self.layer)

    def record(self, operation: Any, inputs: tuple, parameters: dict) -> Any:
        """The node, computed."""
        with unheard():
            y = inputs[0].apply(operation, *inputs, **parameters)
        if any(x in self.nodes or x in self.inputs for x in inputs):
            self.nodes[y] = Node(self.layer, operation, inputs, parameters)
        if self.entering is None and operation.name in WEIGHING:
            self.entering = inputs[0]
        return y

    @property
    def bytes(self) -> int:
        """Of all values."""
        return sum(y.value.nbytes for y in self.nodes)


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
    eye = Eye(model, batch.inputs)
    before = state.listening
    with as_it_trains(model), enable_grad():
        state.listening = eye
        try:
            outputs = model(*batch.inputs)
        finally:
            state.listening = before
        seen = Observation(activations_of(eye.nodes, outputs), outputs=outputs, bytes=eye.bytes)
        seen.unbent = unbent_pairs(eye.nodes)
        if isinstance(outputs, Tensor) and outputs in eye.nodes:
            end = eye.nodes[outputs]
            seen.ending = end.layer, end.operation.name
        if eye.entering is not None and not eye.entering.requires_grad:
            seen.entering = eye.entering.value
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
