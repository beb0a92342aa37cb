"""Structured steps that try to break the planner: they find what random sizes cannot."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn, optim
from glassgrad.compiler import native as machine
from glassgrad.compiler.plan import chunk as chunks
from natively import NativeStep, assert_right, by_machine, by_numpy, traced
from glassgrad.compiler.graph import evaluated
from glassgrad.nn import functional as F

T = gg.Tensor.lift
random = np.random.default_rng(3)


def real(*shape, dtype="f"):
    return random.normal(size=shape).astype(dtype)


def data(batch=32, features=20, classes=5, dtype="f"):
    return real(batch, features, dtype=dtype), random.integers(0, classes, batch)


def batches(count=4, **sizes):
    return [data(**sizes) for _ in range(count)]


def network(*layers, dtype="f"):
    gg.manual_seed(0)
    net = nn.Sequential(*(layer() for layer in layers))
    return net.double() if dtype == "d" else net


def mlp(*sizes, activation=nn.Tanh, dtype="f"):
    layers = []
    for n, m in zip(sizes, sizes[1:]):
        layers += [lambda n=n, m=m: nn.Linear(n, m), activation]
    return network(*layers[:-1], dtype=dtype)


def trainer(net, rule=lambda p: optim.SGD(p, lr=0.1), criterion=None):
    """The user's loop from the lectures."""
    optimizer, criterion = rule(net.parameters()), criterion or nn.CrossEntropyLoss()

    def step(x, y):
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


MOMENTUM = lambda p: optim.SGD(p, lr=0.1, momentum=0.9)
ADAM = lambda p: optim.Adam(p, lr=0.01)


# ---- updates


def twice():
    """Two updates in a step."""
    step = trainer(mlp(20, 20, 5))
    return lambda x, y: (step(x, y), step(x, y))


def tied():
    """One layer at two places."""
    gg.manual_seed(0)
    shared = nn.Linear(20, 20)
    net = nn.Sequential(shared, nn.Tanh(), shared, nn.Tanh(), nn.Linear(20, 5))
    return trainer(net, MOMENTUM)


