"""`gg.explain.steps`: every number against backward(), NumPy by hand and PyTorch."""

import math
import time

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from worked import agree, numbers_agree, well_formed

F = nn.functional
generator = np.random.default_rng(5)


def array(*shape):
    return generator.normal(size=shape)


# ---- lecture H, the rules of back-propagation


def lecture_network():
    """The operations of lecture H, on two layers, and what its rules say in NumPy."""
    X, W1, W2, y = array(5, 3), array(3, 4), array(4, 1), np.sign(array(5, 1))
    nodes = {k: gg.InitialNode(v) for k, v in {"X": X, "W1": W1, "W2": W2, "y": y}.items()}
    a1 = gg.mm(nodes["X"], nodes["W1"])
    h1 = gg.relu(a1)
    a2 = gg.mm(h1, nodes["W2"])
    target = gg.logistic_loss(a2, nodes["y"]).mean()
    A1 = X @ W1
    H1 = np.where(A1 > 0, A1, 0)
    A2 = H1 @ W2
    J = np.log1p(np.exp(-y * A2)).mean()
    dA2 = -y / (1 + np.exp(y * A2)) / len(y)  # rule 0
    dW2 = H1.T @ dA2  # rule 1
    dH1 = dA2 @ W2.T  # rule 3
    dA1 = dH1 * (A1 > 0)  # rule 2
    dW1 = X.T @ dA1
    wanted = {"A1": A1, "H1": H1, "A2": A2, "J": J}
    slopes = {"A2": dA2, "W2": dW2, "H1": dH1, "A1": dA1, "W1": dW1}
    return target, wanted | {f"∂J/∂{name}": value for name, value in slopes.items()}


def test_h7_each_number_and_shape():
    target, wanted = lecture_network()
    found = gg.explain.steps(target)
    agree(found, target)
    for name, value in wanted.items():
        np.testing.assert_allclose(found.of(name).result, value, rtol=1e-12)
        assert found.of(name).shape == value.shape


def test_h7_rules_formulas_and_order():
    found = gg.explain.steps(lecture_network()[0])
    rules = {
        "∂J/∂A2": ("rule 0", "∂J/∂t2 * t1"),
        "∂J/∂W2": ("rule 1", "H1' ∂J/∂A2"),
        "∂J/∂H1": ("rule 3", "∂J/∂A2 W2'"),
        "∂J/∂A1": ("rule 2", "∂J/∂H1 if H1 > 0 else 0"),
        "∂J/∂W1": ("rule 1", "X' ∂J/∂A1"),
        "∂J/∂X": ("rule 3", "∂J/∂A1 W1'"),
    }
    assert {k: (found.of(k).rule, found.of(k).formula) for k in rules} == rules
    order = [step.name for step in found]
    assert [order.index(name) for name in rules] == sorted(order.index(name) for name in rules)
    forward = {s.name: s.formula for s in found if s.rule == "forward"}
    assert forward["A1"] == "X W1" and forward["H1"] == "max(A1, 0)" and forward["A2"] == "H1 W2"


def test_h7_inputs_are_what_is_put_in():
    found = gg.explain.steps(lecture_network()[0])
    step = found.of("∂J/∂W2")
    assert set(step.inputs) == {"H1", "W2"}
    np.testing.assert_array_equal(step.inputs["H1"], found.of("H1").result)


@pytest.mark.parametrize("bias", [True, False])
def test_h7_by_layers(bias):
    torch = pytest.importorskip("torch")
    net = nn.Sequential(nn.Linear(3, 4, bias=bias), nn.ReLU(), nn.Linear(4, 2, bias=bias)).double()
    X, y = array(6, 3), array(6, 2)
    target = F.mse_loss(net(gg.tensor(X)), gg.tensor(y))
    found = gg.explain.steps(target)
    agree(found, target)
    peer = torch.nn.Sequential(
        torch.nn.Linear(3, 4, bias), torch.nn.ReLU(), torch.nn.Linear(4, 2, bias)
    ).double()
    peer.load_state_dict({k: torch.tensor(v.numpy()) for k, v in net.state_dict().items()})
    torch.nn.functional.mse_loss(peer(torch.tensor(X)), torch.tensor(y)).backward()
    names = ["W1", "b1", "W2", "b2"] if bias else ["W1", "W2"]
    for name, p in zip(names, peer.parameters()):
        np.testing.assert_allclose(found.of(f"∂J/∂{name}").result, p.grad.numpy(), rtol=1e-10)
        assert found.of(f"∂J/∂{name}").rule == "rule 1"
    assert found.of("A1").formula == ("X W1' + b1" if bias else "X W1'")
    assert found.of("∂J/∂W2").formula == "(∂J/∂A2)' H1"
    assert found.of("∂J/∂H1").formula == "∂J/∂A2 W2"


