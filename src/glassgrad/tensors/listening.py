"""What is asked of whoever listens while tensors are computed: a trace, a pass, a watch for NaN.

`state.listening` holds the listener of the thread.  A subclass answers what it cares about; these
defaults do what would be done without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..operations.record import Operation
from .state import state


@contextmanager
def unheard() -> Iterator[None]:
    """Inside, nobody listens: values are computed as ever."""
    before, state.listening = state.listening, None
    try:
        yield
    finally:
        state.listening = before


def fixed(x: Any) -> Any:
    """The array of `x`; None where a trace listens and it may be another at the next call."""
    return x.value if state.listening is None else state.listening.fixed(x)


def demand(bad: Any, text: str, x: Any, error: type[Exception]) -> None:
    """An error if `bad` is true somewhere: now, or where a trace listens when the step runs.

    In `text` {value} is the first element of `x` that is bad, {place} and {row} where it stands.
    """
    (state.listening or Listener()).demand(bad, text, x, error)


def refused(bad: np.ndarray, text: str, array: np.ndarray, error: type[Exception]) -> Exception:
    """The error of a demand, with row and value of the first element that is bad."""
    place = tuple(map(int, np.argwhere(bad)[0]))
    value = array[place] if len(place) == array.ndim else array
    row = place[0] if len(place) == 1 else place
    return error(text.format(value=value, place=list(place), row=row))


class Listener:
    """The questions, in the order in which a step asks them."""

    def record(self, operation: Operation, inputs: tuple, parameters: dict[str, Any]) -> Any:
        """The node operation(*inputs)."""
        with unheard():
            return inputs[0].apply(operation, *inputs, **parameters)

    def made(self, leaf: Any) -> None:
        """A leaf was made of an array."""

    def given(self, array: Any) -> None:
        """A user's array or list is about to become a tensor."""

    def detached(self, x: Any) -> Any:
        """`x.detach()`."""
        with unheard():
            return x.detach()

    def write(self, leaf: Any, value: Any, key: Any) -> Any:
        """`leaf[key] = value`."""
        with unheard():
            if key is ...:
                return leaf.assign(value)
            leaf[key] = value
            return leaf

    def refuse(self, x: Any) -> Any:
        """The value of `x`, or an error where there is none."""
        return x.value

    def fixed(self, x: Any) -> Any:
        """The array of `x` where it will be the same at each call, else None."""
        return x.value

    def assumes(self, what: str) -> bool:
        """Whether the step may take for granted what a check will look at, and a failure undo."""
        return False

    def demand(self, bad: Any, text: str, x: Any, error: type[Exception]) -> None:
        """`bad` must be false everywhere; `text` says of the first {value} and {place} why."""
        if bad.value.any():
            raise refused(bad.value, text, x.value, error)

    def switch(self, x: Any, requires_grad: bool) -> None:
        """`requires_grad` of a leaf is about to be set."""

    def called(self, module: Any) -> None:
        """A module is about to be called."""

    def returned(self, module: Any) -> None:
        """The call of a module is over."""

    def stepping(self, optimizer: Any) -> None:
        """An optimizer is about to update its parameters."""

    def impossible(self, what: str, instead: str) -> None:
        """What no compiled step can do."""

    def on_failure(self, undo: Any) -> None:
        """`undo()` puts back what a step has begun, if it fails."""

    def gradients(self, seeds: dict, wanted: list, create_graph: bool) -> dict | None:
        """{wanted: gradient} of what `seeds` has, or None: they are walked as ever."""
        return None

    def grad_of(self, leaf: Any) -> Any:
        """The `grad` of a leaf is read."""
        return leaf._grad

    def born(self, value: Any) -> Any:
        """A leaf that begins with a value that was computed."""
        return value

    def backward(self, y: Any, seed: Any, wanted: set | None, create_graph: bool) -> None:
        """`y.backward(seed)`."""
        with unheard():
            y.backward(seed, create_graph=create_graph, inputs=wanted)

    def note_grad(self, leaf: Any) -> None:
        """The `grad` of a leaf is about to be set."""

    def hyper(self, holder: Any, key: Any) -> Any:
        """The hyper-parameter holder[key], or numbers in a tuple."""
        return holder[key]
