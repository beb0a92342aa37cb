"""Text to machine code, loaded code, and the memory that it works on."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .target import Target

HUGE, PAGE = 2 << 20, 4096  # bytes of a large page, and of a small one


@cache
def initialized(native: bool) -> Any:
    """LLVM's binding, ready for this machine, or for all that it knows."""
    import llvmlite.binding as llvm

    if native:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
    else:
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
    return llvm


@cache
def maker(target: Target) -> Any:
    """LLVM's code generator for a processor."""
    from .target import host

    llvm = initialized(target == host())
    return llvm.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu, features=target.features, opt=2, reloc="pic", codemodel="jitdefault"
    )


def parsed(text: str, target: Target) -> Any:
    """A module, checked by LLVM."""
    generator = maker(target)
    module = initialized(True).parse_assembly(text)
    module.triple, module.data_layout = target.triple, str(generator.target_data)
    return module


def object_code(text: str, target: Target) -> bytes:
    """The object file of a module."""
    return maker(target).emit_object(parsed(text, target))


def assembly(text: str, target: Target) -> str:
    """The assembly of a module."""
    return maker(target).emit_assembly(parsed(text, target))


class Library:
    """Loaded machine code; it must live as long as its functions."""

    def __init__(self, code: bytes, target: Target) -> None:
        llvm = initialized(True)
        empty = llvm.parse_assembly("")
        empty.triple = target.triple
        generator = llvm.Target.from_triple(target.triple).create_target_machine(
            cpu=target.cpu, features=target.features, opt=2, codemodel="jitdefault"
        )
        self.engine = llvm.create_mcjit_compiler(empty, generator)
        self.engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self.engine.finalize_object()

    def function(self, name: str, result: Any, *arguments: Any) -> Callable:
        """A function of the library."""
        made = ctypes.CFUNCTYPE(result, *arguments)(self.engine.get_function_address(name))
        made.library = self  # type: ignore[attr-defined]
        return made


def aligned(size: int) -> np.ndarray:
    """Zeros that begin at a page, on large pages where the system has them.

    A column of a matrix touches a page for each row; with small pages looking these up takes a
    tenth of the time of a large network.  A process that forks has its own copy.
    """
    page = HUGE if size >= HUGE else PAGE
    block = private(-(-size // page) * page + page)
    if page == HUGE and hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):
            block.madvise(mmap.MADV_HUGEPAGE)
    raw = np.frombuffer(block, np.uint8)
    start = -raw.ctypes.data % page
    return raw[start : start + size]


def private(size: int) -> mmap.mmap:
    """Memory of the system, zeros, that no other process shares."""
    if hasattr(mmap, "MAP_PRIVATE"):
        return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return mmap.mmap(-1, size)
