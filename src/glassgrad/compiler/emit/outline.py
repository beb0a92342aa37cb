"""Long functions written once and called, where writing them out at every point would be too much.

A tile has up to two dozen vectors, and an error function sixty instructions: written out, a kernel
would take longer to compile than a training to run.  The bits are the same either way.
"""

from __future__ import annotations

from typing import Any

from ...types import bool_
from .functions import Functions
from .lanes import Lanes
from .register import Register

LINES = {  # roughly how long the functions are, in float32
    "exp": 26, "exp2": 26, "expm1": 40, "log": 32, "log2": 34, "log10": 34, "log1p": 45,
    "tanh": 35, "sigmoid": 30, "softplus": 75, "logaddexp": 80, "erf": 80, "erfc": 120,
    "erfinv": 120, "pow": 110, "sin": 60, "cos": 60, "tan": 90, "asin": 70, "acos": 70, "atan": 60,
    "atan2": 80, "sinh": 60, "cosh": 60, "asinh": 70, "acosh": 70, "atanh": 60, "hypot": 20,
    "digamma": 300, "lgamma": 300, "polygamma": 500, "bessel": 500,
}  # fmt: skip
MOST = 200  # so many lines of one function in a block are written out


class Outline(Functions):
    """The text of a function of vectors that gives one."""

    def __init__(self, name: str, operation: Any, inputs: list[Register], parameters: dict) -> None:
        super().__init__(name, "")
        arguments = [Register(self, f"%x{i}", x.dtype, True) for i, x in enumerate(inputs)]
        found = operation.meaning(self, *arguments, **parameters)
        listed = ", ".join(f"{x.type} {x.name}" for x in arguments)
        self.result = found.dtype
        self.head = f"define internal {found.type} @{name}({listed}) noinline {{\nentry:"
        self.end = f"ret {found.type} {self.splat(found).name}\n}}\n"


class Outlining(Lanes):
    """Decides between writing an operation out and calling it."""

    points = 1  # how many vectors are worked on together
    results: dict[str, Any]

    def computed(self, operation: Any, inputs: list[Any], parameters: dict) -> Any:
        """An elementwise operation on registers and numbers."""
        size = LINES.get(operation.name, 0) * max((_pieces(x) for x in inputs), default=1)
        if size * self.points <= MOST or not any(isinstance(x, Register) for x in inputs):
            return operation.meaning(self, *inputs, **parameters)
        known = [x for x in inputs if isinstance(x, Register)]
        if not any(x.wide for x in known) or any(x.dtype == bool_ for x in known):
            return operation.meaning(self, *inputs, **parameters)
        return self.called(operation, inputs, parameters)

    def called(self, operation: Any, inputs: list[Any], parameters: dict) -> Register:
        """A call of the operation as a function of the module; numbers are part of its name."""
        values = [self.splat(x) if isinstance(x, Register) else x for x in inputs]
        facts = [x.suffix if isinstance(x, Register) else repr(x) for x in values]
        facts += [f"{k}{v!r}" for k, v in sorted(parameters.items())]
        name = "call_" + "_".join([operation.name, *map(_plain, facts)])
        registers = [x for x in values if isinstance(x, Register)]
        if name not in self.helpers:
            body = Outline(name, _Bound(operation, values), registers, parameters)
            self.helpers.update(body.helpers)
            self.helpers[name] = body.text()
            self.results[name] = body.result
        listed = ", ".join(f"{x.type} {x.name}" for x in registers)
        dtype = self.results[name]
        kind = Register(self, "", dtype, True).type
        return self.instruction(f"call {kind} @{name}({listed})", dtype, True)


class _Bound:
    """An operation some of whose inputs are numbers."""

    def __init__(self, operation: Any, values: list[Any]) -> None:
        self.operation, self.values = operation, values

    def meaning(self, np: Any, *registers: Any, **parameters: Any) -> Any:
        given = iter(registers)
        inputs = [next(given) if isinstance(x, Register) else x for x in self.values]
        return self.operation.meaning(np, *inputs, **parameters)


def _pieces(x: Any) -> int:
    """Doubles need polynomials twice as long."""
    return 2 if isinstance(x, Register) and x.dtype.itemsize == 8 else 1


def _plain(text: str) -> str:
    """A text as part of a name: other letters by their numbers."""
    return "".join(c if c.isalnum() else f"_{ord(c)}_" for c in text)
