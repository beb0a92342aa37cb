"""Reading and writing by keys, as in PyTorch: a table of keys, and keys drawn at random."""

import numpy as np
import pytest

import glassgrad as gg
from expressions import same

SHAPE = (4, 5, 3)
KEYS = """
0; -1; 1, 2; 1, 2, 0; -1, -2, -3; ...; None; :; 1:3; :-1; ::2; 3:1; 10:20; -3:; 1:, 2; :, 1:4:2
..., 0; 0, ...; 1, ..., 2; ..., None; None, 1; 1, None; :, None, 2:4; None, ..., None; :, :, 0
A1; A1, 1; 1, A1; :, A1; ..., A1; A1, A1; A1, :, A1; :, A1, A1; A1, 1, A1; A1, 1:3; 1:3, A1
A2; A2, A1[:2]; :, A2; A1, None; None, A1; A1, None, A1; A2, :, 0; 0, :, A1; 0, A1, A1; A1, ..., A1
:, 0, A1; A1, 0, :; ..., A2; A1[:, None], A1; [0, 2]; [0, 2], [1, 1]; :, [1, 2]
B4; ~B4; B4, 1; B4, A1[:2]; :, B5; ..., B3; B45; B45, 1; :, B53; 1, B53; B453; B453 & False
B4 & False; True; False; None, B4; B4, None; B4, :, B3[:]; A1, B5[:3], 0; [True, False, True, True]
E; E, 1; :, E; E, E; A0; A0, 1; 1, A0; :, A0; A0, A1
""".replace("\n", "; ").strip("; ")  # fmt: skip
ARRAYS = {
    "A0": np.array(2),
    "A1": np.array([2, 0, -1]),
    "A2": np.array([[0, 2], [1, -3]]),
    "E": np.zeros(0, np.int64),
    "B3": np.array([True, False, True]),
    "B4": np.array([True, False, False, True]),
    "B5": np.array([False, True, True, False, True]),
    "B45": np.arange(20).reshape(4, 5) % 3 == 0,
    "B53": np.arange(15).reshape(5, 3) % 2 == 0,
    "B453": np.arange(60).reshape(4, 5, 3) % 7 == 0,
}
LISTED = [key for key in KEYS.split("; ") if key not in ("A1, B5[:3], 0", "B4, :, B3[:]")]


class Key:
    """`Key()[1:, None]` is the key itself."""

    def __getitem__(self, key):
        return key


def key_in(package, text):
    given = {name: package.from_numpy(a.copy()) for name, a in ARRAYS.items()}
    return eval(f"Key()[{text}]", {"Key": Key, **given})


def start(package, requires_grad=False):
    x = np.random.default_rng(0).normal(size=SHAPE)
    return package.from_numpy(x).requires_grad_(requires_grad)


def read(package, key):
    """The elements, and the gradient of their weighted sum."""
    x = start(package, requires_grad=True)
    y = x[key]
    weights = np.random.default_rng(1).normal(size=tuple(y.shape))
    (y * package.from_numpy(np.asarray(weights))).sum().backward()
    return y.detach(), x.grad


def written(package, key, value):
    x = start(package)
    x[key] = value(package, tuple(x[key].shape))
    return x


VALUES = {
    "number": lambda package, shape: 2.5,
    "scalar": lambda package, shape: package.tensor(3.5, dtype=package.float64),
    "full": lambda package, shape: package.from_numpy(
        np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
    ),
    "row": lambda package, shape: package.from_numpy(
        np.arange(1.0, 1 + np.prod(shape[-1:])).reshape(shape[-1:])
    ),
}


@pytest.mark.parametrize("text", LISTED)
def test_reading(text):
    torch = pytest.importorskip("torch")
    for mine, theirs in zip(read(gg, key_in(gg, text)), read(torch, key_in(torch, text))):
        same(mine, theirs, 1e-12)


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("text", LISTED)
def test_writing(text, value):
    torch = pytest.importorskip("torch")
    mine = written(gg, key_in(gg, text), VALUES[value])
    theirs = written(torch, key_in(torch, text), VALUES[value])
    same(mine, theirs, 1e-12)


# ---- keys drawn at random


def drawn_entry(generator, n):
    kind = generator.integers(0, 6)
    if kind == 0:
        return int(generator.integers(-n, n))
    if kind == 1:
        low, high = generator.integers(-n - 1, n + 2, 2)
        return slice(int(low), int(high), int(generator.integers(1, 4)))
    if kind == 2:
        return None
    if kind == 3:
        return generator.integers(-n, n, 3)
    if kind == 4:
        return generator.integers(-n, n, (2, 1))
    return slice(None)


