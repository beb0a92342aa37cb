"""What surprises in compiled code: each entry is what it is eagerly, or an error with the line.

An entry is a function that makes a step and what it holds.  It runs eagerly and compiled, three
calls each, with what happens between the calls; results, state and random state must be equal, or
the compiled call is a TraceError whose text shows the user's line and the right way.
"""

import collections
import functools
import random
import sys
import types

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from glassgrad.compiler import TraceError
from twins import Plain, both

EQUAL, REFUSED = {}, {}
COUNT, SCALE, LAST = 0, 2.0, None
CONFIG = types.SimpleNamespace(scale=2.0, rates=[0.5, 0.25])


def equal(function=None, *, calls=None, between=None):
    """Register an entry whose compiled calls are the eager ones."""
    if function is None:
        return functools.partial(equal, calls=calls, between=between)
    EQUAL[function.__name__] = function, calls, between
    return function


def refused(says):
    """Register an entry that is refused; `says` stands in the line that the error shows."""

    def register(function):
        REFUSED[function.__name__] = function, says
        return function

    return register


def data(seed=0, rows=4, columns=3):
    draws = np.random.default_rng(seed)
    return gg.from_numpy(draws.normal(size=(rows, columns)).astype(np.float32))


def three(rows=4):
    return [(data(seed, rows),) for seed in range(3)]


