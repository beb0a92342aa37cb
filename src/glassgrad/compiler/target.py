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


class NoTargetError(RuntimeError):
    """There is no native code for this machine; the message says why."""


@cache
def host() -> Target:
    """This machine.

    Raises:
        NoTargetError: It has no fused multiply-add on vectors, or LLVM is not there.
    """
    try:
        import llvmlite.binding as llvm
    except (ImportError, OSError) as error:
        raise NoTargetError(f"LLVM cannot be loaded: {error}") from None
    name, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features()
    return target_of(llvm.get_process_triple(), name, dict(features), features.flatten())


def target_of(triple: str, name: str, has: dict[str, bool], features: str) -> Target:
    """The target for a processor that has these features."""
    kind = triple.split("-")[0]
    if kind in ("aarch64", "arm64"):
        return Target(triple, name, features, 16, 32)
    if kind not in ("x86_64", "amd64"):
        raise NoTargetError(f"there is no native code for processors of the kind {kind}")
    lacks = [f for f in ("avx2", "fma", "f16c") if not has.get(f)]
    if lacks:
        raise NoTargetError(f"{name} has no {' and no '.join(lacks)}, which native code needs")
    wide = all(has.get(f) for f in ("avx512f", "avx512vl", "avx512bw", "avx512dq"))
    return Target(triple, name, features, 64 if wide else 32, 32 if wide else 16)


AVX2 = Target("x86_64-unknown-linux-gnu", "x86-64-v3", "", 32, 16)
AVX512 = Target("x86_64-unknown-linux-gnu", "x86-64-v4", "", 64, 32)
ARM = Target("aarch64-unknown-linux-gnu", "generic", "", 16, 32)
