"""Rules held against finite differences: `gradcheck` and `gradgradcheck`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..tensors.creation import coerced
from ..tensors.tensor import Tensor
from .derivatives import grad, listed


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
        wanted = [x for x in given if x.requires_grad]
        return grad(
            found, wanted, seeds, create_graph=True, allow_unused=True, materialize_grads=True
        )

    assert wanted, "no input requires a gradient"
    return gradcheck(first, inputs, eps, atol, rtol, raise_exception)


def _outputs(func: Callable, inputs: Sequence[Any]) -> list[Any]:
    return [y for y in listed(func(*inputs)) if y.requires_grad]


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
