"""Rules that step along the gradient itself: SGD with momentum, and SGD with averaging."""

from __future__ import annotations

from ..tensors.creation import tensor, zeros_like
from ..types import float64
from .numbers import larger
from .parameters import hyperparameters
from .rule import Rule


class SGD(Rule):
    """Gradient descent, with momentum (Polyak 1964) or Nesterov's (Sutskever and others 2013).

    b <- momentum b + (1 - dampening) g, at first b = g;   w <- w - lr b
    nesterov:  w <- w - lr (g + momentum b);   without momentum:  w <- w - lr g
    """

    def __init__(
        self,
        params,
        lr=1e-3,
        momentum=0,
        dampening=0,
        weight_decay=0,
        nesterov=False,
        *,
        maximize=False,
        foreach=None,
        differentiable=False,
        fused=None,
        l1=0,
    ):
        super().__init__(params, hyperparameters(locals()))

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        if group["nesterov"] and (group["momentum"] == 0 or group["dampening"] != 0):
            self.param_groups.pop()
            raise ValueError("SGD: nesterov needs momentum > 0 and dampening = 0")

    def init(self, w, *, momentum, dampening):
        return {"momentum_buffer": zeros_like(w)} if momentum and not dampening else {}

    def update(self, w, g, state, *, lr, momentum, dampening, nesterov):
        if not momentum:
            return w.sub(g, alpha=lr), {}
        b = state.get("momentum_buffer")
        if b is None:
            b = g.clone()
        else:
            b = momentum * b + ((1 - dampening) * g if dampening else g)
        step = g + momentum * b if nesterov else b
        return w.sub(step, alpha=lr), {"momentum_buffer": b}


class ASGD(Rule):
    """SGD that averages its weights in the state "ax" (Polyak and Juditsky 1992).

    w <- (1 - lambd eta) w - eta g;   ax <- ax + mu (w - ax)
    eta = lr / (1 + lambd lr t)^alpha;   mu = 1 / max(1, t - t0)
    """

    def __init__(
        self,
        params,
        lr=1e-2,
        lambd=1e-4,
        alpha=0.75,
        t0=1e6,
        weight_decay=0,
        foreach=None,
        maximize=False,
        differentiable=False,
        capturable=False,
        *,
        l1=0,
    ):
        super().__init__(params, hyperparameters(locals()))

    def init(self, w, *, lr):
        eta, mu = tensor(lr, dtype=float64), tensor(1.0, dtype=float64)
        return {"eta": eta, "mu": mu, "ax": zeros_like(w)}

    def update(self, w, g, state, *, t, lr, lambd, alpha, t0):
        eta, mu, ax = state["eta"], state["mu"], state["ax"]
        w = w * (1 - lambd * eta) - eta * g
        ax = ax + mu * (w - ax)
        eta = lr / (1 + lambd * lr * t) ** alpha
        mu = 1 / larger(t - t0, 1)
        return w, {"eta": eta, "mu": mu, "ax": ax}
