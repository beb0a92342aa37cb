"""How an axis is divided into parts that are worked on together."""

from __future__ import annotations


def panels(count: int, size: int, most: int) -> list[tuple[int, int, int]]:
    """(first, width, how many): elements by `size` in parts of at most `most`, equal ones together.

    Parts are of one kind where that can be, for each kind is code of its own; else they are
    balanced, 3 and 2 rather than 4 and 1.  What does not fill the last vector stands alone, so that
    the others need no mask.
    """
    units, rest = divmod(count, size)
    if not units and not rest:
        return []
    if size > 1 and most > 1:
        units += bool(rest)
        parts = -(-units // most) if units else 0
        small, extra = divmod(units, parts) if parts else (0, 0)
        groups = [(0, small + 1, extra), (extra * (small + 1), small, parts - extra)]
        return _last_alone([g for g in groups if g[1] and g[2]], bool(rest))
    width = most if rest else _even_width(units, most)
    if width is None:
        parts = -(-units // most)
        small, extra = divmod(units, parts)
        groups = [(0, small + 1, extra), (extra * (small + 1), small, parts - extra)]
    else:
        groups = [(0, width, units // width), (units // width * width, units % width, 1)]
    if rest:
        groups.append((units, 1, 1))
    return [g for g in groups if g[1] and g[2]]


def _even_width(units: int, most: int) -> int | None:
    """A width of which there are only whole parts, if it is not too narrow."""
    narrowest = max(most * 2 // 3, 1)
    return next((w for w in range(most, narrowest - 1, -1) if units % w == 0), None)


def _last_alone(groups: list[tuple[int, int, int]], partial: bool) -> list[tuple[int, int, int]]:
    if not partial or not groups:
        return groups
    first, width, parts = groups[-1]
    if parts == 1:
        return groups
    return [*groups[:-1], (first, width, parts - 1), (first + width * (parts - 1), width, 1)]
