"""Scaling of inputs inside `fit`: the model's `Standardize` layer is set from the subtrain rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from .predict import in_use
from .rows import Batch, Rows, batches


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
    layers[0].fit(arriving(model, layers[0], rows))


def arriving(model: Any, layer: Any, rows: Rows) -> np.ndarray:
    """What reaches a layer, of all rows: [rows, ...]."""
    seen: list[np.ndarray] = []

    def look(module: Any, inputs: tuple) -> None:
        seen.append(inputs[0].value)
        raise Reached

    handle = layer.register_forward_pre_hook(look)
    try:
        with in_use(model):
            for batch in batches(rows, 4096):
                go(model, batch)
    finally:
        handle.remove()
    return np.concatenate(seen)


def go(model: Any, batch: Batch) -> None:
    """A forward pass up to where it is broken off."""
    try:
        model(*batch.inputs)
    except Reached:
        return
