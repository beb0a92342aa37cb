"""How a tensor is printed: as in PyTorch, `tensor([1., 2.], requires_grad=True)`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..types import bool_, int64
from . import state as modes

PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}
options: dict[str, Any] = {**PROFILES["default"], "sci_mode": None}


def set_printoptions(**changes) -> None:
    """Change `precision`, `threshold`, `edgeitems`, `linewidth`, `sci_mode`, or all by `profile`.

    The profiles are "default", "short" and "full", which leaves no element out.
    """
    profile = changes.pop("profile", None)
    if profile is not None and profile not in PROFILES:
        raise ValueError(f"there is no profile {profile!r}; there are {', '.join(PROFILES)}")
    unknown = [name for name in changes if name not in options]
    if unknown:
        raise TypeError(f"there is no print option {unknown[0]!r}; there are {', '.join(options)}")
    options.update(PROFILES.get(profile, {}))
    options.update({name: value for name, value in changes.items() if value is not None})
    options["sci_mode"] = changes.get("sci_mode")


def text(x) -> str:
    """The tensor as `repr` shows it."""
    if not isinstance(x.value, np.ndarray):
        return f"traced({x.type_})"
    head = "Parameter containing:\n" if type(x).__name__ == "Parameter" else ""
    notes = []
    if not x.numel() and x.shape != (0,):
        notes.append(f"size={tuple(x.shape)}")
    if x.dtype not in (modes.default_dtype, int64, bool_) or (
        not x.numel() and x.dtype != modes.default_dtype
    ):
        notes.append(f"dtype={x.dtype}")
    if x.operation is not None:
        notes.append(f"grad_fn=<{x.operation.name}>")
    elif x.requires_grad:
        notes.append("requires_grad=True")
    return head + _noted("tensor(" + (_array(x.value) if x.numel() else "[]"), notes)


def _noted(body: str, notes: list[str]) -> str:
    """`body` with notes behind it, on a new line where the last one is full."""
    used = len(body) - body.rfind("\n") + 1
    for note in notes:
        full = used + len(note) + 2 > options["linewidth"]
        body += (",\n" + " " * len("tensor(") if full else ", ") + note
        used = len("tensor(") + len(note) if full else used + len(note) + 2
    return body + ")"


def _array(value) -> str:
    cut = value.size > options["threshold"]
    written, width = _cells(_ends(value) if cut else value)
    return _rows(value, lambda v: written(v).rjust(width), width, len("tensor("), cut)


def _rows(value, cell, width, indent, cut) -> str:
    """An array in brackets: a line for each row, or more where a row is long."""
    if not value.ndim:
        return cell(value.item())
    edge = options["edgeitems"]
    cut_here = cut and len(value) > 2 * edge
    parts = [value[:edge], value[len(value) - edge :]] if cut_here else [value]
    if value.ndim > 1:
        blocks = [[_rows(v, cell, width, indent + 1, cut) for v in part] for part in parts]
        gap = "," + "\n" * (value.ndim - 1) + " " * (indent + 1)
        return "[" + gap.join(_joined(blocks, "...")) + "]"
    cells = _joined([list(map(cell, part.tolist())) for part in parts], " ...")
    count = max(1, (options["linewidth"] - indent) // (width + 2))
    lines = [", ".join(cells[i : i + count]) for i in range(0, len(cells), count)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _joined(parts: list[list[str]], between: str) -> list[str]:
    return parts[0] if len(parts) == 1 else [*parts[0], between, *parts[1]]


def _ends(value):
    """The elements of a large array that are printed: its ends along each axis."""
    edge = options["edgeitems"]
    for axis, n in enumerate(value.shape):
        if n > 2 * edge:
            value = value.take([*range(edge), *range(n - edge, n)], axis)
    return value


def _cells(shown) -> tuple[Callable, int]:
    """How each element is written, and the width of the widest."""
    if shown.dtype.kind != "f":
        return str, max(len(str(v)) for v in np.unique(shown).tolist())
    finite = shown[np.isfinite(shown)].astype(np.float64)
    form = _form(finite)
    dot = "." if form == ".0f" else ""
    extremes = [e for half in (finite[finite < 0], finite[finite > 0]) for e in _extremes(half)]
    width = max((len(format(v, form) + dot) for v in extremes), default=1)
    return lambda v: format(v, form) + (dot if math.isfinite(v) else ""), width


def _form(finite) -> str:
    """One format for all numbers: fixed, or scientific where they spread over many magnitudes."""
    sizes = np.abs(finite[finite != 0]) if finite.any() else np.ones(1)
    whole = bool(np.all(finite == np.rint(finite)))
    wide = sizes.max() > 1e8 or sizes.max() / sizes.min() > 1000
    wide = wide or (not whole and sizes.min() < 1e-4)
    if wide if options["sci_mode"] is None else options["sci_mode"]:
        return f".{options['precision']}e"
    return ".0f" if whole else f".{options['precision']}f"


def _extremes(numbers) -> tuple:
    return (numbers.min(), numbers.max()) if numbers.size else ()
