"""Formulas by their elements, where axes are not where NumPy would look for them: b_j - b_i.

A formula of arrays is read as NumPy broadcasts, and a sum's letter is the axis of what is summed.
Where a view puts axes elsewhere, or a letter would be bound twice, the element is written.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from functools import reduce
from operator import add
from typing import Any

from ..types import Shape
from .form import PLAIN, Form
from .formula import ATOM, Term, call, indexed, number

LETTERS = "ijklmnpqrsuvwz"  # of axes
Letters = tuple[str, ...]  # one for each axis; "" where axes of length 1 come or go
POINTWISE = ("axpy", "cast", "binary_cross_entropy")


def own_letters(shape: Shape) -> Letters:
    """i, j, ... of the axes."""
    return tuple(LETTERS[a % len(LETTERS)] for a in range(len(shape)))


def free(letters: Iterable[str]) -> str:
    """Letters that are not in use."""
    return "".join(i for i in LETTERS if i not in letters)


def element(t: Term, shape: Shape, letters: Letters, taken: str) -> Term:
    """The element of a formula of an array of this shape."""
    if t.form.at is not None:
        return t.form.at(letters, taken)._replace(form=PLAIN)
    if t.scalar or not any(letters):
        return t
    raised = t.split("^")
    if raised is not None and number(raised[1]) is not None:  # sigma_i^2
        return element(raised[0], shape, letters, taken) ** raised[1]
    return indexed(t, "".join(letters))


def array(t: Term, shape: Shape) -> Term:
    """A formula as one of an array: [b_j - b_i]_ij; what is broadcast says to which shape."""
    letters = own_letters(shape)
    if t.form.state != "element" or not any(letters):
        return call("expand", t, *shape) if t.form.short else t
    present = "".join(re.findall(r"_([i-z]+)", t.text))
    wide = [i for i, n in zip(letters, shape) if n != 1]
    here = [i for i in letters if i in present]
    below = "".join(here)
    found = Term(f"[{t.text}]_{below}", rf"\left[{t.latex}\right]_{{{below}}}", ATOM)
    if set(wide) <= set(here):
        return found
    places = [":" if i in here else "None" for i in letters]
    return call("expand", part(found, places) if here else t, *shape)


def exact(t: Term, shape: Shape) -> Term:
    """A formula with all axes of its array, also those of length 1 that are not printed."""
    other = t.form.shown is not None and len(t.form.shown) != len(shape)
    return call("reshape", t, *shape) if other else t


def by_letters(x: Any, at: Callable[[Letters, str], Term]) -> Term:
    """The element at i, j, ...; a sum around it takes other letters."""
    letters = own_letters(x.shape)
    form = Form(at, "element" if any(letters) else "", LETTERS)
    return at(letters, "".join(letters))._replace(form=form)


def is_pointwise(x: Any) -> bool:
    """Whether an element is computed of the elements at the same place."""
    return x.operation.kind == "elementwise" or x.operation.name in POINTWISE


def of_elements(
    x: Any, shapes: list[Shape], inputs: list[Term], write: Callable[..., Term]
) -> Term:
    """What is computed of elements at the same place, of arrays where that is true."""

    def at(letters: Letters, taken: str) -> Term:
        alike = [letters if shape else () for shape in shapes]
        return write(*map(element, inputs, shapes, alike, [taken] * len(inputs)))

    bound = "".join(t.form.bound for t in inputs)
    shown = list(dict.fromkeys(t.form.shown for t in inputs if t.form.shown is not None))
    if not any(t.form.state for t in inputs) and len(shown) < 2:
        short = bool(x.shape) and all(t.form.short for t, n in zip(inputs, shapes) if n)
        alike = all(t.form.shown is not None for t, n in zip(inputs, shapes) if n)
        form = Form(at, "", bound, shown[0] if shown and alike else None, short)
        return write(*inputs)._replace(form=form)
    return by_letters(x, at)


def together(x: Any, parts: Iterable[Term]) -> Term:
    """The sum of formulas of arrays of one shape."""
    terms = list(parts)
    if len(terms) == 1 and terms[0].form.state != "view":
        return terms[0]
    return of_elements(x, [x.shape] * len(terms), terms, lambda *t: reduce(add, t))


# ---- reductions


def reduced(x: Any, a: Term, write: Callable[[Any, Term, str], Term]) -> Term:
    """A sum or a maximum over axes; each letter stands for one axis alone."""
    axes, source = sorted(x.parameters["axes"]), x.inputs[0].shape

    def at(letters: Letters, taken: str) -> Term:
        fresh = iter(free(taken))
        left = iter(letters)
        inner = tuple(
            next(left) if i not in axes else "" if n == 1 else next(fresh)
            for i, n in enumerate(source)
        )
        over = "".join(inner[i] for i in axes)
        return write(x, element(a, source, inner, taken + over), over)

    over = "".join(LETTERS[i] for i in axes if i < len(LETTERS))
    bound = a.form.bound + over
    fresh = not set(a.form.bound) & set(LETTERS[: len(source)])
    if fresh and not a.form.state and in_place(a.form, source):
        return write(x, a, over)._replace(form=Form(at, "", bound))
    return by_letters(x, at)


def in_place(form: Form, shape: Shape) -> bool:
    """Whether axes have the same places in what is printed."""
    shown = shape if form.shown is None else form.shown
    return longer(shown) == longer(shape)


def longer(shape: Shape) -> list[int]:
    """The axes that are longer than 1."""
    return [a for a, n in enumerate(shape) if n != 1]


# ---- views


def viewed(x: Any, a: Term) -> Term:
    """Axes in another order by a name; broadcast along new ones as NumPy does, or by elements."""
    source, axes, rank = x.inputs[0].shape, x.parameters["axes"], len(x.shape)

    def at(letters: Letters, taken: str) -> Term:
        moved = tuple("" if place is None else letters[place] for place in axes)
        return element(a, source, moved, taken)

    if a.form.state == "element":
        return by_letters(x, at)
    bound = a.form.bound
    kept = [place for place, n in zip(axes, source) if n != 1]
    shown = source if a.form.shown is None else a.form.shown
    if not kept or a.scalar or [p - rank for p in kept] == [p - len(shown) for p in longer(shown)]:
        seen = shown if len(shown) == rank else None
        return a._replace(form=Form(at, a.form.state, bound, seen, math.prod(source) < x.numel()))
    if len(kept) == len(longer(x.shape)):
        order = list(range(len(shown)))
        for place, moved in zip(longer(shown), sorted(range(len(kept)), key=kept.__getitem__)):
            order[place] = longer(shown)[moved]
        if shown == source and len(axes) == rank and None not in axes:
            order = sorted(range(rank), key=axes.__getitem__)
        seen = tuple(shown[i] for i in order)
        state = "" if order in ([0, 1], [1, 0]) else "view"
        form = Form(at, state, bound, None if seen == x.shape else seen)
        return permuted(a, order)._replace(form=form)
    return spread(a, shown, kept, rank)._replace(form=Form(at, "view", bound, None, True))


def permuted(a: Term, order: list[int]) -> Term:
    """a' of a matrix, else permute(a, 0, 2, 1)."""
    if order == sorted(order):
        return a
    return a.T if order == [1, 0] else call("permute", a, *order)


