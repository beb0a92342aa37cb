"""Files: models and dicts of tensors as safetensors, with the architecture and never a pickle."""

from .atomic import replacing
from .errors import FileError
from .models import description, load, metadata, save

__all__ = ["FileError", "description", "load", "metadata", "replacing", "save"]
