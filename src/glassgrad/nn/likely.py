"""The shape of an input that a model may take, for messages that ask for one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from .checks import check

IMAGES, LENGTHS = (28, 32, 64, 96, 128, 224), (100, 12, 10, 16, 20, 24, 28, 32, 50, 64, 128, 256)


def likely_shape(model: Any) -> tuple[int, ...] | None:
    """A shape of one row that fits the model, to name in a message: usual sizes are tried."""
    for shape in usual_shapes(model):
        try:
            check(model, shape)
        except Exception:  # whatever the model says of what it cannot take
            continue
        return shape
    return None


def usual_shapes(model: Any) -> Iterator[tuple[int, ...]]:
    """Shapes of one row that are usual for the first layer; an embedding takes words alone."""
    shapes: list[tuple[int, ...]] = [(c, n, n) for c in (1, 3) for n in IMAGES]
    for module in model.modules():
        if hasattr(module, "num_embeddings"):
            shapes = [(12,), *((n,) for n in LENGTHS)]
        elif isinstance(channels := getattr(module, "in_channels", None), int):
            lengths, axes = (IMAGES, 2) if module.axes == 2 else (LENGTHS, 1)
            shapes = [(channels, *(n,) * axes) for n in lengths]
        elif "Norm" in type(module).__name__ or not any(
            True for _ in module.parameters(recurse=False)
        ):
            continue  # it takes what the next takes
        break
    yield from shapes
    yield from ((math.prod(shape),) for shape in shapes)  # for a model that begins by Unflatten
