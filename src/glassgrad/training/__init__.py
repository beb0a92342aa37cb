"""Training: `fit`, `predict`, `evaluate`, `summary`, what they return, and callbacks."""

from typing import TYPE_CHECKING, Any

from . import metrics
from .callbacks import Callback, Checkpoint, Converged, EarlyStopping, Schedule
from .findings import Finding, HealthReport, HealthWarning
from .fit import fit
from .fits import Fits
from .health import Health, health
from .history import History
from .many import fit_many
from .nonfinite import NonFiniteError
from .predict import evaluate, predict
from .progress import Progress
from .rates import Rates, find_rate
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
    "Finding",
    "Fits",
    "Grid",
    "Health",
    "HealthReport",
    "HealthWarning",
    "History",
    "NonFiniteError",
    "Progress",
    "Rates",
    "Run",
    "Schedule",
    "Summary",
    "TablePredictor",
    "cross_validate",
    "evaluate",
    "find_rate",
    "fit",
    "fit_many",
    "grid",
    "health",
    "metrics",
    "predict",
    "summary",
]
