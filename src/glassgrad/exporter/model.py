"""`gg.export`: a trained model as a function in C, in an object file, or in LLVM's language."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import SHAPES, check_arguments, optional
from ..compiler.apart import rows_apart
from ..compiler.graph import Graph, TraceError
from ..compiler.lower import lowered
from ..compiler.rewrite import rewritten
from ..compiler.target import ARM, AVX2, AVX512, NoTargetError, Target, host
from ..files.atomic import replacing
from ..files.errors import FileError
from ..nn.checks import wanted_dtype
from ..tensors.state import get_default_dtype
from ..training.forward import entry_of, reads_more
from ..training.native import random_states, refused_hooks
from ..training.predict import in_use
from ..types import supported
from .header import MARK, Facts, header
from .program import ExportError, Program, program_of

CPUS = {"x86-64-v3": AVX2, "x86-64-v4": AVX512, "aarch64": ARM}
ROWS = 8  # of a batch, to see whether rows depend on each other
BUILDS = {
    ".c": (
        "Compile {file} as C99 with every rounding as it is written, and link with -lm:",
        "    cc -O3 -std=c99 -ffp-contract=off -march=native program.c {file} -lm",
        "Never compile it with -ffast-math.",
    ),
    ".o": (
        "Link {file}, which was compiled for {cpu} and needs no other file or library:",
        "    cc program.c {file}",
    ),
    ".ll": (
        "Compile {file} for {cpu} with the LLVM that it was written with, or a later one:",
        "    llc -O2 -relocation-model=pic -filetype=obj {file}",
    ),
}


def export(
    model: Any,
    path: Any,
    input_shape: Any = None,
    *,
    name: str | None = None,
    dtype: Any = None,
    classes: Any = None,
    cpu: str = "native",
    overwrite: bool = False,
) -> None:
    """Write a model as a function that needs neither Python nor this package.

        gg.export(model, "digits.c", 64)

    writes digits.c and digits.h with

        int digits_predict(const float *x, float *y);                    one row
        int digits_predict_rows(const float *x, float *y, size_t n);     n rows

    The model is exported in eval mode, as `gg.predict` uses it, and gives the same bits.

    path         ends in .c (C99), .o (an object file) or .ll (LLVM's language)
    input_shape  the shape of one row, without the batch: 64 or (3, 32, 32); a list of shapes for
                 several inputs; it need not be given where a layer of known width comes first
    name         what the names of the functions begin with; that of the file if not given
    dtype        of the inputs, or a list of them; found out if not given
    classes      what the outputs stand for, in order: they are listed in the header
    cpu          "native", this machine; "x86-64-v3", "x86-64-v4" or "aarch64"; .c serves all
    overwrite    whether files that `export` has not written may be replaced

    Raises:
        FileError: The folder is missing, or a file is there that `export` has not written.
        ExportError: The model cannot be traced, or does in eval mode what no function can.
        ShapeError: The shape does not fit the model.
    """
    check_arguments(locals(), input_shape=optional(SHAPES))
    target, ending = destination(path, cpu), Path(path).suffix
    prefix = checked_name(Path(path).stem if name is None else name)
    free(path, overwrite)
    program = program_of(graph_of(model, input_shape, dtype), target)
    check_rows(model, example(model, input_shape, dtype))
    count = program.output.size
    labels = () if classes is None else tuple(map(str, classes))
    if labels and len(labels) not in ({1, 2} if count == 1 else {count}):
        raise ExportError(f"{len(labels)} classes are named, and the model has {count} outputs")
    build = [line.format(file=Path(path).name, cpu=target.cpu) for line in BUILDS[ending]]
    from .. import __version__

    facts = Facts(prefix, Path(path).name, __version__, repr(model), labels, tuple(build))
    write(path, content(program, prefix, ending, target, facts.file), header(program, facts))


def content(program: Program, name: str, ending: str, target: Target, file: str) -> bytes:
    """The exported file."""
    if ending == ".c":
        from .c_file import c_text

        return c_text(program, name, Path(file).stem).encode()
    from .llvm_file import llvm_file, object_file

    return (object_file if ending == ".o" else llvm_file)(program, name, target)


def write(path: Any, content: bytes, beside: str) -> None:
    """Both files, or none."""
    with ExitStack() as stack:
        stack.enter_context(replacing(Path(path).with_suffix(".h"))).write(beside.encode())
        stack.enter_context(replacing(path)).write(content)


# ---- what is asked for


def destination(path: Any, cpu: str) -> Target:
    """The processor that is meant.

    Raises:
        ValueError: The ending or the processor is not known.
        NoTargetError: There is no native code for this machine.
    """
    ending = Path(path).suffix
    if ending not in BUILDS:
        raise ValueError(
            f"{path!s:.80} ends in {ending or 'nothing'}; export writes .c, .o and .ll"
        )
    if cpu == "native":
        return AVX2 if ending == ".c" else host()
    if cpu not in CPUS:
        raise ValueError(f"cpu is native, {', '.join(CPUS)}, not {cpu!r}")
    return CPUS[cpu]


def checked_name(name: str) -> str:
    """A name that C takes."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name, re.ASCII):
        raise ValueError(f"{name!r} cannot begin the name of a function in C; give another: name=")
    return name


def free(path: Any, overwrite: bool) -> None:
    """Only what was exported before is replaced without being asked.

    Raises:
        FileError: Another file is there.
    """
    beside = Path(path).with_suffix(".h")
    for folder in filter(Path.is_dir, (Path(path), beside)):
        raise FileError(f"{folder} is a folder; give the name of a file")
    if overwrite or not (Path(path).exists() or beside.exists()):
        return
    try:
        ours = beside.is_file() and MARK in beside.read_text("ascii", "replace")[:2000]
    except OSError:
        ours = False
    if not ours:
        raise FileError(
            f"{path} or {beside} is there and was not written by export; "
            "take another name, or overwrite=True"
        )


# ---- the graph


def graph_of(model: Any, input_shape: Any, dtype: Any) -> Graph:
    """What the model does with one row, lowered and rewritten."""
    rows = example(model, input_shape, dtype)
    if reason := refused_hooks(model, None):
        raise ExportError(f"{reason}; no exported function can do that")
    before = random_states(model)
    with in_use(model):
        try:
            entry = entry_of(model, rows)
        except TraceError as error:
            raise ExportError(f"the model cannot be exported: {error}") from error
    if random_states(model) != before or entry.graph.updates:
        raise ExportError("the model draws random numbers in eval mode, or changes what it holds")
    if reads_more(entry):
        raise ExportError("the model reads numbers of Python that may be others at each call")
    graph = rewritten(lowered(entry.graph))
    if any(y.shape[:1] != (1,) for y in graph.outputs):
        raise ExportError("the output has no axis of rows: a row of inputs gives no row of outputs")
    return graph


def check_rows(model: Any, rows: list[np.ndarray]) -> None:
    """A function of one row can only give what follows from that row.

    Raises:
        ExportError: A row of the output may depend on other rows of a batch.
    """
    several = [np.zeros((ROWS, *x.shape[1:]), x.dtype) for x in rows]
    with in_use(model):
        graph = rewritten(lowered(entry_of(model, several).graph))
    if not rows_apart(graph):
        raise ExportError(
            "an output may depend on other rows of the batch, and a function of one row sees none"
        )


def example(model: Any, input_shape: Any, dtype: Any) -> list[np.ndarray]:
    """One row of zeros for each input."""
    if input_shape is None:
        input_shape = first_width(model)
    several = isinstance(input_shape, list)
    shapes = input_shape if several else [input_shape]
    wanted = wanted_dtype(model) or get_default_dtype()
    dtypes = (
        dtype if isinstance(dtype, list) else [wanted if dtype is None else dtype] * len(shapes)
    )
    if len(dtypes) != len(shapes):
        raise ValueError(f"{len(dtypes)} dtypes for {len(shapes)} inputs")
    sizes = [tuple(s) if isinstance(s, (tuple, list)) else (s,) for s in shapes]
    return [np.zeros((1, *s), supported(t)) for s, t in zip(sizes, dtypes)]


def first_width(model: Any) -> int:
    """The features of a row, where the first layer says how many it takes.

    Raises:
        ValueError: It does not.
    """
    for part in model.modules():
        if part._modules:
            continue
        width = getattr(part, "in_features", None) or getattr(part, "n_features", None)
        if isinstance(width, int):
            return width
        break
    raise ValueError('say what a row of inputs is: gg.export(model, "model.c", (3, 32, 32))')


__all__ = ["ExportError", "NoTargetError", "export"]
