"""Where a calculation normalises, as batch norm and its kin do: gamma (x - mu) / sigma + beta.

Seen by its operations, so that a normalisation written by hand is found too.  What leads from x to
the result is written as one formula; mean and variance keep lines of their own (Ioffe and Szegedy
2015, algorithm 1).  What was computed without a gradient is known by its value alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SILENT = ("view", "reshape", "cast")
Users = dict[Any, list[Any]]


@dataclass
class Normal:
    """One normalisation.

    mean, variance  their nodes; None where they are not known, or there is no mean
    inner           the nodes that are written as part of others
    gamma, beta     the leaves that scale and shift, or None
    values          {leaf: what it is}: "mu", "1 / sigma", "X - mu", or the standardised "Xhat"
    centred         whether a mean is subtracted
    output          what comes out
    """

    mean: Any = None
    variance: Any = None
    inner: list[Any] = field(default_factory=list)
    gamma: Any = None
    beta: Any = None
    values: dict[Any, str] = field(default_factory=dict)
    centred: bool = True
    output: Any = None


def root(x: Any) -> Any:
    """What a view shows."""
    while x.operation is not None and x.operation.name in SILENT:
        x = x.inputs[0]
    return x


def normals(nodes: list[Any], users: Users) -> list[Normal]:
    """All normalisations, in the order of the calculation."""
    found: list[Normal] = []
    for x in nodes:
        start = begun(x)
        if start is not None:
            followed(x, *start, users)
            if recorded(start[0]) or certain(start[0]):
                found.append(start[0])
    return found


def recorded(found: Normal) -> bool:
    """Whether mean and variance are seen by the operations, or are the running ones."""
    if found.variance is None:
        return False
    return found.variance.operation is not None or bool(found.values)


def certain(found: Normal) -> bool:
    """Whether a product with values is a normalisation, of which no statistics were recorded."""
    if found.beta is None:
        return False
    for x, what in found.values.items():
        if what == "Xhat":
            rows = x.value.reshape(len(x.value), -1)
            return bool((abs(rows.mean(1)) < 1e-3).all() and (rows.var(1) < 1.01).all())
    return found.variance is None and len(found.values) == 2


def begun(x: Any) -> tuple[Normal, Any] | None:
    """A normalisation that may start with a node, and what is scaled in it if that is known."""
    name = None if x.operation is None else x.operation.name
    if name == "rsqrt":
        return by_statistics(x)
    if name == "mul":
        number, gamma = sorted(map(root, x.inputs), key=lambda i: i.requires_grad)
        if is_scale(gamma) and is_value(number):
            whole = len(number.shape) == len(x.shape) and number.shape == x.shape
            scaled = whole and len(gamma.shape) < len(number.shape)
            return Normal(gamma=gamma, values={number: "Xhat" if scaled else "1 / sigma"}), None
    return None


def by_statistics(x: Any) -> tuple[Normal, Any] | None:
    """1 / sqrt(mean of squares + eps), of x - mean or of x itself."""
    above = root(x.inputs[0])
    variance = root(above.inputs[0]) if is_a(above, "add") else above
    if is_value(variance) and variance.name == "running_var":
        return Normal(variance=variance, inner=[above]), None
    square = root(variance.inputs[0]) if is_a(variance, "mean") else None
    if square is None or not is_a(square, "square"):
        return None
    centred, inner = root(square.inputs[0]), [square]
    found = Normal(variance=variance, inner=inner + ([above] if above is not variance else []))
    if is_a(centred, "sub") and is_a(root(centred.inputs[1]), "mean"):
        found.mean = root(centred.inputs[1])
        found.inner.append(centred)
    found.centred = found.mean is not None
    return found, centred


def followed(x: Any, found: Normal, scaled: Any, users: Users) -> None:
    """The product with what is scaled, with gamma, and the sum with beta, and what comes out."""
    found.output = x
    follow(x, found, scaled, users)
    found.inner = [x for x in found.inner if x is not found.output]


def follow(x: Any, found: Normal, scaled: Any, users: Users) -> None:
    """From one to the next as long as it is a part of the normalisation."""
    core = "Xhat" in found.values.values()
    while len(users[x]) == 1:
        above = users[x][0]
        if above.operation.name not in SILENT:
            others = [root(i) for i in above.inputs if root(i) is not root(x)]
            if len(others) != 1 or found.beta is not None:
                return
            other = others[0]
            if is_a(above, "mul") and not core and is_scaled(other, scaled):
                core = True
                centre(other, found)
            elif is_a(above, "mul") and found.gamma is None and is_scale(other):
                found.gamma = other
            elif is_a(above, "add") and core and is_learnt(other):
                found.beta = other
            else:
                return
        found.inner.append(x)
        x = above
        if above.operation.name not in SILENT:
            found.output = above


def is_scaled(other: Any, scaled: Any) -> bool:
    """Whether this is what the normalisation scales."""
    if scaled is not None:
        return other is scaled
    return is_value(other) or (is_a(other, "sub") and is_value(root(other.inputs[1])))


def centre(x: Any, found: Normal) -> None:
    """x - mu with a mean that is known by its value."""
    if found.variance is None and x.operation is None:
        found.values[x] = "X - mu"
    elif found.centred and found.mean is None:
        found.values[root(x.inputs[1])] = "mu"
        found.inner.append(x)


def is_a(x: Any, name: str) -> bool:
    """Whether a node is of an operation."""
    return x.operation is not None and x.operation.name == name


def is_value(x: Any) -> bool:
    """Whether a leaf is no number to learn and no single number."""
    return x.operation is None and not x.requires_grad and bool(x.shape)


def is_learnt(x: Any) -> bool:
    """Whether a leaf is learnt."""
    return x.operation is None and x.requires_grad


def is_scale(x: Any) -> bool:
    """Whether a leaf is the weight of a layer, and no matrix of a product."""
    return is_learnt(x) and x.name == "weight"