def network(*layers):
    layers = layers or (nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
    net = nn.Sequential(*layers)
    return net, gg.optim.SGD(net.parameters(), lr=0.1)


def learn(net, optimizer):
    def step(x):
        optimizer.zero_grad()
        loss = net(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    return step, {"net": net, "optimizer": optimizer}


# ---- values that are asked for


@refused("if x.sum() > 0:")
def if_on_a_value():
    def step(x):
        if x.sum() > 0:
            return x
        return -x

    return step


@refused("while y.norm() > 1:")
def while_on_a_value():
    def step(x):
        y = x
        while y.norm() > 1:
            y = y / 2
        return y

    return step


@refused("x.sum().item()")
def item():
    def step(x):
        return x.sum().item()

    return step


@refused("print(x)")
def printed():
    def step(x):
        print(x)

    return step


@refused('f"loss {x.mean()}"')
def f_string():
    def step(x):
        return f"loss {x.mean()}"

    return step


@refused('f"{x.mean():.3f}"')
def f_string_with_a_format():
    def step(x):
        return f"{x.mean():.3f}"

    return step


@refused("x.numpy()")
def numpy_of_a_tensor():
    def step(x):
        return x.numpy()

    return step


@refused("np.exp(x)")
def function_of_numpy():
    def step(x):
        return np.exp(x)

    return step


@refused("np.asarray(x)")
def asarray():
    def step(x):
        return np.asarray(x)

    return step


@refused("float(x.sum())")
def float_of():
    def step(x):
        return float(x.sum())

    return step


@refused("int(x.sum())")
def int_of():
    def step(x):
        return int(x.sum())

    return step


@refused("bool(x.any())")
def bool_of():
    def step(x):
        return bool(x.any())

    return step


@refused("x.tolist()")
def tolist():
    def step(x):
        return x.tolist()

    return step


@refused("assert x.isfinite().all()")
def assertion():
    def step(x):
        assert x.isfinite().all()
        return x

    return step


@refused("max(0, x.sum())")
def max_of_python():
    def step(x):
        return max(0, x.sum())

    return step


@refused("range(x.argmax())")
def tensor_as_a_range():
    def step(x):
        return list(range(x.argmax()))

    return step


@refused("x[x > 0]")
def mask_as_a_key():
    def step(x):
        return x[x > 0].sum()

    return step


@refused("x.nonzero()")
def nonzero():
    def step(x):
        return x.nonzero()

    return step


@refused("0.5 in x")
def contains():
    def step(x):
        return 0.5 in x

    return step


@refused("gg.multinomial")
def multinomial():
    def step(x):
        return gg.multinomial(x.abs(), 2)

    return step


@equal
def where_chooses():
    def step(x):
        return gg.where(x.sum() > 0, x, -x)

    return step, []


@equal
def length_and_iteration():
    def step(x):
        total = 0
        for row in x:
            total = total + row * len(x)
        return total

    return step, []


@equal
def shapes_decide():
    def step(x):
        if x.shape[0] > 3 and x.dtype == gg.float32 and x.numel() > 2:
            return x.reshape(-1)
        return x

    return step, []


@equal
def the_type_is_known():
    def step(x):
        return [str(x.type_), repr(x.shape)]

    return step, []


# ---- arrays inside


@refused("gg.tensor([1.0, 2.0, 3.0])")
def tensor_of_a_list():
    def step(x):
        return x * gg.tensor([1.0, 2.0, 3.0])

    return step


@refused("gg.from_numpy(scale)")
def from_numpy_inside():
    scale = np.ones(3, np.float32)

    def step(x):
        return x * gg.from_numpy(scale)

    return step


@refused("x * scale")
def an_array_that_is_captured():
    scale = np.ones(3, np.float32)

    def step(x):
        return x * scale

    return step


@refused("x[rows]")
def an_array_as_a_key():
    rows = np.array([0, 2])

    def step(x):
        return x[rows]

    return step


@refused("w[0] = row")
def an_array_is_written():
    w, row = gg.zeros(2, 3), np.ones(3, np.float32)

    def step(x):
        w[0] = row
        return x

    return step


@equal
def a_layer_made_inside():
    def step(x):
        return nn.Linear(3, 3)(x)

    return step, []


@equal
def numbers_zeros_and_ranges():
    def step(x):
        y = x * gg.tensor(2.0) + gg.ones(3) * gg.arange(3) + gg.zeros_like(x) + gg.eye(4, 3)
        return y, gg.full((2,), 7), gg.linspace(0, 1, 5)

    return step, []


@equal
def a_list_as_a_key():
    def step(x):
        return x[[0, 2]]

    return step, []


@equal
def what_is_made_inside_is_written():
    def step(x):
        total = gg.zeros(3)
        for row in x:
            total += row
        table = gg.zeros(4, 3)
        table[1] = total
        table[2:, 1] = 5
        return total, table

    return step, []


# ---- what is kept


@refused("losses.append(x.mean())")
def appended_to_a_list():
    losses = []

    def step(x):
        losses.append(x.mean())

    return step


@refused("LAST = x.mean()")
def kept_in_a_global():
    def step(x):
        global LAST
        LAST = x.mean()

    return step


@refused("running = 0.9 * running + 0.1 * x.mean()")
def kept_in_a_closure():
    running = gg.zeros(())

    def step(x):
        nonlocal running
        running = 0.9 * running + 0.1 * x.mean()
        return running * 1

    return step


@refused('log["loss"] = x.mean()')
def kept_in_a_dict():
    log = {}

    def step(x):
        log["loss"] = x.mean()

    return step


@equal
def kept_in_a_tensor_that_is_written():
    running = gg.zeros(())

    def step(x):
        running.copy_(0.9 * running + 0.1 * x.mean())
        return running * 1

    return step, [running]


class Remembering(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(3, 2)
        self.last = None

    def forward(self, x):
        self.last = self.inner(x)
        return self.last.tanh()


@equal
def an_attribute_serves_within_the_step():
    net = Remembering()

    def step(x):
        return net(x), net.last.sum()

    return step, [net.inner]


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.state = gg.zeros(3)

    def forward(self, x):
        self.state = self.state + x.sum(0)
        return self.state * 1


@refused("self.state = self.state + x.sum(0)")
def an_attribute_carries_to_the_next_call():
    net = Recurrent()

    def step(x):
        return net(x)

    return step


@equal
def a_buffer_carries_to_the_next_call():
    net = Recurrent()
    net.register_buffer("total", gg.zeros(3))

    def step(x):
        net.total += x.sum(0)
        return net.total * 1

    return step, [net.total]


# ---- Python's own state


@equal
def a_global_counter():
    global COUNT
    COUNT = 0

    def step(x):
        global COUNT
        COUNT += 1
        return x * COUNT

    return step, []


@equal
def a_closure_is_bound_anew():
    count = 0

    def step(x):
        nonlocal count
        count += 1
        return x * count

    return step, []


@equal
def a_list_changes():
    count = [0]

    def step(x):
        count[0] += 1
        return x * count[0]

    return step, count


@equal(between=lambda number, things: globals().update(SCALE=2.0 + number))
def a_global_changes_between_calls():
    return (lambda x: x * SCALE), []


@equal(between=lambda number, things: setattr(CONFIG, "scale", 2.0 + number))
def an_attribute_of_an_object_changes():
    return (lambda x: x * CONFIG.scale), []


@equal(between=lambda number, things: CONFIG.rates.__setitem__(0, 0.5 + number))
def a_list_in_an_object_changes():
    return (lambda x: x * CONFIG.rates[0]), []


@equal(between=lambda number, things: setattr(sys.modules[__name__], "SCALE", 1.0 + number))
def an_attribute_of_a_python_module_changes():
    here = sys.modules[__name__]
    return (lambda x: x * here.SCALE), []


def helper(x):
    return x * SCALE


@equal(between=lambda number, things: globals().update(SCALE=3.0 - number))
def a_global_of_a_helper_changes():
    return (lambda x: helper(x) + 1), []


@equal
def default_arguments():
    def step(x, factor=2.0, *, shift=[1.0]):  # noqa: B006
        shift[0] += 1
        return x * factor + shift[0]

    return step, []


@equal(calls=[(data(0), 1.0), (data(1), 2.0), (data(2), 1.0)])
def numbers_as_arguments():
    return (lambda x, factor: x * factor if factor > 1 else x), []


@refused("from random, which would be the same")
def random_of_python():
    return lambda x: x * random.random()


@refused("from numpy.random")
def random_of_numpy():
    return lambda x: x * float(np.random.rand())


@refused("from stream")
def a_stream_of_numpy():
    stream = np.random.default_rng(0)
    return lambda x: x * float(stream.normal())


@equal
def environment_of_a_comprehension():
    scales = (1.0, 2.0)
    return (lambda x: sum(x * s for s in scales)), []


# ---- modules


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(3, 2)
        self.scale = 1.0
        self.calls = 0

    def forward(self, x):
        return self.inner(x) * self.scale * SCALE


@equal(between=lambda number, net: setattr(net, "scale", 1.0 + number))
def an_attribute_of_a_module_changes():
    net = Scaled()
    return (lambda x: net(x)), net


@equal(between=lambda number, net: globals().update(SCALE=1.0 + number))
def a_global_of_a_forward_changes():
    net = Scaled()
    return (lambda x: net(x)), net


class Counting(Scaled):
    def forward(self, x):
        self.calls += 1
        return self.inner(x) * self.calls


@equal
def a_module_counts_its_calls():
    net = Counting()
    return (lambda x: net(x)), net


@equal(between=lambda number, things: things["net"].train(number != 1))
def train_and_eval():
    net, optimizer = network(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Dropout(0.5), nn.Linear(5, 2))
    return learn(net, optimizer)


@equal(calls=[(data(n), n % 2 == 0) for n in range(6)])
def train_and_eval_within_the_step():
    net, optimizer = network(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Linear(5, 2))

    def step(x, train):
        net.train(train)
        with gg.set_grad_enabled(train):
            loss = net(x).square().mean()
        if train:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss

    return step, {"net": net}


@equal(calls=[(data(n), n % 2 == 0) for n in range(6)])
def requires_grad_is_left_as_it_is_set():
    net, optimizer = network()
    w = gg.ones(3, requires_grad=True)

    def step(x, learns):
        net[0].requires_grad_(learns)
        w.requires_grad_(not learns)
        optimizer.zero_grad()
        net(x * w).square().mean().backward()
        optimizer.step()
        flags = [p.requires_grad for p in [*net.parameters(), w]]
        return sum(flags)

    return step, {"net": net, "flags": Flags([*net.parameters(), w])}


class Flags:
    def __init__(self, weights):
        self.weights = weights

    def arrays(self):
        return [w.requires_grad for w in self.weights]


def freeze(number, things):
    things["net"][0].requires_grad_(number != 1)


@equal(between=freeze)
def requires_grad_is_toggled():
    return learn(*network())


def swap(number, things):
    if number == 1:
        things["net"][1] = nn.Tanh()
    if number == 2:
        things["net"][2] = nn.Linear(5, 4)


@equal(between=swap)
def a_layer_is_swapped():
    return learn(*network())


def replace(number, things):
    if number:
        things["net"][0].weight = nn.Parameter(gg.ones(5, 3))


@equal(between=replace)
def a_parameter_is_replaced():
    return learn(*network())


def double(number, things):
    if number == 1:
        things["net"].double()


@equal(between=double, calls=[(data(0),), (data(1).double(),), (data(2).double(),)])
def a_network_becomes_double():
    net, _ = network()
    return (lambda x: net(x)), {"net": net}


def hook(number, things):
    if number == 1:
        things["net"][0].register_forward_hook(lambda module, args, y: y * 2)


@equal(between=hook)
def a_hook_is_added():
    return learn(*network())


@equal
def a_hook_counts():
    net, optimizer = network()
    count = [0]

    def hook(module, args, y):
        count[0] += 1
        return y * count[0]

    net[0].register_forward_hook(hook)
    step, things = learn(net, optimizer)
    return step, {**things, "count": count}


def watch(number, things):
    if number == 1:
        things["net"][0].weight.register_hook(lambda g: g * 2)


@equal(between=watch)
def a_hook_on_a_parameter_is_added():
    return learn(*network())


def layers_in_a_list(number, things):
    things["list"].append(nn.Linear(3, 3)) if number == 1 else None


@equal(between=layers_in_a_list)
def a_list_of_layers_grows():
    listed = [nn.Linear(3, 3)]

    def step(x):
        for layer in listed:
            x = layer(x)
        return x

    return step, {"list": listed}


@equal
def tied_weights():
    net = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Tanh(), nn.Linear(3, 3, bias=False))
    net[2].weight = net[0].weight
    return learn(net, gg.optim.SGD(net.parameters(), lr=0.1, momentum=0.9))


@refused("share memory")
def two_parameters_on_one_array():
    net = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Tanh(), nn.Linear(3, 3, bias=False))
    net[2].weight = nn.Parameter(net[0].weight.detach())
    return learn(net, gg.optim.SGD(net.parameters(), lr=0.1))[0]


# ---- optimizers


def set_group(**changes):
    def change(number, things):
        if number == 1:
            things["optimizer"].param_groups[0].update(changes)

    return change


@equal(between=set_group(lr=0.01))
def lr_changes():
    return learn(*network())


@equal(between=set_group(momentum=0.9))
def momentum_from_zero_to_some():
    return learn(*network())


@equal(between=set_group(weight_decay=0.1, nesterov=False))
def weight_decay_changes():
    return learn(*network())


@equal(between=set_group(betas=(0.5, 0.6), lr=0.2, eps=1e-3))
def betas_change():
    net, _ = network()
    return learn(net, gg.optim.Adam(net.parameters(), lr=0.1))


@equal(between=lambda number, things: things["optimizer"].param_groups[0].update(lr=1 + number))
def lr_as_an_integer():
    return learn(*network())


def add_group(number, things):
    if number == 1:
        things["optimizer"].add_param_group({"params": things["net"][2].parameters(), "lr": 0.5})


@equal(between=add_group)
def a_group_is_added():
    net, _ = network()
    return learn(net, gg.optim.SGD(net[0].parameters(), lr=0.1, momentum=0.9))


def load(number, things):
    if number == 0:
        things["_saved"] = None
    if number == 1:
        things["_saved"] = things["optimizer"].state_dict()
        things["optimizer"].load_state_dict(things["_saved"])


@equal(between=load)
def a_state_is_loaded():
    net, _ = network()
    return learn(net, gg.optim.Adam(net.parameters(), lr=0.1))


def forget(number, things):
    if number == 2:
        things["optimizer"].state.clear()


@equal(between=forget)
def the_state_is_cleared():
    net, _ = network()
    return learn(net, gg.optim.Adam(net.parameters(), lr=0.1))


@refused("call scheduler.step(), outside")
def a_scheduler_inside():
    net, optimizer = network()
    scheduler = gg.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    inner, _ = learn(net, optimizer)

    def step(x):
        loss = inner(x)
        scheduler.step()
        return loss

    return step


@refused("optimizer.step()")
def lr_is_set_inside():
    net, optimizer = network()
    inner, _ = learn(net, optimizer)

    def step(x):
        loss = inner(x)
        optimizer.param_groups[0]["lr"] *= 0.5
        return loss

    return step


# ---- random numbers


@equal
def dropout_draws_eagers_sequence():
    net, optimizer = network(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 2))
    return learn(net, optimizer)


