"""Names and numbers in LaTeX."""

from __future__ import annotations

import math

GREEK = frozenset(
    ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu",
     "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega")
)  # fmt: skip
SPECIAL = {c: f"\\{c}" for c in "#$%&_{}"} | {
    "\\": r"\backslash ",
    "^": r"\wedge ",
    "~": r"\sim ",
    "<": "{<}",  # so that no page takes it for a tag
    ">": "{>}",
    " ": r"\ ",
    "\n": r"\ ",
    "\r": r"\ ",
    "\t": r"\ ",
    "`": r"\backprime ",
}


def escaped(text: str) -> str:
    """What LaTeX and Markdown would read as a command, as letters."""
    return "".join(SPECIAL.get(c, c) for c in text)


def latex_name(name: str) -> str:
    r"""`W1` and `w_1` as W_{1}, `∂J/∂W1` as a fraction, `gamma` as \gamma, words upright."""
    if name.startswith("∂") and "/∂" in name:
        above, below = name[1:].split("/∂", 1)
        return rf"\frac{{\partial {latex_name(above)}}}{{\partial {latex_name(below)}}}"
    if name.startswith("new "):
        return rf"{{{latex_name(name[4:])}}}^{{\mathrm{{new}}}}"
    base, _, exponent = name.partition("^")
    if base and exponent.isdigit():
        return f"{latex_name(base)}^{{{exponent}}}"
    letters = name.rstrip("0123456789")
    digits = name[len(letters) :] if letters.isascii() or letters[-1:].isalpha() else ""
    letters = name[: len(name) - len(digits)]
    if digits and letters.endswith("_"):
        letters = letters[:-1]
    if not letters:
        return escaped(name) or r"\text{?}"
    return letter(letters) + (f"_{{{digits}}}" if digits else "")


def letter(name: str) -> str:
    """A letter slanted, a Greek one by its command, a word upright."""
    if name == "Xhat":
        return r"\hat{X}"
    if name in GREEK:
        return f"\\{name}"
    return name if len(name) == 1 and name.isalpha() else rf"\mathrm{{{escaped(name)}}}"


def latex_number(x: float) -> str:
    """1e-05 as a power of ten."""
    if math.isinf(x):
        return r"\infty" if x > 0 else r"-\infty"
    if math.isnan(x):
        return r"\text{nan}"
    digits, *exponent = f"{x:g}".split("e")
    if not exponent:
        return digits
    ten = f"10^{{{int(exponent[0])}}}"
    return ten if digits == "1" else rf"{digits} \cdot {ten}"
