"""Gradients asked for by hand: `grad` returns them, `backward` adds them to the leaves."""

from __future__ import annotations

from typing import Any

from ..tensors.state import enable_grad, state
from ..tensors.tensor import Tensor, Walk

__all__ = ["backward", "grad", "listed"]


def grad(
    outputs,
    inputs,
    grad_outputs=None,
    retain_graph=None,
    create_graph=False,
    allow_unused=None,
    materialize_grads=False,
) -> tuple[Any, ...]:
    """d outputs / d inputs, one gradient for each input; `grad` of leaves stays as it is.

    With create_graph=True the gradients are computed tensors themselves, for higher derivatives.
    """
    outputs, inputs = listed(outputs), listed(inputs)
    seeds = listed(grad_outputs) if grad_outputs is not None else [None] * len(outputs)
    for x in inputs:
        if not x.requires_grad:
            raise RuntimeError(f"grad: an input {x.type_} does not require a gradient")
    started: dict[Any, Any] = {}
    for y, seed in zip(outputs, seeds, strict=True):
        g = y._seed(seed, False)
        started[y] = started[y] + g if y in started else g
    retain = create_graph if retain_graph is None else retain_graph
    found = None
    if state.listening is not None:
        found = state.listening.gradients(started, inputs, create_graph)
    if found is None:
        found = Walk(retain=retain).run(started, create_graph, inputs)
    return tuple(_found(found, x, bool(allow_unused), materialize_grads) for x in inputs)


def _found(found: dict, x: Any, allow_unused: bool, materialize: bool) -> Any:
    if x in found:
        return found[x]
    if materialize:
        return x.new_zeros(x.shape)
    if not allow_unused:
        raise RuntimeError(
            f"grad: an input {x.type_} was not used to compute the outputs, or they do not change "
            "with it, as slopes of relu and of linear maps do not; pass allow_unused=True to get "
            "None for it, materialize_grads=True to get zeros"
        )
    return None


def listed(tensors: Any) -> list[Any]:
    """One tensor or several as a list."""
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def backward(
    tensors, grad_tensors=None, retain_graph=None, create_graph=False, inputs=None
) -> None:
    """Add the derivatives of all `tensors` to the `grad` of every leaf that requires one.

    `grad_tensors` has for each tensor the gradient to start from, None for a tensor of one number.
    """
    ends = listed(tensors)
    seeds = listed(grad_tensors) if grad_tensors is not None else [None] * len(ends)
    if len(seeds) != len(ends):
        raise RuntimeError(f"backward got {len(ends)} tensors and {len(seeds)} gradients for them")
    if len(ends) == 1:
        return ends[0].backward(seeds[0], retain_graph, create_graph, inputs)
    with enable_grad():
        total = sum((y * y._seed(seed, False)).sum() for y, seed in zip(ends, seeds))
    return total.backward(None, retain_graph, create_graph, inputs)
