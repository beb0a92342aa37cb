"""Formulas: what a node is computed by, as text for a terminal and as LaTeX.

The meaning of an operation is read once more, here with symbols: where NumPy adds arrays, a symbol
writes a sum down.  What is no expression of elements (products of matrices, sums over axes) has an
entry in a table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

COMPARISON, SUM, PRODUCT, SIGN, POWER, ATOM = range(6)


class Term(NamedTuple):
    """A formula: its text, its LaTeX, and how tightly each binds."""

    text: str
    latex: str
    binding: int = ATOM
    latex_binding: int | None = None  # where it is another than that of the text: of a fraction

    def inside(self, binding: int) -> tuple[str, str]:
        """Both forms as an operand, in parentheses where they bind less tightly."""
        own = self.binding if self.latex_binding is None else self.latex_binding
        text = self.text if self.binding >= binding else f"({self.text})"
        latex = self.latex if own >= binding else rf"\left({self.latex}\right)"
        return text, latex

    # ---- arithmetic; a number counts as a formula

    def __add__(self, other: Any) -> Term:
        return infix("+", " + ", self, other, SUM)

    def __radd__(self, other: Any) -> Term:
        return infix("+", " + ", other, self, SUM)

    def __sub__(self, other: Any) -> Term:
        return infix("-", " - ", self, other, SUM)

    def __rsub__(self, other: Any) -> Term:
        return infix("-", " - ", other, self, SUM)

    def __mul__(self, other: Any) -> Term:
        return product(self, other)

    def __rmul__(self, other: Any) -> Term:
        return product(other, self)

    def __truediv__(self, other: Any) -> Term:
        return fraction(self, other)

    def __rtruediv__(self, other: Any) -> Term:
        return fraction(other, self)

    def __pow__(self, other: Any) -> Term:
        return power(self, other)

    def __rpow__(self, other: Any) -> Term:
        return power(other, self)

    def __neg__(self) -> Term:
        text, latex = self.inside(SIGN)
        return Term(f"-{text}", f"-{latex}", SUM)

    def __abs__(self) -> Term:
        return Term(f"|{self.text}|", rf"\left|{self.latex}\right|")

    def __matmul__(self, other: Any) -> Term:
        (a, al), (b, bl) = self.inside(PRODUCT), term(other).inside(SIGN)
        return Term(f"{a} {b}", f"{al} {bl}", PRODUCT)

    @property
    def T(self) -> Term:
        """Transposed."""
        text, latex = self.inside(ATOM)
        return Term(f"{text}'", f"{latex}^\\top", ATOM)

    def where(self, condition: Any, other: Any) -> Term:
        """A choice, written as in the lectures."""
        return Symbols().where(condition, self, other)

    # ---- comparisons

    def __gt__(self, other: Any) -> Term:  # type: ignore[override]
        return infix(">", " > ", self, other, COMPARISON)

    def __ge__(self, other: Any) -> Term:  # type: ignore[override]
        return infix(r"\ge", " >= ", self, other, COMPARISON)

    def __lt__(self, other: Any) -> Term:  # type: ignore[override]
        return infix("<", " < ", self, other, COMPARISON)

    def __le__(self, other: Any) -> Term:  # type: ignore[override]
        return infix(r"\le", " <= ", self, other, COMPARISON)

    def __invert__(self) -> Term:
        text, latex = self.inside(ATOM)
        return Term(f"not {text}", rf"\neg {latex}", SIGN)


def term(x: Any) -> Term:
    """A formula, or a number as one."""
    if isinstance(x, Term):
        return x
    text = f"{x:g}" if isinstance(x, (int, float)) else str(x)
    return Term(text, text, SUM if text.startswith("-") else ATOM)


def symbol(name: str) -> Term:
    """A name; `W1` and `layer.weight` are read as they are, with an index below in LaTeX."""
    return Term(name, latex_name(name))


def latex_name(name: str) -> str:
    """`W1` as W_1, `∂J/∂W1` as a fraction, words upright."""
    if name.startswith("∂") and "/" in name:
        above, below = name.split("/", 1)
        return rf"\frac{{\partial {latex_name(above[1:])}}}{{\partial {latex_name(below[1:])}}}"
    letters = name.rstrip("0123456789")
    digits = name[len(letters) :]
    plain = letters if len(letters) == 1 else rf"\mathrm{{{escaped(letters)}}}"
    return f"{plain}_{{{digits}}}" if digits and letters else plain if letters else digits


def escaped(text: str) -> str:
    """What LaTeX would read as a command, as letters."""
    special = {c: f"\\{c}" for c in "#$%&_{}"} | {
        "\\": r"\backslash ",
        "^": r"\hat{}",
        "~": r"\sim ",
    }
    return "".join(special.get(c, c) for c in text)


def infix(latex_sign: str, sign: str, a: Any, b: Any, binding: int) -> Term:
    """a sign b; what stands on the right of a minus keeps its parentheses."""
    (x, xl), (y, yl) = term(a).inside(binding), term(b).inside(binding + (sign != " + "))
    return Term(f"{x}{sign}{y}", f"{xl} {latex_sign} {yl}", binding)


def product(a: Any, b: Any) -> Term:
    """a times b, element by element."""
    a, b = term(a), term(b)
    if a.text == "1" or b.text == "1":
        return b if a.text == "1" else a
    (x, xl), (y, yl) = a.inside(PRODUCT), b.inside(PRODUCT)
    between = r" \cdot " if yl[:1].isdigit() or yl[:1] == "-" else r" \, "
    return Term(f"{x} * {y}", f"{xl}{between}{yl}", PRODUCT)


def fraction(a: Any, b: Any) -> Term:
    """a / b."""
    a, b = term(a), term(b)
    text = f"{a.inside(PRODUCT)[0]} / {b.inside(SIGN)[0]}"
    return Term(text, rf"\frac{{{a.latex}}}{{{b.latex}}}", PRODUCT, ATOM)


def power(a: Any, b: Any) -> Term:
    """a to the power of b."""
    a, b = term(a), term(b)
    text = f"{a.inside(ATOM)[0]}^{b.inside(POWER)[0]}"
    return Term(text, f"{a.inside(ATOM)[1]}^{{{b.latex}}}", POWER)


def call(name: str, *inputs: Any, latex: str = "") -> Term:
    """name(x, y)."""
    terms = [term(x) for x in inputs]
    shown = latex or rf"\operatorname{{{escaped(name)}}}"
    texts, latexes = ", ".join(t.text for t in terms), ", ".join(t.latex for t in terms)
    return Term(f"{name}({texts})", rf"{shown}\left({latexes}\right)")


class Symbols:
    """What stands where a meaning has `np`."""

    def __getattr__(self, name: str) -> Callable[..., Term]:
        return lambda *inputs, **ignored: call(name, *inputs, latex=LATEX.get(name, ""))

    def exp(self, x: Any) -> Term:
        """e^x."""
        return power(Term("e", "e"), x)

    def square(self, x: Any) -> Term:
        """x^2."""
        return power(x, 2)

    def power(self, x: Any, y: Any) -> Term:
        """x^y."""
        return power(x, y)

    def sqrt(self, x: Any) -> Term:
        """The square root."""
        return Term(f"sqrt({term(x).text})", rf"\sqrt{{{term(x).latex}}}")

    def abs(self, x: Any) -> Term:
        """|x|."""
        return abs(term(x))

    def where(self, condition: Any, x: Any, y: Any) -> Term:
        """x if the condition holds, else y."""
        c, a, b = term(condition), term(x), term(y)
        latex = rf"\begin{{cases}}{a.latex} & {c.latex}\\ {b.latex} & \text{{else}}\end{{cases}}"
        return Term(f"{a.inside(SUM)[0]} if {c.text} else {b.inside(SUM)[0]}", latex, COMPARISON)

    def float32(self, x: Any) -> Term:
        """A number is a number."""
        return term(x)

    float64 = float32


LATEX = {
    "log": r"\log", "maximum": r"\max", "minimum": r"\min", "tanh": r"\tanh", "sin": r"\sin",
    "cos": r"\cos", "tan": r"\tan", "log1p": r"\operatorname{log1p}", "sinh": r"\sinh",
    "cosh": r"\cosh",
}  # fmt: skip
