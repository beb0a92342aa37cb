"""What holds of all explanations."""

import json
import re
from functools import cache

import numpy as np

import glassgrad as gg
from glassgrad.gradient import ancestors


def agree(found, target):
    """Steps have the values of all nodes, and the gradients that `autograd.grad` finds."""
    nodes = [x for x in ancestors([target]) if x.requires_grad]
    values = {np.asarray(x.value).tobytes() for x in nodes}
    slopes = {
        np.asarray(g.value).tobytes()
        for g in gg.autograd.grad(target, nodes, retain_graph=True, allow_unused=True)
        if g is not None
    }
    assert found
    for step in found:
        known = values if step.rule == "forward" else slopes
        assert step.result.tobytes() in known, f"{step.name} is no value of a node"
        assert step.shape == step.result.shape
    assert [step.number for step in found] == list(range(1, len(found) + 1))


# ---- LaTeX

# What matplotlib's parser lacks: environments and `\\&`; each becomes one that it has.
LACKING = [
    (re.compile(r"\\&"), "n"),
    (re.compile(r"\\begin\{bmatrix\}[-\d.&\\ a-zTF{}^]*?\\end\{bmatrix\}"), r"[M]"),
    (re.compile(r"\\begin\{cases\}((?:(?!\\begin).)*?)\\end\{cases\}"), r"\\{\1\\}"),
    (re.compile(r"\\displaystyle|(?<!\\)&|\\\\ "), " "),
    (re.compile(r"\\land|\\lor"), r"\\wedge "),
    (re.compile(r"\\&"), r"\\%"),
]


@cache
def parser():
    """A strict reader of formulas, if there is one."""
    try:
        from matplotlib.mathtext import MathTextParser
    except ImportError:
        return None
    return MathTextParser("path")


ALIKE = [
    (re.compile(r"_\{\d+\}"), ""),
    (re.compile(r"\\frac\{\\partial [^{}]*\}\{\\partial [^{}]*\}"), "g"),
    (re.compile(r"\d+(\.\d+)?( \\cdot 10\^\{-?\d+\})?"), "1"),
]  # formulas that differ in names and numbers alone are set once, since that is slow


def parsed(latex):
    """An error unless the formula can be set; environments are put into brackets before."""
    for pattern, instead in [*LACKING, *ALIKE]:
        while (changed := pattern.sub(instead, latex)) != latex:
            latex = changed
    set_once(latex)


@cache
def set_once(latex):
    """Set a formula, if matplotlib is there."""
    if parser() is not None:
        parser().parse(f"${latex}$")


def aligned(block):
    """Each line of an aligned block can be set."""
    head, *lines, tail = block.split("\n")
    assert (head, tail) == (r"\begin{aligned}", r"\end{aligned}")
    assert lines
    for line in lines:
        assert line.count("&=") == 1
        parsed(line.removesuffix(r" \\").replace("&=", "="))


def well_formed(page):
    """Formulas open and close, with balanced braces and environments, and can be set."""
    for line in page.splitlines():
        if not re.match(r"\d+\. ", line):
            assert not line or line.startswith("### ")
            continue
        plain = re.sub(r"\\[\\{}$%#&_]", "", line)
        assert plain.count("$") == 2 and plain.endswith("$")
        depth = 0
        for c in plain:
            depth += (c == "{") - (c == "}")
            assert depth >= 0
        assert depth == 0
        assert plain.count(r"\left") == plain.count(r"\right")
        assert plain.count(r"\begin{") == plain.count(r"\end{")
        assert not re.search(r"<[a-z/!]|\}_\{[^{}]*\}_|\^\{[^{}]*\}\^|\^\\top\^", plain), plain
        parsed(line.partition("$")[2][:-1])


ROW = r"\[[^\[\]]*\]"
ARRAY = rf"\[{ROW}(?:, {ROW})*\]|{ROW}"


def reckoned(text):
    """The number or matrix that a line of numbers says."""
    arrays = {}

    def named(found):
        arrays[f"m{len(arrays)}"] = np.array(json.loads(found[0].lower()), dtype=float)
        return f"m{len(arrays) - 1}"

    written = re.sub(ARRAY, named, text).replace("'", ".T").replace("^", "**")
    written = re.sub(r"([^()]+) if ([^()]+) else ([^()]+)", r"where(\2, \1, \3)", written)
    written = re.sub(r"(m\d|T) (?=m\d)", r"\1 @ ", written)
    written = re.sub(r"(\d) sum_", r"\1 * sum_", written)
    written = re.sub(r"(sum_\w+) (.*)", r"\1(\2)", written)
    return eval(written, KNOWN | arrays)


KNOWN = {
    "where": np.where,
    "sum_ij": np.sum,
    "sum_i": lambda x: np.sum(x, axis=0),
    "max": np.maximum,
    "log": np.log,
    "tanh": np.tanh,
    "e": np.e,
}


def numbers_agree(step):
    """Whether the numbers that are put in give the result; four digits of each are written."""
    found = reckoned(step.numbers[0])
    np.testing.assert_allclose(found, step.result, rtol=5e-3, atol=5e-3)
