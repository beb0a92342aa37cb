"""Where in a network an error arose, said so that it can be mended.

A ShapeError passes through the modules that called each other.  The innermost says what it takes
and what it got, a container adds what the layer before gave, each adds the name of its child to the
path, and the text is made anew at each, so that the outermost has the whole of it:

    stack.2 (Linear) takes inputs of 128 features and got 100
        input: f32[32, 100]  ->  weight: f32[10, 128]
        stack.1 (ReLU) gave f32[32, 100]; it comes from stack.0 = Linear(784, 100)
        digits.py:14    return self.stack(features)
        Make stack.0 = Linear(784, 128), or stack.2 = Linear(100, 10).

Other errors keep their words and get a note of the place, which a traceback shows below them.
"""

from __future__ import annotations

import inspect
import linecache
import math
import os
import sys
from typing import Any

import numpy as np

from ..tensors.node import user_frame
from ..tensors.tensor import Tensor
from ..types import ShapeError
from .architecture import arguments, shipped

NOT_THE_USERS = {__name__.split(".")[0], "numpy", *sys.stdlib_module_names}
TAKES = ("in_features", "n_features", "in_channels", "num_features", "num_channels")
GIVES = ("out_features", "out_channels", "embedding_dim")


class Place:
    """What is known of an error so far; paths grow at the front as it goes outwards."""

    def __init__(self, error: Exception, module: Any, inputs: tuple) -> None:
        self.problem, self.notes = str(error), list(getattr(error, "__notes__", ()))
        self.inputs, self.line = inputs, user_line(error)
        self.layer, self.path = module, ""
        self.outermost = module
        self.before: list[tuple[str, Any]] = []  # in a container, nearest first

    def outwards(self, module: Any) -> None:
        """Go out into a module that called the one so far."""
        name = next((n for n, m in module.named_modules() if m is self.outermost), "")
        self.path = joined(name, self.path)
        self.before = [(joined(name, path), layer) for path, layer in self.before]
        self.outermost = module
        if not self.before and hasattr(module, "layers_before"):
            self.before = module.layers_before(self.path.split(".")[0])

    def text(self) -> str:
        """The whole message."""
        wanted, got = misfit(self.layer, self.inputs)
        what = f" takes inputs of {wanted} and got {got}" if wanted else f": {self.problem}"
        lines = [self._name() + what, self._types(), *self._history(), self.line, *self._remedy()]
        return "\n    ".join(filter(None, lines))

    def note(self) -> str:
        """Only the place, for errors that have said what is wrong."""
        return "\n    ".join(filter(None, [f"in {self._name()}", self._types(), self.line]))

    def _name(self) -> str:
        """`stack.2 (Linear)`"""
        kind = type(self.layer).__name__
        return f"{self.path} ({kind})" if self.path else kind

    def _types(self) -> str:
        """`input: f32[32, 100]  ->  weight: f32[10, 128]`."""
        if not shipped(type(self.layer)):
            return ""
        names = list(inspect.signature(type(self.layer).forward).parameters)[1:]
        given = [f"{n}: {_type(x)}" for n, x in zip(names, self.inputs) if isinstance(x, Tensor)]
        own = [f"{n}: {_type(x)}" for n, x in self.layer.named_parameters() if n.endswith("weight")]
        return ", ".join(given) + ("  ->  " + ", ".join(own[:1]) if own else "")

    def _history(self) -> list[str]:
        if not self.before or not self.inputs:
            return []
        (path, layer), gave = self.before[0], f"gave {_type(self.inputs[0])}"
        origin = self._origin()
        if origin is None:
            return [f"{path} ({type(layer).__name__}) {gave}"]
        written = f"{origin[0]} = {constructor(origin[1])}"
        if origin[1] is layer:
            return [f"{written} {gave}"]
        return [f"{path} ({type(layer).__name__}) {gave}; it comes from {written}"]

    def _origin(self) -> tuple[str, Any, str] | None:
        """The nearest layer before that chose the number of features: path, layer, argument."""
        for path, layer in self.before:
            argument = width(layer, GIVES)
            if argument is not None:
                return path, layer, argument
        return None

    def _remedy(self) -> list[str]:
        """Both ends between which the numbers of features disagree, as they would agree."""
        argument = width(self.layer, TAKES)
        numbers = features(self.layer, self.inputs)
        if argument is None or numbers is None or numbers[0] == numbers[1]:
            return []
        wanted, got = numbers
        shape = self.inputs[0].shape
        if argument == "in_features" and len(shape) > 2 and math.prod(shape[1:]) == wanted:
            flat = f"[{shape[0]}, {wanted}]"
            return [
                f"Flatten the input, by x.flatten(1) or a layer nn.Flatten(): it is then {flat}."
            ]
        ways = []
        if origin := self._origin():
            path, layer, given = origin
            if getattr(layer, given) == got:
                ways.append(f"{path} = {constructor(layer, given, wanted)}")
        own = f"{self.path} = " if self.path else ""
        ways.append(own + constructor(self.layer, argument, got))
        return [f"Make {', or '.join(ways)}."]


