"""Health: each finding is provoked, and none comes up in a healthy training."""

import contextlib
import math
import sys
import warnings
from xml.dom import minidom

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn, optim
from glassgrad.training import Health, HealthWarning, find_rate
from glassgrad.types import ShapeError

random = np.random.default_rng(0)
X = random.normal(size=(300, 8)).astype(np.float32)
CLASSES = (X[:, 0] * X[:, 1] + X[:, 2] > 0).astype(int)
VALUES = (X @ random.normal(size=8) / 3 + np.sin(X[:, 0])).astype(np.float32)[:, None]
KINDS = random.integers(0, 3, 100)
IMAGES = random.random((100, 1, 8, 8)).astype(np.float32)
IMAGES[np.arange(100), 0, KINDS * 2] += 1
TEXTS = random.integers(0, 30, (300, 12))
SIGNALS = np.repeat(VALUES, 3, axis=1)[:, :, None] + random.normal(size=(300, 3, 9))


def stack(*sizes, act=nn.ReLU):
    layers = [part for pair in zip(sizes, sizes[1:]) for part in (nn.Linear(*pair), act())]
    return nn.Sequential(*layers[:-1])


class Functional(nn.Module):
    """Non-linearities that are no modules."""

    def __init__(self, act=nn.functional.relu):
        self.hidden, self.out, self.act = nn.Linear(8, 12), nn.Linear(12, 2), act

    def forward(self, x):
        return self.out(self.act(self.hidden(x)))


class Text(nn.Module):
    def __init__(self):
        self.codes, self.out = nn.Embedding(30, 16), nn.Linear(16, 2)
        self.window = nn.Conv1d(16, 16, 3)

    def forward(self, x):
        return self.out(nn.functional.relu(self.window(self.codes(x).transpose(1, 2))).mean(2))


class Residual(nn.Module):
    def __init__(self):
        self.first, self.out = nn.Linear(8, 16), nn.Linear(16, 2)
        self.blocks = nn.ModuleList([nn.Linear(16, 16) for _ in range(6)])

    def forward(self, x):
        x = self.first(x)
        for block in self.blocks:
            x = x + nn.functional.relu(block(x))
        return self.out(x)


def convolutional():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 2),
        nn.ReLU(), nn.Flatten(), nn.Dropout(0.2), nn.Linear(24, 3),
    )  # fmt: skip


def one_dimensional():
    return nn.Sequential(nn.Conv1d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(28, 1))


HEALTHY = {
    "ReLU": (lambda: stack(8, 16, 16, 2), (X, CLASSES), "cross_entropy"),
    "tanh": (lambda: stack(8, 16, 16, 16, 2, act=nn.Tanh), (X, CLASSES), "cross_entropy"),
    "sigmoid": (lambda: stack(8, 16, 2, act=nn.Sigmoid), (X, CLASSES), "cross_entropy"),
    "ELU": (lambda: stack(8, 16, 16, 2, act=nn.ELU), (X, CLASSES), "cross_entropy"),
    "deep": (lambda: stack(8, *[32] * 6, 2), (X, CLASSES), "cross_entropy"),
    "functional": (Functional, (X, CLASSES), "cross_entropy"),
    "regression": (lambda: stack(8, 16, 1), (X, VALUES), "mse"),
    "linear": (lambda: nn.Linear(8, 1), (X, VALUES), "mse"),
    "convolution": (convolutional, (IMAGES, KINDS), "cross_entropy"),
    "one dimension": (one_dimensional, (SIGNALS.astype(np.float32), VALUES), "mse"),
    "text": (Text, (TEXTS, (TEXTS[:, 0] > TEXTS[:, 1]).astype(int)), "cross_entropy"),
    "residual": (Residual, (X, CLASSES), "cross_entropy"),
    "line": (lambda: nn.Linear(1, 1), (X[:, :1], 2 * X[:, :1] + 1), "mse"),
    "reconstruction": (lambda: stack(8, 4, 8), (X, X), "mse"),
    "normalised": (
        lambda: nn.Sequential(nn.BatchNorm1d(8), nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2)),
        (X * 50, CLASSES),
        "cross_entropy",
    ),
}


def kinds(report):
    return {finding.kind for finding in report}


