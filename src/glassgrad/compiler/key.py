"""What a compiled graph depends on, as text: equal texts mean equal machine code.

User's names, files and lines are not in it, nor do they reach the code.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..operations.record import TABLE
from .graph import Graph
from .plain import NotPlainError, text

SOURCES = ("compiler", "operations", "tensors")  # folders of what decides about the code


def canonical(graph: Graph) -> str:
    """All that a graph says: its nodes by number, and what they are to the step.

    Raises:
        NotPlainError: It has an operation, or a parameter, that only this process knows.
    """
    leaves = [*graph.inputs, *graph.cells, *graph.hypers]
    number: dict[Any, int] = {x: i for i, x in enumerate(leaves)}
    lines = [f"{len(graph.inputs)} {len(graph.cells)} {len(graph.hypers)}"]
    lines += [str(x.type_) for x in leaves]
    for x in graph.nodes:
        if x not in number:
            lines.append(statement(x, number))
            number[x] = len(number)

    def listed(nodes: Any) -> str:
        return " ".join(str(number[x]) for x in nodes)

    lines.append(f"outputs {listed(graph.outputs)}")
    lines.append(f"updates {listed(graph.updates)} = {listed(graph.updates.values())}")
    lines.append(f"losses {listed(graph.losses)}")
    lines.append(f"checks {listed(x for x, _ in graph.checks)}")
    return "\n".join(lines)


def statement(x: Any, number: dict[Any, int]) -> str:
    """A node: what computes it, or its value."""
    if x.operation is None:
        if not isinstance(x.value, np.ndarray):
            raise NotPlainError(f"{x.type_} comes from nowhere")
        digest = hashlib.sha256(np.ascontiguousarray(x.value).tobytes()).hexdigest()
        return f"{x.type_} {'table' if x.number is None else 'number'} {digest}"
    name = x.operation.name
    if TABLE.get(name) is not x.operation:
        raise NotPlainError(f"{name} is no operation of the table")
    inputs = " ".join(str(number[i]) for i in x.inputs)
    return f"{x.type_} {name} {inputs}" + (f" {text(x.parameters)}" if x.parameters else "")


@cache
def compiler() -> str:
    """This compiler: its version, a hash of its own source, and the versions that it builds on."""
    import llvmlite
    import llvmlite.binding as llvm

    from .. import __version__

    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for file in sources(root):
        content = (root / file).read_bytes()
        digest.update(f"{file} {len(content)}\n".encode())
        digest.update(content)
    versions = (__version__, np.__version__, llvmlite.__version__, *llvm.llvm_version_info)
    return f"{' '.join(map(str, versions))} {digest.hexdigest()}"


def sources(root: Path) -> list[str]:
    """The files of this package that decide about the code."""
    found = ["types.py"]
    for folder in SOURCES:
        for place, _, names in os.walk(root / folder):
            base = Path(place).relative_to(root).as_posix()
            found += [f"{base}/{name}" for name in names if name.endswith(".py")]
    return sorted(found)


def digest_of(*texts: str) -> str:
    """A short name for texts."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()
