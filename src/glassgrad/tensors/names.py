"""NumPy's names of arguments, which PyTorch takes besides its own: `axis` and `keepdims`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any

NUMPY_NAMES = {"axis": "dim", "keepdims": "keepdim"}


def with_numpy_names(function: Callable) -> Callable[..., Any]:
    """`function` that takes its `dim` and `keepdim` as `axis` and `keepdims` too."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        if kwargs:
            kwargs = {NUMPY_NAMES.get(name, name): value for name, value in kwargs.items()}
        return function(*args, **kwargs)

    return call


def methods_with_numpy_names(kind: type) -> type:
    """Class decorator: all methods that the class inherits take both names."""
    for base in reversed(kind.__mro__[1:-1]):
        for name, method in vars(base).items():
            if isinstance(method, FunctionType) and "dim" in method.__code__.co_varnames:
                setattr(kind, name, with_numpy_names(method))
    return kind
