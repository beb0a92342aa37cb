"""What is needed at run time of a compiled graph, and nothing else: machine code and plain data.

An artifact knows no user's name, file or line, and no node of a graph: inputs, cells and
hyper-parameters go by their order.  So it can be kept in a file and serve every process that
compiles the same graph.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..operations.record import TABLE
from .places import Place
from .plain import NotPlainError, plain, value_of

FINE, NOT_FINITE = 0, 1  # what the native step returns; from 2 on: the number of a failed check
BY_NUMPY = -1  # a node that NumPy computes has raised an error


class Call(NamedTuple):
    """A kernel that NumPy computes: its number, the operation, and where its values lie."""

    number: int
    operation: Any
    parameters: dict[str, Any]
    inputs: tuple[Any, ...]  # places, and arrays of constants
    output: Place


class Table(NamedTuple):
    """An array that belongs to the program, and where the native step wants it."""

    place: Place
    value: np.ndarray


@dataclass(frozen=True)
class Artifact:
    """A compiled graph.

    code      the object file
    arena     how many bytes of memory the step works in
    inputs    where they lie, in the order of the graph; likewise cells, hypers and outputs
    written   numbers of the cells that the step changes
    tables    constants
    calls     kernels that NumPy computes
    cycles    about how long a step takes
    shared    whether several threads may take it together
    alone     where cells lie in the plan of one network, if this is the plan of copies
    """

    code: bytes
    arena: int
    inputs: tuple[Place, ...]
    cells: tuple[Place, ...]
    hypers: tuple[Place, ...]
    outputs: tuple[Place, ...]
    written: tuple[int, ...]
    tables: tuple[Table, ...]
    calls: tuple[Call, ...]
    cycles: float = 0.0
    shared: bool = False
    alone: tuple[Place, ...] = ()

    @property
    def pointers(self) -> int:
        """The length of the table of pointers; the last is what computes by NumPy."""
        return len(self.inputs) + len(self.cells) + 1


# ---- as bytes


def packed(artifact: Artifact) -> bytes:
    """An artifact as bytes.

    Raises:
        NotPlainError: It needs an operation that is not in the table.
    """
    fields = {
        "arena": artifact.arena,
        "written": list(artifact.written),
        "cycles": artifact.cycles,
        "shared": artifact.shared,
        **{name: [_listed(p) for p in getattr(artifact, name)] for name in PLACES},
        "tables": [[_listed(t.place), plain(t.value)] for t in artifact.tables],
        "calls": [_call_listed(call) for call in artifact.calls],
    }
    head = json.dumps(fields, separators=(",", ":")).encode()
    return len(head).to_bytes(8, "little") + head + artifact.code


def unpacked(data: bytes) -> Artifact:
    """The artifact again."""
    end = 8 + int.from_bytes(data[:8], "little")
    fields = json.loads(data[8:end])
    return Artifact(
        code=data[end:],
        arena=fields["arena"],
        written=tuple(fields["written"]),
        cycles=fields["cycles"],
        shared=fields["shared"],
        **{name: tuple(map(_place, fields[name])) for name in PLACES},
        tables=tuple(Table(_place(p), value_of(v)) for p, v in fields["tables"]),
        calls=tuple(map(_call, fields["calls"])),
    )


PLACES = ("inputs", "cells", "hypers", "outputs", "alone")


def _listed(place: Place) -> list[Any]:
    return list(place._replace(dtype=place.dtype.str))  # type: ignore[arg-type]


def _place(listed: list[Any]) -> Place:
    pointer, offset, shape, dtype, strides, room, *rest = listed
    kind = np.dtype(dtype)
    return Place(pointer, offset, tuple(shape), kind, tuple(strides), tuple(room), *rest)


def _call_listed(call: Call) -> list[Any]:
    name = call.operation.name
    if TABLE.get(name) is not call.operation:
        raise NotPlainError(f"{name} is no operation of the table")
    inputs = [
        {"place": _listed(x)} if isinstance(x, Place) else plain(np.asarray(x)) for x in call.inputs
    ]
    return [call.number, name, plain(call.parameters), inputs, _listed(call.output)]


def _call(listed: list[Any]) -> Call:
    number, name, parameters, inputs, output = listed
    found = [_place(x["place"]) if "place" in x else value_of(x) for x in inputs]
    return Call(number, TABLE[name], value_of(parameters), tuple(found), _place(output))
