"""Each record of the table keeps its promises: the tests run over `TABLE` and the samples in it."""

from itertools import product

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.operations import TABLE, Record
from glassgrad.types import Type, type_of
from operation_cases import CASES, each

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # infinities and NaN

EPS = 1e-5
MOST_POINTS = 2500  # a loop in plain Python visits no more


@pytest.mark.parametrize("record", TABLE.values(), ids=lambda record: record.name)
def test_each_operation_has_samples(record):
    assert record.samples


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@each(CASES)
def test_the_value_has_the_inferred_type(case, dtype):
    arrays = case.arrays(dtype)
    value = case.value(arrays)
    assert type_of(value) == case.record.infer(*case.types(arrays), **case.parameters)


@each(CASES)
def test_a_tensor_has_the_meaning_as_its_value(case):
    arrays = case.arrays()
    if arrays:
        y = case.record(*map(gg.as_tensor, arrays), **case.parameters)
        np.testing.assert_array_equal(y.value, case.value(arrays))


@each(CASES)
def test_float32_is_computed_to_its_own_precision(case):
    found, exact = case.value(case.arrays(np.float32)), case.value(case.arrays())
    if found.dtype.kind == "f":
        np.testing.assert_allclose(found, exact, rtol=2e-5, atol=2e-5)


# ---- gradients


def leaves(arrays):
    return [gg.as_tensor(x).requires_grad_(x.dtype.kind == "f") for x in arrays]


def slope(case, arrays, directions, weights, order):
    """The derivative of the weighted output along directions, of order 1 or 2, from the rules."""
    x = leaves(arrays)
    y = (case.record(*x, **case.parameters) * gg.as_tensor(weights)).sum()
    for _ in range(order):
        real = [a for a in x if a.requires_grad]
        if not y.requires_grad:
            return 0.0
        found = gg.autograd.grad(y, real, create_graph=True, allow_unused=True)
        pairs = [(g, d) for g, d in zip(found, directions) if g is not None]
        y = sum(((g * gg.as_tensor(d)).sum() for g, d in pairs), start=gg.tensor(0.0).double())
    return y.item()


def moved(arrays, directions, distance):
    steps = iter(directions)
    return [x + distance * next(steps) if x.dtype.kind == "f" else x for x in arrays]


@each([case for case in CASES if case.differentiable()])
def test_gradients_agree_with_finite_differences(case):
    arrays = case.arrays()
    generator = np.random.default_rng(1)
    directions = [generator.normal(size=x.shape) for x in arrays if x.dtype.kind == "f"]
    weights = generator.normal(size=case.value(arrays).shape)

    def output(distance):
        return float((case.value(moved(arrays, directions, distance)) * weights).sum())

    def first(distance):
        return slope(case, moved(arrays, directions, distance), directions, weights, 1)

    expected = (output(EPS) - output(-EPS)) / (2 * EPS)
    assert first(0.0) == pytest.approx(expected, rel=1e-6, abs=1e-6)
    expected = (first(EPS) - first(-EPS)) / (2 * EPS)
    found = slope(case, arrays, directions, weights, 2)
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)


@each([case for case in CASES if case.differentiable()])
def test_gradients_have_the_types_of_the_inputs(case):
    x = leaves(case.arrays(np.float32))
    y = case.record(*x, **case.parameters)
    found = case.record.gradient(gg.ones_like(y), y, *x, **case.parameters)
    for a, g in zip(x, found, strict=True):
        assert g is None or g.type_ == a.type_


# ---- loops: what a compiler will read


def place(entry, point):
    """Where an axis is read at a point of the space; None between elements."""
    if isinstance(entry, int):
        return point[entry]
    terms, offset, divisor = entry
    found = sum(point[axis] * coefficient for axis, coefficient in terms) + offset
    return found // divisor if found % divisor == 0 else None


def element(x, entries, point):
    """What a loop reads at a point: zero outside and between elements."""
    at = [place(entry, point) for entry in entries]
    inside = all(i is not None and 0 <= i < n for i, n in zip(at, x.shape, strict=True))
    return x[tuple(at)] if inside else x.dtype.type(0)


def folded(record, space, arrays, shape, points):
    """The loop over `points`, one by one, from the identity."""
    y = np.full(shape, record.fold.identity)
    kept = tuple(a for a in range(len(space.extents)) if a not in space.vanish)
    for point in points:
        at = tuple(place(entry, point) for entry in space.writes or kept)
        values = [element(x, e, point) for x, e in zip(arrays, space.reads, strict=True)]
        y[at] = record.fold.step(np, y[at], *values)
    return y


def space_of(case):
    types = case.types(case.arrays())
    return case.record.space(
        case.record.infer(*types, **case.parameters), *types, **case.parameters
    )


def points_of(case):
    return int(np.prod(space_of(case).extents))


@each([case for case in CASES if case.record.space and points_of(case) <= MOST_POINTS])
def test_space_and_fold_say_what_the_meaning_says(case):
    arrays, space = case.arrays(), space_of(case)
    expected = case.value(arrays)
    points = list(product(*map(range, space.extents)))
    whole = folded(case.record, space, arrays, expected.shape, points)
    np.testing.assert_allclose(whole, expected, rtol=1e-12, atol=1e-12)
    parts = [folded(case.record, space, arrays, expected.shape, points[i::2]) for i in (0, 1)]
    merged = case.record.fold.merge(np, *parts)
    np.testing.assert_allclose(merged, expected, rtol=1e-12, atol=1e-12)


def test_each_loop_has_a_small_sample():
    loops = {name for name, record in TABLE.items() if record.space}
    assert loops == {c.record.name for c in CASES if c.record.space and points_of(c) <= MOST_POINTS}
    assert {"sum", "amax", "contract", "convolution"} <= loops


