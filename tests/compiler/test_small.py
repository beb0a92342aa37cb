"""Small steps: one row, narrow layers; what the planner saves there, in numbers and in its text."""

from unittest import mock

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn, optim
from glassgrad.compiler.batches import gathering
from glassgrad.compiler.emit.lanes import Lanes
from glassgrad.compiler.emit.position import LANE_POSITION, constant
from glassgrad.compiler.machine import Library, aligned, object_code
from glassgrad.compiler.module import planned, prepared
from glassgrad.compiler.native import NativeStep
from glassgrad.compiler.places import Source
from glassgrad.compiler.plan import repack
from glassgrad.compiler.plan.quotient import multiplied
from glassgrad.compiler.plan.single import singled
from glassgrad.compiler.rewrite import rewritten
from glassgrad.compiler.target import AVX2, host
from glassgrad.types import float32
from natively import assert_right, mlp, traced, trainer

random = np.random.default_rng(11)


def rows(batch, features, classes):
    return random.normal(size=(batch, features)).astype("f"), random.integers(0, classes, batch)


def graph_of(*sizes, batch, rule=lambda p: optim.SGD(p, lr=0.1)):
    step = trainer(mlp(*sizes, activation=nn.ReLU), rule)
    return rewritten(traced(step, *rows(batch, sizes[0], sizes[-1])))


def plan_of(*sizes, batch):
    """The plan of an epoch over arrays."""
    sources = [Source((4096, sizes[0]), np.dtype("f")), Source((4096,), np.dtype(np.int64))]
    return planned(gathering(graph_of(*sizes, batch=batch), sources), resident=True)


def names(graph):
    return [x.operation.name for x in graph.nodes if x.operation is not None]


# ---- one row


def test_a_sum_of_one_is_no_loop():
    """A weight's gradient from one row is a product; the rate goes to its smaller factor."""
    graph = graph_of(7, 5, 3, batch=1)
    before, after = names(prepared(graph)), names(singled(prepared(graph)))
    assert before.count("contract") == 5 and after.count("contract") == 3
    assert before.count("sum") > after.count("sum") == 2  # of the softmax
    (update,) = [y for c, y in singled(prepared(graph)).updates.items() if c.shape == (3, 5)]
    product = update.inputs[1]
    scaled = product.inputs[0].inputs[0]
    assert product.operation.name == scaled.operation.name == "mul"
    assert {x.shape for x in scaled.inputs} == {(1, 3)}


@pytest.mark.parametrize("shape, axes", [((1, 5), (0,)), ((4, 1, 1), (1, 2)), ((1,), (0,))])
@pytest.mark.parametrize("fold", ["sum", "amax", "amin"])
def test_folds_of_one(shape, axes, fold):
    assert_right(lambda x: getattr(x, fold)(axes), [random.normal(size=shape).astype("f")])


def test_contractions_of_one():
    a, b = (random.normal(size=s).astype("f") for s in ((1, 6), (1, 4)))
    assert_right(lambda a, b: 0.5 * (a.T @ b), [a, b])
    assert_right(lambda a, b: gg.einsum("ij,ik->kj", a, b), [a, b])
    assert_right(lambda a: gg.einsum("ij,ij->ij", a, a), [a])
    whole = [np.arange(6).reshape(1, 6), np.arange(4).reshape(1, 4)]
    assert_right(lambda a, b: a.T @ b, whole)


def test_one_row_has_no_vectors_of_one():
    """Lanes run along axes that have more than one position."""
    plan = plan_of(10, 100, 2, batch=1)
    for kernel in plan.kernels:
        assert kernel.lane is None or kernel.extents[kernel.lane] > 1
    softmax = [k for k in plan.kernels if len(k.heroes) > 1]
    assert len(softmax) == 1 and len(softmax[0].heroes) == 3


RULES = [lambda p: optim.SGD(p, lr=0.1, momentum=0.9), lambda p: optim.Adam(p, lr=0.01)]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("sizes", [(4, 10, 5, 3), (1, 3, 2), (17, 1, 2), (5, 33, 33, 1)])
def test_steps_of_one_row(sizes, rule):
    criterion = nn.MSELoss() if sizes[-1] == 1 else None
    step = trainer(mlp(*sizes, activation=nn.ReLU), rule, criterion)
    batches = [list(rows(1, sizes[0], sizes[-1])) for _ in range(3)]
    if criterion is not None:
        batches = [[x, random.normal(size=(1, 1)).astype("f")] for x, _ in batches]
    assert_right(step, *batches)