@equal(between=lambda number, things: gg.manual_seed(7))
def manual_seed_between_calls():
    net, optimizer = network(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 2))
    return learn(net, optimizer)


@equal
def draws_of_all_kinds():
    def step(x):
        whole = gg.randint(0, 9, (4,)), gg.randperm(5)
        return gg.randn(3), gg.rand_like(x), whole, x.bernoulli(0.5)

    return step, []


@equal
def a_generator_of_ones_own():
    own = gg.Generator().manual_seed(3)
    return (lambda x: x + gg.rand(3, generator=own)), own.state


@equal
def a_generator_as_an_argument():
    own = gg.Generator().manual_seed(3)

    def step(x, generator=own):
        return x + gg.rand(3, generator=generator)

    return step, own.state


# ---- gradients


def forget_gradients(number, things):
    if number != 1:
        things["optimizer"].zero_grad()


@equal(between=forget_gradients)
def gradients_add_up_over_calls():
    net, optimizer = network()
    weights = list(net.parameters())

    def step(x):
        loss = net(x).square().mean()
        loss.backward()
        return loss

    return step, {"net": net, "optimizer": optimizer, "grads": Grads(weights)}


class Grads:
    """The `grad` of tensors, when it is looked at."""

    def __init__(self, weights):
        self.weights = weights

    def __deepcopy__(self, memo):
        return self

    def arrays(self):
        return [None if w.grad is None else w.grad.numpy().copy() for w in self.weights]


