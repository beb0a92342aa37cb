"""Methods that repeat, turn and cut: whole blocks of elements in another order."""

from __future__ import annotations

import numpy as np

from ..operations.view import view
from ..types import axis_of
from .node import Node


class Arrangement(Node):
    """Compositions of views, slices and joins."""

    # ---- repeated

    def repeat(self, *repeats):
        """The whole tensor repeated along each axis; more numbers than axes make new first axes."""
        counts = _numbers(repeats)
        if len(counts) < len(self.shape):
            raise RuntimeError(
                f"repeat needs a number for each axis of {self.type_} and got {list(counts)}"
            )
        lengths = (1,) * (len(counts) - len(self.shape)) + self.shape
        x = self.reshape(lengths)
        shape = tuple(n for pair in zip(counts, lengths) for n in pair)
        y = self.apply(view, x, shape=shape, axes=tuple(range(1, len(shape), 2)))
        return y.reshape(tuple(c * n for c, n in zip(counts, lengths)))

    def tile(self, *dims):
        """As `repeat`, but missing numbers of repeats are 1."""
        counts = _numbers(dims)
        return self.repeat((1,) * (len(self.shape) - len(counts)) + counts)

    def repeat_interleave(self, repeats, dim=None, *, output_size=None):
        """Each element along `dim` repeated in its place; `repeats` is a number or one for each."""
        x = self.reshape(-1) if dim is None else self
        n = x.size(dim or 0)
        counts = np.asarray(repeats.known() if isinstance(repeats, Node) else repeats)
        if counts.size not in (1, n):
            raise RuntimeError(f"repeat_interleave takes one number, or {n}, and got {counts.size}")
        places = np.repeat(np.arange(n), counts if counts.ndim else int(counts))
        return x.index_select(dim or 0, self.lift(places))

    # ---- turned

    def roll(self, shifts, dims=None):
        """Elements moved on by `shifts` along axes; what leaves at the end comes in in front."""
        if dims is None:
            return self.reshape(-1).roll(shifts, 0).reshape(self.shape)
        listed = _numbers((shifts,)), _numbers((dims,))
        if len(listed[0]) != len(listed[1]):
            raise RuntimeError(f"roll needs one shift for each dim: {shifts} and {dims}")
        x = self
        for shift, dim in zip(*listed):
            n = x.size(dim)
            shift = shift % n if n else 0
            if shift:
                x = x.narrow(dim, n - shift, shift).join([x.narrow(dim, 0, n - shift)], dim)
        return x

    def rot90(self, k=1, dims=(0, 1)):
        """Turned by k quarter turns in the plane of two axes, from the first towards the second."""
        a, b = (axis_of(d, len(self.shape)) for d in dims)
        if a == b:
            raise RuntimeError(f"rot90 turns in the plane of two different axes, not {dims}")
        if k % 4 == 2:
            return self.flip(a, b)
        if k % 4 == 0:
            return self.clone()
        return self.flip(b).transpose(a, b) if k % 4 == 1 else self.flip(a).transpose(a, b)

    def fliplr(self):
        """The second axis in reverse order."""
        return self._at_least(2, "fliplr").flip(1)

    def flipud(self):
        """The first axis in reverse order."""
        return self._at_least(1, "flipud").flip(0)

    # ---- cut

    def tensor_split(self, indices_or_sections, dim=0):
        """Parts along an axis: so many of nearly equal size, or cut before the indices listed."""
        n = self.size(dim)
        cuts = indices_or_sections
        cuts = cuts.tolist() if isinstance(cuts, Node) else cuts
        if isinstance(cuts, int):
            if cuts < 1:
                raise RuntimeError(f"tensor_split needs at least one part, not {cuts}")
            small, more = divmod(n, cuts)
            cuts = [i * small + min(i, more) for i in range(1, cuts)]
        edges = [0, *(slice(c).indices(n)[1] for c in cuts), n]
        spans = zip(edges, edges[1:])
        return tuple(self.narrow(dim, a, max(b - a, 0)) for a, b in spans)

    def hsplit(self, indices_or_sections):
        """Cut along the second axis; a vector along its only one."""
        x = self._at_least(1, "hsplit")
        return x._equally_split(indices_or_sections, 0 if len(self.shape) == 1 else 1, "hsplit")

    def vsplit(self, indices_or_sections):
        """Cut along the first axis."""
        return self._at_least(2, "vsplit")._equally_split(indices_or_sections, 0, "vsplit")

    def dsplit(self, indices_or_sections):
        """Cut along the third axis."""
        return self._at_least(3, "dsplit")._equally_split(indices_or_sections, 2, "dsplit")

    def split_with_sizes(self, split_sizes, dim=0):
        """Parts of the sizes listed along an axis."""
        return self.split(list(split_sizes), dim)

    def narrow_copy(self, dim, start, length):
        """`narrow`, in memory of its own."""
        return self.narrow(dim, start, length).clone()

    # ---- shared

    def _at_least(self, rank, what):
        if len(self.shape) < rank:
            raise RuntimeError(f"{what} takes at least {rank} axes and got {self.type_}")
        return self

    def _equally_split(self, indices_or_sections, dim, what):
        sections = indices_or_sections
        if isinstance(sections, int) and (sections < 1 or self.size(dim) % sections):
            raise RuntimeError(
                f"{what}: the {self.size(dim)} elements of axis {dim} do not divide into {sections}"
            )
        return self.tensor_split(sections, dim)


def _numbers(arguments):
    """Numbers given one by one or as one sequence."""
    if len(arguments) == 1 and not isinstance(arguments[0], int):
        arguments = arguments[0]
    return tuple(map(int, arguments))
