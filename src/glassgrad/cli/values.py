"""What `glassgrad show` says of tensors and of checkpoints: a table, never long arrays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .. import files
from ..data.tables.errors import counted, shortened
from ..tensors import Tensor
from ..training.checkpoint import KIND
from ..training.history import History
from ..training.summary import size_text
from .terminal import aligned, indented, result

SHORT = 4  # so many numbers are written out
OF_VALUES = """\
In Python:
    import glassgrad as gg
    values = gg.load({path!r})  # a {kind}"""
OF_A_STATE = "    model.load_state_dict(values{part})  # if that of such a model was saved"
OF_A_CHECKPOINT = """\
In Python:
    import glassgrad as gg
    gg.load({path!r}, into=model)  # the weights, into a model of such layers
    gg.fit(model, data, resume={path!r}, ...)  # with more epochs the training goes on"""
HEAD = ("name", "type", "shape", "numbers", "values")


def show_values(found: Any, path: Path) -> None:
    """Describe what is no model: a checkpoint, or tensors and numbers."""
    if files.metadata(path).get("kind") == KIND:
        show_checkpoint(found, path)
        return
    result(table_of(found))
    result(OF_VALUES.format(path=str(path), kind=type(found).__name__))
    if isinstance(found, dict):
        parts = {"": found} | {f"[{key!r}]": part for key, part in found.items()}
        states = [place for place, part in parts.items() if is_state(part)]
        for part in states[:1]:
            result(OF_A_STATE.format(part=part))


def is_state(value: Any) -> bool:
    """Whether a value may be the state of a model: tensors by name, at least one of them."""
    return isinstance(value, dict) and any(isinstance(x, Tensor) for x in value.values())


def show_checkpoint(state: dict, path: Path) -> None:
    """Describe a training in progress: how far it is, how it goes, and its weights.

    Raises:
        FileError: The file says that it is a checkpoint, and lacks what one has.
    """
    try:
        for line in aligned(facts(state)):
            result(indented(line))
        result(f"\n{table_of(state['model'])}")
    except (KeyError, TypeError, AttributeError, ValueError, IndexError):
        raise files.FileError(f"{path} is corrupt: it lacks what a checkpoint has") from None
    result(OF_A_CHECKPOINT.format(path=str(path)))


def facts(state: dict) -> Iterator[tuple[str, str]]:
    """How far a training is, what it reached, and what it is made of."""
    history, settings = History.of(state["history"]), dict(state["settings"])
    name = settings.pop("optimizer", "")
    settings.pop("options", None)
    ended = f"; {state['stopped']}" if state["stopped"] else ""
    yield "checkpoint", "of a training by gg.fit"
    epochs, steps = counted(state["epoch"], "epoch"), counted(state["step"], "update")
    yield "trained", f"{epochs}, {steps}{ended}"
    yield "reached", "; ".join(line.strip() for line in history.lines())
    yield "settings", ", ".join(f"{key} {value}" for key, value in settings.items())
    for group in state["optimizer"]["param_groups"]:
        used = {k: v for k, v in group.items() if k != "params" and v not in (None, False)}
        numbers = ", ".join(f"{key} {value}" for key, value in used.items())
        yield "optimizer", f"{name}{', ' * bool(name)}{numbers}"
    yield "callbacks", ", ".join(kind for kind, _ in state["callbacks"]) or "none with a state"


# ---- tensors


def table_of(found: Any) -> str:
    """Each tensor by name, type, shape, count and range; of other values what they are."""
    entries = list(flat(found))
    rows = [HEAD, *(row_of(name, value) for name, value in entries)]
    wide = [max(len(row[at]) for row in rows) for at in range(len(HEAD))]
    lines = [
        "  ".join(
            cell.rjust(n) if name == "numbers" else cell.ljust(n)
            for name, cell, n in zip(HEAD, row, wide, strict=True)
        ).rstrip()
        for row in rows
    ]
    tensors = [value for _, value in entries if isinstance(value, Tensor)]
    total = f"{counted(sum(x.numel() for x in tensors), 'number')} in "
    total += f"{counted(len(tensors), 'tensor')}, {size_text(sum(x.nbytes for x in tensors))}"
    rule = "-" * max(map(len, lines))
    return "\n".join([lines[0], rule, *lines[1:], rule, f"{total}\n"])


def flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """What is in dicts, and in lists of more than numbers and texts, by the path to it."""
    inner: Any = None
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, (list, tuple)) and any(isinstance(v, HOLDING) for v in value):
        inner = enumerate(value)
    if inner is None or not value:
        yield name, value
        return
    for key, below in inner:
        yield from flat(below, f"{name}.{key}" if name else str(key))


HOLDING = (dict, list, tuple, Tensor)


def row_of(name: str, value: Any) -> tuple[str, str, str, str, str]:
    """The cells of one value."""
    if isinstance(value, Tensor):
        kind, shape = str(value.type_).split("[", 1)
        return name, kind, f"[{shape}", f"{value.numel():,}", range_of(np.asarray(value.value))
    if isinstance(value, (list, tuple)):
        shown = ", ".join(map(repr, value[:SHORT])) + ", ..." * (len(value) > SHORT)
        return name, type(value).__name__, f"[{len(value)}]", "", shown
    return name, type(value).__name__, "", "", shortened(repr(value))


def range_of(array: np.ndarray) -> str:
    """The numbers of a short array; of a long one the least and the greatest."""
    if array.size <= SHORT:
        one = str if array.dtype.kind == "b" else "{:.4g}".format
        return ", ".join(map(one, array.ravel().tolist()))
    finite, strange = array[np.isfinite(array)], not_finite(array)
    text = f"{finite.min():.4g} to {finite.max():.4g}" if finite.size else ""
    return f"{text}{'; ' * bool(text)}{strange:,} not finite" if strange else text


def not_finite(array: np.ndarray) -> int:
    """How many numbers are infinite or none."""
    return array.size - int(np.isfinite(array).sum())
