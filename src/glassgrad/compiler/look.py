"""What of the compiled step people can read: kernels and their times, LLVM's text, assembly."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from contextlib import suppress
from time import perf_counter
from typing import Any

import numpy as np

from .cache import Request
from .emit.position import Digit, Position
from .graph import Graph
from .lower import lowered
from .machine import Library, assembly, object_code
from .native import Workplace
from .nest.pulls import WHOLE
from .plan.group import accesses, roots_of
from .plan.kernel import CHUNK, VIEWS, Kernel, Plan, is_call
from .plan.pull import Dynamic
from .rewrite import rewritten
from .target import host

CLOCK = 3000  # cycles of a microsecond, for what is predicted
LETTERS = "ijklmnopqrstuvw"
HEADER = ("kernel", "loops", "computes", "reads", "stores", "predicted us")
LEGEND = (
    "* vectors run along this axis, ~ it is folded away; numbers after what is stored: elements "
    "between neighbours on each axis"
)
PATIENCE = 0.01  # seconds for timing one kernel


def request_for(graph: Graph) -> Request:
    """The compiled form of a traced graph, for this machine."""
    return Request(graph, host(), (lowered, rewritten))


def llvm_text(graph: Graph) -> str:
    """The module in LLVM's language."""
    return request_for(graph).text


def assembly_text(graph: Graph) -> str:
    """The module in this machine's assembly."""
    request = request_for(graph)
    return assembly(request.text, request.target)


def kernels_text(graph: Graph, timed: bool = False) -> str:
    """A line for each kernel, in the order in which they run; `timed` measures them too."""
    request = request_for(graph)
    plan, names = request.plan, Names(request.plan)
    rows = [row_of(plan, kernel, names) for kernel in plan.kernels]
    header: tuple[str, ...] = HEADER
    if timed:
        times = measured(request)
        rows = [(*row, "" if t is None else f"{t:.2f}") for row, t in zip(rows, times, strict=True)]
        header = (*HEADER, "measured us")
    lines = [f"# {memory_line(plan)}", f"# {LEGEND}", *table([header, *rows])]
    if timed:
        lines.append(f"# all together {sum(t or 0 for t in times):.2f} us")
    return "\n".join(lines) + "\n"


def memory_line(plan: Plan) -> str:
    """How much memory, and how the batch is taken."""
    text = f"{len(plan.kernels)} kernels, {plan.arena / 1024:.0f} KiB of memory"
    if plan.chunk is not None:
        text += f"; kernels marked | run for {plan.chunk} rows of {plan.batch} at a time"
    return text


