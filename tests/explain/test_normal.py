"""Normalisations, activations, pooling, dropout, embeddings and bilinear layers as one formula."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from worked import agree, well_formed

F = nn.functional


class Clamp(nn.Module):
    """An activation of one's own."""

    def forward(self, x):
        return x.clamp(-1, 1)


def lines(layer, *shape, names=None):
    """{name: formula} of a layer between two others, and the steps."""
    gg.manual_seed(4)
    before = nn.Linear(3, int(np.prod(shape[1:])))
    h = before(gg.randn(shape[0], 3)).reshape(shape)
    target = (layer(h) ** 2).sum()
    found = gg.explain.steps(target, names=names)
    if layer.training:  # else running statistics are no nodes
        agree(found, target)
    well_formed(found.markdown())
    return {s.name: s.formula for s in found}, found


NORMAL = {
    "batch": (
        nn.BatchNorm1d(4), (5, 4), "1/5 sum_i A1", "1/5 sum_i (A1 - mu)^2",
        "(A1 - mu) * gamma / sqrt(sigma^2 + 1e-05) + beta",
    ),
    "layer": (
        nn.LayerNorm(4), (5, 4), "1/4 sum_j A1", "1/4 sum_j (A1_ij - mu_i)^2",
        "(A1_ij - mu_i) / sqrt(sigma_i^2 + 1e-05) * gamma_j + beta_j",
    ),
    "group": (
        nn.GroupNorm(2, 4), (5, 4, 3), "1/6 sum_k reshape(A1, 5, 2, 6)",
        "1/6 sum_k (reshape(A1, 5, 2, 6)_ijk - mu_ij)^2", "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NORMAL)
def test_normalisation_has_mean_variance_and_one_formula(name):
    layer, shape, mean, variance, scaled = NORMAL[name]
    formulas, found = lines(layer.train(), *shape)
    assert formulas["mu"] == mean
    assert formulas["sigma^2"] == variance
    assert scaled in (formulas["N"], "")
    assert not any(name.startswith("t") for name in formulas if name != "t1")
    h = found.of("A1").result.reshape(shape)
    axes = {"batch": 0, "layer": 1, "group": (2, 3)}[name]
    grouped = h.reshape(5, 2, 2, 3) if name == "group" else h
    np.testing.assert_allclose(found.of("mu").result, grouped.mean(axes), atol=1e-6)
    np.testing.assert_allclose(found.of("sigma^2").result, grouped.var(axes), rtol=1e-5)
    # Ioffe and Szegedy 2015, the derivatives below algorithm 1
    over = {"batch": "sum_i", "layer": "sum_j", "group": "sum_ik"}[name]
    assert formulas["∂J/∂beta"].startswith("sum_i") and over in formulas["∂J/∂gamma"]
    assert formulas["∂J/∂sigma^2"].startswith("-0.5 * ")
    assert " + 1e-05)^(3/2)" in formulas["∂J/∂sigma^2"]
    below = {"batch": "∂J/∂mu", "layer": "(∂J/∂mu)_i", "group": "(∂J/∂mu)_ij"}[name]
    assert f"+ {below} / {mean[2]}" in formulas["∂J/∂A1"]


def test_rms_norm_subtracts_no_mean():
    formulas, found = lines(nn.RMSNorm(4, eps=1e-6), 5, 4)
    assert formulas["rms^2"] == "1/4 sum_j A1^2" and "mu" not in formulas
    assert formulas["N"] == "A1_ij / sqrt(rms_i^2 + 1e-06) * gamma_j"
    np.testing.assert_allclose(found.of("rms^2").result, (found.of("A1").result ** 2).mean(1), 1e-5)


def test_running_statistics_are_shown_in_use():
    layer = nn.BatchNorm1d(4)
    layer(gg.randn(20, 4) * 3 + 1)
    formulas, found = lines(layer.eval(), 5, 4)
    assert formulas["mu"] == "running_mean" and formulas["N"] == "(A1 - mu) * gamma / sigma + beta"
    assert formulas["sigma"] == "sqrt(running_var + epsilon)"
    np.testing.assert_array_equal(found.of("mu").result, layer.running_mean.numpy())
    deviation = np.sqrt(layer.running_var.numpy() + 1e-5)
    np.testing.assert_allclose(found.of("sigma").result, deviation, rtol=1e-6)


def test_several_normalisations_are_numbered():
    net = nn.Sequential(
        nn.Linear(3, 3), nn.LayerNorm(3), nn.Tanh(), nn.Linear(3, 3), nn.LayerNorm(3)
    )
    target = net(gg.randn(4, 3)).pow(3).sum()
    found = gg.explain.steps(target)
    agree(found, target)
    formulas = {s.name: s.formula for s in found}
    assert formulas["N1"] == "(A1_ij - mu1_i) / sqrt(sigma1_i^2 + 1e-05) * gamma1_j + beta1_j"
    assert formulas["N2"] == ("(A2_ij - mu2_i) / sqrt(sigma2_i^2 + 1e-05) * gamma2_j + beta2_j")
    assert r"\sigma_{1}^{2}" in found.markdown() and formulas["H1"] == "tanh(N1)"
    written = gg.explain.formulas(target)
    assert written.of("sigma1^2").text == "1/3 sum_j (A1_ij - mu1_i)^2"


def test_a_normalisation_of_raw_data():
    gg.manual_seed(0)
    x = gg.randn(6, 3) * 2 + 5
    found = gg.explain.steps((nn.LayerNorm(3)(x) ** 3).sum())
    assert found.of("N").formula == "Xhat * gamma + beta"
    assert r"\hat{X} \odot \gamma + \beta" in found.markdown()


def test_a_scale_of_ones_own_is_no_normalisation():
    class Scale(nn.Module):
        def __init__(self):
            self.weight, self.bias = nn.Parameter(gg.ones(3)), nn.Parameter(gg.zeros(3))

        def forward(self, x):
            return x * self.weight + self.bias

    found = gg.explain.steps((Scale()(gg.rand(6, 3)) ** 2).sum())
    assert not any("gamma" in s.formula or "Xhat" in s.formula for s in found)


def test_activations_are_one_step_between_layers():
    for layer, formula in {
        nn.GELU(): "0.5 * A1 * (erf(0.707107 * A1) + 1)",
        nn.ELU(): "max(A1, 0) + e^min(A1, 0) - 1",
        nn.PReLU(): "A1 if A1 > 0 else A1 * a",
        nn.Dropout(0.5): "A1 * M1",
        Clamp(): "min(max(A1, -1), 1)",
    }.items():
        gg.manual_seed(1)
        net = nn.Sequential(nn.Linear(3, 4), layer, nn.Linear(4, 2))
        target = F.mse_loss(net(gg.randn(5, 3)), gg.randn(5, 2))
        found = gg.explain.steps(target)
        agree(found, target)
        assert found.of("H1").formula == formula
        names = [s.name for s in found]
        assert names.index("H1") == names.index("A1") + 1


def test_choices_and_equality_are_written():
    net = nn.Sequential(nn.Linear(3, 4), Clamp(), nn.Linear(4, 2))
    found = gg.explain.steps(net(gg.randn(5, 3)).sum())
    assert found.of("∂J/∂A1").formula == "∂J/∂H1 if -1 <= A1 <= 1 else 0"
    found = gg.explain.steps(nn.Maxout(3, 2, 2)(gg.randn(5, 3)).sum())
    assert "reshape(A1, 5, 2, 2)_ijk = t1_ij" in found.of("∂J/∂A1").formula


def test_pooling_and_embedding():
    x = gg.randn(1, 1, 4, 4).requires_grad_()
    found = gg.explain.steps(F.avg_pool2d(x, 2).sum(), names={"x": x})
    assert found[0].formula == "avgpool(x, window 2)" and found[0].shape == (1, 1, 2, 2)
    assert found.of("∂J/∂x").formula == "overlap(1 / 4)" or "overlap" in found.of("∂J/∂x").formula
    np.testing.assert_array_equal(found.of("∂J/∂x").result, np.full((1, 1, 4, 4), 0.25))
    table = nn.Embedding(5, 3)
    found = gg.explain.steps(table(gg.tensor([1, 4, 1])).sum())
    assert "∂J/∂E" in [s.name for s in found]


def test_bilinear_is_one_formula():
    torch = pytest.importorskip("torch")
    layer = nn.Bilinear(2, 3, 4).double()
    a, b = (gg.tensor(np.random.default_rng(n).normal(size=(5, n))) for n in (2, 3))
    found = gg.explain.steps((layer(a, b) ** 2).sum(), names={"a": a, "b": b})
    assert found[0].formula == "sum_kl a_il * W1_jlk * b_ik + b1_j"
    peer = torch.nn.Bilinear(2, 3, 4).double()
    peer.load_state_dict({k: torch.tensor(v.numpy()) for k, v in layer.state_dict().items()})
    (peer(torch.tensor(a.numpy()), torch.tensor(b.numpy())) ** 2).sum().backward()
    for name, p in (("W1", peer.weight), ("b1", peer.bias)):
        np.testing.assert_allclose(found.of(f"∂J/∂{name}").result, p.grad.numpy(), rtol=1e-10)
    weight = layer.weight.detach().numpy()
    by_index = (
        np.einsum("il,jlk,ik->ij", a.numpy(), weight, b.numpy()) + layer.bias.detach().numpy()
    )
    np.testing.assert_allclose(found[0].result, by_index, rtol=1e-12)
    assert found.of("∂J/∂W1").formula == "sum_l (∂J/∂A1)_li * b_lk * a_lj"


class Two(nn.Module):
    """Two inputs, a layer used twice, and paths that meet."""

    def __init__(self):
        self.left, self.right, self.out = nn.Linear(3, 4), nn.Linear(2, 4), nn.Linear(4, 1)

    def forward(self, a, b):
        h = (self.left(a) + self.right(b)).relu()
        return self.out(h) + self.out(self.left(a))


def test_models_with_several_inputs():
    net, a, b = Two(), gg.randn(5, 3), gg.randn(5, 2)
    target = net(a, b).mean()
    found = gg.explain.steps(target)
    agree(found, target)
    assert found.of("A1").formula == "X1 W1' + b1" and found.of("A2").formula == "X2 W2' + b2"
    written = gg.explain.formulas(net, input_shape=((3,), (2,)))
    assert [f.text for f in written][:3] == ["a W1' + b1", "b W2' + b2", "max(A1 + A2, 0)"]
    counts = gg.explain.count(net, (3, 2))
    assert counts.total.weights == 3 * 4 + 2 * 4 + 4  # shared weights once
    assert counts.total.multiplications == 2 * 12 + 8 + 2 * 4  # and used twice
    assert counts.total.biases == 4 + 4 + 1 and counts.inputs == [(3,), (2,)]
    assert "inputs [3], [2]: 19 units in all" in str(counts)
    bilinear = gg.explain.count(nn.Bilinear(2, 3, 4)).total
    assert (bilinear.weights, bilinear.connections, bilinear.multiplications) == (24, 20, 48)


def test_errors_name_the_inputs():
    from glassgrad.nn.chain import ChainError

    for call in (lambda: gg.explain.count(Two()), lambda: gg.explain.formulas(Two())):
        with pytest.raises(ChainError, match=r"2 inputs, a, b: .*\[\(3,\), \(2,\)\]"):
            call()
    with pytest.raises(ChainError, match=r"2 inputs, a, b, .*gg\.draw\.graph"):
        gg.draw.network(Two())
