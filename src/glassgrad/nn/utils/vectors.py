"""All parameters as one vector and back, and layers whose initial weights do not matter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...tensors.functions import cat
from ...tensors.state import no_grad
from ...tensors.tensor import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The elements of all parameters one after the other.

    parameters: tensors of n elements together -> [n]
    """
    return cat([p.reshape(-1) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Write the elements of a vector into the parameters, one after the other.

    RuntimeError if there are not just as many elements as the parameters have.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected a tensor, but got: {type(vec).__name__}")
    listed = list(parameters)
    wanted = sum(p.numel() for p in listed)
    if vec.shape != (wanted,):
        raise RuntimeError(
            f"{len(listed)} parameters have {wanted} elements, and the vector is {vec.type_}"
        )
    with no_grad():
        for p, part in zip(listed, vec.detach().split([p.numel() for p in listed]), strict=True):
            p.assign(part.reshape(p.shape))


def skip_init(module_cls: Any, *args: Any, **kwargs: Any) -> Any:
    """A module whose initial weights do not matter: here they are drawn as always.

    (Nothing is ever left undefined, and drawing costs little.)
    """
    return module_cls(*args, **kwargs)
