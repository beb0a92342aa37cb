"""A ShapeError says which layer, what it takes and got, where that comes from, and the cure."""

from pathlib import Path

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn

FILE = Path(__file__).name


def line_of(text):
    """`test_places.py:14    the line`, as the error shows the line that has `text`."""
    lines = Path(__file__).read_text().splitlines()
    number = next(n for n, line in enumerate(lines, 1) if text in line and "line_of" not in line)
    return f"{FILE}:{number}    {lines[number - 1].strip()}"


class Net(nn.Module):
    """The network of the house's style sheet."""

    def __init__(self):
        self.stack = nn.Sequential(nn.Linear(784, 100), nn.Step(), nn.Linear(128, 10))

    def forward(self, features):
        return self.stack(features)  # the user's own line


def message(call):
    with pytest.raises(gg.ShapeError) as error:
        call()
    return str(error.value)


def test_the_whole_message():
    net = Net()
    assert message(lambda: net(gg.ones(32, 784))).splitlines() == [
        "stack.2 (Linear) takes inputs of 128 features and got 100",
        "    input: f32[32, 100]  ->  weight: f32[10, 128]",
        "    stack.1 (Step) gave f32[32, 100]; it comes from stack.0 = Linear(784, 100)",
        "    " + line_of("return self.stack(features)"),
        "    Make stack.0 = Linear(784, 128), or stack.2 = Linear(100, 10).",
    ]


def test_a_layer_alone():
    layer = nn.Linear(3, 4, bias=False)
    assert message(lambda: layer(gg.ones(5))).splitlines() == [
        "Linear takes inputs of 3 features and got 5",
        "    input: f32[5]  ->  weight: f32[4, 3]",
        "    " + line_of("layer(gg.ones(5))"),
        "    Make Linear(5, 4, bias=False).",
    ]


def test_the_first_layer_of_a_network():
    net = Net()
    assert message(lambda: net(gg.ones(32, 700))).splitlines() == [
        "stack.0 (Linear) takes inputs of 784 features and got 700",
        "    input: f32[32, 700]  ->  weight: f32[100, 784]",
        "    " + line_of("return self.stack(features)"),
        "    Make stack.0 = Linear(700, 100).",
    ]


def test_names_of_an_ordered_dict_and_nested_containers():
    inner = nn.Sequential({"wide": nn.Linear(2, 3), "narrow": nn.Linear(4, 1)})
    model = nn.Sequential({"start": nn.Identity(), "body": nn.ModuleDict({"inner": inner})})
    model.forward = lambda x: model.body["inner"](model.start(x))
    text = message(lambda: model(gg.ones(2, 2)))
    assert text.startswith("body.inner.narrow (Linear) takes inputs of 4 features and got 3")
    assert "Make body.inner.wide = Linear(2, 4), or body.inner.narrow = Linear(3, 1)." in text


def test_layers_that_keep_the_number_of_features_are_looked_through():
    model = nn.Sequential(nn.Linear(2, 3), nn.AppendOne(), nn.Linear(3, 1))
    text = message(lambda: model(gg.ones(5, 2)))
    assert "1 (AppendOne) gave f32[5, 4]; it comes from 0 = Linear(2, 3)" in text
    assert text.endswith("Make 2 = Linear(4, 1).")  # Linear(2, 3) is not to blame alone


def test_a_users_own_module():
    class Mine(nn.Module):
        def __init__(self):
            self.weight = nn.Parameter(gg.ones(3, 2))

        def forward(self, x):
            return x @ self.weight  # in Mine

    model = nn.Sequential(nn.Identity(), Mine())
    first, *rest = message(lambda: model(gg.ones(4, 5))).splitlines()
    assert first.startswith("1 (Mine): ")
    assert "f32[4, 5]" in first
    assert "f32[3, 2]" in first
    assert rest == [
        "    0 (Identity) gave f32[4, 5]",
        "    " + line_of("return x @ self.weight  # in Mine"),
    ]


def test_layers_with_words_of_their_own():
    scale = nn.Sequential(nn.Standardize(3))
    text = message(lambda: scale(gg.ones(4, 5)))
    assert text.startswith("0 (Standardize) takes inputs of 3 features and got 5")
    assert "Make 0 = Standardize(5)." in text


