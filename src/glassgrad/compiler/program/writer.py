"""From a graph to statements: what each node is called, and what is written behind `=`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from ...operations import TABLE
from ...types import Type, broadcast_shapes
from ..graph import Graph, is_constant, number_of
from .helpers import global_names, helper_name, pieces
from .names import RESERVED, Names, comment
from .places import place_of, wishes
from .tables import table_text
from .text import SIGN, WRITER, Text, UnwritableError, written
from .views import Reading, both, position, reduction, repeated, reshape, slice_, view

LONGEST_INLINE, LONGEST_REPEATED = 48, 28

FORMS: dict[str, Callable] = {
    "view": view,
    "reshape": reshape,
    "slice": slice_(TABLE["slice"]),
    "position": position,
    "sum": reduction("sum"),
    "amax": reduction("max"),
    "amin": reduction("min"),
}
INLINE = {"view", "reshape", "slice", "position"}
EXPRESSIONS = {"contract"}  # read although their meaning uses functions of its module


class Statement(NamedTuple):
    """One line of the program: what is computed, and where the user wrote it."""

    name: str
    text: str
    type_: Type
    place: str

    def __str__(self) -> str:
        return f"{self.name + ' = ' + self.text:<55}  # {self.type_}  {self.place}".rstrip()


class Check(NamedTuple):
    """A refusal: what must be zero, and what is said if it is not."""

    text: str
    explain: str

    def __str__(self) -> str:
        said = self.explain.replace("{value}", "a value").replace("{", "{{").replace("}", "}}")
        for place in ("row", "place"):
            said = said.replace(f"{{{{{place}}}}}", f"{{np.argwhere({self.text})[0]}}")
        return f"if np.any({self.text}):\n        raise ValueError(f{said!a})"


class Writer:
    """Writes each node once, where it is computed.

    known       {node: its readings}
    functions   {name: text} of what stands before the step
    tables      {name: text} of the arrays that belong to the program
    own         {name: function} of what no text can say: users' operations
    """

    def __init__(self, graph: Graph) -> None:
        self.graph, self.nodes = graph, graph.nodes
        self.known: dict[Any, Reading] = {}
        self.functions: dict[str, str] = {}
        self.tables: dict[str, str] = {}
        self.own: dict[str, Callable] = {}
        self.statements: list[Statement | Check] = []
        self.places: dict[Any, str] = {}
        self.ways = self.found_ways()
        self.names = Names({*RESERVED, *self.functions})
        self.arguments = [self.argument(x) for x in (*graph.inputs, *graph.cells, *graph.hypers)]
        self.wishes = wishes(graph, self.nodes, self.known)
        self.uses = Counter(i for x in self.nodes for i in x.inputs)
        self.roots = {*graph.outputs, *graph.updates.values()}
        self.write_all(dict(graph.checks))
        self.outputs = [self.result(x, "output") for x in graph.outputs]
        self.updates = [
            self.result(x, f"new_{self.known[c].exact}") for c, x in graph.updates.items()
        ]

    def write_all(self, checks: dict[Any, str]) -> None:
        """Nodes in their order; tables when they are first used, as leaves have no order."""
        for x in [*(x for x in self.nodes if x.operation is not None), *self.graph.roots]:
            for i in (*x.inputs, x):
                self.write(i)
            if x in checks:
                said = comment(checks.pop(x), 400)
                self.statements.append(Check(self.known[x].exact.text, said))

    # ---- names

    def argument(self, x: Any) -> str:
        """The name of something that the step is given."""
        name = self.names.fresh(self.graph.names.get(x) or x.name or "value")
        self.known[x] = both(Text(name, x.shape, x.dtype))
        return name

    def name(self, x: Any) -> str:
        """The name of a value that is computed."""
        return self.names.fresh(self.wishes.get(x) or x.operation.name.lower())

    def state(self, x: Any, text: Text, name: str | None = None) -> None:
        """Write a line; from here on the node is known by its name."""
        name = name or self.name(x)
        self.statements.append(Statement(name, text.text, x.type_, self.place(x)))
        self.known[x] = both(Text(name, x.shape, x.dtype))

    def place(self, x: Any) -> str:
        """Where the user wrote what a node belongs to; many nodes share a line."""
        key = getattr(x, "line", None), getattr(x, "of_gradient", False)
        if key not in self.places:
            self.places[key] = place_of(*key)
        return self.places[key]

    def result(self, x: Any, wish: str) -> str:
        """What the step returns shares no memory with what it was given."""
        number = number_of(x)
        exact = self.known[x].exact if x.shape or number is None else strong(x, number)
        if not lent(x):
            return exact.text
        name = self.names.fresh(wish)
        self.statements.append(Statement(name, f"np.array({exact})", x.type_, self.place(x)))
        return name

    # ---- ways of writing an operation

    def found_ways(self) -> dict[Any, Callable]:
        """{operation: how a node of it is written}; the functions needed are collected."""
        found: dict[Any, Callable] = {}
        for x in self.nodes:
            if x.operation is not None and x.operation not in found:
                found[x.operation] = self.way(x.operation)
        return found

    def way(self, operation: Any) -> Callable:
        if is_ours(operation):
            if operation.name in FORMS:
                return self.form
            if is_expression(operation):
                return self.elementwise if operation.kind == "elementwise" else self.expression
            if self.collect(operation):
                return self.call
        return self.call_own

    def collect(self, operation: Any) -> bool:
        """Take in the text of an operation's meaning, if it can be had."""
        try:
            found = pieces(operation)
        except UnwritableError:
            return False
        if any(self.functions.get(name, text) != text for name, text in found.items()):
            return False
        self.functions |= found
        return True

    # ---- nodes

    def write(self, x: Any) -> None:
        """A node: a name, a number, a text to be put where it is used, or a statement."""
        if x in self.known:
            return
        number = number_of(x)
        if number is not None:
            self.known[x] = constant(x, number)
        elif x.operation is None:
            self.known[x] = self.table(x)
        else:
            reading = self.ways[x.operation](x)
            inline = x.operation.name in INLINE or (x.operation.name == "cast" and not x.shape)
            if inline and not self.worth_a_line(x, reading):
                self.known[x] = reading
            else:
                self.state(x, reading.exact)

    def worth_a_line(self, x: Any, reading: Reading) -> bool:
        """Whether a view is a statement of its own: long ones, and what is returned."""
        length = len(reading.loose.text)
        longest = LONGEST_INLINE if self.uses[x] < 2 else LONGEST_REPEATED
        return length > longest or x in self.roots

    def table(self, x: Any) -> Reading:
        """A constant without a number: small ones in place, others before the step."""
        if not x.shape:
            return both(strong(x, x.value.item()))
        assert is_constant(x), f"{x.type_} comes from nowhere"
        name = self.names.fresh(x.name or "table")
        self.tables[name] = table_text(x.value)
        return both(Text(name, x.shape, x.dtype))

    def form(self, x: Any) -> Reading:
        """A view or a reduction, as a person writes it."""
        read = FORMS[x.operation.name](*(self.known[i].exact for i in x.inputs), **x.parameters)
        return Reading(*(t if t.dtype else Text(t.text, t.shape, x.dtype, t.binding) for t in read))

    def elementwise(self, x: Any) -> Reading:
        """An expression whose operands NumPy broadcasts."""
        texts = [self.known[i].loose for i in x.inputs]
        if all(number_of(i) is not None for i in x.inputs if i.dtype == x.inputs[-1].dtype):
            texts[-1] = strong(x.inputs[-1], number_of(x.inputs[-1]))  # numbers alone have no dtype
        y = x.operation.meaning(WRITER, *texts, **x.parameters)
        shape = broadcast_shapes(*(t.known_shape for t in texts))
        return both(repeated(Text(y.text, shape, x.dtype, y.binding), x.shape))

    def expression(self, x: Any) -> Reading:
        """The meaning in one line."""
        return both(x.operation.meaning(WRITER, *self.exact(x), **x.parameters))

    def call(self, x: Any) -> Reading:
        """A call of the meaning, whose text stands before the step."""
        listed = [*map(str, self.exact(x)), *(f"{k}={written(v)}" for k, v in x.parameters.items())]
        return both(Text(f"{helper_name(x.operation)}({', '.join(listed)})", x.shape, x.dtype))

    def call_own(self, x: Any) -> Reading:
        """A call of a function that the program is given when it is loaded."""
        name = self.names.fresh(x.operation.name)
        self.own[name] = lambda *arrays: x.operation.forward(*arrays, **x.parameters)
        listed = ", ".join(map(str, self.exact(x)))
        return both(Text(f"np.asarray({name}({listed}))", x.shape, x.dtype))

    def exact(self, x: Any) -> list[Text]:
        """The inputs, of their very shapes and dtypes."""
        return [
            self.known[i].exact if i.shape or number_of(i) is None else strong(i, number_of(i))
            for i in x.inputs
        ]


