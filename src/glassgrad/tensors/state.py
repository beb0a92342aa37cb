"""What is true of the thread at this moment: the grad mode, the default dtype, who listens."""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from ..types import float32, is_real, supported


class State(threading.local):
    """grad: whether nodes remember how they came about; listening: a trace that records them;
    room: how many elements new leaves may have in all, None for any number.
    """

    grad = True
    listening: Any = None
    room: int | None = None


state = State()
tick = itertools.count(
    1
).__next__  # nodes and writes are numbered in the order in which they happen
default_dtype = float32
default_generator: Any = None  # the stream behind manual_seed; tensors/generator makes it


def set_default_dtype(dtype: Any) -> None:
    """The dtype of tensors made from Python floats: float32 unless set."""
    global default_dtype
    if not is_real(supported(dtype)):
        raise TypeError(
            f"only floating-point types can be the default dtype, and {dtype} is not one"
        )
    default_dtype = supported(dtype)


def get_default_dtype() -> np.dtype:
    """The dtype of tensors made from Python floats."""
    return default_dtype


def is_grad_enabled() -> bool:
    """Whether operations are recorded for `backward()` at the moment."""
    return state.grad


class GradMode:
    """`with` block and decorator that switches recording on or off."""

    mode = True

    def __enter__(self) -> None:
        self.before = state.grad
        state.grad = self.mode

    def __exit__(self, *error: Any) -> None:
        state.grad = self.before

    def __call__(self, function: Callable) -> Callable:
        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            before, state.grad = state.grad, self.mode
            try:
                return function(*args, **kwargs)
            finally:
                state.grad = before

        return wrapped


class no_grad(GradMode):
    """Operations inside are not recorded: nothing inside gets a gradient.  Also a decorator."""

    mode = False

    def __new__(cls, function: Callable | None = None):
        made = super().__new__(cls)
        return made if function is None else made(function)


class enable_grad(no_grad):
    """Operations inside are recorded, also within `no_grad`.  Also a decorator."""

    mode = True


class inference_mode(GradMode):
    """As `no_grad`; with `mode=False` recording stays as it is.  Also a decorator."""

    mode = False

    def __new__(cls, mode: Any = True):
        made = super().__new__(cls)
        return made(mode) if callable(mode) else made

    def __init__(self, mode: bool = True) -> None:
        self.mode = state.grad and not mode


class set_grad_enabled(GradMode):
    """Switches recording on or off, at once and, as a `with` block, until its end."""

    def __init__(self, mode: bool) -> None:
        self.mode, self.before = bool(mode), state.grad
        state.grad = self.mode

    def __enter__(self) -> None:
        state.grad = self.mode

    def __call__(self, function: Callable) -> Callable:
        state.grad = self.before
        return super().__call__(function)


class Clock:
    """When things last changed, so that nobody need look where nothing did.

    last_write  a leaf was written, or its array replaced: a pass back looks for changes after it,
                and a compiled step for arrays
    structure   how often attributes of modules, `requires_grad`, hooks, groups and state of
                optimizers were set: a compiled step looks
    gradients   how often `grad` of a tensor was set
    """

    last_write = 0
    structure = 0
    gradients = 0


def note_write(leaf: Any) -> None:
    """Remember that the value of `leaf` changed now."""
    leaf.written = Clock.last_write = tick()
