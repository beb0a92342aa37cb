"""What a module has and how it changes: as in PyTorch, name by name."""

import copy
import inspect
import pickle
import timeit

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from networks import close, small, with_equal_weights


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def net():
    return small(nn)(gg.tensor)


class Pickled(nn.Module):
    """A user's module that can be found again by its name."""

    def __init__(self):
        self.layer = nn.Linear(2, 3)
        self.tied = nn.Linear(2, 3)
        self.tied.weight = self.layer.weight
        self.register_buffer("count", gg.tensor([1]))


LISTINGS = {
    "named_parameters": lambda m: [(n, tuple(p.shape)) for n, p in m.named_parameters()],
    "named_parameters of its own": lambda m: [n for n, _ in m.named_parameters(recurse=False)],
    "named_parameters twice": lambda m: [n for n, _ in m.named_parameters(remove_duplicate=False)],
    "named_parameters under a prefix": lambda m: [n for n, _ in m.named_parameters("net")],
    "named_buffers": lambda m: [n for n, _ in m.named_buffers()],
    "named_modules": lambda m: [(n, type(x).__name__) for n, x in m.named_modules()],
    "named_modules twice": lambda m: [n for n, _ in m.named_modules(remove_duplicate=False)],
    "named_children": lambda m: [n for n, _ in m.named_children()],
    "parameters": lambda m: len(list(m.parameters())),
    "buffers": lambda m: len(list(m.buffers())),
    "modules": lambda m: len(list(m.modules())),
    "children": lambda m: len(list(m.children())),
    "state_dict": lambda m: list(m.state_dict()),
    "state_dict under a prefix": lambda m: list(m.state_dict(prefix="net.")),
    "_parameters": lambda m: list(m._parameters),
    "_buffers": lambda m: list(m._buffers),
    "_modules": lambda m: list(m._modules),
    "repr": repr,
}


@pytest.mark.parametrize("listing", LISTINGS.values(), ids=LISTINGS)
def test_listings_against_pytorch(listing, net, torch):
    assert listing(net) == listing(small(torch.nn)(torch.tensor))


def test_values_and_gradients_against_pytorch(net, torch):
    net, other = with_equal_weights(net, small(torch.nn)(torch.tensor))
    x = np.random.default_rng(0).normal(size=(4, 3))
    ours, theirs = net(gg.tensor(x)), other(torch.tensor(x))
    assert close(ours, theirs)
    ours.square().sum().backward()
    theirs.square().sum().backward()
    for (name, p), (their_name, q) in zip(net.named_parameters(), other.named_parameters()):
        assert name == their_name
        assert close(p.grad, q.grad)


