"""The C header that is written beside an exported model: what to call, and what it means."""

from __future__ import annotations

import textwrap
from typing import NamedTuple

import numpy as np

from .program import Program, Slot

MARK = "written by glassgrad"  # in the first lines of each exported text
C_NAMES = {
    "float32": "float", "float64": "double", "float16": "uint16_t", "bool": "uint8_t",
    **{f"{u}int{n}": f"{u}int{n}_t" for u in ("", "u") for n in (8, 16, 32, 64)},
}  # fmt: skip


class Facts(NamedTuple):
    """What a header says beside the program."""

    name: str
    file: str
    version: str
    model: str  # layers, as Python prints them
    classes: tuple[str, ...]
    build: tuple[str, ...]  # how the file becomes part of a program


def parameters(program: Program) -> list[tuple[str, Slot]]:
    """The inputs with their names in C: x, or x0, x1 of several."""
    several = len(program.inputs) > 1
    return [(f"x{i}" if several else "x", s) for i, s in enumerate(program.inputs)]


def c_name(dtype: np.dtype) -> str:
    """The C type of an element."""
    return C_NAMES[dtype.name]


def declared(program: Program, name: str, rows: bool) -> str:
    """`int model_predict(const float *x, float *y)`, or that of n rows."""
    listed = [f"const {c_name(s.dtype)} *{x}" for x, s in parameters(program)]
    listed.append(f"{c_name(program.output.dtype)} *y")
    listed += ["size_t n"] if rows else []
    return f"int {name}_predict{'_rows' if rows else ''}({', '.join(listed)})"


def header(program: Program, facts: Facts) -> str:
    """The header file."""
    name, upper = facts.name, facts.name.upper()
    counts = [(f"{upper}_{x.upper()}_SIZE", s.size) for x, s in parameters(program)]
    counts.append((f"{upper}_Y_SIZE", program.output.size))
    counts.append((f"{upper}_STACK_BYTES", program.scratch + program.more))
    return "\n".join(
        [
            comment(described(program, facts)),
            f"#ifndef {upper}_H",
            f"#define {upper}_H",
            "",
            "#include <stddef.h>",
            "#include <stdint.h>",
            "",
            "#ifdef __cplusplus",
            'extern "C" {',
            "#endif",
            "",
            *(f"#define {key} {count}" for key, count in counts),
            "",
            "/* One row. */",
            f"{declared(program, name, False)};",
            "",
            "/* n rows, one after another in memory. */",
            f"{declared(program, name, True)};",
            "",
            "#ifdef __cplusplus",
            "}",
            "#endif",
            "",
            f"#endif /* {upper}_H */",
            "",
        ]
    )


def described(program: Program, facts: Facts) -> list[str]:
    """The comment at the top."""
    count = sum(w.values.nbytes for w in program.weights)
    return [
        f"{facts.name}: a neural network as C functions, {MARK} {facts.version}",
        "",
        *facts.model.splitlines(),
        "",
        "Inputs are as gg.predict takes them, outputs as it gives them, to the bit. All layers",
        "above are inside, a Standardize layer (scaling of inputs) too; what was done to the data",
        "before it came to the model is not.",
        "",
        *(f"{x}: {meaning(s)}" for x, s in parameters(program)),
        f"y: {meaning(program.output)}",
        *class_lines(program, facts.classes),
        "",
        *returned(program),
        "",
        f"{facts.name}_predict needs about {program.scratch + program.more:,} bytes of stack, and",
        "no other memory; the",
        f"weights are constants of {count:,} bytes. Nothing is kept between calls: any number of",
        "threads may call it at once.",
        "",
        *facts.build,
        "",
        *example(program, facts),
    ]


def meaning(slot: Slot) -> str:
    """`64 numbers of type float, an array [64] in C order`"""
    kind = c_name(slot.dtype)
    note = ", the bits of half precision" if slot.dtype.name == "float16" else ""
    note = ", 0 or 1" if slot.dtype.name == "bool" else note
    noun = "number" if slot.size == 1 else "numbers"
    shape = f", an array {list(slot.shape)} in C order" if len(slot.shape) > 1 else ""
    return f"{slot.size:,} {noun} of type {kind}{note}{shape}"


def class_lines(program: Program, classes: tuple[str, ...]) -> list[str]:
    """What the outputs stand for."""
    if not classes:
        return []
    if program.output.size == 1:
        return [f"   the score of class {classes[-1]} against {classes[0]}"]
    return [f"   y[{i}] is the score of class {c}" for i, c in enumerate(classes)]


def returned(program: Program) -> list[str]:
    """What the codes mean."""
    if not program.checks:
        return ["The functions return 0."]
    lines = ["The functions return 0, or else, and y means nothing then:"]
    lines += [f"   {n}: {' '.join(text.split())}" for n, text in enumerate(program.checks, 2)]
    return lines


def example(program: Program, facts: Facts) -> list[str]:
    """A program that compiles."""
    name, file = facts.name, facts.file.rpartition(".")[0]
    upper = name.upper()
    arrays = [f"{c_name(s.dtype)} {x}[{upper}_{x.upper()}_SIZE]" for x, s in parameters(program)]
    arrays.append(f"{c_name(program.output.dtype)} y[{upper}_Y_SIZE]")
    called = ", ".join([x for x, _ in parameters(program)] + ["y"])
    return [
        "A program that uses it:",
        "",
        "    #include <stdio.h>",
        f'    #include "{file}.h"',
        "",
        "    int main(void)",
        "    {",
        *(f"        static {a};" for a in arrays),
        f"        if ({name}_predict({called}) != 0)",
        "            return 1;",
        '        printf("%g\\n", (double)y[0]);',
        "        return 0;",
        "    }",
    ]  # fmt: skip


def comment(lines: list[str]) -> str:
    """Lines as a comment of C; none of them can end it."""
    wrapped: list[str] = []
    for line in lines:
        indent = line[: len(line) - len(line.lstrip())]
        safe = line.replace("*/", "* /").replace("/*", "/ *")
        ascii_only = safe.encode("ascii", "backslashreplace").decode()
        wrapped += textwrap.wrap(
            ascii_only, 96, subsequent_indent=indent + "    ", drop_whitespace=True,
            replace_whitespace=False, break_long_words=False,
        ) or [""]  # fmt: skip
    return "\n".join(["/*", *(f" * {line}".rstrip() for line in wrapped), " */"])
