"""Adam and its family: steps along a mean of gradients, scaled by a mean of their squares."""

from __future__ import annotations

from ..tensors.creation import zeros_like
from .numbers import either, larger
from .parameters import hyperparameters
from .rule import Rule


class Adam(Rule):
    """Steps scaled by running moments of the gradient (Kingma and Ba 2015, algorithm 1).

    m <- beta1 m + (1 - beta1) g;   v <- beta2 v + (1 - beta2) g^2
    w <- w - lr m_hat / (sqrt(v_hat) + eps),  m_hat = m / (1 - beta1^t),  v_hat = v / (1 - beta2^t)
    amsgrad:  the largest v so far for v in v_hat (Reddi, Kale and Kumar 2018)
    """

    def __init__(
        self,
        params,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0,
        amsgrad=False,
        *,
        foreach=None,
        maximize=False,
        capturable=False,
        differentiable=False,
        fused=None,
        decoupled_weight_decay=False,
        l1=0,
    ):
        super().__init__(params, hyperparameters(locals()))

    def init(self, w, *, amsgrad):
        state = {"exp_avg": zeros_like(w), "exp_avg_sq": zeros_like(w)}
        return {**state, "max_exp_avg_sq": zeros_like(w)} if amsgrad else state

    def update(self, w, g, state, *, t, lr, betas, eps, amsgrad):
        beta1, beta2 = betas
        m = beta1 * state["exp_avg"] + (1 - beta1) * g
        v = beta2 * state["exp_avg_sq"] + (1 - beta2) * g * g
        new = {"exp_avg": m, "exp_avg_sq": v}
        if amsgrad:
            v = new["max_exp_avg_sq"] = v.maximum(state["max_exp_avg_sq"])
        v_hat = v / (1 - beta2**t)
        return w - lr / (1 - beta1**t) * m / (v_hat.sqrt() + eps), new


class AdamW(Adam):
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019, algorithm 2).

    w <- (1 - lr weight_decay) w,   then Adam's step
    """

    def __init__(
        self,
        params,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=1e-2,
        amsgrad=False,
        *,
        maximize=False,
        foreach=None,
        capturable=False,
        differentiable=False,
        fused=None,
        l1=0,
    ):
        given = hyperparameters(locals())
        super().__init__(params, **given, decoupled_weight_decay=True)


class Adamax(Rule):
    """Adam with the largest gradient for the mean square (Kingma and Ba 2015, algorithm 2).

    m <- beta1 m + (1 - beta1) g;   u <- max(beta2 u, |g| + eps)
    w <- w - lr / (1 - beta1^t) m / u
    """

    def __init__(
        self,
        params,
        lr=2e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0,
        foreach=None,
        *,
        maximize=False,
        differentiable=False,
        capturable=False,
        l1=0,
    ):
        super().__init__(params, hyperparameters(locals()))

    def init(self, w):
        return {"exp_avg": zeros_like(w), "exp_inf": zeros_like(w)}

    def update(self, w, g, state, *, t, lr, betas, eps):
        beta1, beta2 = betas
        m = beta1 * state["exp_avg"] + (1 - beta1) * g
        u = (beta2 * state["exp_inf"]).maximum(g.abs() + eps)
        return w - lr / (1 - beta1**t) * m / u, {"exp_avg": m, "exp_inf": u}


class NAdam(Rule):
    """Adam with Nesterov's momentum (Dozat 2016).

    mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2);   m and v as in Adam
    m_hat = mu_{t+1} m / (1 - mu_1 ... mu_{t+1}) + (1 - mu_t) g / (1 - mu_1 ... mu_t)
    w <- w - lr m_hat / (sqrt(v_hat) + eps)
    """

    common = {"t": ("step", 0.0), "mu_product": ("mu_product", 1.0)}

    def __init__(
        self,
        params,
        lr=2e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0,
        momentum_decay=4e-3,
        decoupled_weight_decay=False,
        *,
        foreach=None,
        maximize=False,
        capturable=False,
        differentiable=False,
        l1=0,
    ):
        super().__init__(params, hyperparameters(locals()))

    def init(self, w):
        return {"exp_avg": zeros_like(w), "exp_avg_sq": zeros_like(w)}

    def advance(self, common, *, betas, momentum_decay):
        t = common["t"] + 1
        mu = betas[0] * (1 - 0.5 * 0.96 ** (t * momentum_decay))
        return {"t": t, "mu_product": common["mu_product"] * mu}

    def update(self, w, g, state, *, t, mu_product, lr, betas, eps, momentum_decay):
        beta1, beta2 = betas
        mu, mu_next = (beta1 * (1 - 0.5 * 0.96 ** (s * momentum_decay)) for s in (t, t + 1))
        m = beta1 * state["exp_avg"] + (1 - beta1) * g
        v = beta2 * state["exp_avg_sq"] + (1 - beta2) * g * g
        v_hat = v / (1 - beta2**t)
        m_hat = mu_next / (1 - mu_product * mu_next) * m + (1 - mu) / (1 - mu_product) * g
        return w - lr * m_hat / (v_hat.sqrt() + eps), {"exp_avg": m, "exp_avg_sq": v}


class RAdam(Rule):
    """Adam that scales only when the mean square is reliable (Liu and others 2020, algorithm 2).

    m, v as in Adam;  rho_inf = 2 / (1 - beta2) - 1;  rho = rho_inf - 2 t beta2^t / (1 - beta2^t)
    rho <= 5:  w <- w - lr m_hat;   else  w <- w - lr r m_hat sqrt(1 - beta2^t) / (sqrt(v) + eps),
    r^2 = (rho - 4) (rho - 2) rho_inf / ((rho_inf - 4) (rho_inf - 2) rho)
    """

    def __init__(
        self,
        params,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0,
        decoupled_weight_decay=False,
        *,
        foreach=None,
        maximize=False,
        capturable=False,
        differentiable=False,
        l1=0,
    ):
        super().__init__(params, hyperparameters(locals()))

    def init(self, w):
        return {"exp_avg": zeros_like(w), "exp_avg_sq": zeros_like(w)}

    def update(self, w, g, state, *, t, lr, betas, eps):
        beta1, beta2 = betas
        m = beta1 * state["exp_avg"] + (1 - beta1) * g
        v = beta2 * state["exp_avg_sq"] + (1 - beta2) * g * g
        rho_inf = 2 / (1 - beta2) - 1
        rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
        scale = rectification(larger(rho, 5), larger(rho_inf, 5)) * (1 - beta2**t) ** 0.5
        step = lr / (1 - beta1**t) * m
        step = either(rho > 5, step * scale / (v.sqrt() + eps), step)
        return w - step, {"exp_avg": m, "exp_avg_sq": v}


def rectification(rho, rho_inf):
    """How far a mean square of `rho` degrees of freedom can be trusted: r of RAdam, rho >= 5."""
    return ((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)) ** 0.5
