"""Tensors: nodes of the graph, computed by NumPy as they are made."""

from .state import (
    enable_grad,
    get_default_dtype,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_default_dtype,
    set_grad_enabled,
)
from .tensor import InitialNode, Tensor

__all__ = [
    "InitialNode", "Tensor", "enable_grad", "get_default_dtype", "inference_mode",
    "is_grad_enabled", "no_grad", "set_default_dtype", "set_grad_enabled",
]  # fmt: skip
