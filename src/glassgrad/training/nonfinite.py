"""Where NaN and infinity come from: the failing step is done again, looking at every node."""

from __future__ import annotations

import linecache
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..gradient import gradients
from ..tensors import Tensor, no_grad
from ..tensors.generator import default_generator
from ..tensors.listening import Listener, unheard
from ..tensors.node import user_frame
from ..tensors.state import state
from ..types import NonFiniteError


class Origin(NamedTuple):
    """Where the first value that is not finite arose."""

    text: str
    layer: str = ""
    operation: str = ""
    line: str = ""


class BeforeStep:
    """What a forward pass changes besides its result: buffers and the random state."""

    def __init__(self, model: Any) -> None:
        self.leaves = [*model.buffers(), default_generator.state]
        self.values = [leaf.value.copy() for leaf in self.leaves]

    def note(self) -> None:
        """Remember them as they are now."""
        for leaf, value in zip(self.leaves, self.values):
            if leaf.value.shape == value.shape:
                value[...] = leaf.value

    def restore(self) -> None:
        """Put them back as they were noted."""
        for leaf, value in zip(self.leaves, self.values):
            if leaf.value.shape == value.shape:
                leaf.value[...] = value


def finite(array: np.ndarray) -> bool:
    """Whether all numbers are; the sum of squares tells at the speed of memory."""
    flat = array.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):
        return isfinite(flat.dot(flat)) or everywhere(array)


def everywhere(array: np.ndarray) -> bool:
    """Whether all numbers are finite, also where their squares are not."""
    return bool(np.isfinite(array).all())


def diagnosed(model: Any, objective: Any, batch: Any, before: BeforeStep) -> Origin:
    """Where the first value that is not finite arises when the batch is gone through again.

    Everything is afterwards as it was before the step.
    """
    before.restore()
    try:
        return found_in_data(batch) or found_in_model(model) or replayed(model, objective, batch)
    finally:
        before.restore()
        for parameter in model.parameters():
            parameter.grad = None


def found_in_data(batch: Any) -> Origin | None:
    """The first row of the batch that holds NaN or infinity."""
    named = [("the inputs", x) for x in batch.inputs]
    named += [("the labels", batch.labels)] if batch.labels is not None else []
    for name, x in named:
        if isinstance(x, Tensor) and x.dtype.kind == "f" and not everywhere(x.value):
            place = np.argwhere(~np.isfinite(x.value))[0]
            row = int(place[0] if batch.numbers is None else batch.numbers[place[0]])
            column = f", column {place[1]}" if len(place) == 2 else ""
            of = " of the batch" if batch.numbers is None else ""
            return Origin(f"{name} hold {x.value[tuple(place)]} in row {row}{of}{column}")
    return None


def found_in_model(model: Any) -> Origin | None:
    """The first parameter or buffer that is not finite already."""
    for name, x in [*model.named_parameters(), *model.named_buffers()]:
        if x.dtype.kind == "f" and not everywhere(x.value):
            bad = x.value[~np.isfinite(x.value)][0]
            layer = name.rpartition(".")[0]
            return Origin(f"{name}: {x.type_} held {bad} before the step", layer)
    return None


def replayed(model: Any, objective: Any, batch: Any) -> Origin:
    """The first operation that makes something not finite out of what is, forward or back."""
    watch = Watch()
    with watch.over(model):
        loss = objective(model(*batch.inputs), batch.labels, batch.weights)
    if watch.origin is None and loss.requires_grad:
        with watch.over(model), no_grad():
            gradients({loss: loss.new_ones(loss.shape)}, enter=watch.enter)
    return watch.origin or Origin("going through the step again gave no such value")


