"""Rules that give each weight a step size of its own, from the gradients that it has seen."""

from __future__ import annotations

from ..tensors.creation import full_like, zeros_like
from .parameters import hyperparameters
from .rule import Rule


class Adagrad(Rule):
    """Steps scaled by all gradients so far (Duchi, Hazan and Singer 2011).

    s <- s + g^2;   w <- w - lr_t g / (sqrt(s) + eps),   lr_t = lr / (1 + (t - 1) lr_decay)
    """

    def __init__(
        self,
        params,
        lr=1e-2,
        lr_decay=0,
        weight_decay=0,
        initial_accumulator_value=0,
        eps=1e-10,
        foreach=None,
        *,
        maximize=False,
        differentiable=False,
        fused=None,
        l1=0,
    ):
        super().__init__(params, hyperparameters(locals()))

    def init(self, w, *, initial_accumulator_value):
        return {"sum": full_like(w, initial_accumulator_value)}

    def update(self, w, g, state, *, t, lr, lr_decay, eps):
        s = state["sum"] + g * g
        lr_t = lr / (1 + (t - 1) * lr_decay)
        return w - lr_t * g / (s.sqrt() + eps), {"sum": s}


class Adadelta(Rule):
    """Steps in the units of the weights (Zeiler 2012, algorithm 1).

    v <- rho v + (1 - rho) g^2;   d = sqrt(u + eps) / sqrt(v + eps) g
    u <- rho u + (1 - rho) d^2;   w <- w - lr d
    """

    def __init__(
        self,
        params,
        lr=1.0,
        rho=0.9,
        eps=1e-6,
        weight_decay=0,
        foreach=None,
        *,
        capturable=False,
        maximize=False,
        differentiable=False,
        l1=0,
    ):
        super().__init__(params, hyperparameters(locals()))

    def init(self, w):
        return {"square_avg": zeros_like(w), "acc_delta": zeros_like(w)}

    def update(self, w, g, state, *, t, lr, rho, eps):
        v, u = state["square_avg"], state["acc_delta"]
        v = rho * v + (1 - rho) * g * g
        d = (u + eps).sqrt() / (v + eps).sqrt() * g
        u = rho * u + (1 - rho) * d * d
        return w - lr * d, {"square_avg": v, "acc_delta": u}


class RMSprop(Rule):
    """Steps scaled by a mean of squares (Hinton 2012); centered: by a variance (Graves 2013).

    v <- alpha v + (1 - alpha) g^2;   centered:  a <- alpha a + (1 - alpha) g,  v - a^2 for v below
    w <- w - lr b,   b = g / (sqrt(v) + eps), with momentum:  b <- momentum b + g / (sqrt(v) + eps)
    """

    def __init__(
        self,
        params,
        lr=1e-2,
        alpha=0.99,
        eps=1e-8,
        weight_decay=0,
        momentum=0,
        centered=False,
        capturable=False,
        foreach=None,
        maximize=False,
        differentiable=False,
        *,
        l1=0,
    ):
        super().__init__(params, hyperparameters(locals()))

    def init(self, w, *, momentum, centered):
        wanted = {"square_avg": True, "momentum_buffer": momentum, "grad_avg": centered}
        return {name: zeros_like(w) for name, used in wanted.items() if used}

    def update(self, w, g, state, *, t, lr, alpha, eps, momentum, centered):
        v = alpha * state["square_avg"] + (1 - alpha) * g * g
        new = {"square_avg": v}
        if centered:
            a = new["grad_avg"] = alpha * state["grad_avg"] + (1 - alpha) * g
            v = v - a * a
        b = g / (v.sqrt() + eps)
        if momentum:
            b = new["momentum_buffer"] = momentum * state["momentum_buffer"] + b
        return w - lr * b, new


class Rprop(Rule):
    """Step sizes that grow while the sign of the derivative stays (Riedmiller and Braun 1993).

    s <- s etas[1] where the sign of g stayed, s etas[0] where it turned; within step_sizes
    w <- w - s sign(g), but w stays where the sign turned
    """

    def __init__(
        self,
        params,
        lr=1e-2,
        etas=(0.5, 1.2),
        step_sizes=(1e-6, 50),
        *,
        capturable=False,
        foreach=None,
        maximize=False,
        differentiable=False,
    ):
        super().__init__(params, hyperparameters(locals()))

    def init(self, w, *, lr):
        return {"prev": zeros_like(w), "step_size": full_like(w, lr)}

    def update(self, w, g, state, *, t, etas, step_sizes):
        agreement = (g * state["prev"]).sign()
        turned = agreement < 0
        s = state["step_size"]
        s = (s * etas[0]).where(turned, (s * etas[1]).where(agreement > 0, s)).clamp(*step_sizes)
        g = g.masked_fill(turned, 0)
        return w - s * g.sign(), {"prev": g, "step_size": s}
