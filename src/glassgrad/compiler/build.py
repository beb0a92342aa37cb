"""From a request to machine code: passes, plan, text, object file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .ahead import widest_input
from .artifact import Artifact, Call, Table
from .batches import epoch_text, gathering, rows_text
from .graph import Graph, is_constant
from .module import module_text, planned
from .places import Place
from .plan.kernel import Buffer, Kernel, Plan, is_call
from .plan.rotate import rotated
from .plan.spread import spread


def plan_of(request: Any) -> Plan:
    """Kernels and memory for a `cache.Request`."""
    graph = request.graph
    for change in request.passes:
        graph = change(graph)
    if request.sources is not None:
        graph = gathering(graph, list(request.sources))
    plan = planned(graph, request.resident, beside(request.cells), request.order)
    if request.copies:
        return spread(plan)
    if request.sources is None:
        return plan
    plan.ahead = widest_input(plan)
    return rotated(plan)


def text_of(request: Any) -> str:
    """The module, in LLVM's language."""
    steps = "" if request.sources is None else epoch_text(request.plan)
    blocks = rows_text(request.plan) if request.order == "rows" else ""
    return module_text(request.plan, request.target) + steps + blocks


def artifact_of(plan: Plan, code: bytes) -> Artifact:
    """What of a plan is needed at run time."""
    graph, buffers = plan.graph, plan.buffers
    cells = list(graph.cells)

    def places(nodes: Any) -> tuple[Place, ...]:
        return tuple(place_of(buffers[x]) for x in nodes)

    return Artifact(
        code=code,
        arena=plan.arena,
        inputs=places(graph.inputs),
        cells=places(cells),
        hypers=places(graph.hypers),
        outputs=places(graph.outputs),
        written=tuple(i for i, x in enumerate(cells) if x in graph.updates),
        tables=tuple(
            Table(place_of(buffers[x]), x.value)
            for x in graph.constants
            if x in buffers and x not in graph.cells
        ),
        calls=tuple(calls_of(plan)),
        alone=tuple(map(place_of, plan.alone)),
        cycles=plan.cycles,
        shared=plan.shared,
    )


def calls_of(plan: Plan) -> Iterator[Call]:
    """The kernels that NumPy computes."""
    for number, kernel in enumerate(plan.kernels):
        if by_numpy(kernel):
            x = kernel.call
            inputs = [i.value if is_constant(i) else place_of(plan.buffers[i]) for i in x.inputs]
            output = place_of(plan.buffers[x])
            yield Call(number, x.operation, dict(x.parameters), tuple(inputs), output)


def by_numpy(kernel: Kernel) -> bool:
    """Whether a kernel is a call back into NumPy."""
    return kernel.call is not None and is_call(kernel.call)


def place_of(buffer: Buffer) -> Place:
    """Where a buffer of a plan lies."""
    assert buffer.strides is not None
    pointer = int(buffer.base[2:]) if buffer.outside else None
    return Place(
        pointer, buffer.offset, buffer.shape, buffer.dtype, buffer.strides, tuple(buffer.room),
        buffer.contiguous, buffer.dense, buffer.copies,
    )  # fmt: skip


def beside(cells: tuple[Place, ...] | None) -> Plan | None:
    """What a plan must know of another that it shares cells with: where they lie."""
    if cells is None:
        return None
    plan = Plan(Graph(cells=dict.fromkeys(range(len(cells)))))
    for number, place in enumerate(cells):
        plan.buffers[number] = Buffer(
            place.shape, place.dtype, offset=place.offset, strides=place.strides,
            contiguous=place.contiguous, room=place.room, dense=place.dense,
        )  # fmt: skip
    return plan
