"""What every optimizer keeps: groups of parameters, state, hooks; to its users it is PyTorch's."""

from __future__ import annotations

import copy
import functools
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from ..tensors.tensor import Handle, Tensor
from .parameters import (
    Group,
    Listed,
    Memory,
    Remembered,
    Settings,
    check_hyperparameters,
    checked_group,
    groups_of,
)

KINDS_OF_HOOK = (
    "step_pre",
    "step_post",
    "state_dict_pre",
    "state_dict_post",
    "load_pre",
    "load_post",
)


class Optimizer:
    """Base of all optimizers; subclass it with a method `step`, or `Rule` with a method `update`.

    param_groups  dicts: "params" has a group's tensors, the other keys its hyper-parameters
    state         what is remembered of each parameter
    defaults      hyper-parameters of groups that do not set their own
    stepped       whether `step` has been called yet
    """

    stepped = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "step" in vars(cls):
            cls.step = _with_hooks(vars(cls)["step"])  # type: ignore[method-assign]

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.state = Memory()
        self.param_groups: list[Group] = Listed()
        self.hooks: dict[str, OrderedDict] = {kind: OrderedDict() for kind in KINDS_OF_HOOK}
        for group in groups_of(params):
            self.add_param_group(group)

    def add_param_group(self, param_group: Group) -> None:
        """Optimize further parameters, with their own hyper-parameters: layers that are unfrozen.

        ValueError for a parameter that is in a group already, or hyper-parameters outside limits.
        """
        group = checked_group(param_group)
        for name, default in self.defaults.items():
            group.setdefault(name, default)
        check_hyperparameters(group, type(self).__name__)
        if len(set(group["params"])) != len(group["params"]):
            warnings.warn("a parameter is twice in one group of the optimizer", stacklevel=3)
        for other in self.param_groups:
            if ("param_names" in group) != ("param_names" in other):
                raise ValueError("parameters of all groups have names, or of none")
            if set(group["params"]) & set(other["params"]):
                raise ValueError("a parameter is in more than one group of the optimizer")
        group["params"] = Listed(group["params"])
        self.param_groups.append(Settings(group))

    def step(self, closure: Callable | None = None) -> Any:
        """Change the parameters by their gradients; returns what `closure`, if given, returned."""
        raise NotImplementedError(f"{type(self).__name__} needs a method step")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients: `backward()` adds to what is there."""
        for group in self.param_groups:
            for w in group["params"]:
                if set_to_none:
                    w.grad = None
                elif w.grad is not None:
                    if w.grad.operation is not None:
                        w.grad = w.grad.detach()
                    w.grad.zero_()

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for number, group in enumerate(self.param_groups):
            lines += ["", f"Parameter Group {number}"] if number else [f"Parameter Group {number}"]
            lines += [f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]
        return "\n".join([*lines, ")"])

    # ---- saving and going on

    def state_dict(self) -> dict[str, Any]:
        """{"state": {number of a tensor: its state}, "param_groups": groups, tensors numbered}."""
        self._call("state_dict_pre")
        number: dict[Any, int] = {}
        for group in self.param_groups:
            for w in group["params"]:
                number.setdefault(w, len(number))
        packed = {
            "state": {number.get(w, w): state for w, state in self.state.items() if state},
            "param_groups": [
                {**group, "params": [number[w] for w in group["params"]]}
                for group in self.param_groups
            ],
        }
        return self._replaced("state_dict_post", packed)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` of an optimizer of like groups gave, here or in PyTorch."""
        given = self._replaced("load_pre", dict(state_dict))
        groups = [dict(group) for group in given["param_groups"]]
        _check_sizes(self.param_groups, groups)
        tensors = {
            number: w
            for new, old in zip(groups, self.param_groups)
            for number, w in zip(new["params"], old["params"])
        }
        memo: dict[int, Any] = {}
        state = {
            tensors.get(number, number): _adopted(remembered, tensors.get(number), memo)
            for number, remembered in given["state"].items()
        }
        self._check_state(state, {w: number for number, w in tensors.items()})
        self.state = Memory({w: Remembered(remembered) for w, remembered in state.items()})
        for new, old in zip(copy.deepcopy(groups), self.param_groups):
            names = {"param_names": old["param_names"]} if "param_names" in old else {}
            parameters = old["params"]
            old.clear()
            old.update({**self.defaults, **names, **new, "params": parameters})
        self._call("load_post")

    def _check_state(self, state: dict[Any, Any], numbers: dict[Any, int]) -> None:
        """ValueError for a loaded state that does not fit its parameter, if a subclass can tell."""

    # ---- hooks

    def register_step_pre_hook(self, hook: Callable) -> Handle:
        """Call `hook(optimizer, args, kwargs)` before each step; it may return both anew."""
        return self._register("step_pre", hook)

    def register_step_post_hook(self, hook: Callable) -> Handle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return self._register("step_post", hook)

    def register_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> Handle:
        """Call `hook(optimizer)` before `state_dict`."""
        return self._register("state_dict_pre", hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> Handle:
        """Call `hook(optimizer, state_dict)` after `state_dict`; what it returns replaces it."""
        return self._register("state_dict_post", hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> Handle:
        """Call `hook(optimizer, state_dict)` before loading; what it returns replaces it."""
        return self._register("load_pre", hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> Handle:
        """Call `hook(optimizer)` after loading."""
        return self._register("load_post", hook, prepend)

    def _register(self, kind: str, hook: Callable, prepend: bool = False) -> Handle:
        hooks = self.hooks[kind]
        handle = Handle(hooks, hook)
        if prepend:
            hooks.move_to_end(handle.id, last=False)
        return handle

    def _call(self, kind: str, *arguments: Any) -> None:
        for hook in list(self.hooks[kind].values()):
            hook(self, *arguments)

    def _replaced(self, kind: str, value: Any) -> Any:
        for hook in list(self.hooks[kind].values()):
            replaced = hook(self, value)
            value = value if replaced is None else replaced
        return value


def _with_hooks(step: Callable) -> Callable:
    """`step` between the hooks that users have registered."""

    @functools.wraps(step)
    def hooked(self, *args, **kwargs):
        for hook in list(self.hooks["step_pre"].values()):
            changed = hook(self, args, kwargs)
            if changed is not None:
                args, kwargs = changed
        result = step(self, *args, **kwargs)
        self.stepped = True
        if self.hooks["step_post"]:
            self._call("step_post", args, kwargs)
        return result

    return hooked


def _check_sizes(own: list[Group], given: list[Group]) -> None:
    if len(own) != len(given):
        raise ValueError(
            f"the saved state has {len(given)} parameter groups, and the optimizer has {len(own)}"
        )
    for number, (mine, theirs) in enumerate(zip(own, given)):
        sizes = len(theirs["params"]), len(mine["params"])
        if sizes[0] != sizes[1]:
            raise ValueError(
                f"group {number} of the saved state has {sizes[0]} parameters, and the optimizer's "
                f"has {sizes[1]}"
            )


def _adopted(value: Any, w: Any, memo: dict[int, Any]) -> Any:
    """A copy of `value` with tensors for arrays: counts in float64, others in the dtype of `w`."""
    if isinstance(value, dict):
        return {name: _adopted(inner, w, memo) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_adopted(inner, w, memo) for inner in value)
    if not hasattr(value, "__array__"):
        return copy.deepcopy(value, memo)
    if id(value) not in memo:
        array = np.array(np.asarray(value))
        counts = not array.shape or w is None
        memo[id(value)] = Tensor.lift(array.astype(np.float64 if counts else w.dtype))
    return memo[id(value)]
