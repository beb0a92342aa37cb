"""One-hot labels and characters (lecture rows J5 and C4)."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.data import alphabet_of, characters, one_hot


@pytest.mark.parametrize(
    "labels, classes, expected",
    [
        ([2, 0, 1], None, [[0, 0, 1], [1, 0, 0], [0, 1, 0]]),
        (["no", "yes", "no"], None, [[1, 0], [0, 1], [1, 0]]),
        (["no", "yes"], ["yes", "perhaps", "no"], [[0, 0, 1], [1, 0, 0]]),
        ([-1, 1], [1, -1], [[0, 1], [1, 0]]),
        ([], ["a", "b"], []),
    ],
)
def test_one_hot(labels, classes, expected):
    codes = one_hot(labels, classes)
    assert codes.dtype == gg.float32
    assert codes.tolist() == expected


def test_one_hot_is_the_row_of_the_identity():
    labels = np.arange(40) * 7 % 10
    np.testing.assert_array_equal(one_hot(gg.from_numpy(labels)), np.eye(10)[labels])


def test_characters():
    assert alphabet_of(["abba", "cab"]) == "abc"
    codes = characters(["ab", "cab"], "abc")
    assert codes.shape == (2, 3, 3)
    assert codes[0].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert codes[1].tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]


def test_characters_are_cut_filled_and_left_out():
    codes = characters(["abx", "b", ""], "ab", length=2, dtype=gg.float64)
    assert codes.tolist() == [[[1, 0], [0, 1]], [[0, 0], [1, 0]], [[0, 0], [0, 0]]]
    assert characters(["xab"], "ab").tolist() == [[[0, 1, 0], [0, 0, 1]]]
    assert characters([], "ab").shape == (0, 2, 0)


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: one_hot([1, 5], [1, 2]), ValueError, "row 1 has the label 5, and the classes are"),
        (lambda: one_hot(["a"], []), ValueError, "row 0 has the label a"),
        (lambda: one_hot([[1, 2]]), ValueError, "one label for each row, not [1, 2] labels"),
        (lambda: characters("text", "etx"), TypeError, "put brackets around one"),
        (lambda: characters(["text"], "textual"), ValueError, "is twice in the alphabet"),
    ],
)
def test_errors(make, error, message):
    with pytest.raises(error) as caught:
        make()
    assert message in str(caught.value)
