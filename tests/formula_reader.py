"""Reads a formula's text as a person would, and computes it with NumPy.

Arrays go together as NumPy broadcasts them; with letters below, as the letters say.  The two are
never mixed.  A vector is a column.  A sum is over all that follows in its product.
"""

import re
from dataclasses import dataclass

import numpy as np

LETTERS = "ijklmnpqrsuvwz"
TOKEN = re.compile(
    r"\s*(?P<number>\d+(?:\.\d+)?(?:e[+-]\d+)?)|\s*(?P<over>(?:sum|max|min|prod)_[i-z]+(?= ))"
    r"|\s*(?P<word>[A-Za-z∂][\w∂/-]*)|\s*(?P<sign><=|>=|!=|\S)"
)


@dataclass
class Value:
    """An array; `letters` of its axes, and whether they were written."""

    array: np.ndarray
    letters: str = ""
    written: bool = False
    channels: bool = False  # a convolution: a vector is added to its channels

    @staticmethod
    def of(array):
        array = np.asarray(array)
        return Value(array, LETTERS[: array.ndim])


class Reader:
    """One text, read from left to right."""

    def __init__(self, text, names):
        self.text, self.at = text, 0
        self.names = sorted(names, key=len, reverse=True)
        self.known = {name: Value.of(x) for name, x in names.items()} | {"e": Value.of(np.e)}

    # ---- letters

    def peek(self):
        rest = self.text[self.at :]
        skipped = len(rest) - len(rest.lstrip())
        for name in self.names:
            after = rest[skipped + len(name) : skipped + len(name) + 1]
            if rest[skipped:].startswith(name) and not after.isalnum():
                return "name", name, skipped + len(name)
        found = TOKEN.match(rest)
        if found is None:
            return "end", "", 0
        return found.lastgroup, found[found.lastgroup], found.end()

    def take(self, *wanted):
        kind, word, length = self.peek()
        if word in wanted and kind != "name":
            self.at += length
            return word
        return None

    def need(self, word):
        assert self.take(word), f"{word!r} is missing at {self.text[self.at :]!r} of {self.text!r}"

    # ---- operators, from the loosest

    def whole(self):
        value = self.choice()
        assert not self.text[self.at :].strip(), f"left: {self.text[self.at :]!r} of {self.text!r}"
        return value

    def choice(self):
        value = self.logic()
        if self.take("if"):
            condition = self.logic()
            self.need("else")
            return pointwise(np.where, condition, value, self.choice())
        return value

    def logic(self):
        value = self.comparison()
        while word := self.take("and", "or"):
            value = pointwise(getattr(np, f"logical_{word}"), value, self.comparison())
        return value

    def comparison(self):
        value = self.sum()
        while word := self.take("=", "!=", "<", "<=", ">", ">="):
            signs = {"=": np.equal, "!=": np.not_equal, "<": np.less, "<=": np.less_equal,
                     ">": np.greater, ">=": np.greater_equal}  # fmt: skip
            value = pointwise(signs[word], value, self.sum())
        return value

    def sum(self):
        value = pointwise(np.negative, self.product()) if self.take("-") else self.product()
        while word := self.take("+", "-"):
            other = self.product()
            if value.channels and other.array.ndim == 1:
                other = Value.of(other.array.reshape(-1, *[1] * (value.array.ndim - 2)))
            value = pointwise({"+": np.add, "-": np.subtract}[word], value, other)
        return value

    def product(self):
        value = self.over() or self.matrices()
        while True:
            if word := self.take("*", "/"):
                other = self.over() or self.matrices()
                value = pointwise({"*": np.multiply, "/": np.divide}[word], value, other)
            elif (other := self.over()) is not None:  # 1/3 sum_i x
                value = pointwise(np.multiply, value, other)
            else:
                return value

    def over(self):
        kind, word, length = self.peek()
        if kind != "over":
            return None
        self.at += length
        name, letters = word.split("_")
        fold = {"sum": np.sum, "max": np.max, "min": np.min, "prod": np.prod}[name]
        inner = self.product()
        assert set(letters) <= set(inner.letters), f"{word} of axes {inner.letters}: {self.text}"
        axes = tuple(inner.letters.index(i) for i in letters)
        left = "".join(i for i in inner.letters if i not in letters)
        return Value(fold(inner.array, axis=axes), left, inner.written and bool(left))

    def matrices(self):
        value = self.power()
        while True:
            kind, word, _ = self.peek()
            if kind in ("end", "over", "number") or word in {*"+-*/=<>,)]|'^_", "<=", ">=", "!=",
                    "if", "else", "and", "or", "at"}:  # fmt: skip
                return value
            value = multiplied(value, self.power())

    def power(self):
        value = self.behind()
        return pointwise(np.power, value, self.behind()) if self.take("^") else value

    def behind(self):
        """What has letters below, a part taken of it, or is transposed."""
        value = self.atom()
        while True:
            if self.text[self.at : self.at + 1] == "_":
                letters = re.match(r"_([i-z]+)", self.text[self.at :])[1]
                self.at += 1 + len(letters)
                value = lettered(value, letters)
            elif self.text[self.at : self.at + 1] == "[":
                end = self.text.index("]", self.at)
                value = Value.of(value.array[places(self.text[self.at + 1 : end])])
                self.at = end + 1
            elif self.text[self.at : self.at + 1] == "'":
                self.at += 1
                a = value.array
                value = Value.of(np.swapaxes(a, -1, -2) if a.ndim > 1 else a[None])
            else:
                return value

    def atom(self):
        kind, word, length = self.peek()
        self.at += length
        if kind == "number":
            return Value.of(float(word))
        if kind == "name" or word == "e":
            return self.known[word]
        if word == "(":
            value = self.choice()
            self.need(")")
            return value
        if word == "|":
            value = pointwise(np.abs, self.choice())
            self.need("|")
            return value
        if word == "[":
            value = self.choice()
            self.need("]")
            self.need("_")
            letters = re.match(r"[i-z]+", self.text[self.at :])[0]
            self.at += len(letters)
            assert value.written and set(value.letters) <= set(letters)
            return Value.of(np.transpose(value.array, [value.letters.index(i) for i in letters]))
        assert kind == "word", f"{self.text[self.at - length :]!r} of {self.text!r}"
        return self.function(word)

    def function(self, word):
        self.need("(")
        inputs, options = [], {}
        while True:
            rest = self.text[self.at :]
            option = re.match(r"\s*([a-z]+(?: padding)?) (\(.*?\)+|\d+)(?=[,)])", rest)
            if option and option[1] in OPTIONS:
                options[option[1].replace(" ", "_")] = eval(option[2])
                self.at += option.end()
            else:
                inputs.append(self.choice())
            if not self.take(","):
                break
        self.need(")")
        name, _, letter = word.partition("_")
        if name == "softmax":
            axis = LETTERS.index(letter) if letter else -1
            return Value.of(softmax(inputs[0].array, axis))
        if word in POINTWISE:
            return pointwise(POINTWISE[word], *inputs)
        arrays = [i.array for i in inputs]
        assert not any(i.written for i in inputs), f"letters in {word}: {self.text!r}"
        value = Value.of(FUNCTIONS[word](*arrays, **options))
        value.channels = word.startswith("conv")
        return value