class Watch(Listener):
    """Listens to every node that is made, as a trace does, and computes it at once."""

    def __init__(self) -> None:
        self.origin: Origin | None = None
        self.layers: list[str] = []  # the paths of the layers that are running, innermost last
        self.places: dict[Any, tuple[str, str]] = {}  # layer and line of each node
        self.node: Any = None  # whose gradient is being computed

    @contextmanager
    def over(self, model: Any) -> Iterator[None]:
        """Listen while the block runs, and know which layer is running."""
        handles = [
            handle for path, part in model.named_modules() for handle in self.hooks(path, part)
        ]
        state.listening = self
        try:
            yield
        finally:
            state.listening = None
            for handle in handles:
                handle.remove()

    def hooks(self, path: str, part: Any) -> Iterator[Any]:
        """Hooks that say when a layer begins and ends."""
        named = f"{path} ({type(part).__name__})" if path else type(part).__name__
        yield part.register_forward_pre_hook(lambda *_: self.layers.append(named))
        yield part.register_forward_hook(lambda *_: self.layers.pop() and None, always_call=True)

    def enter(self, y: Any, g: Any) -> tuple:
        """Note the node whose gradient comes next."""
        self.node = y
        return g, y, y.inputs

    # ---- what a trace is asked

    def record(self, operation: Any, inputs: tuple, parameters: dict) -> Any:
        """The node, computed; the first that is not finite though its inputs are is noted."""
        with unheard():
            y = Tensor.apply(operation, *inputs, **parameters)
        if self.origin is None:
            place = self.place()
            if not everywhere_of(y) and all(everywhere_of(x) or self.is_new(x) for x in inputs):
                self.origin = self.described(operation, inputs, y, place)
            self.places[y] = place
        return y

    def is_new(self, x: Any) -> bool:
        """Whether a node was not computed while this listened: a constant, say."""
        return x not in self.places

    def place(self) -> tuple[str, str]:
        """The layer that is running and the user's line."""
        if self.node is not None:
            return self.places.get(self.node, ("", ""))
        frame = user_frame()
        file, number = frame.f_code.co_filename, frame.f_lineno
        text = linecache.getline(file, number).strip()
        line = f"{Path(file).name}:{number}    {text}".strip()
        return self.layers[-1] if self.layers else "", line

    def described(self, operation: Any, inputs: tuple, y: Any, place: tuple[str, str]) -> Origin:
        """The origin in words."""
        layer, line = place
        name = operation.name
        if self.node is not None:
            name = f"the gradient of {self.node.operation.name}"
        given = ", ".join(between(x) for x in inputs)
        bad = y.value[~np.isfinite(y.value)][0]
        where = f" in {layer}" if layer else ""
        return Origin(f"{name}{where} gave {bad} from {given}", layer.split(" (")[0], name, line)


def everywhere_of(x: Any) -> bool:
    """Whether a node is finite."""
    return x.dtype.kind != "f" or everywhere(x.value)


def between(x: Any) -> str:
    """`f32[32, 10] between -1 and 3.2`."""
    if not x.value.size or x.dtype.kind == "b":
        return str(x.type_)
    return f"{x.type_} between {x.value.min():.4g} and {x.value.max():.4g}"


def non_finite(value: Any, origin: Origin, run: Any, what: str) -> NonFiniteError:
    """The error of a step: `what` is not finite, and where that began."""
    lines = [
        f"{what} is {value} in step {run.step + 1} (epoch {run.epoch}); the step was not taken",
        f"first: {origin.text}",
        *([origin.line] if origin.line else []),
    ]
    largest = max((abs(p.value).max() for p in run.model.parameters() if p.numel()), default=0)
    if largest > 1e4:
        lines.append(
            f"Weights reach {largest:.2g}: a smaller learning rate, inputs scaled to mean 0 and "
            "sd 1 (scale=True) or clipped gradients keep them small."
        )
    error = NonFiniteError("\n    ".join(lines))
    error.epoch, error.step, error.history = run.epoch, run.step + 1, run.history
    error.layer, error.operation, error.line = origin.layer, origin.operation, origin.line
    return error
