"""Random numbers of Python and NumPy in a step: they would be drawn once, when it is traced."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from .captured import Captured
from .graph import TraceError


class Draws:
    """The streams that a step could draw from, and where they stood before it."""

    def __init__(self, captured: Captured) -> None:
        self.streams: list[tuple[str, Callable[[], Any]]] = [
            ("random", random.getstate),
            ("numpy.random", lambda: repr(np.random.get_state())),
        ]
        for name, value in captured.named().items():
            if isinstance(value, random.Random):
                self.streams.append((name, value.getstate))
            elif isinstance(value, np.random.Generator):
                self.streams.append((name, lambda g=value: repr(g.bit_generator.state)))
            elif isinstance(value, np.random.RandomState):
                self.streams.append((name, lambda g=value: repr(g.get_state())))
        self.before = [state() for _, state in self.streams]

    def refuse_new(self) -> None:
        """An error if numbers have been drawn."""
        for (name, state), before in zip(self.streams, self.before):
            if state() != before:
                raise TraceError(
                    f"a compiled step draws numbers from {name}, which would be the same at each "
                    "call\n    Draw with gg.rand, gg.randn or gg.randint, or hand the number to "
                    "the step as an argument."
                )