def trained(model, data, loss, seed=0, lr=0.01, **more):
    """The callback after a training, and the categories of all warnings."""
    watch = next((c for c in more.get("callbacks", []) if isinstance(c, Health)), Health())
    given = {
        "optimizer": optim.Adam(model.parameters(), lr=lr),
        "epochs": 4,
        "batch_size": 32,
        "verbose": False,
        "callbacks": [watch],
    }
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gg.fit(model, data, loss=loss, seed=seed, **(given | more))
    return watch, [w for w in caught if w.category is HealthWarning]


# ---- silence


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_training_is_silent(name, seed):
    make, data, loss = HEALTHY[name]
    gg.manual_seed(seed)
    model = make()
    watch, caught = trained(model, data, loss, seed)
    assert watch.findings == [] and caught == []
    report = gg.health(model, data, loss=loss)
    assert report.healthy and not len(report)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["ReLU", "tanh", "regression", "convolution"])
@pytest.mark.parametrize("kind, lr", [(optim.SGD, 0.1), (optim.Adam, 0.01), (optim.Adam, 1e-3)])
def test_a_usual_rate_is_silent(name, seed, kind, lr):
    make, data, loss = HEALTHY[name]
    gg.manual_seed(seed)
    model = make()
    report = gg.health(model, data, loss=loss, optimizer=kind(model.parameters(), lr=lr))
    assert report.findings == []


def test_it_says_that_nothing_was_found():
    assert repr(gg.health(stack(8, 16, 16, 2), (X, CLASSES))) == (
        "healthy: nothing found in 5 layers, 300 rows"
    )


# ---- each finding


@pytest.mark.parametrize("act", [nn.functional.relu, gg.relu])
def test_dead_units_of_functions(act):
    model = Functional(act)
    model.hidden.bias.data.fill_(-50)
    found = gg.health(model, (X, CLASSES)).of("dead units")
    assert [(f.layer, f.numbers) for f in found] == [("hidden", {"dead": 12, "units": 12})]


def test_dead_channels_of_a_convolution():
    model = convolutional()
    model[4].bias.data.fill_(-50)
    found = gg.health(model, (IMAGES, KINDS)).of("dead units")
    assert [(f.layer, f.numbers["units"]) for f in found] == [("5", 6)]
    assert "kaiming" in found[0].advice


@pytest.mark.parametrize("act", [nn.Sigmoid, nn.Tanh])
def test_saturated_units(act):
    model = stack(8, 16, 2, act=act)
    model[0].weight.data.mul_(100)
    found = gg.health(model, (X, CLASSES)).of("saturated units")
    assert [f.layer for f in found] == ["1"] and found[0].numbers["share"] > 0.8


def hidden_findings(act, bias=0.0, scale=1.0):
    """What is found of a hidden layer with this activation."""
    gg.manual_seed(1)
    model = Functional(act)
    model.hidden.weight.data.mul_(scale)
    model.hidden.bias.data.add_(bias)
    seen = {"dead units", "saturated units"}
    return [f.kind for f in gg.health(model, (X, CLASSES)) if f.layer == "hidden"
            and f.kind in seen]  # fmt: skip


def gate(x):
    return x * (x + 3).clamp(0, 6) / 6


FLAT_BELOW = ["relu", "relu6", "hardswish", "elu", "selu", "celu", "threshold", gate]
FLAT_ABOVE = [
    "relu6",
    "hardtanh",
    "hardsigmoid",
    lambda x: x.clamp(-2, 2),
    lambda x: x.clamp(max=3),
]
SMOOTH = ["gelu", "silu", "mish", "softplus", "leaky_relu", "softsign", "hardshrink", "softshrink"]


def named(function):
    more = {"threshold": (0.1, 0.0)}.get(function, ())
    called = getattr(nn.functional, function) if isinstance(function, str) else function
    return lambda x: called(x, *more)


@pytest.mark.parametrize("function", [*FLAT_BELOW, *FLAT_ABOVE, *SMOOTH, "tanh", "sigmoid"])
def test_first_weights_are_healthy_under_every_function(function):
    assert hidden_findings(named(function)) == []


@pytest.mark.parametrize("function", FLAT_BELOW)
def test_units_below_where_a_function_is_flat_are_dead(function):
    assert hidden_findings(named(function), bias=-120) == ["dead units"]
    assert hidden_findings(named(function), bias=2) == []


