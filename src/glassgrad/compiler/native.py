"""Text to machine code, and the memory that it works on."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..operations import loop
from ..operations.elementwise import cast
from ..types import float64, uint8
from .graph import Graph, building, is_constant, node, renewed
from .nest import Nest
from .plan.chunk import chunked
from .plan.group import grouped
from .plan.kernel import Kernel, Plan, is_call
from .plan.layout import laid_out
from .plan.place import placed, writes_cells
from .target import Target, host

HEADER = "@zeros = internal constant [64 x i8] zeroinitializer\n"
FINE, NOT_FINITE = 0, 1  # what the native step returns; from 2 on: the number of a failed check


def planned(graph: Graph, resident: bool = False, beside: Plan | None = None) -> Plan:
    """The plan of a graph: grouped, placed, laid out (see `plan.layout`)."""
    return laid_out(placed(chunked(grouped(prepared(graph)))), resident, beside)


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
    kernels = [k for k in plan.kernels if k.call is None or not is_call(k.call)]
    nests = [Nest(plan, k, target) for k in kernels]
    helpers = {name: text for nest in nests for name, text in nest.helpers.items()}
    return "\n".join([HEADER, *helpers.values(), *(n.text() for n in nests), step_text(plan)])


def step_text(plan: Plan) -> str:
    """The kernels in order; tests before the first that overwrites what lasts."""
    lines, tested = ["define i32 @step(ptr %arena, ptr %table) {", "entry:"], False
    lines += [clear_text(plan, x, n) for n, x in enumerate(plan.sums)]
    for number, kernel in enumerate(plan.kernels):
        if not tested and writes_cells(plan, kernel):
            lines += tests(plan)
            tested = True
        if kernel.phase != 1 or plan.chunk is None:
            lines.append(call_text(plan, kernel, number))
        elif number == 0 or plan.kernels[number - 1].phase != 1:
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
    calls = [f"call void @{k.label}(ptr %arena, ptr %table, i64 %chunk)" for k in inside]
    return [
        "br label %before", "before:", "br label %chunks", "chunks:",
        "%chunk = phi i64 [0, %before], [%further, %chunks]",
        *calls,
        f"%further = add i64 %chunk, {plan.chunk}",
        f"%again = icmp slt i64 %further, {plan.batch}",
        "br i1 %again, label %chunks, label %whole", "whole:",
    ]  # fmt: skip


def call_text(plan: Plan, kernel: Kernel, number: int) -> str:
    """A call of a kernel, or back into Python."""
    if kernel.call is None or not is_call(kernel.call):
        return f"call void @{kernel.label}(ptr %arena, ptr %table, i64 0)"
    at = 8 * callback_slot(plan)
    return (
        f"%s{number} = getelementptr i8, ptr %table, i64 {at}\n"
        f"%f{number} = load ptr, ptr %s{number}\n"
        f"%r{number} = call i32 %f{number}(i64 {number})\n"
        f"%b{number} = icmp ne i32 %r{number}, 0\n"
        f"br i1 %b{number}, label %stop{number}, label %go{number}\n"
        f"stop{number}:\nret i32 -1\ngo{number}:"
    )


def callback_slot(plan: Plan) -> int:
    """The place in the table of pointers of the function that computes by NumPy."""
    return len(plan.graph.inputs) + len(plan.graph.cells)


def tests(plan: Plan) -> list[str]:
    """Leave with a code if the loss is not finite or a check fails."""
    lines: list[str] = []
    failures = [(x, NOT_FINITE) for x in plan.graph.losses]
    failures += [(x, 2 + n) for n, (x, _) in enumerate(plan.graph.checks)]
    for number, (x, code) in enumerate(failures):
        buffer = plan.buffers[x]
        if buffer.outside:
            continue
        kind = {4: "float", 8: "double", 2: "half"}[x.dtype.itemsize] if code == 1 else "i8"
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
            f"ret i32 {code}",
            f"fine{number}:",
        ]
    return lines


# ---- machine code


@cache
def machine(target: Target) -> Any:
    """LLVM's code generator for a processor."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu, features=target.features, opt=2, reloc="pic", codemodel="jitdefault"
    )


def object_code(text: str, target: Target) -> bytes:
    """The object file of a module."""
    import llvmlite.binding as llvm

    maker = machine(target)
    module = llvm.parse_assembly(text)
    module.triple = target.triple
    return maker.emit_object(module)


