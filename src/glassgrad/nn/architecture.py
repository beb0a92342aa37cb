"""The architecture of a network as plain data, and the network that such data describes.

    describe(module)     {"class": "Linear", "arguments": {"in_features": 64, "out_features": 10}}
    build(description)   the same module again, with initial weights of its own

Every layer of this package records the arguments that it was constructed with.  A container
(Sequential, ModuleList, ModuleDict) has {"class": name, "children": {name: description}}.
A module that stands twice in a network appears the second time as {"same": path}, and parameters
that modules share are listed under "tied": [[path, path], ...].  The data can be written as JSON.

Only names of classes appear, never a place to import from.  A user's own class has {"class": name}
without arguments and cannot be built: `foreign(description)` gives the paths where there is one.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from ..tensors.tensor import Tensor

PACKAGE = __name__.split(".")[0]
CLASSES: dict[str, type] = {}  # the layers of this package by name


def register(cls: type) -> None:
    """Note a class of this package, so that it can be built from its name."""
    if shipped(cls) and not cls.__name__.startswith("_"):
        CLASSES[cls.__name__] = cls


def shipped(cls: type) -> bool:
    """Whether a class belongs to this package."""
    return cls.__module__.split(".")[0] == PACKAGE


def arguments(module: Any) -> dict[str, Any]:
    """What the constructor of a layer of this package was given, by name, defaults included."""
    if module._constructor_arguments is None:
        return {}
    args, kwargs = module._constructor_arguments
    bound = inspect.signature(type(module).__init__).bind(module, *args, **kwargs)
    bound.apply_defaults()
    given = dict(list(bound.arguments.items())[1:])
    kinds = inspect.signature(type(module).__init__).parameters
    for name in list(given):
        if kinds[name].kind is inspect.Parameter.VAR_KEYWORD:
            given.update(given.pop(name))
    return {n: v for n, v in given.items() if n != "device"}


# ---- a module as data


def describe(module: Any) -> dict[str, Any]:
    """`module` as plain data."""
    described = _described(module, "", {})
    tied = _tied(module)
    return {**described, "tied": tied} if tied else described


def _described(module: Any, path: str, seen: dict[Any, str]) -> Any:
    if module is None or module in seen:
        return None if module is None else {"same": seen[module]}
    seen[module] = path
    name = type(module).__name__
    if not shipped(type(module)):
        return {"class": name}
    if not type(module)._container:
        return {"class": name, "arguments": {n: _plain(v) for n, v in arguments(module).items()}}
    children = {
        child: _described(below, f"{path}.{child}" if path else child, seen)
        for child, below in module._modules.items()
    }
    return {"class": name, "children": children}


def _plain(value: Any) -> Any:
    """An argument as data: tensors by their type alone, as their values are in the state."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {"dict": {n: _plain(v) for n, v in value.items()}}
    if isinstance(value, Tensor):
        kind = "parameter" if value.requires_grad else "tensor"
        return {kind: list(value.shape), "dtype": value.dtype.name}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (np.dtype, type)):
        return {"dtype": np.dtype(value).name}
    return {"unknown": type(value).__name__}


def _tied(module: Any) -> list[list[str]]:
    """The paths of each parameter that several modules have."""
    paths: dict[Any, list[str]] = {}
    for path, part in module.named_modules():
        for name, parameter in part._parameters.items():
            if parameter is not None:
                paths.setdefault(parameter, []).append(f"{path}.{name}" if path else name)
    return [listed for listed in paths.values() if len(listed) > 1]


# ---- and back


def build(description: dict[str, Any]) -> Any:
    """The module that is described; TypeError names what is not a layer of this package."""
    if strange := foreign(description):
        listed = ", ".join(f"{path or 'the model'} is a {name}" for path, name in strange.items())
        raise TypeError(
            f"this network cannot be built from its description alone: {listed}, which is not a "
            "layer of glassgrad; make the model yourself and load its state into it"
        )
    module = _built(description, "", {})
    for first, *others in description.get("tied", ()):
        for path in others:
            owner, _, name = path.rpartition(".")
            setattr(module.get_submodule(owner), name, module.get_parameter(first))
    return module


def foreign(description: Any, path: str = "") -> dict[str, str]:
    """{path: class} of all that `build` cannot make: users' classes, layers that hold functions."""
    if description is None or "same" in description:
        return {}
    cls = CLASSES.get(description["class"])
    if cls is None or not description.keys() & {"arguments", "children"}:
        return {path: description["class"]}
    if any(_unknown(v) for v in description.get("arguments", {}).values()):
        return {path: f"{description['class']} with an argument that is no data"}
    found: dict[str, str] = {}
    for name, child in description.get("children", {}).items():
        found |= foreign(child, f"{path}.{name}" if path else name)
    return found


def _unknown(value: Any) -> bool:
    if isinstance(value, dict):
        return "unknown" in value or any(map(_unknown, value.get("dict", {}).values()))
    return isinstance(value, list) and any(map(_unknown, value))


def _built(description: Any, path: str, made: dict[str, Any]) -> Any:
    if description is None:
        return None
    if "same" in description:
        return made[description["same"]]
    cls = CLASSES[description["class"]]
    given = {n: _value(v) for n, v in description.get("arguments", {}).items()}
    module = made[path] = cls(*_positional(cls, given), **given)
    for name, child in description.get("children", {}).items():
        module.add_module(name, _built(child, f"{path}.{name}" if path else name, made))
    return module


def _positional(cls: type, given: dict[str, Any]) -> tuple:
    """The arguments that `*names` collects, taken out of those given."""
    kinds = inspect.signature(cls).parameters.values()
    listed = [p.name for p in kinds if p.kind is inspect.Parameter.VAR_POSITIONAL]
    return tuple(given.pop(listed[0], ())) if listed else ()


def _value(plain: Any) -> Any:
    """The argument that `_plain` described."""
    if isinstance(plain, list):
        return tuple(map(_value, plain))
    if not isinstance(plain, dict):
        return plain
    if "dict" in plain:
        return {n: _value(v) for n, v in plain["dict"].items()}
    dtype = np.dtype(plain["dtype"])
    if "parameter" in plain:
        return Tensor.lift(np.zeros(plain["parameter"], dtype)).requires_grad_()
    return Tensor.lift(np.zeros(plain["tensor"], dtype)) if "tensor" in plain else dtype