@pytest.mark.parametrize("function", FLAT_ABOVE)
def test_units_above_where_a_function_is_flat_are_dead(function):
    assert hidden_findings(named(function), bias=50) == ["dead units"]
    assert hidden_findings(named(function), bias=-1) == []


@pytest.mark.parametrize("function", ["hardtanh", "hardsigmoid", "relu6", "tanh", "sigmoid"])
def test_values_at_both_ends_are_saturated(function):
    assert hidden_findings(named(function), scale=300) == ["saturated units"]


def test_a_function_is_judged_as_a_whole():
    assert hidden_findings(lambda x: 0.01 * x.tanh()) == []
    assert hidden_findings(lambda x: x * x.sigmoid(), bias=20) == []
    assert hidden_findings(lambda x: x * x.sigmoid(), bias=-20) == ["saturated units"]
    assert hidden_findings(lambda x: x + (x - 50).relu()) == []
    assert hidden_findings(nn.functional.relu, scale=300) == []


def test_a_dead_branch_beside_a_skip_connection():
    model = Residual()
    model.blocks[2].bias.data.fill_(-500)
    found = gg.health(model, (X, CLASSES)).of("dead units")
    assert [(f.layer, f.numbers["dead"]) for f in found] == [("blocks.2", 16)]


def test_outputs_may_be_saturated():
    model = nn.Sequential(nn.Linear(8, 1), nn.Sigmoid())
    model[0].weight.data.mul_(100)
    labels = CLASSES[:, None].astype(np.float32)
    assert gg.health(model, (X, labels), loss="bce").of("saturated units") == []


def test_vanishing_gradients():
    model = stack(8, *[16] * 8, 2, act=nn.Sigmoid)
    found = gg.health(model, (X, CLASSES)).of("vanishing gradients")
    assert [f.layer for f in found] == ["0"] and found[0].numbers["ratio"] < 1e-3


def test_exploding_gradients():
    gg.manual_seed(0)
    model = stack(8, *[64] * 6, 2)
    for part in model:
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight)
    assert "exploding gradients" in kinds(gg.health(model, (X, CLASSES)))


@pytest.mark.parametrize("by", [1e5, 1e-5])
def test_targets_far_from_one_are_unscaled(by):
    report = gg.health(stack(8, 16, 1), (X, VALUES * np.float32(by)))
    assert [(f.layer, f.kind) for f in report] == [("labels", "unscaled labels")]
    assert "(y - y.mean()) / y.std()" in report[0].advice


def test_inputs_that_are_all_zero():
    assert kinds(gg.health(stack(8, 16, 2), (0 * X, CLASSES))) >= {"unscaled inputs"}


class Recurrent(nn.Module):
    """Begins with zeros, which do not come from x, and with a parameter."""

    def __init__(self):
        self.into, self.again, self.out = nn.Linear(8, 6), nn.Linear(6, 6), nn.Linear(6, 2)
        self.start = nn.Parameter(gg.zeros(1, 6))

    def forward(self, x):
        state = gg.tanh(self.into(x) + self.again(gg.zeros(1, 6)) + self.start)
        return self.out(gg.tanh(self.into(x) + self.again(state)))


def test_what_does_not_come_from_the_inputs_is_no_hindrance():
    watch, _ = trained(Recurrent(), (X, CLASSES), "cross_entropy")
    assert watch.findings == [] and gg.health(Recurrent(), (X, CLASSES)).healthy


@pytest.mark.parametrize("act", [nn.Tanh, nn.Sigmoid, nn.ReLU])
@pytest.mark.parametrize("value", [0.1, 0.0])
def test_equal_units_are_no_still_weights(act, value):
    model = stack(8, 16, 2, act=act)
    for p in model.parameters():
        p.data.fill_(value)
    report = gg.health(model, (X, CLASSES))
    assert "equal units" in kinds(report) and report.of("still weights") == []


def test_what_is_known_is_not_said_again():
    model = stack(8, 16, 16, 2)
    head = optim.SGD(model[4].parameters(), lr=0.1)
    watch, _ = trained(model, (X, CLASSES), "cross_entropy", optimizer=head)
    assert [(f.layer, f.kind) for f in watch.findings] == [("0", "still weights")]
    deep = stack(8, *[16] * 16, 2, act=nn.Sigmoid)
    watch, _ = trained(deep, (X, CLASSES), "cross_entropy", epochs=3)
    found = [f.kind for f in watch.findings]
    assert "vanishing gradients" in found and "still weights" not in found


