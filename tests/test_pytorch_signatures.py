"""What has PyTorch's name has its arguments too: names, defaults and order."""

from types import SimpleNamespace

import pytest

from pytorch_names import TABLE, Name, all_names
from signatures import (
    Argument,
    calls,
    disagreements,
    schema_calls,
    written_calls,
)

SAME = [name for name in all_names() if name.status == "same"]
ABSENT = set(TABLE["arguments"])
DIFFERENCES = TABLE.get("differences", {})


def found_disagreements(name: Name) -> dict[str, str]:
    """How the arguments of a name differ from those that PyTorch documents, one by one."""
    here, there = name.here(), name.there()
    if not callable(here) or not (documented := calls(there, name.name)):
        return {}
    compiled = not hasattr(there, "__code__") and not isinstance(there, type)
    schema = schema_calls(operator(name)) if compiled else []
    found = disagreements(calls(here, name.name)[0], documented, schema)
    return {a: text for a, text in found.items() if text != f"lacks {a}" or a not in ABSENT}


def operator(name: Name) -> str:
    """The compiled operator behind a name."""
    prefix = "linalg_" if name.place == "torch.linalg" else ""
    return prefix + name.name


@pytest.mark.parametrize("place", sorted({name.place for name in SAME}))
def test_arguments_are_the_same(place):
    pytest.importorskip("torch")
    found = [
        f"{name} {text}"
        for name in SAME
        if name.place == place
        for argument, text in found_disagreements(name).items()
        if argument not in DIFFERENCES.get(str(name), ())
    ]
    assert not found, "\n" + "\n".join(found)


def test_each_listed_difference_is_one():
    pytest.importorskip("torch")
    names = {str(name): name for name in SAME}
    listed = {(name, argument) for name, arguments in DIFFERENCES.items() for argument in arguments}
    found = {(name, a) for name in DIFFERENCES for a in found_disagreements(names[name])}
    assert listed - found == set()


DOCSTRING = """
sum(input, *, dtype=None) -> Tensor

.. function:: sum(input, dim, keepdim=False, *, dtype=None) -> Tensor

    >>> torch.sum(a, [1, 2])
"""


def test_calls_are_read_from_a_docstring():
    dtype = Argument("dtype", None, keyword=True)
    assert written_calls(DOCSTRING, "sum") == [
        [Argument("input", "required", keyword=False), dtype],
        [
            Argument("input", "required", keyword=False),
            Argument("dim", "required", keyword=False),
            Argument("keepdim", False, keyword=False),
            dtype,
        ],
    ]


@pytest.mark.parametrize(
    "here, expected",
    [
        (lambda input, dim=None, keepdim=False, *, dtype=None: 0, []),
        (lambda self, dim, keepdim=False, *, dtype=None: 0, []),
        (lambda input, *arguments, **others: 0, []),
        (
            lambda input, dim=None, keepdim=True, *, dtype=None: 0,
            ["keepdim=True is keepdim=False there"],
        ),
        (lambda input, dim=None, keepdim=False: 0, ["lacks dtype"]),
        (
            lambda input, dim=None, keepdim=False, *, dtype: 0,
            ["dtype='required' is dtype=None there"],
        ),
        (lambda input, dim, keepdim=False, *, dtype=None, more: 0, ["demands more"]),
        (
            lambda input, keepdim=False, dim=None, *, dtype=None: 0,
            ["takes its arguments in another order"],
        ),
    ],
)
def test_disagreements(here, expected):
    there = SimpleNamespace(__doc__=DOCSTRING)
    found = disagreements(calls(here, "sum")[0], calls(there, "sum"))
    assert list(found.values()) == expected
