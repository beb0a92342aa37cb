"""The graph as a readable program: one typed line of NumPy for each node, with the user's names.

text        names that write down what is done to them
views       how a person writes a view
helpers     the text of operations that are more than an expression
tables      arrays as literals
names       identifiers out of any names
places      the user's variables and lines
writer      from nodes to statements
loading     a text as a function
"""

from __future__ import annotations

from collections.abc import Callable

from ..graph import Graph
from .loading import load
from .names import comment
from .writer import Check, Statement, Writer

__all__ = ["load", "own_operations", "source", "statements"]

HEADER = '''"""One step, written by glassgrad: a line for each node.  It needs only NumPy."""'''


def source(graph: Graph) -> str:
    """A self-contained Python file with a function `step`.

    It takes the step's inputs, then what the step reads of parameters and state, then its
    hyper-parameters; it returns one tuple: the outputs, then the new values of what it changes.
    """
    writer = Writer(graph)
    definitions = [text for text in writer.functions.values() if text.startswith("def ")]
    simple = [text for text in writer.functions.values() if not text.startswith("def ")]
    imports = {"import numpy as np", *(text for text in simple if text.startswith("import "))}
    if any("zlib" in text for text in writer.tables.values()):
        imports |= {"import base64", "import zlib"}
    constants = [text for text in simple if not text.startswith("import ")]
    tables = [f"{name} = {text}" for name, text in writer.tables.items()]
    blocks = ["\n".join([HEADER, "", *sorted(imports, key=lambda t: ("numpy" in t, t))])]
    blocks += ["\n".join([*constants, *tables])] if constants or tables else []
    blocks += [*given(writer), *definitions, "\n".join(step_lines(graph, writer))]
    return "\n\n\n".join(blocks) + "\n"


def given(writer: Writer) -> list[str]:
    """The comment that says what is not in the file."""
    if not writer.own:
        return []
    listed = ", ".join(writer.own)
    return [f"# Operations of the user's own, given when the file is loaded: {listed}"]


def step_lines(graph: Graph, writer: Writer) -> list[str]:
    """The function `step`."""
    nodes = (*graph.inputs, *graph.cells, *graph.hypers)
    lines = ["def step("]
    for name, x in zip(writer.arguments, nodes):
        user = graph.names.get(x, name)
        said = f"{x.type_}" if user == name else f"{x.type_}  {comment(user)}"
        lines.append(f"    {name + ',':<32}  # {said}")
    lines.append("):")
    lines += [f"    {statement}" for statement in writer.statements]
    lines.append("    return (")
    lines += [f"        {name}," for name in [*writer.outputs, *writer.updates]]
    return [*lines, "    )"]


def statements(graph: Graph) -> list[Statement | Check]:
    """The lines of a graph, one for each node that has a name."""
    return Writer(graph).statements


def own_operations(graph: Graph) -> dict[str, Callable]:
    """{name: function} of the users' operations that the source calls: `load` takes them."""
    ours = all(x.operation is None or x.operation.kind != "own" for x in graph.nodes)
    return {} if ours else Writer(graph).own
