"""Tables: read from files or data frames, understood, turned into inputs and targets."""

from glassgrad.data.tables.errors import TableError
from glassgrad.data.tables.preparation import Preparation
from glassgrad.data.tables.read import as_frame, read
from glassgrad.data.tables.targets import Target

__all__ = ["Preparation", "TableError", "Target", "as_frame", "read"]
