"""The compiled step as an object: its cache, its errors, threads, what it leaves behind."""

import copy
import pickle
import threading

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from glassgrad.compiler import CompiledStep, TraceError
from glassgrad.compiler.kept import NotKept
from twins import Plain, same, snapshot


class Counted(Plain):
    """Counts its traces."""

    def __init__(self, function):
        super().__init__(function)
        self.traces = 0

    def _traced(self, *given):
        self.traces += 1
        return super()._traced(*given)


def data(rows=4):
    return gg.from_numpy(np.random.default_rng(rows).normal(size=(rows, 3)).astype(np.float32))


def learning(momentum=0.9):
    gg.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.2), nn.Tanh(), nn.Linear(4, 2))
    optimizer = gg.optim.SGD(net.parameters(), lr=0.1, momentum=momentum)

    def step(x):
        optimizer.zero_grad()
        loss = net(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    return Counted(step), net, optimizer


# ---- the cache


def test_types_are_traced_once_each():
    step, _, _ = learning()
    for rows in (4, 2, 4, 2, 3, 4):
        step(data(rows))
    assert step.traces == 3


def test_what_is_toggled_is_remembered():
    step, net, optimizer = learning()
    for n in range(20):
        net.train(n % 2 == 0)
        net[0].requires_grad_(n % 3 == 0)
        step(data())
    assert step.traces == 4
    for n in range(20):
        net.train(n % 2 == 0)
        optimizer.param_groups[0]["momentum"] = 0.9 if n % 3 else 0.0
        step(data())
    assert step.traces <= 7


def test_schedules_and_moments_do_not_trace_again():
    step, _, optimizer = learning()
    schedule = gg.optim.lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=50)
    for _ in range(20):
        step(data())
        schedule.step()
    assert step.traces == 1


COUNT = 0


def test_a_step_that_is_traced_at_each_call_says_so():
    def step(x):
        global COUNT
        COUNT += 1
        return x * COUNT

    step = Counted(step)
    with pytest.warns(UserWarning, match="since it changes COUNT"):
        results = [step(data()) for _ in range(12)]
    for n, found in enumerate(results, 1):
        same(snapshot(found), snapshot(data() * n))
    assert step.traces == 12


def test_other_modules_may_change():
    step, _, _ = learning()
    step(data())
    other = nn.Linear(2, 2)
    other.extra = 3
    other.eval()
    step(data())
    assert step.traces == 1


def test_old_traces_are_forgotten():
    step = Counted(lambda x, n: x * n)
    for n in range(200):
        step(data(), n)
    assert sum(map(len, step.entries.values())) <= 64


def test_trace_before_the_first_call():
    step, net, _ = learning()
    before = snapshot(net)
    assert step.trace(data()) is step
    same(before, snapshot(net))
    assert all(p.grad is None for p in net.parameters())
    assert len(step.graph().inputs) == 1
    step(data())
    assert step.traces == 1


def test_nothing_has_been_traced():
    step, _, _ = learning()
    with pytest.raises(RuntimeError, match="has not been traced yet"):
        step.graph()


# ---- what it leaves behind


def test_the_gradient_that_was_used_up():
    step, net, optimizer = learning()
    step(data())
    w = net[0].weight
    assert isinstance(w.grad, NotKept)
    assert "did not keep" in repr(w.grad)
    for read in (lambda: w.grad.numpy(), lambda: w.grad + 1, lambda: w.grad.norm().item(),
                 optimizer.step, lambda: nn.utils.clip_grad_norm_(net.parameters(), 1.0),
                 lambda: net(data()).sum().backward()):  # fmt: skip
        with pytest.raises(RuntimeError, match=r"return p\.grad from the step"):
            read()
    optimizer.zero_grad(set_to_none=False)
    assert w.grad.abs().sum().item() == 0
    step(data())
    optimizer.zero_grad()
    assert w.grad is None
    net(data()).sum().backward()
    assert w.grad.shape == (4, 3)
    optimizer.step()


def test_a_step_that_adds_up_after_one_that_did_not_keep():
    step, net, _ = learning()
    step(data())
    add = Plain(lambda x: net(x).sum().backward())
    with pytest.raises(RuntimeError, match="zero_grad"):
        add(data())


def test_a_loss_that_is_returned_has_no_history():
    step, _, _ = learning()
    loss = step(data())
    assert not loss.requires_grad
    with pytest.raises(RuntimeError, match="compiled step"):
        loss.backward()


def test_copies_of_the_network():
    step, net, optimizer = learning()
    step(data())
    again = copy.deepcopy(net), pickle.loads(pickle.dumps(net))
    for other in again:
        same(snapshot(net), snapshot(other))
    step(data())
    assert step.traces == 1
    copy.deepcopy(optimizer)


def test_traced_tensors_that_are_kept():
    class Net(nn.Module):
        def forward(self, x):
            self.hidden = x * 2
            return self.hidden + 1

    net = Net()
    step = Plain(lambda x: net(x))
    step(data())
    for use in (lambda: net.hidden.sum().item(), lambda: net.hidden + 1, lambda: net.hidden.numpy(),
                lambda: bool(net.hidden), lambda: net.hidden.tolist(), lambda: np.exp(net.hidden),
                lambda: copy.deepcopy(net)):  # fmt: skip
        with pytest.raises(TraceError, match=r"self\.hidden = x \* 2") as caught:
            use()
        assert "Return it from the step" in str(caught.value)
    assert "f32[4, 3]" in repr(net.hidden)


