"""Losses against PyTorch: every reduction and weight, and the numbers of the lectures."""

import math

import numpy as np
import pytest

import glassgrad as gg
import peer
from glassgrad.nn import functional as F

REDUCTIONS = ["mean", "sum", "none"]
POSITIVE = peer.unit(3, 4, seed=5)

# name, arrays, arguments; tensors among the arguments are given as arrays
ELEMENTWISE = [
    ("mse_loss", "real real", {}),
    ("mse_loss", "real real", {"weight": POSITIVE}),
    ("l1_loss", "real real", {}),
    ("l1_loss", "real real", {"weight": POSITIVE}),
    ("smooth_l1_loss", "real real", {}),
    ("smooth_l1_loss", "real real", {"beta": 0.3}),
    ("smooth_l1_loss", "real real", {"beta": 0}),
    ("huber_loss", "real real", {}),
    ("huber_loss", "real real", {"delta": 0.3}),
    ("huber_loss", "real real", {"delta": 0.3, "weight": POSITIVE}),
    ("binary_cross_entropy", "unit unit", {}),
    ("binary_cross_entropy", "unit unit", {"weight": POSITIVE}),
    ("binary_cross_entropy_with_logits", "real unit", {}),
    ("binary_cross_entropy_with_logits", "real unit", {"weight": POSITIVE}),
    ("binary_cross_entropy_with_logits", "real unit", {"pos_weight": POSITIVE[0]}),
    ("kl_div", "real unit", {}),
    ("kl_div", "real real", {"log_target": True}),
    ("poisson_nll_loss", "real count", {}),
    ("poisson_nll_loss", "unit count", {"log_input": False, "eps": 1e-3}),
    ("poisson_nll_loss", "real count", {"full": True}),
    ("gaussian_nll_loss", "real real", {"var": POSITIVE}),
    ("gaussian_nll_loss", "real real", {"var": POSITIVE[:, :1], "full": True}),
    ("gaussian_nll_loss", "real real", {"var": POSITIVE[:, 0], "eps": 0.5}),
    ("gaussian_nll_loss", "real real", {"var": 0.7}),
    ("hinge_embedding_loss", "real sign", {"margin": 0.7}),
    ("soft_margin_loss", "real sign", {}),
    ("multilabel_soft_margin_loss", "real unit", {}),
    ("multilabel_soft_margin_loss", "real unit", {"weight": POSITIVE[0]}),
]
DRAW = {
    "real": peer.real,
    "unit": peer.unit,
    "sign": peer.signs,
    "count": lambda *s, seed: peer.whole(5, *s, seed=seed).astype(float),
}
NO_TARGET_GRADIENT = {"sign", "count"}


def both(name, call, fixed):
    """The function here and in PyTorch; arrays in `fixed` come behind the first input."""
    torch = pytest.importorskip("torch")

    def of(functional, tensor):
        own = {k: tensor(v) if isinstance(v, np.ndarray) else v for k, v in call.items()}
        behind = [tensor(a) for a in fixed]
        return lambda *x: getattr(functional, name)(*x, *behind, **own)

    return of(F, gg.tensor), of(torch.nn.functional, torch.tensor)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name, kinds, call", ELEMENTWISE, ids=str)
def test_elementwise(name, kinds, call, reduction):
    first, second = kinds.split()
    x, y = DRAW[first](3, 4, seed=1), DRAW[second](3, 4, seed=2)
    fixed = second in NO_TARGET_GRADIENT
    pair = both(name, call | {"reduction": reduction}, [y] if fixed else [])
    peer.same(*pair, x, *[y] * (not fixed))


@pytest.mark.parametrize("shape", [(), (1,), (7, 1), (2, 3, 5)], ids=str)
def test_any_shape(shape):
    for name in ("mse_loss", "smooth_l1_loss", "binary_cross_entropy_with_logits"):
        peer.same(*both(name, {}, [peer.unit(*shape)]), peer.real(*shape))


