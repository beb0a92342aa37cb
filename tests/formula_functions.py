"""What functions in formulas mean: convolution, pooling and their transposes, place by place."""

import numpy as np


def softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def each(value, axes):
    return (value,) * axes if isinstance(value, int) else value


def conv(
    x, k, stride=1, padding=0, dilation=1, groups=1, expand=1, padding_before=0, padding_after=0
):
    """Place by place of the kernels."""
    n = x.ndim - 2
    stride, padding, dilation, expand = (each(v, n) for v in (stride, padding, dilation, expand))
    before, after = each(padding_before or padding, n), each(padding_after or padding, n)
    wide = np.zeros((*x.shape[:2], *((m - 1) * e + 1 for m, e in zip(x.shape[2:], expand))))
    wide[(..., *(slice(None, None, e) for e in expand))] = x
    wide = np.pad(wide, [(0, 0), (0, 0), *zip(before, after)])
    counts = [(m - d * (s - 1) - 1) // t + 1
              for m, d, s, t in zip(wide.shape[2:], dilation, k.shape[2:], stride)]  # fmt: skip
    y = np.zeros((x.shape[0], k.shape[0], *counts))
    outputs, channels = k.shape[0] // groups, k.shape[1]
    for o in range(k.shape[0]):
        first = o // outputs * channels
        for place in np.ndindex(*k.shape[2:]):
            seen = (slice(d * q, d * q + t * (c - 1) + 1, t)
                    for d, q, t, c in zip(dilation, place, stride, counts))  # fmt: skip
            part = wide[(slice(None), slice(first, first + channels), *seen)]
            y[:, o] += np.einsum("bc...,c->b...", part, k[(o, slice(None), *place)])
    return y


def transpose_of(function, shape, y):
    """The transpose of a linear function of arrays of a shape."""
    x = np.zeros(shape)
    for place in np.ndindex(*shape):
        unit = np.zeros(shape)
        unit[place] = 1
        x[place] = (function(unit) * y).sum()
    return x


def conv_transposed(y, k, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    n = y.ndim - 2
    stride, padding, more, dilation = (
        each(v, n) for v in (stride, padding, output_padding, dilation)
    )
    lengths = [(m - 1) * s - 2 * p + d * (q - 1) + 1 + o for m, s, p, d, q, o in
               zip(y.shape[2:], stride, padding, dilation, k.shape[2:], more)]  # fmt: skip
    shape = (y.shape[0], k.shape[1] * groups, *lengths)
    kept = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return transpose_of(lambda x: conv(x, k, **kept), shape, y)


def conv_weight(x, y, size, groups=1, padding=0, **options):
    """What each place of the kernels saw, by y; beyond its ends x is 0."""
    shape = (y.shape[1], x.shape[1] // groups, *each(size, x.ndim - 2))

    before = each(padding, x.ndim - 2)
    options |= {"padding_before": before, "padding_after": tuple(n + 9 for n in before)}

    def cut(k):
        return conv(x, k, groups=groups, **options)[tuple(map(slice, y.shape))]

    return transpose_of(cut, shape, y)


def pooled(fold):
    def written(x, window, stride=None, padding=0, dilation=1):
        n = len(window) if isinstance(window, tuple) else min(x.ndim - 2, 2)
        window = each(window, n)
        stride = window if stride is None else each(stride, n)
        padding, dilation = each(padding, n), each(dilation, n)
        lead = x.ndim - n
        x = np.pad(x, [(0, 0)] * lead + [(p, p) for p in padding], constant_values=-np.inf if
                   fold is np.max and any(padding) else 0)  # fmt: skip
        counts = [(m - d * (w - 1) - 1) // s + 1
                  for m, w, s, d in zip(x.shape[lead:], window, stride, dilation)]  # fmt: skip
        seen = [
            x[(..., *(slice(d * q, d * q + s * (c - 1) + 1, s)
                      for d, q, s, c in zip(dilation, place, stride, counts)))]
            for place in np.ndindex(*window)
        ]  # fmt: skip
        return fold(np.stack(seen), axis=0)

    return written


POINTWISE = {
    "log": np.log, "sqrt": np.sqrt, "tanh": np.tanh, "sin": np.sin, "cos": np.cos, "sgn": np.sign,
    "max": np.maximum, "min": np.minimum, "arctan": np.arctan,
}  # fmt: skip
FUNCTIONS = {
    "permute": lambda x, *order: np.transpose(x, [int(i) for i in order]),
    "reshape": lambda x, *shape: x.reshape([int(n) for n in shape]),
    "stack": lambda *x, axis=0: np.stack(x, axis),
    "concatenate": lambda *x, axis=0: np.concatenate(x, axis),
    "expand": lambda x, *shape: np.broadcast_to(x, [int(n) for n in shape]),
    "flat": lambda x: x.reshape(-1),
    "flatten": lambda x: x.reshape(len(x), -1),
    "conv": conv,
    "conv_transposed": conv_transposed,
    "conv_weight": conv_weight,
    "maxpool": pooled(np.max),
    "avgpool": pooled(np.mean),
}
