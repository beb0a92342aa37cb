"""What a delimited text file holds: its encoding, its separator, and whether its rows are whole.

The values are read by pandas; this module finds out what pandas must be told and refuses what
pandas would silently mend: it fills short rows with missing values and drops the end of long ones.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from .errors import TableError, counted

Opener = Callable[[], BinaryIO]  # opens the same bytes at each call

SAMPLE_BYTES = 1 << 18
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
WRITTEN = {r"\t": "\t", "tab": "\t", "space": " "}  # separators that a shell makes hard to write
MARKS = {  # byte order marks; the longer ones first, since one begins with the other
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
DECIMAL_COMMA = re.compile(r"\s*[-+]?\d*,\d+\s*")
DECIMAL_POINT = re.compile(r"\s*[-+]?\d*\.\d+\s*")
CODE = re.compile(r"\s*0\d+\s*")
ACCENTED_WORD = re.compile(r"\w*[^\W\x00-\x7f]\w*")


@dataclass(frozen=True)
class Layout:
    """How a delimited file is written."""

    encoding: str
    separator: str
    decimal: str  # "." or ","
    columns: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()  # columns of digits that begin with 0, which numbers do not keep

    def __str__(self) -> str:
        name = {" ": "space", **SEPARATORS}.get(self.separator, repr(self.separator))
        decimal = ", decimal commas" if self.decimal == "," else ""
        return f"{name}-separated{decimal}, {self.encoding.removesuffix('-sig')}"


def layout(name: str, opener: Opener, encoding: str | None, separator: str | None) -> Layout:
    """How the file is written, found from its bytes where the caller does not say.

    Raises:
        TableError: The file is empty or no text, its encoding is unknown, or rows are ragged.
    """
    encoding = known_encoding(name, encoding) if encoding else guessed_encoding(name, opener)
    sample = sample_lines(opener, encoding)
    if not any(line.strip() for line in sample):
        raise TableError(f"{name} is empty: a table needs a line of column names and rows below it")
    if "\0" in "".join(sample):
        raise not_text(name)
    separator = guessed_separator(sample) if separator is None else known_separator(name, separator)
    columns = checked_columns(name, opener, encoding, separator)
    rows = list(csv.reader(sample, delimiter=separator, skipinitialspace=True))
    whole = [row for row in rows if len(row) == len(columns)]
    codes = tuple(name for name, *fields in zip(*whole) if any(map(CODE.fullmatch, fields)))
    return Layout(encoding, separator, guessed_decimal(rows, separator), columns, codes)


def known_encoding(name: str, encoding: str) -> str:
    """The encoding by the name that Python gives it."""
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        message = f"{name}: no encoding is called {encoding!r}; try utf-8, utf-16 or latin-1"
        raise TableError(message) from None


def known_separator(name: str, separator: str) -> str:
    """The separator, of which a tab may be written as `tab` or with a backslash."""
    found = WRITTEN.get(separator, separator)
    if len(found) != 1 or found in '"\r\n':
        raise TableError(
            f"{name}: a separator is one character, such as ';', or tab or space, not {separator!r}"
        )
    return found


def guessed_encoding(name: str, opener: Opener) -> str:
    """A byte order mark, else UTF-16 by its zero bytes, else UTF-8, else western European text."""
    with opener() as stream:
        start = stream.read(4096)
    for mark, encoding in MARKS.items():
        if start.startswith(mark):
            return encoding
    if start[1::2].count(0) > len(start) / 4:
        return "utf-16-le"
    if start[::2].count(0) > len(start) / 4:
        return "utf-16-be"
    if first_undecodable_line(opener, "utf-8") is None:
        return "utf-8"
    if b"\0" in start:
        raise not_text(name)
    if reads_as_western(opener):
        return "cp1252"
    raise undecodable(name, opener, "utf-8")


def not_text(name: str) -> TableError:
    """The error for a file of another kind."""
    return TableError(f"{name} is not text: it holds zero bytes; a table is CSV or Parquet")


def undecodable(name: str, opener: Opener, encoding: str) -> TableError:
    """The error that names the first line that does not decode."""
    wide = encoding.startswith(("utf-16", "utf-32"))  # their lines cannot be told apart by bytes
    place = name if wide else f"{name}: line {first_undecodable_line(opener, encoding):,}"
    return TableError(
        f"{place} is not {encoding} text; "
        "give the encoding that the file is written in, for example --encoding latin-1"
    )


def first_undecodable_line(opener: Opener, encoding: str) -> int | None:
    """The number of the first line that does not decode, or None."""
    with opener() as stream:
        for number, line in enumerate(stream, start=1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError:
                return number
    return None


def reads_as_western(opener: Opener) -> bool:
    """Whether the bytes make sense as cp1252, a superset of latin-1.

    Nearly every file decodes as it. It makes sense if most words with an accent hold plain letters
    too, as Müller does; text in another script turns into words of nothing but accents.
    """
    plain = accents = 0
    try:
        with opener() as stream, io.TextIOWrapper(stream, "cp1252") as text:
            for line in text:
                for word in ACCENTED_WORD.findall(line):
                    mixed = any("a" <= letter.lower() <= "z" for letter in word)
                    plain, accents = plain + mixed, accents + (not mixed)
    except UnicodeDecodeError:
        return False
    return plain >= accents


def sample_lines(opener: Opener, encoding: str) -> list[str]:
    """The first lines of the file, without the last one read, which may be cut."""
    with opener() as stream:
        start = stream.read(SAMPLE_BYTES)
    text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(start)
    lines = text.splitlines(keepends=True)
    return lines[:-1] if len(start) == SAMPLE_BYTES and len(lines) > 1 else lines


def guessed_separator(sample: list[str]) -> str:
    """The separator that cuts most rows into as many fields as the header, and it into most."""

    def fit(separator: str) -> tuple[float, int]:
        rows = [
            row for row in csv.reader(sample, delimiter=separator, skipinitialspace=True) if row
        ]
        alike = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
        return (round(alike, 1) if len(rows[0]) > 1 else 0.0), len(rows[0])

    return max(SEPARATORS, key=fit)


def guessed_decimal(rows: list[list[str]], separator: str) -> str:
    """A comma if fields read as 1,5 and none as 1.5; it cannot be one between commas."""
    if separator == ",":
        return "."
    fields = [field for row in rows for field in row]
    commas = any(DECIMAL_COMMA.fullmatch(field) for field in fields)
    return "," if commas and not any(DECIMAL_POINT.fullmatch(field) for field in fields) else "."


def checked_columns(name: str, opener: Opener, encoding: str, separator: str) -> tuple[str, ...]:
    """The header, when every row has as many fields, every line decodes, and there is a row."""
    header: list[str] = []
    row_found = False
    try:
        with opener() as stream, io.TextIOWrapper(stream, encoding, newline="") as text:
            reader = csv.reader(text, delimiter=separator, skipinitialspace=True)
            begin = 1
            for row in reader:
                lines, begin = (begin, reader.line_num), reader.line_num + 1
                if not is_not_blank(row):
                    continue
                if len(row) != len(header) and header:
                    raise ragged(name, lines, len(row), len(header))
                row_found, header = bool(header), header or row
    except UnicodeError:
        raise undecodable(name, opener, encoding) from None
    except csv.Error as error:
        raise TableError(f"{name}: line {reader.line_num:,}: {error}") from None
    if not row_found:
        raise TableError(f"{name} has column names but no rows below them")
    return tuple(header)


def is_not_blank(row: list[str]) -> bool:
    """Whether pandas, too, takes the line as a row."""
    return len(row) > 1 or (len(row) == 1 and row[0].strip() != "")


def ragged(name: str, lines: tuple[int, int], fields: int, columns: int) -> TableError:
    """The error for a row that is not whole; `lines` are its first and its last."""
    first, last = lines
    place, so = f"line {first:,} has", "every row needs as many fields as there are columns"
    if last > first:
        place = f"lines {first:,} to {last:,} are one row, since a quote goes on, and have"
        so = "close the quote"
    fewer = f"{counted(fields, 'field')} where the header has {columns:,}"
    return TableError(f"{name}: {place} {fewer}; {so}")
