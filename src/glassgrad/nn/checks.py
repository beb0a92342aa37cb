"""A model tried on zeros before data runs: shapes fit, or the ShapeError names the layer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..tensors.creation import zeros
from ..tensors.generator import default_generator
from ..tensors.state import no_grad
from ..tensors.tensor import Tensor
from ..types import int64

IMAGES, LENGTHS = (28, 32, 64, 96, 128, 224), (100, 12, 10, 16, 20, 24, 28, 32, 50, 64, 128, 256)


def check(module: Any, input_shape: Any, dtype: Any = None) -> Any:
    """The shape of the output, without the batch, for inputs of `input_shape`, without the batch.

    input_shape: 64, (64,) or (3, 32, 32), or several of them in a list for a model of several
    inputs; dtype: what the inputs hold, found out if not given.
    Two rows of zeros are tried.  ShapeError names the layer that does not fit.  Nothing is touched:
    no batch statistics, no random state, no gradients, no hooks.
    """
    several = isinstance(input_shape, list) and not all(isinstance(n, int) for n in input_shape)
    shapes = input_shape if several else [input_shape]
    sizes = [(2, s) if isinstance(s, int) else (2, *s) for s in shapes]
    with untouched(module), no_grad():
        output = module(*(zeros(s, dtype=dtype or wanted_dtype(module)) for s in sizes))
    return _shapes(output)


def likely_shape(model: Any) -> tuple[int, ...] | None:
    """A shape of one row that fits the model, to name in a message: usual sizes are tried."""
    for shape in usual_shapes(model):
        try:
            check(model, shape)
        except Exception:  # whatever the model says of what it cannot take
            continue
        return shape
    return None


def usual_shapes(model: Any) -> Iterator[tuple[int, ...]]:
    """Shapes of one row that are usual for the first layer; an embedding takes words alone."""
    shapes: list[tuple[int, ...]] = [(c, n, n) for c in (1, 3) for n in IMAGES]
    for module in model.modules():
        if hasattr(module, "num_embeddings"):
            shapes = [(12,), *((n,) for n in LENGTHS)]
        elif isinstance(channels := getattr(module, "in_channels", None), int):
            lengths, axes = (IMAGES, 2) if module.axes == 2 else (LENGTHS, 1)
            shapes = [(channels, *(n,) * axes) for n in lengths]
        elif "Norm" in type(module).__name__ or not any(
            True for _ in module.parameters(recurse=False)
        ):
            continue  # it takes what the next takes
        break
    yield from shapes
    yield from ((math.prod(shape),) for shape in shapes)  # for a model that begins by Unflatten


def wanted_dtype(module: Any) -> Any:
    """The dtype of inputs: integers where an embedding comes first, else that of the weights."""
    for part in module.modules():
        if type(part).__name__.startswith("Embedding"):
            return int64
        for parameter in part.parameters(recurse=False):
            return parameter.dtype
    return None


@contextmanager
def untouched(module: Any) -> Iterator[None]:
    """Runs the block with `module` in use (`eval`) and puts back what it holds after it."""
    parts = [(part, dict(vars(part)), dict(part._attribute_roles)) for part in module.modules()]
    buffers = [(buffer, buffer.value.copy()) for buffer in module.buffers()]
    drawn = default_generator.get_state()
    for part, _, _ in parts:
        vars(part).update(training=False, _module_hooks=None)
    try:
        yield
    finally:
        for part, attributes, roles in parts:
            vars(part).clear()
            vars(part).update(attributes, _attribute_roles=roles)
        for buffer, value in buffers:
            buffer.value[...] = value
        default_generator.set_state(drawn)


def _shapes(output: Any) -> Any:
    if isinstance(output, (list, tuple)):
        return tuple(map(_shapes, output))
    return output.shape[1:] if isinstance(output, Tensor) else None
