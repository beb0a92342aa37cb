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


def options_of(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The hyper-parameters of each group; what is no plain value as text."""
    plain = (bool, int, float, str, tuple, type(None))
    return [
        {n: x if isinstance(x, plain) else repr(x) for n, x in group.items() if "param" not in n}
        for group in groups
    ]


def check_settings(own: dict[str, Any], state: dict[str, Any], path: Any) -> None:
    """The training goes on as it began.

    Options of the optimizer may also be those of the checkpoint, which a schedule has changed.
    """
    settings = dict(state["settings"])
    begun = settings.pop("options", None)
    weights = only_weights(path)
    for name, value in settings.items():
        if own.get(name) != value:
            raise ValueError(
                f"{path} is of a training with {name}={value!r}, and this one has "
                f"{name}={own.get(name)!r}; go on with the same, or {weights}"
            )
    now = options_of(state["optimizer"]["param_groups"])
    for number, (given, *known) in enumerate(zip(own["options"], begun or now, now)):
        for name, value in given.items():
            if value not in [options.get(name, value) for options in known]:
                raise ValueError(
                    f"{path} is of a training with {name}={known[0][name]!r}, and this one has "
                    f"{name}={value!r}; go on with the same, and change it by a callback, in "
                    f"on_epoch_start: run.optimizer.param_groups[{number}][{name!r}] = {value!r}; "
                    f"or {weights}"
                )


def matched(callbacks: list, states: list, path: Any) -> list[tuple[Any, dict[str, Any]]]:
    """Each callback with the state of the first of its kind; those without one begin anew.

    Raises:
        ValueError: One that was there, and may have changed the training, is missing.
    """
    left = [list(pair) for pair in states]
    found = []
    for callback in callbacks:
        name = type(callback).__name__
        if (pair := next((p for p in left if p[0] == name), None)) is not None:
            left.remove(pair)
            found.append((callback, pair[1]))
    missing = [name for name, _ in left if name != "Checkpoint"]
    if missing:
        raise ValueError(
            f"{path} is of a training with callbacks=[{missing[0]}(...)]; give one to go on as it "
            f"began, or {only_weights(path)}"
        )
    return found


def only_weights(path: Any) -> str:
    """How to begin anew from the weights."""
    return f"load only weights: model.load_state_dict(gg.load({str(path)!r})['model'])"


def resume(run: Any, state: dict[str, Any], path: Any) -> None:
    """Put a training into the state of a checkpoint.

    Raises:
        ValueError: The checkpoint is of a training with other settings, or with callbacks that are
            missing.
        RuntimeError: It is of another model.
    """
    check_settings(run.settings, state, path)
    told = matched(with_state(run.callbacks), state["callbacks"], path)
    run.model.load_state_dict(state["model"])
    run.optimizer.load_state_dict(state["optimizer"])
    for name, generator in generators(run).items():
        generator.set_state(state["random"][name])
    for callback, kept in told:
        callback.load_state_dict(kept)
    run.history = History.of(state["history"])
    run.epoch, run.step = state["epoch"], state["step"]
    run.stopped = state["stopped"]
