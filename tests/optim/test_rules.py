"""Every update rule and its options follow PyTorch's path; and what rules promise beside."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import optim
from rules import RULES

NAMES = list(dict.fromkeys(name for name, _ in RULES))

random = np.random.default_rng(0)
FEATURES, TARGETS = random.normal(size=(20, 4)), random.normal(size=(20, 3))
STARTS = [random.normal(size=(4, 3)), random.normal(size=3)]


def each_rule(test):
    names = [f"{name}-{'-'.join(map(str, options))}" for name, options in RULES]
    return pytest.mark.parametrize("name, options", RULES, ids=names)(test)


@pytest.fixture
def torch():
    """PyTorch with counts in float64 too, as they are here."""
    torch = pytest.importorskip("torch")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield torch
    torch.set_default_dtype(before)


def parameters(package):
    """The parameters of a small network, the same in both packages."""
    return [package.tensor(start).requires_grad_() for start in STARTS]


def loss_of(package, weights):
    w, b = weights
    outputs = (package.tensor(FEATURES) @ w + b).tanh()
    return ((outputs - package.tensor(TARGETS)) ** 2).mean() + 0.01 * (w**4).sum()


def path(package, weights, optimizer, steps=100, frozen=()):
    """The weights after each step; a step in `frozen` leaves the bias without a gradient."""
    visited = []
    for step in range(steps):
        optimizer.zero_grad()
        loss_of(package, weights).backward()
        if step in frozen:
            weights[1].grad = None
        optimizer.step()
        visited.append(np.concatenate([w.detach().numpy().ravel() for w in weights]))
    return np.array(visited)


def assert_same_path(ours, theirs):
    """Every element of every step is equal to 1e-7 of the largest."""
    np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-7 * np.abs(theirs).max())


@each_rule
def test_path_is_that_of_pytorch(torch, name, options):
    paths = []
    for package in (gg, torch):
        weights = parameters(package)
        optimizer = getattr(package.optim, name)(weights, **options)
        paths.append(path(package, weights, optimizer))
    assert_same_path(*paths)
    assert np.abs(paths[0][-1] - paths[0][0]).max() > 1e-2


@pytest.mark.parametrize("name", NAMES)
def test_parameters_without_gradient_wait(torch, name):
    """Each parameter counts its own updates: one that is skipped falls behind."""
    paths = []
    for package in (gg, torch):
        weights = parameters(package)
        optimizer = getattr(package.optim, name)(weights, lr=0.05)
        paths.append(path(package, weights, optimizer, 20, frozen=(0, 1, 2, 9, 10)))
    assert_same_path(*paths)


@pytest.mark.parametrize("name", NAMES)
def test_groups_have_their_own_hyperparameters(torch, name):
    paths = []
    for package in (gg, torch):
        w, b = parameters(package)
        groups = [{"params": w}, {"params": [b], "lr": 0.01}]
        optimizer = getattr(package.optim, name)(groups, lr=0.05)
        optimizer.param_groups[0]["lr"] = 0.02
        paths.append(path(package, [w, b], optimizer, 20))
    assert_same_path(*paths)


@pytest.mark.parametrize("name", NAMES)
def test_state_goes_both_ways_between_the_packages(torch, name):
    """Ten steps here and ten there are twenty steps."""
    paths = []
    for first, second in ((gg, gg), (gg, torch), (torch, gg), (torch, torch)):
        weights = parameters(first)
        optimizer = getattr(first.optim, name)(weights, lr=0.05)
        path(first, weights, optimizer, 10)
        state = optimizer.state_dict()
        if first is gg and second is torch:
            for remembered in state["state"].values():
                for key, value in remembered.items():
                    remembered[key] = torch.tensor(value.numpy())
        weights = [second.tensor(w.detach().numpy()).requires_grad_() for w in weights]
        optimizer = getattr(second.optim, name)(weights, lr=1.0)
        optimizer.load_state_dict(state)
        paths.append(path(second, weights, optimizer, 10))
    for other in paths[1:]:
        assert_same_path(other, paths[0])


@pytest.mark.parametrize("name", NAMES)
def test_groups_and_state_have_the_keys_of_pytorch(torch, name):
    keys = []
    for package in (gg, torch):
        weights = parameters(package)
        momentum = {"momentum": 0.9} if name in ("SGD", "RMSprop") else {}
        optimizer = getattr(package.optim, name)(weights, **momentum)
        path(package, weights, optimizer, 2)
        saved = optimizer.state_dict()
        first = {key: list(value.shape) for key, value in saved["state"][0].items()}
        keys.append((first, saved["param_groups"], repr(optimizer)))
    assert keys[0] == keys[1]


def test_sgd_by_hand():
    w = gg.tensor([1.0, -2.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.5, momentum=0.5)
    for expected in ([0.0, -3.0], [-1.5, -4.5]):
        w.grad = gg.tensor([2.0, 2.0])
        optimizer.step()
        assert w.tolist() == expected


def test_l1_is_the_proximal_step():
    """|w| / 2 + (w - c)^2 / 2 is least at c moved towards 0 by 1 / 2, and exactly 0 near it."""
    w = gg.tensor([3.0, -2.0, 0.4, -0.1], requires_grad=True)
    target = gg.tensor([2.0, -1.0, 0.3, 0.0])
    optimizer = optim.SGD([w], lr=0.5, l1=0.5)
    for _ in range(100):
        optimizer.zero_grad()
        ((w - target) ** 2 / 2).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(w.detach(), [1.5, -0.5, 0.0, 0.0], atol=1e-6)
    assert w.tolist()[2:] == [0.0, 0.0]
    assert "l1: 0.5" in repr(optimizer)


@pytest.mark.parametrize("name", NAMES)
def test_a_nan_gradient_is_not_hidden(name):
    w = gg.tensor([1.0, 1.0], requires_grad=True)
    optimizer = getattr(optim, name)([w], lr=0.1)
    for gradient in ([1.0, 1.0], [float("nan"), 1.0]):
        w.grad = gg.tensor(gradient)
        optimizer.step()
    spreads = name == "Adafactor"  # it divides by the mean of all
    assert np.isnan(w.detach().numpy()).tolist() == [True, spreads]


@pytest.mark.parametrize("name", NAMES)
def test_float32_stays_float32(name):
    w = gg.tensor([1.0, 1.0], requires_grad=True)
    w.grad = gg.tensor([0.5, -0.5])
    memory = w.detach().numpy()
    optimizer = getattr(optim, name)([w])
    optimizer.step()
    assert w.dtype == gg.float32
    assert not np.array_equal(memory, [1.0, 1.0]), "the step writes into the parameter's memory"
    assert w.requires_grad
    assert w.is_leaf
    arrays = [value for value in optimizer.state[w].values() if value.shape]
    assert all(value.dtype == gg.float32 and not value.requires_grad for value in arrays)


def test_step_returns_the_loss_of_the_closure():
    w = gg.tensor([3.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (w**2).sum()
        loss.backward()
        return loss

    with gg.no_grad():
        assert optimizer.step(closure).item() == 9.0
    assert w.item() == pytest.approx(2.4)


def test_a_rule_of_ones_own():
    """The example of the docstring of `Rule`."""

    class Heavy(gg.optim.Rule):
        def __init__(self, params, lr, friction=0.1):
            super().__init__(params, {"lr": lr, "friction": friction})

        def init(self, w):
            return {"velocity": gg.zeros_like(w)}

        def update(self, w, g, state, *, lr, friction):
            velocity = (1 - friction) * state["velocity"] - lr * g
            return w + velocity, {"velocity": velocity}

    w = gg.tensor([1.0], requires_grad=True)
    optimizer = Heavy([w], lr=0.5, friction=0.5)
    for expected in (0.0, -1.5):
        w.grad = gg.tensor([2.0])
        optimizer.step()
        assert w.item() == expected
    assert optimizer.state[w]["velocity"].item() == -1.5
    assert list(optimizer.state[w]) == ["velocity"]


@pytest.mark.parametrize(
    "options",
    [
        {"lr": 0.02},
        {"lr": 0.02, "nesterov": False, "momentum": 0.5, "weight_decay": 0.0},
        {"lr": 0.02, "adjust_lr_fn": "match_rms_adamw", "ns_steps": 3, "eps": 1e-3},
    ],
    ids=str,
)
@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (2, 2)])
def test_muon_is_that_of_pytorch_in_higher_precision(torch, monkeypatch, shape, options):
    """PyTorch orthogonalizes in 16 bits; here it is made to use 64."""
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    start, target = np.random.default_rng(0).normal(scale=3, size=(2, *shape))
    paths = []
    for package in (gg, torch):
        w = package.tensor(start).requires_grad_()
        optimizer = package.optim.Muon([w], **options)
        visited = []
        for _ in range(30):
            optimizer.zero_grad()
            ((w - package.tensor(target)) ** 2).sum().backward()
            optimizer.step()
            visited.append(w.detach().numpy().copy())
        paths.append(np.array(visited))
    assert_same_path(*paths)


def test_muon_takes_matrices_only():
    with pytest.raises(ValueError, match=r"a parameter is f32\[3\]; use AdamW for it"):
        optim.Muon([gg.zeros(3, requires_grad=True)])
