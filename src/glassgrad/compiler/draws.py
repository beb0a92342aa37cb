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
            ("numpy.random", numpy_state),
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


def numpy_state() -> tuple[Any, ...]:
    """Where NumPy's shared stream stands; its 624 words as bytes, which are soon compared."""
    name, words, *rest = np.random.get_state()
    return name, words.tobytes(), *rest  # type: ignore[attr-defined]


def _state_of(stream: Any) -> Any:
    """What tells whether a stream has been drawn from."""
    if isinstance(stream, random.Random):
        return stream.getstate()
    generator = isinstance(stream, np.random.Generator)
    return repr(stream.bit_generator.state if generator else stream.get_state())