def test_kl_div_of_rows():
    x, t = peer.real(3, 4), peer.unit(3, 4)
    t[0, 0] = 0
    peer.same(*both("kl_div", {"reduction": "batchmean"}, [t]), x)


LABELLED = [  # x, labels, arguments
    ((5, 4), (5,), {}),
    ((5, 4), (5,), {"weight": POSITIVE[0]}),
    ((5, 4), (5,), {"ignore_index": 2}),
    ((5, 4), (5,), {"ignore_index": 1, "weight": POSITIVE[0]}),
    ((1, 1), (1,), {}),
    ((4,), (), {}),
    ((2, 4, 3), (2, 3), {}),
    ((2, 4, 3, 2), (2, 3, 2), {"weight": POSITIVE[0], "ignore_index": 0}),
]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("x, labels, call", LABELLED, ids=str)
def test_cross_entropy(x, labels, call, smoothing, reduction):
    call = call | {"reduction": reduction, "label_smoothing": smoothing}
    pair = both("cross_entropy", call, [peer.whole(x[min(1, len(x) - 1)], *labels)])
    peer.same(*pair, 3 * peer.real(*x))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("x, labels, call", LABELLED, ids=str)
def test_nll_loss(x, labels, call, reduction):
    labels = peer.whole(x[min(1, len(x) - 1)], *labels)
    peer.same(*both("nll_loss", call | {"reduction": reduction}, [labels]), peer.real(*x))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(5, 4), (4,), (2, 4, 3)], ids=str)
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("weight", [None, POSITIVE[0]], ids=["plain", "weight"])
def test_cross_entropy_of_probabilities(shape, smoothing, weight, reduction):
    call = {"reduction": reduction, "label_smoothing": smoothing, "weight": weight}
    peer.same(*both("cross_entropy", call, []), peer.real(*shape), peer.unit(*shape, seed=1))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    "call", [{}, {"p": 2}, {"margin": 0.3}, {"p": 2, "weight": POSITIVE[0]}], ids=str
)
def test_multi_margin(call, reduction):
    for x, labels in [((5, 4), (5,)), ((4,), ())]:
        pair = both("multi_margin_loss", call | {"reduction": reduction}, [peer.whole(4, *labels)])
        peer.same(*pair, peer.real(*x), second=False)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_multilabel_margin(reduction):
    labels = np.array([[3, 0, -1, 1], [-1, 2, 2, 2], [0, 1, 2, 3], [2, -1, -1, -1]])
    call = {"reduction": reduction}
    peer.same(*both("multilabel_margin_loss", call, [labels]), peer.real(4, 4), second=False)
    peer.same(*both("multilabel_margin_loss", call, [labels[0]]), peer.real(4), second=False)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_pairs(reduction):
    call = {"margin": 0.2, "reduction": reduction}
    one, two = peer.real(5, 3), peer.real(5, 3, seed=1)
    peer.same(*both("margin_ranking_loss", call, [peer.signs(5, 3)]), one, two)
    peer.same(*both("cosine_embedding_loss", call, [peer.signs(5)]), one, two)
    peer.same(*both("cosine_embedding_loss", call, [np.array(-1.0)]), one[0], two[0])


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("call", [{}, {"swap": True}, {"p": 3, "margin": 0.5}], ids=str)
def test_triplets(call, reduction):
    arrays = [peer.real(5, 3, seed=s) for s in range(3)]
    peer.same(*both("triplet_margin_loss", call | {"reduction": reduction}, []), *arrays)


def test_triplets_with_a_distance():
    torch = pytest.importorskip("torch").nn.functional
    arrays = [peer.real(5, 3, seed=s) for s in range(3)]

    def distance(a, b):
        return (a - b).abs().sum(1)

    peer.same(
        lambda *a: F.triplet_margin_with_distance_loss(*a, distance_function=distance),
        lambda *a: torch.triplet_margin_with_distance_loss(*a, distance_function=distance),
        *arrays,
    )


