"""Setting rows aside to validate on, with every label's share kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..splits import split
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
    share = max(fraction, 1.001 / n)  # one row at least, whatever rounding does
    single = bool(target.labels) and len(target.names) == 1
    codes = factors(frame[target.names[0]])[0] if single else None
    chosen[split(n, (1 - share, share), stratify=codes, seed=seed)[1]] = True
    return chosen if codes is None else chosen & (np.bincount(codes)[codes] > 1)
