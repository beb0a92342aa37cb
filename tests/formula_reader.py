"""Reads a formula's text as a person would, and computes it with NumPy.

Arrays go together as NumPy broadcasts them; with letters below, as the letters say.  The two are
never mixed.  A vector is a column.  A sum is over all that follows in its product.
"""

import json
import re
from dataclasses import dataclass

import numpy as np

from formula_functions import FUNCTIONS, POINTWISE, softmax

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
    vector: bool = False  # transposed

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
                value.vector = a.ndim == 1
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
            option = re.match(r"\s*([a-z]+(?: [a-z]+)?) (\(.*?\)+|\d+)(?=[,)])", rest)
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


OPTIONS = (
    "stride",
    "padding",
    "output padding",
    "padding before",
    "padding after",
    "dilation",
    "groups",
    "window",
    "size",
    "expand",
    "axis",
)


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
    """A product of matrices; a vector is a column, or a row where only that fits."""
    assert not a.written and not b.written, "letters in a product of matrices"
    pairs = [(x, y) for y in ways(b, a.array.ndim < 3) for x in ways(a, b.array.ndim < 3)]
    first, second = next((x, y) for x, y in pairs if x.shape[-1] == y.shape[-2])
    value = first @ second
    if 1 in (a.array.ndim, b.array.ndim) or a.vector or b.vector:  # also the result is one
        value = value.reshape([n for n in value.shape if n != 1])
    return Value.of(value)


def ways(x, both):
    """How a factor may be meant."""
    if x.array.ndim == 1:
        return [x.array[:, None], x.array[None]] if both else [x.array[:, None]]
    return [x.array, x.array.T] if x.vector else [x.array]


def places(text):
    """[:, 1:3, None] for NumPy."""
    return eval(f"np.index_exp[{text}]", {"np": np})


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


def arrays_named(text):
    """The text with a name for each array that is written out, and the arrays."""
    found = {}
    for written in re.findall(ARRAY, text):
        found[f"m{len(found)}"] = np.array(json.loads(written), dtype=float)
        text = text.replace(written, f"m{len(found) - 1}", 1)
    return text, found


NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]\d+)?"
ROW = rf"\[{NUMBER}(?:, {NUMBER})*\]"
MATRIX = rf"\[(?:{ROW})(?:, (?:{ROW}))*\]"
ARRAY = rf"(?<![\w)\]])(?:\[{MATRIX}(?:, {MATRIX})*\]|{MATRIX}|{ROW})"