# ---- numbers that are hard


def finite(loss, x, order=2):
    """The value, and the gradient and its derivative, which must be finite."""
    for _ in range(order):
        (g,) = gg.autograd.grad(loss, x, create_graph=True)
        assert np.isfinite(g.detach().numpy()).all()
        loss = g.sum()


@pytest.mark.parametrize("size", [1e3, 1e30])
def test_large_scores(size):
    x = gg.tensor([size, -size], dtype=gg.float64, requires_grad=True)
    for labels, expected in [([1.0, 0.0], [0, 0]), ([0.0, 1.0], [size, size])]:
        y = gg.tensor(labels, dtype=gg.float64)
        losses = F.binary_cross_entropy_with_logits(x, y, reduction="none")
        assert losses.tolist() == expected
        finite(losses.sum(), x)
        assert F.soft_margin_loss(x, 2 * y - 1, reduction="none").tolist() == expected
    rows = x.reshape(1, 2)
    for label, expected in [(0, 0), (1, 2 * size)]:
        loss = F.cross_entropy(rows, gg.tensor([label]))
        assert loss.item() == expected
        finite(loss, x)


def test_small_losses_keep_their_digits():
    """ln(1 + e^-20) is not 0 in 32 bits."""
    x = gg.tensor([20.0])
    loss = F.binary_cross_entropy_with_logits(x, gg.ones(1)).item()
    assert loss == pytest.approx(math.log1p(math.exp(-20)), rel=1e-6)


@pytest.mark.parametrize("row", [[-np.inf, 0, 1], [np.inf, 0, 1], [-np.inf] * 3, [np.nan, 0, 1]])
@pytest.mark.parametrize("label", [0, 1])
def test_infinite_scores(row, label):
    peer.same(*both("cross_entropy", {}, [np.array([label])]), np.array([row]), second=False)


def test_certain_probabilities():
    """Logarithms stop at -100 and slopes at 1e12, as in PyTorch."""
    p, y = np.array([0.0, 1.0, 0.0, 1.0, 1e-20]), np.array([0.0, 1.0, 1.0, 0.0, 1.0])
    peer.same(
        *both("binary_cross_entropy", {"reduction": "none"}, [y]), p, second=False, tolerance=1e-8
    )


def test_empty_and_all_ignored():
    x = gg.zeros(0, 3, requires_grad=True)
    none = gg.zeros(0, dtype=gg.int64)
    assert math.isnan(F.cross_entropy(x, none).item())
    assert F.cross_entropy(x, none, reduction="sum").item() == 0
    loss = F.cross_entropy(gg.zeros(2, 3), gg.tensor([-100, -100]))
    assert math.isnan(loss.item())
    assert math.isnan(F.mse_loss(gg.zeros(0), gg.zeros(0)).item())


# ---- the lectures


def test_gradient_of_cross_entropy_is_softmax_minus_one_hot():
    """exp(z - L) - I with L = ln sum exp z (lecture H, row H11)."""
    z = gg.tensor([[1.0, -2.0, 0.5], [0.0, 3.0, 3.0]], dtype=gg.float64, requires_grad=True)
    labels = gg.tensor([2, 0])
    F.cross_entropy(z, labels, reduction="sum").backward()
    values = z.detach().numpy()
    L = np.log(np.exp(values).sum(1, keepdims=True))
    expected = np.exp(values - L) - np.eye(3)[[2, 0]]
    np.testing.assert_allclose(z.grad, expected, rtol=1e-12)


