"""Files: models and dicts of tensors as safetensors, with the architecture and never a pickle."""

from .atomic import replacing
from .errors import ArchitectureError, FileError
from .models import contents, description, load, metadata, save

__all__ = [
    "ArchitectureError", "FileError", "contents", "description", "load", "metadata", "replacing",
    "save",
]  # fmt: skip
