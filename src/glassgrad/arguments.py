"""What public functions take for an argument: one table for all of them, by the name.

    def fit(model, data, *, epochs, seed=0, ...):
        check_arguments(locals())

A name means the same wherever it stands; where it does not, the function says what it takes:
`check_arguments(locals(), rows=whole(1))`.
"""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

WHOLE, NUMBERS = (int, np.integer), (int, float, np.number)


class Kind(NamedTuple):
    """What an argument may be.

    words  what it is, after "epochs is"
    types  a value of these that does not fit is a ValueError, of others a TypeError
    fits   whether a value of these types will do
    """

    words: str
    types: Any
    fits: Callable[[Any], bool] = lambda value: True


def optional(kind: Kind) -> Kind:
    """The same, or None."""
    types = kind.types if isinstance(kind.types, tuple) else (kind.types,)
    fits = lambda value: value is None or kind.fits(value)
    return Kind(f"{kind.words}, or None", (*types, type(None)), fits)


def whole(least: int | None = None, what: str = "") -> Kind:
    """A whole number, and no truth value."""
    words = "a whole number" + (f" of {what}" if what else "")
    if least is None:
        return Kind(words, NUMBERS, is_whole)
    fits = lambda value: is_whole(value) and value >= least
    return Kind(f"{words}, at least {least}", NUMBERS, fits)


def is_whole(value: Any) -> bool:
    """Whether this is a whole number, and no truth value."""
    return isinstance(value, WHOLE) and not isinstance(value, bool)


def number(least: float = -math.inf) -> Kind:
    """A finite number, and no truth value."""
    words = "a number" + (f", at least {least:g}" if math.isfinite(least) else "")
    fits = lambda x: not isinstance(x, bool) and math.isfinite(x) and x >= least
    return Kind(words, NUMBERS, fits)


def is_loadable(value: Any) -> bool:
    """Whether this can take a state."""
    return hasattr(value, "load_state_dict") and not isinstance(value, type)


def is_shape(value: Any) -> bool:
    """Whether this is the shape of a row: 64, (64,), (3, 32, 32)."""
    sizes = value if isinstance(value, (tuple, list)) else (value,)
    return all(is_whole(size) and 0 <= size < 2**40 for size in sizes)


def are_shapes(value: Any) -> bool:
    """Whether this is the shape of a row, or a list of them."""
    return all(map(is_shape, value)) and value != [] if isinstance(value, list) else is_shape(value)


def is_pair(value: Any) -> bool:
    """Whether these are two finite numbers, and no truth values."""
    two = is_several(value) and len(list(value)) == 2
    return two and all(isinstance(x, NUMBERS) and math.isfinite(x) for x in value)


def function(words: str, *given: Any) -> Kind:
    """A function that can be called with so many arguments."""

    def fits(value: Any) -> bool:
        own = getattr(value, "forward", value)
        return callable(value) and not isinstance(value, type) and takes(own, *given)

    return Kind(words, object, fits)


def choice(*values: str) -> Kind:
    """One of some words."""
    listed = ", ".join(map(repr, values[:-1])) + f" or {values[-1]!r}"
    return Kind(listed, str, lambda value: value in values)


def is_module(value: Any) -> bool:
    """Whether this is a network, and not the class of one."""
    return hasattr(value, "named_parameters") and not isinstance(value, type)


def is_several(value: Any) -> bool:
    """Whether this can be gone through, and is no single thing: a text, a dict, a network."""
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        return False
    return bool(getattr(value, "shape", True)) and not is_module(value)


def takes(function: Any, *given: Any) -> bool:
    """Whether a function can be called with so many arguments, as far as is known."""
    try:
        inspect.signature(function).bind(*given)
    except TypeError:
        return False
    except ValueError:  # of a function that is not written in Python nothing is known
        return True
    return True


def listing(value: Any) -> list[Any]:
    """What is given one by one or in a list, as a list; None is nothing."""
    if value is None:
        return []
    return list(value) if is_several(value) else [value]


def listed(what: str) -> Kind:
    """A list, a tuple, an array or what else can be gone through."""
    return Kind(f"a list of {what}", object, is_several)


