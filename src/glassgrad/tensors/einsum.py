"""Contractions written as text: einsum, and tensordot."""

from __future__ import annotations

from typing import Any

from ..types import ShapeError, axis_of
from .creation import coerced

Labels = tuple[Any, ...]


def einsum(equation, *operands) -> Any:
    """Products of elements with equal labels, summed over the labels that the output lacks.

    `einsum("bij,bjk->bik", x, y)` multiplies matrices; "..." stands for axes that broadcast;
    without "->" the output has the labels that occur once, in alphabetic order.
    """
    if not isinstance(equation, str):
        equation, operands = _written((equation, *operands))
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    tensors = [coerced(x) for x in operands]
    inputs, output = _parsed(equation, tensors)
    parts = [_without_repeats(x, labels) for x, labels in zip(tensors, inputs)]
    first, *others = _same_lengths(parts, equation)
    for i, other in enumerate(others):
        needed = set(output).union(*(labels for _, labels in others[i + 1 :]))
        first = _product(first, other, needed)
    x, labels = _summed(*first, set(output))
    return x.permute([labels.index(label) for label in output]) if output != labels else x


def tensordot(a, b, dims=2) -> Any:
    """The last `dims` axes of `a` against the first of `b`, or the axes listed for each."""
    a, b = coerced(a), coerced(b)
    if isinstance(dims, int):
        if not 0 <= dims <= min(a.ndim, b.ndim):
            raise ShapeError(f"tensordot: there are no {dims} axes in {a.type_} and {b.type_}")
        dims = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    mine, other = (
        [axis_of(int(d), x.ndim) for d in (listed if hasattr(listed, "__len__") else [listed])]
        for x, listed in zip((a, b), dims)
    )
    if len(mine) != len(other) or any(a.shape[i] != b.shape[j] for i, j in zip(mine, other)):
        raise ShapeError(f"tensordot: axes {mine} of {a.type_} do not match {other} of {b.type_}")
    rank = a.ndim + b.ndim - 2 * len(mine)
    free = iter(range(rank))
    first = [rank + mine.index(i) if i in mine else next(free) for i in range(a.ndim)]
    second = [rank + other.index(j) if j in other else next(free) for j in range(b.ndim)]
    return a.contract(b, (tuple(first), tuple(second)), rank)


# ---- the equation


def _parsed(equation: str, tensors: list[Any]) -> tuple[list[Labels], Labels]:
    """Labels of the axes of each operand and of the output; those of "..." are numbers."""
    text = equation.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(tensors):
        raise RuntimeError(f"einsum: {equation!r} has {len(terms)} operands, given {len(tensors)}")
    inputs = [_labelled(t, x, equation) for t, x in zip(terms, tensors)]
    dots = sorted({label for labels in inputs for label in labels if isinstance(label, int)})
    letters = [label for labels in inputs for label in labels if not isinstance(label, int)]
    if not arrow:
        once = sorted(label for label in set(letters) if letters.count(label) == 1)
        return inputs, (*dots, *once)
    head, ellipsis, tail = right.partition("...")
    output = (*head, *(dots if ellipsis else ()), *tail)
    unknown = [label for label in output if label not in letters and label not in dots]
    if unknown or len(set(output)) != len(output):
        raise RuntimeError(
            f"einsum: the output of {equation!r} has a label twice or an unknown one"
        )
    return inputs, output


def _labelled(term: str, x: Any, equation: str) -> Labels:
    head, dots, tail = term.partition("...")
    hidden = x.ndim - len(head) - len(tail)
    if hidden < 0 or (hidden and not dots) or not (head + tail + "a").isalpha():
        raise RuntimeError(f"einsum: {term!r} in {equation!r} does not name the axes of {x.type_}")
    return (*head, *range(-hidden, 0), *tail)


def _written(arguments: tuple) -> tuple[str, tuple]:
    """Operands that alternate with lists of axis numbers, as an equation."""
    operands, lists = list(arguments[0::2]), list(arguments[1::2])
    output = operands.pop() if len(operands) > len(lists) else None
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    texts = [
        "".join("..." if i is Ellipsis else letters[i] for i in listed)
        for listed in (lists if output is None else [*lists, output])
    ]
    if output is None:
        return ",".join(texts), tuple(operands)
    return ",".join(texts[:-1]) + "->" + texts[-1], tuple(operands)


# ---- the work: a part is a tensor and the labels of its axes


def _without_repeats(x: Any, labels: Labels) -> tuple[Any, Labels]:
    """Diagonals where a label occurs twice."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            if x.shape[first] != x.shape[second]:
                raise ShapeError(f"einsum: {label!r} has two lengths in {x.type_}")
            x = x.diagonal(0, first, second)
            labels = (*(a for i, a in enumerate(labels) if i not in (first, second)), label)
    return x, labels


def _same_lengths(parts: list[tuple[Any, Labels]], equation: str) -> list[tuple[Any, Labels]]:
    """Axes of length 1 left out where another operand has more under the same label."""
    lengths: dict[Any, int] = {}
    for x, labels in parts:
        for label, n in zip(labels, x.shape):
            if n != 1 and lengths.setdefault(label, n) != n:
                raise ShapeError(
                    f"einsum: {label!r} of {equation!r} has lengths {lengths[label]} and {n}"
                )
    found = []
    for x, labels in parts:
        single = [i for i, n in enumerate(x.shape) if n == 1 and lengths.get(labels[i], 1) != 1]
        kept = tuple(label for i, label in enumerate(labels) if i not in single)
        found.append((x._without(tuple(single)), kept))
    return found


def _product(
    first: tuple[Any, Labels], second: tuple[Any, Labels], needed: set
) -> tuple[Any, Labels]:
    """One contraction of two parts, after the labels that only one of them has are summed."""
    x, a = _summed(*first, needed | set(second[1]))
    y, b = _summed(*second, needed | set(first[1]))
    kept = [label for label in dict.fromkeys((*a, *b)) if label in needed]
    lost = [label for label in a if label not in needed]
    number = {label: i for i, label in enumerate([*kept, *lost])}
    reads = tuple(number[label] for label in a), tuple(number[label] for label in b)
    return x.contract(y, reads, len(kept)), tuple(kept)


def _summed(x: Any, labels: Labels, needed: set) -> tuple[Any, Labels]:
    """Labels that nothing else needs are summed over."""
    axes = [i for i, label in enumerate(labels) if label not in needed]
    if not axes:
        return x, labels
    total = x.sum(axes) if x.dtype.kind == "f" else x.sum(axes).to(x.dtype)
    return total, tuple(label for label in labels if label in needed)


__all__ = ["einsum", "tensordot"]
