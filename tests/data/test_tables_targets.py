"""The task from the target columns, labels into targets, and targets that cannot be learned."""

import json

import numpy as np
import pandas as pd
import pytest

from glassgrad.data.tables import TableError, Target, validation_rows
from glassgrad.data.tables.errors import plain


def quiet(line):
    """Says nothing."""


def find(*columns, task=None):
    table = pd.DataFrame(dict(zip("abc", columns)))
    return Target.find(table, list(table.columns), task, say=quiet)


NINE = ["u", "v", "w"] * 3


@pytest.mark.parametrize(
    "columns, task, expected, labels",
    [
        ([["yes", "no", "yes"]], None, "binary", (("no", "yes"),)),
        ([[True, False, True]], None, "binary", ((False, True),)),
        ([[1, -1, 1]], None, "binary", ((-1, 1),)),
        ([[0.5, 1.5, 1.5]], None, "binary", ((0.5, 1.5),)),
        ([[1.0, 0.0, None]], None, "binary", ((0, 1),)),
        ([NINE], None, "multi-class", (("u", "v", "w"),)),
        ([[10, 2, 1] * 3], None, "multi-class", ((1, 2, 10),)),
        ([[1, 2, 3, 4]], None, "real", ()),
        ([list(range(21)) * 3], None, "real", ()),
        ([[0.5, 1.5, 2.5] * 9], None, "real", ()),
        ([[str(i) for i in range(30)]], None, "real", ()),
        ([[0, 1, 1], [1, 0, 1]], None, "multi-label", ((0, 1), (0, 1))),
        ([[0, 1, 1], ["n", "y", "n"]], None, "multi-label", ((0, 1), ("n", "y"))),
        ([[0, 1, 1], [1.5, 0, 1]], None, "real", ()),
        ([[1, 2, 3] * 3], "real", "real", ()),
        ([[1, 2, 3, 4]], "multi-class", "multi-class", ((1, 2, 3, 4),)),
        ([[0, 1, 1]], "multi-class", "multi-class", ((0, 1),)),
        ([[0, 1, 1]], "multi-label", "multi-label", ((0, 1),)),
        ([[0, 0.5, 1]], "unit", "unit", ()),
        ([[0, 0.5, 1], [1, 0, 1]], "unit", "unit", ()),
    ],
)
def test_the_task_follows_from_the_target(columns, task, expected, labels):
    target = find(*columns, task=task)
    assert (target.task, target.labels) == (expected, labels)


@pytest.mark.parametrize(
    "columns, task, message",
    [
        ([[3, 3, 3]], None, r"target 'a' is constant \(3 in every row\); the columns are: a"),
        ([["x", None]], None, r"target 'a' is constant \(x in every row\)"),
        ([[None, None]], None, "target 'a' has no value in any row"),
        ([[1.0, np.inf, 2.0]], None, "'a' holds inf in row 2"),
        ([[f"n{i}" for i in range(30)]], None, "has 30 texts in 30 rows, as names have"),
        ([NINE], "binary", r"has 3 values \(u, v, w\); the task binary needs two"),
        ([NINE], "real", r"holds texts \(u, v, w\); the task real needs numbers"),
        ([[0, 0.5, 1.5]], "unit", r"goes from 0 to 1.5; the task unit needs numbers in \[0, 1\]"),
        (
            [range(2000)],
            "multi-class",
            "has 2,000 values; the task multi-class takes at most 1,000",
        ),
        ([NINE, [0, 1, 1] * 3], None, "several targets are two labels each, or all numbers; 'a'"),
        ([[0, 1], [0, 1]], "binary", "the task binary has one target, not 2"),
        ([[0, 1]], "ordinal", "no task is called 'ordinal'; there are binary, multi-class"),
    ],
)
def test_targets_that_cannot_be_learned(columns, task, message):
    with pytest.raises(TableError, match=message):
        find(*columns, task=task)


@pytest.mark.parametrize(
    "columns, line",
    [
        ([[5, 7, 7]], "a: 5 and 7 are taken as two labels (a quantity: --task real)"),
        ([[0.5, 0.25, 0.75]], "a: all in [0, 1]; --task unit keeps predictions there"),
        ([[1, 2, 3] * 3], "a: 3 whole numbers are taken as classes (a quantity: --task real)"),
        ([[0, 1, 1]], None),
        ([[True, False]], None),
        ([[0.5, 1.5, 2.5]], None),
    ],
)
def test_a_guess_that_may_be_wrong_is_said(columns, line):
    lines = []
    Target.find(pd.DataFrame(dict(zip("a", columns))), ["a"], say=lines.append)
    assert lines == ([line] if line else [])