class Library:
    """Loaded machine code; it must live as long as its functions."""

    def __init__(self, code: bytes, target: Target) -> None:
        import llvmlite.binding as llvm

        empty = llvm.parse_assembly("")
        empty.triple = target.triple
        maker = llvm.Target.from_triple(target.triple).create_target_machine(
            cpu=target.cpu, features=target.features, opt=2, codemodel="jitdefault"
        )
        self.engine = llvm.create_mcjit_compiler(empty, maker)
        self.engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self.engine.finalize_object()

    def function(self, name: str, result: Any, *arguments: Any) -> Callable:
        """A function of the library."""
        return ctypes.CFUNCTYPE(result, *arguments)(self.engine.get_function_address(name))


HUGE, PAGE = 2 << 20, 4096  # bytes of a large page, and of a small one


def aligned(size: int) -> np.ndarray:
    """Zeros that begin at a page, on large pages where the system has them.

    A column of a matrix touches a page for each row; with small pages looking these up takes a
    tenth of the time of a large network.
    """
    page = HUGE if size >= HUGE else PAGE
    block = mmap.mmap(-1, -(-size // page) * page + page)
    if page == HUGE and hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):
            block.madvise(mmap.MADV_HUGEPAGE)
    raw = np.frombuffer(block, np.uint8)
    start = -raw.ctypes.data % page
    return raw[start : start + size]


class NativeStep:
    """A graph as machine code that works on the user's arrays.

    run(inputs, cells, hypers) computes one step; results are copies.
    """

    def __init__(self, graph: Graph, target: Target | None = None) -> None:
        self.target = target or host()
        self.plan = planned(graph)
        self.text = module_text(self.plan, self.target)
        self.library = Library(object_code(self.text, self.target), self.target)
        self.step = self.library.function("step", ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)
        self.arena = aligned(self.plan.arena)
        self.fill_constants()
        self.hypers = [self.view(x) for x in self.plan.graph.hypers]
        self.outputs = [self.view(x) for x in self.plan.graph.outputs]
        self.table = np.zeros(callback_slot(self.plan) + 1, np.uint64)
        self.arrays: list[Any] = [None] * (len(self.table) - 1)
        self.callback = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int64)(self.compute)
        self.error: BaseException | None = None
        self.table[-1] = ctypes.cast(self.callback, ctypes.c_void_p).value

    def fill_constants(self) -> None:
        """Tables of the program into the arena."""
        for x in self.plan.graph.constants:
            if x in self.plan.buffers and x not in self.plan.graph.cells:
                self.view(x)[...] = x.value

    def view(self, x: Any) -> np.ndarray:
        """The memory of a stored node as an array."""
        buffer = self.plan.buffers[x]
        if buffer.outside:
            names = [*self.plan.graph.inputs, *self.plan.graph.cells]
            return self.arrays[next(i for i, y in enumerate(names) if y is x)]
        assert buffer.strides is not None
        strides = [s * buffer.dtype.itemsize for s in buffer.strides]
        return np.ndarray(buffer.shape, buffer.dtype, self.arena, buffer.offset, strides)

    def compute(self, number: int) -> int:
        """A node by NumPy, called from the native step."""
        x = self.plan.kernels[number].call
        try:
            inputs = [self.constant_or_view(i) for i in x.inputs]
            self.view(x)[...] = x.operation.forward(*inputs, **x.parameters)
        except BaseException as error:
            self.error = error
            return 1
        return 0

    def constant_or_view(self, x: Any) -> np.ndarray:
        return x.value if is_constant(x) else self.view(x)

    def __call__(self, inputs: list, cells: list, hypers: list) -> list[np.ndarray]:
        """One step on the arrays; those of cells are overwritten by their new values."""
        copies = []
        for i, array in enumerate([*inputs, *cells]):
            if array is self.arrays[i]:
                continue
            kept = np.ascontiguousarray(array)
            if kept is not array and i >= len(inputs):
                copies.append((array, kept))
            self.arrays[i], self.table[i] = kept.reshape(array.shape), kept.ctypes.data
        for memory, number in zip(self.hypers, hypers):
            memory[...] = number
        code = self.step(self.arena.ctypes.data, self.table.ctypes.data)
        if code:
            self.fail(code)
        for array, kept in copies:
            array[...] = kept
        return [y.copy() for y in self.outputs]

    def fail(self, code: int) -> None:
        """Raise what a code of the native step means."""
        if code == -1:
            error, self.error = self.error, None
            assert error is not None
            raise error
        raise StepFailed(code)


class StepFailed(ArithmeticError):
    """The loss is not finite, or a check failed; nothing was written."""

    def __init__(self, code: int) -> None:
        super().__init__(f"native step stopped with code {code}")
        self.code = code


__all__ = ["NativeStep", "StepFailed", "float64", "module_text", "planned"]
