"""Simplification by SymPy, which is imported here alone (extra `symbolic`)."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from typing import Any

from .letters import latex_name

FUNCTIONS = {"max": "Max", "min": "Min", "sgn": "sign", "arcsin": "asin", "arccos": "acos",
             "arctan": "atan"}  # fmt: skip
DENOMINATOR = 64  # of a number that is written as a fraction


def simplified(formula: Any, names: list[str]) -> Any:
    """A formula of numbers in fewer operations, if SymPy finds one; else as it is."""
    sympy = imported()
    tokens = {name: f"name{i}_" for i, name in enumerate(sorted(set(names), key=len, reverse=True))}
    symbols = {token: sympy.Symbol(name, real=True) for name, token in tokens.items()}
    try:
        expression = sympy.sympify(
            spelled(formula.text, tokens), locals=symbols | functions(sympy), evaluate=False
        )
        found = min((sympy.simplify(expression), sympy.factor(expression)), key=sympy.count_ops)
        if sympy.count_ops(found) >= sympy.count_ops(expression):
            return formula
    except (sympy.SympifyError, TypeError, AttributeError, ValueError):  # no formula of numbers
        return formula
    printed = {symbol: latex_name(symbol.name) for symbol in symbols.values()}
    text = re.sub(r"[*/]", r" \g<0> ", str(found).replace("**", "^"))
    return replace(formula, text=text, latex=sympy.latex(found, symbol_names=printed))


def spelled(text: str, tokens: dict[str, str]) -> str:
    """The text as SymPy reads it; it evaluates what it reads, so that names go in as tokens."""
    parts = "|".join(re.escape(name) for name in tokens) or "(?!)"
    text = re.sub(rf"(?<![\w∂/]){'(?:' + parts + ')'}(?![\w/])", lambda m: tokens[m[0]], text)
    left = set(re.findall(r"[^\W\d_][\w]*", text)) - set(tokens.values())
    if left - {"e", "log", "sqrt", "sin", "cos", "tan", "tanh", "sinh", "cosh", *FUNCTIONS}:
        raise ValueError(f"{text} has more than numbers")
    return re.sub(r"(?<![\w.])\d+\.\d+(?![\w.])", exact, text.replace("^", "**"))


def exact(number: re.Match) -> str:
    """0.5 as 1/2: what is a simple fraction stays one."""
    value = Fraction(number[0])
    if value.denominator > DENOMINATOR:
        return number[0]
    return f"Rational({value.numerator}, {value.denominator})"


def functions(sympy: Any) -> dict[str, Any]:
    """What the functions in formulas are called there."""
    known = {"e": sympy.E, "Rational": sympy.Rational}
    return known | {ours: getattr(sympy, theirs) for ours, theirs in FUNCTIONS.items()}


def imported() -> Any:
    """SymPy.

    Raises:
        ImportError: It is not installed; the message says how.
    """
    try:
        import sympy
    except ImportError:
        raise ImportError(
            "simplify=True needs SymPy: pip install 'glassgrad[symbolic]', or leave simplify out"
        ) from None
    return sympy
