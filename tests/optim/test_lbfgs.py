"""L-BFGS goes PyTorch's way, with and without line search, and finds minima."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import optim

OPTIONS = [
    {},
    {"lr": 0.5, "history_size": 3},
    {"max_iter": 3},
    {"max_iter": 5, "max_eval": 3},
    {"tolerance_grad": 1e-2},
    {"tolerance_change": 1e-2},
    {"line_search_fn": "strong_wolfe"},
    {"line_search_fn": "strong_wolfe", "lr": 0.1, "history_size": 2},
    {"line_search_fn": "strong_wolfe", "lr": 10.0, "max_iter": 4},
    {"line_search_fn": "strong_wolfe", "lr": 300.0, "max_iter": 4, "max_eval": 9},
]
SURFACES = {
    "valley": lambda x, y: (1 - x[0]) ** 2 + 5 * (x[1] - x[0] ** 2) ** 2 + (y**2).sum(),
    "waves": lambda x, y: (x**2).sum() + 3 * (x[0] * 2).sin() + 0.1 * (y**4).sum() + (y * x).sum(),
}


def path(package, surface, steps=8, **options):
    """Parameters and losses after each step, and how often the loss was evaluated."""
    x = package.tensor(np.array([-1.2, 1.0])).requires_grad_()
    y = package.tensor(np.array([[0.5], [-0.25]])).requires_grad_()
    optimizer = package.optim.LBFGS([x, y], **options)

    def closure():
        optimizer.zero_grad()
        loss = surface(x, y[:, 0])
        loss.backward()
        return loss

    visited = []
    for _ in range(steps):
        loss = optimizer.step(closure).item()
        visited.append([loss, *x.tolist(), *y.detach().reshape(-1).tolist()])
    state = optimizer.state[x]
    return np.array(visited), (state["func_evals"], state["n_iter"])


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("surface", SURFACES)
def test_path_is_that_of_pytorch(surface, options):
    torch = pytest.importorskip("torch")
    ours, counts = path(gg, SURFACES[surface], **options)
    theirs, expected = path(torch, SURFACES[surface], **options)
    np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-7)
    assert counts == expected


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_finds_the_least_squares_solution(search):
    random = np.random.default_rng(0)
    features, targets = random.normal(size=(30, 5)), random.normal(size=30)
    w = gg.tensor(np.zeros(5), requires_grad=True)
    optimizer = optim.LBFGS([w], max_iter=100, line_search_fn=search)

    def closure():
        optimizer.zero_grad()
        loss = ((gg.tensor(features) @ w - gg.tensor(targets)) ** 2).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    best = np.linalg.lstsq(features, targets)[0]
    np.testing.assert_allclose(w.detach(), best, atol=1e-5)


def test_goes_on_from_saved_state():
    torch = pytest.importorskip("torch")
    for first, second in ((gg, gg), (torch, gg)):
        x = first.tensor(np.array([-1.2, 1.0])).requires_grad_()
        y = second.tensor(np.array([-1.2, 1.0])).requires_grad_()
        one, two = first.optim.LBFGS([x], max_iter=4), second.optim.LBFGS([y], max_iter=4)

        def closure(optimizer, w):
            optimizer.zero_grad()
            loss = SURFACES["valley"](w, w * 0.1)
            loss.backward()
            return loss

        one.step(lambda one=one, x=x: closure(one, x))
        two.load_state_dict(one.state_dict())
        with gg.no_grad():
            y.assign(x.detach().numpy())
        for _ in range(3):
            one.step(lambda one=one, x=x: closure(one, x))
            two.step(lambda two=two, y=y: closure(two, y))
        np.testing.assert_allclose(y.detach().numpy(), x.detach().numpy(), rtol=1e-7)


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda w: optim.LBFGS([w]).step(), TypeError, "write step(closure)"),
        (lambda w: optim.LBFGS([w], line_search_fn="armijo"), ValueError, "None or 'strong_wolfe'"),
        (lambda w: optim.LBFGS([{"params": w}, {"params": w * 1}]), ValueError, "one group"),
        (lambda w: optim.LBFGS([w], lr=-1), ValueError, "lr is the learning rate"),
    ],
)
def test_errors(make, error, message):
    with pytest.raises(error) as caught:
        make(gg.tensor([1.0], requires_grad=True))
    assert message in str(caught.value)
