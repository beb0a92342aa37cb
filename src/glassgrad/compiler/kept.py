"""The `grad` of leaves after a compiled step that used it up on the way."""

from __future__ import annotations

from typing import Any

from ..tensors.creation import zeros_like
from ..tensors.tensor import Unreadable

REASON = (
    "the compiled step used this gradient where it arose and did not keep it: return p.grad from "
    "the step, or leave the step eager; to add up the gradients of several calls, call "
    "zero_grad() outside of the step and not in it"
)


class NotKept(Unreadable):
    """Stands where the gradient would be; to read it is an error that shows the right way."""

    def __init__(self, leaf: Any) -> None:
        super().__init__(leaf, REASON)
        self.requires_grad = False

    def known(self) -> Any:
        """No array."""
        raise RuntimeError(self.reason)

    def zero_(self) -> Any:
        """What `zero_grad(set_to_none=False)` asks for can be had."""
        self.like._grad = zeros_like(self.like)
        return self.like._grad

    def __repr__(self) -> str:
        return f"<gradient {self.like.type_} that the compiled step did not keep>"

    __str__ = __repr__

    def __deepcopy__(self, memo: Any) -> Any:
        return None

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(None), ()