def test_two_classes_are_the_logistic_loss():
    """softmax over z = [0, f] is the sigmoid of f (lecture H)."""
    f, y = gg.tensor(peer.real(6)), gg.tensor(peer.whole(2, 6))
    z = F.pad(f.reshape(-1, 1), (1, 0))
    expected = np.log1p(np.exp(-(2 * y.numpy() - 1) * f.numpy()))
    for losses in (
        F.cross_entropy(z, y, reduction="none"),
        F.binary_cross_entropy_with_logits(f, y.double(), reduction="none"),
        F.soft_margin_loss(f, 2 * y.double() - 1, reduction="none"),
    ):
        np.testing.assert_allclose(losses, expected, rtol=1e-12)


def test_zero_one_loss():
    """0 when the class of the label is the most probable (lecture H, row H12)."""
    x = gg.tensor([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]])
    assert F.zero_one_loss(x, gg.tensor([1, 2]), reduction="none").tolist() == [0, 1]
    scores = gg.tensor([-0.5, 2.0, 3.0])
    assert F.zero_one_loss(scores, gg.tensor([0.0, 1.0, 0.0])).item() == pytest.approx(1 / 3)
    assert F.zero_one_loss(scores, gg.tensor([-1, 1, -1]), reduction="sum").item() == 1


def test_hinge_and_perceptron():
    x = gg.tensor([0.3, -2.0, 2.0])
    assert F.hinge_loss(x, gg.tensor([1.0, 1, 1]), reduction="none").tolist() == pytest.approx(
        [0.7, 3, 0]
    )
    z = gg.tensor([[1.0, 4.0, 2.0], [5.0, 0.0, 1.0]], requires_grad=True)
    F.perceptron_loss(z, gg.tensor([2, 0]), reduction="sum").backward()
    assert z.grad.tolist() == [[0, 1, -1], [0, 0, 0]], "error vector of the perceptron (lecture J)"


def test_jaccard_and_dice_of_masks():
    """With certain masks they are 1 minus the indices (lecture R, row R3)."""
    found = gg.tensor([[[[1.0, 1.0], [1.0, 0.0]]]])
    truth = gg.tensor([[[[1.0, 0.0], [1.0, 1.0]]]])
    assert F.jaccard_loss(found, truth).item() == pytest.approx(1 - 2 / 4)
    assert F.dice_loss(found, truth).item() == pytest.approx(1 - 2 * 2 / 6)
    assert F.jaccard_loss(found, found).item() == pytest.approx(0, abs=1e-6)
    empty = gg.zeros(1, 1, 2, 2)
    assert F.dice_loss(empty, empty).item() == 0


def test_segmentation_by_class_numbers():
    scores = gg.tensor(peer.real(2, 3, 4, 5), requires_grad=True)
    labels = gg.tensor(peer.whole(3, 2, 4, 5))
    masks = F.one_hot(labels, 3).movedim(-1, 1).double()
    p = scores.softmax(1)
    for loss in (F.jaccard_loss, F.dice_loss):
        assert loss(p, labels, reduction="none").shape == (2, 3)
        np.testing.assert_allclose(loss(p, labels).item(), loss(p, masks).item(), rtol=1e-12)
    assert gg.autograd.gradcheck(lambda x: F.dice_loss(x.softmax(1), labels), scores)
    assert gg.autograd.gradcheck(lambda x: F.jaccard_loss(x.softmax(1), labels), scores)


# ---- errors


x, y = gg.ones(4, 1), gg.ones(4)
z, labels = gg.zeros(4, 3), gg.tensor([0, 1, 2, 0])
reshape = r"f32\[4, 1\] and targets f32\[4\].*\[4, 4\]\. Write target\.reshape\(4, 1\)"
ELEMENTS = ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "soft_margin_loss",
            "binary_cross_entropy", "binary_cross_entropy_with_logits", "poisson_nll_loss",
            "hinge_embedding_loss", "hinge_loss", "kl_div"]  # fmt: skip


