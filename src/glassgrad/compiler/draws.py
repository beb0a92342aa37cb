"""Random numbers of Python and NumPy in a step: they would be drawn once, when it is traced."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from typing import Any

import numpy as np

from .captured import Captured
from .graph import TraceError

KINDS = (random.Random, np.random.Generator, np.random.RandomState)


class Draws:
    """The streams that a step could draw from, and where they stood before it."""

    def __init__(self, captured: Captured) -> None:
        self.streams: list[tuple[str, Callable[[], Any]]] = [
            ("random", random.getstate),
            ("numpy.random", lambda: comparable(np.random.get_state(legacy=False))),
        ]
        for name, value in captured.named().items():
            if isinstance(value, KINDS):
                self.streams.append((name, functools.partial(_state_of, value)))
        self.before = [state() for _, state in self.streams]

    def refuse_new(self) -> None:
        """An error if numbers have been drawn."""
        for (name, state), before in zip(self.streams, self.before):
            if state() != before:
                raise TraceError(
                    f"a compiled step draws random numbers of Python or NumPy, from {name}, which "
                    "would be the same at each call\n    Draw with gg.rand, gg.randn or "
                    "gg.randint, or hand the number to the step as an argument."
                )


def _state_of(stream: Any) -> Any:
    """What tells whether a stream has been drawn from."""
    if isinstance(stream, random.Random):
        return stream.getstate()
    generator = isinstance(stream, np.random.Generator)
    return comparable(stream.bit_generator.state if generator else stream.get_state())


def comparable(state: Any) -> Any:
    """The state of a stream of NumPy, arrays as bytes, which one comparison tells apart."""
    if isinstance(state, dict):
        return {name: comparable(value) for name, value in state.items()}
    if isinstance(state, tuple):
        return tuple(map(comparable, state))
    return state.tobytes() if isinstance(state, np.ndarray) else state