@equal(between=lambda n, things: things["optimizer"].zero_grad(set_to_none=False) if n else None)
def gradients_are_zeroed_and_not_forgotten():
    net, optimizer = network()

    def step(x):
        loss = net(x).square().mean()
        loss.backward()
        return loss

    return step, {"net": net, "optimizer": optimizer, "grads": Grads(list(net.parameters()))}


@equal
def zero_grad_at_the_end():
    net, optimizer = network()

    def step(x):
        loss = net(x).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    return step, {"net": net, "optimizer": optimizer, "grads": Grads(list(net.parameters()))}


@equal
def gradients_are_returned():
    net, optimizer = network()

    def step(x):
        optimizer.zero_grad()
        net(x).square().mean().backward()
        return [w.grad for w in net.parameters()], net[0].weight.grad.norm()

    return step, [net]


@equal
def gradients_are_clipped():
    net, optimizer = network()

    def step(x):
        optimizer.zero_grad()
        net(x).square().mean().backward()
        norm = nn.utils.clip_grad_norm_(net.parameters(), 0.1)
        nn.utils.clip_grad_value_(net.parameters(), 0.05)
        optimizer.step()
        return norm

    return step, [net]


@equal
def two_updates_in_one_step():
    net, optimizer = network()
    inner, things = learn(net, optimizer)
    return (lambda x: inner(x) + inner(x * 2)), things


