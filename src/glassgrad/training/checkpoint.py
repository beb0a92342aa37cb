"""Checkpoints: a training in progress as a file, and back to the same bits."""

from __future__ import annotations

from typing import Any

from .. import files
from ..files import FileError
from ..tensors.generator import default_generator
from .history import History

KIND = "checkpoint of a training"


def write(run: Any, path: Any) -> None:
    """Write weights, optimizer, random state, history and the state of every callback.

    Raises:
        FileError: The file cannot be written; the one before it stays.
    """
    files.save(state_of(run), path, metadata={"kind": KIND})


def state_of(run: Any) -> dict[str, Any]:
    """Everything that changes during a training."""
    return {
        "settings": run.settings,
        "epoch": run.epoch,
        "step": run.step,
        "stopped": run.stopped,
        "model": run.model.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "random": {name: generator.get_state() for name, generator in generators(run).items()},
        "history": run.history.state_dict(),
        "callbacks": [[type(c).__name__, c.state_dict()] for c in with_state(run.callbacks)],
    }


def with_state(callbacks: list) -> list:
    """The callbacks that have something to keep; others may differ when a training goes on."""
    return [callback for callback in callbacks if callback.state_dict()]


def generators(run: Any) -> dict[str, Any]:
    """The random streams that the training draws from."""
    own = getattr(getattr(run.subtrain, "loader", None), "generator", None)
    return {"default": default_generator} | ({} if own is None else {"loader": own})


def read(path: Any) -> dict[str, Any]:
    """The state that `write` wrote.

    Raises:
        FileError: There is no such file, it is damaged, or no checkpoint.
    """
    if files.metadata(path).get("kind") != KIND:
        raise FileError(f"{path} is no checkpoint; load a model by gg.load(path)")
    return files.load(path)


def resume(run: Any, state: dict[str, Any], path: Any) -> None:
    """Put a training into the state of a checkpoint.

    Raises:
        ValueError: The checkpoint is of a training with other settings or callbacks.
        RuntimeError: It is of another model.
    """
    for name, value in state["settings"].items():
        if run.settings.get(name) != value:
            raise ValueError(
                f"{path} is of a training with {name}={value!r}, and this one has "
                f"{name}={run.settings.get(name)!r}; go on with the same, or load only weights: "
                f"model.load_state_dict(gg.load({str(path)!r})['model'])"
            )
    names = [name for name, _ in state["callbacks"]]
    callbacks = with_state(run.callbacks)
    own = [type(c).__name__ for c in callbacks]
    if names != own:
        raise ValueError(f"{path} is of a training with callbacks {names}, and this one has {own}")
    run.model.load_state_dict(state["model"])
    run.optimizer.load_state_dict(state["optimizer"])
    for name, generator in generators(run).items():
        generator.set_state(state["random"][name])
    for callback, (_, kept) in zip(callbacks, state["callbacks"]):
        callback.load_state_dict(kept)
    run.history = History.of(state["history"])
    run.epoch, run.step = state["epoch"], state["step"]
    run.stopped = state["stopped"]
