"""Layers against PyTorch's: parameters, repr, values, gradients, state, `train()` and `eval()`."""

import inspect

import numpy as np
import pytest

import glassgrad as gg
import peer
from glassgrad import nn

VECTOR, SIGNAL, IMAGE, WORDS = (5, 4), (2, 4, 9), (2, 4, 6, 6), "words"

# class: [(arguments, shape of the input or of several)]
LAYERS = {
    "ReLU": [((), VECTOR), ({"inplace": True}, VECTOR)],
    "ReLU6": [((), VECTOR)],
    "LeakyReLU": [((), VECTOR), ((0.3, True), VECTOR)],
    "PReLU": [((), VECTOR), ((4, 0.1), IMAGE)],
    "RReLU": [((0.1, 0.4), VECTOR)],
    "Threshold": [((0.1, 2.5), VECTOR)],
    "Hardtanh": [((), VECTOR), ((-2.0, 0.5), VECTOR)],
    "Hardsigmoid": [((), VECTOR)],
    "Hardswish": [((), VECTOR)],
    "Hardshrink": [((0.3,), VECTOR)],
    "Softshrink": [((0.3,), VECTOR)],
    "Sigmoid": [((), VECTOR)],
    "Tanh": [((), VECTOR)],
    "ELU": [((0.7,), VECTOR)],
    "CELU": [((0.7,), VECTOR)],
    "SELU": [((), VECTOR)],
    "GELU": [((), VECTOR), (("tanh",), VECTOR)],
    "SiLU": [((), VECTOR)],
    "Mish": [((), VECTOR)],
    "Softplus": [((2.0, 5.0), VECTOR)],
    "LogSigmoid": [((), VECTOR)],
    "Softsign": [((), VECTOR)],
    "Tanhshrink": [((), VECTOR)],
    "GLU": [((), VECTOR), ((1,), IMAGE)],
    "Softmax": [((1,), VECTOR)],
    "LogSoftmax": [((-1,), VECTOR)],
    "Softmin": [((0,), VECTOR)],
    "Softmax2d": [((), IMAGE), ((), IMAGE[1:])],
    "Conv1d": [
        ((4, 6, 3), SIGNAL),
        ((4, 6, 3, 2, 1, 2, 2, False), SIGNAL),
        ({"in_channels": 4, "out_channels": 2, "kernel_size": 4, "padding": "same"}, SIGNAL),
        ({"in_channels": 4, "out_channels": 2, "kernel_size": 3, "padding": 2,
          "padding_mode": "reflect"}, SIGNAL),
        ({"in_channels": 4, "out_channels": 2, "kernel_size": 4, "padding": "same",
          "padding_mode": "circular"}, SIGNAL),
        ((4, 6, 3), SIGNAL[1:]),
    ],
    "Conv2d": [
        ((4, 6, 3), IMAGE),
        ((4, 6, (3, 2), (2, 1), (1, 0), 1, 2), IMAGE),
        ({"in_channels": 4, "out_channels": 2, "kernel_size": 3, "padding": (1, 2),
          "padding_mode": "replicate"}, IMAGE),
        ({"in_channels": 4, "out_channels": 2, "kernel_size": (2, 3), "padding": "valid"}, IMAGE),
    ],
    "ConvTranspose1d": [((4, 6, 3), SIGNAL), ((4, 6, 3, 2, 1, 1, 2, False, 2), SIGNAL)],
    "ConvTranspose2d": [((4, 6, 3), IMAGE), ((4, 6, (3, 2), 2, 1, (1, 0)), IMAGE)],
    "MaxPool1d": [((2,), SIGNAL), ((3, 2, 1, 2), SIGNAL)],
    "MaxPool2d": [((2,), IMAGE), (((3, 2), (2, 1), (1, 0), 1, False, True), IMAGE)],
    "AvgPool1d": [((2,), SIGNAL), ((3, 2, 1, True, False), SIGNAL)],
    "AvgPool2d": [((2,), IMAGE), (((3, 2), 2, 1, False, False, 5), IMAGE)],
    "LPPool1d": [((2, 3), SIGNAL)],
    "LPPool2d": [((2, (3, 2), 2, True), IMAGE)],
    "AdaptiveAvgPool1d": [((3,), SIGNAL), ((4,), SIGNAL)],
    "AdaptiveAvgPool2d": [((3,), IMAGE), (((None, 4),), IMAGE)],
    "AdaptiveMaxPool1d": [((4,), SIGNAL)],
    "AdaptiveMaxPool2d": [(((2, 4),), IMAGE)],
    "BatchNorm1d": [((4,), VECTOR), ((4,), SIGNAL), ((4, 0.1, None, False), VECTOR),
                    ((4, 1e-3, 0.3, True, False), SIGNAL)],
    "BatchNorm2d": [((4,), IMAGE), ({"num_features": 4, "bias": False}, IMAGE)],
    "InstanceNorm1d": [((4,), SIGNAL), ((4, 1e-5, 0.2, True, True), SIGNAL), ((4,), SIGNAL[1:])],
    "InstanceNorm2d": [((4,), IMAGE), ((4, 1e-5, 0.2, True, True), IMAGE)],
    "GroupNorm": [((2, 4), VECTOR), ((2, 4), IMAGE), ((4, 4, 1e-3, False), IMAGE)],
    "LayerNorm": [((4,), VECTOR), (((6, 6), 1e-3, True, False), IMAGE), ((6, 1e-5, False), IMAGE)],
    "RMSNorm": [((4,), VECTOR), (((6, 6), 1e-3), IMAGE), ((4, None, False), VECTOR)],
    "LocalResponseNorm": [((3,), SIGNAL), ((2, 0.5, 0.6, 2.0), IMAGE)],
    "Embedding": [((7, 3), WORDS), ((7, 3, 2), WORDS)],
    "EmbeddingBag": [((7, 3), WORDS), ({"num_embeddings": 7, "embedding_dim": 3, "mode": "sum",
                     "padding_idx": 1}, WORDS)],
    "Dropout": [((), VECTOR)],
    "Dropout1d": [((0.2,), SIGNAL)],
    "Dropout2d": [((0.2, True), IMAGE)],
    "AlphaDropout": [((), VECTOR)],
    "FeatureAlphaDropout": [((), SIGNAL)],
    "ReflectionPad1d": [(((2, 1),), SIGNAL)],
    "ReflectionPad2d": [((2,), IMAGE)],
    "ReplicationPad1d": [((2,), SIGNAL)],
    "ReplicationPad2d": [(((1, 2, 3, 4),), IMAGE)],
    "CircularPad1d": [((2,), SIGNAL)],
    "CircularPad2d": [(((1, 2, 3, 4),), IMAGE)],
    "ConstantPad1d": [(((2, 1), 0.5), SIGNAL)],
    "ConstantPad2d": [((2, 0.5), IMAGE)],
    "ZeroPad1d": [((2,), SIGNAL), (((1, 0),), VECTOR)],
    "ZeroPad2d": [(((1, -1, 0, 2),), IMAGE)],
    "PixelShuffle": [((2,), IMAGE)],
    "PixelUnshuffle": [((2,), IMAGE)],
    "ChannelShuffle": [((2,), IMAGE)],
    "Fold": [(((5, 4), 2), (2, 12, 12))],
    "Unfold": [(((2, 3), 1, 1, 2), IMAGE)],
    "Upsample": [((), IMAGE), ({"scale_factor": 1.5, "mode": "bilinear"}, IMAGE)],
    "UpsamplingNearest2d": [({"scale_factor": 2}, IMAGE)],
    "UpsamplingBilinear2d": [((9,), IMAGE)],
    "CosineSimilarity": [((), (VECTOR, VECTOR))],
    "PairwiseDistance": [((1.0, 1e-3, True), (VECTOR, VECTOR))],
}  # fmt: skip
LAYERS["Upsample"][0] = ((9,), IMAGE)
CASES = [(name, *case) for name, cases in LAYERS.items() for case in cases]


