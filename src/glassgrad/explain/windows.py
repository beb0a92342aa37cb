"""Convolutions and pooling as formulas: what a window sees, with all that is not the default."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..types import Shape
from .elements import array
from .formula import ATOM, PRODUCT, Term, call
from .normal import is_a

Namer = Callable[[Any], Term]


def _convolution(x: Any, a: Term, w: Term) -> Term:
    """By what is not the default: stride 2, padding 1; `expand` are zeros between elements."""
    at = x.parameters
    low, high = at["low"], at["high"]
    padding = {"padding": low} if low == high else {"padding_before": low, "padding_after": high}
    said = options(expand=at["expand"], stride=at["stride"], **padding,
                   dilation=at["dilation"], groups=(at["groups"],))  # fmt: skip
    return called("conv", [a, w], said)


def _transposed(x: Any, a: Term, w: Term) -> Term:
    """A convolution with mirrored kernels as what it is the transpose of."""
    at, size = x.parameters, x.inputs[1].shape[2:]
    padding = tuple(d * (k - 1) - low for d, k, low in zip(at["dilation"], size, at["low"]))
    more = tuple(high - low for low, high in zip(at["low"], at["high"]))
    said = options(stride=at["expand"], padding=padding, output_padding=more,
                   dilation=at["dilation"], groups=(at["groups"],))  # fmt: skip
    return called("conv_transposed", [a, w], said)


def _of_kernels(x: Any, a: Term, g: Term) -> Term:
    """The gradient of kernels: what each place of theirs saw, by the gradient of the output."""
    at, size = x.parameters, x.shape[2:]
    groups = x.inputs[0].shape[1] // x.shape[1]
    said = options(size=size, expand=at["expand"], stride=at["dilation"], padding=at["low"],
                   dilation=at["stride"], groups=(groups,))  # fmt: skip
    return called("conv_weight", [a, g], said)


def options(**given: Any) -> list[str]:
    """Those that are not 0 or 1, a number where all axes have it."""
    said = []
    for name, each in given.items():
        usual = 0 if "padding" in name else 1
        if name == "size" or set(each) != {usual}:
            value = each[0] if len(set(each)) == 1 else each
            said.append(f"{name.replace('_', ' ')} {value}")
    return said


def called(name: str, inputs: list[Term], said: list[str]) -> Term:
    """name(x, k, stride 2)."""
    more = [Term(one, rf"\text{{{one}}}") for one in said]
    found = call(name, *inputs, *more)._replace(parts=(name, *inputs))
    if name == "conv" and not said:
        (_, a), (_, w) = (i.inside(ATOM) for i in inputs)
        return found._replace(latex=rf"{a} \ast {w}", latex_binding=PRODUCT)
    return found


def channels(bias: Term) -> Term:
    """What is added to a convolution, one number for each channel, by its name alone."""
    inner = bias.split("[]")
    return bias if inner is None else inner[0]


def convolved(x: Any, name: Namer) -> Term:
    """A convolution, or as the transpose of one, which rules write with mirrored kernels."""
    a, source = array_of(x.inputs[0], name), mirrored(x.inputs[1])
    if source is not None:
        kernels = array_of(source, name)
        if (twice := kernels.split("mirror")) is not None:
            return _convolution(x, a, twice[0])
        if set(x.parameters["stride"]) == {1}:
            return _transposed(x, a, kernels)
    return _convolution(x, a, array_of(x.inputs[1], name))


def mirrored(kernels: Any) -> Any:
    """The kernels of which these are the mirror image with outputs and channels exchanged."""
    if not is_a(kernels, "slice") or min(kernels.parameters["steps"], default=1) > 0:
        return None
    source = kernels.inputs[0]
    for step in ("reshape", "view", "reshape"):
        if not is_a(source, step):
            return None
        source = source.inputs[0]
    return source


def kernels_of(x: Any, name: Namer) -> Term | None:
    """What a convolution with batch and channels exchanged gives its kernels, if it is that."""
    inner = x.inputs[0]
    exchanged = (1, 0, *range(2, len(x.shape)))
    if x.parameters.get("axes") != exchanged or not is_a(inner, "convolution"):
        return None
    a, g = inner.inputs
    way = [a]
    while len(way) < 4 and is_a(way[-1], "reshape" if len(way) % 2 else "view"):
        way.append(way[-1].inputs[0])
    if len(way) < 4 or not is_a(g, "view") or g.parameters["axes"] != exchanged:
        return None
    shown = Gradient(x.shape, inner.parameters, (way[3], g.inputs[0]))
    return _of_kernels(shown, array_of(way[3], name), array_of(g.inputs[0], name))


class Gradient(NamedTuple):
    """A gradient of kernels, with the shapes that it has before axes are exchanged."""

    shape: Shape
    parameters: dict[str, Any]
    inputs: tuple[Any, Any]


def array_of(x: Any, name: Namer) -> Term:
    """The formula of an array."""
    return array(name(x), x.shape)


# ---- pooling


def windows(x: Any, a: Term) -> Term:
    """All windows side by side; their mean has a name."""
    said = windows_said(x.parameters)
    return called("windows", [a], said)._replace(parts=("windows", a, said))


def windows_said(at: dict[str, Any]) -> list[str]:
    """window 2, stride 1: the stride where it is not the window, the padding where there is one."""
    said = [one.replace("size", "window") for one in options(size=at["size"])]
    if at["stride"] != at["size"]:
        said += options(stride=at["stride"]) or ["stride 1"]
    return said + options(padding=at.get("low", (0,)), dilation=at["dilation"])


def window_max(x: Any, a: Term) -> Term:
    """The largest of each window."""
    return called("maxpool", [a], windows_said(x.parameters))


def overlap(x: Any, a: Term) -> Term:
    """Windows put back to where they were, added up where they overlap."""
    return called("overlap", [a], windows_said(x.parameters))
