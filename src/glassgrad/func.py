"""Derivatives of functions: `grad`, `jvp`, `vjp`, Jacobians and Hessians, as in torch.func.

Functions take and return tensors; nothing is written into anybody's `grad`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .autograd import grad as gradient_of
from .tensors.creation import coerced
from .tensors.state import enable_grad
from .tensors.tensor import Tensor

__all__ = ["grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "vjp"]


def grad(func: Callable, argnums: Any = 0, has_aux: bool = False) -> Callable:
    """The function that gives the gradient of `func`, which returns one number."""

    def gradient(*args: Any) -> Any:
        found, _, aux = _closed(_grad_value_aux(func, argnums, has_aux, args), args)
        return (found, aux) if has_aux else found

    return gradient


def grad_and_value(func: Callable, argnums: Any = 0, has_aux: bool = False) -> Callable:
    """The function that gives the gradient of `func` and its value."""

    def both(*args: Any) -> Any:
        found, value, aux = _closed(_grad_value_aux(func, argnums, has_aux, args), args)
        return (found, (value, aux)) if has_aux else (found, value)

    return both


def vjp(func: Callable, *primals: Any, has_aux: bool = False) -> Any:
    """(output, function): the function takes a cotangent v and gives v' J for each primal."""
    leaves = [_leaf(p) for p in primals]
    with enable_grad():
        result = func(*leaves)
    output, aux = result if has_aux else (result, None)

    def pull(cotangent: Any) -> tuple:
        return gradient_of(
            output,
            leaves,
            coerced(cotangent),
            retain_graph=True,
            create_graph=True,
            materialize_grads=True,
        )

    return (output, pull, aux) if has_aux else (output, pull)


def jvp(func: Callable, primals: tuple, tangents: tuple, has_aux: bool = False) -> Any:
    """(output, J t): the forward derivative along the direction `tangents` (row R5).

    Worked by two passes of reverse mode: v' J is linear in v, and its derivative along t is J t.
    """
    if len(primals) != len(tangents):
        raise ValueError(
            f"jvp takes one tangent for each primal, not {len(tangents)} for {len(primals)}"
        )
    leaves = [_leaf(p) for p in primals]
    with enable_grad():
        result = func(*leaves)
        output, aux = result if has_aux else (result, None)
        v = output.new_ones(output.shape, requires_grad=True)
        if output.requires_grad:
            pulled = gradient_of(
                output, leaves, v, retain_graph=True, create_graph=True, materialize_grads=True
            )
            along = sum((g * coerced(t).to(g.dtype)).sum() for g, t in zip(pulled, tangents))
    if output.requires_grad and along.requires_grad:
        tangent = gradient_of(along, v, create_graph=True, materialize_grads=True)[0]
    else:
        tangent = output.new_zeros(output.shape)
    output, tangent = _closed((output, tangent), primals + tangents)
    return (output, tangent, aux) if has_aux else (output, tangent)


def jacrev(func: Callable, argnums: int = 0) -> Callable:
    """The function that gives d output / d input: [*output, *input], a row at a time."""

    def jacobian(*args: Any) -> Any:
        args = tuple(map(coerced, args))
        x = _leaf(args[argnums])
        with enable_grad():
            y = func(*args[:argnums], x, *args[argnums + 1 :])
        rows = [_row(y, x, place) for place in range(y.numel())]
        if not rows:
            return y.new_zeros((*y.shape, *x.shape))
        first, *others = (r.reshape((1, *x.shape)) for r in rows)
        return _closed(first.join(others, 0).reshape((*y.shape, *x.shape)), args)

    return jacobian


def jacfwd(func: Callable, argnums: int = 0) -> Callable:
    """The same Jacobian, a column at a time by forward derivatives."""

    def jacobian(*args: Any) -> Any:
        args = tuple(map(coerced, args))
        x = args[argnums]

        def along(t):
            return jvp(lambda p: func(*args[:argnums], p, *args[argnums + 1 :]), (x,), (t,))[1]

        columns = [along(_unit(x, place)) for place in range(x.numel())]
        first, *others = (c.reshape((*c.shape, 1)) for c in columns)
        return first.join(others, -1).reshape((*first.shape[:-1], *x.shape))

    return jacobian


def hessian(func: Callable, argnums: int = 0) -> Callable:
    """The function that gives the second derivatives of `func`, which returns one number."""
    return jacrev(grad(func, argnums), argnums)


# ---- shared


def _leaf(x: Any) -> Tensor:
    """A new start for gradients; within derivatives a tensor stays in the graph that it has."""
    x = coerced(x)
    if x.requires_grad:
        return x * 1
    return x.detach().requires_grad_()


def _closed(result: Any, args: Any) -> Any:
    """`result` without history, unless an argument belongs to a graph of the caller's."""
    if any(isinstance(a, Tensor) and a.requires_grad for a in args):
        return result
    if isinstance(result, tuple):
        return tuple(_closed(r, args) for r in result)
    return result.detach() if isinstance(result, Tensor) else result


def _grad_value_aux(func: Callable, argnums: Any, has_aux: bool, args: tuple) -> tuple:
    listed = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    given = [_leaf(a) if i in listed else a for i, a in enumerate(args)]
    with enable_grad():
        result = func(*given)
    value, aux = result if has_aux else (result, None)
    if value.numel() != 1:
        raise RuntimeError(
            f"func.grad needs a function of one number as its value and got {value.type_}"
        )
    found = gradient_of(
        value, [given[i] for i in listed], create_graph=True, materialize_grads=True
    )
    return (found[0] if isinstance(argnums, int) else found), value, aux


def _unit(x: Tensor, place: int) -> Tensor:
    seed = x.new_zeros(x.shape)
    seed.value.reshape(-1)[place] = 1
    return seed


def _row(y: Any, x: Any, place: int) -> Any:
    if not y.requires_grad:
        return x.new_zeros(x.shape)
    return gradient_of(
        y, x, _unit(y, place), retain_graph=True, create_graph=True, materialize_grads=True
    )[0]
