"""The table of primitive operations: pure knowledge, which knows nothing of tensors."""

from . import (
    composite,
    convolution,
    elementwise,
    gather,
    index,
    linear_algebra,
    loop,
    pooling,
    random,
    special,
    view,
)
from .record import TABLE, Fold, Operation, Record, Sample, Space

__all__ = [
    "TABLE", "Fold", "Operation", "Record", "Sample", "Space",
    "composite", "convolution", "elementwise", "gather", "index", "linear_algebra", "loop",
    "pooling", "random", "special", "view",
]  # fmt: skip
