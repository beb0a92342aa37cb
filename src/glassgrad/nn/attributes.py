"""Which attributes of a module are parameters, buffers and child modules: their roles.

The values stand in the module's own `__dict__`, so that reading one costs nothing; the roles stand
beside them, in the order in which they came.
"""

from __future__ import annotations

from typing import Any

from ..tensors.state import Clock
from ..tensors.tensor import Tensor

PARAMETER, BUFFER, TRANSIENT, MODULE = "parameter", "buffer", "transient buffer", "module"
CALLED = {PARAMETER: "parameter", BUFFER: "buffer", TRANSIENT: "buffer", MODULE: "child module"}


def having(module: Any, *roles: str) -> list[tuple[str, Any]]:
    """Names and values of the attributes with one of these roles, in order."""
    own = vars(module)
    return [(name, own[name]) for name, role in module._attribute_roles.items() if role in roles]


def put(module: Any, name: str, value: Any, role: str | None) -> None:
    """Set an attribute, with a role or none: whatever changes a module comes through here."""
    if vars(module).get(name, module) is not value:
        Clock.structure += 1
    if role is None:
        object.__setattr__(module, name, value)
        return
    module._attribute_roles[name] = role
    vars(module)[name] = value  # past any property of that name, as in PyTorch
    if isinstance(value, Tensor) and value.name is None:
        value.name = name


def take(module: Any, name: str) -> None:
    """Delete an attribute, and its role if it has one."""
    Clock.structure += 1
    if module._attribute_roles.pop(name, None) is None:
        object.__delattr__(module, name)
    else:
        del vars(module)[name]


def refuse_name(module: Any, name: Any, role: str) -> None:
    """An error unless `name` can be the name of an attribute with this role."""
    called = CALLED[role].split()[-1]
    if not isinstance(name, str):
        raise TypeError(f"{called} name should be a string. Got {typename(name)}")
    if "." in name:
        raise KeyError(f'{called} name can\'t contain ".", got: {name}')
    if name == "":
        raise KeyError(f'{called} name can\'t be empty string ""')
    had = CALLED.get(module._attribute_roles.get(name, ""))
    if hasattr(module, name) and had != CALLED[role]:
        raise KeyError(f"attribute '{name}' already exists")


def typename(value: Any) -> str:
    """How an error calls what a value is."""
    return value.type() if isinstance(value, Tensor) else type(value).__name__