def test_few_steps_are_no_lack_of_progress():
    gg.manual_seed(0)
    watch, _ = trained(
        stack(8, 16, 2), (X, CLASSES), "cross_entropy", lr=1e-4, epochs=30, batch_size=None,
        callbacks=[Health(rate=False)],
    )  # fmt: skip
    assert watch.findings == []


@pytest.mark.parametrize("by", [255.0, 1e-3])
def test_unscaled_images(by):
    report = gg.health(convolutional(), (IMAGES * np.float32(by), KINDS))
    assert kinds(report) == {"unscaled inputs"} and report[0].layer == "inputs"


def ending(*layers, outputs=2):
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, outputs), *layers)


COLUMN = CLASSES[:, None].astype(np.float32)


@pytest.mark.parametrize(
    "model, labels, loss, said",
    [
        (lambda: ending(nn.Softmax(1)), CLASSES, "cross_entropy", "softmax gives probabilities"),
        (lambda: ending(nn.Sigmoid()), CLASSES, "cross_entropy", "sigmoid gives probabilities"),
        (lambda: ending(nn.Sigmoid(), outputs=1), COLUMN, "bce_with_logits", "makes probabil"),
        (lambda: ending(nn.ReLU()), CLASSES, "cross_entropy", "relu cuts off the negative"),
        (lambda: ending(), CLASSES, "nll", "numbers above 0"),
        (lambda: ending(nn.Sigmoid(), outputs=1), VALUES, "mse", "from 0 to 1, and"),
        (lambda: ending(nn.ReLU(), outputs=1), VALUES, "mse", "from 0 to inf, and"),
    ],
    ids=["softmax", "sigmoid", "binary", "relu", "nll", "values", "positive"],
)
def test_outputs_that_do_not_go_with_the_loss(model, labels, loss, said):
    gg.manual_seed(0)
    found = gg.health(model(), (X, labels), loss=loss)
    assert [f.layer for f in found] == ["3" if len(model()) > 3 else "2"]
    assert kinds(found) == {"wrong output"} and said in found[0].what


@pytest.mark.parametrize(
    "model, labels, loss",
    [
        (lambda: ending(nn.LogSoftmax(1)), CLASSES, "nll"),
        (lambda: ending(nn.LogSoftmax(1)), CLASSES, "cross_entropy"),
        (lambda: ending(nn.Sigmoid(), outputs=1), COLUMN, "bce"),
        (lambda: ending(nn.Sigmoid(), outputs=1), COLUMN, "mse"),
        (lambda: ending(nn.Softmax(1)), np.eye(2, dtype=np.float32)[CLASSES], "mse"),
    ],
)
def test_outputs_that_go_with_the_loss(model, labels, loss):
    gg.manual_seed(0)
    assert gg.health(model(), (X, labels), loss=loss).healthy


def test_units_that_begin_alike_remain_so():
    model = stack(8, 16, 2)
    for part in (model[0], model[2]):
        part.weight.data.fill_(0.1)
        part.bias.data.fill_(0.0)
    found = gg.health(model, (X, CLASSES)).of("equal units")
    assert [(f.layer, f.numbers["units"]) for f in found] == [("0", 16)]
    model[0].weight.data[3, 0] = 0.2
    assert gg.health(model, (X, CLASSES)).of("equal units") == []


def test_output_weights_may_begin_at_zero():
    model = stack(8, 16, 2)
    model[2].weight.data.fill_(0.0)
    assert gg.health(model, (X, CLASSES)).healthy


def test_labels_that_are_all_the_same():
    found = gg.health(stack(8, 16, 2), (X, 0 * CLASSES))
    assert [(f.layer, f.kind) for f in found] == [("labels", "one label")]


def test_labels_that_are_not_finite():
    labels = VALUES.copy()
    labels[4] = math.inf
    found = gg.health(stack(8, 16, 1), (X, labels)).of("not finite")
    assert [(f.layer, f.what) for f in found] == [
        ("labels", "the labels hold inf in row 4, column 0")
    ]


