"""Padding, one-hot, pixels, patches and interpolation against PyTorch."""

import pytest

import glassgrad as gg
import peer
from glassgrad.nn import functional as F

PADS = [  # x, pad, mode, value
    ((3, 4), (1, 2), "constant", None),
    ((3, 4), (1, 2, 0, 3), "constant", 2.5),
    ((3, 4), (-1, 2, 1, -2), "constant", 1.0),
    ((3, 4), (-1, -1), "constant", None),
    ((3, 4), (0, 0), "constant", None),
    ((2, 0, 4), (1, 1, 1, 0), "constant", 3.0),
    ((2, 3, 4), (2, 3), "reflect", None),
    ((2, 3, 4), (3, 0), "replicate", None),
    ((2, 3, 4), (9, 5), "replicate", None),
    ((2, 3, 4), (4, 1), "circular", None),
    ((3, 4), (2, 2), "reflect", None),
    ((2, 3, 4, 5), (1, 2, 3, 0), "reflect", None),
    ((2, 3, 4, 5), (1, 2, 3, 0), "replicate", None),
    ((2, 3, 4, 5), (1, 2, 3, 0), "circular", None),
    ((2, 3, 4, 5), (-1, 2, 3, -2), "replicate", None),
    ((2, 3, 4, 5), (-1, 2, 2, -2), "circular", None),
]


@pytest.mark.parametrize("x, pad, mode, value", PADS, ids=str)
def test_pad(x, pad, mode, value):
    torch = pytest.importorskip("torch").nn.functional
    peer.same(
        lambda x: F.pad(x, pad, mode, value),
        lambda x: torch.pad(x, pad, mode, value),
        peer.real(*x),
    )


def test_pad_by_hand():
    x = gg.tensor([[[1, 2, 3]]])
    assert F.pad(x, (2, 1)).tolist() == [[[0, 0, 1, 2, 3, 0]]]
    assert F.pad(x, (2, 1), "reflect").tolist() == [[[3, 2, 1, 2, 3, 2]]]
    assert F.pad(x, (2, 1), "replicate").tolist() == [[[1, 1, 1, 2, 3, 3]]]
    assert F.pad(x, (2, 1), "circular").tolist() == [[[2, 3, 1, 2, 3, 1]]]


@pytest.mark.parametrize("shape", [(4,), (2, 3), ()], ids=str)
@pytest.mark.parametrize("classes", [-1, 7])
def test_one_hot(shape, classes):
    torch = pytest.importorskip("torch").nn.functional
    peer.same(
        lambda x: F.one_hot(x, classes), lambda x: torch.one_hot(x, classes), peer.whole(5, *shape)
    )


def test_one_hot_of_the_lecture():
    assert F.one_hot(gg.tensor([2, 0]), 3).tolist() == [[0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize("shape", [(2, 8, 3, 2), (8, 1, 1), (2, 1, 4, 3, 3)], ids=str)
def test_pixels(shape):
    torch = pytest.importorskip("torch").nn.functional
    x = peer.real(*shape)
    peer.same(lambda x: F.pixel_shuffle(x, 2), lambda x: torch.pixel_shuffle(x, 2), x)
    y = torch.pixel_shuffle(peer.torch_leaf(x), 2).detach().numpy()
    peer.same(lambda x: F.pixel_unshuffle(x, 2), lambda x: torch.pixel_unshuffle(x, 2), y)


def test_channel_shuffle():
    torch = pytest.importorskip("torch").nn.functional
    for shape in [(2, 6, 3), (1, 4, 2, 2)]:
        peer.same(
            lambda x: F.channel_shuffle(x, 2),
            lambda x: torch.channel_shuffle(x, 2),
            peer.real(*shape),
        )


PATCHES = [
    ((2, 3, 5, 6), {"kernel_size": 2}),
    ((2, 3, 5, 6), {"kernel_size": (2, 3), "stride": (2, 1), "padding": 1}),
    ((2, 3, 7, 6), {"kernel_size": 3, "dilation": (2, 1)}),
    ((3, 5, 6), {"kernel_size": 2, "stride": 2}),
]


@pytest.mark.parametrize("shape, call", PATCHES, ids=str)
def test_unfold_and_fold(shape, call):
    torch = pytest.importorskip("torch").nn.functional
    x = peer.real(*shape)
    peer.same(lambda x: F.unfold(x, **call), lambda x: torch.unfold(x, **call), x)
    y = torch.unfold(peer.torch_leaf(x), **call).detach().numpy()
    size = shape[-2:]
    peer.same(lambda y: F.fold(y, size, **call), lambda y: torch.fold(y, size, **call), y)


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "linear", "area", "bicubic"])
@pytest.mark.parametrize(
    "call",
    [{"size": 5}, {"size": 11}, {"size": 1}, {"scale_factor": 2}, {"scale_factor": 0.6},
     {"scale_factor": 1.7, "recompute_scale_factor": True}],
    ids=str,
)  # fmt: skip
def test_interpolate(mode, call):
    torch = pytest.importorskip("torch").nn.functional
    line, plane = ((2, 3, 7), mode), ((1, 2, 7, 4), mode.replace("linear", "bilinear"))
    for shape, own in [line, plane] if mode != "bicubic" else [plane]:
        peer.same(
            lambda x, own=own: F.interpolate(x, mode=own, **call),
            lambda x, own=own: torch.interpolate(x, mode=own, **call),
            peer.real(*shape),
        )
        if mode in ("linear", "bicubic"):
            corners = call | {"align_corners": True}
            peer.same(
                lambda x, own=own, c=corners: F.interpolate(x, mode=own, **c),
                lambda x, own=own, c=corners: torch.interpolate(x, mode=own, **c),
                peer.real(*shape),
            )


