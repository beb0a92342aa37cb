"""Derivatives of functions at given inputs: Jacobians, Hessians and their products with vectors.

`func` takes one tensor, or as many as `inputs` has, and returns one tensor or several.  Results
have no history unless create_graph=True.  With strict=True an output that does not depend on an
input is an error and not a zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..tensors.creation import coerced
from ..tensors.state import enable_grad
from ..tensors.tensor import Tensor
from ..types import ShapeError
from .derivatives import grad

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]


def vjp(func, inputs, v=None, create_graph=False, strict=False) -> tuple:
    """(outputs, v' J): the derivatives of outputs, weighted by `v`, by each input."""
    xs, ys = _called(func, inputs, create_graph)
    found = _pulled(ys, xs, _vector(v, ys, "v", "outputs"), create_graph, strict)
    return _like(ys, ys.single, create_graph), _like(found, xs.single, create_graph)


def jvp(func, inputs, v=None, create_graph=False, strict=False) -> tuple:
    """(outputs, J v): how outputs change when inputs move along `v`.

    Worked by two passes back: u' J is linear in u, and its derivative along v is J v.
    """
    xs, ys = _called(func, inputs, True)
    direction = _vector(v, xs, "v", "inputs")
    with enable_grad():
        us = Several([y.new_zeros(y.shape).requires_grad_() for y in ys], ys.single)
        pulled = _pulled(ys, xs, us, True, strict)
    linked = [(g, d) for g, d in zip(pulled, direction) if g.requires_grad]
    if linked:
        found = grad(
            [g for g, _ in linked], us, [d for _, d in linked], None, create_graph,
            materialize_grads=True,
        )  # fmt: skip
    else:
        found = tuple(u.detach() for u in us)
    return _like(ys, ys.single, create_graph), _like(found, ys.single, create_graph)


def jacobian(
    func, inputs, create_graph=False, strict=False, vectorize=False, strategy="reverse-mode"
) -> Any:
    """d output / d input: [*output, *input], a tuple over outputs of tuples over inputs."""
    xs, ys = _called(func, inputs, create_graph)
    rows = tuple(_like(_rows(y, xs, create_graph, strict), xs.single, create_graph) for y in ys)
    return rows[0] if ys.single else rows


def hessian(
    func, inputs, create_graph=False, strict=False, vectorize=False,
    outer_jacobian_strategy="reverse-mode",
) -> Any:  # fmt: skip
    """Second derivatives of a function of one number: [*input, *other], a tuple of tuples."""
    return jacobian(_slope(func, isinstance(inputs, Tensor)), inputs, create_graph, strict)


def vhp(func, inputs, v=None, create_graph=False, strict=False) -> tuple:
    """(output, v' H): the derivative of the slope along `v`."""
    xs, ys = _called(func, inputs, True)
    _one_number(ys)
    direction = _vector(v, xs, "v", "inputs")
    slopes = Several(_pulled(ys, xs, Several([None], True), True, strict), xs.single)
    found = _pulled(slopes, xs, direction, create_graph, strict)
    return _like(ys, True, create_graph), _like(found, xs.single, create_graph)


def hvp(func, inputs, v=None, create_graph=False, strict=False) -> tuple:
    """(output, H v): the same as v' H, since second derivatives are symmetric."""
    return vhp(func, inputs, v, create_graph, strict)


# ---- shared


class Several(list):
    """Tensors, and whether the user gave or wants a single one."""

    def __init__(self, tensors: Any, single: bool) -> None:
        super().__init__(tensors)
        self.single = single


def _called(func: Callable, inputs: Any, keep: bool) -> tuple[Several, Several]:
    """Inputs as new starts for gradients, and what `func` makes of them."""
    single = not isinstance(inputs, (tuple, list))
    given = [inputs] if single else inputs
    xs = Several([_start(coerced(x), keep) for x in given], single)
    with enable_grad():
        made = func(*xs)
    if not isinstance(made, (Tensor, tuple, list)):
        raise TypeError(f"the function must return tensors, not a {type(made).__name__}")
    single = isinstance(made, Tensor)
    return xs, Several([made] if single else made, single)


def _start(x: Tensor, keep: bool) -> Tensor:
    return x * 1 if keep and x.requires_grad else x.detach().requires_grad_()


def _vector(v: Any, tensors: Several, name: str, what: str) -> Several:
    """`v` with a tensor for each of `tensors`; ones for a single number."""
    if v is None:
        if len(tensors) != 1 or tensors[0].numel() != 1:
            raise RuntimeError(f"{name} can be left out for {what} of one number only")
        return Several([tensors[0].new_ones(tensors[0].shape)], True)
    listed = [coerced(x) for x in (v if isinstance(v, (tuple, list)) else [v])]
    if [x.shape for x in listed] != [x.shape for x in tensors]:
        given, wanted = (", ".join(str(x.type_) for x in xs) for xs in (listed, tensors))
        raise ShapeError(f"{name} has the shapes of the {what}, {wanted}, and got {given}")
    return Several(listed, tensors.single)


def _pulled(ys: Several, xs: Several, seeds: Several, create_graph: bool, strict: bool) -> tuple:
    """The gradients of `ys`, weighted by `seeds`, by each of `xs`; zeros where there are none."""
    pairs = [(y, s) for y, s in zip(ys, seeds) if y.requires_grad]
    if strict and len(pairs) < len(ys):
        raise RuntimeError("strict: an output does not depend on the inputs")
    if not pairs:
        return tuple(x.new_zeros(x.shape) for x in xs)
    found = grad(
        [y for y, _ in pairs], xs, [s for _, s in pairs], True, create_graph, allow_unused=True
    )
    if strict and any(g is None for g in found):
        raise RuntimeError("strict: the outputs do not depend on one of the inputs")
    return tuple(x.new_zeros(x.shape) if g is None else g for g, x in zip(found, xs))


def _rows(y: Tensor, xs: Several, create_graph: bool, strict: bool) -> tuple:
    """For each input the derivatives of all elements of one output."""
    one = Several([y], True)
    found = []
    for place in range(y.numel()):
        unit = y.new_zeros(y.shape)
        unit.value.reshape(-1)[place] = 1
        found.append(_pulled(one, xs, Several([unit], True), create_graph, strict))
    return tuple(
        _stacked([row[i] for row in found], x).reshape((*y.shape, *x.shape))
        for i, x in enumerate(xs)
    )


def _stacked(rows: list[Tensor], x: Tensor) -> Tensor:
    if not rows:
        return x.new_zeros((0, *x.shape))
    first, *others = (row.reshape((1, *x.shape)) for row in rows)
    return first.join(others, 0)


def _slope(func: Callable, single: bool) -> Callable:
    """The function that gives the gradient of `func`."""

    def slope(*xs: Tensor) -> Any:
        y = func(*xs)
        _one_number(Several([y] if isinstance(y, Tensor) else y, True))
        found = _pulled(Several([y], True), Several(xs, single), Several([None], True), True, False)
        return found[0] if single else found

    return slope


def _one_number(ys: Several) -> None:
    if len(ys) != 1 or ys[0].numel() != 1:
        listed = ", ".join(str(y.type_) for y in ys)
        raise RuntimeError(
            f"second derivatives need a function of one number, and it gave {listed}"
        )


def _like(tensors: Iterable[Tensor], single: bool, keep: bool) -> Any:
    """One tensor or a tuple, without history unless that is wanted."""
    made = tuple(tensors) if keep else tuple(x.detach() for x in tensors)
    return made[0] if single else made