def test_parameters_that_the_optimizer_does_not_have():
    model = stack(8, 16, 2)
    only = optim.Adam(model[2].parameters(), lr=0.01)
    found = gg.health(model, (X, CLASSES), loss="cross_entropy", optimizer=only)
    assert [(f.layer, f.kind) for f in found] == [("0", "still weights")]
    assert "does not have its parameters" in found[0].what
    model[0].requires_grad_(False)
    assert gg.health(model, (X, CLASSES), loss="cross_entropy", optimizer=only).healthy


def test_unscaled_columns():
    x = X.copy()
    x[:, 3] = x[:, 3] * 10 + 2000
    assert "feature 3" in gg.health(stack(8, 16, 2), (x, CLASSES)).of("unscaled inputs")[0].what
    x[:, 3] = X[:, 3] * 1e-4
    assert "times feature 3" in gg.health(stack(8, 16, 2), (x, CLASSES))[0].what


def test_standardized_inputs_are_scaled():
    model = nn.Sequential(nn.Standardize(8), *stack(8, 16, 2))
    data = (X * 1000, CLASSES)
    assert "unscaled inputs" in kinds(gg.health(model, data))
    watch, _ = trained(model, data, "cross_entropy", scale=True)
    assert watch.findings == []


@pytest.mark.parametrize(
    "leak, labels",
    [
        (lambda: CLASSES * 2 - 1, CLASSES),
        (lambda: VALUES[:, 0] / 2, VALUES),
        (lambda: VALUES[:, 0] ** 3, VALUES),
    ],
    ids=["classes", "values", "ranks"],
)
def test_leaking_labels(leak, labels):
    x = X.copy()
    x[:, 5] = leak()
    found = gg.health(stack(8, 16, 2 if labels is CLASSES else 1), (x, labels))
    assert [f.numbers["feature"] for f in found.of("leaking labels")] == [5]


def test_what_is_no_leak():
    line = X[:, :1], 2 * X[:, :1]  # a curve that is to be learnt
    truth = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]], np.float32), np.array([0, 0, 1, 1])
    for model, data in [
        (stack(1, 4, 1), line), (stack(2, 4, 2), truth), (stack(8, 4, 8), (X, X)),
    ]:  # fmt: skip
        assert gg.health(model, data).of("leaking labels") == []


def test_weights_without_gradient():
    class Forgetful(Functional):
        def forward(self, x):
            return self.out(self.act(self.hidden(x)).detach())

    found = gg.health(Forgetful(), (X, CLASSES)).of("still weights")
    assert [f.layer for f in found] == ["hidden"]
    frozen = Functional()
    frozen.hidden.requires_grad_(False)
    assert gg.health(frozen, (X, CLASSES)).findings == []


def test_weights_that_do_not_move():
    model = stack(8, 16, 2)
    only = optim.SGD(model[2].parameters(), lr=0.1)
    watch, caught = trained(model, (X, CLASSES), "cross_entropy", optimizer=only)
    assert [(f.layer, f.kind) for f in watch.findings] == [("0", "still weights")]
    assert len(caught) == 1 and str(caught[0].message).startswith("0: still weights")


def test_layers_without_a_function_between_them():
    model = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.2), nn.Linear(16, 16), nn.Linear(16, 2))
    found = gg.health(model, (X, CLASSES)).of("no activation")
    assert [(f.layer, "between 0 and 2:" in f.what) for f in found] == [("2", True), ("3", False)]
    bottleneck = nn.Sequential(nn.Linear(8, 2), nn.Linear(2, 8))
    assert gg.health(bottleneck, (X, X)).healthy


def test_dropout_that_leaves_nothing():
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(1.0), nn.Linear(16, 2))
    assert [(f.layer, f.kind) for f in gg.health(model, (X, CLASSES))] == [("2", "dropout")]


def test_a_model_that_is_frozen():
    model = stack(8, 16, 2).requires_grad_(False)
    found = gg.health(model, (X, CLASSES))
    assert [(f.layer, f.kind) for f in found] == [("(model)", "still weights")]


@pytest.mark.parametrize("act", [nn.ReLU, nn.Tanh])
def test_wild_first_outputs(act):
    gg.manual_seed(0)
    model = stack(8, 64, 64, 2, act=act)
    for p in model.parameters():
        p.data.mul_(8)
    found = gg.health(model, (X, CLASSES)).of("wild outputs")
    assert found[0].layer == "4" and math.isclose(
        found[0].numbers["at 0"], math.log(2), rel_tol=1e-5
    )


