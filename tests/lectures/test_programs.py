"""The lectures' torch programs run with one line changed, and do what they do in PyTorch."""

import contextlib
import importlib
import io
import math
from typing import NamedTuple

import numpy as np
import pytest

from lectures import programs
from lectures.programs import corrected

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=(30, 12))
SCORES = FEATURES[:, :1] - 2 * FEATURES[:, 1:2]
SIGNS = (SCORES > 0).astype(float)


class World:
    """Runs programs with a package of the name `torch` in them, over the same data and weights."""

    def __init__(self, package: str, **names):
        self.package, self.torch = package, importlib.import_module(package)
        self.names = {"torch": self.torch}
        for name, value in names.items():
            shared = isinstance(value, np.ndarray)
            self.names[name] = self.torch.from_numpy(value.copy()) if shared else value

    def run(self, text: str) -> dict:
        """The names after the program; what it prints is under "printed"."""
        program = corrected(text).replace("import torch", f"import {self.package} as torch")
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(program, self.names)
        self.names["printed"] = printed.getvalue()
        return self.names

    def set_weights(self, model):
        """Give all parameters numbers of float64 that are the same in every world."""
        random = np.random.default_rng(1)
        with self.torch.no_grad():
            for p in model.double().parameters():
                p.copy_(self.torch.from_numpy(random.normal(0, 0.5, tuple(p.shape))))


# ---- programs that train


class Training(NamedTuple):
    """A program, the name of its loss, and the names that it expects.

    What follows `# to do in a loop:` is repeated.
    """

    text: str
    loss: str
    names: dict
    model: str = "net"
    steps: int = 10


def batches(outputs, **names):
    """Inputs and outputs under all the names that the lectures give them."""
    parts = {"one": slice(1), "batch": slice(8), "subtrain": slice(24)}
    for name, rows in parts.items():
        names |= {f"{name}_input{s}": FEATURES[rows] for s in ("", "s")}
        names |= {f"{name}_output{s}": outputs[rows] for s in ("", "s")}
    return names | {"inputs": FEATURES, "outputs": outputs}


def updated(parameters: str) -> str:
    """The update that the lecture leaves to the reader."""
    return (
        "with torch.no_grad():\n"
        f"    for param in {parameters}:\n"
        "        param -= 0.3 * param.grad\n"
        "        param.grad = None\n"
    )


LINEAR = programs.LINEAR + "Net = LinearModel\n"
ONE_HIDDEN_LAYER = programs.ONE_HIDDEN_LAYER + "Net = OneHiddenLayer\n"
IN_C = programs.FIVE_HIDDEN + "net = Net()\ncriterion = torch.nn.MSELoss()\n# to do in a loop:\n"
LAYERS = programs.LAYERS.replace(
    "\n# to do", "\nboth = torch.nn.ModuleList([linear1, linear2])\n# to do"
)
CLOSURE = """\
def closure():
    optimizer.zero_grad()
    value = criterion(net(input_X_features), output_y_labels)
    value.backward()
    return value
optimizer.step(closure)
"""
TWO_AND_TWO = {"x": FEATURES[:, :2], "y": FEATURES[:, 2:4]}
TRAINING = {
    "H14 linear model, two classes": Training(
        LINEAR + programs.BINARY, "loss_value", batches(SIGNS, n_features=12, sizes=())
    ),
    "H14 one hidden layer, two classes": Training(
        ONE_HIDDEN_LAYER + programs.BINARY, "loss_subtrain", batches(SIGNS, sizes=(12, 5))
    ),
    "H14 stack, regression": Training(
        programs.STACK + programs.REGRESSION, "loss_value", batches(SCORES, sizes=(12, 5))
    ),
    "H14 stack, many classes": Training(
        programs.CLASSES + "loss_value.backward()\n" + updated("net.parameters()"),
        "loss_value",
        batches(np.arange(30) % 3, sizes=(12, 5, 3)),
    ),
    "C full": Training(IN_C + programs.FULL, "subtrain_loss", batches(SCORES, sizes=())),
    "C stochastic": Training(IN_C + programs.STOCHASTIC, "one_loss", batches(SCORES, sizes=())),
    "C batch": Training(IN_C + programs.BATCH, "batch_loss", batches(SCORES, sizes=())),
    "C5 L-BFGS": Training(
        programs.SMALL_NET + programs.LBFGS + CLOSURE,
        "loss",
        {"input_X_features": FEATURES[:, :1], "output_y_labels": SCORES, "sizes": ()},
        steps=3,  # each of 20 iterations; without a line search rounding grows from step to step
    ),
    "J10 layers": Training(LAYERS + updated("both.parameters()"), "loss", TWO_AND_TWO, "both"),
    "J10 Sequential": Training(
        programs.SEQUENTIAL + updated("model.parameters()"), "loss", TWO_AND_TWO, "model"
    ),
}


def train(package: str, training: Training) -> list[float]:
    """The losses of all repetitions."""
    world = World(package, **training.names)
    start, _, repeated = training.text.rpartition("# to do in a loop:\n")
    world.set_weights(world.run(start)[training.model])
    return [world.run(repeated)[training.loss].item() for _ in range(training.steps)]