# ---- losses


LOSSES = {
    "mse_loss": lambda F, z, c, r: F.mse_loss(z, r),
    "l1_loss": lambda F, z, c, r: F.l1_loss(z, r),
    "cross_entropy": lambda F, z, c, r: F.cross_entropy(z, c),
    "nll_loss": lambda F, z, c, r: F.nll_loss(F.log_softmax(z, 1), c),
    "bce": lambda F, z, c, r: F.binary_cross_entropy(z.sigmoid(), r.sigmoid()),
    "bce_with_logits": lambda F, z, c, r: F.binary_cross_entropy_with_logits(z, r.sigmoid()),
    "huber_loss": lambda F, z, c, r: F.huber_loss(z, r),
    "smooth_l1_loss": lambda F, z, c, r: F.smooth_l1_loss(z, r),
    "hinge_embedding": lambda F, z, c, r: F.hinge_embedding_loss(z, r.sign()),
    "soft_margin": lambda F, z, c, r: F.soft_margin_loss(z, r.sign()),
    "multi_margin": lambda F, z, c, r: F.multi_margin_loss(z, c),
    "kl_div": lambda F, z, c, r: F.kl_div(F.log_softmax(z, 1), r.softmax(1), reduction="batchmean"),
    "sum of squares": lambda F, z, c, r: ((z - r) ** 2).sum(),
    "softmax by hand": lambda F, z, c, r: -(r.softmax(1) * z.softmax(1).log()).sum(1).mean(),
    "hinge by hand": lambda F, z, c, r: (1 - r.sign() * z).clamp(min=0).mean(),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_as_pytorch(loss):
    torch = pytest.importorskip("torch")
    z, r, c = array(5, 3), array(5, 3), np.array([0, 2, 1, 1, 0])
    ours = gg.tensor(z, requires_grad=True)
    target = LOSSES[loss](F, ours * 2, gg.tensor(c), gg.tensor(r))
    found = gg.explain.steps(target, names={"z": ours})
    agree(found, target)
    theirs = torch.tensor(z, requires_grad=True)
    expected = LOSSES[loss](torch.nn.functional, theirs * 2, torch.tensor(c), torch.tensor(r))
    expected.backward()
    np.testing.assert_allclose(found.of("J").result, expected.item(), rtol=1e-9)
    np.testing.assert_allclose(found.of("∂J/∂z").result, theirs.grad.numpy(), rtol=1e-9, atol=1e-15)
    assert not any("∂J/∂i" in step.name for step in found)  # integers have no derivative


def test_j6_the_slope_of_the_likelihood():
    net = nn.Linear(3, 4)
    target = F.cross_entropy(net(gg.randn(5, 3)), gg.tensor([0, 1, 2, 3, 0]))
    found = gg.explain.steps(target)
    assert found.of("∂J/∂A1").formula == "(∂J/∂t1)_i * (softmax(A1) - one-hot(y))_ij"
    assert found.of("t1").formula == "log(sum_k e^A1_k) - A1_y"


# ---- any network


def convolutional():
    return nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(2, 3, 3, bias=False), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(), nn.Dropout(0.5),
        nn.Linear(3, 2),
    )  # fmt: skip


