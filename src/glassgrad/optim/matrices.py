"""Rules that see a parameter as a matrix: Adafactor and Muon."""

from __future__ import annotations

import numpy as np

from ..tensors.creation import zeros_like
from .numbers import smaller
from .parameters import hyperparameters
from .rule import Rule


class Adafactor(Rule):
    """Adam without momentum, its mean squares kept as row times column (Shazeer and Stern 2018).

    r <- r + t^beta2_decay (mean of g^2 in each row - r);  c likewise for columns
    u = g / sqrt(r c / mean r), with v for r c / mean r where w is a vector
    w <- (1 - lr weight_decay) w - max(eps[1], rms w) min(lr, 1 / sqrt t) u / max(1, rms u / d)
    """

    def __init__(
        self,
        params,
        lr=1e-2,
        beta2_decay=-0.8,
        eps=(None, 1e-3),
        d=1.0,
        weight_decay=0.0,
        *,
        foreach=None,
        maximize=False,
    ):
        super().__init__(params, hyperparameters(locals()))

    def init(self, w):
        if len(w.shape) < 2:
            return {"variance": zeros_like(w)}
        return {"row_var": zeros_like(w[..., :1]), "col_var": zeros_like(w[..., :1, :])}

    def update(self, w, g, state, *, t, lr, beta2_decay, eps, d, weight_decay):
        least = np.finfo(w.dtype).eps.item() if eps[0] is None else eps[0]
        weight, square = t**beta2_decay, g * g
        if "variance" in state:
            v = state["variance"].lerp(square, weight)
            new = {"variance": v}
        else:
            r = state["row_var"].lerp(square.mean(-1, keepdim=True), weight)
            c = state["col_var"].lerp(square.mean(-2, keepdim=True), weight)
            v = r @ c / r.mean(-2, keepdim=True).clamp(min=least)
            new = {"row_var": r, "col_var": c}
        u = g * v.clamp(min=least * least).rsqrt()
        step = root_mean_square(w).maximum(eps[1]) * smaller(t**-0.5, lr)
        clip = (root_mean_square(u) / d).maximum(1.0)
        return w * (1 - lr * weight_decay) - step / clip * u, new


class Muon(Rule):
    """Momentum whose matrix is brought close to an orthogonal one (Jordan and others 2024).

    b <- momentum b + (1 - momentum) g;   u = b, or with nesterov  momentum b + (1 - momentum) g
    w <- (1 - lr weight_decay) w - lr s orthogonal(u);   s = sqrt(max(1, rows / columns)), or,
    with adjust_lr_fn="match_rms_adamw",  0.2 sqrt(max(rows, columns))

    It is for the matrices of hidden layers; ValueError for other parameters.
    """

    def __init__(
        self,
        params,
        lr=1e-3,
        weight_decay=0.1,
        momentum=0.95,
        nesterov=True,
        ns_coefficients=(3.4445, -4.775, 2.0315),
        eps=1e-7,
        ns_steps=5,
        adjust_lr_fn=None,
    ):
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            choices = "None, 'original' or 'match_rms_adamw'"
            raise ValueError(f"Muon: adjust_lr_fn is {choices}, not {adjust_lr_fn!r}")
        if len(ns_coefficients) != 3 or ns_steps >= 100:
            raise ValueError("Muon takes three ns_coefficients and fewer than 100 ns_steps")
        super().__init__(params, hyperparameters(locals()))

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        for w in self.param_groups[-1]["params"]:
            if len(w.shape) != 2:
                self.param_groups.pop()
                raise ValueError(
                    f"Muon takes matrices, and a parameter is {w.type_}; use AdamW for it"
                )

    def init(self, w):
        return {"momentum_buffer": zeros_like(w)}

    def update(
        self,
        w,
        g,
        state,
        *,
        lr,
        weight_decay,
        momentum,
        nesterov,
        ns_coefficients,
        eps,
        ns_steps,
        adjust_lr_fn,
    ):
        b = state["momentum_buffer"].lerp(g, 1 - momentum)
        u = g.lerp(b, momentum) if nesterov else b
        rows, columns = w.shape
        if adjust_lr_fn == "match_rms_adamw":
            s = 0.2 * max(rows, columns) ** 0.5
        else:
            s = max(1, rows / columns) ** 0.5
        step = lr * s * orthogonal(u, ns_coefficients, ns_steps, eps)
        return w * (1 - lr * weight_decay) - step, {"momentum_buffer": b}


def root_mean_square(x):
    """sqrt(mean(x^2))."""
    return (x * x).mean().sqrt()


def orthogonal(u, coefficients, steps, eps):
    """U V' of u = U S V', nearly: singular values come near 1 by Newton-Schulz iteration.

    x <- a x + (b x x' + c (x x')^2) x,  from  x = u / |u|
    """
    a, b, c = coefficients
    x = u.T if u.shape[0] > u.shape[1] else u
    x = x / (x * x).sum().sqrt().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if u.shape[0] > u.shape[1] else x
