"""Finding out what a column is, by its type and its values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from .columns import Category, Column, LeftOut, Real
from .errors import plain, shortened
from .values import (
    dates,
    factors,
    is_date,
    is_number,
    is_readable,
    numbers,
    refuse_infinity,
    taken,
    texts_as_dates,
    texts_as_numbers,
)

if TYPE_CHECKING:
    import narwhals as nw

    from .read import Say

MOST_VALUES = 50  # inputs that one category may become
EITHER_WAY = re.compile(r"\d{1,2}[/-]\d{1,2}[/-](\d{4}|\d{2})\b")  # day or month first
FOR_PEOPLE = re.compile(  # 1,200 and 1.200,50 and $ 5 and 12 %
    r"[-+]?[$€£¥]?\s?(\d+|\d{1,3}([\s,.'’]\d{3})+)([.,]\d+)?\s?[$€£¥%]?"
)
MOSTLY = 0.9  # a text column counts as numbers if this share of its values are numbers


def understand(series: nw.Series, *, category: bool = False, say: Say) -> Column:
    """What the column is; `category` says that it is one although it holds numbers.

    Raises:
        TableError: A number is infinite.
    """
    if not is_readable(series):
        return LeftOut(series.name, f"holds {series.dtype} values")
    if is_number(series) and not category:
        return real(series.name, numbers(series), say)
    if is_date(series) and not category:
        return real(series.name, dates(series), say, date=True)
    codes, texts = factors(series)
    if not texts:
        return LeftOut(series.name, "has no value in any subtrain row")
    if not category:
        if are_dates(texts):
            return real(series.name, taken(texts_as_dates(texts), codes), say, date=True)
        if are_numbers(codes, texts):
            return real(series.name, taken(texts_as_numbers(texts), codes), say)
    column = category_of(series.name, codes, texts)
    if category or not (likely := holds(codes, texts)):
        return column
    if isinstance(column, LeftOut):
        return LeftOut(series.name, likely)
    say(f"{series.name}: {likely}")
    return column


def are_dates(texts: list[str]) -> bool:
    """Whether all the texts are dates."""
    return bool(np.isfinite(texts_as_dates(texts)).all())


def are_numbers(codes: np.ndarray, texts: list[str]) -> bool:
    """Whether the values are numbers but for a few, such as a dash or a word for unknown."""
    numeric = ~np.isnan(texts_as_numbers(texts))
    return numeric[codes[codes >= 0]].mean() >= MOSTLY


def holds(codes: np.ndarray, texts: list[str]) -> str:
    """What texts seem to hold that only their writer can read rightly: numbers or dates."""
    if all(EITHER_WAY.match(text) for text in texts):
        return f"holds dates as {texts[0]}, which can be read in two ways: write 2020-12-31"
    written = np.array([FOR_PEOPLE.fullmatch(text) is not None for text in texts])
    if written[codes[codes >= 0]].mean() >= MOSTLY:
        marked = next((text for text in texts if not text.isdecimal()), texts[0])
        return f"holds numbers as {marked!r}, taken as texts: write them plainly"
    return ""


def real(name: str, values: np.ndarray, say: Say, *, date: bool = False) -> Column:
    """A column of numbers, if they differ."""
    refuse_infinity(name, values, np.isinf(values))
    missing = np.isnan(values)
    known = values[~missing]
    if not len(known):
        return LeftOut(name, "has no value in any subtrain row")
    if known.min() == known.max() and not missing.any():
        return LeftOut(name, f"is {plain(known[0])} in every subtrain row")
    if date:
        say(f"{name}: dates are taken as days since 1970")
    median, spread = float(np.median(known)), float(known.std())
    origin = median if abs(median) > 1e4 * spread > 0 else 0.0
    unit = spread if spread and not 1e-12 < spread < 1e12 else 1.0
    return Real(name, median, bool(missing.any()), date, origin, unit)


def category_of(name: str, codes: np.ndarray, texts: list[str]) -> Column:
    """A category, if its values come again; of many values the most frequent ones."""
    counts = np.bincount(codes[codes >= 0], minlength=len(texts))
    rows, missing = int(counts.sum()), bool((codes < 0).any())
    if len(texts) == 1 and not missing:
        return LeftOut(name, f"is {shortened(texts[0])!r} in every subtrain row")
    if len(texts) == rows > 1:
        return LeftOut(name, "has a different text in every row, as names have")
    if len(texts) <= MOST_VALUES:
        return Category(name, tuple(sorted(texts)), missing=missing)
    if len(texts) > rows / 2:
        return LeftOut(name, f"has {len(texts):,} texts in {rows:,} rows, as names have")
    order = sorted(range(len(texts)), key=lambda code: (-counts[code], texts[code]))
    return Category(name, tuple(texts[code] for code in order[:MOST_VALUES]), True, missing)
