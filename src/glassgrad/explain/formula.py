"""Formulas as text for a terminal and as LaTeX, tidied while they are put together.

A product keeps its factors and a sum its sign, so that `1 * x` is x, `x * x` is x^2 and `a + -b` is
a - b; nothing else is rewritten, so that a formula stays the one that was computed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from .form import PLAIN, Form
from .letters import escaped, latex_name, latex_number

LOGIC, COMPARISON, SUM, OVER, PRODUCT, SIGN, POWER, ATOM = range(8)  # OVER: sum_i of a product


class Term(NamedTuple):
    """A formula.

    text, latex    both forms
    binding        how tightly the outermost sign binds
    latex_binding  where it is another in LaTeX: a fraction needs no parentheses
    parts          its outermost sign and what stands beside it
    scalar         whether it is one number, so that its product with a matrix is no product of
                   elements
    form           how its axes are read
    """

    text: str
    latex: str
    binding: int = ATOM
    latex_binding: int | None = None
    parts: tuple = ()
    scalar: bool = False
    form: Form = PLAIN

    def inside(self, binding: int) -> tuple[str, str]:
        """Both forms as an operand, in parentheses where they bind less tightly."""
        own = self.binding if self.latex_binding is None else self.latex_binding
        text = self.text if self.binding >= binding else f"({self.text})"
        latex = self.latex if own >= binding else rf"\left({self.latex}\right)"
        return text, latex

    def split(self, sign: str) -> tuple | None:
        """What stands beside the outermost sign, if it is this one."""
        return self.parts[1:] if self.parts[:1] == (sign,) else None

    # ---- arithmetic; a number counts as a formula

    def __add__(self, other: Any) -> Term:
        return total(self, term(other))

    def __radd__(self, other: Any) -> Term:
        return total(term(other), self)

    def __sub__(self, other: Any) -> Term:
        return total(self, -term(other))

    def __rsub__(self, other: Any) -> Term:
        return total(term(other), -self)

    def __mul__(self, other: Any) -> Term:
        return product(self, term(other))

    def __rmul__(self, other: Any) -> Term:
        return product(term(other), self)

    def __truediv__(self, other: Any) -> Term:
        return fraction(self, term(other))

    def __rtruediv__(self, other: Any) -> Term:
        return fraction(term(other), self)

    def __pow__(self, other: Any) -> Term:
        return power(self, term(other))

    def __rpow__(self, other: Any) -> Term:
        return power(term(other), self)

    def __neg__(self) -> Term:
        return negative(self)

    def __abs__(self) -> Term:
        return Term(f"|{self.text}|", rf"\left|{self.latex}\right|", scalar=self.scalar)

    def __matmul__(self, other: Any) -> Term:
        return matrix_product(self, term(other))

    @property
    def T(self) -> Term:
        """Transposed."""
        return transposed(self)

    def where(self, condition: Any, other: Any) -> Term:
        """A choice, written as in the lectures."""
        return choice(condition, self, other)

    # ---- comparisons

    def __gt__(self, other: Any) -> Term:  # type: ignore[override]
        return infix(">", ">", self, other, COMPARISON)

    def __ge__(self, other: Any) -> Term:  # type: ignore[override]
        return infix(">=", r"\geq", self, other, COMPARISON)

    def __lt__(self, other: Any) -> Term:  # type: ignore[override]
        return infix("<", "<", self, other, COMPARISON)

    def __le__(self, other: Any) -> Term:  # type: ignore[override]
        return infix("<=", r"\leq", self, other, COMPARISON)

    def __invert__(self) -> Term:
        text, latex = self.inside(ATOM)
        return Term(f"not {text}", rf"\neg {latex}", SIGN)

    def __and__(self, other: Any) -> Term:
        return infix("and", r"\land", self, other, LOGIC)

    def __or__(self, other: Any) -> Term:
        return infix("or", r"\lor", self, other, LOGIC)


def term(x: Any) -> Term:
    """A formula, or a number as one."""
    if isinstance(x, Term):
        return x
    if hasattr(x, "item"):  # a number of NumPy's
        x = x.item()
    if isinstance(x, bool) or not isinstance(x, (int, float)):
        return Term(str(x), rf"\text{{{x}}}", scalar=True)
    if x < 0:
        return negative(term(-x))
    return Term(f"{x:g}", latex_number(x), parts=("number", x), scalar=True)


def symbol(name: str, scalar: bool = False) -> Term:
    """A name; `W1` and `layer.weight` are read as they are, with an index below in LaTeX."""
    binding = ATOM
    if name.startswith("∂") or "^" in name:  # a fraction or power: parentheses before a power
        binding = SIGN if name.startswith("∂") else POWER
    return Term(name, latex_name(name), binding, scalar=scalar)


def number(x: Term) -> float | None:
    """The number that a formula is, if it is one."""
    if (inner := x.split("-")) is not None:
        found = number(inner[0])
        return None if found is None else -found
    return x.parts[1] if x.parts[:1] == ("number",) else None


def infix(sign: str, latex_sign: str, a: Any, b: Any, binding: int) -> Term:
    """a sign b; on the right of a minus and of a comparison parentheses stay."""
    a, b = term(a), term(b)
    (x, xl), (y, yl) = a.inside(binding), b.inside(binding + (sign != "+"))
    text, latex = f"{x} {sign} {y}", f"{xl} {latex_sign} {yl}"
    return Term(text, latex, binding, scalar=a.scalar and b.scalar)


# ---- sums


def total(a: Term, b: Term) -> Term:
    """a + b, or a - b where b is negative."""
    if number(a) == 0:
        return b
    if number(b) == 0:
        return a
    if (taken := b.split("-")) is not None:
        return infix("-", "-", a, taken[0], SUM)
    if a == b and a.parts[:1] != ("number",):
        return product(term(2), a)
    if (number_in := b.split("put")) is not None and b.text.startswith("-"):
        return infix("-", "-", a, number_in[1], SUM)
    if (pair := a.split("+")) is not None and pair[1] == b:
        return total(pair[0], product(term(2), b))
    return infix("+", "+", a, b, SUM)._replace(parts=("+", a, b))


def negative(a: Term) -> Term:
    """-a."""
    if (inner := a.split("-")) is not None:
        return inner[0]
    if number(a) == 0:
        return a
    text, latex = a.inside(OVER)
    return Term(f"-{text}", f"-{latex}", SUM, parts=("-", a), scalar=a.scalar)


# ---- products


def factors(a: Term) -> tuple[float, list[tuple[Term, float]]]:
    """A number, and factors with their exponents."""
    if (value := number(a)) is not None:
        return value, []
    if (inner := a.split("-")) is not None:
        coefficient, found = factors(inner[0])
        return -coefficient, found
    if (listed := a.split("*")) is not None:
        return listed[0], list(listed[1])
    if (inner := a.split("sqrt")) is not None and number(inner[0]) is None:
        return 1, [(inner[0], 0.5)]
    if (raised := a.split("^")) is not None and (exponent := number(raised[1])) is not None:
        return 1, [(raised[0], exponent)]
    return 1, [(a, 1)]


def product(a: Term, b: Term) -> Term:
    """a times b, element by element."""
    for x, y in ((a, b), (b, a)):
        halves = y.split("/")
        if halves is None:
            continue
        below, whole = number(halves[1]), number(halves[0]) == 1
        if below is not None and not (whole and number(x) is not None):
            return reduced(product(x, halves[0]), below)
        if whole and number(x) is None:
            return fraction(x, halves[1])
    coefficient, found = factors(a)
    other, more = factors(b)
    merged: dict[Term, float] = {}
    for base, exponent in [*found, *more]:
        merged[base] = merged.get(base, 0) + exponent
    kept = [(base, exponent) for base, exponent in merged.items() if exponent != 0]
    return multiplied(coefficient * other, kept)


def reduced(a: Term, below: float) -> Term:
    """a / below, and 2 a / 4 as a / 2."""
    coefficient, found = factors(a)
    common = math.gcd(int(coefficient), int(below)) if coefficient % 1 == below % 1 == 0 else 1
    return fraction(multiplied(coefficient / common, found), term(below / common))


def multiplied(coefficient: float, found: list[tuple[Term, float]]) -> Term:
    """A number times powers."""
    if coefficient < 0:
        return negative(multiplied(-coefficient, found))
    if not found or coefficient == 0:
        return term(coefficient)
    terms = [power(base, term(exponent)) for base, exponent in found]
    if coefficient != 1:
        terms.insert(0, term(coefficient))
    if len(terms) == 1:
        return terms[0]
    terms.sort(key=lambda t: t.binding == OVER)  # a sum is over all that follows
    shown = [t.inside(PRODUCT) for t in terms[:-1]] + [terms[-1].inside(OVER)]
    text, latex = " * ".join(text for text, _ in shown), shown[0][1]
    for before, t, (_, right) in zip(terms, terms[1:], shown[1:]):
        sign = r"\odot"
        if before.scalar or t.scalar:
            sign = r"\,"
        if re.match(r"(\\mathrm\{)?\d", right):  # 0.9 times 1.weight
            sign = r"\cdot"
        latex += f" {sign} {right}"
    scalar = all(t.scalar for t in terms)
    return Term(text, latex, PRODUCT, None, ("*", coefficient, tuple(found)), scalar)


def fraction(a: Term, b: Term) -> Term:
    """a / b."""
    if (inner := a.split("-")) is not None:
        return negative(fraction(inner[0], b))
    if (inner := b.split("-")) is not None:
        return negative(fraction(a, inner[0]))
    if number(b) == 1:
        return a
    if (halves := a.split("/")) is not None:
        return fraction(halves[0], product(halves[1], b))
    (above, more), (below, others) = factors(a), factors(b)
    if below not in (0, 1) and above % below == 0 and others:
        return fraction(multiplied(above / below, more), multiplied(1, others))
    tight = OVER if number(b) is not None else PRODUCT  # sum_i x / 2
    text = f"{a.inside(tight)[0]} / {b.inside(SIGN)[0]}"
    latex, scalar = rf"\frac{{{a.latex}}}{{{b.latex}}}", a.scalar and b.scalar
    return Term(text, latex, min(PRODUCT, max(a.binding, tight)), SIGN, ("/", a, b), scalar)


def power(a: Term, b: Term) -> Term:
    """a to the power of b."""
    exponent = number(b)
    if exponent == 1:
        return a
    if exponent == 0.5:
        return root(a)
    if exponent is not None and exponent < 0:
        return fraction(term(1), power(a, term(-exponent)))
    halves = a.split("/")
    if halves is not None and number(halves[0]) == 1:
        return fraction(halves[0], power(halves[1], b))
    if exponent is not None and (inner := a.split("sqrt")) is not None:
        return power(inner[0], term(exponent / 2))
    if exponent is not None and exponent % 1 == 0.5:
        b = Term(f"({2 * exponent:g}/2)", f"{2 * exponent:g}/2", parts=b.parts, scalar=True)
    text, latex = a.inside(ATOM)
    text = f"{text}^{b.inside(POWER)[0]}"
    return Term(text, f"{latex}^{{{b.latex}}}", POWER, None, ("^", a, b), a.scalar and b.scalar)


def root(a: Term) -> Term:
    """The square root."""
    return Term(f"sqrt({a.text})", rf"\sqrt{{{a.latex}}}", parts=("sqrt", a), scalar=a.scalar)


# ---- matrices


def matrix_product(a: Term, b: Term) -> Term:
    """a b."""
    if (inner := a.split("-")) is not None:
        return negative(matrix_product(inner[0], b))
    if (inner := b.split("-")) is not None:
        return negative(matrix_product(a, inner[0]))
    (x, xl), (y, yl) = grouped(a), grouped(b)
    return Term(f"{x} {y}", rf"{xl} \, {yl}", PRODUCT, None, ("@", a, b))


def grouped(a: Term) -> tuple[str, str]:
    """A factor of a product of matrices: products of elements are in parentheses."""
    return a.inside(PRODUCT if a.split("@") is not None else SIGN)


def transposed(a: Term) -> Term:
    """a'."""
    if a.scalar:
        return a
    if (inner := a.split("'")) is not None:
        return inner[0]
    if (inner := a.split("-")) is not None:
        return negative(transposed(inner[0]))
    if (pair := a.split("@")) is not None:
        return matrix_product(transposed(pair[1]), transposed(pair[0]))
    text, latex = a.inside(ATOM)
    return Term(f"{text}'", f"{latex}^\\top", POWER, None, ("'", a))