def test_relu_is_not_advised_to_relu():
    gg.manual_seed(0)
    for act, said in [(nn.ReLU, False), (nn.Sigmoid, True)]:
        found = gg.health(stack(8, *[16] * 12, 2, act=act), (X, CLASSES)).of("vanishing gradients")
        assert ("in place of sigmoid" in found[0].advice) is said


def test_layers_with_the_same_trouble_are_one_finding():
    model = stack(8, *[16] * 6, 2)
    model[10].bias.data.fill_(-500)
    found = gg.health(model, (X, CLASSES)).of("still weights")
    assert [(f.layer, f.numbers["layers"]) for f in found] == [("0", 6)]
    assert found[0].what.endswith("so it is with 2, 4, 6, 8 and 1 more")


def test_all_rows_are_looked_through_for_what_is_not_finite():
    x = np.tile(X, (9, 1))
    x[2001, 3] = math.inf
    report = gg.health(stack(8, 16, 2), (x, np.tile(CLASSES, 9)))
    assert [f.what for f in report] == ["the inputs hold inf in row 2001, column 3"]
    x[2001, 3] = 0
    assert repr(gg.health(stack(8, 16, 2), (x, np.tile(CLASSES, 9)))).endswith("512 of 2,700 rows")


def test_columns_go_by_their_names():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=[f"part {c}" for c in "abcdefgh"]).assign(y=CLASSES)
    frame["part c"] *= 1e4
    frame["part e"] = 2.0 * CLASSES
    found = gg.health(stack(8, 16, 2), (frame, "y"))
    named = [f.what.split("'")[1] for f in found if f.layer == "inputs"]
    assert named == ["part e", "part c"]


def test_words_that_are_rare_are_no_unscaled_columns():
    counts = (random.random((300, 8)) < 0.05) * random.random((300, 8)) ** 4 + (X > 0)
    counts[:, 0] = (random.random(300) < 0.05) * 1e-5
    assert gg.health(stack(8, 16, 2), (counts.astype(np.float32), CLASSES)).healthy


# ---- how a training goes


def test_no_progress():
    gg.manual_seed(0)
    labels = random.integers(0, 2, 300)
    watch, _ = trained(stack(8, 4, 2), (X, labels), "cross_entropy", lr=1e-4, epochs=12)
    found = [f for f in watch.findings if f.kind == "no progress"]
    assert [f.layer for f in found] == ["training"] and "after 10 epochs" in found[0].what


def test_overfitting():
    gg.manual_seed(0)
    labels = random.integers(0, 2, 60)
    watch, _ = trained(
        stack(8, 64, 64, 2), (X[:60], labels), "cross_entropy", epochs=60, validation=0.5
    )
    found = [f for f in watch.findings if f.kind == "overfitting"]
    assert len(found) == 1 and found[0].numbers["now"] > 1.5 * found[0].numbers["best"]


def test_a_warm_up_is_no_low_rate():
    gg.manual_seed(0)
    model = stack(8, 16, 2)
    updates = optim.Adam(model.parameters(), lr=0.01)
    schedule = optim.lr_scheduler.LambdaLR(updates, lambda epoch: min(1.0, 1e-5 + epoch / 3))

    class Warm(gg.training.Callback):
        def on_epoch_end(self, run):
            schedule.step()

    watch = Health()
    trained(model, (X, CLASSES), "cross_entropy", optimizer=updates, callbacks=[watch, Warm()])
    assert watch.findings == []


def test_branches_that_begin_at_zero():
    model = Residual()
    for block in model.blocks:
        block.weight.data.fill_(0.0)
        block.bias.data.fill_(0.01)
    assert gg.health(model, (X, CLASSES)).of("still weights") == []


# ---- learning rates


def test_no_rate_helps_where_nothing_is_to_be_learnt():
    gg.manual_seed(0)
    model = stack(8, *[16] * 12, 2, act=nn.Sigmoid)
    rates = find_rate(model, (X, CLASSES), loss="cross_entropy", high=0.1)
    assert rates.suggestion is None and repr(rates).endswith("other first weights or Adam)")
    assert len(rates.plot().lines) == 1


def test_find_rate_names_what_is_not_finite():
    x = X.copy()
    x[7, 2] = math.nan
    with pytest.raises(ValueError, match="no rate can be found: the inputs hold nan in row 7"):
        find_rate(stack(8, 16, 2), (x, CLASSES), loss="cross_entropy")