TRUTH = Kind("True or False", (bool, np.bool_, *WHOLE), lambda value: value in (0, 1))
PATH = Kind("the name of a file", (str, os.PathLike), lambda value: os.fspath(value) != "")
SHAPES = Kind("64, (3, 32, 32) or a list of shapes", object, are_shapes)
MODULE = Kind("a module, such as nn.Linear(4, 2)", object, is_module)
ANY = Kind("anything", object)
SHAPE = Kind("64 or (3, 32, 32)", object, is_shape)
SEVERAL = Kind(
    "64, (3, 32, 32), or ((3,), (4,)) of several inputs, or None",
    object,
    lambda value: value is None or is_shape(value) or (is_several(value) and are_shapes([*value])),
)
RANGE = Kind(
    "two numbers, from where to where: (-2, 2)",
    object,
    lambda value: is_pair(value) and value[0] < value[1],
)
KINDS = {
    "alphabet": Kind("a text of all characters", str),
    "batch_size": optional(whole(1, "rows")),
    "animated": TRUTH,
    "ax": optional(Kind("axes of matplotlib", object, lambda value: hasattr(value, "get_xlim"))),
    "backward": TRUTH,
    "best": TRUTH,
    "bins": whole(1),
    "brief": TRUTH,
    "class_weight": optional(Kind("'balanced' or a dict of weights", (str, Mapping))),
    "classes": optional(listed("names")),
    "cpu": Kind("the name of a processor", str),
    "derivative": TRUTH,
    "each": choice("epoch", "step"),
    "engine": choice("auto", "native", "eager"),
    "epochs": whole(0),
    "epsilon": number(0),
    "every": whole(1, "epochs"),
    "f": function("a function of a tensor: lambda x: x**2", None),
    "features": Kind("two names", object, lambda x: is_several(x) and len(listing(x)) == 2),
    "fold": optional(TRUTH),
    "gradients": TRUTH,
    "high": number(0),
    "input_shape": SHAPES,
    "into": optional(Kind("a module, or what else has load_state_dict", object, is_loadable)),
    "iterations": optional(whole(1)),
    "length": optional(whole(0)),
    "low": number(0),
    "make_model": Kind(
        "a function that gives a new module: lambda: nn.Linear(4, 2)",
        Callable,
        lambda value: not is_module(value),
    ),
    "min_delta": number(),
    "mode": optional(choice("min", "max")),
    "lr": number(0),
    "model": MODULE,
    "models": listed("modules: [net, ...]"),
    "monitor": optional(Kind("the name of a curve", str)),
    "name": optional(Kind("a name", str)),
    "names": optional(listed("names")),
    "num_workers": whole(0),
    "outputs": optional(listed("names")),
    "overwrite": TRUTH,
    "path": PATH,
    "patience": whole(0, "epochs"),
    "points": whole(3),
    "probabilities": TRUTH,
    "rate": TRUTH,
    "reach": number(0),
    "restore_best": TRUTH,
    "resume": optional(PATH),
    "rewritten": TRUTH,
    "samples": optional(whole(1)),
    "scale": TRUTH,
    "scheduler": Kind(
        "a scheduler, or a function that makes one of the optimizer",
        object,
        lambda value: hasattr(value, "step") or makes_optimizers(value),
    ),
    "seed": whole(),
    "seeds": optional(listed("whole numbers")),
    "shuffle": TRUTH,
    "simplify": TRUTH,
    "steps": whole(2),
    "timeout": number(0),
    "title": optional(Kind("a text", str)),
    "variable": Kind("a name", str),
    "values": TRUTH,
    "verbose": Kind("True or False", (bool, np.bool_, *WHOLE)),
}


def check_arguments(given: Mapping[str, Any], **kinds: Kind) -> None:
    """Each argument whose name is known is what it has to be.

    Raises:
        TypeError, ValueError: One is not; the message says what would be right.
    """
    for name, value in given.items():
        kind = kinds.get(name) or KINDS.get(name)
        swapped = is_module(given.get("X", given.get("data")))
        if kind is MODULE and swapped and not is_module(value):
            raise TypeError(f"{name} is {kind.words}, not {shown(value)}; the model comes first")
        if kind is not None:
            check_argument(name, value, kind)


def check_argument(name: str, value: Any, kind: Kind) -> None:
    """The argument is of this kind."""
    types = kind.types if isinstance(kind.types, tuple) else (kind.types,)
    if not isinstance(value, types) or not kind.fits(value):
        typed = isinstance(value, (str, *NUMBERS)) and isinstance(value, types)
        error = ValueError if typed and object not in types else TypeError
        inside = " (its .model is one)" if is_module(getattr(value, "model", None)) else ""
        raise error(f"{name} is {kind.words}, not {shown(value)}{inside}")


def makes_optimizers(value: Any) -> bool:
    """Whether this is the class of an optimizer, or a function."""
    kind = hasattr(value, "step") if isinstance(value, type) else not is_module(value)
    return callable(value) and kind


def shown(value: Any) -> str:
    """A short value as it is written, else what it is: `1.5`, `'a'`, `a Sequential`."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    plain = value is None or isinstance(value, (bool, int, float, np.number, str, bytes))
    written = repr(value.item() if isinstance(value, np.number) else value) if plain else ""
    kind = type(value).__name__
    article = "an" if kind[0] in "AEIOUaeiou" else "a"
    return written if 0 < len(written) <= 40 else f"{article} {kind}"


def array_of(name: str, values: Any, dtype: Any = None) -> np.ndarray:
    """Values as an array.

    Raises:
        TypeError: They are no numbers, or their lists are of different lengths.
    """
    try:
        found = np.asarray(values, dtype)
    except (TypeError, ValueError):
        raise TypeError(f"{name} is a list of numbers, not {shown(values)} of others") from None
    plain = found.dtype != object or all(isinstance(x, str) for x in found.flat)
    if not plain:
        raise TypeError(f"{name} is a list of numbers or names, not {shown(values)} of others")
    return found