@pytest.mark.parametrize("name", ELEMENTS)
def test_a_missing_reshape_is_shown(name):
    with pytest.raises(gg.ShapeError, match=reshape) as caught:
        getattr(F, name)(x, y)
    assert isinstance(caught.value, ValueError)
    assert name in str(caught.value)
    with pytest.raises(ValueError, match="reduction"):
        getattr(F, name)(y * 0.5, y, reduction="average")


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda: F.cross_entropy(z, labels + 1), IndexError, "3 in row 2.*0 to 2"),
        (lambda: F.cross_entropy(z, labels - 1), IndexError, "-1 in row 0"),
        (lambda: F.nll_loss(z, labels + 3), IndexError, "3 in row 0"),
        (lambda: F.cross_entropy(z, labels.float()), RuntimeError, r"f32\[4\].*\.long\(\)"),
        (lambda: F.cross_entropy(z, labels.int()), RuntimeError, r"i32\[4\].*\.long\(\)"),
        (lambda: F.cross_entropy(z, z.long()), RuntimeError, r"target\.float\(\)"),
        (lambda: F.cross_entropy(z, labels.reshape(4, 1)), ValueError, r"target\.squeeze\(1\)"),
        (lambda: F.cross_entropy(z, labels[:3]), ValueError, "4 outputs and 3 labels"),
        (lambda: F.cross_entropy(z, labels, gg.ones(2)), RuntimeError, r"3 classes.*f32\[2\]"),
        (lambda: F.cross_entropy(z, labels, gg.ones(3).double()), RuntimeError, "f64"),
        (lambda: F.cross_entropy(z, labels, label_smoothing=2.0), RuntimeError, "smoothing"),
        (lambda: F.cross_entropy(z, z, ignore_index=1), RuntimeError, "ignore_index"),
        (lambda: F.cross_entropy(z, labels, reduction="avg"), ValueError, "'avg'"),
        (lambda: F.mse_loss(gg.ones(4, 2), y), RuntimeError, "1 output instead of 2"),
        (lambda: F.mse_loss(x, x, weight=y), ValueError, r"f32\[4\] for f32\[4, 1\]"),
        (lambda: F.huber_loss(x, x, delta=0.0), RuntimeError, "delta"),
        (lambda: F.smooth_l1_loss(x, x, beta=-1.0), RuntimeError, "beta"),
        (lambda: F.binary_cross_entropy(x + 1, x), RuntimeError, "2.0 in row .*sigmoid"),
        (lambda: F.binary_cross_entropy(x, x - 3), RuntimeError, "-2.0 in row"),
        (lambda: F.binary_cross_entropy(x, x.long()), RuntimeError, r"target\.float\(\)"),
        (
            lambda: F.binary_cross_entropy_with_logits(x, x.long()),
            RuntimeError,
            r"i64\[4, 1\].*target\.float\(\)",
        ),
        (lambda: F.soft_margin_loss(y, y * 0), RuntimeError, r"0.0 in row 0.*2 \* y - 1"),
        (lambda: F.gaussian_nll_loss(x, x, -x), ValueError, "negative"),
        (lambda: F.gaussian_nll_loss(x, x, gg.ones(3)), ValueError, r"f32\[3\]"),
        (lambda: F.multi_margin_loss(z, labels, p=3), ValueError, "p == 2"),
        (lambda: F.multi_margin_loss(z, labels[:2]), RuntimeError, r"i64\[2\]"),
        (lambda: F.multilabel_margin_loss(z, labels), RuntimeError, r"i64\[4\]"),
        (lambda: F.triplet_margin_loss(z, z, z[0]), RuntimeError, r"f32\[3\]"),
        (lambda: F.triplet_margin_loss(z, z, z, margin=0), ValueError, "margin"),
        (lambda: F.cosine_embedding_loss(z, z, y[:2]), RuntimeError, r"f32\[2\]"),
        (lambda: F.dice_loss(gg.ones(1, 2) * 3, gg.ones(1, 2)), RuntimeError, "softmax"),
        (lambda: F.perceptron_loss(z, labels.float()), RuntimeError, r"f32\[4\]"),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()
