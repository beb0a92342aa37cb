"""A program in C99, from the compiler's text: one source of meaning, and so the same bits."""

from __future__ import annotations

import numpy as np

from .functions import written
from .header import MARK, c_name, declared, parameters
from .meaning import C_TYPES
from .prelude import Prelude
from .program import Program, Weights
from .reading import read

TOP = """/* {name}: {mark}. See {file}.h for what it does.

   C99. Every rounding is meant: compile with -ffp-contract=off, and never with -ffast-math.
       cc -O3 -std=c99 -ffp-contract=off -c {file}.c      then link with -lm
   With -march=native, where the processor has a fused multiply-add, it is many times quicker.
   -D{upper}_PLAIN leaves out the compiler's own vectors. */

#include "{file}.h"

#include <float.h>
#include <math.h>
#include <string.h>

#ifdef __FAST_MATH__
#error "-ffast-math changes the results of this file"
#endif
#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 16
#error "float must be computed as float: add -msse2 -mfpmath=sse"
#endif
typedef char shifts_keep_the_sign[(-1 >> 1) == -1 ? 1 : -1];
typedef char pointers_have_8_bytes[sizeof(char *) == 8 ? 1 : -1];

#if defined(__clang__) || !defined(__GNUC__)
#pragma STDC FP_CONTRACT OFF
#else
#pragma GCC optimize("fp-contract=off")
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

#if defined(__GNUC__) && !defined({upper}_PLAIN)
#define VECTORS
#define LANE(a, i) (a)[i]
#else
#define LANE(a, i) (a).lane[i]
#endif
#if defined(VECTORS) && defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define SHUFFLE __builtin_shufflevector
#endif
#endif
"""
PREDICT = """
{one}
{{
    uint64_t scratch[{words}];
    const void *table[] = {{{pointers}}};
    return (int){name}_step((char *)scratch, (char *)table);
}}

{rows}
{{
    for (size_t i = 0; i < n; i++) {{
        const int code = {name}_predict({moved});
        if (code != 0)
            return code;
    }}
    return 0;
}}
"""


def c_text(program: Program, name: str, file: str) -> str:
    """The file, whose header is called `file`.h.

    Raises:
        UnknownError: The kernels have something that has no C here.
    """
    prelude = Prelude()
    body = written(read(program.text), name, prelude)
    weights = "\n".join(array(w, name) for w in program.weights)
    top = TOP.format(name=name, file=file, upper=name.upper(), mark=MARK)
    return "\n".join([top, prelude.text(), "", weights, body, predict(program, name)])


def predict(program: Program, name: str) -> str:
    """The functions of the header."""
    slots = [*parameters(program), ("y", program.output)]
    return PREDICT.format(
        one=declared(program, name, False),
        rows=declared(program, name, True),
        words=program.scratch // 8,
        pointers=", ".join(x for x, _ in slots),
        moved=", ".join(f"{x} + i * {s.size}" for x, s in slots),
        name=name,
    ).lstrip()


def array(weights: Weights, prefix: str) -> str:
    """An array of numbers, padding included."""
    values = weights.values
    if values.dtype.name == "float16":
        kind, texts = "uint16_t", [f"0x{v:04X}" for v in values.view(np.uint16)]
    elif values.dtype.kind == "f":
        kind, texts = c_name(values.dtype), real_texts(values)
    else:
        kind = C_TYPES["i" + str(8 * values.dtype.itemsize)]
        unsigned = values.view(f"u{values.dtype.itemsize}")
        texts = [f"UINT64_C({v})" if v >= 2**32 else f"{v}u" for v in unsigned.tolist()]
    lines = [", ".join(texts[i : i + 8]) for i in range(0, len(texts), 8)]
    listed = ",\n    ".join(lines)
    return (
        f"/* {weights.meaning.replace('*/', '* /')} */\n"
        f"static const {kind} {prefix}_{weights.name}[{len(texts)}] = {{\n    {listed}}};\n"
    )


def real_texts(values: np.ndarray) -> list[str]:
    """Numbers with as many digits as give the same bits."""
    single = values.dtype.itemsize == 4
    texts = [repr(v) for v in values.tolist()] if not single else list(map(str, values))
    tail = "f" if single else ""
    found = []
    for text in texts:
        if text in ("inf", "-inf", "nan"):
            found.append({"inf": "INFINITY", "-inf": "-INFINITY", "nan": "NAN"}[text])
        else:
            found.append(text + tail)
    return found


__all__ = ["c_text"]
