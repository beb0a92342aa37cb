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

    def transposed(self, rows: list[Register]) -> list[Register]:
        """Sixteen vectors as the columns of the matrix that they are the rows of."""
        rows = list(rows)
        for step in (8, 4, 2, 1):
            low = [n if not n & step else LANES + n - step for n in range(LANES)]
            high = [n + step if not n & step else LANES + n for n in range(LANES)]
            for n in range(LANES):
                if not n & step:
                    a, b = rows[n], rows[n | step]
                    rows[n], rows[n | step] = self.shuffle(a, b, low), self.shuffle(a, b, high)
        return rows
