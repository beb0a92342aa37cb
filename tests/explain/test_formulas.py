"""`gg.explain.formulas`: what is written down has the values that are computed."""

import math
import subprocess
import sys

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn

F = nn.functional
FROM_MATH = ("e", "log", "sqrt", "sin", "cos", "tanh", "cosh", "sinh", "exp", "pi")
PLACES = {name: getattr(math, name) for name in FROM_MATH} | {"max": max, "Max": max}


def leaf(value):
    return gg.tensor(value, requires_grad=True, dtype=gg.float64)


def value_of(formula, numbers):
    """A formula of numbers, evaluated by Python."""
    return eval(formula.text.replace("^", "**"), PLACES | numbers)


# ---- lecture B, the back-propagation algorithm


def neuron():
    w1, w2, b = leaf(1.0), leaf(-1.0), leaf(-0.5)
    x1, x2, y = (gg.tensor(v, dtype=gg.float64) for v in (1.0, 0.0, 1.0))
    h = w1 * x1 + w2 * x2 + b
    p = gg.sigmoid(h)
    loss = (p - y) ** 2
    return {"w1": w1, "w2": w2, "b": b, "x1": x1, "x2": x2, "y": y, "h": h, "p": p, "l": loss}


def test_b6_falls_out():
    known = neuron()
    found = gg.explain.formulas(known["l"], names=known)
    text = {f.name: f.text for f in found}
    assert text["h"] == "w1 * x1 + w2 * x2 + b"
    assert text["p"] == "1 / (1 + e^(-h))"
    assert text["l"] == "(p - y)^2"
    assert text["∂l/∂p"] == "2 * (p - y)"
    assert text["∂p/∂h"] == "p * (1 - p)"
    assert text["∂h/∂w1"] == "x1"
    assert text["∂l/∂w1"] == "2 * (p - y) * p * (1 - p) * x1"
    assert text["∂l/∂w2"] == "2 * (p - y) * p * (1 - p) * x2"
    assert text["∂l/∂b"] == "2 * (p - y) * p * (1 - p)"
    assert found.of("∂l/∂w1").chain.text == "∂l/∂p * ∂p/∂h * ∂h/∂w1"
    latex = found.of("∂l/∂w1").latex
    assert latex == r"2 \, \left(p - y\right) \, p \, \left(1 - p\right) \, x_{1}"


@pytest.mark.parametrize("left_out", [(), ("h",), ("h", "p"), ("p",), ("x1", "x2", "y")])
@pytest.mark.parametrize("simplify", [False, True])
def test_b6_by_any_names(left_out, simplify):
    if simplify:
        pytest.importorskip("sympy")
    known = neuron()
    given = {k: v for k, v in known.items() if k not in left_out}
    found = gg.explain.formulas(known["l"], names=given, simplify=simplify)
    known["l"].backward()
    numbers = {k: float(v) for k, v in known.items()}
    for name in ("w1", "w2", "b"):
        assert np.isclose(value_of(found.of(f"∂l/∂{name}"), numbers), float(known[name].grad))
    assert np.isclose(value_of(found.of("l"), numbers), float(known["l"]))


# ---- scalar programs


PROGRAMS = {
    "a * b + b / c": lambda a, b, c: a * b + b / c,
    "powers": lambda a, b, c: a**3 * b**-2 + c**0.5 * a,
    "sin(ab) e^c": lambda a, b, c: (a * b).sin() * c.exp(),
    "log of sums": lambda a, b, c: (a * a + b * b + c).log(),
    "-(a - b)(b - c)": lambda a, b, c: -(a - b) * (b - c),
    "a used five times": lambda a, b, c: a * a * a + a / b - a + c,
    "tanh, sigmoid": lambda a, b, c: (a * b).tanh() * (b + c).sigmoid(),
    "sqrt over": lambda a, b, c: b / (a + c).sqrt(),
    "softplus": lambda a, b, c: F.softplus(a * b - c),
    "2 - 3 a - -b": lambda a, b, c: 2 - 3 * a - -b + 0 * c,
    "a / b / c": lambda a, b, c: a / b / c,
    "a / (b / c)": lambda a, b, c: a / (b / c),
    "a - (b - c)": lambda a, b, c: a - (b - c),
    "(-a) ** 2": lambda a, b, c: (-a) ** 2 * b + c,
    "relu": lambda a, b, c: (a - b).relu() * c,
}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("simplify", [False, True])
def test_formulas_have_the_values(program, simplify):
    if simplify:
        pytest.importorskip("sympy")
    numbers = {"a": 1.3, "b": 0.7, "c": 2.1}
    leaves = {k: leaf(v) for k, v in numbers.items()}
    target = PROGRAMS[program](**leaves)
    found = gg.explain.formulas(target, names=leaves, simplify=simplify)
    target.backward()
    assert np.isclose(value_of(found.of("J"), numbers), float(target))
    numbers = numbers | {"J": float(target)}  # a quotient's derivative is written by the quotient
    for name, x in leaves.items():
        assert np.isclose(value_of(found.of(f"∂J/∂{name}"), numbers), float(x.grad)), name