def is_ours(operation: Any) -> bool:
    """Whether an operation is one of the table."""
    return TABLE.get(operation.name) is operation


def is_expression(operation: Any) -> bool:
    """Whether a meaning is one expression of NumPy and nothing else."""
    meaning = operation.meaning
    if operation.name in EXPRESSIONS:
        return True
    plain = isinstance(meaning, FunctionType) and meaning.__name__ == "<lambda>"
    return plain and operation.kind != "composite" and not global_names(meaning.__code__)


def constant(x: Any, number: Any) -> Reading:
    """A Python number takes the dtype of what it meets; seen under a shape it is an array."""
    text = literal(number, x.dtype)
    loose = Text(text, (), x.dtype, SIGN) if text[0] == "-" else Text(text, (), x.dtype)
    if not x.shape:
        return both(loose)
    full = f"np.full({written(x.shape)}, {text}, {written(x.dtype)})"
    return Reading(Text(full, x.shape, x.dtype), loose)


def strong(x: Any, number: Any) -> Text:
    """A number with a dtype of its own."""
    return Text(f"{written(x.dtype)}({literal(number, x.dtype)})", (), x.dtype)


def literal(number: Any, dtype: np.dtype) -> str:
    """A Python number that becomes the constant when it meets the dtype."""
    if dtype.kind == "f" and not isinstance(number, bool):
        return written(number)
    return written(np.array(number).astype(dtype).item())


def lent(x: Any) -> bool:
    """Whether a node may share memory with what the step is given."""
    while x.operation is not None and x.operation.shares:
        x = x.inputs[0]
    return x.operation is None or x.operation.kind == "own" or x.operation.name == "take"