def table(rows: list[tuple[str, ...]]) -> list[str]:
    """Columns side by side."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip() for row in rows]


class Names:
    """What values are called: as the user does, or by operation and number."""

    def __init__(self, plan: Plan) -> None:
        self.known, self.plan = dict(plan.names()), plan
        self.counts: dict[str, int] = {}

    def __call__(self, x: Any) -> str:
        if x not in self.known:
            if x.operation is None:
                self.known[x] = "table" if x.number is None else f"{x.number}"
            elif x.operation.name in ("cast", *VIEWS) and x.inputs[0] in self.plan.buffers:
                self.known[x] = f"{self(x.inputs[0])} copied"
            else:
                name = x.operation.name
                self.counts[name] = self.counts.get(name, 0) + 1
                self.known[x] = f"{name}_{self.counts[name]}"
        return self.known[x]


def row_of(plan: Plan, kernel: Kernel, names: Names) -> tuple[str, ...]:
    """A kernel in words."""
    label = kernel.label + (" |" if plan.chunk is not None and kernel.phase == 1 else "")
    read = [r for r in accesses(plan, kernel) if r.node in plan.buffers]
    return (
        label,
        loops(kernel),
        ", ".join(computed(plan, kernel)) or "copy",
        " ".join(dict.fromkeys(f"{names(r.node)}{index_text(r.index, names)}" for r in read)),
        " ".join(stored(plan, kernel, x, names) for x in kernel.stores),
        f"{kernel.cycles / CLOCK:.2f}",
    )


def loops(kernel: Kernel) -> str:
    """The extents, with marks."""
    if kernel.call is not None and is_call(kernel.call):
        return "by NumPy"
    parts = [
        f"{LETTERS[a]}:{n}" + "~" * (a in kernel.inner) + "*" * (a == kernel.lane)
        for a, n in enumerate(kernel.extents)
    ]
    return " ".join(parts) or "once"


def computed(plan: Plan, kernel: Kernel) -> list[str]:
    """The operations that are done in a kernel, in order."""
    if kernel.call is not None:
        return [kernel.call.operation.name]
    operands, stores = roots_of(kernel)
    found: dict[Any, None] = {}
    stack = [r.node for r in (*operands, *stores)]
    while stack:
        x = stack.pop()
        if x in found or x.operation is None or plan.given(x, kernel):
            continue
        found[x] = None
        stack.extend(x.inputs)
    ordered = sorted(found, key=lambda x: x.serial)
    named = [x.operation.name for x in ordered if x.operation.name not in VIEWS]
    return list(dict.fromkeys(n for n in named if n != "cast") or dict.fromkeys(named))


def stored(plan: Plan, kernel: Kernel, x: Any, names: Names) -> str:
    """A value that is stored, where, and how it lies."""
    from .plan.group import positions

    strides = plan.buffers[x].strides or ()
    if kernel.call is not None:
        return f"{names(x)} {strides}"
    return f"{names(x)}{index_text(positions(kernel, kernel.index_of(x)), names)} {strides}"


def index_text(index: tuple[Position, ...], names: Names) -> str:
    """`[i, 2 j + 1]`."""
    return f"[{', '.join(position_text(p, names) for p in index)}]" if index else ""


def position_text(position: Position, names: Names) -> str:
    """`2 j + 1`."""
    parts = [
        variable_text(v, names) if n == 1 else f"{n} {variable_text(v, names)}"
        for v, n in position.terms
    ]
    if position.constant or not parts:
        parts.append(str(position.constant))
    return " + ".join(parts).replace("+ -", "- ")


def variable_text(variable: Any, names: Names) -> str:
    """An axis by its letter, a digit of a position, or a row that an index tensor says."""
    if isinstance(variable, Digit):
        text = f"({position_text(variable.of, names)} // {variable.divisor})"
        return text if variable.modulus is None else f"{text} % {variable.modulus}"
    if isinstance(variable, Dynamic):
        return f"{names(variable.node)}{index_text(variable.index, names)}"
    if variable == CHUNK:
        return "chunk"
    return LETTERS[int(variable[1:])] if variable[:1] == "a" else str(variable)


# ---- times


def measured(request: Request) -> list[float | None]:
    """Microseconds for each kernel, on made-up data in memory of its own; None for NumPy's."""
    text = request.text.replace("define internal void @k", "define void @k")
    text += "\ndefine void @nothing(ptr %arena, ptr %table, i64 %chunk) { ret void }\n"
    library = Library(object_code(text, request.target), request.target)
    plan, workplace = request.plan, filled(request, library)
    empty = seconds(library, "nothing", workplace, plan.arguments(Kernel((), phase=0)))
    found: list[float | None] = []
    for kernel in plan.kernels:
        if kernel.call is not None and is_call(kernel.call):
            found.append(None)
            continue
        times = 1
        if plan.chunk is not None and plan.batch is not None and kernel.phase == 1:
            times = -(-plan.batch // plan.chunk)
        spent = seconds(library, kernel.label, workplace, plan.arguments(kernel))
        found.append(max(spent - empty, 0) * times * 1e6)
    return found


def filled(request: Request, library: Library) -> Workplace:
    """Memory in which a step has run on copies of the cells and made-up inputs."""
    from .build import artifact_of
    from .native import StepFailed

    graph, artifact = request.graph, artifact_of(request.plan, b"")
    step = library.function("step", ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)
    workplace = Workplace(artifact, step)
    inputs = list(made_up(graph))
    cells = [np.array(leaf.value) for leaf in graph.cells.values()]
    workplace.held = inputs, cells  # type: ignore[attr-defined]
    with suppress(StepFailed):
        workplace.run(inputs, cells, [h.read() for h in graph.hypers])
    return workplace


def made_up(graph: Graph) -> Iterator[np.ndarray]:
    """Inputs of the right types: normal draws, and zeros for what may be labels."""
    draw = np.random.default_rng(0)
    for x in graph.inputs:
        real = x.dtype.kind == "f"
        yield (draw.standard_normal(x.shape) if real else np.zeros(x.shape)).astype(x.dtype)


def seconds(library: Library, name: str, workplace: Workplace, arguments: str) -> float:
    """The shortest time of a call among many."""
    arena, table = workplace.addresses
    known = {"arena": arena, "table": table, "chunk": 0, "sums": arena, "own": arena}
    known |= {"low": 0, "high": WHOLE}  # all of the work is this thread's
    given = [known[name] for name in re.findall(r"%(\w+)", arguments)]
    function = library.function(name, None, *[ctypes.c_uint64] * len(given))
    count, best, start = 1, np.inf, perf_counter()
    while perf_counter() - start < PATIENCE:
        begun = perf_counter()
        for _ in range(count):
            function(*given)
        spent = perf_counter() - begun
        best = min(best, spent / count)
        count = count * 2 if spent < 1e-4 else count
    return best


__all__ = ["assembly_text", "kernels_text", "llvm_text"]