def test_tidy():
    a, b = leaf(2.0), leaf(3.0)
    names = {"a": a, "b": b}

    def text(target):
        return gg.explain.formulas(target, names=names).of("J").text

    assert text(1 * a + b) == "a + b"
    assert text(a - -b) == "a + b"
    assert text(gg.neg(-a)) == "a"
    assert text(a * a * a) == "a^3"
    assert text(a + -2 * b) == "a - 2 * b"
    assert text((a + b) * (a + b)) == "(a + b)^2"
    assert text(a - (b - a)) == "a - (b - a)"
    assert text(a + a) == "2 * a"


def test_r5_total_derivative():
    t = leaf(0.0)
    r, h = 2 + 2 * t, 2 + t
    V = math.pi * r**2 * h
    found = gg.explain.formulas(V, names={"t": t, "r": r, "h": h, "V": V})
    total = found.of("∂V/∂t")
    assert sorted(total.chain.text.split(" + ")) == ["∂V/∂h * ∂h/∂t", "∂V/∂r * ∂r/∂t"]
    assert np.isclose(value_of(total, {"r": 2.0, "h": 2.0}), 20 * math.pi, rtol=1e-5)


# ---- networks


def network():
    return nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))


def test_a_model():
    text = str(gg.explain.formulas(network()))
    assert text.splitlines() == ["A1 = X W1' + b1", "H1 = max(A1, 0)", "f = H1 W2' + b2"]
    net = network()
    assert gg.explain.formulas(net, names={"V": net[2].weight}).of("f").text == "H1 V' + b2"
    assert gg.explain.formulas(net, names=net).of("A1").text == "X 0.weight' + 0.bias"
    assert str(gg.explain.formulas(nn.ReLU(), input_shape=3)) == "f = max(X, 0)"
    with pytest.raises(ValueError, match="gives back its input"):
        gg.explain.formulas(nn.Identity(), input_shape=3)
    net = nn.Sequential(nn.Conv1d(1, 2, 3), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(4, 1))
    found = gg.explain.formulas(net, input_shape=(1, 6))
    assert found.of("A1").text == "conv(X, W1) + b1"
    assert found.of("H1").text == "maxpool(A1, window 2)"


def test_losses_of_networks():
    net, x, y = network(), gg.randn(4, 2), gg.tensor([0, 1, 1, 0])
    found = gg.explain.formulas(F.cross_entropy(net(x), y), names={"features": x, "labels": y})
    assert found.of("J").text == "1/4 sum_i (log(sum_k e^A2_k) - A2_labels)"
    assert found.of("∂J/∂A2").text == "(softmax(A2) - one-hot(labels)) / 4"
    assert found.of("∂J/∂W1").text == "(∂J/∂A1)' features"
    mse = gg.explain.formulas(F.mse_loss(net(x), gg.zeros(4, 2)))
    assert mse.of("J").text == "1/8 sum_ij (A2 - y)^2"


def test_labels_in_a_loss_by_their_name():
    z, y = leaf([0.5, -1.0]), gg.tensor([1.0, 0.0], dtype=gg.float64)
    loss = F.binary_cross_entropy_with_logits(z, y)
    found = gg.explain.formulas(loss, names={"z": z, "y": y})
    assert found.of("J").text == "1/2 sum_i ((1 - y) * z + log(1 + e^(-z)))"


def test_latex_block():
    block = gg.explain.formulas(F.mse_loss(network()(gg.ones(4, 2)), gg.zeros(4, 2))).latex()
    assert block.startswith(r"\begin{aligned}") and block.endswith(r"\end{aligned}")
    assert block.count("{") == block.count("}")
    assert block.count(r"\left") == block.count(r"\right")


def test_deep_and_wide_graphs_end():
    x = leaf(0.5)
    y = x
    for _ in range(6):
        y = (y + 1) * y
    assert len(gg.explain.formulas(y)) == 2  # written out in full
    layers = [part for _ in range(10) for part in (nn.Linear(8, 8), nn.Tanh())]
    loss = nn.Sequential(*layers)(gg.ones(2, 8)).mean()
    assert gg.explain.formulas(loss).of("∂J/∂W1").text == "(∂J/∂A1)' X"


def test_errors():
    with pytest.raises(TypeError, match="got a str"):
        gg.explain.formulas("x")
    with pytest.raises(ValueError, match="input_shape"):
        gg.explain.formulas(nn.Conv1d(1, 1, 3))
    with pytest.raises(KeyError, match="there are J"):
        gg.explain.formulas(leaf(1.0) * 2).of("w")


def test_sympy_is_imported_when_wanted():
    program = (
        "import sys, glassgrad as gg; x = gg.tensor(1.0, requires_grad=True);"
        "gg.explain.formulas(x * x); assert 'sympy' not in sys.modules;"
        "sys.modules['sympy'] = None\n"
        "try: gg.explain.formulas(x * x, simplify=True)\n"
        "except ImportError as error: print(error)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "glassgrad[symbolic]" in run.stdout, run.stderr


def test_a_brief_model_is_a_line_a_layer():
    layers = [nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Tanh(), nn.Linear(3, 1), nn.Sigmoid()]
    full = gg.explain.formulas(nn.Sequential(*layers))
    brief = gg.explain.formulas(nn.Sequential(*layers), brief=True)
    assert [f.name for f in full] == ["A1", "N", "H1", "A2", "f"]
    assert [f.name for f in brief] == ["N", "H1", "f"]
    assert brief.of("N").text == full.of("N").text.replace("A1", "X W1' + b1")
    assert brief.of("f").text == "1 / (1 + e^(-(H1 W2' + b2)))"