# ---- narrow layers


def test_rows_are_gathered_the_other_way_round():
    """Batch-last layers read gathered rows batch-last: no copy stands between."""
    for batch in (256, 2048):
        plan = plan_of(4, 10, 5, 3, batch=batch)
        (gather,) = [k for k in plan.kernels if k.stores and "take f32" in str_of(plan, k)]
        assert gather.repack and gather.lane == 1 and gather.out_lane == 0
        assert sum(k.repack for k in plan.kernels) == 1


def str_of(plan, kernel):
    return str(plan).splitlines()[plan.kernels.index(kernel) + (plan.chunk is not None)]


def test_one_copy_serves_two_kernels():
    """The first layer and its weight's gradient read the user's batch the other way round."""
    for batch in (256, 2048):
        plan = planned(graph_of(4, 10, 5, 3, batch=batch))
        assert sum(k.repack for k in plan.kernels) == 1
        with mock.patch.object(repack, "_copied", return_value=None):
            plan = planned(graph_of(4, 10, 5, 3, batch=batch))
        assert sum(k.repack for k in plan.kernels) == 2


def test_a_copy_of_a_cell_is_made_anew():
    """Between its two readers the cell has changed."""
    w = gg.randn(20, 20)

    def step(x):
        first = x @ w
        w.mul_(0.5)
        return first, x.T @ x @ w

    graph = assert_right(step, [random.normal(size=(20, 20)).astype("f")])
    assert graph.updates


def test_a_softmax_divides_once():
    graph = graph_of(4, 10, 3, batch=32)
    before = names(prepared(graph)).count("div")
    after = multiplied(prepared(graph))
    assert names(after).count("div") == before
    (quotient,) = [x for x in after.nodes if x.operation is not None and x.shape == (32,)
                   and x.operation.name == "div"]  # fmt: skip
    assert quotient.inputs[1].operation.name == "sum"
    single = graph_of(4, 10, 1, batch=32)
    assert names(multiplied(prepared(single))) == names(prepared(single))


@pytest.mark.parametrize("scale", [1.0, 50.0, 1e4])
def test_softmax_of_large_numbers(scale):
    x = (scale * random.normal(size=(19, 7))).astype("f")
    assert_right(lambda x: gg.softmax(x, 1), [x])
    assert_right(lambda x: x.exp() / x.exp().sum(1, keepdim=True), [x / scale])


@pytest.mark.parametrize("target", [host(), AVX2])
@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 9, 16])
def test_transposes_of_short_rows(count, target):
    """Sixteen rows of `count` elements become columns, whatever lies behind them."""
    code = Lanes("turn", "ptr %arena", linkage="")
    loaded = [code.load("%arena", 64 * n, LANE_POSITION, float32) for n in range(16)]
    for n, row in enumerate(code.transposed(loaded, count)[:count]):
        code.store(row, "%arena", 1024 + 64 * n, LANE_POSITION + constant(0))
    library = Library(object_code(code.text(), target), target)
    memory = aligned(2048).view("f").reshape(32, 16)
    memory[:16] = random.normal(size=(16, 16))
    memory[:16, count:] = np.nan
    library.function("turn", None, np.ctypeslib.ctypes.c_void_p)(memory.ctypes.data)
    np.testing.assert_array_equal(memory[16 : 16 + count], memory[:16, :count].T)


# ---- chunks


def test_costs_are_those_of_all_chunks():
    """A copy in each chunk is not taken for one of a chunk alone: 2,048 rows as 256."""
    plans = [plan_of(10, 100, 2, batch=batch) for batch in (256, 2048)]
    lanes = [[(k.lane, k.out_lane, k.repack) for k in p.kernels if k.phase == 1] for p in plans]
    assert [p.chunk for p in plans] == [64, 64]
    assert lanes[0] == lanes[1] and not any(k.repack for k in plans[1].kernels)


def test_a_sum_of_one_number_is_that_number():
    """What views show of an axis of one position is what the same loops have summed there."""
    x = np.random.default_rng(0).standard_normal((12, 1), dtype=np.float32)

    def step(x):
        y = gg.einsum("ai,aj->ij", x.tanh(), x) * 0.1
        return y - y.mean(1, keepdim=True), y

    centred, y = NativeStep(rewritten(traced(step, x)))([x], [], [])
    assert centred.tolist() == [[0.0]]
    assert np.allclose(y, np.tanh(x).T @ x * 0.1, rtol=1e-6)
