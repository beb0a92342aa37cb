"""What all optimizers share with PyTorch's: groups, names, state, hooks, errors."""

import copy
import pickle

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.optim import LBFGS, SGD, Adam, Optimizer, RMSprop


def weight(*values):
    return gg.tensor(values or (1.0, 2.0), requires_grad=True)


def stepped(optimizer, gradient=1.0):
    """The optimizer after a step along one gradient."""
    for group in optimizer.param_groups:
        for w in group["params"]:
            w.grad = gg.full_like(w, gradient)
    optimizer.step()
    return optimizer


def test_repr_is_that_of_pytorch():
    torch = pytest.importorskip("torch")
    texts = []
    for package in (gg, torch):
        w, b = (package.tensor([1.0], requires_grad=True) for _ in range(2))
        groups = [{"params": [w]}, {"params": b, "lr": 0.5, "extra": "kept"}]
        texts.append(repr(package.optim.AdamW(groups, betas=(0.8, 0.9))))
    assert texts[0] == texts[1]


def test_groups():
    w, b, late = weight(), weight(), weight()
    optimizer = SGD([{"params": w}, {"params": iter([b]), "lr": 0.5}], lr=0.1)
    optimizer.add_param_group({"params": [late], "momentum": 0.9})
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.5, 0.1]
    assert [group["momentum"] for group in optimizer.param_groups] == [0, 0, 0.9]
    assert [group["params"][0] is p for group, p in zip(optimizer.param_groups, (w, b, late))]
    stepped(optimizer)
    assert [p.tolist()[0] for p in (w, b, late)] == pytest.approx([0.9, 0.5, 0.9])


def test_hyperparameters_are_read_at_each_step():
    w = weight(0.0)
    optimizer = SGD([w], lr=1.0)
    for lr, expected in ((1.0, -1.0), (0.25, -1.25), (0.5, -1.75)):
        optimizer.param_groups[0]["lr"] = lr
        assert stepped(optimizer) and w.item() == expected


def test_momentum_may_begin_later():
    w = weight(0.0)
    optimizer = stepped(SGD([w], lr=1.0))
    optimizer.param_groups[0]["momentum"] = 0.5
    stepped(stepped(optimizer))
    assert w.item() == -1 - 1 - 1.5


def test_a_rate_may_be_a_tensor_of_one_number():
    assert SGD([weight()], lr=gg.tensor(0.5)).param_groups[0]["lr"] == 0.5


def test_named_parameters():
    w, b = weight(), weight()
    optimizer = SGD([("layer.weight", w), ("layer.bias", b)], lr=0.1)
    assert optimizer.param_groups[0]["param_names"] == ["layer.weight", "layer.bias"]
    assert optimizer.state_dict()["param_groups"][0]["params"] == [0, 1]
    other = SGD([weight(), weight()], lr=0.1)
    other.load_state_dict(optimizer.state_dict())
    assert other.param_groups[0]["param_names"] == ["layer.weight", "layer.bias"]


@pytest.mark.parametrize("to_none, expected", [(True, [None, None]), (False, [[0.0, 0.0], None])])
def test_zero_grad(to_none, expected):
    w, b = weight(), weight()
    w.grad = gg.tensor([1.0, 2.0])
    SGD([w, b]).zero_grad(to_none)
    assert [p.grad if p.grad is None else p.grad.tolist() for p in (w, b)] == expected


def test_state_is_kept_by_number():
    w, b = weight(), weight()
    optimizer = Adam([{"params": [w]}, {"params": [b]}])
    assert optimizer.state_dict()["state"] == {}
    stepped(optimizer)
    saved = optimizer.state_dict()
    assert list(saved["state"]) == [0, 1]
    assert [group["params"] for group in saved["param_groups"]] == [[0], [1]]
    assert saved["state"][0]["step"].item() == 1
    assert saved["state"][1]["exp_avg"].tolist() == pytest.approx([0.1, 0.1])


