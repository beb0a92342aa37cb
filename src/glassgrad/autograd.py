"""Gradients asked for by hand: `grad`, the grad modes, a user's own `Function`, `gradcheck`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .operations.record import Operation
from .tensors.creation import coerced
from .tensors.state import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)
from .tensors.tensor import Tensor, Walk

__all__ = [
    "Function", "enable_grad", "grad", "gradcheck", "gradgradcheck", "inference_mode",
    "is_grad_enabled", "no_grad", "set_grad_enabled",
]  # fmt: skip


def grad(
    outputs,
    inputs,
    grad_outputs=None,
    retain_graph=None,
    create_graph=False,
    allow_unused=None,
    materialize_grads=False,
) -> tuple[Any, ...]:
    """d outputs / d inputs, one gradient for each input; `grad` of leaves stays as it is.

    With create_graph=True the gradients are computed tensors themselves, for higher derivatives.
    """
    outputs, inputs = _listed(outputs), _listed(inputs)
    seeds = _listed(grad_outputs) if grad_outputs is not None else [None] * len(outputs)
    for x in inputs:
        if not x.requires_grad:
            raise RuntimeError(f"grad: an input {x.type_} does not require a gradient")
    started: dict[Any, Any] = {}
    for y, seed in zip(outputs, seeds, strict=True):
        g = y._seed(seed, False)
        started[y] = started[y] + g if y in started else g
    retain = create_graph if retain_graph is None else retain_graph
    found = Walk(retain=retain).run(started, create_graph, inputs)
    return tuple(_found(found, x, bool(allow_unused), materialize_grads) for x in inputs)


def _found(found: dict, x: Any, allow_unused: bool, materialize: bool) -> Any:
    if x in found:
        return found[x]
    if materialize:
        return x.new_zeros(x.shape)
    if not allow_unused:
        raise RuntimeError(
            f"grad: an input {x.type_} was not used to compute the outputs; pass allow_unused=True "
            "to get None for it"
        )
    return None


def _listed(tensors: Any) -> list[Any]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


# ---- a user's own function, as in PyTorch


class Context:
    """What `forward` leaves for `backward`."""

    saved_tensors: tuple[Any, ...] = ()
    needs_input_grad: tuple[bool, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors; `ctx.saved_tensors` has them in `backward`."""
        self.saved_tensors = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Accepted as in PyTorch; outputs of integers never have gradients."""

    def set_materialize_grads(self, value: bool) -> None:
        """Accepted as in PyTorch; gradients are always tensors here."""


class Function:
    """Subclass it with static methods forward(ctx, *inputs), backward(ctx, gradient); call `apply`.

    `backward` is written with tensor operators, so that second derivatives work.  One output.
    """

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Any:
        """The output; tensors given come in without history."""
        raise NotImplementedError("a Function needs a static method forward(ctx, *inputs)")

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """One gradient for each input, None where there is none."""
        raise NotImplementedError("a Function needs a static method backward(ctx, gradient)")

    @classmethod
    def apply(cls, *inputs: Any) -> Any:
        """The output of `forward` as a node whose gradient is `backward`."""
        return _Call(cls, inputs)(*(x for x in inputs if isinstance(x, Tensor)))


class _Call(Operation):
    """One application of a Function."""

    def __init__(self, function: type[Function], inputs: tuple) -> None:
        self.name, self.function, self.given = function.__name__, function, inputs
        self.context = Context()
        self.context.needs_input_grad = tuple(
            isinstance(x, Tensor) and x.requires_grad for x in inputs
        )

    def forward(self, *arrays: Any) -> Any:
        with no_grad():
            plain = [x.detach() if isinstance(x, Tensor) else x for x in self.given]
            y = self.function.forward(self.context, *plain)
        saved = self.context.saved_tensors
        pairs = [(p, x) for p, x in zip(plain, self.given) if isinstance(x, Tensor)]
        self.context.saved_tensors = tuple(next((x for p, x in pairs if p is s), s) for s in saved)
        if not isinstance(y, Tensor):
            raise TypeError(f"{self.name}.forward must return one tensor, not a {type(y).__name__}")
        return y.value

    def gradient(self, g: Any, y: Any, *inputs: Any) -> tuple:
        found = self.function.backward(self.context, g)
        listed = found if isinstance(found, tuple) else (found,)
        if len(listed) != len(self.given):
            raise RuntimeError(
                f"{self.name}.backward returned {len(listed)} gradients "
                f"for {len(self.given)} inputs"
            )
        return tuple(gx for gx, x in zip(listed, self.given) if isinstance(x, Tensor))


# ---- checks by finite differences


def gradcheck(
    func: Callable, inputs: Any, eps=1e-6, atol=1e-5, rtol=1e-3, raise_exception=True
) -> bool:
    """Whether every derivative of `func` agrees with finite differences, in float64."""
    inputs = [coerced(x) for x in (inputs if isinstance(inputs, (list, tuple)) else [inputs])]
    for position, x in enumerate(inputs):
        if x.requires_grad and x.dtype != np.float64:
            raise ValueError(f"gradcheck needs float64: input {position} is {x.type_}")
    outputs = _outputs(func, inputs)
    for o, y in enumerate(outputs):
        seed_by_place = [_unit(y, place) for place in range(y.numel())]
        for position, x in enumerate(inputs):
            if not x.requires_grad:
                continue
            exact = [grad(y, x, s, retain_graph=True, allow_unused=True)[0] for s in seed_by_place]
            rows = [np.zeros(x.shape) if g is None else g.value for g in exact]
            found = _differences(func, inputs, position, o, eps)
            for place, row in enumerate(rows):
                if not np.allclose(row, found[place], rtol, atol):
                    if not raise_exception:
                        return False
                    raise RuntimeError(
                        f"gradcheck: output {o}[{place}], input {position}: the rule gives\n{row}\n"
                        f"and finite differences give\n{found[place]}"
                    )
    return True


def gradgradcheck(
    func: Callable,
    inputs: Any,
    grad_outputs=None,
    eps=1e-6,
    atol=1e-5,
    rtol=1e-3,
    raise_exception=True,
) -> bool:
    """`gradcheck` of the gradient of `func`: second derivatives."""
    inputs = [coerced(x) for x in (inputs if isinstance(inputs, (list, tuple)) else [inputs])]
    wanted = [x for x in inputs if x.requires_grad]
    random = np.random.default_rng(0)
    outputs = _outputs(func, inputs)
    seeds = grad_outputs or [Tensor.lift(random.normal(size=y.shape)) for y in outputs]

    def first(*given):
        found = _outputs(func, given)
        listed = [x for x in given if x.requires_grad]
        return grad(
            found, listed, seeds, create_graph=True, allow_unused=True, materialize_grads=True
        )

    assert wanted, "no input requires a gradient"
    return gradcheck(first, inputs, eps, atol, rtol, raise_exception)


def _outputs(func: Callable, inputs: Sequence[Any]) -> list[Any]:
    return [y for y in _listed(func(*inputs)) if y.requires_grad]


def _unit(y: Any, place: int) -> Tensor:
    seed = np.zeros(y.shape)
    seed.reshape(-1)[place] = 1
    return Tensor.lift(seed)


def _differences(func: Callable, inputs: Sequence[Any], position: int, o: int, eps: float) -> Any:
    """d output[place] / d input for every place: [places, *input shape]."""
    x = inputs[position]
    columns = []
    flat = x.value.reshape(-1)
    if not np.shares_memory(flat, x.value) and flat.size:
        raise ValueError("gradcheck needs inputs with elements in order; use x.contiguous()")
    for i in range(flat.size):
        before = flat[i]
        values = []
        for side in (eps, -eps):
            flat[i] = before + side
            values.append(_outputs(func, inputs)[o].value.reshape(-1).copy())
        flat[i] = before
        columns.append((values[0] - values[1]) / (2 * eps))
    rows = np.stack(columns, 1) if columns else np.zeros((0, 0))
    return rows.reshape(-1, *x.shape) if columns else np.zeros((1, *x.shape))