# ---- arrays in any order of memory


def stretched(x):
    """The same elements with gaps between them, and the last axis backwards in memory."""
    if not x.ndim:
        return x
    return np.repeat(x[..., ::-1], 2, -1)[..., ::2][..., ::-1]


def transposed(x):
    return x.T.copy().T


@pytest.mark.parametrize("layout", [stretched, transposed])
@each([case for case in CASES if case.record.kind != "random"])
def test_the_order_in_memory_does_not_matter(case, layout):
    arrays = case.arrays()
    found = case.value([layout(x) for x in arrays])
    np.testing.assert_allclose(found, case.value(arrays), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "record",
    [r for r in TABLE.values() if r.kind == "elementwise" and not r.samples[0].parameters],
    ids=lambda record: record.name,
)
def test_an_element_depends_on_its_own_place_alone(record):
    generator = np.random.default_rng(3)
    arrays = [domain(131, 67).domain.draw(generator, (131, 67)) for domain in record.domain]
    whole = record.meaning(np, *arrays)
    parts = [record.meaning(np, *(x[i::5, ::3] for x in arrays)) for i in range(5)]
    for i, part in enumerate(parts):
        np.testing.assert_allclose(part, whole[i::5, ::3], rtol=1e-13)


# ---- special numbers


@pytest.mark.parametrize(
    "name, others",
    [
        ("relu", ()),
        ("maximum", (1.0,)),
        ("minimum", (1.0,)),
        ("clamp", (-1.0, 1.0)),
        ("abs", ()),
        ("sigmoid", ()),
        ("tanh", ()),
        ("erf", ()),
        ("erfc", ()),
        ("erfinv", ()),
        ("lgamma", ()),
        ("digamma", ()),
        ("logaddexp", (0.0,)),
        ("sign", ()),
    ],
)
def test_nan_survives(name, others):
    x = np.array([np.nan, 0.5])
    y = TABLE[name].meaning(np, x, *(np.full(2, v) for v in others))
    assert np.isnan(y).tolist() == [True, False]


@pytest.mark.parametrize("name", ["amax", "amin", "sum"])
def test_nan_survives_a_reduction(name):
    x = np.array([[1.0, np.nan, 2.0], [1.0, 3.0, 2.0]])
    assert np.isnan(TABLE[name].meaning(np, x, axes=(1,))).tolist() == [True, False]
    fold = TABLE[name].fold
    assert np.isnan(fold.step(np, fold.step(np, fold.identity, np.nan), 1.0))


INF, NAN = np.inf, np.nan


@pytest.mark.parametrize(
    "name, x, y",
    [
        ("sigmoid", [-INF, -1000.0, 0.0, 1000.0, INF], [0, 0, 0.5, 1, 1]),
        ("tanh", [-INF, -1000.0, 0.0, 1000.0, INF], [-1, -1, 0, 1, 1]),
        ("erf", [-INF, -30.0, 0.0, 30.0, INF], [-1, -1, 0, 1, 1]),
        ("erfc", [-INF, -30.0, 0.0, 30.0, INF], [2, 2, 1, 0, 0]),
        ("erfinv", [-1.0, 0.0, 1.0, 1.5], [-INF, 0, INF, NAN]),
        ("lgamma", [1.0, 0.0, -1.0, -2.0, INF, -INF], [0, INF, INF, INF, INF, INF]),
        ("digamma", [0.0, -0.0, -1.0, INF], [-INF, INF, NAN, INF]),
        ("sqrt", [0.0, INF, -1.0], [0, INF, NAN]),
        ("log", [0.0, INF, -1.0], [-INF, INF, NAN]),
        ("rsqrt", [0.0, INF, -1.0], [INF, 0, NAN]),
    ],
)
def test_values_at_the_ends(name, x, y):
    found = TABLE[name].meaning(np, np.array(x))
    np.testing.assert_allclose(found, np.array(y, float), atol=2e-14)


def test_logaddexp_of_infinities():
    x, y = np.array([INF, -INF, -INF, INF]), np.array([INF, -INF, 3.0, -INF])
    assert TABLE["logaddexp"].meaning(np, x, y).tolist() == [INF, -INF, 3.0, INF]


# ---- errors of the type rules


@pytest.mark.parametrize(
    "name, shapes, parameters, text",
    [
        ("add", [(3,), (4,)], {}, "add takes inputs of one shape and got f32[3] and f32[4]"),
        ("view", [(3, 4)], {"shape": (4, 4), "axes": (1, 0)}, "f32[3, 4] cannot be seen as [4, 4]"),
        ("reshape", [(3, 4)], {"shape": (5, 2)}, "f32[3, 4] has 12 elements and cannot take"),
        ("concatenate", [(2, 3), (2, 4)], {"axis": 0}, "f32[2, 3] and f32[2, 4] cannot be joined"),
        (
            "contract",
            [(3, 4), (5, 6)],
            {"reads": ((0, 2), (2, 1)), "rank": 2},
            "a contraction of f32[3, 4] and f32[5, 6] meets 4 with 5 elements",
        ),
        ("put", [(3, 2), (4,)], {"n": 5}, "put needs one row of f32[3, 2] for each of the indices"),
    ],
)
def test_type_rules_name_what_does_not_fit(name, shapes, parameters, text):
    types = [Type(shape, np.dtype(np.float32)) for shape in shapes]
    with pytest.raises(gg.ShapeError) as error:
        TABLE[name].infer(*types, **parameters)
    assert text in str(error.value)


def test_one_name_is_one_record():
    with pytest.raises(ValueError, match="there are two operations named exp"):
        Record("exp", "elementwise", None, None, None)