# ---- errors


def test_an_error_leaves_everything_as_it_was():
    step, net, optimizer = learning()

    def wrong(x):
        step.function(x)
        raise KeyError("no such key")

    before = snapshot([net, optimizer, gg.get_rng_state()])
    with pytest.raises(KeyError):
        Plain(wrong)(data())
    same(before, snapshot([net, optimizer, gg.get_rng_state()]))
    assert all(p.grad is None for p in net.parameters())
    assert gg.tensor([1.0]).item() == 1


def test_errors_name_the_layer():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(5, 2))
    step = Plain(lambda x: net(x))
    with pytest.raises(RuntimeError) as eager:
        net(data())
    with pytest.raises(RuntimeError) as traced:
        step(data())
    assert str(eager.value).split("\n")[0] == str(traced.value).split("\n")[0]


def test_a_value_in_a_layer_names_the_layer():
    class Asking(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    net = nn.Sequential(nn.Linear(3, 3), Asking())
    with pytest.raises(TraceError, match=r"return x if x\.sum\(\) > 0") as caught:
        Plain(lambda x: net(x))(data())
    assert "gg.where" in str(caught.value)


# ---- functions of all kinds


def test_nested_steps_are_one():
    inner = Counted(lambda x: x * 2)
    outer = Counted(lambda x: inner(x) + inner(x))
    same(snapshot(outer(data())), snapshot(data() * 4))
    assert inner.traces == 0


def test_methods_by_decorator():
    class Trainer:
        def __init__(self, scale):
            self.w = gg.ones(3) * scale

        @Plain
        def step(self, x):
            self.w += x.sum(0)
            return self.w * 1

    one, two = Trainer(1.0), Trainer(2.0)
    for trainer, scale in ((one, 1.0), (two, 2.0)):
        same(snapshot(trainer.step(data())), snapshot(gg.ones(3) * scale + data().sum(0)))


class Learner(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(3, 2)
        self.optimizer = gg.optim.SGD(self.inner.parameters(), lr=0.1)

    @Plain
    def step(self, x):
        self.optimizer.zero_grad()
        loss = self.inner(x).square().mean()
        loss.backward()
        self.optimizer.step()
        return loss


def test_copies_of_an_object_with_a_step():
    one = Learner()
    one.step(data())
    for other in (copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        before = snapshot(one.inner)
        same(before, snapshot(other.inner))
        other.step(data())
        same(before, snapshot(one.inner))
        assert other.step is not one.step
    assert copy.deepcopy(one.step).function.__self__ is not one


def test_names_of_arguments():
    step = Plain(lambda x, batch, *rest, scale: x + batch["features"] + batch["more"][1] + rest[0])
    d = data()
    step(d, {"features": data(), "more": [data(), data()]}, data(), scale=data())
    names = list(step.graph().names.values())
    assert names == ["x", "features", "more1", "more2", "rest", "scale"]


def test_names_and_documentation_stay():
    @gg.compile
    def step(x):
        """Doubles."""
        return x * 2

    assert isinstance(step, CompiledStep)
    assert step.__name__ == "step"
    assert step.__doc__ == "Doubles."


def test_what_cannot_be_compiled():
    for wrong in (nn.Linear(2, 2), 3):
        with pytest.raises(TypeError, match="compile the training step"):
            gg.compile(wrong)


def test_arrays_as_arguments():
    """An array reaches the function as a tensor that shares its memory."""

    def step(x):
        return gg.from_numpy(x) * 2, gg.tensor(x) + 1

    x = np.arange(6.0).reshape(2, 3)
    same(snapshot(step(x)), snapshot(Plain(step)(x)))
    w = gg.ones(3, 2, dtype=gg.float64)
    same(snapshot(x @ w), snapshot(Plain(lambda x: x @ w)(x)))


def test_threads():
    net = nn.Linear(3, 2)
    step = Counted(lambda x: net(x).tanh())
    expected = {rows: snapshot(net(data(rows)).tanh()) for rows in range(1, 6)}
    wrong = []

    def work(seed):
        for n in range(40):
            rows = (seed + n) % 5 + 1
            if not np.array_equal(snapshot(step(data(rows))), expected[rows]):
                wrong.append(rows)

    workers = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    [w.start() for w in workers]
    [w.join() for w in workers]
    assert not wrong
    assert step.traces == 5


def test_numbers_of_the_step_are_named():
    step, _, _ = learning()
    step(data())
    graph = step.graph()
    names = {*graph.names.values()}
    assert {"x", "lr", "momentum", "0.weight", "0.weight.momentum_buffer"} <= names


def test_source_and_program():
    step, _, _ = learning()
    step(data())
    assert "def step(" in step.source()
    assert "# as traced" in step.program()


@pytest.mark.parametrize("rows", [4, 2])
def test_the_readable_program_runs_the_step(rows):
    paths = []
    for kind in (Plain, CompiledStep):
        step, net, _ = learning()
        step = kind(step.function)
        paths.append([snapshot([step(data(rows)), net]) for _ in range(3)])
    same(*paths, exact=False)
