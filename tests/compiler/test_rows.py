"""Rows in native code: the same bits for any number of rows, processor, and layout."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from glassgrad.compiler.apart import rows_apart
from glassgrad.compiler.lower import lowered
from glassgrad.compiler.native import StepFailed
from glassgrad.compiler.rewrite import rewritten
from glassgrad.compiler.rows import NativeRows
from glassgrad.compiler.step import CompiledStep
from glassgrad.compiler.target import AVX2, AVX512, host
from natively import mlp, traced

HERE = host()
TARGETS = {
    "AVX2": AVX2,
    "AVX-512": AVX512,
    "narrow": HERE._replace(bytes=16, registers=16),
    "wide": HERE._replace(bytes=64, registers=32),
}
PASSES = lowered, rewritten


def normal(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype("f")


def graph_of(model, X):
    """The outputs of a model for rows like these."""
    model.eval()
    with gg.no_grad():
        step = CompiledStep(model.__call__).trace(gg.from_numpy(X))
    return step.last


def results(model, X, rows, target=None):
    """Outputs, some rows at a time."""
    entry = graph_of(model, X[:rows])
    native = NativeRows(entry.graph, target, PASSES)
    found = np.empty((len(X), *entry.graph.outputs[0].shape[1:]), entry.graph.outputs[0].dtype)
    native.run([X], entry.arrays, found)
    return found


MODELS = {
    "dense": (lambda: mlp(33, 50, 17, 5, activation=nn.Tanh), (33,)),
    "few": (lambda: mlp(10, 100, 2, activation=nn.Sigmoid), (10,)),
    "softmax": (
        lambda: nn.Sequential(nn.Linear(20, 37), nn.LayerNorm(37), nn.LogSoftmax(1)), (20,),
    ),
    "elementwise": (lambda: nn.Sequential(nn.GELU(), nn.Softplus(), nn.Mish(), nn.SELU()), (19,)),
    "places": (lambda: nn.Sequential(nn.Linear(6, 21), nn.ELU(), nn.Linear(21, 4)), (5, 6)),
    "images": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.AvgPool2d(2),
            nn.Flatten(), nn.Linear(96, 5),
        ),
        (2, 8, 8),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_bits_do_not_depend_on_rows_or_processors(name):
    make, shape = MODELS[name]
    gg.manual_seed(0)
    model, X = make(), normal(192, *shape)
    expected = results(model, X, 1)
    assert rows_apart(rewritten(lowered(graph_of(model, X).graph)))
    for rows in (2, 3, 16, 64, 192):
        assert results(model, X, rows).tobytes() == expected.tobytes(), f"{rows} rows at a time"
    for where, target in TARGETS.items():
        if where == "AVX-512" and HERE.bytes < 64:
            continue
        for rows in (1, 16, 64):
            found = results(model, X, rows, target)
            assert found.tobytes() == expected.tobytes(), f"{rows} rows on {where}"


FUNCTIONS = """
abs ceil cos cosh erf exp exp2 expm1 floor frac log log1p log2 logsigmoid reciprocal relu round
rsqrt sigmoid sign sin sinh softplus sqrt square tan tanh trunc atan asinh erfc
"""


@pytest.mark.parametrize("name", [f for f in FUNCTIONS.split() if hasattr(gg, f)])
def test_functions_of_scalars_and_vectors(name):
    """A row of one number is a scalar, of 64 a vector."""

    class Applied(nn.Module):
        def forward(self, x):
            return getattr(gg, name)(x)

    X = (normal(6400) * np.float32(10.0) ** np.random.default_rng(1).integers(-6, 3, 6400)).astype(
        "f"
    )
    X[:6] = 0, -0.0, np.inf, -np.inf, np.nan, 1
    with np.errstate(all="ignore"):
        one, many = (results(Applied(), X[:, None], rows) for rows in (1, 64))
    assert one.tobytes() == many.tobytes()


def test_plans_differ():
    """The tests compare what they say: one row runs along what is summed, many do not."""
    model, X = mlp(10, 100, 2, activation=nn.ReLU), normal(64, 10)
    for rows, along in ((1, True), (64, False)):
        plan = NativeRows(graph_of(model, X[:rows]).graph, passes=PASSES).plan
        first = next(k for k in plan.kernels if k.contracts)
        assert (first.lane in first.inner) is along


def test_weights_are_read_where_they_are():
    model, X = mlp(12, 20, 3, activation=nn.ReLU), normal(64, 12)
    entry = graph_of(model, X[:1])
    native, found = NativeRows(entry.graph, passes=PASSES), np.empty((64, 3), "f")
    for _ in range(2):
        model[0].weight.detach().numpy()[...] *= 1.5
        native.run([X], entry.arrays, found)
        expected = model(gg.from_numpy(X)).detach().numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_check_stops_the_blocks():
    table = nn.Embedding(5, 3)
    X = np.zeros((64, 2), int)
    entry = graph_of(table, X[:16])
    native, found = NativeRows(entry.graph, passes=PASSES), np.empty((64, 2, 3), "f")
    native.run([X], entry.arrays, found)
    X[40] = 7
    with pytest.raises(StepFailed):
        native.run([X], entry.arrays, found)


APART = {
    "softmax": lambda x: x.softmax(1),
    "joined": lambda x: gg.cat([x, x * 2], 1),
    "turned": lambda x: x.T.flip(0).T,
    "places": lambda x: (x.reshape(-1, 2) * 3).reshape(x.shape),
    "numbers": lambda x: x + gg.ones(8, 1),
}
TOGETHER = {
    "mean": lambda x: x - x.mean(0),
    "softmax": lambda x: x.softmax(0),
    "stacked": lambda x: gg.cat([x, x], 0),
    "turned": lambda x: x.flip(0),
    "transposed": lambda x: x.T,
    "products": lambda x: x @ x.T,
    "part": lambda x: x[:3],
    "places": lambda x: x * gg.arange(8).float()[:, None],
    "mixed": lambda x: x.reshape(4, -1).sum(1, keepdim=True) + gg.zeros(8, 1)[:4],
    "moved": lambda x: nn.functional.pad(x, (0, 0, 1, -1)),
    "regrouped": lambda x: x.reshape(6, 8).T.reshape(8, 6),
}


@pytest.mark.parametrize("name", APART)
def test_rows_that_are_apart(name):
    assert rows_apart(rewritten(traced(APART[name], normal(8, 6))))


@pytest.mark.parametrize("name", TOGETHER)
def test_rows_that_are_not(name):
    assert not rows_apart(rewritten(traced(TOGETHER[name], normal(8, 6))))
