"""The state of a module as a dict, and back: names and errors as in PyTorch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..tensors.state import no_grad
from ..tensors.tensor import Tensor
from .parameter import Parameter

KEPT = ("parameter", "buffer")  # roles, in the order in which a module's own tensors are listed
EXTRA = "_extra_state"


class IncompatibleKeys(NamedTuple):
    """The keys that were in one of module and dict only."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        listed = f"missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys}"
        return f"_IncompatibleKeys({listed})"


class Saved:
    """`state_dict` and `load_state_dict` of a module."""

    _attribute_roles: dict[str, str]
    named_modules: Any

    def get_extra_state(self) -> Any:
        """What else `state_dict` is to hold, if a subclass says so."""
        raise RuntimeError("a module with set_extra_state needs get_extra_state() too")

    def set_extra_state(self, state: Any) -> None:
        """Take back what `get_extra_state` gave."""
        raise RuntimeError("a module with get_extra_state needs set_extra_state(state) too")

    def state_dict(
        self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """Every parameter and persistent buffer by its path.

        The tensors share memory with the module's; keep_vars=True gives the parameters themselves.
        """
        destination = {} if destination is None else destination
        for path, module, name in _places(self, prefix):
            if name == EXTRA:
                destination[path] = module.get_extra_state()
            elif (x := vars(module)[name]) is not None:
                destination[path] = x if keep_vars else x.detach()
        return destination

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy the values of a `state_dict` into this module; nothing is written unless all fits.

        strict   missing and unexpected keys are an error; False ignores them
        assign   take the given tensors themselves, with their dtype, instead of copying values

        RuntimeError names missing and unexpected keys and wrong shapes.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        places = {
            path: (module, name)
            for path, module, name in _places(self)
            if name == EXTRA or vars(module)[name] is not None
        }
        given = {k: v if k.endswith(EXTRA) else _tensor(k, v) for k, v in state_dict.items()}
        missing = [k for k in places if k not in given]
        unexpected = [k for k in given if k not in places]
        problems = _keys("Missing", missing) + _keys("Unexpected", unexpected) if strict else []
        problems += [
            text for k in places if k in given for text in _misfit(k, *places[k], given[k])
        ]
        if problems:
            listed = "".join(f"\n\t{text}" for text in problems)
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:{listed}")
        with no_grad():
            for key in places:
                if key in given:
                    _write(*places[key], given[key], assign)
        return IncompatibleKeys(missing, unexpected)


def _places(module: Any, prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    """(path, module, attribute) of all that is kept, in order; what is shared has several paths."""
    root = prefix.removesuffix(".")
    for path, part in module.named_modules(prefix=root, remove_duplicate=False):
        dotted = f"{path}." if path else ""
        for wanted in KEPT:
            for name, role in part._attribute_roles.items():
                if role == wanted:
                    yield dotted + name, part, name
        if type(part).get_extra_state is not Saved.get_extra_state:
            yield dotted + EXTRA, part, EXTRA


def _tensor(key: str, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise RuntimeError(
            f'"{key}" in state_dict must be a tensor or an array, not {type(value).__name__}'
        )
    return Tensor.lift(array)


def _keys(which: str, keys: list[str]) -> list[str]:
    quoted = ", ".join(f'"{key}"' for key in keys)
    return [f"{which} key(s) in state_dict: {quoted}. "] if keys else []


def _misfit(key: str, module: Any, name: str, value: Any) -> list[str]:
    """The text of an error if a value has another shape than what it would replace."""
    if name == EXTRA or value.shape == vars(module)[name].shape:
        return []
    return [
        f"size mismatch for {key}: copying a param with shape {list(value.shape)} from checkpoint, "
        f"the shape in current model is {list(vars(module)[name].shape)}."
    ]


def _write(module: Any, name: str, value: Any, assign: bool) -> None:
    if name == EXTRA:
        module.set_extra_state(value)
        return
    x = vars(module)[name]
    if not assign:
        x.copy_(value)
    elif isinstance(x, Parameter) and not isinstance(value, Parameter):
        setattr(module, name, Parameter(value.detach(), x.requires_grad))
    else:
        setattr(module, name, value)