def test_large_numbers_are_written_out():
    table = pd.DataFrame({"a": [98765.0, 999999.7, 2043850.0, 0.125]})
    assert Target.find(table, ["a"]).describe(table)[0][1] == "a: numbers from 0.125 to 2043850"
    assert plain(999999.7) == "1000000"
    assert plain(123812.4, 4) == "123812"
    assert plain(1.5e-7) == "1.5e-07"
    assert plain(4.2e15) == "4.2e+15"


def test_a_lacking_target_names_the_columns():
    with pytest.raises(TableError, match=r"no target column 'digits' .*did you mean 'digit'"):
        Target.find(pd.DataFrame({"digit": [1, 2], "x": [1, 2]}), ["digits"])


@pytest.mark.parametrize(
    "columns, task, y, dtype",
    [
        ([["yes", "no"]], None, [[1], [0]], np.float32),
        ([[2, 1, 10] * 3], None, [1, 0, 2] * 3, np.int64),
        ([[0, 1], [True, False]], None, [[0, 1], [1, 0]], np.float32),
        ([[1.0, 2.0, 4.0, 5.0]], "real", [[-1.2649], [-0.6325], [0.6325], [1.2649]], np.float32),
        ([[0.25, 0.5, 1]], "unit", [[0.25], [0.5], [1]], np.float32),
    ],
)
def test_labels_become_targets(columns, task, y, dtype):
    table = pd.DataFrame(dict(zip("ab", columns)))
    target = Target.find(table, list(table.columns), task, say=quiet).fitted(table)
    encoded = target.encode(table)
    assert encoded.dtype == dtype
    np.testing.assert_allclose(encoded, y, atol=1e-4)
    assert target.outputs == (3 if target.task == "multi-class" else len(columns))
    assert Target.from_json(json.loads(json.dumps(target.to_json()))) == target


def test_numbers_come_back_in_their_own_units():
    table = pd.DataFrame({"a": [1e9, 2e9, 5e9], "b": [3.0, 4.0, 8.0]})
    target = Target.find(table, ["a", "b"], say=quiet).fitted(table)
    np.testing.assert_allclose(target.unscaled(target.encode(table)), table.to_numpy(), rtol=1e-6)


def test_rows_without_an_answer_are_known():
    table = pd.DataFrame({"a": ["x", None, "y", "NA"], "b": [0.5, 1.5, None, 2.5]})
    assert Target.find(table, ["a"]).complete(table).tolist() == [True, False, True, False]
    assert Target.find(table, ["b"]).complete(table).tolist() == [True, True, False, True]


def test_an_unknown_label_is_named():
    target = find(NINE)
    with pytest.raises(TableError, match="'a' holds 'z' in row 2; the labels are u, v, w"):
        target.encode(pd.DataFrame({"a": ["u", "z"]}))
    with pytest.raises(TableError, match="'a' holds no value in row 1"):
        target.encode(pd.DataFrame({"a": [None, "u"]}))


def test_what_was_understood():
    table = pd.DataFrame({"a": NINE, "b": np.arange(9) / 2})
    described = [Target.find(table, [name]).describe(table) for name in "ab"]
    assert described == [
        [("target", "a: 3 labels: u (3), v (3), w (3)")],
        [("target", "b: numbers from 0 to 4")],
    ]


def split_of(labels, fraction, seed=0):
    table = pd.DataFrame({"a": labels})
    target = Target.find(table, ["a"], say=quiet)
    return table["a"], validation_rows(table, target, fraction, seed)


def test_validation_rows_keep_the_share_of_each_label():
    labels, chosen = split_of(["u"] * 50 + ["v"] * 30 + ["w"] * 20, 0.2)
    assert labels[chosen].value_counts().to_dict() == {"u": 10, "v": 6, "w": 4}
    assert (chosen == split_of(labels, 0.2)[1]).all()
    assert (chosen != split_of(labels, 0.2, seed=1)[1]).any()


@pytest.mark.parametrize(
    "labels, fraction, rows",
    [
        (["u", "v"] * 5, 0.2, 2),
        (["u", "v"] * 5, 0.01, 1),
        (["u", "v"] * 5, 0.0, 0),
        (np.arange(49) / 3, 0.001, 1),
        (["u", "v"], 0.5, 0),
        (np.arange(100) / 3, 0.25, 25),
        (np.arange(100) / 3, 0.999, 99),
    ],
)
def test_how_many_rows_are_set_aside(labels, fraction, rows):
    assert split_of(labels, fraction)[1].sum() == rows


def test_a_label_that_comes_once_is_learned():
    labels = ["u"] * 6 + ["v"] * 6 + ["once"]
    for seed in range(20):
        assert not split_of(labels, 0.5, seed)[1][-1]
