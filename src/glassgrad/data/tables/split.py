"""Setting rows aside to validate on, with every label's share kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from .read import as_frame
from .targets import Target
from .values import factors


def validation_rows(table: Any, target: Target, fraction: float, seed: int = 0) -> np.ndarray:
    """Which rows to validate on: random ones, of each label of a single target its share.

    A label that comes only once is not among them, so that it can be learned.

    table: [rows] -> [rows], bool
    """
    frame = as_frame(table)
    n = len(frame)
    chosen = np.zeros(n, dtype=bool)
    if not fraction or not n:
        return chosen
    share = max(fraction, 1 / n)
    order = np.random.default_rng(seed).permutation(n)
    stratified = bool(target.labels) and len(target.names) == 1
    codes = factors(frame[target.names[0]])[0] if stratified else np.zeros(n, dtype=np.intp)
    order = order[np.argsort(codes[order], kind="stable")]
    # Every 1/share-th row of those sorted by label: of each label as many as it has its share.
    steps = np.floor(np.arange(n + 1) * share + 1e-9)
    chosen[order[np.diff(steps) > 0]] = True
    once = np.bincount(codes)[codes] == 1
    return chosen & ~(once & stratified)
