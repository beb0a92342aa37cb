"""Arguments of functions: from Python where it knows them, else from the docstring.

PyTorch's compiled functions carry their signatures as text, one line for each way to call them:
`sum(input, dim, keepdim=False, *, dtype=None) -> Tensor`. Some of these lines misname an argument
(`Tensor.mul(value)` for `other`); the schema of the operator knows the names that are taken.
"""

import ast
import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass

REQUIRED = "required"  # the default of an argument without one
UNKNOWN = "unknown"  # a default that is no literal
ITSELF = ("self", "input")  # a method's first argument, and the function's of the same name

Kind = inspect._ParameterKind


@dataclass(frozen=True)
class Argument:
    """One argument; `default` is the literal, REQUIRED or UNKNOWN."""

    name: str
    default: object
    keyword: bool  # may be given by keyword only
    star: str = ""  # "*" or "**" for the rest of the arguments


Call = list[Argument]


def calls(function, name: str) -> list[Call]:
    """The ways to call a function, without the tensor or object itself; empty where unknown."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        found = written_calls(function.__doc__ or "", name)
    else:
        found = [[from_parameter(parameter) for parameter in parameters]]
    return [[argument for argument in call if argument.name not in ITSELF] for call in found]


def from_parameter(parameter: inspect.Parameter) -> Argument:
    default = REQUIRED if parameter.default is parameter.empty else literal(parameter.default)
    star = {Kind.VAR_POSITIONAL: "*", Kind.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    return Argument(parameter.name, default, parameter.kind is Kind.KEYWORD_ONLY, star)


def literal(value):
    """The value if a docstring could have written it."""
    plain = isinstance(value, bool | int | float | str | tuple | list | None)
    return value if plain else UNKNOWN


def written_calls(doc: str, name: str) -> list[Call]:
    """The calls that a docstring opens with or declares by `.. function::`."""
    opening, closing = r"(?:^\s*|function:: |method:: )(?:torch\.|Tensor\.)*", r"\s*(?:->|$)"
    line = rf"{opening}{re.escape(name)}\((?P<inside>[^\n]*?)\){closing}"
    lines = re.finditer(line, doc.replace("\\", ""), re.MULTILINE)
    found = [written_call(line["inside"]) for line in lines]
    return [call for call in found if call is not None]


def written_call(inside: str) -> Call | None:
    """`input, dim=None, *, out=None` as arguments; None for an example call like `[1, 2]`."""
    arguments, keyword = [], False
    for piece in split(inside):
        found = re.fullmatch(r"(\**)(\w*)(?:\s*:([^=]*))?(?:\s*=\s*(.*))?", piece)
        if not found or piece[:1].isdigit():
            return None
        star, name, annotation, default = found.groups()
        if name:
            default = written_default(default, annotation or "")
            arguments.append(Argument(name, default, keyword, star))
        keyword = keyword or bool(star)
    return arguments


def written_default(text: str | None, annotation: str):
    if text is None:
        return UNKNOWN if annotation.strip().startswith("Optional") else REQUIRED
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return UNKNOWN


def split(text: str) -> list[str]:
    """At commas that stand in no brackets."""
    pieces, depth, start = [], 0, 0
    for position, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            pieces.append(text[start:position])
            start = position + 1
    return [piece.strip() for piece in [*pieces, text[start:]] if piece.strip()]


def schema_calls(operator: str) -> list[Call]:
    """The calls that PyTorch's compiled operator takes, those for scripts and `out` left out."""
    from torch._C import _jit_get_schemas_for_operator as schemas

    found = [schema.arguments for schema in schemas(f"aten::{operator}")]
    return [
        [from_schema(argument) for argument in arguments if argument.name not in ITSELF]
        for arguments in found
        if any("Tensor" in str(argument.type) for argument in arguments[:1])
        and not any(argument.is_out for argument in arguments)
    ]


def from_schema(argument) -> Argument:
    default = argument.default_value if argument.has_default_value() else REQUIRED
    default = tuple(default) if isinstance(default, list) else default
    return Argument(argument.name, default, argument.kwarg_only)


def disagreements(
    here: Call, documented: list[Call], schema: Sequence[Call] = ()
) -> dict[str, str]:
    """How a call differs from those there: {argument: text}, "" for the order of all.

    The documentation says what must be taken here, the schema what else is known there.
    """
    mine = {argument.name: argument for argument in here}
    taken, known = names(schema), names(documented) | names(schema)
    theirs = {name for name in names(documented) if not misnomer(name, documented, taken)}
    wrong = {}
    if not has_star(here):
        wrong |= {name: f"lacks {name}" for name in theirs - mine.keys()}
    for name in theirs & mine.keys():
        wrong |= default_disagreement(mine[name], [*documented, *schema])
    if not any(has_star(call) for call in documented):
        demanded = {a.name for a in here if a.default is REQUIRED and not a.star}
        wrong |= {name: f"demands {name}" for name in demanded - known}
    if not all(same_order(here, call) for call in documented):
        wrong[""] = "takes its arguments in another order"
    return dict(sorted(wrong.items()))


def names(calls: Sequence[Call]) -> set[str]:
    """All arguments that can be given by name, private ones left out."""
    return {a.name for call in calls for a in call if not a.star and not a.name.startswith("_")}


def has_star(call: Call) -> bool:
    return any(argument.star for argument in call)


def misnomer(name: str, documented: list[Call], taken: set[str]) -> bool:
    """Whether the documentation demands an argument that PyTorch does not take by this name."""
    demanded = all(a.default is REQUIRED for call in documented for a in call if a.name == name)
    return bool(taken) and demanded and name not in taken


def default_disagreement(mine: Argument, there: list[Call]) -> dict[str, str]:
    """A text if no call there has this default; None stands for "left out" where a call can be."""
    defaults = [a.default for call in there for a in call if a.name == mine.name]
    left_out = len(defaults) < len(there)
    demanded = all(default is REQUIRED for default in defaults)
    if left_out and (mine.default is None or demanded):
        return {}
    if any(agree(mine.default, default) for default in defaults):
        return {}
    return {mine.name: f"{mine.name}={mine.default!r} is {mine.name}={defaults[0]!r} there"}


def agree(mine, default) -> bool:
    if UNKNOWN in (mine, default):
        return True
    return mine == default and (mine is None) == (default is None)


def same_order(here: Call, there: Call) -> bool:
    """What both take by position comes in one order."""
    mine = [a.name for a in here if not a.keyword]
    theirs = [a.name for a in there if not a.keyword]
    return [name for name in theirs if name in mine] == [name for name in mine if name in theirs]
