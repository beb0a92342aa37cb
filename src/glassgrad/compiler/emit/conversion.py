"""Conversions between dtypes, as NumPy and C have them.

Reals that no integer of the dtype stands for give some integer, the same on every processor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...types import bool_, float16, float32, float64, int32, int64, uint64
from .position import LANES
from .register import llvm_type

if TYPE_CHECKING:
    from .register import Register


def converted(x: Register, dtype: np.dtype) -> Register:
    """x as `dtype`."""
    if x.dtype == dtype:
        return x
    if dtype == bool_:
        return x != 0
    if x.dtype == bool_ and dtype.kind == "f":
        return x.code.select(x, x.code.literal(1, dtype), x.code.literal(0, dtype))
    if dtype.kind == "f":
        return _rounded(x, dtype) if x.dtype.kind == "f" else _real(x, dtype)
    return _truncated(x, dtype) if x.dtype.kind == "f" else _resized(x, dtype)


def _to(name: str, x: Register, dtype: np.dtype) -> Register:
    kind = llvm_type(dtype)
    kind = f"<{LANES} x {kind}>" if x.wide else kind
    return x.code.instruction(f"{name} {x.type} {x.name} to {kind}", dtype, x.wide)


def _resized(x: Register, dtype: np.dtype) -> Register:
    """An integer from an integer or a truth value: the low bits, or more of them."""
    if x.dtype != bool_ and dtype.itemsize <= x.dtype.itemsize:
        return _to("trunc" if dtype.itemsize < x.dtype.itemsize else "bitcast", x, dtype)
    return _to("sext" if x.signed else "zext", x, dtype)


def _real(x: Register, dtype: np.dtype) -> Register:
    """A real number from an integer; half precision by way of single, as NumPy does it."""
    if dtype == float16:
        return _rounded(_real(x, float32), dtype)
    return _to("sitofp" if x.signed else "uitofp", x, dtype)


def _rounded(x: Register, dtype: np.dtype) -> Register:
    """A real number from a real number; half and double meet by way of single."""
    if x.dtype == float64 and dtype == float16:
        x = _odd(x)
    elif x.dtype == float16 and dtype == float64:
        x = _to("fpext", x, float32)
    return _to("fpext" if dtype.itemsize > x.dtype.itemsize else "fptrunc", x, dtype)


def _odd(x: Register) -> Register:
    """Single from double precision with an odd last bit where it is inexact.

    So what is rounded once more is as if it had been rounded once.
    """
    y = _to("fptrunc", x, float32)
    back, bits = _to("fpext", y, float64), x.code.bits(y, int32)
    too_small = abs(back) < abs(x)
    towards = x.code.select(too_small, bits + 1, bits - 1)
    exact = (back == x) | (x != x) | ((bits & 1) != 0) | (abs(back) == np.inf)
    return x.code.bits(x.code.select(exact, bits, towards), float32)


def _truncated(x: Register, dtype: np.dtype) -> Register:
    """An integer from a real number, which loses its fraction; freeze settles what is too large."""
    if x.dtype == float16:
        x = _rounded(x, float32)
    if dtype == uint64:
        return _truncated_far(x)
    small = dtype.itemsize < 4 or dtype == int32
    return _resized(_frozen(x, int32 if small else int64), dtype)


def _truncated_far(x: Register) -> Register:
    """uint64: from 2^63 on with the top bit added afterwards."""
    far = x >= 2.0**63
    low = _frozen(x.code.select(far, x - 2.0**63, x), int64)
    return _resized(x.code.select(far, low ^ -(2**63), low), uint64)


def _frozen(x: Register, dtype: np.dtype) -> Register:
    y = _to("fptosi", x, dtype)
    return x.code.instruction(f"freeze {y.type} {y.name}", dtype, y.wide)
