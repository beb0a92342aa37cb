"""Distances and angles between vectors."""

from __future__ import annotations

import numpy as np

from ...tensors.creation import coerced
from ...tensors.joins import broadcast_tensors
from ...types import ShapeError

__all__ = ["cosine_similarity", "normalize", "pairwise_distance", "pdist"]


def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    """x1 . x2 / (|x1| |x2|) along `dim`, lengths held at eps and above; shapes broadcast

    x1: [batch, features], x2: the same -> y: [batch]
    """
    x1, x2 = broadcast_tensors(x1, x2)
    lengths = [x.norm(2, dim).clamp(min=eps) for x in (x1, x2)]
    return (x1 * x2).sum(dim) / (lengths[0] * lengths[1])


def pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdim=False):
    """|x1 - x2 + eps| of order p along the last axis; shapes broadcast

    x1: [batch, features], x2: the same -> y: [batch]
    """
    return (coerced(x1) - coerced(x2) + eps).norm(p, -1, keepdim)


def pdist(input, p=2):
    """The distances of order p of all pairs of rows: (0, 1), (0, 2), ..., (n - 2, n - 1)

    x: [rows, features] -> y: [rows (rows - 1) / 2]
    """
    x = coerced(input)
    if len(x.shape) != 2:
        raise ShapeError(f"pdist takes x: [rows, features] and got {x.type_}")
    first, second = map(x.lift, np.triu_indices(x.shape[0], 1))
    difference = x.index_select(0, first) - x.index_select(0, second)
    return difference.norm(p, -1)


def normalize(input, p=2.0, dim=1, eps=1e-12):
    """x / |x| of order p along `dim`; lengths are held at eps and above

    x: [...] -> y: [...]
    """
    x = coerced(input)
    return x / x.norm(p, dim, keepdim=True).clamp(min=eps)