def test_trials_at_high_rates_do_not_warn():
    model = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 8), nn.Sigmoid())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gg.health(model, (X, (X > 0).astype(np.float32)), loss="mse", optimizer="sgd")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "kind, lr, name",
    [
        (optim.SGD, 1e-4, "low"),
        (optim.SGD, 100.0, "high"),
        (optim.Adam, 3.0, "high"),
        (optim.Adam, 1e-5, "low"),
    ],
)
def test_a_rate_that_is_off(kind, lr, name, seed):
    gg.manual_seed(seed)
    model = stack(8, 16, 2)
    updates = kind(model.parameters(), lr=lr)
    report = gg.health(model, (X, CLASSES), loss="cross_entropy", optimizer=updates)
    assert [f"too {name}" in f.what for f in report.of("learning rate")] == [True]
    watch = Health()
    with warnings.catch_warnings(record=True), contextlib.suppress(gg.NonFiniteError):
        gg.fit(
            model, (X, CLASSES), loss="cross_entropy", optimizer=updates, epochs=2, batch_size=32,
            verbose=False, callbacks=[watch],
        )  # fmt: skip
    assert "learning rate" in {f.kind for f in watch.findings}


def state(model, updates):
    arrays = [x.value.copy() for x in model.state_dict().values()]
    return arrays, updates.state_dict(), gg.get_rng_state().tolist(), model.training


@pytest.mark.parametrize("search", [gg.health, find_rate])
def test_nothing_of_the_users_changes(search):
    gg.manual_seed(5)
    model = convolutional()
    updates = optim.Adam(model.parameters(), lr=0.02)
    before = state(model, updates)
    search(model, (IMAGES, KINDS), loss="cross_entropy", optimizer=updates)
    after = state(model, updates)
    assert all(np.array_equal(a, b) for a, b in zip(before[0], after[0]))
    assert before[1:] == after[1:]
    assert all(p.grad is None for p in model.parameters())
    assert all(part._module_hooks is None for part in model.modules())


def test_the_users_hooks_see_nothing_of_it():
    model, calls = stack(8, 16, 2), []
    model[1].register_forward_hook(lambda *_: calls.append(1))
    gg.health(model, (X, CLASSES), optimizer="adam")
    find_rate(model, (X, CLASSES), loss="cross_entropy", steps=5)
    assert calls == [] and model[1]._module_hooks is not None


@pytest.mark.parametrize("engine", ["eager", "native"])
def test_a_watched_training_has_the_same_bits(engine):
    def weights(callbacks):
        gg.manual_seed(3)
        model = convolutional()
        history = gg.fit(
            model, (IMAGES, KINDS), loss="cross_entropy", optimizer="adam", epochs=3,
            batch_size=50, verbose=False, callbacks=callbacks, engine=engine,
        )  # fmt: skip
        return [x.value for x in model.state_dict().values()], history

    alone, watched = weights([]), weights([Health()])
    assert all(np.array_equal(a, b) for a, b in zip(alone[0], watched[0]))
    assert alone[1].losses == watched[1].losses and watched[1].engine == engine


def test_find_rate():
    gg.manual_seed(0)
    model = stack(8, 16, 2)
    rates = find_rate(model, (X, CLASSES), loss="cross_entropy", optimizer="sgd")
    assert 0.01 < rates.suggestion < 1 and len(rates.rates) == len(rates.losses) <= 100
    assert math.isclose(rates.rates[1] / rates.rates[0], 1e7 ** (1 / 99))
    assert repr(rates).startswith("Rates(") and "suggestion" in repr(rates)
    again = find_rate(model, (X, CLASSES), loss="cross_entropy", optimizer="sgd")
    assert again.losses == rates.losses
    minidom.parseString(rates._repr_html_())


def test_the_curve_of_rates_is_drawn(tmp_path):
    from matplotlib.figure import Figure

    from glassgrad.training.rates import Rates

    rates = find_rate(stack(8, 16, 2), (X, CLASSES), loss="cross_entropy", steps=12)
    assert rates.plot(tmp_path / "rates.svg").get_xscale() == "log"
    minidom.parse(str(tmp_path / "rates.svg"))
    axes = Figure().subplots()
    assert Rates([1e-3, 1e-2], [1e6, 1.0]).plot(ax=axes) is axes and axes.get_yscale() == "log"