def test_loading_copies():
    """What is saved does not change when either optimizer goes on."""
    first, second = (stepped(RMSprop([weight()], momentum=0.5)) for _ in range(2))
    saved = first.state_dict()
    second.load_state_dict(saved)
    before = saved["state"][0]["square_avg"].tolist()
    stepped(second)
    assert saved["state"][0]["square_avg"].tolist() == before
    assert second.param_groups[0]["params"][0] is not first.param_groups[0]["params"][0]


def test_state_takes_the_dtype_of_the_parameter():
    wide = Adam([gg.tensor([1.0], dtype=gg.float64, requires_grad=True)])
    wide.load_state_dict(stepped(Adam([weight(1.0)])).state_dict())
    state = next(iter(wide.state.values()))
    assert (state["exp_avg"].dtype, state["step"].dtype) == (gg.float64, gg.float64)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
@pytest.mark.parametrize("kind", [SGD, Adam])
def test_copies_go_on_alike(duplicate, kind):
    optimizer = stepped(kind([weight(), weight(3.0)], lr=0.1))
    other = duplicate(optimizer)
    for gradient in (0.5, -2.0):
        stepped(optimizer, gradient), stepped(other, gradient)
    for w, v in zip(optimizer.param_groups[0]["params"], other.param_groups[0]["params"]):
        assert w is not v
        assert w.tolist() == v.tolist()


def test_hooks():
    calls = []
    optimizer = SGD([weight()], lr=0.1)
    handles = [
        optimizer.register_step_pre_hook(lambda o, args, kwargs: calls.append("before")),
        optimizer.register_step_post_hook(lambda o, args, kwargs: calls.append("after")),
        optimizer.register_state_dict_pre_hook(lambda o: calls.append("saving")),
        optimizer.register_state_dict_post_hook(lambda o, saved: {**saved, "more": 1}),
        optimizer.register_load_state_dict_pre_hook(lambda o, saved: calls.append(saved["more"])),
        optimizer.register_load_state_dict_post_hook(lambda o: calls.append("second")),
        optimizer.register_load_state_dict_post_hook(lambda o: calls.append("first"), prepend=True),
    ]
    stepped(optimizer)
    optimizer.load_state_dict(optimizer.state_dict())
    assert calls == ["before", "after", "saving", 1, "first", "second"]
    for handle in handles:
        handle.remove()
    stepped(optimizer)
    assert optimizer.state_dict().keys() == {"state", "param_groups"}
    assert len(calls) == 6


def test_a_hook_may_replace_the_arguments():
    optimizer = SGD([weight()], lr=0.1)
    optimizer.register_step_pre_hook(lambda o, args, kwargs: ((lambda: 5.0,), {}))
    assert optimizer.step() == 5.0


