"""Gradients kept from growing too large, between `backward()` and the optimizer's step.

`foreach` is accepted as in PyTorch and changes nothing: there is one implementation.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...tensors.creation import tensor
from ...tensors.functions import stack
from ...tensors.state import no_grad
from ...tensors.tensor import Tensor

Tensors = Tensor | Iterable[Tensor]


def _listed(tensors: Tensors) -> list[Any]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _gradients(parameters: list[Any]) -> list[Any]:
    return [p.grad for p in parameters if p.grad is not None]


@no_grad()
def get_total_norm(
    tensors: Tensors,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """(sum |x|^p)^(1/p) over the elements of all tensors, p = norm_type; inf is the largest |x|."""
    p = float(norm_type)
    norms = [x.norm(p) for x in _listed(tensors)]
    total = stack(norms).norm(p) if norms else tensor(0.0)
    if error_if_nonfinite and not total.isfinite():
        raise RuntimeError(
            f"The total norm of order {p} for gradients from `parameters` is non-finite, so it "
            "cannot be clipped. To scale the gradients by the non-finite norm anyway, set "
            "`error_if_nonfinite=False`"
        )
    return total


@no_grad()
def clip_grads_with_norm_(
    parameters: Tensors, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """g <- g min(max_norm / (total_norm + 1e-6), 1) for the gradient of every parameter."""
    factor = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
    for g in _gradients(_listed(parameters)):
        g.assign(g * factor.to(g.dtype))


@no_grad()
def clip_grad_norm_(
    parameters: Tensors,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients by one factor so that their total norm is at most max_norm.

    Returns the total norm that they had.
    """
    listed = _listed(parameters)
    total = get_total_norm(_gradients(listed), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(listed, max_norm, total)
    return total


@no_grad()
def clip_grad_value_(parameters: Tensors, clip_value: float, foreach: bool | None = None) -> None:
    """Limit every element of every gradient to between -clip_value and clip_value."""
    bound = float(clip_value)
    for g in _gradients(_listed(parameters)):
        g.assign(g.clamp(-bound, bound))
