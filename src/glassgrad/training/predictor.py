"""A trained network together with what it needs to read tables and to answer in their words."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import files
from ..data.tables import Preparation, as_frame
from ..data.tables.errors import counted
from .tasks import TASKS, Task

if TYPE_CHECKING:
    from ..data.tables.read import Say
    from ..nn import Module

ENTRY = "table"  # in the metadata of a model file


@dataclass
class TablePredictor:
    """A network that takes tables: columns to inputs, the network, outputs to labels or values.

        predictor = TablePredictor.load("penguins.safetensors")
        predictor.predict(frame)

    notes   what else stands in the model file: how the network was trained, how well it did
    """

    model: Module
    preparation: Preparation
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def task(self) -> Task:
        """What the network's outputs mean."""
        return TASKS[self.preparation.target.task]

    def save(self, path: str | Path) -> None:
        """Write network, preparation and notes as one model file, whole or not at all."""
        table = {"preparation": self.preparation.to_json(), "notes": self.notes}
        files.save(self.model, path, metadata={ENTRY: table})

    @classmethod
    def load(cls, path: str | Path) -> TablePredictor:
        """What `save` wrote.

        Raises:
            FileError: There is no such file, it is damaged, of another kind, or not for tables.
        """
        found = files.metadata(path)
        if ENTRY not in found:
            raise files.FileError(
                f"{path} was not trained on a table, so it knows no columns; "
                "use it in Python: gg.load(path)"
            )
        model = files.load(path)
        try:
            table = found[ENTRY]
            return cls(model, Preparation.from_json(table["preparation"]), table["notes"])
        except (KeyError, TypeError, ValueError):
            message = f"{path} is corrupt: what it says of columns is not what train writes"
            raise files.FileError(message) from None

    def activated(self, table: Any, say: Say = warnings.warn) -> np.ndarray:
        """Probabilities of labels, or values in the units of the target.

        table: [rows] -> [rows, outputs], float64
        """
        from .predict import predict

        outputs = predict(self.model, self.preparation.matrix(table, say))
        if strange := np.flatnonzero(~np.isfinite(outputs).all(axis=1)).tolist():
            rows = counted(len(strange), "row")
            say(
                f"{rows} too far from training to be predicted, the first is row {strange[0] + 1:,}"
            )
        return self.preparation.target.unscaled(self.task.activate(outputs))

    def predict(self, table: Any, say: Say = warnings.warn) -> Any:
        """Answers for each row: a frame of the table's own library, in the order of its rows.

        Its columns are `prediction`, or `prediction_<target>` for several targets, and for labels
        `probability_<label>`, or `probability_<target>` of each target's second label.

        table: [rows] -> [rows]

        Raises:
            TableError: A column is lacking, or a number is infinite.
        """
        import narwhals as nw

        frame = as_frame(table)
        columns = self.answers(self.activated(frame, say))
        answered = nw.from_dict(columns, backend=frame.implementation)
        return answered if isinstance(table, nw.DataFrame) else answered.to_native()

    def answers(self, activated: np.ndarray) -> dict[str, Any]:
        """The columns of a prediction.

        activated: [rows, outputs] -> {column: [rows]}
        """
        target = self.preparation.target
        columns: dict[str, Any] = {}
        decided = self.task.decide(activated).reshape(len(activated), -1)
        for at, name in enumerate(target.names):
            column = "prediction" if len(target.names) == 1 else f"prediction_{name}"
            columns[column] = decided[:, at]
            if target.labels:
                columns[column] = [target.labels[at][int(code)] for code in decided[:, at]]
        return columns | self.probabilities(activated)

    def probabilities(self, activated: np.ndarray) -> dict[str, np.ndarray]:
        """The columns of probabilities; of a binary task both labels have one."""
        target = self.preparation.target
        if not target.labels:
            return {}
        if target.task == "binary":
            activated = np.concatenate([1 - activated, activated], axis=1)
        names = target.names if target.task == "multi-label" else target.labels[0]
        return {f"probability_{name}": activated[:, at] for at, name in enumerate(names)}
