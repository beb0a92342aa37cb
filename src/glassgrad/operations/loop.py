"""Operations that fold many values into one: each says its space of points and its fold."""

from __future__ import annotations

import math
from functools import cache

from ..types import ShapeError, Type
from .domains import distinct, real
from .record import Fold, Record, Space, sample
from .view import view, window_counts, windowed

SUM = Fold(0.0, lambda np, total, x: total + x, lambda np, x, y: x + y)
PRODUCTS = Fold(0.0, lambda np, total, a, b: total + a * b, lambda np, x, y: x + y)
MAXIMUM = Fold(
    -math.inf, lambda np, total, x: np.maximum(total, x), lambda np, x, y: np.maximum(x, y)
)
MINIMUM = Fold(
    math.inf, lambda np, total, x: np.minimum(total, x), lambda np, x, y: np.minimum(x, y)
)

# ---- reductions over some axes, which vanish from the shape


def _reduced_type(x, axes):
    return Type(tuple(n for a, n in enumerate(x.shape) if a not in axes), x.dtype)


def _reduction_space(y, x, axes):
    kept = [a for a in range(len(x.shape)) if a not in axes]
    order = [*kept, *axes]
    vanish = tuple(range(len(kept), len(order)))
    reads = tuple(order.index(a) for a in range(len(x.shape)))
    return Space(tuple(x.shape[a] for a in order), vanish, (reads,))


def spread(g, shape, axes):
    """A reduction's transpose: `g` repeated along the axes that vanished."""
    return view(g, shape=shape, axes=tuple(a for a in range(len(shape)) if a not in axes))


def _extremum_gradient(g, y, x, axes):
    """Ties share the gradient evenly, as in torch.amax."""
    winners = x.eq(spread(y, x.shape, axes)).to(x.dtype)
    return (winners * spread(g / winners.sum(axes), x.shape, axes),)


def reduction(name, meaning, gradient, fold, domain):
    """A loop over one input that folds `axes` away."""
    shapes = (((3, 4), (0,)), ((3, 4), (1,)), ((3, 4), (0, 1)), ((17, 2, 33), (0, 2)), ((1,), (0,)))
    samples = [sample(domain(*shape), axes=axes) for shape, axes in shapes]
    return Record(
        name,
        "loop",
        _reduced_type,
        meaning,
        gradient,
        space=_reduction_space,
        fold=fold,
        samples=samples,
    )


sum = reduction(
    "sum",
    lambda np, x, axes: x.sum(axes, x.dtype),
    lambda g, y, x, axes: (spread(g, x.shape, axes),),
    SUM,
    real,
)
amax = reduction("amax", lambda np, x, axes: x.max(axes), _extremum_gradient, MAXIMUM, distinct)
amin = reduction("amin", lambda np, x, axes: x.min(axes), _extremum_gradient, MINIMUM, distinct)

# ---- contraction: matmul of any rank, einsum and tensordot are this one.
# Labels 0 ... rank - 1 are the axes of the output in order; the labels that follow are summed over.
# `reads` has for each input the label of each of its axes: x W' is ((0, 2), (1, 2)) of rank 2.


def _extents(reads, *inputs):
    found: dict[int, int] = {}
    for labels, x in zip(reads, inputs, strict=True):
        for label, n in zip(labels, x.shape, strict=True):
            if found.setdefault(label, n) != n:
                raise ShapeError(
                    f"a contraction of {' and '.join(map(str, inputs))} meets {found[label]} "
                    f"with {n} elements: axes that are summed over together have equal lengths"
                )
    return tuple(found[label] for label in sorted(found))


