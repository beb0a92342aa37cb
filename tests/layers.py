"""An example of every layer of the package, and the shape contract in its docstring.

    x: [..., in_features], labels: int64[batch] -> y: [..., out_features]

A name in brackets is an argument of the layer, or a length that may be anything; `...` and `*`
stand for any number of axes; `int64[...]` says what an input holds; `as x` is the shape of x.
"""

import inspect
import re

from glassgrad.nn.architecture import CLASSES

LINE = {"length": 9}  # the lengths of examples for layers of lines and images
IMAGE = {"height": 9, "width": 8}
PADDED_LINE, PADDED_IMAGE = {"left": 1, "right": 2}, {**IMAGE, "rows": 12, "columns": 11}
EXAMPLES = {  # class: arguments of the constructor, and lengths that follow from them
    "AdaptiveAvgPool1d": ({"output_size": 4}, LINE),
    "AdaptiveAvgPool2d": ({"output_size": (4, 3)}, {**IMAGE, "rows": 4, "columns": 3}),
    "AdaptiveMaxPool1d": ({"output_size": 4}, LINE),
    "AdaptiveMaxPool2d": ({"output_size": (4, 3)}, {**IMAGE, "rows": 4, "columns": 3}),
    "AvgPool1d": ({"kernel_size": 2}, {**LINE, "positions": 4}),
    "AvgPool2d": ({"kernel_size": 2}, {**IMAGE, "rows": 4, "columns": 4}),
    "BatchNorm1d": ({"num_features": 3}, {}),
    "BatchNorm2d": ({"num_features": 3}, {}),
    "Bilinear": ({"in1_features": 2, "in2_features": 3, "out_features": 4}, {}),
    "ChannelShuffle": ({"groups": 2}, {}),
    "CircularPad1d": ({"padding": (1, 2)}, PADDED_LINE),
    "CircularPad2d": ({"padding": (1, 2, 1, 2)}, PADDED_IMAGE),
    "ConstantPad1d": ({"padding": (1, 2), "value": 0.5}, PADDED_LINE),
    "ConstantPad2d": ({"padding": (1, 2, 1, 2), "value": 0.5}, PADDED_IMAGE),
    "Conv1d": (
        {"in_channels": 2, "out_channels": 3, "kernel_size": 3, "stride": 2},
        {**LINE, "positions": 4},
    ),
    "Conv2d": (
        {"in_channels": 2, "out_channels": 4, "kernel_size": (3, 2), "padding": 1, "groups": 2},
        {**IMAGE, "rows": 9, "columns": 9},
    ),
    "ConvTranspose1d": (
        {"in_channels": 2, "out_channels": 3, "kernel_size": 3, "stride": 2},
        {**LINE, "positions": 19},
    ),
    "ConvTranspose2d": (
        {"in_channels": 2, "out_channels": 3, "kernel_size": 2},
        {**IMAGE, "rows": 10, "columns": 9},
    ),
    "CrossMapLRN2d": ({"size": 2}, {}),
    "Embedding": ({"num_embeddings": 5, "embedding_dim": 3}, {}),
    "EmbeddingBag": ({"num_embeddings": 5, "embedding_dim": 3}, {}),
    "Fold": (
        {"output_size": (4, 5), "kernel_size": 2},
        {"places": 4, "patches": 12, "height": 4, "width": 5},
    ),
    "GroupNorm": ({"num_groups": 2, "num_channels": 4}, {}),
    "InstanceNorm1d": ({"num_features": 3}, {}),
    "InstanceNorm2d": ({"num_features": 3}, {}),
    "LPPool1d": ({"norm_type": 2, "kernel_size": 2}, {**LINE, "positions": 4}),
    "LPPool2d": ({"norm_type": 2, "kernel_size": 2}, {**IMAGE, "rows": 4, "columns": 4}),
    "LayerNorm": ({"normalized_shape": 4}, {"normalized_shape": 4}),
    "LogSoftmax": ({"dim": 1}, {}),
    "Linear": ({"in_features": 3, "out_features": 4}, {}),
    "LocalResponseNorm": ({"size": 2}, {}),
    "MaxPool1d": ({"kernel_size": 2}, {**LINE, "positions": 4}),
    "MaxPool2d": ({"kernel_size": 2}, {**IMAGE, "rows": 4, "columns": 4}),
    "MaxUnpool1d": ({"kernel_size": 2}, {"n": 4, "length": 8}),
    "MaxUnpool2d": ({"kernel_size": 2}, {"m": 4, "n": 3, "h": 8, "w": 6}),
    "Maxout": ({"in_features": 3, "out_features": 4}, {}),
    "McCullochPitts": ({"weight": [[1, 1, 0]], "bias": [0]}, {"inputs": 3, "outputs": 1}),
    "PReLU": ({"num_parameters": 3}, {}),
    "Perceptron": ({"in_features": 3, "classes": 4}, {}),
    "PixelShuffle": ({"upscale_factor": 2}, {}),
    "PixelUnshuffle": ({"downscale_factor": 2}, {}),
    "RMSNorm": ({"normalized_shape": 4}, {"normalized_shape": 4}),
    "ReflectionPad1d": ({"padding": (1, 2)}, PADDED_LINE),
    "ReflectionPad2d": ({"padding": (1, 2, 1, 2)}, PADDED_IMAGE),
    "ReplicationPad1d": ({"padding": (1, 2)}, PADDED_LINE),
    "ReplicationPad2d": ({"padding": (1, 2, 1, 2)}, PADDED_IMAGE),
    "Softmax": ({"dim": 1}, {}),
    "Softmin": ({"dim": 1}, {}),
    "Standardize": ({"n_features": 3}, {}),
    "Threshold": ({"threshold": 0.5, "value": 2.0}, {}),
    "Unflatten": ({"dim": 1, "unflattened_size": (3, 4)}, {"height": 3, "width": 4}),
    "Unfold": ({"kernel_size": 2}, {**IMAGE, "places": 4, "patches": 56}),
    "Upsample": ({"scale_factor": 2}, {**IMAGE, "rows": 18, "columns": 16}),
    "UpsamplingBilinear2d": ({"size": (5, 6)}, {**IMAGE, "rows": 5, "columns": 6}),
    "UpsamplingNearest2d": ({"size": (5, 6)}, {**IMAGE, "rows": 5, "columns": 6}),
    "ZeroPad1d": ({"padding": (1, 2)}, PADDED_LINE),
    "ZeroPad2d": ({"padding": (1, 2, 1, 2)}, PADDED_IMAGE),
}
HOLDERS = {"Module", "Listed", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList"}
SHIPPED = {name for name, cls in CLASSES.items() if cls.__module__.startswith("glassgrad.nn.")}
LAYERS = sorted(SHIPPED - HOLDERS - {"Sequential"})
ENTRY = re.compile(r"(?:(\w+): )?(?:(as \w+)|(\w*)\[(.*?)\])(?:, |$)")


def example(name):
    """The layer `name`, and lengths that its contract leaves open."""
    arguments, lengths = EXAMPLES.get(name, ({}, {}))
    try:
        return CLASSES[name](**arguments), lengths
    except TypeError as error:
        raise AssertionError(f"give an example of {name} in tests/layers.py: {error}") from None


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
