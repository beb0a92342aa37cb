"""What the names in a step stand for: a change of one of them compiles anew.

The step's globals and closure are followed into the user's own functions, objects, modules of
Python, lists and dicts, as far as names in the code lead there.  What a name stands for is
compared by identity, and numbers and text by value.
"""

from __future__ import annotations

import functools
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from operator import is_
from types import CodeType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

import numpy as np

from ..nn.module import Module
from ..optim.optimizer import Optimizer
from ..tensors.tensor import Tensor
from .graph import Blank

MISSING = object()
SIMPLE = (bool, int, float, complex, str, bytes, type(None))
LONGEST = 1000  # of longer lists only the length is compared
MOST_ELEMENTS = 10_000  # and of larger arrays only the size
CALLED = ["__call__", "forward", "backward", "gradient", "update", "init", "advance"]  # by others
FOREIGN = ("glassgrad", "numpy", "builtins")  # packages that are not looked into


def alike(a: Any, b: Any) -> bool:
    """The same object, or an equal number or text."""
    if a is b:
        return True
    return type(a) is type(b) and isinstance(a, SIMPLE) and repr(a) == repr(b)


def _alike(now: list[Any], then: list[Any]) -> bool:
    if len(now) != len(then):
        return False
    return all(map(is_, now, then)) or all(map(alike, now, then))


class Names:
    """Names in a namespace, and what they stood for."""

    def __init__(self, space: dict, names: list[str]) -> None:
        self.space, self.names = space, names
        self.values = self.now()

    def now(self) -> list[Any]:
        """What they stand for at the moment."""
        space = self.space
        try:
            return [space[name] for name in self.names]
        except KeyError:
            return [space.get(name, MISSING) for name in self.names]


class Cells:
    """The closure of a function."""

    def __init__(self, function: FunctionType) -> None:
        self.names = list(function.__code__.co_freevars)
        self.cells = list(function.__closure__ or ())
        self.values = self.now()

    def now(self) -> list[Any]:
        """What the cells hold at the moment."""
        try:
            return [cell.cell_contents for cell in self.cells]
        except ValueError:  # one is not set yet
            return [_content(cell) for cell in self.cells]


class Items:
    """What is in a list, dict or set."""

    names: list[str] = []

    def __init__(self, held: Any) -> None:
        self.held = held
        self.values = self.now()

    def now(self) -> list[Any]:
        """Keys and values, or elements, or how many if they are many."""
        if len(self.held) > LONGEST:
            return [len(self.held)]
        if isinstance(self.held, dict):
            return [*self.held, *self.held.values()]
        return list(self.held)


class Slots:
    """Attributes of an object that has no dict."""

    def __init__(self, owner: Any, names: list[str]) -> None:
        self.owner, self.names = owner, names
        self.values = self.now()

    def now(self) -> list[Any]:
        """What they hold at the moment."""
        return [getattr(self.owner, name, MISSING) for name in self.names]


class Numbers:
    """The elements of a NumPy array, as one number that changes with them."""

    names: list[str] = []

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        self.values = self.now()

    def now(self) -> list[Any]:
        """A checksum of the elements; that there are many."""
        few = self.array.size <= MOST_ELEMENTS and self.array.dtype != object
        return [zlib.crc32(np.ascontiguousarray(self.array).data) if few else self.array.size]