def test_an_optimizer_of_ones_own_as_for_pytorch():
    class Descent(Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        @gg.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    p -= group["lr"] * p.grad

    w = weight(1.0)
    calls = []
    optimizer = Descent([w], lr=0.5)
    optimizer.register_step_post_hook(lambda *_: calls.append(w.item()))
    stepped(optimizer)
    assert calls == [0.5]


class Net:
    """Something with parameters."""

    def __init__(self):
        self.w = weight()

    def parameters(self):
        yield self.w


def used():
    generator = Net().parameters()
    list(generator)
    return generator


W = weight()

ERRORS = [
    (lambda: SGD([]), ValueError, "got an empty list of parameters"),
    (lambda: SGD(used()), ValueError, "call net.parameters() again"),
    (lambda: SGD(Net()), TypeError, "got a Net; write net.parameters()"),
    (lambda: SGD(Net().parameters), TypeError, "got a method; write net.parameters()"),
    (lambda: SGD(Net().parameters(), lr="0.1"), TypeError, "a number >= 0, not the text '0.1'"),
    (lambda: SGD(W), TypeError, "put brackets around it: [w]"),
    (
        lambda: SGD([Net().parameters()]),
        TypeError,
        "net.parameters() instead of [net.parameters()]",
    ),
    (lambda: LBFGS([Net().parameters()]), TypeError, "net.parameters() instead of"),
    (lambda: SGD([np.ones(3)]), TypeError, "parameter 0 is a ndarray"),
    (lambda: SGD([W, None]), TypeError, "parameter 1 is a NoneType"),
    (lambda: SGD([W * 2]), ValueError, "parameter 0, f32[2], was computed by mul"),
    (lambda: SGD([{"params": {W}}]), TypeError, "a set has no order"),
    (lambda: SGD([{"params": [W]}, {"params": [W]}]), ValueError, "in more than one group"),
    (lambda: SGD([("w", W), weight()]), ValueError, "name all or none"),
    (lambda: SGD([W]).add_param_group([weight()]), TypeError, "a parameter group is a dict"),
    (lambda: SGD([W]).add_param_group({"params": [("b", weight())]}), ValueError, "or of none"),
    (lambda: SGD([W], lr=-1), ValueError, "SGD: lr is the learning rate, a number >= 0, not -1"),
    (lambda: SGD([{"params": W, "lr": -2}]), ValueError, "a number >= 0, not -2"),
    (lambda: SGD([W], momentum=-0.5), ValueError, "momentum is a number >= 0, not -0.5"),
    (lambda: SGD([W], nesterov=True), ValueError, "nesterov needs momentum > 0"),
    (lambda: SGD([W], lr=float("nan")), ValueError, "not nan"),
    (lambda: Adam([W], betas=(0.9, 1.0)), ValueError, "betas are two numbers in [0, 1)"),
    (lambda: Adam([W], l1=-1), ValueError, "l1 is a number >= 0"),
    (lambda: Adam([W], fused=True), ValueError, "fused=True chooses among PyTorch's"),
    (lambda: SGD([W], foreach=True), ValueError, "leave it out"),
    (lambda: gg.optim.Rprop([W], etas=(1.5, 2)), ValueError, "etas[0] < 1 < etas[1]"),
    (lambda: gg.optim.Adadelta([W], rho=2), ValueError, "rho is a number in [0, 1], not 2"),
    (lambda: Optimizer([W], {}).step(), NotImplementedError, "Optimizer needs a method step"),
    (lambda: gg.optim.Rule([W], {}).update(W, W, {}), NotImplementedError, "a method update"),
    (
        lambda: SGD([W]).load_state_dict(SGD([{"params": W}, {"params": weight()}]).state_dict()),
        ValueError,
        "the saved state has 2 parameter groups, and the optimizer has 1",
    ),
    (
        lambda: SGD([W]).load_state_dict(SGD([W, weight()]).state_dict()),
        ValueError,
        "group 0 of the saved state has 2 parameters, and the optimizer's has 1",
    ),
    (
        lambda: Adam([W]).load_state_dict(stepped(Adam([weight(1.0)])).state_dict()),
        ValueError,
        "the saved exp_avg of parameter 0 is f32[1], and the parameter is f32[2]",
    ),
]


@pytest.mark.parametrize("make, error, message", ERRORS)
def test_errors(make, error, message):
    with pytest.raises(error) as caught:
        make()
    assert message in str(caught.value)


def test_a_parameter_twice_in_a_group_is_warned_of():
    with pytest.warns(UserWarning, match="twice in one group"):
        SGD([W, W])


def test_nothing_changes_when_loading_fails():
    optimizer = stepped(Adam([weight(), weight()]))
    before = copy.deepcopy(optimizer.state_dict())
    wrong = stepped(Adam([weight(), weight(1.0)], lr=7.0)).state_dict()
    with pytest.raises(ValueError, match="the saved exp_avg of parameter 1"):
        optimizer.load_state_dict(wrong)
    after = optimizer.state_dict()
    assert after["param_groups"] == before["param_groups"]
    assert after["state"][0]["exp_avg"].tolist() == before["state"][0]["exp_avg"].tolist()


def test_negative_rates_of_a_later_group_leave_the_optimizer_as_it_was():
    optimizer = SGD([W], lr=0.1)
    for wrong in ({"lr": -1}, {"nesterov": True}):
        with pytest.raises(ValueError):
            optimizer.add_param_group({"params": [weight()], **wrong})
    assert len(optimizer.param_groups) == 1