OTHERS = {  # layer, input, the problem of its own, and what follows
    "channels": (
        lambda: nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 4, 3)),
        (2, 1, 9, 9),
        "2 (Conv2d) takes inputs of 16 channels and got 8",
        "Make 0 = Conv2d(1, 16, 3, padding=1), or 2 = Conv2d(8, 4, 3).",
    ),
    "channels without a batch": (
        lambda: nn.Conv1d(2, 4, 3),
        (3, 9),
        "Conv1d takes inputs of 2 channels and got 3",
        "Make Conv1d(3, 4, 3).",
    ),
    "batch norm": (
        lambda: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(5, momentum=0.2)),
        (2, 3),
        "1 (BatchNorm1d) takes inputs of 5 features and got 4",
        "Make 0 = Linear(3, 5), or 1 = BatchNorm1d(4, momentum=0.2).",
    ),
    "too few axes": (
        lambda: nn.BatchNorm2d(5),
        (2, 3),
        "BatchNorm2d: ",
        "input: f32[2, 3]  ->  weight: f32[5]",
    ),
    "flattened": (
        lambda: nn.Sequential(nn.Conv1d(1, 2, 3), nn.Flatten(), nn.Linear(10, 1)),
        (4, 1, 9),
        "2 (Linear) takes inputs of 10 features and got 14",
        "1 (Flatten) gave f32[4, 14]; it comes from 0 = Conv1d(1, 2, 3)",
    ),
    "not flattened": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(18, 1)),
        (4, 1, 5, 5),
        "1 (Linear) takes inputs of 18 features and got 3",
        "Flatten the input, by x.flatten(1) or a layer nn.Flatten(): it is then [4, 18].",
    ),
    "too many axes": (
        lambda: nn.BatchNorm1d(3),
        (2, 3, 4, 4),
        "BatchNorm1d: ",
        "input: f32[2, 3, 4, 4]  ->  weight: f32[3]",
    ),
    "too many axes of an image": (
        lambda: nn.Conv2d(3, 4, 3),
        (1, 2, 3, 9, 9),
        "Conv2d: conv2d takes x: [batch, channels, height, width]",
        "input: f32[1, 2, 3, 9, 9]  ->  weight: f32[4, 3, 3, 3]",
    ),
    "normalized shape": (
        lambda: nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(5)),
        (2, 3),
        "1 (LayerNorm): ",
        "0 = Linear(3, 4) gave f32[2, 4]",
    ),
}


@pytest.mark.parametrize("make, size, first, later", OTHERS.values(), ids=OTHERS)
def test_other_layers(make, size, first, later):
    text = message(lambda: make()(gg.ones(size)))
    assert text.startswith(first)
    assert later in [line.strip() for line in text.splitlines()]


def test_other_errors_keep_their_words_and_get_a_note():
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1).double())
    with pytest.raises(RuntimeError) as error:
        model(gg.ones(4, 3))  # of two dtypes
    assert str(error.value).startswith("linear needs one dtype and got x: f32[4, 2]")
    assert error.value.__notes__ == [
        "in 1 (Linear)\n    input: f32[4, 2]  ->  weight: f64[1, 2]\n    "
        + line_of("model(gg.ones(4, 3))  # of two dtypes")
    ]


def test_the_line_is_never_one_of_numpys():
    class Mine(nn.Module):
        def forward(self, x):
            return np.reshape(x.numpy(), (3, 5))  # fails inside of NumPy

    with pytest.raises(ValueError, match="reshape") as error:
        Mine()(gg.ones(2))
    assert error.value.__notes__[0].endswith(line_of("fails inside of NumPy"))


def test_notes_of_others_stay():
    class Failing(nn.Module):
        def forward(self, x):
            error = KeyError("no")
            error.add_note("a note of its own")
            raise error

    with pytest.raises(KeyError) as error:
        nn.Sequential(Failing())(gg.ones(1))
    own, ours = error.value.__notes__
    assert own == "a note of its own"
    assert ours == "in 0 (Failing)\n    " + line_of("raise error")


@pytest.mark.parametrize("given, name", [(np.ones((2, 3)), "ndarray"), ([1.0, 2.0], "list")])
def test_what_is_no_tensor(given, name):
    with pytest.raises(TypeError, match=f"Linear takes tensors and got a {name}; write gg.tensor"):
        nn.Sequential(nn.Linear(3, 1))(given)


def test_a_hooked_layer_says_the_same():
    net = Net()
    net.stack[2].register_forward_hook(lambda m, args, y: None)
    text = message(lambda: net(gg.ones(32, 784)))
    assert text.startswith("stack.2 (Linear) takes inputs of 128 features and got 100")
