"""Exported programs compiled by the system's C compiler and called through ctypes."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest

from glassgrad.compiler.machine import Library
from glassgrad.compiler.rewrite import rewritten
from glassgrad.compiler.target import AVX2, host
from glassgrad.exporter.c_file import TOP, array, predict
from glassgrad.exporter.functions import written
from glassgrad.exporter.llvm_file import object_file
from glassgrad.exporter.prelude import Prelude
from glassgrad.exporter.program import program_of
from glassgrad.exporter.reading import read

COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler here")
FLAGS = ["-std=c99", "-ffp-contract=off", "-Wall", "-Werror", "-Wno-psabi", "-fPIC", "-shared"]


def library(folder, source, *flags):
    """A C file as a shared library."""
    target = folder / f"{source.stem}{len(list(folder.iterdir()))}.so"
    command = [COMPILER, *FLAGS, *flags, str(source), "-o", str(target), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:3000]
    return ctypes.CDLL(str(target))


def call(function, inputs, output, *counts):
    """`function(inputs..., output, counts...)`; `output` is overwritten."""
    pointers = [ctypes.c_void_p(np.ascontiguousarray(x).ctypes.data) for x in (*inputs, output)]
    return function(*pointers, *map(ctypes.c_size_t, counts))


class Together:
    """Many graphs in one C file, which is compiled once."""

    def __init__(self):
        self.prelude, self.parts = Prelude(), []

    def add(self, graph):
        """A graph, lowered already; gives the name of its function, and the program."""
        name, program = f"f{len(self.parts)}", program_of(rewritten(graph), AVX2)
        body = written(read(program.text), name, self.prelude)
        weights = [array(w, name) for w in program.weights]
        self.parts.append("\n".join([*weights, body, predict(program, name)]))
        return name, program

    def compiled(self, folder, *flags):
        """The library."""
        source = folder / "together.c"
        top = TOP.format(name="f", file="f", upper="F", mark="")
        (folder / "f.h").write_text("#include <stddef.h>\n#include <stdint.h>\n")
        source.write_text("\n".join([top, self.prelude.text(), *self.parts]))
        return library(folder, source, *flags)


def by_llvm(program, inputs, output):
    """The same program's object file, loaded and called: the code; `output` is overwritten."""
    loaded = Library(object_file(program, "f", host()), host())
    kinds = [ctypes.c_void_p] * (len(inputs) + 1)
    return call(loaded.function("f_predict", ctypes.c_int, *kinds), inputs, output)
