"""Hooks of a module: a user's functions that are called before and after it, forward and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..operations.record import Operation
from ..tensors.tensor import Handle, Tensor


@dataclass(frozen=True)
class Hook:
    """A user's function, and how it wants to be called."""

    function: Callable
    with_kwargs: bool = False
    always_call: bool = False

    def __call__(self, module: Any, args: tuple, kwargs: dict, *output: Any) -> Any:
        given = (args, kwargs, *output) if self.with_kwargs else (args, *output)
        return self.function(module, *given)


class Hooks:
    """The hooks of one module, in the order in which they are called."""

    def __init__(self) -> None:
        self.forward_pre: dict[int, Hook] = {}
        self.forward: dict[int, Hook] = {}
        self.backward_pre: dict[int, Hook] = {}
        self.backward: dict[int, Hook] = {}

    def add(self, kind: str, hook: Hook, prepend: bool) -> Handle:
        """Note a hook, last or first of its kind; the handle takes it back."""
        listed = getattr(self, kind)
        earlier = dict(listed) if prepend else {}
        for number in earlier:
            del listed[number]
        handle = Handle(listed, hook)
        listed.update(earlier)
        return handle

    def call(self, module: Any, args: tuple, kwargs: dict) -> Any:
        """`module.forward` with every hook around it."""
        called: set[int] = set()
        try:
            args, kwargs = self._before(module, args, kwargs)
            watch = Watch(module, self) if self.backward or self.backward_pre else None
            args = watch.inputs(args) if watch else args
            output = module.forward(*args, **kwargs)
            output = self._after(module, args, kwargs, output, called)
            return watch.outputs(output) if watch else output
        except Exception:
            for number, hook in list(self.forward.items()):
                if hook.always_call and number not in called:
                    hook(module, args, kwargs, None)
            raise

    def _before(self, module: Any, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        for hook in list(self.forward_pre.values()):
            changed = hook(module, args, kwargs)
            if changed is None:
                continue
            if not hook.with_kwargs:
                args = changed if isinstance(changed, tuple) else (changed,)
            elif isinstance(changed, tuple) and len(changed) == 2:
                args, kwargs = changed
            else:
                raise RuntimeError(
                    "forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                    f"but got {changed}."
                )
        return args, kwargs

    def _after(self, module: Any, args: tuple, kwargs: dict, output: Any, called: set[int]) -> Any:
        for number, hook in list(self.forward.items()):
            called.add(number)
            changed = hook(module, args, kwargs, output)
            output = output if changed is None else changed
        return output


class Passage(Operation):
    """y = x: a place of its own in the graph, where a gradient can be seen going by."""

    name = "passage"
    shares = True

    transparent = True

    def forward(self, x: Any) -> Any:
        return x

    def gradient(self, g: Any, y: Any, x: Any) -> tuple:
        return (g,)


passage = Passage()


class Watch:
    """Sees the gradients of one call of a module go by, and tells its backward hooks.

    A hook hears of the gradients of outputs and inputs together, when the last one is known; it may
    replace the gradient of an input if there is one only that requires it.
    """

    def __init__(self, module: Any, hooks: Hooks) -> None:
        self.module, self.hooks = module, hooks
        self.grad_output: list[Any] = []
        self.grad_input: list[Any] = []
        self.watched = self.missing = 0  # inputs with a passage; those whose gradient is not known
        self.single = False

    def inputs(self, args: tuple) -> tuple:
        """The inputs, each behind a passage."""
        self.grad_input = [None] * len(args)
        watched = tuple(self._watched(x, i, self._input_seen) for i, x in enumerate(args))
        self.watched = self.missing = sum(a is not b for a, b in zip(args, watched))
        return watched

    def outputs(self, output: Any) -> Any:
        """The outputs, each behind a passage."""
        self.single = not isinstance(output, tuple)
        listed = (output,) if self.single else output
        self.grad_output = [None] * len(listed)
        watched = tuple(self._watched(y, i, self._output_seen) for i, y in enumerate(listed))
        return watched[0] if self.single else watched

    def _watched(self, x: Any, place: int, seen: Callable) -> Any:
        if not isinstance(x, Tensor) or not x.requires_grad:
            return x
        y = passage(x)
        if y.requires_grad:
            y.register_hook(lambda g: seen(place, g))
        return y

    def _output_seen(self, place: int, g: Any) -> Any:
        self.grad_output[place] = g
        for hook in list(self.hooks.backward_pre.values()):
            changed = hook.function(self.module, tuple(self.grad_output))
            if changed is not None:
                self.grad_output = list(changed if isinstance(changed, tuple) else (changed,))
        if not self.missing:
            self._tell()
        return self.grad_output[place]

    def _input_seen(self, place: int, g: Any) -> Any:
        self.grad_input[place] = g
        self.missing -= 1
        if self.missing == 0:
            self._tell()
        return self.grad_input[place]

    def _tell(self) -> None:
        """Call the backward hooks with all that was seen."""
        self.missing = self.watched
        for hook in list(self.hooks.backward.values()):
            changed = hook.function(self.module, tuple(self.grad_input), tuple(self.grad_output))
            if changed is None:
                continue
            if sum(g is not None for g in self.grad_input) > 1:
                raise RuntimeError(
                    "a backward hook replaced the gradients of several inputs; it can replace "
                    "that of one. Register hooks on the inputs: x.register_hook(function)"
                )
            self.grad_input = list(changed if isinstance(changed, tuple) else (changed,))