@cache
def _contraction(reads, rank):
    """The quickest function of (a, b): transpose to [batch, m, k] and [batch, k, n], matmul."""
    first, second = reads
    if rank == 2 and (first, second) in MATRICES:
        return MATRICES[first, second]
    batch = tuple(i for i in first if i in second and i < rank)
    inner = tuple(i for i in first if i in second and i >= rank)
    rows = tuple(i for i in first if i not in second)
    columns = tuple(i for i in second if i not in first)
    a_order = tuple(map(first.index, batch + rows + inner))
    b_order = tuple(map(second.index, batch + inner + columns))
    y_labels = batch + rows + columns
    y_order = tuple(map(y_labels.index, range(rank)))
    n_batch, n_rows = len(batch), len(rows)

    def contraction(a, b):
        a, b = a.transpose(a_order), b.transpose(b_order)
        outer, m, k = (
            a.shape[:n_batch],
            a.shape[n_batch : n_batch + n_rows],
            a.shape[n_batch + n_rows :],
        )
        n = b.shape[n_batch + len(k) :]
        y = a.reshape(*outer, math.prod(m), math.prod(k)) @ b.reshape(
            *outer, math.prod(k), math.prod(n)
        )
        return y.reshape((*outer, *m, *n)).transpose(y_order)

    return contraction


MATRICES = {
    ((0, 2), (2, 1)): lambda a, b: a @ b,
    ((0, 2), (1, 2)): lambda a, b: a @ b.T,
    ((2, 0), (2, 1)): lambda a, b: a.T @ b,
    ((2, 0), (1, 2)): lambda a, b: a.T @ b.T,
    ((1, 2), (0, 2)): lambda a, b: b @ a.T,
    ((2, 1), (0, 2)): lambda a, b: b @ a,
    ((1, 2), (2, 0)): lambda a, b: b.T @ a.T,
    ((2, 1), (2, 0)): lambda a, b: b.T @ a,
}


@cache
def _transposed_reads(reads, rank, which):
    """Reads of the gradient for input `which`: its own axes come first, the rest is summed over."""
    mine, other = reads[which], reads[1 - which]
    number = {label: i for i, label in enumerate(mine)}
    for label in (*range(rank), *other):
        number.setdefault(label, len(number))
    return tuple(number[i] for i in range(rank)), tuple(number[i] for i in other)


def _contraction_gradient(g, y, a, b, reads, rank):
    return tuple(
        contract(g, other, reads=_transposed_reads(reads, rank, which), rank=len(reads[which]))
        if x.requires_grad
        else None
        for which, (x, other) in enumerate(((a, b), (b, a)))
    )


def _contraction_space(y, a, b, reads, rank):
    extents = _extents(reads, a, b)
    return Space(extents, tuple(range(rank, len(extents))), reads)


contract = Record(
    "contract",
    "loop",
    infer=lambda a, b, reads, rank: Type(_extents(reads, a, b)[:rank], a.dtype),
    meaning=lambda np, a, b, reads, rank: _contraction(reads, rank)(a, b),
    gradient=_contraction_gradient,
    space=_contraction_space,
    fold=PRODUCTS,
    samples=[
        sample(real(3, 4), real(4, 5), reads=((0, 2), (2, 1)), rank=2),
        sample(real(3, 4), real(5, 4), reads=((0, 2), (1, 2)), rank=2),
        sample(real(4), real(4), reads=((0,), (0,)), rank=0),
        sample(real(3), real(2), reads=((0,), (1,)), rank=2),
        sample(real(2, 3, 4), real(2, 4, 5), reads=((0, 1, 3), (0, 3, 2)), rank=3),
        sample(real(2, 3, 4), real(4, 5), reads=((1, 0, 3), (3, 2)), rank=3),
        sample(real(2, 3, 4), real(4, 2), reads=((2, 0, 1), (1, 2)), rank=1),
        sample(real(3, 0), real(0, 5), reads=((0, 2), (2, 1)), rank=2),
        sample(real(17, 33), real(33, 9), reads=((1, 2), (2, 0)), rank=2),
    ],
)

# ---- convolution (cross-correlation) over any number of axes, closed under its own gradient:
# y[b, o, i] = sum over c, k of w[o, c, k] x[b, c, stride i + dilation k - low], where the input has
# `expand - 1` zeros between its elements, and low and high zeros at its ends (cropped if negative).