def test_super_init_may_be_left_out():
    class Net(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(2, 2)

    class Child(Net):
        pass

    assert [n for n, _ in Child().named_parameters()] == ["layer.weight", "layer.bias"]


def test_signatures():
    assert list(inspect.signature(nn.Linear).parameters)[:3] == [
        *("in_features", "out_features", "bias")
    ]
    assert str(inspect.signature(nn.Module)) == "()"
    assert list(inspect.signature(nn.Linear(1, 1)).parameters) == ["input"]


# ---- attributes


def test_a_shared_parameter_comes_once(net):
    tied = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
    tied[1].weight = tied[0].weight
    assert [n for n, _ in tied.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    assert list(tied.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_roles_follow_assignments():
    m = nn.Module()
    m.x = 3
    m.x = nn.Parameter(gg.ones(2))
    assert list(m._parameters) == ["x"]
    m.x = None
    assert (m.x, list(m._parameters), list(m.parameters())) == (None, ["x"], [])
    del m.x
    m.x = nn.Buffer(gg.ones(2), persistent=False)
    assert (list(m._buffers), list(m.state_dict())) == (["x"], [])
    m.x = gg.zeros(3)
    assert (list(m._buffers), m.x.tolist()) == (["x"], [0, 0, 0])
    m.x = nn.Buffer(gg.ones(2))
    assert list(m.state_dict()) == ["x"]
    m.x = nn.Identity()
    assert (list(m._buffers), list(m._modules)) == ([], ["x"])
    m.y = gg.ones(2)
    assert (list(m._buffers), m.y.tolist()) == ([], [1, 1])


class Unusual(nn.Module):
    """A user's module with names that might be taken, and a property over a parameter."""

    def __init__(self):
        self._hooks = self.config = self.check = self.name = []
        self.weight = nn.Parameter(gg.ones(2))
        self.scale = 3

    @property
    def weight(self):
        return self._parameters["weight"] * self.scale

    @property
    def scale(self):
        return self._scale

    @scale.setter
    def scale(self, value):
        self._scale = value

    def _convert(self):
        return "a user's own method"

    def forward(self, x):
        return x * self.weight


def test_names_and_properties_of_users():
    m = Unusual()
    assert m(gg.ones(2)).tolist() == [3, 3]
    assert [n for n, _ in m.double().named_parameters()] == ["weight"]
    assert m.state_dict()["weight"].dtype == gg.float64
    assert nn.check(m, 2) == (2,)


def test_parameters_take_the_name_of_their_attribute():
    layer = nn.Linear(2, 3)
    assert (layer.weight.name, layer.bias.name) == ("weight", "bias")


def having(**attributes):
    def make(library):
        m = library.nn.Module()
        for name, value in attributes.items():
            setattr(m, name, value(library))
        return m

    return make


linear = having(x=lambda library: library.nn.Linear(1, 1))
parameter = having(x=lambda library: library.nn.Parameter(library.ones(1)))


def buffered(library):
    m = library.nn.Module()
    m.register_buffer("x", library.ones(1))
    return m


REFUSED = {
    "tensor over parameter": (
        parameter,
        lambda m, library: setattr(m, "x", library.ones(1)),
        (TypeError, "as parameter 'x'"),
    ),
    "number over parameter": (
        parameter,
        lambda m, library: setattr(m, "x", 1),
        (TypeError, "cannot assign 'int' as parameter 'x'"),
    ),
    "module over parameter": (
        parameter,
        lambda m, library: setattr(m, "x", library.nn.Identity()),
        (TypeError, "as parameter 'x'"),
    ),
    "tensor over module": (
        linear,
        lambda m, library: setattr(m, "x", library.ones(1)),
        (TypeError, "as child module 'x'"),
    ),
    "number over buffer": (
        buffered,
        lambda m, library: setattr(m, "x", 1.0),
        (TypeError, "as buffer 'x'"),
    ),
    "parameter of a tensor": (
        having(),
        lambda m, library: m.register_parameter("x", library.ones(1)),
        (TypeError, "to parameter 'x'"),
    ),
    "buffer of a list": (
        having(),
        lambda m, library: m.register_buffer("x", [1]),
        (TypeError, "to buffer 'x'"),
    ),
    "child that is none": (
        having(),
        lambda m, library: m.add_module("x", 3),
        (TypeError, "is not a Module subclass"),
    ),
    "dot in a parameter": (
        having(),
        lambda m, library: m.register_parameter("a.b", None),
        (KeyError, 'parameter name can\'t contain "."'),
    ),
    "dot in a buffer": (
        having(),
        lambda m, library: m.register_buffer("a.b", None),
        (KeyError, 'buffer name can\'t contain "."'),
    ),
    "dot in a module": (
        having(),
        lambda m, library: m.add_module("a.b", None),
        (KeyError, 'module name can\'t contain "."'),
    ),
    "empty name": (
        having(),
        lambda m, library: m.register_parameter("", None),
        (KeyError, "parameter name can't be empty"),
    ),
    "name taken by a method": (
        having(),
        lambda m, library: m.register_buffer("forward", None),
        (KeyError, "attribute 'forward' already exists"),
    ),
    "name taken by a parameter": (
        parameter,
        lambda m, library: m.register_buffer("x", None),
        (KeyError, "attribute 'x' already exists"),
    ),
    "no forward": (
        having(),
        lambda m, library: m(1),
        (NotImplementedError, 'missing the required "forward" function'),
    ),
    "no such attribute": (
        having(),
        lambda m, library: m.y,
        (AttributeError, "'Module' object has no attribute 'y'"),
    ),
    "no such child": (
        linear,
        lambda m, library: m.get_submodule("x.y"),
        (AttributeError, "Linear has no attribute `y`"),
    ),
    "child that is a parameter": (
        linear,
        lambda m, library: m.get_submodule("x.weight"),
        (AttributeError, "`weight` is not an nn.Module"),
    ),
    "parameter that is a module": (
        linear,
        lambda m, library: m.get_parameter("x"),
        (AttributeError, "`x` is not an nn.Parameter"),
    ),
    "buffer that is a parameter": (
        parameter,
        lambda m, library: m.get_buffer("x"),
        (AttributeError, "`x` is not a buffer"),
    ),
    "training mode": (
        having(),
        lambda m, library: m.train(1),
        (ValueError, "training mode is expected to be boolean"),
    ),
    "integer weights": (
        linear,
        lambda m, library: m.to(library.int64),
        (TypeError, "only accepts floating point"),
    ),
}


@pytest.mark.parametrize("make, call, refusal", REFUSED.values(), ids=REFUSED)
def test_what_pytorch_refuses_is_refused(make, call, refusal):
    error, text = refusal
    with pytest.raises(error) as ours:
        call(make(gg), gg)
    assert text in str(ours.value.args[0])
    torch = pytest.importorskip("torch")
    with pytest.raises(error) as theirs:
        call(make(torch), torch)
    assert text in str(theirs.value.args[0])


def test_a_tensor_over_a_parameter_is_named_by_its_type():
    with pytest.raises(TypeError, match=r"cannot assign 'Tensor f32\[2\]' as parameter 'bias'"):
        gg.nn.Linear(2, 2).bias = gg.ones(2)


def test_getting_by_path(net):
    assert net.get_submodule("") is net
    assert net.get_submodule("blocks.1.first") is net.blocks[1].first
    assert net.get_parameter("head.1.weight") is net.head[1].weight
    assert net.get_buffer("shift") is net.shift


def test_setting_by_path(net):
    head = nn.Linear(3, 7)
    net.set_submodule("head.1", head)
    assert net.head[1] is head
    with pytest.raises(AttributeError, match="Net has no attribute `tail`"):
        net.set_submodule("tail", head, strict=True)
    with pytest.raises(ValueError, match="target name"):
        net.set_submodule("", head)
    with pytest.raises(ValueError, match="not an nn.Module"):
        net.set_submodule("head.1", 3)


# ---- changes to all at once


def test_apply_goes_from_the_leaves_to_the_root(torch):
    def order(nn):
        seen = []
        model = nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.Identity(), nn.Linear(1, 1)))
        assert model.apply(lambda m: seen.append(type(m).__name__)) is model
        return seen

    assert order(nn) == order(torch.nn)


def test_train_and_eval(net):
    assert net.eval() is net
    assert [m.training for m in net.modules()] == [False] * len(list(net.modules()))
    net.blocks.train()
    assert (net.training, net.blocks[1].first.training) == (False, True)


def test_freezing_and_zeroing(net):
    net.blocks.requires_grad_(False)
    net(gg.ones(1, 3)).sum().backward()
    given = [n for n, p in net.named_parameters() if p.grad is not None]
    assert given == ["scale", "head.1.weight", "head.1.bias"]
    net.zero_grad(set_to_none=False)
    assert net.scale.grad.tolist() == [0]
    net.zero_grad()
    assert net.scale.grad is None


def test_conversion_keeps_the_tensors_and_the_ties():
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(2, 3))
    model[1].weight = model[0].weight
    model.register_buffer("count", gg.tensor([1]))
    model.register_buffer("real", gg.tensor([0.1]))
    weight = model[0].weight
    weight.grad = gg.ones(3, 2)
    assert model.double() is model
    assert model[0].weight is weight is model[1].weight
    assert [x.dtype.name for x in (weight, weight.grad, model.count, model.real)] == [
        *("float64", "float64", "int64", "float64")
    ]
    assert weight.requires_grad
    assert model.half().real.dtype == gg.float16
    assert model.to(gg.float32).real.dtype == gg.float32
    assert model.to("cpu", gg.float64).cpu().real.dtype == gg.float64
    assert model.to(gg.ones(1)).float().real.dtype == gg.float32


