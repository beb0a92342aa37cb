"""Losses as modules: each has PyTorch's arguments and calls its function."""

import numpy as np
import pytest

import glassgrad as gg
import peer
from glassgrad import nn

W = peer.unit(4, seed=9)
REAL, UNIT = peer.real(5, 4), peer.unit(5, 4, seed=1)
LABELS, SIGNS = peer.whole(4, 5), peer.signs(5, 4)
OTHER = peer.real(5, 4, seed=3)

CASES = [  # class, arguments, what it is called with
    ("CrossEntropyLoss", {}, (REAL, LABELS)),
    ("CrossEntropyLoss", {"weight": W, "ignore_index": 2, "label_smoothing": 0.1}, (REAL, LABELS)),
    ("NLLLoss", {"weight": W, "ignore_index": 2}, (REAL, LABELS)),
    ("BCELoss", {"weight": W}, (UNIT, UNIT[::-1].copy())),
    ("BCEWithLogitsLoss", {"weight": W, "pos_weight": W}, (REAL, UNIT)),
    ("KLDivLoss", {"reduction": "batchmean"}, (REAL, UNIT)),
    ("KLDivLoss", {"log_target": True}, (REAL, OTHER)),
    ("MSELoss", {}, (REAL, OTHER)),
    ("L1Loss", {}, (REAL, OTHER)),
    ("SmoothL1Loss", {"beta": 0.5}, (REAL, OTHER)),
    ("HuberLoss", {"delta": 0.5}, (REAL, OTHER)),
    ("PoissonNLLLoss", {"full": True}, (REAL, 4 * UNIT)),
    ("PoissonNLLLoss", {"log_input": False, "eps": 1e-3}, (UNIT, 4 * UNIT)),
    ("GaussianNLLLoss", {"full": True, "eps": 0.3}, (REAL, OTHER, UNIT)),
    ("SoftMarginLoss", {}, (REAL, SIGNS)),
    ("HingeEmbeddingLoss", {"margin": 0.4}, (REAL, SIGNS)),
    ("MarginRankingLoss", {"margin": 0.4}, (REAL, OTHER, SIGNS)),
    ("CosineEmbeddingLoss", {"margin": 0.4}, (REAL, OTHER, SIGNS[:, 0])),
    ("MultiMarginLoss", {"p": 2, "margin": 0.4, "weight": W}, (REAL, LABELS)),
    ("MultiLabelMarginLoss", {}, (REAL[:4], np.array([[1, -1, 0, 0], [3, 0, -1, 1]] * 2))),
    ("MultiLabelSoftMarginLoss", {"weight": W}, (REAL, UNIT)),
    ("TripletMarginLoss", {"margin": 0.4, "p": 1.0, "swap": True}, (REAL, OTHER, UNIT)),
    ("TripletMarginWithDistanceLoss", {"margin": 0.4}, (REAL, OTHER, UNIT)),
]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name, arguments, given", CASES, ids=lambda v: v if type(v) is str else "")
def test_like_pytorch(name, arguments, given, reduction):
    torch = pytest.importorskip("torch")
    arguments = {"reduction": reduction} | arguments

    def criterion(module, tensor):
        own = {k: tensor(v) if isinstance(v, np.ndarray) else v for k, v in arguments.items()}
        return getattr(module, name)(**own)

    ours, theirs = criterion(nn, gg.tensor), criterion(torch.nn, torch.tensor)
    fixed = name in ("PoissonNLLLoss", "SoftMarginLoss", "HingeEmbeddingLoss")
    fixed = fixed or "Ranking" in name or "CosineEmbedding" in name
    behind = given[-1:] if fixed else ()
    peer.same(
        lambda *x: ours(*x, *map(gg.tensor, behind)),
        lambda *x: theirs(*x, *map(torch.tensor, behind)),
        *given[: len(given) - len(behind)],
        second=False,
    )
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())


