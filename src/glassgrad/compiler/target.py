"""What is known of a processor: how many sums a tile may hold in registers."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from .emit.position import LANES


class Tile(NamedTuple):
    """Sums that are worked on together: `rows` of `vectors` each; `dots` rows of lanes at once."""

    most_vectors: int
    rows: dict[int, int]  # vectors -> rows
    dots: tuple[int, int]


class Target(NamedTuple):
    """A processor as LLVM knows it.

    triple, cpu, features   LLVM's names; an empty triple is this machine's
    bytes                   of a vector register
    registers               how many there are
    """

    triple: str
    cpu: str
    features: str
    bytes: int
    registers: int

    def tile(self, dtype: np.dtype) -> Tile:
        """The tile for elements of a dtype.  No choice here changes a bit of a result."""
        return _tile(max(1, LANES * dtype.itemsize // self.bytes), self.registers)


@cache
def _tile(pieces: int, registers: int) -> Tile:
    """`pieces` registers make up a vector of 16 lanes."""
    if registers >= 32 and pieces == 1:
        return Tile(4, {1: 14, 2: 12, 3: 9, 4: 6, 5: 5, 6: 4, 7: 3}, (3, 8))
    sums = (registers - 4) // pieces  # some are left for operands
    if sums >= 12:
        return Tile(2, {1: 12, 2: 6}, (2, 6))
    return Tile(1, {1: max(sums, 1)}, (1, max(min(sums, 8), 1)))


def host() -> Target:
    """This machine."""
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features()
    triple = llvm.get_process_triple()
    wide = bool(features.get("avx512f")) and bool(features.get("avx512vl"))
    if triple.startswith("aarch64") or triple.startswith("arm64"):
        return Target(triple, llvm.get_host_cpu_name(), features.flatten(), 16, 32)
    return Target(
        triple, llvm.get_host_cpu_name(), features.flatten(), 64 if wide else 32, 32 if wide else 16
    )


AVX2 = Target("x86_64-unknown-linux-gnu", "x86-64-v3", "", 32, 16)
AVX512 = Target("x86_64-unknown-linux-gnu", "x86-64-v4", "", 64, 32)
ARM = Target("aarch64-unknown-linux-gnu", "generic", "", 16, 32)
