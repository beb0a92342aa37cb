"""The values of one column as numbers, dates or texts, whatever library holds it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import TableError

if TYPE_CHECKING:
    import narwhals as nw

# Texts that stand for a missing value, in files and in frames.
MISSING = frozenset(
    ["", "?", "NA", "N/A", "n/a", "#N/A", "<NA>"]
    + ["NaN", "nan", "-NaN", "-nan", "NULL", "null", "NONE", "None"]
)
MILLISECONDS_OF_A_DAY = 86_400_000
DOTTED = re.compile(r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})\b")
SLASHED = re.compile(r"(?P<year>\d{4})/(?P<month>\d{1,2})/(?P<day>\d{1,2})\b")


def is_number(series: nw.Series) -> bool:
    """Whether the column's type is one of numbers, or of truth values, which count as 0 and 1."""
    import narwhals as nw

    return series.dtype.is_numeric() or series.dtype == nw.Boolean


def is_date(series: nw.Series) -> bool:
    """Whether the column's type is one of days or of times of a day."""
    import narwhals as nw

    return series.dtype in (nw.Date, nw.Datetime)


def is_readable(series: nw.Series) -> bool:
    """Whether its values are numbers, dates or texts, and not lists, bytes or the like."""
    import narwhals as nw

    texts = (nw.String, nw.Categorical, nw.Enum, nw.Object)
    return is_number(series) or is_date(series) or series.dtype in texts


def factors(series: nw.Series) -> tuple[np.ndarray, list[str]]:
    """`codes, texts`: row i reads `texts[codes[i]]`; the code is -1 where the value is missing."""
    import narwhals as nw
    import pandas

    if series.dtype in (nw.Categorical, nw.Enum):
        series = series.cast(nw.String)  # of an Arrow dictionary, NumPy would lose the gaps
    values = series.to_numpy()
    if is_date(series):
        values = values.astype("datetime64[ms]").astype(object)
    try:
        codes, found = pandas.factorize(values)
    except TypeError:  # values that cannot be hashed, such as lists
        codes, found = pandas.factorize(np.array([str(value) for value in values], dtype=object))
    texts = [text(value) for value in found]
    distinct = list(dict.fromkeys(t for t in texts if t not in MISSING))
    place = {t: code for code, t in enumerate(distinct)}
    moved = np.array([place.get(t, -1) for t in texts] + [-1])  # the last one is for code -1
    return moved[codes], distinct


def text(value: Any) -> str:
    """A value as it is read and written: 3 and not 3.0, without space around it."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value.item() if isinstance(value, np.generic) else value).strip()


def numbers(series: nw.Series) -> np.ndarray:
    """The column as float64; NaN where a value is missing or is a text that is no number."""
    import narwhals as nw

    if is_number(series):
        return series.cast(nw.Float64).to_numpy()
    if is_date(series):
        return dates(series)
    codes, texts = factors(series)
    return taken(texts_as_numbers(texts), codes)


def dates(series: nw.Series) -> np.ndarray:
    """The column as days since 1970; NaN where a value is missing or is no date."""
    import narwhals as nw

    if is_date(series):
        return series.dt.timestamp("ms").cast(nw.Float64).to_numpy() / MILLISECONDS_OF_A_DAY
    codes, texts = factors(series)
    return taken(texts_as_dates(texts), codes)


def taken(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """The value of each row's code; NaN for -1."""
    return np.append(values, np.nan)[codes]


def counts_rows(series: nw.Series) -> bool:
    """Whether each row has the number after the one before: no property of it, only its place."""
    return is_number(series) and len(series) > 1 and bool((np.diff(numbers(series)) == 1).all())


def texts_as_numbers(texts: list[str]) -> np.ndarray:
    """Each text as a number; NaN if it is none."""
    import pandas

    return pandas.to_numeric(pandas.Series(texts, dtype=object), errors="coerce").to_numpy(float)


def texts_as_dates(texts: list[str]) -> np.ndarray:
    """Each text as days since 1970; NaN if it is no date (2020-12-31, 2020/12/31, 31.12.2020)."""
    import pandas

    # A bare number is no date, though ISO 8601 would read 2007 as a year.
    iso = [as_iso(text) for text in texts]
    dashed = pandas.Series([t if t.count("-") >= 2 else None for t in iso], dtype=object)
    times = pandas.to_datetime(dashed, format="ISO8601", errors="coerce", utc=True)
    since = (times - pandas.Timestamp(0, tz="UTC")) / pandas.Timedelta(days=1)
    return since.to_numpy(float)


def as_iso(text: str) -> str:
    """31.12.2020 and 2020/12/31 as 2020-12-31, any other text as it is.

    12/31/2020 and 31/12/2020 are left alone: nothing tells 1/2/2020 from 2/1/2020.
    """
    if found := DOTTED.match(text) or SLASHED.match(text):
        date = f"{found['year']}-{found['month']:0>2}-{found['day']:0>2}"
        return date + text[found.end() :]
    return text


def refuse_infinity(name: str, values: np.ndarray, infinite: np.ndarray) -> None:
    """Raise an error that names the column and the first row of an infinite number."""
    if infinite.any():
        row = int(np.argmax(infinite))
        needs = "numbers that float32 holds" if np.isfinite(values[row]) else "finite numbers"
        raise TableError(
            f"column {name!r} holds {values[row]:g} in row {row + 1:,}; a network needs {needs}: "
            "correct it, leave the field empty (missing), or leave the row out"
        )
