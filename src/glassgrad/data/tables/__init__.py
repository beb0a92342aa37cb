"""Tables: read from files or data frames, understood, turned into inputs and targets."""

from .errors import TableError
from .preparation import Preparation
from .read import as_frame, read
from .split import validation_rows
from .targets import Target

__all__ = ["Preparation", "TableError", "Target", "as_frame", "read", "validation_rows"]