IN_32_BITS = {"Hardsigmoid", "Hardswish", "CELU"}  # PyTorch has 1/6 and 1/alpha so


def made(cls, arguments):
    return cls(**arguments) if isinstance(arguments, dict) else cls(*arguments)


def pair(name, arguments):
    """The layer here with the state of PyTorch's, both in float64."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    theirs = made(getattr(torch.nn, name), arguments).double()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.randn(parameter.shape))
    ours = made(getattr(nn, name), arguments).double()
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    return ours, theirs


def inputs(shape):
    if shape == WORDS:
        return [peer.whole(7, 3, 4)]
    shapes = shape if isinstance(shape[0], tuple) else [shape]
    return [peer.distinct(*s, seed=i) for i, s in enumerate(shapes)]


def computed(layer):
    """The layer behind a product, so that none writes into a leaf in place."""
    return lambda *x: layer(*(v * 1 if v.is_floating_point() else v for v in x))


@pytest.mark.parametrize("name, arguments, shape", CASES, ids=str)
def test_like_pytorch(name, arguments, shape):
    """Values and gradients in use, and while learning where nothing is random."""
    ours, theirs = pair(name, arguments)
    random = "Dropout" in name or name == "RReLU"
    tolerance = 1e-7 if name in IN_32_BITS else 1e-9
    for training in (False,) if random else (False, True, True):
        ours.train(training), theirs.train(training)
        x = inputs(shape)
        peer.same(
            computed(ours), computed(theirs), *x,
            second=False, tolerance=tolerance, also_strided=False,
        )  # fmt: skip
        for key, value in theirs.state_dict().items():
            np.testing.assert_allclose(ours.state_dict()[key], value, 1e-12, err_msg=key)


@pytest.mark.parametrize("name, arguments, shape", CASES, ids=str)
def test_parameters_and_repr(name, arguments, shape):
    ours, theirs = pair(name, arguments)
    assert repr(ours) == repr(theirs)
    assert [(n, tuple(p.shape)) for n, p in ours.named_parameters()] == [
        (n, tuple(p.shape)) for n, p in theirs.named_parameters()
    ]
    assert list(ours.state_dict()) == list(theirs.state_dict())
    again = nn.build(nn.describe(ours))
    assert repr(again) == repr(ours)


@pytest.mark.parametrize("name", LAYERS)
def test_parameters_are_declared_at_the_top(name):
    layer = made(getattr(nn, name), LAYERS[name][0][0])
    declared = {key for cls in type(layer).__mro__ for key in inspect.get_annotations(cls)}
    own = [n for n, _ in [*layer.named_parameters(), *layer.named_buffers()]]
    assert set(own) <= declared


@pytest.mark.parametrize(
    "layer, fan",
    [
        (nn.Conv1d(4, 30, 5, groups=2), 10),
        (nn.Conv2d(4, 30, (3, 2)), 24),
        (nn.ConvTranspose1d(4, 30, 5), 150),
    ],
)
def test_initial_weights_of_convolutions(layer, fan):
    """Evenly within 1/sqrt(fan), as PyTorch's kaiming_uniform_(a=sqrt(5))."""
    weight, bias = layer.parameters()
    assert 0.9 * fan**-0.5 < weight.abs().max() <= fan**-0.5
    assert bias.abs().max() <= fan**-0.5
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.nn, type(layer).__name__)
    same = theirs(layer.in_channels, layer.out_channels, layer.kernel_size, groups=layer.groups)
    assert 0.9 * fan**-0.5 < same.weight.abs().max() <= fan**-0.5