def test_convolution_pooling_normalisation_dropout():
    gg.manual_seed(0)
    target = F.cross_entropy(convolutional()(gg.randn(4, 1, 8, 8)), gg.tensor([0, 1, 1, 0]))
    found = gg.explain.steps(target)
    agree(found, target)
    formulas = {step.name: step.formula for step in found}
    assert formulas["A1"] == "conv(X, W1, padding 1) + b1"
    assert formulas["A2"] == "conv(H1, W2)"
    assert any(f.startswith("maxpool(") for f in formulas.values())
    assert any(f.endswith("where the maximum was, else 0") for f in formulas.values())
    assert formulas["∂J/∂W1"] == "conv_weight(X, ∂J/∂A1, size 3, padding 1)"
    assert formulas["∂J/∂H1"] == "conv_transposed(∂J/∂A2, W2)"
    assert formulas["H2"].endswith("* M1")  # dropout


@pytest.mark.parametrize(
    "layer, shape",
    [
        (nn.LayerNorm(4), (3, 4)), (nn.GELU(), (3, 4)), (nn.ELU(), (3, 4)), (nn.SiLU(), (3, 4)),
        (nn.Softmax(1), (3, 4)), (nn.LeakyReLU(), (3, 4)), (nn.Hardtanh(), (3, 4)),
        (nn.Linear(4, 2), (4,)), (nn.Linear(4, 2), (2, 3, 4)), (nn.GroupNorm(2, 4), (3, 4, 2)),
    ],
)  # fmt: skip
def test_other_layers(layer, shape):
    x = gg.randn(*shape).requires_grad_()
    target = (layer(x) ** 2).mean()
    agree(gg.explain.steps(target), target)


def test_tied_weights_are_summed():
    w = gg.InitialNode(array(3, 3), "W")
    target = gg.mm(gg.relu(gg.mm(gg.tensor(array(4, 3)), w)), w).sum()
    found = gg.explain.steps(target)
    agree(found, target)
    assert found.of("∂J/∂W").formula == "H1' ∂J/∂A2 + X' ∂J/∂A1"
    assert sum(step.name == "∂J/∂W" for step in found) == 1


def test_residual_and_penalty():
    net = nn.Linear(3, 3).double()
    x = gg.tensor(array(4, 3))
    h = net(x)
    target = ((h + h.tanh()) ** 2).mean() + 0.1 * (net.weight**2).sum()
    found = gg.explain.steps(target)
    agree(found, target)
    assert found.of("∂J/∂W1").rule == "rule 1"


# ---- scalar programs (lecture R)


def test_r5_partial_and_total_derivatives():
    t = gg.tensor(0.0, requires_grad=True)
    r, h = 2 + 2 * t, 2 + t
    V = math.pi * r**2 * h
    found = gg.explain.steps(V, names={"t": t, "r": r, "h": h, "V": V})
    agree(found, V)
    assert np.isclose(found.of("∂V/∂r").result, 8 * math.pi)
    assert np.isclose(found.of("∂V/∂h").result, 4 * math.pi)
    assert np.isclose(found.of("∂V/∂t").result, 20 * math.pi)
    assert sorted(found.of("∂V/∂t").formula.split(" + ")) == ["2 * ∂V/∂t1", "∂V/∂h"]
    assert found.of("∂V/∂t1").formula == "∂V/∂r"
    assert {step.rule for step in found} == {"forward", "chain rule"}


def test_r6_product_rule():
    x, y, z = (gg.tensor(v, requires_grad=True) for v in (2.0, 3.0, 5.0))
    f = x * y + y * z
    found = gg.explain.steps(f, names={"x": x, "y": y, "z": z, "f": f})
    agree(found, f)
    assert [float(found.of(f"∂f/∂{k}").result) for k in "xyz"] == [3.0, 7.0, 3.0]
    assert found.of("∂f/∂y").formula in ("∂f/∂t2 * z + ∂f/∂t1 * x", "∂f/∂t1 * x + ∂f/∂t2 * z")


