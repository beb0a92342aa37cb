"""Pooling against PyTorch, indices included, and where maxima are equal, infinite or NaN."""

import math

import numpy as np
import pytest

import glassgrad as gg
import peer
from glassgrad.nn import functional as F

ONE = [  # x, arguments
    ((2, 3, 8), {"kernel_size": 2}),
    ((2, 3, 9), {"kernel_size": 3, "stride": 2}),
    ((2, 3, 9), {"kernel_size": 3, "stride": 2, "padding": 1}),
    ((2, 3, 10), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
    ((2, 3, 10), {"kernel_size": 3, "stride": 4, "padding": 1, "ceil_mode": True}),
    ((3, 8), {"kernel_size": (2,)}),
    ((1, 1, 1), {"kernel_size": 1}),
    ((0, 3, 8), {"kernel_size": 2}),
]
TWO = [
    ((2, 3, 6, 8), {"kernel_size": 2}),
    ((2, 3, 7, 9), {"kernel_size": (3, 2), "stride": (2, 3)}),
    ((2, 3, 7, 9), {"kernel_size": 3, "stride": 2, "padding": (1, 0)}),
    ((2, 3, 7, 8), {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
    ((3, 6, 6), {"kernel_size": 4, "stride": 1}),
    ((2, 1, 1, 5), {"kernel_size": (1, 5)}),
]
DILATED = [
    ((2, 3, 9), {"kernel_size": 3, "dilation": 2, "stride": 1}),
    ((2, 3, 9), {"kernel_size": 3, "dilation": 3, "padding": 1, "ceil_mode": True}),
    ((2, 3, 9, 8), {"kernel_size": (2, 3), "dilation": (3, 2), "padding": (1, 0), "stride": 2}),
]


def axes(call, x):
    size = call["kernel_size"]
    return len(size) if isinstance(size, tuple) else len(x) - 2 if len(x) != 2 else 1


def named(kind, x, call):
    return f"{kind}{2 if (x, call) in TWO or len(x) == 4 else 1}d"


@pytest.mark.parametrize("x, call", ONE + TWO + DILATED, ids=str)
def test_max_pool(x, call):
    torch = pytest.importorskip("torch").nn.functional
    name = named("max_pool", x, call)
    values = peer.distinct(*x)
    peer.same(
        lambda x: getattr(F, name)(x, **call), lambda x: getattr(torch, name)(x, **call), values
    )
    if 0 not in x:
        indices = getattr(F, name)(gg.tensor(values), return_indices=True, **call)[1]
        theirs = getattr(torch, name)(peer.torch_leaf(values), return_indices=True, **call)[1]
        np.testing.assert_array_equal(indices, theirs)


@pytest.mark.parametrize("x, call", ONE + TWO, ids=str)
@pytest.mark.parametrize("include", [True, False])
def test_avg_pool(x, call, include):
    torch = pytest.importorskip("torch").nn.functional
    name, call = named("avg_pool", x, call), call | {"count_include_pad": include}
    peer.same(
        lambda x: getattr(F, name)(x, **call),
        lambda x: getattr(torch, name)(x, **call),
        peer.real(*x),
    )


def test_avg_pool_divisor():
    torch = pytest.importorskip("torch").nn.functional
    call = {"kernel_size": 3, "padding": 1, "divisor_override": 5}
    peer.same(
        lambda x: F.avg_pool2d(x, **call),
        lambda x: torch.avg_pool2d(x, **call),
        peer.real(2, 3, 6, 6),
    )


@pytest.mark.parametrize("x, call", [ONE[1], ONE[3], TWO[1]], ids=str)
@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_lp_pool(x, call, p):
    torch = pytest.importorskip("torch").nn.functional
    name = named("lp_pool", x, call)
    peer.same(
        lambda x: getattr(F, name)(x, p, **call),
        lambda x: getattr(torch, name)(x, p, **call),
        peer.unit(*x),
    )


@pytest.mark.parametrize(
    "x, size",
    [
        ((2, 3, 8), 4),
        ((2, 3, 10), 4),
        ((3, 7), 3),
        ((2, 3, 3), 7),
        ((2, 3, 8, 6), (4, 3)),
        ((2, 3, 7, 5), (3, 2)),
        ((2, 3, 7, 5), (None, 2)),
        ((3, 7, 5), 1),
        ((2, 3, 2, 3), (5, 4)),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["avg", "max"])
def test_adaptive_pool(kind, x, size):
    torch = pytest.importorskip("torch").nn.functional
    flat = not isinstance(size, tuple) and x != (3, 7, 5)
    name = f"adaptive_{kind}_pool{1 if flat else 2}d"
    values = peer.distinct(*x)
    peer.same(lambda x: getattr(F, name)(x, size), lambda x: getattr(torch, name)(x, size), values)
    if kind == "max":
        found = getattr(F, name)(gg.tensor(values), size, return_indices=True)[1]
        theirs = getattr(torch, name)(peer.torch_leaf(values), size, return_indices=True)[1]
        np.testing.assert_array_equal(found, theirs)


@pytest.mark.parametrize(
    "x, call, output_size",
    [
        ((2, 3, 8), {"kernel_size": 2}, None),
        ((2, 3, 9), {"kernel_size": 2}, (9,)),
        ((3, 8), {"kernel_size": 4}, None),
        ((2, 3, 6, 8), {"kernel_size": 2}, None),
        ((2, 3, 7, 9), {"kernel_size": (3, 2), "stride": (3, 2)}, (2, 3, 7, 9)),
        ((2, 3, 7, 9), {"kernel_size": 3, "padding": 1}, (7, 9)),
    ],
    ids=str,
)
def test_max_unpool(x, call, output_size):
    torch = pytest.importorskip("torch")
    n = 1 if len(x) == 2 or len(x) == 3 else 2
    pool, unpool = f"max_pool{n}d", f"max_unpool{n}d"
    values = peer.distinct(*x)
    theirs = torch.nn.functional
    y, index = getattr(theirs, pool)(torch.tensor(values), return_indices=True, **call)
    index = index.numpy()
    peer.same(
        lambda y: getattr(F, unpool)(y, gg.tensor(index), output_size=output_size, **call),
        lambda y: getattr(theirs, unpool)(y, torch.tensor(index), output_size=output_size, **call),
        y.numpy(),
        second=False,
    )


def test_the_first_of_equal_elements_gets_the_gradient():
    x = gg.tensor([[[3.0, 3.0, 1.0, 2.0]]], requires_grad=True)
    F.max_pool1d(x, 2).sum().backward()
    assert x.grad.tolist() == [[[1, 0, 0, 1]]]


def test_padding_never_wins():
    x = gg.full((1, 1, 3), -math.inf)
    y, index = F.max_pool1d(x, 3, padding=1, return_indices=True)
    assert y.tolist() == [[[-math.inf]]]
    assert index.tolist() == [[[0]]]
    whole = gg.full((1, 1, 2), -(2**63) + 1, dtype=gg.int64)
    assert F.max_pool1d(whole, 2, padding=1).tolist() == [[[-(2**63) + 1] * 2]]


def test_nan_is_handed_on():
    y = F.max_pool1d(gg.tensor([[[1.0, math.nan, 3.0, 4.0]]]), 2)
    assert math.isnan(y[0, 0, 0].item())
    assert y[0, 0, 1].item() == 4


def test_lecture_example_of_pooling():
    """Max pooling of 1-d windows of 2 (lecture C)."""
    assert F.max_pool1d([[[1.0, 5.0, 2.0, 4.0]]], 2).tolist() == [[[5, 4]]]
    assert F.avg_pool1d([[[1.0, 5.0, 2.0, 4.0]]], 2).tolist() == [[[3, 3]]]


x = gg.ones(2, 3, 8)


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: F.max_pool1d(x, 9), r"\[9\].*f32\[2, 3, 8\]"),
        (lambda: F.max_pool1d(x, 2, padding=2), "at most half"),
        (lambda: F.avg_pool1d(x, 3, padding=-1), "at most half"),
        (lambda: F.max_pool1d(x, 2, stride=0), "at least 1"),
        (lambda: F.max_pool1d(gg.ones(1, 1, 1), 2, 1, 1, 2), "nothing of .* but its padding"),
        (lambda: F.max_pool2d(x, (2, 2, 2)), "kernel_size"),
        (lambda: F.max_pool1d(gg.ones(2, 3, 8, 8), 2), r"channels, length.*f32\[2, 3, 8, 8\]"),
        (lambda: F.adaptive_avg_pool1d(x, 0), "output_size=0"),
        (lambda: F.adaptive_avg_pool2d(x, (1, 2, 3)), r"output_size=\(1, 2, 3\)"),
        (lambda: F.max_unpool1d(x, gg.zeros(2, 3, 4, dtype=gg.int64), 2), "one index for each"),
        (lambda: F.max_unpool1d(x, x.long() * 0, 2, output_size=(3,)), "output_size"),
        (lambda: F.max_unpool1d(x, x.long() * 99, 2), "99.*out of range"),
        (lambda: F.avg_pool2d(gg.ones(1, 1, 4, 4), 2, divisor_override=0), "zero"),
    ],
)
def test_errors(call, text):
    with pytest.raises((RuntimeError, ValueError, IndexError), match=text):
        call()