def test_running_statistics_after_several_steps():
    torch = pytest.importorskip("torch")
    for momentum in (0.1, 1.0, None):
        ours, theirs = (
            nn.BatchNorm2d(3, momentum=momentum),
            torch.nn.BatchNorm2d(3, momentum=momentum),
        )
        ours.double(), theirs.double()
        for step in range(5):
            x = 2 * peer.real(4, 3, 2, 2, seed=step) + step
            ours(gg.tensor(x)), theirs(torch.tensor(x))
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), 1e-13)
        x = peer.real(4, 3, 2, 2)
        used, expected = ours.eval()(gg.tensor(x)), theirs.eval()(torch.tensor(x))
        np.testing.assert_allclose(used.detach(), expected.detach(), 1e-12)
        before = ours.running_mean.tolist()
        ours(gg.tensor(x))
        assert ours.running_mean.tolist() == before, "eval() leaves the statistics alone"
        ours.reset_running_stats()
        assert ours.running_var.tolist() == [1, 1, 1]


def test_dropout_is_for_training_only():
    gg.manual_seed(0)
    x = gg.ones(1000)
    layer = nn.Dropout(0.25)
    y = layer(x)
    assert 200 < (y == 0).sum() < 300
    assert (layer.eval()(x) == x).all()
    assert nn.RReLU().eval()(gg.tensor([-48.0])).item() == pytest.approx(-11)
    assert nn.RReLU()(gg.tensor([-48.0])) != nn.RReLU()(gg.tensor([-48.0]))


def test_max_pool_and_unpool():
    x = gg.tensor([[[1.0, 5, 3, 2]]])
    y, index = nn.MaxPool1d(2, return_indices=True)(x)
    assert nn.MaxUnpool1d(2)(y, index).tolist() == [[[0, 5, 3, 0]]]
    image = gg.arange(16.0).reshape(1, 1, 4, 4)
    y, index = nn.MaxPool2d(2, return_indices=True)(image)
    assert nn.MaxUnpool2d(2)(y, index)[0, 0, 1].tolist() == [0, 5, 0, 7]
    y, index = nn.AdaptiveMaxPool1d(2, return_indices=True)(x)
    assert index.tolist() == [[[1, 2]]]


def test_output_size_of_transposed_convolutions():
    torch = pytest.importorskip("torch")
    ours, theirs = pair("ConvTranspose2d", (2, 3, 3, 3))
    x = peer.real(1, 2, 4, 5)
    for size in [(12, 15), (1, 3, 14, 17)]:
        y = ours(gg.tensor(x), output_size=size)
        np.testing.assert_allclose(y.detach(), theirs(torch.tensor(x), output_size=size).detach())
    with pytest.raises(ValueError, match=r"\[12, 15\] to \[14, 17\]"):
        ours(gg.tensor(x), output_size=(9, 9))