def test_numbers_are_put_in():
    w, x, y = gg.tensor(1.5, requires_grad=True), gg.tensor(-2.0), gg.tensor(1.0)
    h = w * x
    p = gg.sigmoid(h)
    loss = (p - y) ** 2
    names = {"w": w, "x": x, "y": y, "h": h, "p": p, "l": loss}
    found = gg.explain.steps(loss, names=names)
    lines = [line.split(maxsplit=2)[2] for line in str(found).splitlines()]
    assert lines[:4] == [
        "h = w * x = 1.5 * (-2) = -3",
        "p = 1 / (1 + e^(-h)) = 1 / (1 + e^(-(-3))) = 0.04743",
        "t1 = p - y = 0.04743 - 1 = -0.9526",
        "l = t1^2 = (-0.9526)^2 = 0.9074",
    ]
    assert found.of("∂l/∂t1").numbers[0] == "2 * (-0.9526)"
    assert found.of("∂l/∂h").numbers[0] == "(-1.905) * 0.04743 * (1 - 0.04743)"
    assert r"= 1.5 \, \left(-2\right) = -3$" in found.markdown()


@pytest.mark.parametrize("rows", [1, 2, 3])
@pytest.mark.parametrize("act", [nn.ReLU, nn.Tanh, nn.Sigmoid, nn.LeakyReLU])
@pytest.mark.parametrize("bias", [True, False])
def test_matrices_are_put_in(rows, act, bias):
    gg.manual_seed(rows)
    net = nn.Sequential(nn.Linear(2, 3, bias), act(), nn.Linear(3, 1, bias)).double()
    x, y = gg.randn(rows, 2).double(), gg.rand(rows, 1).double()
    found = gg.explain.steps(nn.MSELoss()(net(x), y))
    assert all(step.numbers for step in found)
    for step in found:
        numbers_agree(step)


def test_what_is_put_in():
    x, w = gg.tensor([[1.0, 2.0], [0.5, -1.0]]), gg.tensor([[2.0], [-1.0]], requires_grad=True)
    found = gg.explain.steps((x @ w).relu().sum())
    assert str(found[0]).splitlines() == [
        "  1. forward    A1 = X W1   [2, 1]",
        "        = [[1, 2], [0.5, -1]] [[2], [-1]]",
        "        0",
        "        2",
    ]
    assert r"\begin{bmatrix}2\\ -1\end{bmatrix} = \begin{bmatrix}0\\ 2" in found.markdown()


def test_many_numbers_are_not_put_in():
    x, w = gg.ones(2, 5), gg.ones(5, 3, requires_grad=True)
    assert gg.explain.steps((x @ w).sum())[0].numbers is None


# ---- names


def test_user_names_and_models():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    x = gg.randn(4, 2)
    target = net(x).mean()
    found = gg.explain.steps(target, names={"x_train": x, "weights": net[0].weight, "loss": target})
    assert found.of("A1").formula == "x_train weights' + b1"
    assert found.of("∂loss/∂weights").formula == "(∂loss/∂A1)' x_train"
    by_path = gg.explain.steps(target, names=net)
    assert by_path.of("A1").formula == "X 0.weight' + 0.bias"


def test_data_that_changed_its_shape_before():
    x, k = gg.tensor([[0.0, 3.0, 10.0]]), gg.tensor([[[-2.0, 1.0]]], requires_grad=True)
    found = gg.explain.steps(F.conv1d(x, k), names={"x": x, "k": k}, backward=False)
    assert found[0].formula == "conv(x, k)"
    w, X = gg.randn(2, 4).requires_grad_(), gg.randn(3, 4)
    found = gg.explain.steps((w @ X.T).sum(), names={"X": X, "w": w})
    assert found.of("A1").formula == "w X'"


ODD = ["a_b", "x<y", "p & q", "{", "}", "\\", "β", "וו", "a\nb", "50%", "$", "W_1", "n^2", "1", "#"]


@pytest.mark.parametrize("name", ODD)
def test_markdown_is_well_formed(name):
    x = gg.tensor([[1.0, -2.0]], requires_grad=True)
    page = gg.explain.steps(((x - 3) ** 2).sum(), names={name: x}).markdown()
    well_formed(page)


def test_markdown_of_networks():
    gg.manual_seed(0)
    target = F.cross_entropy(convolutional()(gg.randn(4, 1, 8, 8)), gg.tensor([0, 1, 1, 0]))
    page = gg.explain.steps(target).markdown()
    well_formed(page)
    assert "### rule 0: gradient of the loss" in page
    assert r"\operatorname{softmax}" in page and r"\frac{\partial J}{\partial W_{1}}" in page