# ---- reports, callbacks, errors


def test_a_report_reads_and_renders():
    model = nn.Sequential()
    model.add_module('a<b>"&', nn.Linear(8, 4))
    model.add_module("relu", nn.ReLU())
    model.add_module("out", nn.Linear(4, 2))
    model[0].bias.data.fill_(-50)
    report = gg.health(model, (X, CLASSES))
    assert "relu: dead units: 4 of 4 units" in str(report)
    assert "a&lt;b&gt;&quot;&amp;" in report._repr_html_()
    minidom.parseString(report._repr_html_())
    assert not report.healthy and repr(report).splitlines()[0].endswith("in 3 layers, 300 rows")


def test_each_finding_is_warned_of_once():
    model = stack(8, 16, 2)
    model[0].bias.data.fill_(-500)
    watch, caught = trained(model, (X, CLASSES), "cross_entropy")
    assert len(caught) == len({(f.layer, f.kind) for f in watch.findings}) == len(watch.findings)
    assert "dead units" in {f.kind for f in watch.findings}


def test_loaders_and_several_inputs():
    loader = gg.data.DataLoader(
        gg.data.TensorDataset(gg.tensor(X), gg.tensor(CLASSES)), batch_size=50, shuffle=True
    )
    assert gg.health(stack(8, 16, 2), loader).rows == 300

    class Two(nn.Module):
        def __init__(self):
            self.a, self.b = nn.Linear(8, 2), nn.Linear(8, 2)

        def forward(self, x, z):
            return self.a(x) + self.b(z)

    assert gg.health(Two(), ((X, X), CLASSES)).healthy


def test_reparametrized_weights_are_looked_at():
    model = stack(8, 16, 2)
    nn.utils.weight_norm(model[0])
    assert gg.health(model, (X, CLASSES)).healthy


def test_errors_say_what_would_be_right():
    model = stack(8, 16, 2)
    with pytest.raises(TypeError, match=r"model is a module, such as nn.Linear.*, not 3"):
        gg.health(3, (X, CLASSES))
    with pytest.raises(ValueError, match="has no parameters"):
        gg.health(nn.ReLU(), (X, CLASSES))
    with pytest.raises(ShapeError, match="takes inputs of 8 features and got 5"):
        gg.health(model, (X[:, :5], CLASSES))
    with pytest.raises(ValueError, match="rows is a whole number"):
        gg.health(model, (X, CLASSES), rows=0)
    with pytest.raises(ValueError, match="every is a whole number"):
        Health(every=0)
    with pytest.raises(ValueError, match="rates rise from low to high"):
        find_rate(model, (X, CLASSES), loss="cross_entropy", low=1, high=0.1)
    with pytest.raises(ValueError, match="seeks the length of its steps itself"):
        find_rate(model, (X, CLASSES), loss="cross_entropy", optimizer="lbfgs")
    with pytest.raises(ValueError, match="no optimizer 'adamm'"):
        gg.health(model, (X, CLASSES), optimizer="adamm")


def test_inputs_that_are_not_finite():
    x = X.copy()
    x[7, 2] = math.nan
    found = gg.health(stack(8, 16, 2), (x, CLASSES)).of("not finite")
    assert [f.what for f in found] == ["the inputs hold nan in row 7, column 2"]


def test_large_rows_are_looked_at_a_few_at_a_time(monkeypatch):
    monkeypatch.setattr(sys.modules["glassgrad.training.health"], "MEMORY", 60_000)
    assert 2 <= gg.health(convolutional(), (IMAGES, KINDS)).rows < 100


def test_outputs_that_no_loss_is_guessed_for():
    class Pair(Functional):
        def forward(self, x):
            return super().forward(x), x

    with pytest.raises(TypeError, match="the model gives a tuple; give loss="):
        gg.health(Pair(), (X, CLASSES))


def test_weights_that_are_not_finite():
    model = stack(8, 16, 2)
    model[0].weight.data[3, 1] = math.nan
    report = gg.health(model, (X, CLASSES), loss="cross_entropy", optimizer="adam")
    assert [(f.layer, f.kind) for f in report] == [("0", "not finite")]
    assert report[0].what == "0.weight: f32[16, 8] held nan before the step"
