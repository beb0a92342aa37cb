"""What holds of all explanations."""

import re

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


def well_formed(page):
    """Formulas open and close, with balanced braces, delimiters and environments."""
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
