"""Scaling of inputs inside `fit`: the model's `Standardize` layer is set from the subtrain rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .predict import in_use
from .rows import ArrayRows, Batch, Rows, batches

BLOCK = 1 << 20  # bytes of rows that are looked at together


class Reached(Exception):  # noqa: N818  (no error: the way out of a forward pass)
    """The forward pass has come to the layer."""


def scale_inputs(model: Any, rows: Rows) -> None:
    """Set the first `Standardize` layer to mean and sd of what reaches it from these rows.

    Raises:
        ValueError: The model has no such layer.
    """
    layers = [part for part in model.modules() if type(part).__name__ == "Standardize"]
    if not layers:
        raise ValueError(
            "scale=True sets the model's Standardize layer, and it has none; put one first: "
            "nn.Sequential(nn.Standardize(features), ...)"
        )
    if isinstance(rows, ArrayRows):
        layers[0].fit_blocks(lambda: arriving(model, layers[0], rows))
        return
    seen = list(arriving(model, layers[0], rows))  # what is read again may be drawn anew
    layers[0].fit_blocks(lambda: seen)


def arriving(model: Any, layer: Any, rows: Rows) -> Iterator[np.ndarray]:
    """What reaches a layer, block by block: [rows, ...]."""
    seen: list[np.ndarray] = []

    def look(module: Any, inputs: tuple) -> None:
        seen.append(inputs[0].value)
        raise Reached

    handle = layer.register_forward_pre_hook(look)
    try:
        with in_use(model):
            for batch in batches(rows, block_size(rows)):
                go(model, batch)
                yield seen.pop()
    finally:
        handle.remove()


def block_size(rows: Rows) -> int:
    """So many rows are a few megabytes."""
    row = sum(x[:1].nbytes for x in rows.inputs) if isinstance(rows, ArrayRows) else 1024
    return max(1, min(BLOCK // max(row, 1), 4096))


def go(model: Any, batch: Batch) -> None:
    """A forward pass up to where it is broken off."""
    try:
        model(*batch.inputs)
    except Reached:
        return
