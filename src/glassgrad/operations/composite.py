"""What is made of primitives but is one node when eager: the compositions that every step runs.

Their `meaning` is read with arrays as one node, which saves the cost of a dozen; a trace reads the
same meaning with tensors, and so sees the primitives.  Only what gains measurably stands here: a
training step of a small network takes half the time (benchmarks/eager.py).
"""

from __future__ import annotations

import math

from ..types import ShapeError, Type
from .domains import index, real, unit
from .loop import contract, spread
from .record import Record, sample


def composite(name, infer, meaning, gradient, samples):
    """An operation whose meaning is a composition, with a shorter gradient rule of its own."""
    return Record(name, "composite", infer, meaning, gradient, samples=samples)


# ---- the layer: y = x W' + b, lecture H's a = h W with the weight as (outputs, inputs)


def _linear_type(x, w, b):
    if len(x.shape) != 2 or len(w.shape) != 2 or x.shape[1] != w.shape[1] or b.shape != w.shape[:1]:
        raise ShapeError(
            f"linear takes x: [batch, inputs], weight: [outputs, inputs], bias: [outputs] "
            f"and got {x}, {w}, {b}"
        )
    return Type((x.shape[0], w.shape[0]), x.dtype)


def _linear_meaning(np, x, w, b):
    """The BLAS of NumPy takes a few dozen rows through a wide layer a quarter faster transposed."""
    wide = w.shape[0] >= 128 and w.shape[1] >= 256 and w.dtype.itemsize == 4
    y = np.ascontiguousarray((w @ x.T).T) if wide and 12 <= x.shape[0] <= 64 else x @ w.T
    y += b
    return y


def _linear_gradient(g, y, x, w, b):
    return (
        contract(g, w, reads=((0, 2), (2, 1)), rank=2) if x.requires_grad else None,
        contract(g, x, reads=((2, 0), (2, 1)), rank=2) if w.requires_grad else None,
        g.sum(0) if b.requires_grad else None,
    )


LAYERS = (3, 4, 5), (1, 4, 5), (0, 4, 5), (17, 4, 5), (13, 256, 128)
linear = composite(
    "linear",
    _linear_type,
    _linear_meaning,
    _linear_gradient,
    [sample(real(n, i), real(o, i), real(o)) for n, i, o in LAYERS],
)

# ---- a step: x + a y, with one array made instead of two


def _axpy_meaning(np, x, y, a):
    z = a * y
    z += x
    return z


axpy = composite(
    "axpy",
    lambda x, y, a: x,
    _axpy_meaning,
    lambda g, z, x, y, a: (
        g,
        g * a if y.requires_grad else None,
        (g * y).sum() if a.requires_grad else None,
    ),
    [sample(real(*shape), real(*shape), real()) for shape in ((3, 4), (17,), (0, 2))],
)

# ---- the mean over some axes, with which every loss ends


def _extent(x, axes):
    return math.prod([x.shape[a] for a in axes])


mean = composite(
    "mean",
    lambda x, axes: Type(tuple(n for a, n in enumerate(x.shape) if a not in axes), x.dtype),
    lambda np, x, axes: np.add.reduce(x, axes) / _extent(x, axes),
    lambda g, y, x, axes: (spread(g / _extent(x, axes), x.shape, axes),),
    [sample(real(3, 4), axes=(0, 1)), sample(real(3, 4), axes=(1,)), sample(real(17), axes=(0,))],
)

# ---- softmax and its logarithm along one axis; the maximum is taken off, so that nothing overflows


def _softmax_meaning(np, x, axis):
    e = np.exp(x - np.maximum.reduce(x, axis, keepdims=True))
    e /= np.add.reduce(e, axis, keepdims=True)
    return e


def _log_softmax_meaning(np, x, axis):
    z = x - np.maximum.reduce(x, axis, keepdims=True)
    z -= np.log(np.add.reduce(np.exp(z), axis, keepdims=True))
    return z


def _softmax_gradient(g, y, x, axis):
    weighed = g * y
    return (weighed - y * spread(weighed.sum(axis), y.shape, (axis,)),)


def _along_axis(name, meaning, gradient):
    samples = [
        sample(real(*shape), axis=a) for shape, a in (((3, 4), 1), ((3, 4), 0), ((2, 1, 33), 2))
    ]
    return composite(name, lambda x, axis: x, meaning, gradient, samples)


softmax = _along_axis("softmax", _softmax_meaning, _softmax_gradient)
log_softmax = _along_axis(
    "log_softmax",
    _log_softmax_meaning,
    lambda g, y, x, axis: (g - y.exp() * spread(g.sum(axis), y.shape, (axis,)),),
)

# ---- negative log likelihood of labels under softmax (lecture H): log sum exp z - z[label]


def _cross_entropy_meaning(np, z, labels):
    z = z - np.maximum.reduce(z, 1, keepdims=True)
    return np.log(np.add.reduce(np.exp(z), 1)) - z[np.arange(z.shape[0]), labels]


def _slope_meaning(np, z, labels):
    """softmax(z) - I[label], the gradient of lecture H."""
    p = _softmax_meaning(np, z, 1)
    return np.where(labels[:, None] == np.arange(z.shape[1]), p - 1, p)


def _slope_gradient(g, y, z, labels):
    return _softmax_gradient(g, softmax(z, axis=1), z, 1)[0], None


LABELLED = [sample(real(n, k), index(k)(n)) for n, k in ((3, 4), (1, 1), (17, 10))]
cross_entropy_slope = composite(
    "cross_entropy_slope", lambda z, labels: z, _slope_meaning, _slope_gradient, LABELLED
)
cross_entropy = composite(
    "cross_entropy",
    lambda z, labels: Type(labels.shape, z.dtype),
    _cross_entropy_meaning,
    lambda g, y, z, labels: (
        g.reshape(-1, 1) * cross_entropy_slope(z, labels) if z.requires_grad else None,
        None,
    ),
    LABELLED,
)

# ---- negative log likelihood of a probability; PyTorch holds logarithms at -100 and slopes at 1e12


def _binary_cross_entropy_meaning(np, p, y):
    return (y - 1) * np.maximum(np.log1p(-p), -100) - y * np.maximum(np.log(p), -100)


binary_cross_entropy = composite(
    "binary_cross_entropy",
    lambda p, y: p,
    _binary_cross_entropy_meaning,
    lambda g, loss, p, y: (
        g * (p - y) / (p * (1 - p)).clamp(min=1e-12) if p.requires_grad else None,
        g * ((1 - p).log().clamp(min=-100) - p.log().clamp(min=-100)) if y.requires_grad else None,
    ),
    [sample(unit(*shape), unit(*shape)) for shape in ((3, 4), (), (0, 4), (17, 33))],
)
