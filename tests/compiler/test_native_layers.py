"""Layers, losses, update rules and windows of every kind by machine code: values and gradients."""

from operator import methodcaller

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from glassgrad.nn import functional as F
from layers import LAYERS, contract, example, shape
from natively import assert_right, differentiated
from rules import RULES

T = gg.Tensor.lift


def spread(*size, seed=0):
    """Numbers at least 0.01 apart, and as far from zero, in float32."""
    random = np.random.default_rng(seed)
    count = int(np.prod(size))
    return ((random.permutation(count) - count // 2 + 0.5) * 0.02).reshape(size).astype(np.float32)


def given(name, kind, size, seed, unit=False):
    """An input: real numbers, class numbers, or signs, which are labels everywhere."""
    random = np.random.default_rng(seed)
    if kind == "int64":
        return random.integers(0, 2, size)
    if name == "target" and not unit:
        return random.choice([-1.0, 1.0], size).astype(np.float32)
    return random.uniform(0.1, 0.9, size).astype(np.float32)


def inputs_of(layer, lengths, seed):
    """Arguments that fit the layer's contract."""
    sizes = {name: value for name, value in vars(layer).items() if type(value) is int} | lengths
    left = contract(type(layer))[0]
    lead = (4,) if "..." in str(left) or "*" in str(left) else ()
    unit = isinstance(layer, nn.BCELoss)
    return [given(n, kind, shape(text, sizes, lead), seed, unit) for n, kind, text in left]


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", LAYERS)
def test_layers(name, training):
    """Values, gradients of inputs and parameters, buffers and the random state."""
    gg.manual_seed(0)
    layer, lengths = example(name)
    layer.train(training)
    batches = [inputs_of(layer, lengths, seed) for seed in range(2)]
    assert_right(differentiated(layer, layer), *batches, resident=(training,))


# ---- windows

SIGNAL, IMAGE = (2, 4, 19), (2, 4, 9, 11)
WINDOWS = {
    "conv1d": [
        (SIGNAL, (6, 4, 3), {}),
        (SIGNAL, (6, 2, 3), {"stride": 2, "padding": 1, "dilation": 2, "groups": 2}),
        (SIGNAL, (3, 4, 4), {"padding": "same"}),
        (SIGNAL, (4, 1, 3), {"groups": 4, "stride": 3}),
        ((1, 1, 130), (33, 1, 5), {"padding": 2}),
    ],
    "conv2d": [
        (IMAGE, (6, 4, 3, 2), {}),
        (IMAGE, (6, 2, 3, 3), {"stride": (2, 1), "padding": (1, 2), "groups": 2}),
        (IMAGE, (5, 4, 3, 3), {"dilation": 2, "padding": 1}),
        (IMAGE, (20, 4, 1, 1), {}),
        (IMAGE, (3, 4, 9, 11), {}),
        (IMAGE, (4, 1, 3, 3), {"groups": 4, "padding": 1}),
        ((17, 3, 8, 8), (16, 3, 3, 3), {"padding": 1, "stride": 2}),
    ],
    "conv_transpose1d": [
        (SIGNAL, (4, 3, 3), {"stride": 2}),
        (SIGNAL, (4, 3, 4), {"stride": 3, "padding": 1, "output_padding": 2, "dilation": 2}),
        (SIGNAL, (4, 2, 3), {"groups": 2}),
    ],
    "conv_transpose2d": [
        (IMAGE, (4, 3, 3, 2), {}),
        (IMAGE, (4, 3, 3, 3), {"stride": 2, "padding": 1, "output_padding": (1, 0)}),
        (IMAGE, (4, 2, 2, 2), {"stride": 2, "groups": 2, "dilation": (1, 2)}),
    ],
}


@pytest.mark.parametrize(
    "name, x, w, call", [(n, *case) for n, cases in WINDOWS.items() for case in cases], ids=str
)
def test_convolutions(name, x, w, call):
    outputs = w[0] if "transpose" not in name else w[1] * call.get("groups", 1)
    arrays = [spread(*x), spread(*w, seed=1), spread(outputs, seed=2)]
    step = differentiated(lambda x, w, b: getattr(F, name)(x, w, b, **call))
    assert_right(step, arrays)


POOLS = [
    ("max_pool1d", SIGNAL, {"kernel_size": 3}),
    ("max_pool1d", SIGNAL, {"kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2}),
    ("max_pool2d", IMAGE, {"kernel_size": 2}),
    ("max_pool2d", IMAGE, {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
    ("max_pool2d", IMAGE, {"kernel_size": (3, 2), "stride": 1}),
    ("avg_pool1d", SIGNAL, {"kernel_size": 3, "stride": 1, "padding": 1}),
    ("avg_pool2d", IMAGE, {"kernel_size": 2}),
    ("avg_pool2d", IMAGE, {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
    ("avg_pool2d", IMAGE, {"kernel_size": 3, "padding": 1, "count_include_pad": False}),
    ("lp_pool1d", SIGNAL, {"norm_type": 3, "kernel_size": 3}),
    ("lp_pool2d", IMAGE, {"norm_type": 2, "kernel_size": 2}),
    ("adaptive_avg_pool1d", SIGNAL, {"output_size": 5}),
    ("adaptive_avg_pool2d", IMAGE, {"output_size": (4, 3)}),
    ("adaptive_max_pool1d", SIGNAL, {"output_size": 7}),
    ("adaptive_max_pool2d", IMAGE, {"output_size": (4, 3)}),
    ("unfold", IMAGE, {"kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2}),
    ("pad", IMAGE, {"pad": (1, 2, 3, 0), "mode": "reflect"}),
    ("pad", IMAGE, {"pad": (1, 2, 3, 0), "mode": "replicate"}),
    ("pad", IMAGE, {"pad": (1, 2, 3, 0), "mode": "circular"}),
    ("pad", IMAGE, {"pad": (1, -2, 3, 0), "value": 0.7}),
    ("pad", SIGNAL, {"pad": (5, 2), "mode": "reflect"}),
    ("interpolate", SIGNAL, {"scale_factor": 2}),
    ("interpolate", SIGNAL, {"size": 7, "mode": "linear"}),
    ("interpolate", IMAGE, {"size": (5, 17)}),
    ("interpolate", IMAGE, {"size": (5, 17), "mode": "bilinear"}),
    ("interpolate", IMAGE, {"size": (5, 17), "mode": "bilinear", "align_corners": True}),
    ("interpolate", IMAGE, {"size": (12, 4), "mode": "bicubic"}),
    ("interpolate", IMAGE, {"size": (3, 4), "mode": "area"}),
    ("pixel_shuffle", IMAGE, {"upscale_factor": 2}),
    ("local_response_norm", IMAGE, {"size": 3}),
    ("group_norm", IMAGE, {"num_groups": 2}),
    ("instance_norm", IMAGE, {}),
    ("normalize", IMAGE, {"p": 2, "dim": 1}),
    ("softmax", IMAGE, {"dim": 2}),
    ("log_softmax", SIGNAL, {"dim": -1}),
]


@pytest.mark.parametrize("name, size, call", POOLS, ids=str)
def test_windows(name, size, call):
    assert_right(differentiated(lambda x: getattr(F, name)(x, **call)), [spread(*size)])


def test_pools_that_say_where():
    def both(x):
        y, places = F.max_pool2d(x, 2, return_indices=True)
        return y, F.max_unpool2d(y, places, 2), places

    assert_right(differentiated(both), [spread(2, 3, 8, 6)])


def test_fold():
    step = differentiated(lambda x: F.fold(x, (5, 7), (2, 3), padding=1, stride=(2, 1)))
    places = F.unfold(T(spread(1, 2, 5, 7)), (2, 3), padding=1, stride=(2, 1)).shape[2]
    assert_right(step, [spread(2, 12, places)])


# ---- rows by number


def test_embeddings():
    table, rows = spread(7, 9), np.random.default_rng(0).integers(0, 7, (5, 6))
    ways = [
        lambda w, i: F.embedding(i, w),
        lambda w, i: F.embedding(i, w, padding_idx=2),
        lambda w, i: F.embedding_bag(i, w, mode="mean"),
        lambda w, i: F.embedding_bag(i, w, mode="sum"),
        lambda w, i: F.embedding_bag(i, w, mode="max"),
        lambda w, i: w[i] * w[i.T[:5, :5]][:, :1],
        lambda w, i: w[:, i % 3].exp(),
        lambda w, i: w[i[0], i[1]],
        lambda w, i: gg.gather(w, 1, i[:, :4]),
        lambda w, i: w.index_add(0, i[0], w[:6]),
        lambda w, i: w.scatter_add(1, i[:, :5], w[:5, :5]),
        lambda w, i: F.one_hot(i, 7).float() @ w,
    ]
    for way in ways:
        assert_right(differentiated(way), [table, rows], resident=(False,))


# ---- attention, and sums of products of every form


def attention(q, k, v):
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    return scores.softmax(-1) @ v


def masked_attention(q, k, v):
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    n = scores.shape[-1]
    ahead = gg.arange(n).unsqueeze(0) > gg.arange(n).unsqueeze(1)
    return scores.masked_fill(ahead, -float("inf")).softmax(-1) @ v


@pytest.mark.parametrize("way", [attention, masked_attention])
@pytest.mark.parametrize("lead", [(), (3,), (2, 3)], ids=str)
@pytest.mark.parametrize("n, d", [(5, 8), (17, 16), (40, 33)])
def test_attention(way, lead, n, d):
    assert_right(
        differentiated(way), [spread(*lead, n, d, seed=i) * np.float32(8 / n) for i in range(3)]
    )


def test_heads():
    """Rows are split into heads and joined again."""
    gg.manual_seed(0)
    packed, out = nn.Linear(24, 72), nn.Linear(24, 24)

    def block(x):
        q, k, v = packed(x).reshape(3, 7, 3, 4, 6).permute(2, 0, 3, 1, 4)
        return out(attention(q, k, v).transpose(1, 2).reshape(3, 7, 24)) + x

    assert_right(differentiated(block, packed, out), [spread(3, 7, 24)])


EINSUMS = [
    ("ij,jk->ik", (5, 6), (6, 7)),
    ("ij,kj->ki", (5, 33), (40, 33)),
    ("ij,ij->", (5, 6), (5, 6)),
    ("ij,ij->i", (17, 6), (17, 6)),
    ("ij,ij->j", (17, 6), (17, 6)),
    ("i,j->ij", (18,), (35,)),
    ("bij,bjk->bik", (4, 5, 6), (4, 6, 7)),
    ("bij,kj->bki", (4, 5, 6), (9, 6)),
    ("bij,bkj->ki", (4, 5, 6), (4, 7, 6)),
    ("abc,cd->adb", (3, 4, 5), (5, 6)),
    ("abcd,bd->ac", (3, 4, 5, 6), (4, 6)),
    ("ii,i->i", (6, 6), (6,)),
    ("ij,j->", (5, 6), (6,)),
    ("bhid,bhjd->bhij", (2, 3, 5, 8), (2, 3, 6, 8)),
    ("ab,cd->dcba", (2, 3), (4, 5)),
]


@pytest.mark.parametrize("form, a, b", EINSUMS, ids=str)
def test_einsum(form, a, b):
    step = differentiated(lambda x, y: gg.einsum(form, x, y))
    assert_right(step, [spread(*a), spread(*b, seed=1)])


@pytest.mark.parametrize(
    "way", ["sum", "mean", "std", "amax", "logsumexp", "norm", "cumsum", "prod"]
)
def test_reductions(way):
    for size, axis in [((5, 33), 0), ((5, 33), 1), ((3, 17, 4), 1), ((64, 3), 0)]:
        arrays = [spread(*size) + np.float32(1.5)]
        assert_right(differentiated(methodcaller(way, axis)), arrays)


def test_numpy_in_the_middle():
    """What only NumPy computes is called back, between two nests."""
    ways = [
        lambda x: (x @ x.T + 9 * gg.eye(5)).inverse().tanh().sum(0),
        lambda x: gg.linalg.det(x[:, :5] + 3 * gg.eye(5)) * x,
        lambda x: x.sort(1).values.cumsum(0).exp(),
        lambda x: (x * 2).topk(2).values,
    ]
    for way in ways:
        assert_right(differentiated(way), [spread(5, 6)])


# ---- update rules


@pytest.mark.parametrize(
    "name, options", RULES, ids=[f"{n}-{'-'.join(map(str, o))}" for n, o in RULES]
)
def test_rules(name, options):
    random = np.random.default_rng(0)
    w, b = (gg.tensor(random.normal(size=s), requires_grad=True) for s in ((4, 33), (33,)))
    optimizer = getattr(gg.optim, name)([w, b], **options)

    def step(x, y):
        optimizer.zero_grad()
        loss = (((x @ w + b).tanh() - y) ** 2).mean() + 0.01 * (w**4).sum()
        loss.backward()
        optimizer.step()
        return loss

    step(*map(T, pair(random)))  # what an optimizer keeps is there from now on
    assert_right(step, *(pair(random) for _ in range(4)))


def pair(random):
    return [random.normal(size=(20, n)) for n in (4, 33)]
