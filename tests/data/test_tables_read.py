"""Reading tables: encodings, separators, what pandas would silently mend, and every bad file."""

import gzip
import io
import os
import threading

import numpy as np
import pandas as pd
import pytest

from glassgrad.data.tables import TableError, as_frame, read

ROWS = "name,height,weight\nMüller,1.5,3\nAnne,2.5,4\n"


@pytest.fixture
def lines():
    return []


def written(tmp_path, content, name="table.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def values(frame):
    """The columns as lists; pandas has a missing value of its own."""
    columns = {series.name: series.to_list() for series in frame.iter_columns()}
    return {name: [None if v is pd.NA else v for v in column] for name, column in columns.items()}


EXPECTED = {"name": ["Müller", "Anne"], "height": [1.5, 2.5], "weight": [3, 4]}


@pytest.mark.parametrize(
    "content, said",
    [
        (ROWS, "comma-separated, utf-8"),
        (ROWS.encode("utf-8-sig"), "comma-separated, utf-8"),
        (ROWS.encode("latin-1"), "comma-separated, cp1252"),
        (ROWS.encode("utf-16"), "comma-separated, utf-16"),
        (ROWS.encode("utf-16-le"), "comma-separated, utf-16-le"),
        (ROWS.encode("utf-16-be"), "comma-separated, utf-16-be"),
        (ROWS.encode("utf-32"), "comma-separated, utf-32"),
        (ROWS.replace(",", ";"), "semicolon-separated, utf-8"),
        (ROWS.replace(",", "\t"), "tab-separated, utf-8"),
        (ROWS.replace(",", "|"), "bar-separated, utf-8"),
        (ROWS.replace(",", ", "), "comma-separated, utf-8"),
        (ROWS.replace("\n", "\r\n"), "comma-separated, utf-8"),
        (ROWS.replace("\n", "\n\n"), "comma-separated, utf-8"),
        (ROWS.rstrip("\n"), "comma-separated, utf-8"),
        (ROWS.replace(",", ";").replace(".", ","), "semicolon-separated, decimal commas, utf-8"),
        (gzip.compress(ROWS.encode(), mtime=0), "comma-separated, utf-8"),
    ],
)
def test_the_same_table_however_it_is_written(tmp_path, lines, content, said):
    frame = read(written(tmp_path, content), say=lines.append)
    assert values(frame) == EXPECTED
    assert lines[-1].endswith(f"2 rows, 3 columns ({said})")


def test_encoding_and_separator_can_be_given(tmp_path, lines):
    content = "слово:число\nда:1\nнет:2\n".encode("cp1251")
    path = written(tmp_path, content)
    with pytest.raises(TableError, match="line 1 is not utf-8 text; give the encoding"):
        read(path)
    frame = read(path, encoding="cp1251", separator=":", say=lines.append)
    assert values(frame) == {"слово": ["да", "нет"], "число": [1, 2]}


def test_a_stream_is_read(lines):
    frame = read(io.BytesIO(ROWS.encode()), say=lines.append)
    assert values(frame) == EXPECTED
    assert lines == ["the input: 2 rows, 3 columns (comma-separated, utf-8)"]


def test_quoted_fields_may_hold_separators_quotes_and_newlines(tmp_path, lines):
    frame = read(
        written(tmp_path, 'a,b\n"x, y",1\n"said ""no""",2\n"two\nlines",3\n'), say=lines.append
    )
    assert frame["a"].to_list() == ["x, y", 'said "no"', "two\nlines"]


def test_missing_values_keep_integers_whole(tmp_path, lines):
    frame = read(written(tmp_path, "a,b,c\n1,x,\nNA,?,\n3,None,\n"), say=lines.append)
    assert values(frame) == {"a": [1, None, 3], "b": ["x", None, None], "c": [None] * 3}


def test_codes_keep_their_zeros(tmp_path, lines):
    content = "area,x,,area,y\n01,0,03,1,0.5\n\n10,7,4,02,-0.5\n,0,4,2,05.5\n"
    frame = read(written(tmp_path, content), say=lines.append)
    found = values(frame)
    assert found["area"] == ["01", "10", None]
    assert (found["x"], found["y"]) == ([0, 7, 0], [0.5, -0.5, 5.5])


def test_a_pipe_is_read_once(tmp_path, lines):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(
        target=pipe.write_bytes, args=(gzip.compress(ROWS.encode(), mtime=0),)
    )
    writer.start()
    assert values(read(pipe, say=lines.append)) == EXPECTED
    writer.join()


@pytest.mark.parametrize(
    "separator, content",
    [("\t", "a\tb\n1\t2\n"), (r"\t", "a\tb\n1\t2\n"), ("tab", "a\tb\n1\t2\n"),
     (" ", "a  b\n1  2\n"), ("space", "a b\n1 2\n"), ("&", "a&b\n1&2\n")],
)  # fmt: skip
def test_a_separator_as_a_shell_can_write_it(tmp_path, lines, separator, content):
    frame = read(written(tmp_path, content), separator=separator, say=lines.append)
    assert values(frame) == {"a": [1], "b": [2]}
    assert ("space-separated" in lines[-1]) == (" " in content)


@pytest.mark.parametrize("separator", ["", "::", '"', "\n", "comma"])
def test_a_separator_that_is_none(tmp_path, separator):
    with pytest.raises(TableError, match="a separator is one character, such as ';', or tab"):
        read(written(tmp_path, ROWS), separator=separator)


def test_space_around_names_is_no_part_of_them(tmp_path, lines):
    frame = read(written(tmp_path, " a , b\n1 , x \n2.5 , y\n"), say=lines.append)
    assert frame.columns == ["a", "b"]
    assert frame["a"].to_list() == [1, 2.5]
    both = read(written(tmp_path, "a ,a\n1,2\n"), say=lines.append)
    assert both.columns == ["a ", "a"], "they would be one"


def test_a_first_line_of_numbers_is_pointed_at(tmp_path, lines):
    read(written(tmp_path, "5.1,3.5,setosa\n4.9,3.0,setosa\n"), say=lines.append)
    assert lines[0].startswith("the first line is taken as names: 5.1, 3.5, setosa; if it is a row")
    read(written(tmp_path, "x,2020,y\n1,2,3\n"), say=lines.append)
    assert len(lines) == 3


def test_columns_of_one_name_are_numbered(tmp_path, lines):
    assert read(written(tmp_path, "a,b,a\n1,2,3\n"), say=lines.append).columns == ["a", "b", "a.1"]
    assert lines[0] == "columns of the same name are numbered, as a.1: a"


def test_a_nameless_count_of_rows_is_left_out(tmp_path, lines):
    assert read(written(tmp_path, ",a\n0,5\n1,7\n"), say=lines.append).columns == ["a"]
    assert "counts the rows" in lines[-1]
    assert read(written(tmp_path, ",a\n4,5\n1,7\n"), say=lines.append).columns == [
        "Unnamed: 0",
        "a",
    ]


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("a,b\n", "has column names but no rows"),
        ("a,b\n1,2\n3\n", "line 3 has 1 field where the header has 2"),
        ("a,b\n1,2\n3,4,5\n", "line 3 has 3 fields where the header has 2"),
        ("a,b\n1,2,3\n4,5,6\n", "line 2 has 3 fields where the header has 2"),
        ('a,b\n1,"2\n3,4\n', "a quote that is opened in row 1 is not closed"),
        (
            'a,b\n1,2\n"3,4\n5,6\n',
            "lines 3 to 4 are one row, since a quote goes on, and have 1 field",
        ),
        ("a,b\n1\n\n", "line 2 has 1 field where the header has 2"),
        (b"a,b\n1,\xff\xfe\n", "line 2 is not utf-8 text; give the encoding"),
        (b"a,b\n1,2\n3,\x81\x8d\n", "line 3 is not utf-8 text"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0 \xff", "is not"),
        (b"a,b\n1,\x002\n", "is not text: it holds zero bytes"),
        (b"PK\x03\x04rest", "is a zip archive or a workbook"),
        (gzip.compress(ROWS.encode(), mtime=0)[:30], "is a damaged gzip file"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path, content, message):
    with pytest.raises(TableError, match=message) as caught:
        read(written(tmp_path, content), say=lambda line: None)
    assert "\n" not in str(caught.value)
    assert "table.csv" in str(caught.value)


def test_a_damaged_parquet_file_is_refused(tmp_path):
    pytest.importorskip("pyarrow")
    with pytest.raises(TableError, match="table.csv is a damaged Parquet file"):
        read(written(tmp_path, b"PAR1 but no more"), say=lambda line: None)


def test_wrong_encodings_are_refused(tmp_path):
    path = written(tmp_path, ROWS)
    with pytest.raises(TableError, match="no encoding is called 'klingon'"):
        read(path, encoding="klingon")
    with pytest.raises(TableError, match="line 2 is not ascii text"):
        read(path, encoding="ascii")


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(TableError, match="there is no file nowhere"):
        read("nowhere.csv")
    with pytest.raises(TableError, match="is a folder"):
        read(tmp_path)


def test_parquet_and_frames_of_every_library(tmp_path, lines):
    pyarrow = pytest.importorskip("pyarrow")
    polars = pytest.importorskip("polars")
    from pyarrow import parquet

    data = {"name": ["Müller", "Anne"], "height": [1.5, 2.5], "weight": [3, 4]}
    parquet.write_table(pyarrow.table(data), tmp_path / "table.any")
    assert values(read(tmp_path / "table.any", say=lines.append)) == data
    frames = pd.DataFrame(data), polars.DataFrame(data), polars.LazyFrame(data), pyarrow.table(data)
    for frame in frames:
        assert values(as_frame(frame)) == data


def test_frames_that_are_none():
    assert as_frame(pd.DataFrame([[1, 2]])).columns == ["0", "1"]
    with pytest.raises(TableError, match="ndarray is no table"):
        as_frame(np.ones((2, 2)))
    with pytest.raises(TableError, match="same name"):
        as_frame(pd.DataFrame([[1, 2]], columns=["a", "a"]))