def located(error: Exception, module: Any, inputs: tuple) -> None:
    """Say in the error that it passed through `module`, called with `inputs`.

    TypeError if the trouble is that a layer of this package was given something else than a tensor.
    """
    place = vars(error).get("_place")
    if place is None:
        _refuse_untyped(error, module, inputs)
        place = vars(error)["_place"] = Place(error, module, inputs)
    else:
        place.outwards(module)
    if isinstance(error, ShapeError):
        error.args = (place.text(),)
    else:
        vars(error)["__notes__"] = [*place.notes, place.note()]


def blame_data(error: Exception) -> None:
    """Where a trained model got rows of another width, advise about them and not about a layer."""
    place = vars(error).get("_place")
    if place is None:
        return
    wanted, got = misfit(place.layer, place.inputs)
    *lines, last = str(error).split("\n    ")
    if wanted and place._origin() is None and last.startswith("Make "):
        advice = f"Give rows of the {wanted} that the model was made for; these have {got}."
        error.args = ("\n    ".join([*lines, advice]),)


def _refuse_untyped(error: Exception, module: Any, inputs: tuple) -> None:
    """A TypeError instead of what comes of an array or a list where a tensor is wanted."""
    untyped = inputs and isinstance(inputs[0], (np.ndarray, list, tuple, int, float))
    if untyped and isinstance(error, AttributeError) and shipped(type(module)):
        raise TypeError(
            f"{type(module).__name__} takes tensors and got a {type(inputs[0]).__name__}; "
            "write gg.tensor(...) around it"
        ) from None


def width(layer: Any, names: Any) -> str | None:
    """The argument by which a layer of this package says how many features it takes or gives."""
    own = names if shipped(type(layer)) else ()
    return next((n for n in own if isinstance(getattr(layer, n, None), int)), None)


def features(layer: Any, inputs: tuple) -> tuple[int, int] | None:
    """How many features a layer takes, and how many it got."""
    argument = width(layer, TAKES)
    if argument is None or not inputs or not isinstance(inputs[0], Tensor):
        return None
    shape, axis = inputs[0].shape, 1
    spatial = type(layer).__name__[-2:]  # "2d": channels stand before two axes
    if argument in ("in_features", "n_features"):
        axis = -1
    elif spatial in ("1d", "2d", "3d") and len(shape) > int(spatial[0]) + 2:
        return None  # what is wrong is the number of axes
    elif spatial in ("1d", "2d", "3d") and not (argument == "num_features" and len(shape) == 2):
        axis = -1 - int(spatial[0])
    elif spatial in ("2d", "3d"):
        return None
    if not -len(shape) <= axis < len(shape):
        return None
    return getattr(layer, argument), shape[axis]


def misfit(layer: Any, inputs: tuple) -> tuple[str, str]:
    """What a layer takes and what it got, in words; empty where that is not the trouble."""
    numbers = features(layer, inputs)
    if numbers is None or numbers[0] == numbers[1]:
        return "", ""
    called = "channels" if "channels" in str(width(layer, TAKES)) else "features"
    return f"{numbers[0]} {called}", str(numbers[1])


def constructor(layer: Any, argument: str | None = None, value: Any = None) -> str:
    """How the layer is written, `Linear(784, 100)`, perhaps with one argument changed."""
    given = arguments(layer)
    if argument is not None:
        given = {**given, argument: value}
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(type(layer).__init__).parameters.items()
    }
    parts = []
    for name, v in given.items():
        if defaults[name] is inspect.Parameter.empty:
            parts.append(repr(v))
        elif defaults[name] is not v and defaults[name] != v:
            parts.append(f"{name}={v!r}")
    return f"{type(layer).__name__}({', '.join(parts)})"


def user_line(error: BaseException) -> str:
    """`digits.py:14    return self.stack(features)`: the user's innermost line."""
    frame = user_frame()
    found = frame, frame.f_lineno
    traceback = error.__traceback__
    while traceback is not None:  # from the call that failed inwards
        if traceback.tb_frame.f_globals.get("__name__", "").split(".")[0] not in NOT_THE_USERS:
            found = traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next
    file, number = found[0].f_code.co_filename, found[1]
    line = linecache.getline(file, number).strip()
    return f"{os.path.basename(file)}:{number}    {line}".rstrip()


def joined(*names: str) -> str:
    """Names as a path."""
    return ".".join(filter(None, names))


def _type(x: Any) -> str:
    return str(x.type_) if isinstance(x, Tensor) else type(x).__name__