OPTIONS = ("stride", "padding", "output padding", "dilation", "groups", "window", "size", "expand")


def pointwise(function, *inputs):
    """Element by element: by letters where they are written, else as NumPy broadcasts."""
    if not any(i.written for i in inputs):
        if any(i.array.ndim == 1 for i in inputs):  # a column is a vector beside one as long
            longest = max(i.array.size for i in inputs)
            inputs = [Value.of(i.array[:, 0]) if i.array.shape == (longest, 1) and all(
                j.array.shape in ((), (longest,), (longest, 1)) for j in inputs) else i
                for i in inputs]  # fmt: skip
        value = function(*(i.array for i in inputs))
        letters = [i.letters for i in inputs if i.array.ndim == value.ndim]
        return Value(value, next((i for i in letters if i != LETTERS[: value.ndim]), letters[0]))
    assert all(i.written for i in inputs if i.array.ndim), "letters and none"
    letters = "".join(sorted({i for one in inputs for i in one.letters}))
    return Value(function(*(along(i, letters) for i in inputs)), letters, True)


def along(value, letters):
    """An array with an axis for each letter."""
    order = sorted(range(value.array.ndim), key=lambda a: letters.index(value.letters[a]))
    lengths = {value.letters[a]: value.array.shape[a] for a in order}
    return np.transpose(value.array, order).reshape([lengths.get(i, 1) for i in letters])


def lettered(value, letters):
    """An element; axes of length 1 have no letter, and one that comes twice is a diagonal."""
    array = value.array if value.array.ndim == len(letters) else np.squeeze(value.array)
    assert array.ndim == len(letters) and not value.written, f"{letters} of shape {array.shape}"
    once = "".join(dict.fromkeys(letters))
    return Value(np.einsum(f"{letters}->{once}", array), once, True)


def multiplied(a, b):
    """A product of matrices."""
    assert not a.written and not b.written, "letters in a product of matrices"
    if a.array.ndim == 1 and b.array.shape[0] == len(a.array) > 1 and b.array.ndim == 2:
        return Value.of(a.array @ b.array)  # x W
    first, second = (x.array[:, None] if x.array.ndim == 1 else x.array for x in (a, b))
    value = first @ second
    if b.array.ndim == 1:
        value = value[..., 0]
    if value.ndim and a.array.ndim == 2 and a.array.shape[0] == 1 and value.shape[0] == 1:
        value = value[0]  # a vector transposed
    return Value.of(value)


def places(text):
    """[:, 1:3, None] for NumPy."""
    return eval(f"np.index_exp[{text}]", {"np": np})


# ---- functions


def softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def each(value, axes):
    return (value,) * axes if isinstance(value, int) else value


