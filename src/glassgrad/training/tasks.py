"""What a network's outputs mean: output layer, loss and measures chosen from the task.

| task | output layer | loss | decision |
|---|---|---|---|
| binary | sigmoid | binary cross entropy | the second label above 1/2 |
| multi-class | softmax | cross entropy | the most probable label |
| multi-label | sigmoid of each output | binary cross entropy | each label above 1/2 |
| real | identity | mean square | the value |
| unit | sigmoid | binary cross entropy | the value, in [0, 1] |

The network ends with a linear layer: the losses take its outputs (logits) as they are, and
`activate` applies the output layer when it predicts. Source: lecture B, the table of output layers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .metrics import METRICS

if TYPE_CHECKING:
    from ..nn import Module


def sigmoid(outputs: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-outputs)), without overflow"""
    return 0.5 * (1 + np.tanh(0.5 * outputs))


def softmax(outputs: np.ndarray) -> np.ndarray:
    """exp(outputs) / sum exp(outputs) of each row, without overflow"""
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def identity(outputs: np.ndarray) -> np.ndarray:
    """outputs"""
    return outputs


@dataclass(frozen=True)
class Task:
    """What the outputs of a network mean.

    outputs: [rows, outputs] -> activate(outputs): [rows, outputs], probabilities or values
    """

    name: str
    output_layer: Callable[[np.ndarray], np.ndarray]
    loss_name: str  # in `glassgrad.nn`
    metrics: tuple[str, ...]  # in `glassgrad.training.metrics`, the one to judge by first

    @property
    def loss(self) -> Module:
        """The loss that fits the outputs (lecture R: matched to the distribution of the data)."""
        from .. import nn

        return getattr(nn, self.loss_name)()

    @property
    def classifies(self) -> bool:
        """Whether the answers are labels, and not numbers."""
        return "accuracy" in self.metrics

    def activate(self, outputs: np.ndarray) -> np.ndarray:
        """The output layer, in float64: probabilities of labels, or values."""
        return self.output_layer(np.asarray(outputs, dtype=np.float64))

    def decide(self, activated: np.ndarray) -> np.ndarray:
        """The most probable answer, written as the targets are: class, 0 or 1, or value."""
        if self.name == "multi-class":
            return activated.argmax(axis=1)
        return (activated > 0.5).astype(np.float32) if self.classifies else activated

    def baseline(self, targets: np.ndarray) -> np.ndarray:
        """What one predicts who knows only the targets: the share of each label, or the mean.

        targets: of the subtrain rows -> [1, outputs], as `activate` gives
        """
        if self.name == "multi-class":
            return np.bincount(targets)[None] / len(targets)
        return targets.mean(axis=0, dtype=np.float64, keepdims=True)

    def measure(self, targets: np.ndarray, decided: np.ndarray) -> dict[str, float]:
        """How well decisions fit, by each metric: `{"accuracy": 0.98}`; one row is said of all."""
        decided = np.broadcast_to(decided, targets.shape)
        return {name: METRICS[name](targets, decided) for name in self.metrics}


TASKS = {
    task.name: task
    for task in (
        Task("binary", sigmoid, "BCEWithLogitsLoss", ("accuracy",)),
        Task("multi-class", softmax, "CrossEntropyLoss", ("accuracy",)),
        Task("multi-label", sigmoid, "BCEWithLogitsLoss", ("accuracy",)),
        Task("real", identity, "MSELoss", ("rmse", "mae", "r2")),
        Task("unit", sigmoid, "BCEWithLogitsLoss", ("rmse", "mae", "r2")),
    )
}
