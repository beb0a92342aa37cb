"""What an optimizer is given, checked: parameters and hyper-parameters."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from inspect import isgenerator
from typing import Any

from ..tensors.state import Clock
from ..tensors.tensor import Tensor

Group = dict[str, Any]


def telling(kind: type, names: str) -> type:
    """A container whose changes a compiled step hears of: these methods move the clock on."""

    def told(name: str) -> Any:
        method = getattr(kind, name)

        @functools.wraps(method)
        def tell(self: Any, *given: Any, **named: Any) -> Any:
            Clock.structure += 1
            return method(self, *given, **named)

        return tell

    return type(f"Telling{kind.__name__}", (kind,), {name: told(name) for name in names.split()})


CHANGES = "__setitem__ __delitem__ clear pop"
TellingDict: Any = telling(dict, f"{CHANGES} popitem setdefault update __ior__")
TellingList: Any = telling(
    list, f"{CHANGES} append extend insert remove reverse sort __iadd__ __imul__"
)


class Listed(TellingList):
    """Groups of an optimizer, or parameters of a group."""


class Remembered(TellingDict):
    """What is remembered of one parameter."""


class Settings(TellingDict):
    """A group; its numbers are read anew at each call of a compiled step, and tell nothing."""

    def __setitem__(self, key: Any, value: Any) -> None:
        if type(value) is float and type(self.get(key)) is float:
            dict.__setitem__(self, key, value)
        else:
            super().__setitem__(key, value)


class Memory(TellingDict):
    """{parameter: what is remembered of it}; what is not there yet begins when it is asked for."""

    def __missing__(self, key: Any) -> Remembered:
        self[key] = found = Remembered()
        return found

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value if isinstance(value, Remembered) else Remembered(value))


def groups_of(parameters: Any) -> list[Group]:
    """A list of groups from tensors, (name, tensor) pairs, or dicts with a key "params"."""
    if isinstance(parameters, Tensor):
        raise TypeError(
            "an optimizer takes a list of tensors, not one tensor; put brackets around it: [w]"
        )
    if not isinstance(parameters, Iterable):
        kind = type(parameters).__name__
        raise TypeError(f"an optimizer takes parameters and got a {kind}; write net.parameters()")
    listed = list(parameters)
    if not listed:
        used = isgenerator(parameters)
        cause = "; a generator is empty after its first use: call net.parameters() again"
        raise ValueError(f"the optimizer got an empty list of parameters{cause if used else ''}")
    return listed if isinstance(listed[0], dict) else [{"params": listed}]


def checked_group(group: Any) -> Group:
    """A group with its parameters in a list, and their names, if there are any, in another."""
    if not isinstance(group, dict):
        raise TypeError(f"a parameter group is a dict, not a {type(group).__name__}")
    parameters = group["params"]
    if isinstance(parameters, set):
        raise TypeError("a set has no order that lasts; give the parameters in a list")
    listed = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    names = [p[0] for p in listed if isinstance(p, tuple)]
    if names and len(names) != len(listed):
        raise ValueError("some parameters have names and some have none; name all or none")
    group["params"] = [p[1] if isinstance(p, tuple) else p for p in listed]
    if names:
        group["param_names"] = names
    for position, parameter in enumerate(group["params"]):
        _check_parameter(parameter, position)
    return group


def _check_parameter(parameter: Any, position: int) -> None:
    if isgenerator(parameter):
        raise TypeError(
            f"parameter {position} is a generator, not a tensor; leave out the brackets: "
            "net.parameters() instead of [net.parameters()]"
        )
    if not isinstance(parameter, Tensor):
        kind = type(parameter).__name__
        raise TypeError(f"an optimizer changes tensors, and parameter {position} is a {kind}")
    if parameter.operation is not None and not parameter.retains_grad:
        raise ValueError(
            f"parameter {position}, {parameter.type_}, was computed by {parameter.operation.name}; "
            "only leaves can be optimized: x.detach().requires_grad_()"
        )


# ---- hyper-parameters mean the same in every rule, so their limits stand here once


def _fractions(betas: Any) -> bool:
    return len(betas) == 2 and all(0 <= beta < 1 for beta in betas)


def _not_negative(eps: Any) -> bool:
    numbers = eps if isinstance(eps, (tuple, list)) else [eps]
    return all(number is None or number >= 0 for number in numbers)


LIMITS = {
    "lr": ("is the learning rate, a number >= 0", lambda x: x >= 0),
    "alpha": ("is a number >= 0", lambda x: x >= 0),
    "beta2_decay": ("is a number <= 0", lambda x: x <= 0),
    "betas": ("are two numbers in [0, 1)", _fractions),
    "d": ("is a number >= 1", lambda x: x >= 1),
    "eps": ("is a number >= 0", _not_negative),
    "etas": ("are two factors, 0 < etas[0] < 1 < etas[1]", lambda x: 0 < x[0] < 1 < x[1]),
    "initial_accumulator_value": ("is a number >= 0", lambda x: x >= 0),
    "l1": ("is a number >= 0", lambda x: x >= 0),
    "lr_decay": ("is a number >= 0", lambda x: x >= 0),
    "momentum": ("is a number >= 0", lambda x: x >= 0),
    "momentum_decay": ("is a number >= 0", lambda x: x >= 0),
    "rho": ("is a number in [0, 1]", lambda x: 0 <= x <= 1),
    "weight_decay": ("is a number >= 0", lambda x: x >= 0),
}
CHOICES = ("foreach", "fused", "capturable", "differentiable")  # among PyTorch's implementations


def check_hyperparameters(group: Group, rule: str) -> None:
    """ValueError that names the first hyper-parameter outside its limits."""
    for name, value in group.items():
        if isinstance(value, Tensor):
            group[name] = value = value.item()
        meaning, holds = LIMITS.get(name, ("", None))
        if isinstance(value, str) and holds is not None:
            raise TypeError(f"{rule}: {name} {meaning}, not the text {value!r}")
        if holds is not None and not holds(value):
            raise ValueError(f"{rule}: {name} {meaning}, not {value}")
        if name in CHOICES and value:
            raise ValueError(
                f"{rule}: {name}={value} chooses among PyTorch's implementations, and here is one; "
                "leave it out"
            )


def hyperparameters(given: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a rule's constructor from its `locals()`, but `params`; `l1` if used."""
    left_out = ("self", "params", "__class__", *(() if given.get("l1") else ("l1",)))
    return {name: value for name, value in given.items() if name not in left_out}
