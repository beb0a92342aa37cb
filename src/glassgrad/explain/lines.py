"""`gg.record_lines`: which line of the user's program made each node."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..compiler.graph import here
from ..tensors import Tensor
from ..tensors.state import state


class _Here(threading.local):
    """How many blocks this thread is in."""

    depth = 0


_blocks, _lock = _Here(), threading.Lock()
_plain = Tensor.apply  # as it stands while nobody asks for lines
_open = 0  # blocks of all threads


def _apply(operation: Any, *inputs: Any, **parameters: Any) -> Any:
    """The node, with the line that asked for it."""
    y = _plain(operation, *inputs, **parameters)
    if _blocks.depth and state.listening is None and y.operation is not None:
        y.line = here()
    return y


def _enter(change: int) -> None:
    """Nodes are made by `_apply` while a block is open, so that no other program is slower."""
    global _open
    with _lock:
        _open += change
        _blocks.depth += change
        Tensor.apply = staticmethod(_apply if _open else _plain)  # type: ignore[method-assign]


@contextmanager
def record_lines() -> Iterator[None]:
    """Inside, each node keeps the line that made it; `gg.explain.steps` shows it.

    Also a decorator.  Compiled steps keep lines always, while they are traced.  Outside of the
    blocks nothing is looked for, and nothing takes time.
    """
    _enter(1)
    try:
        yield
    finally:
        _enter(-1)


def line_of(x: Any) -> str:
    """`train.py:14    loss = criterion(net(x), y)`, where lines were recorded."""
    line = vars(x).get("line")
    return "" if line is None else line.text
