"""The text of a module in LLVM's language: the kernels, and the step that calls them."""

from __future__ import annotations

from typing import Any

from ..operations import loop
from ..operations.elementwise import cast
from ..types import uint8
from .artifact import BY_NUMPY, FINE, NOT_FINITE
from .emit.merge import merged
from .graph import Graph, building, node, renewed
from .nest import Nest
from .plan.chunk import chunked
from .plan.group import grouped
from .plan.kernel import Buffer, Kernel, Plan, is_call
from .plan.layout import laid_out
from .plan.place import placed, writes_cells
from .plan.quotient import multiplied
from .plan.single import singled
from .plan.spread import ALIVE
from .plan.within import streamed
from .target import Target

HEADER = "@zeros = internal constant [64 x i8] zeroinitializer\n"


def planned(
    graph: Graph, resident: bool = False, beside: Plan | None = None, order: str = ""
) -> Plan:
    """The plan of a graph: kernels in order, laid out (see `plan.layout`)."""
    return laid_out(ordered(graph, order), resident, beside)


def ordered(graph: Graph, order: str = "") -> Plan:
    """Kernels in order, before anything has its place in memory."""
    plan = placed(streamed(chunked(grouped(singled(multiplied(prepared(graph)))))))
    plan.order = order
    return plan


def prepared(graph: Graph) -> Graph:
    """Outputs and new values have memory of their own; each check is one number."""

    def own(x: Any) -> Any:
        return node(cast, (x,), {"dtype": x.dtype})

    graph = copied(graph)
    updates = {c: own(x) if x.operation is None else x for c, x in graph.updates.items()}
    taken: set[Any] = {*updates.values()}
    outputs = []
    for x in graph.outputs:
        outputs.append(own(x) if x.operation is None or x in taken else x)
        taken.add(x)
    checks = []
    for x, text in graph.checks:
        with building():
            x = x.to(uint8)
            axes = tuple(range(len(x.shape)))
            checks.append((loop.amax(x, axes=axes) if axes else x, text))
    made = graph.mapped(lambda x: x)
    made.outputs, made.updates, made.checks = outputs, updates, checks
    made.losses = [x for x in graph.losses if x.shape == () and graph.updates]
    return made


def copied(graph: Graph) -> Graph:
    """The graph with nodes of its own: a plan changes what they read."""
    new: dict[Any, Any] = {}
    for x in graph.nodes:
        new[x] = x if x.operation is None else renewed(x, tuple(new[i] for i in x.inputs))
    return graph.mapped(new.__getitem__)


# ---- the text of a module


def module_text(plan: Plan, target: Target) -> str:
    """All kernels, and the step that calls them."""
    found = plan.kernels if plan.rotation is None else plan.rotation.kernels
    kernels = [k for k in found if k.call is None or not is_call(k.call)]
    nests = [Nest(plan, k, target) for k in kernels]
    helpers = {name: text for nest in nests for name, text in nest.helpers.items()}
    if plan.shared:
        from .part import parts_text

        steps = parts_text(plan, target)
    else:
        steps = steps_text(plan)
    texts = merged([nest.text() for nest in nests])
    return "\n".join([HEADER, *helpers.values(), *texts, steps])


def steps_of(plan: Plan) -> list[tuple[str, list[Kernel]]]:
    """The kernels of each kind of step, with what is added to its name (see `plan.rotate`)."""
    turned = plan.rotation
    if turned is None:
        return [("", plan.kernels)]
    return [("_first", turned.first), ("", turned.others), ("_last", turned.last)]


def steps_text(plan: Plan) -> str:
    """The step; or the first, the others, and what the last has left to do."""
    return "\n".join(step_text(plan, kernels, name) for name, kernels in steps_of(plan))


def step_text(plan: Plan, kernels: list[Kernel], name: str) -> str:
    """The kernels in order; tests before the first that overwrites what lasts."""
    lines, tested = (
        [f"define i32 @step{name}(ptr %arena, ptr %table) {{", "entry:"],
        name == "_last",
    )
    lines += [clear_text(plan, x, n) for n, x in enumerate(plan.sums)]
    for number, kernel in enumerate(kernels):
        if not tested and writes_cells(plan, kernel):
            lines += tests(plan)
            tested = True
        if kernel.phase != 1 or plan.chunk is None:
            lines.append(call_text(plan, kernel, number))
        elif number == 0 or kernels[number - 1].phase != 1:
            lines += chunk_text(plan)
    lines += [] if tested else tests(plan)
    return "\n".join([*lines, f"ret i32 {FINE}", "}"])


def clear_text(plan: Plan, x: Any, number: int) -> str:
    """A sum over chunks begins at zero."""
    buffer = plan.buffers[x]
    return (
        f"%z{number} = getelementptr i8, ptr %arena, i64 {buffer.offset}\n"
        f"call void @llvm.memset.p0.i64(ptr %z{number}, i8 0, i64 {buffer.size}, i1 false)"
    )


