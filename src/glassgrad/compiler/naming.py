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


def named(graph: Graph, function: Callable, captured: Captured) -> None:
    """Fill `graph.names`; names are distinct."""
    leaves = leaf_names(captured.named())
    for x, name in zip(graph.inputs, input_names(function, graph)):
        _give(graph, x, name)
    for cell, leaf in graph.cells.items():
        _give(graph, cell, leaves.get(leaf) or leaf.name or "tensor")
    for x, (_, key, place) in graph.hypers.items():
        _give(graph, x, key if place is None else f"{key}{place + 1}")


def _give(graph: Graph, x: Any, name: str) -> None:
    taken, wanted, number = set(graph.names.values()), name, 2
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    graph.names[x] = name


def input_names(function: Callable, graph: Graph) -> list[str]:
    """The names of the function's arguments, as far as there are any."""
    known = list(inspect.signature(function).parameters)
    count = len(graph.inputs)
    return [
        x.name or (known[i] if i < len(known) else f"input{i}")
        for i, x in zip(range(count), graph.inputs)
    ]


def leaf_names(values: dict[str, Any]) -> dict[Any, str]:
    """{leaf: its path}, of modules and optimizers among the values; one module needs no name."""
    modules = {name: m for name, m in values.items() if isinstance(m, Module)}
    modules = {name: m for name, m in modules.items() if m.state_dict()}
    found: dict[Any, str] = {}
    for name, value in values.items():
        if isinstance(value, Tensor):
            found.setdefault(value, name)
    for name, module in modules.items():
        prefix = f"{name}." if len(modules) > 1 else ""
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