@equal
def backward_twice_with_retained_graph():
    net, optimizer = network()

    def step(x):
        optimizer.zero_grad()
        loss = net(x).square().mean()
        loss.backward(retain_graph=True)
        loss.backward()
        optimizer.step()
        return loss

    return step, [net]


@equal
def weights_written_by_hand():
    w = gg.ones(3, 2, requires_grad=True)

    def step(x):
        nonlocal w
        w.grad = None
        (x @ w).square().mean().backward()
        with gg.no_grad():
            w -= 0.1 * w.grad
            w[0] = w[1] * 2
            w[1:, 0] += 1
        return (x @ w).sum()

    return step, w


@equal
def data_is_written():
    w = gg.ones(3, 2, requires_grad=True)

    def step(x):
        w.data -= 0.1
        w.data[0] = 5
        w.detach().mul_(2)
        w.data = w.data * 2
        return x @ w

    return step, w


@equal
def views_share_what_is_written():
    w = gg.ones(3, 2)

    def step(x):
        row = w[1]
        turned = w.T
        row += x[0, :2]
        turned[0] *= 2
        view = w.reshape(-1)[2:4]
        view.fill_(0.5)
        return row, turned, x @ w

    return step, w


@equal
def computed_without_gradient_is_written():
    def step(x):
        y = x * 2
        z = y
        y += 1
        row = y[0]
        row *= 10
        z[1] = 0
        return y, z, row, x

    return step, []


