"""Operations that are more than an expression: the text of their meaning, out of our own source.

In a generated file `np` is NumPy everywhere, so the argument `np` of a meaning is left out.
"""

from __future__ import annotations

import ast
import builtins
import dis
import inspect
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy

from ...operations.record import TABLE, Operation
from .names import identifier
from .text import UnwritableError, written


def helper_name(operation: Operation) -> str:
    """The name under which an operation's meaning is called: its own, unless Python has that."""
    name = identifier(operation.name)
    return f"{name}_" if hasattr(builtins, name) else name


def pieces(operation: Operation) -> dict[str, str]:
    """{name: text} of all that a call of the operation needs, in the order of use."""
    return _pieces(operation.name, operation)


@lru_cache(maxsize=256)
def _pieces(name: str, operation: Operation) -> dict[str, str]:
    meaning = operation.meaning
    if not isinstance(meaning, FunctionType) or meaning.__closure__:
        raise UnwritableError(f"the meaning of {name}")
    found: dict[str, str] = {}
    queue: list[tuple[str, Any]] = [(helper_name(operation), meaning)]
    while queue:
        own, value = queue.pop()
        if own in found or value is numpy:
            continue
        if isinstance(value, FunctionType):
            used = dict(used_globals(value))
            found[own] = function_text(own, value, used)
            queue += [(emitted(k, v), v) for k, v in reversed(used.items())]
        elif isinstance(value, ModuleType):
            found[own] = import_text(own, value)
        else:
            found[own] = f"{own} = {written(value)}"
    return found


def import_text(name: str, module: ModuleType) -> str:
    """The import of a module of Python or of NumPy."""
    if module.__name__.split(".")[0] not in (*sys.stdlib_module_names, "numpy"):
        raise UnwritableError(f"the module {module.__name__}")
    return f"import {module.__name__}" + ("" if name == module.__name__ else f" as {name}")


def emitted(name: str, value: Any) -> str:
    """What something of ours is called in a generated file: meanings as their operation."""
    if value is numpy:
        return "np"
    return _meanings().get(value, name) if isinstance(value, FunctionType) else name


@lru_cache(maxsize=1)
def _meanings() -> dict[Any, str]:
    named = [r for r in TABLE.values() if isinstance(r.meaning, FunctionType)]
    return {r.meaning: helper_name(r) for r in named if r.meaning.__name__ != "<lambda>"}


def used_globals(function: Any) -> Iterator[tuple[str, Any]]:
    """Names of its module that a function uses, and what they are."""
    if hasattr(function, "__wrapped__"):
        raise UnwritableError(f"the decorated function {function.__name__}")
    for name in global_names(function.__code__):
        if name in function.__globals__:
            yield name, function.__globals__[name]
        elif not hasattr(builtins, name):
            raise UnwritableError(f"{name} in {function.__name__}")


@lru_cache(maxsize=4096)
def global_names(code: CodeType) -> tuple[str, ...]:
    """The global names in a function and in those within it, each once."""
    loads = ("LOAD_GLOBAL", "LOAD_NAME")
    found = [i.argval for i in dis.get_instructions(code) if i.opname in loads]
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            found += global_names(inner)
    return tuple(dict.fromkeys(found))


def function_text(own: str, function: Any, used: dict[str, Any]) -> str:
    """The definition of a function under the name `own`."""
    if function.__name__ == "<lambda>":
        node = lambda_of(function)
        text = f"def {own}({ast.unparse(node.args)}):\n    return {ast.unparse(node.body)}\n"
    else:
        text = inspect.getsource(function)
    renamed = {function.__name__: own, **{k: emitted(k, v) for k, v in used.items()}}
    return without_np(with_names(text, {k: v for k, v in renamed.items() if k != v})).rstrip()


def lambda_of(function: Any) -> ast.Lambda:
    """The lambda expression that a function was made by."""
    code = function.__code__
    arguments = list(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
    found = {
        ast.unparse(node): node
        for node in _lambdas(function.__module__)
        if node.lineno == code.co_firstlineno
        and [a.arg for a in node.args.args + node.args.kwonlyargs] == arguments
    }
    if len(found) != 1:
        raise UnwritableError(f"a lambda in line {code.co_firstlineno} of {function.__module__}")
    return next(iter(found.values()))


@lru_cache(maxsize=32)
def _lambdas(module: str) -> list[ast.Lambda]:
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return [node for node in ast.walk(tree) if isinstance(node, ast.Lambda)]


def with_names(text: str, renamed: dict[str, str]) -> str:
    """The text with other names; attributes keep theirs."""
    if not renamed:
        return text
    lines, before = text.splitlines(keepends=True), ""
    places = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME and token.string in renamed and before != ".":
            places.append((token.start, token.string))
        before = token.string
    for (row, column), name in reversed(places):
        line = lines[row - 1]
        lines[row - 1] = line[:column] + renamed[name] + line[column + len(name) :]
    return "".join(lines)


def without_np(text: str) -> str:
    """`np` as a first argument left out, in definitions and in calls."""
    return re.sub(r"\(np(?:, |(?=\)))", "(", text)
