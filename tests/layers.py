"""An example of every layer of the package, and the shape contract in its docstring.

    x: [..., in_features], labels: int64[batch] -> y: [..., out_features]

A name in brackets is an argument of the layer, or a length that may be anything; `...` and `*`
stand for any number of axes; `int64[...]` says what an input holds; `as x` is the shape of x.
"""

import inspect
import re

from glassgrad.nn.architecture import CLASSES

EXAMPLES = {  # class: arguments of the constructor, and lengths that follow from them
    "AppendOne": ({}, {}),
    "Bilinear": ({"in1_features": 2, "in2_features": 3, "out_features": 4}, {}),
    "Flatten": ({}, {}),
    "Identity": ({}, {}),
    "Linear": ({"in_features": 3, "out_features": 4}, {}),
    "Maxout": ({"in_features": 3, "out_features": 4}, {}),
    "McCullochPitts": ({"weight": [[1, 1, 0]], "bias": [0]}, {"inputs": 3, "outputs": 1}),
    "Perceptron": ({"in_features": 3, "classes": 4}, {}),
    "PrependZero": ({}, {}),
    "Sign": ({}, {}),
    "Standardize": ({"n_features": 3}, {}),
    "Step": ({}, {}),
    "Unflatten": ({"dim": 1, "unflattened_size": (3, 4)}, {"height": 3, "width": 4}),
}
HOLDERS = {"Module", "Listed", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList"}
LAYERS = sorted(CLASSES.keys() - HOLDERS - {"Sequential"})
ENTRY = re.compile(r"(?:(\w+): )?(?:(as \w+)|(\w*)\[(.*?)\])(?:, |$)")


def example(name):
    """The layer `name`, and lengths that its contract leaves open."""
    assert name in EXAMPLES, f"give an example of {name} in tests/layers.py"
    arguments, lengths = EXAMPLES[name]
    return CLASSES[name](**arguments), lengths


def contract(layer_class):
    """The two sides of the contract: [(name, dtype or `as x`, lengths as text)] each."""
    for paragraph in inspect.getdoc(layer_class).split("\n\n"):
        text = " ".join(paragraph.split())
        if " -> " in text and re.match(r"\w+: .*\[", text):
            return tuple(entries(side) for side in text.split(" -> "))
    raise AssertionError(f"{layer_class.__name__} has no line `x: [...] -> y: [...]`")


def entries(side):
    """`x: [n, 2], y: int64[n]` as [("x", "", "n, 2"), ("y", "int64", "n")]"""
    found = [(name, like or dtype, lengths) for name, like, dtype, lengths in ENTRY.findall(side)]
    assert found, f"no shapes in {side!r}"
    return found


def shape(lengths, sizes, lead):
    """`batch, 2 * n` as numbers; a name that is not known yet is given a length of its own."""
    found = []
    for length in filter(None, (part.strip() for part in lengths.split(","))):
        if length in ("...", "*"):
            found.extend(lead)
            continue
        for name in re.findall(r"[a-z_]\w*", length):
            sizes.setdefault(name, 6 + len(sizes))
        found.append(eval(length, {}, sizes))
    return tuple(found)
