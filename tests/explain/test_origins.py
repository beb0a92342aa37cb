"""Formulas tell the truth of what was computed without a gradient."""

import copy
import gc
import pickle
import weakref

import pytest

import glassgrad as gg
from glassgrad import nn

F = nn.functional


def leaf(value):
    return gg.tensor(value, requires_grad=True)


def formulas(target, **names):
    return {step.name: step.formula for step in gg.explain.steps(target, names=names)}


@pytest.mark.parametrize(
    "function, formula, slope",
    [
        (lambda z: gg.where(z > 0, z, 0.1 * z), "z if z > 0 else 0.1 * z",
         "(1 if z > 0 else 0) + 0.1 * (0 if z > 0 else 1)"),
        (F.leaky_relu, "z if z > 0 else 0.01 * z",
         "(1 if z > 0 else 0) + 0.01 * (0 if z > 0 else 1)"),
        (lambda z: gg.maximum(z, gg.tensor(0.1)), "max(z, 0.1)", "1 if z > 0.1 else 0"),
        (lambda z: gg.minimum(z, gg.tensor(0.1)), "min(z, 0.1)", "1 if z < 0.1 else 0"),
        (F.hardtanh, "z if z > -1 and z < 1 else detach(min(max(z, -1), 1))",
         "1 if z > -1 and z < 1 else 0"),
        (lambda z: z ** leaf(3.0), "z^x1", "x1 * z^(x1 - 1)"),
    ],
    ids=["where", "leaky", "maximum", "minimum", "hardtanh", "power"],
)  # fmt: skip
@pytest.mark.parametrize("at", [2.0, 0.05])
def test_conditions_are_what_was_compared(function, formula, slope, at):
    z = leaf(at)
    found = formulas(function(z), z=z)
    assert (found["J"], found["∂J/∂z"]) == (formula, slope)


def test_no_tensor_has_the_name_of_another_with_its_value():
    x, w = gg.tensor([[-1.0]]), leaf([[2.0]])
    for y in (gg.tensor([[1.0]]), gg.tensor([[-1.0]])):
        assert formulas(F.mse_loss(x @ w, y), x=x, w=w)["t1"] == "A1 - y"


@pytest.mark.parametrize("y", [1.0, [1.0], [1.0, 0.0, 1.0]])
def test_labels_stay_in_the_loss(y):
    y = gg.tensor(y)
    p = gg.sigmoid(leaf(2.0) * gg.ones_like(y))
    loss = -(y * p.log() + (1 - y) * (1 - p).log()).sum()
    found = {f.name: f.text for f in gg.explain.formulas(loss, names={"p": p, "y": y})}
    assert "(1 - y) * log(1 - p)" in found["J"] and "y * log(p)" in found["J"]
    assert found["∂J/∂p"] == "(1 - y) / (1 - p) - y / p"


def test_labels_that_were_made_of_the_data_are_labels():
    X = gg.tensor([[1.0, -2.0], [0.5, 3.0]])
    y, w = (X.sum(1, keepdim=True) > 0).float(), leaf([[1.0], [2.0]])
    assert formulas(F.mse_loss(X @ w, y), X=X)["t1"] == "A1 - y"


def test_total_and_partial_derivatives_have_signs_of_their_own():
    a = leaf(2.0)
    c = 3 * a
    e = a * c
    found = gg.explain.formulas(e, names={"a": a, "c": c, "e": e})
    assert str(found.of("de/da")) == "de/da = ∂e/∂a + ∂e/∂c * ∂c/∂a = c + 3 * a"
    assert r"\frac{d e}{d a} &= \frac{\partial e}{\partial a} +" in found.latex()


def test_parts():
    W = leaf([[1.0, 2.0], [3.0, 4.0]])
    found = formulas(W[0].dot(W[1]), W=W)
    assert (found["t1"], found["t2"], found["J"]) == ("W[0]", "W[1]", "t1 t2'")
    assert found["∂J/∂W"] == "(∂J/∂t2 at [1], else 0) + (∂J/∂t1 at [0], else 0)"
    assert formulas(W[:, 1].sum(), W=W)["t1"] == "W[:, 1]"


def test_products_of_numbers_in_latex():
    x = leaf(1e-5)
    page = gg.explain.steps(x**2 * 3).markdown()
    assert r"\left(1 \cdot 10^{-5}\right)^{2}" in page and r"3 \cdot 1 \cdot 10^{-10}" in page


@pytest.mark.parametrize(
    "function, formula, slope",
    [
        (lambda w: (w.detach() * w).sum(), "sum_i detach(w) * w", "detach(w)"),
        (lambda w: (w.sign() * w).sum(), "sum_i sgn(w) * w", "sgn(w)"),
        (lambda w: w.norm(), "sqrt(sum_i w^2)", "w / sqrt(sum_i w^2)"),
        (lambda w: (w**2.5).sum(), "sum_i w^(5/2)", "2.5 * w^(3/2)"),
        (lambda w: w.expm1().sum(), "sum_i (e^w - 1)", "e^w"),
        (lambda w: gg.einsum("i,i->", w, w), "w' w", "2 * w"),
        (
            lambda w: w[gg.tensor([1, 1])].square().sum(),
            "sum_i w[i1]^2",
            "2 * w[i1] added up at i1, else 0",
        ),
    ],
)
def test_formulas_of_odd_functions(function, formula, slope):
    w = leaf([1.0, 2.0, 3.0])
    found = gg.explain.formulas(function(w), names={"w": w})
    assert (found.of("J").text, found.of("∂J/∂w").text) == (formula, slope)


def test_ties_share_the_slope():
    x, z = leaf([1.0, 2.0, 3.0]), leaf([1.0, 3.0, 2.0])
    found = formulas(gg.maximum(x, z).sum(), x=x, z=z)
    assert found["∂J/∂x"] == "∂J/∂t1 if x > z else (∂J/∂t1 / 2 if x = z else 0)"


def test_index_tensors_keep_their_names():
    A, i = leaf([[1.0, 2.0], [3.0, 4.0]]), gg.tensor([1, 0])
    assert formulas((A[i] ** 2).sum(), A=A, place=i)["t1"] == "A[place]"


def test_a_group_norm_without_weights_has_its_line():
    g = leaf([[1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 5.0, 2.0]])
    found = gg.explain.formulas((F.group_norm(g, 2) ** 2).sum(), names={"g": g})
    expected = "(reshape(g, 2, 2, 2)_ijk - mu_ij) / sqrt(sigma_ij^2 + 1e-05)"
    assert found.of("N").text == expected


def test_nothing_is_kept_alive():
    x = gg.rand(4)
    mask, other = x > 0.5, 1 - x
    alive = weakref.ref(x)
    del x
    gc.collect()
    assert alive() is None
    assert mask.sum() + other.shape[0] >= 4
    done = gg.zeros(3) > 0
    first = weakref.ref(done)
    for _ in range(3):
        done = done | (gg.rand(3) > 0.5)
    gc.collect()
    assert first() is None


def test_copies_do_not_remember():
    mask = gg.rand(4) > 0.5
    for again in (copy.deepcopy(mask), pickle.loads(pickle.dumps(mask))):
        assert again.origin is None and again.equal(mask)


def test_what_was_changed_since_is_not_told():
    y, w = gg.tensor([0.0, 1.0]), leaf([0.3, 0.7])
    other = 1 - y
    y.add_(1)
    assert formulas((other * w).sum(), y=y, w=w)["t1"] == "x * w"
