"""Functions that only move elements: padding, one-hot vectors, pixels and channels, patches."""

from __future__ import annotations

import math
from typing import Any

from ...operations.index import position
from ...operations.view import overlap, place, windows
from ...tensors.creation import coerced
from ...types import ShapeError, int64
from .arguments import batched, check_range, each

__all__ = [
    "channel_shuffle", "fold", "one_hot", "pad", "pixel_shuffle", "pixel_unshuffle", "unfold",
]  # fmt: skip


# ---- padding


def pad(input, pad, mode="constant", value=None):
    """more elements at both ends of the last axes: (left, right, top, bottom, ...)

    x: [..., height, width] -> y: [..., top + height + bottom, left + width + right]

    mode   "constant" fills with `value` (0 unless given); negative numbers crop
           "reflect" mirrors without the edge, "replicate" repeats the edge, "circular" goes round
    """
    x = coerced(input)
    ends = _ends(pad, x)
    if mode == "constant":
        return _constant_pad(x, ends, 0 if value is None else value)
    if mode not in _SOURCES:
        raise NotImplementedError(
            f"mode is 'constant', 'reflect', 'replicate' or 'circular', not {mode!r}"
        )
    if value:
        raise ValueError(f'Padding mode "{mode}" doesn\'t take in value argument')
    for axis, (low, high) in ends.items():
        if low or high:
            x = _repeated(x, axis, low, high, mode)
    return x


def _ends(pad: Any, x: Any) -> dict[int, tuple[int, int]]:
    """{axis: (how many before, how many after)}."""
    listed = [int(n) for n in pad]
    if len(listed) % 2:
        raise RuntimeError(f"Padding length must be divisible by 2, and got {listed}")
    rank = len(x.shape)
    if len(listed) > 2 * rank:
        raise RuntimeError(f"padding {listed} is for {len(listed) // 2} axes, and x is {x.type_}")
    pairs = zip(listed[::2], listed[1::2])
    return {rank - 1 - i: ends for i, ends in enumerate(pairs)}


def _constant_pad(x: Any, ends: dict, value: float) -> Any:
    """Crop where numbers are negative, then put what is left into an array of `value`."""
    for axis, (low, high) in ends.items():
        length = x.shape[axis] + min(low, 0) + min(high, 0)
        if length < 0:
            raise RuntimeError(
                f"padding ({low}, {high}) crops more than axis {axis} of {x.type_} has"
            )
        x = x.narrow(axis, -min(low, 0), length)
    starts = tuple(max(ends.get(a, (0, 0))[0], 0) for a in range(len(x.shape)))
    shape = tuple(
        start + n + max(ends.get(a, (0, 0))[1], 0)
        for a, (start, n) in enumerate(zip(starts, x.shape))
    )
    if shape == x.shape:
        return x
    return x.apply(place, x, shape=shape, starts=starts, steps=(1,) * len(shape), fill=value)


def _repeated(x: Any, axis: int, low: int, high: int, mode: str) -> Any:
    """Elements taken from the inside, by where each place of the padded axis reads."""
    if mode == "circular":  # what is cropped is not gone round to
        x = _constant_pad(x, {axis: (min(low, 0), min(high, 0))}, 0)
        low, high = max(low, 0), max(high, 0)
    n = x.shape[axis]
    most = {"reflect": n - 1, "circular": n, "replicate": math.inf}[mode]
    if max(low, high) > most or n == 0 or -low - high >= n:
        raise RuntimeError(
            f"{mode} padding ({low}, {high}) of axis {axis} of {x.type_}: "
            f"at most {most} on each side"
        )
    at = x.apply(position, shape=(low + n + high,), axis=0) - low
    return x.index_select(axis, _SOURCES[mode](at, n))


_SOURCES = {
    "reflect": lambda i, n: (n - 1) - ((n - 1) - i.abs()).abs(),
    "replicate": lambda i, n: i.maximum(0).minimum(n - 1),
    "circular": lambda i, n: i % n,
}


# ---- one-hot


def one_hot(tensor, num_classes=-1):
    """1 at the place of each class number, 0 elsewhere (lecture J)

    x: int64[...] -> y: int64[..., classes]

    num_classes=-1 takes as many classes as the largest number needs.
    """
    x = coerced(tensor)
    if x.dtype != int64:
        raise RuntimeError(
            f"one_hot takes class numbers of dtype int64 and got {x.type_}; convert them by .long()"
        )
    if num_classes == -1:
        if not x.numel():
            raise RuntimeError("one_hot of no class numbers cannot tell num_classes; give it")
        num_classes = int(x.max().item()) + 1
    check_range(x, num_classes, "one_hot")
    classes = x.apply(position, shape=(num_classes,), axis=0)
    return (x.unsqueeze(-1) == classes).long()


# ---- channels and pixels


