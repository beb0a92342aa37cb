"""Rewriting: programs before and after as text; values stay, and what overflowed is finite."""

import inspect
import itertools
import random
import time

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.compiler.graph import Graph, blank, building, check, evaluated
from glassgrad.compiler.lower import lowered
from glassgrad.compiler.program import Statement, load, source, statements
from glassgrad.compiler.rewrite import rewritten
from glassgrad.compiler.rewrite.engine import applied
from glassgrad.compiler.rewrite.shift import shifted
from glassgrad.compiler.rewrite.simple import RULES, SIMPLE
from glassgrad.compiler.rewrite.stable import STABLE
from glassgrad.compiler.step import CompiledStep
from glassgrad.operations import TABLE
from glassgrad.tensors.node import aligned
from glassgrad.tensors.tensor import Tensor
from glassgrad.types import Type
from natively import dense, images, normed, trainer

NASTY = [0.0, -0.0, 1.0, -1.0, 2.5, -3.75, np.inf, -np.inf, np.nan, 1e-40, 3e38, -7e-6]


def given(*types):
    """Inputs of a graph, named a, b, c, d."""
    return [
        blank(t if isinstance(t, Type) else Type(t, np.dtype("float32")), name=n)
        for t, n in zip(types, "abcd")
    ]


def written(function, *types):
    """The graph of a function of nodes."""
    inputs = given(*types)
    with building():
        found = function(*inputs)
    outputs = list(found) if isinstance(found, tuple) else [found]
    return lowered(Graph(inputs=inputs, outputs=outputs, names={x: x.name for x in inputs}))


def text(graph):
    return [f"{s.name} = {s.text}" for s in statements(graph) if isinstance(s, Statement)]


def after(function, *types):
    """The lines of a function after rewriting; every pass is checked."""
    graph = written(function, *types)
    check(graph)
    check(shifted(graph))
    found = rewritten(graph)
    check(found)
    return text(found)


def values(graph, *arrays):
    with np.errstate(all="ignore"):
        found = evaluated(graph, dict(zip(graph.inputs, arrays)))
    return [found[x] for x in graph.outputs]


def same_bits(one, other):
    """Equal, NaN where NaN is, zeros of one sign."""
    np.testing.assert_array_equal(one, other)
    if np.asarray(one).dtype.kind == "f":
        number = ~np.isnan(one)
        np.testing.assert_array_equal(np.signbit(one)[number], np.signbit(other)[number])


def nasty(shape, seed=0):
    return np.random.default_rng(seed).choice(NASTY, shape).astype(np.float32)


def keeps_bits(function, *types):
    graph = written(function, *types)
    found = rewritten(graph)
    check(found)
    for seed in range(20):
        arrays = [
            nasty(x.shape, seed + i)
            if x.dtype.kind == "f"
            else np.random.default_rng(seed).integers(0, 2, x.shape).astype(x.dtype)
            for i, x in enumerate(graph.inputs)
        ]
        for one, other in zip(values(graph, *arrays), values(found, *arrays)):
            same_bits(one, other)


INTEGERS, TRUTHS = Type((3,), np.dtype("int64")), Type((3,), np.dtype("bool"))
WIDE = Type((3,), np.dtype("float64"))

# ---- rules that change no bit, as text