def spread(a: Term, shown: Shape, kept: list[int], rank: int) -> Term:
    """a[:, None]: new axes along which it is the same."""
    if 1 in shown:
        a = part(a, ["0" if n == 1 else ":" for n in shown])
    a = permuted(a, sorted(range(len(kept)), key=kept.__getitem__))
    shown_at = part(a, [":" if i in kept else "None" for i in range(min(kept), rank)])
    return shown_at._replace(parts=("[]", a))


def part(a: Term, said: list[str]) -> Term:
    """a[0, :]."""
    text, latex = a.inside(ATOM)
    return Term(f"{text}[{', '.join(said)}]", rf"{latex}[{', '.join(said)}]")


def cut(x: Any, found: Term, numbered: list[bool]) -> Term:
    """A part, of which axes with one place alone are not printed: N[:, 0]."""

    def at(letters: Letters, taken: str) -> Term:
        below = "".join(i for i, gone in zip(letters, numbered) if not gone)
        return indexed(found, below) if below else found

    shown = tuple(n for n, gone in zip(x.shape, numbered) if not gone)
    return found._replace(form=Form(at, "", "", shown if any(numbered) else None))


def reshaped(x: Any, a: Term) -> Term:
    """The same elements under another shape; axes of length 1 come and go unseen."""
    source = x.inputs[0].shape
    if [n for n in source if n != 1] == [n for n in x.shape if n != 1]:

        def at(letters: Letters, taken: str) -> Term:
            if x.shape == source:
                return element(a, source, letters, taken)
            left = iter([i for i, n in zip(letters, x.shape) if n != 1])
            return element(a, source, tuple("" if n == 1 else next(left) for n in source), taken)

        shown = source if a.form.shown is None else a.form.shown
        if a.form.state == "element":
            return by_letters(x, at)
        shown = None if shown == x.shape else shown
        form = Form(at, a.form.state, a.form.bound, shown, a.form.short)
        return a._replace(form=form)
    base = a.split("reshape")
    plain, source = base if base is not None else (array(a, source), source)
    if source == x.shape:
        return plain
    found = reshape_said(x.shape, source, plain)
    return found._replace(parts=("reshape", plain, source))


def reshape_said(shape: Shape, source: Shape, plain: Term) -> Term:
    """flat(x), flatten(x) of all axes but the first, reshape(x, 3, 2)."""
    if len(shape) == 1:
        return call("flat", plain)
    if len(shape) == 2 < len(source) and shape[0] == source[0]:
        return call("flatten", plain)
    return call("reshape", plain, *shape)
