"""`gg.explain.steps` of a compiled step: what the step then does, line by line."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from worked import well_formed

F = nn.functional
generator = np.random.default_rng(8)


def array(*shape):
    return gg.tensor(generator.normal(size=shape))


def training(net, optimizer, before_update=None):
    """A training step, as users write it."""

    @gg.compile
    def step(X, y):
        optimizer.zero_grad()
        loss = F.mse_loss(net(X), y)
        loss.backward()
        if before_update is not None:
            before_update(net)
        optimizer.step()
        return loss

    return step


def state_of(*things):
    """All numbers of models and optimizers."""
    leaves = [x for thing in things for x in thing.state_dict().values()]
    return [x.numpy().copy() for x in leaves if isinstance(x, gg.Tensor)]


def small():
    return nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1)).double()


OPTIMIZERS = {
    "SGD": lambda p: gg.optim.SGD(p, lr=0.1),
    "momentum": lambda p: gg.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "Adam": lambda p: gg.optim.Adam(p, lr=0.01),
    "AdamW": lambda p: gg.optim.AdamW(p, lr=0.01),
    "RMSprop": lambda p: gg.optim.RMSprop(p, lr=0.01, momentum=0.5),
    "Adagrad": lambda p: gg.optim.Adagrad(p, lr=0.01),
    "Adadelta": lambda p: gg.optim.Adadelta(p),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_update_is_what_the_step_does(name):
    net = small()
    optimizer = OPTIMIZERS[name](net.parameters())
    step, X, y = training(net, optimizer), array(5, 3), array(5, 1)
    for _ in range(3):
        before = state_of(net)
        found = gg.explain.steps(step, X, y)
        assert all(map(np.array_equal, before, state_of(net)))
        loss = step(X, y)
        np.testing.assert_allclose(found.of("loss").result, loss.numpy(), rtol=1e-12)
        for new, leaf in zip(("new W1", "new b1", "new W2", "new b2"), net.parameters()):
            np.testing.assert_allclose(found.of(new).result, leaf.detach().numpy(), rtol=1e-11)
            assert found.of(new).rule == "update"
        well_formed(found.markdown())


def test_forward_and_backward_are_the_eager_lines():
    net = small()
    step, X, y = training(net, gg.optim.SGD(net.parameters(), lr=0.1)), array(5, 3), array(5, 1)
    found = [s for s in gg.explain.steps(step, X, y) if s.rule != "update"]
    loss = F.mse_loss(net(X), y)
    expected = gg.explain.steps(loss, names={"X": X, "y": y, "loss": loss})
    assert len(found) == len(expected)
    for ours, eager in zip(found, expected):
        assert (ours.rule, ours.name, ours.formula) == (eager.rule, eager.name, eager.formula)
        np.testing.assert_array_equal(ours.result, eager.result)
        assert {k: v.shape for k, v in ours.inputs.items()} == {
            k: v.shape for k, v in eager.inputs.items()
        }
        assert "loss = F.mse_loss(net(X), y)" in ours.source_line


def test_update_formulas():
    net = nn.Linear(2, 1)
    step = training(net, gg.optim.SGD(net.parameters(), lr=0.1))
    found = gg.explain.steps(step, gg.ones(1, 2), gg.ones(1, 1))
    new = found.of("new W1")
    assert new.formula == "W1 - lr * ∂loss/∂W1"
    assert new.numbers[0] == "W1 - 0.1 * ∂loss/∂W1"
    assert set(new.inputs) == {"W1", "lr", "∂loss/∂W1"}
    assert new.latex == r"W_{1} - \mathrm{lr} \, \frac{\partial \mathrm{loss}}{\partial W_{1}}"
    assert "optimizer.step()" in new.source_line
    assert "= W1 - lr * ∂loss/∂W1 = W1 - 0.1 * ∂loss/∂W1   [1, 2]" in str(new)
    assert "{W_{1}}^{\\mathrm{new}}" in found.markdown()
    step = training(net, gg.optim.Adam(net.parameters(), betas=(0.8, 0.9)))
    found = gg.explain.steps(step, gg.ones(1, 2), gg.ones(1, 1))
    assert found.of("new W1.exp_avg").numbers[0] == ("0.8 * W1.exp_avg + (1 - 0.8) * ∂loss/∂W1")
    assert found.of("new W1.exp_avg_sq").formula == (
        "betas2 * W1.exp_avg_sq + (1 - betas2) * (∂loss/∂W1)^2"
    )


def test_a_rate_that_was_changed():
    net = nn.Linear(2, 1)
    optimizer = gg.optim.SGD(net.parameters(), lr=0.1)
    step = training(net, optimizer)
    step(gg.ones(1, 2), gg.ones(1, 1))
    optimizer.param_groups[0]["lr"] = 0.25
    found = gg.explain.steps(step, gg.ones(1, 2), gg.ones(1, 1))
    assert found.of("new b1").numbers[0] == "b1 - 0.25 * ∂loss/∂b1"


def test_batch_statistics_dropout_and_clipping():
    gg.manual_seed(3)
    net = nn.Sequential(
        nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 1)
    ).double()
    optimizer = gg.optim.SGD(net.parameters(), lr=0.1)
    clip = lambda net: nn.utils.clip_grad_norm_(net.parameters(), 0.1)
    step, X, y = training(net, optimizer, clip), array(5, 3), array(5, 1)
    random = gg.get_rng_state().numpy().copy()
    found = gg.explain.steps(step, X, y)
    assert np.array_equal(random, gg.get_rng_state().numpy())
    loss = step(X, y)
    assert np.isclose(found.of("loss").result, loss.item())  # the same units were dropped
    for name, leaf in {
        "new W1": net[0].weight, "new gamma": net[1].weight, "new beta": net[1].bias,
        "new 1.running_mean": net[1].running_mean, "new 1.running_var": net[1].running_var,
    }.items():  # fmt: skip
        np.testing.assert_allclose(found.of(name).result, leaf.detach().numpy(), rtol=1e-9)
    assert found.of("new 1.running_mean").formula == "0.9 * 1.running_mean + 0.1 * mu"
    assert "random" not in "".join(s.name for s in found)


def test_two_losses_and_a_gradient_that_is_cut():
    generate, judge = nn.Linear(2, 2).double(), nn.Linear(2, 1).double()
    first = gg.optim.SGD(judge.parameters(), lr=0.1)
    second = gg.optim.SGD(generate.parameters(), lr=0.2)

    @gg.compile
    def step(z, x):
        first.zero_grad()
        made = generate(z)
        loss_judge = (judge(made.detach()) - judge(x)).mean() + (judge.weight**2).sum()
        loss_judge.backward()
        first.step()
        second.zero_grad()
        loss_made = -judge(made).mean()
        loss_made.backward()
        second.step()
        return loss_judge, loss_made

    z, x = array(3, 2), array(3, 2)
    found = gg.explain.steps(step, z, x)
    names = [s.name for s in found]
    assert "∂loss_judge/∂made" not in names and "∂loss_made/∂made" in names
    assert found.of("new W1").formula == "W1 - lr_2 * ∂loss_made/∂W1"
    assert found.of("new W2").formula == "W2 - lr * ∂loss_judge/∂W2"
    assert "made new W2' + new b2" in [s.formula for s in found]
    losses = step(z, x)
    assert np.allclose([found.of(n).result for n in ("loss_judge", "loss_made")], losses)
    for name, leaf in {"new W1": generate.weight, "new W2": judge.weight}.items():
        np.testing.assert_allclose(found.of(name).result, leaf.detach().numpy(), rtol=1e-12)


def test_gradients_of_two_losses_are_summed():
    net = nn.Linear(2, 1).double()
    optimizer = gg.optim.SGD(net.parameters(), lr=0.1)

    @gg.compile
    def step(X):
        optimizer.zero_grad()
        near = (net(X) ** 2).mean()
        near.backward()
        flat = (net.weight**2).sum()
        flat.backward()
        optimizer.step()

    X = array(4, 2)
    found = gg.explain.steps(step, X)
    assert found.of("new W1").formula == "W1 - lr * (∂near/∂W1 + ∂flat/∂W1)"
    step(X)
    np.testing.assert_allclose(found.of("new W1").result, net.weight.detach().numpy(), rtol=1e-12)


def test_a_step_that_only_predicts():
    net = small()
    predict, X = gg.compile(lambda X: net(X).softmax(1)), array(2, 3)
    found = gg.explain.steps(predict, X)
    assert {s.rule for s in found} == {"forward"}
    np.testing.assert_allclose(found[-1].result, predict(X).detach().numpy(), rtol=1e-12)

    @gg.compile
    def labels(X):
        with gg.no_grad():
            scores = net(X)
            return scores, scores.argmax(1)

    found = gg.explain.steps(labels, X)
    assert [s.formula for s in found][-2:] == ["H1 W2' + b2", "argmax(scores)"]
    assert np.array_equal(found[-1].result, labels(X)[1].numpy())


def test_names_of_ones_own():
    net = small()
    step, X, y = training(net, gg.optim.SGD(net.parameters(), lr=0.1)), array(5, 3), array(5, 1)
    found = gg.explain.steps(step, X, y, names=net)
    assert found.of("A1").formula == "X 0.weight' + 0.bias"
    assert found.of("new 0.weight").formula == "0.weight - lr * ∂loss/∂0.weight"
    found = gg.explain.steps(step, X, y, names={"features": X, "w": net[0].weight})
    assert found.of("A1").formula == "features w' + b1"


def test_only_forward():
    net = small()
    step, X, y = training(net, gg.optim.SGD(net.parameters(), lr=0.1)), array(5, 3), array(5, 1)
    assert {s.rule for s in gg.explain.steps(step, X, y, backward=False)} == {"forward"}


def test_errors():
    net = small()
    step, X = training(net, gg.optim.SGD(net.parameters(), lr=0.1)), array(5, 3)
    with pytest.raises(TypeError, match=r"steps\(step, X, y\)"):
        gg.explain.steps(step)
    with pytest.raises(TypeError, match=r"gg.explain.steps\(step, \*arguments\)"):
        gg.explain.formulas(step)
    with pytest.raises(TypeError, match="1 more argument"):
        gg.explain.steps((net(X) ** 2).mean(), X)
    look = gg.compile(lambda i: F.cross_entropy(net(X), i))
    with pytest.raises(IndexError, match="7"):
        gg.explain.steps(look, gg.tensor([0, 0, 7, 0, 0]))
    with pytest.raises(ValueError, match="computes nothing"):
        gg.explain.steps(gg.compile(lambda x: x), X)
