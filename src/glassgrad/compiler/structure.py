"""What decides what a step does beside values: attributes, training flags, hooks, optimizers.

Whoever sets an attribute of a module, `requires_grad` or a hook moves `Clock.structure` on; only
then these are compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import is_
from typing import Any

from ..nn.module import Module
from ..tensors.tensor import Tensor
from .captured import alike
from .graph import Blank

NOTED = (
    "_compiled_steps",
    "_compiled_steps",
    "_module_hooks",
    "_constructor_arguments",
    "_attribute_roles",
)


class Part:
    """A module as it was: its attributes, which of them require gradients, its hooks."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.attributes = self.now()
        self.hooks = hooks_of(module)
        self.flags = {x: x.requires_grad for x in self.attributes.values() if is_leaf(x)}

    def now(self) -> dict[str, Any]:
        """The attributes at the moment."""
        return {k: v for k, v in vars(self.module).items() if k not in NOTED}

    def same(self) -> bool:
        """Whether it is as it was."""
        now, then = self.now(), self.attributes
        return (
            now.keys() == then.keys()
            and all(map(same_attribute, now.values(), map(then.get, now)))
            and all(x.requires_grad == flag for x, flag in self.flags.items())
            and hooks_of(self.module) == self.hooks
        )

    def changed(self) -> list[str]:
        """Attributes that a step has set for good: `training` is set again at each call."""
        now, then = self.now(), self.attributes
        kept = {k: v for k, v in now.items() if k != "training" and not isinstance(v, Blank)}
        names = [k for k, v in kept.items() if k not in then or not alike(v, then[k])]
        names += [k for k in then if k not in now]
        names += [] if hooks_of(self.module) == self.hooks else ["hooks"]
        return [f"{type(self.module).__name__}.{name}" for name in names]


class Structure:
    """Modules as they were before a step was traced."""

    def __init__(self, modules: Iterable[Module]) -> None:
        self.parts: dict[Module, Part] = {}
        self.flags: dict[Any, bool] = {}
        self.hooked: dict[Any, tuple] = {}
        for module in modules:
            self.add(module)

    def add(self, module: Module) -> None:
        """Note a module and all inside it."""
        for each in module.modules():
            if each not in self.parts:
                self.parts[each] = Part(each)

    def leaves(self, leaves: Iterable[Any], before: dict[Any, bool]) -> None:
        """Note leaves that stand in no module, some as they were before the step set them."""
        known = {x for part in self.parts.values() for x in part.flags}
        self.flags = {x: before.get(x, x.requires_grad) for x in leaves if x not in known}
        self.hooked = {x: tuple((x.hooks or {}).values()) for x in leaves}

    def effects(self) -> list[tuple[Any, Any]]:
        """What the step sets and each call sets again: (module, training), (leaf, whether)."""
        found: list[tuple[Any, Any]] = [
            (part.module, part.module.training)
            for part in self.parts.values()
            if part.module.training is not part.attributes.get("training")
        ]
        flags = {x: flag for part in self.parts.values() for x, flag in part.flags.items()}
        flags |= self.flags
        changed = [x for x, flag in flags.items() if x.requires_grad != flag]
        return found + [(x, x.requires_grad) for x in changed]

    def changed(self) -> list[str]:
        """What else is not as it was; traced tensors in attributes may be new."""
        return [name for part in self.parts.values() for name in part.changed()]

    def same(self) -> bool:
        """Whether all are as they were."""
        return (
            all(part.same() for part in self.parts.values())
            and all(x.requires_grad == flag for x, flag in self.flags.items())
            and all(tuple((x.hooks or {}).values()) == then for x, then in self.hooked.items())
        )


class Rules:
    """Optimizers as they were: groups, numbers that are not read at each call, state, hooks."""

    def __init__(self, trace: Any) -> None:
        self.optimizers = list(trace.optimizers)
        self.groups = [
            (group, list(known), list(known.values())) for group, known in trace.groups.values()
        ]
        self.listed = [(o.param_groups, list(o.param_groups)) for o in self.optimizers]
        self.listed += [(g["params"], list(g["params"])) for g, _, _ in self.groups]
        self.holders = [(o, o.param_groups, o.state) for o in self.optimizers]
        self.remembered = [leaves_of(o) for o in self.optimizers]
        self.hooks = [hooks_of_optimizer(o) for o in self.optimizers]

    def same(self) -> bool:
        """Whether groups and state are the same objects; this is asked at each call."""
        for optimizer, groups, state in self.holders:
            if optimizer.param_groups is not groups or optimizer.state is not state:
                return False
        return True

    def unchanged(self) -> bool:
        """Whether what is in them is as it was; this is asked when something has been set."""
        return (
            all(
                all(map(alike, map(group.get, keys), then)) and group.keys() >= set(keys)
                for group, keys, then in self.groups
            )
            and all(identical(now, then) for now, then in self.listed)
            and all(map(identical, map(leaves_of, self.optimizers), self.remembered))
            and self.hooks == [hooks_of_optimizer(o) for o in self.optimizers]
        )


def identical(now: list[Any], then: list[Any]) -> bool:
    """The same objects in the same order."""
    return len(now) == len(then) and all(map(is_, now, then))


def alike_objects(now: list[Any], then: list[Any], ones: list[int]) -> bool:
    """The same arrays in the same order; `ones` are the places of those of one element.

    A list compares objects first, which is quick; arrays that differ have no truth together, but
    for those of one element, which are compared by themselves.
    """
    if len(now) != len(then):
        return False
    for i in ones:
        if now[i] is not then[i]:
            return False
    try:
        return now == then
    except ValueError:
        return False


def leaves_of(optimizer: Any) -> list[Any]:
    """The tensors and other things in which an optimizer remembers, in order."""
    return [x for w, held in optimizer.state.items() for x in (w, *held.values())]


def hooks_of_optimizer(optimizer: Any) -> list[Any]:
    """The functions that are called with an optimizer."""
    return [list(hooks.values()) for hooks in optimizer.hooks.values()]


def same_attribute(now: Any, then: Any) -> bool:
    """Equal, or traced tensors both: the step sets it before it reads it, or it was refused."""
    return alike(now, then) or (isinstance(now, Blank) and isinstance(then, Blank))


def is_leaf(x: Any) -> bool:
    """Whether an attribute is a tensor of the user's."""
    return isinstance(x, Tensor) and not isinstance(x, Blank)


def hooks_of(module: Module) -> tuple:
    """The functions that are called with a module."""
    hooks = vars(module).get("_module_hooks")
    if hooks is None:
        return ()
    return tuple((kind, *listed.values()) for kind, listed in vars(hooks).items() if listed)


def set_again(effects: list[tuple[Any, Any]]) -> None:
    """What a step sets in Python, as it would be after its function has run."""
    for thing, value in effects:
        if isinstance(thing, Module):
            thing.training = value
        else:
            thing.set_requires_grad(value)
