"""A model tried on zeros before data runs: shapes fit, or the ShapeError names the layer."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..tensors.creation import zeros
from ..tensors.generator import default_generator
from ..tensors.state import no_grad
from ..tensors.tensor import Tensor
from ..types import int64


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


def wanted_dtype(module: Any) -> Any:
    """The dtype of inputs: integers where an embedding comes first, else that of the weights.

    What has no matrix of weights, as a norm or a parameter beside the layers, does not tell.
    """
    for part in module.modules():
        if type(part).__name__.startswith("Embedding"):
            return int64
        own = [p for p in part.parameters(recurse=False) if len(p.shape) > 1]
        if own and not part._modules:
            return own[0].dtype
    return next((p.dtype for p in module.parameters()), None)


def input_names(model: Any) -> list[str]:
    """What `forward` must be given; of what cannot be told, one input."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(model.forward).parameters.values()
    return [p.name for p in parameters if p.kind in kinds and p.default is p.empty]


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