class Captured:
    """What was captured when it was looked at; `same()` tells whether it is so still."""

    def __init__(self, function: Callable) -> None:
        self.function = function
        self.places: list[Any] = []
        self.modules: list[Module] = []
        self.words: set[str] = set()
        self.seen: set[int] = set()
        self.owners: dict[int, Any] = {}
        self.noted: dict[int, set[str]] = {}
        self.visit(function)
        size = 0
        while size != (size := self.size()):
            for owner in list(self.owners.values()):
                self.look_into(owner)

        each = [(p, pair) for p in self.places for pair in zip(p.names, p.values)]
        self.globals = [(p.space, *pair) for p, pair in each if isinstance(p, Names)]
        cells = [p for p in self.places if isinstance(p, Cells)]
        self.cells = [pair for p in cells for pair in zip(p.cells, p.values)]
        self.lists = [p for p in self.places if isinstance(p, (Items, Slots, Numbers))]

    def size(self) -> int:
        """How much has been found."""
        return len(self.words) + len(self.owners) + len(self.places) + len(self.seen)

    def same(self) -> bool:
        """Whether all stand for what they stood for."""
        try:
            for cell, value in self.cells:
                if cell.cell_contents is not value:
                    return self.alike()
        except ValueError:
            return self.alike()
        for space, name, value in self.globals:
            if space.get(name, MISSING) is not value:
                return self.alike()
        return all(_alike(place.now(), place.values) for place in self.lists)

    def alike(self) -> bool:
        """The same by value: other objects may be equal numbers."""
        return all(_alike(place.now(), place.values) for place in self.places)

    def changed(self) -> list[str]:
        """The names of what is not as it was."""
        found = []
        for place in self.places:
            now, then = place.now(), place.values
            if isinstance(place, (Items, Numbers)):
                found += [] if _alike(now, then) else ["a list, dict or array"]
            else:
                found += [n for n, a, b in zip(place.names, now, then) if not alike(a, b)]
        return found

    def named(self) -> dict[str, Any]:
        """{name: what it stands for}, in the step itself first."""
        found: dict[str, Any] = {}
        owner = getattr(self.function, "__self__", None)
        if owner is not None:
            found["self"] = owner
        for place in self.places:
            for name, value in zip(place.names, place.values):
                found.setdefault(name, value)
        return found

    def kept(self) -> list[tuple[str, Any]]:
        """Traced tensors that a name or a list has held since the step was traced."""
        return [
            (f"{place.names[i]!r}" if i < len(place.names) else "a list or dict", value)
            for place in self.places
            for i, value in enumerate(place.now())
            if isinstance(value, Blank)
        ]

    # ---- where names lead

    def visit(self, value: Any) -> None:
        """Note what a value refers to."""
        if isinstance(value, (*SIMPLE, Tensor)) or id(value) in self.seen:
            return
        self.seen.add(id(value))
        if isinstance(value, Module):
            self.modules.append(value)
            self.visit_all([*value.children(), *hooks_of(value)])
        if isinstance(value, Optimizer):
            self.visit_all(hook for hooks in value.hooks.values() for hook in hooks.values())
        if isinstance(value, functools.partial):
            self.visit_all([value.func, *value.args])
            self.note(Items(value.keywords))
        elif isinstance(value, MethodType):
            self.visit_all([value.__func__, value.__self__])
        elif isinstance(value, FunctionType):
            self.visit_function(value)
        elif isinstance(value, (list, dict, set, deque)):
            self.note(Items(value))
        elif isinstance(value, np.ndarray):
            self.places.append(Numbers(value))
        elif isinstance(value, tuple):
            self.visit_all(value)
        elif not _foreign(value):
            self.owners[id(value)] = value

    def visit_all(self, values: Any) -> None:
        """Each of several values."""
        for value in values:
            self.visit(value)

    def note(self, place: Any) -> None:
        """A place to look at, and what is there."""
        if place.values or isinstance(place, Items):
            self.places.append(place)
            self.visit_all(place.values)

    def visit_function(self, function: FunctionType) -> None:
        """Its globals, closure and defaults."""
        inner = getattr(function, "__wrapped__", None)
        if (function.__module__ or "").split(".")[0] in FOREIGN and inner is None:
            return
        code, space = function.__code__, function.__globals__
        words = sorted(set(_words(code)))
        self.words.update(words)
        self.note(Cells(function))
        if space.get("__name__", "").split(".")[0] not in FOREIGN:
            self.note(Names(space, [w for w in words if w in space]))
        self.visit_all([inner, *(function.__defaults__ or ())])
        self.visit_all((function.__kwdefaults__ or {}).values())

    def look_into(self, owner: Any) -> None:
        """Attributes that the code names, of an object, a class or a module of Python."""
        space = getattr(owner, "__dict__", {})
        noted = self.noted.setdefault(id(owner), set())
        new = sorted((self.words & set(space)) - noted)
        noted.update(new)
        if isinstance(owner, Module):  # its attributes are looked at where one has changed
            self.visit_all([v for v in map(space.get, new) if not isinstance(v, Module)])
        else:
            self.note(Names(space, new))
        kind = owner if isinstance(owner, type) else type(owner)
        for name in sorted({*self.words, *CALLED}):
            method = getattr(kind, name, None)
            method = method.fget if isinstance(method, property) else method
            if isinstance(method, FunctionType):
                self.visit(method)
        self.look_into_class(owner, kind, noted)

    def look_into_class(self, owner: Any, kind: type, noted: set[str]) -> None:
        """What stands in a class for its objects, and slots; an object may get its own later."""
        for base in kind.__mro__:
            if base.__module__.split(".")[0] in FOREIGN:
                continue
            new = sorted((self.words & set(vars(base))) - noted)
            noted.update(new)
            plain = [n for n in new if not hasattr(vars(base)[n], "__get__")]
            slots = [n for n in new if isinstance(vars(base)[n], MemberDescriptorType)]
            self.note(Names(vars(base), plain))  # type: ignore[arg-type]
            if plain and owner is not kind and hasattr(owner, "__dict__"):
                self.places.append(Names(vars(owner), plain))
            if slots and owner is not kind:
                self.note(Slots(owner, slots))


def hooks_of(module: Module) -> list[Callable]:
    """The user's functions that are called with a module."""
    kinds = vars(module).get("_module_hooks")
    listed = vars(kinds).values() if kinds is not None else ()
    return [hook.function for hooks in listed for hook in hooks.values()]


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not set yet
        return MISSING


def _foreign(value: Any) -> bool:
    kind = value if isinstance(value, type) else type(value)
    name = value.__name__ if isinstance(value, ModuleType) else kind.__module__
    own = isinstance(value, ModuleType) or hasattr(value, "__dict__") or hasattr(kind, "__slots__")
    return not own or name.split(".")[0] in FOREIGN


def _words(code: CodeType) -> Iterator[str]:
    """Names of globals and attributes in the function and in functions inside it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _words(constant)
