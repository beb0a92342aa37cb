"""Methods that contract axes: all of them are one primitive with labelled axes."""

from __future__ import annotations

from ..operations import loop
from ..operations.view import view
from ..types import ElementError, ShapeError, broadcast_shapes
from .node import Node


class Products(Node):
    """Matrix products of any rank."""

    def __matmul__(self, other):
        return self.matmul(other)

    def __rmatmul__(self, other):
        return self.lift(other).matmul(self)

    def matmul(self, other):
        """y[..., i, j] = sum over k of x[..., i, k] other[..., k, j]; vectors are rows or columns.

        x: [..., i, k], other: [..., k, j] -> y: [..., i, j]
        """
        other = other if isinstance(other, Node) else self.lift(other)
        a, b = self.value.shape, other.value.shape
        m, n = len(a), len(b)
        if m == 2 == n and a[1] == b[0]:
            return self.contract(other, ((0, 2), (2, 1)), 2)
        if not m or not n:
            raise ShapeError(
                f"matmul needs at least one axis each; got {self.type_} and {other.type_}"
            )
        if a[-1] != b[max(n - 2, 0)]:
            raise _inner(self, other)
        batch = broadcast_shapes(a[:-2], b[:-2])
        rank = len(batch) + (m > 1) + (n > 1)
        x, first = _batched(self, batch, (len(batch), rank) if m > 1 else (rank,))
        y, second = _batched(other, batch, (rank, rank - 1) if n > 1 else (rank,))
        missing = [a for a, size in enumerate(batch) if a not in first and a not in second]
        product = x.contract(y, *_renumbered((first, second), missing, rank))
        for axis in missing:
            product = product.unsqueeze(axis)
        return product

    def mm(self, mat2):
        """The product of two matrices (lecture H: A = X W).

        x: [rows, inner], mat2: [inner, columns] -> [rows, columns]
        """
        mat2 = mat2 if isinstance(mat2, Node) else self.lift(mat2)
        if len(self.shape) != 2 or len(mat2.shape) != 2:
            raise ShapeError(f"mm takes two matrices and got {self.type_} and {mat2.type_}")
        return self.matmul(mat2)

    def mv(self, vec):
        """Matrix times vector."""
        if len(self.shape) != 2 or len(vec.shape) != 1:
            raise ShapeError(f"mv takes a matrix and a vector and got {self.type_} and {vec.type_}")
        return self.matmul(vec)

    def dot(self, tensor):
        """The sum of the products of two vectors."""
        if len(self.shape) != 1 or len(tensor.shape) != 1:
            raise ShapeError(f"dot takes two vectors and got {self.type_} and {tensor.type_}")
        return self.matmul(tensor)

    def bmm(self, mat2):
        """Matrix products of a batch."""
        if len(self.shape) != 3 or len(mat2.shape) != 3 or self.shape[0] != mat2.shape[0]:
            raise ShapeError(
                f"bmm takes two batches [b, i, k], [b, k, j]; got {self.type_}, {mat2.type_}"
            )
        return self.matmul(mat2)

    def outer(self, vec2):
        """y[i, j] = x[i] vec2[j]."""
        if len(self.shape) != 1 or len(vec2.shape) != 1:
            raise ShapeError(f"outer takes two vectors and got {self.type_} and {vec2.type_}")
        return self.unsqueeze(1) * vec2

    ger = outer

    def contract(self, other, reads, rank):
        """The contraction with labelled axes (see operations/loop); transposes are read through."""
        x, y = self, other
        first, second = reads
        if x.value.dtype is not y.value.dtype and x.dtype != y.dtype:
            raise ElementError(
                f"a product needs one dtype; got {x.type_} and {y.type_}: convert one by .to()"
            )
        if x.operation is view:
            x, first = _through(x, first)
        if y.operation is view:
            y, second = _through(y, second)
        return self.apply(loop.contract, x, y, reads=(first, second), rank=rank)


def _through(x, labels):
    """The tensor behind a transposing view, and the labels at which it is read."""
    axes = x.parameters["axes"]
    if len(axes) != len(labels) or None in axes:
        return x, labels
    return x.inputs[0], tuple([labels[a] for a in axes])


def _batched(x, batch, own):
    """`x` without repeated batch axes, and the labels of what is left."""
    count = len(x.shape) - len(own)
    places = range(len(batch) - count, len(batch))
    dropped = [i for i, a in enumerate(places) if x.shape[i] == 1 and batch[a] != 1]
    labels = tuple(a for i, a in enumerate(places) if i not in dropped)
    return x._without(tuple(dropped)), (*labels, *own)


def _renumbered(reads, missing, rank):
    """Labels without gaps, when an axis of the output belongs to neither input."""
    kept = [a for a in range(rank + 1) if a not in missing]
    return tuple(tuple(map(kept.index, labels)) for labels in reads), rank - len(missing)


def _inner(x, y):
    return ShapeError(
        f"{x.type_} @ {y.type_}: the last axis of the first has {x.shape[-1]} elements and the "
        f"first axis of the second matrix {y.shape[max(len(y.shape) - 2, 0)]}; they must be equal"
    )
