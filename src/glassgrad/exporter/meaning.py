"""What each instruction does with elements, as a C expression.

Integers are C's unsigned types, which wrap; signed instructions convert there and back.  Half
precision is held as its bits: it goes through float, as processors do it.
"""

from __future__ import annotations

import math
import re
import struct

import numpy as np

from .reading import Type, UnknownError

SHORT = {"float": "f32", "double": "f64", "half": "f16", "i1": "bit"}
C_TYPES = {
    "float": "float", "double": "double", "half": "uint16_t", "i1": "uint8_t", "i8": "uint8_t",
    "i16": "uint16_t", "i32": "uint32_t", "i64": "uint64_t", "i128": "i128", "ptr": "char *",
    "void": "void",
}  # fmt: skip
SIZES = {"float": 4, "double": 8, "half": 2, "i8": 1, "i16": 2, "i32": 4, "i64": 8, "ptr": 8}
SIGNED = {"add": "+", "sub": "-", "mul": "*", "and": "&", "or": "|", "xor": "^"}
REAL = {"fadd": "+", "fsub": "-", "fmul": "*", "fdiv": "/"}
COMPARED = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
ROUNDINGS = ("floor", "ceil", "trunc", "rint", "sqrt", "fabs")


def name_of(kind: Type) -> str:
    """A type in the names of C: `f32`, `f32x16`."""
    if kind.parts:
        return "pair_" + "_".join(map(name_of, kind.parts))
    short = SHORT.get(kind.name, kind.name)
    return f"{short}x{kind.lanes}" if kind.lanes else short


def c_type(kind: Type) -> str:
    """The C type that holds values of a type."""
    if kind.lanes or kind.parts:
        return name_of(kind)
    if kind.name not in C_TYPES:
        raise UnknownError(f"there is no C type for {kind.name}")
    return C_TYPES[kind.name]


def is_real(kind: Type) -> bool:
    """Whether these are floating-point numbers."""
    return kind.name in REALS


REALS = ("half", "float", "double")


def signed(kind: Type, text: str) -> str:
    """An integer read with a sign."""
    return f"({C_TYPES[kind.name][1:]}){text}"


def literal(kind: Type, text: str) -> str:
    """A number: `0.5f`, `3u`."""
    if kind.name == "i1":
        return str(int(text in ("true", "1")))
    if is_real(kind):
        return real_literal(kind, text)
    n = int(text)
    if n < 0:
        return f"(({c_type(kind)})-{-n})" if n > -(2**63) else "(UINT64_C(1) << 63)"
    return f"{n}u" if n < 2**32 else f"UINT64_C({n})"


def real_literal(kind: Type, text: str) -> str:
    """A real number with as many digits as it needs; half precision as bits."""
    if text.startswith("0xH"):
        return f"0x{text[3:]}u"
    number = double_of(text)
    if kind.name == "half":
        return f"0x{int(np.float16(number).view(np.uint16)):04X}u"
    if math.isnan(number):
        return "NAN" if kind.name == "float" else "(double)NAN"
    if math.isinf(number):
        return f"({'-' if number < 0 else ''}INFINITY)"
    digits = str(np.float32(number)) if kind.name == "float" else repr(number)
    digits = digits if re.search("[.e]", digits) else digits + ".0"
    digits += "f" if kind.name == "float" else ""
    return f"({digits})" if digits[0] == "-" else digits


def double_of(text: str) -> float:
    """A number as LLVM writes it: decimal, or the bits of a double."""
    if text.startswith("0x"):
        return struct.unpack("<d", struct.pack("<Q", int(text, 16)))[0]
    return float(text)


# ---- elements


def expression(op: str, word: str, kind: Type, result: Type, values: list[str]) -> str:
    """`result = op values` on elements; `kind` is the type of the last operand.

    Raises:
        UnknownError: There is no such instruction, or not for this type.
    """
    found = None
    if op == "call":
        found = called(word.split(".")[1], kind, values)
    elif op in CASTS:
        found = CASTS[op](kind, result, *values)
    elif op == "select":
        found = "({} ? {} : {})".format(*values)
    elif op in ("fcmp", "icmp"):
        found = compared(op, word, kind, *values)
    elif op in REAL or op == "fneg":
        found = real(op, kind, values)
    elif kind.name == "i128":
        found = f"i128_{op}({', '.join(values)})" if op in ("add", "mul", "lshr") else None
    else:
        found = integer(op, kind, *values)
    if found is None:
        raise UnknownError(f"there is no C for {op} {word} of {kind.name}")
    return found


def real(op: str, kind: Type, values: list[str]) -> str:
    """Arithmetic of real numbers; half precision there and back."""
    if op == "fneg":
        return f"(uint16_t)({values[0]} ^ 0x8000u)" if kind.name == "half" else f"(-{values[0]})"
    if kind.name == "half":
        x, y = (f"f32_of_f16({v})" for v in values)
        return f"f16_of_f32({x} {REAL[op]} {y})"
    return f"({values[0]} {REAL[op]} {values[1]})"


