"""Convolutions against PyTorch, the lecture's examples, and a closed form."""

import numpy as np
import pytest

import glassgrad as gg
import peer
from glassgrad.nn import functional as F

ONE = [  # x, weight, arguments
    ((2, 3, 9), (4, 3, 3), {}),
    ((2, 3, 9), (4, 3, 3), {"stride": 2, "padding": 1}),
    ((2, 3, 9), (4, 3, 3), {"dilation": 3, "padding": 4}),
    ((2, 3, 10), (4, 3, 4), {"padding": "same"}),
    ((2, 3, 10), (4, 3, 3), {"padding": "same", "dilation": 2}),
    ((2, 3, 10), (4, 3, 3), {"padding": "valid"}),
    ((2, 4, 7), (6, 2, 3), {"groups": 2, "stride": (2,)}),
    ((2, 4, 7), (8, 1, 2), {"groups": 4}),
    ((1, 1, 1), (1, 1, 1), {}),
    ((3, 9), (4, 3, 3), {"padding": 1}),
    ((0, 3, 9), (4, 3, 3), {}),
    ((2, 1, 5), (1, 1, 5), {}),
]
TWO = [
    ((2, 3, 7, 6), (4, 3, 3, 2), {}),
    ((2, 3, 7, 6), (4, 3, 3, 2), {"stride": (2, 1), "padding": (1, 2)}),
    ((2, 3, 7, 6), (4, 3, 2, 3), {"dilation": (2, 1), "padding": 1}),
    ((2, 3, 7, 6), (4, 3, 4, 3), {"padding": "same"}),
    ((2, 4, 5, 5), (6, 2, 3, 3), {"groups": 2, "padding": 1}),
    ((2, 4, 5, 5), (4, 1, 3, 3), {"groups": 4, "stride": 3}),
    ((3, 5, 5), (2, 3, 1, 1), {}),
    ((1, 1, 1, 1), (2, 1, 1, 1), {}),
    ((2, 2, 17, 3), (3, 2, 5, 3), {"stride": 4}),
]
TRANSPOSED = [
    ((2, 3, 5), (3, 4, 3), {}),
    ((2, 3, 5), (3, 4, 3), {"stride": 2, "padding": 1, "output_padding": 1}),
    ((2, 3, 5), (3, 4, 3), {"stride": 3, "dilation": 2}),
    ((2, 4, 5), (4, 3, 2), {"groups": 2, "stride": 2}),
    ((3, 5), (3, 4, 3), {"padding": 2}),
    ((2, 3, 4, 5), (3, 4, 3, 2), {"stride": (2, 1), "padding": (1, 0), "output_padding": (1, 0)}),
    ((2, 4, 3, 3), (4, 1, 3, 3), {"groups": 4, "stride": 2, "dilation": (1, 2)}),
    ((1, 1, 1, 1), (1, 1, 4, 4), {"stride": 2, "padding": 1}),
]


@pytest.mark.parametrize("biased", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("x, weight, call", ONE + TWO, ids=str)
def test_convolutions(x, weight, call, biased):
    torch = pytest.importorskip("torch").nn.functional
    name = f"conv{len(weight) - 2}d"
    arrays = [peer.real(*x), peer.real(*weight, seed=1), peer.real(weight[0], seed=2)]
    peer.same(
        lambda *a: getattr(F, name)(*a, **call),
        lambda *a: getattr(torch, name)(*a, **call),
        *arrays[: 2 + biased],
    )


@pytest.mark.parametrize("x, weight, call", TRANSPOSED, ids=str)
def test_transposed_convolutions(x, weight, call):
    torch = pytest.importorskip("torch").nn.functional
    name = f"conv_transpose{len(weight) - 2}d"
    outputs = weight[1] * call.get("groups", 1)
    peer.same(
        lambda *a: getattr(F, name)(*a, **call),
        lambda *a: getattr(torch, name)(*a, **call),
        peer.real(*x),
        peer.real(*weight, seed=1),
        peer.real(outputs, seed=2),
    )


def test_a_kernel_slides_over_its_input():
    x = gg.tensor([[[1.0, 2.0, 4.0, 8.0, 16.0]]])
    w = gg.tensor([[[1.0, 10.0]]])
    assert F.conv1d(x, w).tolist() == [[[21, 42, 84, 168]]]
    assert F.conv1d(x, w, stride=2).tolist() == [[[21, 84]]]
    assert F.conv1d(x, w, padding=1).tolist() == [[[10, 21, 42, 84, 168, 16]]]
    assert F.conv1d(x, w, dilation=3).tolist() == [[[81, 162]]]
    assert F.conv1d(x, w, gg.tensor([0.5]), padding="same").shape == (1, 1, 5)


def test_transposed_is_the_transpose():
    """<conv(x), y> = <x, conv_transpose(y)> for all x and y."""
    x, y = gg.tensor(peer.real(2, 3, 9)), gg.tensor(peer.real(2, 4, 5, seed=1))
    w = gg.tensor(peer.real(4, 3, 3, seed=2))
    there = (F.conv1d(x, w, stride=2, padding=1) * y).sum()
    back = (x * F.conv_transpose1d(y, w, stride=2, padding=1)).sum()
    np.testing.assert_allclose(there.item(), back.item(), rtol=1e-12)


x1, x2 = gg.ones(2, 3, 9), gg.ones(2, 3, 9, 9)


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: F.conv1d(x1, gg.ones(4, 5, 3)), r"f32\[4, 5, 3\].*reads 5 .*f32\[2, 3, 9\] has 3"),
        (lambda: F.conv1d(x1, gg.ones(4, 1, 3), groups=2), "reads 2 channels"),
        (lambda: F.conv1d(x1, gg.ones(4, 1, 3), groups=3), "divide by 3"),
        (lambda: F.conv1d(x1, gg.ones(4, 3, 10)), r"\[10\].*\[9\]"),
        (lambda: F.conv2d(x2, gg.ones(4, 3, 3, 3), dilation=5), r"\[11, 11\]"),
        (lambda: F.conv2d(x1[0], gg.ones(4, 3, 3, 3)), r"channels, height, width.*f32\[3, 9\]"),
        (lambda: F.conv1d(x1, gg.ones(4, 3)), "weight of 3 axes"),
        (lambda: F.conv1d(x1.double(), gg.ones(4, 3, 3)), r"f64\[2, 3, 9\].*\.to\(\)"),
        (lambda: F.conv1d(x1, gg.ones(4, 3, 3), padding="same", stride=2), "strided"),
        (lambda: F.conv1d(x1, gg.ones(4, 3, 3), padding=-1), "negative padding"),
        (lambda: F.conv1d(x1, gg.ones(4, 3, 3), padding="full"), "'full'"),
        (lambda: F.conv1d(x1, gg.ones(4, 3, 3), stride=(1, 2)), "stride"),
        (lambda: F.conv1d(x1, gg.ones(4, 3, 3), gg.ones(3)), r"4 channels.*f32\[3\]"),
        (lambda: F.conv_transpose1d(x1, gg.ones(4, 3, 3)), "reads 4 channels"),
        (lambda: F.conv_transpose1d(x1, gg.ones(3, 3, 3), output_padding=1), "output padding"),
    ],
)
def test_errors(call, text):
    with pytest.raises((RuntimeError, ValueError), match=text):
        call()
