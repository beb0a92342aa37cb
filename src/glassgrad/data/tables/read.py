"""Tables from files and from data frames, all as one kind of frame.

`read` takes CSV (any common separator and encoding, gzip too) and Parquet; `as_frame` takes what
pandas, polars, Arrow and others made. Both give a narwhals frame, so that the rest of glassgrad
has one code path.
"""

from __future__ import annotations

import gzip
import io
import re
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from .delimited import Layout, Opener, layout
from .errors import TableError, listed
from .values import MISSING, counts_rows, texts_as_numbers

if TYPE_CHECKING:
    import narwhals as nw
    import pandas

Say = Callable[[str], Any]  # takes a line that says what was done with the data

NUMBER = re.compile(r"[-+]?\d*[.,]?\d+(e[-+]?\d+)?", re.IGNORECASE)
PARQUET, GZIP, ZIP = b"PAR1", b"\x1f\x8b", b"PK\x03\x04"


def read(
    source: str | Path | BinaryIO,
    *,
    encoding: str | None = None,
    separator: str | None = None,
    say: Say = warnings.warn,
) -> nw.DataFrame:
    """The table in a file: CSV, gzipped CSV or Parquet, told apart by what the file holds.

    `encoding` and `separator` are found from the file where they are not given. `say` is called
    with one line for each thing that a reader of the table should know.

    Raises:
        TableError: There is no such file, it is empty, no text, no table, or its rows are ragged.
    """
    name = getattr(source, "name", "the input") if hasattr(source, "read") else str(source)
    try:
        opener = opened(source, name)
        with opener() as stream:
            start = stream.read(4)
        if start == ZIP:
            raise TableError(f"{name} is a zip archive or a workbook; save the sheet as CSV")
        if start == PARQUET:
            frame, kind = read_parquet(name, opener), "Parquet"
        else:
            found = layout(name, opener, encoding, separator)
            frame, kind = read_csv(name, opener, found), str(found)
            say_names(found, say)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise TableError(f"{name} is a damaged gzip file") from None
    say(f"{name}: {len(frame):,} rows, {len(frame.columns):,} columns ({kind})")
    return without_row_numbers(frame, say)


def opened(source: str | Path | BinaryIO, name: str) -> Opener:
    """A function that opens the file, as often as needed; what can be read but once is kept."""
    if not isinstance(source, str | Path):
        return in_memory(source.read())
    try:
        path = Path(source)
        if not name or not path.exists():
            raise TableError(f"there is no file {name or repr(name)}")
        if path.is_dir():
            raise TableError(f"{name} is a folder; give the table file in it")
        if not path.is_file():
            return in_memory(path.read_bytes())
        with path.open("rb") as stream:
            packed = stream.read(2) == GZIP
    except OSError as error:
        raise TableError(f"{name} cannot be read: {error.strerror or error}") from None
    opened: Any = gzip.open if packed else open
    return lambda: opened(path, "rb")


def in_memory(content: bytes) -> Opener:
    """A function that gives these bytes as a file, unpacked."""
    content = gzip.decompress(content) if content.startswith(GZIP) else content
    return lambda: io.BytesIO(content)


def read_csv(name: str, opener: Opener, found: Layout) -> nw.DataFrame:
    """The values, by pandas, which types each column; `found` says how the file is written."""
    import narwhals as nw
    import pandas

    try:
        with opener() as stream:
            frame = pandas.read_csv(
                stream,
                encoding=found.encoding,
                sep=found.separator,
                decimal=found.decimal,
                dtype=dict.fromkeys(found.codes, "string"),
                na_values=sorted(MISSING),
                keep_default_na=False,
                skipinitialspace=True,
                index_col=False,  # else a first column could vanish into an index
                low_memory=False,  # else a column may be typed piecewise
                dtype_backend="numpy_nullable",  # else integers with gaps become 3.0
            )
    except (pandas.errors.ParserError, pandas.errors.EmptyDataError) as error:
        raise TableError(f"{name}: {worded(error)}") from None
    names = frame.columns.str.strip()
    frame.columns = names if names.is_unique else frame.columns
    return nw.from_native(frame, eager_only=True)


