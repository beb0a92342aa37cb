"""The accelerator of this machine, whichever it is: none is used yet, and a program may ask."""

from __future__ import annotations

from .tensors.device import device

__all__ = ["current_accelerator", "device_count", "is_available"]


def is_available() -> bool:
    """Whether tensors can be moved to an accelerator: not yet."""
    return False


def device_count() -> int:
    """How many accelerators there are."""
    return 0


def current_accelerator(check_available: bool = False) -> device | None:
    """The accelerator as a device, or None, as here."""
    return None
