"""Tensors that belong to a module: what is learnt, and what is only kept."""

from __future__ import annotations

from typing import Any

from ..tensors.tensor import Tensor, held, noted

__all__ = ["Buffer", "Parameter"]


class Parameter(Tensor):
    """A leaf that is learnt: a module finds it among its attributes, an optimizer updates it.

    It shares the memory of `data`, a tensor or an array.
    """

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        self.value = held(() if data is None else data)
        noted(self, () if data is None else (data,))
        if requires_grad:
            self.set_requires_grad(True)


class Buffer(Tensor):
    """A leaf that a module keeps but does not learn: saved with it, unless persistent=False."""

    def __init__(self, data: Any = None, *, persistent: bool = True) -> None:
        self.value = held(() if data is None else data)
        noted(self, () if data is None else (data,))
        self.persistent = persistent
