"""Modules held in order or by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from operator import index
from typing import Any, Self, overload

from .attributes import MODULE
from .module import Module


class Listed(Module):
    """What modules numbered "0", "1", ... have in common: indexing, slicing, insertion."""

    _container = True

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self.extend(modules)

    def _listed(self) -> list[Any]:
        return list(self._modules.values())

    def _some(self, key: slice) -> Self:
        return type(self)(self._listed()[key])

    def _relist(self, modules: Iterable[Module]) -> Self:
        """Hold these modules instead, under numbers."""
        for name in list(self._modules):
            delattr(self, name)
        for number, module in enumerate(modules):
            self.add_module(str(number), module)
        return self

    def _name_at(self, position: int) -> str:
        names = list(self._modules)
        if not -len(names) <= index(position) < len(names):
            raise IndexError(
                f"index {position} is out of range: there are {len(names)} modules in this "
                f"{type(self).__name__}"
            )
        return names[index(position)]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._listed())

    @overload
    def __getitem__(self, key: int) -> Any: ...
    @overload
    def __getitem__(self, key: slice) -> Self: ...
    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return self._some(key)
        return vars(self)[self._name_at(key)]

    def __setitem__(self, key: int, module: Module) -> None:
        setattr(self, self._name_at(key), module)

    def __delitem__(self, key: int | slice) -> None:
        names = list(self._modules)
        for name in names[key] if isinstance(key, slice) else [self._name_at(key)]:
            delattr(self, name)
        self._relist(self._listed())

    def append(self, module: Module) -> Self:
        """One more at the end."""
        self.add_module(str(len(self)), module)
        return self

    def insert(self, index: int, module: Module) -> Self:
        """One more at `index`; those behind it move up."""
        self._refuse_kind(module)
        listed = self._listed()
        if not -len(listed) <= index <= len(listed):
            raise IndexError(f"Index out of range: {index}")
        listed.insert(index, module)
        return self._relist(listed)

    def extend(self, modules: Iterable[Module]) -> Self:
        """More at the end."""
        if not isinstance(modules, Iterable):
            raise TypeError(
                "ModuleList.extend should be called with an iterable, but got "
                + type(modules).__name__
            )
        for module in list(modules):
            self.append(module)
        return self

    def pop(self, key: int | slice) -> Any:
        """Take one out and return it."""
        taken = self[key]
        del self[key]
        return taken

    def __add__(self, other: Iterable[Module]) -> Self:
        return type(self)([*self, *other])

    def __iadd__(self, other: Iterable[Module]) -> Self:
        return self.extend(other)

    def _refuse_kind(self, module: Any) -> None:
        if not isinstance(module, Module):
            raise TypeError(f"{type(module).__name__} is not a Module subclass")


class ModuleList(Listed):
    """Modules in a list: found by `parameters()`, called by your own `forward`."""

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__(modules if modules is not None else ())

    def __repr__(self) -> str:
        return _repr_with_runs(self)


class Sequential(Listed):
    """y = f_n(... f_2(f_1(x))): modules one after the other

    Give them in order, or by name in a dict:

        net = nn.Sequential(nn.Linear(64, 30), nn.ReLU(), nn.Linear(30, 10))
        net[0].weight
    """

    def __init__(self, *args: Any) -> None:
        if len(args) == 1 and isinstance(args[0], Mapping):
            for name, module in args[0].items():
                self.add_module(name, module)
        else:
            for number, module in enumerate(args):
                self.add_module(str(number), module)

    def forward(self, input: Any) -> Any:
        own = vars(self)
        for name, role in self._attribute_roles.items():
            if role == MODULE:
                input = own[name](input)
        return input

    def _some(self, key: slice) -> Self:
        return type(self)(dict(list(self._modules.items())[key]))

    def layers_before(self, name: str) -> list[tuple[str, Module]]:
        """The modules that come before `name`, nearest first."""
        names = list(self._modules)
        return [(n, vars(self)[n]) for n in reversed(names[: names.index(name)])]

    def __add__(self, other: Iterable[Module]) -> Self:
        if not isinstance(other, Sequential):
            raise ValueError(
                "add operator supports only objects of Sequential class, "
                f"but {type(other).__name__} is given."
            )
        return type(self)(*self, *other)

    def __mul__(self, other: int) -> Self:
        if not isinstance(other, int) or other <= 0:
            raise TypeError(f"a Sequential is repeated a positive number of times, not {other}")
        return type(self)(*(list(self) * other))

    __rmul__ = __mul__


class ModuleDict(Module):
    """Modules by name: found by `parameters()`, called by your own `forward`."""

    _container = True

    def __init__(self, modules: Any = None) -> None:
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Any:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: object) -> bool:
        return key in self._modules

    def keys(self) -> Any:
        """The names."""
        return self._modules.keys()

    def values(self) -> Any:
        """The modules."""
        return self._modules.values()

    def items(self) -> Any:
        """Names and modules."""
        return self._modules.items()

    def clear(self) -> None:
        """Take all out."""
        for name in list(self._modules):
            delattr(self, name)

    def pop(self, key: str) -> Any:
        """Take one out and return it."""
        taken = self[key]
        del self[key]
        return taken

    def update(self, modules: Any) -> None:
        """Add or replace modules, from a dict or from pairs."""
        if not isinstance(modules, Iterable):
            raise TypeError(
                "ModuleDict.update should be called with an iterable of key/value pairs, but got "
                + type(modules).__name__
            )
        pairs = modules.items() if isinstance(modules, (Mapping, ModuleDict)) else modules
        for name, module in list(pairs):
            self[name] = module


def _repr_with_runs(modules: Any) -> str:
    """The `repr` of a list in which equal neighbours are shown once: `(0-2): 3 x Linear(...)`."""
    runs: list[tuple[int, int, str]] = []
    for number, module in enumerate(modules):
        text = repr(module)
        if runs and runs[-1][2] == text:
            runs[-1] = (runs[-1][0], number, text)
        else:
            runs.append((number, number, text))
    lines = []
    for first, last, text in runs:
        shown = (
            f"({first}): {text}"
            if first == last
            else f"({first}-{last}): {last - first + 1} x {text}"
        )
        lines.append("  " + shown.replace("\n", "\n  ") + "\n")
    name = type(modules).__name__
    return f"{name}(\n{''.join(lines)})" if lines else f"{name}()"