def _padded(np, x, low, high, expand):
    if not (any(low) or any(high) or expand != (1,) * len(expand)):
        return x
    lengths = [max(n * e - e + 1, 0) if n else 0 for n, e in zip(x.shape[2:], expand)]
    y = np.zeros(
        (*x.shape[:2], *(max(a + n + b, 0) for a, n, b in zip(low, lengths, high))), x.dtype
    )
    source, target = [slice(None)] * 2, [slice(None)] * 2
    for n, e, a, m in zip(x.shape[2:], expand, low, y.shape[2:]):
        first = max(-(a // e), 0) if a < 0 else 0  # the first element that is not cropped
        count = max(min(n - first, (m - 1 - a - first * e) // e + 1), 0)
        source.append(slice(first, first + count))
        target.append(
            slice(a + first * e, a + (first + count - 1) * e + 1, e) if count else slice(0, 0)
        )
    y[tuple(target)] = x[tuple(source)]
    return y


def _convolution_meaning(np, x, w, stride, low, high, expand, dilation, groups):
    """Windows as the columns of a matrix, then a product with the kernels of each group."""
    n, (outputs, channels, *size) = len(stride), w.shape
    columns = windowed(np, _padded(np, x, low, high, expand), size, stride, dilation)
    counts = columns.shape[2 : 2 + n]
    columns = columns.transpose(0, 1, *range(2 + n, 2 + 2 * n), *range(2, 2 + n))
    inner = channels * math.prod(size)
    columns = columns.reshape(x.shape[0], groups, inner, math.prod(counts))
    y = w.reshape(groups, outputs // groups, inner) @ columns
    return y.reshape(x.shape[0], outputs, *counts)


def _convolution_type(x, w, stride, low, high, expand, dilation, groups):
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
    lengths = [
        a + (n * e - e + 1 if n else 0) + b for n, e, a, b in zip(x.shape[2:], expand, low, high)
    ]
    counts = window_counts(lengths, w.shape[2:], stride, dilation)
    return Type((x.shape[0], w.shape[0], *counts), x.dtype)


def _convolution_space(y, x, w, stride, low, high, expand, dilation, groups):
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
        n * e - e + d * (k - 1) + 1 - ((m - 1) * s + 1) - b if m else 0
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


def _convolution_gradient(g, y, x, w, **parameters):
    return (
        _input_gradient(g, y, x, w, **parameters) if x.requires_grad else None,
        _kernel_gradient(g, y, x, w, **parameters) if w.requires_grad else None,
    )


def _convolution_sample(x, w, stride=1, low=0, high=None, expand=1, dilation=1, groups=1):
    each = {"stride": stride, "low": low, "high": low if high is None else high}
    each |= {"expand": expand, "dilation": dilation}
    n = len(x) - 2
    return sample(real(*x), real(*w), groups=groups, **{k: (v,) * n for k, v in each.items()})


convolution = Record(
    "convolution",
    "loop",
    infer=_convolution_type,
    meaning=_convolution_meaning,
    gradient=_convolution_gradient,
    space=_convolution_space,
    fold=PRODUCTS,
    samples=[
        _convolution_sample((2, 1, 5), (1, 1, 2)),
        _convolution_sample((2, 3, 9), (4, 3, 3), stride=2, low=1),
        _convolution_sample((2, 2, 6, 5), (3, 2, 3, 2), low=2, dilation=2),
        _convolution_sample((2, 4, 5, 5), (6, 2, 3, 3), groups=2, stride=2, low=1),
        _convolution_sample((1, 3, 7), (3, 1, 3), groups=3),
        _convolution_sample((2, 2, 4), (3, 2, 3), expand=3, low=2, high=3),
        _convolution_sample((2, 2, 8), (3, 2, 2), low=-2, high=-1),
        _convolution_sample((0, 2, 4), (3, 2, 3)),
    ],
)

# ---- running sums


def _cumsum_gradient(g, y, x, axis):
    return (cumsum(g.flip(axis), axis=axis).flip(axis),)


cumsum = Record(
    "cumsum",
    "scan",
    infer=lambda x, axis: x,
    meaning=lambda np, x, axis: np.cumsum(x, axis, x.dtype),
    gradient=_cumsum_gradient,
    samples=[sample(real(3, 4), axis=0), sample(real(3, 4), axis=1), sample(real(0), axis=0)],
)
