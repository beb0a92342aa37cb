"""The table `docs/pytorch.toml` is true of both packages, and the page is written from it."""

import inspect
from collections import Counter
from types import ModuleType

import pytest

from pytorch_names import PAGE, TABLE, Name, all_names, find, page

NAMES = all_names()
SAME = [name for name in NAMES if name.status == "same"]
REST = [name for name in NAMES if name.status != "same"]


def exists(name: Name) -> bool:
    try:
        name.here()
    except (AttributeError, ModuleNotFoundError):
        return False
    return True


def test_each_name_is_listed_once():
    assert [
        str(name) for name, count in Counter((n.place, n.name) for n in NAMES).items() if count > 1
    ] == []


def test_each_reason_is_explained_and_used():
    for status in ("missing", "refused"):
        used = {name.reason for name in NAMES if name.status == status}
        assert used == set(TABLE[status])


def test_the_page_is_up_to_date():
    assert PAGE.read_text() == page(), "python tests/pytorch_names.py writes it"


@pytest.mark.parametrize("place", sorted({name.place for name in NAMES}))
def test_what_is_the_same_exists(place):
    assert [name.name for name in SAME if name.place == place and not exists(name)] == []


@pytest.mark.parametrize("place", sorted({name.place for name in NAMES}))
def test_what_is_not_the_same_does_not_exist(place):
    assert [name.name for name in REST if name.place == place and exists(name)] == []


def test_what_can_be_called_there_can_be_called_here():
    pytest.importorskip("torch")
    wrong = [str(n) for n in SAME if exists(n) and callable(n.there()) and not callable(n.here())]
    assert wrong == []


def test_each_name_exists_in_pytorch():
    pytest.importorskip("torch")
    assert [str(name) for name in NAMES if not exists_there(name)] == []


def exists_there(name: Name) -> bool:
    try:
        name.there()
    except (AttributeError, ModuleNotFoundError):
        return name.place == "torch.nn.Module" and name.name == "training"  # set in __init__
    return True


def public(place: str) -> list[str]:
    """The names of a module that PyTorch declares public."""
    return [name for name in find(place).__all__ if not name.startswith("_")]


def with_docstring(place: str) -> list[str]:
    """The functions and classes that carry a docstring."""
    kinds = ("builtin_function_or_method", "function", "type")
    every = ((name, getattr(find(place), name)) for name in dir(find(place)))
    return [
        name
        for name, value in every
        if not name.startswith("_")
        and type(value).__name__ in kinds
        and (value.__doc__ or "").strip()
    ]


def attributes(place: str) -> list[str]:
    """The methods and attributes of a class that carry a docstring."""
    every = ((name, inspect.getattr_static(find(place), name)) for name in dir(find(place)))
    return [
        name for name, value in every if not name.startswith("_") and (value.__doc__ or "").strip()
    ]


def classes(place: str) -> list[str]:
    """The classes that a module hands on."""
    return [name for name, value in vars(find(place)).items() if inspect.isclass(value)]


def functional(place: str) -> list[str]:
    """`nn.functional` declares nothing: its own functions with a docstring, variants left out."""
    variants = (
        "_with_indices",
        "has_torch_function",
        "handle_torch_function",
        "native_",
        "assert_",
    )
    names = with_docstring(place)
    return [n for n in names if not any(v in n for v in variants) and inspect_home(place, n)]


def inspect_home(place: str, name: str) -> bool:
    """False for what `nn.functional` merely imports."""
    value = getattr(find(place), name)
    return getattr(value, "__module__", "torch") in (place, "torch", "torch._C._nn", None)


DOCUMENTED = {
    "torch": with_docstring,
    "torch.Tensor": attributes,
    "torch.nn": classes,
    "torch.nn.Module": attributes,
    "torch.optim.Optimizer": attributes,
    "torch.nn.functional": functional,
    "torch.linalg": with_docstring,
}


@pytest.mark.parametrize("place", sorted({name.place for name in NAMES}))
def test_the_lists_are_complete(place):
    pytest.importorskip("torch")
    documented = DOCUMENTED.get(place, public)(place)
    listed = {name.name for name in NAMES if name.place == place}
    values = {name: getattr(find(place), name, None) for name in documented}
    missing = {
        n for n, value in values.items() if n not in listed and not isinstance(value, ModuleType)
    }
    assert sorted(missing) == []
