"""What a formula says about its axes, beside the letters that are printed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..types import Shape


class Form:
    """How a formula is read.

    at       (letters, those in use) -> its element there; None of a name
    state    "": arrays, as NumPy broadcasts them; "view": true, but elements are plainer;
             "element": the element at i, j, ... of what is computed
    bound    letters of sums within
    shown    the shape of what is printed, if axes of length 1 came or went since
    short    whether what is printed has fewer elements, and is broadcast
    """

    __slots__ = ("at", "bound", "short", "shown", "state")

    def __init__(
        self, at: Callable[..., Any] | None = None, state: str = "", bound: str = "",
        shown: Shape | None = None, short: bool = False,
    ) -> None:  # fmt: skip
        self.at, self.state, self.bound, self.shown = at, state, bound, shown
        self.short = short

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Form) and self.state == other.state

    def __hash__(self) -> int:
        return hash(self.state)


PLAIN = Form()