@pytest.mark.parametrize("reduction, expected", [("sum", 2), ("mean", 0.5), ("none", [0, 1, 0, 1])])
def test_reductions_of_the_zero_one_loss(reduction, expected):
    """It counts mistakes (lecture H)."""
    scores = gg.tensor([[2.0, 1.0], [2.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    loss = nn.ZeroOneLoss(reduction=reduction)(scores, gg.tensor([0, 1, 1, 0]))
    assert loss.tolist() == expected


@pytest.mark.parametrize("labels", [(-1, 1), (0, 1)])
def test_logistic_loss(labels):
    """Mean loss and mean gradient over a set, for both codes of labels (lecture H, row H4)."""
    f = np.array([-2.0, 0.5, 3.0])
    y = np.array([1.0, -1.0, 1.0])
    scores = gg.tensor(f, requires_grad=True)
    coded = gg.tensor(y if labels == (-1, 1) else (y + 1) / 2)
    loss = nn.LogisticLoss(labels)(scores, coded)
    assert loss.item() == pytest.approx(np.log1p(np.exp(-y * f)).mean())
    loss.backward()
    np.testing.assert_allclose(scores.grad, -y / (1 + np.exp(y * f)) / 3, rtol=1e-12)
    counted = nn.LogisticLoss(labels)(scores, coded.long())
    assert counted.item() == pytest.approx(loss.item()), "labels may be integers"


def test_square_loss():
    """(a - y)^2, for labels in {-1, 1} a function of the margin (lecture H, row H4)."""
    f, y = gg.tensor([-2.0, 0.5, 3.0], requires_grad=True), gg.tensor([1.0, -1.0, 1.0])
    loss = nn.SquareLoss()(f, y)
    assert loss.item() == pytest.approx((9 + 2.25 + 4) / 3)
    assert loss.item() == pytest.approx(((1 - y * f) ** 2).mean().item())
    loss.backward()
    np.testing.assert_allclose(f.grad, [-2.0, 1.0, 4 / 3], rtol=1e-6)


def test_losses_of_the_lectures():
    scores, labels = gg.tensor([[1.0, 3.0]]), gg.tensor([0])
    assert nn.PerceptronLoss()(scores, labels).item() == 2
    assert nn.HingeLoss(0.5)(gg.tensor([0.2]), gg.tensor([1.0])).item() == pytest.approx(0.3)
    mask = gg.tensor([[[[1.0, 0.0]]]])
    assert nn.JaccardLoss()(mask, mask).item() == 0
    assert nn.DiceLoss()(mask, 1 - mask).item() == pytest.approx(1)


def test_weights_are_kept_and_saved():
    loss = nn.CrossEntropyLoss(gg.tensor([1.0, 2.0]))
    assert list(loss.state_dict()) == ["weight"]
    assert loss.double().weight.dtype == gg.float64
    assert list(nn.CrossEntropyLoss().state_dict()) == []


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: nn.LogisticLoss((1, 2)), r"\(1, 2\)"),
        (lambda: nn.LogisticLoss()(gg.ones(2), gg.zeros(2)), r"2 \* y - 1"),
        (lambda: nn.LogisticLoss((0, 1))(gg.ones(2), -gg.ones(2)), "label 0 or 1"),
        (lambda: nn.LogisticLoss()(gg.ones(2, 1), gg.ones(2)), r"target\.reshape\(2, 1\)"),
        (lambda: nn.MSELoss()(gg.ones(2, 1), gg.ones(2)), r"target\.reshape\(2, 1\)"),
        (lambda: nn.MultiMarginLoss(3), "p == 2"),
        (lambda: nn.TripletMarginLoss(0.0), "margin"),
        (lambda: nn.TripletMarginWithDistanceLoss(margin=-1.0), "margin"),
        (lambda: nn.MSELoss(reduction="average")(gg.ones(2), gg.ones(2)), "'average'"),
    ],
)
def test_errors(call, text):
    with pytest.raises((ValueError, RuntimeError), match=text):
        call()
