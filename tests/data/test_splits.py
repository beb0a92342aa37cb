"""Splits and folds: each row once, labels in proportion, the kind of data kept."""

import numpy as np
import pandas as pd
import pytest

import glassgrad as gg
from glassgrad.data import TensorDataset, folds, split

LABELS = np.array(["a"] * 50 + ["b"] * 30 + ["c"] * 20)


def counts(rows):
    """How many rows have each label."""
    return [int((LABELS[rows] == label).sum()) for label in "abc"]


@pytest.mark.parametrize(
    "fractions, sizes", [((0.8, 0.2), [80, 20]), ((0.6, 0.3, 0.1), [60, 30, 10]), ((1,), [100])]
)
@pytest.mark.parametrize("stratify", [None, LABELS])
def test_parts_cover_all_rows(fractions, sizes, stratify):
    parts = split(100, fractions, stratify=stratify)
    assert list(map(len, parts)) == sizes
    assert sorted(np.concatenate(parts)) == list(range(100))
    if stratify is not None:
        expected = [[round(n * f / 100) for n in (50, 30, 20)] for f in sizes]
        assert [counts(part) for part in parts] == expected


def test_seed_and_order():
    first, again, other = (split(100, seed=seed)[0].tolist() for seed in (0, 0, 1))
    assert first == again != other
    assert split(10, (0.7, 0.3), shuffle=False)[1].tolist() == [7, 8, 9]


@pytest.mark.parametrize("k", [2, 3, 7, 100])
@pytest.mark.parametrize("shuffle", [True, False])
def test_each_row_is_in_one_fold(k, shuffle):
    pairs = list(folds(100, k, shuffle=shuffle))
    assert len(pairs) == k
    assert sorted(np.concatenate([validation for _, validation in pairs])) == list(range(100))
    for subtrain, validation in pairs:
        assert len(validation) in (100 // k, -(-100 // k))
        assert sorted([*subtrain, *validation]) == list(range(100))
    if not shuffle:
        assert all((np.diff(validation) == 1).all() for _, validation in pairs)


def test_folds_are_those_of_scikit_learn_without_shuffling():
    selection = pytest.importorskip("sklearn.model_selection")
    expected = [part.tolist() for _, part in selection.KFold(4).split(np.zeros(100))]
    assert [part.tolist() for _, part in folds(100, 4, shuffle=False)] == expected


@pytest.mark.parametrize("k", [2, 3, 7])
def test_stratified_folds_have_labels_in_proportion(k):
    for _, validation in folds(100, k, stratify=LABELS):
        for count, total in zip(counts(validation), (50, 30, 20)):
            assert total // k <= count <= -(-total // k)


def test_parts_are_of_the_kind_of_the_data():
    x, y = np.arange(20.0).reshape(10, 2), gg.arange(10)
    (x1, y1), (x2, y2) = split((x, y), (0.7, 0.3))
    assert isinstance(x1, np.ndarray)
    assert isinstance(y1, gg.Tensor)
    assert x1[:, 0].tolist() == (2 * y1).tolist()
    assert sorted(y1.tolist() + y2.tolist()) == list(range(10))
    assert len(x2) == 3
    frame = split(pd.DataFrame({"a": range(10)}, index=list("abcdefghij")))[1]
    assert frame["a"].tolist() == split(y)[1].tolist()
    subset = split(TensorDataset(y))[1]
    assert [row.item() for (row,) in subset] == split(y)[1].tolist()


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: split(10, (0.5, 0.4)), "sum to 0.9, and parts of a whole to 1"),
        (lambda: split((np.ones(3), np.ones(4))), "one number of rows, not [3, 4]"),
        (lambda: split(10, stratify=[1, 2]), "[2] labels, and there are 10 rows"),
        (lambda: folds(3, 5), "k is a number from 2 to 3, not 5"),
        (lambda: folds(3, 1), "k is a number from 2 to 3, not 1"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError) as caught:
        make()
    assert message in str(caught.value)


def test_says_that_a_part_is_empty():
    with pytest.warns(UserWarning, match="the parts have"):
        split(3, (0.5, 0.5, 0.0))
