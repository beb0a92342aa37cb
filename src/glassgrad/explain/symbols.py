"""What stands where the meaning of an operation has `np`: NumPy's functions, as formulas."""

from __future__ import annotations

import math
from typing import Any

from .formula import Function, Term, call, choice, number, power, root, term

E = Term("e", "e", scalar=True)
LATEX = {
    "log": r"\log", "max": r"\max", "min": r"\min", "tanh": r"\tanh", "sin": r"\sin",
    "cos": r"\cos", "tan": r"\tan", "sinh": r"\sinh", "cosh": r"\cosh", "arcsin": r"\arcsin",
    "arccos": r"\arccos", "arctan": r"\arctan",
}  # fmt: skip
SHORT = {"sign": "sgn", "absolute": "abs"}


class Symbols:
    """NumPy's functions, as formulas."""

    def __getattr__(self, name: str) -> Function:
        name = SHORT.get(name, name)
        return lambda *inputs, **ignored: call(name, *inputs, latex=LATEX.get(name, ""))

    def exp(self, x: Any) -> Term:
        """e^x; x of its logarithm."""
        inner = term(x).split("log")
        return inner[0] if inner else power(E, term(x))

    def expm1(self, x: Any) -> Term:
        """e^x - 1."""
        return self.exp(x) - 1

    def log1p(self, x: Any) -> Term:
        """log(1 + x)."""
        return call("log", 1 + term(x), latex=r"\log")

    def logaddexp(self, x: Any, y: Any) -> Term:
        """The logarithm of e^x + e^y; of 1 + e^x, where y is 0."""
        x, y = term(x), term(y)
        return call("log", one_or_exp(y) + one_or_exp(x), latex=r"\log")

    def maximum(self, x: Any, y: Any) -> Term:
        """max(x, y); no limit is left out."""
        return term(x) if number(term(y)) == -math.inf else call("max", x, y, latex=r"\max")

    def minimum(self, x: Any, y: Any) -> Term:
        """min(x, y); no limit is left out."""
        return term(x) if number(term(y)) == math.inf else call("min", x, y, latex=r"\min")

    def square(self, x: Any) -> Term:
        """x^2."""
        return power(term(x), term(2))

    def power(self, x: Any, y: Any) -> Term:
        """x^y."""
        return power(term(x), term(y))

    def reciprocal(self, x: Any) -> Term:
        """1 / x."""
        return 1 / term(x)

    def sqrt(self, x: Any) -> Term:
        """The square root."""
        return root(term(x))

    def abs(self, x: Any) -> Term:
        """|x|."""
        return abs(term(x))

    def negative(self, x: Any) -> Term:
        """-x."""
        return -term(x)

    def where(self, condition: Any, x: Any, y: Any) -> Term:
        """x if the condition holds, else y."""
        return choice(condition, x, y)

    def float32(self, x: Any) -> Term:
        """A number is a number."""
        return term(x)

    float64 = float32


def one_or_exp(x: Term) -> Term:
    """e^x; 1 of 0."""
    return term(1) if x.text == "0" else power(E, x)