@equal
def an_argument_is_written():
    def step(x):
        before = x * 1
        x += 1
        x[0] = 7
        return before, x.sum(), x

    return step, []


@refused("y = w.exp()")
def computed_outside_with_a_gradient():
    w = gg.ones(3, requires_grad=True)
    y = w.exp()

    def step(x):
        return (x * y).sum()  # y = w.exp()

    return step


@refused("x * row")
def a_view_taken_outside():
    w = gg.ones(2, 3)
    row = w[0]

    def step(x):
        return x * row

    return step


@equal
def a_parameter_as_an_argument():
    w = gg.ones(3, 2, requires_grad=True)

    def inner(w, x):
        w.grad = None
        (x @ w).square().sum().backward()
        with gg.no_grad():
            w -= 0.1 * w.grad
        return w.grad

    return Over(inner, w), w


class Over:
    """A step that is given one more argument, which both engines share."""

    def __init__(self, inner, *first):
        self.inner, self.first = inner, first
        self.__name__ = "over"

    def __call__(self, *rest):
        return self.inner(*self.first, *rest)

    def compiled(self, kind):
        return Over(kind(self.inner), *self.first)


@equal
def an_argument_gets_a_gradient():
    def step(x):
        x = x.detach().requires_grad_()
        y = (x * x).sum()
        y.backward()
        return x.grad

    return step, []


@refused("x.requires_grad_()")
def requires_grad_of_an_argument():
    def step(x):
        x.requires_grad_()
        return x.exp()

    return step


