"""What happens between the lanes of vectors: folds across them, and 16 x 16 transposes."""

from __future__ import annotations

from collections.abc import Callable

from .functions import Functions
from .position import LANES
from .register import Register

Combine = Callable[[Register, Register], Register]


class Lanes(Functions):
    """One tree, neighbours first, so that sums have the same bits wherever their parts stand."""

    def merged(self, parts: list[Register], combine: Combine) -> Register:
        """The fold of sixteen registers; what nothing was added to stays as it is."""
        while len(parts) > 1:
            parts = [a if a is b else combine(a, b) for a, b in zip(parts[::2], parts[1::2])]
        return parts[0]

    def across(self, a: Register, combine: Combine) -> Register:
        """The fold of all lanes, in every lane."""
        for step in (1, 2, 4, 8):
            a = combine(a, self.shuffle(a, a, [n ^ step for n in range(LANES)]))
        return a

    def gathered(self, rows: list[Register], combine: Combine) -> Register:
        """One vector whose lane n is the fold of vector n; there are at most 16."""
        step = 1
        while step < LANES:
            pairs = [(rows[n], rows[min(n + 1, len(rows) - 1)]) for n in range(0, len(rows), 2)]
            low = [n if not n & step else LANES + n - step for n in range(LANES)]
            high = [n + step if not n & step else LANES + n for n in range(LANES)]
            rows = [combine(self.shuffle(a, b, low), self.shuffle(a, b, high)) for a, b in pairs]
            step *= 2
        return rows[0]

    def transposed(self, rows: list[Register], count: int = LANES) -> list[Register]:
        """The first `count` columns, or some more, of the matrix that sixteen vectors are rows of.

        Where rows are short several of them lie in one vector, and less is to be exchanged.
        """
        width = next(w for w in (4, 8, LANES) if w >= count)
        rows = self._beside(rows, width)
        step = width // 2
        while step:
            low = [n if not n & step else LANES + n - step for n in range(LANES)]
            high = [n + step if not n & step else LANES + n for n in range(LANES)]
            for n in range(width):
                if not n & step:
                    a, b = rows[n], rows[n | step]
                    rows[n], rows[n | step] = self.shuffle(a, b, low), self.shuffle(a, b, high)
            step //= 2
        return rows

    def _beside(self, rows: list[Register], width: int) -> list[Register]:
        """Rows n, n + width, n + 2 width ... of `width` elements side by side in vector n."""
        groups = [rows[first : first + width] for first in range(0, LANES, width)]
        while len(groups) > 1:
            lanes = [*range(width), *range(LANES, LANES + width)]
            lanes += [None] * (LANES - len(lanes))
            pairs = zip(groups[::2], groups[1::2])
            groups = [[self.shuffle(a, b, lanes) for a, b in zip(*pair)] for pair in pairs]
            width *= 2
        return list(groups[0])
