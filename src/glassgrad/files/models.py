"""`save` and `load`: models with their architecture, and dicts of tensors and numbers.

A file is a safetensors container with one note, JSON:

    version       of this layout
    kind          "model" or "values"
    class         name of the model's class, never a place to import it from
    architecture  what `nn.build` makes the model from, where every layer is of this package
    values        the state of the model, or the dict, with the names of arrays in place of tensors
    training      whether the model was in training mode
    frozen        the parameters that were not to be learnt
    metadata      what the user wanted to stand beside it
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from .. import nn
from ..arguments import check_arguments
from ..tensors import Tensor
from ..tensors.creation import limited
from ..tensors.device import checked_device
from ..tensors.generator import default_generator
from .container import ENTRY, named, read, read_texts, write
from .errors import ArchitectureError, FileError
from .values import Writer, decode

VERSION = 1
SPARE = 1_000_000  # elements that a model may have beside what its file holds


def save(model: Any, path: Any, metadata: dict | None = None) -> None:
    """Write a model, or a dict of tensors and numbers, to a safetensors file.

    model     a module, or tensors, arrays, numbers, texts, None, and dicts, lists, tuples of these
    path      a file name, or a binary stream
    metadata  anything that JSON holds; `files.metadata(path)` gives it back

    A model is saved with its weights and its architecture, so that `gg.load(path)` makes it again;
    of classes that are not of this package the names are saved, and `load` wants the model to load
    into.  The file is written aside and renamed, so that it is whole or as it was before.

    Raises:
        FileError: The file cannot be written.
        TypeError: Something in the dict is none of the above.
    """
    writer = Writer()
    note: dict[str, Any] = {"version": VERSION, "kind": "values"}
    state = model
    if isinstance(model, nn.Module):
        note |= note_of_model(model)
        state = model.state_dict()
    elif hasattr(model, "state_dict"):
        kind = type(model).__name__
        raise TypeError(f"gg.save: of a {kind} the state is saved: gg.save(x.state_dict(), path)")
    note["values"] = writer.encode(state)
    note["metadata"] = checked_metadata(metadata)
    write(path, writer.arrays, note)


def load(
    path: Any, map_location: Any = None, *, into: Any = None, weights_only: bool | None = None
) -> Any:
    """The model, or the dict, that `gg.save` wrote; files that PyTorch's users write give dicts.

    path          a file name, or a binary stream
    map_location  the CPU, as a name or device, or a dict or function of devices as in PyTorch
    into          a model (or optimizer) of the user's own, which takes the state and is returned;
                  of a checkpoint the weights (or the optimizer's state)
    weights_only  accepted as in PyTorch: nothing in the file is ever executed

    The model is as it was when saved, with dtypes, shared
    weights, frozen parameters and training mode; `into` takes values only.

    Raises:
        FileError: There is no such file; it is truncated, corrupt, of another kind or of a newer
            version; it holds a model of the user's own classes and `into` is not given, or no
            state for `into`.
        RuntimeError: `into` is a model of other layers than the saved one.
    """
    check_arguments({"into": into})
    if (
        map_location is not None
        and not isinstance(map_location, dict)
        and not callable(map_location)
    ):
        checked_device(map_location)
    name = named(path)
    note, state = contents(path)
    if into is not None:
        into.load_state_dict(state_for(into, state, name))
        return into
    if note is None or note["kind"] == "values":
        return state
    return built(note, state, name)


def contents(path: Any) -> tuple[dict[str, Any] | None, Any]:
    """The note of a file, if glassgrad has written it, and the state of a model, or the dict.

    Raises:
        FileError: As for `load`, and it may hold a model of the user's own classes.
    """
    name = named(path)
    arrays, texts = read(path)
    note = note_of(texts, name)
    tensors = {key: Tensor.lift(array) for key, array in arrays.items()}
    if note is not None:
        return note, decoded(note, tensors, name)
    tensors |= {key: tensors[kept] for key, kept in texts.items() if kept in tensors}
    return None, tensors


def state_for(into: Any, state: Any, name: str) -> Any:
    """What a model or an optimizer takes of what a file holds: of a checkpoint its part."""
    is_model = isinstance(into, nn.Module)
    part = state.get("model" if is_model else "optimizer") if isinstance(state, dict) else None
    if isinstance(part, dict):
        return part
    parts = [k for k, v in state.items() if isinstance(v, dict)] if isinstance(state, dict) else []
    if is_model and parts and not any(key in state for key in into.state_dict()):
        ways = " or ".join(f"[{key!r}]" for key in parts)
        raise FileError(
            f"{name} is not the state of a model but a dict with more in it; take the part that "
            f"is: model.load_state_dict(gg.load({name!r}){ways})"
        )
    return state


def metadata(path: Any) -> dict[str, Any]:
    """What `gg.save` was given as metadata; of other safetensors files the texts in the header.

    Raises:
        FileError: As for `load`.
    """
    texts = read_texts(path)
    note = note_of(texts, named(path))
    return texts if note is None else note["metadata"]


def description(path: Any) -> dict[str, Any]:
    """What stands in the file beside its arrays: kind, class, architecture, values, metadata.

    Raises:
        FileError: As for `load`, and if glassgrad has not written the file.
    """
    note = note_of(read_texts(path), named(path))
    if note is None:
        raise FileError(
            f"{named(path)} was not written by gg.save: it has weights and no architecture"
        )
    return note


# ---- the note


def note_of_model(model: Any) -> dict[str, Any]:
    """What is said of a model beside its state."""
    frozen = [name for name, p in model.named_parameters() if not p.requires_grad]
    return {
        "kind": "model",
        "class": type(model).__name__,
        "architecture": nn.describe(model),
        "training": model.training,
        "frozen": frozen,
    }


def checked_metadata(metadata: dict | None) -> dict:
    """The metadata, if JSON gives it back."""
    try:
        text = json.dumps(metadata or {}, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"gg.save: metadata is what JSON holds: {error}") from None
    if not isinstance(metadata or {}, dict):
        raise TypeError(f"gg.save: metadata is a dict, not a {type(metadata).__name__}")
    return json.loads(text)


def note_of(texts: dict[str, str], name: str) -> dict | None:
    """The note of glassgrad in the texts of a header, or None if there is none.

    Raises:
        FileError: It is of a newer version, or not as `save` writes it.
    """
    if ENTRY not in texts:
        return None
    try:
        note = json.loads(texts[ENTRY])
    except (ValueError, RecursionError):
        raise FileError(f"{name} is corrupt: its description is no JSON") from None
    version = note.get("version") if isinstance(note, dict) else None
    if isinstance(version, int) and version > VERSION:
        raise FileError(
            f"{name} was written by a newer glassgrad (layout {version}; this one reads up to "
            f"{VERSION}): pip install --upgrade glassgrad"
        )
    if version != VERSION or note.get("kind") not in ("model", "values") or "values" not in note:
        raise FileError(f"{name} is corrupt: its description lacks what gg.save writes")
    if not isinstance(note.setdefault("metadata", {}), dict):
        raise FileError(f"{name} is corrupt: its metadata is no dict")
    return note


def decoded(note: dict, tensors: dict[str, Tensor], name: str) -> Any:
    """The value in the note, with the tensors of the file."""
    try:
        return decode(note["values"], tensors)
    except (FileError, TypeError, ValueError, RecursionError) as error:
        raise FileError(f"{name} is corrupt: {error}") from None


def built(note: dict, state: dict, name: str) -> Any:
    """The model that a note describes, with its state; the random state stays as it was."""
    drawn = default_generator.get_state()
    try:
        strange = nn.architecture.foreign(note["architecture"])
        if strange:
            raise ArchitectureError(own_classes(name, note["class"], strange))
        with limited(SPARE + 2 * sum(x.numel() for x in state.values() if isinstance(x, Tensor))):
            model = nn.build(note["architecture"])
        if key := misfit(model, state):
            raise ArchitectureError(
                f"{name}: {key} in it does not fit the layers as they are constructed; if they "
                f"were changed after that, make the model so and gg.load({name!r}, into=model)"
            )
        restore(model, state, note)
    except FileError:
        raise
    except Exception as error:  # whatever a description that does not fit may do to constructors
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FileError(f"{name} is corrupt: the model in it cannot be built ({line})") from None
    finally:
        default_generator.set_state(drawn)
    return model


def misfit(model: Any, state: dict) -> str:
    """The first entry that only one of model and state has, or that has another shape there."""
    own = model.state_dict()
    keys = [k for k in {**own, **state} if shape_of(own.get(k)) != shape_of(state.get(k))]
    return keys[0] if keys else ""


def shape_of(entry: Any) -> Any:
    """The shape of a tensor, the type of something else."""
    return entry.shape if isinstance(entry, Tensor) else type(entry)


def restore(model: Any, state: dict, note: dict) -> None:
    """Give a new model the state, dtypes and modes of the saved one."""
    for key, x in model.state_dict(keep_vars=True).items():
        if isinstance(x, Tensor) and state[key].dtype != x.dtype:
            x.data = np.empty(x.shape, state[key].dtype)
    model.load_state_dict(state)
    for name in note["frozen"]:
        model.get_parameter(name).requires_grad_(False)
    model.train(note["training"])


def own_classes(name: str, model: str, strange: dict[str, str]) -> str:
    """What to do about a model of the user's own classes."""
    listed = ", ".join(f"{path} ({cls})" if path else cls for path, cls in strange.items())
    way = (
        f"gg.load({name!r}, into={model}())" if "" in strange else f"gg.load({name!r}, into=model)"
    )
    article = "an" if model.startswith(tuple("AEIOU")) else "a"
    return (
        f"{name} holds {article} {model} with the state of classes of your own: {listed}; "
        f"make the model and load into it: {way}"
    )
