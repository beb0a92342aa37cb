"""Training: `fit`, `predict`, `evaluate`, `summary`, what they return, and callbacks."""

from typing import TYPE_CHECKING, Any

from . import metrics
from .callbacks import Callback, Checkpoint, Converged, EarlyStopping, Schedule
from .fit import fit
from .fits import Fits
from .history import History
from .many import fit_many
from .nonfinite import NonFiniteError
from .predict import evaluate, predict
from .progress import Progress
from .run import Run
from .search import CrossValidation, Grid, cross_validate, grid
from .summary import Summary, summary

if TYPE_CHECKING:
    from .predictor import TablePredictor


def __getattr__(name: str) -> Any:
    if name != "TablePredictor":  # it loads all that reads tables
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .predictor import TablePredictor

    return TablePredictor


__all__ = [
    "Callback",
    "Checkpoint",
    "Converged",
    "CrossValidation",
    "EarlyStopping",
    "Fits",
    "Grid",
    "History",
    "NonFiniteError",
    "Progress",
    "Run",
    "Schedule",
    "Summary",
    "TablePredictor",
    "cross_validate",
    "evaluate",
    "fit",
    "fit_many",
    "grid",
    "metrics",
    "predict",
    "summary",
]
