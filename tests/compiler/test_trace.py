"""What a step does, traced and run again node by node, is what it does eagerly, call after call."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from layers import LAYERS, contract, example, shape
from rules import RULES as LISTED
from twins import both


def given(name, kind, size, seed, unit=False):
    """An input: real numbers, class numbers, or signs, which are labels everywhere."""
    random = np.random.default_rng(seed)
    if kind == "int64":
        return gg.from_numpy(random.integers(0, 2, size))
    if name == "target" and not unit:
        return gg.from_numpy(random.choice([-1.0, 1.0], size).astype(np.float32))
    return gg.from_numpy(random.uniform(0.1, 0.9, size).astype(np.float32))


def inputs_of(layer, lengths, seed):
    """Arguments that fit the layer's contract."""
    sizes = {name: value for name, value in vars(layer).items() if type(value) is int} | lengths
    left = contract(type(layer))[0]
    lead = (4,) if "..." in str(left) or "*" in str(left) else ()
    unit = isinstance(layer, nn.BCELoss)
    return tuple(given(n, kind, shape(text, sizes, lead), seed, unit) for n, kind, text in left)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_layers_learn(name, training):
    """Forward, backward and an update, three times; outputs, gradients, buffers and weights."""

    def make():
        layer = example(name)[0].train(training)
        weights = list(layer.parameters())

        def step(*inputs):
            for w in weights:
                w.grad = None
            results = layer(*inputs)
            listed = results if isinstance(results, tuple) else (results,)
            total = sum((y * y).mean() for y in listed if y.dtype.kind == "f")
            if total.requires_grad:
                total.backward()
            gradients = [w.grad for w in weights]
            with gg.no_grad():
                for w in weights:
                    if w.grad is not None:
                        w -= 0.1 * w.grad
            return results, gradients

        return step, layer

    layer, lengths = example(name)
    both(make, [inputs_of(layer, lengths, seed) for seed in range(3)])


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_inputs(name):
    def make():
        layer = example(name)[0]

        def step(*inputs):
            starts = [x.detach().requires_grad_() if x.dtype.kind == "f" else x for x in inputs]
            results = layer(*starts)
            listed = results if isinstance(results, tuple) else (results,)
            total = sum((y * y).mean() for y in listed if y.dtype.kind == "f")
            if not total.requires_grad:
                return results
            total.backward()
            return [x.grad for x in starts]

        return step, layer

    layer, lengths = example(name)
    both(make, [inputs_of(layer, lengths, seed) for seed in range(2)])


# ---- optimizers

RULES = [
    *LISTED,
    ("SGD", {"lr": 0.1, "l1": 0.01}),
    ("Adam", {"lr": 0.05, "l1": 0.01}),
    ("Muon", {"lr": 0.05}),
    ("Muon", {"lr": 0.05, "weight_decay": 0.1, "nesterov": False}),
]
IDS = [f"{name}-{options}" for name, options in RULES]


def matrices(sizes=((4, 3), (3, 2))):
    random = np.random.default_rng(0)
    return [gg.from_numpy(random.normal(size=s).astype(np.float32)).requires_grad_() for s in sizes]


def learning(rule, options, schedule=None):
    """A step of a small network under a rule, and what it changes."""

    def make():
        weights = matrices()
        optimizer = getattr(gg.optim, rule)(weights, **options)

        def step(x):
            optimizer.zero_grad()
            loss = ((x @ weights[0]).tanh() @ weights[1]).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        things = {"weights": weights, "optimizer": optimizer}
        return step, things if schedule is None else {**things, "_schedule": schedule(optimizer)}

    return make


def batches(count, rows=5, columns=4):
    random = np.random.default_rng(1)
    return [
        (gg.from_numpy(random.normal(size=(rows, columns)).astype(np.float32)),)
        for _ in range(count)
    ]


@pytest.mark.parametrize("rule, options", RULES, ids=IDS)
def test_rules_from_their_first_step(rule, options):
    both(learning(rule, options), batches(5), exact=False)


def test_nodes_know_their_layers():
    net = nn.Sequential(
        nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Sequential(nn.ReLU()), nn.Linear(3, 1)
    )
    optimizer, criterion = gg.optim.SGD(net.parameters(), lr=0.1), nn.MSELoss()

    @gg.compile
    def step(x, y):
        optimizer.zero_grad()
        loss = criterion(net(x), y) + 1.0
        loss.backward()
        optimizer.step()
        return loss

    step(gg.randn(4, 2), gg.randn(4, 1))
    graph = step.graph()
    found = {}
    for x in graph.nodes:
        if x.operation is not None:
            path = graph.layers.get(x.layer)
            found.setdefault((path, x.of_gradient), []).append(x.operation.name)
    assert found["0", False] == found["3", False] == ["linear"]
    assert {"mean", "rsqrt"} <= set(found["1", False]) and found["2.0", False] == ["relu"]
    assert found["criterion", False] == ["sub", "square", "mean"]
    assert {"where"} <= set(found["2.0", True]) and {"contract", "sum"} <= set(found["3", True])
    assert found["1", True] and found["criterion", True]
    assert "add" in found[None, False]  # of the step itself
    assert {path for path, _ in found} == {"0", "1", "2.0", "3", "criterion", None}


SCHEDULES = {
    "step": lambda o: gg.optim.lr_scheduler.StepLR(o, 2, 0.5),
    "cosine": lambda o: gg.optim.lr_scheduler.CosineAnnealingLR(o, 6),
    "one cycle": lambda o: gg.optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=20),
    "warm-up": lambda o: gg.optim.lr_scheduler.LinearLR(o, 0.1, total_iters=3),
}


@pytest.mark.parametrize("rule", ["SGD", "Adam", "RMSprop"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules_are_inputs(rule, schedule):
    def advance(number, things):
        if number:
            things["_schedule"].step()

    make = learning(rule, {"lr": 0.1}, SCHEDULES[schedule])
    step = both(make, batches(6), advance, exact=False)
    assert sum(map(len, step.entries.values())) <= 2