def pixel_shuffle(input, upscale_factor):
    """channels become pixels: y[c, h r + i, w r + j] = x[c r^2 + i r + j, h, w] (Shi et al. 2016)

    x: [..., channels r^2, height, width] -> y: [..., channels, height r, width r]
    """
    x, r = coerced(input), upscale_factor
    *lead, channels, height, width = _image(x, "pixel_shuffle")
    if r <= 0 or channels % (r * r):
        raise ShapeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square "
            f"of upscale_factor, but {channels} is not divisible by {r * r}"
        )
    parts = x.reshape(-1, channels // (r * r), r, r, height, width).permute(0, 1, 4, 2, 5, 3)
    return parts.reshape((*lead, channels // (r * r), height * r, width * r))


def pixel_unshuffle(input, downscale_factor):
    """pixels become channels: the inverse of `pixel_shuffle`

    x: [..., channels, height r, width r] -> y: [..., channels r^2, height, width]
    """
    x, r = coerced(input), downscale_factor
    *lead, channels, height, width = _image(x, "pixel_unshuffle")
    if r <= 0 or height % r or width % r:
        raise ShapeError(
            f"pixel_unshuffle expects height and width to be divisible by downscale_factor, but "
            f"{height} or {width} is not divisible by {r}"
        )
    parts = x.reshape(-1, channels, height // r, r, width // r, r).permute(0, 1, 3, 5, 2, 4)
    return parts.reshape((*lead, channels * r * r, height // r, width // r))


def _image(x: Any, name: str) -> tuple[int, ...]:
    if len(x.shape) < 3:
        raise ShapeError(f"{name} takes x: [..., channels, height, width] and got {x.type_}")
    return x.shape


def channel_shuffle(input, groups):
    """channels dealt out like cards: one of each group in turn (Zhang et al. 2018)

    x: [batch, channels, ...] -> y: [batch, channels, ...]
    """
    x = coerced(input)
    if len(x.shape) < 3 or groups <= 0 or x.shape[1] % groups:
        raise ShapeError(
            f"channel_shuffle takes x: [batch, channels, ...] with channels divisible by "
            f"{groups} groups and got {x.type_}"
        )
    dealt = x.reshape((x.shape[0], groups, x.shape[1] // groups, *x.shape[2:]))
    return dealt.transpose(1, 2).reshape(x.shape)


# ---- patches


def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """the patches that a kernel sees, as columns

    x: [batch, channels, height, width] -> y: [batch, channels kernel height kernel width, patches]
    """
    size, dilation, padding, stride = _patch_sizes(kernel_size, dilation, padding, stride)
    x, had_batch = batched(coerced(input), 2, "unfold")
    x = pad(x, (padding[1], padding[1], padding[0], padding[0]))
    counts = _patch_counts(x.shape[2:], size, dilation, (0, 0), stride)
    seen = x.apply(windows, x, size=size, stride=stride, dilation=dilation)
    columns = seen.permute(0, 1, 4, 5, 2, 3).reshape(
        x.shape[0], x.shape[1] * math.prod(size), math.prod(counts)
    )
    return columns if had_batch else columns.squeeze(0)


def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """patches put back and summed where they overlap: the transpose of `unfold`

    x: [batch, channels kernel height kernel width, patches] -> y: [batch, channels, height, width]
    """
    size, dilation, padding, stride = _patch_sizes(kernel_size, dilation, padding, stride)
    extents = each(output_size, 2, "output_size")
    counts = _patch_counts(extents, size, dilation, padding, stride)
    x, had_batch = batched(coerced(input), 1, "fold")
    if x.shape[1] % math.prod(size) or x.shape[2] != math.prod(counts):
        raise ShapeError(
            f"fold takes x: [batch, channels {math.prod(size)}, {math.prod(counts)}] for kernels "
            f"{list(size)} on {list(extents)}, and got {x.type_}"
        )
    parts = x.reshape(x.shape[0], x.shape[1] // math.prod(size), *size, *counts)
    parts = parts.permute(0, 1, 4, 5, 2, 3)
    padded = tuple(n + 2 * p for n, p in zip(extents, padding))
    whole = (*parts.shape[:2], *padded)
    y = x.apply(overlap, parts, shape=whole, size=size, stride=stride, dilation=dilation)
    for axis, (p, n) in enumerate(zip(padding, extents), 2):
        y = y.narrow(axis, p, n)
    return y if had_batch else y.squeeze(0)


def _patch_sizes(kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Any:
    return (
        each(kernel_size, 2, "kernel_size"),
        each(dilation, 2, "dilation"),
        each(padding, 2, "padding"),
        each(stride, 2, "stride"),
    )


def _patch_counts(extents: Any, size: Any, dilation: Any, padding: Any, stride: Any) -> tuple:
    counts = tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, d, p, s in zip(extents, size, dilation, padding, stride)
    )
    if min(counts) < 1:
        raise ShapeError(
            f"kernels {list(size)} with dilation {list(dilation)} do not fit into {list(extents)}"
        )
    return counts