def test_embedding_tables():
    table = gg.tensor([[1.0, 2.0], [3.0, 4.0]])
    layer = nn.Embedding.from_pretrained(table)
    assert layer(gg.tensor([1])).tolist() == [[3, 4]]
    assert not layer.weight.requires_grad
    assert nn.Embedding.from_pretrained(table, freeze=False).weight.requires_grad
    bag = nn.EmbeddingBag.from_pretrained(table, mode="sum")
    assert bag(gg.tensor([0, 1, 1]), gg.tensor([0, 1])).tolist() == [[1, 2], [6, 8]]
    assert nn.Embedding(3, 2, padding_idx=-1).weight[2].tolist() == [0, 0]
    assert nn.Embedding(3, 2, padding_idx=-1).padding_idx == 2


LECTURE = """Sequential(
  (0): Conv1d(1, 2, kernel_size=(3,), stride=(1,))
  (1): ReLU()
  (2): MaxPool1d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
  (3): Flatten(start_dim=1, end_dim=-1)
  (4): Linear(in_features=6, out_features=1, bias=True)
)"""


def test_a_convolutional_network_learns():
    gg.manual_seed(0)
    net = nn.Sequential(
        nn.Conv1d(1, 2, 3), nn.ReLU(), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(6, 1)
    )
    assert repr(net) == LECTURE
    x = gg.rand(20, 1, 8)
    y = x[:, :, 2:5].sum((1, 2), keepdim=True).squeeze(2)
    losses = []
    for _ in range(200):
        net.zero_grad()
        loss = nn.MSELoss()(net(x), y)
        loss.backward()
        with gg.no_grad():
            for p in net.parameters():
                p -= 0.05 * p.grad
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]


ERRORS = [
    (lambda: nn.Conv1d(3, 4, 2, groups=2), ValueError, "3 is not by 2"),
    (lambda: nn.Conv1d(3, 4, 2, padding="full"), ValueError, "'full'"),
    (lambda: nn.Conv1d(3, 4, 2, 2, "same"), ValueError, "strided"),
    (lambda: nn.Conv1d(3, 4, 2, padding_mode="mirror"), ValueError, "'mirror'"),
    (lambda: nn.Conv1d(3, 4, 2)(gg.ones(1, 2, 9)), gg.ShapeError, r"3 .*2"),
    (lambda: nn.ConvTranspose1d(3, 4, 2, padding_mode="reflect"), ValueError, "zeros"),
    (lambda: nn.BatchNorm1d(3)(gg.ones(2, 4)), gg.ShapeError, "3.*4"),
    (lambda: nn.BatchNorm1d(3)(gg.ones(2, 3, 4, 5)), gg.ShapeError, "2D or 3D"),
    (lambda: nn.BatchNorm2d(3)(gg.ones(2, 3)), gg.ShapeError, "4D"),
    (lambda: nn.BatchNorm1d(3)(gg.ones(1, 3)), gg.ShapeError, r"eval\(\)"),
    (lambda: nn.InstanceNorm2d(3)(gg.ones(2, 4, 5, 5)), gg.ShapeError, "3.*4"),
    (lambda: nn.GroupNorm(2, 3), ValueError, "divisible"),
    (lambda: nn.Embedding(3, 2, 5), IndexError, "padding_idx 5"),
    (lambda: nn.Embedding(3, 2, _weight=gg.ones(2, 2)), gg.ShapeError, r"f32\[2, 2\]"),
    (lambda: nn.Embedding(3, 2)(gg.tensor([3])), IndexError, "3 in row 0"),
    (lambda: nn.Dropout(2.0), ValueError, "between 0 and 1"),
    (lambda: nn.Hardtanh(1.0, 0.0), ValueError, "max_val"),
    (lambda: nn.Softmax()(gg.ones(2, 3)), TypeError, "dim=1"),
    (lambda: nn.Softmax2d()(gg.ones(2, 3)), ValueError, "3D or 4D"),
    (lambda: nn.ReflectionPad1d(1)(gg.ones(4)), gg.ShapeError, r"f32\[4\]"),
    (lambda: nn.Conv2d(1, 1, 2, device="cuda"), RuntimeError, "cuda"),
]


@pytest.mark.parametrize("call, error, text", ERRORS)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_an_error_names_the_layer():
    net = nn.Sequential(nn.Conv1d(1, 2, 3), nn.ReLU(), nn.Conv1d(3, 4, 3))
    with pytest.raises(gg.ShapeError, match=r"2 \(Conv1d\).*3.*2"):
        net(gg.ones(1, 1, 9))