@equal
def a_penalty_on_the_gradient():
    net, optimizer = network()

    def step(x):
        optimizer.zero_grad()
        start = (x * 0.5).requires_grad_()
        slope = gg.autograd.grad(net(start).sum(), start, create_graph=True)[0]
        loss = ((slope.norm(dim=1) - 1) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss, slope

    return step, [net]


@equal
def requires_grad_within_the_step():
    net, optimizer = network()

    def step(x):
        optimizer.zero_grad()
        for p in net[0].parameters():
            p.requires_grad_(False)
        loss = net(x).square().mean()
        loss.backward()
        for p in net[0].parameters():
            p.requires_grad_(True)
        net(x).mean().backward()
        optimizer.step()
        return loss

    return step, [net]


@equal
def no_grad_and_enable_grad():
    w = gg.ones(3, requires_grad=True)

    def step(x):
        with gg.no_grad():
            y = x * w
            with gg.enable_grad():
                z = (x * w).sum()
        return y, gg.autograd.grad(z, w)[0]

    return step, w


@equal
def retained_gradients():
    w = gg.ones(3, requires_grad=True)

    def step(x):
        w.grad = None
        h = x * w
        h.retain_grad()
        h.register_hook(lambda g: g * 3)
        (h * h).sum().backward()
        return h.grad, w.grad

    return step, w


class Clipped(gg.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(-1, 1)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * x.cos()


class Cube(gg.Operation):
    def forward(self, x):
        return x**3

    def gradient(self, g, y, x):
        return (3 * x * x * g,)


@equal
def functions_and_operations_of_ones_own():
    w = gg.ones(3, requires_grad=True)

    def step(x):
        w.grad = None
        (Clipped.apply(x * w) + Cube()(x * w)).sum().backward()
        return w.grad

    return step, w


@equal
def derivatives_as_functions():
    def f(v):
        return (v * v * v).sum()

    def step(x):
        row = x[0]
        jvp = gg.func.jvp(f, (row,), (gg.ones(3),))
        return gg.func.grad(f)(row), gg.func.hessian(f)(row), jvp

    return step, []


@equal
def initial_nodes():
    w = gg.InitialNode(np.ones((3, 2), np.float32), name="w")

    def step(x):
        w.grad = None
        a = x @ w
        h = a.tanh()
        h.backward()
        return h, a.grad, w.grad

    return step, [w]


# ---- arguments and results

Pair = collections.namedtuple("Pair", "first second")


@equal(calls=[({"x": data(n), "more": [data(n + 1), (data(n + 2),)]},) for n in range(3)])
def nested_arguments():
    def step(batch):
        first, (second,) = batch["more"]
        return {"sum": batch["x"] + first, "pair": Pair(second, [first]), "none": None, "n": 3}

    return step, []


@equal
def keyword_arguments():
    def inner(x, *, scale=1.0, other=None):
        return x * scale + (0 if other is None else other)

    def step(x):
        return inner(x, scale=2.0, other=x)

    return step, []


@equal
def results_of_all_kinds():
    def step(x):
        return x, None, 3, "text", [x + 1, {"deep": (x,)}], Pair(x, x * 2), ()

    return step, []


@equal
def nothing_is_returned():
    seen = gg.zeros(3)

    def step(x):
        seen.add_(x.sum(0))

    return step, seen


@equal
def the_parameter_itself_is_returned():
    w = gg.ones(3)

    def step(x):
        w.add_(1)
        return w

    return step, w


@equal(calls=[(data(0, 4),), (data(1, 2),), (data(2, 4),), (data(3, 0),), (data(4, 1),)])
def batches_of_other_sizes():
    net, _ = network()
    return (lambda x: net(x).sum(0)), net


@equal(calls=[(data(0),), (data(1).double(),), (gg.ones(2, 3, dtype=gg.int64),)])
def other_dtypes():
    return (lambda x: x * 2 + 1), []


@equal(calls=[(data(0, 3).T,), (data(1, 8)[::2],), (gg.tensor(2.0),), (gg.zeros(0),)])
def odd_layouts_and_shapes():
    return (lambda x: (x * 2, x.sum())), []


@equal
def the_same_argument_twice():
    def inner(x, y):
        x += 1
        return x + y

    return (lambda x: inner(x, x)), []


@equal
def partial_functions():
    def inner(scale, x):
        return x * scale

    return functools.partial(inner, 3.0), []


class Trainer:
    def __init__(self):
        self.net, self.optimizer = network()
        self.scale = 1.0

    def step(self, x):
        self.optimizer.zero_grad()
        loss = self.net(x).square().mean() * self.scale
        loss.backward()
        self.optimizer.step()
        return loss


def rescale(number, things):
    things["_trainer"].scale = 1.0 + number


@equal(between=rescale)
def a_method_as_a_step():
    trainer = Trainer()
    return trainer.step, {"net": trainer.net, "_trainer": trainer}


@equal
def an_object_as_a_step():
    class Step:
        def __init__(self):
            self.total = gg.zeros(3)

        def __call__(self, x):
            self.total += x.sum(0)
            return self.total * 1

    step = Step()
    return step, step.total


@equal
def code_from_a_string():
    space = {"gg": gg}
    exec("def step(x):\n    return gg.relu(x) + 1", space)
    return space["step"], []


@equal(between=lambda number, things: gg.set_grad_enabled(number != 1))
def no_grad_around_the_call():
    w = gg.ones(3, requires_grad=True)

    def step(x):
        y = (x * w).sum()
        return y, 1.0 if y.requires_grad else 0.0

    return step, []


def set_default(number, things):
    gg.set_default_dtype(gg.float64 if number == 1 else gg.float32)


@equal(between=set_default)
def the_default_dtype_changes():
    return (lambda x: gg.zeros(3) + gg.ones(3)), []


@equal
def a_wrong_exception_passes():
    def step(x):
        try:
            raise KeyError("x")
        except KeyError:
            return x + 1

    return step, []


# ---- the tests


@pytest.fixture(autouse=True)
def as_before():
    yield
    gg.set_grad_enabled(True)
    gg.set_default_dtype(gg.float32)
    CONFIG.scale, CONFIG.rates[0] = 2.0, 0.5
    globals().update(SCALE=2.0, COUNT=0, LAST=None)


def compiled(step):
    return step.compiled(Plain) if isinstance(step, Over) else Plain(step)


@pytest.mark.parametrize("name", EQUAL)
def test_equal(name):
    make, calls, between = EQUAL[name]
    both(make, calls or three(), between, compiled=compiled)
    gg.set_grad_enabled(True)


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    make, says = REFUSED[name]
    step = Plain(make())
    with pytest.raises(TraceError) as caught:
        call_each(step, three())
    assert says in str(caught.value), str(caught.value)
    assert "\n    " in str(caught.value)


def call_each(step, calls):
    for arguments in calls:
        step(*arguments)


def test_the_list_is_long():
    assert len(EQUAL) + len(REFUSED) > 100
