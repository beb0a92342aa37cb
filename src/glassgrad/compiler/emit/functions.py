"""The writer that answers to NumPy's names: an operation's meaning, read with it, makes code.

`arithmetic` has what is exact, `exponentials`, `powers` and `angles` have the polynomials; here are
the conversions.  No library is called: errors are a few units in the last place, and the bits are
the same on every processor.
"""

from __future__ import annotations

from typing import Any

import numpy

from ...types import (
    bool_,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)
from .angles import Angles
from .register import Register


class Functions(Angles):
    """Stands in the place of `np` where registers stand in the place of arrays."""

    pi, e, inf, nan = numpy.pi, numpy.e, numpy.inf, numpy.nan

    def _as(self, x: Any, dtype: numpy.dtype) -> Any:
        """A conversion; a number stays a number, with the digits that the dtype has."""
        return x.astype(dtype) if isinstance(x, Register) else dtype.type(x).item()

    def bool_(self, x: Any) -> Any:
        return self._as(x, bool_)

    def uint8(self, x: Any) -> Any:
        return self._as(x, uint8)

    def uint16(self, x: Any) -> Any:
        return self._as(x, uint16)

    def uint32(self, x: Any) -> Any:
        return self._as(x, uint32)

    def uint64(self, x: Any) -> Any:
        return self._as(x, uint64)

    def int8(self, x: Any) -> Any:
        return self._as(x, int8)

    def int16(self, x: Any) -> Any:
        return self._as(x, int16)

    def int32(self, x: Any) -> Any:
        return self._as(x, int32)

    def int64(self, x: Any) -> Any:
        return self._as(x, int64)

    def float16(self, x: Any) -> Any:
        return self._as(x, float16)

    def float32(self, x: Any) -> Any:
        return self._as(x, float32)

    def float64(self, x: Any) -> Any:
        return self._as(x, float64)


__all__ = ["Functions"]