def conv(x, k, stride=1, padding=0, dilation=1, groups=1, expand=1):
    """Place by place of the kernels."""
    n = x.ndim - 2
    stride, padding, dilation, expand = (each(v, n) for v in (stride, padding, dilation, expand))
    wide = np.zeros((*x.shape[:2], *((m - 1) * e + 1 for m, e in zip(x.shape[2:], expand))))
    wide[(..., *(slice(None, None, e) for e in expand))] = x
    wide = np.pad(wide, [(0, 0), (0, 0), *(p if isinstance(p, tuple) else (p, p) for p in padding)])
    counts = [(m - d * (s - 1) - 1) // t + 1
              for m, d, s, t in zip(wide.shape[2:], dilation, k.shape[2:], stride)]  # fmt: skip
    y = np.zeros((x.shape[0], k.shape[0], *counts))
    outputs, channels = k.shape[0] // groups, k.shape[1]
    for o in range(k.shape[0]):
        first = o // outputs * channels
        for place in np.ndindex(*k.shape[2:]):
            seen = (slice(d * q, d * q + t * (c - 1) + 1, t)
                    for d, q, t, c in zip(dilation, place, stride, counts))  # fmt: skip
            part = wide[(slice(None), slice(first, first + channels), *seen)]
            y[:, o] += np.einsum("bc...,c->b...", part, k[(o, slice(None), *place)])
    return y


def transpose_of(function, shape, y):
    """The transpose of a linear function of arrays of a shape."""
    x = np.zeros(shape)
    for place in np.ndindex(*shape):
        unit = np.zeros(shape)
        unit[place] = 1
        x[place] = (function(unit) * y).sum()
    return x


def conv_transposed(y, k, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    n = y.ndim - 2
    stride, padding, more, dilation = (
        each(v, n) for v in (stride, padding, output_padding, dilation)
    )
    lengths = [(m - 1) * s - 2 * p + d * (q - 1) + 1 + o for m, s, p, d, q, o in
               zip(y.shape[2:], stride, padding, dilation, k.shape[2:], more)]  # fmt: skip
    shape = (y.shape[0], k.shape[1] * groups, *lengths)
    kept = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return transpose_of(lambda x: conv(x, k, **kept), shape, y)


def conv_weight(x, y, size, groups=1, **options):
    shape = (y.shape[1], x.shape[1] // groups, *each(size, x.ndim - 2))

    def cut(k):
        return conv(x, k, groups=groups, **options)[tuple(map(slice, y.shape))]

    return transpose_of(cut, shape, y)


def pooled(fold):
    def written(x, window, stride=None, padding=0, dilation=1):
        n = len(window) if isinstance(window, tuple) else min(x.ndim - 2, 2)
        window = each(window, n)
        stride = window if stride is None else each(stride, n)
        padding, dilation = each(padding, n), each(dilation, n)
        lead = x.ndim - n
        x = np.pad(x, [(0, 0)] * lead + [(p, p) for p in padding], constant_values=-np.inf if
                   fold is np.max and any(padding) else 0)  # fmt: skip
        counts = [(m - d * (w - 1) - 1) // s + 1
                  for m, w, s, d in zip(x.shape[lead:], window, stride, dilation)]  # fmt: skip
        seen = [
            x[(..., *(slice(d * q, d * q + s * (c - 1) + 1, s)
                      for d, q, s, c in zip(dilation, place, stride, counts)))]
            for place in np.ndindex(*window)
        ]  # fmt: skip
        return fold(np.stack(seen), axis=0)

    return written


POINTWISE = {
    "log": np.log, "sqrt": np.sqrt, "tanh": np.tanh, "sin": np.sin, "cos": np.cos, "sgn": np.sign,
    "max": np.maximum, "min": np.minimum, "arctan": np.arctan,
}  # fmt: skip
FUNCTIONS = {
    "permute": lambda x, *order: np.transpose(x, [int(i) for i in order]),
    "reshape": lambda x, *shape: x.reshape([int(n) for n in shape]),
    "expand": lambda x, *shape: np.broadcast_to(x, [int(n) for n in shape]),
    "flat": lambda x: x.reshape(-1),
    "flatten": lambda x: x.reshape(len(x), -1),
    "conv": conv,
    "conv_transposed": conv_transposed,
    "conv_weight": conv_weight,
    "maxpool": pooled(np.max),
    "avgpool": pooled(np.mean),
}


def computed(text, names, shape):
    """The array that a formula's text says, of what has a name."""
    value = Reader(text, names).whole()
    if shape is None:
        return value.array
    if value.written:
        assert set(value.letters) <= set(LETTERS[: len(shape)]), f"{value.letters} of {shape}"
        return np.broadcast_to(along(value, LETTERS[: len(shape)]), shape)
    array = value.array
    if array.ndim and tuple(n for n in array.shape if n != 1) == tuple(n for n in shape if n != 1):
        array = array.reshape(shape)
    return np.broadcast_to(array, shape)
