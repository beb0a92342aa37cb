"""The user's names for what a step reads: `hidden.weight`, `labels`, `lr`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ..nn.module import Module
from ..optim.optimizer import Optimizer
from ..tensors.tensor import Tensor
from .captured import Captured
from .graph import Graph
from .tree import Items, Slot


def named(
    graph: Graph, captured: Captured, arguments: list[str], pinned: dict[Any, str] | None = None
) -> None:
    """Fill `names` and `layers`; names are distinct.  `pinned` are arguments that are leaves."""
    graph.layers = module_names(captured.named())
    leaves = {**(pinned or {}), **leaf_names(captured.named())}
    for x, name in zip(graph.inputs, arguments):
        _give(graph, x, x.name or name)
    for cell, leaf in graph.cells.items():
        _give(graph, cell, leaves.get(leaf) or leaf.name or "tensor")
    for x, (_, key, place) in graph.hypers.items():
        _give(graph, x, key if place is None else f"{key}{place + 1}")


def _give(graph: Graph, x: Any, name: str) -> None:
    taken, wanted, number = set(graph.names.values()), name, 2
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    graph.names[x] = name


def argument_names(function: Callable, shape: Any) -> list[str]:
    """A name for each tensor among the arguments: of the argument, or of the key in a dict."""
    positional, named_ = shape.items
    try:
        known = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        known = []
    found: dict[int, str] = {}
    for i, part in enumerate(positional.items):
        _note(part, known[i] if i < len(known) else f"input{i + 1}", found)
    for name, part in named_.items:
        _note(part, name, found)
    return [found[i] for i in range(len(found))]


def _note(part: Any, name: str, found: dict[int, str]) -> None:
    if isinstance(part, Slot):
        found.setdefault(part.number, name)
    elif isinstance(part, Items) and issubclass(part.kind, dict):
        for key, inner in part.items:
            _note(inner, str(key), found)
    elif isinstance(part, Items):
        fields = getattr(part.kind, "_fields", [f"{name}{i + 1}" for i in range(len(part.items))])
        for field, inner in zip(fields, part.items):
            _note(inner, field, found)


def modules_of(values: dict[str, Any]) -> dict[str, Module]:
    """The modules among the values, and what stands before their paths; one needs no name.

    A module without parameters, as a loss, goes by the name that it has.
    """
    modules = {name: m for name, m in values.items() if isinstance(m, Module)}
    holding = [name for name, m in modules.items() if m.state_dict()]
    return {"" if [name] == holding else name: m for name, m in modules.items()}


def module_names(values: dict[str, Any]) -> dict[Any, str]:
    """{module: its path}, of all modules among the values."""
    return {
        part: ".".join(filter(None, (name, path)))
        for name, module in reversed(modules_of(values).items())
        for path, part in module.named_modules()
    }


def leaf_names(values: dict[str, Any]) -> dict[Any, str]:
    """{leaf: its path}, of modules and optimizers among the values; one module needs no name."""
    found: dict[Any, str] = {}
    for name, value in values.items():
        if isinstance(value, Tensor):
            found.setdefault(value, name)
    for name, module in modules_of(values).items():
        prefix = f"{name}." if name else ""
        for path, leaf in [*module.named_parameters(), *module.named_buffers()]:
            found.setdefault(leaf, prefix + path)
    for optimizer in values.values():
        if isinstance(optimizer, Optimizer):
            for w, state in optimizer.state.items():
                for key, leaf in state.items():
                    if isinstance(leaf, Tensor):
                        shared = leaf.shape == () and key == "step"
                        owner = found.get(w, w.name if isinstance(w, Tensor) else None) or "w"
                        found.setdefault(leaf, key if shared else f"{owner}.{key}")
    return found