@pytest.mark.parametrize("name", TRAINING)
def test_programs_learn(name):
    losses = train("glassgrad", TRAINING[name])
    assert all(map(math.isfinite, losses))
    assert losses[-1] < 0.99 * losses[0]


@pytest.mark.parametrize("name", TRAINING)
def test_programs_have_the_losses_that_they_have_in_torch(name):
    pytest.importorskip("torch")
    found, expected = (train(package, TRAINING[name]) for package in ("glassgrad", "torch"))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


# ---- programs that prepare data


def test_h14_device_choice_and_copies_from_numpy():
    world = World("glassgrad", sizes=(12, 5))
    world.names |= {"numpy_features": FEATURES, "numpy_labels": np.arange(30) % 2}
    found = world.run(programs.STACK + programs.DEVICE)
    assert found["device"] == "cpu"
    assert found["dev_features"].dtype == found["dev_labels"].dtype == world.torch.float32
    np.testing.assert_array_equal(found["dev_features"], FEATURES.astype(np.float32))
    assert found["dev_net"] is found["cpu_net"]


@pytest.mark.parametrize("as_tensors", [True, False])
def test_h14_csv_data_set_and_loader(as_tensors):
    features, labels = np.arange(5000.0).reshape(2500, 2), np.arange(2500)
    world = World("glassgrad", seen=[])
    make = world.torch.from_numpy if as_tensors else np.asarray
    world.names |= {"feature_mat": make(features), "set_labels": {"subtrain": make(labels)}}
    found = world.run(programs.CSV)["seen"]
    assert [tuple(x.shape) for x, _ in found] == [(1000, 2), (1000, 2), (500, 2)]
    order = np.concatenate([y for _, y in found])
    assert sorted(order) == list(range(2500))
    assert order.tolist() != list(range(2500))  # shuffled
    np.testing.assert_array_equal(np.concatenate([x for x, _ in found]), features[order])


# ---- the polynomial, by hand and by tensors

X = np.linspace(-math.pi, math.pi, 2000)
START = {"a": 0.1, "b": -0.2, "c": 0.3, "d": -0.1}


def by_hand():
    """What the NumPy program prints, and its last weights."""
    names = {"np": np, "x": X, "y": np.sin(X), "learning_rate": 1e-6, **START}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(programs.POLYNOMIAL_NUMPY, names)
    return table(printed.getvalue()), [names[k] for k in START]


def by_tensors(package):
    """What the tensor program prints, and its last weights."""
    world = World(package, x=X, y=np.sin(X), device="cpu")
    world.names["dtype"] = world.torch.float64
    names = world.run(programs.POLYNOMIAL_WEIGHTS)
    with world.torch.no_grad():
        for name, value in START.items():
            names[name].fill_(value)
    printed = world.run(programs.POLYNOMIAL_TENSORS)["printed"]
    return table(printed), [names[k].item() for k in START]


def table(printed):
    return np.array([line.split() for line in printed.splitlines()], float)


def test_j8_polynomial_by_hand_and_by_tensors_print_the_same():
    (expected, weights), (found, found_weights) = by_hand(), by_tensors("glassgrad")
    assert expected[:, 0].tolist() == list(range(99, 2000, 100))
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    np.testing.assert_allclose(found_weights, weights, rtol=1e-9)
    assert expected[-1, 1] < 10 < 700 < expected[0, 1]


def test_j9_polynomial_prints_what_it_prints_in_torch():
    pytest.importorskip("torch")
    (found, weights), (expected, torch_weights) = map(by_tensors, ("glassgrad", "torch"))
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    np.testing.assert_allclose(weights, torch_weights, rtol=1e-9)


# ---- constructors


@pytest.mark.parametrize("package", ["glassgrad", "torch"])
@pytest.mark.parametrize("constructor", [*programs.CONVOLUTIONS, *programs.POOLINGS])
def test_c3_convolution_and_pooling_constructors(package, constructor):
    torch = pytest.importorskip(package)
    layer = eval(constructor, {"torch": torch})
    size, stride = (np.ravel(value)[0] for value in (layer.kernel_size, layer.stride))
    assert layer(torch.zeros(1, 1, 10)).shape[2] == (10 - size) // stride + 1


# ---- what does not run in PyTorch does not run here

REFUSED = {
    "a network without its sizes": (programs.STACK + "net = Net()", TypeError),
    "an empty loop": (programs.CSV, SyntaxError),
    "brackets of randn": (programs.POLYNOMIAL_WEIGHTS, SyntaxError),
    "a list of a generator": (programs.SMALL_NET + programs.LBFGS, TypeError),
    "an update without no_grad": (
        "learning_rate = 0.1\nx = y = torch.ones(5, 2)\n" + programs.SEQUENTIAL + programs.UPDATE,
        RuntimeError,
    ),
    "backward of many numbers": (
        "f = torch.ones(3, requires_grad=True)\nloss = (f - 1).pow(2)\nloss.backward()",
        RuntimeError,
    ),
}


@pytest.mark.parametrize("package", ["glassgrad", "torch"])
@pytest.mark.parametrize("slip", REFUSED)
def test_slips_are_refused(package, slip):
    torch = pytest.importorskip(package)
    text, error = REFUSED[slip]
    with pytest.raises(error):
        exec(text.replace("import torch", f"import {package} as torch"), {"torch": torch})
