"""PyTorch's place for `data`."""

from . import data

__all__ = ["data"]
