"""How a tensor is printed: as in PyTorch, `tensor([1., 2.], requires_grad=True)`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..types import bool_, int64
from . import state as modes

options: dict[str, Any] = {
    "precision": 4,
    "threshold": 1000,
    "edgeitems": 3,
    "linewidth": 80,
    "sci_mode": None,
}


def set_printoptions(**changes) -> None:
    """Change `precision`, `threshold`, `edgeitems`, `linewidth`, `sci_mode`."""
    for name, value in changes.items():
        if name == "profile":
            raise ValueError("profiles are not offered; name the options themselves")
        if name not in options:
            raise TypeError(f"there is no print option {name!r}; there are {', '.join(options)}")
        if value is not None:
            options[name] = value


def text(x) -> str:
    """The tensor as `repr` shows it."""
    if not isinstance(x.value, np.ndarray):
        return f"traced({x.type_})"
    head = "Parameter containing:\ntensor(" if type(x).__name__ == "Parameter" else "tensor("
    notes = []
    if x.dtype not in (modes.default_dtype, int64, bool_) or (
        not x.numel() and x.dtype != modes.default_dtype
    ):
        notes.append(f"dtype={x.dtype}")
    if not x.numel() and x.shape != (0,):
        notes.insert(0, f"size={tuple(x.shape)}")
    if x.operation is not None:
        notes.append(f"grad_fn=<{x.operation.name}>")
    elif x.requires_grad:
        notes.append("requires_grad=True")
    body = _array(x.value) if x.numel() else "[]"
    return ", ".join([head + body, *notes]) + ")"


def _array(value) -> str:
    return np.array2string(
        value,
        separator=", ",
        prefix="tensor(",
        threshold=options["threshold"],
        edgeitems=options["edgeitems"],
        max_line_width=options["linewidth"] + 2,
        formatter={"float_kind": _numbers(value)} if value.dtype.kind == "f" else None,
    )


def _numbers(value):
    """One format for all numbers: fixed, or scientific where they spread over many magnitudes."""
    finite = np.abs(value[np.isfinite(value) & (value != 0)]).astype(np.float64)
    digits = options["precision"]
    whole = bool(np.all(finite == np.floor(finite)))
    wide = finite.size and (
        finite.max() >= 1e8
        or (not whole and (finite.max() / finite.min() > 1000 or finite.min() < 1e-4))
    )
    if options["sci_mode"] or (options["sci_mode"] is None and wide):
        form = f".{digits}e"
    else:
        form = ".0f" if whole else f".{digits}f"
    dot = "." if form == ".0f" else ""
    known = value[np.isfinite(value)]
    ends = (known.max(), known.min()) if known.size and value.ndim else ()
    width = max((len(format(v, form) + dot) for v in ends), default=0)
    return lambda v: (format(v, form) + (dot if np.isfinite(v) else "")).rjust(width)