def chunk_text(plan: Plan) -> list[str]:
    """The kernels of the chunks, chunk by chunk."""
    inside = [k for k in plan.kernels if k.phase == 1]
    calls = [kernel_call(plan, k, "%chunk") for k in inside]
    return [
        "br label %before", "before:", "br label %chunks", "chunks:",
        "%chunk = phi i64 [0, %before], [%further, %chunks]",
        *calls,
        f"%further = add i64 %chunk, {plan.chunk}",
        f"%again = icmp slt i64 %further, {plan.batch}",
        "br i1 %again, label %chunks, label %whole", "whole:",
    ]  # fmt: skip


def kernel_call(plan: Plan, kernel: Kernel, chunk: str = "0") -> str:
    """A call of a kernel's function; arguments have the same names everywhere."""
    return f"call void @{kernel.label}({plan.arguments(kernel).replace('%chunk', chunk)})"


def call_text(plan: Plan, kernel: Kernel, number: int) -> str:
    """A call of a kernel, or back into Python."""
    if kernel.call is None or not is_call(kernel.call):
        return kernel_call(plan, kernel)
    at = 8 * callback_slot(plan)
    return (
        f"%s{number} = getelementptr i8, ptr %table, i64 {at}\n"
        f"%f{number} = load ptr, ptr %s{number}\n"
        f"%r{number} = call i32 %f{number}(i64 {number})\n"
        f"%b{number} = icmp ne i32 %r{number}, 0\n"
        f"br i1 %b{number}, label %stop{number}, label %go{number}\n"
        f"stop{number}:\nret i32 {BY_NUMPY}\ngo{number}:"
    )


def callback_slot(plan: Plan) -> int:
    """The place in the table of pointers of the function that computes by NumPy."""
    return len(plan.graph.inputs) + len(plan.graph.cells)


def tests(plan: Plan, *before: str) -> list[str]:
    """Leave with a code if the loss is not finite or a check fails; `before` comes before that."""
    lines: list[str] = []
    failures = [(x, NOT_FINITE) for x in plan.graph.losses]
    failures += [(x, 2 + n) for n, (x, _) in enumerate(plan.graph.checks)]
    for number, (x, code) in enumerate(failures):
        buffer = plan.buffers[x]
        if buffer.outside:
            continue
        kind = {4: "float", 8: "double", 2: "half"}[x.dtype.itemsize] if code == 1 else "i8"
        if buffer.copies > 1:
            lines += test_of_copies(buffer, kind, number, code)
            continue
        lines += [
            f"%tp{number} = getelementptr i8, ptr %arena, i64 {buffer.offset}",
            f"%tv{number} = load {kind}, ptr %tp{number}",
        ]
        if code == NOT_FINITE:
            zero = "0.0" if kind != "half" else "0xH0000"
            lines += [
                f"%td{number} = fsub {kind} %tv{number}, %tv{number}",
                f"%tf{number} = fcmp oeq {kind} %td{number}, {zero}",
            ]
        else:
            lines.append(f"%tf{number} = icmp eq i8 %tv{number}, 0")
        lines += [
            f"br i1 %tf{number}, label %fine{number}, label %fail{number}",
            f"fail{number}:",
            *before,
            f"ret i32 {code}",
            f"fine{number}:",
        ]
    return lines


def test_of_copies(buffer: Buffer, kind: str, number: int, code: int) -> list[str]:
    """Leave with a code if this holds for one of the copies that count."""
    n = buffer.copies
    wide, zero, bits = f"<{n} x {kind}>", "zeroinitializer", f"<{n} x i1>"
    if code == NOT_FINITE:
        found = [
            f"%td{number} = fsub {wide} %tv{number}, %tv{number}",
            f"%tc{number} = fcmp oeq {wide} %td{number}, {zero}",
        ]
    else:
        found = [f"%tc{number} = icmp eq {wide} %tv{number}, {zero}"]
    return [
        f"%tp{number} = getelementptr i8, ptr %arena, i64 {buffer.offset}",
        f"%tv{number} = load {wide}, ptr %tp{number}, align {buffer.dtype.itemsize}",
        *found,
        f"%ta{number} = getelementptr i8, ptr %arena, i64 {ALIVE}",
        f"%tl{number} = load <{n} x i8>, ptr %ta{number}",
        f"%tn{number} = icmp eq <{n} x i8> %tl{number}, {zero}",
        f"%te{number} = or {bits} %tc{number}, %tn{number}",
        f"%tb{number} = bitcast {bits} %te{number} to i{n}",
        f"%tf{number} = icmp eq i{n} %tb{number}, -1",
        f"br i1 %tf{number}, label %fine{number}, label %fail{number}",
        f"fail{number}:",
        f"ret i32 {code}",
        f"fine{number}:",
    ]