def test_interpolate_by_hand():
    x = gg.tensor([[[0.0, 10.0]]])
    assert F.interpolate(x, scale_factor=2).tolist() == [[[0, 0, 10, 10]]]
    linear = F.interpolate(x, size=3, mode="linear", align_corners=True)
    assert linear.tolist() == [[[0, 5, 10]]]


x = gg.ones(1, 2, 3)


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda: F.pad(x, (1,)), RuntimeError, "divisible by 2"),
        (lambda: F.pad(x, (1,) * 8), RuntimeError, r"f32\[1, 2, 3\]"),
        (lambda: F.pad(x, (-4, 0)), RuntimeError, "crops more"),
        (lambda: F.pad(x, (3, 0), "reflect"), RuntimeError, "at most 2"),
        (lambda: F.pad(x, (4, 0), "circular"), RuntimeError, "at most 3"),
        (lambda: F.pad(x, (1, 0), "mirror"), NotImplementedError, "'mirror'"),
        (lambda: F.pad(x, (1, 0), "reflect", 1.0), ValueError, "value"),
        (lambda: F.one_hot(gg.tensor([5]), 3), IndexError, "5 in row 0"),
        (lambda: F.one_hot(gg.tensor([-1])), IndexError, "-1 in row 0"),
        (lambda: F.one_hot(gg.tensor([1.0])), RuntimeError, r"f32\[1\]"),
        (lambda: F.one_hot(gg.tensor([], dtype=gg.int64)), RuntimeError, "num_classes"),
        (lambda: F.pixel_shuffle(gg.ones(1, 3, 2, 2), 2), RuntimeError, "3 is not divisible by 4"),
        (lambda: F.pixel_unshuffle(gg.ones(1, 3, 2, 3), 2), RuntimeError, "divisible by 2"),
        (lambda: F.channel_shuffle(x, 3), RuntimeError, "3 groups"),
        (lambda: F.unfold(gg.ones(1, 1, 3, 3), 4), RuntimeError, "do not fit"),
        (lambda: F.fold(gg.ones(1, 4, 5), 3, 2), RuntimeError, r"channels 4, 4\].*f32\[1, 4, 5\]"),
        (lambda: F.interpolate(x), ValueError, "size or scale_factor"),
        (lambda: F.interpolate(x, size=2, scale_factor=2), ValueError, "only one"),
        (lambda: F.interpolate(x, size=2, mode="bilinear"), NotImplementedError, "needs 4D"),
        (lambda: F.interpolate(x, size=2, mode="cubic"), NotImplementedError, "'cubic'"),
        (lambda: F.interpolate(x, size=2, align_corners=True), ValueError, "align_corners"),
        (lambda: F.interpolate(x, size=(2, 2)), ValueError, "2 axes"),
        (lambda: F.interpolate(x, size=0), RuntimeError, r"\[0\]"),
        (lambda: F.interpolate(x, size=2, antialias=True), NotImplementedError, "antialias"),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()
