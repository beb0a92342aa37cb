"""What programs ask about other processors before they start: none is used yet."""

from __future__ import annotations

__all__ = ["cuda", "cudnn", "mps"]


class Backend:
    """A library for other processors: it is absent, and its switches are set without effect."""

    allow_tf32 = benchmark = enabled = False
    deterministic = True  # every operation here gives the same bits each time

    def is_available(self) -> bool:
        """Whether tensors can be computed by it: not yet."""
        return False

    def is_built(self) -> bool:
        """Whether this package contains it: not yet."""
        return False


cuda, cudnn, mps = Backend(), Backend(), Backend()
