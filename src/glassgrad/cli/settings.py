"""What a training run is set to: the options, checked, and what stands where none is given."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .terminal import CommandError

ACTIVATIONS = {  # by the option, the layer in `glassgrad.nn`
    "relu": "ReLU",
    "leaky-relu": "LeakyReLU",
    "elu": "ELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
}
OPTIMIZERS: dict[
    str, tuple[str, float, dict[str, Any]]
] = {  # rule, learning rate, further arguments
    "adam": ("Adam", 1e-3, {}),
    "adamw": ("AdamW", 1e-3, {}),
    "adamax": ("Adamax", 2e-3, {}),
    "nadam": ("NAdam", 2e-3, {}),
    "radam": ("RAdam", 1e-3, {}),
    "sgd": ("SGD", 0.05, {}),
    "momentum": ("SGD", 0.01, {"momentum": 0.9}),
    "nesterov": ("SGD", 0.01, {"momentum": 0.9, "nesterov": True}),
    "adagrad": ("Adagrad", 0.01, {}),
    "adadelta": ("Adadelta", 1.0, {}),
    "rmsprop": ("RMSprop", 1e-3, {}),
}
SIZES = (  # up to so many rows: batch size, epochs, patience
    (500, 16, 200, 20),
    (10_000, 32, 200, 20),
    (100_000, 128, 100, 10),
    (float("inf"), 1024, 20, 4),
)


@dataclass(frozen=True)
class Settings:
    """The options of `glassgrad train` that shape the network and its training.

    Those that are None follow from the optimizer and the number of rows: `settings.filled(rows)`.
    """

    hidden: tuple[int, ...] = (128, 64)
    activation: str = "relu"
    dropout: float = 0.1
    optimizer: str = "adam"
    learning_rate: float | None = None
    batch_size: int | None = None
    epochs: int | None = None
    iterations: int | None = None
    epsilon: float | None = None
    patience: int | None = None
    l1: float = 0.0
    l2: float = 0.001
    seed: int = 0

    def __post_init__(self):
        among("activation", self.activation, ACTIVATIONS)
        among("optimizer", self.optimizer, OPTIMIZERS)
        for name in ("epochs", "iterations", "patience", "batch_size"):
            at_least(name, getattr(self, name), 1)
        for name in ("epsilon", "l1", "l2", "seed"):
            at_least(name, getattr(self, name), 0)
        if self.learning_rate is not None and not self.learning_rate > 0:
            raise CommandError(f"--learning-rate is {self.learning_rate:g}; it must be above 0")
        if not 0 <= self.dropout < 1:
            raise CommandError(f"--dropout is {self.dropout:g}; it must be from 0 to below 1")

    def filled(self, rows: int) -> Settings:
        """Every setting for so many rows: small batches for few rows, fewer epochs for many.

        N iterations have as many epochs as they need.
        """
        batch, epochs, patience = next(found for most, *found in SIZES if rows <= most)
        batch = self.batch_size or batch
        if self.iterations:
            epochs = math.ceil(self.iterations / math.ceil(rows / batch))
        return replace(
            self,
            learning_rate=self.learning_rate or OPTIMIZERS[self.optimizer][1],
            batch_size=batch,
            epochs=self.epochs or epochs,
            patience=self.patience or patience,
        )


def among(option: str, value: str, known: dict[str, Any]) -> None:
    """Refuse a value that is none of the known ones."""
    if value not in known:
        raise CommandError(f"--{option} is {value!r}; there are {', '.join(known)}")


def at_least(name: str, value: float | None, least: float) -> None:
    """Refuse a number that is too small, or none."""
    if value is not None and not least <= value < float("inf"):
        raise CommandError(f"--{name.replace('_', '-')} is {value}; it must be at least {least}")


def layers(text: str) -> tuple[int, ...]:
    """`128,64` as (128, 64); `none` as (), a linear model."""
    if text.strip().lower() in ("none", ""):
        return ()
    try:
        units = tuple(int(part) for part in text.split(","))
    except ValueError:
        units = (0,)
    if min(units) < 1:
        raise CommandError(
            f"--hidden is {text!r}; give units as in 128,64, or none for a linear model"
        )
    return units


def fraction_or_file(text: str) -> float | Path:
    """`0.2` as a fraction of the rows, anything else as a file."""
    try:
        fraction = float(text)
    except ValueError:
        if not Path(text).exists():
            message = f"--validation: there is no file {text}; a fraction is from 0 to below 1"
            raise CommandError(message) from None
        return Path(text)
    if not 0 <= fraction < 1:
        raise CommandError(f"--validation is {text}; a fraction is from 0 to below 1")
    return fraction
