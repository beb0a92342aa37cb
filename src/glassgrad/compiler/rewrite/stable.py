"""Forms that stay finite where what was written overflows, also in its gradients.

Each is equal in exact arithmetic, and NaN stays NaN: every argument of the pattern that decides the
value stands in the replacement too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from ...operations.elementwise import softplus
from .engine import Settler
from .pattern import VIEWS, Rule, rule
from .simple import RULES


def normal(root: Any) -> Any:
    """A pattern as the simple rules leave it."""
    settler = Settler(RULES)
    return settler.adopted(root)


def stable(name: str, pattern: Any, replacement: Any, only: Any = None) -> Rule:
    """A rule whose pattern is brought into the form that the simple rules leave behind."""
    return rule(name, pattern, replacement, only, normal)


def is_shifted(x: Any) -> bool:
    """Whether a maximum has been taken off already."""
    if x.operation is None or x.operation.name != "sub":
        return False
    largest = x.inputs[1]
    while largest.operation is not None and largest.operation.name in (*VIEWS, "where"):
        largest = largest.inputs[1 if largest.operation.name == "where" else 0]
    return largest.operation is not None and largest.operation.name == "amax"


def shifted(u: Any, *others: Any) -> bool:
    """Whether the exponents of a sum are at most 0, so that the sum is at least 1."""
    return is_shifted(u)


# ---- sigmoid and its logarithm: s = 1 / (1 + e^-x), ln s = -softplus(-x)

LOGISTIC = [
    stable("1 / (1 + e^-x)", lambda x: 1 / ((-x).exp() + 1), lambda x: x.sigmoid()),
    stable("(1 + e^-x)^-1", lambda x: ((-x).exp() + 1).reciprocal(), lambda x: x.sigmoid()),
    stable("1 / (1 + e^x)", lambda x: 1 / (x.exp() + 1), lambda x: (-x).sigmoid()),
    stable("e^x / (1 + e^x)", lambda x: x.exp() / (x.exp() + 1), lambda x: x.sigmoid()),
    stable("ln s", lambda x: x.sigmoid().log(), lambda x: -softplus(-x)),
    stable("ln(1 - s)", lambda x: (1 - x.sigmoid()).log(), lambda x: -softplus(x)),
    stable("ln(1 + -s)", lambda x: (-x.sigmoid()).log1p(), lambda x: -softplus(x)),
]

# Backward leaves (slopes of ln s and of ln(1 - s)) * s * (1 - s), of either sign.
SIGNS: dict[str, Callable] = {"": lambda x: x, "-": lambda x: -x}
LAST: dict[str, Callable] = {"1 - s": lambda x: 1 - x.sigmoid(), "s(-x)": lambda x: (-x).sigmoid()}
SLOPES: dict[str, tuple[Callable, Callable]] = {
    "the slope of ln s": (lambda g, x: g / x.sigmoid(), lambda g, x: g * (-x).sigmoid()),
    "the slope of ln(1 - s)": (lambda g, x: g / (1 - x.sigmoid()), lambda g, x: g * x.sigmoid()),
    "the slope of both": (
        lambda g, h, x: g / x.sigmoid() - h / (1 - x.sigmoid()),
        lambda g, h, x: g * (-x).sigmoid() - h * x.sigmoid(),
    ),
}


def slope_of_sigmoid(name: str, sign: str, last: str) -> Rule:
    """A slope in terms of s, times that of s itself."""
    slope, answer = SLOPES[name]

    @wraps(slope)
    def pattern(*nodes: Any) -> Any:
        x = nodes[-1]
        return SIGNS[sign](slope(*nodes)) * x.sigmoid() * LAST[last](x)

    said = f"{sign}{name} * s * ({last})"
    return stable(said, pattern, lambda *nodes: SIGNS[sign](answer(*nodes)))


LOGISTIC += [
    slope_of_sigmoid(name, sign, last) for name in SLOPES for sign in SIGNS for last in LAST
]

# ---- ln(1 + e^x); its slope is also what the slopes of sigmoids are made of

SOFTPLUS = [
    stable("ln(e^x + 1)", lambda x: (x.exp() + 1).log(), lambda x: softplus(x)),
    stable("ln(1 + e^x)", lambda x: x.exp().log1p(), lambda x: softplus(x)),
    stable(
        "the slope of ln(1 + e^x)",
        lambda g, x: g / (x.exp() + 1) * x.exp(),
        lambda g, x: g * x.sigmoid(),
    ),
    stable(
        "two such slopes",
        lambda g, h, x: (g / (x.exp() + 1) + h / (x.exp() + 1)) * x.exp(),
        lambda g, h, x: (g + h) * x.sigmoid(),
    ),
]

# ---- the logarithm of a quotient of exponentials, after their maximum has been taken off


def _slope_together(g: Any, u: Any, seen: Any, total: Any) -> Any:
    """The gradient of ln(e / sum e), where e is one node."""
    e, s = u.exp(), seen(total(u.exp()))
    z = e / s
    return (g / z / s + seen(total(-(g / z) * z / s))) * e


def _slope_apart(g: Any, u: Any, seen: Any, total: Any) -> Any:
    """The same where e was written twice."""
    e, s = u.exp(), seen(total(u.exp()))
    z = e / s
    return g / z / s * e + seen(total(-(g / z) * z / s)) * e


def _slope_of_one(g: Any, u: Any, seen: Any, total: Any) -> Any:
    """The same where softmax is one operation with a rule of its own."""
    z = u.exp() / seen(total(u.exp()))
    return g / z * z - z * seen(total(g / z * z))


def _slope(g: Any, u: Any, seen: Any, total: Any) -> Any:
    return g - u.exp() / seen(total(u.exp())) * seen(total(g))


SOFTMAX = [
    stable(
        "ln(e^u / sum e^u)",
        lambda u, seen, total: (u.exp() / seen(total(u.exp()))).log(),
        lambda u, seen, total: u - seen(total(u.exp()).log()),
        only=shifted,
    ),
    stable("the slope of ln softmax", _slope_together, _slope, only=lambda g, u: is_shifted(u)),
    stable(
        "the slope of ln softmax, by its rule",
        _slope_of_one,
        _slope,
        only=lambda g, u: is_shifted(u),
    ),
    stable(
        "the slope of ln softmax, in two parts",
        _slope_apart,
        _slope,
        only=lambda g, u: is_shifted(u),
    ),
]
STABLE = [*LOGISTIC, *SOFTPLUS, *SOFTMAX]
