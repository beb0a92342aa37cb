"""Whole networks, written once for both libraries: text, names, values and gradients agree."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from networks import close, with_equal_weights


def digits(nn):
    """A convolutional network for images of 12 x 12."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, kernel_size=(3, 2), stride=(1, 2), bias=False),
        nn.LeakyReLU(0.2),
        nn.AdaptiveAvgPool2d((2, 2)),
        nn.Flatten(),
        nn.Dropout(0.0),
        nn.Linear(24, 10),
        nn.LogSoftmax(dim=1),
    )


def residual(nn):
    """Blocks in a list, added up."""

    class Block(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.norm = nn.LayerNorm(width)
            self.inner = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU())
            self.back = nn.Linear(2 * width, width)

        def forward(self, x):
            return x + self.back(self.inner(self.norm(x)))

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.ModuleList([Block(6) for _ in range(3)])
            self.heads = nn.ModuleDict({"mean": nn.Linear(6, 1), "rate": nn.Linear(6, 2)})

        def forward(self, x):
            for block in self.blocks:
                x = block(x)
            return self.heads["mean"](x) * self.heads["rate"](x).tanh()

    return Residual()


def text(nn):
    """Characters through an embedding and a convolution along the line."""

    class Text(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(9, 5, padding_idx=0)
            self.convolution = nn.Conv1d(5, 7, 3, padding="same")
            self.norm = nn.GroupNorm(7, 7)
            self.output = nn.Linear(7, 3)

        def forward(self, x):
            h = self.norm(self.convolution(self.embedding(x).transpose(1, 2)))
            return self.output(h.amax(2))

    return Text()


def decoder(nn):
    """From a code back to an image."""
    return nn.Sequential(
        nn.Linear(3, 2 * 3 * 3),
        nn.Unflatten(1, (2, 3, 3)),
        nn.ConvTranspose2d(2, 4, 3, stride=2, output_padding=1),
        nn.PReLU(4),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(4, 1, 1),
        nn.Sigmoid(),
    )


def tied(nn):
    """The way out uses the weight of the way in."""

    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.inwards = nn.Linear(4, 4)
            self.outwards = nn.Linear(4, 4)
            self.outwards.weight = self.inwards.weight

        def forward(self, x):
            return self.outwards(self.inwards(x).sin())

    return Tied()


MODELS = {  # model, and the input: a shape of real numbers, or of class numbers below a bound
    "digits": (digits, (3, 1, 12, 12), None),
    "residual": (residual, (2, 5, 6), None),
    "text": (text, (4, 8), 9),
    "decoder": (decoder, (2, 3), None),
    "tied": (tied, (5, 4), None),
}


def given(size, bound):
    random = np.random.default_rng(3)
    return random.normal(size=size) if bound is None else random.integers(0, bound, size)


@pytest.mark.parametrize("make, size, bound", MODELS.values(), ids=MODELS)
def test_against_pytorch(make, size, bound):
    torch = pytest.importorskip("torch")
    ours, theirs = with_equal_weights(make(nn), make(torch.nn))
    assert repr(ours) == repr(theirs)
    x = given(size, bound)
    for training in (True, False):
        ours.train(training), theirs.train(training)
        y, z = ours(gg.tensor(x)), theirs(torch.tensor(x))
        assert close(y, z, 1e-10)
        y.square().sum().backward()
        z.square().sum().backward()
    names = [n for n, _ in theirs.named_parameters()]
    assert [n for n, _ in ours.named_parameters()] == names
    for p, q in zip(ours.parameters(), theirs.parameters()):
        assert close(p.grad, q.grad, 1e-9)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for key, value in theirs.state_dict().items():
        assert close(ours.state_dict()[key], value, 1e-10)


@pytest.mark.parametrize("make, size, bound", MODELS.values(), ids=MODELS)
def test_checked_before_data_runs(make, size, bound):
    model = make(nn)
    before = {key: x.tolist() for key, x in model.state_dict().items()}
    expected = model.eval()(gg.tensor(given(size, bound)).to(gg.int64 if bound else gg.float32))
    assert nn.check(model.train(), size[1:]) == expected.shape[1:]
    assert {key: x.tolist() for key, x in model.state_dict().items()} == before


@pytest.mark.parametrize("make", [digits, decoder])
def test_described_and_built(make):
    model = make(nn).eval()
    again = nn.build(nn.describe(model)).eval()
    again.load_state_dict(model.state_dict())
    x = gg.tensor(given(next(s for m, s, _ in MODELS.values() if m is make), None)).float()
    assert repr(again) == repr(model)
    assert again(x).tolist() == model(x).tolist()
