"""An update rule: two pure functions for one parameter, in the symbols of the paper."""

from __future__ import annotations

from collections.abc import Callable
from sys import getrefcount
from typing import Any

from ..tensors.creation import tensor
from ..tensors.listening import unheard
from ..tensors.state import enable_grad, no_grad, state
from ..types import float64
from .optimizer import Optimizer
from .parameters import Group


def _alone() -> int:
    """What `getrefcount` says of an object that one local name holds."""
    new = object()
    return getrefcount(new)


ALONE = _alone()


class Rule(Optimizer):
    """Base of the update rules.  Yours needs `update`, and `init` if it remembers anything:

        class Heavy(gg.optim.Rule):
            def __init__(self, params, lr, friction=0.1):
                super().__init__(params, {"lr": lr, "friction": friction})

            def init(self, w):
                return {"velocity": gg.zeros_like(w)}

            def update(self, w, g, state, *, lr, friction):
                velocity = (1 - friction) * state["velocity"] - lr * g
                return w + velocity, {"velocity": velocity}

    init     (w, *, hyper-parameters) -> state, a dict of tensors
    update   (w, g, state, *, counts and hyper-parameters) -> (w, state)
    advance  (common, *, hyper-parameters) -> common: the counts that parameters share, such as t
    common   the counts of the rule: {symbol: (key in the state, first value)}

    Each gets by name what its keyword arguments ask for.  Groups may set `maximize`,
    `weight_decay`, `decoupled_weight_decay` and `l1`; these are seen to here, so that a rule is
    only the paper's lines:

    before it  g <- g + weight_decay w, or, decoupled, w <- (1 - lr weight_decay) w;
               not if the rule asks for weight_decay itself
    after it   w <- sign(w) max(|w| - lr l1, 0), the proximal step, which makes weights exactly 0
    """

    common: dict[str, tuple[str, float]] = {"t": ("step", 0.0)}

    def init(self, w: Any) -> dict[str, Any]:
        """What is remembered of the parameter `w` before its first update."""
        return {}

    def update(self, w: Any, g: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The parameter `w` and its state after a step along the gradient `g`."""
        raise NotImplementedError(f"{type(self).__name__} needs a method update(self, w, g, state)")

    def advance(self, common: dict[str, Any]) -> dict[str, Any]:
        """The counts one step later."""
        return {"t": common["t"] + 1}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.asked = {name: _asked(getattr(cls, name)) for name in ("init", "update", "advance")}
        if "t" not in cls.asked["update"] and "common" not in vars(cls):
            cls.common = {}

    asked: dict[str, list[str]]

    def step(self, closure: Callable | None = None) -> Any:
        """Update every parameter that has a gradient; returns what `closure` returned."""
        loss = None
        if state.listening is not None:
            state.listening.stepping(self)
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                self._update_group(_heard(group))
        return loss

    def _update_group(self, group: Group) -> None:
        ready = [w for w in group["params"] if w.grad is not None]
        hyper = self._hyper("update", group)
        counts = self._counts(group, ready) if self.common else None
        decay = 0 if "weight_decay" in hyper else group.get("weight_decay", 0)
        maximize = group.get("maximize")
        for w in ready:
            state = self.state.get(w)
            if state is None:
                state = self._begun(w, group)
            if counts is not None:
                hyper.update(counts[state["step"]])
            g = -w.grad if maximize else w.grad
            old, g = _with_decay(w, g, decay, group) if decay else (w, g)
            new, changed = self.update(old, g, state, **hyper)
            if group.get("l1"):
                new = _shrunk(new, group["lr"] * group["l1"])
            kept = getrefcount(new) > ALONE  # by a rule that remembers its own result
            w.adopt(new, kept)
            for name, value in changed.items():
                if name in state:
                    state[name].assign(value)
                else:
                    _remember(state, name, value)

    def _begun(self, w: Any, group: Group) -> dict[str, Any]:
        """The state of `w` before its first update; a trace reads it as it reads `w`."""
        if state.listening is not None:
            state.listening.on_failure(lambda: self.state.pop(w, None))
        with unheard():
            self.state[w].update(self.init(w, **self._hyper("init", _unheard(group))))
        return self.state[w]

    def _check_state(self, state: dict[Any, Any], numbers: dict[Any, int]) -> None:
        for group in self.param_groups:
            for w in group["params"]:
                saved = state.get(w, {})
                for name, fresh in self.init(w, **self._hyper("init", group)).items():
                    if name in saved and saved[name].shape != fresh.shape:
                        raise ValueError(
                            f"the saved {name} of parameter {numbers[w]} is {saved[name].type_}, "
                            f"and the parameter is {w.type_}"
                        )

    def _hyper(self, function: str, group: Group) -> dict[str, Any]:
        """The hyper-parameters that a function of the rule asks for."""
        return {name: group[name] for name in self.asked[function] if name in group}

    # ---- counts: parameters that have been updated equally often share them

    def _counts(self, group: Group, ready: list[Any]) -> dict[Any, dict[str, Any]]:
        """{leaf of the step: counts after this step} for the parameters that are updated now."""
        begin = [w for w in ready if not self.state.get(w)]
        with unheard():
            shared = {key: tensor(first, dtype=float64) for key, first in self.common.values()}
        for w in begin:
            self.state[w] = {**shared, **self._begun(w, group)}
        if len(ready) < len(group["params"]):
            self._part(group, ready)
        moved: dict[Any, dict[str, Any]] = {}
        for w in ready:
            if self.state[w]["step"] not in moved:
                moved[self.state[w]["step"]] = self._moved(self.state[w], group)
        return moved

    def _moved(self, state: dict[str, Any], group: Group) -> dict[str, Any]:
        """Moves the counts in `state` on by a step; returns those that `update` asks for."""
        leaves = {symbol: state[key] for symbol, (key, _) in self.common.items()}
        counts = {symbol: _number(leaf) for symbol, leaf in leaves.items()}
        counts = self.advance(counts, **self._hyper("advance", group))
        for symbol, value in counts.items():
            leaves[symbol].assign(value)
        return {symbol: v for symbol, v in counts.items() if symbol in self.asked["update"]}

    def _part(self, group: Group, ready: list[Any]) -> None:
        """Parameters without a gradient keep their counts and share them no longer."""
        moving = {self.state[w]["step"] for w in ready}
        for w in group["params"]:
            if w.grad is None and self.state.get(w, {}).get("step") in moving:
                for key, _ in self.common.values():
                    _remember(self.state[w], key, self.state[w][key].clone())


def _asked(function: Callable) -> list[str]:
    """The names of the arguments that a function takes by keyword only."""
    code = function.__code__
    return list(code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount])


class Heard(dict):
    """A group while a step is traced: its numbers are nodes, read anew at each call."""

    def __init__(self, group: Group) -> None:
        listener = state.listening
        super().__init__({key: listener.hyper(group, key) for key in group})
        self.group = group


def _heard(group: Group) -> Group:
    return group if state.listening is None else Heard(group)


def _unheard(group: Group) -> Group:
    return group.group if isinstance(group, Heard) else group


def _remember(held: dict[str, Any], name: str, value: Any) -> None:
    """Begin to remember a value; a trace makes it a leaf, which is there at the next call."""
    if state.listening is not None:
        before = held.get(name)
        state.listening.on_failure(
            lambda: held.pop(name) if before is None else held.update({name: before})
        )
        value = state.listening.born(value)
    held[name] = value


def _number(leaf: Any) -> Any:
    """A count as a float64 number; while a step is traced, the leaf that will hold it."""
    return leaf if state.listening is not None else leaf.value.item()


def _with_decay(w: Any, g: Any, decay: float, group: Group) -> tuple[Any, Any]:
    """`w` and `g` with weight decay: in the gradient, or apart from it."""
    if group.get("decoupled_weight_decay"):
        return w * (1 - group["lr"] * decay), g
    return w, g + decay * w


def _shrunk(w: Any, amount: float) -> Any:
    """Each weight nearer to zero by `amount`, but not past it."""
    return w - w.clamp(-amount, amount)
