"""Result types over all pairs of dtypes and Python numbers, as in PyTorch."""

from itertools import product

import numpy as np
import pytest

import glassgrad as gg

torch = pytest.importorskip("torch")

DTYPES = "bool uint8 int8 int16 int32 int64 float16 float32 float64".split()  # noqa: SIM905
NUMBERS = [True, 2, 2.5]
OPERATIONS = {
    "+": lambda t, x, y: x + y,
    "-": lambda t, x, y: x - y,
    "*": lambda t, x, y: x * y,
    "/": lambda t, x, y: x / y,
    "//": lambda t, x, y: x // y,
    "%": lambda t, x, y: x % y,
    "**": lambda t, x, y: x**y,
    "==": lambda t, x, y: x == y,
    "<": lambda t, x, y: x < y,
    "&": lambda t, x, y: x & y,
    "<<": lambda t, x, y: x << y,
    "logical_and": lambda t, x, y: t.logical_and(x, y),
    "maximum": lambda t, x, y: t.maximum(x, y),
    "atan2": lambda t, x, y: t.atan2(x, y),
    "fmod": lambda t, x, y: t.fmod(x, y),
    "where": lambda t, x, y: t.where(t.tensor(True), x, y),
    "cat": lambda t, x, y: t.cat([x.reshape(-1), y.reshape(-1)]),
    "result_type": lambda t, x, y: t.zeros(1, dtype=t.result_type(x, y)),
}


def outcome(call, package, *operands):
    """The dtype of a result and its value, or that it is refused."""
    try:
        y = call(package, *operands)
    except (RuntimeError, TypeError, ZeroDivisionError, NotImplementedError):
        return "refused"
    return str(y.dtype).split(".")[-1], y.tolist()


def made(package, dtype, shape):
    return package.full(shape, 3, dtype=getattr(package, dtype))


def pairs(rank_of_first, rank_of_second):
    for first, second in product(DTYPES, DTYPES):
        shapes = (2,) * rank_of_first, (2,) * rank_of_second
        yield [[made(p, first, shapes[0]), made(p, second, shapes[1])] for p in (gg, torch)]


def with_numbers(rank):
    for dtype, number in product(DTYPES, NUMBERS):
        yield [[made(p, dtype, (2,) * rank), number] for p in (gg, torch)]
        yield [[number, made(p, dtype, (2,) * rank)] for p in (gg, torch)]


CASES = {f"{m} with {n}": (pairs, m, n) for m, n in product((0, 1), (0, 1))}
CASES |= {f"{m} with a number": (with_numbers, m) for m in (0, 1)}


OWN = {"bool[2] and True", "bool[] and True"}  # to the power: bool there, refused here
FUNCTIONS = {"logical_and", "maximum", "atan2", "fmod", "cat"}  # PyTorch's take tensors only
ROWS = [(n, c) for n in OPERATIONS for c in CASES if not (n in FUNCTIONS and "number" in c)]


@pytest.mark.parametrize("name, case", ROWS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_results_have_pytorchs_dtypes_and_values(name, case):
    call, (make, *ranks) = OPERATIONS[name], CASES[case]
    wrong = []
    for mine, theirs in make(*ranks):
        found, expected = outcome(call, gg, *mine), outcome(call, torch, *theirs)
        if not agree(found, expected) and not (name == "**" and shown(mine) in OWN):
            wrong.append(f"{shown(mine)} gives {found} and not {expected}")
    assert wrong == []


def agree(found, expected):
    """Equal dtypes, and values up to rounding."""
    if "refused" in (found, expected):
        return found == expected
    return found[0] == expected[0] and np.allclose(found[1], expected[1], rtol=1e-3, equal_nan=True)


def shown(operands):
    return " and ".join(str(getattr(x, "type_", repr(x))) for x in operands)
