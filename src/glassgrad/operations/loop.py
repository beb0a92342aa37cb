"""Operations that fold many values into one: each says its space of points and its fold."""

from __future__ import annotations

import math
from functools import cache

from ..types import ShapeError, Type
from .domains import distinct, real
from .record import SUM, Fold, Record, Space, sample
from .view import view

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
    shapes += (((2, 700, 3), (0, 2)),)  # enough to be folded slice by slice
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


def _folded(np, operation, x, axes):
    """Slice by slice where the axes that vanish are short: NumPy takes ten times as long there."""
    places = [x.shape[a] for a in axes]
    if x.size < 4096 or axes[-1] != x.ndim - 1 or places[-1] > 16 or math.prod(places) > 64:
        return operation.reduce(x, axes, dtype=x.dtype)
    moved = x.transpose(*axes, *(a for a in range(x.ndim) if a not in axes))
    first, *others = np.ndindex(*places)
    total = moved[first].copy()
    for place in others:
        operation(total, moved[place], out=total)
    return total


sum = reduction(
    "sum",
    lambda np, x, axes: _folded(np, np.add, x, axes),
    lambda g, y, x, axes: (spread(g, x.shape, axes),),
    SUM,
    real,
)
amax = reduction(
    "amax",
    lambda np, x, axes: _folded(np, np.maximum, x, axes),
    _extremum_gradient,
    MAXIMUM,
    distinct,
)
amin = reduction(
    "amin",
    lambda np, x, axes: _folded(np, np.minimum, x, axes),
    _extremum_gradient,
    MINIMUM,
    distinct,
)

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
