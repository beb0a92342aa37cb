"""A program's text as a function, which a debugger can step through."""

from __future__ import annotations

import functools
import itertools
import linecache
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

_number = itertools.count(1)


def load(text: str, own: dict[str, Callable] | None = None) -> Callable:
    """The function `step` of a program: arrays in, a tuple of arrays out.

    `own` has the users' operations that the program calls, by name.  The text is known under a
    file name of its own, so that tracebacks and debuggers show its lines.
    """
    file = f"<glassgrad program {next(_number)}>"
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    namespace: dict[str, Any] = {"__name__": "glassgrad_program", **(own or {})}
    exec(compile(text, file, "exec", dont_inherit=True), namespace)
    step = namespace["step"]

    @functools.wraps(step)
    def run(*arguments: Any) -> tuple:
        with np.errstate(all="ignore"):  # infinities and NaN go their way, as they do eager
            return tuple(map(np.asarray, step(*arguments)))

    weakref.finalize(run, linecache.cache.pop, file, None)
    return run