def drawn_key(generator):
    entries, axis = [], 0
    while axis < len(SHAPE) and generator.random() < 0.85:
        entry = drawn_entry(generator, SHAPE[axis])
        entries.append(entry)
        axis += entry is not None
    if generator.random() < 0.3:
        entries.insert(int(generator.integers(0, len(entries) + 1)), ...)
        if len(entries) > 1 and axis < len(SHAPE) and entries[-1] is ...:
            return tuple(entries)
    return tuple(e for e in entries if e is not ...)


def as_tensors(package, key):
    return tuple(package.from_numpy(k) if isinstance(k, np.ndarray) else k for k in key)


@pytest.mark.parametrize("seed", range(100))
def test_random_keys(seed):
    torch = pytest.importorskip("torch")
    key = drawn_key(np.random.default_rng(seed))
    results = [read(package, as_tensors(package, key)) for package in (gg, torch)]
    for mine, theirs in zip(*results):
        same(mine, theirs, 1e-12)
    write = [
        written(package, as_tensors(package, key), VALUES["number"]) for package in (gg, torch)
    ]
    same(*write, 1e-12)


# ---- steps backwards: refused by PyTorch, read here as by NumPy


@pytest.mark.parametrize("key", [np.s_[::-1], np.s_[3:0:-2], np.s_[:, ::-2], np.s_[0:3:-1]])
def test_negative_steps_read_as_numpy_does(key):
    x = np.random.default_rng(0).normal(size=SHAPE)
    leaf = gg.from_numpy(x).requires_grad_()
    np.testing.assert_array_equal(leaf[key].value, x[key])
    leaf[key].sum().backward()
    expected = np.zeros(SHAPE)
    expected[key] = 1
    np.testing.assert_array_equal(leaf.grad.value, expected)


# ---- errors


@pytest.mark.parametrize(
    "key, error, text",
    [
        (4, IndexError, "index 4 is out of range for axis 0 with 4 elements"),
        ((0, -6), IndexError, "index -6 is out of range for axis 1 with 5 elements"),
        ((0, 0, 0, 0), IndexError, "4 indices for f64[4, 5, 3], which has 3 axes"),
        (np.array([0, 7]), IndexError, "index 7 at [1] is out of range for axis 0 with 4 elements"),
        (np.array([0.5]), IndexError, "indices are integers or truth values, not f64[1]"),
        (np.array([True, False]), IndexError, "a mask bool[2] does not fit f64[4, 5, 3] at axis 0"),
        ((np.array([0, 1]), np.array([0, 1, 2])), IndexError, "[2] and [3] do not broadcast"),
        ("name", TypeError, "an index is an integer, a slice, None, ..., an array or a tensor"),
        ((..., 0, ...), IndexError, "an index can only have a single ellipsis"),
        (np.array([1, 0], np.uint8), IndexError, "write .bool() for a mask, .long() for positions"),
    ],
)  # fmt: skip
def test_bad_keys_are_named(key, error, text):
    x = start(gg)
    with pytest.raises(error) as raised:
        x[key]
    assert text in str(raised.value)
    with pytest.raises(error):
        x[key] = 1


def test_a_value_that_does_not_fit_is_refused():
    x = start(gg)
    with pytest.raises(RuntimeError, match=r"\[7\]"):
        x[:, 0] = gg.ones(7)


def test_first_axes_of_length_one_are_left_out_when_writing():
    x = gg.zeros(2, 3)
    x[0, 0], x[0, 1] = gg.tensor([1.0]), gg.tensor([[2.0]])
    x[1] = gg.ones(1, 1, 3)
    assert x.tolist() == [[1, 2, 0], [1, 1, 1]]
    with pytest.raises(RuntimeError, match=r"\[2\] does not fit into \[\]"):
        x[0, 0] = gg.ones(2)


def test_writing_shows_in_views_and_not_in_copies():
    x = gg.zeros(3, 4)
    row, rows = x[1], x[gg.tensor([1])]
    x[1, 2] = 5
    assert row.tolist() == [0, 0, 5, 0]
    assert rows.tolist() == [[0, 0, 0, 0]]
    row[0] = 7
    assert x[1].tolist() == [7, 0, 5, 0]


def test_the_last_of_several_writers_stays():
    x = gg.zeros(3)
    x[gg.tensor([1, 1, 1])] = gg.tensor([1.0, 2, 3])
    assert x.tolist() == [0, 3, 0]