def test_formulas_parse():
    mathtext = pytest.importorskip("matplotlib.mathtext").MathTextParser("path")
    gg.manual_seed(0)
    z, r, c = gg.randn(5, 3).requires_grad_(), gg.randn(5, 3), gg.tensor([0, 2, 1, 1, 0])
    targets = [loss(F, z * 2, c, r) for loss in LOSSES.values()]
    targets += [F.cross_entropy(convolutional()(gg.randn(4, 1, 8, 8)), c[:4] % 2)]
    for target in targets:
        for line in [*gg.explain.steps(target), *gg.explain.formulas(target)]:
            if r"\begin{" not in line.latex:  # which matplotlib does not know
                mathtext.parse(f"${line.latex}$")


# ---- sizes


def test_large_matrices_by_range_and_corner():
    x = gg.tensor(np.arange(400.0).reshape(20, 20), requires_grad=True)
    found = gg.explain.steps((x * 2).sum(), names={"x": x})
    text = str(found)
    assert "[20, 20] numbers from 0 to 798" in text and text.count("\n") < 20
    assert r"20 \times 20 \text{ numbers from } 0 \text{ to } 798" in found.markdown()


@pytest.mark.parametrize("values", [[np.nan, 1.0], [np.inf, -np.inf], [], [1e-30, 1e30]])
@pytest.mark.parametrize("times", [1, 10])
def test_odd_values(values, times):
    x = gg.tensor(values * times, requires_grad=True)
    found = gg.explain.steps((x * 2).sum())
    assert str(found)
    well_formed(found.markdown())


def test_html_is_escaped():
    x = gg.tensor(1.0, requires_grad=True)
    assert "<b>" not in gg.explain.steps(x * 2, names={"<b>": x})._repr_html_()


# ---- errors


def test_errors_say_what_is_wanted():
    x = gg.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(TypeError, match="got a list"):
        gg.explain.steps([1.0])
    with pytest.raises(ValueError, match="nothing was recorded"):
        gg.explain.steps(gg.tensor(1.0))
    with pytest.raises(ValueError, match=r"f32\[2\].*mean\(\)"):
        gg.explain.steps(x * 2)
    assert [s.rule for s in gg.explain.steps(x * 2, backward=False)] == ["forward"]
    with pytest.raises(TypeError, match="names="):
        gg.explain.steps(x.sum(), names={"x": 3})
    with pytest.raises(TypeError, match="names="):
        gg.explain.steps(x.sum(), names=[x])
    with pytest.raises(KeyError, match="there are J"):
        gg.explain.steps(x.sum()).of("A7")


def test_changed_since():
    net = nn.Linear(2, 1)
    loss = net(gg.ones(3, 2)).mean()
    before = str(gg.explain.steps(loss))
    loss.backward()
    assert str(gg.explain.steps(loss)) == before  # gradients are left alone
    gg.optim.SGD(net.parameters(), lr=1.0).step()
    with pytest.raises(RuntimeError, match="has been changed"):
        gg.explain.steps(loss)


def test_leaves_nothing_behind():
    net = nn.Linear(2, 1)
    loss = net(gg.ones(3, 2)).mean()
    gg.explain.steps(loss)
    assert net.weight.grad is None
    loss.backward()
    assert net.weight.grad is not None
    assert (gg.ones(2) * 2).operation is None


def test_ten_layers_under_a_tenth_of_a_second():
    layers = [layer for _ in range(10) for layer in (nn.Linear(8, 8), nn.ReLU())]
    net = nn.Sequential(*layers)
    loss = F.mse_loss(net(gg.randn(32, 8)), gg.randn(32, 8))
    for explain in (gg.explain.steps, gg.explain.formulas, gg.explain.neurons):
        seconds = []
        for _ in range(5):
            start = time.process_time()  # of this process alone, whatever else runs
            assert str(explain(loss))
            seconds.append(time.process_time() - start)
        assert min(seconds) < 0.1, explain.__name__
