"""Training: `fit`, `predict`, `evaluate`, `summary`, what they return, and callbacks."""

from . import metrics
from .callbacks import Callback, Checkpoint, Converged, EarlyStopping, Schedule
from .fit import fit
from .history import History
from .nonfinite import NonFiniteError
from .predict import evaluate, predict
from .predictor import TablePredictor
from .progress import Progress
from .run import Run
from .summary import Summary, summary

__all__ = [
    "Callback",
    "Checkpoint",
    "Converged",
    "EarlyStopping",
    "History",
    "NonFiniteError",
    "Progress",
    "Run",
    "Schedule",
    "Summary",
    "TablePredictor",
    "evaluate",
    "fit",
    "metrics",
    "predict",
    "summary",
]
