"""A program in LLVM's language that is whole in itself, and the object file of it."""

from __future__ import annotations

import re

from ..compiler.machine import initialized, parsed
from ..compiler.target import Target
from .header import MARK, parameters
from .program import Program, Weights

CLEAR = """
define internal void @clear(ptr %at, i64 %bytes) noinline {
entry:
  %none = icmp eq i64 %bytes, 0
  br i1 %none, label %done, label %loop
loop:
  %i = phi i64 [0, %entry], [%next, %loop]
  %p = getelementptr i8, ptr %at, i64 %i
  store i8 0, ptr %p
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %bytes
  br i1 %more, label %loop, label %done
done:
  ret void
}
"""
MEMSET = re.compile(r"call void @llvm\.memset\.p0\.i64\((ptr \S+), i8 0, (i64 \d+), i1 false\)")
ROWS = """
define i32 @{name}_predict_rows({pointers}, i64 %n) {{
entry:
  %none = icmp eq i64 %n, 0
  br i1 %none, label %done, label %row
row:
  %i = phi i64 [0, %entry], [%next, %fine]
{steps}
  %code = call i32 @{name}_predict({moved})
  %bad = icmp ne i32 %code, 0
  br i1 %bad, label %done, label %fine
fine:
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %n
  br i1 %more, label %row, label %done
done:
  %result = phi i32 [0, %entry], [%code, %row], [0, %fine]
  ret i32 %result
}}
"""


def llvm_text(program: Program, name: str) -> str:
    """The module: weights, kernels, and the functions of the header."""
    kernels, cleared = MEMSET.subn(r"call void @clear(\1, \2)", program.text)
    weights = [constant(w) for w in program.weights]
    parts = [*weights, CLEAR if cleared else "", kernels, one_row(program, name)]
    return "\n".join([*parts, rows(program, name)])


def constant(weights: Weights) -> str:
    """Elements as bytes, which need the least text."""
    raw = weights.values.tobytes()
    text = "".join(f"\\{byte:02X}" for byte in raw)
    return f'@{weights.name} = internal constant [{len(raw)} x i8] c"{text}", align 64'


def pointers(program: Program) -> list[str]:
    """The names of what a caller gives."""
    return [x for x, _ in parameters(program)] + ["y"]


def one_row(program: Program, name: str) -> str:
    """Scratch memory on the stack, and a table of the caller's pointers."""
    names = pointers(program)
    lines = [
        f"define i32 @{name}_predict({', '.join(f'ptr %{p}' for p in names)}) {{",
        "entry:",
        f"  %arena = alloca [{program.scratch} x i8], align 64",
        f"  %table = alloca [{len(names)} x ptr], align 8",
    ]
    for i, p in enumerate(names):
        lines.append(f"  %at{i} = getelementptr i8, ptr %table, i64 {8 * i}")
        lines.append(f"  store ptr %{p}, ptr %at{i}")
    lines.append("  %code = call i32 @step(ptr %arena, ptr %table)")
    return "\n".join([*lines, "  ret i32 %code", "}"])


def rows(program: Program, name: str) -> str:
    """Row after row."""
    names = pointers(program)
    slots = [s for _, s in parameters(program)] + [program.output]
    steps = []
    for p, s in zip(names, slots):
        steps.append(f"  %o{p} = mul i64 %i, {s.size * s.dtype.itemsize}")
        steps.append(f"  %row{p} = getelementptr i8, ptr %{p}, i64 %o{p}")
    return ROWS.format(
        name=name,
        pointers=", ".join(f"ptr %{p}" for p in names),
        steps="\n".join(steps),
        moved=", ".join(f"ptr %row{p}" for p in names),
    )


def llvm_file(program: Program, name: str, target: Target) -> bytes:
    """The text as LLVM prints it, with the target and all declarations."""
    module = parsed(llvm_text(program, name), target)
    return f"; {name}, {MARK}\n{module}".encode()


def object_file(program: Program, name: str, target: Target) -> bytes:
    """Machine code that needs nothing else."""
    from ..compiler.target import host

    llvm = initialized(target == host())
    generator = llvm.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu, features=target.features, opt=2, reloc="pic", codemodel="small"
    )
    return generator.emit_object(parsed(llvm_text(program, name), target))