# ---- functions


def call(name: str, *inputs: Any, latex: str = "") -> Term:
    """name(x, y)."""
    terms = [term(x) for x in inputs]
    shown = latex or rf"\operatorname{{{escaped(name)}}}"
    texts, latexes = ", ".join(t.text for t in terms), ", ".join(t.latex for t in terms)
    scalar = all(t.scalar for t in terms)
    return Term(f"{name}({texts})", rf"{shown}\left({latexes}\right)", scalar=scalar)


def choice(condition: Any, x: Any, y: Any) -> Term:
    """x if the condition holds, else y."""
    c, a, b = term(condition), term(x), term(y)
    latex = rf"\begin{{cases}}{a.latex} & {c.latex}\\ {b.latex} & \text{{else}}\end{{cases}}"
    text = f"{a.inside(SUM)[0]} if {c.text} else {b.inside(SUM)[0]}"
    return Term(text, latex, LOGIC, ATOM, scalar=a.scalar and b.scalar)


def indexed(a: Term, index: str, latex_index: str = "") -> Term:
    """An element of a."""
    (text, latex), below = a.inside(ATOM), latex_index or index
    if latex.endswith("}") and (own := re.fullmatch(r"(\w|\\\w+)_\{(\d+)\}", latex)):
        return Term(f"{text}_{index}", f"{own[1]}_{{{own[2]},{below}}}", scalar=True)
    return Term(f"{text}_{index}", f"{{{latex}}}_{{{below}}}", scalar=True)


def summed(a: Term, index: str, before: str = "", latex_before: str = "") -> Term:
    """The sum over an index, perhaps divided by a number."""
    if (inner := a.split("-")) is not None:
        return negative(summed(inner[0], index, before, latex_before))
    (text, latex), over = a.inside(OVER), f"_{index}" if index else ""
    below = f"_{{{index}}}" if index else ""
    return Term(f"{before}sum{over} {text}", rf"{latex_before}\sum{below} {latex}", OVER)


Function = Callable[..., Term]