SHORTER = {
    "times one": (lambda a: a * 1 + 2, [(3,)], ["output = a + 2"]),
    "one times": (lambda a: 1 * a + 2, [(3,)], ["output = a + 2"]),
    "over one": (lambda a: a / 1 + 2, [(3,)], ["output = a + 2"]),
    "minus zero": (lambda a: (a - 0) * 2, [(3,)], ["output = a * 2"]),
    "plus minus zero": (lambda a: (a + -0.0) * 2, [(3,)], ["output = a * 2"]),
    "plus zero may change -0.0": (lambda a: a + 0, [(3,)], ["output = a + 0"]),
    "minus minus zero too": (lambda a: a - -0.0, [(3,)], ["output = a - -0.0"]),
    "no -0.0 is there": (lambda a: a.exp() + 0, [(3,)], ["output = np.exp(a)"]),
    "integers have one zero": (lambda a: (a + 0) * 2, [INTEGERS], ["output = a * 2"]),
    "times zero stays": (lambda a: a * 0, [(3,)], ["output = a * 0"]),
    "minus itself stays": (lambda a: a - a, [(3,)], ["output = a - a"]),
    "over itself stays": (lambda a: a / a, [(3,)], ["output = a / a"]),
    "two signs": (lambda a: -a.neg() * 2, [(3,)], ["output = a * 2"]),
    "plus minus": (lambda a, b: a + -b, [(3,), (3,)], ["output = a - b"]),
    "minus plus": (lambda a, b: -a + b, [(3,), (3,)], ["output = b - a"]),
    "minus minus": (lambda a, b: a - -b, [(3,), (3,)], ["output = a + b"]),
    "signs of factors": (lambda a, b: -a * -b, [(3,), (3,)], ["output = a * b"]),
    "signs of a quotient": (lambda a, b: -a / -b, [(3,), (3,)], ["output = a / b"]),
    "a step down": (
        lambda a, b, c: a + (-b) * c, [(3,), (), (3,)], ["mul = b * c", "output = a - mul"],
    ),
    "a square": (
        lambda a: TABLE["pow"](a, Tensor.constant(2, a.dtype)), [(3,)], ["output = a * a"],
    ),
    "no power": (
        lambda a: TABLE["pow"](a, Tensor.constant(1, a.dtype)) * 2, [(3,)], ["output = a * 2"],
    ),
    "not not": (lambda a: ~a.bitwise_not() & True, [TRUTHS], ["output = a & True"]),
    "the own type": (lambda a: TABLE["cast"](a, dtype=a.dtype) * 2, [(3,)], ["output = a * 2"]),
    "there and back": (lambda a: a.double().float() * 2, [(3,)], ["output = a * 2"]),
    "a real type does not hold all integers": (
        lambda a: a.double().long(),
        [INTEGERS],
        ["cast = a.astype(np.float64)", "output = cast.astype(np.int64)"],
    ),
    "a narrow type stays": (
        lambda a: a.float().double(), [WIDE],
        ["cast = a.astype(np.float32)", "output = cast.astype(np.float64)"],
    ),
    "numbers": (lambda a: a * (Tensor.constant(3, a.dtype) * 2 + 1), [(3,)], ["output = a * 7.0"]),
    "a table of one number": (lambda a: a * Tensor.lift(np.full(3, 2, np.float32)), [(3,)],
        ["output = a * 2.0"],
    ),
    "a known choice": (
        lambda a, b: a.where(Tensor.constant(True, np.dtype(bool)), b) * 2, [(3,), (3,)],
        ["output = a * 2"],
    ),
    "no choice": (lambda a, b: a.where(b > 0, a) * 2, [(3,), (3,)], ["output = a * 2"]),
    "two transposes": (lambda a: a.T.T * 2, [(3, 4)], ["output = a * 2"]),
    "views of views": (
        lambda a: a.permute(1, 2, 0).permute(1, 2, 0) * 2, [(2, 3, 4)],
        ["output = a.transpose(2, 0, 1) * 2"],
    ),
    "axes of length one": (
        lambda a, b: a.reshape(3, 1).expand(3, 4) * b, [(3,), (3, 4)], ["output = a[:, None] * b"],
    ),
    "two reshapes": (
        lambda a: a.reshape(2, 6).reshape(4, 3) * 2, [(12,)], ["output = a.reshape(4, 3) * 2"],
    ),
    "a reshape to itself": (lambda a: a.reshape(6, 2).reshape(12) * 2, [(12,)], ["output = a * 2"]),
    "slices of slices": (lambda a: a[1:][::2][1:] * 2, [(9,)], ["output = a[3::2] * 2"]),
    "a whole slice": (lambda a: a[0:9] * 2, [(9,)], ["output = a * 2"]),
    "equal nodes": (
        lambda a, b: (a * b).exp() + (a * b).exp(), [(3,), (3,)],
        ["mul = a * b", "exp = np.exp(mul)", "output = exp + exp"],
    ),
    "unused nodes": (lambda a: ((a + 1).exp(), a * 2)[1], [(3,)], ["output = a * 2"]),
    "a product of transposes": (lambda a, b: (a.T @ b) * 1, [(4, 3), (4, 5)], ["output = a.T @ b"]),
    "a transposed product": (lambda a, b: (a @ b).T, [(3, 4), (4, 5)], ["output = b.T @ a.T"]),
    "a product that is used as it is": (
        lambda a, b: ((a @ b).T * 2, a @ b), [(3, 4), (4, 5)],
        ["output = a @ b", "output_2 = output.T * 2"],
    ),
    "a repeated factor": (
        lambda a, b: a @ b.expand(2, 4, 5), [(2, 3, 4), (4, 5)],
        ["output = (a.reshape(6, 4) @ b).reshape(2, 3, 5)"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("function, types, wanted", SHORTER.values(), ids=SHORTER)
def test_shorter_programs(function, types, wanted):
    assert after(function, *types) == wanted


@pytest.mark.parametrize("name", SHORTER)
def test_shorter_programs_keep_every_bit(name):
    function, types, _ = SHORTER[name]
    if "product" in name or "factor" in name:
        return  # sums in another order: below
    keeps_bits(function, *types)


@pytest.mark.parametrize("name", [n for n in SHORTER if "product" in n or "factor" in n])
def test_contractions_keep_their_values(name):
    function, types, _ = SHORTER[name]
    graph = written(function, *types)
    random = np.random.default_rng(0)
    arrays = [random.normal(size=x.shape).astype(np.float32) for x in graph.inputs]
    for one, other in zip(values(graph, *arrays), values(rewritten(graph), *arrays)):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


PLAIN = [
    r for r in SIMPLE if r.written and r.name not in ("not not x", "x + 0", "x ** 2", "x ** -1")
]


@pytest.mark.parametrize("r", PLAIN, ids=lambda r: r.name)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_simple_rules_are_exact(r, dtype):
    pattern, replacement = r.written
    count = len(inspect.signature(pattern).parameters)
    grid = [gg.tensor(g.ravel()) for g in np.meshgrid(*[np.array(NASTY, dtype)] * count)]
    with np.errstate(all="ignore"):
        same_bits(pattern(*grid).numpy(), replacement(*grid).numpy())


# ---- stable forms

BOUND = [r for r in STABLE if not {"seen", "total"} & {*inspect.signature(r.written[0]).parameters}]


@pytest.mark.parametrize("r", BOUND, ids=lambda r: r.name)
def test_stable_rules_agree_where_nothing_overflows(r):
    pattern, replacement = r.written
    names = list(inspect.signature(pattern).parameters)
    axes = [np.linspace(-9, 9, 37) if n == "x" else np.array([-2.0, 0.0, 0.5]) for n in names]
    grid = [gg.tensor(g.ravel()) for g in np.meshgrid(*axes)]
    np.testing.assert_allclose(pattern(*grid), replacement(*grid), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("r", BOUND, ids=lambda r: r.name)
def test_stable_rules_are_finite_and_keep_nan(r):
    pattern, replacement = r.written
    names = list(inspect.signature(pattern).parameters)
    far = [gg.tensor([-2e3, 2e3] if n == "x" else [0.5, -2.0]) for n in names]
    assert np.isfinite(replacement(*far).numpy()).all()
    for bad in range(len(names)):
        at = [gg.tensor([np.nan if i == bad else 0.5]) for i in range(len(names))]
        assert np.isnan(replacement(*at).numpy()).all()


def sums(function):
    """The function and its gradient in the direction of w."""

    def both(x, w):
        y = function(x)
        (g,) = gg.autograd.grad((y * w).sum(), [x])
        return y, g

    return both


def log_sum_exp(x):
    return x.exp().sum(1).log()


def log_mean_exp(x):
    return x.exp().mean(0).log()


def softmax(x):
    return x.exp() / x.exp().sum(1, keepdim=True)


def softmax_once(x):
    e = x.exp()
    return e / e.sum(0)


def softmax_of_all(x):
    e = x.exp()
    return e / e.sum()


def softmax_of_columns(x):
    e = x.T.exp()
    return (e / e.sum(1, keepdim=True)).T


def log_softmax(x):
    return (x.exp() / x.exp().sum(1, keepdim=True)).log()


def log_softmax_once(x):
    e = x.exp()
    return (e / e.sum(1, keepdim=True)).log()


def log_of_softmax(x):
    return x.softmax(1).log()


def likelihood(x):
    e = x.exp()
    return -(e / e.sum(1, keepdim=True)).log()


def attention(x):
    e = x.exp()
    return (e @ x.detach().T) / e.sum(1, keepdim=True)


def log_sigmoid(x):
    return x.sigmoid().log()


def log_one_minus_sigmoid(x):
    return (1 - x.sigmoid()).log()


def binary_cross_entropy(x):
    p = x.sigmoid()
    return -(0.25 * p.log() + 0.75 * (1 - p).log())


def binary_cross_entropy_apart(x):
    p = 1 / (1 + (-x).exp())
    return -0.25 * p.log() - 0.75 * (1 - p).log()


def logistic(x):
    return (1 + (-x).exp()).log()


def sigmoid(x):
    return 1 / (1 + (-x).exp())


def sigmoid_of_minus(x):
    return 1 / (1 + x.exp())


def sigmoid_as_quotient(x):
    return x.exp() / (1 + x.exp())


BY_HAND = [
    log_sum_exp, log_mean_exp, softmax, softmax_once, softmax_of_all, softmax_of_columns,
    log_softmax, log_softmax_once, log_of_softmax, likelihood, attention, log_sigmoid,
    log_one_minus_sigmoid, binary_cross_entropy, binary_cross_entropy_apart, logistic, sigmoid,
    sigmoid_of_minus, sigmoid_as_quotient,
]  # fmt: skip


def traced(function, x):
    """The lowered graph of a function of a leaf and of weights, and how to evaluate a graph."""
    leaf = gg.tensor(x, requires_grad=True)
    shape = function(leaf).shape
    weights = gg.tensor(np.random.default_rng(5).normal(size=shape).astype(x.dtype))
    graph = lowered(CompiledStep(sums(function)).trace(leaf, weights).graph())

    def run(form):
        given = dict(zip(form.inputs, [x, weights.value][-len(form.inputs) :]))
        given |= dict.fromkeys(form.cells, x)
        with np.errstate(all="ignore"):
            found = evaluated(form, given)
        return [found[y] for y in form.outputs]

    return graph, run


@pytest.mark.parametrize("function", BY_HAND, ids=lambda f: f.__name__)
def test_forms_by_hand_keep_their_values(function):
    x = np.random.default_rng(1).normal(size=(4, 4))
    graph, run = traced(function, x)
    found = rewritten(graph)
    check(found)
    for one, other in zip(run(graph), run(found)):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("function", BY_HAND, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_forms_by_hand_are_finite(function, dtype):
    x = np.array([[2e3, 1.0, -2e3, 0.5]] * 4, dtype) + np.arange(4, dtype=dtype)[:, None]
    graph, run = traced(function, x)
    assert any(not np.isfinite(y).all() for y in run(graph)), "nothing overflows"
    for y in run(rewritten(graph)):
        assert np.isfinite(y).all(), text(rewritten(graph))


@pytest.mark.parametrize("function", BY_HAND, ids=lambda f: f.__name__)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_stays_nan(function, bad):
    """What comes of NaN is NaN; an infinity may become a number only where that is the limit."""
    x = np.random.default_rng(1).normal(size=(4, 4))
    x[1, 2] = bad
    graph, run = traced(function, x)
    for one, other in zip(run(graph), run(rewritten(graph))):
        assert (np.isnan(other) | ~np.isnan(one)).all() or not np.isnan(bad)
        sound = np.isfinite(one)
        np.testing.assert_allclose(other[sound], one[sound], rtol=1e-9, atol=1e-12)


def test_the_log_of_a_sum_of_exponentials_as_text():
    assert after(log_sum_exp, (4, 3)) == [
        "amax = a.max(1)",
        "isfinite = np.isfinite(amax)",
        "where = np.where(isfinite, amax, 0)",
        "sub = a - where[:, None]",
        "exp = np.exp(sub)",
        "sum = exp.sum(1)",
        "log = np.log(sum)",
        "output = log + where",
    ]


def test_the_log_of_softmax_as_text():
    assert after(log_softmax, (4, 3))[-4:] == [
        "exp = np.exp(sub)",
        "sum = exp.sum(1)",
        "log = np.log(sum)",
        "output = sub - log[:, None]",
    ]


def test_softmax_as_text():
    assert after(softmax, (4, 3))[-3:] == [
        "exp = np.exp(sub)",
        "sum = exp.sum(1)",
        "output = exp / sum[:, None]",
    ]


def test_the_log_of_a_sigmoid_as_text():
    assert after(log_sigmoid, (3,)) == [
        "neg = -a",
        "softplus = np.maximum(neg, 0) + np.log1p(np.exp(-np.abs(neg)))",
        "output = -softplus",
    ]
    assert after(logistic, (3,)) == [
        "neg = -a",
        "output = np.maximum(neg, 0) + np.log1p(np.exp(-np.abs(neg)))",
    ]


@pytest.mark.parametrize(
    "function",
    [
        lambda a: a.softmax(1),
        lambda a: a.log_softmax(1),
        lambda a: (a - a.amax(1, keepdim=True)).exp().sum(1).log(),
    ],
)
def test_a_maximum_is_taken_off_once(function):
    lines = after(function, (4, 3))
    assert sum(".max(" in line for line in lines) == 1


def test_the_written_out_log_of_a_sum_is_left_alone():
    graph, _ = traced(lambda x: x.logsumexp(1), np.ones((4, 3)))
    assert sum(".max(" in line for line in text(rewritten(graph))) == 1


@pytest.mark.parametrize(
    "function",
    [
        lambda a: a.exp() / a.exp().sum(1),  # rows over sums of other rows
        lambda a: a.exp() / a.exp().sum(0, keepdim=True).T,
        lambda a: a.exp().sum(0) / a.exp().sum(1),
        lambda a: a.exp() + a.exp().sum(1, keepdim=True),
        lambda a: a.exp() * a.exp().sum(1, keepdim=True),
        lambda a: (a.exp().sum(1) + 1).log(),
        lambda a: a.exp().log() + a.exp().sum(1),
        lambda a: a.exp()[:, :1] / a.exp()[:, 1:2] * a.exp().sum(1, keepdim=True),
        lambda a: a.exp().sum(1, keepdim=True) / a.exp(),
        lambda a: a.exp().where(a > 0, 1) / a.exp().sum(1, keepdim=True),
        lambda a: a.exp().where(a > 0, 0) / a.exp().sum(1, keepdim=True),
        lambda a: a.exp().square() / a.exp().sum(1, keepdim=True).square(),
        lambda a: a.exp() / (a.exp().sum((0, 1)) * 3),
        lambda a: a.exp() / a.exp().sum(1, keepdim=True) / a.exp().sum(0),
        lambda a: (a.exp() @ a.exp()) / a.exp().sum(1, keepdim=True),
        lambda a: (a @ a.exp()) / a.exp().sum(1, keepdim=True),
        lambda a: a.exp().sum(1).reciprocal() * a.exp().T,
        lambda a: a.exp().sum(1).reciprocal()[:, None] * a.exp(),
        lambda a: a.exp() - a.exp().sum(1, keepdim=True),
        lambda a: (a.exp() - a.exp().sum(1, keepdim=True)) / a.exp().sum(1, keepdim=True),
        lambda a: a.exp().sum(1).log().exp() / a.exp().sum(1),
        lambda a: a.exp().sum(1).double().log(),
        lambda a: (a.exp().sum(1) > 2).float() * a.exp().sum(1),
    ],
)
def test_what_looks_like_softmax_keeps_its_values(function):
    graph = written(function, (4, 4))
    x = np.random.default_rng(2).normal(size=(4, 4), scale=3).astype(np.float32)
    found = rewritten(graph)
    check(found)
    for one, other in zip(values(graph, x), values(found, x)):
        np.testing.assert_allclose(one, other, rtol=2e-5)


def test_small_exponentials_beside_large_ones_do_not_vanish():
    """ln(exp(-50)) is -50 although a largest exponent of 80 is summed too."""
    x = np.array([[-50.0, 80.0]], np.float32)
    for function in (
        lambda a: (a.exp().log(), a.exp().sum(1)),
        lambda a: (a.exp()[:, :1] / a.exp()[:, :1], a.exp().sum(1)),
        lambda a: (a.exp().sum(1, keepdim=True) / a.exp(), a.exp().sum(1)),
    ):
        graph = written(function, (1, 2))
        for one, other in zip(values(graph, x), values(rewritten(graph), x)):
            np.testing.assert_allclose(one, other, rtol=1e-5)


# ---- programs put together at random

UNARY = (
    "neg", "exp", "log", "sigmoid", "relu", "softplus", "abs", "sqrt", "square", "sign", "tanh",
    "reciprocal", "log1p", "floor", "rsqrt",
)  # fmt: skip
BINARY = "add", "sub", "mul", "div", "maximum", "minimum"
ARRANGED = (
    lambda x, r: x.T if len(x.shape) == 2 else x.unsqueeze(0),
    lambda x, r: x.reshape(-1),
    lambda x, r: x.unsqueeze(r.randint(0, len(x.shape))),
    lambda x, r: x.squeeze(),
    lambda x, r: x.flip(0),
    lambda x, r: x[1:],
    lambda x, r: x.sum(r.randrange(len(x.shape)), r.random() < 0.5),
    lambda x, r: x.amax(r.randrange(len(x.shape)), r.random() < 0.5),
    lambda x, r: x.double().float(),
)


def grown(r, pool):
    """One more node, out of those that there are."""
    x, y, kind = r.choice(pool), r.choice(pool), r.random()
    if kind < 0.3:
        return TABLE[r.choice(UNARY)](x)
    if kind < 0.6:
        return TABLE[r.choice(BINARY)](*aligned(x, y))
    if kind < 0.65:
        return x.where(y > 0, r.choice(pool))
    return r.choice(ARRANGED)(x, r)


def random_graph(seed):
    r = random.Random(seed)
    shapes = [(3, 4), (4,), (3, 1), (), (3, 3), (4, 3)]
    inputs = [blank(Type(s, np.dtype("float32")), name=f"i{k}") for k, s in enumerate(shapes)]
    pool = inputs + [Tensor.constant(n, np.dtype("float32")) for n in (0, 1, -1, 2, 0.5, -0.0)]
    with building():
        while len(pool) < 40:
            try:
                pool.append(grown(r, pool))
            except (RuntimeError, TypeError, ValueError, IndexError):
                continue  # shapes that do not fit, reductions of numbers
    outputs = r.sample([x for x in pool if x.operation is not None], 4)
    return Graph(inputs=inputs, outputs=outputs, names={x: x.name for x in inputs})


@pytest.mark.parametrize("seed", range(80))
def test_random_programs(seed):
    graph = random_graph(seed)
    forms = graph, applied(graph, RULES), rewritten(graph)
    for x in forms:
        check(x)
    for draw in (nasty, lambda s, n: np.random.default_rng(n).normal(size=s).astype(np.float32)):
        arrays = [np.asarray(draw(x.shape, seed + i)) for i, x in enumerate(graph.inputs)]
        first, simple, stable = (values(x, *arrays) for x in forms)
        for a, b in zip(first, simple):
            same_bits(a, b)
        for form, wanted in zip(forms, (first, simple, stable)):
            for a, b in zip(wanted, load(source(form))(*arrays)):
                same_bits(a, b)
        if draw is not nasty:
            for a, b in zip(first, stable):
                sound = np.isfinite(a)
                np.testing.assert_allclose(b[sound], a[sound], rtol=1e-3, atol=1e-4)


# ---- whole steps


OPTIMIZERS = {
    "SGD": lambda w: gg.optim.SGD(w, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "Adam": lambda w: gg.optim.Adam(w, lr=0.01),
    "RMSprop": lambda w: gg.optim.RMSprop(w, lr=0.01, momentum=0.5),
}


def step_graph(build=normed, make=OPTIMIZERS["Adam"]):
    gg.manual_seed(0)
    x = gg.randn(7, 2, 4, 4) if build is images else gg.randn(7, 6)
    y = gg.randint(0, 3, (7,))
    graph = CompiledStep(trainer(build(), make)).trace(x, y).graph()
    found = dict(zip(graph.inputs, [x.value, y.value]))
    found |= {cell: leaf.value for cell, leaf in graph.cells.items()}
    found |= {
        h: np.float64(holder[key] if place is None else holder[key][place])
        for h, (holder, key, place) in graph.hypers.items()
    }
    return lowered(graph), found


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("build", [dense, images, normed])
def test_steps(build, make):
    graph, given = step_graph(build, make)
    found = rewritten(graph)
    check(found)
    assert len(found.nodes) < len(graph.nodes)
    one, other = evaluated(graph, given), evaluated(found, given)
    for x, y in zip(graph.roots, found.roots):
        assert x.type_ == y.type_
        np.testing.assert_allclose(other[y], one[x], rtol=1e-5, atol=1e-6)


def test_a_rewritten_program_stays():
    found = rewritten(step_graph()[0])
    assert text(rewritten(found)) == text(found)


def test_lines_are_those_of_what_is_replaced():
    graph, _ = step_graph()
    for x in rewritten(graph).nodes:
        if x.operation is not None and x.operation.name not in ("position", "view"):
            assert x.line is not None


def test_the_graph_before_stays_as_it_is():
    graph, _ = step_graph()
    before = [(x, x.operation, x.inputs, x.serial) for x in graph.nodes]
    rewritten(graph)
    for (x, *facts), y in zip(before, graph.nodes):
        assert x is y
        assert facts == [y.operation, y.inputs, y.serial] or all(
            a is b for a, b in zip(facts, [y.operation, y.inputs, y.serial])
        )


def test_users_operations_are_called_as_often_as_written():
    class Twice(gg.Operation):
        def forward(self, x):
            return np.asarray(x) * 2

    twice = Twice()
    (x,) = given((3,))
    with building():
        y = x.apply(twice, x) + x.apply(twice, x)
    found = rewritten(Graph(inputs=[x], outputs=[y], names={x: "x"}))
    assert sum(n.operation is twice for n in found.nodes) == 2


# ---- size


@pytest.mark.parametrize("write", [lambda y: y * 1, lambda y: -y, lambda y: y.T, lambda y: y.exp()])
def test_a_long_chain(write):
    (x,) = given((2, 2))
    y = x
    with building():
        for _ in range(20_000):
            y = write(y)
    graph = Graph(inputs=[x], outputs=[y], names={x: "x"})
    found = rewritten(graph)
    assert len(found.nodes) in (1, 20_001)


def test_the_time_is_near_linear():
    def seconds(n):
        x, y = given((2, 2), (2, 2))
        total = x
        with building():
            for _ in range(n):
                total = (total * y + x).relu() * 1
        graph = Graph(inputs=[x, y], outputs=[total], names={x: "x", y: "y"})
        start = time.perf_counter()
        rewritten(graph)
        return time.perf_counter() - start

    small, large = (min(seconds(n) for _ in range(3)) for n in (300, 3000))
    assert large < 40 * small


def test_all_rules_have_names_that_tell_them_apart():
    names = [r.name for r in itertools.chain(SIMPLE, STABLE)]
    assert len({*names}) == len(names)
