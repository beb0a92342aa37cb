"""Rows become batches as in PyTorch."""

from collections import namedtuple

import numpy as np
import pytest

import glassgrad as gg
from plain import plain

Point = namedtuple("Point", ["x", "y"])

ROWS = [
    [1, 2, 3],
    [1.5, 2.5],
    [True, False],
    ["a", "b"],
    [b"a", b"b"],
    [np.float32(1.5), np.float32(2)],
    [np.array([1, 2]), np.array([3, 4])],
    [np.array(1.5), np.array(2.5)],
    [(1, "a"), (2, "b")],
    [[1, 2.5], [3, 4.5]],
    [{"x": 1, "y": (1.5, "a")}, {"x": 2, "y": (2.5, "b")}],
    [Point(1, 2.5), Point(3, 4.5)],
    [[], []],
]


@pytest.mark.parametrize("rows", ROWS, ids=str)
def test_rows_are_put_together_as_in_pytorch(rows):
    torch = pytest.importorskip("torch")
    found = gg.data.default_collate(rows)
    expected = torch.utils.data.default_collate(rows)
    assert plain(found) == plain(expected)
    assert type(found) is type(expected) or isinstance(found, gg.Tensor)
    single = [gg.data.default_convert(rows[0]), torch.utils.data.default_convert(rows[0])]
    assert plain(single[0]) == plain(single[1])


@pytest.mark.parametrize(
    "rows, error, message",
    [
        ([np.ones(3), np.ones(4)], RuntimeError, "row 0 has [3] and row 1 [4]"),
        ([(1, 2), (1,)], RuntimeError, "different numbers of entries: [1, 2]"),
        ([None, None], TypeError, "rows of a NoneType cannot be put into a batch"),
        ([np.array("a")], TypeError, "cannot hold elements of type <U1"),
    ],
)
def test_rows_that_do_not_fit(rows, error, message):
    with pytest.raises(error) as caught:
        gg.data.default_collate(rows)
    assert message in str(caught.value)