@pytest.mark.parametrize("call", [lambda m: m.to("cuda"), lambda m: m.cuda(), lambda m: m.cuda(1)])
def test_other_devices_are_a_clear_error(call):
    with pytest.raises(RuntimeError, match="CPU"):
        call(nn.Linear(1, 1))
    with pytest.raises(RuntimeError, match="CPU"):
        nn.Linear(1, 1, device="cuda")


# ---- copies


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_equal_and_apart(copied):
    m = Pickled().eval()
    other = copied(m)
    assert repr(other) == repr(m)
    assert not other.layer.training
    for (name, x), (its_name, y) in zip(m.state_dict().items(), other.state_dict().items()):
        assert name == its_name
        assert x.tolist() == y.tolist()
        assert not np.shares_memory(x.value, y.value)
    assert other.tied.weight is other.layer.weight
    assert isinstance(other.layer.weight, nn.Parameter)
    other.layer.weight.data.fill_(7)
    assert other.tied.weight[0, 0].item() == 7
    assert nn.describe(other.layer) == nn.describe(m.layer)


def test_parameters_share_memory_and_look_like_pytorchs(torch):
    data = gg.ones(2)
    p = nn.Parameter(data)
    data[0] = 5
    assert p.tolist() == [5, 1]
    assert repr(p) == repr(torch.nn.Parameter(torch.tensor([5.0, 1.0])))
    assert not nn.Parameter(gg.tensor([1]), requires_grad=False).requires_grad
    with pytest.raises(RuntimeError, match="only real numbers have gradients"):
        nn.Parameter(gg.tensor([1]))
    with pytest.raises(RuntimeError, match="gradients"):
        torch.nn.Parameter(torch.tensor([1]))


def test_a_call_costs_less_than_a_microsecond():
    layer, x = nn.Identity(), gg.ones(1)
    times = timeit.repeat(lambda: layer(x), number=2000, repeat=20)
    assert min(times) / 2000 < 1e-6