def worded(error: Exception) -> str:
    """What pandas says, in a line."""
    line = str(error).splitlines()[0]
    _, quote, row = line.partition("EOF inside string starting at row ")
    return f"a quote that is opened in row {int(row):,} is not closed" if quote else line


def say_names(found: Layout, say: Say) -> None:
    """Say how pandas tells columns of one name apart, and that names should not be numbers."""
    again = [column for column, count in Counter(found.columns).items() if count > 1]
    if again:
        say(f"columns of the same name are numbered, as {again[0]}.1: {listed(again)}")
    numeric = np.isfinite(texts_as_numbers(list(found.columns)))
    if numeric.mean() > 0.5:
        names = listed(found.columns, 4)
        say(f"the first line is taken as names: {names}; if it is a row, put names above it")


def without_row_numbers(frame: nw.DataFrame, say: Say) -> nw.DataFrame:
    """The frame without a nameless first column that counts rows, as `DataFrame.to_csv` writes."""
    first = frame.columns[0]
    if first != "Unnamed: 0" or len(frame.columns) == 1:
        return frame
    if not counts_rows(frame[first]):
        return frame
    say("the first column has no name and counts the rows: left out")
    return frame.drop(first)


def read_parquet(name: str, opener: Opener) -> nw.DataFrame:
    """The table in a Parquet file, by pyarrow."""
    import narwhals as nw

    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        message = f"{name} is a Parquet file, which needs pyarrow: pip install 'glassgrad[table]'"
        raise TableError(message) from None
    try:
        with opener() as stream:
            return nw.from_native(parquet.read_table(stream), eager_only=True)
    except (pyarrow.ArrowException, OSError) as error:
        raise TableError(
            f"{name} is a damaged Parquet file: {str(error).splitlines()[0]}"
        ) from None


def as_frame(table: Any) -> nw.DataFrame:
    """A table of pandas, polars, Arrow or the like as a narwhals frame, columns named by text.

    Raises:
        TableError: It is no table, or two of its columns have one name.
    """
    import narwhals as nw

    if isinstance(table, nw.DataFrame):
        return table
    if nw.dependencies.is_pandas_dataframe(table):
        table = without_objects(table)
    try:
        frame = nw.from_native(table)
    except TypeError:
        message = f"{type(table).__name__} is no table; give a data frame (pandas, polars, Arrow)"
        raise TableError(message) from None
    return frame.collect() if isinstance(frame, nw.LazyFrame) else frame


def without_objects(table: pandas.DataFrame) -> pandas.DataFrame:
    """The pandas frame with texts as names, and typed columns in place of those of any objects."""
    if not all(isinstance(name, str) for name in table.columns):
        table = table.rename(columns=str)
    if not table.columns.is_unique:
        again = table.columns[table.columns.duplicated()].tolist()
        raise TableError(f"two columns have the same name: {listed(again)}")
    vague = [name for name, dtype in table.dtypes.items() if dtype == "object"]
    return table.assign(**table[vague].convert_dtypes()) if vague else table


def check_columns(frame: nw.DataFrame, wanted: Iterable[str], what: str) -> None:
    """Each wanted column is there, else an error that names it and what there is.

    Raises:
        TableError: A column is lacking.
    """
    import difflib

    lacking = [name for name in wanted if name not in frame.columns]
    if lacking:
        known = {name.strip().lower(): name for name in frame.columns}
        near = difflib.get_close_matches(lacking[0].strip().lower(), known, n=1, cutoff=0.7)
        hint = f" (did you mean {known[near[0]]!r}?)" if near and len(lacking) == 1 else ""
        names = ", ".join(map(repr, lacking))
        there = listed(frame.columns)
        what += "s" * (len(lacking) > 1)
        if all(NUMBER.fullmatch(name.strip()) for name in frame.columns):
            there += "; the first line of a table has the names of its columns"
        raise TableError(f"no {what} {names} in the table{hint}; its columns are: {there}")
