"""Arithmetic on counts and hyper-parameters: they are numbers, or nodes while a step is traced."""

from __future__ import annotations

from typing import Any

from ..tensors.node import Node


def larger(x: Any, bound: float) -> Any:
    """max(x, bound)."""
    return x.maximum(bound) if isinstance(x, Node) else max(x, bound)  # type: ignore[attr-defined]


def smaller(x: Any, bound: float) -> Any:
    """min(x, bound)."""
    return x.minimum(bound) if isinstance(x, Node) else min(x, bound)  # type: ignore[attr-defined]


def either(condition: Any, x: Any, y: Any) -> Any:
    """`x` where `condition` holds, else `y`."""
    if not isinstance(condition, Node):
        return x if condition else y
    if isinstance(x, Node):
        return x.where(condition, y)  # type: ignore[attr-defined]
    return y.where(~condition, x)  # type: ignore[operator]
