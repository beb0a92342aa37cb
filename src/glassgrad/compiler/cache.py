"""Compiled graphs that are known already: in memory, or in the user's cache folder.

What is found is neither rewritten nor planned nor compiled.  A graph that only this process can
know, one with an operation of the user's own, is compiled each time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from .artifact import Artifact, packed, unpacked
from .graph import Graph
from .key import canonical, compiler, digest_of
from .machine import Library, object_code
from .places import Place, Source
from .plain import NotPlainError, text
from .store import Store, cache_folder
from .target import Target

if TYPE_CHECKING:
    from .plan.kernel import Plan

KEPT = 64  # libraries that stay in memory


@dataclass(frozen=True)
class Request:
    """What is to be compiled.

    passes    functions from graph to graph that come first; known by their names
    sources   of an epoch: the arrays whose rows are the inputs; None for a step
    resident  whether cells lie in the arena
    cells     where they lie if not where the plan likes
    order     "rows": sums in an order that does not depend on how many rows there are
    copies    whether it is for sixteen networks at once (see `plan.spread`)
    """

    graph: Graph
    target: Target
    passes: tuple[Callable[[Graph], Graph], ...] = ()
    sources: tuple[Source, ...] | None = None
    resident: bool = False
    cells: tuple[Place, ...] | None = None
    order: str = ""
    copies: bool = False

    @cached_property
    def plan(self) -> Plan:
        """Kernels and memory."""
        from .build import plan_of

        return plan_of(self)

    @cached_property
    def text(self) -> str:
        """The module, in LLVM's language."""
        from .build import text_of

        return text_of(self)

    @cached_property
    def key(self) -> str | None:
        """What it depends on, in short; None where only this process can know."""
        try:
            more = [
                self.resident,
                self.order,
                self.copies,
                *(f"{p.__module__}.{p.__qualname__}" for p in self.passes),
            ]
            more += [tuple(self.target)]
            if self.sources is not None:
                more += [[(s.shape[1:], s.dtype) for s in self.sources]]
            if self.cells is not None:
                more += [[tuple(c) for c in self.cells]]
            return digest_of(compiler(), text(more), canonical(self.graph))
        except (NotPlainError, OSError):  # or the source of this package is no file
            return None


class Compiled(NamedTuple):
    """An artifact and its loaded code."""

    artifact: Artifact
    library: Library


class Memory:
    """What this process has compiled or loaded last."""

    def __init__(self, size: int = KEPT) -> None:
        self.size, self.lock = size, threading.Lock()
        self.known: OrderedDict[str, Compiled] = OrderedDict()

    def get(self, key: str) -> Compiled | None:
        """What is known under a key."""
        with self.lock:
            if key in self.known:
                self.known.move_to_end(key)
            return self.known.get(key)

    def put(self, key: str, compiled: Compiled) -> None:
        """Keep it for a while."""
        with self.lock:
            self.known[key] = compiled
            while len(self.known) > self.size:
                self.known.popitem(last=False)

    def clear(self) -> None:
        """Forget all."""
        with self.lock:
            self.known.clear()


MEMORY = Memory()


class FromRequest:
    """What was compiled from a request, and can be looked at."""

    request: Request

    @property
    def plan(self) -> Plan:
        """Kernels and memory, planned again to be looked at."""
        return self.request.plan

    @property
    def text(self) -> str:
        """The module in LLVM's language, written again to be looked at."""
        return self.request.text


def compiled(request: Request, memory: Memory = MEMORY) -> Compiled:
    """The machine code of a graph, from memory, from a file, or made."""
    key = request.key
    found = None if key is None else memory.get(key)
    if found is not None:
        return found
    artifact = made(request) if key is None else stored(request, key)
    found = Compiled(artifact, Library(artifact.code, request.target))
    if key is not None:
        memory.put(key, found)
    return found


def stored(request: Request, key: str) -> Artifact:
    """From a file, or made and kept in one."""
    store = Store(cache_folder())
    data = store.get(key)
    if data is not None:
        with suppress(ValueError, KeyError, TypeError, IndexError):  # sound bytes may mean nothing
            return unpacked(data)
    artifact = made(request)
    with suppress(NotPlainError):
        store.put(key, packed(artifact))
    return artifact


def made(request: Request) -> Artifact:
    """Rewritten, planned, emitted and compiled."""
    from .build import artifact_of

    return artifact_of(request.plan, object_code(request.text, request.target))
