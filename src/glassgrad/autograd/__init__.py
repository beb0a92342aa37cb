"""Gradients asked for by hand: `grad`, the grad modes, a user's own `Function`, `gradcheck`."""

from ..tensors.state import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)
from . import functional
from .checks import gradcheck, gradgradcheck
from .derivatives import backward, grad
from .function import Function

__all__ = [
    "Function", "backward", "enable_grad", "functional", "grad", "gradcheck", "gradgradcheck",
    "inference_mode", "is_grad_enabled", "no_grad", "set_grad_enabled",
]  # fmt: skip
