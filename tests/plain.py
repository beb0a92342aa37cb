"""What rows and batches hold, so that those of two packages can be compared."""

import numpy as np


def plain(value):
    """Dicts, lists and text as they are; all else as (dtype, values)."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, str | bytes):
        return value
    array = np.asarray(value)
    return str(array.dtype), array.tolist()
