"""What columns become: numbers, categories, missing values; and tables unlike the training's."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest

from glassgrad.data.tables import Preparation, TableError, Target, as_frame
from glassgrad.data.tables.columns import Category, LeftOut, Real
from glassgrad.data.tables.understand import understand

N = None
NAMES = [f"name {i:04}" for i in range(1000)]


def quiet(line):
    """Says nothing."""


def series_of(values, library="pandas"):
    peer = pytest.importorskip(library)
    make = peer.table if library == "pyarrow" else peer.DataFrame
    return as_frame(make({"c": values}))["c"]


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
@pytest.mark.parametrize(
    "values, column",
    [
        ([1, 2, 4], Real("c", 2.0)),
        ([1.5, N, 4.5], Real("c", 3.0, missing=True)),
        ([1, N, 1], Real("c", 1.0, missing=True)),
        ([True, False, True], Real("c", 1.0)),
        ([True, False, N], Real("c", 0.5, missing=True)),
        (["1"] * 9 + ["2"] * 9 + ["-"], Real("c", 1.5, missing=True)),
        (["a", "b", "a"], Category("c", ("a", "b"))),
        ([" b", "a", N, "a "], Category("c", ("a", "b"), missing=True)),
        (["a", N, "a"], Category("c", ("a",), missing=True)),
        (["1", "x", "1", "x"], Category("c", ("1", "x"))),
        (["a", "NA", "b", "a"], Category("c", ("a", "b"), missing=True)),
        ([date(1970, 1, 2), N, date(1970, 1, 4)], Real("c", 2.0, missing=True, date=True)),
        (["1970-01-02", "1970-01-03T12:00:00"], Real("c", 1.75, date=True)),
        (["02.01.1970", "3.1.1970 12:00"], Real("c", 1.75, date=True)),
        (["1970/01/02", "1970/1/4"], Real("c", 2.0, date=True)),
        (["1.2.3", "1.2.4", "1.2.3"], Category("c", ("1.2.3", "1.2.4"))),
        ([3, 3, 3], LeftOut("c", "is 3 in every subtrain row")),
        (["a", "a"], LeftOut("c", "is 'a' in every subtrain row")),
        ([N, N, "NA"], LeftOut("c", "has no value in any subtrain row")),
        (["a", "b", "c"], LeftOut("c", "has a different text in every row, as names have")),
        (NAMES[:60] + NAMES[:30], LeftOut("c", "has 60 texts in 90 rows, as names have")),
        ([2e9, 2e9 + 2, 2e9 + 4], Real("c", 2e9 + 2, origin=2e9 + 2)),
    ],
)
def test_what_a_column_is(values, column, library):
    assert understand(series_of(values, library), say=quiet) == column


def lines_about(values):
    lines = []
    understand(series_of(values), say=lines.append)
    return lines


@pytest.mark.parametrize(
    "values, line",
    [
        (["1/2/2020", "13/2/2020"] * 2, "c: holds dates as 1/2/2020, which can be read in two"),
        (["01-02-20", "01-03-20"] * 2, "c: holds dates as 01-02-20, which"),
        (["950", "1,000", "2,000", "1,000"], "c: holds numbers as '1,000', taken as texts"),
        (["$5", "$ 12.50", N, "$5"], "c: holds numbers as '$5', taken as texts: write"),
        (["1.200,50", "1.300", "1.400,00"] * 2, "c: holds numbers as '1.200,50', taken as texts"),
        (["12 %", "15 %", "12 %"], "c: holds numbers as '12 %', taken as texts"),
    ],
)
def test_texts_that_look_like_numbers_or_dates_are_pointed_at(values, line):
    assert [said[: len(line)] for said in lines_about(values)] == [line]


@pytest.mark.parametrize(
    "values", [["a", "b", "a"], ["3a", "4b", "3a"], ["1,a", "2", "1,a"], ["06 12", "06 13"] * 2]
)
def test_other_texts_are_not(values):
    assert lines_about(values) == []


def test_such_texts_are_the_reason_to_leave_a_column_out():
    column = understand(series_of(["1,5", "2,5", "3,5"]), say=quiet)
    assert column == LeftOut("c", "holds numbers as '1,5', taken as texts: write them plainly")


def test_a_column_that_counts_the_rows_is_pointed_at():
    lines = []
    table = {"id": range(100, 110), "x": [1, 2, 3, 5, 6] * 2, "y": ["a", "b"] * 5}
    frame = pd.DataFrame(table)
    Preparation.fit(frame, Target.find(frame, ["y"]), say=lines.append)
    assert lines == ["id: counts the rows; if it says nothing else, --ignore 'id'"]
    few, lines[:] = frame[:3], []
    Preparation.fit(few, Target.find(few, ["y"]), say=lines.append)
    assert lines == []


def test_of_a_thousand_texts_the_frequent_ones_are_kept():
    column = understand(series_of(NAMES * 3 + NAMES[100:150] * 2), say=quiet)
    assert column == Category("c", tuple(NAMES[100:150]), other=True)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_columns_that_are_categories_by_type(library):
    peer = pytest.importorskip(library)
    values = ["b", N, "a", "b"]
    typed = {
        "pandas": lambda: pd.Series(values, dtype="category"),
        "polars": lambda: peer.Series(values, dtype=peer.Categorical),
        "pyarrow": lambda: peer.array(values).dictionary_encode(),
    }[library]()
    frame = (peer.table if library == "pyarrow" else peer.DataFrame)({"c": typed})
    column = understand(as_frame(frame)["c"], say=quiet)
    assert column == Category("c", ("a", "b"), missing=True)


def test_numbers_may_be_a_category_and_lists_are_left_out():
    assert understand(series_of([10, 2, 2]), category=True, say=quiet) == Category("c", ("10", "2"))
    polars = pytest.importorskip("polars")
    lists = series_of(polars.Series([[1], [2]]), "polars")
    assert understand(lists, say=quiet) == LeftOut("c", "holds List(Int64) values")


TABLE = {
    "size": [1.0, 2.0, N, 4.0, 5.0, 6.0],
    "colour": ["red", "blue", "red", N, "blue", "red"],
    "island": ["A", "B", "A", "B", "A", "B"],
    "same": [7, 7, 7, 7, 7, 7],
    "kind": ["x", "y", "x", "y", "x", "y"],
}
INPUTS = ["size", "size is missing", "colour=blue", "colour=red", "colour is missing"]
INPUTS += ["island=A", "island=B"]
MATRIX = [
    [1, 0, 0, 1, 0, 1, 0],
    [2, 0, 1, 0, 0, 0, 1],
    [4, 1, 0, 1, 0, 1, 0],
    [4, 0, 0, 0, 1, 0, 1],
    [5, 0, 1, 0, 0, 1, 0],
    [6, 0, 0, 1, 0, 0, 1],
]


def prepared(table=TABLE, **options):
    frame = pd.DataFrame(table)
    return Preparation.fit(frame, Target.find(frame, ["kind"]), say=quiet, **options)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_table_becomes_a_matrix_with_named_columns(library):
    peer = pd if library == "pandas" else pytest.importorskip(library)
    frame = peer.table(TABLE) if library == "pyarrow" else peer.DataFrame(TABLE)
    preparation = Preparation.fit(frame, Target.find(frame, ["kind"]), say=quiet)
    matrix = preparation.matrix(frame)
    assert preparation.inputs == INPUTS
    assert matrix.dtype == np.float32
    assert matrix.tolist() == MATRIX
    assert preparation.target.encode(frame).tolist() == [[0], [1], [0], [1], [0], [1]]


def test_the_state_is_json():
    preparation = prepared()
    again = Preparation.from_json(json.loads(json.dumps(preparation.to_json())))
    assert again == preparation
    assert again.matrix(pd.DataFrame(TABLE)).tolist() == MATRIX


def test_what_was_understood():
    assert prepared(ignore=["island"]).describe() == [
        ("numbers", "size"),
        ("category", "colour: blue, red"),
        ("missing", "size: the median, and an indicator column; colour: a category of its own"),
        ("left out", "island: is ignored"),
        ("left out", "same: is 7 in every subtrain row"),
    ]


def test_long_names_are_shortened_in_lists():
    long = "how many of them there were in the north " * 3
    table = {"size": [1.0, 2.0, 3.0, 5.0], long: [1, 2, 2, 1], "kind": ["x", "y", "x", "y"]}
    assert prepared(table).describe() == [
        ("numbers", f"size, {long[:40]}...{long[-17:]}"),
    ]


@pytest.mark.parametrize("option", ["ignore", "category"])
def test_a_target_is_no_input_to_ignore_or_to_make_a_category(option):
    with pytest.raises(TableError, match="column 'kind' is the target, and only inputs are"):
        prepared(**{option: ["kind"]})


def test_ignored_columns_and_numbers_as_categories():
    assert prepared(ignore=["size", "colour"]).inputs == ["island=A", "island=B"]
    inputs = prepared({**TABLE, "code": [1, 2, 2, 2, 1, 3]}, category=["code"]).inputs
    assert inputs[-3:] == ["code=1", "code=2", "code=3"]
    with pytest.raises(TableError, match=r"no column 'colur' in the table .did you mean 'colour'"):
        prepared(ignore=["colur"])


def test_a_table_that_differs_is_taken_with_a_line():
    lines = []
    table = pd.DataFrame(
        {
            "island": ["Mars", "A", "A"],
            "extra": [1, 2, 3],
            "colour": ["green", N, "red"],
            "size": ["tall", "2", N],
        }
    )
    assert prepared().matrix(table, say=lines.append).tolist() == [
        [4, 1, 0, 0, 0, 0, 0],
        [2, 0, 0, 0, 1, 1, 0],
        [4, 1, 0, 1, 0, 1, 0],
    ]
    assert lines == [
        "columns that the model does not know are left out: extra",
        "size: 1 value is no number, taken as missing: 'tall'",
        "colour: 1 value not seen in training (green), taken as none of blue, red",
        "island: 1 value not seen in training (Mars), taken as none of A, B",
    ]


def test_values_missing_only_later():
    lines = []
    preparation = prepared({"a": [1.0, 2.0, 3.0], "b": ["u", "v", "u"], "kind": ["x", "y", "x"]})
    matrix = preparation.matrix(pd.DataFrame({"a": [N, 5.0], "b": [N, "v"]}), say=lines.append)
    assert matrix.tolist() == [[2, 0, 0], [5, 0, 1]]
    assert lines == [
        "a: 1 missing value, taken as the median of training, 2",
        "b: 1 missing value, taken as none of u, v",
    ]


def test_rare_values_count_together():
    values = NAMES * 3 + NAMES[:50]
    preparation = prepared({"c": values, "kind": ["x", "y"] * (len(values) // 2)})
    matrix = preparation.matrix(pd.DataFrame({"c": [NAMES[3], NAMES[60], "nobody"]}))
    assert preparation.inputs[-1] == "c is another"
    assert np.argmax(matrix, axis=1).tolist() == [3, 50, 50]


def test_large_numbers_stay_apart_in_float32():
    seconds = 1.7e9 + np.arange(10)
    preparation = prepared({"t": seconds, "far": np.arange(10) * 1e60, "kind": ["x", "y"] * 5})
    matrix = preparation.matrix(pd.DataFrame({"t": seconds, "far": np.arange(10) * 1e60}))
    assert len(np.unique(matrix[:, 0])) == len(np.unique(matrix[:, 1])) == 10
    assert np.isfinite(matrix).all()


@pytest.mark.parametrize(
    "table, message",
    [
        ({"size": [np.inf], "colour": ["red"], "island": ["A"]}, "'size' holds inf in row 1;"),
        ({"size": [1, -np.inf], "colour": "red", "island": "A"}, "'size' holds -inf in row 2;"),
        ({"size": [1e39], "colour": ["red"], "island": ["A"]}, r"'size' holds 1e\+39 in row 1;"),
        ({"size": [1.0], "island": ["A"]}, "no column 'colour' in the table"),
        ({"a": [1.0]}, "no columns 'size', 'colour', 'island' in the table; its columns are: a"),
    ],
)
def test_a_table_that_cannot_be_used(table, message):
    with pytest.raises(TableError, match=message):
        prepared().matrix(pd.DataFrame(table), say=quiet)


@pytest.mark.parametrize(
    "columns, message",
    [
        ({}, "no column is left to learn from$"),
        ({"a": [3, 3]}, "no column is left to learn from: a is 3 in every subtrain row"),
        ({"a": [1.0, np.inf]}, "'a' holds inf in row 2"),
    ],
)
def test_a_table_that_nothing_can_be_learned_from(columns, message):
    with pytest.raises(TableError, match=message):
        prepared({**columns, "kind": ["x", "y"]})


def test_only_the_subtrain_rows_are_fitted_and_errors_name_the_row_of_the_table():
    table = {"size": [1.0, 100.0, 3.0, 2.0], "kind": ["x", "y", "x", "y"]}
    frame = pd.DataFrame(table)
    target = Target.find(frame, ["kind"])
    rows = np.array([True, False, True, True])
    preparation = Preparation.fit(frame, target, rows=rows, say=quiet)
    assert preparation.columns == (Real("size", 2.0),)
    frame.loc[3, "size"] = np.inf
    with pytest.raises(TableError, match="'size' holds inf in row 4"):
        Preparation.fit(frame, target, rows=rows, say=quiet)