def autoencoder():
    """A weight and its transpose."""
    gg.manual_seed(0)
    layer = nn.Linear(20, 9)
    optimizer = optim.Adam(layer.parameters(), lr=0.01)

    def step(x, y):
        optimizer.zero_grad()
        loss = ((layer(x).tanh() @ layer.weight - x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    return step


def lookback():
    """The old weights are kept in another cell, and used."""
    net = mlp(20, 20, 5)
    old = T(np.zeros((20, 20), np.float32))
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y) + 1e-3 * ((net[0].weight - old) ** 2).sum()
        loss.backward()
        with gg.no_grad():
            old.copy_(net[0].weight * 1.5)
        optimizer.step()
        return loss

    return step


def cells(*shapes):
    gg.manual_seed(1)
    return [gg.randn(*shape) for shape in shapes]


def exchange():
    """Two cells change places."""
    u, v = cells((20, 20), (20, 20))

    def step(x, y):
        loss = ((x @ u.T @ v) ** 2).mean()
        a, b = u * 1.01, v * 0.99
        u.copy_(b)
        v.copy_(a)
        return loss

    return step


def pure_exchange():
    u, v = cells((20, 20), (20, 20))

    def step(x, y):
        a, b = u * 1, v * 1
        u.copy_(b)
        v.copy_(a)

    return step


def circle():
    """Three cells, each becoming the next."""
    u, v, w = cells((7, 20), (7, 20), (7, 20))

    def step(x, y):
        a, b, c = u * 1.0, v * 2.0, w * 0.5
        u.copy_(b)
        v.copy_(c)
        w.copy_(a)
        return (x @ a.T).sum()

    return step


def transposed():
    """w <- 0.9 w'"""
    (w,) = cells((20, 20))

    def step(x, y):
        loss = (x @ w).tanh().mean()
        w.copy_(w.T * 0.9)
        return loss

    return step


def shifted():
    """A cell whose every element becomes its neighbour; the new one stands first."""
    (w,) = cells((40,))

    def step(x, y):
        w.copy_(gg.cat([x[0, :1], w[:-1]]))
        return w.sum()

    return step


def flipped():
    (w,) = cells((7, 20))

    def step(x, y):
        w.copy_(w.flip(1) + x[:7])

    return step


def normalised_cell():
    """A cell becomes a value that needs all of its old elements."""
    (w,) = cells((20, 30))

    def step(x, y):
        w.copy_(w / (w.norm() + 1))
        w.copy_(w - w.mean(0))
        return (x @ w).sum()

    return step


def read_after_write():
    """The loss is computed from the updated weights, in the same step."""
    net = mlp(20, 20, 5)
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    def step(x, y):
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
        return F.cross_entropy(net(x), y)

    return step


def updated_output():
    """An output is an update too, and again another one."""
    u, v = cells((32, 20), (32, 20))

    def step(x, y):
        new = u * 0.9 + x
        u.copy_(new)
        v.copy_(new)
        return new, u, new * 2

    return step


def accumulated():
    """A cell that counts, and one that sums rows over the steps."""
    (w,) = cells((20,))
    count = T(np.zeros((), np.int64))

    def step(x, y):
        count.add_(1)
        w.add_(x.sum(0))
        return w / count

    return step


def gradient_of_update():
    """The second gradient stops at the newest version."""
    net = mlp(20, 12, 5)
    params = list(net.parameters())

    def step(x, y):
        for _ in range(2):
            grads = gg.autograd.grad(F.cross_entropy(net(x), y), params)
            with gg.no_grad():
                for p, g in zip(params, grads):
                    p -= 0.1 * g
        return F.cross_entropy(net(x), y)

    return step


def moving_average():
    """A shadow of the weights follows after the update."""
    net, step = None, None
    net = mlp(20, 16, 5)
    shadow = [T(p.detach().numpy().copy()) for p in net.parameters()]
    train = trainer(net, ADAM)

    def step(x, y):
        loss = train(x, y)
        with gg.no_grad():
            for s, p in zip(shadow, net.parameters()):
                s.copy_(0.9 * s + 0.1 * p)
        return loss

    return step


def clipped():
    """Gradients clipped by their global norm."""
    net = mlp(20, 20, 5)
    optimizer = optim.SGD(net.parameters(), lr=0.5, momentum=0.9)

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(net.parameters(), 0.1)
        optimizer.step()
        return loss, norm

    return step


def penalty():
    """The norm of the gradient is part of the loss."""
    net = mlp(20, 12, 5)
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        grads = gg.autograd.grad(loss, list(net.parameters()), create_graph=True)
        loss = loss + 0.1 * sum((g * g).sum() for g in grads)
        loss.backward()
        optimizer.step()
        return loss

    return step


def centred_batch():
    """Sums over the batch in the middle of the network."""
    net, head = mlp(20, 12, activation=nn.Tanh), mlp(12, 5)
    optimizer = optim.SGD([*net.parameters(), *head.parameters()], lr=0.1)

    def step(x, y):
        optimizer.zero_grad()
        h = net(x)
        h = (h - h.mean(0)) / (h.std(0) + 0.1)
        loss = F.cross_entropy(head(h * h.amax(0)), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def batch_norm():
    return trainer(
        network(
            lambda: nn.Linear(20, 30), lambda: nn.BatchNorm1d(30), nn.ReLU, lambda: nn.Linear(30, 5)
        )
    )


def zeroed_gradient():
    """Gradients are summed over the calls of one step."""
    net = mlp(20, 12, 5)
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    def step(x, y):
        optimizer.zero_grad()
        for part in (x, 2 * x):
            F.cross_entropy(net(part), y).backward()
        optimizer.step()

    return step


STEPS = [
    twice, tied, autoencoder, lookback, exchange, pure_exchange, circle, transposed, shifted, flipped,
    normalised_cell, read_after_write, updated_output, accumulated, gradient_of_update,
    moving_average, clipped, penalty, centred_batch, batch_norm, zeroed_gradient,
]  # fmt: skip


@pytest.mark.parametrize("make", STEPS, ids=lambda make: make.__name__)
def test_steps(make):
    assert_right(make(), *batches())
