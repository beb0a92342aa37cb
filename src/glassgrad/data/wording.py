"""How numbers are worded, for tables and for the progress of a training."""


def plain(number: float, digits: int = 6) -> str:
    """`0.5`, `12.35`, `2043850`: so many digits, without a power of ten up to a thousand billion.

    A whole number has all its digits.
    """
    if 10**digits - 0.5 <= abs(number) < 1e12:
        return f"{number:.0f}"
    return f"{number:.{digits}g}"
