"""Convolution (cross-correlation) over any number of axes, closed under its own gradient.

y[b, o, i] = sum over c, k of w[o, c, k] x[b, c, stride i + dilation k - low], where the input has
`expand - 1` zeros between its elements, and low and high zeros at its ends (cropped if negative).
"""

from __future__ import annotations

import math

from ..types import ShapeError, Type
from .domains import real
from .loop import PRODUCTS
from .record import Record, Space, sample
from .view import meeting, window_counts, windowed

# ---- the value: x: [batch, channels, lengths], kernels: [groups, outputs of each, channels, size].
# There are three arrangements; the one is taken that moves least.


def _meaning(np, x, w, stride, low, high, expand, dilation, groups):
    kernels = w.reshape(groups, w.shape[0] // groups, *w.shape[1:])
    counts = window_counts(_lengths(x, low, high, expand), w.shape[2:], stride, dilation)
    elements, positions, places = map(math.prod, (x.shape[2:], counts, w.shape[2:]))
    one_step = all(s == 1 for s in stride) or all(e == 1 for e in expand)
    if places <= positions and one_step and kernels.shape[1] * elements < w.shape[1] * positions:
        return _scattered(np, x, kernels, counts, stride, low, expand, dilation)
    seen = windowed(np, _padded(np, x, low, high, expand), w.shape[2:], stride, dilation)
    arranged = _gathered if places <= positions else _by_channel
    return arranged(np, seen, kernels, counts)


def _gathered(np, seen, kernels, counts):
    """The windows of each row as columns of a matrix, times the kernels."""
    batch, n, (groups, outputs) = seen.shape[0], len(counts), kernels.shape[:2]
    columns = seen.transpose(0, 1, *range(2 + n, 2 + 2 * n), *range(2, 2 + n))
    columns = columns.reshape(batch, groups, math.prod(kernels.shape[2:]), math.prod(counts))
    y = kernels.reshape(groups, outputs, columns.shape[2]) @ columns
    return y.reshape(batch, groups * outputs, *counts)


def _by_channel(np, seen, kernels, counts):
    """A product for each channel, then their sum: for kernels with more places than positions.

    Such are those of a kernel's gradient, where batch and channels are exchanged.
    """
    batch, n, (groups, outputs, channels) = seen.shape[0], len(counts), kernels.shape[:3]
    positions, places = math.prod(counts), math.prod(kernels.shape[3:])
    rows = seen.reshape(batch, groups, channels, *seen.shape[2:])
    rows = rows.transpose(1, 2, 0, *range(3, 3 + 2 * n))
    rows = rows.reshape(groups, channels, batch * positions, places)
    by = kernels.reshape(groups, outputs, channels, places).transpose(0, 2, 3, 1)
    y = (rows @ by).sum(1).reshape(groups, batch, positions, outputs)
    return y.transpose(1, 0, 3, 2).reshape(batch, groups * outputs, *counts)


def _scattered(np, x, kernels, counts, stride, low, expand, dilation):
    """Each element times the kernels, then added wherever it is seen: for few outputs.

    Only for stride 1 or expand 1, where what is seen lies at equal distances.
    """
    batch, lengths = x.shape[0], x.shape[2:]
    groups, outputs, channels, *size = kernels.shape
    by = kernels.transpose(0, *range(3, kernels.ndim), 1, 2)
    by = by.reshape(groups, math.prod(size) * outputs, channels)
    products = by @ x.reshape(batch, groups, channels, math.prod(lengths))
    products = products.reshape(batch, groups, *size, outputs, *lengths)
    y = np.zeros((batch, groups, outputs, *counts), x.dtype)
    for place in np.ndindex(*size):
        firsts = [d * k - a for k, d, a in zip(place, dilation, low)]
        meet = list(map(meeting, counts, lengths, stride, expand, firsts))
        seen = products[(slice(None), slice(None), *place, slice(None), *(j for _, j in meet))]
        y[(..., *(i for i, _ in meet))] += seen
    return y.reshape(batch, groups * outputs, *counts)


def _lengths(x, low, high, expand):
    """The lengths of the input with zeros between its elements and at its ends."""
    lengths = [n * e - e + 1 if n else 0 for n, e in zip(x.shape[2:], expand)]
    return [max(a + n + b, 0) for a, n, b in zip(low, lengths, high)]


def _padded(np, x, low, high, expand):
    if not (any(low) or any(high) or expand != (1,) * len(expand)):
        return x
    y = np.zeros((*x.shape[:2], *_lengths(x, low, high, expand)), x.dtype)
    meet = [meeting(m, n, 1, e, -a) for m, n, e, a in zip(y.shape[2:], x.shape[2:], expand, low)]
    y[(..., *(i for i, _ in meet))] = x[(..., *(j for _, j in meet))]
    return y


# ---- types, space and gradient


def _type(x, w, stride, low, high, expand, dilation, groups):
    if len(x.shape) != len(w.shape) or len(x.shape) != len(stride) + 2:
        raise ShapeError(
            f"a convolution over {len(stride)} axes takes x: [batch, channels, ...] and "
            f"w: [outputs, channels, ...] and got {x} and {w}"
        )
    if x.shape[1] != w.shape[1] * groups or w.shape[0] % groups:
        raise ShapeError(
            f"kernels {w} in {groups} groups read {w.shape[1] * groups} channels "
            f"(outputs must divide by the groups), and the input {x} has {x.shape[1]}"
        )
    counts = window_counts(_lengths(x, low, high, expand), w.shape[2:], stride, dilation)
    return Type((x.shape[0], w.shape[0], *counts), x.dtype)


def _space(y, x, w, stride, low, high, expand, dilation, groups):
    """Axes: batch, group, output within the group, positions; channels within the group, places.

    An input with zeros between its elements is read where the position divides by `expand`.
    """
    n, each, channels = len(stride), w.shape[0] // groups, w.shape[1]
    extents = (x.shape[0], groups, each, *y.shape[2:], channels, *w.shape[2:])
    vanish = tuple(range(3 + n, 4 + 2 * n))
    at = tuple(
        (((3 + i, s), (4 + n + i, d)), -a, e)
        for i, (s, d, a, e) in enumerate(zip(stride, dilation, low, expand))
    )
    output = (((1, each), (2, 1)), 0, 1)
    reads = (
        (0, (((1, channels), (3 + n, 1)), 0, 1), *at),
        (output, 3 + n, *range(4 + n, 4 + 2 * n)),
    )
    return Space(extents, vanish, reads, writes=(0, output, *range(3, 3 + n)))


def _input_gradient(g, y, x, w, stride, low, high, expand, dilation, groups):
    """The same loop with mirrored kernels; stride and expand change places."""
    outputs, channels, *size = w.shape
    mirrored = w.reshape(groups, outputs // groups, channels, *size).transpose(1, 2)
    mirrored = mirrored.reshape(groups * channels, outputs // groups, *size)
    mirrored = mirrored.flip(tuple(range(2, 2 + len(size))))
    before = tuple(d * (k - 1) - a for k, d, a in zip(size, dilation, low))
    after = tuple(
        (n - 1) * e + d * (k - 1) + 1 - ((m - 1) * s + 1 if m else 0) - b
        for n, e, k, d, m, s, b in zip(
            x.shape[2:], expand, size, dilation, g.shape[2:], stride, before
        )
    )
    return convolution(
        g,
        mirrored,
        stride=expand,
        low=before,
        high=after,
        expand=stride,
        dilation=dilation,
        groups=groups,
    )


def _kernel_gradient(g, y, x, w, stride, low, high, expand, dilation, groups):
    """The same loop with batch and channels exchanged; stride and dilation change places."""
    batch, channels, size = x.shape[0], w.shape[1], w.shape[2:]
    places = range(3, 3 + len(size))
    columns = x.reshape(batch, groups, channels, *x.shape[2:]).permute(2, 1, 0, *places)
    columns = columns.reshape(channels, groups * batch, *x.shape[2:])
    kernels = g.transpose(0, 1)
    lengths = [n * e - e + 1 + a for n, e, a in zip(x.shape[2:], expand, low)]
    after = tuple(
        s * (m - 1) + d * (k - 1) + 1 - n
        for s, m, d, k, n in zip(stride, g.shape[2:], dilation, size, lengths)
    )
    y = convolution(
        columns,
        kernels,
        stride=dilation,
        low=low,
        high=after,
        expand=expand,
        dilation=stride,
        groups=groups,
    )
    return y.transpose(0, 1)


def _gradient(g, y, x, w, **parameters):
    return (
        _input_gradient(g, y, x, w, **parameters) if x.requires_grad else None,
        _kernel_gradient(g, y, x, w, **parameters) if w.requires_grad else None,
    )


def _sample(x, w, stride=1, low=0, high=None, expand=1, dilation=1, groups=1):
    each = {"stride": stride, "low": low, "high": low if high is None else high}
    each |= {"expand": expand, "dilation": dilation}
    n = len(x) - 2
    return sample(real(*x), real(*w), groups=groups, **{k: (v,) * n for k, v in each.items()})


convolution = Record(
    "convolution",
    "loop",
    infer=_type,
    meaning=_meaning,
    gradient=_gradient,
    space=_space,
    fold=PRODUCTS,
    samples=[
        _sample((2, 1, 5), (1, 1, 2)),
        _sample((2, 3, 9), (4, 3, 3), stride=2, low=1),
        _sample((2, 2, 6, 5), (3, 2, 3, 2), low=2, dilation=2),
        _sample((2, 4, 5, 5), (6, 2, 3, 3), groups=2, stride=2, low=1),
        _sample((1, 3, 7), (3, 1, 3), groups=3),
        _sample((2, 2, 4), (3, 2, 3), expand=3, low=2, high=3),
        _sample((2, 2, 8), (3, 2, 2), low=-2, high=-1),
        _sample((0, 2, 4), (3, 2, 3)),
        _sample((2, 5, 6), (2, 5, 3), stride=2, low=1),
        _sample((2, 6, 4, 3), (2, 3, 2, 2), groups=2, expand=2, low=1, dilation=2),
        _sample((2, 4, 7), (2, 4, 2), low=-2, high=3, dilation=2),
        _sample((2, 4, 6, 5), (4, 2, 5, 4), groups=2),
        _sample((2, 3, 2), (2, 3, 4)),
    ],
)