def integer(op: str, kind: Type, x: str, y: str) -> str | None:
    """Arithmetic of integers, in 32 bits at least: C would make small ones signed."""
    back, width = c_type(kind), "uint64_t" if kind.name == "i64" else "uint32_t"
    if op in SIGNED:
        return f"({back})(({width}){x} {SIGNED[op]} {y})"
    if op in ("udiv", "urem"):
        return f"({back})({x} {'/' if op == 'udiv' else '%'} {y})"
    if op in ("sdiv", "srem"):
        sign = "/" if op == "sdiv" else "%"
        return f"({back})({signed(kind, x)} {sign} {signed(kind, y)})"
    if op in ("shl", "lshr"):
        return f"({back})(({width}){x} {'<<' if op == 'shl' else '>>'} {y})"
    return f"({back})({signed(kind, x)} >> {y})" if op == "ashr" else None


def compared(op: str, word: str, kind: Type, x: str, y: str) -> str | None:
    """A comparison, 0 or 1; NaN is in no order."""
    if op == "icmp":
        if word[0] == "s" and word[1:] in COMPARED:
            x, y = signed(kind, x), signed(kind, y)
        sign = COMPARED.get(word.lstrip("su") if word not in COMPARED else word)
        return sign and f"({x} {sign} {y})"
    if kind.name == "half":
        x, y = f"f32_of_f16({x})", f"f32_of_f16({y})"
    ordered, test = word[0], word[1:]
    if word in ("ord", "uno"):
        sign = "==" if word == "ord" else "!="
        return f"({x} {sign} {x} {'&&' if word == 'ord' else '||'} {y} {sign} {y})"
    if (ordered, test) in (("o", "ne"), ("u", "eq")):
        return f"({'!' if ordered == 'u' else ''}({x} < {y} || {x} > {y}))"
    if ordered == "o" or test == "ne":
        return f"({x} {COMPARED[test]} {y})"
    return f"(!({x} {COMPARED[OTHERWISE[test]]} {y}))"


OTHERWISE = {"lt": "ge", "le": "gt", "gt": "le", "ge": "lt"}


def called(name: str, kind: Type, values: list[str]) -> str | None:
    """One of LLVM's functions."""
    suffix = {"float": "f", "double": ""}.get(kind.name)
    if name == "fma" and suffix is not None:
        return f"fma{suffix}({', '.join(values)})"
    if name == "copysign" and kind.name == "half":
        return "(uint16_t)(({} & 0x7FFFu) | ({} & 0x8000u))".format(*values)
    if name == "fabs" and kind.name == "half":
        return f"(uint16_t)({values[0]} & 0x7FFFu)"
    if name in (*ROUNDINGS, "copysign") and suffix is not None:
        return f"{name}{suffix}({', '.join(values)})"
    if name in ("umin", "umax", "smin", "smax") and not is_real(kind):
        x, y = values if name[0] == "u" else (signed(kind, v) for v in values)
        return f"({x} {'<' if name.endswith('in') else '>'} {y} ? {values[0]} : {values[1]})"
    if name == "abs" and not is_real(kind):
        x = values[0]
        return f"({c_type(kind)})({signed(kind, x)} < 0 ? 0u - {x} : {x})"
    return f"i64_fshl({', '.join(values)})" if name == "fshl" and kind.name == "i64" else None


# ---- conversions


def bitcast(kind: Type, result: Type, x: str) -> str | None:
    """The same bits."""
    if c_type(kind) == c_type(result):
        return x
    if SIZES.get(kind.name) != SIZES.get(result.name):
        return None
    return f"{name_of(result)}_of_bits_{name_of(kind)}({x})"


def sext(kind: Type, result: Type, x: str) -> str:
    """A wider integer, with the sign."""
    if kind.name == "i1":
        return f"({c_type(result)})(0u - ({c_type(result)}){x})"
    return f"({c_type(result)}){signed(result, signed(kind, x))}"


def zext(kind: Type, result: Type, x: str) -> str:
    """A wider integer."""
    return f"i128_of({x})" if result.name == "i128" else f"({c_type(result)}){x}"


def trunc(kind: Type, result: Type, x: str) -> str:
    """The low bits."""
    if result.name == "i1":
        return f"(uint8_t)({x} & 1u)"
    return f"{x}.low" if kind.name == "i128" else f"({c_type(result)}){x}"


def fpext(kind: Type, result: Type, x: str) -> str:
    """A wider real number."""
    x = f"f32_of_f16({x})" if kind.name == "half" else x
    return x if result.name == "float" else f"(double){x}"


def fptrunc(kind: Type, result: Type, x: str) -> str | None:
    """A narrower real number."""
    if result.name == "half":
        return f"f16_of_f32({x})" if kind.name == "float" else None
    return f"(float){x}"


def sitofp(kind: Type, result: Type, x: str) -> str | None:
    """A real number from an integer with a sign."""
    return None if result.name == "half" else f"({c_type(result)}){signed(kind, x)}"


def uitofp(kind: Type, result: Type, x: str) -> str | None:
    """A real number from an integer without a sign."""
    return None if result.name == "half" else f"({c_type(result)}){x}"


def fptosi(kind: Type, result: Type, x: str) -> str | None:
    """An integer from a real number, the lowest where none stands for it."""
    fits = kind.name in ("float", "double") and result.name in ("i32", "i64")
    return f"{name_of(result)}_of_{name_of(kind)}({x})" if fits else None


CASTS = {
    "bitcast": bitcast, "sext": sext, "zext": zext, "trunc": trunc, "fpext": fpext,
    "fptrunc": fptrunc, "sitofp": sitofp, "uitofp": uitofp, "fptosi": fptosi,
    "freeze": lambda kind, result, x: x,
}  # fmt: skip
