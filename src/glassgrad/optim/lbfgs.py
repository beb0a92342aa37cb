"""L-BFGS: steps along the gradient times an estimate of the inverse Hessian, made of past steps.

The loop stands in Python, and its numbers are Python floats; vectors are tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensors.functions import cat
from ..tensors.state import enable_grad, no_grad
from .line_search import Point, Search, strong_wolfe
from .optimizer import Optimizer
from .parameters import hyperparameters


class LBFGS(Optimizer):
    """Limited-memory BFGS (Nocedal 1980; Liu and Nocedal 1989); `step` needs a closure.

    w <- w + t d,  d = -H g;  H follows from the last `history_size` steps s and the changes y of
    the gradient;  t is lr, or found by a line search with the strong Wolfe conditions.

        def closure():
            optimizer.zero_grad()
            loss = criterion(net(features), labels)
            loss.backward()
            return loss

        optimizer.step(closure)
    """

    def __init__(
        self,
        params,
        lr=1,
        max_iter=20,
        max_eval=None,
        tolerance_grad=1e-7,
        tolerance_change=1e-9,
        history_size=100,
        line_search_fn=None,
    ):
        if max_eval is None:
            max_eval = max_iter * 5 // 4
        if line_search_fn not in (None, "strong_wolfe"):
            given = repr(line_search_fn)
            raise ValueError(f"LBFGS: line_search_fn is None or 'strong_wolfe', not {given}")
        super().__init__(params, hyperparameters(locals()))

    def add_param_group(self, param_group):
        if self.param_groups:
            raise ValueError("LBFGS keeps one group of parameters, as their gradient is one vector")
        super().add_param_group(param_group)

    def step(self, closure: Callable | None = None) -> Any:
        """Up to `max_iter` steps; `closure` computes the loss anew, with its gradients."""
        if closure is None:
            raise TypeError(
                "LBFGS evaluates the loss several times: write step(closure), where closure() "
                "calls zero_grad() and backward() and returns the loss"
            )
        with no_grad():
            return self._iterate(enable_grad(closure))

    def _iterate(self, closure: Callable) -> Any:
        group, state = self.param_groups[0], self._memory()
        first = closure()
        state["func_evals"] += 1
        here = Point(0.0, float(first), self._gradient(), 0.0)
        evaluations = 1
        for iteration in range(1, group["max_iter"] + 1):
            if _largest(here.gradient) <= group["tolerance_grad"]:
                break
            before = here
            _turn(state, before, group)
            before = before._replace(t=0.0, slope=before.gradient.dot(state["d"]).item())
            if before.slope > -group["tolerance_change"]:
                break
            here, used = self._move(closure, before, evaluations, iteration)
            evaluations += used
            state["func_evals"] += used
            step = _largest(state["d"] * state["t"])
            if evaluations >= group["max_eval"] or step <= group["tolerance_change"]:
                break
            if abs(here.loss - before.loss) < group["tolerance_change"]:
                break
        return first

    def _memory(self) -> dict[str, Any]:
        """What is remembered, with PyTorch's names, as the state of the first parameter."""
        state = self.state[self.param_groups[0]["params"][0]]
        if not state:
            state.update(func_evals=0, n_iter=0, old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
        return state

    def _move(self, closure: Callable, start: Point, evaluations: int, iteration: int):
        """Go along the direction, by a line search or by lr: the point reached, and evaluations."""
        group, state = self.param_groups[0], self._memory()
        if group["line_search_fn"] == "strong_wolfe":
            limit = group["max_eval"] - evaluations
            search = Search(self._along(closure, state["d"]), start, _largest(state["d"]), limit)
            point, used = strong_wolfe(search, state["t"])
            state["t"] = point.t
            self._add(point.t * state["d"])
            return point, used
        self._add(state["t"] * state["d"])
        if iteration == group["max_iter"]:
            return start, 0
        return Point(0.0, float(closure()), self._gradient(), 0.0), 1

    def _along(self, closure: Callable, d: Any) -> Callable[[float], Point]:
        """A function that evaluates the loss at t along `d`; parameters are then as before."""
        parameters = self.param_groups[0]["params"]

        def evaluate(t: float) -> Point:
            before = [w.clone() for w in parameters]
            self._add(t * d)
            loss, gradient = float(closure()), self._gradient()
            for w, old in zip(parameters, before):
                w.assign(old)
            return Point(t, loss, gradient, gradient.dot(d).item())

        return evaluate

    def _gradient(self) -> Any:
        """The gradients of all parameters as one vector; zeros where there is none."""
        parameters = self.param_groups[0]["params"]
        return cat(
            [w.new_zeros(w.numel()) if w.grad is None else w.grad.reshape(-1) for w in parameters]
        )

    def _add(self, change: Any) -> None:
        """Add a vector to all parameters."""
        offset = 0
        for w in self.param_groups[0]["params"]:
            part = change[offset : offset + w.numel()]
            w.assign(w + part.reshape(w.shape))
            offset += w.numel()


def _turn(state: dict[str, Any], here: Point, group: dict[str, Any]) -> None:
    """The next direction `d` and the first step size `t` to try along it."""
    g, lr = here.gradient, group["lr"]
    state["n_iter"] += 1
    if state["n_iter"] == 1:
        state["d"], state["t"] = -g, min(1.0, 1 / g.abs().sum().item()) * lr
    else:
        _remember(
            state, g - state["prev_flat_grad"], state["d"] * state["t"], group["history_size"]
        )
        state["d"], state["t"] = _newton_direction(state, g), lr
    state["prev_flat_grad"], state["prev_loss"] = g, here.loss


def _remember(state: dict[str, Any], y: Any, s: Any, size: int) -> None:
    """Keep a step s and its change of the gradient y if the loss curves upwards between them."""
    curvature = y.dot(s).item()
    if curvature <= 1e-10:
        return
    for name, new in (("old_dirs", y), ("old_stps", s), ("ro", 1 / curvature)):
        state[name] = [*state[name], new][-size:]
    state["H_diag"] = curvature / y.dot(y).item()


def _newton_direction(state: dict[str, Any], g: Any) -> Any:
    """-H g by the two loops of Nocedal 1980."""
    pairs = list(zip(state["old_dirs"], state["old_stps"], state["ro"]))
    weights = []
    q = -g
    for y, s, rho in reversed(pairs):
        weights.append(rho * s.dot(q).item())
        q = q - weights[-1] * y
    d = q * state["H_diag"]
    for (y, s, rho), weight in zip(pairs, reversed(weights)):
        d = d + (weight - rho * y.dot(d).item()) * s
    return d


def _largest(x: Any) -> float:
    return x.abs().max().item()
