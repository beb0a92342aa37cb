"""Every layer keeps the contract in its docstring: `x: [..., inputs] -> y: [..., outputs]`.

A name in brackets is an argument of the layer, or a length that may be anything; `...` and `*`
stand for any number of axes; `int64[...]` says what an input holds; `as x` is the shape of x.
"""

import inspect
import re

import pytest

import glassgrad as gg
from glassgrad import nn
from glassgrad.nn.architecture import CLASSES

EXAMPLES = {  # class: arguments of the constructor, and lengths that follow from them
    "AppendOne": ({}, {}),
    "Bilinear": ({"in1_features": 2, "in2_features": 3, "out_features": 4}, {}),
    "Flatten": ({}, {}),
    "Identity": ({}, {}),
    "Linear": ({"in_features": 3, "out_features": 4}, {}),
    "Maxout": ({"in_features": 3, "out_features": 4}, {}),
    "McCullochPitts": (
        {"weight": [[1, 1, 1], [0, 1, 0]], "bias": [0, 1]},
        {"inputs": 3, "outputs": 2},
    ),
    "Perceptron": ({"in_features": 3, "classes": 4}, {}),
    "PrependZero": ({}, {}),
    "Sign": ({}, {}),
    "Standardize": ({"n_features": 3}, {}),
    "Step": ({}, {}),
    "Unflatten": ({"dim": 1, "unflattened_size": (3, 4)}, {"height": 3, "width": 4}),
}
HOLDERS = {
    "Listed",
    "Module",
    "ModuleDict",
    "ModuleList",
    "ParameterDict",
    "ParameterList",
    "Sequential",
}
LEADS = [(), (2,), (2, 5)]  # what `...` may stand for
ENTRY = re.compile(r"(?:(\w+): )?(?:(as \w+)|(\w*)\[(.*?)\])(?:, |$)")


def contract(layer_class):
    """The two sides of the contract in a docstring: [(name, dtype, lengths as text)] each."""
    for line in inspect.getdoc(layer_class).splitlines():
        if " -> " in line and "[" in line:
            return tuple(entries(side) for side in line.split(" -> "))
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


def known_sizes(layer, given):
    """The lengths that a layer itself decides: its attributes that are numbers."""
    own = {name: value for name, value in vars(layer).items() if type(value) is int}
    return {**own, **given}


def keeps_contract(layer, given, lead):
    inputs, outputs = contract(type(layer))
    sizes = known_sizes(layer, given)
    shapes = {name: shape(lengths, sizes, lead) for name, _, lengths in inputs}
    tensors = [
        gg.zeros(shapes[name], dtype=gg.int64) if kind == "int64" else gg.rand(shapes[name])
        for name, kind, _ in inputs
    ]
    results = layer(*tensors)
    results = results if isinstance(results, tuple) else (results,)
    for (_, kind, lengths), y in zip(outputs, results, strict=True):
        like = kind.removeprefix("as ") if kind.startswith("as ") else None
        assert y.shape == (shapes[like] if like else shape(lengths, sizes, lead))


@pytest.mark.parametrize("name", sorted(CLASSES.keys() - HOLDERS))
def test_contract(name):
    assert name in EXAMPLES, f"give an example of {name} in the table above"
    arguments, given = EXAMPLES[name]
    layer = CLASSES[name](**arguments)
    side = contract(type(layer))[0]
    anything = any(mark in lengths for _, _, lengths in side for mark in ("...", "*"))
    for lead in LEADS if anything else [()]:
        keeps_contract(layer, given, lead)


class Double(nn.Module):
    """y = [x, x]

    x: [..., n] -> y: [..., 2 * n]
    """

    def forward(self, x):
        return x.join([x], -1)


class Lying(Double):
    """y = [x, x], it says

    x: [..., n] -> y: [..., n]
    """


class Several(nn.Module):
    """two results of two inputs

    x: [batch, n], labels: int64[batch] -> y: as x, total: []
    """

    def forward(self, x, labels):
        assert labels.dtype == gg.int64
        return x * 2, x.sum()


def test_the_test_can_fail():
    keeps_contract(Double(), {}, (2,))
    keeps_contract(Several(), {}, ())
    with pytest.raises(AssertionError):
        keeps_contract(Lying(), {}, (2,))
    with pytest.raises(AssertionError, match="Module has no line"):
        contract(nn.Module)
