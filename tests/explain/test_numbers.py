"""Every printed number of random networks, against PyTorch in float64."""

import re

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn

F = nn.functional
ACTIVATIONS = ["Sigmoid", "Tanh", "ReLU", "ELU", "LeakyReLU", "GELU", "Softplus", "SiLU"]
LOSSES = ["mse_loss", "cross_entropy", "binary_cross_entropy_with_logits"]


def case(number):
    """Widths, activation, loss, rows and data of a random network."""
    draw = np.random.default_rng(number)
    widths = [int(n) for n in draw.integers(1, 7, draw.integers(2, 5))] + [3]
    rows = (1, 2, 17)[number % 3]
    loss = LOSSES[number % 2 if rows == 1 else number % 3]
    X = draw.normal(size=(rows, widths[0]))
    y = draw.normal(size=(rows, 3)) if loss == "mse_loss" else draw.integers(0, 2, (rows, 3)) * 1.0
    y = draw.integers(0, 3, rows) if loss == "cross_entropy" else y
    return widths, ACTIVATIONS[number % len(ACTIVATIONS)], loss, X, y


def network(library, widths, activation):
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [library.nn.Linear(inputs, outputs), getattr(library.nn, activation)()]
    return library.nn.Sequential(*layers[:-1]).double()


def theirs(torch, net, widths, activation, loss, X, y):
    """{name: array} of scores, activations, loss and all derivatives by PyTorch."""
    peer = network(torch, widths, activation)
    peer.load_state_dict({k: torch.tensor(v.numpy()) for k, v in net.state_dict().items()})
    h, kept = torch.tensor(X), {}
    for i, layer in enumerate(peer):
        h = layer(h)
        h.retain_grad()
        kept[f"{'AH'[i % 2]}{i // 2 + 1}"] = h
    J = getattr(torch.nn.functional, loss)(h, torch.tensor(y))
    J.backward()
    for i, p in enumerate(peer.parameters()):
        kept[f"{'Wb'[i % 2]}{i // 2 + 1}"] = p
    values = {k: x.detach().numpy() for k, x in kept.items() if k[0] in "AH"}
    return (
        values | {"J": J.detach().numpy()} | {f"∂J/∂{k}": x.grad.numpy() for k, x in kept.items()}
    )


@pytest.mark.parametrize("number", range(24))
def test_steps_and_neurons_are_those_of_pytorch(number):
    torch = pytest.importorskip("torch")
    widths, activation, loss, X, y = case(number)
    gg.manual_seed(number)
    net = network(gg, widths, activation)
    J = getattr(F, loss)(net(gg.tensor(X)), gg.tensor(y))
    found = gg.explain.steps(J)
    wanted = theirs(torch, net, widths, activation, loss, X, y)
    assert set(wanted) <= {s.name for s in found}
    for name, value in wanted.items():
        np.testing.assert_allclose(found.of(name).result, value, rtol=1e-9, atol=1e-14)
        printed(found.of(name))
    table = gg.explain.neurons(J)
    assert len(table) == sum(widths[1:])
    for n in table:
        k, layer = n.unit - 1, n.layer
        np.testing.assert_allclose(n.v, wanted[f"A{layer}"][:, k], rtol=1e-9)
        np.testing.assert_allclose(n.delta, wanted[f"∂J/∂A{layer}"][:, k], rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(n.slopes, wanted[f"∂J/∂W{layer}"][k], rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(n.by_bias, wanted[f"∂J/∂b{layer}"][k], rtol=1e-9, atol=1e-14)
        if layer < len(widths) - 1:
            np.testing.assert_allclose(n.y, wanted[f"H{layer}"][:, k], rtol=1e-9)
            np.testing.assert_allclose(n.by_y, wanted[f"∂J/∂H{layer}"][:, k], rtol=1e-9, atol=1e-14)


def printed(step):
    """What is printed of a small array are its numbers, to four digits."""
    if step.result.ndim == 2 and step.shape[0] <= 6:  # more is shown by a corner
        body = re.sub(r"^ *=.*\n", "", str(step).split("\n", 1)[1])  # numbers that are put in
        numbers = [float(x) for x in re.findall(r"\S+", body)]
        np.testing.assert_allclose(numbers, step.result.reshape(-1), rtol=6e-4, atol=1e-300)
