"""Reading and writing by keys and indices, traced: eager results, gradients and errors."""

import contextlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.compiler import TraceError
from glassgrad.nn import functional as F
from twins import Plain, both, same, snapshot


def keys():
    path = Path(__file__).parents[1] / "tensors" / "test_indexing.py"
    spec = importlib.util.spec_from_file_location("keys_of_indexing", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


KEYS = keys()


def indices():
    return {n: gg.from_numpy(a.copy()) for n, a in KEYS.ARRAYS.items()}


def key_of(text, given):
    return eval(f"Key()[{text}]", {"Key": KEYS.Key, **given})


def start():
    return gg.from_numpy(np.random.default_rng(0).normal(size=KEYS.SHAPE))


def masked(text):
    """Whether the elements that a key means depend on values."""
    return any(name in text for name in ("B", "A0", "True", "False"))


@pytest.mark.parametrize("text", KEYS.LISTED)
def test_reading(text):
    def step(x, given):
        x = x.detach().requires_grad_()
        y = x[key_of(text, given)]
        (y * y).sum().backward()
        return y, x.grad

    agree(step, text, start(), indices())


@pytest.mark.parametrize("value", KEYS.VALUES)
@pytest.mark.parametrize("text", KEYS.LISTED)
def test_writing(text, value):
    """Into a leaf that stays, and into an argument."""
    shape = tuple(start()[key_of(text, indices())].shape)
    new = KEYS.VALUES[value](gg, shape)

    def step(x, given, new):
        x[key_of(text, given)] = new
        return x * 2

    agree(step, text, start(), indices(), new)


def agree(step, text, x, *rest):
    one, other = x.clone(), x.clone()
    eager = snapshot([step(one, *rest), one])
    with contextlib.suppress(TraceError) if masked(text) else contextlib.nullcontext():
        same(eager, snapshot([Plain(step)(other, *rest), other]))


def test_a_mask_with_a_number_is_written():
    def make():
        w = gg.from_numpy(np.arange(12.0).reshape(3, 4))

        def step(x):
            w[x > 0] = 0
            w[(x > 0).any(1)] = x[0]
            return w.sum()

        return step, w

    random = np.random.default_rng(2)
    both(make, [(gg.from_numpy(random.normal(size=(3, 4))),) for _ in range(3)])


def test_the_last_of_several_writers_stays():
    def make():
        w = gg.zeros(5)

        def step(rows, values):
            w[rows] = values
            return w * 1

        return step, w

    rows = gg.tensor([3, 1, 3, 0, 1, 1])
    both(make, [(rows, gg.arange(6.0) + n) for n in range(2)])


SCATTERS = {
    "scatter": lambda x, i, s: x.scatter(0, i, s),
    "number": lambda x, i, s: x.scatter(1, i, value=2.0),
    "add": lambda x, i, s: x.scatter_add(1, i, s),
    "sum": lambda x, i, s: x.scatter_reduce(0, i, s, "sum"),
    "mean": lambda x, i, s: x.scatter_reduce(0, i, s, "mean", include_self=False),
    "prod": lambda x, i, s: x.scatter_reduce(0, i, s, "prod"),
    "amax": lambda x, i, s: x.scatter_reduce(1, i, s, "amax", include_self=False),
    "amin": lambda x, i, s: x.scatter_reduce(0, i, s, "amin"),
    "copy": lambda x, i, s: x.index_copy(0, i[0], s[:3]),
    "add rows": lambda x, i, s: x.index_add(1, i[0], s, alpha=2),
    "reduce rows": lambda x, i, s: x.index_reduce(0, i[0], s[:3], "amax"),
    "fill": lambda x, i, s: x.index_fill(1, i[0], 3.0),
    "put": lambda x, i, s: x.index_put((i[0], i[1]), s[0], accumulate=True),
    "put once": lambda x, i, s: x.put(i, s),
    "take": lambda x, i, s: x.take(i),
    "take along": lambda x, i, s: x.take_along_dim(i, 1),
    "gather": lambda x, i, s: x.gather(1, i),
    "select": lambda x, i, s: x.select_scatter(s[0], 0, 1),
    "slice": lambda x, i, s: x.slice_scatter(s[:, :2], 1, 0, 2),
    "masked": lambda x, i, s: x.masked_scatter(x > 0, s),
    "diagonal": lambda x, i, s: x.diagonal_scatter(s[0]),
}


@pytest.mark.parametrize("name", SCATTERS)
def test_scatters(name):
    change = SCATTERS[name]

    def step(x, index, source):
        x, source = x.detach().requires_grad_(), source.detach().requires_grad_()
        y = change(x, index, source)
        (y * y).sum().backward()
        return y, x.grad, source.grad

    random = np.random.default_rng(4)
    x, source = (gg.from_numpy(random.normal(size=(3, 3))) for _ in range(2))
    index = gg.from_numpy(np.argsort(random.normal(size=(3, 3)), 1))
    traced = Plain(step)
    for _ in range(2):
        same(snapshot(step(x, index, source)), snapshot(traced(x, index, source)), exact=False)


OUTSIDE = {
    "rows": lambda x, i: x[i],
    "gather": lambda x, i: x.gather(0, i.unsqueeze(1)),
    "take": lambda x, i: x.take(i * 3),
    "embedding": lambda x, i: F.embedding(i, x),
    "cross entropy": lambda x, i: F.cross_entropy(x, i),
    "index select": lambda x, i: x.index_select(0, i),
    "index copy": lambda x, i: x.index_copy(0, i, x),
    "multi margin": lambda x, i: F.multi_margin_loss(x, i),
}


@pytest.mark.parametrize("bad", [7, -5])
@pytest.mark.parametrize("name", OUTSIDE)
def test_out_of_range_is_an_error_before_anything_is_written(name, bad):
    read = OUTSIDE[name]

    def make():
        w, seen = gg.ones(3, 3), gg.zeros(1)

        def step(i):
            seen.add_(1)
            y = read(w, i)
            w.mul_(2)
            return y

        return step, w, seen

    step, w, seen = make()
    step = Plain(step)
    step(gg.tensor([0, 1, 2]))
    with pytest.raises(IndexError) as eager:
        read(w, gg.tensor([0, bad, 2]))
    with pytest.raises(IndexError) as traced:
        step(gg.tensor([0, bad, 2]))
    if name != "take":
        assert str(traced.value) == str(eager.value)
    assert seen.item() == 1
    assert w.tolist() == [[2.0] * 3] * 3


def test_other_values_that_are_refused():
    def step(p, y):
        return F.binary_cross_entropy(p, y)

    step = Plain(step)
    y = gg.tensor([1.0, 0.0])
    step(gg.tensor([0.5, 0.5]), y)
    for p in (gg.tensor([0.5, 1.5]), gg.tensor([float("nan"), 0.5])):
        with pytest.raises(RuntimeError) as eager:
            F.binary_cross_entropy(p, y)
        with pytest.raises(RuntimeError) as traced:
            step(p, y)
        assert str(traced.value) == str(eager.value)
